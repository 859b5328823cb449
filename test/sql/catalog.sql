-- Project rules that the catalog can prove: each list is empty.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;

CREATE TEMP VIEW member AS
SELECT d.classid, d.objid, pg_catalog.pg_describe_object(d.classid, d.objid, 0) AS object
FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
WHERE d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'pulse';

-- Objects without a comment, except sequences of columns and objects that belong to a type.
SELECT object FROM member
WHERE classid IN ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_type'::regclass,
                  'pg_catalog.pg_namespace'::regclass, 'pg_catalog.pg_foreign_data_wrapper'::regclass)
  AND pg_catalog.obj_description(objid, classid::regclass::text) IS NULL
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = objid AND c.relkind IN ('S', 'i'))
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_type AS t WHERE t.oid = objid AND (t.typrelid <> 0 OR t.typelem <> 0))
ORDER BY object COLLATE "C";

-- Public functions are named pulse_…, and only they are.
SELECT p.oid::regprocedure AS function
FROM member AS m JOIN pg_catalog.pg_proc AS p ON p.oid = m.objid AND m.classid = 'pg_catalog.pg_proc'::regclass
WHERE p.pronamespace <> 'pulse'::regnamespace AND p.proname NOT LIKE 'pulse\_%'
ORDER BY 1;
-- Arguments without a name; calls by name need it.
SELECT p.oid::regprocedure AS function
FROM member AS m JOIN pg_catalog.pg_proc AS p ON p.oid = m.objid AND m.classid = 'pg_catalog.pg_proc'::regclass
WHERE p.pronargs > 0 AND p.proargnames IS NULL AND p.proname NOT LIKE 'pulse\_sketch%' AND p.prokind = 'f'
  AND p.pronamespace <> 'pulse'::regnamespace
ORDER BY 1;

-- SECURITY DEFINER without a fixed search_path; privileges of PUBLIC.
SELECT p.oid::regprocedure AS function
FROM member AS m JOIN pg_catalog.pg_proc AS p ON p.oid = m.objid AND m.classid = 'pg_catalog.pg_proc'::regclass
WHERE p.prosecdef AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS c WHERE c LIKE 'search\_path=pg\_catalog, pg\_temp')
ORDER BY 1;
SELECT p.oid::regprocedure AS function
FROM member AS m JOIN pg_catalog.pg_proc AS p ON p.oid = m.objid AND m.classid = 'pg_catalog.pg_proc'::regclass
WHERE pg_catalog.has_function_privilege('public', p.oid, 'EXECUTE')
ORDER BY 1;
SELECT c.oid::regclass AS relation
FROM member AS m JOIN pg_catalog.pg_class AS c ON c.oid = m.objid AND m.classid = 'pg_catalog.pg_class'::regclass
WHERE c.relkind IN ('r', 'v', 'm', 'p')
  AND pg_catalog.has_table_privilege('public', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
ORDER BY 1;

-- Functions whose names are looked up in the caller's search_path. Those in SQL are inlined, and with their body parsed when they were created they look up
-- nothing; pulse.inner_build() commits, which PostgreSQL refuses with a fixed search_path, and has a schema at every name.
SELECT p.oid::regprocedure AS function
FROM member AS m JOIN pg_catalog.pg_proc AS p ON p.oid = m.objid AND m.classid = 'pg_catalog.pg_proc'::regclass JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
WHERE p.prokind <> 'a' AND l.lanname <> 'c' AND (l.lanname <> 'sql' OR p.prosqlbody IS NULL)
  AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS c WHERE c LIKE 'search\_path=pg\_catalog, pg\_temp') AND p.oid <> 'pulse.inner_build'::regproc
ORDER BY 1;

-- Where a subscription applies rows, a trigger fires that makes a row fit this database, pulse.settle_...(), and no other: the rows that others write are copied, too.
SELECT t.tgrelid::regclass AS relation, t.tgname, t.tgenabled
FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
WHERE c.relnamespace = 'pulse'::regnamespace AND NOT t.tgisinternal
  AND CASE WHEN p.proname LIKE 'settle\_%' THEN t.tgenabled NOT IN ('A', 'R') ELSE t.tgenabled <> 'O' END
ORDER BY 1, 2;
-- Each of these is for single rows before they are written, as a subscription calls no others.
SELECT t.tgrelid::regclass AS relation, t.tgname
FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
WHERE c.relnamespace = 'pulse'::regnamespace AND p.proname LIKE 'settle\_%' AND t.tgtype & 3 <> 3
ORDER BY 1, 2;
-- A trigger that changes the row before it is inserted is one of them.
SELECT t.tgrelid::regclass AS relation, t.tgname
FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
WHERE c.relnamespace = 'pulse'::regnamespace AND c.relkind = 'r' AND NOT t.tgisinternal AND t.tgtype & 7 = 7 AND p.proname NOT LIKE 'settle\_%'
ORDER BY 1, 2;

-- Public functions that no level of pulse_grant() includes.
SELECT p.oid::regprocedure AS function
FROM member AS m JOIN pg_catalog.pg_proc AS p ON p.oid = m.objid AND m.classid = 'pg_catalog.pg_proc'::regclass
WHERE p.proname LIKE 'pulse\_%'
  AND NOT EXISTS (SELECT FROM pulse.privilege AS v WHERE v.privilege IN ('EXECUTE ON FUNCTION ' || p.oid::regprocedure, 'EXECUTE ON PROCEDURE ' || p.oid::regprocedure))
