// Figures of lifecycle stages and of growth, by set-based SQL.
#include "pulse/insight/small_group.hpp"
#include "pulse/insight/calendar.hpp"
#include "pulse/insight/store_lifecycle.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::insight {

namespace {

using pg::Value;

// What a change of settings or a build moves is no move of people.
constexpr const char* kMoves = "c.cause NOT IN ('build', 'definition', 'import')";

// The condition under which figures of `people` are shown.
std::string Shown(const std::string& people, bool sees_people) {
    return sees_people ? "true" : "NOT " + SmallGroupSql(people);
}

}  // namespace

pg::Result ReadTransitions(const LifecyclePeriod& period) {
    const std::string shown = Shown("f.people", period.sees_people),
                      shown_before = Shown("f.people_before", period.sees_people);
    // The period before has the same length, if moves were recorded then; 15 % are the border of a trend.
    return pg::Execute(
        "WITH moved AS MATERIALIZED (SELECT c.from_stage, c.to_stage, c.profile_id, c.at >= $1 AS now"
        " FROM pulse.lifecycle_change AS c WHERE c.at >= $1 - ($2 - $1) AND c.at < $2 AND " +
            std::string(kMoves) +
            "), figure AS (SELECT m.from_stage, m.to_stage, count(*) FILTER (WHERE m.now) AS changes,"
            " CASE WHEN (SELECT min(v.at) FROM pulse.lifecycle_version AS v) <= $1 - ($2 - $1) THEN"
            " count(*) FILTER (WHERE NOT m.now) END AS before, count(DISTINCT m.profile_id) FILTER (WHERE m.now) AS people,"
            " count(DISTINCT m.profile_id) FILTER (WHERE NOT m.now) AS people_before"
            " FROM moved AS m GROUP BY 1, 2)"
            " SELECT f.from_stage, f.to_stage, CASE WHEN f.from_stage IS NULL THEN 'new' WHEN f.to_stage IS NULL"
            " THEN 'merged' WHEN f.from_stage = 'churned' THEN 'won_back' WHEN f.to_stage = 'churned' THEN 'lost'"
            " WHEN (f.from_stage, f.to_stage) IN (('anonymous', 'known'), ('anonymous', 'customer'),"
            " ('known', 'customer')) THEN 'progress' ELSE 'setback' END,"
            " CASE WHEN " +
            shown + " THEN f.changes END, CASE WHEN " + shown_before + " THEN f.before END, CASE WHEN NOT (" +
            shown + " AND " + shown_before +
            ") OR f.before IS NULL THEN NULL WHEN f.changes > 1.15 * f.before THEN 'rising'"
            " WHEN f.changes < 0.85 * f.before THEN 'falling' ELSE 'stable' END"
            " FROM figure AS f WHERE f.changes > 0 OR f.before > 0"
            " ORDER BY array_position('{anonymous,known,customer,churned}'::text[], f.from_stage) NULLS FIRST,"
            " array_position('{anonymous,known,customer,churned}'::text[], f.to_stage)",
        {Value::Time(period.since), Value::Time(period.until)}, true);
}

pg::Result ReadWeeks(const LifecyclePeriod& period) {
    const std::string shown = Shown("f.people", period.sees_people),
                      zone = pg::QuoteLiteral(pg::settings::TimeZone());
    return pg::Execute(
        "WITH figure AS (SELECT date_trunc('week', c.at AT TIME ZONE " + zone +
            ")::date AS week, c.from_stage, c.to_stage, count(*) AS changes, count(DISTINCT c.profile_id) AS people"
            " FROM pulse.lifecycle_change AS c WHERE c.at >= $1 AND c.at < $2 AND " +
            kMoves + " GROUP BY 1, 2, 3) SELECT f.week, f.from_stage, f.to_stage, CASE WHEN " + shown +
            " THEN f.changes END FROM figure AS f ORDER BY f.week,"
            " array_position('{anonymous,known,customer,churned}'::text[], f.from_stage) NULLS FIRST,"
            " array_position('{anonymous,known,customer,churned}'::text[], f.to_stage)",
        {Value::Time(period.since), Value::Time(period.until)}, true);
}

