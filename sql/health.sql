-- ---------------------------------------------------------------------------------------------------------
-- Room health: monitors on tables, their checks and results, maintenance windows.

-- Level: reader
CREATE TABLE pulse.monitor (
    id bigserial PRIMARY KEY,
    relation text NOT NULL,
    source text,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'ended')),
    every interval NOT NULL DEFAULT '5 minutes' CHECK (every >= interval '10 seconds'),
    owner text,
    tags text[] NOT NULL DEFAULT '{}',
    runs_as name NOT NULL,
    search_path text NOT NULL,
    checked_at timestamptz,
    replayed boolean NOT NULL DEFAULT false,
    unavailable text,  -- Level: people_reader
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    role_oid oid
);
CREATE UNIQUE INDEX monitor_table ON pulse.monitor (relation, (coalesce(source, '')));
CREATE TRIGGER monitor_settle BEFORE INSERT OR UPDATE OF runs_as, role_oid ON pulse.monitor FOR EACH ROW EXECUTE FUNCTION pulse.settle_role();
-- Also where a subscription applies the rows: oids differ between servers.
ALTER TABLE pulse.monitor ENABLE ALWAYS TRIGGER monitor_settle;
COMMENT ON TRIGGER monitor_settle ON pulse.monitor IS 'For new rows, and those of a restored dump.';
COMMENT ON COLUMN pulse.monitor.role_oid IS 'The oid of runs_as, by which the role is found: a role that gets its name later is another role. Set by a trigger.';
COMMENT ON TABLE pulse.monitor IS 'One row per monitored table and source. Changed only through pulse_monitor_table() and pulse_unmonitor_table().';
COMMENT ON COLUMN pulse.monitor.relation IS 'The table, quoted and schema-qualified.';
COMMENT ON COLUMN pulse.monitor.source IS 'The server of pulse_source it is read from; null for this database.';
COMMENT ON COLUMN pulse.monitor.status IS 'active, or ended: no longer checked, its results are kept.';
COMMENT ON COLUMN pulse.monitor.every IS 'The interval between two runs of a check that sets none of its own.';
COMMENT ON COLUMN pulse.monitor.owner IS 'The person or team responsible for the table; free text.';
COMMENT ON COLUMN pulse.monitor.runs_as IS 'The role that made the monitor: the table is read with its rights.';
COMMENT ON COLUMN pulse.monitor.search_path IS 'The search_path the monitor was made under; its queries run under it.';
COMMENT ON COLUMN pulse.monitor.replayed IS 'Whether it was defined and checked only as of a past pulse.now: the job leaves it alone until pulse_check_tables(relation) checks it as of now.';
COMMENT ON COLUMN pulse.monitor.unavailable IS 'Why the table could not be read the last time; null when it could.';

-- Level: reader
CREATE TABLE pulse.monitor_check (
    id bigserial PRIMARY KEY,
    monitor_id bigint NOT NULL REFERENCES pulse.monitor ON DELETE CASCADE,
    kind text NOT NULL,
    attribute text NOT NULL DEFAULT '',
    settings jsonb NOT NULL,
    reason text,
    every interval,
    severity text CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    after int NOT NULL DEFAULT 2 CHECK (after >= 1),
    next_check_at timestamptz NOT NULL,
    state jsonb NOT NULL DEFAULT '{}',  -- Level: people_reader
    consecutive_bad int NOT NULL DEFAULT 0,
    consecutive_good int NOT NULL DEFAULT 0,
    bad_since timestamptz,
    last_at timestamptz,
    last_status text,
    last_message text,  -- Level: people_reader
    UNIQUE (monitor_id, kind, attribute)
);
CREATE INDEX monitor_check_due ON pulse.monitor_check (next_check_at);
COMMENT ON TABLE pulse.monitor_check IS 'The checks of each monitor, their state and their last results.';
COMMENT ON COLUMN pulse.monitor_check.kind IS
'freshness, volume, null_rate, unique, accepted_values, range, references, schema, replication_lag or sql. Incidents have it as detector table_<kind>.';
COMMENT ON COLUMN pulse.monitor_check.attribute IS 'The columns that the check reads, or the name of its query; empty for a check of the whole table.';
COMMENT ON COLUMN pulse.monitor_check.settings IS 'The check as given to pulse_monitor_table().';
COMMENT ON COLUMN pulse.monitor_check.reason IS 'Why the check was chosen automatically; null when it was given.';
COMMENT ON COLUMN pulse.monitor_check.severity IS 'The severity of its incidents; null: derived from how far the limit is exceeded.';
COMMENT ON COLUMN pulse.monitor_check.after IS 'Bad results in a row before an incident opens; one that is far beyond its limit opens it at once.';
COMMENT ON COLUMN pulse.monitor_check.next_check_at IS 'When the check is due.';
COMMENT ON COLUMN pulse.monitor_check.state IS 'State between runs: the accepted columns, whether the table ever had rows, the time from which results form the baseline.';
COMMENT ON COLUMN pulse.monitor_check.bad_since IS 'When the current series of bad results began.';

