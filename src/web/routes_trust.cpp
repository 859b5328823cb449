// Routes of signals, their health and the gate: Pulse's own, and those of Stratum.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

constexpr Parameter kScope{.name = "scope", .fallback = "all", .synonym = "subject"};

#define PULSE_GATE_DECISION                                                                                       \
    "json_build_object('id', d.id::text, 'decision', CASE d.decision WHEN 'pass' THEN 'execute' ELSE d.decision " \
    "END, 'action_type', d.action, 'entity', d.subject, 'risk', d.risk, 'score', d.score, 'status', d.status, "   \
    "'gate_passed', d.decision = 'pass', 'reasons', d.reasons, 'lifts', d.lifts, 'components', d.parts, "         \
    "'healthy_threshold', d.threshold, 'hold_threshold', d.hold_threshold, 'triggered_by', d.decided_for, "       \
    "'as_of', d.as_of, 'created_at', d.at)"

#define PULSE_HEALTH                                                                                               \
    "json_build_object('scope', $2::text, 'status', h.status, 'overall_score', h.score, 'computed_score', "        \
    "h.computed, 'assumed', h.assumed, 'components', json_build_object('emq', h.emq, 'freshness', h.freshness, "   \
    "'variance', h.variance, 'anomaly', h.anomaly, 'cdp', h.cdp), 'issues', h.issues, 'parts', h.parts, 'reads', " \
    "h.reads, 'automation_blocked', h.status <> 'healthy', 'last_updated', h.as_of)"

#define PULSE_GATE_ANSWER                                                                                         \
    "json_build_object('decision', CASE g.decision WHEN 'pass' THEN 'execute' ELSE g.decision END, "              \
    "'would_execute', g.decision = 'pass', 'signal_health_score', g.score, 'status', g.status, 'reasons', "       \
    "g.reasons, 'recommendations', g.lifts, 'mode', g.mode, 'allowed_actions', g.allowed, 'restricted_actions', " \
    "g.restricted, 'components', g.parts, 'thresholds', g.thresholds, 'dry_run', g.id IS NULL, 'audit_id', "      \
    "g.id::text, 'as_of', g.as_of, 'evaluated_at', g.evaluated_at)"

std::vector<Route> OwnRoutes() {
    return {
        // A key that browsers know must not be able to raise a score.
        {.method = "POST",
         .path = "/v1/signals",
         .access = Access::kWrite,
         .large = true,
         .webhook = true,
         .summary =
             "Records a signal, or an array of up to 1,000; signed where the key has a secret for that",
         .sql =
             "SELECT json_build_object('recorded', count(*) FILTER (WHERE s.status = 'recorded'), 'results', "
             "coalesce(json_agg(json_build_object('status', s.status, 'id', s.id::text, 'error', s.error) ORDER BY s.place), '[]')), "
             "CASE WHEN count(*) > 0 AND bool_and(s.status = 'rejected') THEN 400 ELSE 200 END AS status "
             "FROM {v}.pulse_record_signals(CASE jsonb_typeof($1::jsonb) WHEN 'array' THEN $1::jsonb ELSE jsonb_build_array($1::jsonb) END) AS s",
         .parameters = {{"signals", In::kWholeBody, Type::kJson, true}}},
        PulseRoute("GET", "/v1/health/signals", Access::kRead,
                   "The health of what a scope reads: all, or a subject such as segment:name",
                   "SELECT to_json(h) FROM {v}.pulse_signal_health($1::text) AS h", {kScope}),
        PulseRoute(
            "GET", "/v1/health/signals/history", Access::kRead, "The health of a scope by hour",
            "SELECT coalesce(json_agg(json_build_object('hour', h.hour, 'score', h.score, 'lowest', h.lowest, 'highest', h.highest, "
            "'status', h.status, 'assumed', h.assumed, 'parts', h.parts) ORDER BY h.hour), '[]') FROM pulse.signal_health_history AS h "
            "WHERE h.scope = $1::text AND h.hour > {v}.pulse_now() - $2::bigint * interval '1 day' AND h.hour <= {v}.pulse_now()",
            {kScope, {.name = "days", .type = Type::kInteger, .fallback = "7", .least = 1, .most = 366}}),
        PulseRoute("GET", "/v1/trust/status", Access::kRead, "What may be done with a scope now",
                   "SELECT to_json(t) FROM {v}.pulse_trust_status($1::text) AS t", {kScope}),
        PulseRoute("POST", "/v1/gate/evaluate", Access::kAdmin,
                   "Decides whether an action may be done to a subject now",
                   "SELECT to_json(g) FROM {v}.pulse_evaluate_gate($1::text, $2::text, $3::boolean) AS g",
                   {{"action", In::kBody, Type::kText, true},
                    {.name = "subject", .in = In::kBody, .fallback = "all", .synonym = "scope"},
                    {.name = "dry_run", .in = In::kBody, .type = Type::kBoolean, .fallback = "false"}}),
        PulseRoute("GET", "/v1/gate/actions", Access::kRead,
                   "The actions that the gate knows, with their risk and threshold",
                   "SELECT coalesce(json_agg(a), '[]') FROM {v}.pulse_list_action_types() AS a"),
    };
}

