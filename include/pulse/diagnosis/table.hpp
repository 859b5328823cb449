// The input of a diagnosis of a monitored table's incident, and the diagnosis. Pure C++ and deterministic.
#pragma once

#include "pulse/diagnosis/diagnosis.hpp"

namespace pulse::diagnosis {

// Another incident that was live at the same time.
struct ConcurrentIncident {
    int64_t incident = 0;
    std::string relation, detector, attribute, summary, segment;  // segment: of one over the table
    Moment since = 0;
    bool same_table = false, same_source = false;
    std::optional<Moment> newest_row, late_at;  // of a late table
    bool explained = false;                     // of a segment: what is wrong with the table explains it
};

// Whether an incident of a table explains one of a segment over it. What changes rows that are there
// (`attribute`: the columns of the check) must have begun after the segment's last normal snapshot, and in a
// column that decides about what changed in the segment.
bool ExplainsSegment(const std::string& table_detector, const std::string& columns, bool began_after_normal,
                     const nlohmann::json& definition, const std::string& detector,
                     const std::string& attribute);

struct TableDiagnosisInput {
    int64_t incident = 0;
    std::string relation, source;  // source empty: this database
    std::string detector, attribute, severity, status, direction, summary;
    std::optional<double> baseline, observed;
    Moment since = 0, opened_at = 0, last_seen_at = 0;
    std::optional<Moment> newest_row, late_at;  // of a late table
    bool failing = false;                       // the check itself raises an error
    bool gone = false;                          // the table no longer exists in this database
    std::string column;                         // of the check, where it has one
    std::string verbs;                          // prefix of Pulse's functions in recommended SQL
    std::optional<Moment> last_good;            // newest good result before the incident
    std::optional<double> last_good_value;
    std::vector<std::string> lookalikes;  // of a table that is gone: others of its schema with its columns
    int64_t tables_of_source = 1;         // monitored tables of the same source
    std::vector<ConcurrentIncident> concurrent;  // the earliest first
};

// "table app.users", or "table app.users of server crm".
std::string TableName(const std::string& relation, const std::string& server);

Diagnosis DiagnoseTable(const TableDiagnosisInput& input);

}  // namespace pulse::diagnosis
