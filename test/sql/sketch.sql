-- Room snapshot: the type pulse_sketch, its aggregate and its functions.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';

-- The aggregate: distinct values without nulls; its result is never null.
SELECT pulse_sketch_cardinality(pulse_sketch_agg(i % 1000)) AS members, pulse_sketch_error(pulse_sketch_agg(i)) AS error
FROM generate_series(1, 5000) AS i;
SELECT pulse_sketch_cardinality(pulse_sketch_agg(i)) AS members FROM generate_series(1, 0) AS i;
SELECT pulse_sketch_cardinality(pulse_sketch_agg(NULL::text)) AS members FROM generate_series(1, 3);
SELECT i % 3 AS third, pulse_sketch_cardinality(pulse_sketch_agg(i)) AS members FROM generate_series(1, 100) AS i GROUP BY 1 ORDER BY 1;
SELECT i, pulse_sketch_cardinality(pulse_sketch_agg(i) OVER (ORDER BY i)) AS members FROM generate_series(1, 3) AS i;

-- The hash is that of SQL for every type: a sketch of keys equals the sketch of their texts.
CREATE TYPE sketch_mood AS ENUM ('fine', 'sad');
CREATE DOMAIN sketch_domain AS int;
CREATE TABLE sketch_types (
    a smallint, b int, c bigint, d real, e double precision, f numeric, g boolean, h text, i varchar(20), j char(8), k name,
    l "char", m uuid, n date, o timestamp, p timestamptz, q interval, r inet, s cidr, t bytea, u jsonb, v int[],
    w sketch_mood, x sketch_domain, y time, z money);
INSERT INTO sketch_types
SELECT i, -i, i * 1000000007::bigint, i / 3.0, i / 7.0, i / 9.0, i % 2 = 0, repeat('ü', i), 'v' || i, 'c' || i, 'n' || i,
       chr(64 + i)::"char", md5(i::text)::uuid, date '2000-01-01' + i, timestamp '2000-01-01' + i * interval '1 hour',
       timestamptz '2000-01-01' + i * interval '1.5 s', i * interval '1 min', ('10.0.0.' || i)::inet, ('10.' || i || '.0.0/16')::cidr,
       decode(lpad(to_hex(i), 4, '0'), 'hex'), jsonb_build_object('i', i), ARRAY[i, NULL], (ARRAY['fine', 'sad'])[i % 2 + 1]::sketch_mood,
       i, time '00:00' + i * interval '1 min', i::money
FROM generate_series(1, 20) AS i;
INSERT INTO sketch_types (h) VALUES (repeat('long', 100000));  -- compressed, out of line
INSERT INTO sketch_types (f, e) VALUES ('NaN', 'NaN'), (1e-30, '-0'), (123456789012345678901234567890.5, 'Infinity');
SELECT 'SELECT ' || string_agg(format('(pulse_sketch_agg(%1$I)::text = pulse_sketch_agg(%1$I::text)::text) AS %1$I', attname), ', ' ORDER BY attnum)
       || ' FROM sketch_types' AS query FROM pg_attribute WHERE attrelid = 'sketch_types'::regclass AND attnum > 0 \gset
\x on
:query;
\x off
-- A value out of line is read, not the pointer to it.
SELECT count(*), pulse_sketch_agg(h)::text = pulse_sketch_agg(h || '')::text AS same FROM sketch_types WHERE length(h) > 1000;
-- The smallest hash follows the header of 20 bytes, in little-endian order.
SELECT right(pulse_sketch_agg(h)::text, 16) = (SELECT string_agg(substr(x, 15 - 2 * n, 2), '' ORDER BY n) FROM lpad(to_hex(hashtextextended('ü', 0)), 16, '0') AS x, generate_series(0, 7) AS n) AS same
FROM sketch_types WHERE h = 'ü';

-- Beyond the capacity: an estimate with its error.
SET pulse.sketch_size = 1024;
CREATE TABLE sketch_big AS SELECT i FROM generate_series(1, 100000) AS i;
SELECT abs(pulse_sketch_cardinality(s) / 100000 - 1) < 4 * pulse_sketch_error(s) AS near, round(pulse_sketch_error(s)::numeric, 4) AS error,
       length(s::text) AS characters
FROM (SELECT pulse_sketch_agg(i) AS s FROM sketch_big) AS x;

-- Overlap of two sets.
SELECT * FROM pulse_sketch_overlap((SELECT pulse_sketch_agg(i) FROM generate_series(1, 100) AS i),
                                   (SELECT pulse_sketch_agg(i) FROM generate_series(61, 150) AS i));
SELECT * FROM pulse_sketch_overlap((SELECT pulse_sketch_agg(i) FROM generate_series(1, 0) AS i),
                                   (SELECT pulse_sketch_agg(i) FROM generate_series(1, 0) AS i));
SELECT abs(in_both - 50000) < 4 * standard_error AS both, abs(only_a) < 4 * standard_error AS a, abs(only_b - 50000) < 4 * standard_error AS b,
       standard_error BETWEEN 500 AND 5000 AS error
FROM pulse_sketch_overlap((SELECT pulse_sketch_agg(i) FROM sketch_big WHERE i <= 50000), (SELECT pulse_sketch_agg(i) FROM sketch_big));
SELECT pulse_sketch_cardinality(pulse_sketch_union((SELECT pulse_sketch_agg(i) FROM generate_series(1, 100) AS i),
                                                   (SELECT pulse_sketch_agg(i) FROM generate_series(61, 150) AS i))) AS members;
