-- Attributes: more values than are kept by name, NaN, columns that fill; and the measures of flow and variety.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

CREATE SCHEMA attr;
CREATE TABLE attr.member (id int PRIMARY KEY, page text, score double precision, small real, exact numeric, phone text);
INSERT INTO attr.member
SELECT i, 'old ' || i % 60, i % 97, i % 31, round((i % 53)::numeric / 7, 3), CASE WHEN i % 50 = 0 THEN '+49' END
FROM generate_series(1, 1200) AS i;
CREATE TABLE attr.visit (id int, at timestamptz, points double precision);
INSERT INTO attr.visit SELECT i, '2019-05-31', i % 13 FROM generate_series(1, 800) AS i;

SELECT pulse_create_segment('attr members', '{"from": "attr.member", "key": "id", "attributes": ["page", "score", "small", "exact", "phone"]}') > 0 AS made;
-- NaN of a group: one NaN among its rows makes the average one.
SELECT pulse_create_segment('attr grouped', '{"query": "SELECT id / 2 AS pair, avg(score) AS score, sum(small) AS small, max(exact) AS exact FROM attr.member GROUP BY id / 2",
    "key": "pair", "attributes": ["score", "small", "exact"]}') > 0 AS made;
CREATE FUNCTION attr.day(day timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pulse.now', day::text, false);
    PERFORM pulse_take_snapshot(name) FROM pulse.segment WHERE name LIKE 'attr %' AND status = 'active' ORDER BY name;
    PERFORM pulse_check_drift(name) FROM pulse.segment WHERE name LIKE 'attr %' AND status = 'active' ORDER BY name;
END $$;
SELECT attr.day('2019-06-01'::timestamptz + d * interval '1 day') FROM generate_series(0, 5) AS d;
SELECT count(*) AS incidents FROM pulse.incident WHERE segment LIKE 'attr %';

-- All pages replaced; scores that are no numbers; phones filled in.
UPDATE attr.member SET page = 'new ' || id % 60,
    score = CASE WHEN id % 10 < 3 THEN 'NaN' ELSE score END,
    small = CASE WHEN id % 12 = 0 THEN 'NaN' WHEN id % 500 = 1 THEN '-Infinity' ELSE small END,
    exact = CASE WHEN id % 5 = 0 THEN 'NaN' WHEN id % 400 = 3 THEN 'Infinity' ELSE exact END,
    phone = CASE WHEN id % 40 <> 0 THEN '+49' END;
SELECT attr.day('2019-06-07');
SELECT segment, detector, attribute, severity, direction, baseline, observed, summary FROM pulse.incident
WHERE segment LIKE 'attr %' ORDER BY segment, detector COLLATE "C", attribute COLLATE "C";
SELECT attribute, nulls, nans, other, counts IS NOT NULL AS counted, mean > 0 AND mean < 100 AS mean, 'NaN' = ANY (quantiles) AS nan_quantile, minimum, maximum
FROM pulse.distribution AS d JOIN pulse.snapshot AS s ON s.id = d.snapshot_id
WHERE s.taken_at = '2019-06-07' AND attribute <> 'page' ORDER BY snapshot_id, attribute COLLATE "C";
SELECT attribute FROM pulse.distribution WHERE total <> nulls + nans + other + (SELECT sum(c) FROM unnest(counts) AS c);
-- The distance between the two snapshots counts every page; the finding only what "other" cannot hide.
SELECT c.* FROM (SELECT s.id AS b, lag(s.id) OVER (ORDER BY s.taken_at) AS a, s.taken_at FROM pulse.snapshot AS s JOIN pulse.segment AS g ON g.id = s.segment_id
                 WHERE g.name = 'attr members') AS s, pulse_compare_snapshots(s.a, s.b) AS c
WHERE s.taken_at = '2019-06-07' AND (c.measure = 'total variation distance' OR c.value IN ('(other)', '(NaN)', '(null)'));
SELECT part, item, value, members, share FROM pulse_preview_segment('{"from": "attr.member", "key": "id", "attributes": ["score", "small", "exact"]}', 0);
SELECT value, members FROM pulse_preview_segment('{"from": "attr.member", "key": "id", "where": "id % 10 = 0", "attributes": ["score"]}', 0) WHERE part = 'attribute';

-- What is likely.
SELECT i.detector, i.attribute, h ->> 'cause' AS cause, h ->> 'sentence' AS sentence
FROM pulse.incident AS i, pulse_diagnose_incident(i.id) AS d, jsonb_path_query_first(d, '$.hypotheses[0]') AS h
WHERE i.segment = 'attr members' AND i.detector IN ('null_spike', 'nan_spike') ORDER BY 1, 2;
SELECT r ->> 'sql' AS sql FROM pulse.incident AS i, pulse_diagnose_incident(i.id) AS d, jsonb_path_query_first(d, '$.recommendations[0]') AS r
WHERE i.segment = 'attr members' AND i.detector = 'nan_spike' AND i.attribute = 'score';

-- As it was: the incidents close.
UPDATE attr.member SET page = 'old ' || id % 60, score = id % 97, small = id % 31, exact = round((id % 53)::numeric / 7, 3), phone = CASE WHEN id % 50 = 0 THEN '+49' END;
SELECT attr.day('2019-06-07'::timestamptz + d * interval '1 day') FROM generate_series(1, 2) AS d;
SELECT status, count(*) FROM pulse.incident WHERE segment LIKE 'attr %' GROUP BY 1 ORDER BY 1;

-- Rows of versions that counted NaN as other give the same incidents.
BEGIN;
CREATE TEMP TABLE replayed AS SELECT b.* FROM (VALUES ('attr members'), ('attr grouped')) AS s (name), pulse_backtest(s.name) AS b;
UPDATE pulse.distribution AS d SET other = other + nans, nans = NULL FROM pulse.snapshot AS s WHERE s.id = d.snapshot_id AND s.taken_at < '2019-06-08';
SELECT count(*) AS incidents, count(*) FILTER (WHERE r.detector = 'nan_spike') AS of_nan, bool_and(r IS NOT DISTINCT FROM b) AS same
FROM (SELECT b.*, row_number() OVER () AS row FROM (VALUES ('attr members'), ('attr grouped')) AS s (name), pulse_backtest(s.name) AS b) AS b
FULL JOIN (SELECT r.*, row_number() OVER () AS row FROM replayed AS r) AS r USING (row);
SELECT c.* FROM (SELECT s.id AS b, lag(s.id) OVER (ORDER BY s.taken_at) AS a, s.taken_at FROM pulse.snapshot AS s JOIN pulse.segment AS g ON g.id = s.segment_id
                 WHERE g.name = 'attr members') AS s, pulse_compare_snapshots(s.a, s.b) AS c
WHERE s.taken_at IN ('2019-06-07', '2019-06-08') AND c.attribute = 'score' AND c.value IN ('(other)', '(NaN)') ORDER BY s.taken_at;
ROLLBACK;

-- Imports: NaN, and members without a listed value, which are not NaN.
SELECT pulse_create_segment('attr imported', '{"from": "attr.member", "key": "id"}') > 0 AS made;
SELECT pulse_import_snapshot('attr imported', '2019-06-01'::timestamptz + d * interval '1 day', 1000,
    distributions => '{"score": {"edges": [10, 20], "counts": [300, 300, 100], "nulls": 50, "nans": 20}}') > 0 AS taken
FROM generate_series(0, 4) AS d;
SELECT pulse_import_snapshot('attr imported', '2019-06-06', 1000,
    distributions => '{"score": {"edges": [10, 20], "counts": [200, 200, 80], "nulls": 50, "nans": 240}}') > 0 AS taken;
SELECT attribute, total, nulls, nans, other FROM pulse.distribution AS d JOIN pulse.snapshot AS s ON s.id = d.snapshot_id
JOIN pulse.segment AS g ON g.id = s.segment_id WHERE g.name = 'attr imported' ORDER BY s.taken_at DESC LIMIT 2;
SELECT detector, attribute, observed FROM pulse_check_drift('attr imported');
UPDATE pulse.distribution AS d SET nans = NULL, other = 230 FROM pulse.snapshot AS s JOIN pulse.segment AS g ON g.id = s.segment_id
WHERE s.id = d.snapshot_id AND g.name = 'attr imported';
SELECT count(*) FROM pulse_backtest('attr imported') WHERE detector = 'nan_spike';
SELECT pulse_import_snapshot('attr imported', '2019-06-07', 1000, distributions => '{"score": {"edges": [10], "counts": [300, 300], "nans": 401}}');
SELECT pulse_import_snapshot('attr imported', '2019-06-07', 1000, distributions => '{"score": {"edges": [10], "counts": [300, 300], "nans": -1}}');
SELECT pulse_import_snapshot('attr imported', '2019-06-07', 1000, distributions => '{"score": {"edges": [10], "counts": [300, 300], "NaN": 1}}');

-- A window after a spike: who leaves, leaves the size before.
SELECT pulse_pause_segment(name) FROM pulse.segment WHERE name LIKE 'attr %' ORDER BY name;
SELECT pulse_create_segment('attr window', '{"query": "SELECT DISTINCT id FROM attr.visit WHERE at > pulse_now() - interval ''1 day'' AND at <= pulse_now()", "key": "id"}') > 0 AS made;
INSERT INTO attr.visit SELECT v + 20 * d, '2019-07-01'::timestamptz + d * interval '1 day' FROM generate_series(0, 12) AS d,
    generate_series(1, CASE d WHEN 9 THEN 7300 ELSE 400 END) AS v;
SELECT attr.day('2019-07-01'::timestamptz + d * interval '1 day') FROM generate_series(0, 12) AS d;
SELECT taken_at::date AS day, size, size_before, entered, exited, net_velocity, round(churn_rate::numeric, 4) AS churn_rate, round(growth_rate::numeric, 4) AS growth_rate
FROM pulse.snapshot AS s JOIN pulse.segment AS g ON g.id = s.segment_id WHERE g.name = 'attr window' AND (taken_at < '2019-07-03' OR taken_at > '2019-07-08') ORDER BY 1;
SELECT detector, summary FROM pulse.incident WHERE segment = 'attr window' AND detector <> 'size_change';
SELECT segment, size, net_velocity, churn_rate, growth_rate, entropy FROM pulse.segment_overview WHERE segment LIKE 'attr %' ORDER BY segment;

-- Entropy in bits.
SELECT pulse.entropy('{5,5,5,5}', 0) AS four, pulse.entropy('{1,1}', 2) AS other, pulse.entropy('{7}', 0) AS one, pulse.entropy('{}', 3) AS only_other,
       pulse.entropy('{0,0}', 0) AS none, pulse.entropy('{}', 0) AS empty, pulse.entropy(NULL, 1) AS unknown, pulse.entropy('{-3,8}', -1) AS negative,
       round(pulse.entropy('{9007199254740992,9007199254740992}', 9007199254740992)::numeric, 6) AS large;
SELECT pulse.entropy('{1,NULL}', 0);
SELECT attribute, entropy IS NOT DISTINCT FROM (SELECT -sum(p * log(2, p)) FROM (SELECT c / sum(c) OVER () AS p FROM unnest(d.counts || d.other) AS c WHERE c > 0) AS x)::double precision
       OR abs(entropy - (SELECT -sum(p * log(2, p)) FROM (SELECT c / sum(c) OVER () AS p FROM unnest(d.counts || d.other) AS c WHERE c > 0) AS x)) < 1e-9 AS right
FROM pulse.distribution AS d JOIN pulse.snapshot AS s ON s.id = d.snapshot_id WHERE s.taken_at = '2019-06-07' GROUP BY 1, 2 ORDER BY 1, 2;

SELECT count(pulse_delete_segment(name, confirm => true)) FROM pulse.segment WHERE name LIKE 'attr %';
DROP SCHEMA attr CASCADE;
RESET pulse.now;
