// Routes of actions, automations and their limits: Pulse's own, and those of Stratum.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

constexpr Parameter kReasonText{"reason", In::kBody};
constexpr Parameter kActionLimit{
    .name = "limit", .type = Type::kInteger, .fallback = "50", .least = 1, .most = 1000};
constexpr Parameter kActionOffset{
    .name = "offset", .type = Type::kInteger, .fallback = "0", .least = 0, .most = 100000};
constexpr Parameter kActionState{
    .name = "state",
    .synonym = "status",
    .one_of = "pending, approved, applying, applied, failed, dismissed, rolled_back, expired"};

#define PULSE_AUTOPILOT PULSE_TENANT "/autopilot"
#define PULSE_ENFORCEMENT PULSE_TENANT "/enforcement"

#define PULSE_ACTION                                                                                             \
    "json_build_object('id', a.id::text, 'name', a.name, 'subject', a.subject, 'payload', a.payload, 'reason', " \
    "a.reason, 'risk', a.risk, 'level', a.level, 'state', a.state, 'needs', a.needs, 'channel', a.channel, "     \
    "'automation', (SELECT t.name FROM pulse.automation AS t WHERE t.id = a.automation_id), 'decision', "        \
    "a.verdict, 'decision_id', a.decision_id::text, 'score', a.score, 'reasons', a.reasons, 'warnings', "        \
    "a.warnings, 'state_before', a.state_before, 'result', a.result, 'error', a.error, 'created_at', "           \
    "a.created_at, 'created_by', a.created_by, 'expires_at', a.expires_at, 'approved_at', a.approved_at, "       \
    "'approved_by', a.approved_by, 'confirmed_by', a.confirmed_by, 'overridden_by', a.overridden_by, "           \
    "'applied_at', a.applied_at, 'finished_at', a.finished_at)"
// Stratum calls what waits for the queue queued, and what waits for a person pending_approval.
#define PULSE_STRATUM_ACTION                                                                                                   \
    "json_build_object('id', a.id::text, 'action_type', a.name, 'entity_type', regexp_replace(split_part(a.subject, ':', 1), " \
    "'^ad_campaign$', 'campaign'), "                                                                                           \
    "'entity_id', substr(a.subject, strpos(a.subject, ':') + 1), 'action_json', a.payload, 'before_value', "                   \
    "a.payload -> 'before', 'after_value', a.payload -> 'after', 'status', CASE WHEN a.state <> 'pending' THEN "               \
    "a.state WHEN a.needs = 'health' THEN 'queued' ELSE 'pending_approval' END, 'needs', a.needs, 'reasons', "                 \
    "a.reasons, 'warnings', a.warnings, 'signal_health_score', a.score, 'error', a.error, 'created_at', "                      \
    "a.created_at, 'created_by', a.created_by, 'approved_at', a.approved_at, 'approved_by', a.approved_by, "                   \
    "'applied_at', a.applied_at)"
#define PULSE_ACTION_ANSWER                                                                                      \
    "json_build_object('id', r.id::text, 'state', r.state, 'needs', r.needs, 'would_execute', r.would_execute, " \
    "'decision', r.decision, 'score', r.score, 'reasons', r.reasons, 'warnings', r.warnings"
#define PULSE_ACTION_LIST                                                                                       \
    " ORDER BY a.id DESC), '[]') FROM (SELECT x.* FROM pulse.action AS x WHERE ($1::text IS NULL OR x.state = " \
    "$1::text) AND ($2::text IS NULL OR x.subject = $2::text) ORDER BY x.id DESC LIMIT $3::bigint OFFSET "      \
    "$4::bigint) AS a"
#define PULSE_AUTOMATION                                                                                         \
    "json_build_object('id', o.id::text, 'name', o.name, 'description', o.description, 'status', o.status, "     \
    "'status_reason', o.status_reason, 'definition', t.definition, 'version', o.version, 'cause', o.cause, "     \
    "'last_caused_at', o.last_caused_at, 'last_result', o.last_result, 'last_action', o.last_action::text, "     \
    "'last_note', o.last_note, 'applied_in_24_h', o.applied_in_24_h, 'waiting_action', o.waiting_action::text, " \
    "'waiting_for', o.waiting_for, 'next_run', o.next_run, 'runs_as', o.runs_as, 'created_at', o.created_at, "   \
    "'updated_at', o.updated_at)"
