-- Routes of pulse_http() about the quality and the anomalies of events.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
SET timezone = 'UTC';
SET pulse.now = '2014-03-02 12:00+00';
CREATE ROLE http_quality;
SELECT pulse_grant('http_quality', 'people_reader');
CREATE TEMP TABLE key AS SELECT pulse_create_api_key('a reader of quality', 'read', 'http_quality') AS text;
CREATE FUNCTION pg_temp.http(path text, query text DEFAULT NULL, method text DEFAULT 'GET', OUT status int, OUT body text) LANGUAGE sql AS $$
    SELECT h.status, convert_from(h.body, 'UTF8') FROM pulse_http(http.method, http.path, http.query,
        jsonb_build_object('authorization', 'Bearer ' || (SELECT k.text FROM key AS k), 'host', 'pulse.example'), NULL, '{"address": "192.0.2.1", "request": "r-1", "tls": true}') AS h $$;
SELECT pulse_track('http-quality', 'HttpQuality', '{"a": 1}', '2014-03-02 11:59', source => 'http') IS NOT NULL AS tracked;
SELECT * FROM pg_temp.http('/api/v1/cdp/events/quality');
SELECT * FROM pg_temp.http('/api/v1/cdp/events/quality', 'since=2014-03-02T00:00:00Z&until=2014-03-03T00:00:00Z&by=day,app_version');
SELECT * FROM pg_temp.http('/api/v1/cdp/events/quality', 'by=person');
SELECT * FROM pg_temp.http('/api/v1/cdp/events/quality', 'since=2014-03-03T00:00:00Z&until=2014-03-02T00:00:00Z');
SELECT * FROM pg_temp.http('/api/v1/cdp/events/quality', 'since=rubbish');
SELECT * FROM pg_temp.http('/api/v1/cdp/anomalies/events');
INSERT INTO pulse.incident_record (event, detector, attribute, severity, direction, baseline, observed, change, baseline_kind, summary, since, opened_at, last_seen_at, details)
VALUES ('HttpQuality', 'event_volume', 'http', 'high', 'down', 100, 40, -0.6, 'seasonal', '`HttpQuality` from http fell 60.0 %', '2014-03-01', '2014-03-02', '2014-03-02', '{"usedBy": {"segments": ["A"]}}');
SELECT status, (e.value ->> 'id')::int > 0 AS id, e.value::jsonb - '{id,group_id}'::text[] AS incident FROM pg_temp.http('/api/v1/cdp/anomalies/events', 'event_name=HttpQuality') AS h, json_array_elements(h.body::json) AS e;
SELECT * FROM pg_temp.http('/api/v1/cdp/anomalies/events', 'event=Other');
SELECT * FROM pg_temp.http('/api/v1/cdp/anomalies/events', 'until=2014-02-01T00:00:00Z&since=2014-01-01T00:00:00Z');
SELECT status, body::jsonb - '{quality,checked_until}'::text[] AS summary FROM pg_temp.http('/api/v1/cdp/anomalies/summary');
SELECT status FROM pg_temp.http('/api/v1/cdp/anomalies/summary', method => 'POST');
-- The routes are in the description.
SELECT count(*) FROM pulse.http_route WHERE path ~ 'anomalies|events/quality';
DELETE FROM pulse.incident_record WHERE event = 'HttpQuality';
DELETE FROM pulse.event WHERE name = 'HttpQuality';
DELETE FROM pulse.ingest_tally WHERE source = 'http';
DELETE FROM pulse.profile WHERE id IN (SELECT i.profile_id FROM pulse.identity AS i WHERE i.value = 'http-quality');
SELECT pulse_revoke_api_key('a reader of quality');
DROP OWNED BY http_quality;
DROP ROLE http_quality;
