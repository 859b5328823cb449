-- Routes of pulse_http() about actions, automations and their limits.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET pulse.now = '2026-03-01 12:00+00';
CREATE ROLE http_action_admin;
CREATE ROLE http_action_operator;
CREATE ROLE http_action_reader;
SELECT pulse_grant('http_action_admin', 'admin'), pulse_grant('http_action_operator', 'operator'), pulse_grant('http_action_reader', 'people_reader');
CREATE TEMP TABLE key AS SELECT 'admin' AS name, pulse_create_api_key('an admin', 'admin', 'http_action_admin') AS text;
INSERT INTO key VALUES ('operator', pulse_create_api_key('an operator', 'admin', 'http_action_operator')), ('read', pulse_create_api_key('a reader', 'read', 'http_action_reader'));
-- One request with a key.
CREATE FUNCTION pg_temp.http(key_name text, method text, path text, body text DEFAULT NULL, query text DEFAULT NULL, OUT status int, OUT body text)
    LANGUAGE sql AS $$
    SELECT h.status, convert_from(h.body, 'UTF8')
    FROM pulse_http(http.method, http.path, http.query,
                    jsonb_build_object('authorization', 'Bearer ' || (SELECT k.text FROM key AS k WHERE k.name = key_name), 'host', 'pulse.example'),
                    convert_to(http.body, 'UTF8'), '{"address": "192.0.2.1", "request": "r-1", "tls": true}') AS h
$$;
CREATE FUNCTION pg_temp.pick(body text, VARIADIC keys text[]) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(coalesce(body::jsonb ->> k, 'null'), ' ' ORDER BY n) FROM unnest(keys) WITH ORDINALITY AS x (k, n)
$$;
SELECT count(*) FROM pulse_record_signals((SELECT jsonb_agg(jsonb_build_object('name', 'spend', 'source', 'shop', 'value', 100 + i % 3, 'at', '2026-02-20'::date + i)) FROM generate_series(0, 9) AS i));
SELECT * FROM pulse_update_signal_health();
SELECT pulse_create_channel('ads', 'webhook', '{"url": "https://example.com/hook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}');

-- ---- actions ----
SELECT * FROM pg_temp.http('read', 'GET', '/v1/actions');
SELECT status, pg_temp.pick(body, 'id', 'state', 'needs', 'decision') FROM pg_temp.http('operator', 'POST', '/v1/actions', '{"action": "reduce_budget", "subject": "ad_campaign:a", "channel": "ads", "dry_run": true}');
SELECT status, pg_temp.pick(body, 'id', 'state', 'needs', 'decision') FROM pg_temp.http('operator', 'POST', '/v1/actions', '{"action": "reduce_budget", "subject": "ad_campaign:a", "channel": "ads", "payload": {"before": 100, "after": 90}, "reason": "too dear"}');
SELECT status, pg_temp.pick(body, 'error', 'message') FROM pg_temp.http('operator', 'POST', '/v1/actions', '{"action": "reduce_budget", "subject": "ad_campaign:a", "channel": "ads"}');
SELECT status FROM pg_temp.http('operator', 'POST', '/v1/actions', '{"action": "reduce_budget"}');
SELECT status FROM pg_temp.http('operator', 'POST', '/v1/actions', '{"action": "reduce_budget", "subject": "ad_campaign:b", "channel": "none"}');
SELECT status FROM pg_temp.http('read', 'POST', '/v1/actions', '{"action": "reduce_budget", "subject": "ad_campaign:b", "channel": "ads"}');
SELECT status, pg_temp.pick(body, 'name', 'subject', 'payload', 'state', 'created_by') FROM pg_temp.http('read', 'GET', '/v1/actions/1');
SELECT status FROM pg_temp.http('read', 'GET', '/v1/actions/99');
SELECT status, jsonb_array_length(body::jsonb) FROM pg_temp.http('read', 'GET', '/v1/actions', NULL, 'state=pending&subject=ad_campaign:a');
SELECT status, jsonb_array_length(body::jsonb) FROM pg_temp.http('read', 'GET', '/v1/actions', NULL, 'state=applied');
SELECT status FROM pg_temp.http('read', 'GET', '/v1/actions', NULL, 'state=funny');
SELECT status, pg_temp.pick(body, 'state', 'would_execute') FROM pg_temp.http('operator', 'POST', '/v1/actions/1/approve', '{"comment": "good"}');
SELECT status FROM pg_temp.http('operator', 'POST', '/v1/actions/1/approve', '{}');
SELECT status FROM pg_temp.http('operator', 'POST', '/v1/actions/99/approve', '{}');
SELECT status, pg_temp.pick(body, 'state', 'error') FROM pg_temp.http('operator', 'POST', '/v1/actions/1/dismiss', '{"reason": "no"}');
SELECT status FROM pg_temp.http('operator', 'POST', '/v1/actions/1/rollback', '{}');
SELECT status, jsonb_path_query_array(body::jsonb, '$[*].event') FROM pg_temp.http('read', 'GET', '/v1/actions/1/history');
SELECT status FROM pg_temp.http('operator', 'POST', '/v1/actions/confirm', '{"token": "act_x", "outcome": "applied"}');

