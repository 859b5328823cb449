// Routes for looking at the health of data: monitored tables with their checks over time, and sources.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

#define PULSE_WATCHED                                                                                          \
    "'id', m.id::text, 'table', v.\"table\", 'source', v.source, 'state', v.state, 'incidents', v.incidents, " \
    "'worst', v.worst, 'lastCheck', v.last_check, 'nextCheck', v.next_check, 'what', v.what, 'checks', "       \
    "v.checks, 'mutedUntil', v.muted_until, 'owner', v.owner, 'tags', m.tags, 'everySeconds', extract(epoch FROM m.every)::float8"
#define PULSE_WATCHED_FROM                                                                    \
    "FROM pulse.monitor AS m JOIN pulse.table_overview AS v ON v.\"table\" = m.relation AND " \
    "v.source IS NOT DISTINCT FROM m.source WHERE m.status = 'active' "

constexpr std::string_view kOneWatched =
    "SELECT json_build_object('asOf', {v}.pulse_now(), 'table', json_build_object(" PULSE_WATCHED
    ", 'runsAs', m.runs_as, 'createdAt', m.created_at), "
    "'mute', (SELECT json_build_object('since', x.since, 'until', x.until, 'reason', x.reason, 'by', x.muted_by) FROM pulse.mute AS x "
    "WHERE x.kind = 'table' AND x.name = m.relation AND x.since <= {v}.pulse_now() AND coalesce(x.until, 'infinity') > {v}.pulse_now() "
    "ORDER BY x.id DESC LIMIT 1), "
    "'checks', (SELECT coalesce(json_agg(json_build_object('id', k.id::text, 'kind', k.kind, 'attribute', k.attribute, 'status', k.status, "
    "'lastCheck', k.last_check, 'observed', k.observed, 'low', k.expected_low, 'high', k.expected_high, 'message', k.message, 'everySeconds', "
    "extract(epoch FROM k.every)::float8, 'severity', k.severity, 'after', k.after, 'consecutiveBad', k.consecutive_bad, 'badSince', k.bad_since, 'nextCheck', "
    "k.next_check, 'settings', k.settings, 'reason', k.reason) ORDER BY k.id), '[]') FROM pulse.check_overview AS k "
    "WHERE k.\"table\" = m.relation AND k.source IS NOT DISTINCT FROM m.source), "
    "'columns', CASE WHEN m.source IS NULL THEN (SELECT coalesce(json_agg(json_build_object('name', a.attname, 'type', "
    "pg_catalog.format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull, 'checks', (SELECT coalesce(json_agg(c.kind ORDER BY c.id), '[]') "
    "FROM pulse.monitor_check AS c WHERE c.monitor_id = m.id AND (c.attribute = a.attname OR c.settings ->> 'column' = a.attname "
    "OR c.settings -> 'columns' @> to_jsonb(a.attname::text)))) ORDER BY a.attnum), '[]') FROM pg_catalog.pg_attribute AS a "
    "WHERE a.attrelid = (SELECT r.oid FROM pg_catalog.pg_class AS r JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace "
    "WHERE n.nspname = (parse_ident(m.relation))[1] AND r.relname = (parse_ident(m.relation))[2]) AND a.attnum > 0 AND NOT a.attisdropped) END) " PULSE_WATCHED_FROM
    "AND m.id = $1::bigint";

