-- ---------------------------------------------------------------------------------------------------------
-- Room worker: background jobs, their schedules and their runs.

-- Level: reader
CREATE TABLE pulse.job (
    id bigserial PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 255),
    enabled boolean NOT NULL DEFAULT true,
    schedule text NOT NULL,
    last_status text,
    next_run timestamptz,
    last_run_at timestamptz,
    kind text NOT NULL DEFAULT 'sql',
    command text CHECK ((kind = 'sql') = (command IS NOT NULL)),
    description text,
    time_zone text NOT NULL DEFAULT current_setting('TimeZone'),
    overlap text NOT NULL DEFAULT 'skip' CHECK (overlap IN ('skip', 'queue')),
    timeout interval NOT NULL DEFAULT '1 hour' CHECK (timeout >= '0'),
    max_retries int NOT NULL DEFAULT 3 CHECK (max_retries BETWEEN 0 AND 100),
    retry_delay interval NOT NULL DEFAULT '1 minute' CHECK (retry_delay >= '0'),
    jitter interval NOT NULL DEFAULT '0' CHECK (jitter >= '0'),
    runs_as name CHECK ((kind = 'sql') = (runs_as IS NOT NULL)),
    role_oid oid,
    anchor timestamptz NOT NULL DEFAULT now(),
    scheduled_for timestamptz,
    attempt int NOT NULL DEFAULT 0,
    queued boolean NOT NULL DEFAULT false,
    running_since timestamptz
);
CREATE INDEX job_next ON pulse.job (next_run) WHERE enabled;
CREATE INDEX job_role_next ON pulse.job (role_oid, next_run) WHERE enabled;
CREATE INDEX job_running ON pulse.job (id) WHERE running_since IS NOT NULL;
COMMENT ON TABLE pulse.job IS 'Background jobs, one row per job. Changed only through pulse_schedule() and pulse_unschedule().';
COMMENT ON COLUMN pulse.job.kind IS 'sql runs command as runs_as. All other kinds are built in and run as the owner of the extension; pulse.built_in_jobs() lists them.';
COMMENT ON COLUMN pulse.job.schedule IS 'Five cron fields or an interval. For built-in jobs that run when there is something to do: the pause after a run that failed; for health, the shortest time between two runs.';
COMMENT ON COLUMN pulse.job.time_zone IS 'The time zone of the cron fields: as given, else the TimeZone of the session that created the job.';
COMMENT ON COLUMN pulse.job.overlap IS 'What happens when a run is due before the previous one has finished: skip omits it, queue runs once more immediately after.';
COMMENT ON COLUMN pulse.job.timeout IS 'The maximum duration of a run; 0 disables the limit.';
COMMENT ON COLUMN pulse.job.max_retries IS 'The maximum number of retries, before the next scheduled time, of a run that failed, timed out or crashed.';
COMMENT ON COLUMN pulse.job.retry_delay IS 'The delay before the first retry; it doubles with each retry, up to an hour.';
COMMENT ON COLUMN pulse.job.jitter IS 'Each run starts up to this much later, at random.';
COMMENT ON COLUMN pulse.job.runs_as IS 'The role that scheduled it: its worker is connected as that role. Null: built in.';
COMMENT ON COLUMN pulse.job.role_oid IS 'The oid of that role, by which it is found: a role that gets its name later is another role. Set by a trigger, also when a dump is restored.';
COMMENT ON COLUMN pulse.job.anchor IS 'The moment from which intervals count.';
COMMENT ON COLUMN pulse.job.next_run IS 'When the job is due; infinity means that there is nothing to do.';
COMMENT ON COLUMN pulse.job.scheduled_for IS 'The planned time of the newest run and its retries.';
COMMENT ON COLUMN pulse.job.attempt IS 'The attempt of the newest run: 1 for the first, more for retries; 0 once it is settled.';
COMMENT ON COLUMN pulse.job.queued IS 'Another run follows the running one.';
COMMENT ON COLUMN pulse.job.running_since IS 'When the unfinished run started. The run holds a lock; without the lock it has crashed.';

