-- Routes of pulse_http() about people, exports, and Stratum's platform.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
SET pulse.now = '2026-03-02 12:00+00';
CREATE ROLE http_admin;
CREATE ROLE http_reader;
SELECT pulse_grant('http_admin', 'admin'), pulse_grant('http_reader', 'people_reader');
CREATE TEMP TABLE key AS SELECT 'admin' AS name, pulse_create_api_key('an admin of people', 'admin', 'http_admin') AS text;
INSERT INTO key VALUES ('read', pulse_create_api_key('a reader of people', 'read', 'http_reader'));
-- One request with a key; ids, times, keys and links are different in each run.
CREATE FUNCTION pg_temp.http(key_name text, method text, path text, body text DEFAULT NULL, query text DEFAULT NULL, OUT status int, OUT body text)
    LANGUAGE sql AS $$
    SELECT h.status, regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(convert_from(h.body, 'UTF8'), '("static": )\d+|("attributes": )\[[^]]*\]', '\1\2[]', 'g'), '"(\w*id)" ?: ?"?(profile:)?\d+"?', '"\1": 0', 'g'), '(pulse|whsec)_[A-Za-z0-9_+/=]{12,}', 'SECRET', 'g'),
                                                   '(\d\d\d\d-\d\d-\d\d)[T ][0-9:.]+(\+00(:00)?|Z)?', 'TIME', 'g'), 'download/[^"]+', 'download/TOKEN', 'g')
    FROM pulse_http(http.method, http.path, http.query,
                    jsonb_build_object('authorization', 'Bearer ' || (SELECT k.text FROM key AS k WHERE k.name = key_name), 'host', 'pulse.example'),
                    convert_to(http.body, 'UTF8'), '{"address": "192.0.2.1", "request": "r-1", "tls": true}') AS h
