-- See bench/run-snapshot. Removes everything that it creates, unless the run was interrupted.
SET client_min_messages = warning;
DROP TABLE IF EXISTS bench_member;
DROP DATABASE IF EXISTS pulse_bench_plain WITH (FORCE);
SELECT pulse_delete_segment(name, confirm => true) FROM pulse.segment WHERE name IN ('bench snapshot', 'bench plain') \g /dev/null
DROP SERVER IF EXISTS bench_plain CASCADE;
\ir snapshot_table.sql
SELECT count(*) FROM bench_member \g /dev/null
SELECT pulse_create_segment('bench snapshot', '{"from": "bench_member", "key": "id", "where": "ltv > 1000 && last_active_days <= 7", "attributes": ["plan", "country", "app_version", "ltv"]}') \g /dev/null
-- The same table in a database without Pulse.
SELECT current_database() AS home \gset
CREATE DATABASE pulse_bench_plain;
\c pulse_bench_plain
SET client_min_messages = warning;
\ir snapshot_table.sql
SELECT count(*) FROM bench_member \g /dev/null
\c :home
SET client_min_messages = warning;
SELECT pulse_create_source('bench_plain', jsonb_build_object('host', split_part(current_setting('unix_socket_directories'), ',', 1), 'port', current_setting('port'),
    'dbname', 'pulse_bench_plain', 'user', current_user, 'allow_primary', true, 'statement_timeout', '30min')) \g /dev/null
SELECT pulse_create_segment('bench plain', '{"source": "bench_plain", "from": "bench_member", "key": "id", "where": "ltv > 1000 && last_active_days <= 7", "attributes": ["plan", "country", "app_version", "ltv"]}') \g /dev/null

-- Private memory, and processor time of this backend and those at the source in ticks of 10 ms: on a busy machine it tells more than the clock.
CREATE FUNCTION pg_temp.memory() RETURNS numeric LANGUAGE sql AS
    $$SELECT round(substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s*([0-9]+) kB')::numeric / 1024, 1)$$;
CREATE FUNCTION pg_temp.cpu() RETURNS numeric LANGUAGE sql VOLATILE AS
    $$SELECT sum(10 * (a[14]::numeric + a[15]::numeric)) FROM (SELECT pg_backend_pid() AS pid UNION ALL SELECT pid FROM pg_stat_activity WHERE datname = 'pulse_bench_plain') AS p,
      string_to_array(pg_read_file('/proc/' || pid || '/stat'), ' ') AS a$$;

CREATE TEMP TABLE result (workers int, run int, what text, ms numeric, cpu numeric, members bigint, mb numeric);
CREATE FUNCTION pg_temp.run(workers int, run int, what text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz;
    cpu numeric := pg_temp.cpu();
    members bigint;
BEGIN
    PERFORM set_config('max_parallel_workers_per_gather', workers::text, false),
            set_config('pulse.now', (timestamptz '2026-01-01' + (100 * workers + run) * interval '1 day')::text, false);
    -- The session at the source and the backend's statistics stay: both begin with the first, warming run.
    PERFORM pg_stat_clear_snapshot();
    began := clock_timestamp();
    IF what = 'count' THEN
        -- The member query as pulse_explain_segment() shows it.
        EXECUTE 'SELECT count(*) FROM bench_member AS s WHERE s.ltv > 1000 AND s.last_active_days <= 7' INTO members;
    ELSE
        SELECT s.size INTO members FROM pulse_take_snapshot('bench ' || what) AS id JOIN pulse.snapshot AS s USING (id);
    END IF;
    INSERT INTO result VALUES (workers, run, what, 1000 * extract(epoch FROM clock_timestamp() - began), pg_temp.cpu() - cpu, members, pg_temp.memory());
END $$;
CREATE FUNCTION pg_temp.runs(workers int, runs int) RETURNS void LANGUAGE sql AS $$
SELECT pg_temp.run(workers, run, what)
FROM (SELECT * FROM generate_series(0, runs) AS run, (VALUES (1, 'count'), (2, 'snapshot'), (3, 'plain')) AS x (place, what) ORDER BY run, place OFFSET 0) AS plan $$;
ALTER DATABASE pulse_bench_plain SET max_parallel_workers_per_gather = 0;
SELECT pg_temp.runs(0, :runs) \g /dev/null
ALTER DATABASE pulse_bench_plain SET max_parallel_workers_per_gather = 2;
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'pulse_bench_plain' \g /dev/null
SELECT pg_temp.runs(2, :runs) \g /dev/null

-- The first run of each warms up.
SELECT '| what | workers | members | count(*) | snapshot | ratio | ratio of processor time | memory after the first and the last snapshot |';
SELECT '|---|---|---|---|---|---|---|---|';
SELECT format('| %s | %s | %s | %s ms | %s ms | %s | %s | %s MB, %s MB |', CASE m.what WHEN 'plain' THEN 'on a server without Pulse' ELSE 'here' END, m.workers, c.members,
              round(c.ms), round(m.ms), round(m.ms / c.ms, 2), CASE WHEN m.workers = 0 THEN round(m.cpu / c.cpu, 2)::text ELSE '' END, m.first_mb, m.last_mb)
FROM (SELECT what, workers, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)::numeric AS ms, sum(cpu) AS cpu,
             (array_agg(mb ORDER BY run))[1] AS first_mb, (array_agg(mb ORDER BY run DESC))[1] AS last_mb
      FROM result WHERE run > 0 GROUP BY what, workers) AS m
JOIN (SELECT workers, max(members) AS members, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)::numeric AS ms, sum(cpu) AS cpu FROM result WHERE run > 0 AND what = 'count' GROUP BY workers) AS c USING (workers)
WHERE m.what <> 'count' ORDER BY m.what DESC, m.workers;

SELECT pulse_delete_segment('bench plain', confirm => true) \g /dev/null
DROP SERVER bench_plain CASCADE;
DROP DATABASE pulse_bench_plain WITH (FORCE);
SELECT pulse_delete_segment('bench snapshot', confirm => true) \g /dev/null
DROP TABLE bench_member;
