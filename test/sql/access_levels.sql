-- What each level may do with each object of the extension, as a kept list: a new object, column or function without a decision changes it.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SELECT level FROM pulse.level ORDER BY rank;
CREATE ROLE regress_level_nobody;
CREATE ROLE regress_level_reader;
CREATE ROLE regress_level_people_reader;
CREATE ROLE regress_level_writer;
CREATE ROLE regress_level_operator;
CREATE ROLE regress_level_admin;
CREATE ROLE regress_level_gateway;
SELECT count(pulse_grant('regress_level_' || level, level)) FROM pulse.level;

CREATE TEMPORARY VIEW member AS
SELECT d.classid, d.objid FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'pulse';
CREATE TEMPORARY TABLE seen AS
SELECT l.rank, l.level, x.kind, x.object, x.privilege
FROM (SELECT rank, level FROM pulse.level WHERE level <> 'gateway' UNION ALL SELECT 0, 'nobody') AS l
CROSS JOIN LATERAL (
    SELECT 'column' AS kind, a.attrelid::regclass || '.' || a.attname AS object, p.privilege
    FROM member AS m JOIN pg_attribute AS a ON a.attrelid = m.objid AND m.classid = 'pg_class'::regclass AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'v', 'm')
    CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('REFERENCES')) AS p (privilege)
    WHERE has_column_privilege('regress_level_' || l.level, a.attrelid, a.attnum, p.privilege)
    UNION ALL
    SELECT 'relation', c.oid::regclass::text, p.privilege
    FROM member AS m JOIN pg_class AS c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'p', 'v', 'm')
    CROSS JOIN (VALUES ('DELETE'), ('TRUNCATE'), ('TRIGGER')) AS p (privilege)
    WHERE has_table_privilege('regress_level_' || l.level, c.oid, p.privilege)
    UNION ALL
    SELECT 'sequence', c.oid::regclass::text, p.privilege
    FROM member AS m JOIN pg_class AS c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass AND c.relkind = 'S'
    CROSS JOIN (VALUES ('SELECT'), ('USAGE'), ('UPDATE')) AS p (privilege)
    WHERE has_sequence_privilege('regress_level_' || l.level, c.oid, p.privilege)
    UNION ALL
    SELECT 'function', CASE WHEN f.pronamespace = 'pulse'::regnamespace THEN 'pulse.' ELSE '' END || f.proname, 'EXECUTE'
    FROM member AS m JOIN pg_proc AS f ON f.oid = m.objid AND m.classid = 'pg_proc'::regclass
    WHERE has_function_privilege('regress_level_' || l.level, f.oid, 'EXECUTE')
    UNION ALL
    SELECT 'wrapper', w.fdwname::text, 'USAGE' FROM member AS m JOIN pg_foreign_data_wrapper AS w ON w.oid = m.objid AND m.classid = 'pg_foreign_data_wrapper'::regclass
    WHERE has_foreign_data_wrapper_privilege('regress_level_' || l.level, w.oid, 'USAGE')
    UNION ALL
    SELECT 'schema', n.nspname::text, p.privilege FROM member AS m JOIN pg_namespace AS n ON n.oid = m.objid AND m.classid = 'pg_namespace'::regclass
    CROSS JOIN (VALUES ('USAGE'), ('CREATE')) AS p (privilege)
    WHERE has_schema_privilege('regress_level_' || l.level, n.oid, p.privilege)
    UNION ALL
    SELECT 'type', format_type(t.oid, NULL), 'USAGE' FROM member AS m JOIN pg_type AS t ON t.oid = m.objid AND m.classid = 'pg_type'::regclass AND t.typrelid = 0 AND t.typcategory <> 'A'
    WHERE has_type_privilege('regress_level_' || l.level, t.oid, 'USAGE')
    UNION ALL
    -- What no level may have counts as the level "none".
    SELECT 'trigger function', f.oid::regprocedure::text, 'EXECUTE' FROM member AS m JOIN pg_proc AS f ON f.oid = m.objid AND m.classid = 'pg_proc'::regclass
    WHERE f.prorettype = 'trigger'::regtype AND has_function_privilege('regress_level_' || l.level, f.oid, 'EXECUTE')
) AS x;
CREATE TEMPORARY TABLE lowest AS
SELECT kind, object, privilege, min(rank) AS rank, count(DISTINCT rank) AS levels FROM seen GROUP BY kind, object, privilege;

