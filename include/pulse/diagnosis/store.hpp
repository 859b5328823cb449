// Gathering a case and keeping its diagnosis. For entry code of this room.
#pragma once

#include "pulse/diagnosis/table.hpp"
#include "pulse/pg/convert.hpp"

namespace pulse::diagnosis {

// Diagnose one incident. With `keep` the result stays with it, and incidents of other segments with the same
// cause join its group: that is for those who may change incidents. Throws UserError 42704 when there is no
// such incident.
Diagnosis DiagnoseIncident(int64_t incident, bool keep);

// ---- store_table.cpp: inside this room; needs a session of the owner ----

// The case of a monitored table's incident; empty when it is about a segment, or unknown.
std::optional<TableInput> LoadTableInput(int64_t incident);
// The incidents of tables that a definition reads which were live at that moment; late and empty tables
// first.
std::vector<TableIncident> SourceTableIncidents(const nlohmann::json& definition,
                                                const std::string& search_path, Moment since);

// Everything about a segment's incident; needs a session of the owner. Throws UserError 42704 when there is
// no such incident.
SegmentInput LoadSegmentInput(int64_t incident);

// The live incidents, oldest first.
std::vector<int64_t> LiveIncidents();

// The group an incident belongs to, or nothing.
std::optional<int64_t> GroupOf(int64_t incident);

}  // namespace pulse::diagnosis
