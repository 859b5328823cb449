-- See bench/run-check. Everything happens in one transaction that is rolled back.
\pset footer off
SET client_min_messages = warning;
SET pulse.now = '2026-01-31';
BEGIN;
CREATE TABLE bench_users (id bigint PRIMARY KEY);
SELECT setseed(0.42) \g /dev/null

-- 1,000 segments with 30 days of 2 % noise; 1 % of them lose 42 % on the last day, all of it on one value of one attribute.
INSERT INTO pulse.segment (name, kind, definition, runs_as, search_path)
SELECT 'bench ' || i, 'relation', '{"from": "bench_users", "key": "id"}', current_user, 'pg_temp' FROM generate_series(1, 1000) i;
CREATE TEMP TABLE made AS
WITH s AS (
    INSERT INTO pulse.snapshot (segment_id, taken_at, version, origin, size, converted, entered, exited)
    SELECT g.id, '2026-01-01'::timestamptz + d * interval '1 day', 1, 'imported', size, size * (0.15 + 0.004 * (random() - 0.5)),
           size * 0.05, size * 0.05
    FROM pulse.segment g, generate_series(0, 29) d,
         LATERAL (SELECT ((10000 + g.id % 20000) * (1 + 0.04 * (random() - 0.5)) * CASE WHEN d = 29 AND g.id % 100 = 0 THEN 0.58 ELSE 1 END)::bigint AS size) z
    WHERE g.name LIKE 'bench %' RETURNING id, segment_id, taken_at, size)
SELECT * FROM s;
INSERT INTO pulse.distribution (snapshot_id, attribute, kind, total, nulls, nans, labels, counts)
SELECT m.id, 'attribute ' || a, 'categorical', m.size, m.size - 9 * (m.size / 10), 0, ARRAY['v1', 'v2', 'v3', 'v4', 'v5', 'v6'],
       ARRAY[3 * (m.size / 10), 2 * (m.size / 10), m.size / 10, m.size / 10, m.size / 10, m.size / 10]
FROM made m, generate_series(1, 10) a;
ANALYZE pulse.segment, pulse.snapshot, pulse.distribution;
SELECT count(*) AS segments, (SELECT count(*) FROM made) AS snapshots, (SELECT count(*) FROM pulse.distribution) AS distributions
FROM pulse.segment WHERE name LIKE 'bench %';

-- Private memory: what the backend touches of the shared buffers is not its own.
CREATE FUNCTION pg_temp.memory() RETURNS numeric LANGUAGE sql AS
    $$SELECT round(substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s*([0-9]+) kB')::numeric / 1024, 1)$$;

-- Processor time of this backend, in ticks of 10 ms: on a busy machine it tells more than the clock.
CREATE FUNCTION pg_temp.cpu() RETURNS numeric LANGUAGE sql AS
    $$SELECT 10 * (a[14]::numeric + a[15]::numeric) FROM string_to_array(pg_read_file('/proc/self/stat'), ' ') a$$;

CREATE FUNCTION pg_temp.run(what text, OUT run text, OUT ms numeric, OUT cpu_ms numeric, OUT findings bigint, OUT mb_before numeric, OUT mb_after numeric)
LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz;
    cpu numeric := pg_temp.cpu();
BEGIN
    run := what; mb_before := pg_temp.memory(); began := clock_timestamp();
    SELECT count(*) INTO findings FROM pulse_check_drift();
    ms := round(extract(epoch FROM clock_timestamp() - began)::numeric * 1000);
    cpu_ms := pg_temp.cpu() - cpu;
    mb_after := pg_temp.memory();
END $$;

SAVEPOINT fresh;
UPDATE pulse.segment SET checked_at = '2026-01-29' WHERE name LIKE 'bench %';
SELECT * FROM pg_temp.run('daily check: 1 new snapshot each');
SELECT * FROM pg_temp.run('again: nothing new');
ROLLBACK TO fresh;
UPDATE pulse.segment SET checked_at = '2026-01-29' WHERE name LIKE 'bench %';
SELECT * FROM pg_temp.run('daily check, once more');
ROLLBACK TO fresh;
SELECT * FROM pg_temp.run('first check: 30 new snapshots each');
ROLLBACK;