-- ---- limits: enforcement ----
SELECT status, pg_temp.pick(body, 'name') FROM pg_temp.http('operator', 'POST', '/api/v1/tenant/1/enforcement/rules', '{"name": "budgets", "actions": ["increase_budget"], "limits": {"max_change": 0.3}}');
SELECT status, pg_temp.pick(body, 'id', 'name') FROM pg_temp.http('admin', 'POST', '/api/v1/tenant/1/enforcement/rules', '{"name": "budgets", "actions": ["increase_budget"], "limits": {"max_change": 0.3}}');
SELECT status, pg_temp.pick(body, 'enforcement_enabled', 'default_mode', 'rules') FROM pg_temp.http('read', 'GET', '/api/v1/tenant/1/enforcement/settings');
SELECT status, pg_temp.pick(body, 'default_mode', 'expire_after_seconds', 'channel') FROM pg_temp.http('admin', 'PUT', '/api/v1/tenant/1/enforcement/settings', '{"expire_after_seconds": 7200, "channel": "ads"}');
SELECT status FROM pg_temp.http('operator', 'PUT', '/api/v1/tenant/1/enforcement/settings', '{"max_share": 1}');
SELECT status, body FROM pg_temp.http('operator', 'POST', '/api/v1/tenant/1/enforcement/check', '{"action_type": "increase_budget", "entity_type": "campaign", "entity_id": "a", "proposed_value": {"before": 100, "after": 200}}');
SELECT body::jsonb ->> 'confirmation_token' AS token, status, pg_temp.pick(body, 'id', 'state', 'needs') AS what FROM pg_temp.http('operator', 'POST', '/api/v1/tenant/1/autopilot/actions', '{"action_type": "increase_budget", "entity_type": "campaign", "entity_id": "a", "action_json": {"before": 100, "after": 200}}') \gset
\echo :status :what
SELECT status FROM pg_temp.http('operator', 'POST', '/api/v1/tenant/1/enforcement/confirm', '{"action_id": 2, "confirmation_token": "act_x", "override_reason": "season"}');
SELECT status, pg_temp.pick(body, 'state') FROM pg_temp.http('operator', 'POST', '/api/v1/tenant/1/enforcement/confirm', jsonb_build_object('action_id', 2, 'confirmation_token', :'token', 'override_reason', 'season')::text);
SELECT status FROM pg_temp.http('operator', 'POST', '/v1/actions/2/confirmation', '{}');
SELECT status FROM pg_temp.http('operator', 'POST', '/v1/actions/2/confirm', '{"token": "act_x", "reason": "again"}');
SELECT status FROM pg_temp.http('operator', 'POST', '/api/v1/tenant/1/enforcement/kill-switch', '{"enforcement_enabled": false, "reason": "test"}');
SELECT status FROM pg_temp.http('admin', 'POST', '/api/v1/tenant/1/enforcement/kill-switch', '{"enforcement_enabled": false}');
SELECT status, pg_temp.pick(body, 'enforcement_enabled', 'reason') FROM pg_temp.http('admin', 'POST', '/api/v1/tenant/1/enforcement/kill-switch', '{"enforcement_enabled": false, "reason": "test"}');
SELECT status FROM pg_temp.http('admin', 'POST', '/api/v1/tenant/1/enforcement/kill-switch', '{"enforcement_enabled": true, "reason": "test"}');
SELECT status FROM pg_temp.http('admin', 'DELETE', '/api/v1/tenant/1/enforcement/rules/1');
SELECT status FROM pg_temp.http('admin', 'DELETE', '/api/v1/tenant/1/enforcement/rules/1');
SELECT status, jsonb_path_query_array(body::jsonb, '$.logs[*].intervention') FROM pg_temp.http('read', 'GET', '/api/v1/tenant/1/enforcement/audit-log');

