-- Kinds of jobs that only the registry knows are planned, run, reported and kept short like those of Pulse.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pulse;
CREATE SCHEMA IF NOT EXISTS bridge;
CREATE EXTENSION IF NOT EXISTS pulse_bridge_test SCHEMA bridge;
SET timezone = 'UTC';

SELECT * FROM bridge.built_in_jobs() WHERE id > 90;
SELECT array_agg(name ORDER BY id) FROM bridge.built_in_jobs();
-- A lane for each kind with a process of its own, by id.
SELECT bridge.lanes();

-- As CREATE EXTENSION does it. The others are out of the way.
UPDATE pulse.job SET enabled = false;
INSERT INTO pulse.job (id, name, kind, description, schedule, timeout, max_retries, retry_delay, next_run)
SELECT b.id, b.name, b.name, b.description, b.schedule, b.timeout::interval, b.max_retries, b.retry_delay::interval,
       CASE WHEN b.on_demand THEN 'infinity' ELSE (SELECT min(p.run_at) FROM pulse_preview_schedule(b.schedule) AS p) END
FROM bridge.built_in_jobs() AS b WHERE b.id > 90;
SELECT name, enabled, next_run = 'infinity' AS nothing_to_do, next_run > now() AS later FROM pulse.job WHERE id > 90 ORDER BY id;

-- Nothing is due, and nothing runs.
INSERT INTO bridge.work (job, due_at) VALUES ('clock', now()), ('queue', now() + interval '1 hour');
SELECT bridge.run_due_jobs();
SELECT count(*) FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE j.id > 90;
SELECT w.due_at = j.next_run AS planned FROM bridge.work AS w, pulse.job AS j WHERE w.job = 'queue' AND j.name = 'bridge queue';

-- Both are due: each runs once, in a worker, and is planned again.
UPDATE bridge.work SET due_at = now();
UPDATE pulse.job SET next_run = now() WHERE name = 'bridge clock';
SELECT bridge.run_due_jobs();
SELECT job, done_at IS NOT NULL AS done, done_in <> pg_backend_pid() AS elsewhere FROM bridge.work ORDER BY job;
SELECT j.name, r.attempt, r.status, r.rows, r.message FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE j.id > 90 ORDER BY j.id;
SELECT name, last_status, running_since, next_run = 'infinity' AS nothing_to_do, next_run > now() AS later FROM pulse.job WHERE id > 90 ORDER BY id;

-- They are in the status.
SELECT item, state, value, regexp_replace(detail, '^.* ago', 'n s ago') ~ '^n s ago: 1 done(, next run .*)?$' AS detail
FROM bridge.status() WHERE item LIKE '%bridge%';

-- They can be changed and run by hand, but for what only its worker runs.
SELECT bridge.schedule('bridge clock', '0 0 1 2 *') > now();
SELECT bridge.schedule('bridge queue', enabled => false);
SELECT bridge.schedule('none', '1 hour');
INSERT INTO bridge.work (job) VALUES ('clock'), ('clock');
SELECT status, rows, message, error FROM bridge.run_job('bridge clock');
SELECT bridge.run_job('bridge queue');

-- The job retention deletes what their rules say.
UPDATE bridge.work SET done_at = now() - interval '2 hours' WHERE job = 'clock';
SELECT status, message ~ '3 pieces of bridge work' AS deleted FROM bridge.run_job('retention');
SELECT job, count(*) FROM bridge.work GROUP BY job;

-- A library that does not know a kind leaves its jobs alone.
UPDATE pulse.job SET next_run = now() - interval '1 minute' WHERE name = 'bridge clock';
SELECT status, error FROM pulse_run_job('bridge clock');
SELECT state, value FROM pulse_status() WHERE item = 'overdue jobs';

DELETE FROM pulse.job WHERE id > 90;
UPDATE pulse.job SET enabled = true;
TRUNCATE bridge.work;