-- Level: reader
CREATE TABLE pulse.check_result (
    id bigserial PRIMARY KEY,
    check_id bigint NOT NULL REFERENCES pulse.monitor_check ON DELETE CASCADE,
    at timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('ok', 'bad', 'error', 'skipped', 'learning')),
    observed double precision,
    expected_low double precision,
    expected_high double precision,
    standard_error double precision,
    rows double precision,
    sampled double precision,
    plan_cost double precision,
    duration_ms double precision,
    message text  -- Level: people_reader
);
CREATE INDEX check_result_check ON pulse.check_result (check_id, at);
COMMENT ON TABLE pulse.check_result IS 'The result of every check; kept for pulse.check_retention.';
COMMENT ON COLUMN pulse.check_result.status IS
'ok; bad (outside the expected range); error (the check itself failed); skipped (not checked, the message says why); learning (not enough history).';
COMMENT ON COLUMN pulse.check_result.observed IS
'freshness: seconds since the newest row; volume: rows; null_rate, unique, accepted_values, range, references: share of bad rows; schema: changes; replication_lag: seconds; sql: the number, or rows.';
COMMENT ON COLUMN pulse.check_result.expected_low IS 'In the unit of observed; null: no lower limit.';
COMMENT ON COLUMN pulse.check_result.expected_high IS 'In the unit of observed; null: no upper limit.';
COMMENT ON COLUMN pulse.check_result.standard_error IS 'Standard error of observed, when it comes from a sample.';
COMMENT ON COLUMN pulse.check_result.rows IS 'Rows read.';
COMMENT ON COLUMN pulse.check_result.sampled IS 'The fraction of the table that was read; null when all of it was read, or nothing had to be.';
COMMENT ON COLUMN pulse.check_result.plan_cost IS 'The planner''s cost estimate of the most expensive statement.';
COMMENT ON COLUMN pulse.check_result.duration_ms IS 'Duration of reading the table; checks that share one scan share the figure.';

-- Level: reader
CREATE TABLE pulse.mute (
    id bigserial PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('everything', 'table', 'source', 'segment', 'event')),
    name text NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz,
    reason text,
    muted_by text NOT NULL
);
COMMENT ON TABLE pulse.mute IS 'Maintenance windows, past and present: checks go on, but no incident opens, reopens or worsens. Set by pulse_mute().';
COMMENT ON COLUMN pulse.mute.name IS 'The table, source, segment or event; * for everything.';
COMMENT ON COLUMN pulse.mute.until IS 'Null: until pulse_unmute().';

ALTER TABLE pulse.incident_record ADD CONSTRAINT incident_record_monitor_id_fkey
    FOREIGN KEY (monitor_id) REFERENCES pulse.monitor ON DELETE CASCADE;

SELECT pg_catalog.pg_extension_config_dump('pulse.monitor', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.monitor_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.monitor_check', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.monitor_check_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.check_result', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.check_result_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.mute', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.mute_id_seq', '');

-- Operators in the views below are resolved now. This search_path finds only PostgreSQL's own, even if other roles can create objects in Pulse's schema.
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- Level: reader
CREATE VIEW pulse.table_overview AS
SELECT m.relation AS "table", m.source,
       CASE WHEN i.worst IN ('critical', 'high') THEN 'red'
            WHEN i.open > 0 OR c.troubled > 0 THEN 'yellow'
            WHEN m.unavailable IS NOT NULL OR m.checked_at IS NULL OR c.known = 0 OR c.learning > 0 THEN 'unknown'
            ELSE 'green' END AS state,
       coalesce(i.open, 0) AS incidents, i.worst, date_trunc('second', m.checked_at) AS last_check,
       coalesce(i.summary, c.trouble, CASE WHEN pulse.sees_people() THEN m.unavailable END, c.lesson) AS what,
       date_trunc('second', c.next_check) AS next_check, c.checks, u.muted_until, m.owner
