-- Room trust: automations. Incidents, members, schedules, signals; limits; idempotence; pausing; restored rows.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
\set VERBOSITY default
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2026-03-01 12:00+00';
CREATE FUNCTION later(i interval) RETURNS void LANGUAGE sql AS $$ SELECT set_config('pulse.now', (pulse_now() + i)::text, false) $$;
CREATE TABLE done (n serial, payload jsonb);
CREATE FUNCTION act(p jsonb) RETURNS text LANGUAGE sql AS $$ INSERT INTO done (payload) VALUES (p) RETURNING 'done ' || n $$;
-- Everything passes: the tests of the gate are elsewhere.
SELECT count(*) FROM pulse_record_signals((SELECT jsonb_agg(jsonb_build_object('name', 'spend', 'source', 'shop', 'value', 100 + i % 3, 'at', '2026-02-20'::date + i)) FROM generate_series(0, 9) AS i));
SELECT pulse_set_trust('{"degraded": 1, "healthy": 2, "hold": 0, "high": 1, "standard": 1, "conservative": 1}') IS NOT NULL AS lenient;
SELECT * FROM pulse_update_signal_health();

-- ---- definitions: what is valid ----
SELECT pulse_create_automation('bad', '{}');
SELECT pulse_create_automation('bad', '[]');
SELECT pulse_create_automation('bad', '{"when": {"schedule": "@daily"}}');
SELECT pulse_create_automation('bad', '{"when": {}, "do": {"action": "run_function"}}');
SELECT pulse_create_automation('bad', '{"when": {"schedule": "@daily", "incident": {}}, "do": {"action": "run_function"}}');
SELECT pulse_create_automation('bad', '{"when": {"weather": {}}, "do": {"action": "run_function"}}');
SELECT pulse_create_automation('bad', '{"when": {"schedule": "sometimes"}, "do": {"action": "run_function"}}');
SELECT pulse_create_automation('bad', '{"when": {"schedule": {"cron": "@daily", "time_zone": "Mars"}}, "do": {"action": "run_function", "payload": {"function": "act"}}}');
SELECT pulse_create_automation('bad', '{"when": {"schedule": "@daily"}, "do": {}}');
SELECT pulse_create_automation('bad', '{"when": {"schedule": "@daily"}, "do": {"action": "run_function"}}');
SELECT pulse_create_automation('bad', '{"when": {"schedule": "@daily"}, "do": {"action": "run_function", "payload": {"function": "none"}}}');
SELECT pulse_create_automation('bad', '{"when": {"schedule": "@daily"}, "do": {"action": "run_function", "subject": "x", "payload": {"function": "act"}}}');
SELECT pulse_create_automation('bad', '{"when": {"schedule": "@daily"}, "do": {"action": "run_function", "subject": "segment:none", "payload": {"function": "act"}}}');
SELECT pulse_create_automation('bad', '{"when": {"schedule": "@daily"}, "do": {"action": "increase_budget"}}');
SELECT pulse_create_automation('bad', '{"when": {"incident": {"segment": "none"}}, "do": {"action": "run_function", "payload": {"function": "act"}}}');
SELECT pulse_create_automation('bad', '{"when": {"incident": {"severity": "bad"}}, "do": {"action": "run_function", "payload": {"function": "act"}}}');
SELECT pulse_create_automation('bad', '{"when": {"incident": {"detector": "bad"}}, "do": {"action": "run_function", "payload": {"function": "act"}}}');
SELECT pulse_create_automation('bad', '{"when": {"membership": {}}, "do": {"action": "run_function", "payload": {"function": "act"}}}');
SELECT pulse_create_automation('bad', '{"when": {"signal": {"name": "x"}}, "do": {"action": "run_function", "payload": {"function": "act"}}}');
SELECT pulse_create_automation('bad', '{"when": {"signal": {"name": "x", "above": "NaN"}}, "do": {"action": "run_function", "payload": {"function": "act"}}}');
SELECT pulse_create_automation('bad', '{"when": {"schedule": "@daily"}, "do": {"action": "run_function", "payload": {"function": "act"}}, "level": "none"}');
SELECT pulse_create_automation('bad', '{"when": {"schedule": "@daily"}, "do": {"action": "run_function", "payload": {"function": "act"}}, "limits": {"max_share": 2}}');
SELECT pulse_create_automation('bad', '{"when": {"schedule": "@daily"}, "do": {"action": "run_function", "payload": {"function": "act"}}, "limits": {"cool_down": "x"}}');
SELECT pulse_create_automation(NULL, '{}');
SELECT pulse_create_automation('bad', NULL);
SELECT pulse_create_automation(' ', '{"when": {"schedule": "@daily"}, "do": {"action": "run_function", "payload": {"function": "act"}}}');
SELECT pulse_create_automation(repeat('x', 256), '{"when": {"schedule": "@daily"}, "do": {"action": "run_function", "payload": {"function": "act"}}}');
SELECT count(*) AS automations FROM pulse.automation;