-- Level: reader
CREATE TABLE pulse.job_run (
    id bigserial PRIMARY KEY,
    job_id bigint NOT NULL REFERENCES pulse.job ON DELETE CASCADE,
    attempt int NOT NULL,
    scheduled_for timestamptz,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    status text NOT NULL CHECK (status IN ('running', 'ok', 'failed', 'timed out', 'cancelled', 'crashed', 'skipped')),
    rows bigint,
    message text,  -- Level: people_reader
    error_state text,
    error text,  -- Level: people_reader
    pid int
);
CREATE INDEX job_run_job ON pulse.job_run (job_id, id);
CREATE INDEX job_run_started ON pulse.job_run (started_at);
CREATE INDEX job_run_failed ON pulse.job_run (id) WHERE status IN ('failed', 'timed out', 'crashed');
COMMENT ON TABLE pulse.job_run IS 'All runs of all jobs, kept for pulse.job_run_retention.';
COMMENT ON COLUMN pulse.job_run.scheduled_for IS 'The time it was due; null for pulse_run_job().';
COMMENT ON COLUMN pulse.job_run.status IS 'crashed: its process ended before the run; skipped: the previous run had not finished.';
COMMENT ON COLUMN pulse.job_run.rows IS 'The result in numbers: segments measured or checked, rows returned, changed or deleted.';
COMMENT ON COLUMN pulse.job_run.error_state IS 'SQLSTATE.';
COMMENT ON COLUMN pulse.job_run.pid IS 'The process it ran in.';

-- ---- Verbs ----

-- Level: reader
CREATE FUNCTION pulse_preview_schedule(schedule text, time_zone text DEFAULT NULL, runs bigint DEFAULT 5, after timestamptz DEFAULT NULL)
    RETURNS TABLE (run_at timestamptz)
    LANGUAGE c STABLE PARALLEL SAFE ROWS 5 AS 'MODULE_PATHNAME', 'pulse_preview_schedule';
COMMENT ON FUNCTION pulse_preview_schedule(text, text, bigint, timestamptz) IS
'The next runs of a schedule after a moment (pulse_now()): five cron fields, @daily and the like, or an interval. Errors: 22023 invalid schedule, time zone or number of runs (1 to 1000).';

