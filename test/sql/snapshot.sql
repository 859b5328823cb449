-- Room snapshot: taking, importing and comparing snapshots.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';

CREATE SCHEMA snap;
CREATE TYPE snap.tier AS ENUM ('free', 'pro');
CREATE TABLE snap.users (
    id bigint PRIMARY KEY, plan text, country char(2), tier snap.tier, active boolean, ltv numeric, score double precision, small smallint,
    seen timestamptz, born date, orders int);
INSERT INTO snap.users
SELECT i, CASE WHEN i % 10 = 0 THEN NULL WHEN i % 3 = 0 THEN 'pro' ELSE 'free' END, (ARRAY['DE', 'FR', 'US'])[i % 3 + 1],
       (ARRAY['free', 'pro'])[i % 2 + 1]::snap.tier, CASE WHEN i % 7 > 0 THEN i % 2 = 0 END, i, i / 8.0, i % 5,
       timestamptz '2015-01-10' - i * interval '1 hour', date '2015-01-10' - i, i % 4
FROM generate_series(1, 1000) AS i;

SELECT pulse_create_segment('Everybody', '{"from": "snap.users", "attributes": ["plan", "country", "tier", "active", "ltv", "score", "small", "seen", "born", {"name": "orders", "kind": "categorical"}], "converted": "orders > 0", "last_active": "seen"}') > 0 AS made;
SET pulse.now = '2015-01-10';
SELECT pulse_take_snapshot('Everybody') = pulse_take_snapshot(' Everybody ') AS once;
SELECT s.name, taken_at, p.version, origin, p.status, size, converted, inactive, entered, exited, flow_error, clauses, columns,
       pulse_sketch_cardinality(sketch) AS members, duration_ms > 0 AS timed, plan_cost > 0 AS planned, error_state, error
FROM pulse.snapshot AS p JOIN pulse.segment AS s ON s.id = segment_id \gx
SELECT attribute, kind, total, nulls, other, distinct_values, labels, counts FROM pulse.distribution WHERE labels IS NOT NULL ORDER BY attribute;
SELECT attribute, kind, nulls, other, edges, counts, minimum, maximum FROM pulse.distribution WHERE labels IS NULL ORDER BY attribute;
SELECT attribute, mean, stddev, quantiles FROM pulse.distribution WHERE labels IS NULL ORDER BY attribute;
-- The same by plain SQL.
SELECT attribute, d.mean::numeric(20,9) = x.mean::numeric(20,9) AS mean, d.stddev::numeric(20,9) = x.stddev::numeric(20,9) AS stddev
FROM pulse.distribution AS d, LATERAL (SELECT avg(v) AS mean, stddev(v) AS stddev FROM snap.users AS u,
    LATERAL (VALUES ('ltv', u.ltv), ('score', u.score::numeric), ('small', u.small), ('seen', extract(epoch FROM timestamptz '2015-01-10' - u.seen) / 86400),
                    ('born', extract(epoch FROM timestamptz '2015-01-10' - u.born) / 86400)) AS c (name, v) WHERE c.name = d.attribute) AS x
WHERE labels IS NULL ORDER BY attribute;
SELECT attribute, bool_and(d.counts[i] = (SELECT count(*) FROM snap.users AS u WHERE width_bucket(u.ltv::float8, d.edges) = i - 1)) AS exact
FROM pulse.distribution AS d, generate_subscripts(d.counts, 1) AS i WHERE attribute = 'ltv' GROUP BY attribute;
SELECT attribute FROM pulse.distribution WHERE total <> nulls + nans + other + (SELECT sum(c) FROM unnest(counts) AS c);

