-- Ways past the gate that do not work.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET pulse.now = '2026-03-01 12:00+00';
SELECT count(*) FROM pulse_record_signals((SELECT jsonb_agg(jsonb_build_object('name', 'spend', 'source', 'shop', 'value', 100 + i % 3, 'at', '2026-02-20'::date + i)) FROM generate_series(0, 9) AS i));
SELECT * FROM pulse_update_signal_health();
SELECT pulse_set_trust('{"conservative": 60, "standard": 60, "high": 60}') IS NOT NULL AS changed;

-- ---- settings of the session ----
-- The tables below a view count whatever the session says about quoting.
CREATE TABLE attack_base (id int PRIMARY KEY, good boolean);
CREATE VIEW attack_view AS SELECT * FROM attack_base;
SELECT pulse_create_segment('viewed', '{"from": "attack_view", "where": "good", "key": "id"}') > 0 AS created;
SET quote_all_identifiers = on;
SET array_nulls = off;
SET gin_fuzzy_search_limit = 1;
SELECT reads FROM pulse_signal_health('segment:viewed');
SHOW quote_all_identifiers;
RESET quote_all_identifiers;
RESET array_nulls;
RESET gin_fuzzy_search_limit;

-- ---- the clock ----
-- Nothing has asked for the health of the segment for weeks; pulse.now is set back to when it was good.
SELECT status FROM pulse_update_signal_health('segment:viewed');
SET pulse.now = '2026-03-01 12:00:05+00';
SELECT decision FROM pulse_evaluate_gate('pause_campaign', 'segment:viewed', true);
SET pulse.now = '2026-04-20 12:00+00';
SELECT count(*) FROM pulse.update_all_signal_health();
SET pulse.now = '2026-03-01 12:00:05+00';
SELECT decision, reasons[1] FROM pulse_evaluate_gate('pause_campaign', 'segment:viewed', true);
-- Nor is a past made anew in which everything was well: what was computed since stays.
SELECT as_of FROM pulse.signal_health_state WHERE scope = 'all';
SELECT status FROM pulse_update_signal_health();
SELECT as_of FROM pulse.signal_health_state WHERE scope = 'all';
-- Nor does a token become valid again: it ends by the wall clock, too.
SET pulse.now = '2026-04-20 12:00+00';
CREATE FUNCTION attack_act(p jsonb) RETURNS text LANGUAGE sql AS $$ SELECT 'done' $$;
SELECT pulse_create_enforcement_rule('once', '{run_function}', '{"max_value": 1}', 'soft_block') > 0 AS created;
SELECT id AS limited, needs, token FROM pulse_propose_action('run_function', 'all', '{"function": "attack_act", "after": 2}', level => 'guarded') \gset
SELECT :'needs' AS needs;
UPDATE pulse.action_token SET valid_until = clock_timestamp() - interval '1 second';
SELECT pulse_confirm_action(:limited, :'token', 'because');
SELECT pulse_dismiss_action(:limited);
SELECT pulse_delete_enforcement_rule('once');

-- ---- names ----
-- Who takes over the name of an automation does not take over what waits of it.
SELECT pulse_record_signal('spend', 101, 'shop', at => '2026-04-20 11:00+00') > 0 AS recorded;
SELECT status FROM pulse_update_signal_health();
SELECT pulse_create_automation('mails', '{"when": {"schedule": "1 hour"}, "do": {"action": "run_function", "payload": {"function": "attack_act"}}}') > 0 AS created;
SET pulse.now = '2026-04-20 13:00+00';
SELECT pulse_run_automations() > 0 AS ran;
SELECT pulse_update_automation('mails', new_name => 'letters');
SELECT state, gate_subject FROM pulse.action WHERE automation_id IS NOT NULL;
SELECT pulse_dismiss_action(id) FROM pulse.action WHERE automation_id IS NOT NULL;

-- ---- what is rare ----
-- What causes an automation may happen once a year: its health is kept up all the same.
SELECT pulse_create_automation('rare', '{"when": {"incident": {}}, "do": {"action": "run_function", "subject": "all", "payload": {"function": "attack_act"}}}') > 0 AS created;
SET pulse.now = '2026-06-20 12:00+00';
SELECT scope FROM pulse.update_all_signal_health() ORDER BY 1;
SELECT array_to_string(reasons, ' ') LIKE '%2 days ago%' AS too_old FROM pulse_evaluate_gate('run_function', 'automation:rare', true);
-- What no longer exists is forgotten, and is no fault of Pulse.
SELECT pulse_delete_automation('rare');
SELECT count(*) FROM pulse.update_all_signal_health();
SELECT scope, error FROM pulse.signal_health_state ORDER BY 1;
SELECT item, state FROM pulse_status() WHERE item = 'failing scopes';

