-- Room trust: actions. Every state and every way between two, refused ways, limits, tokens, freeze, kill switch.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
\set VERBOSITY default
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2026-03-01 12:00+00';

-- The score of everything is 70; the thresholds decide.
SELECT count(*) FROM pulse_record_signals((SELECT jsonb_agg(jsonb_build_object('name', 'spend', 'source', 'shop', 'value', CASE i WHEN 9 THEN 900 ELSE 100 + i % 3 END, 'at', '2026-02-20'::date + i)) FROM generate_series(0, 9) AS i));
SELECT * FROM pulse_update_signal_health();
CREATE FUNCTION gate(verdict text) RETURNS void LANGUAGE sql AS $$
SELECT set_config('pulse.now', (pulse_now() + interval '1 second')::text, false);
SELECT pulse_set_trust(CASE verdict WHEN 'pass' THEN '{"high": 60, "standard": 60, "conservative": 60, "hold": 40}'
                                    WHEN 'hold' THEN '{"high": 90, "standard": 90, "conservative": 90, "hold": 40}'
                                    ELSE '{"high": 95, "standard": 95, "conservative": 95, "hold": 90}' END::jsonb);
$$;
CREATE FUNCTION later(i interval) RETURNS void LANGUAGE sql AS $$
SELECT set_config('pulse.now', (pulse_now() + i)::text, false);
$$;
CREATE TABLE done (n serial, payload jsonb);
CREATE FUNCTION act(p jsonb) RETURNS text LANGUAGE sql AS $$ INSERT INTO done (payload) VALUES (p) RETURNING 'done ' || n $$;
CREATE FUNCTION broken(p jsonb) RETURNS int LANGUAGE sql AS $$ SELECT 1 / (length(p::text) - length(p::text)) $$;
CREATE VIEW step AS SELECT action_id AS a, event, state, needs, actor <> 'pulse' AS person, verdict, attempt, note FROM pulse.action_event ORDER BY id;
SELECT gate('pass');

-- ---- dry run, invalid proposals ----
SELECT * FROM pulse_propose_action('run_function', 'all', '{"function": "act"}', level => 'guarded', dry_run => true);
SELECT count(*) AS actions FROM pulse.action;
SELECT * FROM pulse_propose_action('Run', 'all');
SELECT * FROM pulse_propose_action(NULL, 'all');
SELECT * FROM pulse_propose_action('run_function', NULL);
SELECT * FROM pulse_propose_action('run_function', 'nothing');
SELECT * FROM pulse_propose_action('run_function', 'segment:none', '{"function": "act"}');
SELECT * FROM pulse_propose_action('run_function', 'all', '{"function": "no_such"}');
SELECT * FROM pulse_propose_action('run_function', 'all', '{"function": 1}');
SELECT * FROM pulse_propose_action('run_function', 'all', '[]');
SELECT * FROM pulse_propose_action('run_function', 'all', '{"function": "act"}', level => 'sure');
SELECT * FROM pulse_propose_action('run_function', 'all', '{"function": "act"}', channel => 'ads');
SELECT * FROM pulse_propose_action('increase_budget', 'ad_campaign:summer');
SELECT * FROM pulse_propose_action('increase_budget', 'ad_campaign:summer', channel => 'none');
SELECT * FROM pulse_propose_action('pause_flag', 'segment:x');
SELECT * FROM pulse_propose_action('pause_flag', 'flag:none');
SELECT * FROM pulse_propose_action('increase_budget', 'all', jsonb_build_object('x', repeat('x', 100000)));
SELECT count(*) AS actions FROM pulse.action;

-- ---- guarded: pending -> approved -> applied ----
SELECT id, state, needs, would_execute, decision, score, reasons, warnings, token FROM pulse_propose_action('run_function', 'all', '{"function": "act", "arguments": {"x": 1}}', 'because', 'guarded');
-- One action of a subject at a time.
SELECT id FROM pulse_propose_action('run_function', 'all', '{"function": "act"}');
SELECT pulse_run_actions();
SELECT id, state, needs, result, error, attempt, decision_id IS NOT NULL AS decided FROM pulse.action;
SELECT payload - 'decision' AS payload FROM done;
SELECT * FROM step;
SELECT a.event, d.decision, a.decision_id = d.id AS fenced FROM pulse.action_event AS a JOIN pulse.gate_decision AS d ON d.id = a.decision_id ORDER BY a.id;
-- Refused: it has ended.
SELECT * FROM pulse_approve_action(1);
SELECT pulse_dismiss_action(1);
SELECT * FROM pulse_override_action(1, 'why');
SELECT pulse_rollback_action(1);
SELECT * FROM pulse_request_confirmation(1);
SELECT * FROM pulse_confirm_action(1, 'act_0', 'why');

