-- Room pg: tables of Pulse that Citus has taken over are refused, loudly. A stand-in for Citus's catalogue; test/t/124_citus.pl runs
-- where the server has Citus. In a database of its own, because the stand-in is seen by everybody in it.
SET client_min_messages = warning;
SELECT current_database() AS home \gset
CREATE DATABASE pulse_citus ENCODING 'UTF8' TEMPLATE template0;
\c pulse_citus
SET client_min_messages = warning;
CREATE EXTENSION pulse;
SET pulse.now = '2011-03-01';
CREATE TABLE account AS SELECT i AS id FROM generate_series(1, 10) AS i;
SELECT pulse_track('ann', 'login') IS NOT NULL AS tracked;
SELECT count(*) FROM pulse_status() WHERE item = 'citus';

-- Citus without distributed tables, and with distributed tables of others.
SET allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass NOT NULL, partmethod "char" NOT NULL);
SELECT pulse_track('ann', 'login') IS NOT NULL AS tracked;
INSERT INTO pg_catalog.pg_dist_partition VALUES ('account', 'h');
\c -
SET client_min_messages = warning;
SET pulse.now = '2011-03-01';
SELECT pulse_track('ann', 'login') IS NOT NULL AS tracked;
SELECT pulse_create_segment('accounts', '{"from": "account", "key": "id"}') > 0 AS made;
SELECT pulse_create_segment('users', '{"where": "events.login.count_7d >= 1"}') > 0 AS made;
SELECT pulse_in_segment('ann', 'users'), pulse_in_segment('bob', 'users');
SELECT count(*) FROM pulse_status() WHERE item = 'citus';

-- What Citus does first with a table that it distributes: a row in its catalogue, and a trigger. With Pulse in the session it ends here.
CREATE FUNCTION truncated() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER truncate_trigger_1 AFTER TRUNCATE ON account EXECUTE FUNCTION truncated();
BEGIN;
INSERT INTO pg_catalog.pg_dist_partition VALUES ('pulse.segment', 'n');
CREATE TRIGGER truncate_trigger_2 AFTER TRUNCATE ON pulse.segment EXECUTE FUNCTION truncated();
ROLLBACK;
SELECT pulse_track('ann', 'login') IS NOT NULL AS tracked;

-- A session that never loaded Pulse has done it. Sessions that looked before see it, too.
CREATE TRIGGER truncate_trigger_2 AFTER TRUNCATE ON pulse.profile_state EXECUTE FUNCTION truncated();
INSERT INTO pg_catalog.pg_dist_partition VALUES ('pulse.event', 'h'), ('pulse.profile_state', 'h');
CREATE TRIGGER other AFTER TRUNCATE ON pulse.trait EXECUTE FUNCTION truncated();
SELECT pulse_track('ann', 'login');
SELECT pulse_ingest('[{"type": "track", "userId": "ann", "event": "login"}]');
SELECT pulse_create_segment('more', '{"from": "account", "key": "id"}');
SELECT pulse_take_snapshot('accounts');
SELECT * FROM pulse_run_job('retention');
-- What finds no row does not take that for an answer.
SELECT pulse_in_segment('bob', 'users');
SELECT * FROM pulse_status() WHERE item = 'citus';
SELECT state FROM pulse_status() WHERE item = 'pulse';

-- Undone.
SET allow_system_table_mods = on;
DELETE FROM pg_catalog.pg_dist_partition WHERE logicalrelid <> 'account'::regclass;
DROP TRIGGER truncate_trigger_2 ON pulse.profile_state;
SELECT pulse_track('ann', 'login') IS NOT NULL AS tracked;
SELECT count(*) FROM pulse_status() WHERE item = 'citus';
\c :home
DROP DATABASE pulse_citus;
