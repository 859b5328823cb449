-- ---------------------------------------------------------------------------------------------------------
-- Privileges. This file comes last, because it refers to every object before it.

-- Operators in the view below are resolved now. This search_path finds only PostgreSQL's own, even if other roles can create objects in Pulse's schema.
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- Level: reader
CREATE TABLE pulse.level (
    rank int PRIMARY KEY,
    level text NOT NULL UNIQUE,
    description text NOT NULL
);
COMMENT ON TABLE pulse.level IS 'The levels of pulse_grant(); each includes those with a lower rank, except gateway, which includes nothing else.';
INSERT INTO pulse.level VALUES
    (1, 'reader', 'sees figures, definitions and states; no people, and no values of fewer than 10 people'),
    (2, 'people_reader', 'also sees people: their ids, attributes, events, traits, segments and decisions, and all values'),
    (3, 'writer', 'also sends events, exposures, signals and consent, takes and imports snapshots, checks tables'),
    (4, 'operator', 'also makes, changes and deletes definitions, and handles incidents, messages, jobs, actions and syncs'),
    (5, 'admin', 'also makes sources, channels, destinations, models and API keys, changes what the gate needs, erases people, deletes definitions of other roles, grants levels, and reads the audit log'),
    (6, 'gateway', 'answers HTTP requests with pulse_http(), as the role of pulse-http; nothing else');
ALTER TABLE pulse.level ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.level FOR SELECT USING (true);

-- Level: reader
CREATE VIEW pulse.privilege AS
WITH member AS (
    SELECT d.classid, d.objid
    FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e' AND e.extname = 'pulse'
), entry (level, name, attribute) AS (
    VALUES
@levels@
), relation AS (
    SELECT e.level, e.name, c.oid, (SELECT min(h.level) FROM entry AS h WHERE h.name = e.name AND h.attribute <> '') AS hidden
    FROM entry AS e JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(e.name)
    WHERE e.attribute = '' AND e.name LIKE 'pulse.%'
)
SELECT 'reader' AS level, pg_catalog.format('USAGE ON SCHEMA %I', n.nspname) AS privilege
FROM member JOIN pg_catalog.pg_namespace AS n ON n.oid = member.objid
WHERE member.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
UNION ALL
SELECT 'reader', pg_catalog.format('USAGE ON TYPE %s', t.oid::pg_catalog.regtype)
FROM member JOIN pg_catalog.pg_type AS t ON t.oid = member.objid
WHERE member.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.typrelid = 0 AND t.typcategory <> 'A'
UNION ALL
SELECT 'reader', pg_catalog.format('SELECT ON SEQUENCE %s', c.oid::pg_catalog.regclass)
FROM member JOIN pg_catalog.pg_class AS c ON c.oid = member.objid
WHERE member.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.relkind = 'S'
UNION ALL
SELECT coalesce(r.hidden, r.level), pg_catalog.format('SELECT ON TABLE %s', r.oid::pg_catalog.regclass) FROM relation AS r
UNION ALL
SELECT r.level, pg_catalog.format('SELECT (%s) ON TABLE %s', pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum),
                                  r.oid::pg_catalog.regclass)
FROM relation AS r JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE r.hidden IS NOT NULL AND NOT EXISTS (SELECT FROM entry AS h WHERE h.name = r.name AND h.attribute = a.attname)
GROUP BY r.level, r.oid
UNION ALL
SELECT 'writer', pg_catalog.format('INSERT ON TABLE %s', v.name) FROM (VALUES ('pulse.ingest'), ('pulse.import')) AS v (name)
UNION ALL
-- Functions in schema pulse are in the list, too: views and measuring call them with the rights of the current role. Trigger functions
-- are not: a trigger needs no privilege to fire, and with the privilege any role could attach them to its own tables.
SELECT e.level, pg_catalog.format('EXECUTE ON %s %s', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,
                                  p.oid::pg_catalog.regprocedure)
FROM member JOIN pg_catalog.pg_proc AS p ON p.oid = member.objid
JOIN entry AS e ON e.name = CASE WHEN p.pronamespace = 'pulse'::pg_catalog.regnamespace THEN 'pulse.' || p.proname ELSE p.proname END
WHERE member.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
UNION ALL
SELECT 'admin', pg_catalog.format('USAGE ON FOREIGN DATA WRAPPER %I', w.fdwname)
FROM member JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid = member.objid
WHERE member.classid = 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass;
COMMENT ON VIEW pulse.privilege IS
'The privileges that pulse_grant() grants. Each level but gateway also has those of the levels before it in pulse.level.';
COMMENT ON COLUMN pulse.privilege.level IS 'The lowest level that has the privilege.';
COMMENT ON COLUMN pulse.privilege.privilege IS 'In the syntax of GRANT.';

SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);