-- ---- approval; high risk; dismissal ----
SELECT id, state, needs FROM pulse_propose_action('run_function', 'all', '{"function": "act"}');
SELECT pulse_run_actions();
SELECT id, state, needs, would_execute, decision FROM pulse_approve_action(2, 'looks good');
SELECT * FROM pulse_approve_action(2);
SELECT pulse_run_actions();
SELECT state, approved_by IS NOT NULL AS approved FROM pulse.action WHERE id = 2;
SELECT id, state, needs FROM pulse_propose_action('run_function', 'all', '{"function": "act"}', level => 'suggest');
SELECT pulse_dismiss_action(3, 'no');
SELECT * FROM step WHERE a = 3;
SELECT pulse_dismiss_action(3);
SELECT pulse_dismiss_action(NULL);
SELECT pulse_dismiss_action(99);
SELECT * FROM pulse_approve_action(NULL);
SELECT * FROM pulse_approve_action(99);

-- ---- failure ----
SELECT id, state FROM pulse_propose_action('run_function', 'all', '{"function": "broken"}', level => 'guarded');
SELECT pulse_run_actions();
SELECT state, error, applied_at FROM pulse.action WHERE id = 4;
SELECT event, state, note FROM step WHERE a = 4;
SELECT pulse_rollback_action(4);

-- ---- hold: waits for the health, is carried out when it rises, expires ----
SELECT gate('hold');
SELECT id, state, needs, would_execute, decision, reasons FROM pulse_propose_action('run_function', 'all', '{"function": "act"}', level => 'guarded');
SELECT pulse_run_actions();
SELECT pulse_run_actions();
SELECT count(*) AS decisions FROM pulse.gate_decision WHERE decision = 'hold';
SELECT gate('pass');
SELECT later('1 minute');
SELECT pulse_run_actions();
SELECT event, state, needs, verdict FROM step WHERE a = 5;
SELECT gate('hold');
SELECT id, state, needs FROM pulse_propose_action('run_function', 'all', '{"function": "act"}', level => 'guarded');
SELECT gate('pass');
SELECT later('24 hours');
SELECT pulse_record_signal('spend', 1e6, 'shop');
SELECT * FROM pulse_update_signal_health();
SELECT pulse_run_actions();
SELECT event, state, note FROM step WHERE a = 6;
SELECT count(*) AS done FROM done;

-- ---- approved, then the gate falls before it is carried out ----
SELECT id, state FROM pulse_propose_action('run_function', 'all', '{"function": "act"}', level => 'guarded');
SELECT gate('block');
SELECT pulse_run_actions();
SELECT state, needs, reasons FROM pulse.action WHERE id = 7;
-- A block waits for a person, not for the health.
SELECT gate('pass');
SELECT pulse_run_actions();
SELECT state, needs FROM pulse.action WHERE id = 7;
SELECT id, state, needs FROM pulse_approve_actions();
SELECT pulse_run_actions();
SELECT state FROM pulse.action WHERE id = 7;

-- ---- override: a hold once; a block never ----
SELECT gate('hold');
SELECT id, state, needs FROM pulse_propose_action('run_function', 'all', '{"function": "act"}', level => 'guarded');
SELECT * FROM pulse_override_action(8, ' ');
SELECT * FROM pulse_override_action(8, NULL);
SELECT gate('block');
SELECT id, state, needs, decision, overridden FROM pulse_override_action(8, 'we must');
SELECT action, subject, details ->> 'note' AS note FROM pulse.audit WHERE action = 'action.override_refused';
SELECT gate('hold');
SELECT id, state, needs, decision, overridden FROM pulse_override_action(8, 'we must');
SELECT pulse_run_actions();
SELECT event, state, needs, verdict, note FROM step WHERE a = 8;
SELECT gate('pass');
SELECT id, state, needs FROM pulse_propose_action('run_function', 'all', '{"function": "act"}');
SELECT * FROM pulse_override_action(9, 'no need');
-- An override does not outlive a block.
SELECT gate('hold');
SELECT id, state, overridden FROM pulse_override_action(9, 'now it holds');
SELECT gate('block');
SELECT pulse_run_actions();
SELECT state, needs, overridden_at FROM pulse.action WHERE id = 9;
SELECT gate('hold');
SELECT later('1 minute');
SELECT pulse_run_actions();
SELECT state, needs FROM pulse.action WHERE id = 9;
SELECT pulse_dismiss_action(9);
SELECT gate('pass');

