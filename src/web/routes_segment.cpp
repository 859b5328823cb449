// Routes for segments, their snapshots and incidents.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

#define PULSE_SEGMENT                                                                                          \
    "json_build_object('id', s.id::text, 'name', s.name, 'owner', s.owner, 'description', s.description, "     \
    "'definition', s.definition, 'baseline', s.baseline, 'tags', s.tags, 'kind', s.kind, 'status', s.status, " \
    "'isActive', s.status = 'active', 'version', s.version, 'createdAt', s.created_at, 'updatedAt', s.updated_at)"

// Values of fewer than 10 people are in no answer (pulse.folded_distribution).
#define PULSE_SNAPSHOT                                                                                                     \
    "json_build_object('id', p.id::text, 'segmentId', p.segment_id::text, 'timestamp', p.taken_at, 'size', p.size, "       \
    "'attributeDistributions', (SELECT coalesce(json_object_agg(d.attribute, (SELECT json_object_agg(v.label, v.members) " \
    "FROM unnest(d.labels, d.counts) AS v (label, members))) FILTER (WHERE d.labels <> '{}'), '{}') "                      \
    "FROM pulse.folded_distribution AS d WHERE d.snapshot_id = p.id), "                                                    \
    "'conversionRate', round(p.converted::numeric / nullif(p.size, 0), 4), 'velocityIn', p.entered, "                      \
    "'velocityOut', p.exited, 'netVelocity', p.net_velocity, 'churnRate', p.churn_rate, 'growthRate', p.growth_rate, "     \
    "'status', p.status, 'metadata', json_build_object('segmentName', s.name, 'owner', s.owner))"

// Not all columns: some are not for the level reader.
#define PULSE_SNAPSHOT_COLUMNS                                                                          \
    "SELECT n.id, n.segment_id, n.taken_at, n.size, n.converted, n.entered, n.exited, n.net_velocity, " \
    "n.churn_rate, n.growth_rate, n.status FROM pulse.snapshot AS n "

#define PULSE_INCIDENT                                                                                            \
    "json_build_object('id', i.id::text, 'segmentId', r.segment_id::text, 'timestamp', i.since, "                 \
    "'type', CASE i.detector WHEN 'size_change' THEN 'size_jump' ELSE i.detector END, 'severity', i.severity, "   \
    "'evidence', json_build_object('type', i.detector, 'currentValue', i.observed, 'previousValue', i.baseline, " \
    "'changePercent', i.change, 'threshold', i.threshold, 'affectedAttributes', "                                 \
    "CASE WHEN i.attribute <> '' THEN json_build_array(i.attribute) END, 'details', i.details), "                 \
    "'explanationText', i.summary, 'recommendations', coalesce(r.diagnosis -> 'recommendations', '[]'), "         \
    "'status', CASE i.status WHEN 'acknowledged' THEN 'investigating' ELSE i.status END, "                        \
    "'createdAt', i.opened_at, 'updatedAt', i.last_seen_at, 'resolvedAt', i.closed_at, 'resolvedBy', i.resolved_by)"
#define PULSE_INCIDENTS "FROM pulse.incident AS i JOIN pulse.incident_record AS r ON r.id = i.id "

constexpr Parameter kSegmentId{"segmentId", In::kPath, Type::kId};
constexpr Parameter kStatus{.name = "status",
                            .one_of = "open, investigating, acknowledged, resolved, ignored"};

Parameter Limit(std::string_view fallback, int64_t most = 1000) {
    return {.name = "limit",
            .in = In::kQuery,
            .type = Type::kInteger,
            .fallback = fallback,
            .least = 1,
            .most = most};
}

constexpr std::string_view kOneSegment =
    "SELECT " PULSE_SEGMENT " FROM pulse.segment AS s WHERE s.id = $1::bigint";
constexpr std::string_view kOneIncident =
    "SELECT " PULSE_INCIDENT " " PULSE_INCIDENTS "WHERE i.id = $1::bigint";

