-- Whose definition it is: who may replace and delete it, which role it runs as after a rename, and that nobody can catch Pulse's own calls.
SELECT current_database() AS home \gset
CREATE DATABASE regress_access_owner ENCODING 'UTF8' TEMPLATE template0;
\c regress_access_owner
SET client_min_messages = warning;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2011-03-01';
\set SHOW_CONTEXT never
CREATE ROLE regress_own_ann;
CREATE ROLE regress_own_bob LOGIN;
CREATE ROLE regress_own_chef;
CREATE ROLE regress_own_team;
GRANT regress_own_ann TO regress_own_team;
SELECT pulse_grant('regress_own_ann', 'operator'), pulse_grant('regress_own_bob', 'operator'), pulse_grant('regress_own_team', 'operator'),
       pulse_grant('regress_own_chef', 'admin');
CREATE SCHEMA own;
GRANT USAGE ON SCHEMA own TO PUBLIC;
CREATE TABLE own.users (id int PRIMARY KEY, plan text);
INSERT INTO own.users SELECT i, 'p' || i % 2 FROM generate_series(1, 20) AS i;
GRANT SELECT ON own.users TO PUBLIC;
SELECT pulse_create_segment('own super', '{"from": "own.users", "attributes": []}') > 0 AS made;
SET ROLE regress_own_ann;
SELECT pulse_create_segment('own ann', '{"from": "own.users", "attributes": []}') > 0 AS made;
SELECT pulse_monitor_table('own.users', checks => '[{"type": "unique", "columns": ["id"]}]') > 0 AS made;

-- Another operator changes what needs no rights, and nothing else.
SET ROLE regress_own_bob;
SELECT pulse_update_segment('own super', '{"from": "own.users", "where": "id > 5", "attributes": []}');
SELECT pulse_update_segment('own ann', '{"from": "own.users", "where": "id > 5", "attributes": []}');
SELECT pulse_delete_segment('own ann', confirm => true);
SELECT pulse_delete_segment('own ann');
SELECT pulse_monitor_table('own.users', checks => '[{"type": "volume"}]');
SELECT pulse_update_segment('own ann', description => 'by bob', new_name => 'own of ann'), pulse_pause_segment('own of ann'), pulse_resume_segment('own of ann'),
       pulse_monitor_table('own.users', every => '1 hour') > 0 AS changed;
-- A member of the role, and an admin, may.
SET ROLE regress_own_team;
SELECT pulse_update_segment('own of ann', '{"from": "own.users", "where": "id > 4", "attributes": []}');
SELECT name, runs_as FROM pulse.segment WHERE name LIKE 'own %' ORDER BY id;
SET ROLE regress_own_chef;
SELECT pulse_update_segment('own of ann', '{"from": "own.users", "where": "id > 3", "attributes": []}');
SELECT pulse_monitor_table('own.users', checks => '[{"type": "unique", "columns": ["id"]}]') > 0 AS changed;
SET ROLE regress_own_ann;
SELECT pulse_update_segment('own of ann', '{"from": "own.users", "where": "id > 2", "attributes": []}');
RESET ROLE;
SELECT name, runs_as, role_oid = runs_as::regrole AS found FROM pulse.segment WHERE name LIKE 'own %' ORDER BY id;

-- The level that makes an object deletes it.
SET ROLE regress_own_bob;
SELECT pulse_create_segment('own bob', '{"from": "own.users", "attributes": []}') > 0 AS segment, pulse_create_flag('own_flag', '{}') > 0 AS flag, pulse_create_trait('own_trait', '1') > 0 AS trait,
       pulse_set_identity_kind('own_kind'), pulse_schedule('own job', '1 day', 'SELECT 1', enabled => false) IS NULL AS job;
SELECT pulse_delete_segment('own bob', confirm => true), pulse_delete_flag('own_flag'), pulse_delete_trait('own_trait'), pulse_drop_identity_kind('own_kind'), pulse_unschedule('own job'),
       pulse_unmonitor_table('own.users');

-- An import replaces imported and failed snapshots, no measured ones.
SELECT pulse_take_snapshot('own super') > 0 AS measured;
SELECT pulse_import_snapshot('own super', '2011-03-01', 3, replace => true);
SELECT pulse_import_snapshot('own super', '2011-03-01', 3);
SELECT pulse_import_snapshot('own super', '2011-02-01', 3) = pulse_import_snapshot('own super', '2011-02-01', 4, replace => true) AS replaced;
RESET ROLE;
UPDATE pulse.snapshot SET status = 'failed', size = NULL WHERE taken_at = '2011-03-01' AND segment_id = (SELECT id FROM pulse.segment WHERE name = 'own super');
SELECT pulse_import_snapshot('own super', '2011-03-01', 3, replace => true) > 0 AS replaced;

