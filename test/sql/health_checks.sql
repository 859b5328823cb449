-- Every type of check: ok, bad, failing, within the error of a sample; huge tables are never read completely.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
CREATE SCHEMA lake;
CREATE TABLE lake.customer (id int, name text);
INSERT INTO lake.customer SELECT i, 'c' || i FROM generate_series(1, 100) AS i;
CREATE TABLE lake.event (id bigint, customer_id int, kind text, amount int, created_at timestamptz);
INSERT INTO lake.event SELECT i, 1 + i % 100, (ARRAY['a', 'b'])[1 + i % 2], i % 100,
    '1996-01-01'::timestamptz + i * interval '1 minute' FROM generate_series(1, 60000) AS i;
CREATE INDEX event_created_at ON lake.event (created_at);
ANALYZE lake.event, lake.customer;
SET pulse.now = '1996-02-11 16:00';

SELECT pulse_monitor_table('lake.event', checks => '[
    {"type": "freshness", "column": "created_at"}, {"type": "volume", "min": 1000, "max": 100000},
    {"type": "null_rate", "column": "amount", "max": 0.01}, {"type": "unique", "columns": ["id"]},
    {"type": "unique", "columns": ["customer_id", "created_at"]},
    {"type": "accepted_values", "column": "kind", "values": ["a", "b"]}, {"type": "range", "column": "amount", "min": 0, "max": 99},
    {"type": "references", "column": "customer_id", "relation": "lake.customer", "to": "id"}, {"type": "schema"},
    {"type": "replication_lag", "standbys": 0}, {"type": "sql", "name": "negative", "query": "SELECT FROM lake.event WHERE amount < 0;", "rows": 0},
    {"type": "sql", "name": "mean", "query": "SELECT avg(amount) FROM lake.event", "min": 40, "max": 60}]') > 0 AS made;
SELECT "check", status, observed, expected, message FROM pulse_check_tables('lake.event');
-- One scan serves all column checks: together they cost as much as one of them.
SELECT count(DISTINCT plan_cost) FROM pulse.check_result AS r JOIN pulse.monitor_check AS c ON c.id = r.check_id
WHERE c.kind IN ('volume', 'null_rate', 'accepted_values', 'range');

-- All checks fail.
INSERT INTO lake.event SELECT i, 1000, 'c', -5, '1996-02-11 16:00' FROM generate_series(1, 6000) AS i;
UPDATE lake.event SET amount = NULL WHERE id BETWEEN 10000 AND 13000;
ALTER TABLE lake.event RENAME COLUMN kind TO type;
ALTER TABLE lake.event ADD COLUMN extra int, ALTER COLUMN id SET DEFAULT 0, ALTER COLUMN created_at SET NOT NULL;
SET pulse.now = '1996-02-12 01:00';
SELECT "check", status, round(observed::numeric, 4) AS observed, expected, message, incident IS NOT NULL AS incident FROM pulse_check_tables('lake.event');
-- A missing column fails only its own check; then the column comes back.
SELECT c.kind, c.attribute, c.last_status, c.consecutive_bad FROM pulse.monitor_check AS c WHERE c.last_status = 'error';

-- A check that the server rejects does not affect the others.
SELECT pulse_monitor_table('lake.event', checks => '[{"type": "range", "column": "amount", "min": -10}, {"type": "accepted_values", "column": "extra", "values": [1]},
    {"type": "sql", "name": "zero", "query": "SELECT 1 / (count(*) - count(*)) FROM lake.customer", "max": 1},
    {"type": "sql", "name": "several", "query": "SELECT amount FROM lake.event", "max": 1},
    {"type": "sql", "name": "nothing", "query": "SELECT NULL::int", "max": 1}, {"type": "volume", "min": 1}]') > 0 AS made;