-- ---- limits: tokens ----
SELECT pulse_create_enforcement_rule('budgets', '{increase_budget,risk:standard}', '{"max_change": 0.3, "per_day": 3}');
SELECT pulse_create_enforcement_rule('budgets', '{increase_budget}', '{"per_day": 1}');
SELECT pulse_create_enforcement_rule('bad', '{}', '{"per_day": 1}');
SELECT pulse_create_enforcement_rule('bad', '{Bad}', '{"per_day": 1}');
SELECT pulse_create_enforcement_rule('bad', '{risk:funny}', '{"per_day": 1}');
SELECT pulse_create_enforcement_rule('bad', '{increase_budgets}', '{"per_day": 1}');
SELECT pulse_create_enforcement_rule('bad', '{x}', '{}');
SELECT pulse_create_enforcement_rule('bad', '{x}', '{"per_day": 1.5}');
SELECT pulse_create_enforcement_rule('bad', '{x}', '{"apart": "long"}');
SELECT pulse_create_enforcement_rule('bad', '{x}', '{"max_change": -1}');
SELECT pulse_create_enforcement_rule('bad', '{x}', '{"per_week": 1}');
SELECT pulse_create_enforcement_rule('bad', '{x}', '{"per_day": 1}', 'sometimes');
SELECT pulse_create_enforcement_rule(NULL, '{x}', '{"per_day": 1}');
SELECT pulse_create_channel('ads', 'webhook', '{"url": "https://example.com/hook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}');
SELECT pulse_create_channel('chat', 'slack', '{"url": "https://hooks.slack.com/services/T/B/x"}');
SELECT * FROM pulse_propose_action('increase_budget', 'ad_campaign:summer', channel => 'chat');
SELECT id, state, needs, would_execute, reasons, warnings, token ~ '^act_[0-9a-f]{64}$' AS token, token_expires_at - pulse_now() AS valid
FROM pulse_propose_action('increase_budget', 'ad_campaign:summer', '{"before": 100, "after": 150}', channel => 'ads');
-- Only the hash is kept.
SELECT length(hash), purpose, expires_at - pulse_now() AS valid FROM pulse.action_token;
-- An approval is no confirmation.
SELECT id, state, needs FROM pulse_approve_action(10);
SELECT * FROM pulse_confirm_action(10, 'act_wrong', 'why');
SELECT token AS first FROM pulse_request_confirmation(10) \gset
SELECT token AS second, violations FROM pulse_request_confirmation(10) \gset
SELECT * FROM pulse_confirm_action(10, :'first', 'why');
SELECT * FROM pulse_confirm_action(10, :'second', '');
SELECT later('16 minutes');
SELECT * FROM pulse_confirm_action(10, :'second', 'late');
SELECT token AS third FROM pulse_request_confirmation(10) \gset
SELECT id, state, needs, would_execute, warnings FROM pulse_confirm_action(10, :'third', 'the season begins');
SELECT * FROM pulse_confirm_action(10, :'third', 'twice');
SELECT event, state, needs, note FROM step WHERE a = 10;

-- ---- a webhook: applying, the message, its outcome ----
SELECT pulse_run_actions();
SELECT state, attempt, channel FROM pulse.action WHERE id = 10;
SELECT channel, kind, event, order_key, status, payload FROM pulse.outbox WHERE kind = 'action';
SELECT * FROM pulse_confirm_action('act_guess', 'applied');
SELECT * FROM pulse_confirm_action('act_guess', 'maybe');
SELECT * FROM pulse_confirm_action(10, 'act_guess', NULL, 'failed');
SELECT pulse_dismiss_action(10, 'stop it');
SELECT status, error FROM pulse.outbox WHERE kind = 'action';
-- Nobody confirms: failed.
SELECT id, state FROM pulse_propose_action('increase_budget', 'ad_campaign:summer', '{"before": 100, "after": 110}', level => 'guarded', channel => 'ads');
SELECT id, state FROM pulse_approve_action(11);
SELECT pulse_run_actions();
SELECT later('25 hours');
SELECT pulse_run_actions();
SELECT state, error FROM pulse.action WHERE id = 11;
SELECT pulse_rollback_action(11);
SELECT count(*) AS tokens FROM pulse.action_token;

