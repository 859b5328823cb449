-- Routes of those who run Pulse: audiences and destinations, trust, delivery, exports, jobs, keys, settings, audit.
SELECT current_database() AS home \gset
CREATE DATABASE regress_http_operations ENCODING 'UTF8' TEMPLATE template0;
\c regress_http_operations
SET client_min_messages = warning;
CREATE EXTENSION pulse;
\set VERBOSITY terse
SET timezone = 'UTC';
SET pulse.now = '2026-03-01 12:00+00';
CREATE ROLE http_operations_admin;
CREATE ROLE http_operations_operator;
CREATE ROLE http_operations_reader;
SELECT pulse_grant('http_operations_admin', 'admin'), pulse_grant('http_operations_operator', 'operator'), pulse_grant('http_operations_reader', 'people_reader') \g /dev/null
CREATE TEMP TABLE key AS SELECT 'admin' AS name, pulse_create_api_key('an admin', 'admin', 'http_operations_admin') AS text;
INSERT INTO key VALUES ('operator', pulse_create_api_key('an operator', 'admin', 'http_operations_operator')), ('read', pulse_create_api_key('a reader', 'read', 'http_operations_reader'));
CREATE FUNCTION pg_temp.ask(key_name text, method text, path text, query text DEFAULT NULL, sent text DEFAULT NULL, OUT status int, OUT body jsonb) LANGUAGE sql AS $$
    SELECT h.status, CASE WHEN length(h.body) > 0 THEN convert_from(h.body, 'UTF8')::jsonb END
    FROM pulse_http(ask.method, ask.path, ask.query, jsonb_build_object('authorization', 'Bearer ' || (SELECT k.text FROM key AS k WHERE k.name = key_name), 'host', 'pulse.example', 'content-type', 'application/json'),
                    convert_to(ask.sent, 'UTF8'), '{"address": "192.0.2.1", "request": "r-1", "tls": true}') AS h
$$;
-- The first and last of a page, how many there are, and where it goes on.
CREATE FUNCTION pg_temp.page(path text, list text, field text, query text DEFAULT NULL, key_name text DEFAULT 'read', OUT status int, OUT as_of bool, OUT rows int, OUT first text, OUT last text, OUT next text) LANGUAGE sql AS $$
    SELECT a.status, a.body ->> 'asOf' = '2026-03-01T12:00:00+00:00', jsonb_array_length(a.body -> list), a.body -> list -> 0 ->> field, a.body -> list -> -1 ->> field, a.body ->> 'next' FROM pg_temp.ask(page.key_name, 'GET', page.path, page.query) AS a
$$;

