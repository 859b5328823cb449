-- Routes of pulse_http() about people over time.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
SET pulse.now = '2016-03-01 12:00+00';
SET timezone = 'UTC';
SET extra_float_digits = 0;
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally,
    pulse.event_day, pulse.event_hour, pulse.ingest_tally, pulse.event_kind, pulse.event_property, pulse.source_total, pulse.exposure;
CREATE ROLE http_insight_reader;
CREATE ROLE http_insight_figures;
SELECT pulse_grant('http_insight_reader', 'people_reader'), pulse_grant('http_insight_figures', 'reader');
CREATE TEMP TABLE insight_key AS SELECT 'read' AS name, pulse_create_api_key('a reader of insight', 'read', 'http_insight_reader') AS text;
INSERT INTO insight_key VALUES ('figures', pulse_create_api_key('a reader of figures', 'read', 'http_insight_figures')), ('send', pulse_create_api_key('a sender of insight', 'public', 'http_insight_reader'));
CREATE FUNCTION pg_temp.get(key_name text, path text, query text DEFAULT NULL, OUT status int, OUT body text) LANGUAGE sql AS $$
    SELECT h.status, regexp_replace(convert_from(h.body, 'UTF8'), '"(profile_id|event_id|merge_id)" ?: ?"?\d+"?', '"\1": 0', 'g')
    FROM pulse_http('GET', get.path, get.query, jsonb_build_object('authorization', 'Bearer ' || (SELECT k.text FROM insight_key AS k WHERE k.name = key_name), 'host', 'pulse.example'), NULL, '{"address": "192.0.2.1", "request": "r-1", "tls": true}') AS h
$$;
SELECT accepted FROM pulse_import_events($$
    SELECT 'http' || i AS user_id, (ARRAY['signup', 'open', 'buy'])[e] AS event, timestamptz '2016-02-01 10:00+00' + (i % 3 + e * (i % 2)) * interval '1 day' AS "timestamp", format('{"amount": %s}', i) AS properties
    FROM generate_series(1, 40) AS i, generate_series(1, 1 + i % 3) AS e $$);
