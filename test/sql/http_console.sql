-- Routes of the console: sessions, what refuses requests of other sites, and the pages' own routes.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
CREATE ROLE console_operator;
CREATE ROLE console_viewer;
SELECT pulse_grant('console_operator', 'operator');
SELECT pulse_grant('console_viewer', 'people_reader');
CREATE TEMP TABLE key AS SELECT 'admin' AS name, pulse_create_api_key('console admin', 'admin', 'console_operator') AS text;
INSERT INTO key VALUES ('read', pulse_create_api_key('console reader', 'read', 'console_viewer')), ('public', pulse_create_api_key('console page', 'public', 'console_operator')),
    ('shop', pulse_create_event_source('console_shop', 'console_operator'));
CREATE TEMP TABLE cookie (name text, token text);

-- A request of a page of the console; the token is that of a cookie.
CREATE FUNCTION pg_temp.console(method text, path text, body text DEFAULT NULL, token text DEFAULT NULL, headers jsonb DEFAULT '{}', tls boolean DEFAULT false,
                                OUT status int, OUT body text, OUT headers jsonb, OUT key text)
    LANGUAGE sql AS $$
    SELECT h.status, convert_from(h.body, 'UTF8'), h.headers, h.info #>> '{key,name}'
    FROM pulse_http(console.method, console.path, NULL, jsonb_strip_nulls('{"host": "crm.example", "origin": "https://crm.example", "x-pulse-console": "1"}' || console.headers)
                    || CASE WHEN token IS NULL THEN '{}' ELSE jsonb_build_object('cookie', 'other=1; pulse_session=' || token || '; last=2') END,
                    convert_to(console.body, 'UTF8'), jsonb_build_object('address', '192.0.2.1', 'request', 'r-1', 'tls', console.tls)) AS h
$$;
CREATE FUNCTION pg_temp.sign_in(name text, tls boolean DEFAULT false) RETURNS text LANGUAGE sql AS $$
    WITH answer AS (SELECT c.* FROM key AS k, pg_temp.console('POST', '/console/session', json_build_object('key', k.text)::text, tls => tls) AS c WHERE k.name = sign_in.name)
    INSERT INTO cookie SELECT sign_in.name, substring(headers ->> 'set-cookie' FROM 'pulse_session=([0-9a-f]{64})') FROM answer;
    SELECT c.status || ' ' || regexp_replace(coalesce(c.headers ->> 'set-cookie', c.body), '[0-9a-f]{64}', 'TOKEN')
    FROM key AS k, pg_temp.console('POST', '/console/session', json_build_object('key', k.text)::text, tls => tls) AS c WHERE k.name = sign_in.name
$$;

-- Signing in. The cookie names no path: the browser takes /console, with whatever prefix. No answer lets pages of other sites read it.
SELECT k.name, pg_temp.sign_in(k.name, k.name = 'read') FROM key AS k WHERE k.name IN ('admin', 'read') ORDER BY 1;
SELECT k.name, c.status, c.key, c.body FROM key AS k, pg_temp.console('POST', '/console/session', json_build_object('key', k.text)::text) AS c WHERE k.name IN ('public', 'shop') ORDER BY 1;
SELECT status, body FROM pg_temp.console('POST', '/console/session', '{"key": "pulse_read_00000000000000000000000000000000000000000000"}');
SELECT status, body FROM pg_temp.console('POST', '/console/session', '{}');
SELECT headers ? 'access-control-allow-origin' AS shared FROM pg_temp.console('GET', '/console/session');
SELECT status FROM pg_temp.console('OPTIONS', '/console/api/v1/segments');
SELECT p.path, h.headers ->> 'content-security-policy' AS policy, h.headers ->> 'cross-origin-resource-policy' AS used_by FROM unnest('{/console/session,/v1/segments}'::text[]) AS p (path), pg_temp.console('GET', p.path) AS h ORDER BY 1;
SELECT count(*) AS sessions, bool_and(s.digest = sha256(convert_to(c.token, 'UTF8'))) FILTER (WHERE c.token IS NOT NULL) AS digests, count(c.token) AS known,
       bool_and(s.expires_at BETWEEN s.created_at + '11 hours 59 minutes' AND s.created_at + '12 hours 1 minute') AS twelve_hours