ALTER TABLE lake.event ALTER COLUMN extra TYPE date USING NULL;
SELECT "check", status, message FROM pulse_check_tables('lake.event');
ALTER TABLE lake.customer RENAME TO client;
SELECT "check", status, message FROM pulse_check_tables('lake.event') WHERE "check" = 'sql zero';
ALTER TABLE lake.client RENAME TO customer;
-- A check that takes too long is skipped until the next run.
SET pulse.check_timeout = '200ms';
SELECT pulse_monitor_table('lake.event', checks => '[{"type": "volume", "min": 1}, {"type": "sql", "name": "slow",
    "query": "SELECT count(pg_sleep(0.01)) FROM lake.customer, generate_series(1, 100)", "min": 1}]') > 0 AS made;
SELECT "check", status, message FROM pulse_check_tables('lake.event');
RESET pulse.check_timeout;

-- Above the limit: no table is read completely. Pages are sampled, and the result states the error.
SET pulse.row_limit = 10000;
SET pulse.sample_rows = 5000;
ALTER TABLE lake.event RENAME COLUMN type TO kind;
TRUNCATE lake.event;
INSERT INTO lake.event SELECT i, 1 + i % 100, (ARRAY['a', 'b'])[1 + i % 2], CASE WHEN i % 50 <> 0 THEN i % 100 END,
    '1996-01-01'::timestamptz + i * interval '1 minute' FROM generate_series(1, 60000) AS i;
VACUUM ANALYZE lake.event;
CREATE TABLE lake.plain AS SELECT * FROM lake.event;
ANALYZE lake.plain;
SELECT pulse_monitor_table('lake.event', checks => '[{"type": "freshness", "column": "created_at"}, {"type": "volume", "min": 1000},
    {"type": "null_rate", "column": "amount", "max": 0.01}, {"type": "null_rate", "column": "customer_id", "max": 0.01},
    {"type": "unique", "columns": ["id"]}, {"type": "references", "column": "customer_id", "relation": "lake.customer", "to": "id"},
    {"type": "sql", "name": "all", "query": "SELECT count(*) FROM lake.event", "min": 1},
    {"type": "sql", "name": "few", "query": "SELECT count(*) FROM lake.event WHERE created_at > ''1996-02-11''", "min": 1}]') > 0 AS made;
BEGIN;
SELECT pg_stat_get_xact_tuples_returned('lake.event'::regclass) AS before \gset
SELECT "check", status, expected, message ~ 'sample of [\d,]+ rows \([\d.]+ % of the table, standard error [\d.]+ %\)' AS error_stated,
       CASE WHEN message !~ 'sample' THEN regexp_replace(message, '[\d,]{5,}', 'N', 'g') END AS message
FROM pulse_check_tables('lake.event');
SELECT pg_stat_get_xact_tuples_returned('lake.event'::regclass) - :before BETWEEN 1 AND 25000 AS read_a_part;
COMMIT;
-- The estimate is within its error, the error is that of sampling whole pages, and the same sample gives the same result.
SELECT c.attribute, abs(r.observed - 0.02) <= 4 * r.standard_error AS within, r.standard_error > 0 AS error, r.sampled BETWEEN 0.05 AND 0.15 AS sampled, r.rows < 20000 AS some
FROM pulse.check_result AS r JOIN pulse.monitor_check AS c ON c.id = r.check_id WHERE c.kind = 'null_rate' AND c.attribute = 'amount' AND r.sampled IS NOT NULL;
SELECT count(DISTINCT observed) FROM (SELECT observed FROM pulse_check_tables('lake.event') WHERE "check" = 'null_rate amount'
    UNION ALL SELECT observed FROM pulse_check_tables('lake.event') WHERE "check" = 'null_rate amount') AS twice;
