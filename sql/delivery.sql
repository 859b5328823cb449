-- ---------------------------------------------------------------------------------------------------------
-- Room delivery: the outbox. A worker turns notices of events into messages (outbox) and sends them to channels.

-- Level: reader
CREATE TABLE pulse.notice (
    id bigserial PRIMARY KEY,
    event text NOT NULL CHECK (event IN ('incident.opened', 'incident.updated', 'incident.resolved', 'snapshot.taken')),
    kind text NOT NULL,
    incident_id bigint,
    incident_event_id bigint,
    snapshot_id bigint,
    at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE pulse.notice IS
'Events that may have to be sent, one row each, written in the transaction that caused the event. The delivery worker writes their messages and deletes the row.';
COMMENT ON COLUMN pulse.notice.event IS 'The name of the event, as used by subscriptions.';
COMMENT ON COLUMN pulse.notice.kind IS 'For an incident, the kind of its row in pulse.incident_event; for a snapshot, taken.';
COMMENT ON COLUMN pulse.notice.at IS 'Time of the event, by pulse_now().';
COMMENT ON COLUMN pulse.notice.created_at IS 'Time when the row was written, by the system clock.';

-- Level: people_reader
CREATE TABLE pulse.outbox (
    id bigserial PRIMARY KEY,
    key text NOT NULL DEFAULT 'msg_' || replace(gen_random_uuid()::text, '-', ''),
    channel text NOT NULL,
    kind text NOT NULL,
    event text NOT NULL,
    incident_id bigint,
    route_id bigint,
    order_key text,
    fold_key text,
    folded_into bigint,
    waits boolean NOT NULL DEFAULT false,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'sending', 'sent', 'dead', 'cancelled')),
    send_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts int NOT NULL DEFAULT 0,
    lease_until timestamptz,
    payload jsonb,
    state text,
    thread text,
    answer_status int,
    answer text,
    error text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by text NOT NULL DEFAULT current_user,
    first_sent_at timestamptz,
    finished_at timestamptz
);
CREATE INDEX outbox_pending ON pulse.outbox (channel, send_at, id) WHERE status = 'pending' AND NOT waits;
CREATE INDEX outbox_waiting ON pulse.outbox (channel, order_key, id) WHERE status = 'pending' AND waits;
CREATE INDEX outbox_sending ON pulse.outbox (channel, order_key, id) WHERE status = 'sending';
CREATE INDEX outbox_unfinished ON pulse.outbox (channel, order_key, id) WHERE status IN ('pending', 'sending');
CREATE INDEX outbox_folded ON pulse.outbox (folded_into) WHERE folded_into IS NOT NULL;
CREATE INDEX outbox_finished ON pulse.outbox (finished_at) WHERE finished_at IS NOT NULL;
-- For pulse_status().
CREATE INDEX outbox_dead ON pulse.outbox (finished_at) WHERE status = 'dead' AND folded_into IS NULL;
-- For the view pulse.channel.
CREATE INDEX outbox_channel_finished ON pulse.outbox (channel, finished_at, status) WHERE finished_at IS NOT NULL;
-- For pages of messages: those of a channel, and those that failed.
CREATE INDEX outbox_channel_id ON pulse.outbox (channel, id);
CREATE INDEX outbox_dead_id ON pulse.outbox (id) WHERE status = 'dead';
-- For a report of a period: rows lie in about the order of their creation.
CREATE INDEX outbox_created ON pulse.outbox USING brin (created_at) WITH (pages_per_range = 32, autosummarize);
CREATE INDEX outbox_incident ON pulse.outbox (incident_id) WHERE incident_id IS NOT NULL;
COMMENT ON TABLE pulse.outbox IS 'One row per message to one channel. The view pulse.message shows them.';
COMMENT ON COLUMN pulse.outbox.key IS
'The idempotency key, the same in all attempts: webhook-id, Idempotency-Key, Message-ID. A receiver that stores it accepts the message once.';
COMMENT ON COLUMN pulse.outbox.channel IS 'The server of pulse_channel.';
COMMENT ON COLUMN pulse.outbox.kind IS
'incident: planned by a route; escalation: no acknowledgement in time; event: for a subscription; checkpoint: of the audit log, to pulse.audit_channel; report: of a route, weekly or daily; test: pulse_test_channel().';
COMMENT ON COLUMN pulse.outbox.event IS
'opened, reopened, worsened, eased, acknowledged, resolved, ignored, escalated, digest (several incidents), report.weekly, report.daily or test; for a subscription its event, such as incident.opened.';
COMMENT ON COLUMN pulse.outbox.order_key IS 'Messages with the same channel and order key are sent one at a time, in the order of id. A message that is not due and was never attempted does not delay later ones.';
COMMENT ON COLUMN pulse.outbox.fold_key IS 'Pending messages with the same channel and fold key are sent as one message.';
COMMENT ON COLUMN pulse.outbox.folded_into IS 'The message that includes this one; both end with the same status.';
COMMENT ON COLUMN pulse.outbox.waits IS
'An earlier message with the same channel and order key has not ended; its end resets this to false. Maintained by the worker, which skips the message until then.';
COMMENT ON COLUMN pulse.outbox.status IS
'pending: waits for send_at, for an earlier message, or for an unavailable channel; sending; sent; dead: sending failed permanently, pulse_retry_message() sends it again; cancelled: there is nothing to report any more, or a user cancelled it. error contains the reason.';
COMMENT ON COLUMN pulse.outbox.lease_until IS 'Until when the sending worker owns the message; after that it is sent again with the same key.';
COMMENT ON COLUMN pulse.outbox.payload IS 'The content, without secrets: made before the first attempt and the same in all attempts. Null: not made yet.';
COMMENT ON COLUMN pulse.outbox.state IS 'Status and severity of the incident as the message reports them; a channel does not receive the same state twice.';
COMMENT ON COLUMN pulse.outbox.thread IS 'The key of the first message about the incident in this channel; later messages refer to it.';
COMMENT ON COLUMN pulse.outbox.answer_status IS 'HTTP or SMTP status of the last answer; null: no answer.';
COMMENT ON COLUMN pulse.outbox.answer IS 'The beginning of the last answer.';
COMMENT ON COLUMN pulse.outbox.first_sent_at IS 'Time of the first attempt, or of the first temporary failure to make the message; from then on the message keeps its place in the order.';
COMMENT ON COLUMN pulse.outbox.error IS 'Why the last attempt failed, or why the message was not sent.';

