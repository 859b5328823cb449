-- Room delivery: the functions of routes, subscriptions and inbound webhooks: what they accept and refuse.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
SET timezone = 'Europe/Paris';
\set SHOW_CONTEXT never
DELETE FROM pulse.route;

CREATE SERVER team FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'slack');
CREATE SERVER oncall FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'pagerduty');
CREATE SCHEMA droute;
CREATE TABLE droute.users (id int PRIMARY KEY, plan text);
INSERT INTO droute.users SELECT i, 'a' FROM generate_series(1, 100) AS i;
SELECT pulse_create_segment('Route test', '{"from": "droute.users", "key": "id"}', owner => 'growth', tags => '{vip}') > 0;
SELECT pulse_monitor_table('droute.users', checks => '[{"type": "volume", "min": 10}]') IS NOT NULL;

-- All arguments, and only the required ones.
SELECT pulse_create_route('all', '{team,oncall}', 'high', '{Route test}', '{droute.users}', '{growth}', '{vip}', '{size_change,table}', '{opened,eased}',
    '22:00-07:00', 'America/New_York', '1 hour', 'daily', '08:30', '10 s', '30 min', '{oncall}') > 0;
SELECT pulse_create_route('least', '{team}') > 0;
\x
SELECT name, channels, min_severity, segments, tables, owners, tags, detectors, events, quiet_from, quiet_until, time_zone, cool_down, digest, digest_at,
    group_wait, escalate_after, escalate_to, enabled, created_by = current_user AS mine FROM pulse.route ORDER BY id;
-- Null leaves a value as it is, empty removes it.
SELECT pulse_update_route('all');
SELECT pulse_update_route('all', min_severity => 'low', segments => '{}', tables => '{}', owners => '{}', tags => '{}', detectors => '{}', events => '{}',
    quiet_hours => '', time_zone => 'UTC', cool_down => '0', digest => '', escalate_after => '0', escalate_to => '{}', enabled => false);
SELECT name, channels, min_severity, segments, tables, owners, tags, detectors, events, quiet_from, quiet_until, time_zone, cool_down, digest, digest_at,
    group_wait, escalate_after, escalate_to, enabled FROM pulse.route WHERE name = 'all';
\x
SELECT pulse_update_route('all', enabled => true, quiet_hours => '9:00 - 24:00');
SELECT quiet_from, quiet_until, enabled FROM pulse.route WHERE name = 'all';

-- Errors.
SELECT pulse_create_route(NULL, '{team}');
SELECT pulse_create_route('', '{team}');
SELECT pulse_create_route(repeat('x', 256), '{team}');
SELECT pulse_create_route('r', NULL);
SELECT pulse_create_route('r', '{}');
SELECT pulse_create_route('r', '{NULL}');
SELECT pulse_create_route('r', '{""}');
SELECT pulse_create_route('r', '{teem}');
SELECT pulse_create_route('r', array_fill('team'::text, ARRAY[1001]));
SELECT pulse_create_route('all', '{team}');
SELECT pulse_create_route('r', '{team}', min_severity => 'High');
SELECT pulse_create_route('r', '{team}', segments => '{Rout test}');
SELECT pulse_create_route('r', '{team}', tables => '{users}');
SELECT pulse_create_route('r', '{team}', owners => '{""}');
SELECT pulse_create_route('r', '{team}', detectors => '{size}');
SELECT pulse_create_route('r', '{team}', events => '{open}');
SELECT pulse_create_route('r', '{team}', quiet_hours => '22-7');
SELECT pulse_create_route('r', '{team}', quiet_hours => '22:00-22:00');
SELECT pulse_create_route('r', '{team}', time_zone => 'Europe/Nowhere');
SELECT pulse_create_route('r', '{team}', cool_down => '-1 hour');
SELECT pulse_create_route('r', '{team}', cool_down => '178000000 years');
SELECT pulse_create_route('r', '{team}', group_wait => '2 hours');
SELECT pulse_create_route('r', '{team}', digest => 'weekly');
SELECT pulse_create_route('r', '{team}', escalate_after => '1 hour');
SELECT pulse_create_route('r', '{team}', escalate_to => '{oncall}');
SELECT pulse_create_route('r', '{team}', escalate_after => '1 hour', escalate_to => '{boss}');
SELECT pulse_update_route('al');
SELECT pulse_update_route(NULL);
SELECT pulse_update_route('all', channels => '{}');
SELECT pulse_update_route('all', escalate_after => '1 hour');
SELECT pulse_delete_route('x');
SELECT pulse_delete_route(NULL);
SELECT count(*) FROM pulse.route;
BEGIN READ ONLY;
SELECT pulse_create_route('r', '{team}');
ROLLBACK;
-- Names may be any text.
SELECT pulse_create_route('a''b"; DROP TABLE pulse.route; --', '{team}') > 0;
SELECT pulse_delete_route('a''b"; DROP TABLE pulse.route; --');
-- Deleting a route cancels its pending messages, but not those that have a payload or are being sent.
INSERT INTO pulse.outbox (channel, kind, event, route_id, status, send_at, payload)
SELECT 'team', 'incident', 'opened', id, s, 'infinity', p::jsonb FROM pulse.route, (VALUES ('pending', NULL), ('pending', '{}'), ('sending', '{}')) AS v (s, p) WHERE name = 'least';
SELECT pulse_delete_route('least');
SELECT status, payload, error FROM pulse.outbox WHERE channel = 'team' ORDER BY id;
DELETE FROM pulse.outbox;