#define PULSE_AUTOMATIONS "FROM pulse.automation_overview AS o JOIN pulse.automation AS t ON t.id = o.id "
#define PULSE_ENFORCEMENT_SETTINGS                                                                             \
    "json_build_object('enforcement_enabled', e.enabled, 'default_mode', e.mode, 'risk_modes', e.risk_modes, " \
    "'expire_after_seconds', extract(epoch FROM e.expire_after)::bigint, 'confirm_within_seconds', "           \
    "extract(epoch FROM e.confirm_within)::bigint, 'max_share', e.max_share, 'channel', e.channel, 'reason', " \
    "e.reason, 'changed_by', e.changed_by, 'changed_at', e.changed_at, 'rules', (SELECT coalesce(json_agg("    \
    "json_build_object('id', u.id::text, 'name', u.name, 'actions', u.actions, 'limits', u.limits, 'mode', "   \
    "u.mode) ORDER BY u.name), '[]') FROM pulse.enforcement_rule AS u))"

constexpr std::string_view kOneAction =
    "SELECT " PULSE_ACTION " FROM pulse.action AS a WHERE a.id = $1::bigint";
constexpr std::string_view kOneStratumAction =
    "SELECT " PULSE_STRATUM_ACTION " FROM pulse.action AS a WHERE a.id = $1::bigint";
constexpr std::string_view kOneAutomation =
    "SELECT " PULSE_AUTOMATION " " PULSE_AUTOMATIONS "WHERE o.name = $1::text";
constexpr std::string_view kEnforcementSettings =
    "SELECT " PULSE_ENFORCEMENT_SETTINGS " FROM pulse.enforcement AS e WHERE $1::text IS NOT NULL";

