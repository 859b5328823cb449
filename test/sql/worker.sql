-- Room worker: schedules, jobs, manual runs, status. test/t/03*.pl tests the background workers.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
\set SHOW_CONTEXT never

-- ---- schedules ----
SELECT * FROM pulse_preview_schedule('0 2 * * *', 'UTC', 3, '2024-01-01');
SELECT * FROM pulse_preview_schedule('30 2 * * *', 'Europe/Paris', 3, '2024-03-30');
SELECT * FROM pulse_preview_schedule('30 1 * * *', 'America/New_York', 2, '2024-11-03');
SELECT * FROM pulse_preview_schedule('0 2 * * *', 'Asia/Kathmandu', 1, '2024-11-03');
SELECT * FROM pulse_preview_schedule('15 2 * * *', 'Australia/Lord_Howe', 2, '2024-10-05');
SELECT * FROM pulse_preview_schedule('0 0 29 feb *', 'UTC', 2, '2024-02-29');
SELECT * FROM pulse_preview_schedule('90 seconds', NULL, 2, '2024-01-01');
SELECT count(*), min(run_at) FROM pulse_preview_schedule('@daily', 'UTC', runs => 1000, after => '2024-01-01');
SET pulse.now = '2011-03-01';
SELECT * FROM pulse_preview_schedule('@hourly', 'UTC', 1);
RESET pulse.now;
SELECT * FROM pulse_preview_schedule('0 25 * * *');
SELECT * FROM pulse_preview_schedule('0 0 30 2 *');
SELECT * FROM pulse_preview_schedule('every now and then');
SELECT * FROM pulse_preview_schedule('');
SELECT * FROM pulse_preview_schedule(NULL);
SELECT * FROM pulse_preview_schedule(repeat('1,', 1000) || '1 * * * *');
SELECT * FROM pulse_preview_schedule('@daily', 'Mars/Olympus');
SELECT * FROM pulse_preview_schedule('@daily', runs => 0);
SELECT * FROM pulse_preview_schedule('@daily', after => 'infinity');

-- ---- built-in jobs ----
SELECT id, name, kind, schedule, enabled, timeout, max_retries, retry_delay, runs_as, next_run > now() AS planned FROM pulse.job ORDER BY id;
SELECT pulse_schedule('snapshots', '15 4 * * *', time_zone => 'Europe/Paris', max_retries => 1) > now() AS planned;
SELECT schedule, time_zone, max_retries, to_char(next_run AT TIME ZONE 'Europe/Paris', 'HH24:MI') FROM pulse.job WHERE name = 'snapshots';
SELECT pulse_schedule('snapshots', time_zone => '', enabled => false);
SELECT time_zone, enabled, next_run FROM pulse.job WHERE name = 'snapshots';
SELECT pulse_schedule('snapshots', '0 2 * * *', enabled => true, max_retries => 5) > now() AS planned;
SELECT pulse_unschedule('drift');
SELECT enabled, next_run FROM pulse.job WHERE name = 'drift';
SELECT pulse_schedule('drift', enabled => true) > now() AS planned;
SELECT pulse_schedule('drift', command => 'SELECT 1');

-- ---- user jobs ----
CREATE ROLE regress_worker_alice LOGIN;
CREATE ROLE regress_worker_bob LOGIN;
CREATE ROLE regress_worker_group;
SELECT pulse_grant('regress_worker_alice', 'operator'), pulse_grant('regress_worker_bob', 'operator'),
       pulse_grant('regress_worker_group', 'operator');
CREATE SCHEMA work;
GRANT USAGE ON SCHEMA work TO PUBLIC;
CREATE TABLE work.done (who name DEFAULT current_user, at timestamptz DEFAULT clock_timestamp());
GRANT INSERT ON work.done TO regress_worker_alice;
SET ROLE regress_worker_alice;
-- Disabled, so that no launcher runs them.
SELECT pulse_schedule('mine', '5 minutes', 'INSERT INTO work.done DEFAULT VALUES', enabled => false);
SELECT pulse_schedule('broken', '5 minutes', 'SELECT 1/0', enabled => false);
SELECT pulse_schedule('slow', '5 minutes', 'SELECT pg_sleep(60)', enabled => false, timeout => '50 ms');
SELECT name, command, schedule, runs_as, enabled FROM pulse.job WHERE kind = 'sql' ORDER BY name;
SELECT pulse_schedule('mine', overlap => 'queue', timeout => '1 day', retry_delay => '0', jitter => '10 seconds', max_retries => 0);
SELECT overlap, timeout, retry_delay, jitter, max_retries FROM pulse.job WHERE name = 'mine';

