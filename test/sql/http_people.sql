-- Routes of pulse_http() about people, exports, and Stratum's platform.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
SET pulse.now = '2026-03-02 12:00+00';
CREATE ROLE http_admin;
CREATE ROLE http_reader;
SELECT pulse_grant('http_admin', 'admin'), pulse_grant('http_reader', 'people_reader');
CREATE TEMP TABLE key AS SELECT 'admin' AS name, pulse_create_api_key('an admin', 'admin', 'http_admin') AS text;
INSERT INTO key VALUES ('read', pulse_create_api_key('a reader', 'read', 'http_reader'));
-- One request with a key; ids, times, keys and links are different in each run.
CREATE FUNCTION pg_temp.http(key_name text, method text, path text, body text DEFAULT NULL, query text DEFAULT NULL, OUT status int, OUT body text)
    LANGUAGE sql AS $$
    SELECT h.status, regexp_replace(regexp_replace(regexp_replace(convert_from(h.body, 'UTF8'), '(pulse|whsec)_[A-Za-z0-9_+/=]{12,}', 'SECRET', 'g'),
                                                   '(\d\d\d\d-\d\d-\d\d)[T ][0-9:.]+(\+00(:00)?|Z)?', 'TIME', 'g'), 'download/[^"]+', 'download/TOKEN', 'g')
    FROM pulse_http(http.method, http.path, http.query,
                    jsonb_build_object('authorization', 'Bearer ' || (SELECT k.text FROM key AS k WHERE k.name = key_name), 'host', 'pulse.example'),
                    convert_to(http.body, 'UTF8'), '{"address": "192.0.2.1", "request": "r-1", "tls": true}') AS h