-- Level: reader
CREATE TABLE pulse.told (
    incident_id bigint NOT NULL REFERENCES pulse.incident_record ON DELETE CASCADE,
    channel text NOT NULL,
    state text NOT NULL,
    thread text NOT NULL,
    told_at timestamptz NOT NULL,
    PRIMARY KEY (incident_id, channel)
);
COMMENT ON TABLE pulse.told IS 'The last state of each incident that each channel received.';
COMMENT ON COLUMN pulse.told.state IS 'Status and severity, such as open high.';
COMMENT ON COLUMN pulse.told.thread IS 'The key of the first message: PagerDuty''s dedup_key, and the Message-ID that later mails refer to.';

-- Level: reader
CREATE TABLE pulse.channel_state (
    channel text PRIMARY KEY,
    failures int NOT NULL DEFAULT 0,
    open_until timestamptz,
    disabled_at timestamptz,
    last_ok_at timestamptz,
    last_error_at timestamptz,
    last_error text  -- Level: people_reader
);
COMMENT ON TABLE pulse.channel_state IS 'The circuit breaker of each channel. The view pulse.channel shows it.';
COMMENT ON COLUMN pulse.channel_state.failures IS 'Consecutive failed attempts.';
COMMENT ON COLUMN pulse.channel_state.open_until IS 'Nothing is sent before this time; then a single message tests the channel.';
COMMENT ON COLUMN pulse.channel_state.disabled_at IS 'When the receiver reported that it no longer exists; nothing is sent until pulse_test_channel() succeeds.';

CREATE FUNCTION pulse.wake_delivery() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_wake_delivery';
COMMENT ON FUNCTION pulse.wake_delivery() IS 'Wakes the delivery worker when the transaction commits.';
CREATE TRIGGER outbox_wake AFTER INSERT ON pulse.outbox FOR EACH STATEMENT EXECUTE FUNCTION pulse.wake_delivery();
COMMENT ON TRIGGER outbox_wake ON pulse.outbox IS 'Wakes the delivery worker for new messages.';
CREATE TRIGGER notice_wake AFTER INSERT ON pulse.notice FOR EACH STATEMENT EXECUTE FUNCTION pulse.wake_delivery();
COMMENT ON TRIGGER notice_wake ON pulse.notice IS 'Wakes the delivery worker for new notices.';

-- ---- The view of messages, and functions to retry and cancel them ----

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- Level: reader
CREATE VIEW pulse.message AS
SELECT o.id,
       CASE WHEN o.folded_into IS NOT NULL AND o.status = 'sending' THEN 'folded'
            WHEN o.status = 'pending' AND o.waits THEN 'waiting' ELSE o.status END AS status,
       o.channel, o.kind, o.event, coalesce(s.name, m.relation, i.event) AS subject, o.incident_id AS incident, o.attempts,
       date_trunc('second', coalesce(o.finished_at, clock_timestamp()) - o.created_at) AS age,
       CASE WHEN pulse.sees_people() THEN coalesce(o.error, CASE WHEN o.status <> 'pending' THEN NULL
                              WHEN c.disabled_at IS NOT NULL THEN 'the channel is disabled: ' || coalesce(c.last_error, '')
                              WHEN c.open_until > clock_timestamp() THEN 'the channel is paused: ' || coalesce(c.last_error, '')
                         END) END AS error,
       CASE WHEN o.status = 'pending' AND NOT o.waits THEN date_trunc('second', greatest(o.send_at, c.open_until)) END AS next_try_at,
       CASE WHEN o.status = 'sent' THEN date_trunc('second', o.finished_at) END AS sent_at,
       CASE WHEN o.status = 'sent' THEN extract(epoch FROM o.finished_at - o.created_at)::float8 * 1000 END AS latency_ms,
       o.answer_status, o.folded_into, o.created_at, o.key,
       CASE WHEN pulse.sees_people() THEN o.answer END AS answer, CASE WHEN pulse.sees_people() THEN o.payload END AS payload