FROM pulse.console_session AS s LEFT JOIN cookie AS c ON s.digest = sha256(convert_to(c.token, 'UTF8'));
SELECT count(*) AS texts FROM pulse.console_session AS s, cookie AS c WHERE s::text LIKE '%' || c.token || '%';

-- A session acts as its key: kind, role, name in histories. It is a key below /console only, and a key in a header comes first.
SELECT c.name, h.status, h.key, (h.body::json) ->> 'kind' AS kind, (h.body::json) ->> 'role' AS role FROM cookie AS c, pg_temp.console('GET', '/console/session', token => c.token) AS h ORDER BY 1;
SELECT c.name, h.status FROM cookie AS c, pg_temp.console('GET', '/v1/segments', token => c.token) AS h ORDER BY 1;
SELECT c.name, h.status FROM cookie AS c, pg_temp.console('POST', '/v1/track', '{"userId": "u", "event": "e"}', token => c.token) AS h ORDER BY 1;
SELECT c.name, h.status, h.key FROM cookie AS c, pg_temp.console('GET', '/console/api/v1/segments', token => c.token) AS h ORDER BY 1;
SELECT c.name, h.status, h.body FROM cookie AS c, pg_temp.console('POST', '/console/api/api/segments', '{"name": "made in the console", "definition": {"query": "SELECT 1 AS id"}}', token => c.token) AS h
WHERE c.name = 'read';
SELECT c.name, h.status FROM cookie AS c, pg_temp.console('POST', '/console/api/api/segments', '{"name": "made in the console", "definition": {"query": "SELECT 1 AS id", "key": "id"}}', token => c.token) AS h
WHERE c.name = 'admin';
SELECT v.changed_by, s.runs_as FROM pulse.segment AS s JOIN pulse.segment_version AS v ON v.segment_id = s.id WHERE s.name = 'made in the console';
SELECT h.status, h.key FROM cookie AS c, pg_temp.console('GET', '/console/api/v1/segments', token => c.token,
    headers => jsonb_build_object('authorization', 'Bearer ' || (SELECT k.text FROM key AS k WHERE k.name = 'read'))) AS h WHERE c.name = 'admin';
SELECT h.status, h.body FROM cookie AS c, pg_temp.console('GET', '/console/api/v1/segments', token => c.token, headers => '{"authorization": "Bearer nonsense"}') AS h WHERE c.name = 'admin';
SELECT h.status FROM pg_temp.console('GET', '/console/api/v1/segments', token => repeat('0', 64)) AS h;
SELECT h.status FROM cookie AS c, pg_temp.console('GET', '/console/api/gateway/hello', token => c.token) AS h WHERE c.name = 'admin';

-- What changes something comes from a page of the console, or is refused: 200 and 404 are those that got through.
SELECT f.what, h.status, (h.body::json) ->> 'detail' AS detail FROM cookie AS c, (VALUES
    ('a page of the console', '{}'), ('no header of ours', '{"x-pulse-console": null}'), ('another site', '{"origin": "https://evil.example"}'), ('a page in a sandbox', '{"origin": "null"}'),
    ('no origin', '{"origin": null}'), ('another port', '{"origin": "https://crm.example:8443"}'), ('a name in front', '{"origin": "https://crm.example.evil.example"}'),
    ('the browser says so', '{"sec-fetch-site": "cross-site"}'), ('the browser says that it is ours', '{"sec-fetch-site": "same-origin", "origin": "https://front.example"}'), ('another case', '{"origin": "https://CRM.example"}')) AS f (what, headers)
