-- ---------------------------------------------------------------------------------------------------------
-- Room source: reading other PostgreSQL servers.

-- Level: reader
CREATE FUNCTION pulse.source_validator(options text[], catalog oid) RETURNS void
    LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_source_validator';
COMMENT ON FUNCTION pulse.source_validator(text[], oid) IS
'Validates options of the foreign-data wrapper pulse_source. Errors: HV00D unknown option, 22023 invalid value, 42501 option is restricted to superusers.';
CREATE FOREIGN DATA WRAPPER pulse_source VALIDATOR pulse.source_validator;
COMMENT ON FOREIGN DATA WRAPPER pulse_source IS
'PostgreSQL servers that segments and checks can read. Options of a server: host, hostaddr, port, dbname, sslmode, sslrootcert, sslcrl, channel_binding; guard rails connect_timeout, allow_primary, max_replay_lag, max_active_sessions, max_cost, statement_timeout, lock_timeout, max_queries_per_minute, conflict_retries. Of a user mapping: user, password, sslcert, sslkey. Foreign tables are not supported.';

-- Level: reader
CREATE TABLE pulse.source_usage (
    id bigserial PRIMARY KEY,
    source text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    purpose text NOT NULL,
    object text,
    status text NOT NULL CHECK (status IN ('ok', 'refused', 'unreachable', 'failed')),
    reason text,  -- Level: people_reader
    queries bigint NOT NULL DEFAULT 0,
    rows bigint NOT NULL DEFAULT 0,
    duration_ms double precision,
    plan_cost double precision,
    in_recovery boolean,
    version int,
    replay_lag_ms double precision
);
-- Each lookup of pulse.source is one index probe, however long the last visits all succeeded, or all failed.
CREATE INDEX source_usage_source_at ON pulse.source_usage (source, at);
CREATE INDEX source_usage_at ON pulse.source_usage (at);
CREATE INDEX source_usage_met ON pulse.source_usage (source, at) WHERE version IS NOT NULL;
CREATE INDEX source_usage_ok ON pulse.source_usage (source, at) WHERE status = 'ok';
CREATE INDEX source_usage_not_ok ON pulse.source_usage (source, at) WHERE status <> 'ok';
COMMENT ON TABLE pulse.source_usage IS 'One row per visit to a server of pulse_source, with its purpose, result and cost.';
COMMENT ON COLUMN pulse.source_usage.at IS 'When the visit began, by the wall clock (not pulse.now).';
COMMENT ON COLUMN pulse.source_usage.purpose IS 'One of snapshot, health, define, preview, test, cell.';
COMMENT ON COLUMN pulse.source_usage.object IS 'The segment or relation that was read.';
COMMENT ON COLUMN pulse.source_usage.status IS
'ok; refused: a guard rail refused the visit; unreachable: the server could not be reached; failed: a statement failed.';
COMMENT ON COLUMN pulse.source_usage.reason IS 'The reason if the status is not ok.';
COMMENT ON COLUMN pulse.source_usage.queries IS 'Number of statements sent, including the one that checks the guard rails.';
COMMENT ON COLUMN pulse.source_usage.rows IS 'Number of rows returned.';
COMMENT ON COLUMN pulse.source_usage.plan_cost IS 'The highest cost estimated by the server''s planner; null if no estimate was requested.';
COMMENT ON COLUMN pulse.source_usage.in_recovery IS 'Whether the server was a standby; null if it was not reached.';
COMMENT ON COLUMN pulse.source_usage.version IS 'Version number of the server: 150004 is 15.4.';
COMMENT ON COLUMN pulse.source_usage.replay_lag_ms IS 'Replay lag of the server in milliseconds; null if it is unknown or the server is a primary.';
SELECT pg_catalog.pg_extension_config_dump('pulse.source_usage', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.source_usage_id_seq', '');

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- Level: reader
CREATE VIEW pulse.source AS
SELECT s.srvname::text AS name, pg_get_userbyid(s.srvowner)::text AS owner,
       (SELECT jsonb_object_agg(o.option_name, o.option_value) FROM pg_options_to_table(s.srvoptions) AS o) AS options,
       met.in_recovery, met.version, met.replay_lag_ms, met.at AS last_reached_at,
       ok.at AS last_ok_at, bad.at AS last_error_at,
       CASE WHEN pulse.sees_people() THEN bad.reason END AS last_error,
       CASE WHEN ok.at IS NULL AND bad.at IS NULL THEN 'new'
            WHEN bad.at IS NULL OR ok.at > bad.at THEN 'ok' ELSE bad.status END AS status,
       hour.visits, hour.refused, hour.queries, hour.rows, hour.duration_ms
FROM pg_foreign_server AS s
JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw AND w.fdwname = 'pulse_source'
LEFT JOIN LATERAL (SELECT u.in_recovery, u.version, u.replay_lag_ms, u.at FROM pulse.source_usage AS u
                   WHERE u.source = s.srvname::text AND u.version IS NOT NULL ORDER BY u.at DESC LIMIT 1) AS met ON true
LEFT JOIN LATERAL (SELECT u.at FROM pulse.source_usage AS u
                   WHERE u.source = s.srvname::text AND u.status = 'ok' ORDER BY u.at DESC LIMIT 1) AS ok ON true
LEFT JOIN LATERAL (SELECT u.at, u.reason, u.status FROM pulse.source_usage AS u
                   WHERE u.source = s.srvname::text AND u.status <> 'ok' ORDER BY u.at DESC LIMIT 1) AS bad ON true
CROSS JOIN LATERAL (SELECT count(*) AS visits, count(*) FILTER (WHERE u.status = 'refused') AS refused,
                           coalesce(sum(u.queries), 0)::bigint AS queries, coalesce(sum(u.rows), 0)::bigint AS rows,
                           coalesce(sum(u.duration_ms), 0) AS duration_ms
                    FROM pulse.source_usage AS u
                    WHERE u.source = s.srvname::text AND u.at > now() - interval '1 hour') AS hour;
COMMENT ON VIEW pulse.source IS
'Servers of pulse_source: options, their state when last reached, and the visits of the last hour. Secrets are in user mappings and not shown; last_error is null below the level people_reader.';
COMMENT ON COLUMN pulse.source.in_recovery IS 'Whether the server was a standby when it was last reached.';
COMMENT ON COLUMN pulse.source.status IS 'Status of the last visit: new, ok, refused, unreachable or failed.';
COMMENT ON COLUMN pulse.source.visits IS 'Number of visits in the last hour; refused, queries, rows and duration_ms also refer to the last hour.';

SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);