std::vector<Route> Segments() {
    return {
        {.method = "GET",
         .path = "/api/segments",
         .access = Access::kRead,
         .read_only = true,
         .summary = "Lists segments",
         .sql = "SELECT coalesce(json_agg(" PULSE_SEGMENT " ORDER BY s.created_at DESC, s.id DESC), '[]') "
                "FROM pulse.segment AS s WHERE s.status = 'active' OR NOT $1::boolean",
         .parameters = {{.name = "activeOnly", .type = Type::kBoolean, .fallback = "true"}}},
        {.method = "POST",
         .path = "/api/segments",
         .status = 201,
         .summary = "Creates a segment",
         .sql =
             "SELECT {v}.pulse_create_segment($1::text, $2::jsonb, $3::text, $4::text, $5::jsonb, $6::text[], false)::text",
         .parameters = {{"name", In::kBody, Type::kText, true},
                        {"definition", In::kBody, Type::kJson, true},
                        {"owner", In::kBody},
                        {"description", In::kBody},
                        {"baseline", In::kBody, Type::kJson},
                        {"tags", In::kBody, Type::kTexts}},
         .then = kOneSegment},
        {.method = "GET",
         .path = "/api/segments/{id}",
         .access = Access::kRead,
         .read_only = true,
         .summary = "One segment",
         .sql = kOneSegment,
         .parameters = {kPathId}},
        {.method = "PUT",
         .path = "/api/segments/{id}",
         .summary = "Changes a segment; what is left out stays",
         .sql =
             "SELECT s.id::text, {v}.pulse_update_segment(s.name, $3::jsonb, $4::text, $5::text, $6::jsonb, "
             "$7::text[], $2::text), CASE WHEN $8::boolean IS NULL OR $8::boolean = (s.status = 'active') THEN '' "
             "WHEN $8::boolean THEN {v}.pulse_resume_segment(coalesce($2::text, s.name))::text "
             "ELSE {v}.pulse_pause_segment(coalesce($2::text, s.name))::text END "
             "FROM pulse.segment AS s WHERE s.id = $1::bigint",
         .parameters = {kPathId,
                        {"name", In::kBody},
                        {"definition", In::kBody, Type::kJson},
                        {"owner", In::kBody},
                        {"description", In::kBody},
                        {"baseline", In::kBody, Type::kJson},
                        {"tags", In::kBody, Type::kTexts},
                        {"isActive", In::kBody, Type::kBoolean}},
         .then = kOneSegment},
        {.method = "DELETE",
         .path = "/api/segments/{id}",
         .status = 204,
         .summary = "Deletes a segment with its history",
         .sql =
             "SELECT nullif({v}.pulse_delete_segment(s.name, true)::text, '') FROM pulse.segment AS s WHERE s.id = $1::bigint",
         .parameters = {kPathId}},
    };
}

std::vector<Route> Snapshots() {
    return {
        {.method = "GET",
         .path = "/api/snapshots",
         .access = Access::kRead,
         .read_only = true,
         .summary = "The newest snapshots of all segments",
         .sql = "SELECT coalesce(json_agg(" PULSE_SNAPSHOT " ORDER BY p.taken_at DESC, p.id DESC), '[]') "
                "FROM (" PULSE_SNAPSHOT_COLUMNS
                "ORDER BY n.id DESC LIMIT $1::bigint) AS p JOIN pulse.segment AS s ON s.id = p.segment_id",
         .parameters = {Limit("100")}},
        {.method = "GET",
         .path = "/api/snapshots/segment/{segmentId}",
         .access = Access::kRead,
         .read_only = true,
         .summary = "The newest snapshots of a segment",
         .sql = "SELECT (SELECT coalesce(json_agg(" PULSE_SNAPSHOT " ORDER BY p.taken_at DESC), '[]') FROM "
                "(" PULSE_SNAPSHOT_COLUMNS
                "WHERE n.segment_id = s.id ORDER BY n.taken_at DESC LIMIT $2::bigint) AS p) "
                "FROM pulse.segment AS s WHERE s.id = $1::bigint",
         .parameters = {kSegmentId, Limit("30")}},
        {.method = "POST",
         .path = "/api/snapshots/take",
         .access = Access::kWrite,
         .summary = "Asks for a snapshot of a segment, or of all that are due; 503 if no worker takes it",
         .sql =
             "SELECT CASE r.state WHEN 'no_worker' THEN json_build_object('error', 'no worker takes snapshots', 'detail', r.detail) "
             "ELSE json_build_object('message', 'Snapshot requested', 'segmentId', r.segment) END, "
             "CASE r.state WHEN 'no_worker' THEN 503 ELSE 200 END AS status, "
             "CASE r.state WHEN 'no_worker' THEN '{\"retry-after\": \"60\"}'::jsonb END AS headers FROM ("
             "SELECT s.id::text AS segment, o.state, o.detail FROM pulse.segment AS s "
             "CROSS JOIN LATERAL {v}.pulse_request_snapshot(s.name, false) AS o WHERE s.id = $1::bigint "
             "UNION ALL SELECT 'all', a.state, a.detail FROM (SELECT WHERE $1::bigint IS NULL OFFSET 0) AS w "
             "CROSS JOIN LATERAL {v}.pulse_request_snapshots() AS a) AS r",
         .parameters = {{"segmentId", In::kBody, Type::kId}}},
    };
}

