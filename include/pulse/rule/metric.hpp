// An aggregate of one person's events: events.purchase{category == "cosmetics"}.sum(revenue, 90d). Pure C++.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pulse/rule/ast.hpp"
#include "pulse/rule/compile.hpp"

namespace pulse::rule {

// "count", "sum", …
const char* Name(Aggregate aggregate);
// Any case, also "average" and "median"; empty for "sequence", "static_segment" and "consent", which are
// written otherwise.
std::optional<Aggregate> FindAggregate(std::string_view name);
// Whether it is one of a property: sum(amount).
bool NeedsProperty(Aggregate aggregate);
// "last_seen_days_ago" for kLastSeen and kDaysSince; empty where there is no such name.
std::string TimeSinceName(Aggregate aggregate, Function since);

// Canonical text; it identifies a metric wherever it is used: two rules that say the same share one.
std::string Print(const Metric& metric);
Metric ParseMetric(std::string_view text);

// What its value is, and that type's name in PostgreSQL.
ValueType TypeOf(const Metric& metric);
const char* SqlTypeOf(const Metric& metric);

// An aggregate that a new event updates without reading the other events.
struct IncrementalSpec {
    Aggregate aggregate = Aggregate::kCount;  // kCount, kExists, kSum, kFirstSeen, kLastSeen
    int64_t window = 0;                       // seconds up to now; 0: all events
    std::string usable = {};  // boolean: the event counts, by its properties $1 (jsonb); empty: any does
    std::string number = {};  // numeric of $1: what kSum adds
};

// Which events are read: all of them; those in this database, which never waits for another server; or those
// and what was read from an archive before, pulse.event_recalled.
enum class EventRows { kAll, kLocal, kRecalled };
// "item AS v WHERE condition AND ", to be continued by a condition: rows v with the columns of pulse.event
// that metrics use.
const char* EventsFrom(EventRows rows);

// A metric as SQL over events. For somebody without such events counts and sums are 0, kExists and kSequence
// false, others null.
struct MetricSql {
    ValueType type =
        ValueType::kNumber;  // kNumber, kBoolean, kTimestamp, kJson (the value of a property), kArray (texts)
    std::string sql_type;    // numeric, boolean, timestamp with time zone, jsonb, text[]
    std::string value;       // the value, never null where `empty` is not
    std::string until =
        {};  // timestamptz: the first instant at which the value changes without a new event; null: never
    std::string empty = {};  // the value without events, typed: 0::numeric, NULL::jsonb, …
    // Names of the events it looks at; empty: any. kStatic, kConsent: the name under which changes are
    // announced.
    std::vector<std::string> events = {};
    std::string oldest = {};  // timestamptz: older events make no difference; empty: all do
    // false: value and until are aggregates, with FILTER, over rows e of pulse.event (columns name, time,
    // received_at, id, properties) that hold at least the events of these names that are not older than
    // `oldest`. true (kSequence): scalar subqueries that find the events themselves, of the person whose
    // canonical profile id `profile_sql` gives; so for kStatic and kConsent, which read no events.
    bool correlated = false;
    // kStatic, kConsent: a query for the ids of all people for whom it is true; empty otherwise. A query over
    // everybody joins it instead of asking for each person.
    std::string people = {};
    // Not for kSequence: which rows e count. A query that reads no others says it once, in its WHERE, and
    // takes `bare`: the value over just these rows, without asking each of them again.
    std::string counted = {}, bare = {};
    std::optional<IncrementalSpec> incremental = {};
};
// `time_zone` is for calendar windows and days; `rows` are those that a correlated metric reads.
MetricSql CompileMetric(const Metric& metric, const std::string& now_sql, const std::string& time_zone,
                        const std::string& profile_sql, EventRows rows = EventRows::kAll);

}  // namespace pulse::rule
