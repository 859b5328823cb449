// Routes of audiences on other platforms: Pulse's own, and those of Stratum's customer data platform.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

#define PULSE_AUDIENCE                                                                                      \
    "json_build_object('id', d.id::text, 'name', o.name, 'segment', o.segment, 'destination', "             \
    "o.destination, 'status', o.status, 'status_reason', o.status_reason, 'platform_id', o.platform_id, "   \
    "'people', o.sent, 'adding', o.adding, 'removing', o.removing, 'refused', o.refused, 'members', "       \
    "o.members, 'matchable', o.matchable, 'suppressed', o.suppressed, 'counted_at', o.counted_at, "         \
    "'matchability', o.matchability, 'match_rate', json_build_object('low', o.match_low, 'high', "          \
    "o.match_high, 'source', o.match_source, 'at', o.match_at), 'platform_size', json_build_object('low', " \
    "o.size_low, 'high', o.size_high, 'at', o.size_at), 'last_sync_status', o.last_status, "                \
    "'last_sync_error', o.last_error, 'last_sync_at', o.last_sync_at, 'next_sync_at', o.next_sync_at, "     \
    "'warnings', o.warned, 'created_at', o.created_at)"
#define PULSE_AUDIENCES \
    " FROM pulse.audience_overview AS o JOIN pulse.audience AS d ON d.name OPERATOR(pg_catalog.=) o.name"
#define PULSE_RUN                                                                                          \
    "json_build_object('id', r.id::text, 'operation', r.operation, 'status', r.status, 'triggered_by', "   \
    "r.triggered_by, 'total', r.total, 'sent', r.sent, 'added', r.added, 'removed', r.removed, 'failed', " \
    "r.failed, 'suppressed', r.suppressed, 'suppressed_by', r.suppressed_by, 'match_low', r.match_low, "   \
    "'match_high', r.match_high, 'people', r.people, 'size_low', r.size_low, 'size_high', r.size_high, "   \
    "'held_by', r.held_by, 'action_id', r.action_id::text, 'share_reason', r.share_reason, 'because', "    \
    "r.because, 'created_at', r.created_at, 'started_at', r.started_at, 'finished_at', r.finished_at)"
// The columns of it that every reader sees.
#define PULSE_RUN_COLUMNS                                                                           \
    "s.id, s.operation, s.status, s.triggered_by, s.total, s.sent, s.added, s.removed, s.failed, "  \
    "s.suppressed, s.suppressed_by, s.match_low, s.match_high, s.people, s.size_low, s.size_high, " \
    "s.held_by, s.action_id, s.share_reason, s.because, s.created_at, s.started_at, s.finished_at"
// The name of an audience by its id.
#define PULSE_AUDIENCE_NAME \
    "(SELECT a.name FROM pulse.audience AS a WHERE a.id OPERATOR(pg_catalog.=) $1::bigint)"

constexpr std::string_view kOneAudience =
    "SELECT " PULSE_AUDIENCE PULSE_AUDIENCES " WHERE d.id OPERATOR(pg_catalog.=) $1::bigint";
constexpr std::string_view kAudienceByName =
    "SELECT " PULSE_AUDIENCE PULSE_AUDIENCES " WHERE o.name OPERATOR(pg_catalog.=) $1::text";
constexpr std::string_view kAudiencePage =
    "SELECT to_jsonb(" PULSE_AUDIENCE
    ") || jsonb_build_object('asOf', {v}.pulse_now(), 'description', d.description, 'purposes', d.purposes, 'identifiers', d.identifiers, "
    "'interval', CASE WHEN d.on_change THEN 'change' ELSE coalesce(d.sync_every::text, 'manual') END, 'full_every', d.full_every::text, "
    "'max_share', d.max_share, 'last_full_at', d.last_full_at, 'created_by', d.created_by)" PULSE_AUDIENCES
    " WHERE o.name OPERATOR(pg_catalog.=) $1::text";