-- The next day: members come and go, edges stay, a parallel plan finds the same.
DELETE FROM snap.users WHERE id <= 100;
INSERT INTO snap.users (id, plan, ltv, score) SELECT i, 'team', i, 'NaN' FROM generate_series(1001, 1250) AS i;
UPDATE snap.users SET score = 'Infinity' WHERE id = 500;
UPDATE snap.users SET score = '-Infinity' WHERE id = 501;
ANALYZE snap.users;
SET pulse.now = '2015-01-11';
SELECT pulse_take_snapshot('Everybody') > 0 AS taken;
SELECT size, entered, exited, flow_error, size - lag(size) OVER (ORDER BY taken_at) = entered - exited AS adds_up FROM pulse.snapshot ORDER BY taken_at;
SELECT attribute, nulls, nans, other, edges = lag(edges) OVER (PARTITION BY attribute ORDER BY snapshot_id) AS same_edges, counts, minimum, maximum
FROM pulse.distribution WHERE attribute IN ('ltv', 'score') ORDER BY attribute, snapshot_id;
SET pulse.now = '2015-01-11 00:00:01';
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT pulse_take_snapshot('Everybody') > 0 AS taken;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;
SELECT size, converted, inactive, entered, exited, count(DISTINCT md5(sketch::text)) AS sketches FROM pulse.snapshot WHERE taken_at >= '2015-01-11' GROUP BY 1, 2, 3, 4, 5 ORDER BY 4;
SELECT attribute FROM pulse.distribution AS d JOIN pulse.snapshot AS s ON s.id = snapshot_id WHERE taken_at >= '2015-01-11' AND kind <> 'timestamp'
GROUP BY attribute HAVING count(DISTINCT (kind, total, nulls, nans, other, distinct_values, labels, edges, counts, mean, stddev, minimum, maximum, quantiles)) > 1;

-- Backfill: compared with the previous snapshot in time.
SET pulse.now = '2015-01-10 12:00';
SELECT pulse_take_snapshot('Everybody') > 0 AS taken;
SELECT taken_at, entered, exited FROM pulse.snapshot ORDER BY taken_at;

-- Comparison of two snapshots.
SELECT c.* FROM (SELECT min(id) AS a, min(id) + 1 AS b FROM pulse.snapshot) AS s, pulse_compare_snapshots(s.a, s.b) AS c
WHERE c.attribute IS NULL OR c.attribute = 'plan';
SELECT pulse_compare_snapshots(-1, -2);
SELECT pulse_compare_snapshots(NULL, NULL);

-- Clauses of a rule, in the same scan.
SET pulse.now = '2015-01-11';
SELECT pulse_create_segment('Valuable', '{"from": "snap.users", "where": "ltv > 500 && plan = \"free\" && orders <= 2", "attributes": ["country"]}') > 0 AS made;
SELECT pulse_take_snapshot('Valuable') > 0 AS taken;
SELECT size, clauses, clause_passed, clause_missed_only, clause_rows, clause_error FROM pulse.snapshot WHERE clauses IS NOT NULL;
SELECT count(*) FILTER (WHERE ltv > 500) AS ltv, count(*) FILTER (WHERE plan = 'free') AS plan, count(*) FILTER (WHERE orders <= 2) AS orders,
       count(*) FILTER (WHERE plan = 'free' AND orders <= 2 AND (ltv > 500) IS NOT TRUE) AS only_ltv,
       count(*) FILTER (WHERE ltv > 500 AND orders <= 2 AND (plan = 'free') IS NOT TRUE) AS only_plan,
       count(*) FILTER (WHERE ltv > 500 AND plan = 'free' AND (orders <= 2) IS NOT TRUE) AS only_orders
FROM snap.users;
-- When an index finds the members of a large relation, the clauses are counted on a sample of its blocks, with the error.
CREATE TABLE snap.events (id int PRIMARY KEY, kind int, amount int);
INSERT INTO snap.events SELECT i, hashint4(i) & 255, hashint4(-i) & 1 FROM generate_series(1, 300000) AS i;
CREATE INDEX ON snap.events (kind);
ANALYZE snap.events;
SELECT pulse_create_segment('Rare', '{"from": "snap.events", "where": "kind = 7 && amount = 1", "attributes": ["amount"]}') > 0 AS made;
SELECT pulse_take_snapshot('Rare') > 0 AS taken;
SELECT size = (SELECT count(*) FROM snap.events WHERE kind = 7 AND amount = 1) AS size, clauses, clause_error BETWEEN 0.01 AND 0.2 AS error,
       abs(clause_rows / 300000.0 - 1) < 0.1 AS rows, abs(clause_passed[2] / 150000.0 - 1) < 0.1 AS passed,
       abs(clause_missed_only[1] / 150000.0 - 1) < 0.1 AS missed
