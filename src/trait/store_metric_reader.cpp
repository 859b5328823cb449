#include "pulse/trait/store_metric_reader.hpp"

#include "pulse/pg/background.hpp"
#include "pulse/pg/jsonb.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/rule/compile.hpp"
#include "pulse/trait/store_archive_wait.hpp"

namespace pulse::trait {

namespace {

using Compiled = std::vector<rule::MetricSql>;

std::string Columns(const Compiled& metrics) {
    std::string list;
    for (size_t i = 0; i < metrics.size(); ++i) {
        const std::string n = std::to_string(i);
        list += ", (" + metrics[i].value + ") AS v" + n + ", (" + metrics[i].until + ") AS u" + n;
    }
    return list;
}

// The condition that a time is not before the earliest window: older events make no difference.
std::string SinceOldest(const Compiled& metrics, const char* time) {
    std::string list;
    for (const rule::MetricSql& metric : metrics) {
        if (metric.oldest.empty()) return "";
        list += (list.empty() ? "(" : ", (") + metric.oldest + ")";
    }
    return " AND " + std::string(time) + " >= least(" + list + ")";
}

std::string NamesOf(const std::vector<std::string>& events) {
    if (events.empty()) return "";
    if (events.size() == 1) return " AND v.name = " + rule::QuoteText(events[0]);
    std::string list;
    for (const std::string& event : events) list += (list.empty() ? "" : ", ") + rule::QuoteText(event);
    return " AND v.name = ANY (ARRAY[" + list + "])";
}

constexpr const char* kPeople = " FROM unnest($1::bigint[], $2::timestamptz[]) AS d (id, now)";

std::string ReadingSql(const Compiled& metrics, rule::EventRows rows) {
    if (metrics[0].correlated) return "SELECT d.id" + Columns(metrics) + kPeople;
    // Force the join order from the person to the events, also if the plan is made while the tables are
    // empty: the other order would read all events for each person.
    return "SELECT d.id, a.*" + std::string(kPeople) + " CROSS JOIN LATERAL (SELECT " +
           Columns(metrics).substr(2) + " FROM pulse.profile AS m CROSS JOIN LATERAL (SELECT v.* FROM " +
           rule::EventsFrom(rows) + "v.profile_id = m.id" + NamesOf(metrics[0].events) +
           SinceOldest(metrics, "v.time") + " OFFSET 0) AS e WHERE m.canonical_id = d.id) AS a";
}

std::string ArchivedSql(const Compiled& metrics) {
    return "SELECT d.id" + std::string(kPeople) +
           " WHERE EXISTS (SELECT FROM pulse.profile AS m JOIN pulse.archived_profile AS a"
           " ON a.profile_id = m.id WHERE m.canonical_id = d.id" +
           SinceOldest(metrics, "a.last_at") + " OFFSET 0)";
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

rule::MetricSql CompileMetricForReading(const rule::Metric& metric, rule::EventRows rows) {
    return rule::CompileMetric(metric, "d.now", pg::settings::TimeZone(), "d.id", rows);
}

std::string MetricGroupKey(const rule::MetricSql& metric) {
    if (metric.correlated) return "";
    std::string key = "events";
    for (const std::string& event : metric.events) key += '\n' + event;
    // Where events are archived, those that read them do not make others wait.
    if (metric.oldest.empty() && ArchiveInUse()) key += "\n\nof all times";
    return key;
}

MetricReader::MetricReader(std::vector<rule::Metric> metrics) : metrics_(std::move(metrics)) {}

pg::Plan& MetricReader::PlanOf(rule::EventRows rows) {
    std::unique_ptr<pg::Plan>& plan = plans_[static_cast<size_t>(rows)];
    if (plan) return *plan;
    Compiled compiled;
    for (const rule::Metric& metric : metrics_) compiled.push_back(CompileMetricForReading(metric, rows));
    plan = std::make_unique<pg::Plan>(ReadingSql(compiled, rows),
                                      std::vector<Oid>{INT8ARRAYOID, TIMESTAMPTZARRAYOID});
    return *plan;
}

pg::Result MetricReader::Ask(const std::vector<int64_t>& people, const std::vector<Moment>& instants) {
    // A plan that has foreign tables connects to their server whether it reads them or not.
    const bool local = !IsInParallelMode() && ArchiveInUse() && FindArchived(people, instants).empty();
    return PlanOf(local ? rule::EventRows::kLocal : rule::EventRows::kAll)
        .Execute({pg::Value::Int8s(people), pg::TimeArray(instants)}, true);
}

pg::Result MetricReader::Read(const std::vector<int64_t>& people, const std::vector<Moment>& instants,
                              rule::EventRows rows) {
    return PlanOf(rows).Execute({pg::Value::Int8s(people), pg::TimeArray(instants)}, false);
}

std::set<int64_t> MetricReader::FindArchived(const std::vector<int64_t>& people,
                                             const std::vector<Moment>& instants) {
    std::set<int64_t> archived;
    // Those in a list, or with a consent, have no events that are read.
    const bool reads_events = metrics_[0].aggregate != rule::Aggregate::kStatic &&
                              metrics_[0].aggregate != rule::Aggregate::kConsent;
    if (!reads_events) return archived;
    if (!archived_) {
        Compiled compiled;
        for (const rule::Metric& metric : metrics_) compiled.push_back(CompileMetricForReading(metric));
        archived_ = std::make_unique<pg::Plan>(ArchivedSql(compiled),
                                               std::vector<Oid>{INT8ARRAYOID, TIMESTAMPTZARRAYOID});
    }
    const pg::LatestSnapshot latest;
    const pg::Result rows = archived_->Execute({pg::Value::Int8s(people), pg::TimeArray(instants)}, true);
    for (uint64_t i = 0; i < rows.size(); ++i) archived.insert(rows[i].Int8(0));
    return archived;
}

ForceIndexPlans::ForceIndexPlans() {
    for (const char* off :
         {"enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "jit"})
        pg::SetLocally(off, "off");
    pg::SetLocally("plan_cache_mode", "force_generic_plan");
}

}  // namespace pulse::trait