ORDER BY 1;

-- Relations that no level of pulse_grant() includes. Partitions are read through their table.
SELECT c.oid::regclass AS relation
FROM member AS m JOIN pg_catalog.pg_class AS c ON c.oid = m.objid AND m.classid = 'pg_catalog.pg_class'::regclass
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND NOT c.relispartition
  AND NOT EXISTS (SELECT FROM pulse.privilege AS v
                  WHERE v.privilege = format('SELECT ON %s %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass))
ORDER BY 1;

-- Tables, and sequences of theirs, that a dump would leave empty. Of a partitioned one the partitions are dumped; the two of one row
-- that the extension makes are there without it. Secrets of webhooks, what changed lately and months that are being ordered are not for a copy.
SELECT c.oid::regclass AS relation
FROM member AS m JOIN pg_catalog.pg_class AS c ON c.oid = m.objid AND m.classid = 'pg_catalog.pg_class'::regclass
CROSS JOIN pg_catalog.pg_extension AS e
WHERE e.extname = 'pulse' AND c.relkind IN ('r', 'S') AND c.oid <> ALL (e.extconfig)
  AND c.oid NOT IN ('pulse.definition'::regclass, 'pulse.change_position'::regclass, 'pulse.level'::regclass,
                    'pulse.webhook_secret'::regclass, 'pulse.webhook_seen'::regclass, 'pulse.console_session'::regclass, 'pulse.change'::regclass, 'pulse.change_id_seq'::regclass, 'pulse.event_month'::regclass, 'pulse.event_late'::regclass, 'pulse.event_archive_change'::regclass, 'pulse.event_recalled'::regclass)
ORDER BY 1;

-- Aggregates and functions declare parallel safety: functions that write are not safe.
SELECT p.oid::regprocedure AS function
FROM member AS m JOIN pg_catalog.pg_proc AS p ON p.oid = m.objid AND m.classid = 'pg_catalog.pg_proc'::regclass
WHERE p.provolatile = 'v' AND p.proparallel = 's'
ORDER BY 1;

-- Every function is either safe in a parallel worker or not run by a parallel plan at all.
SELECT p.oid::regprocedure AS function
FROM member AS m JOIN pg_catalog.pg_proc AS p ON p.oid = m.objid AND m.classid = 'pg_catalog.pg_proc'::regclass
WHERE p.proparallel = 'r'
ORDER BY 1;

-- Tables, and partitions made later, whose rows a publication of all tables would not allow to update or delete.
SET client_min_messages = error;
CREATE PUBLICATION catalog_all FOR ALL TABLES;
SET client_min_messages = warning;
SELECT pulse_create_segment('catalog_people', '{"where": "events.catalog.count >= 1"}') > 0 AS made;
SELECT count(pulse_track('catalog', 'catalog'));
DO $$
DECLARE
    t regclass;
BEGIN
    FOR t IN SELECT c.oid FROM pg_catalog.pg_class AS c WHERE c.relnamespace = 'pulse'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY c.relname LOOP
        BEGIN
            EXECUTE format('UPDATE %s SET %I = %2$I WHERE false', t, (SELECT a.attname FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = t AND a.attnum = 1));
            EXECUTE format('DELETE FROM %s WHERE false', t);
        EXCEPTION WHEN OTHERS THEN
            -- Nobody changes the audit log.
            IF SQLERRM !~ '^cannot (update|delete) pulse\.audit' THEN
                RAISE WARNING '%: %', t, SQLERRM;
            END IF;
        END;
    END LOOP;
END $$;
SELECT count(*) FROM pulse_take_changes('catalog') WHERE segment = 'catalog_people';
SELECT pulse_create_trait('catalog', 'events.catalog.count') > 0 AS made;
SELECT pulse_delete_trait('catalog');
SELECT pulse_delete_segment('catalog_people', confirm => true);
DELETE FROM pulse.change_consumer WHERE name = 'catalog';
DROP PUBLICATION catalog_all;

-- Every function called with only nulls returns null or reports what is missing: no internal error, no crash. Some switch something on.
SET client_min_messages = warning;
BEGIN;
DO $$
DECLARE
    f record;
    failures int := 0;
BEGIN
    FOR f IN
        SELECT p.oid, p.pronamespace::regnamespace AS schema, p.proname, p.pronargs,
               array_to_string(ARRAY(SELECT 'NULL::' || format_type(t, NULL) FROM unnest(p.proargtypes) AS t), ', ') AS nulls
        FROM pg_temp.member AS m JOIN pg_catalog.pg_proc AS p ON p.oid = m.objid AND m.classid = 'pg_catalog.pg_proc'::regclass
        WHERE p.prokind = 'f' AND 'internal'::regtype <> ALL (p.proargtypes) AND p.prorettype <> 'internal'::regtype
          AND p.prorettype <> 'trigger'::regtype AND p.pronargs > 0
        ORDER BY p.proname
    LOOP
        BEGIN
            EXECUTE format('SELECT * FROM %s.%I(%s)', f.schema, f.proname, f.nulls);
        EXCEPTION
            WHEN internal_error OR datatype_mismatch OR undefined_function OR ambiguous_function THEN
                RAISE WARNING '%(%): % %', f.proname, f.nulls, SQLSTATE, SQLERRM;
            WHEN OTHERS THEN
                NULL;
        END;
    END LOOP;
END $$;
ROLLBACK;
