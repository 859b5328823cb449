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
SELECT pulse_create_segment('second', '{"from": "probed"}') > 0 AS made;
SELECT bridge_probe_rows('{second,no such,probed}') AS rows, bridge_probe_rows('{}') = '' AS none;
-- Locked rows stay locked; what another transaction has locked ends the list.
BEGIN;
SELECT bridge_lock_many('{probed,no such}') = format('%s 0', id) AS locked FROM pulse.segment WHERE name = 'probed';
PREPARE TRANSACTION 'bridge_holds_probed';
SELECT bridge_lock_many('{second,probed,no such}') = id::text AS before_the_held FROM pulse.segment WHERE name = 'second';
SELECT count(*) AS free FROM (SELECT FROM pulse.segment WHERE name IN ('probed', 'second') FOR NO KEY UPDATE SKIP LOCKED) AS s;
COMMIT PREPARED 'bridge_holds_probed';
SELECT bridge_lock_many('{second,probed}') <> '' AS both;
-- A row that this transaction has changed is locked as it is now.
BEGIN;
SELECT pulse_update_segment('second', new_name => 'third');
SELECT bridge_lock_many('{second,third}') = format('0 %s', id) AS locked FROM pulse.segment WHERE name = 'third';
ROLLBACK;
SELECT pulse_delete_segment('second', confirm => true);
SELECT pulse_delete_segment('probed', confirm => true);
DROP TABLE probed;

-- ---- Empty tables ----
SELECT bridge_is_empty('dirty') AS empty;
BEGIN;
INSERT INTO pulse.dirty (profile_id, account, everything, cause, quiet) VALUES (1, false, false, 'event', false);
SELECT bridge_is_empty('dirty') AS has_a_row;
DELETE FROM pulse.dirty;
SELECT bridge_is_empty('dirty') AS deleted;
-- Not looked through: it counts as not empty.
INSERT INTO pulse.dirty (profile_id, account, everything, cause, quiet) SELECT 1, false, false, 'event', false FROM generate_series(1, 5000);
DELETE FROM pulse.dirty;
SELECT bridge_is_empty('dirty') AS many_dead_rows;
ROLLBACK;

-- ---- Plans by index ----
-- Planned while the table is empty, and again after an invalidation; the index is used from the beginning.
CREATE TABLE grown (id bigint PRIMARY KEY, n bigint);
BEGIN;
SELECT coalesce(max(seq_scan), 0) AS seq, coalesce(max(idx_scan), 0) AS idx FROM pg_stat_xact_user_tables WHERE relname = 'grown' \gset
SELECT bridge_by_index('SELECT n FROM bridge.grown WHERE id = $1', 1, true);
INSERT INTO grown SELECT i, -i FROM generate_series(1, 1000) AS i;
SELECT bridge_by_index('', i) FROM generate_series(1, 8) AS i;
SELECT current_setting('enable_seqscan') AS setting, seq_scan - :seq AS seq_scans, idx_scan - :idx AS index_scans FROM pg_stat_xact_user_tables WHERE relname = 'grown';
COMMIT;
ALTER TABLE grown ADD COLUMN more int;
BEGIN;
SELECT coalesce(max(seq_scan), 0) AS seq, coalesce(max(idx_scan), 0) AS idx FROM pg_stat_xact_user_tables WHERE relname = 'grown' \gset
SELECT bridge_by_index('', 5);
SELECT seq_scan - :seq AS seq_scans, idx_scan - :idx AS index_scans FROM pg_stat_xact_user_tables WHERE relname = 'grown';
COMMIT;
DROP TABLE grown;

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