-- A renamed role is the same role; a later role of the same name is another one.
SET ROLE regress_own_ann;
SELECT pulse_create_segment('own renamed', '{"from": "own.users", "attributes": []}') > 0 AS made;
RESET ROLE;
ALTER ROLE regress_own_ann RENAME TO regress_own_anne;
CREATE ROLE regress_own_ann;
SELECT value FROM pulse_explain_segment('own renamed') WHERE item = 'runs as';
SELECT status FROM pulse_run_job('retention');
SELECT name, runs_as FROM pulse.segment WHERE name = 'own renamed';
SELECT pulse_revoke('regress_own_anne');
DROP ROLE regress_own_anne;
CREATE ROLE regress_own_anne;
GRANT SELECT ON own.users TO regress_own_anne;
SELECT pulse_grant('regress_own_anne', 'operator');
SELECT item, value FROM pulse_explain_segment('own renamed') WHERE item IN ('runs as', 'error');
SELECT pulse_take_snapshot('own renamed');
SET ROLE regress_own_anne;
SELECT pulse_update_segment('own renamed', '{"from": "own.users", "attributes": []}');
RESET ROLE;
-- A restored dump knows only the name.
CREATE TEMPORARY TABLE dumped AS SELECT name || ' restored' AS name, kind, definition, runs_as, search_path FROM pulse.segment WHERE name = 'own renamed';
INSERT INTO pulse.segment (name, kind, definition, runs_as, search_path) SELECT * FROM dumped;
INSERT INTO pulse.segment (name, kind, definition, runs_as, search_path) SELECT 'own of nobody', kind, definition, 'regress_own_none', search_path FROM dumped;
SELECT name, pulse.role_name(runs_as, role_oid) AS runs_as FROM pulse.segment WHERE name LIKE 'own re%' OR name LIKE 'own of n%' ORDER BY name COLLATE "C";
CREATE ROLE regress_own_none;
SELECT pulse.role_name(runs_as, role_oid) AS runs_as FROM pulse.segment WHERE name = 'own of nobody';

-- Jobs and functions of Pulse call no function that another role creates in the schema of the public functions.
CREATE FUNCTION public.pulse_check_drift() RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught'; END $$;
CREATE FUNCTION public.pulse_check_tables() RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught'; END $$;
CREATE FUNCTION public.pulse_check_drift(name varchar) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught'; END $$;
CREATE FUNCTION public.pulse_diagnose_incidents(a int DEFAULT 1) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught'; END $$;
CREATE FUNCTION public.pulse_revoke(role text, a int DEFAULT 1) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught'; END $$;
CREATE FUNCTION public.pulse_build_step(people int, a int DEFAULT 1) RETURNS bigint[] LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught'; END $$;
SELECT status, error FROM pulse_run_job('drift');
SELECT status, error FROM pulse_run_job('health');
SELECT pulse_grant('regress_own_none', 'reader');
CALL pulse_build();
-- Nor do the demo and the inbound webhook: the other functions fit the names of the arguments as well.
CREATE FUNCTION public.pulse_create_segment(name text, definition jsonb, owner text, description text, baseline jsonb, tags varchar[]) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught'; END $$;
CREATE FUNCTION public.pulse_import_snapshot(segment text, taken_at timestamptz, size bigint, converted bigint, entered bigint, exited bigint, distributions jsonb) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught'; END $$;
CREATE FUNCTION public.pulse_delete_segment(name varchar, confirm boolean) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught'; END $$;
CREATE FUNCTION public.pulse_acknowledge_incident(incident bigint, note text, a int DEFAULT 1) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught'; END $$;
CREATE FUNCTION public.pulse_resolve_incident(incident int, note text, a boolean) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught'; END $$;
CREATE FUNCTION public.pulse_ignore_incident(incident bigint, until timestamptz, note varchar) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught'; END $$;
CREATE FUNCTION public.pulse_take_snapshot(segment text, a int DEFAULT 1) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught'; END $$;
CREATE FUNCTION public.pulse_now(a int DEFAULT 1) RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught'; END $$;
SELECT count(*) AS demo FROM pulse_load_demo();
SELECT count(*) AS demo FROM pulse_load_demo();
SELECT pulse_receive_webhook('{"action": "check", "segment": "Enterprise Customers", "snapshot": true}') ->> 'received' AS checked;
SELECT pulse_receive_webhook('{"action": "check", "table": "pulse_demo.app_user"}');
SELECT pulse_receive_webhook('{"action": "acknowledge", "incident": 4711}');
SELECT pulse_receive_webhook('{"action": "resolve", "incident": 4711}');
SELECT pulse_receive_webhook('{"action": "ignore", "incident": 4711, "until": "2030-01-01T00:00:00Z"}');
SELECT pulse_drop_demo() AS dropped;
DROP FUNCTION public.pulse_create_segment(text, jsonb, text, text, jsonb, varchar[]), public.pulse_import_snapshot(text, timestamptz, bigint, bigint, bigint, bigint, jsonb), public.pulse_delete_segment(varchar, boolean),
    public.pulse_acknowledge_incident(bigint, text, int), public.pulse_resolve_incident(int, text, boolean), public.pulse_ignore_incident(bigint, timestamptz, varchar), public.pulse_take_snapshot(text, int), public.pulse_now(int);
DROP FUNCTION public.pulse_check_drift(), public.pulse_check_tables(), public.pulse_check_drift(varchar), public.pulse_diagnose_incidents(int), public.pulse_revoke(text, int), public.pulse_build_step(int, int);
-- No function of Pulse takes a lock that others can take: this list is empty.
SELECT p.oid::regprocedure AS function FROM pg_proc AS p JOIN pg_depend AS d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'pulse' WHERE p.prosrc ~ 'advisory' ORDER BY 1;

-- Nor does CREATE EXTENSION.
DROP EXTENSION pulse CASCADE;
CREATE FUNCTION public.pulse_preview_schedule(schedule text) RETURNS TABLE (run_at timestamptz) LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught'; END $$;
CREATE EXTENSION pulse;

\c :home
DROP DATABASE regress_access_owner;
DROP ROLE regress_own_ann, regress_own_anne, regress_own_bob, regress_own_chef, regress_own_team, regress_own_none;