-- ---- a schedule ----
SELECT pulse_create_automation('report', '{"when": {"schedule": {"cron": "0 6 * * *", "time_zone": "Europe/Paris"}}, "do": {"action": "run_function", "payload": {"function": "act", "arguments": {"list": "all"}}}, "level": "guarded"}', 'Every morning.');
SELECT pulse_create_automation('report', '{"when": {"schedule": "@daily"}, "do": {"action": "run_function", "payload": {"function": "act"}}}');
SELECT name, status, cause, action, subject, level, version, next_run, description FROM pulse.automation_overview;
SELECT pulse_run_automations();
-- Several missed runs are one.
SELECT later('3 days');
SELECT pulse_record_signal('spend', 101, 'shop') > 0 AS recorded;
SELECT * FROM pulse_update_signal_health('automation:report');
SELECT pulse_run_automations();
SELECT pulse_run_automations();
SELECT payload - 'decision' AS payload FROM done;
SELECT key, status, action_id, data FROM pulse.automation_trigger;
SELECT id, name, subject, gate_subject, level, state, created_by, reason FROM pulse.action;
SELECT name, last_result, last_action, applied_in_24_h, waiting_action, next_run FROM pulse.automation_overview;

-- ---- versions ----
SELECT pulse_update_automation('report', '{"when": {"schedule": "1 hour"}, "do": {"action": "run_function", "payload": {"function": "act"}}, "level": "guarded", "limits": {"cool_down": "90 minutes"}}');
SELECT pulse_update_automation('report', '{"when": {"schedule": "1 hour"}, "do": {"action": "run_function", "payload": {"function": "public.act"}}, "level": "guarded", "limits": {"cool_down": "90 minutes"}}') AS same;
SELECT pulse_update_automation('report', description => 'Every hour.', new_name => 'hourly');
SELECT pulse_update_automation('report');
SELECT version, change, definition -> 'when' AS "when" FROM pulse.automation_version ORDER BY version;
-- Causes while it cools down are skipped.
SELECT later('1 hour');
SELECT pulse_run_automations();
SELECT later('1 hour');
SELECT pulse_run_automations();
SELECT key, status, action_id, note FROM pulse.automation_trigger ORDER BY id;