SELECT * FROM pg_temp.get('read', '/v1/retention', 'first=signup&again=open&periods=1&since=2016-02-01T00:00:00Z&until=2016-02-08T00:00:00Z');
SELECT * FROM pg_temp.get('figures', '/v1/retention', 'first=signup&again=buy&period=day&periods=2&mode=unbounded&recurring=true&time_zone=Asia/Tokyo&since=2016-02-01T00:00:00Z&until=2016-02-03T00:00:00Z');
SELECT h.status, h.body::jsonb ->> 'error' AS error FROM pg_temp.get('figures', '/v1/retention', 'first=signup&first_where=amount%20%3E%203') AS h;
SELECT h.status, left(h.body, 60) AS body FROM pg_temp.get('read', '/v1/retention', 'first=signup&again=buy&first_where=amount%20%3E%203&again_where=amount%20%3E%205&since=2016-02-01T00:00:00Z&until=2016-02-03T00:00:00Z') AS h;
SELECT * FROM pg_temp.get('read', '/v1/retention', 'period=year');
SELECT * FROM pg_temp.get('read', '/v1/retention', 'periods=1000');
SELECT * FROM pg_temp.get('read', '/v1/retention', 'since=2030-01-01T00:00:00Z');
SELECT * FROM pg_temp.get('read', '/v1/retention', 'first=signup&by=segment(%22Nobody%22)');
SELECT * FROM pg_temp.get('read', '/v1/stickiness', 'event=open&period=week&since=2016-02-01T00:00:00Z&event_where=amount%20%3C%20100');
SELECT * FROM pg_temp.get('read', '/v1/stickiness', 'period=day');
SELECT * FROM pg_temp.get('read', '/v1/paths', 'event=signup&depth=1&session_gap=3%20days&since=2016-02-01T00:00:00Z');
SELECT * FROM pg_temp.get('read', '/v1/paths', 'event=buy&direction=previous&depth=2&top=1&session_gap=3%20days&ignored=open,close&event_where=amount%20%3E%201&since=2016-02-01T00:00:00Z&until=2016-03-01T00:00:00Z');
SELECT * FROM pg_temp.get('read', '/v1/paths');
SELECT * FROM pg_temp.get('read', '/v1/paths', 'event=signup&session_gap=long');
SELECT pulse_create_flag('http_experiment', '{"type": "string", "variants": {"control": "a", "new": "b"}, "off": "control", "rules": [{"variants": {"control": 50, "new": 50}}]}') > 0 AS made;
INSERT INTO pulse.exposure (day, flag_id, bucketing_id, variant, version, profile_id, first_at)
SELECT '2016-02-01', f.id, i.value, CASE WHEN i.profile_id % 2 = 0 THEN 'control' ELSE 'new' END, 1, i.profile_id, '2016-02-01' FROM pulse.identity AS i, pulse.flag AS f WHERE f.key = 'http_experiment';
SELECT h.status, h.body::jsonb -> 'people' AS people, h.body::jsonb #> '{metrics,1,name}' AS guardrail, h.body::jsonb #> '{metrics,0,variants,0,people}' AS control
FROM pg_temp.get('read', '/v1/experiments/http_experiment', 'metric=open&least_people=10&guardrails=%5B%22buy%22%5D&split=%7B%22control%22%3A1%2C%22new%22%3A1%7D&confidence=0.9&control=control') AS h;
SELECT * FROM pg_temp.get('read', '/v1/experiments/nothing', 'metric=open');
SELECT * FROM pg_temp.get('read', '/v1/experiments/http_experiment');
SELECT * FROM pg_temp.get('read', '/v1/experiments/http_experiment', 'metric=open&guardrails=x');
SELECT * FROM pg_temp.get('read', '/v1/experiments/http_experiment', 'metric=%7B%22events%22%3A1%7D');
-- The graph, with another id.
SELECT pulse_identify('http1', '{"email": "http1@example.com"}', at => '2016-02-02') AS ann \gset
SELECT * FROM pg_temp.get('read', '/api/v1/cdp/profiles/' || :ann || '/identity-graph', 'depth=1');
SELECT status, body LIKE '<svg %</svg>' AS image FROM pg_temp.get('read', '/api/v1/cdp/profiles/' || :ann || '/identity-graph.svg');
SELECT h.headers ->> 'content-type' AS type FROM pulse_http('GET', '/api/v1/cdp/profiles/' || :ann || '/identity-graph.svg', NULL, jsonb_build_object('authorization', 'Bearer ' || (SELECT text FROM insight_key WHERE name = 'read')), NULL, '{"address": "192.0.2.1", "request": "r-1", "tls": true}') AS h;
SELECT status FROM pg_temp.get('read', '/api/v1/cdp/profiles/999999999/identity-graph');
-- Keys that may not.
SELECT u.path, g.status FROM unnest('{/v1/retention,/v1/stickiness,/v1/experiments/http_experiment}'::text[]) AS u (path), pg_temp.get('send', u.path, 'metric=open') AS g;
SELECT status FROM pg_temp.get('figures', '/api/v1/cdp/profiles/' || :ann || '/identity-graph');
SELECT pulse_delete_flag('http_experiment');
SELECT count(pulse_revoke_api_key(name)) FROM pulse.api_key WHERE name LIKE '% of insight' OR name = 'a reader of figures';
SELECT count(pulse_revoke(rolname::text)) FROM pg_roles WHERE rolname LIKE 'http\_insight\_%';
DROP TABLE insight_key;
DROP ROLE http_insight_reader, http_insight_figures;
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally,
    pulse.event_day, pulse.event_hour, pulse.ingest_tally, pulse.event_kind, pulse.event_property, pulse.source_total, pulse.rejected_event, pulse.exposure;
