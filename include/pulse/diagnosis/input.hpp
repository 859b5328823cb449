// The input of a diagnosis, loaded once: the incident, its segment before and after, the history around it,
// the definition's versions, and incidents of other segments at the same time. Pure C++.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/segment/member_words.hpp"
#include "pulse/snapshot/distribution.hpp"

namespace pulse::diagnosis {

// One top-level clause of the rule with what the snapshot counted for it.
struct ClauseCount {
    std::string text;
    std::optional<int64_t> passed;       // rows that pass it alone
    std::optional<int64_t> missed_only;  // rows that fail this clause only
};

// The segment at one moment: one snapshot with its distributions.
struct SegmentSnapshot {
    int64_t id = 0;
    Moment taken_at = 0;
    int version = 1;
    bool failed = false;
    std::string error_state, error;
    int64_t size = 0;
    std::map<std::string, int64_t> sizes_by_server;  // of a segment that is measured on several servers
    std::optional<int64_t> converted, inactive, entered, exited;
    std::vector<ClauseCount> clauses;
    std::optional<int64_t> clause_rows;          // rows that the clause counts refer to
    std::map<std::string, std::string> columns;  // name → type of what was read
    std::vector<std::string> missing;  // what could not be measured: attribute region, converted, last_active
    std::vector<snapshot::Distribution> attributes;
};

// One snapshot of the history, without distributions.
struct HistoryPoint {
    Moment at = 0;
    int64_t size = 0;
    std::optional<int64_t> converted, inactive, entered, exited;
};

// One version of the definition. `clauses` are the top-level clauses of its rule, empty without a rule.
struct RuleVersion {
    int version = 1;
    std::string change, changed_by;
    Moment changed_at = 0;
    nlohmann::json definition;
    std::vector<std::string> clauses;
};

// An incident of another segment that began at the same time.
struct CorrelatedIncident {
    int64_t incident = 0;
    std::string segment, relation, detector, attribute, direction;
    SegmentSnapshot before, after;
    std::string server{};  // empty: this database
};

// How many segments were measured when the incident began, and how many of them fell or failed then.
struct ServerCounts {
    int64_t measured = 0, hit = 0;
};

// The segments of the incident's server and those elsewhere.
struct ServerIncidents {
    ServerCounts here, elsewhere;  // with the incident's own segment
    int64_t relations = 0;         // different tables that the segments hit here read
    std::vector<std::pair<int64_t, std::string>>
        others;  // incidents of the others hit here, and their segments
};

// An incident of a monitored table that the segment reads.
struct TableIncident {
    int64_t incident = 0;
    std::string relation, detector, attribute, direction, summary;
    Moment since = 0;
};

// People who fail only this clause of the rule now, by the value of its column; values of few people left
// out.
struct ClauseValues {
    std::string clause, column;
    std::vector<std::pair<std::string, int64_t>> people;  // most first; empty: not asked yet
};

// One of these values of an attribute.
struct Condition {
    std::string attribute;
    std::vector<std::string> values;
};

// Members by the conditions that they meet: counts[i] have met those whose bits are set in i, and no other.
struct JointCounts {
    std::vector<Condition> conditions;
    std::vector<int64_t> counts;
};

// The beginning of the source of a segment over people, whose attributes are its columns.
inline constexpr const char* kPeople = "(SELECT p.id";

struct DiagnosisInput {
    // the incident
    int64_t incident = 0;
    std::string detector, attribute, severity, status, direction, baseline_kind;
    std::optional<double> baseline, observed, change, threshold;
    Moment since = 0;
    // its segment
    std::string segment, segment_status = "active";
    int version = 1;
    int64_t cadence = kDay;
    segment::MemberWords words;          // what texts call its members
    std::optional<Moment> unused_since;  // when somebody last worked with it, if nobody needs it
    std::string relation;                // as written in SQL; empty for a query
    std::string server;                  // that is read; empty: this database
    std::string source;                  // FROM item with alias s; empty when unknown
    nlohmann::json definition = nlohmann::json::object();
    nlohmann::json expectations = nlohmann::json::object();  // the segment's baseline object
    std::string verbs;  // prefix of Pulse's functions in recommended SQL: empty, or a quoted schema and a dot
    // what was measured
    std::optional<SegmentSnapshot> before, after;
    std::optional<SegmentSnapshot> failed;                // a newer snapshot that failed
    std::map<std::string, std::string> columns_at_onset;  // name → type, in the first snapshot that shows it
    std::vector<HistoryPoint> history;                    // ascending, up to and including `after`
    // What the source said when it was asked (source_questions.hpp).
    std::vector<ClauseValues> clause_values;
    std::optional<JointCounts> joint;
    std::vector<std::string> not_asked;  // what there was no time to ask, as clauses of a sentence
    std::map<std::string, std::string>
        last_columns;  // of the last whole snapshot before one that failed or is partial
    std::map<std::string, std::string>
        columns_now;                      // name → type, when a measurement failed; empty: no table
    std::vector<std::string> lookalikes;  // other tables with the columns of the segment's, when that is gone
    std::vector<RuleVersion> versions;    // ascending: the one measured before, and those after it
    std::vector<CorrelatedIncident> correlated;  // by incident id
    std::vector<TableIncident> tables;           // of tables that the segment reads, the earliest first
    int64_t more_correlated = 0;                 // number of those not listed
    std::optional<ServerIncidents> on_server;    // of a segment that is read from a server
};

}  // namespace pulse::diagnosis
