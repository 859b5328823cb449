#include "pulse/profile/store_figures.hpp"

#include <algorithm>
#include <cmath>

#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/profile/month.hpp"
#include "pulse/profile/store_identity_kind.hpp"
#include "pulse/profile/store_index_scan.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

struct Span {
    const char* name;
    int64_t days;
};
constexpr Span kSpans[] = {{"last_day", 1}, {"last_week", 7}, {"last_month", 30}};

Value Date(int64_t day) {
    return {DATEOID, Int32GetDatum(static_cast<int32_t>(day)), false};
}

// The people whose first or newest event (`column`) is later than `after`: of their profiles only the one
// with the earliest or latest counts.
Count CountPeople(const std::string& column, const char* other, Moment after, double people_per_profile) {
    const std::string recent =
        "SELECT FROM pulse.activity AS a WHERE a." + column + " > '" + FormatMoment(after) + "'";
    const std::string once =
        " AND EXISTS (SELECT FROM pulse.profile AS p WHERE p.id = a.profile_id AND NOT EXISTS (SELECT"
        " FROM pulse.profile AS q JOIN pulse.activity AS b ON b.profile_id = q.id"
        " WHERE q.canonical_id = p.canonical_id AND (b." +
        column + ", b.profile_id) " + other + " (a." + column + ", a.profile_id)) OFFSET 0)";
    const Count profiles = CountRows(recent);
    if (!profiles.exact)
        return {std::llround(static_cast<double>(profiles.rows) * people_per_profile), false};
    return CountRows(recent + once);
}

}  // namespace

std::vector<Figure> PeopleFigures(Moment now) {
    const Count profiles = CountRows("SELECT FROM pulse.profile");
    const Count merges = CountRows("SELECT FROM pulse.merge_history AS h WHERE h.undone_at IS NULL");
    // The planner knows nothing about canonical_id = id, but each merge in effect makes two people one.
    const Count people = profiles.exact
                             ? CountRows("SELECT FROM pulse.profile AS p WHERE p.canonical_id = p.id")
                             : Count{std::max<int64_t>(1, profiles.rows - merges.rows), false};
    const double share =
        static_cast<double>(people.rows) / static_cast<double>(std::max<int64_t>(1, profiles.rows));
    std::vector<Figure> figures{{"people", people}};
    for (const Span& span : kSpans)
        figures.push_back(
            {std::string("active_") + span.name, CountPeople("last_at", ">", now - span.days * kDay, share)});
    for (const Span& span : kSpans)
        figures.push_back(
            {std::string("new_") + span.name, CountPeople("first_at", "<", now - span.days * kDay, share)});
    figures.push_back({"merges", merges});
    for (const IdentityKind& kind : IdentityKinds())
        figures.push_back({"ids:" + kind.kind, CountRows("SELECT FROM pulse.identity AS i WHERE i.kind = " +
                                                         pg::QuoteLiteral(kind.kind))});
    return figures;
}

pg::Result EventTotals(Moment now) {
    static pg::Statement statement(
        "SELECT f.figure, f.events FROM (SELECT coalesce((SELECT sum(s.accepted) FROM pulse.event_source"
        " AS s), 0)::bigint AS total, coalesce(sum(h.events) FILTER (WHERE h.hour > $1 - interval '24 hours'),"
        " 0)::bigint AS day, coalesce(sum(h.events) FILTER (WHERE h.hour > $1 - interval '168 hours'),"
        " 0)::bigint AS week, coalesce(sum(h.events), 0)::bigint AS month FROM pulse.events_by_hour AS h"
        " WHERE h.hour <= $1 AND h.hour > $1 - interval '720 hours') AS s CROSS JOIN LATERAL (VALUES"
        " ('total', s.total), ('last_day', s.day), ('last_week', s.week), ('last_month', s.month))"
        " AS f (figure, events)",
        {TIMESTAMPTZOID});
    const Moment hour = DayOf(now) * kDay + (now - DayOf(now) * kDay) / kHour * kHour;
    return statement.Execute({Value::Time(hour)}, true);
}

pg::Result EventStatistics(Moment now, int days, int max) {
    static pg::Statement statement(
        "WITH p AS MATERIALIZED (SELECT d.event, coalesce(sum(d.events) FILTER (WHERE d.day > $1 - $2), 0)"
        "::bigint AS events, coalesce(sum(d.events) FILTER (WHERE d.day <= $1 - $2), 0)::bigint AS previous"
        " FROM pulse.events_by_day AS d WHERE d.day <= $1 AND d.day > $1 - 2 * $2 GROUP BY d.event)"
        " SELECT p.event, p.events, p.previous, c.events, c.last_seen_at FROM p LEFT JOIN"
        " pulse.event_catalog AS c ON c.event = p.event"
        " ORDER BY p.events DESC, p.previous DESC, p.event LIMIT $3",
        {DATEOID, INT4OID, INT8OID});
    return statement.Execute({Date(DayOf(now)), Value::Int4(days), Value::Int8(max)}, true);
}

pg::Result EventTrend(Moment now, int days, const std::optional<std::string>& event) {
    if (!event) {
        static pg::Statement all(
            "SELECT $1 - n.n, coalesce(s.events, 0) FROM generate_series($2 - 1, 0, -1) AS n (n) LEFT JOIN"
            " (SELECT (h.hour AT TIME ZONE 'UTC')::date AS day, sum(h.events)::bigint AS events"
            " FROM pulse.events_by_hour AS h WHERE h.hour >= $3 AND h.hour < $4 GROUP BY 1) AS s"
            " ON s.day = $1 - n.n ORDER BY n.n DESC",
            {DATEOID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID});
        const int64_t day = DayOf(now);
        return all.Execute({Date(day), Value::Int4(days), Value::Time((day - days + 1) * kDay),
                            Value::Time((day + 1) * kDay)},
                           true);
    }
    static pg::Statement known("SELECT FROM pulse.event_catalog AS c WHERE c.event = $1 LIMIT 1", {TEXTOID});
    if (known.Execute({Value::Text(*event)}, true).empty()) {
        const pg::Result rows = pg::Execute(
            "SELECT c.event FROM pulse.event_catalog AS c ORDER BY c.event LIMIT 10000", {}, true);
        std::vector<std::string> names;
        for (uint64_t i = 0; i < rows.size(); ++i) names.push_back(rows[i].Text(0));
        throw UserError(sqlstate::kUndefinedObject,
                        "there was never an event " + InQuotes(Shorten(*event, 255)), "",
                        names.empty() ? "There were no events yet." : SuggestName(*event, names, "Events"));
    }
    static pg::Statement one(
        "SELECT $1 - n.n, coalesce(d.events, 0) FROM generate_series($2 - 1, 0, -1) AS n (n) LEFT JOIN"
        " (SELECT e.day, e.events FROM pulse.events_by_day AS e WHERE e.event = $3 AND e.day = ANY"
        " (ARRAY(SELECT $1 - m.m FROM generate_series(0, $2 - 1) AS m (m)))) AS d ON d.day = $1 - n.n"
        " ORDER BY n.n DESC",
        {DATEOID, INT4OID, TEXTOID});
    return one.Execute({Date(DayOf(now)), Value::Int4(days), Value::Text(*event)}, true);
}

}  // namespace pulse::profile
