-- Routes of pulse_http() about the audit log.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
CREATE ROLE http_audit_admin;
CREATE ROLE http_audit_operator;
SELECT pulse_grant('http_audit_admin', 'admin'), pulse_grant('http_audit_operator', 'operator');
CREATE TEMP TABLE key AS SELECT 'admin' AS name, pulse_create_api_key('an admin', 'admin', 'http_audit_admin') AS text;
INSERT INTO key VALUES ('operator', pulse_create_api_key('an operator', 'admin', 'http_audit_operator')), ('read', pulse_create_api_key('a reader', 'read', 'http_audit_operator'));
-- One request with a key.
CREATE FUNCTION pg_temp.http(key_name text, method text, path text, body text DEFAULT NULL, query text DEFAULT NULL, OUT status int, OUT body text)
    LANGUAGE sql AS $$
    SELECT h.status, convert_from(h.body, 'UTF8')
    FROM pulse_http(http.method, http.path, http.query,
                    jsonb_build_object('authorization', 'Bearer ' || (SELECT k.text FROM key AS k WHERE k.name = key_name), 'host', 'pulse.example'),
                    convert_to(http.body, 'UTF8'), '{"address": "192.0.2.1", "request": "r-1", "tls": true}') AS h
$$;

-- Pages from the newest on.
SELECT h.status, jsonb_array_length(b -> 'audit') AS rows, b -> 'next' AS next, b #>> '{audit,0,action}' AS newest, b #>> '{audit,0,subject}' AS subject, b #>> '{audit,0,seq}' IS NULL AS unsealed
FROM pg_temp.http('admin', 'GET', '/v1/audit', NULL, 'limit=2') AS h CROSS JOIN LATERAL (SELECT h.body::jsonb AS b) AS j;
SELECT status, jsonb_array_length(b -> 'audit') AS rows, b -> 'next' AS next FROM pg_temp.http('admin', 'GET', '/v1/audit', NULL, 'before=4') AS h CROSS JOIN LATERAL (SELECT h.body::jsonb AS b) AS j;
SELECT status, jsonb_array_length(b -> 'audit') AS rows FROM pg_temp.http('admin', 'GET', '/v1/audit', NULL, 'action=api_key.created&subject=an%20admin') AS h CROSS JOIN LATERAL (SELECT h.body::jsonb AS b) AS j;
SELECT status, body::jsonb - 'asOf' AS body FROM pg_temp.http('admin', 'GET', '/v1/audit', NULL, 'actor=nobody');
SELECT * FROM pg_temp.http('admin', 'GET', '/v1/audit', NULL, 'limit=0');
SELECT * FROM pg_temp.http('admin', 'GET', '/v1/audit', NULL, 'before=x');

-- Verifying.
SELECT pulse_checkpoint_audit() AS kept \gset
SELECT h.status, b - '{head_hash,asOf}'::text[] AS verdict, b ->> 'head_hash' = :'kept'::jsonb ->> 'hash' AS head FROM pg_temp.http('admin', 'GET', '/v1/audit/verify') AS h CROSS JOIN LATERAL (SELECT h.body::jsonb AS b) AS j;
SELECT status, b -> 'intact' AS intact, b -> 'checkpoints' AS checkpoints FROM pg_temp.http('admin', 'GET', '/v1/audit/verify', NULL, format('seq=%s&hash=%s', :'kept'::jsonb ->> 'seq', :'kept'::jsonb ->> 'hash')) AS h CROSS JOIN LATERAL (SELECT h.body::jsonb AS b) AS j;
SELECT status, b -> 'intact' AS intact, b -> 'kind' AS kind FROM pg_temp.http('admin', 'GET', '/v1/audit/verify', NULL, 'seq=1&hash=' || repeat('0', 64)) AS h CROSS JOIN LATERAL (SELECT h.body::jsonb AS b) AS j;
SELECT * FROM pg_temp.http('admin', 'GET', '/v1/audit/verify', NULL, 'seq=1');
SELECT * FROM pg_temp.http('admin', 'GET', '/v1/audit/verify', NULL, 'seq=1&hash=x');

-- Only where both the key and its role may.
SELECT status FROM pg_temp.http('operator', 'GET', '/v1/audit');
SELECT status FROM pg_temp.http('operator', 'GET', '/v1/audit/verify');
SELECT status FROM pg_temp.http('read', 'GET', '/v1/audit');
SELECT status FROM pg_temp.http('admin', 'POST', '/v1/audit', '{}');

SELECT pulse_revoke('http_audit_admin'), pulse_revoke('http_audit_operator');
DROP EXTENSION pulse CASCADE;
DROP ROLE http_audit_admin, http_audit_operator;
