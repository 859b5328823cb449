-- People with events on an archive: they wait instead of being evaluated, keep what is stored, and keep definitions from becoming live. Here the "archive" is a table; the job
-- that reads it is tested with a server in test/t/128_event_archive_live.pl.
SELECT current_database() AS home \gset
CREATE DATABASE regress_trait_archive ENCODING 'UTF8' TEMPLATE template0;
\c regress_trait_archive
SET client_min_messages = warning;
CREATE EXTENSION pulse CASCADE;
SET pulse.now = '2026-06-10 12:00Z';
SET TimeZone = 'UTC';

SELECT pulse_create_trait('total', 'events.buy.sum(amount)') > 0 AS made;
SELECT pulse_create_trait('kinds', 'events.buy.distinct(kind)') > 0 AS made;
SELECT pulse_create_segment('rich', '{"where": "events.buy.sum(amount) > 50"}') > 0 AS made;
SELECT pulse_create_segment('fresh', '{"where": "events.view.count(30d) >= 1"}') > 0 AS made;
SELECT accepted FROM pulse_import_events($$SELECT 'u' || i AS user_id, 'buy' AS event, jsonb_build_object('amount', i * 20, 'kind', 'a') AS properties,
    timestamptz '2025-01-10Z' AS "timestamp" FROM generate_series(1, 5) AS i$$);
SELECT pulse_track('u1', 'view') IS NOT NULL AS tracked;

BEGIN;
CREATE TABLE archived (LIKE pulse.event);
INSERT INTO archived SELECT id, profile_id, time, received_at, name, type, properties, context, message_id, source, true FROM pulse.event_y2025m01;
INSERT INTO pulse.archived_profile SELECT profile_id, '2025-01-01', min(time), max(time), count(*) FROM archived GROUP BY 1;
ALTER TABLE pulse.event DETACH PARTITION pulse.event_y2025m01;
DROP TABLE pulse.event_y2025m01;
CREATE TABLE pulse.event_y2025m01 (LIKE pulse.event INCLUDING DEFAULTS) PARTITION BY LIST (archived);
ALTER TABLE pulse.event_y2025m01 ATTACH PARTITION archived FOR VALUES IN (true);
CREATE TABLE pulse.event_y2025m01_late PARTITION OF pulse.event_y2025m01 FOR VALUES IN (false);
CREATE INDEX ON pulse.event_y2025m01_late (profile_id, name, time);
ALTER TABLE pulse.event ATTACH PARTITION pulse.event_y2025m01 FOR VALUES FROM ('2025-01-01Z') TO ('2025-02-01Z');
COMMIT;
SELECT pulse_refresh_definitions();
-- Whoever reads a table locks it.
CREATE FUNCTION no_archive() RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN EXISTS (SELECT FROM pg_locks WHERE relation = 'archived'::regclass AND pid = pg_backend_pid()) THEN 'the archive was read' ELSE 'not read' END $$;

-- What only adds to a sum goes on; what has to be read waits, and keeps all that is stored.
BEGIN;
SELECT pulse_track('u3', 'view') IS NOT NULL AS tracked;
SELECT pulse_track('u1', 'buy', '{"amount": 100, "kind": "b"}') IS NOT NULL AS tracked;
SELECT pulse_track('u2', 'buy', '{"amount": 100, "kind": "b"}', '2025-01-20 00:00Z') IS NOT NULL AS late;
SELECT pulse_track('u9', 'buy', '{"amount": 100, "kind": "b"}') IS NOT NULL AS nothing_archived;
SELECT profile_id, attempts, cause, quiet, building, message FROM pulse.archive_wait ORDER BY 1;
SELECT segment, profile_id FROM pulse.membership ORDER BY 1, 2;
SELECT pulse_in_segment('u1', 'rich'), pulse_in_segment('u1', 'fresh'), pulse_in_segment('u9', 'rich');
SELECT key, value FROM pulse_traits('u1') ORDER BY 1;
SELECT pulse_run_pipeline();
SELECT no_archive();
COMMIT;
SELECT tableoid::regclass, count(*) FROM pulse.event GROUP BY 1 ORDER BY 1;

-- Whoever waits goes on, whatever comes; time alone does not move anybody.
SET pulse.now = '2026-08-10 12:00Z';
BEGIN;
SELECT pulse_track('u1', 'view') IS NOT NULL AS tracked;
SELECT pulse_run_pipeline();
SELECT segment, profile_id FROM pulse.membership ORDER BY 1, 2;
SELECT s.profile_id, s.next_change_at FROM pulse.profile_state AS s JOIN pulse.archive_wait USING (profile_id) ORDER BY 1;
SELECT no_archive();
COMMIT;

-- A merge waits, too; the merged profile does not.
BEGIN;
SELECT pulse_merge('u4', 'u1', 'test') > 0 AS merged;
SELECT profile_id, cause, quiet FROM pulse.archive_wait ORDER BY 1;
SELECT no_archive();
ROLLBACK;

-- A definition over all times is not live before they are done; one of recent events is at once.
BEGIN;
SELECT pulse_create_segment('twice', '{"where": "events.buy.count >= 2"}') > 0 AS made;
SELECT pulse_create_segment('busy', '{"where": "events.view.count(10d) >= 1"}') > 0 AS made;
SELECT no_archive();
COMMIT;
SELECT what, name, done = total AS all FROM pulse.build ORDER BY 1, 2;
SELECT profile_id, building FROM pulse.archive_wait ORDER BY 1;
CALL pulse_build();
SELECT pulse_status.value FROM pulse_status() WHERE item = 'people who wait for an archive';

-- A flag does not wait: what is stored counts, and what is not stored yet does not hold.
SELECT pulse_create_flag('gift', 'segment("rich")') > 0 AS made, pulse_create_flag('thanks', 'segment("twice")') > 0 AS made;
BEGIN;
SELECT u, f, d.reason, d.rule FROM unnest('{u2,u5,u9}'::text[]) AS u, unnest('{gift,thanks}'::text[]) AS f, pulse_decide(u, f) AS d ORDER BY 1, 2;
SELECT no_archive();
COMMIT;

-- A question about a past moment reads it.
SELECT key, value FROM pulse_traits('u5') ORDER BY 1;
SET pulse.now = '2025-01-15 12:00Z';
SELECT key, value FROM pulse_traits('u5') ORDER BY 1;
SELECT pulse_in_segment('u5', 'rich');
RESET pulse.now;

-- Who is erased does not wait.
SELECT pulse_erase_profile('u1', 'ticket 1') > 0 AS erased;
SELECT profile_id FROM pulse.archive_wait ORDER BY 1;
SELECT (pulse_export_profile('u2') -> 'archive_waits' -> 0 ->> 'profile_id') IS NOT NULL AS shown;
\c :home
DROP DATABASE regress_trait_archive;