std::vector<Route> WatchedTables() {
    return {
        PulseRoute(
            "GET", "/v1/tables", Access::kRead,
            "A page of monitored tables by name with their state, and how many are in each state",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'states', (SELECT coalesce(json_object_agg(c.state, c.tables), '{}') FROM "
            "(SELECT o.state, count(*) AS tables FROM pulse.table_overview AS o GROUP BY o.state) AS c), "
            "'tables', coalesce(json_agg(w.item ORDER BY w.relation, w.place), '[]'), "
            "'next', CASE WHEN count(*) = $4::bigint THEN (array_agg(w.id ORDER BY w.relation DESC, w.place DESC))[1]::text END) "
            "FROM (SELECT m.id, m.relation, coalesce(m.source, '') AS place, json_build_object(" PULSE_WATCHED
            ") AS item " PULSE_WATCHED_FROM
            "AND ($1::text IS NULL OR v.state = $1::text) AND ($2::text IS NULL OR position(lower($2::text) IN lower(m.relation || ' ' || coalesce(m.source, '') || ' ' "
            "|| coalesce(m.owner, '') || ' ' || array_to_string(m.tags, ' '))) > 0) AND ($3::bigint IS NULL OR (m.relation, coalesce(m.source, '')) > "
            "(SELECT x.relation, coalesce(x.source, '') FROM pulse.monitor AS x WHERE x.id = $3::bigint)) "
            "ORDER BY m.relation, coalesce(m.source, '') LIMIT $4::bigint) AS w",
            {{.name = "state", .one_of = "green, yellow, red, unknown"},
             {"q"},
             {.name = "after", .type = Type::kId},
             kRowsOfPage}),
        PulseRoute("GET", "/v1/tables/{id}", Access::kRead, "One monitored table with its checks and columns",
                   kOneWatched, {kPathId}),
        PulseRoute(
            "GET", "/v1/tables/{id}/checks/{check}/results", Access::kRead,
            "The newest results of a check, oldest first",
            "SELECT (SELECT json_build_object('asOf', {v}.pulse_now(), 'points', coalesce(json_agg(json_build_object('at', w.at, 'status', w.status, "
            "'observed', w.observed, 'low', w.expected_low, 'high', w.expected_high, 'rows', w.rows, 'sampled', w.sampled, 'durationMs', w.duration_ms) "
            "ORDER BY w.at, w.id), '[]'), 'next', CASE WHEN count(*) = $4::bigint THEN (array_agg(w.id ORDER BY w.at, w.id))[1]::text END) "
            "FROM (SELECT r.id, r.at, r.status, r.observed, r.expected_low, r.expected_high, r.rows, r.sampled, r.duration_ms FROM pulse.check_result AS r "
            "WHERE r.check_id = k.id AND ($3::bigint IS NULL OR (r.at, r.id) < (SELECT x.at, x.id FROM pulse.check_result AS x WHERE x.id = $3::bigint)) "
            "ORDER BY r.at DESC, r.id DESC LIMIT $4::bigint) AS w) FROM pulse.monitor_check AS k WHERE k.monitor_id = $1::bigint AND k.id = $2::bigint",
            {kPathId,
             {"check", In::kPath, Type::kId},
             kBeforeId,
             {.name = "limit", .type = Type::kInteger, .fallback = "200", .least = 1, .most = 5000}}),
        PulseRoute(
            "POST", "/v1/tables/{id}/mute", Access::kAdmin,
            "Begins a maintenance window of a table: until a time, for an interval, or until it is ended",
            "SELECT m.id::text, {v}.pulse_mute('table:' || m.relation, $2::text, $3::text) FROM pulse.monitor AS m "
            "WHERE m.id = $1::bigint AND m.status = 'active'",
            {kPathId, {"until", In::kBody}, {"reason", In::kBody}}, kOneWatched),
        PulseRoute("POST", "/v1/tables/{id}/unmute", Access::kAdmin, "Ends the maintenance window of a table",
                   "SELECT m.id::text, {v}.pulse_unmute('table:' || m.relation) FROM pulse.monitor AS m "
                   "WHERE m.id = $1::bigint AND m.status = 'active'",
                   {kPathId}, kOneWatched),
    };
}

std::vector<Route> SourceViews() {
    return {
        PulseRoute(
            "GET", "/v1/sources", Access::kRead,
            "Sources with their state when last reached, and how much of their budget is used",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'sources', coalesce(json_agg(json_build_object('name', s.name, 'owner', s.owner, 'status', s.status, "
            "'host', coalesce(s.options ->> 'host', s.options ->> 'hostaddr'), 'database', s.options ->> 'dbname', 'standby', s.in_recovery, 'version', s.version, "
            "'lagMs', s.replay_lag_ms, 'maxLag', coalesce(s.options ->> 'max_replay_lag', '30s'), 'lastReachedAt', s.last_reached_at, 'lastOkAt', s.last_ok_at, "
            "'lastErrorAt', s.last_error_at, 'lastError', s.last_error, 'visitsOfMinute', (SELECT count(*) FROM pulse.source_usage AS u WHERE u.source = s.name "
            "AND u.at > clock_timestamp() - interval '1 minute'), 'maxVisitsOfMinute', coalesce(s.options ->> 'max_queries_per_minute', '60')::int, "
            "'visits', s.visits, 'refused', s.refused, 'queries', s.queries, 'rows', s.rows, 'durationMs', s.duration_ms) ORDER BY s.name), '[]')) FROM pulse.source AS s"),
        PulseRoute(
            "GET", "/v1/sources/{name}/visits", Access::kRead,
            "The visits to a source, the newest first, with what refused them",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'visits', coalesce(json_agg(json_build_object('id', w.id::text, 'at', w.at, 'purpose', w.purpose, "
            "'object', w.object, 'status', w.status, 'reason', w.reason, 'queries', w.queries, 'rows', w.rows, 'durationMs', w.duration_ms, 'cost', w.plan_cost, "
            "'lagMs', w.replay_lag_ms) ORDER BY w.at DESC, w.id DESC), '[]'), 'next', CASE WHEN count(*) = $4::bigint THEN (array_agg(w.id ORDER BY w.at, w.id))[1]::text END) "
            "FROM (SELECT u.* FROM pulse.source_usage AS u WHERE u.source = $1::text AND ($2::boolean IS NOT TRUE OR u.status <> 'ok') "
            "AND ($3::bigint IS NULL OR (u.at, u.id) < (SELECT x.at, x.id FROM pulse.source_usage AS x WHERE x.id = $3::bigint)) "
            "ORDER BY u.at DESC, u.id DESC LIMIT $4::bigint) AS w",
            {{"name", In::kPath}, {.name = "troubled", .type = Type::kBoolean}, kBeforeId, kRowsOfPage}),
        PulseRoute(
            "POST", "/v1/sources/{name}/test", Access::kAdmin,
            "Visits a source and says what each guard rail finds",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'items', coalesce(json_agg(json_build_object('item', t.item, 'value', t.value, "
            "'verdict', t.verdict)), '[]')) FROM {v}.pulse_test_source($1::text) AS t",
            {{"name", In::kPath}}),
    };
}

}  // namespace

std::vector<Route> TableViewRoutes() {
    std::vector<Route> routes = WatchedTables();
    const std::vector<Route> sources = SourceViews();
    routes.insert(routes.end(), sources.begin(), sources.end());
    return routes;
}

}  // namespace pulse::web
