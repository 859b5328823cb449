-- ---------------------------------------------------------------------------------------------------------
-- Room trust: signals.

-- Level: reader
CREATE TABLE pulse.signal (
    id bigserial PRIMARY KEY,
    name text COLLATE "C" NOT NULL CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$'),
    source text COLLATE "C" NOT NULL DEFAULT '',
    entity text COLLATE "C" NOT NULL DEFAULT '',
    value double precision NOT NULL CHECK (value > '-Infinity' AND value < 'Infinity'),
    at timestamptz NOT NULL,
    details jsonb NOT NULL DEFAULT '{}',  -- Level: people_reader
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    recorded_by text NOT NULL
);
CREATE INDEX signal_series_at ON pulse.signal (name, source, entity, at, id) INCLUDE (value);
CREATE INDEX signal_at ON pulse.signal (at);
COMMENT ON TABLE pulse.signal IS 'Numbers that say how well something works, one row each. Written by pulse_record_signal() and by Pulse itself (source pulse); kept for signal_days of pulse_trust_settings().';
COMMENT ON COLUMN pulse.signal.name IS 'What is measured: emq, spend, conversions, cpa, roas, platform_revenue, analytics_revenue and so on.';
COMMENT ON COLUMN pulse.signal.source IS 'Where the number comes from: a platform, a destination, a source; pulse for Pulse itself; empty for none.';
COMMENT ON COLUMN pulse.signal.entity IS 'What it is about: an account, or a subject such as segment:big_spenders; empty for the source as a whole.';
COMMENT ON COLUMN pulse.signal.at IS 'The time that the number is of.';
COMMENT ON COLUMN pulse.signal.recorded_at IS 'When it was recorded, by the wall clock.';
COMMENT ON COLUMN pulse.signal.recorded_by IS 'The role or API key that recorded it.';

-- Level: reader
CREATE TABLE pulse.signal_series (
    name text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    entity text COLLATE "C" NOT NULL,
    last_value double precision NOT NULL,
    last_at timestamptz NOT NULL,
    signals bigint NOT NULL,
    PRIMARY KEY (name, source, entity)
);
CREATE INDEX signal_series_source ON pulse.signal_series (source, last_at);
CREATE INDEX signal_series_entity ON pulse.signal_series (entity, last_at);
CREATE INDEX signal_series_newest ON pulse.signal_series (last_at) WHERE source <> 'pulse';
COMMENT ON TABLE pulse.signal_series IS 'The newest value of each signal by name, source and entity.';
COMMENT ON COLUMN pulse.signal_series.last_at IS 'The time of the newest value.';
COMMENT ON COLUMN pulse.signal_series.signals IS 'How many were recorded, with those that retention has deleted.';

