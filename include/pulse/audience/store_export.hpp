// Exports of people with chosen columns. For entry code of this room and of web.
#pragma once

#include "pulse/audience/export_options.hpp"
#include "pulse/trait/store_export.hpp"

namespace pulse::audience {

// Write the members of a segment, or everybody, at pg::Now() into a file of pulse.export, or queue it for the
// job. `json`: the options as they were given. Checks that the caller may see people (UserError 42501); call
// it outside of any Identity.
trait::Export ExportAudience(const std::optional<std::string>& segment, ExportFormat format,
                             const nlohmann::json& json);

// The next queued export after this id; empty if there is none. Needs an open pg::Session as
// pg::Identity::Owner().
std::optional<int64_t> NextQueuedExport(int64_t after);
// Write it; what fails is kept with the export. Returns whether it is ready. Needs an open pg::Session as
// pg::Identity::Owner().
bool WriteQueuedExport(int64_t id);

}  // namespace pulse::audience