CROSS JOIN LATERAL pg_temp.console('POST', '/console/api/v1/incidents/0/resolve', '{}', c.token, f.headers::jsonb) AS h WHERE c.name = 'admin' ORDER BY f.what;
SELECT status FROM pg_temp.console('POST', '/console/session', '{"key": "x"}', headers => '{"origin": "https://evil.example"}');
-- What only reads needs none of it.
SELECT h.status FROM cookie AS c, pg_temp.console('GET', '/console/api/v1/segments', token => c.token, headers => '{"x-pulse-console": null, "origin": null}') AS h WHERE c.name = 'admin';

-- The routes of the pages.
SELECT p.path, h.status, left(h.body, 8) FROM cookie AS c, unnest('{/v1/status,/v1/mission,/v1/segments,/v1/segments/made%20in%20the%20console,/v1/segments/made%20in%20the%20console/history,/v1/segments/made%20in%20the%20console/versions,
    /v1/segments/made%20in%20the%20console/explanation,/v1/segments/made%20in%20the%20console/distributions,/v1/segments/none,/v1/segments/none/history,/v1/incidents,/v1/incidents/0,/v1/incidents/0/diagnosis,/v1/incidents/0/investigations}'::text[]) AS p (path)
CROSS JOIN LATERAL pg_temp.console('GET', '/console/api' || p.path, token => c.token) AS h WHERE c.name = 'read' ORDER BY p.path COLLATE "C";

-- Versions, ten at a time: each has the whole definition.
SELECT DISTINCT h.status FROM cookie AS c, generate_series(2, 12) AS n CROSS JOIN LATERAL pg_temp.console('PUT', '/console/api/api/segments/' || (SELECT s.id FROM pulse.segment AS s WHERE s.name = 'made in the console'),
    format('{"definition": {"query": "SELECT %s AS id", "key": "id"}}', n), c.token) AS h WHERE c.name = 'admin';
SELECT p.before, v.version_numbers, v.next FROM (SELECT token FROM cookie WHERE name = 'read' LIMIT 1) AS c, (VALUES (NULL), ('before=3')) AS p (before)
CROSS JOIN LATERAL pulse_http('GET', '/console/api/v1/segments/made%20in%20the%20console/versions', p.before, jsonb_build_object('cookie', 'pulse_session=' || c.token)) AS a
CROSS JOIN LATERAL (SELECT convert_from(a.body, 'UTF8')::jsonb AS body) AS h
CROSS JOIN LATERAL (SELECT string_agg(e ->> 'version', ' ') AS version_numbers, h.body ->> 'next' AS next FROM jsonb_array_elements(h.body -> 'versions') AS e) AS v ORDER BY 1 NULLS FIRST;

-- Pinning a snapshot, and comparing with the history again.
SELECT r.place, h.status, h.body FROM (SELECT token FROM cookie WHERE name = 'admin' LIMIT 1) AS c, (VALUES (1, 'POST', '{}'), (2, 'DELETE', NULL), (3, 'POST', '{"snapshot": "0"}'), (4, 'POST', '{"snapshot": "none"}')) AS r (place, method, body)
CROSS JOIN LATERAL pg_temp.console(r.method, '/console/api/v1/segments/made%20in%20the%20console/pin', r.body, c.token) AS h ORDER BY r.place;
SELECT pulse_take_snapshot('made in the console') IS NOT NULL AS measured;
SELECT h.status, (h.body::jsonb ->> 'snapshot')::bigint = max(p.id) AS newest FROM (SELECT token FROM cookie WHERE name = 'admin' LIMIT 1) AS c, pulse.snapshot AS p JOIN pulse.segment AS s ON s.id = p.segment_id AND s.name = 'made in the console',
    pg_temp.console('POST', '/console/api/v1/segments/made%20in%20the%20console/pin', '{}', c.token) AS h GROUP BY h.status, h.body;
