// Routes for the health of data: sources, monitored tables, and their incidents.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

// A source is a server of pulse_source; its user mapping, with the password, is in no answer.
#define PULSE_CONNECTION                                                                                                          \
    "json_build_object('id', c.oid::text, 'name', c.srvname, 'host', o.options ->> 'host', "                                      \
    "'database', o.options ->> 'dbname', 'max_queries_per_minute', coalesce(o.options ->> 'max_queries_per_minute', '60')::int, " \
    "'is_active', true)"
#define PULSE_CONNECTIONS                                                                                                       \
    "FROM pg_catalog.pg_foreign_server AS c JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid = c.srvfdw "                  \
    "AND w.fdwname = 'pulse_source' CROSS JOIN LATERAL (SELECT coalesce(json_object_agg(x.option_name, x.option_value), '{}') " \
    "AS options FROM pg_catalog.pg_options_to_table(c.srvoptions) AS x) AS o "

#define PULSE_TABLE                                                                                                                 \
    "json_build_object('id', m.id::text, 'connection_id', (SELECT f.oid::text FROM pg_catalog.pg_foreign_server AS f "              \
    "WHERE f.srvname = m.source), 'source', m.source, 'table', m.relation, "                                                        \
    "'monitor_types', (SELECT coalesce(json_agg(DISTINCT k.kind), '[]') FROM pulse.monitor_check AS k WHERE k.monitor_id = m.id), " \
    "'check_interval_minutes', round(extract(epoch FROM m.every) / 60, 2), 'status', v.state, 'last_check_at', m.checked_at, "      \
    "'recent_alerts', v.incidents, 'message', v.what, 'owner', m.owner, 'tags', m.tags, 'created_at', m.created_at, 'updated_at', m.updated_at)"
#define PULSE_TABLES                                                                                                                 \
    "FROM pulse.monitor AS m JOIN pulse.table_overview AS v ON v.\"table\" = m.relation AND v.source IS NOT DISTINCT FROM m.source " \
    "WHERE m.status = 'active' "

#define PULSE_ALERT                                                                                                 \
    "json_build_object('id', i.id::text, 'table_id', r.monitor_id::text, 'table', i.relation, 'source', i.source, " \
    "'monitor_type', i.detector, 'severity', i.severity, 'message', i.summary, 'status', "                          \
    "CASE i.status WHEN 'ignored' THEN 'suppressed' WHEN 'resolved' THEN 'resolved' ELSE 'active' END, "            \
    "'created_at', i.opened_at, 'resolved_at', i.closed_at)"

constexpr std::string_view kOneTable = "SELECT " PULSE_TABLE " " PULSE_TABLES "AND m.id = $1::bigint";
constexpr std::string_view kOneConnection =
    "SELECT " PULSE_CONNECTION " " PULSE_CONNECTIONS "WHERE c.oid = $1::bigint";

std::vector<Route> Connections() {
    return {
        {.method = "GET",
         .path = "/api/connections",
         .access = Access::kRead,
         .read_only = true,
         .summary = "Lists sources: servers whose tables and segments are read",
         .sql =
             "SELECT coalesce(json_agg(" PULSE_CONNECTION " ORDER BY c.srvname), '[]') " PULSE_CONNECTIONS},
        {.method = "POST",
         .path = "/api/connections",
         .status = 201,
         .summary =
             "Creates a source from a connection string, from options of pulse_create_source(), or both",
         .sql =
             "SELECT $1::text, {v}.pulse_create_source($1::text, coalesce(pulse.connection_options($3::text), '{}') || "
             "jsonb_strip_nulls(jsonb_build_object('max_queries_per_minute', $4::bigint, 'statement_timeout', $5::bigint || 's')) "
             "|| coalesce($2::jsonb, '{}'))",
         .parameters = {{"name", In::kBody, Type::kText, true},
                        {"options", In::kBody, Type::kJson},
                        {"connection_string", In::kBody},
                        {.name = "max_queries_per_minute",
                         .in = In::kBody,
                         .type = Type::kInteger,
                         .least = 1,
                         .most = 1000},
                        {.name = "query_timeout_seconds",
                         .in = In::kBody,
                         .type = Type::kInteger,
                         .least = 1,
                         .most = 86400}},
         .then = "SELECT " PULSE_CONNECTION " " PULSE_CONNECTIONS "WHERE c.srvname = $1::text"},
        {.method = "GET",
         .path = "/api/connections/{id}",
         .access = Access::kRead,
         .read_only = true,
         .summary = "One source",
         .sql = kOneConnection,
         .parameters = {kPathId}},
        {.method = "DELETE",
         .path = "/api/connections/{id}",
         .status = 204,
         .summary = "Drops a source that nothing reads any more",
         .sql = "SELECT nullif({v}.pulse_delete_source(c.srvname::text)::text, '') " PULSE_CONNECTIONS
                "WHERE c.oid = $1::bigint",
         .parameters = {kPathId}},
    };
}

