-- Privileges: levels, the rights of a definition, and completeness.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2011-03-01';

CREATE TEMPORARY VIEW member AS
SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS object
FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'pulse';

-- Functions that are in no level, or in two, …
SELECT m.object AS function, count(p.level) AS levels
FROM member AS m LEFT JOIN pulse.privilege AS p ON p.privilege IN ('EXECUTE ON FUNCTION ' || m.objid::regprocedure, 'EXECUTE ON PROCEDURE ' || m.objid::regprocedure)
WHERE m.classid = 'pg_proc'::regclass AND NOT EXISTS (SELECT FROM pg_proc AS t WHERE t.oid = m.objid AND t.prorettype = 'trigger'::regtype)
  AND m.objid NOT IN ('pulse.revoke_levels(text)'::regprocedure, 'pulse.grant_level(text,text)'::regprocedure, 'pulse.compare_snapshots(bigint,bigint)'::regprocedure,
                      'pulse.find_api_key(text)'::regprocedure, 'pulse.add_api_key_usage(bigint[],bigint[],bigint[])'::regprocedure, 'pulse.mentions(text,text[])'::regprocedure,
                      'pulse.sign_in(text,boolean)'::regprocedure, 'pulse.sign_out(text,boolean)'::regprocedure, 'pulse.audit_may_change()'::regprocedure, 'pulse.write_audit(text,text,jsonb,bigint,jsonb)'::regprocedure, 'pulse.mark_sent_people(bigint[])'::regprocedure, 'pulse.erase_audit(bigint[])'::regprocedure)  -- only the owner calls them
GROUP BY 1 HAVING count(p.level) <> 1 ORDER BY 1;
-- (trigger functions are in none: a role that can execute one could attach it to its own table)
SELECT p.oid::regprocedure AS trigger, v.level FROM pg_proc AS p JOIN pulse.privilege AS v ON v.privilege = 'EXECUTE ON FUNCTION ' || p.oid::regprocedure
WHERE p.prorettype = 'trigger'::regtype;
-- … and functions that PUBLIC can execute.
SELECT m.object AS public
FROM member AS m
LEFT JOIN pg_proc AS f ON f.oid = m.objid AND m.classid = 'pg_proc'::regclass
LEFT JOIN pg_class AS c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass
LEFT JOIN pg_namespace AS n ON n.oid = m.objid AND m.classid = 'pg_namespace'::regclass
LEFT JOIN pg_type AS t ON t.oid = m.objid AND m.classid = 'pg_type'::regclass AND t.typrelid = 0 AND t.typcategory <> 'A'
CROSS JOIN LATERAL aclexplode(coalesce(f.proacl, c.relacl, n.nspacl, t.typacl,
    CASE WHEN f.oid IS NOT NULL THEN acldefault('f', f.proowner) WHEN t.oid IS NOT NULL THEN acldefault('T', t.typowner) END)) AS a
WHERE a.grantee = 0 ORDER BY 1;

-- The levels.
CREATE ROLE regress_pulse_nobody;
CREATE ROLE regress_pulse_reader;
CREATE ROLE regress_pulse_people;
CREATE ROLE regress_pulse_writer;
CREATE ROLE regress_pulse_operator;
CREATE ROLE "regress pulse ""admin""";
SELECT pulse_grant('regress_pulse_reader', 'reader'), pulse_grant('regress_pulse_people', 'people_reader'), pulse_grant('regress_pulse_writer', 'writer'),
       pulse_grant('regress_pulse_operator', 'operator'), pulse_grant('regress pulse "admin"', 'admin');
-- Each role can call exactly the functions of its level and of the lower ones.
SELECT p.oid::regprocedure AS function, v.level, r.role
FROM member AS m JOIN pg_proc AS p ON p.oid = m.objid AND m.classid = 'pg_proc'::regclass
JOIN pulse.privilege AS v ON v.privilege IN ('EXECUTE ON FUNCTION ' || p.oid::regprocedure, 'EXECUTE ON PROCEDURE ' || p.oid::regprocedure)
CROSS JOIN (VALUES ('regress_pulse_nobody', ''), ('regress_pulse_reader', 'reader'), ('regress_pulse_people', 'reader people_reader'),
                   ('regress_pulse_writer', 'reader people_reader writer'),
                   ('regress_pulse_operator', 'reader people_reader writer operator'),
                   ('regress pulse "admin"', 'reader people_reader writer operator admin')) AS r (role, levels)
