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
SELECT pg_catalog.pg_extension_config_dump('pulse.route', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.route_id_seq', '');

CREATE TABLE pulse.subscription (
    channel text PRIMARY KEY,
    events text[] NOT NULL,
    created_by name NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE pulse.subscription IS 'Machines that are told of events as they happen: channels made by pulse_subscribe().';
COMMENT ON COLUMN pulse.subscription.events IS 'incident.opened, incident.updated, incident.resolved, snapshot.taken.';
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
CREATE INDEX outbox_fold ON pulse.outbox (channel, fold_key, id) WHERE status IN ('pending', 'sending') AND fold_key IS NOT NULL;
CREATE INDEX incident_record_group ON pulse.incident_record (group_id) WHERE status IN ('open', 'acknowledged') AND group_id IS NOT NULL;
