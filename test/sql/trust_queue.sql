-- Room trust: one action, cause or function that goes wrong keeps no other waiting, and leaves nothing behind.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
\set VERBOSITY default
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2026-03-01 12:00+00';
SELECT count(*) FROM pulse_record_signals((SELECT jsonb_agg(jsonb_build_object('name', 'spend', 'source', 'shop', 'value', 100 + i % 3, 'at', '2026-02-20'::date + i)) FROM generate_series(0, 9) AS i));
SELECT count(pulse_update_signal_health()) AS kept;
SELECT pulse_create_channel('ads', 'webhook', '{"url": "https://example.com/ads", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}');
CREATE TABLE queue_done (payload jsonb);
CREATE FUNCTION queue_act(p jsonb) RETURNS text LANGUAGE sql AS $$ INSERT INTO queue_done VALUES (p) RETURNING 'done' $$;

-- ---- 1,001 actions that cannot be decided, because a rule of theirs is broken ----
SELECT pulse_create_enforcement_rule('broken', '{pause_campaign}', '{"per_day": 5}') > 0 AS made;
UPDATE pulse.enforcement_rule SET limits = '{"per_day": "many"}';
INSERT INTO pulse.action (name, subject, gate_subject, risk, level, state, channel, created_at, created_by, expires_at, runs_as, search_path)
SELECT 'pause_campaign', 'ad_campaign:' || i, 'all', 'conservative', 'guarded', 'approved', 'ads', pulse_now(), 'test', pulse_now() + interval '1 day', current_user, '' FROM generate_series(1, 1001) AS i;
SELECT id AS good, state FROM pulse_propose_action('run_function', 'all', '{"function": "queue_act"}', level => 'guarded') \gset
SELECT pulse_run_actions();
SELECT count(*) FILTER (WHERE retry_at = pulse_now() + interval '1 minute') AS later, min(error) AS error FROM pulse.action WHERE name = 'pause_campaign';
SELECT pulse_run_actions();
SELECT state FROM pulse.action WHERE id = :good;
SELECT count(*) AS done FROM queue_done;
-- Mended, they go on after their minute.
DELETE FROM pulse.action WHERE name = 'pause_campaign' AND subject <> 'ad_campaign:1';
SELECT pulse_delete_enforcement_rule('broken');
SELECT pulse_run_actions();
SET pulse.now = '2026-03-01 12:01+00';
SELECT pulse_run_actions();
SELECT state, count(*), count(error) AS errors FROM pulse.action WHERE name = 'pause_campaign' GROUP BY 1 ORDER BY 1;
DELETE FROM pulse.action WHERE name = 'pause_campaign';

-- ---- what stops things comes before what is frozen ----
INSERT INTO pulse.action (name, subject, gate_subject, risk, level, state, channel, created_at, created_by, expires_at, runs_as, search_path)
SELECT 'pause_campaign', 'ad_campaign:' || i, 'all', 'conservative', 'guarded', 'approved', 'ads', pulse_now(), 'test', pulse_now() + interval '1 day', current_user, '' FROM generate_series(1, 1001) AS i;
SELECT pulse_freeze('prices are wrong');
SELECT id AS stop, state FROM pulse_propose_action('emergency_stop', 'ad_account:1', level => 'guarded', channel => 'ads') \gset
SELECT pulse_run_actions();
SELECT state FROM pulse.action WHERE id = :stop;
SELECT count(*) AS moved FROM pulse.action WHERE name = 'pause_campaign' AND state = 'applying';
SELECT pulse_unfreeze();
DELETE FROM pulse.action WHERE name = 'pause_campaign';

