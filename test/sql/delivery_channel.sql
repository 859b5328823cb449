-- Room delivery: channels, as far as no network is needed. test/t/063_channels.pl tests the answers of receivers.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
\set SHOW_CONTEXT never

-- The validator checks names, places and values of options.
CREATE SERVER regress_ch FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'slack', timeout '5s');
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_channel;
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'pigeon');
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'slack', url 'https://x/geheim');
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'slack', max_attempts '0');
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'email', "to" 'nobody');
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'email', "from" E'a@b.c\r\nBcc: d@e.f');
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'email', "from" 'a@b.c, d@e.f');
CREATE SERVER regress_bad FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'email', host 'mail example');
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_ch OPTIONS (url 'geheim');
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_ch OPTIONS (secret 'geheim');
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_ch OPTIONS (header 'geheim');
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_ch OPTIONS (routing_key 'geheim');
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_ch OPTIONS (api_key 'geh eim');

-- Without its user mapping the channel is incomplete: the view shows that, and a test names the missing option.
SELECT name, kind, options, state, waiting, sent_day FROM pulse.channel WHERE name LIKE 'regress%';
SELECT status, answer_status, answer, milliseconds, hint FROM pulse_test_channel('regress_ch');
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_ch OPTIONS (url 'https://hooks.slack.com/services/T/B/geheim');
SELECT name, kind, options, state FROM pulse.channel WHERE name LIKE 'regress%';

-- Server and user mapping in one call; nothing is created if an option is missing.
SELECT pulse_create_channel('regress_hook', 'webhook', '{"url": "https://n8n.example/webhook/geheim", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}');
SELECT pulse_create_channel('regress_mail', 'email', '{"from": "Pulse <alerts@example.com>", "to": "a@example.com, B <b@example.com>", "host": "mail.example.com", "user": "u", "password": "geheim"}');
SELECT pulse_create_channel('regress_resend', 'email', '{"from": "alerts@example.com", "to": "a@example.com", "api_key": "re_geheim"}');
SELECT pulse_create_channel('regress_ch2', 'slack', '{"url": "https://hooks.slack.com/services/T/B/geheim"}');
SELECT pulse_create_channel('regress_pager', 'pagerduty', '{"routing_key": "0123456789abcdef0123456789abcdef"}');
SELECT pulse_create_channel('regress_hook', 'webhook', '{"url": "https://n8n.example/geheim"}');
SELECT pulse_create_channel('regress_bad', 'slack', '{}');
SELECT pulse_create_channel('regress_bad', 'email', '{"to": "a@example.com"}');
SELECT pulse_create_channel('regress_bad', 'email', '{"from": "a@example.com", "to": "a@example.com"}');
SELECT pulse_create_channel('regress_bad', 'email', '{"from": "a@example.com", "to": "a@example.com", "host": "m", "user": "u"}');
SELECT pulse_create_channel('regress_bad', 'pagerduty', '{"routing_key": "geheim"}');
SELECT pulse_create_channel('regress_bad', 'pigeon', '{"url": "https://x/geheim"}');
SELECT pulse_create_channel('regress_bad', 'slack', '{"kind": "teams", "url": "https://x/geheim"}');
SELECT pulse_create_channel('regress_bad', 'slack', '{"ulr": "https://x/geheim"}');
SELECT pulse_create_channel('regress_bad', 'slack', '{"url": "geheim"}');
SELECT pulse_create_channel('regress_bad', 'slack', '{"url": null}');
SELECT pulse_create_channel('regress_bad', 'slack', '["geheim"]');
SELECT pulse_create_channel(repeat('x', 100), 'slack', '{"url": "https://x/geheim"}');
SELECT pulse_create_channel(NULL, 'slack', '{}');
SELECT pulse_create_channel('regress_bad', NULL, '{}');
SELECT pulse_create_channel('regress_bad', 'slack', NULL);
SELECT count(*) FROM pg_foreign_server WHERE srvname = 'regress_bad';
-- Neither the context of a calling function nor pg_stat_activity shows a secret.
\set SHOW_CONTEXT always
DO $$ BEGIN PERFORM pulse_create_channel('regress_hook', 'slack', '{"url": "https://x/geheim"}'); END $$;
\set SHOW_CONTEXT never
SELECT pulse_create_channel('regress_quiet', 'slack', '{"url": "https://x/geheim"}') \; SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid();
DROP SERVER regress_quiet CASCADE;
SELECT name, kind, options, state FROM pulse.channel WHERE name LIKE 'regress%' ORDER BY name;

