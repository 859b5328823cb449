-- Plain SQL gives the same result as pulse.measure(): two segments with the same definition, one measured each way.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pulse;
CREATE SCHEMA IF NOT EXISTS bridge;
CREATE EXTENSION IF NOT EXISTS pulse_bridge_test SCHEMA bridge;
SET search_path = bridge, public;
SET jit = off;
SET pulse.now = '2016-03-01 12:34:56.789+00';
SET timezone = 'Asia/Kathmandu';
CREATE SCHEMA plain;
CREATE TYPE plain.mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN plain.code AS varchar(10);

CREATE FUNCTION plain.both(what text, definition jsonb, moment timestamptz DEFAULT '2016-03-01 12:34:56.789+00',
                           sketch_size int DEFAULT 65536, max_values int DEFAULT 50, expected bigint DEFAULT NULL)
RETURNS TABLE (size bigint, hashes int, attributes bigint, different text) LANGUAGE plpgsql AS $$
DECLARE
    a bigint; b bigint;
BEGIN
    PERFORM pulse_create_segment(what || ' a', definition);
    PERFORM pulse_create_segment(what || ' b', definition);
    PERFORM set_config('pulse.sketch_size', sketch_size::text, false), set_config('pulse.max_values', max_values::text, false);
    a := pulse_take_snapshot(what || ' a');
    b := snapshot_plainly(what || ' b', moment, sketch_size, max_values, expected);
    RETURN QUERY
    SELECT x.size, (octet_length(pulse_sketch_send(x.sketch)) - 20) / 8, (SELECT count(*) FROM pulse.distribution WHERE snapshot_id = a),
           -- Every column that the two ways must agree on to the last bit.
           concat_ws(', ', (SELECT string_agg(l.key, ', ') FROM
               jsonb_each_text(to_jsonb(x) - '{id,segment_id,duration_ms,plan_cost,recorded_at}'::text[]) AS l
               JOIN jsonb_each_text(to_jsonb(y)) AS r USING (key) WHERE l.value IS DISTINCT FROM r.value),
           (SELECT string_agg(coalesce(p.attribute, q.attribute) || '.' || d.key, ', ' ORDER BY p.attribute, d.key)
            FROM (SELECT * FROM pulse.distribution WHERE snapshot_id = a) AS p
            FULL JOIN (SELECT * FROM pulse.distribution WHERE snapshot_id = b) AS q USING (attribute),
                LATERAL (SELECT l.key FROM jsonb_each_text(to_jsonb(p) - '{snapshot_id,mean,stddev}'::text[]) AS l
                         LEFT JOIN jsonb_each_text(to_jsonb(q)) AS r USING (key) WHERE l.value IS DISTINCT FROM r.value
                         UNION ALL SELECT 'missing' WHERE p.attribute IS NULL OR q.attribute IS NULL
                         UNION ALL SELECT 'mean' WHERE (p.mean IS NULL) <> (q.mean IS NULL)
                             OR abs(p.mean - q.mean) > 1e-12 * greatest(abs(p.mean), p.stddev)
                         UNION ALL SELECT 'stddev' WHERE (p.stddev IS NULL) <> (q.stddev IS NULL)
                             OR abs(p.stddev - q.stddev) > 1e-12 * p.stddev) AS d))
    FROM pulse.snapshot AS x, pulse.snapshot AS y WHERE x.id = a AND y.id = b;
END $$;

