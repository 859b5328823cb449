// Members of a static segment are rows of pulse.static_member, each of the profile whose id was added. A
// person is a member if one of its profiles is: so a merge keeps the memberships of both sides, and an
// unmerge gives each side its own back.
#include "pulse/rule/static_segment.hpp"

#include "pulse/rule/print.hpp"

namespace pulse::rule {

namespace {

// Rows h that hold at the moment.
std::string HeldAt(const std::string& now) {
    return "h.added_at <= " + now + " AND (h.removed_at IS NULL OR h.removed_at > " + now + ")";
}

}  // namespace

MetricSql CompileStaticSegment(const Metric& metric, const std::string& now_sql,
                               const std::string& profile_sql) {
    const std::string rows =
        " FROM pulse.static_member AS h WHERE h.segment_id = " + std::to_string(metric.segment);
    // From the person to its rows, also if planned while the table is empty: the other way round, each person
    // would cost a scan of all members.
    const std::string from = " FROM pulse.profile AS m CROSS JOIN LATERAL (SELECT h.added_at, h.removed_at" +
                             rows + " AND h.profile_id = m.id OFFSET 0) AS h",
                      person = " WHERE m.canonical_id = " + profile_sql + " AND ";
    MetricSql sql{.type = ValueType::kBoolean,
                  .sql_type = "boolean",
                  .value = "EXISTS (SELECT" + from + person + HeldAt(now_sql) + ")"};
    // Time alone changes it only as of a past moment.
    sql.until = "(SELECT pg_catalog.min(b.instant)" + from +
                " CROSS JOIN LATERAL (VALUES (h.added_at), (h.removed_at)) AS b (instant)" + person +
                "b.instant > " + now_sql + ")";
    sql.empty = "false";
    sql.events = {Print(metric)};
    sql.correlated = true;
    sql.people = "SELECT o.canonical_id AS id FROM pulse.profile AS o WHERE o.id IN (SELECT h.profile_id" +
                 rows + " AND " + HeldAt(now_sql) + ") GROUP BY o.canonical_id";
    return sql;
}

}  // namespace pulse::rule