constexpr std::string_view kRunsByName =
    "SELECT (SELECT json_build_object('asOf', {v}.pulse_now(), 'syncs', coalesce(json_agg(" PULSE_RUN
    " ORDER BY r.id DESC), '[]'), 'next', CASE WHEN count(*) OPERATOR(pg_catalog.=) $2::bigint THEN min(r.id)::text END) "
    "FROM (SELECT " PULSE_RUN_COLUMNS
    " FROM pulse.sync_run AS s WHERE (s.audience_id, s.id) OPERATOR(pg_catalog.<) (a.id, coalesce($3::bigint, 9223372036854775807)) "
    "AND s.audience_id OPERATOR(pg_catalog.>=) a.id ORDER BY s.audience_id DESC, s.id DESC LIMIT $2::bigint) AS r) "
    "FROM pulse.audience AS a WHERE a.name OPERATOR(pg_catalog.=) $1::text";
constexpr std::string_view kRunsById =
    "SELECT json_build_object('jobs', coalesce((SELECT json_agg(" PULSE_RUN
    ") FROM (SELECT " PULSE_RUN_COLUMNS
    " FROM pulse.sync_run AS s WHERE s.audience_id OPERATOR(pg_catalog.=) a.id ORDER BY s.id DESC LIMIT "
    "$2::bigint) AS r), '[]')) FROM pulse.audience AS a WHERE a.id OPERATOR(pg_catalog.=) $1::bigint";

constexpr Parameter kAudienceName{"name", In::kPath};
constexpr Parameter kMostRuns{
    .name = "limit", .type = Type::kInteger, .fallback = "20", .least = 1, .most = 1000};
constexpr Parameter kOperation{
    .name = "operation", .in = In::kBody, .fallback = "auto", .one_of = "auto, delta, full, replace"};

