-- Routes of pulse_http() about consent, and Sec-GPC.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET pulse.now = '2026-03-02 12:00+00';
CREATE ROLE http_consent_admin;
CREATE ROLE http_consent_writer;
CREATE ROLE http_consent_reader;
SELECT pulse_grant('http_consent_admin', 'admin'), pulse_grant('http_consent_writer', 'writer'), pulse_grant('http_consent_reader', 'people_reader');
CREATE TEMP TABLE key AS SELECT 'admin' AS name, pulse_create_api_key('an admin', 'admin', 'http_consent_admin') AS text;
INSERT INTO key VALUES ('read', pulse_create_api_key('a reader', 'read', 'http_consent_reader')), ('write', pulse_create_api_key('a writer', 'write', 'http_consent_writer'));
-- One request with a key.
CREATE FUNCTION pg_temp.http(key_name text, method text, path text, body text DEFAULT NULL, query text DEFAULT NULL, headers jsonb DEFAULT '{}', OUT status int, OUT body text)
    LANGUAGE sql AS $$
    SELECT h.status, convert_from(h.body, 'UTF8')
    FROM pulse_http(http.method, http.path, http.query,
                    jsonb_build_object('authorization', 'Bearer ' || (SELECT k.text FROM key AS k WHERE k.name = key_name), 'host', 'pulse.example') || http.headers,
                    convert_to(http.body, 'UTF8'), '{"address": "192.0.2.1", "request": "r-1", "tls": true}') AS h
$$;
SELECT count(pulse_track(u, 'visit')) FROM unnest('{ann,bob}'::text[]) AS u;

SELECT * FROM pg_temp.http('admin', 'POST', '/v1/users/ann/consent', '{"purpose": "ads", "granted": true, "evidence": {"source": "preference centre", "text_version": "3"}}');
SELECT * FROM pg_temp.http('read', 'GET', '/v1/users/ann/consent');
SELECT status, body::jsonb #>> '{consents,0,status}' AS ads FROM pg_temp.http('read', 'GET', '/v1/users/ann/consent', NULL, 'at=2026-03-01T00:00:00Z');
SELECT status, body::jsonb #>> '{records,0,status}' AS newest FROM pg_temp.http('read', 'GET', '/v1/users/ann/consent/history', NULL, 'limit=1');
SELECT * FROM pg_temp.http('read', 'GET', '/v1/users/nobody/consent');
SELECT * FROM pg_temp.http('admin', 'POST', '/v1/users/ann/consent', '{"purpose": "fax", "granted": true}');
SELECT * FROM pg_temp.http('admin', 'POST', '/v1/users/ann/consent', '{"purpose": "ads"}');
SELECT status FROM pg_temp.http('read', 'POST', '/v1/users/ann/consent', '{"purpose": "ads", "granted": true}');
SELECT status, body::jsonb -> 'recorded' AS recorded, body::jsonb #>> '{results,1,result}' AS second
FROM pg_temp.http('admin', 'POST', '/v1/consent', '[{"user": "bob", "purpose": "email", "granted": true}, {"user": "nobody", "purpose": "email", "granted": true}]');
SELECT * FROM pg_temp.http('read', 'GET', '/v1/consent');
SELECT * FROM pg_temp.http('admin', 'POST', '/v1/consent/purposes', '{"purpose": "loyalty", "categories": ["Club"]}');
SELECT status FROM pg_temp.http('read', 'POST', '/v1/consent/purposes', '{"purpose": "loyalty"}');
SELECT status, jsonb_array_length(body::jsonb -> 'purposes') AS purposes FROM pg_temp.http('read', 'GET', '/v1/consent/purposes');

-- A browser that sends Sec-GPC: 1 refuses ads, in events of every form.
SELECT status FROM pg_temp.http('write', 'POST', '/v1/track', '{"userId": "ann", "event": "visit"}', NULL, '{"sec-gpc": "1"}');
SELECT status FROM pg_temp.http('write', 'POST', '/v1/batch', '{"batch": [{"type": "track", "userId": "bob", "event": "visit"}], "context": {"locale": "de"}}', NULL, '{"sec-gpc": "1"}');
SELECT status FROM pg_temp.http('write', 'POST', '/v1/track', '{"userId": "cid", "event": "visit"}', NULL, '{"sec-gpc": "0"}');
SELECT p.user_id, c.purpose, c.status, r.source FROM pulse.consent AS c JOIN pulse.person AS p USING (profile_id) JOIN pulse.consent_record AS r ON r.id = c.record_id ORDER BY 1, 2;
SELECT p.user_id, e.context FROM pulse.event AS e JOIN pulse.person AS p USING (profile_id) WHERE e.source <> 'sql' ORDER BY 1;

SELECT pulse_revoke('http_consent_admin'), pulse_revoke('http_consent_writer'), pulse_revoke('http_consent_reader');
DROP EXTENSION pulse CASCADE;
DROP ROLE http_consent_admin, http_consent_writer, http_consent_reader;