SELECT h.status, h.body::jsonb #>> '{pinned,size}' AS pinned FROM (SELECT token FROM cookie WHERE name = 'read' LIMIT 1) AS c, pg_temp.console('GET', '/console/api/v1/segments/made%20in%20the%20console', token => c.token) AS h;
SELECT h.status FROM (SELECT token FROM cookie WHERE name = 'read' LIMIT 1) AS c, pg_temp.console('DELETE', '/console/api/v1/segments/made%20in%20the%20console/pin', token => c.token) AS h;
SELECT h.status, h.body FROM (SELECT token FROM cookie WHERE name = 'admin' LIMIT 1) AS c, pg_temp.console('DELETE', '/console/api/v1/segments/made%20in%20the%20console/pin', token => c.token) AS h;
SELECT h.status, h.body::jsonb -> 'pinned' AS pinned FROM (SELECT token FROM cookie WHERE name = 'read' LIMIT 1) AS c, pg_temp.console('GET', '/console/api/v1/segments/made%20in%20the%20console', token => c.token) AS h;

-- The level reader sees figures: sizes, but neither diagnoses nor people.
CREATE ROLE console_lowly;
SELECT pulse_grant('console_lowly', 'reader');
INSERT INTO key VALUES ('figures', pulse_create_api_key('console figures', 'read', 'console_lowly'));
SELECT pg_temp.sign_in('figures') IS NOT NULL AS signed_in;
SELECT p.path, h.status FROM (SELECT token FROM cookie WHERE name = 'figures' LIMIT 1) AS c, unnest('{/v1/status,/v1/mission,/v1/segments,/v1/segments/made%20in%20the%20console,/v1/segments/made%20in%20the%20console/history,/v1/segments/made%20in%20the%20console/versions,
    /v1/segments/made%20in%20the%20console/distributions,/v1/incidents,/api/snapshots,/v1/rules/names,/v1/relations,/v1/audiences/none/syncs,/v1/messages,/v1/messages/0,/v1/trust/actions,/v1/trust/actions/0,/v1/trust/automations,/v1/trust/scopes}'::text[]) AS p (path)
CROSS JOIN LATERAL pg_temp.console('GET', '/console/api' || p.path, token => c.token) AS h ORDER BY p.path COLLATE "C";
SELECT h.status, h.body FROM (SELECT token FROM cookie WHERE name = 'figures' LIMIT 1) AS c,
    pg_temp.console('POST', '/console/api/v1/segments/preview', '{"definition": {"query": "SELECT 1 AS id", "key": "id"}}', c.token) AS h;

-- Writing a rule: an error names the position; nothing is saved.
CREATE TABLE console_shop (id int PRIMARY KEY, plan text, "Home Town" text);
GRANT SELECT ON console_shop TO console_operator;
SELECT r.path, h.status, h.body::jsonb - 'asOf' AS body FROM (SELECT token FROM cookie WHERE name = 'admin' LIMIT 1) AS c, (VALUES
    (1, '/v1/rules/validate', '{"rule": "plan = \"pro\" and (id > 3 || `Home Town` is null)", "from": "public.console_shop"}'), (2, '/v1/rules/validate', '{"rule": "plan == \"pro\" and plann > 3", "from": "public.console_shop"}'),
    (3, '/v1/rules/validate', '{"rule": "events.purchase.count_30d >= 3"}'), (4, '/v1/rules/validate', '{"rule": "id > 3", "from": "public.no_such_table"}'), (5, '/v1/rules/validate', '{"from": "public.console_shop"}'),
    (6, '/v1/segments/preview', '{"definition": {"from": "public.console_shop", "where": "id > 3"}, "sample": 1}'), (7, '/v1/segments/preview', '{"definition": {"from": "public.console_shop", "where": "idd > 3"}}'),
    (8, '/v1/segments/made%20in%20the%20console/preview', '{"definition": {"query": "SELECT 2 AS id", "key": "id"}}')) AS r (place, path, body)