FROM pulse.snapshot WHERE clause_error > 0;

-- Empty, all null, constant, and far more values than the limit.
CREATE TABLE snap.odd (id int, empty text, nothing double precision, same int, many text, "Ünïcode ""name""" text, long text);
SELECT pulse_create_segment('Odd', '{"from": "snap.odd", "key": "id", "attributes": ["empty", "nothing", "same", "many", "Ünïcode \"name\"", "long"]}') > 0 AS made;
SELECT pulse_take_snapshot('Odd') > 0 AS taken;
SELECT attribute, total, nulls, other, distinct_values, labels, edges, counts, mean, quantiles FROM pulse.distribution
WHERE snapshot_id = (SELECT max(id) FROM pulse.snapshot) ORDER BY attribute COLLATE "C";
INSERT INTO snap.odd SELECT i, NULL, NULL, 7, CASE WHEN i % 4 = 0 THEN 'often' ELSE 'v' || i END, 'ä' || i % 2, repeat('é', 200) || i % 3
FROM generate_series(1, 20000) AS i;
SET pulse.now = '2015-01-12';
SELECT pulse_take_snapshot('Odd') > 0 AS taken;
SELECT attribute, total, nulls, distinct_values, labels[1], counts[1], cardinality(counts) AS kept, edges, mean, stddev, quantiles FROM pulse.distribution
WHERE snapshot_id = (SELECT max(id) FROM pulse.snapshot) AND attribute NOT IN ('many', 'long') ORDER BY attribute COLLATE "C";
SELECT labels, counts[1] BETWEEN 4900 AND 5000 AS counted, abs(distinct_values / 15001.0 - 1) < 0.15 AS distinct_values,
       total = nulls + other + (SELECT sum(c) FROM unnest(counts) AS c) AS adds_up
FROM pulse.distribution WHERE snapshot_id = (SELECT max(id) FROM pulse.snapshot) AND attribute = 'many';
SELECT char_length(label), octet_length(label), left(label, 3), count FROM pulse.distribution, unnest(labels, counts) AS x (label, count)
WHERE snapshot_id = (SELECT max(id) FROM pulse.snapshot) AND attribute = 'long';
SET pulse.max_values = 1;
SET pulse.now = '2015-01-12 01:00';
SELECT pulse_take_snapshot('Odd') > 0 AS taken;
RESET pulse.max_values;
SELECT attribute, labels, counts, other FROM pulse.distribution WHERE snapshot_id = (SELECT max(id) FROM pulse.snapshot) AND attribute LIKE 'Ü%';

-- Null and repeated keys give warnings; each row counts.
INSERT INTO snap.odd SELECT CASE WHEN i > 5 THEN 1 END FROM generate_series(1, 10) AS i;
SET pulse.now = '2015-01-13';
SELECT pulse_take_snapshot('Odd') > 0 AS taken;
SELECT size, entered - exited AS change FROM pulse.snapshot WHERE id = (SELECT max(id) FROM pulse.snapshot);
SELECT pulse_pause_segment('Odd');

-- numeric is converted as PostgreSQL does.
CREATE TABLE snap.numbers (id int PRIMARY KEY, as_numeric numeric, as_float double precision);
SELECT setseed(0.42);
INSERT INTO snap.numbers SELECT i, n, n::double precision
FROM generate_series(1, 20000) AS i,
     LATERAL (SELECT round((random() - 0.5)::numeric * 10::numeric ^ (i % 60 - 30), i % 37) * CASE WHEN i % 11 = 0 THEN 1.000000000000000000001 ELSE 1 END AS n OFFSET 0) AS x;
