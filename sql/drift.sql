-- ---------------------------------------------------------------------------------------------------------
-- Room drift: findings become incidents with a life.

CREATE TABLE pulse.incident_record (
    id bigserial PRIMARY KEY,
    segment_id bigint NOT NULL REFERENCES pulse.segment ON DELETE CASCADE,
    detector text NOT NULL,
    attribute text NOT NULL DEFAULT '',
    severity text NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'acknowledged', 'resolved', 'ignored')),
    direction text NOT NULL CHECK (direction IN ('up', 'down', 'changed')),
    baseline double precision,
    observed double precision,
    change double precision,
    threshold double precision,
    p_value double precision,
    baseline_kind text NOT NULL,
    summary text NOT NULL,
    details jsonb NOT NULL DEFAULT '{}',
    group_id bigint,
    since timestamptz NOT NULL,
    opened_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    closed_at timestamptz,
    ignored_until timestamptz,
    normal_count int NOT NULL DEFAULT 0,
    baseline_snapshot bigint,
    snapshot bigint,
    diagnosis jsonb
);
CREATE UNIQUE INDEX incident_record_one_live ON pulse.incident_record (segment_id, detector, attribute)
    WHERE status IN ('open', 'acknowledged');
CREATE INDEX incident_record_segment ON pulse.incident_record (segment_id, detector, attribute, opened_at);
COMMENT ON TABLE pulse.incident_record IS 'The incidents behind the view pulse.incident. At most one live one per segment, detector and attribute.';
COMMENT ON COLUMN pulse.incident_record.attribute IS 'Empty for what concerns the segment as a whole.';
COMMENT ON COLUMN pulse.incident_record.change IS 'Relative to the baseline, signed; for distribution_shift the total variation distance; for shares the difference.';
COMMENT ON COLUMN pulse.incident_record.baseline_kind IS 'pinned, rolling, seasonal, previous or expected.';
COMMENT ON COLUMN pulse.incident_record.details IS 'The figures behind the finding: TVD, PSI, values, dispersion, adjusted p, baseline moments.';
COMMENT ON COLUMN pulse.incident_record.group_id IS 'The first incident of those that one cause made at one moment.';
COMMENT ON COLUMN pulse.incident_record.since IS 'The moment of the first snapshot that showed it.';
COMMENT ON COLUMN pulse.incident_record.baseline_snapshot IS 'The last normal snapshot before it: what evidence is compared with.';
COMMENT ON COLUMN pulse.incident_record.snapshot IS 'The newest snapshot that shows it.';
COMMENT ON COLUMN pulse.incident_record.diagnosis IS 'What pulse_explain_incident() found, as of the newest look.';

CREATE TABLE pulse.incident_event (
    id bigserial PRIMARY KEY,
    incident_id bigint NOT NULL REFERENCES pulse.incident_record ON DELETE CASCADE,
    at timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN ('opened', 'worsened', 'eased', 'acknowledged', 'resolved', 'ignored', 'reopened', 'note')),
    actor text NOT NULL,
    severity text,
    observed double precision,
    change double precision,
    note text
);
CREATE INDEX incident_event_incident ON pulse.incident_event (incident_id, id);
COMMENT ON TABLE pulse.incident_event IS 'The timeline of each incident: who or what changed it, when and why.';

SELECT pg_catalog.pg_extension_config_dump('pulse.incident_record', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.incident_record_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.incident_event', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.incident_event_id_seq', '');