-- A paused or disabled channel stays so when it is changed: no Pulse code runs in users' DDL.
INSERT INTO pulse.channel_state (channel, failures, disabled_at, last_error) VALUES ('regress_hook', 7, now(), 'gone'), ('regress_ch', 7, now(), 'gone');
INSERT INTO pulse.channel_state (channel, failures, open_until) VALUES ('regress_mail', 7, 'infinity');
SELECT name, state, failures FROM pulse.channel WHERE name LIKE 'regress%' ORDER BY name;
ALTER SERVER regress_mail OPTIONS (ADD port '25');
ALTER USER MAPPING FOR CURRENT_USER SERVER regress_hook OPTIONS (SET url 'https://n8n.example/other');
SELECT name, state, failures FROM pulse.channel WHERE name LIKE 'regress%' ORDER BY name;
DROP SERVER regress_ch CASCADE;
SELECT channel, failures FROM pulse.channel_state WHERE channel LIKE 'regress%' ORDER BY channel;

-- The exact payload.
SET pulse.now = '2026-03-01 06:00';
INSERT INTO pulse.segment (name, kind, definition, owner, runs_as, search_path)
VALUES (E'Regress <b>*VIP*</b> <!channel>\r\nBcc: x', 'relation', '{"from": "pg_class", "key": "oid"}', 'growth & co', current_user, 'pg_catalog');
INSERT INTO pulse.incident_record (segment_id, detector, severity, direction, baseline, observed, change, threshold, baseline_kind, summary, since, opened_at, last_seen_at)
SELECT id, 'size_change', 'high', 'down', 10000, 5800, -0.42, 0.15, 'rolling', 'size fell', '2026-02-28', '2026-02-28', '2026-03-01'
FROM pulse.segment WHERE name LIKE 'Regress%';
SELECT max(id) AS incident FROM pulse.incident_record \gset
SELECT m -> 'text' AS text, m #> '{blocks,0}' AS header, jsonb_path_query_array(m, '$.blocks[*].type') AS blocks, m #> '{blocks,1,fields}' AS fields
FROM pulse_preview_message(:incident, 'regress_ch2') AS m;
SELECT m ->> 'type' AS type, m ->> 'timestamp' AS timestamp, (m -> 'data') - '{incident,acknowledge_sql,what_changed,cause,confidence,recommendation,recommendation_reason,recommendation_sql,more_recommendations}'::text[] AS data
FROM pulse_preview_message(:incident, 'regress_hook') AS m;
SELECT m -> 'subject' AS subject, m -> 'from' AS "from", m -> 'to' AS "to", m #> '{headers,Message-ID}' AS id, m ->> 'html' ~ '<b>|<!channel' AS markup
FROM pulse_preview_message(:incident, 'regress_mail') AS m;
SELECT m -> 'routing_key' AS key, m -> 'event_action' AS action, m #> '{payload,severity}' AS severity, m #> '{payload,summary}' AS summary
FROM pulse_preview_message(:incident, 'regress_pager') AS m;
-- A preview changes nothing.
SELECT diagnosis IS NULL AS untouched FROM pulse.incident_record WHERE id = :incident;
UPDATE pulse.incident_record SET status = 'resolved', closed_at = '2026-03-01 03:00', observed = 9900, resolved_by = 'ada' WHERE id = :incident;
SELECT m #> '{data,status}' AS status, m #> '{data,remark}' AS remark, m -> 'type' AS type FROM pulse_preview_message(:incident, 'regress_hook') AS m;
SELECT pulse_preview_message(NULL, 'regress_hook');
SELECT pulse_preview_message(-1, 'regress_hook');
SELECT pulse_preview_message(1, NULL);
SELECT pulse_preview_message(1, 'regress_nosuch');
SELECT pulse_test_channel(NULL);

-- Previews need the level reader, tests the level operator, new channels the level admin.
CREATE ROLE regress_channel_reader;
SET ROLE regress_channel_reader;
SELECT pulse_preview_message(1, 'regress_hook');
SELECT pulse_test_channel('regress_hook');
SELECT pulse_create_channel('regress_bad', 'slack', '{"url": "https://x/geheim"}');
RESET ROLE;
SELECT pulse_grant('regress_channel_reader', 'people_reader');
SET ROLE regress_channel_reader;
SELECT pulse_preview_message(:incident, 'regress_pager') -> 'routing_key' AS key;
SELECT name, options FROM pulse.channel WHERE name = 'regress_mail';
SELECT pulse_test_channel('regress_hook');
RESET ROLE;

SELECT pulse_revoke('regress_channel_reader');
DROP ROLE regress_channel_reader;
SET client_min_messages = warning;
DROP SERVER regress_ch2, regress_hook, regress_mail, regress_resend, regress_pager CASCADE;
DELETE FROM pulse.segment WHERE name LIKE 'Regress%';
DELETE FROM pulse.channel_state WHERE channel LIKE 'regress%';
