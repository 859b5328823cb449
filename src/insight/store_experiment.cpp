#include "pulse/insight/store_experiment.hpp"

#include "pulse/insight/store_question.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/rule/dynamic_value.hpp"
#include "pulse/rule/metric.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/rule/profile.hpp"
#include "pulse/segment/member_query_profile.hpp"
#include "pulse/trait/store_definition.hpp"

namespace pulse::insight {

namespace {

using pg::Value;

// Numbers beyond this are left out: their squares could not be added up.
constexpr const char* kLargestNumber = "1e100";

// Later events do not count. The moment itself is one of those that do.
Moment EndOf(const ExperimentFigures& figures) {
    return figures.until.value_or(figures.as_of + 1);
}

// One row for each person: key, person (null without a profile), variant, at (the first exposure), variants.
// Somebody who had no profile at the exposure and has one now is found by the id.
std::string PeopleSql(int64_t flag, const ExperimentFigures& figures) {
    std::string sql =
        "SELECT x.key, pg_catalog.max(x.person) AS person, pg_catalog.min(x.variant) AS variant,"
        " pg_catalog.min(x.first_at) AS at, pg_catalog.count(DISTINCT x.variant) AS variants,"
        " pg_catalog.count(DISTINCT x.version) AS versions FROM (SELECT w.variant, w.version, w.first_at,"
        " w.person, COALESCE(w.person::text, 'unknown ' || w.bucketing_id) AS key FROM (SELECT e.variant,"
        " e.version, e.first_at, e.bucketing_id, COALESCE(p.canonical_id, u.canonical_id, a.canonical_id) AS"
        " person FROM pulse.exposure AS e LEFT JOIN pulse.profile AS p ON p.id = e.profile_id"
        " LEFT JOIN pulse.identity AS i ON p.id IS NULL AND i.kind = 'user_id' AND i.value = e.bucketing_id"
        " LEFT JOIN pulse.profile AS u ON u.id = i.profile_id LEFT JOIN pulse.identity AS j ON p.id IS NULL"
        " AND j.kind = 'anonymous_id' AND j.value = e.bucketing_id LEFT JOIN pulse.profile AS a"
        " ON a.id = j.profile_id WHERE e.flag_id = " +
        std::to_string(flag) + " AND e.first_at <= " + MomentSql(figures.as_of) + " AND e.first_at < " +
        MomentSql(EndOf(figures));
    if (figures.since) sql += " AND e.first_at >= " + MomentSql(*figures.since);
    return sql + ") AS w) AS x GROUP BY x.key";
}

// The people of the experiment in a temporary result that all metrics read.
std::string WithPeople(int64_t flag, const ExperimentFigures& figures) {
    return "WITH everybody AS MATERIALIZED (" + PeopleSql(flag, figures) +
           "), people AS (SELECT e.* FROM everybody AS e WHERE e.variants = 1) ";
}

// Per person with such an event after the exposure: key, n and value.
std::string EventFigureSql(const ExperimentMetric& metric, const ExperimentFigures& figures) {
    std::string value = "NULL::float8";
    if (metric.kind == ExperimentMetric::Kind::kSum) {
        const std::string property = rule::JsonPath("e.properties", metric.property),
                          number = "pulse.to_number(" + property + ")";
        value = "COALESCE(pg_catalog.sum(CASE WHEN pg_catalog.jsonb_typeof(" + property +
                ") = 'number' THEN CASE WHEN pg_catalog.abs(" + number + ") < " + kLargestNumber + " THEN " +
                number + " END END), 0)::float8";
    }
    std::string sql = "SELECT q.key, pg_catalog.count(*) AS n, " + value +
                      " AS value FROM people AS q JOIN pulse.profile AS o ON o.canonical_id = q.person"
                      " JOIN pulse.event AS e ON e.profile_id = o.id WHERE " +
                      ConditionSql(metric.event, MomentSql(figures.as_of)) +
                      " AND e.time > q.at AND e.time <= " + MomentSql(figures.as_of) + " AND e.time < " +
                      MomentSql(EndOf(figures));
    if (figures.since) sql += " AND e.time > " + MomentSql(*figures.since);
    if (metric.within)
        sql += " AND e.time <= q.at + interval '" + std::to_string(metric.within) + " microseconds'";
    return sql + " GROUP BY q.key";
}

std::string MetricFiguresSql(int64_t flag, const ExperimentMetric& metric, const ExperimentFigures& figures) {
    const bool converts = metric.kind == ExperimentMetric::Kind::kConversion;
    std::string figure = converts ? "(f.n IS NOT NULL)::integer::float8"
                         : metric.kind == ExperimentMetric::Kind::kCount ? "COALESCE(f.n, 0)::float8"
                                                                         : "COALESCE(f.value, 0)";
    std::string known = "true", from = "(" + EventFigureSql(metric, figures) + ") AS f ON f.key = q.key";
    if (metric.kind == ExperimentMetric::Kind::kValue) {
        const rule::ExprPtr tree = rule::Expand(*rule::Parse(metric.value), trait::SavedDefinitions());
        const segment::PersonValue value =
            segment::CompilePersonValue(*tree, pg::settings::TimeZone(), MomentSql(figures.as_of));
        const std::string number = value.type == rule::ValueType::kJson
                                       ? "CASE WHEN pg_catalog.jsonb_typeof(v.value) = 'number' THEN "
                                         "pulse.to_number(v.value) END"
                                       : "v.value::numeric";
        from = "(SELECT v.id, CASE WHEN pg_catalog.abs(v.number) < " + std::string(kLargestNumber) +
               " THEN v.number::float8 END AS value, 1 AS n FROM (SELECT v.id, " + number +
               " AS number FROM (" + value.sql + ") AS v) AS v) AS f ON f.id = q.person";
        figure = "f.value";
        known = "f.value IS NOT NULL";
    }
    // Later people could not have had the event as long as the others.
    const std::string over =
        metric.within ? "q.at + interval '" + std::to_string(metric.within) +
                            " microseconds' <= " + MomentSql(std::min(EndOf(figures), figures.as_of))
                      : "true";
    return WithPeople(flag, figures) +
           "SELECT w.variant, pg_catalog.count(*) FILTER (WHERE w.over AND w.known), pg_catalog.count(*)"
           " FILTER (WHERE w.over AND w.n IS NOT NULL), pg_catalog.avg(w.value) FILTER (WHERE w.over AND"
           " w.known), pg_catalog." +
           (converts ? "var_pop" : "var_samp") +
           "(w.value) FILTER (WHERE w.over AND w.known), pg_catalog.count(*) FILTER (WHERE NOT w.over)"
           " FROM (SELECT q.variant, f.n, " +
           figure + " AS value, " + known + " AS known, " + over + " AS over FROM people AS q LEFT JOIN " +
           from + ") AS w GROUP BY w.variant";
}

}  // namespace

void CheckMetric(const ExperimentMetric& metric) {
    if (metric.kind != ExperimentMetric::Kind::kValue) {
        CheckCondition(metric.event);
        return;
    }
    const rule::ExprPtr tree = rule::Expand(*rule::Parse(metric.value), trait::SavedDefinitions());
    trait::CheckReferences(*tree);
    const segment::PersonValue value =
        segment::CompilePersonValue(*tree, pg::settings::TimeZone(), "pg_catalog.now()");
    if (value.type != rule::ValueType::kNumber && value.type != rule::ValueType::kJson)
        throw UserError(sqlstate::kDatatypeMismatch, "the value of a metric must be a number",
                        "It is " + rule::Print(*tree) + ".",
                        "Give a number such as trait(\"spent\"), or if(condition, 1, 0).");
}

void CountExperiment(const ExperimentQuestion& question, ExperimentFigures& figures) {
    SpareJit();
    const pg::Result people =
        pg::Execute(WithPeople(question.flag, figures) +
                        "SELECT e.variant, pg_catalog.count(*) FILTER (WHERE e.variants = 1),"
                        " pg_catalog.count(*) FILTER (WHERE e.variants > 1), pg_catalog.count(*) FILTER"
                        " (WHERE e.variants = 1 AND e.person IS NULL) FROM everybody AS e GROUP BY e.variant",
                    {}, true);
    for (uint64_t i = 0; i < people.size(); ++i) {
        if (people[i].Int8(1) > 0) figures.people[people[i].Text(0)] = people[i].Int8(1);
        figures.several_variants += people[i].Int8(2);
        figures.unknown += people[i].Int8(3);
    }
    for (const ExperimentMetric& metric : question.metrics) {
        MetricFigures& counted = figures.metrics.emplace_back(MetricFigures{metric, {}, 0});
        const pg::Result rows = pg::Execute(MetricFiguresSql(question.flag, metric, figures), {}, true);
        for (uint64_t i = 0; i < rows.size(); ++i) {
            counted.variants[rows[i].Text(0)] = {rows[i].Int8(1), rows[i].Int8(2),
                                                 rows[i].Float8OrNull(3).value_or(0),
                                                 rows[i].Float8OrNull(4).value_or(0)};
            counted.waiting += rows[i].Int8(5);
        }
    }
}

}  // namespace pulse::insight
