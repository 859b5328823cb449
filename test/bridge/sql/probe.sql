-- Expressions without a query, rows without the executor, and caches invalidated by commits.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
CREATE SCHEMA IF NOT EXISTS bridge;
CREATE EXTENSION IF NOT EXISTS pulse_bridge_test SCHEMA bridge;
RESET client_min_messages;
SET search_path = bridge, public;
\set SHOW_CONTEXT never

-- ---- Expression ----
SELECT bridge_evaluate('$1 + 1', 41, NULL), bridge_evaluate('upper($2) || $1', 7, 'x'), bridge_evaluate('$1 > 5 AND $2 IS NULL', 6, NULL);
SELECT bridge_evaluate('$1 + 1', NULL, NULL) IS NULL AS is_null, bridge_evaluate('1 + 1', NULL, NULL) AS constant;
SELECT bridge_evaluate($$'{"a": [1, 2]}'::jsonb -> $2$$, 0, 'a'), bridge_evaluate('$2 ~ ''^a+$''', 0, 'aaa');
SELECT bridge_evaluate('repeat($2, 1000)', 0, 'x', 100000) = repeat('x', 1000) AS flat;
-- An error is the same as in SQL, and the next call works.
SELECT bridge_evaluate('$1 / 0', 1, NULL);
SELECT bridge_evaluate('$1 +', 1, NULL);
SELECT bridge_evaluate('$1 + $2', 1, 'x');
SELECT bridge_evaluate('nothing', 1, NULL);
SELECT bridge_evaluate('count($1)', 1, NULL);
SELECT bridge_evaluate('(SELECT 1)', 1, NULL);
SELECT bridge_evaluate('1, 2', 1, NULL);
SELECT bridge_evaluate('1; SELECT 2', 1, NULL);
SELECT bridge_evaluate('generate_series(1, $1)', 3, NULL);
SELECT bridge_evaluate('1 FROM pulse.segment', 1, NULL);
SELECT bridge_evaluate('$1 * 2', 21, NULL);
-- Memory does not grow: a thousand evaluations, half of which fail.
DO $$
BEGIN
    FOR i IN 1..1000 LOOP
        BEGIN
            PERFORM bridge_evaluate('$1 / ($1 % 2)', i, NULL);
        EXCEPTION WHEN division_by_zero THEN NULL;
        END;
    END LOOP;
END $$;
SELECT count(*) AS left_behind FROM pg_backend_memory_contexts WHERE name = 'pulse expression';

-- ---- Probe ----
CREATE TABLE probed (id int PRIMARY KEY);
SELECT pulse_create_segment('probed', '{"from": "probed"}', tags => '{a,b}') > 0 AS made;
SELECT bridge_probe('probed') = (SELECT id || ' 1 {a,b}' FROM pulse.segment) AS found, bridge_probe('no such') IS NULL AS none;
BEGIN;
SELECT pulse_update_segment('probed', new_name => 'renamed');
SELECT bridge_probe('probed') IS NULL AS gone, bridge_probe('renamed') IS NOT NULL AS sees_its_own;
SELECT bridge_probe_many('{probed,renamed,no such,renamed}') = format('0 %s 0 %1$s', id) AS many, bridge_probe_many('{}') = '' AS none FROM pulse.segment;
ROLLBACK;
SELECT bridge_probe('probed') IS NOT NULL AS back;
SELECT pulse_delete_segment('probed', confirm => true);
DROP TABLE probed;

-- ---- Watch ----
SELECT bridge_changed() AS at_first, bridge_changed() AS then_not;
SELECT bridge_announce();
SELECT bridge_changed() AS own, bridge_changed() AS then_not;
BEGIN;
SELECT bridge_announce();
SELECT bridge_changed() AS before_the_end;
ROLLBACK;
SELECT bridge_changed() AS rolled_back, bridge_changed() AS then_not;
BEGIN;
SAVEPOINT s;
SELECT bridge_announce();
SELECT bridge_changed() AS inside;
ROLLBACK TO s;
SELECT bridge_changed() AS savepoint_rolled_back;
COMMIT;
-- A new object with the name of a dropped one is a different object.
BEGIN;
DROP EXTENSION pulse_bridge_test;
DROP EXTENSION pulse;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION pulse SCHEMA public;
CREATE EXTENSION pulse_bridge_test SCHEMA bridge;
SELECT bridge_changed() AS made_anew;
COMMIT;

-- ---- LatestSnapshot ----
CREATE TABLE counted (n int);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM counted;
INSERT INTO counted VALUES (1);
SELECT bridge_latest('SELECT count(*) FROM counted') AS with_its_own;
COMMIT;
DROP TABLE counted;