CREATE TABLE plain.people (
    id bigint PRIMARY KEY, uid uuid NOT NULL, plan text, city text, story text, padded char(12), code plain.code, mood plain.mood,
    vip boolean, age smallint, visits int, ltv numeric, score float8, ratio real, price money,
    born date, seen timestamptz, made timestamp
);
INSERT INTO plain.people
SELECT i, md5(i::text)::uuid,
       (ARRAY['free', 'pro', 'team', NULL, ''])[1 + i % 5],
       CASE WHEN i % 11 = 0 THEN NULL ELSE chr(19968 + i % 331) || '🙂' || i % 3 END,
       CASE i % 7 WHEN 0 THEN repeat('x', 300) || i % 4 WHEN 1 THEN repeat('é', 150) || i % 3 WHEN 2 THEN repeat('🙂', 60) || i % 2
           WHEN 3 THEN repeat('y', 200) WHEN 4 THEN repeat('y', 201) WHEN 5 THEN '' END,
       'p' || i % 9, 'c' || i % 8, (enum_range(NULL::plain.mood))[1 + i % 3],
       (ARRAY[true, false, NULL]::boolean[])[1 + i % 3], i % 90, (i % 2000) * (i % 2000) - 1000000,
       CASE i % 13 WHEN 0 THEN 'NaN'::numeric WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' WHEN 3 THEN NULL
           WHEN 4 THEN -0.1 * i ELSE i * 1.01 + 0.001 END,
       CASE i % 17 WHEN 0 THEN 'NaN'::float8 WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' WHEN 3 THEN NULL WHEN 4 THEN -0.0
           WHEN 5 THEN 0 WHEN 6 THEN -1 WHEN 7 THEN -2 WHEN 8 THEN -64 WHEN 9 THEN 1e-300 * i WHEN 10 THEN -1e-7 * i
           WHEN 11 THEN 5e-324 WHEN 12 THEN 1e300 WHEN 13 THEN -1e300 ELSE sin(i) * 1e5 END,
       i / 7.0, (i % 1000)::money,
       CASE i % 6 WHEN 0 THEN 'infinity'::date WHEN 1 THEN '-infinity' WHEN 2 THEN '0001-01-01' WHEN 3 THEN NULL
           ELSE date '1930-01-01' + i % 30000 END,
       CASE i % 6 WHEN 0 THEN 'infinity'::timestamptz WHEN 1 THEN '-infinity' WHEN 2 THEN NULL WHEN 3 THEN '1800-01-01 00:00:00.000001+00'
           ELSE timestamptz '2016-03-01 12:34:56.789+00' - i * interval '12345.678901 seconds' END,
       timestamp '2016-05-01' - i * interval '1 hour 1 microsecond'
FROM generate_series(1, 20000) AS i;
ANALYZE plain.people;

-- All features together, with every kind of value.
SELECT * FROM plain.both('all', '{"from": "plain.people", "where": "id > 100 && visits < 2000000",
    "attributes": ["plan", "city", "story", "padded", "code", "mood", "vip", {"name": "visits", "kind": "categorical"}],
    "converted": "age > 40", "last_active": "seen"}');
SELECT * FROM plain.both('numbers', '{"from": "plain.people", "where": "plan is not null && age >= 10 || vip",
    "attributes": ["age", "visits", "ltv", "score", "ratio", "price"], "converted": "vip", "last_active": "made"}');
SELECT * FROM plain.both('times', '{"from": "plain.people", "key": "uid", "attributes": ["born", "seen", "made"], "last_active": "born"}');
-- A second snapshot keeps the edges of the first.
UPDATE plain.people SET age = age + 5, ltv = ltv * 1.5 WHERE id % 3 = 0;
SET pulse.now = '2016-03-02 00:00+00';
SELECT count(*) AS differences FROM (SELECT pulse_take_snapshot('numbers a') AS a, snapshot_plainly('numbers b', '2016-03-02 00:00+00') AS b) AS s,
    pulse.distribution AS p, pulse.distribution AS q
WHERE p.snapshot_id = s.a AND q.snapshot_id = s.b AND p.attribute = q.attribute AND (p.edges, p.counts) IS DISTINCT FROM (q.edges, q.counts);
SET pulse.now = '2016-03-01 12:34:56.789+00';

