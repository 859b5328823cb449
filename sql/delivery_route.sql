-- ---------------------------------------------------------------------------------------------------------
-- Room delivery: who is told what, and when.

CREATE TABLE pulse.route (
    id bigserial PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 255),
    channels text[] NOT NULL,
    min_severity text NOT NULL DEFAULT 'low' CHECK (min_severity IN ('low', 'medium', 'high', 'critical')),
    segments text[],
    tables text[],
    owners text[],
    tags text[],
    detectors text[],
    events text[] NOT NULL DEFAULT '{opened,reopened,worsened,resolved}',
    quiet_from time,
    quiet_until time,
    time_zone text NOT NULL DEFAULT current_setting('TimeZone'),
    cool_down interval,
    digest text CHECK (digest IN ('hourly', 'daily')),
    digest_at time NOT NULL DEFAULT '09:00',
    group_wait interval NOT NULL DEFAULT '3 seconds',
    escalate_after interval,
    escalate_to text[],
    enabled boolean NOT NULL DEFAULT true,
    created_by name NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE pulse.route IS
'Which incidents go to which channels, and when. While there is none, every incident goes to every channel that is not a subscription''s.';
COMMENT ON COLUMN pulse.route.channels IS 'Servers of pulse_channel.';
COMMENT ON COLUMN pulse.route.min_severity IS 'Alarms of at least this severity; what follows an alarm goes where the alarm may have gone.';
COMMENT ON COLUMN pulse.route.segments IS 'Only these; null: any. With segments alone no tables, and the other way round.';
COMMENT ON COLUMN pulse.route.tables IS 'Only these monitored tables, as pulse.monitor names them; null: any.';
COMMENT ON COLUMN pulse.route.owners IS 'Of the segment or monitor; null: any.';
COMMENT ON COLUMN pulse.route.tags IS 'At least one of these is the segment''s or monitor''s; null: any.';
COMMENT ON COLUMN pulse.route.detectors IS 'Only these; segment and table stand for all detectors of either; null: any.';
COMMENT ON COLUMN pulse.route.events IS 'opened, reopened, worsened, eased, acknowledged, resolved, ignored. PagerDuty hears of the end in any case.';
COMMENT ON COLUMN pulse.route.quiet_from IS 'From this time of the day on nothing is sent but what is critical; the rest waits and becomes one message.';
COMMENT ON COLUMN pulse.route.quiet_until IS 'Until this time of the day, also of the next.';
COMMENT ON COLUMN pulse.route.time_zone IS 'Of quiet hours and digest_at.';
COMMENT ON COLUMN pulse.route.cool_down IS 'After an alarm about a segment or table further ones about it wait this long and become one message; critical ones do not wait.';
COMMENT ON COLUMN pulse.route.digest IS 'hourly (at the full hour) or daily (at digest_at): everything becomes one message; null: at once.';
COMMENT ON COLUMN pulse.route.digest_at IS 'Time of the day of a daily digest.';
COMMENT ON COLUMN pulse.route.group_wait IS 'How long an alarm waits for others of the same cause, to be told with them.';
COMMENT ON COLUMN pulse.route.escalate_after IS 'When nobody has acknowledged an incident for so long after it was to be told, escalate_to is told.';
COMMENT ON COLUMN pulse.route.escalate_to IS 'Servers of pulse_channel.';
SELECT pg_catalog.pg_extension_config_dump('pulse.route', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.route_id_seq', '');

CREATE TABLE pulse.subscription (
    channel text PRIMARY KEY,
    events text[] NOT NULL,
    segments text[],
    created_by name NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE pulse.subscription IS 'Machines that are told of events as they happen: channels made by pulse_subscribe().';
COMMENT ON COLUMN pulse.subscription.events IS
'incident.opened, incident.updated, incident.resolved, snapshot.taken, segment.entered, segment.exited.';
COMMENT ON COLUMN pulse.subscription.segments IS 'Only what is about these, and so nothing about tables; null: any.';
SELECT pg_catalog.pg_extension_config_dump('pulse.subscription', '');

CREATE TABLE pulse.cool_down (
    subject text NOT NULL,
    route_id bigint NOT NULL REFERENCES pulse.route ON DELETE CASCADE,
    channel text NOT NULL,
    message_id bigint NOT NULL,
    last_at timestamptz NOT NULL,
    before_at timestamptz,
    PRIMARY KEY (subject, route_id, channel)
);
COMMENT ON TABLE pulse.cool_down IS 'From when the cool-down of each route, channel and segment or table counts.';
COMMENT ON COLUMN pulse.cool_down.subject IS 'segment: or monitor: and its id.';
COMMENT ON COLUMN pulse.cool_down.message_id IS 'The newest alarm, in pulse.outbox: while it waits, others wait with it.';
COMMENT ON COLUMN pulse.cool_down.last_at IS 'When it was to be sent; how it really went says the outbox, while it is kept there.';
COMMENT ON COLUMN pulse.cool_down.before_at IS 'The alarm before it: what counts if the newest was never sent.';
SELECT pg_catalog.pg_extension_config_dump('pulse.cool_down', '');
ALTER TABLE pulse.cool_down ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.cool_down FOR SELECT USING (true);

-- What a message folds into itself is found by these, however much waits.
CREATE INDEX outbox_fold ON pulse.outbox (channel, fold_key, id) WHERE status = 'pending' AND fold_key IS NOT NULL;
CREATE INDEX incident_record_group ON pulse.incident_record (group_id) WHERE status IN ('open', 'acknowledged') AND group_id IS NOT NULL;

-- ---- Verbs ----

-- Level: operator
CREATE FUNCTION pulse_create_route(name text, channels text[], min_severity text DEFAULT NULL, segments text[] DEFAULT NULL,
                                   tables text[] DEFAULT NULL, owners text[] DEFAULT NULL, tags text[] DEFAULT NULL,
                                   detectors text[] DEFAULT NULL, events text[] DEFAULT NULL, quiet_hours text DEFAULT NULL,
                                   time_zone text DEFAULT NULL, cool_down interval DEFAULT NULL, digest text DEFAULT NULL,
                                   digest_at time DEFAULT NULL, group_wait interval DEFAULT NULL,
                                   escalate_after interval DEFAULT NULL, escalate_to text[] DEFAULT NULL)
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_route';
COMMENT ON FUNCTION pulse_create_route(text, text[], text, text[], text[], text[], text[], text[], text[], text, text, interval, text, time, interval, interval, text[]) IS
'Says which incidents go to which channels, and when; returns the id of the route. From the first route on only routes say who is told. What is left out is any, none, or the default of the column in pulse.route. Errors: 42710 name taken, 42704 unknown channel, segment or table, 22023 unknown severity, detector, event, zone or digest, bad quiet hours, span out of range, half an escalation, 54000 more than 1000 names.';

-- Level: operator
CREATE FUNCTION pulse_update_route(name text, channels text[] DEFAULT NULL, min_severity text DEFAULT NULL,
                                   segments text[] DEFAULT NULL, tables text[] DEFAULT NULL, owners text[] DEFAULT NULL,
                                   tags text[] DEFAULT NULL, detectors text[] DEFAULT NULL, events text[] DEFAULT NULL,
                                   quiet_hours text DEFAULT NULL, time_zone text DEFAULT NULL, cool_down interval DEFAULT NULL,
                                   digest text DEFAULT NULL, digest_at time DEFAULT NULL, group_wait interval DEFAULT NULL,
                                   escalate_after interval DEFAULT NULL, escalate_to text[] DEFAULT NULL,
                                   enabled boolean DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_update_route';
COMMENT ON FUNCTION pulse_update_route(text, text[], text, text[], text[], text[], text[], text[], text[], text, text, interval, text, time, interval, interval, text[], boolean) IS
'Changes a route: what is null stays; an empty list, an empty text or a span of 0 takes away. What waits keeps its time; switched off, it is cancelled. Errors: 42704 unknown route, else as pulse_create_route().';

-- Level: operator
CREATE FUNCTION pulse_delete_route(name text)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_delete_route';
COMMENT ON FUNCTION pulse_delete_route(text) IS
'Takes a route away and cancels what waits by it. Without any route every incident goes to every channel again. Errors: 42704 unknown route.';

-- Level: admin
CREATE FUNCTION pulse_subscribe(OUT subscription text, url text, events text[] DEFAULT NULL, INOUT secret text DEFAULT NULL,
                                name text DEFAULT NULL, segments text[] DEFAULT NULL)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_subscribe';
COMMENT ON FUNCTION pulse_subscribe(text, text[], text, text, text[]) IS
'Sends events, signed as Standard Webhooks say, to a URL: incident.opened, incident.updated, incident.resolved, snapshot.taken, which are all if none is named, and segment.entered, segment.exited, one message for each person who enters or leaves a segment over people from now on, with the ids of that person. With segments only what is about these. Makes a channel of kind webhook, owned by the caller. Returns its name and, where none was given, the secret that it made: it is shown this once. Errors: 22023 unknown event, bad URL or secret, a segment that is not over people where only its members are asked for, 42704 unknown segment, 42710 name taken, 42501 no right to pulse_channel, 54000 more than 1000 segments; with segment.entered or segment.exited also 25001 the transaction is REPEATABLE READ or SERIALIZABLE, 55P03 a transaction that brings events has been open for too long.';

-- Level: admin
CREATE FUNCTION pulse_unsubscribe(subscription text)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_unsubscribe';
COMMENT ON FUNCTION pulse_unsubscribe(text) IS
'Ends a subscription: drops its channel and cancels what waits for it. Errors: 42704 unknown subscription, 42501 not the owner of its channel.';

-- Level: operator
CREATE FUNCTION pulse_receive_webhook(payload jsonb)
    RETURNS jsonb LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_receive_webhook';
COMMENT ON FUNCTION pulse_receive_webhook(jsonb) IS
'The way in for n8n and the like, with the caller''s rights. {"action": "acknowledge" | "resolve" | "ignore" | "investigate", "incident": id, "note": text, "until": moment} or {"action": "check", "segment": name, "snapshot": true | "table": name}; answers {"received": true, ...}. Without an action any object is taken and nothing is done. Done twice, it does nothing the second time. Errors: 22023 what is not valid, and what the verbs raise: 42704 unknown incident, segment or table, 55000 incident not live.';