-- ---- verbs of the function that an automation runs ----
CREATE TABLE refused (verb text, message text);
CREATE FUNCTION attack_tries(p jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    verb text;
BEGIN
    FOREACH verb IN ARRAY ARRAY['pulse_resolve_incident(1)', 'pulse_ignore_incident(1, interval ''1 day'')', 'pulse_acknowledge_incident(1)',
                                'pulse.resolve_incident(1, ''x'', false)', 'pulse.ignore_incident(1, now(), ''x'')', 'pulse.delete_segment(''viewed'', false)',
                                'pulse_add_to_segment(''viewed'', ''{a}'')', 'pulse_remove_from_segment(''viewed'', ''{a}'')', 'pulse_unmute(''x'')',
                                'pulse_launch_campaign(''x'')', 'pulse_allow_profile(''x'')', 'pulse_load_demo()', 'pulse_set_trust(''{}'')',
                                'pulse_override_action(1, ''x'')', 'pulse_run_automations()'] LOOP
        BEGIN
            EXECUTE 'DO $d$ BEGIN PERFORM ' || verb || '; END $d$';
            INSERT INTO public.refused VALUES (verb, 'ran');
        EXCEPTION WHEN OTHERS THEN
            INSERT INTO public.refused VALUES (verb, sqlerrm);
        END;
    END LOOP;
    RETURN 'tried';
END $$;
SET pulse.now = '2026-04-20 13:00:05+00';
DELETE FROM pulse.signal_health_history WHERE as_of > pulse_now();
DELETE FROM pulse.signal_health_state WHERE as_of > pulse_now();
SELECT state, decision FROM pulse_propose_action('run_function', 'all', '{"function": "attack_tries"}', level => 'guarded');
SELECT pulse_run_actions();
SELECT * FROM refused ORDER BY verb;

-- ---- what others write has an end ----
CREATE FUNCTION attack_shouts(p jsonb) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', repeat('ä', 1000000); END $$;
SELECT id AS loud FROM pulse_propose_action('run_function', 'all', '{"function": "attack_shouts"}', level => 'guarded') \gset
SELECT pulse_dismiss_action(:loud, repeat('x', 10001));
SELECT pulse_approve_actions(repeat('x', 10001));
SELECT pulse_run_actions();
SELECT state, length(error) <= 2000 AS short FROM pulse.action WHERE id = :loud;
SELECT max(length(details::text)) < 10000 AS short FROM pulse.audit;

-- ---- the first decision about something new is about its health, not about a history that it cannot have ----
SELECT pulse_create_destination('attack_file', 'file');
SELECT pulse_create_segment('sendable', '{"where": "events.purchase.count() > 0"}') > 0 AS created;
SELECT pulse_create_audience('new', 'sendable', 'attack_file', '{"identifiers": ["email"]}') > 0 AS created;
SELECT decision, reasons FROM pulse_evaluate_gate('sync_audience', 'audience:new', true);

-- ---- a campaign that cannot be worked on does not stop the others ----
SELECT pulse_create_segment('some', '{"where": "events.purchase.count() > 0"}') > 0 AS created;
SELECT pulse_create_campaign('broken', 'some', 10, pulse_now() + interval '1 day', 'email') AS broken, pulse_create_campaign('whole', 'some', 10, pulse_now() + interval '1 day', 'email') > 0 AS created \gset
UPDATE pulse.campaign SET next_check_at = pulse_now();
SELECT format('ALTER TABLE pulse.campaign_check ADD CONSTRAINT attack CHECK (campaign_id <> %s) NOT VALID', :broken) \gexec
SELECT status, error LIKE '1 failure, first: %attack%' AS failed FROM pulse_run_job('campaigns');
SELECT c.name, count(k.id) AS checks FROM pulse.campaign AS c LEFT JOIN pulse.campaign_check AS k ON k.campaign_id = c.id GROUP BY 1 ORDER BY 1;

-- ---- who may write all data writes nothing that lets actions pass ----
CREATE ROLE attack_writer;
GRANT pg_write_all_data, pg_read_all_data TO attack_writer;
GRANT USAGE ON SCHEMA pulse TO attack_writer;
SELECT pulse_freeze('attack');
SET ROLE attack_writer;
WITH u AS (UPDATE pulse.signal_health_state SET score = 100 RETURNING 1) SELECT count(*) FROM u;
WITH u AS (UPDATE pulse.freeze SET frozen = false RETURNING 1) SELECT count(*) FROM u;
WITH d AS (DELETE FROM pulse.freeze RETURNING 1) SELECT count(*) FROM d;
WITH d AS (DELETE FROM pulse.trust_change RETURNING 1) SELECT count(*) FROM d;
INSERT INTO pulse.trust_change DEFAULT VALUES;
INSERT INTO pulse.trust_setting VALUES (now(), '{}', 'x');
INSERT INTO pulse.action_type VALUES ('anything', 'high', 'x', 'x', now());
RESET ROLE;
SELECT pulse_unfreeze();
REVOKE USAGE ON SCHEMA pulse FROM attack_writer;
DROP ROLE attack_writer;

DROP EXTENSION pulse CASCADE;
DROP VIEW attack_view;
DROP TABLE attack_base, refused;
DROP FUNCTION attack_act, attack_tries, attack_shouts;
