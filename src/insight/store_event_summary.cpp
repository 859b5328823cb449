#include "pulse/insight/store_event_summary.hpp"

#include <cmath>

#include "pulse/insight/store_event_quality.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::insight {

namespace {

using pg::Value;

constexpr double kTrend = 0.2;  // relative change of a week from which it is one
constexpr int64_t kSomeEvents = 10;

struct EventVolume {
    int64_t today = 0, same_time_last_week = 0, week = 0, week_before = 0;
};

// The hours that are over, without imports and replays.
EventVolume VolumeAt(Moment now) {
    static pg::Statement statement(
        "WITH d AS (SELECT date_trunc('day', $1, $2) AS day, date_trunc('hour', $1) AS hour)"
        " SELECT coalesce(sum(k.events - k.late) FILTER (WHERE k.hour >= d.day AND k.hour <= $1), 0)::bigint,"
        " coalesce(sum(k.events - k.late) FILTER (WHERE k.hour >= d.day - interval '168 hours' AND k.hour <"
        " d.hour - interval '168 hours'), 0)::bigint,"
        " coalesce(sum(k.events - k.late) FILTER (WHERE k.hour >= d.hour - interval '168 hours' AND k.hour <"
        " d.hour), 0)::bigint,"
        " coalesce(sum(k.events - k.late) FILTER (WHERE k.hour >= d.hour - interval '336 hours' AND k.hour <"
        " d.hour - interval '168 hours'), 0)::bigint"
        " FROM d LEFT JOIN pulse.events_by_source_hour AS k ON k.hour >= $1 - interval '337 hours' AND k.hour <="
        " $1",
        {TIMESTAMPTZOID, TEXTOID});
    const pg::Result rows =
        statement.Execute({Value::Time(now), Value::Text(pg::settings::TimeZone())}, true);
    return {rows[0].Int8(0), rows[0].Int8(1), rows[0].Int8(2), rows[0].Int8(3)};
}

const char* TrendOf(const EventVolume& volume) {
    if (volume.week_before < kSomeEvents) return "no history";
    const double change = static_cast<double>(volume.week) / static_cast<double>(volume.week_before) - 1;
    return change >= kTrend ? "rising" : change <= -kTrend ? "falling" : "stable";
}

pg::Json QualityAt(Moment now) {
    const QualitySettings settings = SettingsAt(now);
    const std::vector<EventQuality> found = ReadEventQuality(now - 7 * kDay, now, {}, settings, false);
    if (found.empty() || found[0].events == 0) return nullptr;
    const EventQuality& all = found[0];
    const double score = std::round(all.parts.score() * 100) / 100;
    return {{"score", score},
            {"band", BandOf(score, settings)},
            {"health", score >= settings.excellent ? "healthy"
                       : score >= settings.good    ? "fair"
                       : score >= settings.fair    ? "degraded"
                                                   : "critical"},
            {"events", all.events},
            {"distribution",
             {{"excellent", all.excellent}, {"good", all.good}, {"fair", all.fair}, {"poor", all.poor}}},
            {"gains", GainsOf(all.parts, settings)}};
}

}  // namespace

pg::Result LiveEventIncidents() {
    return pg::Execute(
        "SELECT i.id, i.event, i.detector, i.attribute, i.severity, i.baseline, i.observed, i.change, i.p_value,"
        " r.summary FROM pulse.incident_record AS r JOIN pulse.incident AS i ON i.id = r.id WHERE r.event IS NOT"
        " NULL AND r.status IN ('open', 'acknowledged') ORDER BY array_position(ARRAY['critical', 'high',"
        " 'medium', 'low'], i.severity), i.event, i.detector, i.attribute");
}

pg::Result EventAnomalies(Moment from, Moment until, const std::optional<std::string>& event) {
    return pg::Execute(
        "SELECT i.id, i.event, i.detector, i.attribute, i.severity, i.status, i.direction, i.baseline, i.observed,"
        " i.change, r.since, r.opened_at, r.closed_at, i.group_id, r.summary,"
        " ARRAY(SELECT jsonb_array_elements_text(r.details #> '{usedBy,segments}')),"
        " ARRAY(SELECT jsonb_array_elements_text(r.details #> '{usedBy,traits}')),"
        " ARRAY(SELECT jsonb_array_elements_text(r.details #> '{usedBy,flags}'))"
        " FROM pulse.incident_record AS r JOIN pulse.incident AS i ON i.id = r.id WHERE r.event IS NOT NULL"
        " AND ($3 IS NULL OR r.event = $3) AND r.since < $2 AND r.opened_at <= $4 AND coalesce(r.closed_at,"
        " 'infinity') >= $1 ORDER BY r.opened_at DESC, r.id DESC",
        {Value::Time(from), Value::Time(until), Value::Text(event), Value::Time(pg::Now())}, true);
}

pg::Json EventAnomalySummary(Moment now) {
    const EventVolume volume = VolumeAt(now);
    const pg::Result open = pg::Execute(
        "SELECT n.severity, (SELECT count(*) FROM pulse.incident_record AS r WHERE r.event IS NOT NULL AND"
        " r.status IN ('open', 'acknowledged') AND r.severity = n.severity) FROM"
        " unnest('{critical,high,medium,low}'::text[]) AS n (severity)",
        {}, true);
    pg::Json incidents = pg::Json::object();
    for (uint64_t i = 0; i < open.size(); ++i) incidents[open[i].Text(0)] = open[i].Int8(1);
    const pg::Result checked = pg::Execute("SELECT s.checked_until FROM pulse.event_check AS s", {}, true);
    pg::Json change = nullptr;
    if (volume.week_before > 0)
        change = std::round((static_cast<double>(volume.week) / static_cast<double>(volume.week_before) - 1) *
                            1000) /
                 1000;
    return {{"today", volume.today},
            {"same_time_last_week", volume.same_time_last_week},
            {"last_7_days", volume.week},
            {"previous_7_days", volume.week_before},
            {"change", change},
            {"trend", TrendOf(volume)},
            {"incidents", incidents},
            {"checked_until", checked.empty() ? pg::Json() : pg::Json(FormatMoment(checked[0].Time(0)))},
            {"quality", QualityAt(now)}};
}

}  // namespace pulse::insight
