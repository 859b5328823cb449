-- Routes of audiences: Pulse's own, and those of Stratum's audience sync.
SELECT current_database() AS home \gset
CREATE DATABASE regress_http_audience ENCODING 'UTF8' TEMPLATE template0;
\c regress_http_audience
SET client_min_messages = warning;
CREATE EXTENSION pulse;
\set VERBOSITY terse
SET timezone = 'UTC';
SET pulse.now = '2026-03-01 12:00+00';
SELECT count(pulse_identify('u' || n, jsonb_build_object('plan', 'gold', 'email', 'u' || n || '@example.com'), at => '2026-03-01')) FROM generate_series(1, 3) AS n;
SELECT count(pulse_set_consent('u' || n, 'ads', true)) FROM generate_series(1, 2) AS n;
SELECT pulse_create_segment('gold', '{"where": "profile.plan == \"gold\""}') AS segment \gset
SELECT pulse_create_destination('crm', 'file', '{}');
CREATE ROLE http_audience_admin;
CREATE ROLE http_audience_reader;
SELECT pulse_grant('http_audience_admin', 'operator'), pulse_grant('http_audience_reader', 'people_reader');
CREATE TEMP TABLE audience_key AS SELECT 'admin' AS name, pulse_create_api_key('an operator of audiences', 'admin', 'http_audience_admin') AS text;
INSERT INTO audience_key VALUES ('read', pulse_create_api_key('a reader of audiences', 'read', 'http_audience_reader'));
CREATE FUNCTION pg_temp.ask(key_name text, method text, path text, body text DEFAULT NULL, query text DEFAULT NULL, OUT status int, OUT answer text) LANGUAGE sql AS $$
    SELECT h.status, convert_from(h.body, 'UTF8')
    FROM pulse_http(ask.method, ask.path, ask.query, jsonb_build_object('authorization', 'Bearer ' || (SELECT k.text FROM audience_key AS k WHERE k.name = key_name), 'content-type', 'application/json', 'host', 'pulse.example'),
        convert_to(ask.body, 'UTF8'), '{"address": "192.0.2.1", "request": "r-1", "tls": true}') AS h
