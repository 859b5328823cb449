// Routes for looking at events: volume, quality, catalogue, anomalies, rejected ones, and what arrives now.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

std::vector<Route> EventFigures() {
    return {
        PulseRoute(
            "GET", "/v1/events/volume", Access::kRead,
            "The number of accepted events of each day (UTC) and source",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'days', $1::bigint, 'points', coalesce(json_agg(json_build_object('day', w.day, 'source', w.source, "
            "'events', w.events, 'late', w.late) ORDER BY w.day, w.source), '[]')) FROM (SELECT (h.hour AT TIME ZONE 'UTC')::date AS day, h.source, "
            "sum(h.events)::bigint AS events, sum(h.late)::bigint AS late FROM pulse.events_by_source_hour AS h "
            "WHERE h.hour > date_trunc('day', {v}.pulse_now(), 'UTC') - $1::bigint * interval '1 day' AND h.hour >= date_trunc('day', {v}.pulse_now(), 'UTC') "
            "- ($1::bigint - 1) * interval '1 day' AND h.hour <= {v}.pulse_now() AND ($2::text IS NULL OR h.event = $2::text) GROUP BY 1, 2) AS w",
            {{.name = "days", .type = Type::kInteger, .fallback = "30", .least = 1, .most = 90}, {"event"}}),
        PulseRoute(
            "GET", "/v1/events/summary", Access::kRead,
            "How many events came, and what became of those of each source",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'summary', {v}.pulse_event_anomaly_summary(), 'totals', (SELECT json_object_agg(t.figure, t.events) "
            "FROM {v}.pulse_event_totals() AS t), 'sources', (SELECT coalesce(json_agg(json_build_object('source', s.source, 'accepted', s.accepted, 'duplicates', "
            "s.duplicates, 'conflicting', s.conflicting_duplicates, 'rejected', s.rejected, 'firstAt', s.first_at, 'lastAt', s.last_at) ORDER BY s.source), '[]') "
            "FROM pulse.event_source AS s))"),
        PulseRoute(
            "GET", "/v1/events/quality", Access::kRead,
            "The quality of events, by event, source, day or app_version, or several of them",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'rows', coalesce(json_agg(json_build_object('event', q.event, 'source', q.source, 'day', q.day, "
            "'appVersion', q.app_version, 'events', q.events, 'score', q.score, 'band', q.band, 'identifiers', q.identifiers, 'properties', q.properties, "
            "'delay', q.delay, 'context', q.context, 'excellent', q.excellent, 'good', q.good, 'fair', q.fair, 'poor', q.poor, 'gains', q.gains)), '[]')) "
            "FROM {v}.pulse_event_quality($1::timestamptz, $2::timestamptz, $3::text) AS q",
            {kSince, kUntil, {.name = "by", .fallback = "event, source"}}),
        PulseRoute(
            "GET", "/v1/events/anomalies", Access::kRead,
            "The incidents of events, newest first, with the segments, traits and flags that use the event",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'anomalies', coalesce(json_agg(json_build_object('incident', a.incident::text, 'event', a.event_name, "
            "'detector', a.detector, 'attribute', a.attribute, 'severity', a.severity, 'status', a.status, 'change', a.change, 'baseline', a.baseline, 'observed', "
            "a.observed, 'beganAt', a.began_at, 'closedAt', a.closed_at, 'summary', a.summary, 'segments', a.segments, 'traits', a.traits, 'flags', a.flags)), '[]')) "
            "FROM {v}.pulse_event_anomalies($1::timestamptz, $2::timestamptz, $3::text) AS a",
            {kSince, kUntil, {"event"}}),
        PulseRoute(
            "GET", "/v1/events/catalogue", Access::kRead, "A page of the names of events that were accepted",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'events', coalesce(json_agg(json_build_object('event', w.event, 'events', w.events, 'firstSeenAt', "
            "w.first_seen_at, 'lastSeenAt', w.last_seen_at) ORDER BY w.event), '[]'), 'next', CASE WHEN count(*) = $3::bigint THEN max(w.event) END) "
            "FROM (SELECT c.* FROM pulse.event_catalog AS c WHERE ($1::text IS NULL OR position(lower($1::text) IN lower(c.event)) > 0) "
            "AND ($2::text IS NULL OR c.event > $2::text) ORDER BY c.event LIMIT $3::bigint) AS w",
            {{"q"},
             {"after"},
             {.name = "limit", .type = Type::kInteger, .fallback = "100", .least = 1, .most = 1000}}),
        PulseRoute(
            "GET", "/v1/events/catalogue/{event}", Access::kRead,
            "One name of events, with its properties and what they were seen to be",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'event', c.event, 'events', c.events, 'firstSeenAt', c.first_seen_at, 'lastSeenAt', c.last_seen_at, "
            "'properties', p.list, 'next', p.next) FROM pulse.event_catalog AS c CROSS JOIN LATERAL (SELECT coalesce(json_agg(json_build_object('property', w.property, "
            "'type', w.type, 'types', w.types, 'nullRate', w.null_rate, 'examples', w.examples, 'lastSeenAt', w.last_seen_at) ORDER BY w.property), '[]') AS list, "
            "CASE WHEN count(*) = $3::bigint THEN max(w.property) END AS next FROM (SELECT y.* FROM pulse.property_catalog AS y WHERE y.event = $1::text "
            "AND ($2::text IS NULL OR y.property > $2::text) ORDER BY y.property LIMIT $3::bigint) AS w) AS p WHERE c.event = $1::text",
            {{"event", In::kPath},
             {"after"},
             {.name = "limit", .type = Type::kInteger, .fallback = "100", .least = 1, .most = 1000}}),
    };
}

// The place of an event in the tail: a moment in microseconds, its verdict and its id.
#define PULSE_TAIL_AT "(extract(epoch FROM t.received_at) * 1000000)::bigint"
#define PULSE_TAIL_KEY PULSE_TAIL_AT " || '.' || t.verdict || '.' || t.id"
#define PULSE_TAIL_PLACE(n)                                                                       \
    "(split_part($" n "::text, '.', 1)::bigint, split_part($" n "::text, '.', 2), split_part($" n \
    "::text, '.', 3)::bigint)"

std::vector<Route> EventLists() {
    return {
        PulseRoute(
            "GET", "/v1/events/tail", Access::kRead,
            "The newest events with their verdict, newest first; after: only those that came since",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'events', coalesce(json_agg(w.item ORDER BY w.moment DESC, w.verdict DESC, w.id DESC), '[]'), "
            "'newest', (array_agg(w.place ORDER BY w.moment DESC, w.verdict DESC, w.id DESC))[1], 'next', CASE WHEN count(*) = $6::bigint THEN "
            "(array_agg(w.place ORDER BY w.moment, w.verdict, w.id))[1] END) FROM (SELECT " PULSE_TAIL_AT
            " AS moment, t.verdict, t.id, " PULSE_TAIL_KEY
            " AS place, json_build_object('key', " PULSE_TAIL_KEY
            ", 'id', t.id::text, 'receivedAt', t.received_at, 'verdict', t.verdict, 'event', t.event, 'type', t.type, 'source', t.source, 'profileId', "
            "t.profile_id::text, 'time', t.time, 'messageId', t.message_id, 'properties', t.properties, 'reason', t.reason, 'detail', t.detail) AS item "
            "FROM pulse.event_tail AS t WHERE ($1::text IS NULL OR t.verdict = $1::text) AND ($2::text IS NULL OR t.event = $2::text) "
            "AND ($3::text IS NULL OR t.source = $3::text) AND ($4::text IS NULL OR (" PULSE_TAIL_AT
            ", t.verdict, t.id) < " PULSE_TAIL_PLACE(
                "4") ") AND ($5::text IS NULL OR (" PULSE_TAIL_AT
                     ", t.verdict, t.id) > " PULSE_TAIL_PLACE(
                         "5") ") ORDER BY 1 DESC, 2 DESC, 3 DESC LIMIT $6::bigint) AS w",
            {{.name = "verdict", .one_of = "accepted, rejected"},
             {"event"},
             {"source"},
             {"before"},
             kAfterName,
             kRowsOfPage}),
        // With filters it looks at 5,000 at most; the next page goes on where it stopped.
        PulseRoute(
            "GET", "/v1/events/rejected", Access::kRead,
            "Rejected events that are kept, the newest first, with the reason",
            "WITH looked AS MATERIALIZED (SELECT r.id FROM pulse.rejected_event AS r WHERE ($3::bigint IS NULL OR r.id < $3::bigint) ORDER BY r.id DESC LIMIT 5000), "
            "page AS MATERIALIZED (SELECT r.* FROM looked AS l JOIN pulse.rejected_event AS r ON r.id = l.id WHERE ($1::text IS NULL OR r.reason = $1::text) "
            "AND ($2::text IS NULL OR r.source = $2::text) ORDER BY r.id DESC LIMIT $4::bigint) "
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'events', coalesce(json_agg(json_build_object('id', p.id::text, 'receivedAt', p.received_at, 'source', "
            "p.source, 'messageId', p.message_id, 'reason', p.reason, 'detail', p.detail, 'payload', p.payload, 'attempts', p.attempts, 'replayedAt', p.replayed_at) "
            "ORDER BY p.id DESC), '[]'), 'next', CASE WHEN count(*) = $4::bigint THEN min(p.id)::text ELSE (SELECT CASE WHEN count(*) = 5000 THEN min(l.id)::text END "
            "FROM looked AS l) END) FROM page AS p",
            {{"reason"}, {"source"}, kBeforeId, kRowsOfPage}),
        PulseRoute(
            "POST", "/v1/events/rejected/replay", Access::kAdmin,
            "Tries rejected events again: those with the ids, those with the reason, or all",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'accepted', count(*) FILTER (WHERE r.status = 'accepted'), 'duplicates', count(*) FILTER (WHERE "
            "r.status = 'duplicate'), 'rejected', count(*) FILTER (WHERE r.status = 'rejected'), 'results', coalesce(json_agg(json_build_object('id', r.id::text, "
            "'status', r.status, 'reason', r.reason, 'detail', r.detail) ORDER BY r.id), '[]')) FROM {v}.pulse_replay_rejected($1::text[]::bigint[], $2::text, $3::bigint) AS r",
            {{"ids", In::kBody, Type::kTexts},
             {"reason", In::kBody},
             {.name = "max",
              .in = In::kBody,
              .type = Type::kInteger,
              .fallback = "1000",
              .least = 1,
              .most = 10000}}),
    };
}

}  // namespace

std::vector<Route> EventViewRoutes() {
    std::vector<Route> routes = EventFigures();
    const std::vector<Route> lists = EventLists();
    routes.insert(routes.end(), lists.begin(), lists.end());
    return routes;
}

}  // namespace pulse::web
