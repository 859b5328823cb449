// Routes for one segment over time, and for incidents with their evidence.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

constexpr Parameter kSegmentName{"name", In::kPath};
constexpr Parameter kMostPoints{
    .name = "limit", .type = Type::kInteger, .fallback = "200", .least = 1, .most = 10000};

std::vector<Route> SegmentHistory() {
    return {
        {.method = "GET",
         .path = "/v1/segments/{name}/history",
         .access = Access::kRead,
         .read_only = true,
         .summary =
             "The newest snapshots of a segment, oldest first: size with what was expected, who entered and left, conversion",
         .sql =
             "SELECT json_build_object('asOf', {v}.pulse_now(), 'points', (SELECT coalesce(json_agg(json_build_object('id', p.id::text, 'at', p.taken_at, "
             "'size', p.size, 'entered', p.entered, 'exited', p.exited, 'conversion', round(p.converted::numeric / nullif(p.size, 0), 4), "
             "'status', p.status, 'version', p.version, 'expected', u.expected, 'low', u.low, 'high', u.high) ORDER BY p.taken_at), '[]') "
             "FROM (SELECT n.id, n.segment_id, n.taken_at, n.size, n.entered, n.exited, n.converted, n.status, n.version FROM pulse.snapshot AS n WHERE n.segment_id = s.id AND n.taken_at <= {v}.pulse_now() "
             "ORDER BY n.taken_at DESC LIMIT $2::bigint) AS p LEFT JOIN {v}.pulse_expected_sizes($1::text, $2::bigint) AS u ON u.taken_at = p.taken_at)) "
             "FROM pulse.segment AS s WHERE s.name = $1::text",
         .parameters = {kSegmentName, kMostPoints}},
        {.method = "GET",
         .path = "/v1/segments/{name}/distributions",
         .access = Access::kRead,
         .read_only = true,
         .summary =
             "How the values of a segment's attributes were distributed in its newest snapshots; values of fewer than 10 members are other",
         .sql =
             "SELECT json_build_object('asOf', {v}.pulse_now(), 'attributes', (SELECT coalesce(json_agg(DISTINCT d.attribute), '[]') FROM pulse.distribution AS d "
             "WHERE d.snapshot_id = (SELECT l.id FROM pulse.snapshot AS l WHERE l.segment_id = s.id AND l.status = 'ok' ORDER BY l.taken_at DESC LIMIT 1)), "
             "'points', (SELECT coalesce(json_agg(json_build_object('at', p.taken_at, 'kind', f.kind, 'total', f.total, 'nulls', f.nulls, 'other', f.other, "
             "'labels', f.labels, 'edges', f.edges, 'counts', f.counts, 'mean', f.mean, 'quantiles', f.quantiles) ORDER BY p.taken_at), '[]') "
             "FROM (SELECT n.id, n.taken_at FROM pulse.snapshot AS n WHERE n.segment_id = s.id AND n.status = 'ok' AND n.taken_at <= {v}.pulse_now() "
             "ORDER BY n.taken_at DESC LIMIT $3::bigint) AS p JOIN pulse.folded_distribution AS f ON f.snapshot_id = p.id AND f.attribute = $2::text)) "
             "FROM pulse.segment AS s WHERE s.name = $1::text",
         .parameters =
             {kSegmentName,
              {"attribute"},
              {.name = "limit", .type = Type::kInteger, .fallback = "60", .least = 1, .most = 400}}},
        {.method = "GET",
         .path = "/v1/segments/{name}/versions",
         .access = Access::kRead,
         .read_only = true,
         .summary = "A page of versions of a segment's definition, the newest first, with who changed what",
         .sql =
             "SELECT (SELECT json_build_object('asOf', {v}.pulse_now(), 'versions', coalesce(json_agg(json_build_object('version', v.version, "
             "'definition', v.definition, 'change', v.change, 'changedBy', v.changed_by, 'changedAt', v.changed_at) ORDER BY v.version DESC), '[]'), 'next', CASE WHEN count(*) = 10 THEN min(v.version)::text END) "
             "FROM (SELECT * FROM pulse.segment_version AS w WHERE w.segment_id = s.id AND ($2::bigint IS NULL OR w.version < $2::bigint) "
             "ORDER BY w.version DESC LIMIT 10) AS v) FROM pulse.segment AS s WHERE s.name = $1::text",
         .parameters = {kSegmentName, {.name = "before", .type = Type::kInteger}}},
        {.method = "GET",
         .path = "/v1/segments/{name}/explanation",
         .access = Access::kRead,
         .read_only = true,
         .summary =
             "A segment in detail: its rule, the SQL it becomes, whose rights it uses, the planner's estimate",
         .sql =
             "SELECT json_build_object('asOf', {v}.pulse_now(), 'items', json_agg(json_build_object('item', e.item, 'value', e.value) ORDER BY e.place)) "
             "FROM {v}.pulse_explain_segment($1::text) WITH ORDINALITY AS e (item, value, place)",
         .parameters = {kSegmentName}},
        {.method = "POST",
         .path = "/v1/segments/{name}/pin",
         .summary = "Pins a snapshot, by default the newest, as what a segment is compared with",
         .sql = "SELECT json_build_object('snapshot', {v}.pulse_pin_baseline($1::text, $2::bigint)::text)",
         .parameters = {kSegmentName, {.name = "snapshot", .in = In::kBody, .type = Type::kId}}},
        {.method = "DELETE",
         .path = "/v1/segments/{name}/pin",
         .summary = "Compares a segment with its history again; unpinned is false if nothing was pinned",
         .sql = "SELECT json_build_object('unpinned', {v}.pulse_unpin_baseline($1::text))",
         .parameters = {kSegmentName}},
    };
}

