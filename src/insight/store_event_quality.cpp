#include "pulse/insight/store_event_quality.hpp"

#include "pulse/pg/settings.hpp"

namespace pulse::insight {

using pg::Value;

QualitySettings SettingsAt(Moment now) {
    const pg::Result rows = pg::Execute(
        "SELECT s.settings FROM pulse.event_quality_setting AS s WHERE s.valid_from <= $1 ORDER BY s.valid_from"
        " DESC LIMIT 1",
        {Value::Time(now)});
    return rows.empty() ? QualitySettings() : ReadSettings(rows[0].Jsonb(0));
}

void SaveSettings(const QualitySettings& settings, const std::string& actor, Moment now) {
    pg::Execute(
        "INSERT INTO pulse.event_quality_setting AS s (valid_from, settings, changed_by) VALUES ($1, $2, $3)"
        " ON CONFLICT (valid_from) DO UPDATE SET settings = excluded.settings, changed_by = excluded.changed_by",
        {Value::Time(now), Value::Jsonb(settings.Json()), Value::Text(actor)});
}

std::vector<EventQuality> ReadEventQuality(Moment since, Moment until, const QualityGrouping& by,
                                           const QualitySettings& s, bool sees_people) {
    // An id counts from when its person had it: by any of the person's profiles.
    static pg::Statement statement(
        "WITH contact AS (SELECT p.id AS profile_id, min(i.first_seen_at) AS since FROM pulse.identity AS i"
        " JOIN pulse.profile AS q ON q.id = i.profile_id JOIN pulse.profile AS p ON p.canonical_id ="
        " q.canonical_id WHERE i.kind IN ('email', 'phone') GROUP BY p.id),"
        " scored AS (SELECT CASE WHEN $3 THEN e.name END AS event, CASE WHEN $4 THEN e.source END AS source,"
        " CASE WHEN $5 THEN (e.time AT TIME ZONE $7)::date END AS day, CASE WHEN $6 THEN e.context #>>"
        " '{app,version}' END AS version, e.profile_id,"
        " CASE WHEN c.since <= e.received_at THEN $10[1] ELSE $10[2] END AS identifiers,"
        " CASE WHEN e.properties <> '{}' THEN $10[3] ELSE 0 END AS properties,"
        " CASE WHEN e.received_at - e.time < interval '5 minutes' THEN $10[4] WHEN e.received_at - e.time <"
        " interval '1 hour' THEN $10[5] ELSE 0 END AS delay,"
        " CASE WHEN coalesce(nullif(e.context -> 'campaign', '{}'), 'null') <> 'null' THEN $10[6] ELSE 0 END"
        " + CASE WHEN e.context ->> 'userAgent' <> '' THEN $10[7] ELSE 0 END"
        " + CASE WHEN e.context ->> 'ip' <> '' THEN $10[8] ELSE 0 END AS context"
        " FROM pulse.event AS e LEFT JOIN contact AS c ON c.profile_id = e.profile_id"
        " WHERE e.time >= $1 AND e.time < $2 AND e.received_at <= $9),"
        " few AS (SELECT v.version FROM scored AS v WHERE $6 AND NOT $8 AND v.version IS NOT NULL"
        " GROUP BY v.version HAVING count(DISTINCT v.profile_id) < 10)"
        " SELECT k.event, k.source, k.day - date '2000-01-01', CASE WHEN f.version IS NULL THEN k.version ELSE '(other)' END,"
        " count(*), avg(k.identifiers), avg(k.properties), avg(k.delay), avg(k.context),"
        " count(*) FILTER (WHERE k.identifiers + k.properties + k.delay + k.context >= $10[9]),"
        " count(*) FILTER (WHERE k.identifiers + k.properties + k.delay + k.context >= $10[10]),"
        " count(*) FILTER (WHERE k.identifiers + k.properties + k.delay + k.context >= $10[11])"
        " FROM scored AS k LEFT JOIN few AS f ON f.version = k.version GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
        {TIMESTAMPTZOID, TIMESTAMPTZOID, BOOLOID, BOOLOID, BOOLOID, BOOLOID, TEXTOID, BOOLOID, TIMESTAMPTZOID,
         FLOAT8ARRAYOID});
    const pg::Result rows = statement.Execute(
        {Value::Time(since), Value::Time(until), Value::Bool(by.event), Value::Bool(by.source),
         Value::Bool(by.day), Value::Bool(by.app_version), Value::Text(pg::settings::TimeZone()),
         Value::Bool(sees_people), Value::Time(pg::Now()),
         Value::Float8s({s.contact, s.identifier, s.properties, s.prompt, s.soon, s.campaign, s.user_agent,
                         s.ip, s.excellent, s.good, s.fair})},
        true);
    std::vector<EventQuality> found;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const pg::Row row = rows[i];
        EventQuality one;
        one.event = row.TextOrNull(0);
        one.source = row.TextOrNull(1);
        if (!row.IsNull(2)) one.day = row.Int4(2);
        one.app_version = row.TextOrNull(3);
        one.events = row.Int8(4);
        one.parts = {row.Float8(5), row.Float8(6), row.Float8(7), row.Float8(8)};
        const int64_t excellent = row.Int8(9), good = row.Int8(10), fair = row.Int8(11);
        one.excellent = excellent;
        one.good = good - excellent;
        one.fair = fair - good;
        one.poor = one.events - fair;
        found.push_back(std::move(one));
    }
    return found;
}

}  // namespace pulse::insight
