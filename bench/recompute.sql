-- See bench/run-recompute. Removes everything that it creates, unless the run was interrupted.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET work_mem = '256MB';
SET pulse.now = '2026-03-31 00:00:00+00';
SET pulse.build_at_once = 0;

SELECT setseed(0.42) \g /dev/null
INSERT INTO pulse.profile (id, canonical_id, bucketing_id, attributes, first_seen_at, updated_at)
SELECT i, i, 'b' || i, jsonb_build_object('plan', (ARRAY['free', 'free', 'premium', 'enterprise'])[1 + i % 4], 'country', 'C' || i % 20), '2026-01-01', '2026-01-01'
FROM generate_series(1, :people) AS i;
CREATE TABLE pulse.event_bench PARTITION OF pulse.event FOR VALUES FROM ('2025-12-01') TO ('2026-05-01');
INSERT INTO pulse.event (profile_id, time, received_at, name, type, properties, source)
SELECT 1 + floor(random() * :people)::bigint, t, t,
       (ARRAY['app_open', 'app_open', 'app_open', 'page_view', 'page_view', 'page_view', 'page_view', 'search', 'add_to_cart', 'purchase'])[1 + floor(random() * 10)::int],
       'track', jsonb_build_object('total', round((random() * 100)::numeric, 2), 'category', 'k' || i % 7), 'bench'
FROM (SELECT i, timestamptz '2026-03-31' - random() * interval '90 days' AS t FROM generate_series(1, :events) AS i ORDER BY 2) AS e;
CREATE INDEX ON pulse.event_bench (profile_id, name, time);
VACUUM (ANALYZE) pulse.profile;
VACUUM (ANALYZE) pulse.event;

CREATE TEMP TABLE contest (rule text, by_hand text);
INSERT INTO contest VALUES
('events.purchase.count_30d >= 3', $$
SELECT p.canonical_id FROM pulse.event e JOIN pulse.profile p ON p.id = e.profile_id
WHERE e.name = 'purchase' AND e.time > timestamptz '2026-03-31' - interval '30 days' AND e.time <= '2026-03-31' GROUP BY 1 HAVING count(*) >= 3$$),
('events.app_open.unique_days_14d >= 3', $$
SELECT p.canonical_id FROM pulse.event e JOIN pulse.profile p ON p.id = e.profile_id
WHERE e.name = 'app_open' AND e.time > timestamptz '2026-03-31' - interval '14 days' AND e.time <= '2026-03-31'
GROUP BY 1 HAVING count(DISTINCT e.time::date) >= 3$$),
('events.purchase.sum(total, 90d) > 200 && profile.plan in ["premium", "enterprise"]', $$
SELECT p.canonical_id FROM pulse.event e JOIN pulse.profile p ON p.id = e.profile_id JOIN pulse.profile c ON c.id = p.canonical_id
WHERE e.name = 'purchase' AND e.time > timestamptz '2026-03-31' - interval '90 days' AND e.time <= '2026-03-31' AND c.attributes ->> 'plan' IN ('premium', 'enterprise')
GROUP BY 1 HAVING sum((e.properties ->> 'total')::numeric) > 200$$),
('events.purchase.count_30d >= 1 && events.app_open.count_7d >= 3', $$
SELECT p.canonical_id FROM pulse.event e JOIN pulse.profile p ON p.id = e.profile_id
WHERE (e.name = 'purchase' AND e.time > timestamptz '2026-03-31' - interval '30 days' OR e.name = 'app_open' AND e.time > timestamptz '2026-03-31' - interval '7 days')
  AND e.time > timestamptz '2026-03-31' - interval '30 days' AND e.time <= '2026-03-31'
GROUP BY 1 HAVING count(*) FILTER (WHERE e.name = 'purchase') >= 1 AND count(*) FILTER (WHERE e.name = 'app_open') >= 3$$),
('last_seen_minutes_ago < 1440', $$
SELECT p.canonical_id FROM pulse.event e JOIN pulse.profile p ON p.id = e.profile_id
WHERE e.time <= '2026-03-31' GROUP BY 1 HAVING max(e.time) > timestamptz '2026-03-31' - interval '1440 minutes'$$),
('events.purchase{category == "k3"}.count_60d = 0', $$
SELECT c.id FROM pulse.profile c LEFT JOIN (
    SELECT p.canonical_id FROM pulse.event e JOIN pulse.profile p ON p.id = e.profile_id
    WHERE e.name = 'purchase' AND e.properties ->> 'category' = 'k3' AND e.time > timestamptz '2026-03-31' - interval '60 days' AND e.time <= '2026-03-31' GROUP BY 1) x
  ON x.canonical_id = c.id WHERE c.canonical_id = c.id AND x.canonical_id IS NULL AND c.first_seen_at <= '2026-03-31'$$);

