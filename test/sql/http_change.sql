-- What changed after a position, and the stream of it over HTTP.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
CREATE ROLE change_reader;
CREATE ROLE change_nobody;
SELECT pulse_grant('change_reader', 'reader');
CREATE TEMP TABLE key AS SELECT k.kind AS name, pulse_create_api_key('change ' || k.kind, k.kind, 'change_reader') AS text FROM (VALUES ('read'), ('public')) AS k (kind);
CREATE TABLE change_user (id int PRIMARY KEY, plan text);

-- A position to begin at, and nothing since.
SELECT "position" ~ '^\d+-\d+:\d+:[\d,]*$' AS form, reset, changes FROM pulse_changes();
SELECT "position" AS first FROM pulse_changes() \gset
SELECT reset, changes FROM pulse_changes(:'first');
-- What changes afterwards, each once, by kind.
SELECT pulse_create_segment('Changing', '{"from": "public.change_user", "key": "id"}') AS segment \gset
SELECT pulse_update_segment('Changing', description => 'again') AS version;
SELECT pulse_create_flag('changing', 'true') IS NOT NULL AS flag;
SELECT pulse_take_snapshot('Changing') AS snapshot \gset
SELECT count(*) FROM pulse_run_job('drift');
CREATE FUNCTION pg_temp.changed(after text, OUT kind text, OUT same boolean) RETURNS SETOF record LANGUAGE sql AS $$
    SELECT c.kind, CASE c.kind WHEN 'segment' THEN c.id = (SELECT s.id FROM pulse.segment AS s WHERE s.name = 'Changing') WHEN 'flag' THEN c.id = (SELECT f.id FROM pulse.flag AS f WHERE f.key = 'changing')
        WHEN 'snapshot' THEN c.id = (SELECT max(p.id) FROM pulse.snapshot AS p) WHEN 'job' THEN c.id = (SELECT j.id FROM pulse.job AS j WHERE j.name = 'drift') END
    FROM pulse_changes(after) AS w, jsonb_to_recordset(w.changes) AS c (kind text, id bigint)
$$;
SELECT * FROM pg_temp.changed(:'first');
-- A position can be used again, and what it returns goes on.
SELECT jsonb_array_length(changes), "position" AS second FROM pulse_changes(:'first') \gset w_
SELECT :w_jsonb_array_length AS changes;
SELECT reset, changes FROM pulse_changes(:'w_second');
-- A check for drift writes down when it was; that is no change.
SELECT count(*) FROM pulse_check_drift();
SELECT * FROM pg_temp.changed(:'w_second') WHERE kind = 'segment';
-- Incidents
INSERT INTO pulse.incident_record (segment_id, detector, severity, direction, baseline_kind, summary, since, opened_at, last_seen_at)
VALUES (:segment, 'size_change', 'high', 'down', 'rolling', 'it fell', now(), now(), now());
SELECT kind FROM pg_temp.changed(:'w_second');
-- What is deleted is a change, too.
SELECT "position" AS third FROM pulse_changes() \gset
SELECT pulse_delete_flag('changing');
SELECT pulse_delete_segment('Changing', true);
SELECT kind FROM pg_temp.changed(:'third');
-- A transaction that is rolled back changes nothing.
SELECT "position" AS fourth FROM pulse_changes() \gset
BEGIN;
SELECT pulse_create_flag('changing', 'true') IS NOT NULL AS flag;
ROLLBACK;
SELECT changes FROM pulse_changes(:'fourth');
-- Too much, too long ago, or of another server: read all anew.
BEGIN;
INSERT INTO pulse.change (kind, object_id) SELECT 'segment', n FROM generate_series(1, 1000) AS n;
COMMIT;
SELECT reset, jsonb_array_length(changes) FROM pulse_changes(:'fourth');
INSERT INTO pulse.change (kind, object_id) VALUES ('segment', 1001);
SELECT reset, changes FROM pulse_changes(:'fourth');
INSERT INTO pulse.change (kind, object_id) SELECT 'flag', 1 FROM generate_series(1, 10001);
SELECT "position" AS fifth FROM pulse_changes() \gset
SELECT reset, changes FROM pulse_changes(:'fourth');
SELECT reset, changes FROM pulse_changes(floor(extract(epoch FROM now()) - 90000) || substr(:'fifth', strpos(:'fifth', '-')));
SELECT reset, changes FROM pulse_changes(floor(extract(epoch FROM now())) || '-900000000:900000001:');
-- What is no position
SELECT pulse_changes(p) FROM unnest('{"",x,1,1-2,1-1:2,-1-1:2:,1-1:2:3:4,1-1:2:x}'::text[]) AS p LIMIT 1;
SELECT pulse_changes('x');
SELECT pulse_changes('1-1:2');
SELECT pulse_changes('1-2:1:');
SELECT pulse_changes('1-1:2:x');
SELECT pulse_changes(repeat('1', 100000));
SELECT pulse_changes('99999999999999999999-1:2:');
-- The job retention deletes what is older than a day.
SELECT count(*) > 11000 AS many FROM pulse.change;
UPDATE pulse.change SET at = at - interval '26 hours' WHERE kind = 'flag';
SELECT message LIKE '%noted changes%' AS deleted FROM pulse_run_job('retention');
SELECT count(*) FROM pulse.change WHERE kind = 'flag';
DELETE FROM pulse.change;
-- Who may
SET ROLE change_reader;
SELECT changes FROM pulse_changes();
SELECT count(*) FROM pulse.change;
SET ROLE change_nobody;
SELECT pulse_changes();
RESET ROLE;

