#include "pulse/trait/store_metric_reader.hpp"

#include "pulse/pg/background.hpp"
#include "pulse/pg/jsonb.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/rule/compile.hpp"

namespace pulse::trait {

namespace {

std::string Columns(const std::vector<const rule::MetricSql*>& metrics) {
    std::string list;
    for (size_t i = 0; i < metrics.size(); ++i) {
        const std::string n = std::to_string(i);
        list += ", (" + metrics[i]->value + ") AS v" + n + ", (" + metrics[i]->until + ") AS u" + n;
    }
    return list;
}

// Events before the earliest window make no difference.
std::string OldestOf(const std::vector<const rule::MetricSql*>& metrics) {
    std::string list;
    for (const rule::MetricSql* metric : metrics) {
        if (metric->oldest.empty()) return "";
        list += (list.empty() ? "(" : ", (") + metric->oldest + ")";
    }
    return " AND v.time >= least(" + list + ")";
}

std::string NamesOf(const std::vector<std::string>& events) {
    if (events.empty()) return "";
    if (events.size() == 1) return " AND v.name = " + rule::QuoteText(events[0]);
    std::string list;
    for (const std::string& event : events) list += (list.empty() ? "" : ", ") + rule::QuoteText(event);
    return " AND v.name = ANY (ARRAY[" + list + "])";
}

std::string ReadingSql(const std::vector<const rule::MetricSql*>& metrics) {
    const std::string people = " FROM unnest($1::bigint[], $2::timestamptz[]) AS d (id, now)";
    if (metrics[0]->correlated) return "SELECT d.id" + Columns(metrics) + people;
    // Force the join order from the person to the events, also if the plan is made while the tables are
    // empty: the other order would read all events for each person.
    return "SELECT d.id, a.*" + people + " CROSS JOIN LATERAL (SELECT " + Columns(metrics).substr(2) +
           " FROM pulse.profile AS m CROSS JOIN LATERAL (SELECT v.* FROM pulse.event AS v"
           " WHERE v.profile_id = m.id" +
           NamesOf(metrics[0]->events) + OldestOf(metrics) +
           " OFFSET 0) AS e WHERE m.canonical_id = d.id) AS a";
}

}  // namespace

Oid TypeOf(const std::string& sql_type) {
    if (sql_type == "numeric") return NUMERICOID;
    if (sql_type == "boolean") return BOOLOID;
    if (sql_type == "timestamp with time zone" || sql_type == "timestamptz") return TIMESTAMPTZOID;
    if (sql_type == "jsonb") return JSONBOID;
    if (sql_type == "text[]") return TEXTARRAYOID;
    if (sql_type == "text") return TEXTOID;
    throw std::logic_error("a metric of type " + sql_type);
}

rule::MetricSql CompileMetricForReading(const rule::Metric& metric) {
    return rule::CompileMetric(metric, "d.now", pg::settings::TimeZone(), "d.id");
}

std::string MetricGroupKey(const rule::MetricSql& metric) {
    if (metric.correlated) return "";
    std::string key = "events";
    for (const std::string& event : metric.events) key += '\n' + event;
    return key;
}

MetricReader::MetricReader(const std::vector<const rule::MetricSql*>& metrics)
    : plan_(ReadingSql(metrics), {INT8ARRAYOID, TIMESTAMPTZARRAYOID}) {}

pg::Result MetricReader::Read(const std::vector<int64_t>& people, const std::vector<Moment>& instants,
                              bool read_only) {
    return plan_.Execute({pg::Value::Int8s(people), pg::TimeArray(instants)}, read_only);
}

ForceIndexPlans::ForceIndexPlans() {
    for (const char* off :
         {"enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "jit"})
        pg::SetLocally(off, "off");
    pg::SetLocally("plan_cache_mode", "force_generic_plan");
}

}  // namespace pulse::trait
