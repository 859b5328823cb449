-- Routes of pulse_http() about everything held on a person, and its erasure.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET pulse.now = '2026-03-02 12:00+00';
CREATE ROLE http_privacy_admin;
CREATE ROLE http_privacy_reader;
SELECT pulse_grant('http_privacy_admin', 'admin'), pulse_grant('http_privacy_reader', 'people_reader');
CREATE TEMP TABLE key AS SELECT 'admin' AS name, pulse_create_api_key('an admin', 'admin', 'http_privacy_admin') AS text;
INSERT INTO key VALUES ('read', pulse_create_api_key('a reader', 'read', 'http_privacy_reader'));
-- One request with a key.
CREATE FUNCTION pg_temp.http(key_name text, method text, path text, body text DEFAULT NULL, query text DEFAULT NULL, OUT status int, OUT body text)
    LANGUAGE sql AS $$
    SELECT h.status, convert_from(h.body, 'UTF8')
    FROM pulse_http(http.method, http.path, http.query,
                    jsonb_build_object('authorization', 'Bearer ' || (SELECT k.text FROM key AS k WHERE k.name = key_name), 'host', 'pulse.example'),
                    convert_to(http.body, 'UTF8'), '{"address": "192.0.2.1", "request": "r-1", "tls": true}') AS h
$$;
SELECT count(pulse_track('http-privacy-' || g, 'Purchase', jsonb_build_object('total', 20 * g), '2026-02-20 12:00+00')) FROM generate_series(1, 3) AS g;

-- Export.
SELECT status, body::jsonb #>> '{events,0,properties,total}' AS total, body::jsonb #>> '{identities,0,value}' AS id FROM pg_temp.http('read', 'GET', '/v1/users/http-privacy-1/export');
SELECT status, body::jsonb #>> '{identities,0,value}' AS id FROM pg_temp.http('admin', 'GET', '/v1/users/user_id:http-privacy-2/export');
SELECT status FROM pg_temp.http('read', 'GET', '/v1/users/nobody/export');
SELECT actor, action FROM pulse.audit WHERE action = 'profile.exported' ORDER BY id;

-- Erasure.
SELECT status FROM pg_temp.http('read', 'DELETE', '/v1/users/http-privacy-1');
SELECT status, body::jsonb ->> 'state' AS state, body::jsonb ->> 'reason' AS reason FROM pg_temp.http('admin', 'DELETE', '/v1/users/http-privacy-1', NULL, 'reason=ticket%201');
SELECT status, body::jsonb ->> 'id' AS id FROM pg_temp.http('admin', 'DELETE', '/v1/users/http-privacy-1');
SELECT status FROM pg_temp.http('admin', 'DELETE', '/v1/users/http-privacy-2', NULL, 'reason=http-privacy-2');
SELECT status FROM pg_temp.http('admin', 'DELETE', '/v1/users/profile:999999');
SELECT profile_id AS id FROM pulse.person WHERE user_id = 'http-privacy-2' \gset
SELECT status FROM pg_temp.http('read', 'DELETE', '/api/v1/cdp/profiles/' || :'id');
SELECT * FROM pg_temp.http('admin', 'DELETE', '/api/v1/cdp/profiles/' || :'id');
SELECT status FROM pg_temp.http('admin', 'DELETE', '/api/v1/cdp/profiles/' || :'id');
SELECT status FROM pg_temp.http('admin', 'DELETE', '/api/v1/cdp/profiles/x');
SELECT status FROM pg_temp.http('admin', 'GET', '/api/v1/cdp/profiles/' || :'id');
SELECT user_id FROM pulse.person ORDER BY user_id;

-- Certificates.
SELECT status FROM pg_temp.http('read', 'GET', '/v1/erasures');
SELECT status, rows, message FROM pulse_run_job('erasures');
SELECT status, e ->> 'id' AS id, e ->> 'state' AS state, e ->> 'reason' AS reason, e -> 'rows' AS rows, e -> 'findings' AS findings
FROM pg_temp.http('admin', 'GET', '/v1/erasures') AS h CROSS JOIN LATERAL jsonb_array_elements(h.body::jsonb -> 'erasures') AS e;
SELECT status, jsonb_array_length(body::jsonb -> 'erasures') AS erasures FROM pg_temp.http('admin', 'GET', '/v1/erasures', NULL, 'limit=1&before=2');
SELECT status FROM pg_temp.http('admin', 'GET', '/v1/erasures', NULL, 'limit=0');
SELECT status, body::jsonb ->> 'state' AS state FROM pg_temp.http('admin', 'GET', '/v1/erasures/1');
SELECT status FROM pg_temp.http('admin', 'GET', '/v1/erasures/99');

SELECT pulse_revoke('http_privacy_admin'), pulse_revoke('http_privacy_reader');
DROP EXTENSION pulse CASCADE;
DROP ROLE http_privacy_admin, http_privacy_reader;