SELECT pg_catalog.pg_extension_config_dump('pulse.signal', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.signal_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.signal_series', '');

-- Level: writer
CREATE FUNCTION pulse_record_signal(name text, value double precision, source text DEFAULT '', entity text DEFAULT '',
                                    at timestamptz DEFAULT NULL, details jsonb DEFAULT '{}')
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_record_signal';
COMMENT ON FUNCTION pulse_record_signal(text, double precision, text, text, timestamptz, jsonb) IS
'Records a number that says how well something works, and returns its id. name: lower-case letters, digits and _; the score of pulse_signal_health() reads emq (0 to 10), spend, conversions, cpa, roas, platform_revenue with analytics_revenue, platform_conversions with analytics_conversions, and match_rate (0 to 1). source: the platform, destination or source that it comes from. entity: the account, or a subject such as segment:big_spenders. at: the time that it is of (default pulse_now()); up to 5 minutes ahead counts as now. details: an object of at most 8 kB.
Errors: 22004 name or value is null, 22023 an invalid name, a value that is NaN, infinite or out of the range of its name, a time in the future, or details that are no object; 42501 the source pulse, which is for Pulse itself.';

-- Level: writer
CREATE FUNCTION pulse_record_signals(signals jsonb)
    RETURNS TABLE (place int, status text, id bigint, error text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'pulse_record_signals';
COMMENT ON FUNCTION pulse_record_signals(jsonb) IS
'Records up to 1,000 signals, an array of objects with name, value, source, entity, at and details as pulse_record_signal() takes them, and returns for each its place from 0, recorded or rejected, and the id or the error. One invalid signal rejects no other. Errors: 22004 null, 22023 not an array, 54000 more than 1,000.';

-- Level: reader
CREATE TABLE pulse.signal_query (
    id bigserial PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$'),
    query text NOT NULL,
    every interval NOT NULL CHECK (every >= interval '1 minute'),
    source text COLLATE "C" NOT NULL,
    entity text COLLATE "C" NOT NULL,
    runs_as name NOT NULL,
    search_path text NOT NULL,
    created_at timestamptz NOT NULL,
    next_run_at timestamptz NOT NULL,
    last_run_at timestamptz,
    last_signals int,
    failures int NOT NULL DEFAULT 0,
    last_error text,  -- Level: people_reader
    role_oid oid
);
CREATE INDEX signal_query_next ON pulse.signal_query (next_run_at);
CREATE TRIGGER signal_query_settle BEFORE INSERT OR UPDATE OF runs_as, role_oid ON pulse.signal_query FOR EACH ROW EXECUTE FUNCTION pulse.settle_role();
ALTER TABLE pulse.signal_query ENABLE ALWAYS TRIGGER signal_query_settle;
COMMENT ON TRIGGER signal_query_settle ON pulse.signal_query IS 'For new rows, and those of a restored dump.';
COMMENT ON TABLE pulse.signal_query IS 'Queries whose results are recorded as signals. Changed only by pulse_create_signal() and pulse_delete_signal(); the job signal_health runs them.';
COMMENT ON COLUMN pulse.signal_query.name IS 'Of the signals that it records.';
COMMENT ON COLUMN pulse.signal_query.source IS 'Of the signals, where the query does not return one.';
COMMENT ON COLUMN pulse.signal_query.entity IS 'Of the signals, where the query does not return one.';
COMMENT ON COLUMN pulse.signal_query.runs_as IS 'The role that created it. The query always runs with the rights of this role.';
COMMENT ON COLUMN pulse.signal_query.search_path IS 'The search_path when it was created. The query always runs under it.';
COMMENT ON COLUMN pulse.signal_query.role_oid IS 'The oid of runs_as, by which the role is found: a role that gets its name later is another role. Set by a trigger.';
COMMENT ON COLUMN pulse.signal_query.last_signals IS 'How many signals the last run recorded.';
COMMENT ON COLUMN pulse.signal_query.failures IS 'Failed runs since the last good one.';
SELECT pg_catalog.pg_extension_config_dump('pulse.signal_query', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.signal_query_id_seq', '');

-- Level: operator
CREATE FUNCTION pulse_create_signal(name text, query text, every interval DEFAULT '1 hour', source text DEFAULT '', entity text DEFAULT '')
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_signal';
COMMENT ON FUNCTION pulse_create_signal(text, text, interval, text, text) IS
'Records what a query returns as signals of this name, every so often, at least every minute, and returns the id of the query. The query is a single SELECT in this database with a number in the column value, or in its only column; columns source, entity and at may add to it; at most 1,000 rows count. It runs at once, and then by the job signal_health, always read-only, with the rights of the calling role and within pulse.statement_timeout. What is null is left out. A run that fails keeps its error and disturbs no other. Errors: 22004 null, 22023 an invalid name, source, entity or interval, 42710 the name is taken, 42601 not a single SELECT, 42703 no column value, and any error of the query.';

-- Level: operator
CREATE FUNCTION pulse_run_signal(name text) RETURNS int LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_run_signal';
COMMENT ON FUNCTION pulse_run_signal(text) IS
'Runs the query of pulse_create_signal() now, and returns how many signals it recorded. Errors: 22004 null, 42704 there is none of this name, 55P03 it is running, and any error of the query.';

-- Level: operator
CREATE FUNCTION pulse_delete_signal(name text) RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_delete_signal';
COMMENT ON FUNCTION pulse_delete_signal(text) IS
'Ends the query of pulse_create_signal(); what it recorded stays. Errors: 22004 null, 42704 there is none of this name, 42501 it runs with the rights of another role.';