-- Level: operator
CREATE FUNCTION pulse_schedule(job text, schedule text DEFAULT NULL, command text DEFAULT NULL, time_zone text DEFAULT NULL,
                               enabled boolean DEFAULT NULL, overlap text DEFAULT NULL, timeout interval DEFAULT NULL,
                               max_retries bigint DEFAULT NULL, retry_delay interval DEFAULT NULL, jitter interval DEFAULT NULL)
    RETURNS timestamptz
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_schedule';
COMMENT ON FUNCTION pulse_schedule(text, text, text, text, boolean, text, interval, bigint, interval, interval) IS
'Creates a SQL job of the caller, or changes a job; a null argument changes nothing (a new job takes the session''s TimeZone, as does any with time_zone ''''). Returns its next run, null when disabled. A SQL job runs in a process connected as the role that made it, each run in one transaction. Errors: 22023 invalid value, 42601 command is not SQL, 42501 job of another role or a role that cannot log in.';

-- Level: operator
CREATE FUNCTION pulse_unschedule(job text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_unschedule';
COMMENT ON FUNCTION pulse_unschedule(text) IS
'Deletes a SQL job with its runs; disables a built-in job. Errors: 42704 unknown job, 42501 job of another role, 55P03 it is running.';

-- Level: operator
CREATE FUNCTION pulse_run_job(job text)
    RETURNS TABLE (run bigint, status text, rows bigint, duration_ms double precision, message text, error text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_run_job';
COMMENT ON FUNCTION pulse_run_job(text) IS
'Runs a job now, in this session and transaction, and returns the result; its schedule does not change. An error of the job is its result, not the call''s. Errors: 42704 unknown job, 42501 SQL job of another role, 55P03 it is running, 0A000 a job that waits for the network, such as delivery, which only its worker runs.';

-- Level: admin
CREATE FUNCTION pulse_start() RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_start';
COMMENT ON FUNCTION pulse_start() IS
'Starts the launcher for this database until the server stops: "started", or "running" if it runs already. Servers with shared_preload_libraries = ''pulse'' start it automatically. Errors: 25006 on a standby, 53000 no free worker process.';

-- Level: admin
CREATE FUNCTION pulse_stop() RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_stop';
COMMENT ON FUNCTION pulse_stop() IS
'Stops the launcher that pulse_start() started, and running jobs: "stopped", or "not running". Errors: 55000 when the server was started with the launcher; then pulse.run_jobs = off stops all jobs.';

-- Level: reader
CREATE FUNCTION pulse_status() RETURNS TABLE (item text, state text, value text, detail text)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 15 AS 'MODULE_PATHNAME', 'pulse_status';
COMMENT ON FUNCTION pulse_status() IS
'The status of Pulse: the first row says ok, degraded or down, with all reasons; then launcher and workers, versions, what is overdue, the newest run of each job, and sources. Works on a standby.';

-- ---- Built-in jobs ----

-- Level: reader
CREATE FUNCTION pulse.built_in_jobs()
    RETURNS TABLE (id bigint, name text, description text, schedule text, on_demand boolean, timeout text, max_retries int, retry_delay text)
    LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 7 AS 'MODULE_PATHNAME', 'pulse_built_in_jobs';
COMMENT ON FUNCTION pulse.built_in_jobs() IS 'The built-in jobs that the library knows, with the defaults of their rows in pulse.job.';

-- Their ids are fixed: rows of a restored dump replace those that CREATE EXTENSION made.
INSERT INTO pulse.job (id, name, kind, description, schedule, timeout, max_retries, retry_delay, next_run)
SELECT b.id, b.name, b.name, b.description, b.schedule, b.timeout::interval, b.max_retries, b.retry_delay::interval,
       CASE WHEN b.on_demand THEN 'infinity' ELSE (SELECT min(p.run_at) FROM pulse_preview_schedule(b.schedule, NULL::text, 1, NULL::timestamptz) AS p) END
FROM pulse.built_in_jobs() AS b;
SELECT pg_catalog.setval('pulse.job_id_seq', 100);

CREATE FUNCTION pulse.settle_job() RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM pulse.job AS j WHERE j.id = NEW.id AND j.kind <> 'sql';
    NEW.role_oid := (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = NEW.runs_as);
    RETURN NEW;
END $$;
COMMENT ON FUNCTION pulse.settle_job() IS
'Records the oid of a job''s role, and lets the built-in jobs of a restored dump replace those that CREATE EXTENSION made.';
CREATE TRIGGER job_settle BEFORE INSERT ON pulse.job FOR EACH ROW EXECUTE FUNCTION pulse.settle_job();
COMMENT ON TRIGGER job_settle ON pulse.job IS 'For new jobs, and those of a restored dump.';
CREATE TRIGGER job_settle_role BEFORE UPDATE OF runs_as, role_oid ON pulse.job FOR EACH ROW EXECUTE FUNCTION pulse.settle_role();
COMMENT ON TRIGGER job_settle_role ON pulse.job IS 'For renamed roles, and for rows that a subscription applies.';
-- Also where a subscription applies the rows: oids differ between servers, and each update brings those of the other one.
ALTER TABLE pulse.job ENABLE ALWAYS TRIGGER job_settle;
ALTER TABLE pulse.job ENABLE ALWAYS TRIGGER job_settle_role;

CREATE FUNCTION pulse.poke_launcher() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_poke_launcher';
COMMENT ON FUNCTION pulse.poke_launcher() IS 'Wakes the launcher when the transaction commits: restored jobs are due from then on.';
CREATE TRIGGER job_poke AFTER INSERT ON pulse.job FOR EACH STATEMENT EXECUTE FUNCTION pulse.poke_launcher();
COMMENT ON TRIGGER job_poke ON pulse.job IS 'For pg_restore.';
CREATE TRIGGER monitor_check_poke AFTER INSERT ON pulse.monitor_check FOR EACH STATEMENT EXECUTE FUNCTION pulse.poke_launcher();
COMMENT ON TRIGGER monitor_check_poke ON pulse.monitor_check IS 'For pg_restore.';

SELECT pg_catalog.pg_extension_config_dump('pulse.job', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.job_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.job_run', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.job_run_id_seq', '');

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- Level: reader
CREATE VIEW pulse.table_size AS
SELECT coalesce(p.relname, c.relname) AS name, sum(greatest(c.reltuples, 0))::bigint AS rows, sum(pg_total_relation_size(c.oid))::bigint AS bytes
FROM pg_class AS c LEFT JOIN pg_class AS p ON p.oid = pg_partition_root(c.oid)
WHERE c.relnamespace = 'pulse'::regnamespace AND c.relkind = 'r'
GROUP BY coalesce(p.relname, c.relname);
COMMENT ON VIEW pulse.table_size IS 'Size of each table of Pulse; partitions count for their table.';
COMMENT ON COLUMN pulse.table_size.name IS 'Of a table in schema pulse.';
COMMENT ON COLUMN pulse.table_size.rows IS 'An estimate: the number of rows when VACUUM or ANALYZE last looked.';
COMMENT ON COLUMN pulse.table_size.bytes IS 'With its indexes.';

SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);
