-- Every route of pulse_http(), without a socket: keys, parameters, answers and errors.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
SET pulse.now = '2026-03-02 12:00+00';
CREATE ROLE http_admin;
CREATE ROLE http_operator;
CREATE ROLE http_writer;
CREATE ROLE http_reader;
CREATE ROLE http_gateway;
SELECT pulse_grant('http_admin', 'admin');
SELECT pulse_grant('http_operator', 'operator');
SELECT pulse_grant('http_writer', 'writer');
SELECT pulse_grant('http_reader', 'people_reader');
SELECT pulse_grant('http_gateway', 'gateway');

-- The gateway's role may call pulse_http() and what brings the rest of long answers, nothing else of Pulse.
SELECT p.proname FROM pg_proc AS p JOIN pg_depend AS d ON d.objid = p.oid AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'pulse' WHERE has_function_privilege('http_gateway', p.oid, 'EXECUTE') ORDER BY 1;
SELECT has_schema_privilege('http_gateway', 'pulse', 'USAGE');

CREATE TEMP TABLE key AS SELECT 'admin' AS name, pulse_create_api_key('an admin', 'admin', 'http_operator') AS text;
INSERT INTO key VALUES ('write', pulse_create_api_key('a writer', 'write', 'http_writer')),
    ('top', pulse_create_api_key('the administrator', 'admin', 'http_admin')),
    ('read', pulse_create_api_key('a reader', 'read', 'http_reader')),
    ('public', pulse_create_api_key('a website', 'public', 'http_writer', origins => '{https://shop.example}')),
    ('weak', pulse_create_api_key('an admin without rights', 'admin', 'http_reader'));
INSERT INTO key VALUES ('shop', pulse_create_event_source('http_shop', 'http_writer'));

-- One request with a key; ids, times and keys are different in each run.
CREATE FUNCTION pg_temp.http(key_name text, method text, path text, body text DEFAULT NULL, headers jsonb DEFAULT '{}', query text DEFAULT NULL,
                             OUT status int, OUT body text, OUT headers jsonb)
    LANGUAGE sql AS $$
    SELECT h.status, regexp_replace(regexp_replace(convert_from(h.body, 'UTF8'), '"[^"]*(at|At|timestamp|id|Id)" *: *("[^"]*"|[0-9]+)', '', 'g'), 'pulse_[a-z]+_\w+', 'KEY', 'g'),
           h.headers - 'x-content-type-options' - 'cache-control' - 'content-type'
    FROM pulse_http(http.method, http.path, http.query,
                    http.headers || CASE WHEN key_name IS NULL THEN '{}' ELSE jsonb_build_object('authorization', 'Bearer ' || (SELECT k.text FROM key AS k WHERE k.name = key_name)) END,
                    convert_to(http.body, 'UTF8'), '{"address": "192.0.2.1", "request": "r-1"}') AS h
$$;

