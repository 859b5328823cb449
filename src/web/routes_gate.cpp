// Routes of what the gate goes by and did: scopes with their score over time, decisions, the queue of
// actions.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

constexpr Parameter kTrustScope{.name = "scope", .fallback = "all"};

std::vector<Route> ScopeRoutes() {
    return {
        PulseRoute(
            "GET", "/v1/trust/overview", Access::kRead,
            "The score of a scope with its parts, what may be done with it now, and whether everything is frozen",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'scope', $1::text, 'health', (SELECT to_json(h) FROM {v}.pulse_signal_health($1::text) AS h), "
            "'status', (SELECT to_json(t) FROM {v}.pulse_trust_status($1::text) AS t), 'settings', {v}.pulse_trust_settings(), "
            "'freeze', (SELECT json_build_object('frozen', f.frozen, 'reason', f.reason, 'by', f.by, 'at', f.at) FROM pulse.freeze AS f))",
            {kTrustScope}),
        PulseRoute(
            "GET", "/v1/trust/scopes", Access::kRead, "A page of the scopes whose score is kept up, by name",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'scopes', coalesce(json_agg(json_build_object('scope', s.scope, 'score', s.score, 'status', s.status, "
            "'assumed', s.assumed, 'issues', s.issues, 'since', s.since, 'evaluatedAt', s.as_of) ORDER BY s.scope), '[]'), "
            "'next', CASE WHEN count(*) = $2::bigint THEN max(s.scope) END) FROM (SELECT n.scope, n.score, n.status, n.assumed, n.issues, n.since, n.as_of FROM pulse.signal_health_state AS n "
            "WHERE n.scope > coalesce($1::text, '') ORDER BY n.scope LIMIT $2::bigint) AS s",
            {kAfterName, kRowsOfPage}),
        PulseRoute(
            "GET", "/v1/trust/history", Access::kRead,
            "The score of a scope by hour or day over the last days, the oldest first",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'points', coalesce((SELECT json_agg(json_build_object('at', h.hour, 'score', h.score, 'lowest', h.lowest, "
            "'highest', h.highest, 'status', h.status, 'assumed', h.assumed, 'parts', h.parts) ORDER BY h.hour) FROM pulse.signal_health_history AS h "
            "WHERE $2::bigint <= 31 AND h.scope = $1::text AND h.hour > {v}.pulse_now() - $2::bigint * interval '1 day' AND h.hour <= {v}.pulse_now()), "
            "(SELECT json_agg(json_build_object('at', d.day, 'score', d.score, 'lowest', d.lowest, 'highest', d.highest, 'status', d.status) ORDER BY d.day) "
            "FROM pulse.signal_health_day AS d WHERE $2::bigint > 31 AND d.scope = $1::text AND d.day > ({v}.pulse_now() AT TIME ZONE 'UTC')::date - $2::int), '[]'))",
            {kTrustScope,
             {.name = "days", .type = Type::kInteger, .fallback = "7", .least = 1, .most = 366}}),
    };
}

// Ids and times grow together but for a clock that was set back: a page goes on behind both.
#define PULSE_DECIDED_AT \
    "coalesce((SELECT b.at FROM pulse.gate_decision AS b WHERE b.id = $3::bigint), 'infinity')"
#define PULSE_BEHIND                                         \
    "(e.at, e.id) < (" PULSE_DECIDED_AT                      \
    ", coalesce($3::bigint, 9223372036854775807)) ORDER BY " \
    "e.at DESC, e.id DESC LIMIT $4::bigint)"
// The range of a subject, rather than its equality, leaves the index of subjects as the only one in this
// order.
#define PULSE_BEHIND_OF_SUBJECT                                                                            \
    "(e.subject, e.at, e.id) < ($2::text, " PULSE_DECIDED_AT                                               \
    ", coalesce($3::bigint, "                                                                              \
    "9223372036854775807)) AND e.subject >= $2::text ORDER BY e.subject DESC, e.at DESC, e.id DESC LIMIT " \
    "$4::bigint)"

std::vector<Route> DecisionRoutes() {
    return {PulseRoute(
        "GET", "/v1/trust/decisions", Access::kRead,
        "A page of the gate's decisions, the newest first: all, those about a subject, or those that did not pass",
        "SELECT json_build_object('asOf', {v}.pulse_now(), 'decisions', coalesce(json_agg(json_build_object('id', d.id::text, 'at', d.at, 'action', d.action, "
        "'subject', d.subject, 'risk', d.risk, 'decision', d.decision, 'score', d.score, 'status', d.status, 'threshold', d.threshold, 'reasons', d.reasons, "
        "'lifts', d.lifts, 'decidedFor', d.decided_for, 'evaluatedAt', d.as_of) ORDER BY d.at DESC, d.id DESC), '[]'), "
        "'next', CASE WHEN count(*) = $4::bigint THEN (array_agg(d.id::text ORDER BY d.at, d.id))[1] END) FROM ("
        "(SELECT * FROM pulse.gate_decision AS e WHERE $1::text IS NULL AND $2::text IS NULL AND " PULSE_BEHIND
        " UNION ALL (SELECT * FROM pulse.gate_decision AS e WHERE $1::text IS NULL AND " PULSE_BEHIND_OF_SUBJECT
        " UNION ALL (SELECT * FROM pulse.gate_decision AS e WHERE $1::text = 'refused' AND e.decision <> 'pass' AND " PULSE_BEHIND_OF_SUBJECT
        " UNION ALL (SELECT * FROM pulse.gate_decision AS e WHERE $1::text = 'refused' AND $2::text IS NULL AND e.decision <> 'pass' AND " PULSE_BEHIND
        ") AS d",
        {{.name = "decision", .one_of = "refused"}, {"subject"}, kBeforeId, kRowsOfPage})};
}

#define PULSE_QUEUED                                                                                               \
    "json_build_object('id', a.id::text, 'action', a.name, 'subject', a.subject, 'payload', a.payload, 'reason', " \
    "a.reason, 'risk', a.risk, 'level', a.level, 'state', a.state, 'needs', a.needs, 'channel', a.channel, "       \
    "'automation', a.automation, 'decision', "                                                                     \
    "a.verdict, 'score', a.score, 'reasons', a.reasons, 'warnings', a.warnings, 'before', a.state_before, "        \
    "'result', a.result, 'error', a.error, 'lifts', a.lifts, "                                                     \
    "'createdAt', a.created_at, 'createdBy', a.created_by, 'expiresAt', a.expires_at, "                            \
    "'approvedAt', a.approved_at, 'approvedBy', a.approved_by, 'confirmedBy', a.confirmed_by, 'overriddenBy', "    \
    "a.overridden_by, 'appliedAt', a.applied_at, 'finishedAt', a.finished_at, 'runsAs', a.runs_as)"

std::vector<Route> QueueRoutes() {
    return {
        PulseRoute(
            "GET", "/v1/trust/actions", Access::kRead,
            "A page of actions, the newest first: those that have not ended, those that have, or all",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'actions', coalesce(json_agg(" PULSE_QUEUED
            " ORDER BY a.id DESC), '[]'), "
            "'next', CASE WHEN count(*) = $3::bigint THEN min(a.id)::text END) FROM ("
            "(SELECT * FROM pulse.action_overview AS n WHERE $1::text = 'live' AND n.state IN ('pending', 'approved', 'applying') "
            "AND n.id < coalesce($2::bigint, 9223372036854775807) ORDER BY n.id DESC LIMIT $3::bigint) UNION ALL "
            "(SELECT * FROM pulse.action_overview AS n WHERE $1::text = 'ended' AND n.finished_at IS NOT NULL "
            "AND n.id < coalesce($2::bigint, 9223372036854775807) ORDER BY n.id DESC LIMIT $3::bigint) UNION ALL "
            "(SELECT * FROM pulse.action_overview AS n WHERE $1::text IS NULL "
            "AND n.id < coalesce($2::bigint, 9223372036854775807) ORDER BY n.id DESC LIMIT $3::bigint)) AS a",
            {{.name = "state", .one_of = "live, ended"}, kBeforeId, kRowsOfPage}),
        PulseRoute(
            "GET", "/v1/trust/actions/{id}", Access::kRead, "One action with its steps",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'action', " PULSE_QUEUED
            ", 'steps', (SELECT coalesce(json_agg(json_build_object('at', e.at, 'event', e.event, 'state', e.state, 'needs', e.needs, 'actor', e.actor, "
            "'decision', e.verdict, 'attempt', e.attempt, 'note', e.note) ORDER BY e.id), '[]') FROM (SELECT * FROM pulse.action_history AS s WHERE s.action_id = a.id "
            "ORDER BY s.id DESC LIMIT 200) AS e)) FROM pulse.action_overview AS a WHERE a.id = $1::bigint",
            {kPathId}),
        PulseRoute(
            "GET", "/v1/trust/automations", Access::kRead,
            "A page of automations by name, with what they did last",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'automations', coalesce(json_agg(json_build_object('name', o.name, 'description', o.description, "
            "'status', o.status, 'statusReason', o.status_reason, 'definition', o.definition, 'cause', o.cause, 'action', o.action, 'subject', o.subject, "
            "'level', o.level, 'version', o.version, 'lastCausedAt', o.last_caused_at, 'lastResult', o.last_result, 'lastAction', o.last_action::text, "
            "'lastNote', o.last_note, 'appliedIn24h', o.applied_in_24_h, 'waitingAction', o.waiting_action::text, 'waitingFor', o.waiting_for, "
            "'nextRun', o.next_run, 'runsAs', o.runs_as, 'updatedAt', o.updated_at) ORDER BY o.name), '[]'), "
            "'next', CASE WHEN count(*) = $2::bigint THEN max(o.name) END) FROM (SELECT * FROM pulse.automation_overview AS t "
            "WHERE t.name > coalesce($1::text, '') ORDER BY t.name LIMIT $2::bigint) AS o",
            {kAfterName, kRowsOfPage}),
    };
}

}  // namespace

std::vector<Route> GateRoutes() {
    std::vector<Route> all;
    for (const auto& list : {ScopeRoutes, DecisionRoutes, QueueRoutes}) {
        std::vector<Route> some = list();
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

}  // namespace pulse::web