-- Over HTTP
SELECT h.status, h.headers ->> 'content-type' AS type, h.headers ->> 'cache-control' AS cache, h.headers ->> 'x-accel-buffering' AS buffering, h.info -> 'stream' AS stream,
       regexp_replace(convert_from(h.body, 'UTF8'), '\d+-\d+:\d+:[\d,]*', 'POSITION') AS body, h.info ->> 'next' AS next
FROM key AS k, pulse_http('GET', '/v1/changes', NULL, jsonb_build_object('x-api-key', k.text)) AS h WHERE k.name = 'read' \gset h_
\echo :h_status :h_type :h_cache :h_buffering :h_stream :h_body
SELECT n.body, n.next LIKE 'changes:%' AS goes_on FROM pulse_http_next(:'h_next') AS n;
SELECT pulse_create_flag('changing', 'true') IS NOT NULL AS flag;
SELECT regexp_replace(convert_from(n.body, 'UTF8'), '\d+-\d+:\d+:[\d,]*|"id" : "\d+"', '…', 'g') AS body, n.next AS next FROM pulse_http_next(:'h_next') AS n \gset n_
\echo :n_body
SELECT n.body FROM pulse_http_next(:'n_next') AS n;
-- A client that comes back says where it was.
SELECT h.status, regexp_replace(convert_from(h.body, 'UTF8'), '\d+-\d+:\d+:[\d,]*|"id" : "\d+"', '…', 'g') AS body
FROM key AS k, pulse_http('GET', '/v1/changes', NULL, jsonb_build_object('x-api-key', k.text, 'last-event-id', split_part(:'h_next', ':', 3) || ':' || split_part(:'h_next', ':', 4) || ':' || split_part(:'h_next', ':', 5))) AS h WHERE k.name = 'read';
SELECT h.status, h.body = h2.body AS same FROM key AS k, pulse_http('GET', '/v1/changes', 'after=x', jsonb_build_object('x-api-key', k.text)) AS h,
    pulse_http('GET', '/v1/changes', NULL, jsonb_build_object('x-api-key', k.text, 'last-event-id', 'x')) AS h2 WHERE k.name = 'read';
SELECT k.name, h.status FROM key AS k, pulse_http('GET', '/v1/changes', NULL, jsonb_build_object('x-api-key', k.text)) AS h WHERE k.name = 'public';
SELECT status FROM pulse_http('GET', '/v1/changes');
-- Tokens that are none
SELECT pulse_http_next('changes:');
SELECT pulse_http_next('changes:x:1-1:2:');
SELECT convert_from(n.body, 'UTF8') AS body, n.next FROM pulse_http_next('changes:0:1-1:2:') AS n;
-- The id of a key, or what its text begins with, is not enough: only who had the text has a stream.
SELECT convert_from(n.body, 'UTF8') AS body, n.next FROM pulse.api_key AS a, pulse_http_next('changes:' || a.id || ':1-1:2:') AS n WHERE a.name = 'change read';
SELECT convert_from(n.body, 'UTF8') AS body, n.next FROM key AS k, pulse_http_next('changes:' || substr(k.text, 1, length(k.text) - 38) || '.' || repeat('0', 64) || ':1-1:2:') AS n WHERE k.name = 'read';
-- A text that was replaced ends its streams.
SELECT h.info ->> 'next' AS next FROM key AS k, pulse_http('GET', '/v1/changes', NULL, jsonb_build_object('x-api-key', k.text)) AS h WHERE k.name = 'read' \gset r_
UPDATE key SET text = pulse_rotate_api_key('change read', keep => '0') WHERE name = 'read';
SELECT convert_from(n.body, 'UTF8') AS body, n.next FROM pulse_http_next(:'r_next') AS n;
SELECT h.info ->> 'next' AS next FROM key AS k, pulse_http('GET', '/v1/changes', NULL, jsonb_build_object('x-api-key', k.text)) AS h WHERE k.name = 'read' \gset n_
SELECT n.next LIKE 'changes:%' AS goes_on FROM pulse_http_next(:'n_next') AS n;
-- A role that lost its rights, then a key that was revoked
SELECT count(pulse_revoke('change_reader'));
SELECT n.next FROM pulse_http_next(:'n_next') AS n;
SELECT pulse_grant('change_reader', 'reader');
SELECT pulse_revoke_api_key('change read');
SELECT convert_from(n.body, 'UTF8') AS body, n.next FROM pulse_http_next(:'n_next') AS n;

SELECT pulse_delete_flag('changing');
SELECT pulse_revoke_api_key('change public');
SELECT count(pulse_revoke('change_reader'));
DROP TABLE key, change_user;
DROP ROLE change_reader, change_nobody;
