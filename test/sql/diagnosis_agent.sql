-- The agent: models, starting investigations, privileges, explanations. test/t/065_agent.pl tests the conversations.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
\set SHOW_CONTEXT never

-- ---- models ----
CREATE SERVER regress_model FOREIGN DATA WRAPPER pulse_model OPTIONS (protocol 'openai', base_url 'https://api.example/v1', model 'm', price_input '2.5');
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_model OPTIONS (api_key 'geheim');
CREATE USER MAPPING FOR PUBLIC SERVER regress_model OPTIONS (api_key E'ge\nheim');
CREATE USER MAPPING FOR PUBLIC SERVER regress_model OPTIONS (apikey 'geheim');
DROP SERVER regress_model CASCADE;
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_model OPTIONS (protocol 'gemini', base_url 'https://api.example', model 'm');
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_model OPTIONS (protocol 'openai', model 'm');
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_model OPTIONS (protocol 'openai', base_url 'ftp://x', model 'm');
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_model OPTIONS (protocol 'openai', base_url 'https://x', model 'm', max_output_tokens '0');
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_model OPTIONS (protocol 'openai', base_url 'https://x', model 'm', api_key 'geheim');
SELECT pulse_create_model('regress_bad', '{"protocol": "openai", "base_url": "https://x", "model": "m", "key": "geheim"}');
SELECT pulse_create_model('regress_bad', '{"protocol": "openai", "api_key": "geheim"}');
SELECT pulse_create_model('regress_bad', '{"protocol": "openai", "base_url": "https://x", "model": "m", "timeout": "soon"}');
SELECT pulse_create_model(NULL, '{}');
SELECT pulse_create_model('regress_bad', NULL);
SELECT pulse_create_model('regress_bad', '["geheim"]');
SELECT pulse_create_model('', '{}');

-- ---- starting investigations ----
CREATE SCHEMA ag;
CREATE TABLE ag.users (user_id bigint PRIMARY KEY, plan text);
INSERT INTO ag.users SELECT i, 'p' || i % 3 FROM generate_series(1, 300) AS i;
SELECT pulse_create_segment('ag users', '{"from": "ag.users", "key": "user_id", "attributes": ["plan"]}') > 0 AS made;
INSERT INTO pulse.incident_record (segment_id, detector, severity, direction, baseline, observed, change, baseline_kind, summary, since, opened_at, last_seen_at)
SELECT id, 'size_change', 'high', 'down', 300, 150, -0.5, 'rolling', 'ag users fell', '2015-01-02', '2015-01-02', '2015-01-02' FROM pulse.segment WHERE name = 'ag users';
SELECT max(id) AS incident FROM pulse.incident_record \gset
SELECT * FROM pulse_investigate_incident(:incident);
SELECT * FROM pulse_investigate_incident(:incident, '1 s');
SELECT pulse_create_model('regress_gpt', '{"protocol": "openai", "base_url": "https://api.example/v1", "model": "m", "api_key": "geheim"}');
SELECT s.srvoptions, m.umoptions FROM pg_foreign_server AS s JOIN pg_user_mapping AS m ON m.umserver = s.oid WHERE s.srvname = 'regress_gpt';
SELECT pulse_create_model('regress_gpt', '{"protocol": "openai", "base_url": "https://x", "model": "m"}');
SELECT pulse_investigate_incident(0);
SELECT pulse_investigate_incident(-1, '1 s');
SELECT pulse_investigate_incident(NULL);
SELECT pulse_investigate_incident(:incident, '-1 s');
SELECT pulse_investigate_incident(:incident, '1 month');
SELECT pulse_investigate_incident(:incident, '25 hours');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pulse_investigate_incident(:incident, '1 s');
ROLLBACK;
BEGIN READ ONLY;
SELECT pulse_investigate_incident(:incident);
ROLLBACK;

-- One at a time: a second call returns the same id. A rollback removes the investigation.
BEGIN;
SELECT status, steps, result, reason FROM pulse_investigate_incident(:incident);
ROLLBACK;
SELECT count(*) FROM pulse.investigation;
SELECT investigation FROM pulse_investigate_incident(:incident) \gset
SELECT investigation = :investigation AS same, status FROM pulse_investigate_incident(:incident);
SELECT status, model, requested_by = current_user AS mine FROM pulse.investigation WHERE id = :investigation;
-- No worker is running: after the wait the status is unchanged.
SELECT investigation = :investigation AS same, status FROM pulse_investigate_incident(:incident, '50 ms');
SELECT right(explanation, 18) AS told FROM pulse_explain_incident(:incident) WHERE explanation LIKE 'Investigation%';
RESET client_min_messages;
SELECT pulse_cancel_investigation(:investigation) AS cancelled;
SET client_min_messages = warning;
SELECT pulse_cancel_investigation(:investigation) AS cancelled;
SELECT status, reason LIKE 'cancelled by %' AS said, finished_at IS NOT NULL AS ended FROM pulse.investigation WHERE id = :investigation;
SELECT pulse_cancel_investigation(0);
SELECT pulse_cancel_investigation(NULL);