std::vector<Route> OfActions() {
    return {
        PulseRoute("GET", "/v1/actions", Access::kRead, "Lists actions, the newest first",
                   "SELECT coalesce(json_agg(" PULSE_ACTION PULSE_ACTION_LIST,
                   {kActionState, {"subject"}, kActionLimit, kActionOffset}),
        PulseRoute(
            "POST", "/v1/actions", Access::kAdmin,
            "Proposes an action; with dry_run says what would become of it",
            "SELECT " PULSE_ACTION_ANSWER
            ", 'token', r.token, 'token_expires_at', r.token_expires_at), CASE WHEN r.id IS NULL THEN 200 ELSE 201 END AS status "
            "FROM {v}.pulse_propose_action($1::text, $2::text, $3::jsonb, $4::text, $5::text, $6::text, $7::boolean) AS r",
            {{"action", In::kBody, Type::kText, true},
             {"subject", In::kBody, Type::kText, true},
             {"payload", In::kBody, Type::kJson},
             kReasonText,
             {.name = "level", .in = In::kBody, .one_of = "suggest, guarded, approval"},
             {"channel", In::kBody},
             {"dry_run", In::kBody, Type::kBoolean}}),
        PulseRoute("POST", "/v1/actions/approve-all", Access::kAdmin,
                   "Approves all actions that wait for a person",
                   "SELECT coalesce(json_agg(" PULSE_ACTION_ANSWER
                   ")), '[]') FROM {v}.pulse_approve_actions($1::text) AS r",
                   {{"comment", In::kBody}}),
        PulseRoute("POST", "/v1/actions/confirm", Access::kAdmin,
                   "Reports the outcome of an action, applied or failed, with the token of its message",
                   "SELECT " PULSE_ACTION_ANSWER ") FROM {v}.pulse_confirm_action($1::text, $2::text) AS r",
                   {{"token", In::kBody, Type::kText, true}, {"outcome", In::kBody, Type::kText, true}}),
        PulseRoute("GET", "/v1/actions/{id}", Access::kRead, "One action", kOneAction, {kPathId}),
        PulseRoute(
            "GET", "/v1/actions/{id}/history", Access::kRead, "The steps of an action",
            "SELECT coalesce(json_agg(json_build_object('at', e.at, 'event', e.event, 'state', e.state, 'needs', e.needs, 'actor', e.actor, "
            "'decision', e.verdict, 'decision_id', e.decision_id::text, 'attempt', e.attempt, 'note', e.note) ORDER BY e.id), '[]') "
            "FROM pulse.action_event AS e WHERE e.action_id = $1::bigint",
            {kPathId}),
        PulseRoute("POST", "/v1/actions/{id}/approve", Access::kAdmin, "Approves an action",
                   "SELECT " PULSE_ACTION_ANSWER ") FROM {v}.pulse_approve_action($1::bigint, $2::text) AS r",
                   {kPathId, {"comment", In::kBody}}),
        PulseRoute("POST", "/v1/actions/{id}/dismiss", Access::kAdmin, "Dismisses an action",
                   "SELECT $1::text, {v}.pulse_dismiss_action($1::bigint, $2::text)", {kPathId, kReasonText},
                   kOneAction),
        PulseRoute(
            "POST", "/v1/actions/{id}/confirmation", Access::kAdmin,
            "A token to confirm an action that exceeds limits, and the limits",
            "SELECT json_build_object('token', r.token, 'expires_at', r.expires_at, 'violations', r.violations) "
            "FROM {v}.pulse_request_confirmation($1::bigint) AS r",
            {kPathId}),
        PulseRoute(
            "POST", "/v1/actions/{id}/confirm", Access::kAdmin,
            "Confirms an action by a token: a person with a reason, or its receiver with an outcome",
            "SELECT " PULSE_ACTION_ANSWER
            ") FROM {v}.pulse_confirm_action($1::bigint, $2::text, $3::text, $4::text, $5::jsonb) AS r",
            {kPathId,
             {"token", In::kBody, Type::kText, true},
             kReasonText,
             {"outcome", In::kBody},
             {"result", In::kBody, Type::kJson}}),
        PulseRoute("POST", "/v1/actions/{id}/override", Access::kAdmin,
                   "Lets an action pass that the gate holds; needs the level admin",
                   "SELECT " PULSE_ACTION_ANSWER
                   ", 'overridden', r.overridden) FROM {v}.pulse_override_action($1::bigint, $2::text) AS r",
                   {kPathId, {"reason", In::kBody, Type::kText, true}}),
        PulseRoute("POST", "/v1/actions/{id}/rollback", Access::kAdmin, "Undoes an applied action",
                   "SELECT $1::text, {v}.pulse_rollback_action($1::bigint, $2::text)", {kPathId, kReasonText},
                   kOneAction),
    };
}