-- ---- autopilot ----
SELECT status, body FROM pg_temp.http('read', 'GET', '/api/v1/tenant/1/autopilot/status');
SELECT status, pg_temp.pick(body::jsonb #>> '{actions,0}', 'id', 'action_type', 'entity_type', 'entity_id', 'before_value', 'after_value', 'status') FROM pg_temp.http('read', 'GET', '/api/v1/tenant/1/autopilot/actions', NULL, 'status=approved');
SELECT status, body FROM pg_temp.http('read', 'GET', '/api/v1/tenant/1/autopilot/actions/summary');
SELECT status, pg_temp.pick(body, 'status', 'entity_id') FROM pg_temp.http('operator', 'POST', '/api/v1/tenant/1/autopilot/actions/2/dismiss', '{}');
SELECT status FROM pg_temp.http('operator', 'POST', '/api/v1/tenant/1/autopilot/actions/2/rollback', '{}');
SELECT status FROM pg_temp.http('operator', 'POST', '/api/v1/tenant/1/autopilot/actions/2/confirm', '{"confirmation_token": "act_x", "override_reason": "x"}');
SELECT status, pg_temp.pick(body, 'id', 'state') FROM pg_temp.http('operator', 'POST', '/api/v1/tenant/1/autopilot/actions', '{"action_type": "pause_campaign", "entity_type": "campaign", "entity_id": "a"}');
SELECT status, pg_temp.pick(body, 'approved') FROM pg_temp.http('operator', 'POST', '/api/v1/tenant/1/autopilot/actions/approve-all', '{}');
SELECT status, body FROM pg_temp.http('operator', 'POST', '/v1/actions/approve-all', '{}');
SELECT status FROM pg_temp.http('operator', 'POST', '/api/v1/tenant/1/autopilot/actions/3/approve', '{}');
SELECT pulse_run_actions();
SELECT status, pg_temp.pick(body, 'state') FROM pg_temp.http('operator', 'POST', '/v1/actions/3/dismiss', '{}');
SELECT status, body FROM pg_temp.http('read', 'GET', '/api/v1/tenant/1/autopilot/outcomes/summary');

-- ---- freeze ----
SELECT status, body FROM pg_temp.http('read', 'GET', '/v1/freeze');
SELECT status, body FROM pg_temp.http('operator', 'POST', '/v1/freeze', '{"reason": "holiday"}');
SELECT status, pg_temp.pick(body, 'frozen', 'reason') FROM pg_temp.http('read', 'GET', '/v1/freeze');
SELECT status FROM pg_temp.http('operator', 'POST', '/v1/actions', '{"action": "reduce_budget", "subject": "ad_campaign:a"}');
SELECT status FROM pg_temp.http('operator', 'DELETE', '/v1/freeze');
SELECT status, body FROM pg_temp.http('operator', 'POST', '/api/v1/tenant/1/enforcement/freeze', '{}');
SELECT status, body FROM pg_temp.http('operator', 'POST', '/api/v1/tenant/1/enforcement/freeze', '{"frozen": false}');
-- An override needs the level admin; it passes what the gate holds.
SELECT pulse_set_trust('{"high": 100, "standard": 100, "conservative": 100}') IS NOT NULL AS set;
SELECT pulse_record_signal('spend', 1e9, 'shop') > 0 AS recorded;
SELECT status, pg_temp.pick(body, 'id', 'state', 'needs') FROM pg_temp.http('operator', 'POST', '/v1/actions', '{"action": "reduce_budget", "subject": "ad_campaign:o", "level": "guarded"}');
SELECT status FROM pg_temp.http('operator', 'POST', '/v1/actions/4/override', '{"reason": "must"}');
SELECT status, pg_temp.pick(body, 'state', 'overridden') FROM pg_temp.http('admin', 'POST', '/v1/actions/4/override', '{"reason": "must"}');

-- ---- automations ----
SELECT * FROM pg_temp.http('read', 'GET', '/v1/automations');
SELECT status, pg_temp.pick(body, 'name', 'status', 'version', 'definition', 'runs_as') FROM pg_temp.http('operator', 'POST', '/v1/automations', '{"name": "stop", "definition": {"when": {"signal": {"name": "cpa", "above": 50}}, "do": {"action": "pause_campaign", "subject": "ad_campaign:a"}}, "description": "Too dear."}');
SELECT status FROM pg_temp.http('operator', 'POST', '/v1/automations', '{"name": "stop", "definition": {"when": {"schedule": "1 hour"}, "do": {"action": "pause_campaign"}}}');
SELECT status, pg_temp.pick(body, 'message') FROM pg_temp.http('operator', 'POST', '/v1/automations', '{"name": "bad", "definition": {"when": {}}}');
SELECT status FROM pg_temp.http('read', 'POST', '/v1/automations', '{"name": "x", "definition": {}}');
SELECT status, pg_temp.pick(body, 'name', 'version') FROM pg_temp.http('operator', 'PATCH', '/v1/automations/stop', '{"definition": {"when": {"signal": {"name": "cpa", "above": 60}}, "do": {"action": "pause_campaign", "subject": "ad_campaign:a"}}, "new_name": "halt"}');
SELECT status, pg_temp.pick(body, 'status', 'status_reason') FROM pg_temp.http('operator', 'POST', '/v1/automations/halt/pause', '{"reason": "holiday"}');
SELECT status FROM pg_temp.http('operator', 'POST', '/v1/automations/halt/pause', '{}');
SELECT status, pg_temp.pick(body, 'status') FROM pg_temp.http('operator', 'POST', '/v1/automations/halt/resume', '{}');
SELECT status, jsonb_array_length(body::jsonb) FROM pg_temp.http('read', 'GET', '/v1/automations');
SELECT status FROM pg_temp.http('read', 'GET', '/v1/automations/stop');
SELECT status FROM pg_temp.http('operator', 'DELETE', '/v1/automations/halt');
SELECT status FROM pg_temp.http('operator', 'DELETE', '/v1/automations/halt');

SELECT pulse_revoke('http_action_admin'), pulse_revoke('http_action_operator'), pulse_revoke('http_action_reader');
DROP EXTENSION pulse CASCADE;
DROP ROLE http_action_admin, http_action_operator, http_action_reader;
