// Routes of Pulse's settings, which are changed in SQL alone, and of definitions as a whole: applying them is
// for SQL, too.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

Route DifferenceRoute() {
    Route route = PulseRoute(
        "POST", "/v1/definitions/difference", Access::kAdmin,
        "What pulse_apply_definitions() would do with the document in the body; changes nothing",
        "SELECT json_build_object('asOf', {v}.pulse_now(), 'definitions', coalesce(json_agg(json_build_object('kind', d.kind, 'name', d.name, "
        "'change', d.change, 'differs', d.differs, 'missing', d.missing, 'statement', d.statement) ORDER BY d.place) FILTER (WHERE d.change <> "
        "'unchanged'), '[]'), 'unchanged', count(*) FILTER (WHERE d.change = 'unchanged')) FROM {v}.pulse_apply_definitions($1::jsonb, true, "
        "$2::boolean) WITH ORDINALITY AS d (kind, name, change, differs, missing, statement, place)",
        {{.name = "definitions", .in = In::kWholeBody, .type = Type::kJson, .required = true},
         {.name = "prune", .type = Type::kBoolean, .fallback = "false"}});
    route.read_only = true;
    route.large = true;
    return route;
}

}  // namespace

std::vector<Route> SettingRoutes() {
    return {
        DifferenceRoute(),
        PulseRoute("GET", "/v1/definitions", Access::kRead,
                   "All definitions as the document of pulse_export_definitions()",
                   "SELECT {v}.pulse_export_definitions(NULL::text[])"),
        PulseRoute(
            "GET", "/v1/cells", Access::kRead,
            "Other databases that should have the same definitions, and who differs",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'cells', coalesce(json_agg(json_build_object('cell', c.cell, 'state', c.state, "
            "'definitions', c.definitions, 'digest', c.digest, 'digestHere', c.digest_here, 'differ', c.differ, 'onlyHere', c.only_here, "
            "'onlyThere', c.only_there, 'examples', c.examples, 'checkedAt', c.checked_at, 'answeredAt', c.answered_at, 'problem', c.problem) "
            "ORDER BY c.cell), '[]')) FROM pulse.cell AS c"),
        PulseRoute(
            "GET", "/v1/settings", Access::kRead,
            "Pulse's settings as they hold for requests: those that differ from the default, or all",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'database', current_database(), 'all', count(*), 'settings', "
            "coalesce(json_agg(json_build_object('name', s.name, 'value', s.setting, 'unit', s.unit, 'default', s.boot_val, 'differs', s.differs, "
            "'description', s.short_desc, 'source', s.source, 'context', s.context, 'type', s.vartype, 'least', s.min_val, 'most', s.max_val, "
            "'choices', s.enumvals, 'pendingRestart', s.pending_restart) ORDER BY s.name) FILTER (WHERE s.differs OR $1::boolean), '[]')) "
            "FROM (SELECT g.*, g.setting IS DISTINCT FROM g.boot_val AS differs FROM pg_catalog.pg_settings AS g "
            "WHERE g.name LIKE 'pulse.%') AS s",
            {{.name = "all", .type = Type::kBoolean, .fallback = "false"}})};
}

}  // namespace pulse::web