pg::Result ReadStages(const LifecycleVersion& version, bool sees_people) {
    return pg::Execute(
        "WITH figure AS (SELECT s.place, count(m.profile_id) AS people FROM unnest($1::bigint[]) WITH ORDINALITY"
        " AS s (id, place) LEFT JOIN pulse.membership AS m ON m.segment_id = s.id GROUP BY s.place),"
        " shown AS (SELECT f.*, sum(f.people) OVER () AS everybody, $2 OR NOT " +
            HiddenGroupSql("f.people", "f.place") +
            " AS shown FROM figure AS f)"
            " SELECT ('{anonymous,known,customer,churned}'::text[])[s.place], CASE WHEN s.shown THEN s.people END,"
            " CASE WHEN s.shown THEN round(s.people / nullif(s.everybody, 0), 4) END FROM shown AS s ORDER BY s.place",
        {Value::Int8s(version.segments), Value::Bool(sees_people)}, true);
}

pg::Result ReadGrowth(const LifecyclePeriod& period, CalendarPeriod each) {
    const std::string unit = Name(each), step = "interval '1 " + unit + "'",
                      zone = pg::QuoteLiteral(pg::settings::TimeZone());
    const auto start = [&](const std::string& moment) {
        return "date_trunc('" + unit + "', " + moment + " AT TIME ZONE " + zone + ")";
    };
    // The parts of a sum are shown together or not at all: each would tell the others.
    std::string parts;
    for (const char* part : {"r.new", "r.returning", "r.resurrecting", "r.dormant"})
        parts += (parts.empty() ? "" : " AND ") + Shown(part, period.sees_people);
    const auto shown = [&](const std::string& part) {
        return "CASE WHEN " + parts + " THEN " + part + " END";
    };
    // Each person once per period, from all events: whoever was never active before is new. Who was active in
    // a period and not in the next is dormant in that.
    return pg::Execute(
        "WITH pair AS (SELECT o.canonical_id AS person, " + start("e.time") +
            " AS p FROM pulse.event AS e JOIN pulse.profile AS o ON o.id = e.profile_id WHERE e.time < $2"
            " GROUP BY 1, 2), placed AS (SELECT p.p, lag(p.p) OVER w AS before, lead(p.p) OVER w AS after"
            " FROM pair AS p WINDOW w AS (PARTITION BY p.person ORDER BY p.p)), active AS (SELECT s.p, count(*) AS"
            " active, count(*) FILTER (WHERE s.before IS NULL) AS new, count(*) FILTER (WHERE s.before = s.p - " +
            step + ") AS returning, count(*) FILTER (WHERE s.before < s.p - " + step +
            ") AS resurrecting FROM placed AS s WHERE s.p >= " + start("$1") +
            " GROUP BY 1), gone AS (SELECT s.p + " + step +
            " AS p, count(*) AS dormant FROM placed AS s"
            " WHERE s.p >= " +
            start("$1") + " - " + step + " AND s.after IS DISTINCT FROM s.p + " + step +
            " GROUP BY 1), line AS (SELECT g.p, coalesce(a.active, 0) AS active, coalesce(a.new, 0) AS new,"
            " coalesce(a.returning, 0) AS returning, coalesce(a.resurrecting, 0) AS resurrecting,"
            " coalesce(d.dormant, 0) AS dormant FROM generate_series(" +
            start("$1") + ", " + start("($2 - interval '00:00:00.000001')") + ", " + step +
            ") AS g (p) LEFT JOIN active AS a ON a.p = g.p LEFT JOIN gone AS d ON d.p = g.p)"
            " SELECT r.p::date, CASE WHEN " +
            Shown("r.active", period.sees_people) + " THEN r.active END, " + shown("r.new") + ", " +
            shown("r.returning") + ", " + shown("r.resurrecting") + ", " + shown("r.dormant") +
            ", CASE WHEN " + parts +
            " THEN round((r.new + r.resurrecting)::numeric / nullif(r.dormant, 0), 2) END FROM line AS r ORDER BY r.p",
        {Value::Time(period.since), Value::Time(period.until)}, true);
}

}  // namespace pulse::insight
