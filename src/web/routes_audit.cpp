// Routes of the audit log.
#include "pulse/web/routes.hpp"

namespace pulse::web {

std::vector<Route> AuditRoutes() {
    return {
        PulseRoute(
            "GET", "/v1/audit", Access::kAdmin, "The audit log, newest first; before is the id to go on from",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'audit', coalesce(json_agg(a ORDER BY a.id DESC), '[]'), 'next', "
            "CASE WHEN count(*) = $2::bigint THEN min(a.id) END) FROM {v}.pulse_list_audit($1::bigint, $2::bigint, "
            "$3::text, $4::text, $5::text) AS a",
            {{.name = "before", .type = Type::kInteger, .least = 1},
             {.name = "limit", .type = Type::kInteger, .fallback = "100", .least = 1, .most = 1000},
             {.name = "action"},
             {.name = "actor"},
             {.name = "subject"}}),
        PulseRoute(
            "GET", "/v1/audit/verify", Access::kAdmin,
            "Whether the audit log is as it was written; with seq and hash of a checkpoint that was kept outside",
            "SELECT to_jsonb(v) || jsonb_build_object('asOf', {v}.pulse_now()) FROM {v}.pulse_verify_audit(CASE WHEN $1::bigint IS NOT NULL OR $2::text IS NOT NULL "
            "THEN pg_catalog.jsonb_build_object('seq', $1::bigint, 'hash', $2::text) END) AS v",
            {{.name = "seq", .type = Type::kInteger, .least = 1}, {.name = "hash"}}),
    };
}

}  // namespace pulse::web