-- ---- 1,001 causes of an automation whose definition this version cannot read ----
SELECT pulse_create_automation('broken', '{"when": {"schedule": "1 hour"}, "do": {"action": "run_function", "payload": {"function": "queue_act"}}}') AS broken \gset
SELECT pulse_create_automation('whole', '{"when": {"schedule": "1 hour"}, "do": {"action": "run_function", "payload": {"function": "queue_act"}}, "level": "guarded"}') AS whole \gset
UPDATE pulse.automation SET definition = '{"when": {"moon": "full"}}', next_run = NULL WHERE id = :broken;
INSERT INTO pulse.automation_trigger (automation_id, key, at, data) SELECT :broken, 'test:' || i, pulse_now(), '{}' FROM generate_series(1, 1001) AS i;
INSERT INTO pulse.automation_trigger (automation_id, key, at, data) VALUES (:whole, 'test', pulse_now(), '{}');
SELECT pulse_run_automations();
SELECT automation_id = :whole AS whole, status, count(*), count(retry_at) AS later, min(note) AS note FROM pulse.automation_trigger GROUP BY 1, 2 ORDER BY 1, 2;
SELECT pulse_run_automations() > 0 AS acted;
SELECT status FROM pulse.automation_trigger WHERE automation_id = :whole;

-- ---- an advisory lock of a function ends with it; that of the session stays ----
CREATE FUNCTION queue_locks(p jsonb) RETURNS int LANGUAGE sql AS $$ SELECT 1 FROM pg_advisory_lock(7) AS a, pg_advisory_lock(7) AS b, pg_advisory_lock_shared(8) AS c, pg_advisory_xact_lock(9) AS d $$;
CREATE FUNCTION queue_locks_and_fails(p jsonb) RETURNS int LANGUAGE sql AS $$ SELECT 1 / (pg_advisory_lock(10) IS NULL)::int $$;
SET client_min_messages = notice;
SELECT pg_advisory_lock(6);
SELECT id AS locks FROM pulse_propose_action('run_function', 'source:shop', '{"function": "queue_locks"}', level => 'guarded') \gset
SELECT pulse_update_signal_health('source:shop') IS NOT NULL AS kept;
SELECT count(*) FROM pulse_approve_action(:locks);
SELECT pulse_run_actions() > 0 AS ran;
SELECT state, error FROM pulse.action WHERE id = :locks;
SELECT id AS fails FROM pulse_propose_action('run_function', 'source:shop', '{"function": "queue_locks_and_fails"}', level => 'guarded') \gset
SELECT pulse_run_actions() > 0 AS ran;
SELECT state, error FROM pulse.action WHERE id = :fails;
SELECT objid, mode FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() ORDER BY 1;
SELECT pg_advisory_unlock(6);
-- The query of a signal is read-only, and can take locks, too.
SELECT pulse_create_signal('locked', 'SELECT 1 AS value FROM pg_advisory_lock(11)', '1 hour') > 0 AS made;
SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();

-- ---- an unknown action says what Pulse carries out ----
SELECT * FROM pulse_propose_action('pause', 'flag:x');
SELECT pulse_create_automation('pauses', '{"when": {"schedule": "1 hour"}, "do": {"action": "pause", "subject": "flag:x"}}');
-- ---- what Pulse measures of people costs the same whether they are many or not ----
SET client_min_messages = warning;
INSERT INTO pulse.profile (id, canonical_id, bucketing_id, first_seen_at, updated_at) SELECT i, i, i, now(), now() FROM generate_series(1, 60000) AS i;
INSERT INTO pulse.identity (kind, value, profile_id, first_seen_at) SELECT 'email', i || '@example.com', i, now() FROM generate_series(1, 60000, 5) AS i;
INSERT INTO pulse.consent (profile_id, purpose, status, at, record_id, live) SELECT i, 'ads', 'granted', now(), i, '{(,)}' FROM generate_series(1, 60000, 2) AS i;
ANALYZE pulse.profile, pulse.identity, pulse.consent;
SET pulse.now = '2026-03-01 14:00+00';
BEGIN;
SELECT pulse_update_signal_health() IS NOT NULL AS kept;
SELECT sum(seq_tup_read) < 10 AND sum(idx_tup_fetch) < 100000 AS bounded FROM pg_stat_xact_all_tables WHERE schemaname = 'pulse' AND relname IN ('profile', 'identity', 'consent');
COMMIT;
SELECT name, round(last_value::numeric, 1) FROM pulse.signal_series WHERE source = 'pulse' AND name LIKE '%share' ORDER BY 1;
DROP EXTENSION pulse CASCADE;
DROP TABLE queue_done CASCADE;
DROP FUNCTION queue_act, queue_locks, queue_locks_and_fails;
