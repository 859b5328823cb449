// From the input to the diagnosis: evidence, attribution, ranked hypotheses, recommendations. Pure C++ and
// deterministic: the same input gives the same text.
#pragma once

#include "pulse/diagnosis/input.hpp"

namespace pulse::diagnosis {

// The cause that a hypothesis names. Its name in JSON is that of Name(): "value_renamed", …
enum class Cause {
    kMeasurementFailed,
    kSchemaChange,
    kRuleTightened,
    kRuleLoosened,
    kSharedUpstream,
    kServerTrouble,  // segments of several tables of one server fell or failed; or of several servers one
                     // changed
    kSourceEmptied,
    kValueRenamed,
    kColumnNulled,
    kColumnFilled,
    kValueVanished,
    kOneValueLost,
    kValueInflux,
    kCombinationLost,  // people with certain values of two or three attributes together
    kCombinationInflux,
    kClauseShift,
    kValuesRescaled,
    kMixShift,
    kIdentityChanged,
    kEntriesStopped,
    kExitsSurged,
    kGradualErosion,
    kUniformLoss,
    kUniformGrowth,
    kConversionTrackingLost,
    kConversionRateFall,
    kConversionRateRise,
    kWentQuiet,
    kExpectationOutdated,
    kTableTrouble,  // of a segment: a table that it reads is late, empty or changed
    kLoadStopped,   // of a table, as all that follow
    kSourceLate,
    kReplicaLate,
    kRowsRemoved,
    kRowsAdded,
    kColumnsChanged,
    kBadRows,
    kCheckFails,
    kTableGone,
    kReleaseChanged,  // of events, as all that follow: one app version, platform, … carries the change
    kPropertyRenamed,
    kSourceSilent,
    kTrackingAdded,
    kUnexplained,
};

const char* Name(Cause cause);

// An observed fact. Hypotheses and texts cite it by its id.
struct Evidence {
    std::string id;    // "e1", "e2", …
    std::string kind;  // size, flow, attribute, clause, definition, schema, history, sibling, measurement, …
    std::string sentence;
    nlohmann::json figures = nlohmann::json::object();
};

// The subject of a hypothesis, as far as a recommendation needs it.
struct RecommendationSubject {
    std::string attribute;                  // column or attribute
    std::vector<std::string> values;        // lost, gained or old values
    std::vector<std::string> replacements;  // new values, one per old one or fewer
    std::vector<Condition> conditions;      // of a combination, instead of one attribute
    std::string clause;                     // text of the clause
    int version = 0;                        // version of the definition before the change
    int64_t people = 0;                     // number of people concerned
    int64_t incident = 0;                   // of the table that is the cause
    std::string server{};                   // the one of several that is the cause
};

struct Hypothesis {
    Cause cause = Cause::kUnexplained;
    double confidence = 0;  // 0..1
    std::string sentence;
    std::vector<std::string> evidence;  // ids
    RecommendationSubject subject;
};

// How much of the change one value of one attribute explains.
struct Contribution {
    std::string attribute, value;  // value "(null)" and "(other)" for nulls and the rest
    int64_t before = 0, after = 0;
    double share = 0;     // of the change; the values of one attribute sum to 1
    double surprise = 0;  // Jensen-Shannon part of the value: 0 when it changed like all others
};

struct Recommendation {
    std::string action, reason;
    std::string priority;  // low, medium, high
    std::string sql;       // complete statements, each ended by a semicolon
};

struct Diagnosis {
    int64_t incident = 0;
    std::string segment;
    std::string table;  // of an incident about a monitored table; then there is no segment
    std::string event;  // likewise, of one about events
    std::string title;  // e.g. High-Value Users, size change (high, open)
    std::vector<std::string> what_changed;  // sentences
    std::string since;                      // sentence
    std::string attribution_of;             // the change of which the contributions are shares
    std::vector<Evidence> evidence;
    std::vector<Contribution> attribution;        // the most significant attribute first
    std::vector<Hypothesis> hypotheses;           // the likeliest first; never empty
    std::vector<Recommendation> recommendations;  // the most urgent first; never empty
    std::vector<int64_t> related;                 // incidents with the same cause
    std::string shared_cause;  // what they have in common, as a name: "table app.users", "server crm"
    std::vector<std::string> not_asked;  // what there was no time to ask the source
};

// Diagnose an incident.
Diagnosis Diagnose(const DiagnosisInput& input);

// The diagnosis as one JSON object.
nlohmann::json ToJson(const Diagnosis& diagnosis);

// The diagnosis as lines of plain text of at most `width` columns (SQL and long names may be longer).
std::vector<std::string> ToText(const Diagnosis& diagnosis, size_t width = 100);

}  // namespace pulse::diagnosis