std::vector<Route> Tables() {
    return {
        {.method = "GET",
         .path = "/api/tables",
         .access = Access::kRead,
         .read_only = true,
         .summary = "Lists monitored tables with their state: green, yellow, red or unknown",
         .sql =
             "SELECT coalesce(json_agg(" PULSE_TABLE " ORDER BY m.relation, m.source), '[]') " PULSE_TABLES},
        {.method = "POST",
         .path = "/api/tables",
         .status = 201,
         .summary = "Monitors a table",
         .sql =
             "SELECT {v}.pulse_monitor_table(CASE WHEN $2::text IS NULL THEN coalesce($1::text, '') ELSE "
             "quote_ident($2::text) || '.' || quote_ident($1::text) END, coalesce($3::text, (SELECT f.srvname::text FROM "
             "pg_catalog.pg_foreign_server AS f WHERE f.oid = $4::bigint)), coalesce($5::jsonb, (SELECT jsonb_agg("
             "CASE t.kind WHEN 'freshness' THEN jsonb_build_object('type', t.kind, 'column', $10::text) "
             "ELSE jsonb_build_object('type', t.kind) END) FROM unnest($9::text[]) AS t (kind))), $6::bigint * interval '1 minute', "
             "$7::text, $8::text[])::text",
         .parameters = {{.name = "table_name", .in = In::kBody, .required = true, .synonym = "table"},
                        {"schema_name", In::kBody},
                        {"source", In::kBody},
                        {"connection_id", In::kBody, Type::kId},
                        {"checks", In::kBody, Type::kJson},
                        {.name = "check_interval_minutes",
                         .in = In::kBody,
                         .type = Type::kInteger,
                         .fallback = "5",
                         .least = 1,
                         .most = 44640},
                        {"owner", In::kBody},
                        {"tags", In::kBody, Type::kTexts},
                        {"monitor_types", In::kBody, Type::kTexts},
                        {"time_column", In::kBody}},
         .then = "SELECT " PULSE_TABLE " " PULSE_TABLES "AND m.id = $1::text::bigint"},
        {.method = "GET",
         .path = "/api/tables/{id}",
         .access = Access::kRead,
         .read_only = true,
         .summary = "One monitored table",
         .sql = kOneTable,
         .parameters = {kPathId}},
        {.method = "PATCH",
         .path = "/api/tables/{id}",
         .summary = "Changes how a table is monitored; what is left out stays",
         .sql =
             "SELECT {v}.pulse_monitor_table(m.relation, m.source, $2::jsonb, coalesce($3::bigint * interval '1 minute', m.every), "
             "coalesce($4::text, m.owner), coalesce($5::text[], m.tags))::text "
             "FROM pulse.monitor AS m WHERE m.id = $1::bigint AND m.status = 'active'",
         .parameters = {kPathId,
                        {"checks", In::kBody, Type::kJson},
                        {.name = "check_interval_minutes",
                         .in = In::kBody,
                         .type = Type::kInteger,
                         .least = 1,
                         .most = 44640},
                        {"owner", In::kBody},
                        {"tags", In::kBody, Type::kTexts}},
         .then = "SELECT " PULSE_TABLE " " PULSE_TABLES "AND m.id = $1::text::bigint"},
        {.method = "DELETE",
         .path = "/api/tables/{id}",
         .status = 204,
         .summary = "Stops monitoring a table",
         .sql =
             "SELECT nullif({v}.pulse_unmonitor_table(m.relation, m.source)::text, '') FROM pulse.monitor AS m "
             "WHERE m.id = $1::bigint AND m.status = 'active'",
         .parameters = {kPathId}},
        {.method = "GET",
         .path = "/api/tables/{id}/status",
         .access = Access::kRead,
         .read_only = true,
         .summary = "The state of a table, and the last result of each check",
         .sql =
             "SELECT json_build_object('table_id', m.id::text, 'status', v.state, 'last_check_at', m.checked_at, 'message', v.what, "
             "'checks', (SELECT coalesce(json_agg(json_build_object('monitor_type', k.kind, 'column', nullif(k.attribute, ''), "
             "'status', k.last_status, 'executed_at', k.last_at) ORDER BY k.id), '[]') FROM pulse.monitor_check AS k WHERE k.monitor_id = m.id)) " PULSE_TABLES
             "AND m.id = $1::bigint",
         .parameters = {kPathId}},
        {.method = "POST",
         .path = "/api/tables/{id}/check",
         .access = Access::kWrite,
         .status = 202,
         .summary = "Makes the checks of a table due now; a worker runs them",
         .sql =
             "SELECT json_build_object('table_id', m.id::text, 'checks', r.checks, 'state', r.state, 'location', w.location, 'detail', r.detail), "
             "jsonb_build_object('location', w.location) AS headers FROM pulse.monitor AS m "
             "CROSS JOIN LATERAL (SELECT format('/api/tables/%s/status', m.id) AS location) AS w "
             "CROSS JOIN LATERAL {v}.pulse_request_check(m.relation, m.source) AS r WHERE m.id = $1::bigint AND m.status = 'active'",
         .parameters = {kPathId}},
    };
}

