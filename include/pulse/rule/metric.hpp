// An aggregate of one person's events: events.purchase{category == "cosmetics"}.sum(revenue, 90d). Pure C++.
#pragma once

#include <string>
#include <vector>

#include "pulse/rule/ast.hpp"
#include "pulse/rule/compile.hpp"

namespace pulse::rule {

// What a metric gives for somebody without such events: 0 for counts and sums, false for kExists and kSequence, null otherwise.
const char* Name(Aggregate aggregate);

// Canonical text; it identifies a metric wherever it is used: two rules that say the same share one.
std::string Print(const Metric& metric);
Metric ParseMetric(std::string_view text);

// A metric as SQL over events.
struct MetricSql {
    Type type = Type::kNumber;    // kNumber, kBoolean, kTimestamp, kJson (the value of a property), kArray (texts)
    std::string sql_type;         // numeric, boolean, timestamp with time zone, jsonb, text[]
    std::string value;            // the value, never null where `empty` is not
    std::string until;            // timestamptz: the first instant at which the value changes without a new event; null: never
    std::string empty;            // the value without events, typed: 0::numeric, NULL::jsonb, …
    std::vector<std::string> events;  // names it looks at; empty: any
    std::string oldest;           // timestamptz: older events make no difference; empty: all do
    // false: value and until are aggregates, with FILTER, over rows e of pulse.event (columns name, time, received_at, id, properties)
    // that hold at least the events of these names that are not older than `oldest`. true (kSequence): scalar subqueries that find the
    // events themselves, of the person whose canonical profile id `profile_sql` gives.
    bool correlated = false;
};
// `time_zone` is for calendar windows and days.
MetricSql CompileMetric(const Metric& metric, const std::string& now_sql, const std::string& time_zone,
                        const std::string& profile_sql);

}  // namespace pulse::rule