$$;
SELECT status, answer::jsonb ->> 'name' AS name, answer::jsonb ->> 'status' AS state FROM pg_temp.ask('admin', 'POST', '/v1/audiences', '{"name": "gold", "segment": "gold", "destination": "crm", "options": {"identifiers": ["email"]}}');
SELECT status FROM pg_temp.ask('read', 'POST', '/v1/audiences', '{"name": "b", "segment": "gold", "destination": "crm"}');
SELECT * FROM pg_temp.ask('admin', 'POST', '/v1/audiences', '{"name": "gold", "segment": "gold", "destination": "crm"}');
SELECT * FROM pg_temp.ask('admin', 'POST', '/v1/audiences', '{"name": "b", "segment": "nobody", "destination": "crm"}');
SELECT status, jsonb_array_length(answer::jsonb -> 'audiences') AS audiences FROM pg_temp.ask('read', 'GET', '/v1/audiences');
SELECT status, answer::jsonb ->> 'segment' AS segment FROM pg_temp.ask('read', 'GET', '/v1/audiences/gold');
SELECT status FROM pg_temp.ask('read', 'GET', '/v1/audiences/nobody');
SELECT status, answer::jsonb #>> '{preview,1,people}' AS to_add FROM pg_temp.ask('read', 'GET', '/v1/audiences/gold/preview', NULL, 'sample=1');
SELECT status FROM pg_temp.ask('admin', 'POST', '/v1/audiences/gold/sync', '{}');
SELECT * FROM pg_temp.ask('admin', 'POST', '/v1/audiences/gold/sync', '{}');
SELECT status, jsonb_array_length(answer::jsonb -> 'syncs') AS syncs FROM pg_temp.ask('read', 'GET', '/v1/audiences/gold/syncs');
SELECT * FROM pg_temp.ask('admin', 'POST', '/v1/audiences/gold/pause', '{"reason": "holidays"}');
SELECT * FROM pg_temp.ask('admin', 'POST', '/v1/audiences/gold/resume', '{}');
SELECT * FROM pg_temp.ask('admin', 'PATCH', '/v1/audiences/gold', '{"options": {"interval": "manual"}}');
-- Stratum.
SELECT * FROM pg_temp.ask('read', 'GET', '/api/v1/cdp/audience-sync/platforms');
SELECT status, answer::jsonb ->> 'name' AS name, answer::jsonb ->> 'id' AS id FROM pg_temp.ask('admin', 'POST', '/api/v1/cdp/audience-sync/audiences', format('{"name": "second", "segment_id": %s, "platform": "crm", "sync_interval_hours": 6}', :segment)) \gset second_
\echo :second_status :second_name
SELECT status, answer::jsonb ->> 'total' AS total FROM pg_temp.ask('read', 'GET', '/api/v1/cdp/audience-sync/audiences');
SELECT status FROM pg_temp.ask('read', 'GET', '/api/v1/cdp/audience-sync/audiences/' || :'second_id');
SELECT status FROM pg_temp.ask('read', 'GET', '/api/v1/cdp/audience-sync/audiences/999');
SELECT * FROM pg_temp.ask('admin', 'PATCH', '/api/v1/cdp/audience-sync/audiences/' || :'second_id', '{"sync_interval_hours": 12}');
SELECT status, answer::jsonb ->> 'status' AS state FROM pg_temp.ask('admin', 'POST', '/api/v1/cdp/audience-sync/audiences/' || :'second_id' || '/sync', '{"operation": "update"}');
SELECT status, answer::jsonb ->> 'code' AS code, answer::jsonb ->> 'detail' LIKE 'a sync of audience "second" is under way%' AS says_so FROM pg_temp.ask('admin', 'POST', '/api/v1/cdp/audience-sync/audiences/' || :'second_id' || '/sync', '{}');
-- The other errors of these routes: an unknown audience or segment, an audience that is not active, values that are not valid, a reader.
SELECT path, status, answer::jsonb ->> 'code' AS code, answer::jsonb ? 'detail' AS says_why FROM (VALUES ('audiences/999/sync', '{}'), ('audiences/' || :'second_id' || '/sync', '{"operation": "erase"}'), ('audiences/x/sync', '{}'), ('segments/999/sync-all', '{}'),
    ('audiences', '{"name": "second", "segment_id": ' || :segment || ', "platform": "crm"}'), ('audiences', '{"name": "third", "segment_id": ' || :segment || ', "platform": "nobody"}'), ('audiences', '{"name": "third", "segment_id": ' || :segment || ', "platform": "crm", "sync_interval_hours": 200}')) AS r (path, body),
    pg_temp.ask('admin', 'POST', '/api/v1/cdp/audience-sync/' || path, body);
SELECT status FROM pg_temp.ask('read', 'POST', '/api/v1/cdp/audience-sync/audiences/' || :'second_id' || '/sync', '{}');
SELECT status, jsonb_array_length(answer::jsonb -> 'jobs') AS jobs FROM pg_temp.ask('read', 'GET', '/api/v1/cdp/audience-sync/audiences/' || :'second_id' || '/history');
SELECT status, jsonb_array_length(answer::jsonb -> 'audiences') AS audiences FROM pg_temp.ask('read', 'GET', '/api/v1/cdp/audience-sync/segments/' || :segment || '/audiences');
SELECT status, jsonb_array_length(answer::jsonb -> 'jobs') AS jobs FROM pg_temp.ask('admin', 'POST', '/api/v1/cdp/audience-sync/segments/' || :segment || '/sync-all');
SELECT * FROM pg_temp.ask('admin', 'DELETE', '/api/v1/cdp/audience-sync/audiences/' || :'second_id');
SELECT * FROM pg_temp.ask('admin', 'DELETE', '/v1/audiences/gold');
SELECT count(*) FROM pulse.audience;
SELECT pulse_revoke('http_audience_admin'), pulse_revoke('http_audience_reader');
DROP EXTENSION pulse CASCADE;
CREATE EXTENSION pulse;
DROP ROLE http_audience_admin, http_audience_reader;

\c :home
DROP DATABASE regress_http_audience;
