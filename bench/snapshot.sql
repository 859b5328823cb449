-- See bench/run-snapshot. Removes everything that it creates, unless the run was interrupted.
SET client_min_messages = warning;
DROP TABLE IF EXISTS bench_member;
SELECT pulse_delete_segment(name, confirm => true) FROM pulse.segment WHERE name = 'bench snapshot' \g /dev/null
SELECT setseed(0.42) \g /dev/null
CREATE TABLE bench_member AS
SELECT i::bigint AS id, (ARRAY['free', 'pro', 'team', 'enterprise'])[1 + (i::bigint * 7919 % 10 / 3)::int] AS plan,
       (ARRAY['DE', 'FR', 'US', 'GB', 'ES', 'IT', 'NL', 'PL', 'AT', 'CH', 'SE', 'NO'])[1 + (12 * random() * random())::int % 12] AS country,
       '4.' || i % 9 || '.' || i % 2 AS app_version, round((1000.01 + exp(9 * random()))::numeric, 2) AS ltv,
       (CASE WHEN i % 1000 = 0 THEN 30 ELSE i % 8 END)::int AS last_active_days
FROM generate_series(1, :rows) AS i;
VACUUM (ANALYZE) bench_member;
SELECT count(*) FROM bench_member \g /dev/null
SELECT pulse_create_segment('bench snapshot', '{"from": "bench_member", "key": "id", "where": "ltv > 1000 && last_active_days <= 7", "attributes": ["plan", "country", "app_version", "ltv"]}') \g /dev/null

-- Private memory, and processor time of this backend in ticks of 10 ms: on a busy machine it tells more than the clock.
CREATE FUNCTION pg_temp.memory() RETURNS numeric LANGUAGE sql AS
    $$SELECT round(substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s*([0-9]+) kB')::numeric / 1024, 1)$$;
CREATE FUNCTION pg_temp.cpu() RETURNS numeric LANGUAGE sql AS
    $$SELECT 10 * (a[14]::numeric + a[15]::numeric) FROM string_to_array(pg_read_file('/proc/self/stat'), ' ') AS a$$;

CREATE TEMP TABLE result (workers int, run int, what text, ms numeric, cpu numeric, members bigint, mb numeric);
CREATE FUNCTION pg_temp.run(workers int, run int, what text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz;
    cpu numeric := pg_temp.cpu();
    members bigint;
BEGIN
    PERFORM set_config('max_parallel_workers_per_gather', workers::text, false),
            set_config('pulse.now', (timestamptz '2026-01-01' + (100 * workers + run) * interval '1 day')::text, false);
    began := clock_timestamp();
    IF what = 'count' THEN
        -- The member query as pulse_explain_segment() shows it.
        EXECUTE 'SELECT count(*) FROM bench_member AS s WHERE s.ltv > 1000 AND s.last_active_days <= 7' INTO members;
    ELSE
        SELECT s.size INTO members FROM pulse_take_snapshot('bench snapshot') AS id JOIN pulse.snapshot AS s USING (id);
    END IF;
    INSERT INTO result VALUES (workers, run, what, 1000 * extract(epoch FROM clock_timestamp() - began), pg_temp.cpu() - cpu, members, pg_temp.memory());
END $$;
SELECT pg_temp.run(workers, run, what)
FROM (SELECT * FROM (VALUES (0), (2)) AS w (workers), generate_series(0, :runs) AS run, (VALUES (1, 'count'), (2, 'snapshot')) AS x (place, what)
      ORDER BY workers, run, place OFFSET 0) AS plan \g /dev/null

-- The first run of each warms up.
SELECT '| workers | members | count(*) | snapshot | ratio | ratio of processor time | memory after the first and the last snapshot |';
SELECT '|---|---|---|---|---|---|---|';
SELECT format('| %s | %s | %s ms | %s ms | %s | %s | %s MB, %s MB |', workers, max(members), round(count), round(snapshot), round(snapshot / count, 2),
              CASE WHEN workers = 0 THEN round(cpu, 2)::text ELSE '' END, first_mb, last_mb)
FROM (SELECT workers, max(members) AS members, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE what = 'count')::numeric AS count,
             percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE what = 'snapshot')::numeric AS snapshot,
             sum(cpu) FILTER (WHERE what = 'snapshot') / sum(cpu) FILTER (WHERE what = 'count') AS cpu,
             (array_agg(mb ORDER BY run) FILTER (WHERE what = 'snapshot'))[1] AS first_mb,
             (array_agg(mb ORDER BY run DESC) FILTER (WHERE what = 'snapshot'))[1] AS last_mb
      FROM result WHERE run > 0 GROUP BY workers) AS medians
GROUP BY workers, count, snapshot, cpu, first_mb, last_mb ORDER BY workers;

SELECT pulse_delete_segment('bench snapshot', confirm => true) \g /dev/null
DROP TABLE bench_member;
