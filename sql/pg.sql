\echo Use "CREATE EXTENSION pulse" to load this file. \quit

-- Pulse reads and writes UTF-8: JSON, rules, the texts of its messages.
DO $$
BEGIN
    IF pg_catalog.getdatabaseencoding() OPERATOR(pg_catalog.<>) 'UTF8' THEN
        RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
            MESSAGE = 'extension "pulse" needs a database with the encoding UTF8',
            DETAIL = pg_catalog.format('The encoding of this database is %s.', pg_catalog.getdatabaseencoding()),
            HINT = 'Create another database: CREATE DATABASE name ENCODING ''UTF8'' TEMPLATE template0 LOCALE ''C.UTF-8''.';
    END IF;
END $$;

-- Tables and views are in schema pulse, functions pulse_*() in the schema that CREATE EXTENSION names.
-- A plain CREATE SCHEMA: if another role owns a schema of that name, the installation must fail.
DO $$ BEGIN
    IF pg_catalog.to_regnamespace('pulse') IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_schema', MESSAGE = 'schema "pulse" already exists',
            DETAIL = 'The extension keeps its tables in a schema of this name, which it makes itself.',
            HINT = 'Rename the existing schema (ALTER SCHEMA pulse RENAME TO ...), or drop it if it is left over and nobody needs it.';
    END IF;
END $$;
CREATE SCHEMA pulse;
COMMENT ON SCHEMA pulse IS 'Pulse: segments, snapshots, incidents; the data behind the functions pulse_*()';

-- Level: reader
CREATE FUNCTION pulse_now() RETURNS timestamptz
    LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_now';
COMMENT ON FUNCTION pulse_now() IS
'Returns the current time of Pulse: the start of the transaction, or the setting pulse.now, which allows evaluating segments as of a past moment.';

-- Level: reader
CREATE FUNCTION pulse.now() RETURNS timestamptz
    LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_now';
COMMENT ON FUNCTION pulse.now() IS 'The function pulse_now() as Pulse itself calls it: in schema pulse, where no other role can add a function of the same name.';

-- Level: reader
CREATE FUNCTION pulse.sees_people() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN pg_catalog.has_table_privilege('pulse.person', 'SELECT');
COMMENT ON FUNCTION pulse.sees_people() IS
'Whether the current role may see people: whether it has the level people_reader, that is SELECT on pulse.person. Columns of views that show values or error texts are null without it.';

-- What runs with a role's rights keeps the role's name, so that a dump can be restored anywhere, and its oid, by which it is found.
-- Level: reader
CREATE FUNCTION pulse.role_name(name name, role_oid oid) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce((SELECT r.rolname::text FROM pg_catalog.pg_roles AS r WHERE r.oid OPERATOR(pg_catalog.=) role_oid),
                    CASE WHEN role_oid IS NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) name)
                         THEN name::text ELSE name OPERATOR(pg_catalog.||) ' (dropped since)' END);
COMMENT ON FUNCTION pulse.role_name(name, oid) IS
'The current name of a role that is kept by name and oid; with the remark "(dropped since)" if it no longer exists, also if a new role has its name.';

CREATE FUNCTION pulse.settle_role() RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.role_oid := (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = NEW.runs_as);
    RETURN NEW;
END $$;
COMMENT ON FUNCTION pulse.settle_role() IS 'Records the oid of the role that a definition runs as.';
