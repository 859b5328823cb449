-- Room segment: definitions that name a source. Nothing here reaches a server; test/t/020_remote_segment.pl does.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
SET pulse.now = '2011-03-01';
CREATE SCHEMA there;
CREATE TABLE there.users (user_id int PRIMARY KEY, plan text NOT NULL);
INSERT INTO there.users SELECT i, 'p' || i % 3 FROM generate_series(1, 30) AS i;
SELECT pulse_create_source('nowhere', '{"host": "/nonexistent", "port": "1", "dbname": "postgres", "user": "reader"}');

-- All ways to name this database.
SELECT pulse_create_segment('unsaid', '{"from": "there.users"}') > 0 AS made;
SELECT pulse_create_segment('local', '{"from": "there.users", "source": "local"}') > 0 AS made;
SELECT pulse_create_segment('empty', '{"from": "there.users", "source": ""}') > 0 AS made;
SELECT pulse_create_segment('null', '{"from": "there.users", "source": null}') > 0 AS made;
SELECT name, source, definition ? 'source' AS kept FROM pulse.segment ORDER BY id;
SELECT pulse_update_segment('unsaid', '{"from": "there.users", "source": "local"}');
SELECT max(version) FROM pulse.segment_version;
SELECT string_agg(item, ' ') FROM pulse_explain_segment('unsaid') WHERE item IN ('source', 'search_path');

-- A server that does not exist, and invalid names.
SELECT pulse_create_segment('x', '{"from": "there.users", "source": "nowher"}');
SELECT pulse_create_segment('x', '{"from": "there.users", "source": " "}');
SELECT pulse_create_segment('x', '{"from": "there.users", "source": 1}');
SELECT pulse_create_segment('x', '{"from": "there.users", "source": {"name": "nowhere"}}');
SELECT pulse_preview_segment('{"from": "there.users", "source": "nowher"}');
SELECT pulse_create_segment('x', jsonb_build_object('from', 'there.users', 'source', repeat('long', 1000)));

-- A server that cannot be reached: nothing is created or changed.
\set VERBOSITY sqlstate
SELECT pulse_create_segment('x', '{"from": "there.users", "source": "nowhere"}');
SELECT pulse_create_segment('x', '{"query": "SELECT 1", "source": "nowhere"}');
SELECT pulse_update_segment('unsaid', '{"from": "there.users", "source": "nowhere"}');
SELECT pulse_preview_segment('{"from": "there.users", "source": "nowhere"}');
-- This server's parser checks the query first.
SELECT pulse_create_segment('x', '{"query": "SELEC 1", "source": "nowhere"}');
SELECT pulse_create_segment('x', '{"query": "DELETE FROM there.users", "source": "nowhere"}');
\set VERBOSITY default
SELECT count(*), max(version) FROM pulse.segment;

-- Privileges: on the source, and a user mapping.
CREATE ROLE pulse_test_maker;
SELECT pulse_grant('pulse_test_maker', 'operator');
GRANT USAGE ON SCHEMA there TO pulse_test_maker;
GRANT SELECT ON there.users TO pulse_test_maker;
SET ROLE pulse_test_maker;
SELECT pulse_create_segment('x', '{"from": "there.users", "source": "nowhere"}');
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER nowhere TO pulse_test_maker;
SET ROLE pulse_test_maker;
SELECT pulse_create_segment('x', '{"from": "there.users", "source": "nowhere"}');
RESET ROLE;
CREATE USER MAPPING FOR pulse_test_maker SERVER nowhere OPTIONS (user 'reader');
SET ROLE pulse_test_maker;
SELECT pulse_create_segment('x', '{"from": "there.users", "source": "nowhere"}');
RESET ROLE;

-- Segments whose server is down can be explained; others are measured. The server is tried once, not once per segment.
UPDATE pulse.segment SET definition = definition || '{"source": "nowhere"}' WHERE name IN ('local', 'empty', 'null');
SELECT item, CASE item WHEN 'error' THEN left(value, 16) ELSE value END AS value FROM pulse_explain_segment('local')
WHERE item IN ('source', 'from', 'rule', 'search_path', 'sql', 'plan', 'error');
SELECT segment, status, size, regexp_replace(error, '"nowhere".*', '"nowhere" …') AS error FROM pulse_take_snapshots() ORDER BY segment;
SELECT object, status, count(*) FROM pulse.source_usage WHERE purpose = 'snapshot' GROUP BY 1, 2;
SELECT g.name, s.source, s.status FROM pulse.snapshot AS s JOIN pulse.segment AS g ON g.id = s.segment_id;
\set VERBOSITY sqlstate
SELECT pulse_take_snapshot('local');
\set VERBOSITY default
-- A dropped source is a failure, not a reason to wait.
DROP SERVER nowhere CASCADE;
SELECT segment, status, error FROM pulse_take_snapshots() WHERE segment <> 'unsaid' ORDER BY segment;
SELECT DISTINCT source, status, error_state, error FROM pulse.snapshot WHERE status = 'failed';
-- Back to this database.
SELECT pulse_update_segment('local', '{"from": "there.users"}');
SELECT change FROM pulse.segment_version WHERE version = 2;
SELECT pulse_take_snapshot('local') > 0 AS taken;

SELECT count(*) FROM (SELECT pulse_delete_segment(name, confirm => true) FROM pulse.segment) AS gone;
TRUNCATE pulse.source_usage;
DROP OWNED BY pulse_test_maker;
DROP ROLE pulse_test_maker;
DROP SCHEMA there CASCADE;
