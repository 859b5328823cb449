// Routes of destinations, the platforms that audiences are sent to, and of syncs.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

Route SyncRoute(std::string_view path, std::string_view summary, std::string_view sql) {
    return PulseRoute(
        "POST", path, Access::kAdmin, summary, sql, {kPathId},
        "SELECT json_build_object('asOf', {v}.pulse_now(), 'id', r.id::text, 'audience', r.audience, 'status', r.status, "
        "'held_by', r.held_by, 'approved_by', r.approved_by) FROM pulse.sync_run AS r WHERE r.id = $1::bigint");
}

}  // namespace

std::vector<Route> SyncRoutes() {
    return {
        PulseRoute(
            "GET", "/v1/destinations", Access::kRead,
            "A page of destinations by name: their platform, whether their login works, and their last answers",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'destinations', coalesce(json_agg(json_build_object('name', s.srvname, 'platform', "
            "(SELECT o.option_value FROM pg_catalog.pg_options_to_table(s.srvoptions) AS o WHERE o.option_name = 'platform'), "
            "'owner', pg_catalog.pg_get_userbyid(s.srvowner), 'loginFailedAt', t.login_failed_at, 'loginError', t.login_error, 'loginExpiresAt', t.login_expires_at, "
            "'busyUntil', t.busy_until, 'lastOkAt', t.last_ok_at, 'lastErrorAt', t.last_error_at, 'lastError', t.last_error, 'withoutConsent', t.without_consent) "
            "ORDER BY s.srvname), '[]'), 'next', CASE WHEN count(*) = $2::bigint THEN max(s.srvname::text) END) FROM (SELECT n.* FROM pg_catalog.pg_foreign_server AS n "
            "JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid = n.srvfdw AND w.fdwname = 'pulse_destination' "
            "WHERE n.srvname > coalesce($1::text, '')::name ORDER BY n.srvname LIMIT $2::bigint) AS s "
            "LEFT JOIN pulse.destination_state AS t ON t.destination = s.srvname::text",
            {{"after"},
             {.name = "limit", .type = Type::kInteger, .fallback = "100", .least = 1, .most = 500}}),
        PulseRoute(
            "POST", "/v1/destinations/{name}/test", Access::kAdmin,
            "Asks the platform of a destination something that changes nothing there",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'destination', t.destination, 'status', t.status, 'answerStatus', t.answer_status, "
            "'answer', t.answer, 'milliseconds', t.milliseconds, 'hint', t.hint) FROM {v}.pulse_test_destination($1::text) AS t",
            {{"name", In::kPath}}),
        SyncRoute("/v1/syncs/{id}/approve", "Lets a sync continue that moves a large share of the people",
                  "SELECT $1::text, {v}.pulse_approve_sync($1::bigint)"),
        SyncRoute("/v1/syncs/{id}/cancel", "Cancels a sync after its request under way",
                  "SELECT $1::text, {v}.pulse_cancel_sync($1::bigint)"),
        SyncRoute("/v1/syncs/{id}/retry",
                  "Lets a sync that waits after a failure, or for the gate, be tried again at once",
                  "SELECT $1::text, {v}.pulse_retry_sync($1::bigint)"),
    };
}

}  // namespace pulse::web