-- Paths, methods, keys
SELECT status, body FROM pg_temp.http(NULL, 'GET', '/health');
SELECT * FROM pg_temp.http(NULL, 'GET', '/nothing');
SELECT * FROM pg_temp.http(NULL, 'GET', '/v1/admin/nothing');
SELECT * FROM pg_temp.http(NULL, 'GET', '/api/v1/nothing');
SELECT * FROM pg_temp.http(NULL, 'GET', '/ofrep/v1/nothing');
SELECT * FROM pg_temp.http(NULL, 'DELETE', '/api/segments');
SELECT path, status, body FROM unnest('{/api/../health,/%2e%2e/health,/api/%zz,/%00,/%ff,health}'::text[]) AS path, pg_temp.http(NULL, 'GET', path);
SELECT status FROM pg_temp.http(NULL, 'GET', '//health///');
SELECT status, body FROM pg_temp.http(NULL, 'GET', '/api/segments');
SELECT status, body FROM pulse_http('GET', '/api/segments', NULL, '{"authorization": "Bearer pulse_read_00000000000000000000000000000000000000000000"}');
SELECT status, convert_from(body, 'UTF8') FROM pulse_http('GET', '/api/segments', NULL, '{"authorization": "Digest x"}');
SELECT kind.name, r.access, h.status FROM key AS kind
CROSS JOIN (VALUES ('send', 'POST', '/v1/track'), ('decide', 'POST', '/ofrep/v1/evaluate/flags'), ('read', 'GET', '/api/segments'), ('admin', 'POST', '/api/segments')) AS r (access, method, path)
CROSS JOIN LATERAL pg_temp.http(kind.name, r.method, r.path, '{"context": {}, "name": "x"}') AS h WHERE kind.name NOT IN ('top', 'weak') ORDER BY 1, 2;
-- Measuring and checking are not for browsers, whatever the role may do.
SELECT k.name, h.status FROM key AS k CROSS JOIN LATERAL pg_temp.http(k.name, 'POST', '/api/snapshots/take', '{"segmentId": 0}') AS h WHERE k.name IN ('public', 'write', 'admin') ORDER BY 1;
SELECT k.name, h.status FROM key AS k CROSS JOIN LATERAL pg_temp.http(k.name, 'POST', '/api/tables/0/check') AS h WHERE k.name IN ('public', 'write', 'admin') ORDER BY 1;
-- HEAD never writes.
SELECT status, headers FROM pg_temp.http('read', 'HEAD', '/v1/export/segment/x');
-- All places of a key. One in the URL may only send.
SELECT k.name, h.status FROM key AS k CROSS JOIN LATERAL pulse_http('GET', '/api/segments', NULL, jsonb_build_object('x-api-key', k.text)) AS h WHERE k.name = 'read'
UNION ALL SELECT 'basic', h.status FROM key AS k CROSS JOIN LATERAL pulse_http('GET', '/api/segments', NULL, jsonb_build_object('authorization', 'basic ' || translate(encode(convert_to(k.text || ':', 'UTF8'), 'base64'), E'\n', ''))) AS h WHERE k.name = 'read'
UNION ALL SELECT 'query, read', h.status FROM key AS k CROSS JOIN LATERAL pulse_http('GET', '/api/segments', 'apiKey=' || k.text) AS h WHERE k.name = 'admin'
UNION ALL SELECT 'query, send', h.status FROM key AS k CROSS JOIN LATERAL pulse_http('POST', '/v1/track', 'apiKey=' || k.text, '{"content-type": "text/plain;charset=UTF-8"}', '{"event": "seen", "userId": "ann", "messageId": "q1"}') AS h WHERE k.name = 'admin'
UNION ALL SELECT 'body', h.status FROM key AS k CROSS JOIN LATERAL pulse_http('POST', '/v1/batch', NULL, '{}', convert_to(format('{"writeKey": %s, "batch": [{"type": "track", "event": "seen", "userId": "ann", "messageId": "q2"}]}', to_jsonb(k.text)), 'UTF8')) AS h WHERE k.name = 'write';
-- A key without rights gets no more than its role has.
SELECT status, body FROM pg_temp.http('weak', 'POST', '/api/segments', '{"name": "x", "definition": {"where": "profile.plan == \"pro\""}}');
SELECT status, body FROM pg_temp.http('weak', 'POST', '/v1/track', '{"event": "seen", "userId": "ann"}');

-- Web pages
SELECT status, headers, body FROM pg_temp.http(NULL, 'OPTIONS', '/v1/track', NULL, '{"origin": "https://shop.example", "access-control-request-method": "POST"}');
SELECT status, headers, body FROM pg_temp.http('public', 'POST', '/v1/track', '{"event": "seen", "userId": "ann", "messageId": "w1"}', '{"origin": "https://shop.example"}');
SELECT status, body FROM pg_temp.http('public', 'POST', '/v1/track', '{"event": "seen", "userId": "ann", "messageId": "w2"}', '{"origin": "https://evil.example"}');
SELECT status, headers -> 'access-control-allow-origin' AS allowed, headers -> 'vary' AS vary
FROM unnest('{https://a.example,https://b.example}'::text[]) AS origin,
     pulse_http('GET', '/health', NULL, jsonb_build_object('origin', origin), NULL, '{"cors": ["https://a.example"]}');

