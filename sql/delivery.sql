-- ---------------------------------------------------------------------------------------------------------
-- Room delivery: the outbox. What happened (notice) becomes messages to channels (outbox), which a worker sends.

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
'What somebody may want to be told, written in the transaction that did it. The delivery worker finds out who, and takes it away.';
COMMENT ON COLUMN pulse.notice.event IS 'As subscriptions name it.';
COMMENT ON COLUMN pulse.notice.kind IS 'For an incident the kind of the line in pulse.incident_event; else taken.';
COMMENT ON COLUMN pulse.notice.at IS 'When it happened, by the clock of pulse_now().';
COMMENT ON COLUMN pulse.notice.created_at IS 'When it was written, by the real clock.';

CREATE TABLE pulse.outbox (
    id bigserial PRIMARY KEY,
    key text NOT NULL DEFAULT 'msg_' || replace(gen_random_uuid()::text, '-', ''),
    channel text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('incident', 'escalation', 'event', 'test')),
    event text NOT NULL,
    incident_id bigint,
    route_id bigint,
    order_key text,
    fold_key text,
    folded_into bigint,
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
    created_by name NOT NULL DEFAULT current_user,
    first_sent_at timestamptz,
    finished_at timestamptz
);
CREATE INDEX outbox_pending ON pulse.outbox (channel, send_at, id) WHERE status = 'pending';
CREATE INDEX outbox_unfinished ON pulse.outbox (channel, order_key, id) WHERE status IN ('pending', 'sending');
CREATE INDEX outbox_folded ON pulse.outbox (folded_into) WHERE folded_into IS NOT NULL;
CREATE INDEX outbox_finished ON pulse.outbox (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX outbox_incident ON pulse.outbox (incident_id) WHERE incident_id IS NOT NULL;
COMMENT ON TABLE pulse.outbox IS 'One row per message to one channel. The view pulse.message shows them.';
COMMENT ON COLUMN pulse.outbox.key IS
'The idempotency key of all tries: webhook-id, Idempotency-Key, Message-ID. A receiver that keeps it gets the message once.';
COMMENT ON COLUMN pulse.outbox.channel IS 'The server of pulse_channel.';
COMMENT ON COLUMN pulse.outbox.kind IS
'incident: by a route; escalation: nobody acknowledged in time; event: for a subscription; test: pulse_test_channel().';
COMMENT ON COLUMN pulse.outbox.event IS
'opened, reopened, worsened, eased, acknowledged, resolved, ignored, escalated, test; of a subscription its event, as incident.opened.';
COMMENT ON COLUMN pulse.outbox.order_key IS 'Messages of one channel and order key are sent one after the other, in the order of id.';
COMMENT ON COLUMN pulse.outbox.fold_key IS 'What waits in one channel under one key is sent as one message.';
COMMENT ON COLUMN pulse.outbox.folded_into IS 'The message that says this, too; it shares its fate.';
COMMENT ON COLUMN pulse.outbox.status IS
'pending: waits for send_at, for the message before it, or for a channel that is down; sending; sent; dead: given up, pulse_retry_message() sends it again; cancelled: there is nothing to say any more, or somebody cancelled it; error says why.';
COMMENT ON COLUMN pulse.outbox.lease_until IS 'Until when the worker that is sending it holds it; afterwards it is sent again with the same key.';
COMMENT ON COLUMN pulse.outbox.payload IS 'What is sent, but for secrets: made at the first try and the same in all. Null: not made yet.';
COMMENT ON COLUMN pulse.outbox.state IS 'Status and severity of the incident that the message tells: the same is not told twice.';
COMMENT ON COLUMN pulse.outbox.thread IS 'The key of the first message about the incident in this channel: what follows refers to it.';
COMMENT ON COLUMN pulse.outbox.answer_status IS 'The last answer''s HTTP or SMTP status; null: none came.';
COMMENT ON COLUMN pulse.outbox.answer IS 'The beginning of the last answer.';
COMMENT ON COLUMN pulse.outbox.error IS 'Why the last try failed, or why it was given up.';

CREATE TABLE pulse.told (
    incident_id bigint NOT NULL REFERENCES pulse.incident_record ON DELETE CASCADE,
    channel text NOT NULL,
    state text NOT NULL,
    thread text NOT NULL,
    told_at timestamptz NOT NULL,
    PRIMARY KEY (incident_id, channel)
);
COMMENT ON TABLE pulse.told IS 'What each channel was last told of each incident.';
COMMENT ON COLUMN pulse.told.state IS 'Status and severity, as open high.';
COMMENT ON COLUMN pulse.told.thread IS 'The key of the first message: PagerDuty''s dedup_key, the Message-ID that later mails refer to.';

CREATE TABLE pulse.channel_state (
    channel text PRIMARY KEY,
    failures int NOT NULL DEFAULT 0,
    open_until timestamptz,
    disabled_at timestamptz,
    last_ok_at timestamptz,
    last_error_at timestamptz,
    last_error text
);
COMMENT ON TABLE pulse.channel_state IS 'The circuit breaker of each channel. The view pulse.channel shows it.';
COMMENT ON COLUMN pulse.channel_state.failures IS 'Failed tries in a row.';
COMMENT ON COLUMN pulse.channel_state.open_until IS 'Nothing is sent before; then one message tries.';
COMMENT ON COLUMN pulse.channel_state.disabled_at IS 'Its receiver says that it is gone: nothing is sent until pulse_test_channel() succeeds or the channel is changed.';

SELECT pg_catalog.pg_extension_config_dump('pulse.notice', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.notice_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.outbox', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.outbox_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.told', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.channel_state', '');