CROSS JOIN LATERAL pg_temp.console('POST', '/console/api' || r.path, r.body, c.token) AS h ORDER BY r.place;
SELECT h.status, h.body::jsonb -> 'names' AS names FROM (SELECT token FROM cookie WHERE name = 'admin' LIMIT 1) AS c, pulse_http('GET', '/console/api/v1/rules/names', 'from=public.console_shop',
    jsonb_build_object('cookie', 'pulse_session=' || c.token)) AS a CROSS JOIN LATERAL (SELECT a.status, convert_from(a.body, 'UTF8') AS body) AS h;
DROP TABLE console_shop;

-- A session ends by signing out, with its key, with its key's text, and by itself.
SELECT pg_temp.sign_in('admin') IS NOT NULL AS another;
SELECT h.status, h.headers ->> 'set-cookie' AS cookie FROM (SELECT token FROM cookie WHERE name = 'admin' LIMIT 1) AS c, pg_temp.console('DELETE', '/console/session', token => c.token) AS h;
SELECT actor_kind, actor, action, subject, count(*), bool_and(details ->> 'prefix' ~ '^pulse_[a-z]+_[0-9A-Za-z]{8}$') AS prefix FROM pulse.audit WHERE action LIKE 'api\_key.signed%' AND subject LIKE 'console %' GROUP BY 1, 2, 3, 4 ORDER BY 2, 3;
SELECT count(*) FILTER (WHERE h.status = 200) AS live, count(*) FILTER (WHERE h.status = 401) AS ended FROM cookie AS c, pg_temp.console('GET', '/console/session', token => c.token) AS h WHERE c.name = 'admin';
SELECT pulse_rotate_api_key('console admin', keep => '0') IS NOT NULL AS rotated;
SELECT count(*) FILTER (WHERE h.status = 200) AS live, count(*) FILTER (WHERE h.status = 401) AS ended FROM cookie AS c, pg_temp.console('GET', '/console/session', token => c.token) AS h WHERE c.name = 'admin';
SELECT h.status, h.body::jsonb - '{now,version,database}'::text[] AS body FROM cookie AS c, pg_temp.console('GET', '/console/session', token => c.token) AS h WHERE c.name = 'read';
UPDATE pulse.console_session SET expires_at = clock_timestamp();
SELECT h.status, h.body::jsonb - '{now,version,database}'::text[] AS body FROM cookie AS c, pg_temp.console('GET', '/console/session', token => c.token) AS h WHERE c.name = 'read';
UPDATE pulse.console_session SET expires_at = clock_timestamp() + '1 hour';
SELECT h.status FROM cookie AS c, pg_temp.console('GET', '/console/session', token => c.token) AS h WHERE c.name = 'read';
SELECT pulse_revoke_api_key('console reader');
SELECT h.status FROM cookie AS c, pg_temp.console('GET', '/console/session', token => c.token) AS h WHERE c.name = 'read';

-- A key has 20 sessions at most: the oldest end. Retention deletes those that have ended.
UPDATE key SET text = pulse_create_api_key('console once more', 'read', 'console_viewer') WHERE name = 'read';
DO $$ BEGIN FOR i IN 1 .. 12 LOOP PERFORM pg_temp.sign_in('read'); END LOOP; END $$;
SELECT k.name, count(*) FROM pulse.console_session AS s JOIN pulse.api_key AS k ON k.id = s.key_id GROUP BY 1 ORDER BY 1;
UPDATE pulse.console_session SET expires_at = clock_timestamp() - interval '1 second';
SELECT pulse_run_job('retention')::text LIKE '%ended sessions%' AS told;
SELECT count(*) FROM pulse.console_session;
-- Only the owner of the extension reads them.
SET ROLE console_operator;
SELECT count(*) FROM pulse.console_session;
SELECT * FROM pulse.sign_in('x', false);
RESET ROLE;
SELECT pulse_delete_segment('made in the console', true), pulse_delete_event_source('console_shop');
DROP OWNED BY console_operator, console_viewer, console_lowly;
DROP ROLE console_operator, console_viewer, console_lowly;