-- ---- pausing ----
SELECT pulse_pause_automation('hourly', 'holiday');
SELECT pulse_pause_automation('hourly');
SELECT later('1 hour');
SELECT pulse_run_automations();
SELECT pulse_resume_automation('hourly');
SELECT pulse_resume_automation('hourly');
SELECT status, status_reason, next_run FROM pulse.automation;
SELECT pulse_pause_automation('none');
SELECT pulse_pause_automation(NULL);
-- Through the queue, with a rollback.
SELECT id, state FROM pulse_propose_action('pause_automation', 'automation:hourly', level => 'guarded');
SELECT pulse_run_actions();
SELECT status, status_reason FROM pulse.automation;
SELECT pulse_rollback_action(max(id)) FROM pulse.action;
SELECT status FROM pulse.automation;
-- An action of an automation that is paused meanwhile is not carried out.
SELECT later('2 hours');
SELECT pulse_update_automation('hourly', '{"when": {"schedule": "1 hour"}, "do": {"action": "run_function", "payload": {"function": "act"}}}');
SELECT later('1 hour');
SELECT pulse_run_automations();
SELECT waiting_state, waiting_for FROM pulse.automation_overview;
SELECT state FROM pulse_approve_actions();
SELECT pulse_pause_automation('hourly');
SELECT pulse_run_actions();
SELECT state, error FROM pulse.action ORDER BY id DESC LIMIT 1;
SELECT pulse_delete_automation('none');
SELECT pulse_delete_automation('hourly');
SELECT count(*) AS versions FROM pulse.automation_version;

-- ---- incidents: each acts once, when it is bad enough ----
CREATE TABLE users (id int PRIMARY KEY, plan text);
INSERT INTO users SELECT i, 'a' FROM generate_series(1, 1000) AS i;
SELECT pulse_create_segment('buyers', '{"from": "users"}') > 0 AS made;
SELECT pulse_create_automation('watch', '{"when": {"incident": {"segment": "buyers", "detector": "size_change", "severity": "high"}}, "do": {"action": "run_function", "payload": {"function": "act"}}, "level": "guarded"}') > 0 AS made;
SELECT pulse_create_automation('watch all', '{"when": {"incident": {"detector": "segment"}}, "do": {"action": "run_function", "payload": {"function": "act"}}, "level": "suggest"}') > 0 AS made;
SELECT pulse_create_automation('watch tables', '{"when": {"incident": {"detector": "table"}}, "do": {"action": "run_function", "payload": {"function": "act"}}, "level": "guarded"}') > 0 AS made;
DO $$ BEGIN FOR i IN 1 .. 10 LOOP PERFORM set_config('pulse.now', (pulse_now() + interval '1 day')::text, false); PERFORM pulse_take_snapshot('buyers'); END LOOP; END $$;
SELECT later('1 day');
DELETE FROM users WHERE id > 300;
SELECT pulse_take_snapshot('buyers') > 0 AS taken;
TRUNCATE done;
SELECT detector, severity FROM pulse_check_drift('buyers');
SELECT a.name, t.status, t.data - 'change' AS data FROM pulse.automation_trigger AS t JOIN pulse.automation AS a ON a.id = t.automation_id ORDER BY 1;
SELECT pulse_record_signal('spend', 101, 'shop') > 0 AS recorded;
SELECT count(*) FROM pulse.automation AS a CROSS JOIN LATERAL pulse_update_signal_health('automation:' || a.name) AS h;
SELECT pulse_run_automations() > 0 AS moved;
SELECT a.name, x.state, x.needs, x.verdict FROM pulse.action AS x JOIN pulse.automation AS a ON a.id = x.automation_id ORDER BY 1;
-- The same incident again, also after its automation was paused and resumed.
SELECT later('1 day');
DELETE FROM users WHERE id > 100;
SELECT pulse_take_snapshot('buyers') > 0 AS taken;
SELECT count(*) > 0 AS checked FROM pulse_check_drift('buyers');
SELECT count(*) AS causes FROM pulse.automation_trigger AS t JOIN pulse.automation AS a ON a.id = t.automation_id WHERE a.name = 'watch';