-- ---- subscriptions ----
SELECT subscription ~ '^subscription_[0-9a-f]{12}$' AS named, secret ~ '^whsec_[A-Za-z0-9+/]{43}=$' AS secret FROM pulse_subscribe('https://hook.example/secret-path');
SELECT * FROM pulse_subscribe('https://hook.example/secret-path', '{snapshot.taken,incident.opened,snapshot.taken}', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'mine');
SELECT events, created_by = current_user AS mine FROM pulse.subscription ORDER BY channel;
SELECT srvoptions FROM pg_foreign_server WHERE srvname = 'mine';
SELECT * FROM pulse_subscribe(NULL);
SELECT * FROM pulse_subscribe('');
SELECT * FROM pulse_subscribe('ftp://hook.example/');
SELECT * FROM pulse_subscribe('https://hook.example/', '{}');
SELECT * FROM pulse_subscribe('https://hook.example/', '{segment.enter}');
SELECT * FROM pulse_subscribe('https://hook.example/', '{NULL}');
SELECT * FROM pulse_subscribe('https://hook.example/', name => 'mine');
SELECT * FROM pulse_subscribe('https://hook.example/', name => '');
SELECT * FROM pulse_subscribe('https://hook.example/', name => repeat('x', 64));
SELECT * FROM pulse_subscribe('https://hook.example/', secret => 'short', name => 'bad');
SELECT count(*) FROM pg_foreign_server WHERE srvname = 'bad';
SELECT pulse_unsubscribe(NULL);
SELECT pulse_unsubscribe(channel) FROM pulse.subscription WHERE channel <> 'mine';
SELECT pulse_unsubscribe('mein');
-- A new secret: the former ones sign until they end.
SELECT pulse_rotate_subscription_secret('mine') AS second \gset
SELECT pulse_rotate_subscription_secret('mine', '1 hour') AS third \gset
SELECT :'second' ~ '^whsec_[A-Za-z0-9+/]{43}=$' AND :'second' <> :'third' AS secrets;
CREATE FUNCTION droute.mapping(channel text, key text) RETURNS text LANGUAGE sql AS
$$ SELECT o.option_value FROM pg_user_mappings AS m, pg_options_to_table(m.umoptions) AS o WHERE m.srvname = channel AND o.option_name = key $$;
SELECT droute.mapping('mine', 'secret') = :'third' AS newest, droute.mapping('mine', 'url') AS url,
       f ~ ('^\d+=' || regexp_replace(:'second', '([+])', '\\\1', 'g') || ' \d+=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw$') AS both,
       (SELECT count(*) FROM regexp_matches(f, '(\d+)=', 'g') AS t WHERE to_timestamp(t[1]::float8) BETWEEN now() + interval '59 minutes' AND now() + interval '61 minutes') AS an_hour
