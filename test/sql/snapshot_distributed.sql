-- Room snapshot: pulse.measure_distributed(), which Citus hands to the shards. What Citus does with states is done here by an aggregate over them.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
\set options '{"moment":504921600000000,"inactive_after":2592000000000,"sketch_size":1024,"kinds":["categorical","categorical","boolean","numeric","numeric","timestamp"],"clauses":2}'
\set fields 'id, i % 3 = 0, seen, plan, note, vip, ltv, score, seen, i % 7 > 0, score < 1e300'
CREATE AGGREGATE distributed_merge(pulse.measurement) (SFUNC = pulse.measure_distributed_combine, STYPE = pulse.measurement);
-- Nulls, NaN, infinity, huge and tiny numbers, long texts.
CREATE TABLE distributed_member AS
SELECT i, nullif(i, 5) AS id, CASE WHEN i % 9 > 0 THEN 'p' || i % 5 END AS plan, repeat('ü', 90 + i % 20) AS note, i % 4 = 0 AS vip,
       CASE i % 100 WHEN 0 THEN 'NaN' WHEN 1 THEN NULL ELSE (i % 300 - 50) * 1.01 END::numeric AS ltv,
       CASE i % 50 WHEN 0 THEN 'NaN' WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' WHEN 3 THEN 1e300 WHEN 4 THEN -1e-300 ELSE sin(i) * 1e5 END AS score,
       CASE i % 500 WHEN 0 THEN 'infinity' WHEN 1 THEN NULL ELSE timestamptz '2016-01-01' - i * interval '1 hour' END AS seen
FROM generate_series(1, 5000) AS i;
SELECT '\x' || encode(pulse.measure(:'options', :fields), 'hex') AS whole FROM distributed_member \gset

-- The same to the bit: as a whole, in parts of any size that travelled as text, and with parts that have no rows.
SELECT pulse.measure_distributed(:'options', ROW(:fields))::text = :'whole' AS whole FROM distributed_member;
SELECT parts, count(state) AS states, distributed_merge(state::text::pulse.measurement)::text = :'whole' AS same,
       distributed_merge(state ORDER BY part DESC)::text = :'whole' AS backwards
FROM (SELECT parts, part, pulse.measure_distributed(:'options', ROW(:fields)) FILTER (WHERE part <> 1) AS state
      FROM (SELECT parts, m.*, 2 + i * 7919 % parts AS part
            FROM distributed_member AS m, unnest(ARRAY[1, 2, 13, 60]) AS parts
            UNION ALL SELECT parts, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1 FROM unnest(ARRAY[1, 2, 13, 60]) AS parts) AS m
      GROUP BY parts, part) AS s GROUP BY parts ORDER BY parts;
SELECT pulse.measure_distributed(:'options', ROW(:fields)) IS NULL AS nothing FROM distributed_member WHERE i < 0;
SELECT distributed_merge(NULL) IS NULL AS nothing FROM generate_series(1, 2);

-- Kept in a table, compressed or not, in a window, and by workers of a parallel plan.
CREATE TABLE distributed_state AS SELECT pulse.measure_distributed(:'options', ROW(:fields)) AS state FROM distributed_member;
SELECT state::text = :'whole' AS kept FROM distributed_state;
SELECT count(DISTINCT state::text) AS states, bool_or(i = 200 AND state::text = (SELECT pulse.measure_distributed(:'options', ROW(:fields))::text FROM distributed_member WHERE i <= 200)) AS last
FROM (SELECT i, pulse.measure_distributed(:'options', ROW(:fields)) OVER (ORDER BY i) AS state FROM distributed_member WHERE i <= 200) AS w;
BEGIN;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT pulse.measure_distributed(:'options', ROW(i)) FROM distributed_member;
SELECT pulse.measure_distributed(:'options', ROW(:fields))::text = :'whole' AS parallel FROM distributed_member;
ROLLBACK;

-- A limit of the hashes leaves the sketch out of what is above it, and nothing else.
\set few '{"moment":0,"inactive_after":0,"sketch_size":64,"kinds":[],"theta":922337203685477580}'
\set all '{"moment":0,"inactive_after":0,"sketch_size":64,"kinds":[]}'
SELECT few::text = every::text AS same, length(one::text) < length(two::text) AS shorter
FROM (SELECT pulse.measure_distributed(:'few', ROW(i, true, seen)) AS few, pulse.measure_distributed(:'all', ROW(i, true, seen)) AS every,
             pulse.measure_distributed(:'few', ROW(i, true, seen)) FILTER (WHERE i < 50) AS one, pulse.measure_distributed(:'all', ROW(i, true, seen)) FILTER (WHERE i < 50) AS two
      FROM distributed_member) AS m;

-- What is no measurement is refused, and so is what does not fit together.
SELECT 'x'::pulse.measurement;
SELECT ''::pulse.measurement;
SELECT '\x50534d31'::pulse.measurement;
SELECT repeat('ff', 100)::pulse.measurement;
CREATE FUNCTION distributed_refused(text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM $1::pulse.measurement;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE;
END $$;
SELECT distributed_refused(left(:'whole', n)) AS cut, count(*) FROM generate_series(2, length(:'whole') - 2, 1202) AS n GROUP BY 1;
SELECT count(*) FILTER (WHERE distributed_refused(overlay(:'whole' PLACING 'ffffffffffffffff' FROM n FOR 16)) <> '22P02') AS other_errors
FROM generate_series(3, length(:'whole') - 16, 1258) AS n;
SELECT distributed_merge(state) FROM (SELECT state FROM distributed_state UNION ALL SELECT pulse.measure_distributed(:'all', ROW(i, true, seen)) FROM distributed_member) AS s;
SELECT pulse.measure_distributed('{}', ROW(1, true, now()));
SELECT pulse.measure_distributed(NULL, ROW(1, true, now()));
SELECT pulse.measure_distributed(:'all', NULL);
SELECT pulse.measure_distributed(:'all', ROW(1, true));
SELECT pulse.measure_distributed(:'all', ROW(1, 2, 3));
SELECT pulse.measure_distributed(:'all', r) FROM (SELECT ROW(1, true, now()) UNION ALL SELECT ROW('a'::text, true, now())) AS v (r);
SELECT pulse.measure_distributed('{"moment":0,"inactive_after":0,"sketch_size":64,"kinds":[],"theta":0}', ROW(1, true, now()));
SELECT pulse.measure_distributed_step(NULL, :'all', ROW(1, true, now()));
SELECT pulse.measure_distributed_combine(NULL, NULL);
-- A state that came from elsewhere takes no rows.
SELECT pulse.measure_distributed(:'all', ROW(1, true, '2000-01-01'::timestamptz))::text AS one \gset
CREATE AGGREGATE distributed_from(text, record) (SFUNC = pulse.measure_distributed_step, STYPE = pulse.measurement, INITCOND = :'one');
SELECT distributed_from(:'all', ROW(1, true, now()));
-- Columns that a table had once are no fields.
CREATE TABLE distributed_dropped (old text, id int, converted boolean, older int, seen timestamptz);
ALTER TABLE distributed_dropped DROP COLUMN old, DROP COLUMN older;
INSERT INTO distributed_dropped VALUES (1, true, '2000-01-01');
SELECT pulse.measure_distributed(:'all', d)::text = :'one' AS same FROM distributed_dropped AS d;

DROP TABLE distributed_dropped;
DROP AGGREGATE distributed_from(text, record);
DROP AGGREGATE distributed_merge(pulse.measurement);
DROP FUNCTION distributed_refused(text);
DROP TABLE distributed_member, distributed_state;