$$;
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/events', '{"events": [
  {"event_name": "HttpPurchase", "event_time": "2026-03-01T10:00:00Z", "identifiers": [{"type": "email", "value": "Http-Ann@example.com"}, {"type": "external_id", "value": "http-ann"}], "idempotency_key": "e1", "properties": {"total": 40}},
  {"event_name": "HttpPurchase", "event_time": "2026-03-01T11:00:00Z", "identifiers": [{"type": "user_id", "value": "http-ann"}], "idempotency_key": "e2", "properties": {"total": 60}},
  {"event_name": "", "identifiers": [{"type": "user_id", "value": "http-ann"}]},
  {"event_name": "PageView", "event_time": "2026-03-02T11:00:00Z", "identifiers": [{"type": "device_id", "value": "http-d-1"}], "idempotency_key": "e3"}]}');
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/events', '{}');
SELECT count(*) FROM pulse_run_job('activity');
SELECT profile_id AS ann FROM pulse.identity WHERE kind = 'user_id' AND value = 'http-ann' \gset
SELECT profile_id AS device FROM pulse.identity WHERE kind = 'device_id' AND value = 'http-d-1' \gset
-- People
SELECT * FROM pg_temp.http('read', 'GET', '/v1/admin/users/search', query => 'query=http-ann');
SELECT * FROM pg_temp.http('read', 'GET', '/v1/admin/users/search', query => 'limit=101');
SELECT * FROM pg_temp.http('read', 'GET', '/v1/admin/users/http-ann');
SELECT * FROM pg_temp.http('read', 'GET', '/v1/admin/users/nobody');
SELECT * FROM pg_temp.http('read', 'POST', '/api/v1/cdp/profiles/lookup', '{"identifier_type": "email", "identifier_value": "http-ann@example.com"}');
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/profiles', query => 'identifier_type=user_id&identifier_value=nobody');
SELECT status FROM pg_temp.http('read', 'GET', '/api/v1/cdp/profiles/' || :ann);
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/profiles/999999999');
SELECT * FROM pg_temp.http('read', 'POST', '/api/v1/cdp/profiles/search', '{"ids": ["http-ann"], "min_events": 2, "limit": 1}');
SELECT * FROM pg_temp.http('read', 'POST', '/api/v1/cdp/profiles/search', '{"colour": "red"}');
SELECT h.status, k FROM pg_temp.http('read', 'GET', '/api/v1/cdp/profiles/statistics') AS h, json_object_keys(h.body::json) AS k WHERE k NOT LIKE 'ids:%' ORDER BY 2;
SELECT * FROM unnest('{identity-graph,canonical-identity,merge-history,segments}'::text[]) AS part, pg_temp.http('read', 'GET', '/api/v1/cdp/profiles/' || :ann || '/' || part) AS h;
SELECT * FROM pg_temp.http('read', 'POST', '/api/v1/cdp/profiles/' || :ann || '/compute-traits');
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/profiles/merge', format('{"target_profile_id": "%s", "source_profile_id": "%s"}', :ann, :device));
SELECT status FROM pg_temp.http('read', 'POST', '/api/v1/cdp/profiles/merge', format('{"target_profile_id": "%s", "source_profile_id": "%s"}', :ann, :device));
SELECT done_by, reason FROM pulse.merge_history WHERE survivor_id = :ann;
SELECT status FROM pg_temp.http('read', 'GET', '/api/v1/cdp/merge-history');
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/identity-links', query => 'profile_id=' || :ann);
-- Figures
SELECT h.status, (h.body::json #>> '{metrics,users,total}')::int > 0 AS users, (h.body::json #>> '{metrics,events,total}')::int > 2 AS events, (h.body::json #> '{metrics,events,topEventTypes}')::text LIKE '%HttpPurchase%' AS top,
       json_array_length(h.body::json #> '{metrics,database,tables}') > 20 AS tables FROM pg_temp.http('read', 'GET', '/v1/admin/metrics') AS h;
SELECT h.status, e.value ->> 'events' AS events FROM pg_temp.http('read', 'GET', '/api/v1/cdp/events/statistics', query => 'days=7') AS h, json_array_elements(h.body::json -> 'events') AS e WHERE e.value ->> 'event' = 'HttpPurchase';
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/events/trends', query => 'days=2&event_name=HttpPurchase');
SELECT h.status, h.body::json ->> 'status' AS state FROM pg_temp.http('read', 'GET', '/api/v1/cdp/health') AS h;
SELECT h.status, h.headers ->> 'content-type' AS type, convert_from(h.body, 'UTF8') LIKE '%pulse_segments%' AS found
FROM key AS k, (VALUES ('{}'::jsonb), ('{"accept": "application/openmetrics-text; version=1.0.0"}')) AS a (accept),
     pulse_http('GET', '/metrics', NULL, jsonb_build_object('authorization', 'Bearer ' || k.text) || a.accept) AS h WHERE k.name = 'read';
-- Traits
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/traits', '{"name": "http_spent", "trait_type": "sum", "config": {"event": "HttpPurchase", "property": "total", "window_days": 30}}');
SELECT h.status, t.value ->> 'expression' AS expression FROM pg_temp.http('read', 'GET', '/api/v1/cdp/traits') AS h, json_array_elements(h.body::json) AS t WHERE t.value ->> 'name' = 'http_spent';
SELECT id AS trait FROM pulse.trait WHERE key = 'http_spent' \gset
SELECT status FROM pg_temp.http('read', 'GET', '/api/v1/cdp/traits/' || :trait);
SELECT status FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/traits/compute');
-- Segments
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/segments', '{"name": "Spenders", "rules": {"attributes": [], "logic": "and", "conditions": [{"field": "trait.http_spent", "operator": "greater_than", "value": 50}]}, "tags": ["money"]}');
SELECT id AS spenders FROM pulse.segment WHERE name = 'Spenders' \gset
SELECT status, body::json ->> 'estimated_count' AS count, json_array_length(body::json -> 'sample') AS sample FROM pg_temp.http('read', 'POST', '/api/v1/cdp/segments/preview', '{"rules": {"where": "trait(\"http_spent\") > 50"}, "limit": 5}');
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/segments/' || :spenders || '/compute');
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/segments/' || :spenders || '/profiles');
SELECT * FROM pg_temp.http('admin', 'PATCH', '/api/v1/cdp/segments/' || :spenders, '{"description": "who spends"}');
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/segments', '{"name": "By hand", "segment_type": "static", "draft": true}');
SELECT id AS hand FROM pulse.segment WHERE name = 'By hand' \gset
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/segments/' || :hand || '/profiles/' || :ann);
SELECT status FROM pg_temp.http('admin', 'PATCH', '/api/v1/cdp/segments/' || :hand, '{"status": "active"}');
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/segments/' || :hand || '/profiles/' || :ann);
SELECT added_by FROM pulse.static_member;
SELECT * FROM pg_temp.http('admin', 'DELETE', '/api/v1/cdp/segments/' || :hand || '/profiles/' || :ann);
SELECT h.status, s.value ->> 'segment_type' AS type FROM pg_temp.http('read', 'GET', '/api/v1/cdp/segments') AS h, json_array_elements(h.body::json) AS s WHERE s.value ->> 'name' IN ('Spenders', 'By hand') ORDER BY 2;
-- Exports: a GET that writes, as TinyCDP's clients send it; the link needs no key.
SELECT * FROM pg_temp.http('read', 'GET', '/v1/export/segment/Spenders.csv');
SELECT status FROM pg_temp.http('read', 'GET', '/v1/export/segment/Nobody');
SELECT status, json_array_length(body::json -> 'exports') FROM pg_temp.http('read', 'GET', '/v1/export/list');
SELECT h.status, h.headers ->> 'content-type' AS type, h.headers ->> 'content-disposition' LIKE 'attachment; filename="segment_Spenders_%' AS name, split_part(convert_from(h.body, 'UTF8'), E'\n', 1) AS head, h.info
FROM pulse_list_exports() AS e, pulse_http('GET', '/v1/export/download/' || e.token) AS h;
SELECT status, convert_from(body, 'UTF8') FROM pulse_http('GET', '/v1/export/download/1.2.abc');
SELECT n.next, length(n.body) > 0 AS has_body FROM pulse_list_exports() AS e, pulse_http_next('1:' || e.token) AS n;
-- Sources and webhooks
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/sources', '{"name": "http web", "source_type": "website"}');
SELECT h.status, s.value ->> 'source_type' AS type FROM pg_temp.http('read', 'GET', '/api/v1/cdp/sources') AS h, json_array_elements(h.body::json) AS s WHERE s.value ->> 'name' = 'http web';
SELECT * FROM pg_temp.http('admin', 'DELETE', '/api/v1/cdp/sources/http%20web');
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/webhooks', '{"url": "https://hooks.example/pulse", "name": "hook", "events": ["incident.opened"]}');
SELECT h.status, w.value -> 'events' AS events, w.value ->> 'url' AS url FROM pg_temp.http('read', 'GET', '/api/v1/cdp/webhooks') AS h, json_array_elements(h.body::json) AS w WHERE w.value ->> 'id' = 'hook';
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/webhooks/hook/rotate-secret', '{"keep": "1 hour"}');
SELECT status FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/webhooks/none/rotate-secret', '{}');
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
SELECT count(pulse_delete_trait('http_spent'));
SELECT count(pulse_delete_export(id)) FROM pulse_list_exports();
SELECT count(pulse_revoke_api_key(name)) FROM pulse.api_key WHERE name LIKE '% of people';
SELECT count(pulse_revoke(rolname::text)) FROM pg_roles WHERE rolname LIKE 'http\_%';
DROP TABLE key;
DROP ROLE http_admin, http_reader;
