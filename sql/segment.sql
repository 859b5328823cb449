-- ---------------------------------------------------------------------------------------------------------
-- Room segment: definitions and their versions.

CREATE TABLE pulse.segment (
    id bigserial PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 255),
    kind text NOT NULL CHECK (kind IN ('relation', 'query', 'profile')),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'archived')),
    version int NOT NULL DEFAULT 1,
    definition jsonb NOT NULL,
    baseline jsonb NOT NULL DEFAULT '{}',
    owner text,
    description text,
    tags text[] NOT NULL DEFAULT '{}',
    cadence interval NOT NULL DEFAULT '1 day',
    runs_as name NOT NULL,
    search_path text NOT NULL,
    baseline_from timestamptz,
    pinned_snapshot bigint,
    checked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE pulse.segment IS 'One row per segment. Changed only through pulse_create_segment() and its siblings.';
COMMENT ON COLUMN pulse.segment.kind IS 'What the definition names: relation (from), query (query) or profile (neither).';
COMMENT ON COLUMN pulse.segment.definition IS 'The current definition, names resolved; every version is in pulse.segment_version.';
COMMENT ON COLUMN pulse.segment.baseline IS 'expectedSize, expectedConversionRate, criticalAttributes, monitoringEnabled, alertThresholds.';
COMMENT ON COLUMN pulse.segment.owner IS 'The person or team that answers for the segment; free text, used to route alerts.';
COMMENT ON COLUMN pulse.segment.cadence IS 'How often a snapshot is due.';
COMMENT ON COLUMN pulse.segment.runs_as IS 'The role that made the current definition: it always runs with that role''s rights.';
COMMENT ON COLUMN pulse.segment.search_path IS 'The search_path the definition was made under; it always runs under it.';
COMMENT ON COLUMN pulse.segment.baseline_from IS 'Snapshots before this moment are no baseline any more: a new normal was declared.';
COMMENT ON COLUMN pulse.segment.pinned_snapshot IS 'The snapshot that a person pinned as the baseline.';
COMMENT ON COLUMN pulse.segment.checked_at IS 'The moment of the newest snapshot that was checked for drift.';

CREATE TABLE pulse.segment_version (
    segment_id bigint NOT NULL REFERENCES pulse.segment ON DELETE CASCADE,
    version int NOT NULL,
    definition jsonb NOT NULL,
    change text NOT NULL,
    changed_by name NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (segment_id, version)
);
COMMENT ON TABLE pulse.segment_version IS 'Every definition a segment ever had, with who changed it, when, and the difference in words.';

SELECT pg_catalog.pg_extension_config_dump('pulse.segment', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.segment_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.segment_version', '');