INSERT INTO snap.numbers VALUES (-1, 'NaN', 'NaN'), (-2, 'Infinity', 'Infinity'), (-3, '-Infinity', '-Infinity'), (-4, 0, 0), (-5, 1e-400, 0);
SELECT pulse_create_segment('Numbers', '{"from": "snap.numbers", "attributes": ["as_numeric", "as_float"]}') > 0 AS made;
SELECT pulse_take_snapshot('Numbers') > 0 AS taken;
SELECT count(DISTINCT (total, nulls, nans, other, edges, counts, mean, stddev, minimum, maximum, quantiles)) AS different, min(nans) AS nan
FROM pulse.distribution WHERE attribute LIKE 'as\_%';

-- A query as of a given time.
SELECT pulse_create_segment('Seen lately', '{"query": "SELECT id, plan, seen FROM snap.users WHERE seen <= pulse_now() AND seen > pulse_now() - interval ''1 day''", "attributes": ["plan"]}') > 0 AS made;
SET pulse.now = '2015-01-01';
SELECT pulse_take_snapshot('Seen lately') > 0 AS taken;
SET pulse.now = '2015-01-02';
SELECT pulse_take_snapshot('Seen lately') > 0 AS taken;
SELECT taken_at, size, entered, exited, clauses, columns FROM pulse.snapshot AS p JOIN pulse.segment AS s ON s.id = segment_id WHERE name = 'Seen lately' ORDER BY 1;

-- All due segments; a failing one does not affect the others and is retried.
SELECT pulse_create_segment('Broken', '{"query": "SELECT id, 1 / (10 - small) AS inverse FROM snap.users", "attributes": ["inverse"]}') > 0 AS made;
SELECT pulse_create_segment('Hourly', '{"from": "snap.users", "attributes": [], "cadence": "1 hour"}') > 0 AS made;
SELECT pulse_create_segment('Paused', '{"from": "snap.users", "attributes": []}') > 0 AS made;
SELECT pulse_pause_segment('Paused');
SELECT pulse_create_segment('Unwatched', '{"from": "snap.users", "attributes": []}', baseline => '{"monitoringEnabled": false}') > 0 AS made;
UPDATE snap.users SET small = 10 WHERE id = 777;
SET pulse.now = '2015-02-01 02:00';
SELECT segment, snapshot > 0 AS snapshot, status, size, error FROM pulse_take_snapshots();
SELECT segment, snapshot > 0 AS snapshot, status, size, error FROM pulse_take_snapshots();
SELECT taken_at, p.status, size, error_state, error FROM pulse.snapshot AS p JOIN pulse.segment AS s ON s.id = segment_id WHERE name = 'Broken';
SET pulse.now = '2015-02-01 02:57';
SELECT segment, status FROM pulse_take_snapshots();
SELECT pulse_take_snapshot('Broken');
UPDATE snap.users SET small = 1 WHERE id = 777;
SET pulse.now = '2015-02-02 01:59';
SELECT segment, status FROM pulse_take_snapshots();
-- The same time again replaces the failed snapshot.
SET pulse.now = '2015-02-01 02:00';
SELECT pulse_take_snapshot('Broken') > 0 AS taken;
SELECT taken_at, p.status, size, error FROM pulse.snapshot AS p JOIN pulse.segment AS s ON s.id = segment_id WHERE name = 'Broken' ORDER BY 1;
-- A dropped relation.
SET pulse.now = '2015-02-03 02:00';
ALTER TABLE snap.events RENAME TO gone;
SELECT segment, status, error FROM pulse_take_snapshots() WHERE status <> 'ok';
ALTER TABLE snap.gone RENAME TO events;
ALTER TABLE snap.events RENAME kind TO sort;
SET pulse.now = '2015-02-03 03:00';
SELECT segment, status, error FROM pulse_take_snapshots() WHERE status <> 'ok';
-- Statement timeout.
SELECT pulse_create_segment('Slow', '{"query": "SELECT 1 AS id, pg_sleep(10) IS NULL AS slept", "attributes": []}') > 0 AS made;
SET pulse.statement_timeout = 50;
SELECT pulse_take_snapshot('Slow');
SET pulse.now = '2015-02-04';
SELECT segment, status, error FROM pulse_take_snapshots() WHERE segment = 'Slow';
RESET pulse.statement_timeout;
SELECT pulse_pause_segment('Slow');