-- 2 % against a limit of 1.9 % is within the error: not bad.
SELECT pulse_monitor_table('lake.event', checks => '[{"type": "null_rate", "column": "amount", "max": 0.0199}]') > 0 AS made;
SELECT status FROM pulse_check_tables('lake.event');
-- Without an index, the newest row is in the last pages of an ordered table; its arrival pattern cannot be learnt.
SELECT pulse_monitor_table('lake.plain', checks => '[{"type": "freshness", "column": "created_at", "max_age": "1 day"}]') > 0 AS made;
SELECT status, regexp_replace(message, 'last \d+ pages', 'last N pages') AS message FROM pulse_check_tables('lake.plain');
SELECT pulse_monitor_table('lake.plain', checks => '[{"type": "freshness", "column": "created_at"}]') > 0 AS made;
SELECT status, regexp_replace(message, '[\d,]{5,}', 'N', 'g') AS message FROM pulse_check_tables('lake.plain');
-- A view over it cannot be sampled.
CREATE VIEW lake.seen AS SELECT * FROM lake.plain;
SELECT pulse_monitor_table('lake.seen', checks => '[{"type": "null_rate", "column": "amount"}, {"type": "schema"}]') > 0 AS made;
SELECT "check", status, regexp_replace(message, '[\d,]{5,}', 'N', 'g') AS message FROM pulse_check_tables('lake.seen');
-- Partitions are not read completely either.
CREATE TABLE lake.part (id int, at timestamptz) PARTITION BY RANGE (id);
CREATE TABLE lake.part1 PARTITION OF lake.part FOR VALUES FROM (0) TO (9000);
CREATE TABLE lake.part2 PARTITION OF lake.part FOR VALUES FROM (9000) TO (20000);
INSERT INTO lake.part SELECT i, '1996-02-11' FROM generate_series(0, 17999) AS i;
ANALYZE lake.part, lake.part1, lake.part2;
SELECT pulse_monitor_table('lake.part', checks => '[{"type": "null_rate", "column": "at"}, {"type": "volume", "min": 1}, {"type": "sql", "query": "SELECT count(*) FROM lake.part", "min": 1}]') > 0 AS made;
SELECT "check", status, regexp_replace(message, '[\d,.]{5,}', 'N', 'g') AS message FROM pulse_check_tables('lake.part') WHERE "check" <> 'null_rate at';
SELECT status, sampled < 1 AS sampled FROM pulse.check_result AS r JOIN pulse.monitor_check AS c ON c.id = r.check_id WHERE c.attribute = 'at';
RESET pulse.row_limit;
RESET pulse.sample_rows;

-- Unusual tables: no rows, no columns, names that need quotes, a dropped table.
CREATE TABLE lake.empty (id int, at timestamptz);
CREATE TABLE lake.bare ();
CREATE TABLE lake."Odd ""Table" ("The Column" int, "when" date);
INSERT INTO lake."Odd ""Table" VALUES (1, '1996-02-11'), (NULL, '1996-02-10');
SELECT "check" FROM pulse_suggest_checks('lake.bare');
SELECT "check" FROM pulse_suggest_checks('lake."Odd ""Table"');
SELECT pulse_monitor_table('lake.empty', checks => '[{"type": "freshness", "column": "at"}, {"type": "volume"}, {"type": "null_rate", "column": "id"}, {"type": "unique", "column": "id"}]') > 0 AS empty,
       pulse_monitor_table('lake.bare') > 0 AS bare,
       pulse_monitor_table('lake."Odd ""Table"', checks => '[{"type": "null_rate", "column": "The Column", "max": 0.1}, {"type": "freshness", "column": "when", "max_age": "3 days"}]') > 0 AS odd;
SELECT relation, "check", status, observed, message FROM pulse_check_tables() WHERE relation ~ 'empty|bare|Odd';
DROP TABLE lake.bare;
SELECT "check", status, message FROM pulse_check_tables('lake.bare');

