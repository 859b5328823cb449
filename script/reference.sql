-- Writes doc/reference.md from the catalog of a database that has Pulse (see CONTRIBUTING.md):
--   psql -XAtq -f script/reference.sql >doc/reference.md
SET client_min_messages = warning;
SET search_path = public, pg_catalog;
SET timezone = 'UTC';
LOAD 'pulse';

-- What Markdown would take for marks is written as it is.
CREATE FUNCTION pg_temp.plain(text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(replace(replace(replace($1, '<', '&lt;'), '|', '\|'), E'\n', ' '), '([*`])', '\\\1', 'g');
$$;
-- 90000 ms is 90 s.
CREATE FUNCTION pg_temp.with_unit(value text, unit text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE
        WHEN value::numeric <= 0 OR unit IS NULL THEN value
        WHEN unit IN ('ms', 's', 'min', 'h', 'd') THEN (
            SELECT concat((seconds / size)::bigint, ' ', name)
            FROM (SELECT value::numeric * extract(epoch FROM ('1 ' || unit)::interval) AS seconds) AS v,
                 (VALUES (86400, 'd'), (3600, 'h'), (60, 'min'), (1, 's'), (0.001, 'ms')) AS u (size, name)
            WHERE seconds % size = 0 ORDER BY size DESC LIMIT 1)
        ELSE concat(value, ' ', unit) END;
$$;
CREATE FUNCTION pg_temp.signature(text) RETURNS text LANGUAGE sql AS $$
    SELECT replace(regexp_replace($1, $a$(DEFAULT (?:NULL|'[^']*'))::[a-z ]+(?:\[\])?$a$, '\1', 'g'), 'timestamp with time zone', 'timestamptz');
$$;
CREATE TEMP VIEW member AS
    SELECT d.classid, d.objid FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'pulse';

\echo '# Reference'
\echo
\echo 'All functions, views, tables and settings, as the catalog describes them. This page is generated; a test compares it with the catalog.'
\echo
\echo '## Do this first'
\echo
\echo 'The same texts are in your database, in the version that you have installed:'
\echo
\echo '```sql'
\echo 'CREATE EXTENSION IF NOT EXISTS pulse;'
\echo '\\df+ pulse_take_snapshot'
\echo '\\d+ pulse.segment_overview'
\echo 'SELECT name, setting, short_desc FROM pg_settings WHERE name LIKE ''pulse.%'';'
\echo '```'
\echo
\echo '## Functions'
\echo
\echo 'Each with its result and the lowest [level](access.md) that may call it.'

SELECT concat(
    CASE WHEN row_number() OVER same = 1 THEN concat(E'\n### ', p.proname, E'\n') END,
    E'\n`', p.proname, '(', pg_temp.signature(pg_get_function_arguments(p.oid)), ')`',
    CASE p.prokind WHEN 'p' THEN ' (procedure)' ELSE concat(CASE p.prokind WHEN 'a' THEN ' (aggregate)' END, ' → `', pg_temp.signature(pg_get_function_result(p.oid)), '`') END,
    ' · ', g.level, E'\n\n', pg_temp.plain(obj_description(p.oid, 'pg_proc')))
FROM member AS m JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
CROSS JOIN LATERAL (
    SELECT v.level FROM pulse.privilege AS v
    WHERE v.privilege = format('EXECUTE ON %s %s', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.oid::regprocedure) LIMIT 1) AS g
WHERE p.pronamespace <> 'pulse'::regnamespace
WINDOW same AS (PARTITION BY p.proname ORDER BY pg_get_function_arguments(p.oid) COLLATE "C")
ORDER BY p.proname COLLATE "C", pg_get_function_arguments(p.oid) COLLATE "C";

\echo
\echo '## Views'

SELECT concat(E'\n### pulse.', c.relname, E'\n\n', pg_temp.plain(obj_description(c.oid, 'pg_class')), E'\n\n| column | type | |\n|---|---|---|\n',
    (SELECT string_agg(concat('| `', a.attname, '` | ', format_type(a.atttypid, a.atttypmod), ' | ', pg_temp.plain(col_description(c.oid, a.attnum)), ' |'), E'\n' ORDER BY a.attnum)
     FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
FROM member AS m JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
WHERE c.relkind = 'v' ORDER BY c.relname COLLATE "C";

\echo
\echo '## Tables'
\echo
\echo 'Only Pulse writes them. The views above are the better way to read most of them.'
\echo
\echo '| table | |'
\echo '|---|---|'
SELECT concat('| `pulse.', c.relname, '` | ', pg_temp.plain(obj_description(c.oid, 'pg_class')), ' |')
FROM member AS m JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY c.relname COLLATE "C";

\echo
\echo '## Settings'
\echo
\echo '`SET` changes a setting for the session, `ALTER DATABASE … SET` for all new sessions of a database, `ALTER SYSTEM SET` and `SELECT pg_reload_conf()` for the server.'
\echo '*Who* says who may change it: any `user`, a `superuser`, only the `server` (by `ALTER SYSTEM`, with a reload), or only at its `restart`.'
\echo
\echo '| setting | default | from, to | who | |'
\echo '|---|---|---|---|---|'
SELECT concat('| `', s.name, '` | ',
    CASE WHEN s.vartype IN ('integer', 'real') THEN pg_temp.with_unit(s.boot_val, s.unit) ELSE pg_temp.plain(s.boot_val) END, ' | ',
    CASE WHEN s.vartype IN ('integer', 'real') THEN concat(pg_temp.with_unit(s.min_val, s.unit), ', ' || pg_temp.with_unit(nullif(s.max_val, '2147483647'), s.unit))
         WHEN s.vartype = 'enum' THEN array_to_string(s.enumvals, ', ') WHEN s.vartype = 'bool' THEN 'on, off' END, ' | ',
    CASE s.context WHEN 'user' THEN 'user' WHEN 'superuser' THEN 'superuser' WHEN 'sighup' THEN 'server' WHEN 'postmaster' THEN 'restart' ELSE s.context END, ' | ',
    pg_temp.plain(concat_ws(' ', s.short_desc, s.extra_desc)), ' |')
FROM pg_settings AS s WHERE s.name LIKE 'pulse.%' ORDER BY s.name COLLATE "C";
