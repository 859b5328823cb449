\echo Use "CREATE EXTENSION pulse" to load this file. \quit

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