-- ---- Delivery ----
SELECT pulse_create_channel('hook ' || n, 'webhook', '{"url": "https://receiver.example/secret"}') FROM generate_series(1, 3) AS n \g /dev/null
SELECT pulse_create_route('all of it', '{"hook 1"}'), pulse_create_route('nights', '{"hook 2"}', 'high', quiet_hours => '22:00-06:00') \g /dev/null
SELECT count(subscription) FROM pulse_subscribe('https://receiver.example/n8n', name => 'n8n');
INSERT INTO pulse.outbox (channel, kind, event, status, payload, finished_at) VALUES ('hook 3', 'action', 'action.requested', 'sent', '{"data": {"name": "ring", "token": "of its receiver"}}', clock_timestamp());
INSERT INTO pulse.outbox (channel, kind, event, status, payload, finished_at) SELECT 'hook ' || 1 + n % 2, 'event', 'test', CASE WHEN n % 5000 = 7 THEN 'dead' WHEN n % 5000 = 8 THEN 'cancelled' ELSE 'sent' END, '{"text": "hello"}', clock_timestamp()
FROM generate_series(1, 20000) AS n;
INSERT INTO pulse.outbox (channel, kind, event, status, send_at) VALUES ('hook 2', 'event', 'test', 'pending', '2100-01-01');
ANALYZE pulse.outbox;
SELECT * FROM pg_temp.page('/v1/channels', 'channels', 'name', 'limit=2');
SELECT * FROM pg_temp.page('/v1/channels', 'channels', 'name', 'limit=2&after=hook%202');
SELECT body::text LIKE '%secret%' AS secret, body #>> '{channels,0,state}' AS state, body #>> '{channels,3,subscription}' AS subscription FROM pg_temp.ask('read', 'GET', '/v1/channels');
SELECT * FROM pg_temp.page('/v1/routes', 'routes', 'name');
SELECT status FROM pg_temp.ask('read', 'PATCH', '/v1/routes/nights', NULL, '{"enabled": false}');
SELECT status, body #>> '{route,enabled}' AS enabled FROM pg_temp.ask('operator', 'PATCH', '/v1/routes/nights', NULL, '{"enabled": false}');
SELECT status, body ->> 'error' AS error FROM pg_temp.ask('operator', 'PATCH', '/v1/routes/none', NULL, '{"enabled": false}');
SELECT * FROM pg_temp.page('/v1/messages', 'messages', 'id', 'limit=3');
SELECT * FROM pg_temp.page('/v1/messages', 'messages', 'id', 'limit=3&before=19000');
SELECT * FROM pg_temp.page('/v1/messages', 'messages', 'id', 'limit=3&channel=hook%202');
SELECT * FROM pg_temp.page('/v1/messages', 'messages', 'id', 'status=dead');
SELECT * FROM pg_temp.page('/v1/messages', 'messages', 'id', 'status=dead&channel=hook%201');
SELECT * FROM pg_temp.page('/v1/messages', 'messages', 'id', 'status=dead&limit=2&before=10008');
SELECT status, body #> '{message,payload}' AS payload, body #>> '{message,status}' AS state FROM pg_temp.ask('read', 'GET', '/v1/messages/8');
SELECT status, body #> '{message,payload}' AS payload FROM pg_temp.ask('read', 'GET', '/v1/messages/1');
SELECT status FROM pg_temp.ask('read', 'GET', '/v1/messages/99999999');
SELECT status FROM pg_temp.ask('read', 'POST', '/v1/messages/8/retry', NULL, '{}');
SELECT status, body #>> '{message,status}' AS state FROM pg_temp.ask('operator', 'POST', '/v1/messages/8/retry', NULL, '{}');
SELECT status, body #>> '{message,status}' AS state, body #>> '{message,error}' AS error FROM pg_temp.ask('operator', 'POST', '/v1/messages/8/cancel', NULL, '{"reason": "not needed"}');
SELECT status FROM pg_temp.ask('operator', 'POST', '/v1/messages/2/retry', NULL, '{}');
SELECT status, body ->> 'messages' AS messages FROM pg_temp.ask('operator', 'POST', '/v1/channels/hook%201/retry', NULL, '{}');
SELECT status FROM pg_temp.ask('read', 'POST', '/v1/channels/hook%201/test', NULL, '{}');
SELECT status FROM pg_temp.ask('operator', 'POST', '/v1/channels/none/test', NULL, '{}');
SELECT * FROM pg_temp.page('/v1/subscriptions', 'subscriptions', 'name');
SELECT status, body ->> 'error' AS error FROM pg_temp.ask('operator', 'POST', '/v1/subscriptions/n8n/secret', NULL, '{}');
SELECT status, body ->> 'error' AS error FROM pg_temp.ask('admin', 'POST', '/v1/subscriptions/n8n/secret', NULL, '{}');

-- ---- Jobs ----
INSERT INTO pulse.job_run (job_id, attempt, started_at, finished_at, status, rows) SELECT id, 1, '2026-03-01', '2026-03-01 00:00:02', 'ok', 1 FROM pulse.job WHERE name = 'drift';
INSERT INTO pulse.job_run (job_id, attempt, started_at, finished_at, status, rows, error)
SELECT (SELECT id FROM pulse.job WHERE name = 'retention'), 1, '2026-03-01', '2026-03-01 00:00:02', CASE WHEN n % 5000 = 7 THEN 'failed' ELSE 'ok' END, n, CASE WHEN n % 5000 = 7 THEN 'it is full' END FROM generate_series(1, 20000) AS n;
ANALYZE pulse.job_run;
SELECT status, as_of, rows > 10 AS many, next FROM pg_temp.page('/v1/jobs', 'jobs', 'name');
SELECT status, rows, first, next FROM pg_temp.page('/v1/jobs', 'jobs', 'name', 'limit=1&after=retentioo');
SELECT status, body #>> '{job,enabled}' AS enabled FROM pg_temp.ask('read', 'GET', '/v1/jobs/retention');
SELECT status FROM pg_temp.ask('read', 'GET', '/v1/jobs/none');
SELECT * FROM pg_temp.page('/v1/jobs/retention/runs', 'runs', 'rows', 'limit=2');
SELECT * FROM pg_temp.page('/v1/jobs/retention/runs', 'runs', 'rows', 'limit=2&before=4');
SELECT * FROM pg_temp.page('/v1/job-failures', 'runs', 'rows', 'limit=3');
SELECT status, body #>> '{runs,0,error}' AS error, body #>> '{runs,0,seconds}' AS seconds, body #>> '{runs,0,job}' AS job FROM pg_temp.ask('read', 'GET', '/v1/job-failures');
SELECT status FROM pg_temp.ask('read', 'POST', '/v1/jobs/health/run', NULL, '{}');
SELECT status, body ->> 'status' AS ended FROM pg_temp.ask('operator', 'POST', '/v1/jobs/health/run', NULL, '{}');
SELECT status FROM pg_temp.ask('read', 'PATCH', '/v1/jobs/retention', NULL, '{"enabled": false}');
SELECT status, body #>> '{job,enabled}' AS enabled FROM pg_temp.ask('operator', 'PATCH', '/v1/jobs/retention', NULL, '{"enabled": false}');
SELECT status FROM pg_temp.ask('operator', 'PATCH', '/v1/jobs/none', NULL, '{"enabled": false}');