std::vector<Route> Incidents() {
    return {
        {.method = "GET",
         .path = "/api/drift/incidents",
         .access = Access::kRead,
         .read_only = true,
         .summary = "The newest incidents",
         .sql =
             "SELECT coalesce(json_agg(" PULSE_INCIDENT " ORDER BY i.id DESC), '[]') FROM (SELECT n.id FROM "
             "pulse.incident_record AS n WHERE n.segment_id IS NOT NULL AND ($1::text IS NULL OR n.status = CASE $1::text "
             "WHEN 'investigating' THEN 'acknowledged' ELSE $1::text END) ORDER BY n.id DESC LIMIT $2::bigint) AS w "
             "JOIN pulse.incident AS i ON i.id = w.id JOIN pulse.incident_record AS r ON r.id = i.id",
         .parameters = {kStatus, Limit("100")}},
        {.method = "GET",
         .path = "/api/drift/segment/{segmentId}/incidents",
         .access = Access::kRead,
         .read_only = true,
         .summary = "The newest incidents of a segment",
         .sql =
             "SELECT (SELECT coalesce(json_agg(" PULSE_INCIDENT
             " ORDER BY i.id DESC), '[]') FROM (SELECT n.id FROM "
             "pulse.incident_record AS n WHERE n.segment_id = s.id ORDER BY n.id DESC LIMIT $2::bigint) AS w "
             "JOIN pulse.incident AS i ON i.id = w.id JOIN pulse.incident_record AS r ON r.id = i.id) "
             "FROM pulse.segment AS s WHERE s.id = $1::bigint",
         .parameters = {kSegmentId, Limit("50")}},
        {.method = "GET",
         .path = "/api/drift/incidents/{id}",
         .access = Access::kRead,
         .read_only = true,
         .summary = "One incident",
         .sql = kOneIncident,
         .parameters = {kPathId}},
        {.method = "PATCH",
         .path = "/api/drift/incidents/{id}",
         .summary = "Acknowledges (investigating), resolves or ignores an incident",
         .sql =
             "SELECT i.id::text, CASE $2::text WHEN 'investigating' THEN {v}.pulse_acknowledge_incident(i.id, $3::text) "
             "WHEN 'acknowledged' THEN {v}.pulse_acknowledge_incident(i.id, $3::text) "
             "WHEN 'resolved' THEN {v}.pulse_resolve_incident(i.id, $3::text, false) "
             "WHEN 'ignored' THEN {v}.pulse_ignore_incident(i.id, NULL::text, $3::text)::text END "
             "FROM pulse.incident AS i WHERE i.id = $1::bigint",
         .parameters = {kPathId,
                        {.name = "status",
                         .in = In::kBody,
                         .required = true,
                         .one_of = "investigating, acknowledged, resolved, ignored"},
                        {.name = "note", .in = In::kBody, .synonym = "explanationText"}},
         .then = kOneIncident},
        {.method = "POST",
         .path = "/api/drift/incidents/{id}/resolve",
         .summary = "Resolves an incident",
         .sql =
             "SELECT i.id::text, {v}.pulse_resolve_incident(i.id, CASE WHEN $2::text <> '' THEN 'resolved by ' || $2::text END, false) "
             "FROM pulse.incident AS i WHERE i.id = $1::bigint",
         .parameters = {kPathId, {"resolvedBy", In::kBody}},
         .then = kOneIncident},
        {.method = "POST",
         .path = "/api/drift/incidents/{id}/ignore",
         .summary = "Ignores an incident for good",
         .sql =
             "SELECT i.id::text, {v}.pulse_ignore_incident(i.id, NULL::text, NULL::text) FROM pulse.incident AS i WHERE i.id = $1::bigint",
         .parameters = {kPathId},
         .then = kOneIncident},
        {.method = "GET",
         .path = "/api/drift/incidents/{id}/explanation",
         .access = Access::kRead,
         .read_only = true,
         .summary = "What changed, why, and what to do, as text and as data",
         .sql =
             "SELECT json_build_object('text', (SELECT string_agg(e.explanation, chr(10)) FROM {v}.pulse_explain_incident(i.id) AS e), "
             "'diagnosis', {v}.pulse_diagnose_incident(i.id)) FROM pulse.incident AS i WHERE i.id = $1::bigint",
         .parameters = {kPathId}},
        {.method = "POST",
         .path = "/webhook/drift",
         .webhook = true,
         .summary = "Takes what n8n and similar tools send: acknowledge, resolve, ignore, investigate, check",
         .sql = "SELECT {v}.pulse_receive_webhook($1::jsonb)",
         .parameters = {{"payload", In::kWholeBody, Type::kJson}}},
    };
}

}  // namespace

std::vector<Route> SegmentRoutes() {
    std::vector<Route> routes = Segments();
    for (const auto& part : {Snapshots(), Incidents()}) routes.insert(routes.end(), part.begin(), part.end());
    return routes;
}

}  // namespace pulse::web