-- Events
SELECT status, body FROM pg_temp.http('write', 'POST', '/v1/batch', '{"batch": [{"type": "track", "event": "a", "userId": "u1", "messageId": "m1"}, {"type": "track", "event": "a", "userId": "u1", "messageId": "m1"}, {"type": "track", "userId": "u1"}, 5]}');
SELECT status, body FROM pg_temp.http('write', 'POST', '/v1/batch', '{"batch": [{"type": "track", "event": "nul \u0000", "userId": "u1", "messageId": "m2"}]}');
SELECT status, body FROM pg_temp.http('write', 'POST', '/v1/batch', 'not json');
SELECT status, body FROM pg_temp.http('write', 'POST', '/v1/batch', '');
SELECT status, body FROM pg_temp.http('write', 'POST', '/v1/track', '{"event": ""}');
-- Several requests in one: each has its answer; without events that can be read there is one answer to all, and nothing is done.
CREATE FUNCTION pg_temp.folded(path text, bodies text, OUT status int, OUT answers text) LANGUAGE sql AS $$
    SELECT h.status, regexp_replace(convert_from(h.body, 'UTF8'), '(eventId\\" : |profile:)[0-9]+', '\1N', 'g')
    FROM pulse_http('POST', path, NULL, jsonb_build_object('authorization', 'Bearer ' || (SELECT k.text FROM key AS k WHERE k.name = 'write')),
                    convert_to(bodies, 'UTF8'), '{"folded": true}') AS h