std::vector<Route> OwnAudienceRoutes() {
    Route create = PulseRoute(
        "POST", "/v1/audiences", Access::kAdmin, "Creates an audience",
        "SELECT {v}.pulse_create_audience($1::text, $2::text, $3::text, coalesce($4::jsonb, '{}'))::text",
        {{"name", In::kBody, Type::kText, true},
         {"segment", In::kBody, Type::kText, true},
         {"destination", In::kBody, Type::kText, true},
         {"options", In::kBody, Type::kJson}},
        kOneAudience);
    create.status = 201;
    Route sync =
        PulseRoute("POST", "/v1/audiences/{name}/sync", Access::kAdmin,
                   "Queues a sync of an audience; 409 while one is under way",
                   "SELECT json_build_object('run', {v}.pulse_sync_audience($1::text, $2::text)::text)",
                   {kAudienceName, kOperation});
    sync.status = 202;
    Route remove = PulseRoute(
        "DELETE", "/v1/audiences/{name}", Access::kAdmin, "Deletes an audience, on its platform first",
        "SELECT json_build_object('status', {v}.pulse_delete_audience($1::text, $2::boolean))",
        {kAudienceName, {.name = "delete_from_platform", .type = Type::kBoolean, .fallback = "true"}});
    remove.status = 200;
    return {
        PulseRoute(
            "GET", "/v1/audiences", Access::kRead, "A page of audiences by name",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'audiences', coalesce(json_agg(w.item ORDER BY w.key), '[]'), "
            "'next', CASE WHEN count(*) = $2::bigint THEN max(w.key) END) FROM (SELECT d.name AS key, " PULSE_AUDIENCE
            " AS item" PULSE_AUDIENCES
            " WHERE d.name > coalesce($1::text, '') ORDER BY d.name LIMIT $2::bigint) AS w",
            {{"after"},
             {.name = "limit", .type = Type::kInteger, .fallback = "1000", .least = 1, .most = 1000}}),
        create,
        PulseRoute("GET", "/v1/audiences/{name}", Access::kRead, "One audience", kAudiencePage,
                   {kAudienceName}),
        PulseRoute(
            "PATCH", "/v1/audiences/{name}", Access::kAdmin, "Changes options of an audience",
            "SELECT json_build_object('updated', {v}.pulse_update_audience($1::text, $2::jsonb)::text IS NOT NULL)",
            {kAudienceName, {"options", In::kBody, Type::kJson, true}}),
        remove,
        sync,
        PulseRoute(
            "POST", "/v1/audiences/{name}/pause", Access::kAdmin, "Pauses an audience",
            "SELECT json_build_object('paused', {v}.pulse_pause_audience($1::text, $2::text)::text IS NOT NULL)",
            {kAudienceName, {"reason", In::kBody}}),
        PulseRoute(
            "POST", "/v1/audiences/{name}/resume", Access::kAdmin, "Resumes an audience",
            "SELECT json_build_object('resumed', {v}.pulse_resume_audience($1::text)::text IS NOT NULL)",
            {kAudienceName}),
        PulseRoute("GET", "/v1/audiences/{name}/syncs", Access::kRead,
                   "A page of the syncs of an audience, the newest first", kRunsByName,
                   {kAudienceName, kMostRuns, kBeforeId}),
        PulseRoute(
            "GET", "/v1/audiences/{name}/preview", Access::kRead,
            "Whom a full sync would send, and who is left out and why: of everybody, or of so many people if there are more",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'preview', json_agg(json_build_object('part', p.part, 'item', p.item, 'people', p.people, "
            "'value', p.value))) FROM {v}.pulse_preview_audience($1::text, $2::bigint, $3::bigint) AS p",
            {kAudienceName,
             {.name = "sample", .type = Type::kInteger, .fallback = "5", .least = 0, .most = 100},
             {.name = "among", .type = Type::kInteger, .fallback = "20000", .least = 1, .most = 100000}}),
    };
}

std::vector<Route> StratumAudienceRoutes() {
    Route create = StratumRoute(
        "POST", PULSE_CDP "/audience-sync/audiences", Access::kAdmin, "Creates an audience",
        "SELECT {v}.pulse_create_audience($1::text, (SELECT s.name FROM pulse.segment AS s WHERE s.id "
        "OPERATOR(pg_catalog.=) $2::bigint), $3::text, jsonb_strip_nulls(jsonb_build_object('description', $4::text, 'interval', "
        "CASE WHEN NOT coalesce($5::boolean, true) THEN 'manual' ELSE coalesce($6::bigint, 24)::text || ' hours' END)))::text",
        {{"name", In::kBody, Type::kText, true, {}, "platform_audience_name"},
         {"segment_id", In::kBody, Type::kId, true},
         {"platform", In::kBody, Type::kText, true, {}, "destination"},
         {"description", In::kBody},
         {.name = "auto_sync", .in = In::kBody, .type = Type::kBoolean},
         {.name = "sync_interval_hours", .in = In::kBody, .type = Type::kInteger, .least = 1, .most = 168}},
        kOneAudience);
    create.status = 201;
    Route sync = StratumRoute(
        "POST", PULSE_CDP "/audience-sync/audiences/{id}/sync", Access::kAdmin,
        "Queues a sync of an audience; 409 while one is under way",
        "SELECT json_build_object('job_id', {v}.pulse_sync_audience(a.name, CASE $2::text WHEN 'update' THEN 'auto' WHEN 'create' THEN "
        "'full' ELSE $2::text END)::text, 'status', 'pending') FROM pulse.audience AS a WHERE a.id OPERATOR(pg_catalog.=) $1::bigint",
        {kPathId,
         {.name = "operation",
          .in = In::kBody,
          .fallback = "update",
          .one_of = "update, create, replace, auto, delta, full"}});
    sync.status = 202;
    Route remove = StratumRoute(
        "DELETE", PULSE_CDP "/audience-sync/audiences/{id}", Access::kAdmin,
        "Deletes an audience, on its platform first",
        "SELECT json_build_object('status', {v}.pulse_delete_audience(a.name, $2::boolean)) FROM pulse.audience AS a WHERE a.id "
        "OPERATOR(pg_catalog.=) $1::bigint",
        {kPathId, {.name = "delete_from_platform", .type = Type::kBoolean, .fallback = "true"}});
    remove.status = 200;
    return {
        StratumRoute(
            "GET", PULSE_CDP "/audience-sync/platforms", Access::kRead, "The destinations of audiences",
            "SELECT json_build_object('platforms', coalesce((SELECT json_agg(json_build_object('name', s.srvname, 'platform', "
            "(SELECT o.option_value FROM pg_catalog.pg_options_to_table(s.srvoptions) AS o WHERE o.option_name "
            "OPERATOR(pg_catalog.=) 'platform')) ORDER BY s.srvname) FROM pg_catalog.pg_foreign_server AS s JOIN "
            "pg_catalog.pg_foreign_data_wrapper AS w ON w.oid OPERATOR(pg_catalog.=) s.srvfdw AND w.fdwname "
            "OPERATOR(pg_catalog.=) 'pulse_destination'), '[]'))"),
        StratumRoute("GET", PULSE_CDP "/audience-sync/audiences", Access::kRead, "Lists audiences",
                     "SELECT json_build_object('audiences', coalesce(json_agg(" PULSE_AUDIENCE
                     " ORDER BY o.name), '[]'), 'total', count(*))" PULSE_AUDIENCES),
        create,
        StratumRoute("GET", PULSE_CDP "/audience-sync/audiences/{id}", Access::kRead, "One audience",
                     kOneAudience, {kPathId}),
        StratumRoute(
            "PATCH", PULSE_CDP "/audience-sync/audiences/{id}", Access::kAdmin,
            "Changes options of an audience",
            "SELECT json_build_object('updated', {v}.pulse_update_audience(a.name, jsonb_strip_nulls(jsonb_build_object("
            "'description', $2::text, 'interval', CASE WHEN NOT $3::boolean THEN 'manual' WHEN $4::bigint IS NOT NULL THEN "
            "$4::bigint::text || ' hours' END)))::text IS NOT NULL) FROM pulse.audience AS a WHERE a.id OPERATOR(pg_catalog.=) $1::bigint",
            {kPathId,
             {"description", In::kBody},
             {.name = "auto_sync", .in = In::kBody, .type = Type::kBoolean},
             {.name = "sync_interval_hours",
              .in = In::kBody,
              .type = Type::kInteger,
              .least = 1,
              .most = 168}}),
        remove,
        sync,
        StratumRoute("GET", PULSE_CDP "/audience-sync/audiences/{id}/history", Access::kRead,
                     "The last syncs of an audience", kRunsById, {kPathId, kMostRuns}),
        StratumRoute("GET", PULSE_CDP "/audience-sync/segments/{id}/audiences", Access::kRead,
                     "The audiences of a segment",
                     "SELECT json_build_object('audiences', coalesce(json_agg(" PULSE_AUDIENCE
                     " ORDER BY o.name), '[]'))" PULSE_AUDIENCES
                     " WHERE d.segment_id OPERATOR(pg_catalog.=) $1::bigint",
                     {kPathId}),
        StratumRoute(
            "POST", PULSE_CDP "/audience-sync/segments/{id}/sync-all", Access::kAdmin,
            "Queues a sync of each audience of a segment that has none under way",
            "SELECT json_build_object('jobs', coalesce((SELECT json_agg(json_build_object('audience_id', a.id::text, 'job_id', "
            "{v}.pulse_sync_audience(a.name, 'auto'::text)::text)) FROM pulse.audience AS a WHERE a.segment_id "
            "OPERATOR(pg_catalog.=) $1::bigint AND a.status OPERATOR(pg_catalog.=) 'active' AND EXISTS (SELECT FROM "
            "pulse.audience_home AS h WHERE h.audience_id OPERATOR(pg_catalog.=) a.id) AND NOT EXISTS (SELECT FROM "
            "pulse.sync_run AS r WHERE r.audience_id OPERATOR(pg_catalog.=) a.id AND r.status IN ('pending', 'processing', "
            "'held') AND r.operation OPERATOR(pg_catalog.<>) 'erase')), '[]'))",
            {kPathId}),
    };
}

}  // namespace

std::vector<Route> AudienceRoutes() {
    std::vector<Route> routes = OwnAudienceRoutes();
    const std::vector<Route> stratum = StratumAudienceRoutes();
    routes.insert(routes.end(), stratum.begin(), stratum.end());
    return routes;
}

}  // namespace pulse::web