SELECT pulse_sketch_union((SELECT pulse_sketch_agg(i) FROM sketch_big WHERE i % 2 = 0), (SELECT pulse_sketch_agg(i) FROM sketch_big WHERE i % 2 = 1))::text
       = pulse_sketch_agg(i)::text AS same FROM sketch_big;
-- Different capacities: the smaller one applies.
SELECT pulse_sketch_agg(i) AS small FROM sketch_big \gset
SET pulse.sketch_size = 65536;
SELECT abs(in_both - 100000) < 4 * standard_error AS near FROM pulse_sketch_overlap(:'small', (SELECT pulse_sketch_agg(i) FROM sketch_big));
SELECT pulse_sketch_union(:'small', (SELECT pulse_sketch_agg(i) FROM sketch_big))::text = :'small' AS same;

-- Parallel plans give the same bytes.
CREATE TABLE sketch_result AS SELECT pulse_sketch_agg(i) AS sketch FROM sketch_big;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) CREATE TABLE sketch_parallel AS SELECT pulse_sketch_agg(i) FROM sketch_big;
CREATE TABLE sketch_parallel AS SELECT pulse_sketch_agg(i) AS sketch FROM sketch_big;
INSERT INTO sketch_result TABLE sketch_parallel;
SELECT count(DISTINCT md5(sketch::text)) AS different, min(pg_column_size(sketch)) AS bytes FROM sketch_result;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;

-- Round trip as text and as bytes.
SELECT count(*) AS same FROM sketch_result WHERE sketch::text::pulse_sketch::text = sketch::text;
SELECT count(*) AS same FROM sketch_result WHERE pulse.to_sketch(pulse_sketch_send(sketch))::text = sketch::text;

-- Input that is not a sketch is refused.
SELECT 'x'::pulse_sketch;
SELECT 'xx'::pulse_sketch;
SELECT ''::pulse_sketch;
SELECT '00000000'::pulse_sketch;
SELECT pulse.to_sketch('\x50534b3140000000ffffffffffffffff0000000000');
SELECT pulse_sketch_cardinality('50534b3140000000ffffffffffffffff00000000') AS empty;
SELECT '50534b3101000000ffffffffffffffff00000000'::pulse_sketch;
SELECT '50534b3140000000ffffffffffffffff01000000'::pulse_sketch;
SELECT '50534b3140000000ffffffffffffffff0200000002000000000000000100000000000000'::pulse_sketch;
SELECT '50534b31400000000100000000000000010000000200000000000000'::pulse_sketch;
SELECT pulse_sketch_cardinality(NULL) IS NULL AS "null";
SELECT pulse_sketch_union(NULL, :'small') IS NULL AS "null";
SELECT * FROM pulse_sketch_overlap(NULL, NULL);
-- Support functions of aggregates cannot be called directly.
SELECT pulse.sketch_agg_step(NULL, 1);
SELECT pulse.measure_final(NULL);
SELECT pulse.count_clauses_final(NULL);
-- The internal aggregates refuse wrong arguments.
SELECT pulse.measure('{}', 1, true, now());
SELECT pulse.measure(NULL, 1, true, now());
SELECT pulse.measure('{"moment":0,"inactive_after":0,"sketch_size":64,"kinds":["numeric"]}', 1, true, now(), 'x'::text);
SELECT pulse.measure('{"moment":0,"inactive_after":0,"sketch_size":64,"kinds":["numeric"]}', 1, true, now());
SELECT pulse.measure('{"moment":0,"inactive_after":0,"sketch_size":64,"kinds":[]}', 1, 1, now());
SELECT pulse.measure('{"moment":0,"inactive_after":0,"sketch_size":64,"kinds":[]}', 1, true, now()) FROM generate_series(1, 0);
SELECT pulse.measure('{"moment":0,"inactive_after":0,"sketch_size":64,"kinds":[],"clauses":1}', 1, true, now());
SELECT pulse.measure('{"moment":0,"inactive_after":0,"sketch_size":64,"kinds":[],"clauses":1}', 1, true, now(), 1);
-- With the clauses among its arguments it measures the same members as with a filter.
SELECT substring(encode(pulse.measure('{"moment":0,"inactive_after":0,"sketch_size":64,"kinds":["numeric"],"clauses":2}', k, k > 3, NULL::timestamptz, k / 2, k > 2, k <> 5), 'hex') FOR length(f)) = f AS same
FROM generate_series(1, 100) AS k, (SELECT encode(pulse.measure('{"moment":0,"inactive_after":0,"sketch_size":64,"kinds":["numeric"]}', k, k > 3, NULL::timestamptz, k / 2) FILTER (WHERE k > 2 AND k <> 5), 'hex') AS f
                                    FROM generate_series(1, 100) AS k) AS filtered GROUP BY f;
SELECT pulse.count_clauses(NULL::tid, 1);
SELECT pulse.count_clauses(NULL::tid, a, b) FROM (VALUES (true, true), (true, false), (NULL, true), (false, NULL)) AS v (a, b);

DROP TABLE sketch_types, sketch_big, sketch_result, sketch_parallel;
DROP TYPE sketch_mood;
DROP DOMAIN sketch_domain;
