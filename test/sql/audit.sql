-- The audit log: who writes to it, who reads it, what is refused.
SELECT current_database() AS home \gset
CREATE DATABASE regress_audit ENCODING 'UTF8' TEMPLATE template0;
\c regress_audit
SET client_min_messages = warning;
CREATE EXTENSION pulse;
\set SHOW_CONTEXT never
CREATE ROLE regress_audit_chef;
CREATE ROLE regress_audit_op;
CREATE ROLE regress_audit_writes_all;
GRANT pg_write_all_data, pg_read_all_data TO regress_audit_writes_all;

-- Nothing is lost with an empty one.
TRUNCATE pulse.audit;
-- An old snapshot does not know whether it is.
BEGIN ISOLATION LEVEL REPEATABLE READ;
TRUNCATE pulse.audit;
ROLLBACK;

-- The actor is the role that calls, the login the role of the session; the time is the wall clock.
SELECT pulse_grant('regress_audit_chef', 'admin');
SET ROLE regress_audit_chef;
SET pulse.now = '2011-03-01';
SELECT pulse_grant('regress_audit_op', 'operator');
RESET pulse.now;
SELECT actor = current_user AS mine, login <> current_user AS set_role, at BETWEEN clock_timestamp() - interval '1 hour' AND clock_timestamp() AS wall_clock, action, subject, details FROM pulse.audit ORDER BY id;
SET ROLE regress_audit_op;
SELECT pulse_create_flag('audit_flag', '{}') > 0 AS flag, pulse_create_trait('audit_trait', '1') > 0 AS trait, pulse_create_segment('audit segment', '{"where": "audit_trait == 1"}') > 0 AS segment;
SELECT pulse_delete_flag('audit_flag'), pulse_delete_segment('audit segment', confirm => true), pulse_delete_trait('audit_trait');
-- Also where the function is called by another one, with its owner's rights.
RESET ROLE;
CREATE FUNCTION audit_create() RETURNS boolean LANGUAGE sql SECURITY DEFINER AS $$ SELECT pulse_create_flag('audit_flag', '{}') > 0 $$;
CREATE FUNCTION audit_delete() RETURNS void LANGUAGE sql SECURITY DEFINER AS $$ SELECT pulse_delete_flag('audit_flag') $$;
ALTER FUNCTION audit_delete() OWNER TO regress_audit_chef;
SET ROLE regress_audit_op;
SELECT audit_create(), audit_delete();
RESET ROLE;
SELECT actor, actor_kind, action, subject, details FROM pulse.audit WHERE actor <> current_user ORDER BY id;

-- What fails or is rolled back leaves no row.
SELECT pulse_grant('regress_audit_op', 'king');
SELECT pulse_delete_flag('no such flag');
BEGIN;
SELECT pulse_revoke('regress_audit_op');
ROLLBACK;
SELECT count(*) FILTER (WHERE action = 'level.revoked') AS revoked, count(*) FILTER (WHERE details ->> 'level' = 'king') AS king FROM pulse.audit;
SELECT pulse_revoke('regress_audit_op');
SELECT action, subject, details FROM pulse.audit ORDER BY id DESC LIMIT 1;

-- Only admins read it; nobody but the owner writes it, not even with rights on all tables.
SELECT pulse_grant('regress_audit_op', 'operator');
SET ROLE regress_audit_op;
SELECT count(*) FROM pulse.audit;
SET ROLE regress_audit_chef;
SELECT count(*) > 5 AS read FROM pulse.audit;
INSERT INTO pulse.audit (actor, actor_kind, login, action, subject) VALUES ('x', 'role', 'x', 'flag.deleted', 'x');
UPDATE pulse.audit SET actor = 'x';
DELETE FROM pulse.audit;
TRUNCATE pulse.audit;
SET ROLE regress_audit_writes_all;
SELECT count(*) > 5 AS read FROM pulse.audit;
INSERT INTO pulse.audit (actor, actor_kind, login, action, subject) VALUES ('x', 'role', 'x', 'flag.deleted', 'x');
UPDATE pulse.audit SET actor = 'x';
DELETE FROM pulse.audit;
RESET ROLE;