-- Another process queues it, so it survives the rollback of this transaction.
BEGIN;
SELECT status FROM pulse_investigate_incident(:incident, '0 s');
ROLLBACK;
SELECT status, requested_by = current_user AS mine, id > :investigation AS another FROM pulse.investigation ORDER BY id DESC LIMIT 1;
SELECT max(id) AS investigation FROM pulse.investigation \gset
-- Waiting is not possible for an incident that this transaction created.
BEGIN;
INSERT INTO pulse.incident_record (segment_id, detector, severity, direction, baseline_kind, summary, since, opened_at, last_seen_at)
SELECT segment_id, 'conversion_anomaly', 'low', 'up', 'rolling', 'x', since, since, since FROM pulse.incident_record WHERE id = :incident RETURNING id AS young \gset
SELECT pulse_investigate_incident(:young, '1 s');
ROLLBACK;

-- ---- explanations ----
UPDATE pulse.investigation SET status = 'done', finished_at = now(), result = '{"what_changed": ["It fell by half."],
    "hypotheses": [{"cause": "import", "sentence": "An import failed.", "confidence": 0.8, "evidence": ["e1", "t1"]}],
    "recommendations": [{"action": "Look at the import.", "reason": "It stopped.", "priority": "high", "sql": "SELECT count(*) FROM ag.users"}],
    "evidence": [{"id": "t1", "sentence": "list_snapshots {\"segment\": \"ag users\"}"}]}' WHERE id = :investigation;
SELECT replace(explanation, 'nvestigation ' || :investigation, 'nvestigation N') FROM (SELECT explanation, row_number() OVER () AS line FROM pulse_explain_incident(:incident)) AS e
WHERE line >= (SELECT min(line) FROM (SELECT explanation, row_number() OVER () AS line FROM pulse_explain_incident(:incident)) AS f WHERE explanation LIKE 'Findings of the model%');
UPDATE pulse.investigation SET status = 'failed', result = NULL, reason = 'the model refused' WHERE id = :investigation;
SELECT replace(explanation, 'nvestigation ' || :investigation, 'nvestigation N') AS told FROM pulse_explain_incident(:incident) WHERE explanation LIKE 'Investigation%';

-- ---- several models ----
SELECT pulse_create_model('regress_claude', '{"protocol": "anthropic", "base_url": "https://api.example/v1", "model": "c"}');
SELECT pulse_investigate_incident(:incident);

-- ---- privileges ----
CREATE ROLE regress_agent_reader;
CREATE ROLE regress_agent_operator;
SELECT pulse_grant('regress_agent_reader', 'reader');
SELECT pulse_grant('regress_agent_operator', 'operator');
DROP SERVER regress_claude CASCADE;
SET ROLE regress_agent_reader;
SELECT pulse_investigate_incident(:incident);
SELECT pulse_cancel_investigation(:investigation);
SELECT pulse_create_model('regress_bad', '{"protocol": "openai", "base_url": "https://x", "model": "m"}');
SELECT umoptions FROM pg_user_mappings WHERE srvname = 'regress_gpt';
SELECT count(*) > 0 AS seen FROM pulse.investigation;
RESET ROLE;
SET ROLE regress_agent_operator;
SELECT status FROM pulse_investigate_incident(:incident);
SELECT requested_by FROM pulse.investigation ORDER BY id DESC LIMIT 1;
SELECT pulse_create_model('regress_bad', '{"protocol": "openai", "base_url": "https://x", "model": "m", "api_key": "geheim"}');
INSERT INTO pulse.investigation (incident_id, model, requested_by) VALUES (1, 'x', 'y');
RESET ROLE;

-- Only the user mapping contains the secret.
SELECT count(*) FROM pulse.investigation AS t WHERE t::text LIKE '%geheim%';
SELECT count(*) FROM pulse.agent_step;

SELECT pulse_revoke('regress_agent_reader');
SELECT pulse_revoke('regress_agent_operator');
DROP ROLE regress_agent_reader, regress_agent_operator;
DROP SERVER regress_gpt CASCADE;
SELECT pulse_delete_segment('ag users', true);
SELECT count(*) FROM pulse.investigation;
DROP SCHEMA ag CASCADE;