FROM droute.mapping('mine', 'former_secrets') AS f;
SELECT pulse_rotate_subscription_secret('mine', '0') AS fourth \gset
SELECT droute.mapping('mine', 'secret') = :'fourth' AS newest, droute.mapping('mine', 'former_secrets');
SELECT count(pulse_rotate_subscription_secret('mine')) FROM generate_series(1, 5);
SELECT pulse_rotate_subscription_secret('mine');
SELECT array_length(string_to_array(droute.mapping('mine', 'former_secrets'), ' '), 1) AS former;
SELECT pulse_rotate_subscription_secret('mine', '0') IS NOT NULL AS rotated;
SELECT channel, rotated_at <= clock_timestamp() AS rotated FROM pulse.subscription;
SELECT count(*), count(*) FILTER (WHERE (details ->> 'old_until')::timestamptz > now() + interval '2 hours') AS for_a_day FROM pulse.audit WHERE action = 'subscription.rotated' AND subject = 'mine';
SELECT pulse_rotate_subscription_secret(NULL);
SELECT pulse_rotate_subscription_secret('mein');
SELECT pulse_rotate_subscription_secret('team');
SELECT pulse_rotate_subscription_secret('mine', NULL);
SELECT pulse_rotate_subscription_secret('mine', '-1 hour');
SELECT pulse_rotate_subscription_secret('mine', '1000 years');
ALTER USER MAPPING FOR CURRENT_USER SERVER mine OPTIONS (ADD former_secrets 'x');
BEGIN READ ONLY;
SELECT pulse_rotate_subscription_secret('mine');
ROLLBACK;
-- The header of Stratum.
SELECT subscription FROM pulse_subscribe('https://hook.example/', name => 'stratum', signature => 'stratum');
SELECT srvoptions FROM pg_foreign_server WHERE srvname = 'stratum';
SELECT subscription FROM pulse_subscribe('https://hook.example/', name => 'bad', signature => 'hmac');
SELECT pulse_unsubscribe('stratum');
DROP FUNCTION droute.mapping;
SELECT pulse_unsubscribe('team');
INSERT INTO pulse.outbox (channel, kind, event, payload, send_at) VALUES ('mine', 'event', 'incident.opened', '{}', 'infinity');
SELECT pulse_unsubscribe('mine');
SELECT status, error FROM pulse.outbox WHERE channel = 'mine';
DELETE FROM pulse.outbox;
-- Events about people are sent only to subscriptions that name them, from then on; with segments, only events of these segments.
SELECT pulse_create_segment('Route people', '{"where": "profile.plan == \"a\""}') > 0;
SELECT * FROM pulse_subscribe('https://hook.example/', segments => '{Rout people}');
SELECT * FROM pulse_subscribe('https://hook.example/', segments => '{NULL}');
SELECT * FROM pulse_subscribe('https://hook.example/', segments => '{""}');
SELECT * FROM pulse_subscribe('https://hook.example/', segments => array_fill('Route people'::text, ARRAY[1001]));
SELECT * FROM pulse_subscribe('https://hook.example/', '{segment.entered,segment.exited}', segments => '{Route people,Route test}');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM pulse_subscribe('https://hook.example/', '{segment.entered}');
ROLLBACK;
SELECT subscription FROM pulse_subscribe('https://hook.example/', '{segment.exited,segment.entered,snapshot.taken}', name => 'people', segments => '{Route people,Route test}');
SELECT subscription FROM pulse_subscribe('https://hook.example/', '{segment.exited}', name => 'anybody', segments => '{}');
SELECT channel, events, segments FROM pulse.subscription ORDER BY channel;
SELECT name FROM pulse.change_consumer ORDER BY name;
BEGIN;
SELECT pulse_unsubscribe('people');
ROLLBACK;
SELECT pulse_unsubscribe('anybody');
SELECT name FROM pulse.change_consumer ORDER BY name;
SELECT pulse_unsubscribe('people');
SELECT name FROM pulse.change_consumer ORDER BY name;
SELECT pulse_delete_segment('Route people', confirm => true);
-- A channel that was dropped by hand leaves the row of its subscription, which can be removed.
SELECT subscription FROM pulse_subscribe('https://hook.example/', name => 'dropped');
DROP SERVER dropped CASCADE;
SELECT pulse_rotate_subscription_secret('dropped');
SELECT pulse_unsubscribe('dropped');
SELECT pulse_unsubscribe(channel) FROM pulse.subscription;
SELECT count(*) FROM pulse.subscription;

