-- Routes of signals, their health and the gate.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET pulse.now = '2026-03-01 12:00+00';
CREATE ROLE http_trust_admin;
SELECT pulse_grant('http_trust_admin', 'admin');
CREATE TEMP TABLE trust_key AS SELECT k.kind AS name, pulse_create_api_key('trust ' || k.kind, k.kind, 'http_trust_admin') AS text FROM unnest('{read,write,admin,public}'::text[]) AS k (kind);
CREATE FUNCTION pg_temp.ask(key_name text, method text, path text, query text DEFAULT NULL, sent text DEFAULT NULL, OUT status int, OUT body jsonb) LANGUAGE sql AS $$
    SELECT h.status, convert_from(h.body, 'UTF8')::jsonb
    FROM pulse_http(ask.method, ask.path, ask.query, jsonb_build_object('authorization', 'Bearer ' || (SELECT k.text FROM trust_key AS k WHERE k.name = key_name), 'host', 'pulse.example', 'content-type', 'application/json'),
                    convert_to(ask.sent, 'UTF8'), '{"address": "192.0.2.1", "request": "r-1", "tls": true}') AS h
$$;
SELECT status, body - 'results' AS body FROM pg_temp.ask('write', 'POST', '/v1/signals', NULL, '{"name": "emq", "value": 8, "source": "meta", "entity": "act_1"}');
SELECT status, body #- '{results,0,id}' AS body FROM pg_temp.ask('write', 'POST', '/v1/signals', NULL, '[{"name": "match_rate", "value": 0.8, "source": "meta"}, {"name": "spend", "value": "x"}]');
SELECT * FROM pg_temp.ask('write', 'POST', '/v1/signals', NULL, '{"name": "spend"}');
SELECT * FROM pg_temp.ask('write', 'POST', '/v1/signals', NULL, '[]');
SELECT status FROM pg_temp.ask('write', 'POST', '/v1/signals', NULL, 'no json');
-- A key that browsers know can not.
SELECT status FROM pg_temp.ask('public', 'POST', '/v1/signals', NULL, '{"name": "emq", "value": 10}');
SELECT status FROM pg_temp.ask('read', 'POST', '/v1/signals', NULL, '{"name": "emq", "value": 10}');
SELECT count(*) FROM pg_temp.ask('write', 'POST', '/v1/signals', NULL, (SELECT jsonb_agg(s)::text FROM (
    SELECT 'platform_revenue' AS name, 104 AS value, 'meta' AS source, 'act_1' AS entity UNION ALL SELECT 'analytics_revenue', 100, 'meta', 'act_1' UNION ALL SELECT 'coverage', 0.9, 'meta', '' UNION ALL SELECT 'conversion_latency', 1, 'meta', '') AS s));
SELECT status, body - 'parts' AS body FROM pg_temp.ask('read', 'GET', '/v1/health/signals');
SELECT status, body ->> 'error' AS error FROM pg_temp.ask('read', 'GET', '/v1/health/signals', 'scope=segment:none');
SELECT status FROM pg_temp.ask('read', 'GET', '/v1/health/signals', 'scope=nonsense');
SELECT status, body #>> '{decision}' AS decision FROM pg_temp.ask('admin', 'POST', '/v1/gate/evaluate', NULL, '{"action": "sync_audience"}');
SELECT * FROM pulse_update_signal_health();
SELECT status, body ->> 'decision' AS decision, body ->> 'score' AS score, body ->> 'id' IS NOT NULL AS kept FROM pg_temp.ask('admin', 'POST', '/v1/gate/evaluate', NULL, '{"action": "sync_audience", "subject": "all"}');
SELECT status, body ->> 'decision' AS decision, body ->> 'id' IS NOT NULL AS kept FROM pg_temp.ask('admin', 'POST', '/v1/gate/evaluate', NULL, '{"action": "sync_audience", "dry_run": true}');
SELECT status FROM pg_temp.ask('admin', 'POST', '/v1/gate/evaluate', NULL, '{}');
SELECT status FROM pg_temp.ask('read', 'POST', '/v1/gate/evaluate', NULL, '{"action": "sync_audience"}');
SELECT status, jsonb_array_length(body) AS actions FROM pg_temp.ask('read', 'GET', '/v1/gate/actions');
SELECT status, body #- '{0,parts}' AS body FROM pg_temp.ask('read', 'GET', '/v1/health/signals/history', 'days=1');
SELECT status FROM pg_temp.ask('read', 'GET', '/v1/health/signals/history', 'days=1000');
SELECT status, body - 'allowed' AS body FROM pg_temp.ask('read', 'GET', '/v1/trust/status');
-- Stratum's.
SELECT status, body - 'parts' AS body FROM pg_temp.ask('read', 'GET', '/api/v1/tenant/1/signal-health');
SELECT * FROM pg_temp.ask('read', 'GET', '/api/v1/tenant/1/signal-health/history', 'days=7');
SELECT * FROM pg_temp.ask('read', 'GET', '/api/v1/tenant/1/signal-health/by-account');
SELECT * FROM pg_temp.ask('read', 'GET', '/api/v1/tenant/1/attribution-variance');
SELECT status, body - 'allowed_actions' AS body FROM pg_temp.ask('read', 'GET', '/api/v1/tenant/1/trust-status');
SELECT status, jsonb_array_length(body -> 'actions') AS actions, body #> '{thresholds,healthy}' AS healthy FROM pg_temp.ask('read', 'GET', '/api/v1/tenant/1/trust-gate');
SELECT status, body ->> 'decision' AS decision, body ->> 'would_execute' AS would FROM pg_temp.ask('admin', 'POST', '/api/v1/tenant/1/trust-gate/evaluate', NULL, '{"action_type": "increase_budget", "dry_run": true}');
SELECT status, body ->> 'decision' AS decision, body ->> 'recommendations' AS advice FROM pg_temp.ask('admin', 'POST', '/api/v1/tenant/1/trust-gate/evaluate', NULL, '{"action": "unheard_of"}');
SELECT status, jsonb_path_query_array(body, '$.logs[*].decision') AS decisions FROM pg_temp.ask('read', 'GET', '/api/v1/tenant/1/trust-gate/audit-logs');
SELECT status, jsonb_path_query_array(body, '$.logs[*].action_type') AS actions FROM pg_temp.ask('read', 'GET', '/api/v1/tenant/1/trust-gate/audit-logs', 'decision=block&limit=1');
SELECT status, body - 'id' - 'components' AS body FROM pg_temp.ask('read', 'GET', '/api/v1/tenant/1/trust-gate/audit-logs/' || (SELECT max(id) FROM pulse.gate_decision));
SELECT status FROM pg_temp.ask('read', 'GET', '/api/v1/tenant/1/trust-gate/audit-logs/999999');
SELECT status FROM pg_temp.ask('read', 'GET', '/api/v1/tenant/1/trust-gate/audit-logs', 'decision=maybe');
SELECT * FROM pg_temp.ask('read', 'GET', '/api/v1/tenant/1/emq/score');
SELECT * FROM pg_temp.ask('read', 'GET', '/api/v1/tenant/1/emq/score', 'platform=none');
-- Signed where the key has a secret.
SELECT pulse_set_webhook_secret('trust write') LIKE 'whsec_%' AS secret;
SELECT status FROM pg_temp.ask('write', 'POST', '/v1/signals', NULL, '{"name": "emq", "value": 8, "source": "meta"}');
SELECT count(pulse_revoke_api_key(name)) FROM pulse.api_key;
SELECT pulse_revoke('http_trust_admin');
DROP ROLE http_trust_admin;
DROP EXTENSION pulse CASCADE;
