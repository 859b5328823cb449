// Routes of Stratum for the quality and the anomalies of events.
#include "pulse/web/routes.hpp"

namespace pulse::web {

std::vector<Route> EventQualityRoutes() {
    return {
        StratumRoute(
            "GET", PULSE_CDP "/anomalies/events", Access::kRead, "The incidents of events, newest first",
            "SELECT coalesce(json_agg(json_build_object('id', a.incident::text, 'event_name', a.event_name, 'detector', a.detector, "
            "'attribute', a.attribute, 'severity', a.severity, 'status', a.status, 'direction', a.direction, 'expected', a.baseline, "
            "'actual', a.observed, 'change', a.change, 'began_at', a.began_at, 'detected_at', a.opened_at, 'closed_at', a.closed_at, "
            "'group_id', a.group_id::text, 'summary', a.summary, 'segments', a.segments, 'traits', a.traits, 'flags', a.flags)), '[]') "
            "FROM {v}.pulse_event_anomalies($1::timestamptz, $2::timestamptz, $3::text) AS a",
            {kSince, kUntil, {.name = "event_name", .synonym = "event"}}),
        StratumRoute("GET", PULSE_CDP "/anomalies/summary", Access::kRead,
                     "How many events came, and how good they are",
                     "SELECT {v}.pulse_event_anomaly_summary()::json"),
        StratumRoute(
            "GET", PULSE_CDP "/events/quality", Access::kRead,
            "The quality of events, by event, source, day or app_version, or several of them",
            "SELECT coalesce(json_agg(q), '[]') FROM {v}.pulse_event_quality($1::timestamptz, $2::timestamptz, $3::text) AS q",
            {kSince, kUntil, {.name = "by", .fallback = "event, source"}}),
    };
}

}  // namespace pulse::web