-- ---- inbound webhooks ----
SELECT pulse_receive_webhook(NULL);
SELECT pulse_receive_webhook('[]');
SELECT pulse_receive_webhook('"acknowledge"');
SELECT pulse_receive_webhook('{}');
SELECT pulse_receive_webhook('{"incidentId": 17, "segmentId": "a", "severity": "high"}');
SELECT pulse_receive_webhook('{"action": null, "incident": 1}');
SELECT pulse_receive_webhook('{"action": 1}');
SELECT pulse_receive_webhook('{"action": "acknowlege"}');
SELECT pulse_receive_webhook('{"action": "acknowledge"}');
SELECT pulse_receive_webhook('{"action": "acknowledge", "incident": "x"}');
SELECT pulse_receive_webhook('{"action": "acknowledge", "incident": 1.5}');
SELECT pulse_receive_webhook('{"action": "acknowledge", "incident": -1}');
SELECT pulse_receive_webhook('{"action": "acknowledge", "incident": 99999999999999999999}');
SELECT pulse_receive_webhook('{"action": "acknowledge", "incident": 999999999}');
SELECT pulse_receive_webhook('{"action": "resolve", "incident": 999999999, "note": 5}');
SELECT pulse_receive_webhook('{"action": "ignore", "incident": 999999999, "until": "soon"}');
SELECT pulse_receive_webhook('{"action": "check"}');
SELECT pulse_receive_webhook('{"action": "check", "segment": "Route test", "table": "droute.users"}');
\set VERBOSITY terse
SELECT pulse_receive_webhook('{"action": "check", "segment": "Nobody"}');
\set VERBOSITY default
SELECT pulse_receive_webhook('{"action": "check", "segment": "Route test", "snapshot": "yes"}');
SELECT pulse_receive_webhook('{"action": "check", "segment": "Route test", "snapshot": true}') - 'detail' AS requested;
SELECT status, message FROM pulse_run_job('requested_snapshots');
SELECT pulse_receive_webhook('{"action": "check", "table": "droute.users"}');
SELECT count(*) FROM pulse.snapshot AS p JOIN pulse.segment AS s ON s.id = p.segment_id WHERE s.name = 'Route test';
-- Each action on an incident twice.
INSERT INTO pulse.incident_record (id, segment_id, detector, severity, direction, baseline_kind, summary, since, opened_at, last_seen_at)
SELECT 900000001, id, 'size_change', 'high', 'down', 'rolling', 'it fell', now(), now(), now() FROM pulse.segment WHERE name = 'Route test';
SELECT pulse_receive_webhook('{"action": "acknowledge", "incident": 900000001, "note": "on it", "flow": {"id": 5}}') FROM generate_series(1, 2);
SELECT pulse_receive_webhook('{"action": "ignore", "incidentId": "900000001", "until": "2999-01-01T00:00:00Z"}');
SELECT pulse_receive_webhook('{"action": "ignore", "incident_id": 900000001}');
SELECT pulse_receive_webhook('{"action": "resolve", "incident": 900000001}') FROM generate_series(1, 2);
SELECT pulse_receive_webhook('{"action": "acknowledge", "incident": 900000001}');
SELECT kind, actor = current_user AS mine, note FROM pulse.incident_event WHERE incident_id = 900000001 ORDER BY id;
-- Functions of the same names whose arguments match better are not called.
CREATE FUNCTION pulse_acknowledge_incident(bigint, varchar) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'wrong one'; END $$;
CREATE FUNCTION pulse_resolve_incident(bigint, text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'wrong one'; END $$;
CREATE FUNCTION pulse_check_tables(text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'wrong one'; END $$;
CREATE FUNCTION pulse_investigate_incident(bigint) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'wrong one'; END $$;
UPDATE pulse.incident_record SET status = 'open', closed_at = NULL WHERE id = 900000001;
SELECT pulse_receive_webhook('{"action": "acknowledge", "incident": 900000001}');
SELECT pulse_receive_webhook('{"action": "investigate", "incident": 900000001}');
SELECT pulse_receive_webhook('{"action": "resolve", "incident": 900000001}');
SELECT pulse_receive_webhook('{"action": "check", "table": "droute.users"}');
DROP FUNCTION pulse_acknowledge_incident(bigint, varchar), pulse_resolve_incident(bigint, text), pulse_check_tables(text), pulse_investigate_incident(bigint);

-- ---- rights ----
CREATE ROLE droute_reader;
CREATE ROLE droute_operator;
CREATE ROLE droute_admin;
SELECT pulse_grant('droute_reader', 'reader'), pulse_grant('droute_operator', 'operator'), pulse_grant('droute_admin', 'admin');
SET ROLE droute_reader;
SELECT count(*) FROM pulse.route;
SELECT count(*) FROM pulse.cool_down;
SELECT pulse_create_route('r', '{team}');
SELECT pulse_receive_webhook('{}');
UPDATE pulse.route SET channels = '{oncall}';
RESET ROLE;
SET ROLE droute_operator;
SELECT pulse_create_route('r', '{team}') > 0;
SELECT created_by FROM pulse.route WHERE name = 'r';
SELECT pulse_delete_route('r');
SELECT pulse_receive_webhook('{"action": "acknowledge", "incident": 999999999}');
SELECT pulse_subscribe('https://hook.example/');
SELECT pulse_rotate_subscription_secret('mine');
RESET ROLE;
-- The inbound webhook calls functions with the caller's rights.
REVOKE EXECUTE ON FUNCTION pulse.acknowledge_incident(bigint, text) FROM droute_operator;
SET ROLE droute_operator;
SELECT pulse_receive_webhook('{"action": "acknowledge", "incident": 900000001}');
RESET ROLE;
SET ROLE droute_admin;
SELECT subscription, secret FROM pulse_subscribe('https://hook.example/', '{incident.opened,segment.entered}', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'theirs');
RESET ROLE;
SELECT srvowner::regrole, created_by FROM pg_foreign_server JOIN pulse.subscription ON channel = srvname WHERE srvname = 'theirs';
CREATE ROLE droute_other;
SELECT pulse_grant('droute_other', 'admin');
SET ROLE droute_other;
SELECT pulse_rotate_subscription_secret('theirs');
SELECT pulse_unsubscribe('theirs');
RESET ROLE;
SELECT count(*) FROM pulse.subscription;
SET ROLE droute_admin;
SELECT pulse_rotate_subscription_secret('theirs') IS NOT NULL AS rotated;
SELECT pulse_unsubscribe('theirs');
RESET ROLE;

SELECT pulse_revoke(r) FROM unnest('{droute_reader,droute_operator,droute_admin,droute_other}'::text[]) AS r;
DROP ROLE droute_reader, droute_operator, droute_admin, droute_other;
DELETE FROM pulse.route;
DELETE FROM pulse.notice;
SELECT pulse_unmonitor_table('droute.users');
DELETE FROM pulse.monitor WHERE relation = 'droute.users';
SELECT pulse_delete_segment('Route test', confirm => true);
DROP SERVER team, oncall;
DROP TABLE droute.users;
DROP SCHEMA droute;
