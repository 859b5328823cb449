// The route of Pulse's settings, which are changed in SQL alone.
#include "pulse/web/routes.hpp"

namespace pulse::web {

std::vector<Route> SettingRoutes() {
    return {PulseRoute(
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