#define PULSE_LISTED_INCIDENT                                                                                 \
    "json_build_object('id', i.id::text, 'severity', i.severity, 'status', i.status, 'segment', i.segment, "  \
    "'relation', i.relation, 'source', i.source, 'event', i.event, 'detector', i.detector, 'attribute', "     \
    "i.attribute, 'change', i.change, 'baseline', i.baseline, 'observed', i.observed, 'direction', "          \
    "i.direction, 'summary', i.summary, 'since', i.since, 'openedAt', i.opened_at, 'lastSeenAt', "            \
    "i.last_seen_at, 'closedAt', i.closed_at, 'resolvedBy', i.resolved_by, 'ignoredUntil', i.ignored_until, " \
    "'group', i.group_id::text, 'threshold', i.threshold, 'pValue', i.p_value, 'baselineKind', i.baseline_kind"

constexpr std::string_view kOneListedIncident =
    "SELECT json_build_object('asOf', {v}.pulse_now(), 'incident', " PULSE_LISTED_INCIDENT
    ", 'details', i.details, 'segmentId', r.segment_id::text)) FROM pulse.incident AS i "
    "JOIN pulse.incident_record AS r ON r.id = i.id WHERE i.id = $1::bigint";

std::vector<Route> IncidentRoutes() {
    return {
        {.method = "GET",
         .path = "/v1/incidents",
         .access = Access::kRead,
         .read_only = true,
         .summary = "A page of incidents of segments, tables and events, the newest first",
         .sql =
             "SELECT json_build_object('asOf', {v}.pulse_now(), 'incidents', coalesce(json_agg(w.item ORDER BY w.id DESC), '[]'), "
             "'next', CASE WHEN count(*) = $7::bigint THEN min(w.id)::text END) FROM (SELECT i.id, " PULSE_LISTED_INCIDENT
             ") AS item FROM (SELECT n.id FROM pulse.incident_record AS n LEFT JOIN pulse.segment AS g ON g.id = n.segment_id "
             "WHERE ($1::text IS NULL OR n.status = $1::text OR $1::text = 'live' AND n.status IN ('open', 'acknowledged')) "
             "AND ($2::text IS NULL OR n.severity = $2::text) AND ($3::text IS NULL OR g.name = $3::text) "
             "AND ($4::text IS NULL OR n.detector = $4::text) "
             "AND ($5::text IS NULL OR $5::text = CASE WHEN n.segment_id IS NOT NULL THEN 'segment' WHEN n.monitor_id IS NOT NULL THEN 'table' ELSE 'event' END) "
             "AND ($6::bigint IS NULL OR n.id < $6::bigint) ORDER BY n.id DESC LIMIT $7::bigint) AS k JOIN pulse.incident AS i ON i.id = k.id) AS w",
         .parameters = {{.name = "status", .one_of = "live, open, acknowledged, resolved, ignored"},
                        {.name = "severity", .one_of = "low, medium, high, critical"},
                        {"segment"},
                        {"detector"},
                        {.name = "about", .one_of = "segment, table, event"},
                        kBeforeId,
                        kRowsOfPage}},
        {.method = "GET",
         .path = "/v1/incidents/{id}",
         .access = Access::kRead,
         .read_only = true,
         .summary = "One incident of a segment, table or event",
         .sql = kOneListedIncident,
         .parameters = {kPathId}},
        {.method = "GET",
         .path = "/v1/incidents/{id}/diagnosis",
         .access = Access::kRead,
         .read_only = true,
         .summary = "What changed, why, and what to do: as sentences and as data",
         .sql =
             "SELECT json_build_object('asOf', {v}.pulse_now(), 'sentences', (SELECT json_agg(e.explanation ORDER BY e.place) FROM "
             "{v}.pulse_explain_incident(i.id) WITH ORDINALITY AS e (explanation, place)), 'diagnosis', {v}.pulse_diagnose_incident(i.id)) "
             "FROM pulse.incident_record AS i WHERE i.id = $1::bigint",
         .parameters = {kPathId}},
        {.method = "GET",
         .path = "/v1/incidents/{id}/investigations",
         .access = Access::kRead,
         .read_only = true,
         .summary = "The investigations of an incident by a model, the newest first, with their steps",
         .sql =
             "SELECT json_build_object('asOf', {v}.pulse_now(), 'investigations', (SELECT coalesce(json_agg(json_build_object('id', v.id::text, 'model', v.model, "
             "'status', v.status, 'requestedBy', v.requested_by, 'startedAt', v.started_at, 'finishedAt', v.finished_at, 'steps', v.steps, 'inputTokens', "
             "v.input_tokens, 'outputTokens', v.output_tokens, 'cost', v.cost, 'result', v.result, 'reason', v.reason, 'log', "
             "(SELECT coalesce(json_agg(json_build_object('step', t.step, 'kind', t.kind, 'name', t.name, 'sent', t.sent, 'answered', t.answered, "
             "'error', t.error, 'startedAt', t.started_at, 'durationMs', t.duration_ms) ORDER BY t.id), '[]') FROM pulse.agent_step AS t "
             "WHERE t.investigation_id = v.id)) ORDER BY v.id DESC), '[]') FROM (SELECT * FROM pulse.investigation AS n WHERE n.incident_id = i.id "
             "ORDER BY n.id DESC LIMIT 5) AS v)) FROM pulse.incident_record AS i WHERE i.id = $1::bigint",
         .parameters = {kPathId}},
        {.method = "POST",
         .path = "/v1/incidents/{id}/acknowledge",
         .summary = "Acknowledges an incident: a person is working on it",
         .sql =
             "SELECT i.id::text, {v}.pulse_acknowledge_incident(i.id, $2::text) FROM pulse.incident_record AS i WHERE i.id = $1::bigint",
         .parameters = {kPathId, {"note", In::kBody}},
         .then = kOneListedIncident},
        {.method = "POST",
         .path = "/v1/incidents/{id}/resolve",
         .summary = "Closes an incident; with newNormal its baseline restarts where it began",
         .sql =
             "SELECT i.id::text, {v}.pulse_resolve_incident(i.id, $2::text, $3::boolean) FROM pulse.incident_record AS i WHERE i.id = $1::bigint",
         .parameters = {kPathId,
                        {"note", In::kBody},
                        {.name = "newNormal", .in = In::kBody, .type = Type::kBoolean, .fallback = "false"}},
         .then = kOneListedIncident},
        {.method = "POST",
         .path = "/v1/incidents/{id}/ignore",
         .summary = "Mutes an incident until a time, for an interval such as 3 days, or for good",
         .sql =
             "SELECT i.id::text, {v}.pulse_ignore_incident(i.id, $2::text, $3::text) FROM pulse.incident_record AS i WHERE i.id = $1::bigint",
         .parameters = {kPathId, {"until", In::kBody}, {"reason", In::kBody}},
         .then = kOneListedIncident},
    };
}

}  // namespace

std::vector<Route> HistoryRoutes() {
    std::vector<Route> routes = SegmentHistory();
    const std::vector<Route> incidents = IncidentRoutes();
    routes.insert(routes.end(), incidents.begin(), incidents.end());
    return routes;
}

}  // namespace pulse::web
