-- See bench/run-insight. Removes everything that it creates, unless the run was interrupted.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET work_mem = '256MB';
SET jit = off;
SET pulse.now = '2026-03-31 00:00:00+00';
SELECT setseed(0.42) \g /dev/null
INSERT INTO pulse.profile (id, canonical_id, bucketing_id, attributes, first_seen_at, updated_at)
SELECT i, i - CASE WHEN i % 10 = 0 THEN 1 ELSE 0 END, 'b' || i, jsonb_build_object('country', 'C' || i % 20), '2026-01-01', '2026-01-01' FROM generate_series(1, :people) AS i;
CREATE TABLE pulse.event_bench PARTITION OF pulse.event FOR VALUES FROM ('2025-12-01') TO ('2026-05-01');
INSERT INTO pulse.event (profile_id, time, received_at, name, type, properties, source)
SELECT 1 + floor(random() * :people)::bigint, t, t, (ARRAY['view', 'view', 'view', 'search', 'search', 'cart', 'cart', 'buy', 'ping', 'ping'])[1 + floor(random() * 10)::int],
       'track', jsonb_build_object('amount', round((random() * 100)::numeric, 2), 'platform', 'p' || i % 3), 'bench'
FROM (SELECT i, timestamptz '2026-03-31' - random() * interval '90 days' AS t FROM generate_series(1, :events) AS i ORDER BY 2) AS e;
CREATE INDEX ON pulse.event_bench (profile_id, name, time);
VACUUM (ANALYZE) pulse.profile;
VACUUM (ANALYZE) pulse.event;

-- Reading the rows: the same events of the same people in the order of people and time. By hand: the first view, and the first of each
-- further step after it, by window functions over the same rows, and the medians.
CREATE TEMP TABLE contest (place int, what text, sql text);
INSERT INTO contest VALUES
(1, 'reading the rows', $$
SELECT count(*) FROM (SELECT o.canonical_id, e.time, e.name FROM pulse.event AS e JOIN pulse.profile AS o ON o.id = e.profile_id
    WHERE e.name IN ('view', 'cart', 'buy') AND e.time <= '2026-03-31' ORDER BY 1, 2 OFFSET 0) AS q$$),
(2, 'by hand', $$
WITH ev AS (SELECT o.canonical_id AS person, e.time, e.name FROM pulse.event AS e JOIN pulse.profile AS o ON o.id = e.profile_id WHERE e.name IN ('view', 'cart', 'buy') AND e.time <= '2026-03-31'),
     s1 AS (SELECT *, min(time) FILTER (WHERE name = 'view') OVER (PARTITION BY person) AS t1 FROM ev),
     s2 AS (SELECT *, min(time) FILTER (WHERE name = 'cart' AND time > t1 AND time <= t1 + interval '30 days') OVER (PARTITION BY person) AS t2 FROM s1),
     s3 AS (SELECT person, min(t1) AS t1, min(t2) AS t2, min(time) FILTER (WHERE name = 'buy' AND time > t2 AND time <= t1 + interval '30 days') AS t3 FROM s2 GROUP BY person)
SELECT count(t1) || ' ' || count(t2) || ' ' || count(t3) || ' ' || percentile_disc(0.5) WITHIN GROUP (ORDER BY t2 - t1) || ' ' || percentile_disc(0.9) WITHIN GROUP (ORDER BY t3 - t2) FROM s3$$),
(3, '`pulse_funnel()`', $$SELECT string_agg(people::text, ' ' ORDER BY step) || ' ' || max(median) FILTER (WHERE step = 2) || ' ' || max(p90) FILTER (WHERE step = 3) FROM pulse_funnel('{"steps": ["view", "cart", "buy"]}'::jsonb)$$),
(4, '`pulse_funnel()`, best', $$SELECT string_agg(people::text, ' ' ORDER BY step) FROM pulse_funnel('{"steps": ["view", "cart", "buy"], "entry": "best"}'::jsonb)$$),
(5, '`pulse_funnel()`, by platform', $$SELECT count(*) FROM pulse_funnel('{"steps": ["view", "cart", "buy"], "by": "properties.platform"}'::jsonb)$$);
CREATE TEMP TABLE result (workers int, run int, place int, what text, ms numeric, answer text);
CREATE FUNCTION pg_temp.run(workers int, run int, place int, what text, sql text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz;
    answer text;
BEGIN
    PERFORM set_config('max_parallel_workers_per_gather', workers::text, false);
    began := clock_timestamp();
    EXECUTE sql INTO answer;
    INSERT INTO result VALUES (workers, run, place, what, 1000 * extract(epoch FROM clock_timestamp() - began), answer);
END $$;
SELECT pg_temp.run(w, r, place, what, sql) FROM (SELECT * FROM (VALUES (0), (2)) AS w (w), generate_series(0, :runs) AS r, contest ORDER BY w, r, place OFFSET 0) AS q \g /dev/null
-- The first run of each warms up; the best of the others counts.
SELECT '| workers | query | time | ratio to reading | answer |';
SELECT '|---|---|---|---|---|';
SELECT format('| %s | %s | %s ms | %s | %s |', workers, what, round(ms), round(ms / first_value(ms) OVER (PARTITION BY workers ORDER BY place), 2), answer)
FROM (SELECT workers, place, what, min(ms) AS ms, min(answer) AS answer FROM result WHERE run > 0 GROUP BY 1, 2, 3) AS q ORDER BY workers, place;

DROP TABLE pulse.event_bench;
DELETE FROM pulse.profile;
