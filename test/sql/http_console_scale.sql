-- What the pages of the console read does not grow with the people: the rows that their routes read, of tables and indexes.
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT current_database() AS home \gset
CREATE DATABASE regress_console_scale ENCODING 'UTF8' TEMPLATE template0;
\c regress_console_scale
SET client_min_messages = warning;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET pulse.now = '2026-10-21 03:00+00';
CREATE ROLE console_scale;
SELECT pulse_grant('console_scale', 'operator');
CREATE TEMP TABLE key AS SELECT pulse_create_api_key('console scale', 'admin', 'console_scale') AS text;
SELECT pulse_create_segment('gold', '{"where": "profile.plan == \"gold\""}') AS segment \gset
SELECT pulse_create_destination('crm', 'file', '{}');
SELECT pulse_create_audience('Gold buyers', 'gold', 'crm', '{"identifiers": ["email"]}') AS audience \gset
SELECT pulse_identify('first', '{"plan": "gold"}', at => '2025-12-31') \gset
-- As ingesting writes them, in one statement each.
\set people 'generate_series(1001, 61000) AS n'
INSERT INTO pulse.profile (id, canonical_id, bucketing_id, attributes, first_seen_at, updated_at) SELECT n, n, n, '{"plan": "gold"}', '2026-01-01'::timestamptz + n * interval '1 minute', '2026-10-01' FROM :people;
INSERT INTO pulse.identity SELECT 'user_id', 'person-' || n, n, '2026-10-01' FROM :people;
INSERT INTO pulse.identity SELECT 'email', 'p' || n || '@example.com', n, '2026-10-01' FROM :people;
INSERT INTO pulse.activity SELECT n, 3, '2026-01-01'::timestamptz + n * interval '1 minute', '2026-02-01'::timestamptz + n * interval '1 minute' FROM :people;
INSERT INTO pulse.profile_state SELECT n, '2026-10-21', '{}', '{}', NULL FROM :people;
INSERT INTO pulse.member SELECT :segment, n, '2026-10-01' FROM :people;
INSERT INTO pulse.membership_change (segment_id, profile_id, change, at, version, cause, quiet) SELECT :segment, n, 'entered', '2026-10-02'::timestamptz + n * interval '5 seconds', 1, 'event', false FROM :people;
INSERT INTO pulse.audience_member SELECT :audience, n, 'sent', true, '', 0, '2026-10-20', NULL FROM :people;
SELECT setval('pulse.profile_id_seq', 70000) \gset
SELECT pulse_take_snapshot('gold') IS NOT NULL AS measured;
ANALYZE;

CREATE FUNCTION pg_temp.rows_read() RETURNS numeric LANGUAGE sql VOLATILE AS $$
    SELECT sum(pg_stat_get_xact_tuples_returned(c.oid) + CASE c.relkind WHEN 'i' THEN 0 ELSE pg_stat_get_xact_tuples_fetched(c.oid) END)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'pulse' AND c.relkind IN ('r', 'i')
$$;
CREATE FUNCTION pg_temp.ask(method text, path text, query text, body text, OUT status int, OUT said text, OUT rows_read numeric) LANGUAGE plpgsql AS $$
DECLARE
    before numeric := pg_temp.rows_read();
BEGIN
    SELECT h.status, convert_from(h.body, 'UTF8') INTO status, said
    FROM key AS k, pulse_http(method, path, query, jsonb_build_object('authorization', 'Bearer ' || k.text, 'content-type', 'application/json'), convert_to(body, 'UTF8')) AS h;
    rows_read := pg_temp.rows_read() - before;
END $$;
-- It counts: the whole segment is read by what measures it.
SELECT a.status, a.rows_read >= 60000 AS all_read FROM pg_temp.ask('POST', '/v1/segments/preview', NULL, '{"definition": {"where": "profile.plan == \"gold\""}}') AS a;
SELECT r.path, r.query, a.status, CASE WHEN a.rows_read < r.most THEN 'few' ELSE a.rows_read::text END AS read
FROM (VALUES (1, '/v1/status', NULL, 3000), (2, '/v1/mission', NULL, 3000), (3, '/v1/segments', NULL, 3000), (4, '/v1/trust/status', NULL, 3000), (5, '/v1/incidents', NULL, 3000),
    (6, '/v1/segments/gold', NULL, 3000), (7, '/v1/segments/gold/history', 'limit=200', 3000), (8, '/v1/segments/gold/distributions', NULL, 3000), (9, '/v1/segments/gold/versions', NULL, 3000),
    (10, '/v1/segments/gold/explanation', NULL, 3000), (11, '/v1/users', NULL, 3000), (12, '/v1/users/person-1777', NULL, 3000), (13, '/v1/users/person-1777/segments', NULL, 3000),
    (14, '/v1/audiences', NULL, 3000), (15, '/v1/audiences/Gold%20buyers', NULL, 3000), (16, '/v1/audiences/Gold%20buyers/syncs', NULL, 3000), (17, '/v1/rules/names', NULL, 3000),
    -- An index row and a table row of each of so many people, in four tables.
    (18, '/v1/audiences/Gold%20buyers/preview', 'among=500', 30000),
    -- At most 100,000 ids are searched for a part of one, twice an index row and a table row.
    (19, '/v1/users', 'q=nobody', 420000)) AS r (place, path, query, most)
CROSS JOIN LATERAL pg_temp.ask('GET', r.path, r.query, NULL) AS a ORDER BY r.place;
SELECT p ->> 'part' AS part, p ->> 'item' AS item, p ->> 'people' AS people FROM pg_temp.ask('GET', '/v1/audiences/Gold%20buyers/preview', 'among=500', NULL) AS a, jsonb_array_elements(a.said::jsonb -> 'preview') AS p WHERE p ->> 'part' IN ('examined', 'members');

\c :home
DROP DATABASE regress_console_scale;
DROP ROLE console_scale;
