-- Ordinary channels hear of the health of signals and of actions that wait, as routes say.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET pulse.now = '2026-03-01 12:00+00';
SELECT pulse_create_channel('troute_chat', 'slack', '{"url": "https://hooks.slack.com/services/T/B/x"}');
SELECT pulse_create_channel('troute_hook', 'webhook', '{"url": "https://example.com/hook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}');
SELECT pulse_create_channel('troute_ads', 'webhook', '{"url": "https://example.com/hook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}');
CREATE VIEW troute_told AS SELECT o.channel, o.event, r.name AS route, o.order_key, o.payload, o.send_at > clock_timestamp() + interval '1 minute' AS later
    FROM pulse.outbox AS o LEFT JOIN pulse.route AS r ON r.id = o.route_id WHERE o.kind = 'event' ORDER BY o.id;
SELECT count(*) FROM pulse_record_signals((SELECT jsonb_agg(jsonb_build_object('name', 'spend', 'source', 'shop', 'value', 100 + i % 3, 'at', '2026-02-20'::date + i)) FROM generate_series(0, 9) AS i));
SELECT status FROM pulse_update_signal_health();
SELECT count(*) AS none_yet FROM troute_told;

-- Without a route every channel is told that the health has fallen.
SET pulse.now = '2026-03-04 12:00+00';
SELECT status FROM pulse_update_signal_health();
SELECT channel, event, route, order_key, later FROM troute_told;
SELECT payload -> 'type' AS type, payload -> 'data' ->> 'from' AS was, payload -> 'data' ->> 'to' AS is FROM troute_told WHERE channel = 'troute_hook';
SELECT payload::text LIKE '%signal health of all%' AS names_it FROM troute_told WHERE channel = 'troute_chat';
-- An action that waits for a person is told to everybody but its receiver.
DELETE FROM pulse.outbox;
SELECT id, needs FROM pulse_propose_action('reduce_budget', 'ad_campaign:summer', '{"before": 100, "after": 90}', 'a secret note', channel => 'troute_ads');
SELECT channel, event, later FROM troute_told;
SELECT count(*) AS notes FROM troute_told WHERE payload::text LIKE '%secret%';

-- Routes say who is told: by event, severity and segment; those about owners, tags and detectors are about incidents.
SELECT pulse_dismiss_action(1);
SELECT pulse_create_route('health', '{troute_hook}', events => '{health}') > 0 AS created;
SELECT pulse_create_route('actions', '{troute_chat}', 'high', events => '{action}') > 0 AS created;
SELECT pulse_create_route('shops', '{troute_ads}', events => '{health,action}', owners => '{shops}') > 0 AS created;
DELETE FROM pulse.outbox;
SELECT id, needs FROM pulse_propose_action('reduce_budget', 'ad_campaign:summer', channel => 'troute_ads');
SELECT channel, event, route FROM troute_told;
SELECT pulse_update_route('actions', min_severity => 'low', quiet_hours => to_char(now(), 'HH24:MI-') || to_char(now() + interval '3 hours', 'HH24:MI'), time_zone => 'UTC');
SELECT pulse_dismiss_action(2);
SELECT id, needs FROM pulse_propose_action('reduce_budget', 'ad_campaign:summer', channel => 'troute_ads');
SELECT channel, event, route, later FROM troute_told;
DELETE FROM pulse.outbox;
SELECT pulse_record_signal('spend', 101, 'shop', at => '2026-03-04 11:00+00') > 0 AS recorded;
SELECT status FROM pulse_update_signal_health();
SET pulse.now = '2026-03-04 12:10+00';
SELECT status FROM pulse_update_signal_health();
SET pulse.now = '2026-03-04 12:30+00';
SELECT status FROM pulse_update_signal_health();
SELECT channel, event, route, payload -> 'data' ->> 'to' AS is FROM troute_told;
SELECT pulse_create_route('wrong', '{troute_hook}', events => '{healthy}');

DROP EXTENSION pulse CASCADE;