-- Errors.
SELECT pulse_take_snapshot(NULL);
SELECT pulse_take_snapshot('Everbody');
SELECT pulse_archive_segment('Hourly');
SELECT pulse_take_snapshot('Hourly');
BEGIN READ ONLY;
SELECT pulse_take_snapshot('Everybody');
ROLLBACK;
BEGIN READ ONLY;
SELECT pulse_take_snapshots();
ROLLBACK;

-- Imported history.
SELECT pulse_create_segment('Imported', '{"from": "snap.users", "attributes": ["plan", "ltv"], "converted": "orders > 0"}') > 0 AS made;
SELECT pulse_import_snapshot('Imported', '2015-01-01', 10000, conversion_rate => 0.15, entered => 500, exited => 300,
    distributions => '{"plan": {"free": 6000, "pro": 3000, "__null__": 500}, "ltv": {"edges": [10, 101, 1000], "counts": [1000, 2000, 3000, 3990], "nulls": 10}}')
     = pulse_import_snapshot('Imported', '2015-01-01', 10000, converted => 1500, entered => 500, exited => 300,
    distributions => '{"ltv": {"edges": [10, 101, 1000], "counts": [1000, 2000, 3000, 3990], "nulls": 10}, "plan": {"pro": 3000, "free": 6000, "__null__": 500}}') AS same;
SELECT origin, p.status, size, converted, inactive, entered, exited, flow_error, sketch IS NULL AS no_sketch FROM pulse.snapshot AS p
JOIN pulse.segment AS s ON s.id = segment_id WHERE name = 'Imported';
SELECT attribute, kind, total, nulls, other, labels, edges, counts FROM pulse.distribution WHERE snapshot_id = (SELECT max(id) FROM pulse.snapshot) ORDER BY 1;
SELECT pulse_import_snapshot('Imported', '2015-01-01', 9999);
SELECT pulse_import_snapshot('Imported', '2015-01-01', 9999, replace => true) > 0 AS replaced;
SELECT pulse_import_snapshot('Imported', '2015-01-02', 10, distributions => '{"ltv": {"edges": [10, 101, 1000], "counts": [1, 2, 3, 4]}}') > 0 AS imported;
-- Measuring keeps the imported edges, rounded to the nearest bucket border.
SET pulse.now = '2015-02-04';
SELECT pulse_take_snapshot('Imported') > 0 AS taken;
SELECT edges, counts FROM pulse.distribution WHERE snapshot_id = (SELECT max(id) FROM pulse.snapshot) AND attribute = 'ltv';
SELECT pulse_import_snapshot('Imported', '2015-01-03', -1);
SELECT pulse_import_snapshot('Imported', '2015-01-03', NULL);
SELECT pulse_import_snapshot('Imported', NULL, 1);
SELECT pulse_import_snapshot('Imported', 'infinity', 1);
SELECT pulse_import_snapshot('Nobody', '2015-01-03', 1);
SELECT pulse_import_snapshot('Imported', '2015-01-03', 10, converted => 11);
SELECT pulse_import_snapshot('Imported', '2015-01-03', 10, converted => 1, conversion_rate => 0.1);
SELECT pulse_import_snapshot('Imported', '2015-01-03', 10, conversion_rate => 1.5);
SELECT pulse_import_snapshot('Imported', '2015-01-03', 10, conversion_rate => 'NaN');
SELECT pulse_import_snapshot('Imported', '2015-01-03', 10, distributions => '[]');
SELECT pulse_import_snapshot('Imported', '2015-01-03', 10, distributions => '{"plan": {"free": 6, "pro": 5}}');
SELECT pulse_import_snapshot('Imported', '2015-01-03', 10, distributions => '{"plan": {"free": -6}}');
SELECT pulse_import_snapshot('Imported', '2015-01-03', 10, distributions => '{"plan": {"free": 0.5}}');
SELECT pulse_import_snapshot('Imported', '2015-01-03', 10, distributions => '{"ltv": {"edges": [1, 1], "counts": [1, 2, 3]}}');
SELECT pulse_import_snapshot('Imported', '2015-01-03', 10, distributions => '{"ltv": {"edges": [1], "counts": [1, 2, 3]}}');
SELECT pulse_import_snapshot('Imported', '2015-01-03', 10, distributions => '{"ltv": {"edges": [1], "counts": [1, 2], "oops": 3}}');