-- Errors.
SELECT pulse_schedule(NULL);
SELECT pulse_schedule('', '5 minutes', 'SELECT 1');
SELECT pulse_schedule(repeat('x', 256), '5 minutes', 'SELECT 1');
SELECT pulse_schedule('new');
SELECT pulse_schedule('new', '5 minutes');
SELECT pulse_schedule('new', command => 'SELECT 1');
SELECT pulse_schedule('new', 'sometimes', 'SELECT 1');
SELECT pulse_schedule('new', '5 minutes', 'SELEC 1');
SELECT pulse_schedule('new', '5 minutes', ' -- nothing');
SELECT pulse_schedule('new', '5 minutes', 'SELECT 1', time_zone => 'Nowhere');
SELECT pulse_schedule('new', '5 minutes', 'SELECT 1', overlap => 'both');
SELECT pulse_schedule('new', '5 minutes', 'SELECT 1', timeout => '-1 s');
SELECT pulse_schedule('new', '5 minutes', 'SELECT 1', retry_delay => '2 years');
SELECT pulse_schedule('new', '5 minutes', 'SELECT 1', max_retries => -1);
SELECT pulse_unschedule('new');
SELECT pulse_unschedule(NULL);
SELECT * FROM pulse_run_job('new');
SELECT * FROM pulse_run_job(NULL);

-- ---- manual runs ----
SELECT status, rows, duration_ms >= 0 AS took, message, error FROM pulse_run_job('mine');
SELECT status, rows, error FROM pulse_run_job('broken');
SELECT status, rows, error FROM pulse_run_job('slow');
SELECT 'alive' AS session;
RESET ROLE;
SELECT who FROM work.done;
SELECT j.name, r.attempt, r.scheduled_for, r.status, r.rows, r.error_state, r.error, r.finished_at >= r.started_at AS ended
FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE j.kind = 'sql' ORDER BY r.id;
SELECT name, last_status, running_since, last_run_at IS NOT NULL AS ran FROM pulse.job WHERE kind = 'sql' ORDER BY name;

-- Ownership of jobs.
SET ROLE regress_worker_bob;
SELECT pulse_schedule('mine', '1 minute');
SELECT pulse_unschedule('mine');
SELECT * FROM pulse_run_job('mine');
UPDATE pulse.job SET runs_as = 'regress_worker_bob';
RESET ROLE;
SET ROLE regress_worker_group;
SELECT pulse_schedule('of nobody', '5 minutes', 'SELECT 1');
RESET ROLE;
-- A superuser who runs another role's job does not lend it rights.
SET ROLE regress_worker_alice;
SELECT pulse_schedule('sly', '5 minutes', 'INSERT INTO work.done (who) SELECT rolname FROM pg_authid LIMIT 1', enabled => false);
RESET ROLE;
SELECT status, error FROM pulse_run_job('sly');
SELECT status FROM pulse_run_job('mine');
SELECT who, count(*) FROM work.done GROUP BY 1;
-- Every operator can run built-in jobs, as the plain functions behind them.
SET ROLE regress_worker_bob;
SELECT status, error FROM pulse_run_job('snapshots');
SELECT status, error FROM pulse_run_job('drift');
SELECT count(*) FROM pulse_run_job('health');
SELECT status, error FROM pulse_run_job('retention');
RESET ROLE;

-- A manual run is part of its transaction.
BEGIN;
SELECT status FROM pulse_run_job('mine');
ROLLBACK;
SELECT count(*) FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id WHERE j.name = 'mine';

-- A read-only transaction raises an error.
BEGIN READ ONLY;
SELECT pulse_schedule('mine', '1 minute');
ROLLBACK;
BEGIN READ ONLY;
SELECT * FROM pulse_run_job('mine');
ROLLBACK;
BEGIN READ ONLY;
SELECT pulse_start();
ROLLBACK;

-- ---- retention ----
UPDATE pulse.job_run SET started_at = started_at - interval '31 days';
SELECT status, rows >= 7 AS deleted, message ~ '^\d+ runs of jobs' AS told FROM pulse_run_job('retention');
SELECT count(*) FROM pulse.job_run WHERE started_at < now() - interval '1 day';

