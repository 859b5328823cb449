-- Messages: functions to retry and cancel them, and the views. Nothing is sent here, as no launcher runs.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
CREATE SERVER hook FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'webhook');
CREATE USER MAPPING FOR CURRENT_USER SERVER hook OPTIONS (url 'https://hook.invalid/very-secret-path');
CREATE TEMP VIEW messages AS SELECT id, status, attempts, next_try_at IS NOT NULL AS planned, sent_at IS NOT NULL AS sent, error, folded_into
    FROM pulse.message ORDER BY id;

-- One message of each status.
INSERT INTO pulse.outbox (id, channel, kind, event, key, payload, status, attempts, order_key, waits, folded_into, finished_at, error) VALUES
    (1, 'hook', 'event', 'incident.opened', 'msg_1', '{}', 'pending', 0, 'a', false, NULL, NULL, NULL),
    (2, 'hook', 'event', 'incident.updated', 'msg_2', '{}', 'pending', 0, 'a', true, NULL, NULL, NULL),
    (3, 'hook', 'event', 'incident.opened', 'msg_3', '{}', 'sending', 1, 'b', false, NULL, NULL, NULL),
    (4, 'hook', 'event', 'incident.opened', 'msg_4', '{}', 'sent', 1, NULL, false, NULL, now(), NULL),
    (5, 'hook', 'event', 'incident.opened', 'msg_5', '{}', 'dead', 10, NULL, false, NULL, now(), 'HTTP 500'),
    (6, 'hook', 'incident', 'opened', 'msg_6', '{}', 'dead', 10, NULL, false, NULL, now(), 'HTTP 500'),
    (7, 'hook', 'incident', 'opened', 'msg_7', NULL, 'dead', 10, NULL, false, 6, now(), 'HTTP 500'),
    (8, 'hook', 'event', 'incident.opened', 'msg_8', '{}', 'cancelled', 0, NULL, false, NULL, now(), 'cancelled by somebody'),
    (9, 'hook', 'event', 'incident.opened', 'msg_9', '{}', 'pending', 3, NULL, false, NULL, NULL, 'HTTP 503');
SELECT * FROM messages;

-- Errors.
SELECT pulse_retry_message(NULL::bigint);
SELECT pulse_retry_message(NULL::text);
SELECT pulse_retry_message(99);
SELECT pulse_retry_message('elsewhere');
SELECT pulse_retry_message(3);
SELECT pulse_retry_message(4);
SELECT pulse_retry_message(7);
SELECT pulse_cancel_message(NULL);
SELECT pulse_cancel_message(99);
SELECT pulse_cancel_message(3);
SELECT pulse_cancel_message(4);
SELECT pulse_cancel_message(7);
SELECT pulse_cancel_message(8);
BEGIN READ ONLY;
SELECT pulse_retry_message(5);
ROLLBACK;
SELECT count(*) FROM pulse_run_job('delivery');
SELECT count(*) FROM pulse_run_job('investigations');
SELECT pulse_unschedule('delivery');
SELECT enabled, next_run FROM pulse.job WHERE name = 'delivery';
SELECT pulse_schedule('delivery', enabled => true);

-- Cancelling releases the next message.
SELECT pulse_cancel_message(1, 'not needed');
SELECT * FROM messages WHERE id IN (1, 2);
SELECT pulse_cancel_message(2);
-- A retry includes folded messages and keeps the key.
SELECT pulse_retry_message(5);
SELECT pulse_retry_message(6);
SELECT pulse_retry_message(8);
SELECT pulse_retry_message(9);
SELECT * FROM messages;
SELECT count(*) FILTER (WHERE key = 'msg_' || id) AS same_key FROM pulse.message;

-- A whole channel: dead messages and those that wait for another attempt; its pause ends.
UPDATE pulse.outbox SET status = 'dead', attempts = 10, finished_at = now() WHERE id IN (5, 6, 7);
UPDATE pulse.outbox SET attempts = 2, send_at = now() + interval '1 day' WHERE id = 9;
INSERT INTO pulse.channel_state (channel, failures, open_until, last_error) VALUES ('hook', 7, now() + interval '1 hour', 'HTTP 503');
SELECT item, state, value, detail LIKE 'until %: HTTP 503' AS why FROM pulse_status() WHERE item = 'channel hook';
SELECT pulse_retry_message('hook');
SELECT failures, open_until FROM pulse.channel_state;
SELECT * FROM messages WHERE id IN (5, 6, 7, 9);
UPDATE pulse.channel_state SET disabled_at = now(), last_error = 'HTTP 410';
SELECT item, state, value, detail FROM pulse_status() WHERE item = 'channel hook';

-- Rights.
CREATE ROLE regress_delivery_reader;
CREATE ROLE regress_delivery_operator;
SELECT pulse_grant('regress_delivery_reader', 'reader');
SELECT pulse_grant('regress_delivery_operator', 'operator');
SET ROLE regress_delivery_reader;
SELECT count(*) FROM pulse.message;
SELECT pulse_retry_message(5);
SET ROLE regress_delivery_operator;
SELECT pulse_cancel_message(5, 'by me');
RESET ROLE;
SELECT error FROM pulse.message WHERE id = 5;
SELECT count(*) FROM pulse.message AS m WHERE m::text LIKE '%secret%';

-- Finished messages are deleted after pulse.message_retention, others stay.
UPDATE pulse.outbox SET finished_at = now() - interval '100 years' WHERE id = 4;
SELECT status FROM pulse_run_job('retention');
SELECT count(*) FROM pulse.message WHERE id = 4;

-- An investigation is deleted with its steps; unfinished ones stay.
SET session_replication_role = replica;  -- their incidents do not exist
INSERT INTO pulse.investigation (incident_id, model, requested_by, status, created_at)
SELECT -n, 'm', 'regress', s, now() - interval '100 years' FROM unnest('{done,queued}'::text[]) WITH ORDINALITY AS u (s, n);
RESET session_replication_role;
-- Messages of a disabled channel become dead after pulse.message_lifetime, and so do those that wait for them.
INSERT INTO pulse.channel_state (channel, disabled_at) VALUES ('hook', now()) ON CONFLICT (channel) DO UPDATE SET disabled_at = now();
INSERT INTO pulse.outbox (id, channel, kind, event, payload, order_key, waits, send_at)
SELECT 100 + n, 'hook', 'event', 'old', '{}', 'k', n > 1, now() - interval '4 days' FROM generate_series(1, 3) AS n;
INSERT INTO pulse.outbox (id, channel, kind, event, payload) VALUES (104, 'hook', 'event', 'new', '{}');
INSERT INTO pulse.outbox (id, channel, kind, event, status, folded_into) VALUES (105, 'hook', 'event', 'old', 'sending', 101);  -- folded into it
SELECT status, message ~ '3 messages that were pending for too long' AS told FROM pulse_run_job('retention');
SELECT event, status, error, waits FROM pulse.outbox WHERE channel = 'hook' AND event IN ('old', 'new') ORDER BY id;
SELECT status FROM pulse.investigation WHERE incident_id < 0;
SELECT state, value FROM pulse_status() WHERE item = 'channel hook';
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pulse_retry_message('hook');
ROLLBACK;

DELETE FROM pulse.investigation WHERE incident_id < 0;
DELETE FROM pulse.outbox;
DELETE FROM pulse.channel_state;
SET client_min_messages = warning;
DROP SERVER hook CASCADE;
SELECT pulse_revoke('regress_delivery_reader');
SELECT pulse_revoke('regress_delivery_operator');
DROP ROLE regress_delivery_reader, regress_delivery_operator;