-- ---- modes: the strictest wins; kill switch ----
SELECT pulse_record_signal('spend', 1e9, 'shop'), pulse_update_signal_health();
SELECT pulse_set_enforcement(risk_modes => '{"high": "hard_block"}');
SELECT id, state, needs, reasons FROM pulse_propose_action('increase_budget', 'ad_campaign:summer', '{"before": 0, "after": 1}', channel => 'ads');
SELECT event, state FROM step WHERE a = 12;
SELECT pulse_set_enforcement(false);
SELECT pulse_set_enforcement(false, 'maintenance of limits');
SELECT id, state, needs, would_execute, reasons, warnings FROM pulse_propose_action('increase_budget', 'ad_campaign:summer', '{"before": 0, "after": 1}', level => 'guarded', channel => 'ads');
SELECT pulse_dismiss_action(13);
-- ... but never the gate.
SELECT gate('block');
SELECT id, state, needs, would_execute FROM pulse_propose_action('increase_budget', 'ad_campaign:summer', '{"before": 1, "after": 1}', level => 'guarded', channel => 'ads');
SELECT pulse_dismiss_action(14);
SELECT gate('hold');
SELECT id, state, needs, would_execute FROM pulse_propose_action('increase_budget', 'ad_campaign:summer', '{"before": 1, "after": 1}', level => 'guarded', channel => 'ads');
SELECT pulse_dismiss_action(15);
SELECT gate('pass');
SELECT pulse_set_enforcement(true, 'done', 'advisory', '{}');
SELECT id, state, needs, reasons, warnings FROM pulse_propose_action('increase_budget', 'ad_campaign:winter', '{"before": 100}', level => 'guarded', channel => 'ads', dry_run => true);
SELECT pulse_delete_enforcement_rule('budgets');
SELECT pulse_create_enforcement_rule('budgets', '{increase_budget}', '{"max_change": 0.3, "max_value": 1000}', 'advisory');
SELECT id, state, needs, reasons, warnings FROM pulse_propose_action('increase_budget', 'ad_campaign:winter', '{"before": 1000, "after": 2000}', level => 'guarded', channel => 'ads', dry_run => true);
SELECT action, details FROM pulse.audit WHERE action LIKE 'enforcement%' ORDER BY id;
SELECT pulse_set_enforcement(mode => 'never');
SELECT pulse_set_enforcement(risk_modes => '{"low": "advisory"}');
SELECT pulse_set_enforcement(risk_modes => '[]');
SELECT pulse_set_enforcement(expire_after => '1 second');
SELECT pulse_set_enforcement(confirm_within => '1 year');
SELECT pulse_set_enforcement(max_share => 'NaN');
SELECT pulse_set_enforcement(max_share => 2);
SELECT pulse_set_enforcement(channel => 'none');
SELECT pulse_set_enforcement(channel => 'chat');
SELECT pulse_set_enforcement(channel => 'ads', mode => 'soft_block');
SELECT state, needs, decision FROM pulse_propose_action('reduce_budget', 'ad_campaign:winter', dry_run => true);
SELECT enabled, mode, risk_modes, expire_after, confirm_within, max_share, channel, reason FROM pulse.enforcement;
SELECT pulse_delete_enforcement_rule('budget');
SELECT pulse_delete_enforcement_rule('budgets');
SELECT pulse_delete_enforcement_rule('budgets');

-- ---- frozen: nothing moves from the next statement on ----
SELECT id, state FROM pulse_propose_action('run_function', 'all', '{"function": "act"}', level => 'guarded');
SELECT pulse_freeze('holiday');
SELECT pulse_run_actions();
SELECT state FROM pulse.action WHERE id = 16;
SELECT * FROM pulse_propose_action('reduce_budget', 'ad_campaign:winter');
SELECT state, needs, decision FROM pulse_propose_action('reduce_budget', 'ad_campaign:winter', dry_run => true);
SELECT * FROM pulse_approve_actions();
SELECT pulse_rollback_action(1);
SELECT id, state FROM pulse_propose_action('pause_all', 'account:1', level => 'guarded');
SELECT pulse_run_actions();
SELECT id, name, state FROM pulse.action WHERE id >= 16 ORDER BY id;
SELECT pulse_unfreeze();
SELECT pulse_run_actions();
SELECT state FROM pulse.action WHERE id = 16;

