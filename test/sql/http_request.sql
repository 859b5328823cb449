-- What takes long becomes a job: requests for snapshots and checks, in SQL and over HTTP. No worker runs in this cluster.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
CREATE ROLE request_writer;
CREATE ROLE request_reader;
CREATE ROLE request_people;
SELECT pulse_grant('request_writer', 'writer'), pulse_grant('request_reader', 'reader'), pulse_grant('request_people', 'people_reader');
CREATE TEMP TABLE key AS SELECT k.kind AS name, pulse_create_api_key('request ' || k.kind, k.kind, k.role) AS text
FROM (VALUES ('write', 'request_writer'), ('read', 'request_people'), ('public', 'request_writer')) AS k (kind, role);
CREATE FUNCTION pg_temp.http(key_name text, method text, path text, body text DEFAULT NULL, OUT status int, OUT body text, OUT location text)
    LANGUAGE sql AS $$
    SELECT h.status, regexp_replace(convert_from(h.body, 'UTF8'), '"(requestedAt|finishedAt|snapshotId|table_id)" *: *"[^"]+"', '"\1" : …', 'g'), h.headers ->> 'location'
    FROM key AS k, pulse_http(http.method, http.path, NULL, jsonb_build_object('x-api-key', k.text), convert_to(http.body, 'UTF8')) AS h WHERE k.name = key_name
$$;
CREATE FUNCTION pg_temp.state(name text, OUT state text, OUT taken boolean, OUT done boolean, OUT detail text)
    LANGUAGE sql AS $$ SELECT r.state, r.snapshot IS NOT NULL, r.finished_at IS NOT NULL, r.detail FROM pulse_snapshot_request(name) AS r $$;
CREATE TABLE request_user (id int PRIMARY KEY, plan text);
INSERT INTO request_user SELECT n, CASE WHEN n % 2 = 0 THEN 'pro' ELSE 'free' END FROM generate_series(1, 40) AS n;
SELECT count(pulse_create_segment(n.name, '{"from": "public.request_user", "key": "id", "where": "plan == ''pro''", "attributes": ["plan"]}')) FROM (VALUES ('Asked for'), ('Asked / 100 %'), ('Broken'), ('Draft')) AS n (name);

-- Asked for by SQL
SELECT * FROM pulse_snapshot_request('Asked for');
SELECT state, requested_at <= clock_timestamp() AS asked, finished_at, snapshot, detail FROM pulse_request_snapshot('Asked for');
SELECT * FROM pg_temp.state('Asked for');
-- Twice is once.
SELECT count(*) FROM generate_series(1, 3), pulse_request_snapshot('Asked for', true);
SELECT segment_id = s.id AS same, r.status, r.check_drift, r.tries, r.requested_by = current_user AS mine FROM pulse.snapshot_request AS r JOIN pulse.segment AS s ON s.id = r.segment_id;
SELECT status, rows, message, error FROM pulse_run_job('requested_snapshots');
SELECT * FROM pg_temp.state('Asked for');
SELECT p.size, s.checked_at = p.taken_at AS checked FROM pulse_snapshot_request('Asked for') AS r JOIN pulse.snapshot AS p ON p.id = r.snapshot JOIN pulse.segment AS s ON s.id = p.segment_id;
SELECT status, rows, message FROM pulse_run_job('requested_snapshots');
-- Another request means another snapshot.
SELECT r.snapshot AS first FROM pulse_snapshot_request('Asked for') AS r \gset
SELECT state, snapshot FROM pulse_request_snapshot('Asked for', NULL);
SELECT count(*) FROM pulse_run_job('requested_snapshots');
SELECT state, snapshot > :first AS another FROM pulse_snapshot_request('Asked for');
-- What cannot be measured
SELECT pulse_request_snapshot('Nobody');
SELECT pulse_request_snapshot(NULL);
SELECT pulse_snapshot_request('Nobody');
SELECT pulse_snapshot_request(NULL);
SELECT pulse_archive_segment('Draft');
SELECT pulse_request_snapshot('Draft');
SELECT count(*) FROM pulse_request_snapshot('Broken');
ALTER TABLE request_user RENAME COLUMN plan TO tariff;
SELECT status, rows, message FROM pulse_run_job('requested_snapshots');
SELECT * FROM pg_temp.state('Broken');
ALTER TABLE request_user RENAME COLUMN tariff TO plan;
-- Archived after it was asked for
SELECT count(*) FROM pulse_request_snapshot('Broken');
SELECT pulse_archive_segment('Broken');
SELECT status, rows, message FROM pulse_run_job('requested_snapshots');
SELECT * FROM pg_temp.state('Broken');
SET ROLE request_reader;
SELECT state, detail FROM pulse_snapshot_request('Broken');
SELECT pulse_request_snapshot('Asked for');
SELECT pulse_request_snapshots();
SELECT error FROM pulse.snapshot_request;
RESET ROLE;
-- A worker that ended in the middle: another one begins anew, a few times.
SELECT state FROM pulse_request_snapshot('Asked for');
UPDATE pulse.snapshot_request AS r SET status = 'running', started_at = now(), tries = 2 FROM pulse.segment AS s WHERE s.id = r.segment_id AND s.name = 'Asked for';
SELECT state FROM pulse_snapshot_request('Asked for');
SELECT status, rows FROM pulse_run_job('requested_snapshots');
SELECT state FROM pulse_request_snapshot('Asked for');
UPDATE pulse.snapshot_request AS r SET status = 'running', started_at = now(), tries = 5 FROM pulse.segment AS s WHERE s.id = r.segment_id AND s.name = 'Asked for';
SELECT status, rows FROM pulse_run_job('requested_snapshots');
SELECT * FROM pg_temp.state('Asked for');
-- All that are due; so with one that was created now, and not again after it was measured.
SELECT count(*) > 0 AS taken FROM pulse_take_snapshots();
SELECT * FROM pulse_request_snapshots();
SELECT count(pulse_create_segment('Asked later', '{"from": "public.request_user", "key": "id"}'));
SELECT segments, state FROM pulse_request_snapshots();
SELECT count(*) FROM pulse_run_job('requested_snapshots');
SELECT segments, state FROM pulse_request_snapshots();
SELECT state, snapshot IS NOT NULL AS taken FROM pulse_snapshot_request('Asked later');