-- ---- status ----
CREATE ROLE regress_worker_reader;
SELECT pulse_grant('regress_worker_reader', 'reader');
SET ROLE regress_worker_reader;
SELECT item, state IN ('ok', 'degraded', 'down') AS known FROM pulse_status() WHERE item !~ '^(source|job) ' ORDER BY item COLLATE "C";
SELECT item FROM pulse_status() LIMIT 1;
SELECT item, state, value, detail ~ 'its timeout of 50 ms' AS told FROM pulse_status() WHERE item ~ '^job (slow|mine)';
SELECT item, value FROM pulse_status() WHERE item = 'version';
SELECT * FROM pulse_run_job('mine');
SELECT pulse_schedule('x', '5 minutes', 'SELECT 1');
SELECT pulse_start();
SELECT pulse_stop();
RESET ROLE;
-- ---- a new role of the same name is another role ----
CREATE ROLE regress_worker_ghost LOGIN;
SELECT pulse_grant('regress_worker_ghost', 'operator');
SET ROLE regress_worker_ghost;
SELECT pulse_schedule('ghost', '1 day', 'SELECT 1', enabled => false) IS NULL AS disabled;
RESET ROLE;
SELECT pulse_revoke('regress_worker_ghost');
DROP ROLE regress_worker_ghost;
CREATE ROLE regress_worker_ghost LOGIN;
SELECT pulse_grant('regress_worker_ghost', 'operator');
SET ROLE regress_worker_ghost;
SELECT count(*) FROM pulse.job WHERE name = 'ghost';
SELECT pulse_schedule('ghost', '1 second');
SELECT * FROM pulse_run_job('ghost');
RESET ROLE;
SELECT status, error FROM pulse_run_job('ghost');
SELECT pulse_unschedule('ghost');
SELECT pulse_revoke('regress_worker_ghost');
DROP ROLE regress_worker_ghost;
-- ---- SQL that cannot be a job ----
SELECT pulse_schedule('x', '5 minutes', 'VACUUM');
SELECT pulse_schedule('x', '5 minutes', 'SELECT 1; COMMIT');
SELECT pulse_schedule('x', '5 minutes', 'COPY pulse.job TO STDOUT');
SELECT run_at FROM pulse_preview_schedule('1 day', 'UTC', 2, '294276-12-30 00:00+00');
-- A job that runs itself runs only once.
SELECT pulse_schedule('itself', '1 day', 'SELECT pulse_run_job(''itself'')', enabled => false) IS NULL AS disabled;
SELECT status, error FROM pulse_run_job('itself');
SELECT pulse_unschedule('itself');
SELECT pulse_schedule('broken', enabled => true) > now() AS enabled;
SELECT status FROM pulse_run_job('broken');
SELECT detail ~ 'job broken: \d+ s ago: division by zero' AS reason FROM pulse_status() WHERE item = 'pulse' AND state IN ('degraded', 'down');

-- A built-in job that another scheduler runs: the status shows its runs, and needs no launcher for it.
SELECT pulse_unschedule('drift');
SELECT value, detail FROM pulse_status() WHERE item = 'job drift';
SELECT status FROM pulse_run_job('drift');
SELECT value, detail ~ 'incidents diagnosed, by pulse_run_job\(\)$' AS said FROM pulse_status() WHERE item = 'job drift';
SELECT pulse_schedule('drift', enabled => true) > now() AS scheduled;

-- ---- built-in jobs from a dump replace the existing ones ----
BEGIN;
INSERT INTO pulse.job (id, name, kind, schedule) VALUES (1, 'snapshots', 'snapshots', '0 5 * * *');
SELECT id, schedule FROM pulse.job WHERE kind = 'snapshots';
ROLLBACK;

SELECT pulse_unschedule('mine'), pulse_unschedule('broken'), pulse_unschedule('slow'), pulse_unschedule('sly');
SELECT count(*) FROM pulse.job WHERE kind = 'sql';
SELECT pulse_revoke('regress_worker_alice'), pulse_revoke('regress_worker_bob'), pulse_revoke('regress_worker_group'), pulse_revoke('regress_worker_reader');
SET client_min_messages = warning;
DROP SCHEMA work CASCADE;
DROP ROLE regress_worker_alice, regress_worker_bob, regress_worker_group, regress_worker_reader;
