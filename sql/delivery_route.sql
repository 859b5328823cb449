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