std::vector<Route> Alerts() {
    return {
        {.method = "GET",
         .path = "/api/alerts",
         .access = Access::kRead,
         .read_only = true,
         .summary = "The newest incidents of monitored tables",
         .sql =
             "SELECT coalesce(json_agg(" PULSE_ALERT
             " ORDER BY i.id DESC), '[]') FROM (SELECT n.id FROM pulse.incident_record AS n "
             "WHERE n.monitor_id IS NOT NULL AND ($1::bigint IS NULL OR n.monitor_id = $1::bigint) AND ($2::text IS NULL OR n.status = ANY "
             "(CASE $2::text WHEN 'active' THEN '{open,acknowledged}'::text[] WHEN 'suppressed' THEN '{ignored}' ELSE '{resolved}' END)) "
             "ORDER BY n.id DESC LIMIT $3::bigint) AS w JOIN pulse.incident AS i ON i.id = w.id JOIN pulse.incident_record AS r ON r.id = i.id",
         .parameters =
             {{.name = "table_id", .type = Type::kId},
              {.name = "status", .one_of = "active, resolved, suppressed"},
              {.name = "limit", .type = Type::kInteger, .fallback = "100", .least = 1, .most = 1000}}},
        {.method = "GET",
         .path = "/api/alerts/{id}",
         .access = Access::kRead,
         .read_only = true,
         .summary = "One incident of a monitored table",
         .sql =
             "SELECT " PULSE_ALERT " FROM pulse.incident AS i JOIN pulse.incident_record AS r ON r.id = i.id "
             "WHERE i.id = $1::bigint AND r.monitor_id IS NOT NULL",
         .parameters = {kPathId}},
    };
}

}  // namespace

std::vector<Route> TableRoutes() {
    std::vector<Route> routes = Connections();
    for (const auto& part : {Tables(), Alerts()}) routes.insert(routes.end(), part.begin(), part.end());
    return routes;
}

}  // namespace pulse::web
