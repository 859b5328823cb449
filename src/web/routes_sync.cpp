// Routes of destinations, the platforms that audiences are sent to, and of syncs.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

Route SyncRoute(std::string_view path, std::string_view summary, std::string_view sql) {
    return PulseRoute(
        "POST", path, Access::kAdmin, summary, sql, {kPathId},
        "SELECT json_build_object('asOf', {v}.pulse_now(), 'id', r.id::text, 'audience', r.audience, 'status', r.status, "
        "'held_by', r.held_by, 'action_id', r.action_id::text) FROM pulse.sync_run AS r WHERE r.id = $1::bigint");
}

}  // namespace

std::vector<Route> SyncRoutes() {
    return {
        PulseRoute(
            "GET", "/v1/destinations", Access::kRead,
            "A page of destinations by name: their platform, whether their login works, and their last answers",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'destinations', coalesce(json_agg(json_build_object('name', d.name, 'platform', d.platform, "
            "'state', d.state, 'audiences', d.audiences, 'owner', d.owner, 'loginFailedAt', d.login_failed_at, 'loginExpiresAt', d.login_expires_at, "
            "'blockedAt', d.blocked_at, 'advice', d.advice, 'busyUntil', d.busy_until, 'lastOkAt', d.last_ok_at, 'lastErrorAt', d.last_error_at, "
            "'lastError', d.last_error) ORDER BY d.name), '[]'), 'next', CASE WHEN count(*) = $2::bigint THEN max(d.name) END) "
            "FROM (SELECT * FROM pulse.destination AS n WHERE n.name > coalesce($1::text, '') ORDER BY n.name LIMIT $2::bigint) AS d",
            {kAfterName, kNamesOfPage}),
        PulseRoute(
            "POST", "/v1/destinations/{name}/test", Access::kAdmin,
            "Asks the platform of a destination something that changes nothing there",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'destination', t.destination, 'status', t.status, 'answerStatus', t.answer_status, "
            "'answer', t.answer, 'milliseconds', t.milliseconds, 'hint', t.hint) FROM {v}.pulse_test_destination($1::text) AS t",
            {{"name", In::kPath}}),
        SyncRoute("/v1/syncs/{id}/cancel", "Cancels a sync after its request under way",
                  "SELECT $1::text, {v}.pulse_cancel_sync($1::bigint)"),
        SyncRoute("/v1/syncs/{id}/retry",
                  "Lets a sync that waits after a failure, or for the gate, be tried again at once",
                  "SELECT $1::text, {v}.pulse_retry_sync($1::bigint)"),
    };
}

}  // namespace pulse::web