-- Level: owner
CREATE FUNCTION pulse.revoke_levels(role text) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    entry record;
BEGIN
    IF role IS NULL OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
            MESSAGE = format('role "%s" does not exist', coalesce(role, '(null)')),
            HINT = 'Give the name of an existing role; pg_roles lists them.';
    END IF;
    IF role = current_user THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('role "%s" owns the extension', role),
            HINT = 'The owner has all privileges. Grant levels to other roles.';
    END IF;
    -- Without the lock, two sessions that change the privileges of one object would fail with "tuple concurrently updated".
    -- A row that only the owner can lock: no other role can hold up a revocation.
    PERFORM FROM pulse.level ORDER BY rank FOR UPDATE;
    FOR entry IN SELECT p.privilege FROM pulse.privilege AS p ORDER BY p.privilege LOOP
        EXECUTE format('REVOKE %s FROM %I', entry.privilege, role);
    END LOOP;
END $$;
COMMENT ON FUNCTION pulse.revoke_levels(text) IS 'What pulse_revoke() and pulse_grant() do first. Only the owner of the extension can call it.';

-- Level: admin
CREATE FUNCTION pulse_revoke(role text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_revoke';
COMMENT ON FUNCTION pulse_revoke(text) IS
'Revokes all privileges that pulse_grant() granted to a role. Errors: 42704 unknown role, 22023 the owner of the extension.';

-- Level: owner
CREATE FUNCTION pulse.grant_level(role text, level text) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    levels CONSTANT text[] := ARRAY(SELECT l.level FROM pulse.level AS l ORDER BY l.rank);
    verbs CONSTANT name := (SELECT n.nspname FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
                            WHERE e.extname = 'pulse');
    entry record;
BEGIN
    IF level IS NULL OR array_position(levels, level) IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('unknown level "%s"', coalesce(level, '(null)')),
            HINT = format('Levels are %s; each includes those before it, except gateway.', array_to_string(levels, ', '));
    END IF;
    PERFORM pulse.revoke_levels(role);
    IF NOT has_schema_privilege(role, verbs, 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', verbs, role);
    END IF;
    FOR entry IN
        SELECT p.privilege FROM pulse.privilege AS p
        WHERE p.level = grant_level.level
           OR 'gateway' NOT IN (p.level, grant_level.level) AND array_position(levels, p.level) < array_position(levels, grant_level.level)
        ORDER BY p.privilege
    LOOP
        EXECUTE format('GRANT %s TO %I', entry.privilege, role);
    END LOOP;
END $$;
COMMENT ON FUNCTION pulse.grant_level(text, text) IS 'What pulse_grant() does. Only the owner of the extension can call it.';

-- Level: admin
CREATE FUNCTION pulse_grant(role text, level text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_grant';
COMMENT ON FUNCTION pulse_grant(text, text) IS
'Sets the level of a role: reader sees figures and no people, people_reader also sees people, writer can also send events and take and import snapshots, operator can also manage definitions and incidents, admin can also make sources and channels and grant; gateway, for the role of pulse-http, can call pulse_http() and nothing else. Replaces the previous level of the role; pulse.level and pulse.privilege list what each has. Errors: 42704 unknown role, 22023 unknown level or the owner of the extension.';

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- Only Pulse's functions, which run as the owner of these tables, write what runs with another role's rights. Without a policy for writing,
-- not even pg_write_all_data can change it. SELECT shows all rows, except jobs of other roles, whose commands are private.
ALTER TABLE pulse.segment ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.monitor ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.monitor_check ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.job ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.job_run ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.notice ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.route ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.subscription ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.investigation ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.agent_step ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.segment FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.monitor FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.monitor_check FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.notice FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.outbox FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.route FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.subscription FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.investigation FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.agent_step FOR SELECT USING (true);
CREATE POLICY read_own ON pulse.job FOR SELECT USING (runs_as IS NULL OR pg_catalog.pg_has_role(role_oid, 'USAGE'));
CREATE POLICY read_own ON pulse.job_run FOR SELECT USING (EXISTS (SELECT FROM pulse.job AS j WHERE j.id = job_run.job_id));

-- Nothing is granted to PUBLIC.
DO $$
DECLARE
    member record;
BEGIN
    FOR member IN
        SELECT CASE d.classid WHEN 'pg_proc'::regclass THEN 'ROUTINE ' || d.objid::regprocedure
                              WHEN 'pg_type'::regclass THEN 'TYPE ' || d.objid::regtype
                              WHEN 'pg_namespace'::regclass THEN 'SCHEMA ' || d.objid::regnamespace
                              WHEN 'pg_foreign_data_wrapper'::regclass THEN 'FOREIGN DATA WRAPPER ' || quote_ident(w.fdwname)
                              ELSE CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || d.objid::regclass END AS object
        FROM pg_depend AS d
        JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'pulse'
        LEFT JOIN pg_class AS c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
        LEFT JOIN pg_type AS t ON t.oid = d.objid AND d.classid = 'pg_type'::regclass
        LEFT JOIN pg_foreign_data_wrapper AS w ON w.oid = d.objid AND d.classid = 'pg_foreign_data_wrapper'::regclass
        WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
          AND (d.classid IN ('pg_proc'::regclass, 'pg_namespace'::regclass, 'pg_foreign_data_wrapper'::regclass)
               OR c.relkind IN ('r', 'p', 'v', 'm', 'S') OR (t.typrelid = 0 AND t.typcategory <> 'A'))
    LOOP
        EXECUTE 'REVOKE ALL ON ' || member.object || ' FROM PUBLIC';
    END LOOP;
END $$;