-- ---- flags: state before, rollback ----
SELECT pulse_create_flag('checkout', 'true') IS NOT NULL AS made;
SELECT * FROM pulse_update_signal_health('flag:checkout');
SELECT id, state FROM pulse_propose_action('pause_flag', 'flag:checkout', level => 'approval');
SELECT id, state, needs, decision, reasons FROM pulse_approve_action(18);
SELECT state, needs FROM pulse.action WHERE id = 18;
SELECT pulse_override_action(18, 'the shop is down');
SELECT pulse_run_actions();
SELECT state, state_before FROM pulse.action WHERE id = 18;
SELECT enabled FROM pulse.flag WHERE key = 'checkout';
SELECT pulse_rollback_action(18, 'it was not the flag');
SELECT enabled FROM pulse.flag WHERE key = 'checkout';
SELECT pulse_rollback_action(18);
SELECT event, state, note FROM step WHERE a = 18;

-- ---- Pulse changes no definition by itself ----
CREATE FUNCTION edits(p jsonb) RETURNS int LANGUAGE sql AS $$ SELECT pulse_update_segment('people', '{"where": "true"}') $$;
CREATE FUNCTION unfreezes(p jsonb) RETURNS boolean LANGUAGE sql AS $$ SELECT pulse_unfreeze() $$;
CREATE FUNCTION approves(p jsonb) RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM pulse_approve_actions() $$;
CREATE FUNCTION tracks(p jsonb) RETURNS boolean LANGUAGE sql AS $$ SELECT pulse_track('ann', 'notified') IS NOT NULL $$;
SELECT id, state FROM pulse_propose_action('run_function', 'all', '{"function": "edits"}', level => 'guarded');
SELECT pulse_run_actions();
SELECT id, state FROM pulse_propose_action('run_function', 'all', '{"function": "unfreezes"}', level => 'guarded');
SELECT pulse_run_actions();
SELECT id, state FROM pulse_propose_action('run_function', 'all', '{"function": "approves"}', level => 'guarded');
SELECT pulse_run_actions();
SELECT id, state FROM pulse_propose_action('run_function', 'all', '{"function": "tracks"}', level => 'guarded');
SELECT pulse_run_actions();
SELECT payload ->> 'function' AS function, state, error, result ->> 'returned' AS returned FROM pulse.action WHERE id >= 19 ORDER BY id;
-- Outside of an action they run.
SELECT pulse_unfreeze();

-- ---- property: whatever the verdicts and the people do, nothing is carried out without a pass, or an overridden hold, of at most 5 minutes ----
CREATE PROCEDURE one_step(what int, verdict int) LANGUAGE plpgsql AS $$
DECLARE live bigint := (SELECT a.id FROM pulse.action AS a WHERE a.subject = 'all' AND a.state IN ('pending', 'approved', 'applying'));
BEGIN
    PERFORM later(interval '41 seconds' * (1 + what % 3));
    IF verdict < 3 THEN PERFORM gate((ARRAY['pass', 'hold', 'block'])[verdict + 1]); END IF;
    IF live IS NULL THEN
        PERFORM pulse_propose_action('run_function', 'all', '{"function": "act"}', level => (ARRAY['guarded', 'approval', 'guarded'])[what % 3 + 1]);
    ELSIF what IN (0, 1, 2) THEN PERFORM pulse_approve_action(live);
    ELSIF what = 3 THEN PERFORM pulse_override_action(live, 'random');
    ELSIF what = 4 THEN PERFORM pulse_dismiss_action(live);
    ELSE PERFORM pulse_run_actions();
    END IF;
EXCEPTION WHEN object_not_in_prerequisite_state THEN NULL;
END $$;
SELECT setseed(0.42);
SELECT max(id) AS before FROM pulse.action_event \gset
DO $$ BEGIN FOR i IN 1 .. 400 LOOP CALL one_step((random() * 9)::int, (random() * 6)::int); END LOOP; END $$;
SELECT count(*) > 30 AS carried_out, count(*) FILTER (WHERE d.decision = 'hold') > 2 AS overridden,
       bool_and(d.decision = 'pass' OR d.decision = 'hold' AND EXISTS (SELECT FROM pulse.action_event AS o WHERE o.action_id = e.action_id AND o.event = 'overridden' AND o.id < e.id)) AS all_passed,
       bool_and(e.at - d.at BETWEEN '0' AND '5 minutes') AS all_fresh,
       bool_and(d.score >= d.threshold OR d.decision = 'hold' AND d.score >= d.hold_threshold) AS all_above