-- What the catalog does not guarantee is read: rows of inheritance children, of an invalid index, of a constraint that is
-- checked at commit only; a foreign key whose triggers were off.
CREATE TABLE lake.parent (id int PRIMARY KEY);
CREATE TABLE lake.child () INHERITS (lake.parent);
INSERT INTO lake.parent VALUES (1), (2);
INSERT INTO lake.child VALUES (2), (3);
CREATE TABLE lake.twice AS SELECT 1 AS id FROM generate_series(1, 2);
CREATE UNIQUE INDEX CONCURRENTLY twice_id ON lake.twice (id);
CREATE TABLE lake.late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED);
INSERT INTO lake.late VALUES (1), (2);
CREATE TABLE lake.points (customer int REFERENCES lake.parent);
SET session_replication_role = replica;
INSERT INTO lake.points VALUES (1), (7);
RESET session_replication_role;
ALTER TABLE lake.points DISABLE TRIGGER ALL;
SELECT pulse_monitor_table('lake.' || t, checks => '[{"type": "unique", "column": "id"}]') > 0 AS made FROM unnest(ARRAY['parent', 'twice', 'late']) AS t;
SELECT pulse_monitor_table('lake.points', checks => '[{"type": "references", "column": "customer", "relation": "lake.parent", "to": "id"}]') > 0 AS made;
SELECT relation, status, round(observed::numeric, 4) AS observed, message FROM pulse_check_tables()
WHERE relation ~ 'parent|twice|late|points' ORDER BY 1;
SELECT reason FROM pulse_suggest_checks('lake.points') WHERE "check" ->> 'type' = 'references';
-- A partitioned table's index covers all its rows.
CREATE TABLE lake.whole (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE lake.whole1 PARTITION OF lake.whole FOR VALUES FROM (0) TO (10);
INSERT INTO lake.whole VALUES (1);
SELECT pulse_monitor_table('lake.whole', checks => '[{"type": "unique", "column": "id"}]') > 0 AS made;
SELECT status, message FROM pulse_check_tables('lake.whole');

-- A check runs as in a fresh session: settings of this session have no effect.
CREATE ROLE lake_tenant;
GRANT USAGE ON SCHEMA lake TO lake_tenant;
CREATE TABLE lake.shared (tenant text);
INSERT INTO lake.shared VALUES ('a'), ('a'), ('b');
ALTER TABLE lake.shared ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON lake.shared USING (tenant = coalesce(nullif(current_setting('app.tenant', true), ''), 'b'));
GRANT SELECT ON lake.shared TO lake_tenant;
SELECT pulse_grant('lake_tenant', 'operator');
SET ROLE lake_tenant;
SELECT pulse_monitor_table('lake.shared', checks => '[{"type": "sql", "name": "own", "query": "SELECT count(*) FROM lake.shared", "max": 1},
    {"type": "sql", "name": "settings", "query": "SELECT FROM unnest(ARRAY[''timezone=UTC'', ''datestyle=ISO, YMD'', ''intervalstyle=postgres'', ''extra_float_digits=1'', ''bytea_output=hex'', ''row_security=on'', ''transform_null_equals=off'', ''array_nulls=on'', ''gin_fuzzy_search_limit=0'', ''xmloption=content'', ''quote_all_identifiers=off'']) AS s WHERE split_part(s, ''='', 2) <> current_setting(split_part(s, ''='', 1)) OR current_setting(''default_text_search_config'') = ''pg_catalog.german", "rows": 0}]') > 0 AS made;
SET row_security = off;
SET app.tenant = 'a';
SET timezone = 'Asia/Tokyo';
SET datestyle = 'German';
SET intervalstyle = 'iso_8601';
SET extra_float_digits = -3;
SET bytea_output = 'escape';
SET transform_null_equals = on;
SET array_nulls = off;
SET gin_fuzzy_search_limit = 7;
SET xmloption = 'document';
SET quote_all_identifiers = on;
SET default_text_search_config = 'german';
SELECT "check", status, observed, message FROM pulse_check_tables('lake.shared');
SELECT current_setting('app.tenant') AS tenant, current_setting('row_security') AS row_security;
RESET ALL;
RESET ROLE;
SELECT pulse_revoke('lake_tenant');

SET timezone = 'UTC';
SET client_min_messages = warning;
DROP OWNED BY lake_tenant;
DROP ROLE lake_tenant;
DELETE FROM pulse.monitor;
DROP SCHEMA lake CASCADE;
