// Writing the file of an export. For entry code of this room and of audience.
#pragma once

#include "pulse/segment/segment.hpp"

namespace pulse::trait {

// A segment whose members can be exported. Throws UserError if it is none.
segment::Segment LoadForExport(const std::string& name);

// Its members as a query with the columns profile_id, since and as_of: $1 is the id of the segment, $2 the
// instant. Plan it with ForceIndexPlans.
std::string ExportedMembers(int64_t segment);

// Write its members at pg::Now() into a new file; returns the id of the export. Throws UserError 54000 if
// the settings do not allow another file. Needs an open Session as Identity::Owner().
int64_t WriteExportFile(const segment::Segment& segment, const std::string& creator);

}  // namespace pulse::trait