FROM pulse.monitor m
LEFT JOIN LATERAL (SELECT count(*) AS checks, min(k.next_check_at) AS next_check,
                          count(*) FILTER (WHERE k.last_status IN ('ok', 'bad')) AS known,
                          count(*) FILTER (WHERE k.last_status = 'learning') AS learning,
                          (array_agg(k.last_message ORDER BY k.id) FILTER (WHERE k.last_status = 'learning'))[1] AS lesson,
                          count(*) FILTER (WHERE k.last_status IN ('bad', 'error')) AS troubled,
                          (array_agg(k.last_message ORDER BY k.id)
                           FILTER (WHERE k.last_status = 'bad' OR k.last_status = 'error' AND pulse.sees_people()))[1] AS trouble
                   FROM pulse.monitor_check k WHERE k.monitor_id = m.id) c ON true
LEFT JOIN LATERAL (SELECT count(*) AS open,
                          (ARRAY['critical', 'high', 'medium', 'low'])
                          [min(array_position(ARRAY['critical', 'high', 'medium', 'low'], r.severity))] AS worst,
                          (array_agg(r.summary ORDER BY array_position(ARRAY['critical', 'high', 'medium', 'low'], r.severity), r.id))[1] AS summary
                   FROM pulse.incident_record r WHERE r.monitor_id = m.id AND r.status IN ('open', 'acknowledged')
                   HAVING count(*) > 0) i ON true
LEFT JOIN LATERAL (SELECT max(coalesce(x.until, 'infinity')) AS muted_until FROM pulse.mute x
                   WHERE (x.kind = 'everything' OR x.kind = 'table' AND x.name = m.relation OR x.kind = 'source' AND x.name = m.source)
                     AND x.since <= @extschema@.pulse_now() AND coalesce(x.until, 'infinity') > @extschema@.pulse_now()) u ON true
WHERE m.status = 'active';
COMMENT ON VIEW pulse.table_overview IS 'The state of each monitored table.';
COMMENT ON COLUMN pulse.table_overview.state IS
'red: an open incident of high or critical severity; yellow: another one, or a check that is bad or fails without an incident yet; unknown: never checked, a check still learns what is usual, or it could not be read; else green.';
COMMENT ON COLUMN pulse.table_overview.what IS 'The summary of the worst incident, or the message of a bad check, or why the table could not be read, or what a check still learns; below the level people_reader without texts of errors.';
COMMENT ON COLUMN pulse.table_overview.next_check IS 'When the next of its checks is due.';
COMMENT ON COLUMN pulse.table_overview.muted_until IS 'The end of its maintenance window; null without a current one, infinity when it has no end.';

-- Level: reader
CREATE VIEW pulse.check_overview AS
SELECT k.id, m.relation AS "table", m.source, k.kind, nullif(k.attribute, '') AS attribute, k.last_status AS status, date_trunc('second', k.last_at) AS last_check,
       r.observed, r.expected_low, r.expected_high,
       CASE WHEN k.last_status IN ('bad', 'learning') OR pulse.sees_people() THEN k.last_message END AS message,
       coalesce(k.every, m.every) AS every, k.severity, k.after, k.consecutive_bad, k.bad_since, date_trunc('second', k.next_check_at) AS next_check, k.settings, k.reason
FROM pulse.monitor AS m
JOIN pulse.monitor_check AS k ON k.monitor_id = m.id
LEFT JOIN LATERAL (SELECT c.observed, c.expected_low, c.expected_high FROM pulse.check_result AS c WHERE c.check_id = k.id ORDER BY c.at DESC, c.id DESC LIMIT 1) AS r ON true
WHERE m.status = 'active';
COMMENT ON VIEW pulse.check_overview IS 'Each check of the monitored tables with its newest result.';
COMMENT ON COLUMN pulse.check_overview.message IS 'Of the newest result; below the level people_reader without texts of errors.';
COMMENT ON COLUMN pulse.check_overview.reason IS 'Why the check was chosen automatically; null when it was given.';

-- Level: reader
CREATE FUNCTION pulse.next_health_check() RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce((SELECT min(c.next_check_at) FROM pulse.monitor_check c JOIN pulse.monitor m ON m.id = c.monitor_id
                     WHERE m.status = 'active' AND (NOT m.replayed OR @extschema@.pulse_now() < clock_timestamp() - 2 * m.every)),
                    'infinity'::timestamptz);
COMMENT ON FUNCTION pulse.next_health_check() IS 'When the next check of a monitored table is due; infinity when no table is monitored. Replayed monitors count only in a replay.';

SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);

-- Level: operator
CREATE FUNCTION pulse_monitor_table(relation text, source text DEFAULT NULL, checks jsonb DEFAULT NULL,
                                    every interval DEFAULT '5 minutes', owner text DEFAULT NULL, tags text[] DEFAULT NULL)
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_monitor_table';
COMMENT ON FUNCTION pulse_monitor_table(text, text, jsonb, interval, text, text[]) IS
'Monitors a table, here or on a source, and returns the monitor''s id. Called again for the same table it changes the monitor: without checks the existing ones stay, with the rights of the role that gave them; a list replaces all of them; a null owner stays, an empty one removes it. A new monitor without checks takes those of pulse_suggest_checks(). The table is read with the rights of the role that gave the checks. Errors: 22023 unknown type, key or value, 42P01, 42703, 42601, 42804 what does not fit the table, 42501 missing rights, or checks of another role, 42704 unknown source.';

-- Level: operator
CREATE FUNCTION pulse_unmonitor_table(relation text, source text DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_unmonitor_table';
COMMENT ON FUNCTION pulse_unmonitor_table(text, text) IS
'Stops monitoring a table and closes its incidents; its results are kept. Errors: 42704 not monitored.';

-- Level: reader
CREATE FUNCTION pulse_suggest_checks(relation text, source text DEFAULT NULL)
    RETURNS TABLE ("check" jsonb, reason text)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'pulse_suggest_checks';
COMMENT ON FUNCTION pulse_suggest_checks(text, text) IS
'Proposes checks for a table from its catalog and statistics, with the reason for each; reads no rows of it. Errors: 42P01 unknown relation, 42501 missing rights, 42704 unknown source.';

-- Level: writer
CREATE FUNCTION pulse_check_tables(relation text DEFAULT NULL, source text DEFAULT NULL)
    RETURNS TABLE (relation text, "check" text, status text, observed double precision, expected text, message text, incident bigint)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_check_tables';
COMMENT ON FUNCTION pulse_check_tables(text, text) IS
'Runs the checks that are due, or all of one table now; keeps the results, opens, updates and closes incidents. An error in one table does not stop the others. Errors: 42704 not monitored.';
-- Level: writer
CREATE FUNCTION pulse_request_check(relation text, source text DEFAULT NULL, OUT checks bigint, OUT state text, OUT detail text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_request_check';
COMMENT ON FUNCTION pulse_request_check(text, text) IS
'Makes all checks of a monitored table due now, without waiting for them: a worker runs them after the commit, and pulse.monitor_check.last_at and last_status show the results. checks is their number; state is waiting, or no_worker with the reason in detail. Errors: 42704 not monitored, 25006 on a standby.';
-- Level: writer
CREATE FUNCTION pulse.check_tables(relation text, source text)
    RETURNS TABLE (relation text, "check" text, status text, observed double precision, expected text, message text, incident bigint)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_check_tables';
COMMENT ON FUNCTION pulse.check_tables(text, text) IS 'The function pulse_check_tables() as Pulse itself calls it: in schema pulse, where no other role can add a function of the same name.';

-- Level: operator
CREATE FUNCTION pulse_mute(subject text, until text DEFAULT NULL, reason text DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_mute';
COMMENT ON FUNCTION pulse_mute(text, text, text) IS
'Begins a maintenance window: checks go on, but no incident opens, reopens or worsens. The subject is a monitored table, a source, a segment (prefixed with table:, source: or segment: when the name is ambiguous), the events of a name as event:name, or * for everything; until is a timestamp or an interval; without it the window lasts until pulse_unmute(). Errors: 42704 unknown subject, 22023 ambiguous subject or a moment not in the future.';
-- Level: operator
CREATE FUNCTION pulse_mute(subject text, until timestamptz, reason text DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_mute_until';
COMMENT ON FUNCTION pulse_mute(text, timestamptz, text) IS 'As pulse_mute(text, text, text), until a timestamp.';
-- Level: operator
CREATE FUNCTION pulse_mute(subject text, until interval, reason text DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_mute_for';
COMMENT ON FUNCTION pulse_mute(text, interval, text) IS 'As pulse_mute(text, text, text), for an interval.';

-- Level: operator
CREATE FUNCTION pulse_unmute(subject text) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_unmute';
COMMENT ON FUNCTION pulse_unmute(text) IS
'Ends the maintenance window of a subject; false when there is none. Errors: 42704 unknown subject, 22023 ambiguous subject.';
