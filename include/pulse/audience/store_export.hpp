// Exports of people with chosen columns. For entry code of this room and of web.
#pragma once

#include "pulse/audience/export_options.hpp"
#include "pulse/trait/store_export.hpp"

namespace pulse::audience {

// Write the members of a segment, or everybody, at pg::Now() into a file of pulse.export. Checks that the caller
// may see people (UserError 42501); call it outside of any Identity.
trait::Export ExportAudience(const std::optional<std::string>& segment, ExportFormat format,
                             const ExportOptions& options);

}  // namespace pulse::audience