$$;
SELECT * FROM pg_temp.folded('/v1/track', '["{\"event\": \"fold\", \"userId\": \"f1\"}", "{\"event\": \"\"}", "{\"event\": \"fold\", \"userId\": \"f1\"}", "[]"]');
SELECT * FROM pg_temp.folded('/v1/track', '["{\"event\": \"fold\", \"userId\": \"f2\"}", "{"]');
SELECT * FROM unnest('{[],"{}",[5],"[\"\\u0000\"]",x}'::text[]) AS bodies, pg_temp.folded('/v1/track', bodies);
SELECT * FROM pg_temp.folded('/v1/batch', '["{}"]');
SELECT count(*) FROM pulse.event WHERE name = 'fold';
SELECT status, body FROM pg_temp.http('write', 'POST', '/v1/identify', '{"userId": "u2", "traits": {"plan": "pro"}, "messageId": "m3"}');
SELECT attributes FROM pulse.person WHERE user_id = 'u2';
-- What is sent again counts once: by time, else within pulse.retry_window.
SELECT body FROM pg_temp.http('write', 'POST', '/v1/track', '{"event": "click", "userId": "u3", "ts": "2026-03-02T11:59:00Z", "props": {"x": 1}}');
SELECT body FROM pg_temp.http('write', 'POST', '/v1/track', '{"event": "click", "userId": "u3", "ts": "2026-03-02T11:59:00Z", "props": {"x": 1}}');
SELECT body FROM pg_temp.http('write', 'POST', '/v1/track', '{"event": "click", "userId": "u3"}');
SET pulse.now = '2026-03-02 12:00:40+00';
SELECT body FROM pg_temp.http('write', 'POST', '/v1/track', '{"event": "click", "userId": "u3"}');
SET pulse.now = '2026-03-02 12:03+00';
SELECT body FROM pg_temp.http('write', 'POST', '/v1/track', '{"event": "click", "userId": "u3"}');
SELECT count(*) FROM pulse.event WHERE name = 'click';
-- PostHog
SELECT status, convert_from(body, 'UTF8') FROM key AS k, pulse_http('POST', '/batch/', NULL, '{}', convert_to(format('{"api_key": %s, "batch": [
  {"event": "$identify", "distinct_id": "ph1", "uuid": "p1", "properties": {"$set": {"plan": "pro"}, "$set_once": {"first": "a", "plan": "old"}}},
  {"event": "signed up", "distinct_id": "ph1", "uuid": "p2", "properties": {"via": "ad"}}]}', to_jsonb(k.text)), 'UTF8')) AS h WHERE k.name = 'write';
SELECT status FROM key AS k, pulse_http('POST', '/batch/', NULL, '{}', convert_to(format('{"api_key": %s, "batch": [
  {"event": "$identify", "distinct_id": "ph1", "uuid": "p3", "properties": {"$set_once": {"first": "b", "second": 2}}}]}', to_jsonb(k.text)), 'UTF8')) AS h WHERE k.name = 'write';
SELECT attributes FROM pulse.person WHERE user_id = 'ph1';
SELECT status FROM key AS k, pulse_http('POST', '/batch/', NULL, '{}', convert_to(format('{"api_key": %s, "batch": [
  {"event": "$create_alias", "distinct_id": "ph1", "uuid": "p4", "properties": {"distinct_id": "ph1", "alias": "ph-other"}}]}', to_jsonb(k.text)), 'UTF8')) AS h WHERE k.name = 'write';
SELECT attributes -> 'plan' AS plan FROM pulse_profile('ph-other') AS p, LATERAL (SELECT p -> 'attributes') AS a (attributes);

-- Definitions and decisions of TinyCDP
SELECT status, body FROM pg_temp.http('admin', 'POST', '/v1/admin/traits', '{"key": "buyer", "expression": "events.purchase.count_30d >= 1"}');
SELECT status, body FROM pg_temp.http('admin', 'POST', '/v1/admin/traits', '{"key": "buyer", "expression": "1"}');
SELECT status, body FROM pg_temp.http('admin', 'POST', '/v1/admin/traits', '{"key": "bad", "expression": "1 +"}');
SELECT status, body FROM pg_temp.http('admin', 'POST', '/v1/admin/traits', '{"expression": "1"}');
SELECT status, body FROM pg_temp.http('admin', 'POST', '/v1/admin/traits', '[]');
SELECT status, body FROM pg_temp.http('admin', 'POST', '/v1/admin/segments', '{"key": "buyers", "rule": "trait(\"buyer\") == true"}');
SELECT status, body FROM pg_temp.http('admin', 'POST', '/v1/admin/flags', '{"key": "discount-offer", "rule": "segment(\"buyers\")"}');
SELECT status, body FROM pg_temp.http('read', 'GET', '/v1/admin/traits');
SELECT status, body FROM pg_temp.http('read', 'GET', '/v1/admin/segments/buyers');
SELECT status, body FROM pg_temp.http('read', 'GET', '/v1/admin/segments/nobody');
SELECT status, body FROM pg_temp.http('read', 'GET', '/v1/admin/flags');
SELECT status, body FROM pg_temp.http('admin', 'PUT', '/v1/admin/traits/buyer', '{"expression": "events.purchase.count_30d >= 2"}');
SELECT status, body FROM pg_temp.http('read', 'POST', '/v1/admin/validate', '{"expression": "trait(\"buyer\")", "type": "segment"}');
SELECT status, body FROM pg_temp.http('read', 'POST', '/v1/admin/validate', '{"expression": "1 + 1", "type": "segment"}');
SELECT status, body FROM pg_temp.http('read', 'POST', '/v1/admin/validate', '{"expression": "1 +", "type": "trait"}');
SELECT status, body FROM pg_temp.http('read', 'POST', '/v1/admin/validate', '{"expression": "1", "type": "page"}');
SELECT status, body FROM pg_temp.http('read', 'GET', '/v1/decide', query => 'userId=u1&flag=discount-offer');
SELECT status, body FROM pg_temp.http('read', 'GET', '/v1/decide', query => 'userId=u1&flag=unknown');
SELECT status, body FROM pg_temp.http('read', 'GET', '/v1/decide', query => 'flag=unknown');
SELECT status, body FROM pg_temp.http('read', 'GET', '/v1/decide', query => 'userId=&flag=discount-offer');
SELECT status, body FROM pg_temp.http('public', 'GET', '/v1/decide', query => 'userId=u1&flag=discount-offer');
SELECT status, body FROM pg_temp.http('top', 'POST', '/v1/admin/keys', '{"kind": "read", "name": "made by a key"}');
SELECT actor, actor_kind, login = session_user AS logged_in, action, subject FROM pulse.audit WHERE subject = 'made by a key';
SELECT changed_by FROM pulse.trait_version ORDER BY 1;
-- OFREP
SELECT status, body FROM pg_temp.http('read', 'POST', '/ofrep/v1/evaluate/flags/discount-offer', '{"context": {"targetingKey": "u1"}}');
SELECT status, body FROM pg_temp.http('read', 'POST', '/ofrep/v1/evaluate/flags/my/flag', '{"context": {"targetingKey": "u1"}}');
SELECT status, body FROM pg_temp.http('read', 'POST', '/ofrep/v1/evaluate/flags/discount-offer', '{"context": ');
SELECT status, body FROM pg_temp.http('read', 'POST', '/ofrep/v1/evaluate/flags/discount-offer', '{"context": 5}');
SELECT status, body FROM pg_temp.http('read', 'POST', '/ofrep/v1/evaluate/flags/discount-offer', '{}');
SELECT status, body FROM pg_temp.http('public', 'POST', '/ofrep/v1/evaluate/flags', '{"context": {"targetingKey": "u1"}}');
-- A public key learns what a flag gives, not which rule or segment gives it.
SELECT count(pulse_create_flag('open', '{"public": true, "rules": [{"when": "context.country == \"DE\"", "variant": "on"}]}'));
SELECT k.name, h.status, h.body FROM (VALUES ('public'), ('read')) AS k (name), LATERAL pg_temp.http(k.name, 'POST', '/ofrep/v1/evaluate/flags/open', '{"context": {"country": "DE"}}') AS h;
SELECT status, body FROM pg_temp.http('public', 'POST', '/ofrep/v1/evaluate/flags', '{"context": {"country": "DE"}}');
SELECT pulse_delete_flag('open');
-- Without an id, only what needs one is not decided.
SELECT count(pulse_create_flag('half', '{"rules": [{"when": "context.country == \"DE\"", "variant": "on"}, {"percentage": 50, "variant": "on"}]}'));
SELECT context, status, body FROM unnest(ARRAY['{}', '{"targetingKey": ""}', '{"targetingKey": 5}', '{"targetingKey": "u1"}', '{"country": "DE"}']) AS context,
    LATERAL pg_temp.http('read', 'POST', '/ofrep/v1/evaluate/flags/half', format('{"context": %s}', context));
SELECT status, body FROM pg_temp.http('read', 'POST', '/ofrep/v1/evaluate/flags', '{"context": {}}');
SELECT pulse_delete_flag('half');
SELECT status, body, headers ->> 'etag' AS tag FROM pg_temp.http('read', 'POST', '/ofrep/v1/evaluate/flags', '{"context": {"targetingKey": "u1"}}') \gset
\echo :status :body
SELECT status, body FROM pg_temp.http('read', 'POST', '/ofrep/v1/evaluate/flags', '{"context": {"targetingKey": "u1"}}', jsonb_build_object('if-none-match', 'W/' || :'tag'));
SELECT h.status, h.headers ? 'content-type' AS typed FROM key AS k, pulse_http('POST', '/ofrep/v1/evaluate/flags', NULL, jsonb_build_object('authorization', 'Bearer ' || k.text, 'if-none-match', :'tag'), '{"context": {"targetingKey": "u1"}}') AS h WHERE k.name = 'read';
SELECT status FROM pg_temp.http('read', 'POST', '/ofrep/v1/evaluate/flags', '{"context": {"targetingKey": "u1", "flags": []}}', jsonb_build_object('if-none-match', :'tag'));

-- Segments, snapshots, incidents
CREATE TABLE shopper (id int PRIMARY KEY, plan text);
INSERT INTO shopper SELECT n, CASE WHEN n % 2 = 0 THEN 'pro' ELSE 'free' END FROM generate_series(1, 40) AS n;
GRANT SELECT ON shopper TO http_operator;
SELECT status, body FROM pg_temp.http('admin', 'POST', '/api/segments', '{"name": "Pros", "owner": "growth", "definition": {"from": "public.shopper", "key": "id", "where": "plan == ''pro''", "attributes": ["plan"]}}');
SELECT status, body FROM pg_temp.http('admin', 'POST', '/api/segments', '{"name": "Pros", "definition": {"from": "public.shopper", "key": "id"}}');
SELECT status, body FROM pg_temp.http('admin', 'POST', '/api/segments', '{"name": "Lost", "definition": {"from": "public.nowhere", "key": "id"}}');
SELECT h.status, s.value ->> 'name' AS name, s.value ->> 'isActive' AS active FROM key AS k, pulse_http('GET', '/api/segments', NULL, jsonb_build_object('authorization', 'Bearer ' || k.text)) AS h,
    json_array_elements(convert_from(h.body, 'UTF8')::json) AS s WHERE k.name = 'read' AND s.value ->> 'name' IN ('Pros', 'buyers') ORDER BY 2;
SELECT id AS pros FROM pulse.segment WHERE name = 'Pros' \gset
SELECT status, body FROM pg_temp.http('admin', 'PUT', '/api/segments/' || :pros, '{"name": "Professionals", "isActive": false}');
SELECT status, body FROM pg_temp.http('admin', 'PUT', '/api/segments/' || :pros, '{"isActive": true}');
SELECT status, body FROM pg_temp.http('read', 'GET', '/api/segments/0');
SELECT status, body FROM pg_temp.http('read', 'GET', '/api/segments/7f6f8f5e-0000-4000-8000-000000000000');
SELECT count(pulse_take_snapshot('Professionals'));
SELECT status, body FROM pg_temp.http('read', 'GET', '/api/snapshots/segment/' || :pros);
SELECT status, body FROM pg_temp.http('read', 'GET', '/api/snapshots', query => 'limit=0');
SELECT status, body FROM pg_temp.http('read', 'GET', '/api/snapshots', query => 'limit=x');
SELECT status, body FROM pg_temp.http('read', 'GET', '/api/drift/incidents');
SELECT status, body FROM pg_temp.http('read', 'GET', '/api/drift/incidents', query => 'status=closed');
SELECT status, body FROM pg_temp.http('admin', 'PATCH', '/api/drift/incidents/0', '{"status": "resolved"}');
SELECT status, body FROM pg_temp.http('admin', 'POST', '/webhook/drift', '{"incidentId": "1", "severity": "high"}');
SELECT status, body FROM pg_temp.http('admin', 'DELETE', '/api/segments/' || :pros);
SELECT status FROM pg_temp.http('read', 'GET', '/api/segments/' || :pros);
-- Tables
SELECT status, body FROM pg_temp.http('admin', 'POST', '/api/tables', '{"table_name": "shopper", "schema_name": "public", "monitor_types": ["volume", "schema"]}');
SELECT id AS monitor FROM pulse.monitor WHERE relation = 'public.shopper' \gset
SELECT status, body FROM pg_temp.http('read', 'GET', '/api/tables');
SELECT status, body FROM pg_temp.http('admin', 'PATCH', '/api/tables/' || :monitor, '{"check_interval_minutes": 10}');
SELECT status, body FROM pg_temp.http('read', 'GET', '/api/tables/' || :monitor || '/status');
SELECT "check", status FROM pulse_check_tables('public.shopper') ORDER BY 1;
-- What measures is not for keys that may only send events, nor for one in the URL.
SELECT k.name, r.path, h.status, h.body FROM (VALUES ('public'), ('shop'), ('write')) AS k (name), (VALUES ('/api/tables/0/check'), ('/api/snapshots/take')) AS r (path),
    LATERAL pg_temp.http(k.name, 'POST', r.path, '{"segmentId": 0}') AS h ORDER BY 1, 2;
SELECT h.status FROM key AS k, pulse_http('POST', '/api/snapshots/take', 'apiKey=' || k.text) AS h WHERE k.name = 'write';
SELECT status, body FROM pg_temp.http('read', 'GET', '/api/alerts', query => 'status=active');
SELECT status, body FROM pg_temp.http('admin', 'DELETE', '/api/tables/' || :monitor);
SELECT status, body FROM pg_temp.http('read', 'GET', '/api/connections');
SELECT url, status, body FROM unnest('{mysql://h/d,postgresql://h,http://u:secret@h/d,postgresql://u:secret@h/d?hots=1,postgresql://u:%ff@h/d}'::text[]) AS url,
    LATERAL pg_temp.http('top', 'POST', '/api/connections', jsonb_build_object('name', 'http_source', 'connection_string', url)::text);
SELECT pulse.connection_options('postgresql+psycopg://a%40b:p%3Ass%25@db.example:5433/my%20shop?sslmode=require'), pulse.connection_options('postgres://db/shop'), pulse.connection_options(NULL);

-- Only the gateway compares versions and counts usage.
SELECT status FROM pulse_http('POST', '/gateway/hello', NULL, '{}', '{"interface": 2}', '{"address": "192.0.2.1"}');
SELECT status, convert_from(body, 'UTF8') FROM pulse_http('POST', '/gateway/hello', NULL, '{}', '{"interface": 2}', '{"gateway": true}');
SELECT status, convert_from(body, 'UTF8') FROM pulse_http('POST', '/gateway/hello', NULL, '{}', '{"interface": 1}', '{"gateway": true}');
SELECT status, convert_from(body, 'UTF8') FROM pulse_http('POST', '/gateway/usage', NULL, '{}', convert_to(format('{"usage": [{"key": %s, "requests": 3, "refusals": 1}]}', (SELECT id FROM pulse.api_key WHERE name = 'a reader')), 'UTF8'), '{"gateway": true}');
SELECT status FROM pulse_http('POST', '/gateway/usage', NULL, '{}', '{"usage": 5}', '{"gateway": true}');
SELECT requests, refusals FROM pulse_list_api_keys() WHERE name = 'a reader';
-- Arguments
SELECT pulse_http(NULL, '/');
SELECT pulse_http('GET', NULL);
SELECT pulse_http('GET', '/', headers => '[]');
SELECT pulse_http('GET', '/', client => '5');
SELECT pulse_http_next(NULL);
SELECT pulse_http_next('x');
SELECT pulse_http_next('99999999999999999999:x');
-- Long arrays take no longer than they must: the time limit could not end the parsing of JSON.
SET statement_timeout = '20s';
SELECT status, body FROM pg_temp.http('admin', 'POST', '/webhook/drift', jsonb_build_object('rows', (SELECT jsonb_agg('{}'::jsonb) FROM generate_series(1, 40000)))::text);
RESET statement_timeout;
-- Read-only transactions answer reads, and say why they do not write.
BEGIN READ ONLY;
SELECT status FROM pg_temp.http('read', 'GET', '/api/segments');
SELECT status FROM pg_temp.http('read', 'POST', '/ofrep/v1/evaluate/flags', '{"context": {}}');
SELECT status, body, headers FROM pg_temp.http('write', 'POST', '/v1/track', '{"event": "seen", "userId": "ann"}');
ROLLBACK;
CREATE FUNCTION http_fails() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today'; END $$;
-- A failure leaves nothing behind, neither in the transaction nor in the session.
BEGIN;
SELECT status FROM pg_temp.http('admin', 'POST', '/v1/admin/traits', '{"key": "bad", "expression": "1 +"}');
SELECT current_user = session_user AS same, current_setting('search_path');
COMMIT;
-- A query in a definition can take advisory locks and fail in ways of its own.
SELECT q.query, h.status, h.body FROM unnest(ARRAY['SELECT 1 AS id, pg_advisory_lock(42)', 'SELECT (SELECT g FROM generate_series(1, 2) AS g) AS id', 'SELECT set_config(''transaction_read_only'', ''off'', false) AS id',
    'SELECT public.http_fails() AS id']) AS q (query), pg_temp.http('read', 'POST', '/api/v1/cdp/segments/preview', jsonb_build_object('rules', jsonb_build_object('query', q.query, 'key', 'id'))::text) AS h;
SELECT count(*) FROM pg_prepared_statements;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();

SET pulse.now = '2026-03-02 12:03+00';
SELECT count(pulse_delete_flag(key)) FROM pulse.flag WHERE key = 'discount-offer';
SELECT count(pulse_delete_segment(name, true)) FROM pulse.segment WHERE name = 'buyers';
SELECT count(pulse_delete_trait(key)) FROM pulse.trait WHERE key = 'buyer';
SELECT pulse_delete_event_source('http_shop');
SELECT count(pulse_revoke_api_key(name)) FROM pulse.api_key WHERE runs_as LIKE 'http\_%';
DROP TABLE shopper;
DROP FUNCTION http_fails();
SELECT count(pulse_revoke(rolname::text)) FROM pg_roles WHERE rolname LIKE 'http\_%';
DROP TABLE key;
DROP ROLE http_admin, http_operator, http_writer, http_reader, http_gateway;