-- Over HTTP
SELECT * FROM pg_temp.http('write', 'POST', '/v1/segments/Asked%20for/snapshots');
SELECT * FROM pg_temp.http('read', 'GET', '/v1/segments/Asked%20for/snapshots/requested');
SELECT status, rows FROM pulse_run_job('requested_snapshots');
SELECT * FROM pg_temp.http('read', 'GET', '/v1/segments/Asked%20for/snapshots/requested');
SELECT * FROM pg_temp.http('read', 'GET', '/v1/segments/Asked%20%2F%20100%20%25/snapshots/requested');
SELECT * FROM pg_temp.http('write', 'POST', '/v1/segments/Asked%20%2F%20100%20%25/snapshots/', '{"checkDrift": true}');
SELECT * FROM pg_temp.http('write', 'POST', '/v1/segments/Asked%20for/snapshots', '{"checkDrift": "perhaps"}');
SELECT status FROM pg_temp.http('write', 'POST', '/v1/segments/Nobody/snapshots');
SELECT status FROM pg_temp.http('read', 'GET', '/v1/segments/Nobody/snapshots/requested');
SELECT * FROM pg_temp.http('write', 'POST', '/v1/segments/Broken/snapshots');
SELECT * FROM pg_temp.http('read', 'POST', '/v1/segments/Asked%20for/snapshots');
SELECT * FROM pg_temp.http('public', 'POST', '/v1/segments/Asked%20for/snapshots');
SELECT * FROM pg_temp.http('public', 'GET', '/v1/segments/Asked%20for/snapshots/requested');
SELECT * FROM pg_temp.http('write', 'POST', '/v1/snapshots');
-- The route of Pulse for segments answers in the form of its clients: 503 without a worker, as theirs without a queue.
SELECT id AS segment FROM pulse.segment WHERE name = 'Asked for' \gset
SELECT * FROM pg_temp.http('write', 'POST', '/api/snapshots/take', format('{"segmentId": "%s"}', :segment));
SELECT * FROM pg_temp.http('write', 'POST', '/api/snapshots/take');
SELECT * FROM pg_temp.http('write', 'POST', '/api/snapshots/take', '{"segmentId": 0}');
SELECT h.headers ->> 'retry-after' AS retry_after FROM key AS k, pulse_http('POST', '/api/snapshots/take', NULL, jsonb_build_object('x-api-key', k.text)) AS h WHERE k.name = 'write';
-- Tables
SELECT count(pulse_monitor_table('public.request_user', checks => '[{"type": "volume"}, {"type": "schema"}]'));
SELECT count(*) FROM pulse_check_tables('public.request_user');
SELECT count(*) FROM pulse_check_tables() WHERE relation = 'public.request_user';
SELECT * FROM pulse_request_check('public.request_user');
SELECT "check", status FROM pulse_check_tables() WHERE relation = 'public.request_user' ORDER BY 1;
SELECT pulse_request_check('public.nothing');
SELECT pulse_request_check(NULL);
SELECT id AS monitor FROM pulse.monitor WHERE relation = 'public.request_user' \gset
SELECT status, replace(body, :'monitor', 'N') AS body, replace(location, :'monitor', 'N') AS location FROM pg_temp.http('write', 'POST', '/api/tables/' || :monitor || '/check');
SELECT * FROM pg_temp.http('write', 'POST', '/api/tables/0/check');
SELECT * FROM pg_temp.http('read', 'POST', '/api/tables/' || :monitor || '/check');
SET pulse.now = '2011-03-01';
SELECT checks, state, detail FROM pulse_request_check('public.request_user');
RESET pulse.now;

SELECT pulse_unmonitor_table('public.request_user');
SELECT count(pulse_delete_segment(n.name, true)) FROM (VALUES ('Asked for'), ('Asked / 100 %'), ('Broken'), ('Draft'), ('Asked later')) AS n (name);
SELECT count(*) FROM pulse.snapshot_request;
SELECT count(pulse_revoke_api_key('request ' || k.name)) FROM key AS k;
DROP TABLE key, request_user;
SELECT count(pulse_revoke(rolname::text)) FROM pg_roles WHERE rolname LIKE 'request\_%';
DROP ROLE request_writer, request_reader, request_people;