WHERE has_function_privilege(r.role, p.oid, 'EXECUTE') <> (v.level = ANY (string_to_array(r.levels, ' '))) ORDER BY 1, 3;
-- Deleting and granting need admin; changing a segment needs operator.
SELECT v.level, string_agg(DISTINCT p.proname, ' ' ORDER BY p.proname) AS verbs
FROM member AS m JOIN pg_proc AS p ON p.oid = m.objid AND m.classid = 'pg_proc'::regclass
JOIN pulse.privilege AS v ON v.privilege IN ('EXECUTE ON FUNCTION ' || p.oid::regprocedure, 'EXECUTE ON PROCEDURE ' || p.oid::regprocedure)
WHERE p.proname ~ '(segment|grant|revoke|monitoring)' AND p.proname ~ '^pulse_' GROUP BY 1 ORDER BY 1;
-- From people_reader on, every level can read every table, view and sequence but the audit log, API keys, secrets, what changed lately, what exports contain, whom erasures are about and copies of months; only the tables that events go into can be written.
SELECT count(*) > 0 AS tables,
       bool_and(has_table_privilege('regress_pulse_people', c.oid, 'SELECT'))
           FILTER (WHERE c.oid <> ALL ('{pulse.audit,pulse.audit_unsealed,pulse.audit_personal,pulse.audit_seal,pulse.audit_checkpoint,pulse.api_key,pulse.api_key_secret,pulse.api_key_usage,pulse.webhook_secret,pulse.webhook_seen,pulse.console_session,pulse.change,pulse.export_chunk,pulse.export_secret,pulse.erasure_subject,pulse.erased_identifier,pulse.erasure_key,pulse.action_token,pulse.trust_change,pulse.event_copy,pulse.event_late,pulse.event_archive_change,pulse.event_recalled}'::regclass[])) AS people_reader_reads,
       bool_or(has_table_privilege('regress pulse "admin"', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'))
           FILTER (WHERE c.oid <> ALL ('{pulse.ingest,pulse.import}'::regclass[])) AS admin_writes,
       bool_or(has_table_privilege('regress_pulse_nobody', c.oid, 'SELECT')) AS nobody_reads
FROM member AS m JOIN pg_class AS c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass WHERE c.relkind IN ('r', 'v', 'm', 'p') AND NOT c.relispartition;

\set SHOW_CONTEXT never
SELECT pulse_grant('regress_pulse_nobody', 'owner');
SELECT pulse_grant('regress_pulse_nobody', NULL);
SELECT pulse_grant('regress_pulse_missing', 'reader');
SELECT pulse_grant(NULL, 'reader');
SELECT pulse_grant('public', 'reader');
SELECT pulse_grant('x; DROP TABLE pulse.segment', 'reader');
DO $$ BEGIN PERFORM pulse_grant(current_user::text, 'reader'); EXCEPTION WHEN invalid_parameter_value THEN RAISE NOTICE 'refused'; END $$;
SELECT pulse_revoke('regress_pulse_missing');
SELECT pulse_revoke(NULL);

CREATE SCHEMA acc;
CREATE TABLE acc.users (id int PRIMARY KEY, plan text, ltv int);
INSERT INTO acc.users SELECT i, 'p' || i % 2, i FROM generate_series(1, 10) AS i;
CREATE TABLE acc.secret (id int PRIMARY KEY, pin text);
INSERT INTO acc.secret VALUES (1, '1234');
GRANT USAGE ON SCHEMA acc TO PUBLIC;
GRANT SELECT ON acc.users TO regress_pulse_operator;

-- A role without a level.
SET ROLE regress_pulse_nobody;
SELECT * FROM pulse.segment;
SELECT * FROM pulse.privilege;
SELECT pulse_now();
SELECT pulse_create_segment('x', '{"from": "acc.users"}');
SELECT pulse_explain_segment('x');
SELECT pulse_delete_segment('x', true);
SELECT pulse_grant('regress_pulse_nobody', 'admin');
SELECT pulse_revoke('regress_pulse_reader');
RESET ROLE;

-- An operator creates a definition; it runs with the operator's rights.
SET ROLE regress_pulse_operator;
SELECT pulse_create_segment('Secret', '{"from": "acc.secret"}');
SELECT pulse_create_segment('Secret', '{"query": "SELECT id FROM acc.secret", "attributes": []}');
SELECT pulse_create_segment('Mine', '{"from": "acc.users", "where": "ltv > 5", "attributes": ["plan"]}') > 0 AS made;
SELECT runs_as, search_path FROM pulse.segment WHERE name = 'Mine';
SELECT pulse_grant('regress_pulse_nobody', 'reader');
UPDATE pulse.segment SET runs_as = 'postgres';
INSERT INTO pulse.segment_version SELECT * FROM pulse.segment_version;
RESET ROLE;

-- A reader sees the definition and its results, also without rights on the table, but cannot change it.
SET ROLE regress_pulse_reader;
SELECT name, runs_as FROM pulse.segment;
SELECT count(*) FROM acc.users;
SELECT value FROM pulse_explain_segment('Mine') WHERE item = 'plan' AND value LIKE 'about % members%' IS NOT TRUE;
SELECT part, members FROM pulse_preview_segment('{"from": "acc.users"}');
SELECT pulse_update_segment('Mine', owner => 'me');
SET ROLE regress_pulse_people;
SELECT part, members FROM pulse_preview_segment('{"from": "acc.users"}');
RESET ROLE;

-- The operator loses its right to the table: the error says so; then the role that updates the definition becomes its runs_as role.
REVOKE SELECT ON acc.users FROM regress_pulse_operator;
SELECT item, value FROM pulse_explain_segment('Mine') WHERE item LIKE 'error%';
SET ROLE regress_pulse_operator;
SELECT pulse_update_segment('Mine', '{"from": "acc.users", "where": "ltv > 6"}');
RESET ROLE;
DO $$ BEGIN PERFORM pulse_update_segment('Mine', '{"from": "acc.users", "where": "ltv > 6"}'); END $$;
SELECT runs_as = current_user AS runs_as_me FROM pulse.segment WHERE name = 'Mine';
SELECT replace(change, current_user, 'me') AS change FROM pulse.segment_version ORDER BY version;

-- A definition cannot escape the rights of its creator, however it is called.
CREATE FUNCTION acc.escalate() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    SET ROLE regress_pulse_nobody;
    RETURN true;
END $$;
CREATE FUNCTION acc.write_it() RETURNS boolean LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    UPDATE acc.users SET plan = 'gone';
    RETURN true;
END $$;
CREATE FUNCTION acc.reopen() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    SET transaction_read_only = off;
    RETURN true;
END $$;
CREATE FUNCTION acc.leave_object() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM lo_create(4711);
    RETURN true;
EXCEPTION WHEN OTHERS THEN
    RETURN true;
END $$;
CREATE FUNCTION acc.who() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_user || ' ' || current_setting('timezone') $$;
GRANT SELECT ON acc.users TO regress_pulse_operator;
SET ROLE regress_pulse_operator;
SELECT * FROM pulse_preview_segment('{"query": "SELECT id FROM acc.users WHERE acc.escalate()"}');
SELECT * FROM pulse_preview_segment('{"query": "SELECT id FROM acc.users WHERE acc.write_it()"}');
SELECT * FROM pulse_preview_segment('{"query": "SELECT id FROM acc.users WHERE acc.reopen()"}');
-- Before PostgreSQL 16 large objects can be written in read-only transactions; all effects of a definition are rolled back.
SELECT * FROM pulse_preview_segment('{"query": "SELECT 1 AS id WHERE acc.leave_object()"}');
SELECT * FROM pulse_preview_segment('{"query": "SELECT acc.who() AS id"}', 1);
SELECT current_user;
RESET ROLE;
SELECT count(*) FROM acc.users WHERE plan = 'gone';
SELECT count(*) FROM pg_largeobject_metadata WHERE oid = 4711;

-- Inside a SECURITY DEFINER function, the definer creates the segment, not the session user.
GRANT SELECT ON acc.secret TO regress_pulse_operator;
CREATE FUNCTION acc.make() RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS
    $$ SELECT pulse_create_segment('Made', '{"from": "acc.secret", "attributes": []}') > 0 $$;
ALTER FUNCTION acc.make() OWNER TO regress_pulse_operator;
SET ROLE regress_pulse_nobody;
SELECT acc.make();
RESET ROLE;
SELECT runs_as, search_path FROM pulse.segment WHERE name = 'Made';
SELECT changed_by FROM pulse.segment_version AS v JOIN pulse.segment AS s ON s.id = v.segment_id WHERE s.name = 'Made';
-- A superuser who calls it does not lend it rights.
REVOKE SELECT ON acc.secret FROM regress_pulse_operator;
SELECT item, value FROM pulse_explain_segment('Made') WHERE item LIKE 'error%' OR item = 'plan';

-- A role that can write every table still cannot set what runs as which role, nor read the jobs of other roles.
CREATE ROLE regress_pulse_data;
GRANT pg_write_all_data, pg_read_all_data TO regress_pulse_data;
SELECT pulse_schedule('not yours', '0 4 * * *', 'SELECT ''secret''', enabled => false) IS NULL AS disabled;
SET ROLE regress_pulse_data;
UPDATE pulse.job SET command = 'ALTER ROLE regress_pulse_data SUPERUSER', kind = 'sql', runs_as = 'postgres';
UPDATE pulse.segment SET runs_as = 'postgres';
UPDATE pulse.monitor_check SET settings = '{}';
DELETE FROM pulse.monitor;
INSERT INTO pulse.feed_item (kind, profile_id, at, data) VALUES ('event.received', 1, now(), '{}');
INSERT INTO pulse.feed_consumer VALUES ('x', 0, 0, now());
INSERT INTO pulse.registered_source (name, kind, created_by) VALUES ('x', 'crm', 'x');
INSERT INTO pulse.job (name, schedule, command, runs_as) VALUES ('mine', '* * * * *', 'ALTER ROLE regress_pulse_data SUPERUSER', 'postgres');
SELECT name, command FROM pulse.job ORDER BY id;
RESET ROLE;
SELECT command FROM pulse.job WHERE kind = 'sql';
SELECT runs_as FROM pulse.segment WHERE name = 'Made';
SELECT pulse_unschedule('not yours');
DROP ROLE regress_pulse_data;

-- The role was dropped.
REASSIGN OWNED BY regress_pulse_operator TO CURRENT_USER;
SELECT pulse_revoke('regress_pulse_operator');
REVOKE ALL ON ALL TABLES IN SCHEMA acc FROM regress_pulse_operator;
DROP ROLE regress_pulse_operator;
SELECT item, value FROM pulse_explain_segment('Made') WHERE item LIKE 'error%' OR item = 'plan';

-- An admin can delete and grant; granting a lower level replaces a higher one.
SET ROLE "regress pulse ""admin""";
SELECT pulse_delete_segment('Made', confirm => true), pulse_delete_segment('Mine', confirm => true);
SELECT pulse_grant('regress_pulse_nobody', 'admin'), pulse_grant('regress_pulse_nobody', 'reader');
RESET ROLE;
SET ROLE regress_pulse_nobody;
SELECT pulse_now();
SELECT pulse_delete_segment('Mine', true);
RESET ROLE;
SELECT pulse_revoke('regress_pulse_nobody'), pulse_revoke('regress_pulse_reader'), pulse_revoke('regress_pulse_people'), pulse_revoke('regress_pulse_writer'),
       pulse_revoke('regress pulse "admin"');
-- The roles own nothing and hold no privileges, so they can be dropped.
SET client_min_messages = warning;
DROP ROLE regress_pulse_nobody, regress_pulse_reader, regress_pulse_people, regress_pulse_writer, "regress pulse ""admin""";
DROP SCHEMA acc CASCADE;
