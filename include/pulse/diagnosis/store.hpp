// Gathering a case and keeping its diagnosis. For entry code of this room.
#pragma once

#include "pulse/diagnosis/diagnosis.hpp"
#include "pulse/pg/convert.hpp"

namespace pulse::diagnosis {

// Diagnose one incident. With `keep` the result stays with it, and incidents of other segments with the same cause join
// its group: that is for those who may change incidents. Throws UserError 42704 when there is no such incident.
Diagnosis DiagnoseIncident(int64_t incident, bool keep);

// The live incidents, oldest first.
std::vector<int64_t> LiveIncidents();

// The group an incident belongs to, or nothing.
std::optional<int64_t> GroupOf(int64_t incident);

}  // namespace pulse::diagnosis