std::vector<Route> OfAutomations() {
    Route create = PulseRoute("POST", "/v1/automations", Access::kAdmin, "Creates an automation",
                              "SELECT $1::text, {v}.pulse_create_automation($1::text, $2::jsonb, $3::text)",
                              {{"name", In::kBody, Type::kText, true},
                               {"definition", In::kBody, Type::kJson, true},
                               {"description", In::kBody}},
                              kOneAutomation);
    create.status = 201;
    return {
        PulseRoute("GET", "/v1/automations", Access::kRead, "Lists automations",
                   "SELECT coalesce(json_agg(" PULSE_AUTOMATION
                   " ORDER BY o.name), '[]') " PULSE_AUTOMATIONS),
        create,
        PulseRoute("GET", "/v1/automations/{name}", Access::kRead, "One automation", kOneAutomation,
                   {{"name", In::kPath}}),
        PulseRoute(
            "PATCH", "/v1/automations/{name}", Access::kAdmin,
            "Changes an automation; what is left out stays",
            "SELECT coalesce($4::text, $1::text), {v}.pulse_update_automation($1::text, $2::jsonb, $3::text, $4::text)",
            {{"name", In::kPath},
             {"definition", In::kBody, Type::kJson},
             {"description", In::kBody},
             {"new_name", In::kBody}},
            kOneAutomation),
        PulseRoute("DELETE", "/v1/automations/{name}", Access::kAdmin, "Deletes an automation",
                   "SELECT NULL::text, {v}.pulse_delete_automation($1::text)", {{"name", In::kPath}}),
        PulseRoute("POST", "/v1/automations/{name}/pause", Access::kAdmin, "Pauses an automation",
                   "SELECT $1::text, {v}.pulse_pause_automation($1::text, $2::text)",
                   {{"name", In::kPath}, kReasonText}, kOneAutomation),
        PulseRoute("POST", "/v1/automations/{name}/resume", Access::kAdmin, "Resumes an automation",
                   "SELECT $1::text, {v}.pulse_resume_automation($1::text, $2::text)",
                   {{"name", In::kPath}, kReasonText}, kOneAutomation),
        PulseRoute(
            "GET", "/v1/freeze", Access::kRead, "Whether everything is frozen",
            "SELECT json_build_object('frozen', coalesce(bool_or(f.frozen), false), 'reason', max(f.reason), 'by', max(f.by), 'at', max(f.at)) "
            "FROM pulse.freeze AS f"),
        PulseRoute("POST", "/v1/freeze", Access::kAdmin, "Stops everything from the next statement on",
                   "SELECT json_build_object('frozen', true, 'changed', {v}.pulse_freeze($1::text))",
                   {kReasonText}),
        PulseRoute("DELETE", "/v1/freeze", Access::kAdmin, "Ends the freeze",
                   "SELECT NULL::text, {v}.pulse_unfreeze()"),
    };
}

// An entity of Stratum is a subject: its type and its id. Its campaigns are those of an ad platform.
#define PULSE_ENTITY \
    "CASE WHEN $3::text IS NULL OR $4::text IS NULL THEN NULL ELSE CASE $3::text WHEN 'campaign' THEN 'ad_campaign' ELSE $3::text END || ':' || $4::text END"