-- ---- members: batches, shares ----
SELECT count(*) FROM (SELECT pulse_track('m-' || i, 'signup', '{}', pulse_now()) FROM generate_series(1, 50) AS i) AS t;
SELECT pulse_create_segment('regulars', '{"where": "events.visit.count >= 1"}') > 0 AS made;
SELECT count(*) FROM (SELECT pulse_track('m-' || i, 'visit', '{}', pulse_now()) FROM generate_series(1, 40) AS i) AS t;
SELECT pulse_create_automation('bad', '{"when": {"membership": {"segment": "buyers"}}, "do": {"action": "run_function", "payload": {"function": "act"}}}');
SELECT pulse_create_automation('welcome', '{"when": {"membership": {"segment": "regulars", "change": "entered"}}, "do": {"action": "run_function", "payload": {"function": "act"}}, "level": "guarded"}') > 0 AS made;
SELECT pulse_record_signal('spend', 101, 'shop') > 0 AS recorded;
SELECT pulse_take_snapshot('regulars') > 0 AS taken;
SELECT count(*) AS findings FROM pulse_check_drift('regulars');
SELECT count(*) AS findings FROM pulse_check_events();
SELECT status FROM pulse_update_signal_health('automation:welcome');
TRUNCATE done;
SELECT pulse_run_automations();
SELECT count(*) FROM (SELECT pulse_track('m-' || i, 'visit', '{}', pulse_now()) FROM generate_series(41, 44) AS i) AS t;
SELECT pulse_run_automations();
SELECT payload -> 'cause' ->> 'segment' AS segment, payload -> 'cause' -> 'people' AS people, payload -> 'cause' -> 'share' AS share, jsonb_array_length(payload -> 'cause' -> 'profiles') AS profiles FROM done;
SELECT pulse_run_automations();
-- The segment loses more than a fifth at once: a person decides, and what comes meanwhile waits with it.
SELECT pulse_update_automation('welcome', '{"when": {"membership": {"segment": "regulars", "change": "exited"}}, "do": {"action": "run_function", "payload": {"function": "act"}}, "level": "guarded"}');
SELECT count(*) FROM (SELECT pulse_track('m-' || i, 'gone', '{}', pulse_now()) FROM generate_series(1, 30) AS i) AS t;
SELECT pulse_update_segment('regulars', '{"where": "events.visit.count >= 1 && events.gone.count == 0 && events.left.count == 0"}');
SELECT count(*) FROM pulse.member AS m JOIN pulse.segment AS s ON s.id = m.segment_id WHERE s.name = 'regulars';
SELECT count(*) FROM (SELECT pulse_track('m-44', 'left', '{}', pulse_now())) AS t;
SELECT count(*) AS findings FROM pulse_check_events();
SELECT status FROM pulse_update_signal_health('automation:welcome');
SELECT pulse_run_automations();
SELECT x.state, x.needs, x.share > 0.2 AS many, x.reasons FROM pulse.action AS x JOIN pulse.automation AS a ON a.id = x.automation_id WHERE a.name = 'welcome' ORDER BY x.id DESC LIMIT 1;
SELECT count(*) FROM (SELECT pulse_track('m-43', 'left', '{}', pulse_now())) AS t;
SELECT pulse_run_automations();
SELECT state, needs FROM pulse_approve_actions();
SELECT pulse_run_automations();
SELECT pulse_run_automations();
SELECT payload -> 'cause' -> 'exited' AS exited, payload -> 'cause' -> 'people' AS people FROM done ORDER BY n;

-- ---- signals: when the condition becomes true ----
SELECT pulse_create_automation('cpa', '{"when": {"signal": {"name": "cpa", "entity": "account:1", "above": 50}}, "do": {"action": "run_function", "payload": {"function": "act"}}, "level": "guarded", "limits": {"per_day": 1}, "mode": "hard_block"}') > 0 AS made;
SELECT count(*) FROM pulse_update_signal_health('automation:cpa');
TRUNCATE done;
SELECT pulse_run_automations();
SELECT pulse_record_signal('cpa', 40, 'meta', 'account:1') > 0 AS recorded;
SELECT pulse_run_automations();
SELECT later('1 minute');
SELECT pulse_record_signal('cpa', 60, 'meta', 'account:1') > 0 AS recorded, pulse_record_signal('cpa', 90, 'meta', 'account:2') > 0 AS other;
SELECT pulse_run_automations();
SELECT pulse_run_automations();
SELECT payload -> 'cause' AS cause FROM done;
-- Down and up again: the limit of a day says no.
SELECT later('1 minute');
SELECT pulse_record_signal('cpa', 40, 'meta', 'account:1') > 0 AS recorded;
SELECT pulse_run_automations();
SELECT later('1 minute');
SELECT pulse_record_signal('cpa', 70, 'meta', 'account:1') > 0 AS recorded;
SELECT pulse_run_automations();
SELECT x.state, x.reasons FROM pulse.action AS x JOIN pulse.automation AS a ON a.id = x.automation_id WHERE a.name = 'cpa' ORDER BY x.id;