-- The member query as pulse_explain_segment() shows it.
CREATE FUNCTION pg_temp.member_query(rule text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    sql text;
BEGIN
    PERFORM pulse_create_segment('bench recompute', jsonb_build_object('where', rule, 'attributes', '[]'::jsonb));
    SELECT regexp_replace(value, ',\s*s\.last_active AS last_active', '') INTO sql FROM pulse_explain_segment('bench recompute') WHERE item = 'sql';
    PERFORM pulse_delete_segment('bench recompute', confirm => true);
    RETURN sql;
END $$;
ALTER TABLE contest ADD COLUMN compiled text;
UPDATE contest SET compiled = pg_temp.member_query(rule);

CREATE TEMP TABLE result (workers int, run int, rule text, what text, ms numeric, members bigint);
CREATE FUNCTION pg_temp.run(workers int, run int, rule text, what text, sql text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz;
    members bigint;
BEGIN
    PERFORM set_config('max_parallel_workers_per_gather', workers::text, false);
    began := clock_timestamp();
    EXECUTE 'SELECT count(*) FROM (' || sql || ') AS q' INTO members;
    INSERT INTO result VALUES (workers, run, rule, what, 1000 * extract(epoch FROM clock_timestamp() - began), members);
END $$;
SELECT pg_temp.run(w, r, rule, what, sql)
FROM (SELECT * FROM (VALUES (0), (2)) AS w (w), generate_series(0, :runs) AS r,
      LATERAL (SELECT rule, 1 AS place, 'by hand' AS what, by_hand AS sql FROM contest UNION ALL SELECT rule, 2, 'compiled', compiled FROM contest) AS c
      ORDER BY w, rule, r, place OFFSET 0) AS plan \g /dev/null

-- The first run of each warms up.
SELECT '| workers | rule | members | by hand | compiled | ratio |';
SELECT '|---|---|---|---|---|---|';
SELECT format('| %s | `%s` | %s%s | %s ms | %s ms | %s |', workers, rule, min(members), CASE WHEN min(members) <> max(members) THEN ' or ' || max(members) END,
              round(min(ms) FILTER (WHERE what = 'by hand')), round(min(ms) FILTER (WHERE what = 'compiled')),
              round(min(ms) FILTER (WHERE what = 'compiled') / min(ms) FILTER (WHERE what = 'by hand'), 2))
FROM (SELECT workers, rule, what, min(members) AS least, max(members) AS members, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)::numeric AS ms
      FROM result WHERE run > 0 GROUP BY workers, rule, what) AS medians
GROUP BY workers, rule ORDER BY workers, rule;

-- The views over everybody, as of the past: they read the events of many people in one query. One person at a time for comparison.
SET pulse.now = '2026-03-01 00:00:00+00';
SELECT pulse_create_segment('bench past', '{"where": "events.purchase.count_30d >= 3", "attributes": []}') \g /dev/null
CREATE TEMP TABLE past (what text, ms numeric, members bigint);
CREATE FUNCTION pg_temp.past(what text, sql text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := clock_timestamp();
    members bigint;
BEGIN
    EXECUTE sql INTO members;
    INSERT INTO past VALUES (what, 1000 * extract(epoch FROM clock_timestamp() - began), members);
END $$;
SELECT pg_temp.past(what, sql) FROM generate_series(1, :runs), (VALUES
    ('one query over all events', (SELECT 'SELECT count(*) FROM (' || pg_temp.member_query('events.purchase.count_30d >= 3') || ') AS q')),
    ('`pulse.membership`', 'SELECT count(*) FROM pulse.membership WHERE segment = ''bench past'''),
    ('`pulse_in_segment()` of each person', 'SELECT count(*) FILTER (WHERE pulse_in_segment(''profile:'' || id, ''bench past'')) FROM pulse.profile')) AS w (what, sql) \g /dev/null
SELECT '';
SELECT '| as of a month ago | members | time |';
SELECT '|---|---|---|';
SELECT format('| %s | %s | %s ms |', what, min(members), round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ms))) FROM past GROUP BY what ORDER BY percentile_cont(0.5) WITHIN GROUP (ORDER BY ms);
SELECT pulse_delete_segment('bench past', confirm => true) \g /dev/null

DROP TABLE pulse.event_bench;
DELETE FROM pulse.profile;