-- Privileges.
CREATE ROLE snap_reader;
CREATE ROLE snap_writer;
CREATE ROLE snap_nobody;
SELECT pulse_grant('snap_reader', 'reader'), pulse_grant('snap_writer', 'writer');
SET ROLE snap_nobody;
SELECT pulse_take_snapshot('Everybody');
SELECT pulse_sketch_cardinality('50534b3140000000ffffffffffffffff00000000');
RESET ROLE;
SET ROLE snap_reader;
SELECT pulse_take_snapshot('Everybody');
SELECT pulse_take_snapshots();
SELECT pulse_import_snapshot('Imported', '2015-01-05', 1);
SELECT count(*) > 0 AS reads FROM pulse.snapshot;
RESET ROLE;
SET ROLE snap_writer;
SET pulse.now = '2015-02-05';
SELECT pulse_take_snapshot('Everybody') > 0 AS taken;
SELECT count(*) FROM snap.users;
RESET ROLE;
SELECT pulse_revoke('snap_reader'), pulse_revoke('snap_writer');
DROP ROLE snap_reader, snap_writer, snap_nobody;

-- What can fail in rows that are no members is computed for members only: this date has no timestamp.
CREATE TABLE snap.lasting AS SELECT i AS id, CASE WHEN i > 3 THEN date '5874897-12-31' ELSE date '2015-02-01' END AS until FROM generate_series(1, 5) AS i;
SELECT pulse_create_segment('Lasting', '{"from": "snap.lasting", "key": "id", "where": "id <= 3", "last_active": "until", "attributes": []}') > 0 AS made;
SELECT pulse_take_snapshot('Lasting') AS id \gset
SELECT size, inactive, clause_passed, clause_missed_only FROM pulse.snapshot WHERE id = :id;

-- Deleting a segment deletes its snapshots and distributions.
SELECT count(pulse_delete_segment(name, confirm => true)) AS deleted FROM pulse.segment;
SELECT count(*) AS left FROM pulse.snapshot;
SELECT count(*) AS left FROM pulse.distribution;

-- A segment measured as of the past is not continued in the present, until a snapshot is taken by hand; an imported past is continued.
SELECT pulse_create_segment('Replayed', '{"from": "snap.users", "key": "id"}') > 0 AS made, pulse_create_segment('Imported', '{"from": "snap.users", "key": "id"}') > 0 AS made;
SELECT pulse_take_snapshot('Replayed') > 0 AS taken, pulse_import_snapshot('Imported', '2015-02-05', 3) > 0 AS imported;
SET pulse.now = '2015-02-07';
SELECT segment, status FROM pulse_take_snapshots() ORDER BY 1;
RESET pulse.now;
DELETE FROM pulse.snapshot AS s USING pulse.segment AS g WHERE g.id = s.segment_id AND g.name = 'Imported' AND origin = 'measured';
SELECT segment, status FROM pulse_take_snapshots();
SELECT pulse_take_snapshot('Replayed') > 0 AS taken;
UPDATE pulse.snapshot SET taken_at = taken_at - interval '1 day', recorded_at = recorded_at - interval '1 day' WHERE taken_at > '2016-01-01';
SELECT segment, status FROM pulse_take_snapshots() ORDER BY 1;
SELECT count(pulse_delete_segment(name, confirm => true)) AS deleted FROM pulse.segment;
SET client_min_messages = warning;
DROP SCHEMA snap CASCADE;
RESET client_min_messages;