std::vector<Route> OfTenant() {
    return {
        StratumRoute("GET", PULSE_TENANT "/signal-health", Access::kRead, "The health of what a scope reads",
                     "SELECT " PULSE_HEALTH
                     " FROM {v}.pulse_signal_health($2::text) AS h WHERE $1::text IS NOT NULL",
                     {kTenant, kScope}),
        StratumRoute(
            "GET", PULSE_TENANT "/signal-health/history", Access::kRead, "The health of a scope by day",
            "SELECT json_build_object('history', coalesce(json_agg(json_build_object('date', d.day, 'overall_score', d.score, 'lowest', d.lowest, "
            "'highest', d.highest, 'status', d.status, 'worst_status', d.worst_status) ORDER BY d.day), '[]')) FROM pulse.signal_health_day AS d "
            "WHERE $1::text IS NOT NULL AND d.scope = $2::text AND d.day > ({v}.pulse_now() AT TIME ZONE 'UTC')::date - $3::int",
            {kTenant,
             kScope,
             {.name = "days", .type = Type::kInteger, .fallback = "7", .least = 1, .most = 30}}),
        StratumRoute(
            "GET", PULSE_TENANT "/signal-health/by-account", Access::kRead,
            "What is known of each account of a platform",
            "SELECT json_build_object('accounts', coalesce(json_agg(json_build_object('platform', a.source, 'account_id', a.entity, "
            "'signals', a.signals, 'last_signal_at', a.last_at) ORDER BY a.source, a.entity), '[]')) "
            "FROM (SELECT s.source, s.entity, json_object_agg(s.name, s.last_value ORDER BY s.name) AS signals, max(s.last_at) AS last_at "
            "FROM pulse.signal_series AS s WHERE $1::text IS NOT NULL AND s.source NOT IN ('', 'pulse') "
            "AND s.last_at > {v}.pulse_now() - interval '30 days' GROUP BY s.source, s.entity ORDER BY s.source, s.entity LIMIT 1000) AS a",
            {kTenant}),
        StratumRoute(
            "GET", PULSE_TENANT "/attribution-variance", Access::kRead,
            "What platforms and analytics count, by account",
            "SELECT json_build_object('accounts', coalesce(json_agg(json_build_object('platform', a.platform, 'account_id', a.account, 'metric', a.metric, "
            "'platform_value', a.platform_value, 'analytics_value', a.analytics_value, 'variance_percentage', round((a.variance * 100)::numeric, 4), 'status', a.status, "
            "'score', a.score, 'at', a.at)), '[]'), 'overall_variance_percentage', round((avg(a.variance) * 100)::numeric, 4)) "
            "FROM {v}.pulse_attribution_variance($2::text) AS a WHERE $1::text IS NOT NULL",
            {kTenant, kScope}),
        StratumRoute(
            "GET", PULSE_TENANT "/trust-status", Access::kRead, "What may be done with a scope now",
            "SELECT json_build_object('status', t.status, 'signal_health_score', t.score, 'mode', t.mode, 'frozen', t.frozen, 'frozen_because', t.frozen_because, "
            "'allowed_actions', t.allowed, 'restricted_actions', t.restricted, 'issues', t.issues, 'held', t.held, 'blocked', t.blocked, 'as_of', t.as_of) "
            "FROM {v}.pulse_trust_status($2::text) AS t WHERE $1::text IS NOT NULL",
            {kTenant, kScope}),
        StratumRoute(
            "GET", PULSE_TENANT "/trust-gate", Access::kRead,
            "The thresholds of the gate and the actions that it knows",
            "SELECT json_build_object('thresholds', {v}.pulse_trust_settings(), 'actions', "
            "(SELECT coalesce(json_agg(json_build_object('action_type', a.action, 'risk', a.risk, 'threshold', a.threshold, 'description', a.description)), '[]') "
            "FROM {v}.pulse_list_action_types() AS a)) WHERE $1::text IS NOT NULL",
            {kTenant}),
        StratumRoute(
            "POST", PULSE_TENANT "/trust-gate/evaluate", Access::kAdmin,
            "Decides whether an action may be done to a subject now",
            "SELECT " PULSE_GATE_ANSWER
            " FROM {v}.pulse_evaluate_gate($2::text, $3::text, $4::boolean) AS g WHERE $1::text IS NOT NULL",
            {kTenant,
             {.name = "action_type", .in = In::kBody, .required = true, .synonym = "action"},
             {.name = "scope", .in = In::kBody, .fallback = "all", .synonym = "subject"},
             {.name = "dry_run", .in = In::kBody, .type = Type::kBoolean, .fallback = "false"}}),
        StratumRoute(
            "GET", PULSE_TENANT "/trust-gate/audit-logs", Access::kRead,
            "The decisions of the gate, newest first",
            "SELECT json_build_object('logs', coalesce(json_agg(" PULSE_GATE_DECISION
            " ORDER BY d.id DESC), '[]')) FROM (SELECT e.* FROM pulse.gate_decision AS e WHERE $1::text IS NOT NULL "
            "AND ($2::text IS NULL OR e.decision = CASE $2::text WHEN 'execute' THEN 'pass' ELSE $2::text END) "
            "AND ($3::text IS NULL OR e.action = $3::text) ORDER BY e.id DESC LIMIT $4::bigint OFFSET $5::bigint) AS d",
            {kTenant,
             {.name = "decision", .one_of = "execute, pass, hold, block"},
             {"action_type"},
             {.name = "limit", .type = Type::kInteger, .fallback = "50", .least = 1, .most = 1000},
             {.name = "offset", .type = Type::kInteger, .fallback = "0", .least = 0, .most = 10000}}),
        StratumRoute("GET", PULSE_TENANT "/trust-gate/audit-logs/{id}", Access::kRead,
                     "One decision of the gate",
                     "SELECT " PULSE_GATE_DECISION
                     " FROM pulse.gate_decision AS d WHERE $1::text IS NOT NULL AND d.id = $2::bigint",
                     {kTenant, kPathId}),
        StratumRoute(
            "GET", PULSE_TENANT "/emq/score", Access::kRead, "The event match quality of each platform",
            "SELECT json_build_object('score', avg(e.score), 'platforms', coalesce(json_agg(json_build_object('platform', e.platform_name, 'score', e.score, "
            "'confidence_band', e.band, 'known', e.known, 'drivers', e.drivers)), '[]')) FROM {v}.pulse_platform_emq($2::text) AS e WHERE $1::text IS NOT NULL",
            {kTenant, {"platform"}}),
    };
}

}  // namespace

std::vector<Route> TrustRoutes() {
    std::vector<Route> routes = OwnRoutes();
    const std::vector<Route> of_tenant = OfTenant();
    routes.insert(routes.end(), of_tenant.begin(), of_tenant.end());
    return routes;
}

}  // namespace pulse::web