std::vector<Route> OfAutopilot() {
    const std::vector<Parameter> proposal = {
        kTenant,
        {"action_type", In::kBody, Type::kText, true},
        {"entity_type", In::kBody, Type::kText, true},
        {"entity_id", In::kBody, Type::kText, true},
        {"action_json", In::kBody, Type::kJson},
        kReasonText,
        {.name = "level", .in = In::kBody, .one_of = "suggest, guarded, approval"},
        {"channel", In::kBody},
        {"dry_run", In::kBody, Type::kBoolean}};
    Route propose = StratumRoute(
        "POST", PULSE_AUTOPILOT "/actions", Access::kAdmin,
        "Queues an action; with dry_run says what would become of it",
        "SELECT " PULSE_ACTION_ANSWER
        ", 'confirmation_token', r.token, 'token_expires_at', r.token_expires_at), CASE WHEN r.id IS NULL THEN 200 ELSE 201 END AS status "
        "FROM {v}.pulse_propose_action($2::text, " PULSE_ENTITY
        ", $5::jsonb, $6::text, $7::text, $8::text, $9::boolean) AS r WHERE $1::text IS NOT NULL",
        proposal);
    return {
        StratumRoute(
            "GET", PULSE_AUTOPILOT "/status", Access::kRead, "What waits, and what was done today",
            "SELECT json_build_object('enabled', NOT EXISTS (SELECT FROM pulse.freeze AS f WHERE f.frozen), 'enforcement_enabled', "
            "(SELECT e.enabled FROM pulse.enforcement AS e), 'enforcement_mode', (SELECT e.mode FROM pulse.enforcement AS e), "
            "'automations', (SELECT count(*) FROM pulse.automation AS t WHERE t.status = 'active'), "
            "'pending_actions', count(*) FILTER (WHERE a.state = 'pending'), 'pending_approval', count(*) FILTER (WHERE a.state = 'pending' AND a.needs <> 'health'), "
            "'held', count(*) FILTER (WHERE a.needs = 'health'), 'applying', count(*) FILTER (WHERE a.state IN ('approved', 'applying')), "
            "'applied_today', (SELECT count(*) FROM pulse.action AS d WHERE d.finished_at > {v}.pulse_now() - interval '1 day' AND d.state = 'applied')) "
            "FROM pulse.action AS a WHERE $1::text IS NOT NULL AND a.state IN ('pending', 'approved', 'applying')",
            {kTenant}),
        StratumRoute("GET", PULSE_AUTOPILOT "/actions", Access::kRead, "Lists actions, the newest first",
                     "SELECT json_build_object('actions', (SELECT coalesce(json_agg(" PULSE_STRATUM_ACTION
                         PULSE_ACTION_LIST ")) WHERE $5::text IS NOT NULL",
                     {kActionState, {"subject"}, kActionLimit, kActionOffset, kTenant}),
        StratumRoute(
            "GET", PULSE_AUTOPILOT "/actions/summary", Access::kRead, "Actions by state and name",
            "SELECT json_build_object('days', $2::bigint, 'total', coalesce(sum(g.n), 0), 'by_status', (SELECT coalesce(json_object_agg(s.state, s.n), '{}') FROM (SELECT x.state, "
            "count(*) AS n FROM pulse.action AS x WHERE x.created_at > {v}.pulse_now() - $2::bigint * interval '1 day' GROUP BY x.state) AS s), "
            "'by_type', coalesce(json_object_agg(g.name, g.n), '{}')) FROM (SELECT y.name, count(*) AS n FROM pulse.action AS y "
            "WHERE $1::text IS NOT NULL AND y.created_at > {v}.pulse_now() - $2::bigint * interval '1 day' GROUP BY y.name) AS g",
            {kTenant, {.name = "days", .type = Type::kInteger, .fallback = "7", .least = 1, .most = 366}}),
        propose,
        StratumRoute(
            "POST", PULSE_AUTOPILOT "/actions/approve-all", Access::kAdmin,
            "Approves all actions that wait for a person",
            "SELECT json_build_object('approved', count(*), 'actions', coalesce(json_agg(" PULSE_ACTION_ANSWER
            ")), '[]')) FROM {v}.pulse_approve_actions($2::text) AS r WHERE $1::text IS NOT NULL",
            {kTenant, {"comment", In::kBody}}),
        StratumRoute("POST", PULSE_AUTOPILOT "/actions/{id}/approve", Access::kAdmin, "Approves an action",
                     "SELECT " PULSE_ACTION_ANSWER
                     ") FROM {v}.pulse_approve_action($2::bigint, $3::text) AS r WHERE $1::text IS NOT NULL",
                     {kTenant, kPathId, {"comment", In::kBody}}),
        StratumRoute(
            "POST", PULSE_AUTOPILOT "/actions/{id}/confirm", Access::kAdmin,
            "Confirms an action by a token: a person with a reason, or its receiver with an outcome",
            "SELECT " PULSE_ACTION_ANSWER
            ") FROM {v}.pulse_confirm_action($2::bigint, $3::text, $4::text, $5::text, $6::jsonb) AS r WHERE $1::text IS NOT NULL",
            {kTenant,
             kPathId,
             {.name = "confirmation_token", .in = In::kBody, .required = true, .synonym = "token"},
             {.name = "override_reason", .in = In::kBody, .synonym = "reason"},
             {"outcome", In::kBody},
             {"result", In::kBody, Type::kJson}}),
        StratumRoute(
            "POST", PULSE_AUTOPILOT "/actions/{id}/dismiss", Access::kAdmin, "Dismisses an action",
            "SELECT $2::text, {v}.pulse_dismiss_action($2::bigint, $3::text) WHERE $1::text IS NOT NULL",
            {kTenant, kPathId, kReasonText}, kOneStratumAction),
        StratumRoute(
            "POST", PULSE_AUTOPILOT "/actions/{id}/rollback", Access::kAdmin, "Undoes an applied action",
            "SELECT $2::text, {v}.pulse_rollback_action($2::bigint, $3::text) WHERE $1::text IS NOT NULL",
            {kTenant, kPathId, kReasonText}, kOneStratumAction),
        StratumRoute(
            "GET", PULSE_AUTOPILOT "/outcomes/summary", Access::kRead,
            "What became of actions that have ended, by name",
            "SELECT json_build_object('days', $2::bigint, 'outcomes', coalesce(json_agg(json_build_object('action_type', g.name, 'applied', g.applied, "
            "'failed', g.failed, 'dismissed', g.dismissed, 'rolled_back', g.rolled_back, 'expired', g.expired, 'success_rate', "
            "round(100.0 * g.applied / nullif(g.applied + g.failed + g.rolled_back, 0), 2)) ORDER BY g.name), '[]')) FROM (SELECT x.name, "
            "count(*) FILTER (WHERE x.state = 'applied') AS applied, count(*) FILTER (WHERE x.state = 'failed') AS failed, "
            "count(*) FILTER (WHERE x.state = 'dismissed') AS dismissed, count(*) FILTER (WHERE x.state = 'rolled_back') AS rolled_back, "
            "count(*) FILTER (WHERE x.state = 'expired') AS expired FROM pulse.action AS x WHERE $1::text IS NOT NULL "
            "AND x.finished_at > {v}.pulse_now() - $2::bigint * interval '1 day' GROUP BY x.name) AS g",
            {kTenant, {.name = "days", .type = Type::kInteger, .fallback = "30", .least = 1, .most = 366}}),
    };
}

