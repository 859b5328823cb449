// Routes about everything held on a person, and its erasure.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

#define PULSE_ERASURE                                                                                    \
    "json_build_object('id', e.id, 'key', e.key, 'state', e.state, 'reason', e.reason, 'requested_by', " \
    "e.requested_by, 'requested_at', e.requested_at, 'refused_until', e.refused_until, 'replayed', "     \
    "e.replayed, 'rows', e.rows, 'findings', e.findings, 'error', e.error, 'finished_at', "              \
    "e.finished_at, 'vacuumed_at', e.vacuumed_at)"

}  // namespace

std::vector<Route> PrivacyRoutes() {
    constexpr Parameter kReason{.name = "reason", .fallback = "asked for over HTTP"};
    // A GET that writes: it is recorded in the audit log.
    Route report =
        PulseRoute("GET", "/v1/users/{userId}/export", Access::kRead, "Everything held on a person",
                   "SELECT {v}.pulse_export_profile($1::text)", {{"userId", In::kPath}});
    report.read_only = false;
    Route erase = PulseRoute(
        "DELETE", "/v1/users/{userId}", Access::kAdmin, "Erases a person; the job erasures ends it",
        "SELECT {v}.pulse_erase_profile($1::text, $2::text)::text", {{"userId", In::kPath}, kReason},
        "SELECT " PULSE_ERASURE " FROM pulse.erasure AS e WHERE e.id = $1::bigint");
    erase.status = 202;
    return {
        PulseRoute("GET", "/v1/erasures", Access::kAdmin, "Lists erasures, newest first",
                   "SELECT json_build_object('erasures', coalesce(json_agg(" PULSE_ERASURE
                   " ORDER BY e.id DESC), '[]')) FROM "
                   "(SELECT * FROM pulse.erasure AS o WHERE o.id < coalesce($2::bigint, 9223372036854775807) "
                   "ORDER BY o.id DESC LIMIT $1::bigint) AS e",
                   {{.name = "limit", .type = Type::kInteger, .fallback = "100", .least = 1, .most = 1000},
                    {.name = "before", .type = Type::kInteger}}),
        PulseRoute("GET", "/v1/erasures/{id}", Access::kAdmin, "One erasure",
                   "SELECT " PULSE_ERASURE " FROM pulse.erasure AS e WHERE e.id = $1::bigint", {kPathId}),
        report,
        erase,
        StratumRoute("DELETE", PULSE_CDP "/profiles/{id}", Access::kAdmin, "Erases a person",
                     "SELECT NULL::json FROM {v}.pulse_erase_profile('profile:' || $1::bigint, $2::text)",
                     {kPathId, kReason}),
    };
}

}  // namespace pulse::web
