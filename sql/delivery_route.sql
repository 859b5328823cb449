-- ---------------------------------------------------------------------------------------------------------
-- Room delivery: routes and subscriptions, which say who receives which events, and when.

-- Level: reader
CREATE TABLE pulse.route (
    id bigserial PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 255),
    enabled boolean NOT NULL DEFAULT true,
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
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    report text CHECK (report IN ('daily', 'weekly')),
    report_day text NOT NULL DEFAULT 'monday'
        CHECK (report_day IN ('monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday')),
    report_at time NOT NULL DEFAULT '08:00',
    report_since timestamptz,
    runs_as name,
    role_oid oid
);
CREATE TRIGGER route_settle BEFORE INSERT OR UPDATE OF runs_as, role_oid ON pulse.route FOR EACH ROW EXECUTE FUNCTION pulse.settle_role();
COMMENT ON TRIGGER route_settle ON pulse.route IS 'For new routes, and those of a restored dump.';
ALTER TABLE pulse.route ENABLE ALWAYS TRIGGER route_settle;
COMMENT ON TABLE pulse.route IS
'Which incidents go to which channels, and when. Without any route that carries events, every incident goes to every channel that does not belong to a subscription.';
COMMENT ON COLUMN pulse.route.report IS 'daily or weekly: the channels also get a report, once per period; null: none.';
COMMENT ON COLUMN pulse.route.report_day IS 'Weekday of a weekly report, which is about the seven days before this day.';
COMMENT ON COLUMN pulse.route.report_at IS 'Time of day of a report, in the time zone of the route.';
COMMENT ON COLUMN pulse.route.report_since IS 'Reports that were due before are not sent: when the report was asked for, or the route was enabled again.';
COMMENT ON COLUMN pulse.route.runs_as IS 'The role that last created or changed the route: its reports show what this role may see.';
COMMENT ON COLUMN pulse.route.role_oid IS 'The oid of runs_as, by which the role is found: a role that gets its name later is another role. Set by a trigger.';
COMMENT ON COLUMN pulse.route.channels IS 'Servers of pulse_channel.';
COMMENT ON COLUMN pulse.route.min_severity IS 'Lowest severity of alarms; for later events of an incident, its worst severity so far counts.';
COMMENT ON COLUMN pulse.route.segments IS 'Only these segments; null: any. If only segments are given, tables do not match, and vice versa.';
COMMENT ON COLUMN pulse.route.tables IS 'Only these monitored tables, as named in pulse.monitor; null: any.';
COMMENT ON COLUMN pulse.route.owners IS 'Only segments and monitors of these owners; null: any.';
COMMENT ON COLUMN pulse.route.tags IS 'Only segments and monitors with at least one of these tags; null: any.';
COMMENT ON COLUMN pulse.route.detectors IS 'Only these detectors; segment, table and event mean all detectors of segments, tables or events; null: any.';
COMMENT ON COLUMN pulse.route.events IS 'Of incidents opened, reopened, worsened, eased, acknowledged, resolved, ignored; health: the status of signal health changed; action: an action waits for a person, was blocked or failed; none: the route only carries reports. PagerDuty always receives acknowledged, resolved and ignored. A route with owners, tags or detectors has neither health nor action.';
COMMENT ON COLUMN pulse.route.quiet_from IS 'Start of the quiet hours: only critical messages are sent then; the others wait and are sent as one message.';
COMMENT ON COLUMN pulse.route.quiet_until IS 'End of the quiet hours, on the same or the next day.';
COMMENT ON COLUMN pulse.route.time_zone IS 'Time zone of quiet hours, digest_at and reports.';
COMMENT ON COLUMN pulse.route.cool_down IS 'After an alarm about a segment or table, further alarms about it wait this long and are sent as one message; critical alarms do not wait.';
COMMENT ON COLUMN pulse.route.digest IS 'hourly (on the hour) or daily (at digest_at): all events are sent as one message; null: each is sent immediately.';
COMMENT ON COLUMN pulse.route.digest_at IS 'Time of day of a daily digest.';
COMMENT ON COLUMN pulse.route.group_wait IS 'How long an alarm waits for others with the same cause, to be sent with them.';
COMMENT ON COLUMN pulse.route.escalate_after IS 'Time without acknowledgement before escalate_to is notified, counted from the planned time of the alarm.';
COMMENT ON COLUMN pulse.route.escalate_to IS 'Servers of pulse_channel.';
SELECT pg_catalog.pg_extension_config_dump('pulse.route', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.route_id_seq', '');

-- Level: reader
CREATE TABLE pulse.subscription (
    channel text PRIMARY KEY,
    events text[] NOT NULL,
    segments text[],
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    rotated_at timestamptz
);
COMMENT ON TABLE pulse.subscription IS 'Systems that receive events as they happen: channels created by pulse_subscribe().';
COMMENT ON COLUMN pulse.subscription.events IS
'incident.opened, incident.updated, incident.resolved, snapshot.taken, segment.entered, segment.exited, event.received, profile.created, profile.updated, profile.merged, consent.updated.';
COMMENT ON COLUMN pulse.subscription.segments IS 'Only events of these segments, none of tables; null: any.';
COMMENT ON COLUMN pulse.subscription.rotated_at IS 'When pulse_rotate_subscription_secret() last gave it a new secret.';
SELECT pg_catalog.pg_extension_config_dump('pulse.subscription', '');

-- Level: reader
CREATE TABLE pulse.cool_down (
    subject text NOT NULL,
    route_id bigint NOT NULL REFERENCES pulse.route ON DELETE CASCADE,
    channel text NOT NULL,
    message_id bigint NOT NULL,
    last_at timestamptz NOT NULL,
    before_at timestamptz,
    PRIMARY KEY (subject, route_id, channel)
);
COMMENT ON TABLE pulse.cool_down IS 'Start of the cool-down of each route, channel, and segment or table.';
COMMENT ON COLUMN pulse.cool_down.subject IS 'segment: or monitor: and its id.';
COMMENT ON COLUMN pulse.cool_down.message_id IS 'The newest alarm, in pulse.outbox; while it is pending, further alarms wait with it.';
COMMENT ON COLUMN pulse.cool_down.last_at IS 'Planned time of the newest alarm. pulse.outbox has the actual time, as long as it keeps the message.';
COMMENT ON COLUMN pulse.cool_down.before_at IS 'Time of the previous alarm, which counts if the newest was never sent.';
SELECT pg_catalog.pg_extension_config_dump('pulse.cool_down', '');
ALTER TABLE pulse.cool_down ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.cool_down FOR SELECT USING (true);

-- These find the messages to fold into another one, however many are pending.
CREATE INDEX outbox_fold ON pulse.outbox (channel, fold_key, id) WHERE status = 'pending' AND fold_key IS NOT NULL;
CREATE INDEX incident_record_group ON pulse.incident_record (group_id) WHERE status IN ('open', 'acknowledged') AND group_id IS NOT NULL;

-- ---- Functions ----

-- Level: operator
CREATE FUNCTION pulse_create_route(name text, channels text[], min_severity text DEFAULT NULL, segments text[] DEFAULT NULL,
                                   tables text[] DEFAULT NULL, owners text[] DEFAULT NULL, tags text[] DEFAULT NULL,
                                   detectors text[] DEFAULT NULL, events text[] DEFAULT NULL, quiet_hours text DEFAULT NULL,
                                   time_zone text DEFAULT NULL, cool_down interval DEFAULT NULL, digest text DEFAULT NULL,
                                   digest_at time DEFAULT NULL, group_wait interval DEFAULT NULL,
                                   escalate_after interval DEFAULT NULL, escalate_to text[] DEFAULT NULL,
                                   report text DEFAULT NULL, report_day text DEFAULT NULL, report_at time DEFAULT NULL)
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_route';
COMMENT ON FUNCTION pulse_create_route(text, text[], text, text[], text[], text[], text[], text[], text[], text, text, interval, text, time, interval, interval, text[], text, text, time) IS
'Creates a route, which sends the incidents that match its filters to its channels, and returns its id. Once a route exists, incidents are sent only by routes. With the events health and action it also carries changes of signal health, and actions that wait for a person, were blocked or failed. With report weekly or daily its channels get pulse_report() of the last seven days or of the day before, mails as an attachment, on report_day (default monday; of weekly ones) at report_at (default 08:00), as the caller sees it; segments, owners and tags choose its segments, and without events the route carries nothing else. An omitted filter matches everything; an omitted option is off or has the default of its column in pulse.route. Errors: 42710 name taken, 42704 unknown channel, segment or table, 22023 unknown severity, detector, event, time zone, digest, report or report_day, a report_at with seconds or of 24:00, a report to PagerDuty, bad quiet hours, interval out of range, only one of escalate_after and escalate_to, 54000 more than 1000 names.';

-- Level: operator
CREATE FUNCTION pulse_update_route(name text, channels text[] DEFAULT NULL, min_severity text DEFAULT NULL,
                                   segments text[] DEFAULT NULL, tables text[] DEFAULT NULL, owners text[] DEFAULT NULL,
                                   tags text[] DEFAULT NULL, detectors text[] DEFAULT NULL, events text[] DEFAULT NULL,
                                   quiet_hours text DEFAULT NULL, time_zone text DEFAULT NULL, cool_down interval DEFAULT NULL,
                                   digest text DEFAULT NULL, digest_at time DEFAULT NULL, group_wait interval DEFAULT NULL,
                                   escalate_after interval DEFAULT NULL, escalate_to text[] DEFAULT NULL,
                                   enabled boolean DEFAULT NULL, report text DEFAULT NULL, report_day text DEFAULT NULL,
                                   report_at time DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_update_route';
COMMENT ON FUNCTION pulse_update_route(text, text[], text, text[], text[], text[], text[], text[], text[], text, text, interval, text, time, interval, interval, text[], boolean, text, text, time) IS
'Changes a route. Null leaves a value as it is; an empty list, an empty text or an interval of 0 removes it. Pending messages keep their time; disabling the route cancels them. A report is made as the role sees it that changed the route last. Errors: 42704 unknown route, 22023 neither events nor a report are left, else as pulse_create_route().';

-- Level: operator
CREATE FUNCTION pulse_delete_route(name text)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_delete_route';
COMMENT ON FUNCTION pulse_delete_route(text) IS
'Deletes a route and cancels its pending messages. Without any route, every incident goes to every channel again. Errors: 42704 unknown route.';

-- Level: admin
CREATE FUNCTION pulse_subscribe(OUT subscription text, url text, events text[] DEFAULT NULL, INOUT secret text DEFAULT NULL,
                                name text DEFAULT NULL, segments text[] DEFAULT NULL, signature text DEFAULT NULL)
    RETURNS SETOF record
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_subscribe';
COMMENT ON FUNCTION pulse_subscribe(text, text[], text, text, text[], text) IS
'Sends events to a URL, signed as specified by Standard Webhooks. Events are incident.opened, incident.updated, incident.resolved and snapshot.taken, which are the default; segment.entered and segment.exited for each person who enters or leaves a segment over people; and event.received, profile.created, profile.updated, profile.merged and consent.updated. Those about people are sent from now on, one message each, with the ids of the person. segments restricts the events to these segments. signature stratum adds the header X-Stratum-Signature. Creates a channel of kind webhook, owned by the caller. Returns its name and, if no secret was given, a generated one, which is shown only here. Errors: 22023 unknown event, bad URL, secret or signature, a segment that is not over people when only members are subscribed to, segments with an event that is not about segments, 42704 unknown segment, 42710 name taken, 42501 no USAGE on pulse_channel, 54000 more than 1000 segments; with events about people also 25001 the transaction is REPEATABLE READ or SERIALIZABLE, 55P03 a transaction that ingests events is open for longer than pulse.lock_timeout.';

-- Level: admin
CREATE FUNCTION pulse_rotate_subscription_secret(subscription text, keep interval DEFAULT '1 day')
    RETURNS text LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_rotate_subscription_secret';
COMMENT ON FUNCTION pulse_rotate_subscription_secret(text, interval) IS
'Gives a subscription a new secret and returns it; it is shown only this once. Until keep has passed, webhook-signature has a signature by each secret, so that the receiver accepts the message with the old and with the new one; with 0, the old secret ends at once. No older secret lives longer than that either. Errors: 42704 unknown subscription, 22023 a negative keep, 42501 not the owner of its channel, 54000 more than 5 former secrets still sign, 55000 its channel was dropped, 55P03 another transaction changes it.';

-- Level: admin
CREATE FUNCTION pulse_update_subscription(subscription text, url text DEFAULT NULL, events text[] DEFAULT NULL, segments text[] DEFAULT NULL,
                                          enabled boolean DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_update_subscription';
COMMENT ON FUNCTION pulse_update_subscription(text, text, text[], text[], boolean) IS
'Changes where a subscription sends to and which events it receives; null leaves a value as it is, and no segments ({}) means any. Events about people that are new to it are sent from now on. enabled false disables its channel, as a receiver that is gone does: nothing is sent, and what waits stays; true, or a successful pulse_test_channel(), enables it again. Messages that are written already go to the new URL as they are. The secret stays. Errors: 42704 unknown subscription, 42501 not the owner of its channel, 55000 its channel was dropped, and those of pulse_subscribe().';

-- Level: admin
CREATE FUNCTION pulse_unsubscribe(subscription text)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_unsubscribe';
COMMENT ON FUNCTION pulse_unsubscribe(text) IS
'Ends a subscription: drops its channel and cancels its pending messages. Errors: 42704 unknown subscription, 42501 not the owner of its channel.';

-- Level: operator
CREATE FUNCTION pulse_receive_webhook(payload jsonb)
    RETURNS jsonb LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_receive_webhook';
COMMENT ON FUNCTION pulse_receive_webhook(jsonb) IS
'Inbound webhook for n8n and similar tools, with the rights of the caller. Takes {"action": "acknowledge" | "resolve" | "ignore" | "investigate", "incident": id, "note": text, "until": timestamp} or {"action": "check", "segment": name, "snapshot": true | "table": name} and returns {"received": true, ...}. An object without an action is accepted and has no effect. Repeating acknowledge, resolve or ignore has no further effect. Errors: 22023 invalid payload, and the errors of the functions called: 42704 unknown incident, segment or table, 55000 incident not live.';
