-- Exports of segments of people as CSV: content, tokens, rights, limits, retention.
SELECT current_database() AS home \gset
CREATE DATABASE regress_export ENCODING 'UTF8' TEMPLATE template0;
\c regress_export
SET client_min_messages = warning;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
\set SHOW_CONTEXT never
CREATE ROLE regress_export_analyst;
CREATE ROLE regress_export_reader;
CREATE ROLE regress_export_all;
CREATE ROLE regress_export_half;
GRANT pg_write_all_data, pg_read_all_data TO regress_export_all;
SELECT pulse_grant('regress_export_analyst', 'people_reader'), pulse_grant('regress_export_reader', 'reader'), pulse_grant('regress_export_all', 'people_reader');
-- May call it, but not see people.
SELECT pulse_grant('regress_export_half', 'reader');
GRANT EXECUTE ON FUNCTION pulse_export_segment(text), pulse_list_exports(), pulse_delete_export(bigint) TO regress_export_half;

-- The file of an export as one text.
CREATE FUNCTION content(token text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(convert_from(p.data, 'UTF8'), '' ORDER BY i)
    FROM (SELECT f.chunks FROM pulse.read_export(token, 1) AS f) AS n, generate_series(1, n.chunks) AS i, pulse.read_export(token, i) AS p $$;
GRANT EXECUTE ON FUNCTION content(text) TO PUBLIC;

-- Ids of every kind, merged people, names that look like formulas, commas and quotes; the newest person comes first.
SET pulse.now = '2015-03-01 12:00:00+00';
SELECT pulse_create_segment('buyers', '{"where": "events.buy.count_30d >= 1"}') > 0 AS made;
SELECT pulse_create_segment('Everybody "all", =1', '{"where": "true"}') > 0 AS made;
SELECT pulse_create_segment('nobody', '{"where": "false"}') > 0 AS made;
CREATE TABLE item AS SELECT 1 AS id;
SELECT pulse_create_segment('items', '{"from": "item", "key": "id"}') > 0 AS made;
SELECT pulse_create_segment('old', '{"where": "true"}') > 0 AS made;
SELECT pulse_archive_segment('old');
SELECT pulse_create_segment('draft', '{"where": "true"}', draft => true) > 0 AS made;
SELECT pulse_create_segment('picked', '{"static": true}') > 0 AS made;
SELECT pulse_set_identity_kind('email_hash');
SELECT count(*) FROM pulse_ingest('[
  {"type": "track", "event": "buy", "userId": "u1", "timestamp": "2015-02-10T08:00:00Z"},
  {"type": "track", "event": "buy", "userId": "=cmd|'' /C calc''!A0", "timestamp": "2015-02-20T08:00:00.250Z", "context": {"device": {"id": "@dev,\"1\""}}},
  {"type": "track", "event": "look", "userId": "u3", "timestamp": "2015-02-25T08:00:00Z"},
  {"type": "track", "event": "buy", "anonymousId": "a4", "timestamp": "2015-02-27T08:00:00Z"},
  {"type": "identify", "userId": "u1", "traits": {"email": "Ann@Example.com"}, "timestamp": "2015-02-28T08:00:00Z"},
  {"type": "track", "event": "look", "userId": "u5", "timestamp": "2015-02-28T09:00:00Z", "context": {"externalIds": [{"type": "email_hash", "id": "abcdef"}]}}]');
SELECT count(pulse_merge('u1', 'a4', 'the same')) AS merged;

SET ROLE regress_export_analyst;
SELECT * FROM pulse_export_segment('buyers') \gset
SELECT :'segment' AS segment, :'filename' AS filename, :users AS users, :bytes AS bytes, :'created_by' AS created_by, :'kept_until'::timestamptz - :'created_at'::timestamptz AS kept,
       :'expires_at'::timestamptz BETWEEN :'created_at'::timestamptz + interval '59 minutes' AND clock_timestamp() + interval '1 hour' AS an_hour, :'token' ~ '^[0-9]+-[0-9]{10}-[0-9A-Za-z_-]{43}$' AS token;
SELECT content(:'token');
SELECT chunks, filename, bytes = length(data) AS whole, etag = encode(sha256(data), 'hex') AS etag FROM pulse.read_export(:'token', 1);
SELECT count(*) AS hashed FROM regexp_matches(content(:'token'), encode(sha256('ann@example.com'), 'hex'));
SELECT filename, users, content(token) FROM pulse_export_segment('Everybody "all", =1');
SELECT filename, users, content(token) FROM pulse_export_segment('nobody');
RESET ROLE;
SELECT action, subject, details - 'export' AS details, actor FROM pulse.audit WHERE action LIKE '%exported' ORDER BY id;

-- As of another time: purchases have left their window, and before the first events nobody exists. The stored state is of March.
SET pulse.now = '2015-03-15';
SELECT filename, users, content(token) FROM pulse_export_segment('buyers');
SET pulse.now = '2015-02-15';
SELECT filename, users, content(token) FROM pulse_export_segment('buyers');
SET pulse.now = '2014-01-01';
SELECT filename, users FROM pulse_export_segment('buyers');
SET pulse.now = '2015-03-01 12:00:00+00';
-- The same people as pulse.membership, also while a segment is built for the first time.
SET pulse.build_at_once = 0;
SELECT pulse_create_segment('late', '{"where": "events.look.exists"}') > 0 AS made;
SELECT l.status FROM pulse.live_segment AS l JOIN pulse.segment AS s ON s.id = l.segment_id WHERE s.name = 'late';
SELECT users, content(token), (SELECT array_agg(profile_id) FROM pulse.membership WHERE segment = 'late') AS members FROM pulse_export_segment('late');
SELECT users FROM pulse_export_segment('buyers');
RESET pulse.build_at_once;
CALL pulse_build();
SELECT users FROM pulse_export_segment('late');
SELECT string_agg(DISTINCT e.users || ' ' || (SELECT count(*) FROM pulse.membership AS m WHERE m.segment = e.segment), ', ') AS both FROM pulse_list_exports() AS e WHERE segment IN ('late', 'nobody');

-- Tokens: each listing makes new ones; none is valid for another file, with another text, or after its end.
SELECT count(*), count(DISTINCT token) AS tokens, bool_and(created_at <= clock_timestamp()) AS made, min(segment) FROM pulse_list_exports();
SELECT string_agg(segment, ', ' ORDER BY n) FROM pulse_list_exports() WITH ORDINALITY AS e (id, segment, filename, users, bytes, etag, created_by, created_at, kept_until, token, expires_at, state, n);
SELECT content(e.token) = content(:'token') AS same FROM pulse_list_exports() AS e WHERE e.id = :id;
SELECT pulse.read_export(NULL, 1);
SELECT pulse.read_export(:'token', NULL);
SELECT * FROM pulse.read_export('', 1);
SELECT * FROM pulse.read_export(repeat('x', 1000000), 1);
SELECT * FROM pulse.read_export(regexp_replace(:'token', '^[0-9]+', '2'), 1);
SELECT * FROM pulse.read_export(regexp_replace(:'token', '^[0-9]+', '999'), 1);
SELECT * FROM pulse.read_export(regexp_replace(:'token', '-[0-9]{10}-', '-9999999999-'), 1);
SELECT * FROM pulse.read_export(left(:'token', -1), 1);
SELECT * FROM pulse.read_export(:'token' || 'A', 1);
SELECT * FROM pulse.read_export(:'token', 0);
SELECT * FROM pulse.read_export(:'token', 2);
SELECT * FROM pulse.read_export(:'token', 5000000000);
UPDATE pulse.export_secret SET secret = sha256(secret) WHERE export_id = :id;
SELECT * FROM pulse.read_export(:'token', 1);
-- Links are made and read in a read-only transaction, files are not.
BEGIN READ ONLY;
SELECT length(data) > 0 AS read FROM pulse_list_exports() AS e, pulse.read_export(e.token, 1) WHERE e.id = :id;
SELECT pulse_export_segment('buyers');
ROLLBACK;
BEGIN READ ONLY;
SELECT pulse_delete_export(1);
ROLLBACK;

-- What cannot be exported.
SELECT * FROM pulse_export_segment(NULL);
SELECT * FROM pulse_export_segment('');
SELECT * FROM pulse_export_segment('buyer');
SELECT * FROM pulse_export_segment('items');
SELECT * FROM pulse_export_segment('old');
SELECT * FROM pulse_export_segment('draft');
-- A static segment: those who were added.
SELECT count(*) FROM pulse_add_to_segment('picked', '{u3,u1}');
SELECT users, content(token) FROM pulse_export_segment('picked');

-- Rights.
SET ROLE regress_export_reader;
SELECT * FROM pulse_export_segment('buyers');
SELECT * FROM pulse_list_exports();
SELECT pulse_delete_export(1);
SELECT * FROM pulse.read_export('x', 1);
SELECT count(*) FROM pulse.export;
SET ROLE regress_export_half;
SELECT * FROM pulse_export_segment('buyers');
SELECT * FROM pulse_list_exports();
SELECT pulse_delete_export(1);
SET ROLE regress_export_all;
SELECT (SELECT count(*) FROM pulse.export) > 0 AS exports, (SELECT count(*) FROM pulse.export_secret) AS secrets, (SELECT count(*) FROM pulse.export_chunk) AS chunks;
INSERT INTO pulse.export_chunk VALUES (1, 2, 'x');
UPDATE pulse.export SET filename = 'x';
DELETE FROM pulse.export;
RESET ROLE;
SELECT count(*) AS changed FROM pulse.export WHERE filename = 'x';

-- Deleting: the links end, and nothing is left.
SELECT token AS token2, id AS id2 FROM pulse_export_segment('buyers') \gset
SELECT pulse_delete_export(NULL);
SELECT pulse_delete_export(-1);
SET ROLE regress_export_analyst;
SELECT pulse_delete_export(:id2);
RESET ROLE;
SELECT pulse_delete_export(:id2);
SELECT * FROM pulse.read_export(:'token2', 1);
SELECT (SELECT count(*) FROM pulse.export_chunk WHERE export_id = :id2) AS chunks, (SELECT count(*) FROM pulse.export_secret WHERE export_id = :id2) AS secrets;
SELECT actor, subject, details - 'export' AS details FROM pulse.audit WHERE action = 'export.deleted' ORDER BY id;

-- An error leaves nothing.
SELECT count(*) AS files FROM pulse.export \gset
DO $$ BEGIN PERFORM pulse_export_segment('buyers'); RAISE EXCEPTION 'later'; EXCEPTION WHEN raise_exception THEN NULL; END $$;
SELECT count(*) = :files AS same, (SELECT count(DISTINCT export_id) FROM pulse.export_chunk) = :files AS chunks FROM pulse.export;

-- A large file: pieces of whole lines and at most 256 kB, in the order of people.
SELECT sum(accepted) FROM pulse_import_events($$SELECT 'big' || i AS user_id, 'big' AS event, '2015-01-01'::timestamptz + i * interval '1 second' AS timestamp, repeat('d', 200) || i AS device_id FROM generate_series(1, 3000) AS i$$);
SELECT pulse_create_segment('big', '{"where": "events.big.exists"}') > 0 AS made;
SELECT id AS big, users, bytes, token AS big_token FROM pulse_export_segment('big') \gset
SELECT :users AS users, count(*) AS chunks, max(length(data)) <= 262144 AND min(length(data)) > 0 AS sizes, sum(length(data)) = :bytes AS all, bool_and(right(convert_from(data, 'UTF8'), 1) = E'\n') AS lines
FROM pulse.export_chunk WHERE export_id = :big;
SELECT etag = encode(sha256(convert_to(content(:'big_token'), 'UTF8')), 'hex') AS etag FROM pulse_list_exports() WHERE id = :big;
SELECT count(*) AS lines, bool_and(line LIKE '%"big' || (3001 - n) || '"%') AS newest_first
FROM unnest(string_to_array(content(:'big_token'), E'\n')) WITH ORDINALITY AS l (line, n0), LATERAL (SELECT n0 - 1 AS n) AS o WHERE n BETWEEN 1 AND 3000;

-- Over HTTP: created_by is the name of the key. Anybody with the link can read the file.
SELECT pulse_create_api_key('reports', 'read', 'regress_export_analyst') AS key \gset
SELECT status, body ->> 'filename' AS filename, body -> 'userCount' AS users, body ->> 'downloadUrl' AS url
FROM (SELECT h.status, convert_from(h.body, 'UTF8')::jsonb AS body FROM pulse_http('GET', '/v1/export/segment/nobody', NULL, jsonb_build_object('host', 'x', 'authorization', 'Bearer ' || :'key')) AS h) AS h \gset
SELECT :status AS status, :'filename' AS filename, :users AS users, (SELECT array_agg(created_by ORDER BY id DESC) FROM pulse_list_exports() WHERE segment = 'nobody') AS made_by;
SELECT status, headers ->> 'content-type' AS type, headers ->> 'content-disposition' AS disposition, convert_from(body, 'UTF8') AS body FROM pulse_http('GET', regexp_replace(:'url', '^https?://[^/]+', ''), NULL, '{"host": "x"}');
SELECT status FROM pulse_http('GET', regexp_replace(:'url', '^https?://[^/]+', '') || 'x', NULL, '{"host": "x"}');

-- Limits, links and retention follow the settings.
ALTER SYSTEM SET pulse.max_exports = 1;
ALTER SYSTEM SET pulse.export_link_expiry = '5min';
SELECT pg_reload_conf();
\c
\set SHOW_CONTEXT never
SET pulse.now = '2015-03-01 12:00:00+00';
SELECT * FROM pulse_export_segment('nobody');
SELECT bool_and(expires_at BETWEEN clock_timestamp() + interval '4 minutes' AND clock_timestamp() + interval '5 minutes') AS five_minutes FROM pulse_list_exports();
ALTER SYSTEM SET pulse.max_exports = 1000;
ALTER SYSTEM SET pulse.max_export_size = '1MB';
ALTER SYSTEM SET pulse.export_retention = '2h';
SELECT pg_reload_conf();
\c
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET pulse.now = '2015-03-01 12:00:00+00';
SELECT count(*) AS files FROM pulse.export \gset
SELECT * FROM pulse_export_segment('big');
SELECT count(*) = :files AS same FROM pulse.export;
\set VERBOSITY default
-- What retention has not deleted yet is gone all the same.
UPDATE pulse.export SET created_at = created_at - interval '118 minutes';
SELECT bool_and(kept_until - clock_timestamp() <= interval '2 minutes' AND expires_at <= kept_until) AS with_the_file, max(token) FILTER (WHERE segment = 'buyers') AS last_token FROM pulse_list_exports() \gset
SELECT :'with_the_file' AS with_the_file;
UPDATE pulse.export SET created_at = created_at - interval '1 hour' WHERE segment <> 'big';
SELECT segment FROM pulse_list_exports();
SELECT * FROM pulse.read_export(:'last_token', 1);
SELECT status, regexp_replace(message, '^\d+', 'N') AS message FROM pulse_run_job('retention');
SELECT segment, (SELECT count(DISTINCT export_id) FROM pulse.export_chunk) AS with_chunks, (SELECT count(*) FROM pulse.export_secret) AS with_secrets FROM pulse.export;
ALTER SYSTEM RESET pulse.max_exports;
ALTER SYSTEM RESET pulse.max_export_size;
ALTER SYSTEM RESET pulse.export_retention;
ALTER SYSTEM RESET pulse.export_link_expiry;
SELECT pg_reload_conf();

\c :home
DROP DATABASE regress_export;
DROP ROLE regress_export_analyst, regress_export_reader, regress_export_all, regress_export_half;