-- Nor does the owner change it.
SELECT count(*) AS entries FROM pulse.audit \gset
UPDATE pulse.audit SET actor = 'x' WHERE id = 1;
DELETE FROM pulse.audit WHERE id = 1;
TRUNCATE pulse.audit;
INSERT INTO pulse.audit (id, actor, actor_kind, login, action, subject) SELECT id, 'x', actor_kind, login, action, subject FROM pulse.audit ON CONFLICT (id) DO UPDATE SET actor = excluded.actor;
\set VERBOSITY sqlstate
INSERT INTO pulse.audit (actor, actor_kind, login, action, subject) VALUES ('x', 'role', 'x', 'Flag deleted', 'x');
INSERT INTO pulse.audit (actor, actor_kind, login, action, subject, details) VALUES ('x', 'role', 'x', 'flag.deleted', 'x', '[]');
INSERT INTO pulse.audit (actor, actor_kind, login, action, subject) VALUES ('x', 'job', 'x', 'flag.deleted', 'x');
\set VERBOSITY default
SELECT count(*) = :entries AS unchanged FROM pulse.audit;

SELECT pulse_seal_audit() > 5 AS sealed;
-- Nor does a setting that a session makes before it has loaded the library.
INSERT INTO pulse.audit (at, actor, actor_kind, login, action, subject) VALUES (clock_timestamp() - interval '1 day', 'x', 'role', 'x', 'flag.deleted', 'yesterday');
\c
\set SHOW_CONTEXT never
SET client_min_messages = error;
DO $$ BEGIN SET pulse.audit_retention = '1min'; EXCEPTION WHEN cant_change_runtime_param THEN NULL; END $$;  -- refused at once where the library is preloaded
DELETE FROM pulse.audit WHERE subject = 'yesterday';
SHOW pulse.audit_retention;
SET client_min_messages = warning;

-- Retention: nothing by default, then what is older than pulse.audit_retention, from the beginning of the chain on.
SET session_replication_role = replica;
UPDATE pulse.audit SET at = at - interval '500 days';
RESET session_replication_role;
WITH old AS (INSERT INTO pulse.audit (at, actor, actor_kind, login, action, subject) SELECT clock_timestamp() - d * interval '1 day', 'x', 'role', 'x', 'flag.deleted', 'old ' || d FROM unnest('{400,31,29}'::int[]) AS d RETURNING id)
INSERT INTO pulse.audit_unsealed SELECT id FROM old;
SHOW pulse.audit_retention;
SELECT status, message FROM pulse_run_job('retention');
ALTER SYSTEM SET pulse.audit_retention = '30d';
SELECT pg_reload_conf();
\c
\set SHOW_CONTEXT never
SELECT status, message FROM pulse_run_job('retention');
SELECT subject FROM pulse.audit WHERE subject LIKE 'old %' ORDER BY 1;
DELETE FROM pulse.audit WHERE subject = 'old 29';
-- Days have 24 hours, in a time zone that has put its clock back ten days ago, too.
SET session_replication_role = replica;
UPDATE pulse.audit SET at = clock_timestamp() - interval '720 hours 30 minutes' WHERE subject = 'old 29';
RESET session_replication_role;
SELECT format('AAA0BBB,J%s,J%s', (day + 244) % 365 + 1, (day + 354) % 365 + 1) AS zone FROM extract(doy FROM now()) AS day \gset
SET timezone = :'zone';
SELECT now() - interval '30 days' < now() - interval '720 hours' AS put_back;
SELECT status, message FROM pulse_run_job('retention');
RESET timezone;
ALTER SYSTEM RESET pulse.audit_retention;
SELECT pg_reload_conf();

\c :home
DROP DATABASE regress_audit;
DROP ROLE regress_audit_chef, regress_audit_op, regress_audit_writes_all;