-- More values than are kept by name, and more members than the capacity of the sketch.
SELECT * FROM plain.both('few names', '{"from": "plain.people", "attributes": ["city", "story", {"name": "age", "kind": "categorical"}]}', max_values => 3);
SELECT * FROM plain.both('sketch', '{"from": "plain.people", "attributes": ["plan"]}', sketch_size => 1000);
-- The planner or the last snapshot overestimated the members by far: the sketch is read again.
SELECT * FROM plain.both('promised', '{"from": "plain.people", "attributes": ["plan"]}', sketch_size => 1000, expected => 100000000);
SELECT * FROM plain.both('promised few', '{"from": "plain.people", "where": "id <= 500", "attributes": ["plan"]}', sketch_size => 1000, expected => 100000000);
SELECT cardinality(snapshot_plain_queries('promised b', now(), 1000, 50, 100000000)) -
       cardinality(snapshot_plain_queries('promised b', now(), 1000, 50, 20000)) AS more_queries;
-- Duplicate keys and null keys in a query.
SELECT * FROM plain.both('keys', '{"query": "SELECT CASE WHEN id % 10 > 0 THEN id % 700 END AS k, plan, ltv FROM plain.people WHERE seen < pulse_now() -- all", "last_active": null}');
SELECT * FROM plain.both('many keys', '{"query": "SELECT id % 700 AS k, plan FROM plain.people"}', sketch_size => 64);
-- No members; only nulls; one member.
SELECT * FROM plain.both('nobody', '{"from": "plain.people", "where": "id < 0", "attributes": ["plan", "ltv", "seen"], "converted": "vip", "last_active": "seen"}');
SELECT * FROM plain.both('nulls', '{"from": "plain.people", "where": "plan is null && ltv is null && seen is null", "attributes": ["plan", "ltv", "seen"]}');
SELECT * FROM plain.both('one', '{"from": "plain.people", "where": "id = 77", "attributes": ["plan", "ltv", "seen", "score"]}');
-- Only the key; very many attributes.
SELECT * FROM plain.both('bare', '{"from": "plain.people", "attributes": []}');
SELECT * FROM plain.both('wide', jsonb_build_object('query', (SELECT 'SELECT id, ' || string_agg(format('id %% %s + 0.5 AS c%s', n + 1, n), ', ') || ' FROM plain.people WHERE id <= 2000'
                                                              FROM generate_series(1, 95) AS n),
                                                    'attributes', (SELECT jsonb_agg('c' || n) FROM generate_series(1, 95) AS n)));

-- Clauses: for a large relation, both ways sample the same blocks.
CREATE TABLE plain.large AS SELECT i AS id, i % 100 AS a, i / 5000 AS b FROM generate_series(1, 150000) AS i;
ALTER TABLE plain.large ADD PRIMARY KEY (id);
CREATE INDEX ON plain.large (a, b);
VACUUM ANALYZE plain.large;
SELECT * FROM plain.both('sampled', '{"from": "plain.large", "where": "a = 3 && b < 20", "attributes": ["b"]}');
SELECT clause_rows BETWEEN 140000 AND 160000 AS rows, clause_error > 0 AS sampled FROM pulse.snapshot AS p JOIN pulse.segment AS s ON s.id = p.segment_id
WHERE s.name LIKE 'sampled %' ORDER BY s.name;

-- Numbers are read in one scan, grouped by hashing.
CREATE FUNCTION plain.nodes(segment text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || (SELECT q FROM unnest(snapshot_plain_queries(segment, now())) AS q WHERE q LIKE '%GROUPING SETS%') LOOP
        IF line ~ 'Scan on people|Aggregate|Hash Key' THEN
            RETURN NEXT (regexp_match(line, 'Seq Scan on people|\w*Aggregate|Hash Key'))[1];
        END IF;
    END LOOP;
END $$;
SELECT * FROM plain.nodes('times b');

SET client_min_messages = error;
SELECT count(*) FROM (SELECT pulse_delete_segment(name, true) FROM pulse.segment) AS gone;
DROP SCHEMA plain CASCADE;