-- ---- Trust ----
SELECT count(*) FROM pulse_record_signals((SELECT jsonb_agg(jsonb_build_object('name', 'spend', 'source', 'shop', 'value', 100 + i % 3, 'at', '2026-02-20'::timestamptz + i * interval '1 day')) FROM generate_series(0, 9) AS i));
SELECT pulse_update_signal_health() IS NOT NULL AS computed;
INSERT INTO pulse.gate_decision (at, action, subject, risk, decision, status, threshold, hold_threshold, reasons, lifts, parts, decided_for)
SELECT '2026-03-01'::timestamptz + n * interval '1 second', 'sync_audience', CASE WHEN n = 1 THEN 'segment:rare' ELSE 'segment:s' || n % 10 END, 'standard', CASE WHEN n % 5000 = 7 THEN 'hold' ELSE 'pass' END, CASE WHEN n = 1 THEN 'unknown' ELSE 'healthy' END, 70, 40, '{}', '{"wait"}', '{}', 'somebody' FROM generate_series(1, 20000) AS n;
ANALYZE pulse.gate_decision;
SELECT status, body ->> 'asOf' AS as_of, body #>> '{health,status}' AS health, body #>> '{health,parts,1,part}' AS part, body #>> '{status,mode}' AS mode, body #>> '{settings,healthy}' AS healthy, body -> 'freeze' AS freeze FROM pg_temp.ask('read', 'GET', '/v1/trust/overview');
SELECT status, body ->> 'error' AS error FROM pg_temp.ask('read', 'GET', '/v1/trust/overview', 'scope=nonsense');
SELECT * FROM pg_temp.page('/v1/trust/scopes', 'scopes', 'scope');
SELECT * FROM pg_temp.page('/v1/trust/history', 'points', 'at');
SELECT * FROM pg_temp.page('/v1/trust/history', 'points', 'at', 'days=90');
SELECT * FROM pg_temp.page('/v1/trust/decisions', 'decisions', 'at', 'limit=3');
SELECT a.rows, a.first < b.last AS behind FROM pg_temp.page('/v1/trust/decisions', 'decisions', 'at', 'limit=3') AS b, pg_temp.page('/v1/trust/decisions', 'decisions', 'at', 'limit=3&before=' || b.next) AS a;
SELECT * FROM pg_temp.page('/v1/trust/decisions', 'decisions', 'at', 'decision=refused');
SELECT * FROM pg_temp.page('/v1/trust/decisions', 'decisions', 'at', 'subject=segment:s3&limit=2');
SELECT * FROM pg_temp.page('/v1/trust/decisions', 'decisions', 'at', 'subject=segment:s7&decision=refused&limit=2');
CREATE FUNCTION call_back(jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT $1$$;
SELECT state, needs FROM pulse_propose_action('run_function', 'all', '{"function": "call_back"}', 'a test');
SELECT * FROM pg_temp.page('/v1/trust/actions', 'actions', 'action', 'state=live');
SELECT * FROM pg_temp.page('/v1/trust/actions', 'actions', 'action', 'state=ended');
SELECT * FROM pg_temp.page('/v1/trust/actions', 'actions', 'action', 'limit=1');
SELECT status, body #>> '{action,reason}' AS reason, body #>> '{steps,0,event}' AS step FROM pg_temp.ask('read', 'GET', '/v1/trust/actions/1');
SELECT status FROM pg_temp.ask('read', 'GET', '/v1/trust/actions/99');
SELECT count(pulse_create_automation('at ' || n, '{"when": {"schedule": "0 6 * * *"}, "do": {"action": "run_function", "payload": {"function": "call_back"}}}')) FROM generate_series(1, 3) AS n;
SELECT * FROM pg_temp.page('/v1/trust/automations', 'automations', 'name', 'limit=2');
SELECT * FROM pg_temp.page('/v1/trust/automations', 'automations', 'name', 'limit=2&after=at%202');

-- ---- Audiences and destinations ----
SELECT count(pulse_identify('u' || n, jsonb_build_object('plan', 'gold', 'email', 'u' || n || '@example.com'), at => '2026-03-01')) FROM generate_series(1, 3) AS n;
SELECT count(pulse_set_consent('u' || n, 'ads', true)) FROM generate_series(1, 2) AS n;
SELECT count(pulse_create_segment('gold', '{"where": "profile.plan == \"gold\""}'));
SELECT pulse_create_destination('crm', 'file', '{}'), pulse_create_destination('hooked', 'webhook', '{"url": "https://receiver.example/secret", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}') \g /dev/null
SELECT count(pulse_create_audience('gold ' || n, 'gold', 'crm', '{"identifiers": ["email"]}')) FROM generate_series(1, 3) AS n;
SELECT * FROM pg_temp.page('/v1/audiences', 'audiences', 'name', 'limit=2');
SELECT * FROM pg_temp.page('/v1/audiences', 'audiences', 'name', 'limit=2&after=gold%202');
SELECT status, body ->> 'asOf' AS as_of, body -> 'identifiers' AS identifiers, body ->> 'interval' AS every FROM pg_temp.ask('read', 'GET', '/v1/audiences/gold%201');
SELECT status, body ->> 'asOf' AS as_of FROM pg_temp.ask('read', 'GET', '/v1/audiences/gold%201/preview');
INSERT INTO pulse.sync_run (audience_id, audience, operation, status, phase, triggered_by, requested_by, created_at, finished_at, not_before)
SELECT 1, 'gold 1', 'delta', 'completed', 'done', 'schedule', 'somebody', '2026-02-01', '2026-02-01', '2026-02-01' FROM generate_series(1, 5);
SELECT * FROM pg_temp.page('/v1/audiences/gold%201/syncs', 'syncs', 'status', 'limit=2');
SELECT a.rows, a.next FROM pg_temp.page('/v1/audiences/gold%201/syncs', 'syncs', 'id', 'limit=3') AS b, pg_temp.page('/v1/audiences/gold%201/syncs', 'syncs', 'id', 'limit=3&before=' || b.next) AS a;
SELECT * FROM pg_temp.page('/v1/destinations', 'destinations', 'name');
SELECT body::text LIKE '%secret%' AS secret, body #>> '{destinations,1,platform}' AS platform, body #>> '{destinations,0,state}' AS state FROM pg_temp.ask('read', 'GET', '/v1/destinations');
SELECT status FROM pg_temp.ask('read', 'POST', '/v1/destinations/crm/test', NULL, '{}');
SELECT status, body ->> 'status' AS answer FROM pg_temp.ask('operator', 'POST', '/v1/destinations/crm/test', NULL, '{}');
SELECT status, body ->> 'run' AS run FROM pg_temp.ask('operator', 'POST', '/v1/audiences/gold%202/sync', NULL, '{}') \gset
SELECT status FROM pg_temp.ask('read', 'POST', '/v1/syncs/' || :'run' || '/cancel', NULL, '{}');
SELECT status, body ->> 'status' AS state FROM pg_temp.ask('operator', 'POST', '/v1/syncs/' || :'run' || '/retry', NULL, '{}');
SELECT status, body ->> 'status' AS state FROM pg_temp.ask('operator', 'POST', '/v1/syncs/' || :'run' || '/cancel', NULL, '{}');
SELECT status, body ->> 'error' AS error FROM pg_temp.ask('operator', 'POST', '/v1/syncs/99999/cancel', NULL, '{}');

-- ---- Exports: the list has no links, a link is made when it is asked for ----
SELECT status, body ->> 'userCount' AS people FROM pg_temp.ask('read', 'POST', '/v1/exports', NULL, '{"segment": "gold", "options": {"columns": ["external_id"]}}');
SELECT status, body ->> 'userCount' AS people FROM pg_temp.ask('read', 'POST', '/v1/exports', NULL, '{"format": "jsonl"}');
SELECT * FROM pg_temp.page('/v1/exports', 'exports', 'format', 'limit=1');
SELECT a.* FROM pg_temp.page('/v1/exports', 'exports', 'id', 'limit=1') AS b, pg_temp.page('/v1/exports', 'exports', 'format', 'before=' || b.next) AS a;
SELECT body::text LIKE '%token%' OR body::text LIKE '%download%' AS link FROM pg_temp.ask('read', 'GET', '/v1/exports');
SELECT b.status, b.body ->> 'downloadUrl' = 'https://pulse.example' || (b.body ->> 'path') AS whole, h.status AS loaded, convert_from(h.body, 'UTF8') LIKE '%external_id%' AS file
FROM pg_temp.ask('read', 'GET', '/v1/exports') AS a, pg_temp.ask('read', 'POST', '/v1/exports/' || (a.body #>> '{exports,1,id}') || '/link', NULL, '{}') AS b, pulse_http('GET', b.body ->> 'path', NULL, '{"host": "pulse.example"}', NULL, '{"address": "192.0.2.1", "request": "r-1", "tls": true}') AS h;
SELECT status FROM pg_temp.ask('read', 'POST', '/v1/exports/99/link', NULL, '{}');
SELECT b.status FROM pg_temp.ask('read', 'GET', '/v1/exports') AS a, pg_temp.ask('read', 'DELETE', '/v1/exports/' || (a.body #>> '{exports,1,id}')) AS b;
SELECT b.status FROM pg_temp.ask('read', 'GET', '/v1/exports') AS a, pg_temp.ask('operator', 'DELETE', '/v1/exports/' || (a.body #>> '{exports,1,id}')) AS b;
SELECT status FROM pg_temp.ask('operator', 'DELETE', '/v1/exports/99');
SELECT count(*) FROM pulse.export;

-- ---- Keys: they need the level admin, and no list has a text ----
SELECT status FROM pg_temp.ask('read', 'GET', '/v1/keys');
SELECT status FROM pg_temp.ask('operator', 'GET', '/v1/keys');
SELECT * FROM pg_temp.page('/v1/keys', 'keys', 'name', 'limit=2', 'admin');
SELECT * FROM pg_temp.page('/v1/keys', 'keys', 'name', 'limit=2&after=an%20admin', 'admin');
SELECT status, length(body ->> 'key') AS length, body ->> 'name' AS name FROM pg_temp.ask('admin', 'POST', '/v1/keys', NULL, '{"name": "a dashboard", "kind": "read", "expires": "2099-01-01"}');
SELECT status, body ->> 'error' AS error FROM pg_temp.ask('admin', 'POST', '/v1/keys', NULL, '{"name": "for another", "kind": "admin", "role": "http_operations_operator"}');
SELECT status FROM pg_temp.ask('operator', 'POST', '/v1/keys', NULL, '{"name": "mine", "kind": "read"}');
SELECT status FROM pg_temp.ask('read', 'POST', '/v1/keys', NULL, '{"name": "mine", "kind": "read"}');
SELECT count(*) FROM pg_temp.ask('admin', 'GET', '/v1/keys') AS a, key AS k WHERE a.body::text LIKE '%' || k.text || '%';
SELECT status, length(body ->> 'key') AS length FROM pg_temp.ask('admin', 'POST', '/v1/keys/a%20dashboard/rotate', NULL, '{"keep": "1 hour"}');
SELECT status, body #>> '{key,role}' AS role, jsonb_array_length(body #> '{key,prefixes}') AS texts FROM pg_temp.ask('admin', 'GET', '/v1/keys/a%20dashboard');
SELECT status, body #>> '{key,status}' AS state FROM pg_temp.ask('admin', 'POST', '/v1/keys/a%20dashboard/revoke', NULL, '{}');
SELECT status FROM pg_temp.ask('admin', 'POST', '/v1/keys/none/revoke', NULL, '{}');
INSERT INTO pulse.api_key_usage (key_id, day, requests, refusals, last_used_at) SELECT 1, '2026-02-01'::date + n, n, 1, '2026-03-01' FROM generate_series(1, 5) AS n;
SELECT * FROM pg_temp.page('/v1/keys/an%20admin/usage', 'days', 'day', 'limit=2', 'admin');
SELECT * FROM pg_temp.page('/v1/keys/an%20admin/usage', 'days', 'day', 'limit=3&before=2026-02-05', 'admin');
SELECT status FROM pg_temp.ask('admin', 'GET', '/v1/keys/none/usage');

-- ---- Settings ----
SET pulse.sketch_size = 128;
SELECT a.status, s.value -> 'value' AS value, s.value -> 'default' AS usual, s.value -> 'source' AS source, (a.body ->> 'all')::int > 50 AS many FROM pg_temp.ask('read', 'GET', '/v1/settings') AS a, jsonb_array_elements(a.body -> 'settings') AS s WHERE s.value ->> 'name' = 'pulse.sketch_size';
SELECT a.status, jsonb_array_length(a.body -> 'settings') = (a.body ->> 'all')::int AS all, (SELECT count(*) FROM jsonb_array_elements(a.body -> 'settings') AS s WHERE s.value ->> 'description' = '') AS without FROM pg_temp.ask('read', 'GET', '/v1/settings', 'all=true') AS a;
RESET pulse.sketch_size;

-- ---- Definitions as a whole ----
SELECT status, body = pulse_export_definitions() AS same FROM pg_temp.ask('read', 'GET', '/v1/definitions');
SELECT status, body -> 'definitions' AS definitions FROM pg_temp.ask('operator', 'POST', '/v1/definitions/difference', '', '{"format": 1, "definitions": {"trait": {"http_new": {"expression": "events.a.count"}}}}') AS a;
SELECT status FROM pg_temp.ask('read', 'POST', '/v1/definitions/difference', '', '{"format": 1, "definitions": {}}');
SELECT status, body FROM pg_temp.ask('operator', 'POST', '/v1/definitions/difference', '', '{"format": 1, "definitions": {"none": {}}}');
SELECT count(*) FROM pulse.trait WHERE key = 'http_new';
SELECT status, body -> 'cells' AS cells FROM pg_temp.ask('read', 'GET', '/v1/cells');

-- ---- Audit ----
SELECT status, as_of, rows FROM pg_temp.page('/v1/audit', 'audit', 'id', 'limit=2', 'admin');
SELECT status FROM pg_temp.ask('operator', 'GET', '/v1/audit');
SELECT status, body ->> 'intact' AS intact, body ->> 'asOf' AS as_of FROM pg_temp.ask('admin', 'GET', '/v1/audit/verify');

-- ---- No page reads a table that grows from one end to the other ----
BEGIN;
SELECT coalesce(sum(seq_scan), 0) AS scans, coalesce(sum(idx_tup_fetch), 0) AS fetched FROM pg_stat_xact_all_tables WHERE schemaname = 'pulse' AND relname IN ('outbox', 'job_run', 'gate_decision') \gset before_
SELECT count(*) FROM (VALUES ('messages', ''), ('messages', 'channel=hook%202'), ('messages', 'channel=hook%203'), ('messages', 'status=dead'), ('messages', 'status=dead&channel=hook%201'), ('messages', 'before=900'), ('jobs/retention/runs', ''), ('jobs/retention/runs', 'before=900'), ('jobs/drift/runs', ''), ('job-failures', ''),
    ('trust/decisions', ''), ('trust/decisions', 'before=900'), ('trust/decisions', 'decision=refused'), ('trust/decisions', 'subject=segment:s7&decision=refused'), ('trust/decisions', 'subject=segment:s3&before=900'), ('trust/decisions', 'subject=segment:rare')) AS r (path, query),
    pg_temp.ask('read', 'GET', '/v1/' || r.path, r.query || '&limit=20') AS a WHERE a.status = 200;
SELECT sum(seq_scan) - :before_scans AS scans, sum(idx_tup_fetch) - :before_fetched < 1000 AS few FROM pg_stat_xact_all_tables WHERE schemaname = 'pulse' AND relname IN ('outbox', 'job_run', 'gate_decision');
COMMIT;

SELECT pulse_revoke('http_operations_admin'), pulse_revoke('http_operations_operator'), pulse_revoke('http_operations_reader') \g /dev/null
DROP EXTENSION pulse CASCADE;
CREATE EXTENSION pulse;
DROP ROLE http_operations_admin, http_operations_operator, http_operations_reader;
\c :home
DROP DATABASE regress_http_operations;
