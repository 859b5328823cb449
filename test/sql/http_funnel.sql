-- Routes of pulse_http() about funnels.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
SET pulse.now = '2026-03-02 12:00+00';
SET timezone = 'UTC';
CREATE ROLE http_funnel_admin;
CREATE ROLE http_funnel_reader;
CREATE ROLE http_funnel_figures;
SELECT pulse_grant('http_funnel_admin', 'admin'), pulse_grant('http_funnel_reader', 'people_reader'), pulse_grant('http_funnel_figures', 'reader');
CREATE TEMP TABLE key AS SELECT 'admin' AS name, pulse_create_api_key('an admin of funnels', 'admin', 'http_funnel_admin') AS text;
INSERT INTO key VALUES ('read', pulse_create_api_key('a reader of funnels', 'read', 'http_funnel_reader')), ('figures', pulse_create_api_key('figures of funnels', 'read', 'http_funnel_figures'));
-- One request with a key; ids are different in each run.
CREATE FUNCTION pg_temp.http(key_name text, method text, path text, body text DEFAULT NULL, query text DEFAULT NULL, OUT status int, OUT body text)
    LANGUAGE sql AS $$
    SELECT h.status, regexp_replace(convert_from(h.body, 'UTF8'), '"(\w*id|next)" ?: ?"?\d+"?', '"\1": 0', 'g')
    FROM pulse_http(http.method, http.path, http.query,
                    jsonb_build_object('authorization', 'Bearer ' || (SELECT k.text FROM key AS k WHERE k.name = key_name), 'host', 'pulse.example'),
                    convert_to(http.body, 'UTF8'), '{"address": "192.0.2.1", "request": "r-1", "tls": true}') AS h
$$;
SELECT count(*) FROM pulse_ingest('[{"type": "track", "userId": "hf-ann", "event": "HfView", "timestamp": "2026-03-01T10:00:00Z", "properties": {"platform": "ios"}},
    {"type": "track", "userId": "hf-ann", "event": "HfBuy", "timestamp": "2026-03-01T10:10:00Z", "properties": {"total": 40}},
    {"type": "track", "userId": "hf-bob", "event": "HfView", "timestamp": "2026-03-01T11:00:00Z", "properties": {"platform": "web"}},
    {"type": "track", "userId": "hf-bob", "event": "HfBuy", "timestamp": "2026-03-01T11:30:00Z", "properties": {"total": 5}}]');
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/funnels', '{"name": "Hf", "description": "views to sales", "steps": [{"step_name": "Seen", "event_name": "HfView", "conditions": []},
    {"step_name": "Sold", "event_name": "HfBuy", "conditions": [{"field": "properties.total", "operator": "greater_than", "value": 10}]}], "conversion_window_days": 1, "step_timeout_hours": 2}');
SELECT id AS funnel FROM pulse.funnel WHERE name = 'Hf' \gset
SELECT profile_id AS bob FROM pulse.identity WHERE kind = 'user_id' AND value = 'hf-bob' \gset
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/funnels');
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/funnels/' || :funnel);
SELECT status FROM pg_temp.http('read', 'GET', '/api/v1/cdp/funnels/999999999');
SELECT * FROM pg_temp.http('read', 'POST', '/api/v1/cdp/funnels/' || :funnel || '/compute', '{}');
SELECT * FROM pg_temp.http('read', 'POST', '/api/v1/cdp/funnels/' || :funnel || '/analyze', '{"since": "2026-03-01T10:30:00Z", "end_date": "2026-03-02", "by": "properties.platform"}');
SELECT status FROM pg_temp.http('read', 'POST', '/api/v1/cdp/funnels/' || :funnel || '/analyze', '{"since": "soon"}');
SELECT status FROM pg_temp.http('read', 'POST', '/api/v1/cdp/funnels/' || :funnel || '/analyze', '{"by": "moon"}');
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/funnels/' || :funnel || '/drop-offs/1');
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/funnels/' || :funnel || '/drop-offs/1', query => 'limit=1');
SELECT status FROM pg_temp.http('read', 'GET', '/api/v1/cdp/funnels/' || :funnel || '/drop-offs/3');
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/profiles/' || :bob || '/funnels');
SELECT status FROM pg_temp.http('read', 'GET', '/api/v1/cdp/profiles/999999999/funnels');
-- A key of level reader sees figures and no people; a key that reads changes nothing.
SELECT status FROM pg_temp.http('figures', 'POST', '/api/v1/cdp/funnels/' || :funnel || '/compute', '{}');
SELECT status FROM pg_temp.http('figures', 'GET', '/api/v1/cdp/funnels/' || :funnel || '/drop-offs/1');
SELECT status FROM pg_temp.http('read', 'POST', '/api/v1/cdp/funnels', '{"name": "x", "steps": ["a", "b"]}');
SELECT status FROM pg_temp.http('read', 'PATCH', '/api/v1/cdp/funnels/' || :funnel, '{"name": "x"}');
SELECT status FROM pg_temp.http('read', 'DELETE', '/api/v1/cdp/funnels/' || :funnel);
-- Changes
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/funnels', '{"name": "x", "steps": ["a"]}');
SELECT status FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/funnels', '{"name": "Hf", "steps": ["a", "b"]}');
SELECT status FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/funnels', '{"steps": ["a", "b"]}');
SELECT * FROM pg_temp.http('admin', 'PATCH', '/api/v1/cdp/funnels/' || :funnel, '{"conversion_window_days": 7, "description": ""}');
SELECT * FROM pg_temp.http('admin', 'PATCH', '/api/v1/cdp/funnels/' || :funnel, '{"name": "Hf 2", "definition": {"steps": ["HfView", "HfBuy"], "entry": "best"}}');
SELECT version, change, changed_by FROM pulse.funnel_version ORDER BY version;
SELECT status FROM pg_temp.http('admin', 'DELETE', '/api/v1/cdp/funnels/' || :funnel);
SELECT status FROM pg_temp.http('admin', 'DELETE', '/api/v1/cdp/funnels/' || :funnel);
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/funnels');

SELECT count(pulse_revoke_api_key(name)) FROM pulse.api_key WHERE name LIKE '%of funnels';
SELECT count(pulse_revoke(rolname::text)) FROM pg_roles WHERE rolname LIKE 'http\_funnel\_%';
DROP TABLE key;
DROP ROLE http_funnel_admin, http_funnel_reader, http_funnel_figures;
