\echo Use "CREATE EXTENSION pulse" to load this file. \quit

-- Tables and views live in schema pulse, verbs in the schema that CREATE EXTENSION names.
-- A plain CREATE SCHEMA: if another role owns a schema of that name, the installation must fail.
CREATE SCHEMA pulse;
COMMENT ON SCHEMA pulse IS 'Pulse: segments, snapshots, incidents; the data behind the functions pulse_*()';

-- Level: reader
CREATE FUNCTION pulse_now() RETURNS timestamptz
    LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_now';
COMMENT ON FUNCTION pulse_now() IS
'The clock of Pulse: the transaction''s time, or the setting pulse.now, with which any segment can be evaluated as of a past moment.';