-- Nobody has a privilege that no level grants, and each level has what the levels before it have: both lists are empty.
SELECT * FROM lowest WHERE rank = 0;
SELECT * FROM lowest WHERE levels <> 6 - rank;
-- Objects of which no level has any privilege: partitions, which are read through their table.
SELECT c.oid::regclass AS relation FROM member AS m JOIN pg_class AS c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
WHERE NOT EXISTS (SELECT FROM lowest AS l WHERE l.object IN (c.oid::regclass::text) OR l.object LIKE c.oid::regclass || '.%') ORDER BY c.oid::regclass::text COLLATE "C";
SELECT f.oid::regprocedure AS function FROM member AS m JOIN pg_proc AS f ON f.oid = m.objid AND m.classid = 'pg_proc'::regclass
WHERE NOT EXISTS (SELECT FROM seen AS s WHERE s.object IN (f.proname, 'pulse.' || f.proname)) ORDER BY f.proname COLLATE "C";

-- What the levels can change other than by functions.
SELECT l.level, v.kind, v.object, v.privilege FROM lowest AS v JOIN pulse.level AS l USING (rank)
WHERE v.kind IN ('relation', 'wrapper', 'schema', 'type') OR v.kind = 'sequence' AND v.privilege <> 'SELECT' ORDER BY v.rank, v.kind, v.object COLLATE "C";
SELECT split_part(v.object, '.', 2) AS relation, v.privilege, l.level, count(*) FROM lowest AS v JOIN pulse.level AS l USING (rank)
WHERE v.kind = 'column' AND v.privilege <> 'SELECT' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- Which functions each level may call in addition.
SELECT l.level, v.object AS function FROM lowest AS v JOIN pulse.level AS l USING (rank) WHERE v.kind = 'function' ORDER BY v.rank, v.object COLLATE "C";

-- Which columns each level may read, relation by relation. Partitions are not readable by themselves.
SELECT c.oid::regclass AS relation, coalesce(l.level, 'none') AS level, string_agg(a.attname, ' ' ORDER BY a.attnum) AS columns
FROM member AS m JOIN pg_class AS c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'p', 'v', 'm')
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN lowest AS v ON v.kind = 'column' AND v.object = c.oid::regclass || '.' || a.attname AND v.privilege = 'SELECT'
LEFT JOIN pulse.level AS l ON l.rank = v.rank
GROUP BY c.oid, v.rank, l.level ORDER BY c.oid::regclass::text COLLATE "C", v.rank;
SELECT v.object AS sequence, l.level FROM lowest AS v JOIN pulse.level AS l USING (rank) WHERE v.kind = 'sequence' ORDER BY v.object COLLATE "C";

-- The gateway is apart: it has no more than these functions, and none of the other levels has them.
SELECT f.oid::regprocedure AS function, l.level, has_function_privilege('regress_level_' || l.level, f.oid, 'EXECUTE') AS has
FROM member AS m JOIN pg_proc AS f ON f.oid = m.objid AND m.classid = 'pg_proc'::regclass CROSS JOIN pulse.level AS l
WHERE has_function_privilege('regress_level_gateway', f.oid, 'EXECUTE') ORDER BY f.proname, l.rank;
SELECT c.oid::regclass FROM member AS m JOIN pg_class AS c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass
WHERE has_table_privilege('regress_level_gateway', c.oid, 'SELECT, INSERT, UPDATE, DELETE') OR has_any_column_privilege('regress_level_gateway', c.oid, 'SELECT');
SELECT has_schema_privilege('regress_level_gateway', 'pulse', 'USAGE');
-- Revoking leaves nothing.
SELECT count(pulse_revoke('regress_level_' || level)) FROM pulse.level;
DROP TABLE lowest, seen;
DROP VIEW member;
DROP ROLE regress_level_nobody, regress_level_reader, regress_level_people_reader, regress_level_writer, regress_level_operator, regress_level_admin, regress_level_gateway;