FROM pulse.outbox AS o
     LEFT JOIN pulse.channel_state AS c ON c.channel = o.channel
     LEFT JOIN pulse.incident_record AS i ON i.id = o.incident_id
     LEFT JOIN pulse.segment AS s ON s.id = i.segment_id
     LEFT JOIN pulse.monitor AS m ON m.id = i.monitor_id;
COMMENT ON VIEW pulse.message IS
'Messages to channels with their status and result; kept for pulse.message_retention. Below the level people_reader, payload, answer and error are null.';
COMMENT ON COLUMN pulse.message.kind IS
'incident: planned by a route; escalation: no acknowledgement in time; event: for a subscription; checkpoint: of the audit log, to pulse.audit_channel; report: of a route, weekly or daily; test: pulse_test_channel().';
COMMENT ON COLUMN pulse.message.event IS 'The event, such as opened or resolved.';
COMMENT ON COLUMN pulse.message.subject IS 'The segment, table or event of the incident.';
COMMENT ON COLUMN pulse.message.status IS
'pending: waits for next_try_at; waiting: an earlier message about the same subject has not ended; folded: part of the message folded_into; sending; sent; dead: sending failed permanently, pulse_retry_message() sends it again; cancelled.';
COMMENT ON COLUMN pulse.message.attempts IS 'Number of attempts, including the current one.';
COMMENT ON COLUMN pulse.message.next_try_at IS 'Earliest time of the next attempt; null while an earlier message has not ended, and when the message has ended.';
COMMENT ON COLUMN pulse.message.age IS 'From creation until now, or until the message ended.';
COMMENT ON COLUMN pulse.message.latency_ms IS 'From creation until the receiver confirmed the message, in milliseconds.';
COMMENT ON COLUMN pulse.message.answer_status IS 'HTTP or SMTP status of the last answer; null: no answer.';
COMMENT ON COLUMN pulse.message.answer IS 'The first 500 characters of the last answer.';
COMMENT ON COLUMN pulse.message.error IS 'Why the last attempt failed, why the message was not sent, or why the channel is not used now.';
COMMENT ON COLUMN pulse.message.folded_into IS 'The message that includes this one.';
COMMENT ON COLUMN pulse.message.key IS 'The same in all attempts: webhook-id, Idempotency-Key, Message-ID.';
COMMENT ON COLUMN pulse.message.payload IS 'The content, without secrets; null before the first attempt.';

-- Level: reader
CREATE VIEW pulse.outbox_status AS SELECT o.id, o.channel, o.status FROM pulse.outbox AS o;
COMMENT ON VIEW pulse.outbox_status IS 'Where each message is in pulse.outbox: a page of pulse.message is found here by an index. status is what is stored, not that of pulse.message.';

SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);

-- Level: operator
CREATE FUNCTION pulse_retry_message(message bigint) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_retry_message';
COMMENT ON FUNCTION pulse_retry_message(bigint) IS
'Sends a dead or cancelled message again, and a pending one without waiting for its next attempt: same key, same payload, attempts counted from 0. Returns the number of messages, 1. Errors: 42704 unknown message, 55000 it was sent, is being sent, is part of another, or the transaction is REPEATABLE READ or SERIALIZABLE, 22004 null.';

-- Level: operator
CREATE FUNCTION pulse_retry_message(channel text) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_retry_channel';
COMMENT ON FUNCTION pulse_retry_message(text) IS
'Sends all messages of a channel again that are dead or wait for another attempt, as pulse_retry_message(bigint) does; also ends the channel''s pause. Returns the number of messages. A number that no channel has as its name is the id of a message: a parameter without a type is text. Errors: 42704 unknown channel, 55000 the transaction is REPEATABLE READ or SERIALIZABLE, 22004 null.';

-- Level: operator
CREATE FUNCTION pulse_cancel_message(message bigint, reason text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_cancel_message';
COMMENT ON FUNCTION pulse_cancel_message(bigint, text) IS
'Cancels a pending message. Errors: 42704 unknown message, 55000 it has ended, is being sent, is part of another, or the transaction is REPEATABLE READ or SERIALIZABLE, 22004 null.';

-- Pending messages stay in the database that is going to send them: a restored copy must not send them again.
SELECT pg_catalog.pg_extension_config_dump('pulse.notice', 'WHERE false');
SELECT pg_catalog.pg_extension_config_dump('pulse.notice_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.outbox', $$WHERE status NOT IN ('pending', 'sending')$$);
SELECT pg_catalog.pg_extension_config_dump('pulse.outbox_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.told', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.channel_state', '');