std::vector<Route> OfEnforcement() {
    Route rule = StratumRoute(
        "POST", PULSE_ENFORCEMENT "/rules", Access::kAdmin, "Creates limits for actions",
        "SELECT json_build_object('id', {v}.pulse_create_enforcement_rule($2::text, $3::text[], $4::jsonb, $5::text)::text, 'name', $2::text) "
        "WHERE $1::text IS NOT NULL",
        {kTenant,
         {"name", In::kBody, Type::kText, true},
         {"actions", In::kBody, Type::kTexts, true},
         {"limits", In::kBody, Type::kJson, true},
         {.name = "mode",
          .in = In::kBody,
          .fallback = "soft_block",
          .one_of = "advisory, soft_block, hard_block"}});
    rule.status = 201;
    return {
        StratumRoute("GET", PULSE_ENFORCEMENT "/settings", Access::kRead,
                     "The settings of limits, and the rules", kEnforcementSettings, {kTenant}),
        StratumRoute(
            "PUT", PULSE_ENFORCEMENT "/settings", Access::kAdmin,
            "Changes the settings of limits; needs the level admin",
            "SELECT $1::text, {v}.pulse_set_enforcement(NULL::boolean, $2::text, $3::text, $4::jsonb, $5::bigint * interval '1 second', "
            "$6::bigint * interval '1 second', $7::double precision, $8::text)",
            {kTenant,
             kReasonText,
             {.name = "default_mode",
              .in = In::kBody,
              .synonym = "mode",
              .one_of = "advisory, soft_block, hard_block"},
             {"risk_modes", In::kBody, Type::kJson},
             {"expire_after_seconds", In::kBody, Type::kInteger},
             {"confirm_within_seconds", In::kBody, Type::kInteger},
             {"max_share", In::kBody, Type::kNumber},
             {"channel", In::kBody}},
            kEnforcementSettings),
        StratumRoute(
            "POST", PULSE_ENFORCEMENT "/check", Access::kAdmin,
            "What the gate and the limits say about an action; nothing is queued",
            "SELECT json_build_object('allowed', r.needs IS DISTINCT FROM 'confirmation' AND r.state <> 'dismissed' AND r.decision <> 'block', "
            "'mode', CASE WHEN r.state = 'dismissed' THEN 'hard_block' WHEN r.needs = 'confirmation' THEN 'soft_block' ELSE 'advisory' END, "
            "'requires_confirmation', r.needs IS NOT DISTINCT FROM 'confirmation', 'violations', r.reasons, 'warnings', r.warnings, 'decision', r.decision, 'score', r.score) "
            "FROM {v}.pulse_propose_action($2::text, " PULSE_ENTITY
            ", $5::jsonb, NULL::text, 'approval'::text, $6::text, true) AS r WHERE $1::text IS NOT NULL",
            {kTenant,
             {"action_type", In::kBody, Type::kText, true},
             {"entity_type", In::kBody, Type::kText, true},
             {"entity_id", In::kBody, Type::kText, true},
             {.name = "action_json", .in = In::kBody, .type = Type::kJson, .synonym = "proposed_value"},
             {"channel", In::kBody}}),
        StratumRoute(
            "POST", PULSE_ENFORCEMENT "/confirm", Access::kAdmin, "Confirms an action that exceeds limits",
            "SELECT " PULSE_ACTION_ANSWER
            ") FROM {v}.pulse_confirm_action($2::bigint, $3::text, $4::text, NULL::text, NULL::jsonb) AS r WHERE $1::text IS NOT NULL",
            {kTenant,
             {"action_id", In::kBody, Type::kInteger, true},
             {.name = "confirmation_token", .in = In::kBody, .required = true, .synonym = "token"},
             {.name = "override_reason", .in = In::kBody, .required = true, .synonym = "reason"}}),
        StratumRoute(
            "POST", PULSE_ENFORCEMENT "/kill-switch", Access::kAdmin,
            "Switches enforcement off or on, never the gate; needs the level admin",
            "SELECT $1::text, {v}.pulse_set_enforcement($2::boolean, $3::text, NULL::text, NULL::jsonb, NULL::interval, NULL::interval, NULL::double precision, NULL::text)",
            {kTenant,
             {"enforcement_enabled", In::kBody, Type::kBoolean, true},
             {"reason", In::kBody, Type::kText, true}},
            kEnforcementSettings),
        StratumRoute(
            "POST", PULSE_ENFORCEMENT "/freeze", Access::kAdmin, "Freezes everything, or ends the freeze",
            "SELECT json_build_object('frozen', $2::boolean, 'changed', CASE WHEN $2::boolean THEN {v}.pulse_freeze($3::text) ELSE {v}.pulse_unfreeze() END) "
            "WHERE $1::text IS NOT NULL",
            {kTenant,
             {.name = "frozen", .in = In::kBody, .type = Type::kBoolean, .fallback = "true"},
             kReasonText}),
        StratumRoute(
            "GET", PULSE_ENFORCEMENT "/audit-log", Access::kRead,
            "What limits, people and the gate did to actions, newest first",
            "SELECT json_build_object('logs', coalesce(json_agg(json_build_object('at', e.at, 'action_id', e.action_id::text, 'action_type', e.name, 'entity', e.subject, "
            "'intervention', CASE e.event WHEN 'confirmed' THEN 'override_logged' WHEN 'overridden' THEN 'override_logged' WHEN 'override_refused' THEN 'blocked' "
            "ELSE e.event END, 'status', e.state, 'actor', e.actor, 'decision', e.verdict, 'note', e.note) ORDER BY e.id DESC), '[]')) "
            "FROM (SELECT v.*, x.name, x.subject FROM pulse.action_event AS v JOIN pulse.action AS x ON x.id = v.action_id WHERE $1::text IS NOT NULL "
            "ORDER BY v.id DESC LIMIT $2::bigint OFFSET $3::bigint) AS e",
            {kTenant, kActionLimit, kActionOffset}),
        rule,
        StratumRoute(
            "DELETE", PULSE_ENFORCEMENT "/rules/{id}", Access::kAdmin,
            "Deletes limits; needs the level admin",
            "SELECT NULL::text, {v}.pulse_delete_enforcement_rule(u.name) FROM pulse.enforcement_rule AS u WHERE $1::text IS NOT NULL AND u.id = $2::bigint",
            {kTenant, kPathId}),
    };
}

}  // namespace

std::vector<Route> ActionRoutes() {
    std::vector<Route> all;
    for (const auto& list : {OfActions, OfAutomations, OfAutopilot, OfEnforcement}) {
        std::vector<Route> some = list();
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

}  // namespace pulse::web