$$;
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/events', '{"events": [
  {"event_name": "Purchase", "event_time": "2026-03-01T10:00:00Z", "identifiers": [{"type": "email", "value": "Ann@example.com"}, {"type": "external_id", "value": "ann"}], "idempotency_key": "e1", "properties": {"total": 40}},
  {"event_name": "Purchase", "event_time": "2026-03-01T11:00:00Z", "identifiers": [{"type": "user_id", "value": "ann"}], "idempotency_key": "e2", "properties": {"total": 60}},
  {"event_name": "", "identifiers": [{"type": "user_id", "value": "ann"}]},
  {"event_name": "PageView", "event_time": "2026-03-02T11:00:00Z", "identifiers": [{"type": "device_id", "value": "d-1"}], "idempotency_key": "e3"}]}');
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/events', '{}');
SELECT count(*) FROM pulse_run_job('activity');
-- People
SELECT * FROM pg_temp.http('read', 'GET', '/v1/admin/users/search', query => 'query=ann');
SELECT * FROM pg_temp.http('read', 'GET', '/v1/admin/users/search', query => 'limit=101');
SELECT * FROM pg_temp.http('read', 'GET', '/v1/admin/users/ann');
SELECT * FROM pg_temp.http('read', 'GET', '/v1/admin/users/nobody');
SELECT * FROM pg_temp.http('read', 'POST', '/api/v1/cdp/profiles/lookup', '{"identifier_type": "email", "identifier_value": "ann@example.com"}');
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/profiles', query => 'identifier_type=user_id&identifier_value=nobody');
SELECT status FROM pg_temp.http('read', 'GET', '/api/v1/cdp/profiles/1');
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/profiles/999');
SELECT * FROM pg_temp.http('read', 'POST', '/api/v1/cdp/profiles/search', '{"min_events": 2, "limit": 1}');
SELECT * FROM pg_temp.http('read', 'POST', '/api/v1/cdp/profiles/search', '{"colour": "red"}');
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/profiles/statistics');
SELECT * FROM unnest('{identity-graph,canonical-identity,merge-history,segments}'::text[]) AS part, pg_temp.http('read', 'GET', '/api/v1/cdp/profiles/1/' || part) AS h;
SELECT * FROM pg_temp.http('read', 'POST', '/api/v1/cdp/profiles/1/compute-traits');
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/profiles/merge', '{"target_profile_id": "1", "source_profile_id": "2"}');
SELECT status FROM pg_temp.http('read', 'POST', '/api/v1/cdp/profiles/merge', '{"target_profile_id": "1", "source_profile_id": "2"}');
SELECT done_by, reason FROM pulse.merge_history;
SELECT status FROM pg_temp.http('read', 'GET', '/api/v1/cdp/merge-history');
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/identity-links', query => 'profile_id=1');
-- Figures
SELECT h.status, h.body::json #>> '{metrics,users,total}' AS users, h.body::json #>> '{metrics,events,total}' AS events, h.body::json #> '{metrics,events,topEventTypes}' AS top,
       json_array_length(h.body::json #> '{metrics,database,tables}') > 20 AS tables FROM pg_temp.http('read', 'GET', '/v1/admin/metrics') AS h;
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/events/statistics', query => 'days=7');
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/events/trends', query => 'days=2&event_name=Purchase');
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/health');
SELECT h.status, h.headers ->> 'content-type' AS type, convert_from(h.body, 'UTF8') LIKE '%pulse_segments%' AS found
FROM key AS k, (VALUES ('{}'::jsonb), ('{"accept": "application/openmetrics-text; version=1.0.0"}')) AS a (accept),
     pulse_http('GET', '/metrics', NULL, jsonb_build_object('authorization', 'Bearer ' || k.text) || a.accept) AS h WHERE k.name = 'read';
-- Traits
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/traits', '{"name": "spent", "trait_type": "sum", "config": {"event": "Purchase", "property": "total", "window_days": 30}}');
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/traits');
SELECT id AS trait FROM pulse.trait WHERE key = 'spent' \gset
SELECT status FROM pg_temp.http('read', 'GET', '/api/v1/cdp/traits/' || :trait);
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/traits/compute');
-- Segments
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/segments', '{"name": "Spenders", "rules": {"logic": "and", "conditions": [{"field": "trait.spent", "operator": "greater_than", "value": 50}]}, "tags": ["money"]}');
SELECT id AS spenders FROM pulse.segment WHERE name = 'Spenders' \gset
SELECT * FROM pg_temp.http('read', 'POST', '/api/v1/cdp/segments/preview', '{"rules": {"where": "trait(\"spent\") > 50"}, "limit": 5}');
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/segments/' || :spenders || '/compute');
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/segments/' || :spenders || '/profiles');
SELECT * FROM pg_temp.http('admin', 'PATCH', '/api/v1/cdp/segments/' || :spenders, '{"description": "who spends"}');
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/segments', '{"name": "By hand", "segment_type": "static", "draft": true}');
SELECT id AS hand FROM pulse.segment WHERE name = 'By hand' \gset
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/segments/' || :hand || '/profiles/1');
SELECT status FROM pg_temp.http('admin', 'PATCH', '/api/v1/cdp/segments/' || :hand, '{"status": "active"}');
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/segments/' || :hand || '/profiles/1');
SELECT added_by FROM pulse.static_member;
SELECT * FROM pg_temp.http('admin', 'DELETE', '/api/v1/cdp/segments/' || :hand || '/profiles/1');
SELECT status, json_array_length(body::json) FROM pg_temp.http('read', 'GET', '/api/v1/cdp/segments');
-- Exports: a GET that writes, as TinyCDP's clients send it; the link needs no key.
SELECT * FROM pg_temp.http('read', 'GET', '/v1/export/segment/Spenders.csv');
SELECT * FROM pg_temp.http('read', 'GET', '/v1/export/segment/Nobody');
SELECT status, json_array_length(body::json -> 'exports') FROM pg_temp.http('read', 'GET', '/v1/export/list');
SELECT h.status, h.headers ->> 'content-type' AS type, h.headers ->> 'content-disposition' LIKE 'attachment; filename="segment_Spenders_%' AS name, split_part(convert_from(h.body, 'UTF8'), E'\n', 1) AS head, h.info
FROM pulse_list_exports() AS e, pulse_http('GET', '/v1/export/download/' || e.token) AS h;
SELECT status, convert_from(body, 'UTF8') FROM pulse_http('GET', '/v1/export/download/1.2.abc');
SELECT n.next, length(n.body) > 0 AS has_body FROM pulse_list_exports() AS e, pulse_http_next('1:' || e.token) AS n;
-- Sources and webhooks
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/sources', '{"name": "web", "source_type": "website"}');
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/sources');
SELECT * FROM pg_temp.http('admin', 'DELETE', '/api/v1/cdp/sources/web');
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/webhooks', '{"url": "https://hooks.example/pulse", "name": "hook", "events": ["incident.opened"]}');
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/webhooks');
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/webhooks/hook/rotate-secret', '{"keep": "1 hour"}');
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/webhooks/none/rotate-secret', '{}');
SELECT * FROM pg_temp.http('admin', 'DELETE', '/api/v1/cdp/webhooks/hook');
-- Every route answers, and the role of a reader gets through none that changes something.
SELECT r.method, r.path, h.status FROM pulse.http_route AS r CROSS JOIN LATERAL pg_temp.http('read', r.method, replace(replace(r.path, '{', ''), '...}', '}'), '{}') AS h
WHERE h.status NOT IN (400, 403, 404, 503) AND r.access NOT IN ('read', 'decide', 'none') OR h.status = 500 ORDER BY 1, 2;
SELECT access, count(*) FROM pulse.http_route GROUP BY 1 ORDER BY 1;
-- The functions that the routes name exist, each with all of its arguments.
SELECT f FROM (SELECT DISTINCT unnest(functions) AS f FROM pulse.http_route) AS u WHERE NOT EXISTS (SELECT FROM pg_proc AS p WHERE p.proname = u.f);
SELECT h.status, h.body::json ->> 'openapi' AS version, (SELECT count(*) > 100 FROM json_object_keys(h.body::json -> 'paths')) AS paths FROM pg_temp.http('read', 'GET', '/openapi.json') AS h;
SELECT status, left(body, 15) FROM pg_temp.http('read', 'GET', '/docs');

SELECT count(pulse_delete_segment(name, true)) FROM pulse.segment WHERE name IN ('Spenders', 'By hand');
SELECT count(pulse_delete_trait('spent'));
SELECT count(pulse_delete_export(id)) FROM pulse_list_exports();
SELECT count(pulse_revoke_api_key(name)) FROM pulse.api_key WHERE runs_as LIKE 'http\_%';
SELECT count(pulse_revoke(rolname::text)) FROM pg_roles WHERE rolname LIKE 'http\_%';
DROP TABLE key;
DROP ROLE http_admin, http_reader;
