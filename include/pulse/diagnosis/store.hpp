// Gathering a case and keeping its diagnosis. For entry code of this room.
#pragma once

#include "pulse/diagnosis/diagnosis.hpp"
#include "pulse/pg/convert.hpp"

namespace pulse::diagnosis {

// Diagnose one incident and keep the result with it; incidents of other segments with the same cause join its
// group. In a read-only transaction nothing is kept. Throws UserError 42704 when there is no such incident.
Diagnosis DiagnoseIncident(int64_t incident);

// The live incidents, oldest first.
std::vector<int64_t> LiveIncidents();

// The group an incident belongs to, or nothing.
std::optional<int64_t> GroupOf(int64_t incident);

}  // namespace pulse::diagnosis