-- Level: admin
CREATE FUNCTION pulse_create_source(name text, options jsonb) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_source';
COMMENT ON FUNCTION pulse_create_source(text, jsonb) IS
'Creates a server of pulse_source and the caller''s user mapping for it: CREATE SERVER and CREATE USER MAPPING in one call, without a statement that contains the password. Errors: HV00D unknown option, 22023 invalid value, 42710 the source exists, 42501 no privilege on pulse_source.';

-- Level: admin
CREATE FUNCTION pulse_delete_source(name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_delete_source';
COMMENT ON FUNCTION pulse_delete_source(text) IS
'Drops a source with its user mappings, as DROP SERVER ... CASCADE does, if nothing reads it any more. What it was read for stays in pulse.source_usage. Errors: 42704 no such source, 2BP01 segments that are not archived or monitored tables read it, 42501 not its owner, 25006 on a standby.';

-- Level: operator
CREATE FUNCTION pulse_test_source(name text) RETURNS TABLE (item text, value text, verdict text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_test_source';
COMMENT ON FUNCTION pulse_test_source(text) IS
'Tests a source as the caller: returns its properties and the current result of each guard rail; verdicts are ok, warning, refused. A server that cannot be reached is a row, not an error. Errors: 42704 no such source or no user mapping, 42501 no USAGE privilege, 2F003 no password.';