FROM pulse.action_event AS e LEFT JOIN pulse.gate_decision AS d ON d.id = e.decision_id WHERE e.event = 'applying' AND e.id > :before;
SELECT (SELECT count(*) FROM done) = (SELECT count(*) FROM pulse.action WHERE name = 'run_function' AND payload ->> 'function' = 'public.act' AND state = 'applied') AS once_each;
SELECT count(*) FROM (SELECT action_id, attempt FROM pulse.action_event WHERE event = 'applying' GROUP BY 1, 2 HAVING count(*) > 1) AS twice;
SELECT pulse_dismiss_action(a.id) FROM pulse.action AS a WHERE a.state IN ('pending', 'approved', 'applying');
SELECT gate('pass');

-- ---- subscriptions are told ----
SELECT pulse_subscribe('https://example.com/events', '{action.pending,action.applied,action.failed,action.blocked}', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'trust');
SELECT pulse_create_segment('visitors', '{"where": "events.visit.count >= 1"}') > 0 AS made;
SELECT pulse_subscribe('https://example.com/events', '{action.pending}', segments => '{visitors}');
SELECT gate('block');
SELECT id AS told, state, needs FROM pulse_propose_action('run_function', 'all', '{"function": "act"}') \gset
\echo :state :needs
SELECT state, overridden FROM pulse_override_action(:told, 'please');
SELECT gate('pass');
SELECT state FROM pulse_approve_action(:told);
SELECT pulse_run_actions();
SELECT event, payload -> 'data' ->> 'step' AS step, payload -> 'data' ->> 'state' AS state, payload -> 'data' ->> 'needs' AS needs FROM pulse.outbox WHERE channel = 'trust' ORDER BY id;

-- ---- the level decides; run_function has the rights of the role that proposed it ----
CREATE ROLE trust_operator LOGIN; CREATE ROLE trust_reader LOGIN; CREATE ROLE trust_admin LOGIN;
SELECT pulse_grant('trust_operator', 'operator'), pulse_grant('trust_reader', 'reader'), pulse_grant('trust_admin', 'admin');
CREATE TABLE secret (x int);
CREATE FUNCTION reads_secret(p jsonb) RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM public.secret $$;
SET ROLE trust_reader;
SELECT * FROM pulse_propose_action('run_function', 'all', '{"function": "reads_secret"}');
SELECT id, name, state FROM pulse.action WHERE id = 1;
SELECT payload FROM pulse.action WHERE id = 1;
SELECT hash FROM pulse.action_token;
RESET ROLE;
SET ROLE trust_operator;
SELECT id AS denied, state FROM pulse_propose_action('run_function', 'all', '{"function": "reads_secret"}', level => 'guarded') \gset
SELECT pulse_override_action(:denied, 'no admin');
SELECT pulse_set_enforcement(false, 'no admin');
RESET ROLE;
REVOKE EXECUTE ON FUNCTION act FROM PUBLIC;
SELECT pulse_run_actions();
SELECT state, error, runs_as FROM pulse.action WHERE id = :denied;
SET ROLE trust_operator;
SELECT * FROM pulse_propose_action('run_function', 'all', '{"function": "act"}');
RESET ROLE;
-- The audit has every step.
SELECT DISTINCT action FROM pulse.audit WHERE action LIKE 'action.%' ORDER BY 1;
SELECT (SELECT count(*) FROM pulse.action_event) = (SELECT count(*) FROM pulse.audit WHERE action LIKE 'action.%') AS one_each;
SELECT pulse_revoke('trust_operator'), pulse_revoke('trust_reader'), pulse_revoke('trust_admin');
DROP EXTENSION pulse CASCADE;
DROP PROCEDURE one_step;
DROP TABLE done, secret CASCADE;
DROP FUNCTION gate, later, act, broken, edits, unfreezes, approves, tracks, reads_secret;
DROP ROLE trust_operator, trust_reader, trust_admin;