-- ---- a freeze: causes wait, and are too old after a day ----
SELECT pulse_freeze('test');
SELECT later('1 minute');
SELECT pulse_record_signal('cpa', 40, 'meta', 'account:1') > 0 AS recorded;
SELECT pulse_run_automations();
SELECT later('1 minute');
SELECT pulse_record_signal('cpa', 80, 'meta', 'account:1') > 0 AS recorded;
SELECT pulse_run_automations();
SELECT t.status FROM pulse.automation_trigger AS t JOIN pulse.automation AS a ON a.id = t.automation_id WHERE a.name = 'cpa' ORDER BY t.id;
SELECT later('25 hours');
SELECT pulse_unfreeze();
SELECT pulse_run_automations();
SELECT t.status, t.note FROM pulse.automation_trigger AS t JOIN pulse.automation AS a ON a.id = t.automation_id WHERE a.name = 'cpa' ORDER BY t.id DESC LIMIT 1;

-- ---- the job, status, restored rows ----
SELECT status, rows IS NOT NULL AS rows, message FROM pulse_run_job('automations');
SELECT item, state, value, detail FROM pulse_status() WHERE item IN ('waiting actions', 'overdue actions');
INSERT INTO pulse.automation (name, definition, cause, status, anchor, position, runs_as, search_path, created_by, created_at, updated_at)
SELECT 'restored', definition, cause, 'active', anchor, 5, runs_as, search_path, created_by, created_at, updated_at FROM pulse.automation WHERE name = 'cpa';
SELECT status, status_reason, position FROM pulse.automation WHERE name = 'restored';
-- ---- the gate of an automation counts what it reads ----
SELECT reads FROM pulse_signal_health('automation:welcome');
SELECT reads FROM pulse_signal_health('automation:cpa');
SELECT reads FROM pulse_signal_health('automation:watch');

-- ---- rights ----
CREATE ROLE trust_one LOGIN; CREATE ROLE trust_two LOGIN;
SELECT pulse_grant('trust_one', 'operator'), pulse_grant('trust_two', 'operator');
SET ROLE trust_one;
SELECT pulse_create_automation('of one', '{"when": {"schedule": "1 hour"}, "do": {"action": "run_function", "payload": {"function": "act"}}, "level": "guarded"}') > 0 AS made;
RESET ROLE; SET ROLE trust_two;
SELECT pulse_update_automation('of one', '{"when": {"schedule": "2 hours"}, "do": {"action": "run_function", "payload": {"function": "act"}}}');
SELECT pulse_delete_automation('of one');
SELECT pulse_pause_automation('of one', 'anybody may stop it');
SELECT pulse_resume_automation('of one');
RESET ROLE;
SELECT later('1 hour');
SELECT pulse_record_signal('spend', 101, 'shop') > 0 AS recorded;
SELECT count(*) FROM pulse_update_signal_health('automation:of one');
SELECT pulse_run_automations() > 0 AS moved;
SELECT state, error, runs_as FROM pulse.action ORDER BY id DESC LIMIT 1;
SELECT action, count(*) FROM pulse.audit WHERE action LIKE 'automation.%' GROUP BY 1 ORDER BY 1;
SELECT pulse_revoke('trust_one'), pulse_revoke('trust_two');
DROP EXTENSION pulse CASCADE;
DROP TABLE done, users CASCADE;
DROP FUNCTION later, act;
DROP ROLE trust_one, trust_two;
