-- ---------------------------------------------------------------------------------------------------------
-- Room segment: definitions and their versions.

CREATE TABLE pulse.segment (
    id bigserial PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 255),
    kind text NOT NULL CHECK (kind IN ('relation', 'query', 'profile')),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'archived')),
    version int NOT NULL DEFAULT 1,
    definition jsonb NOT NULL,
    source text GENERATED ALWAYS AS (definition ->> 'source') STORED,
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
COMMENT ON COLUMN pulse.segment.kind IS 'What the definition is over: relation (from), query (query) or profile (neither: a rule over people).';
COMMENT ON COLUMN pulse.segment.definition IS 'The current definition, names resolved; every version is in pulse.segment_version.';
COMMENT ON COLUMN pulse.segment.source IS 'The server of pulse_source that the definition names; null: this database.';
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

-- Level: operator
CREATE FUNCTION pulse_create_segment(name text, definition jsonb, owner text DEFAULT NULL, description text DEFAULT NULL,
                                     baseline jsonb DEFAULT NULL, tags text[] DEFAULT NULL)
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_segment';
COMMENT ON FUNCTION pulse_create_segment(text, jsonb, text, text, jsonb, text[]) IS
'Defines a segment and returns its id. The definition is checked at once and always runs with the rights of the role that called. Errors: 42710 name taken, 22023 unknown key or value, 42P01, 42703, 42601, 42804 what does not fit the relation, 42501 missing rights.';

-- Level: operator
CREATE FUNCTION pulse_update_segment(name text, definition jsonb DEFAULT NULL, owner text DEFAULT NULL,
                                     description text DEFAULT NULL, baseline jsonb DEFAULT NULL, tags text[] DEFAULT NULL,
                                     new_name text DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_update_segment';
COMMENT ON FUNCTION pulse_update_segment(text, jsonb, text, text, jsonb, text[], text) IS
'Changes a segment: what is null stays, an empty owner or description is taken away. A definition that differs makes a new version and runs with the rights of the role that called. Errors as pulse_create_segment(), and 42704 unknown segment.';

-- Level: operator
CREATE FUNCTION pulse_pause_segment(name text)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_pause_segment';
COMMENT ON FUNCTION pulse_pause_segment(text) IS
'Stops measuring a segment until pulse_resume_segment(). Errors: 42704 unknown segment, 55000 archived.';

-- Level: operator
CREATE FUNCTION pulse_resume_segment(name text)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_resume_segment';
COMMENT ON FUNCTION pulse_resume_segment(text) IS
'Measures a paused or archived segment again. Errors: 42704 unknown segment.';

-- Level: operator
CREATE FUNCTION pulse_archive_segment(name text)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_archive_segment';
COMMENT ON FUNCTION pulse_archive_segment(text) IS
'Puts a segment away with its history: not measured, not checked. Errors: 42704 unknown segment.';

-- Level: admin
CREATE FUNCTION pulse_delete_segment(name text, confirm boolean DEFAULT false)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_delete_segment';
COMMENT ON FUNCTION pulse_delete_segment(text, boolean) IS
'Deletes a segment with its whole history, only with confirm => true. Errors: 42704 unknown segment, 55000 not confirmed (says what would be lost).';

-- Level: operator
CREATE FUNCTION pulse_set_monitoring(name text, enabled boolean)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_set_monitoring';
COMMENT ON FUNCTION pulse_set_monitoring(text, boolean) IS
'Switches drift checks of a segment on or off, leaving the rest of its baseline as it is. Errors: 42704 unknown segment.';

-- Level: reader
CREATE FUNCTION pulse_preview_segment(definition jsonb, sample int DEFAULT 10)
    RETURNS TABLE (part text, item text, value text, members bigint, share text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 50 AS 'MODULE_PATHNAME', 'pulse_preview_segment';
COMMENT ON FUNCTION pulse_preview_segment(jsonb, int) IS
'Shows what a definition would give, saving nothing: size, converted, inactive, the most frequent values or the range of each attribute, and up to 1000 members (by key as text). Runs as the caller. Errors as pulse_create_segment().';

-- Level: reader
CREATE FUNCTION pulse_preview_segment_change(name text, definition jsonb, sample int DEFAULT 10)
    RETURNS TABLE (change text, members bigint, sample_members text[])
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 3 AS 'MODULE_PATHNAME', 'pulse_preview_segment_change';
COMMENT ON FUNCTION pulse_preview_segment_change(text, jsonb, int) IS
'Who would be entering, leaving and staying if a segment had this definition, as of pulse_now(), saving nothing: numbers, and up to 1000 keys of each. Runs as the caller. Errors as pulse_preview_segment(), 42704 unknown segment, and 0A000 another source.';

-- Level: reader
CREATE FUNCTION pulse_explain_segment(name text)
    RETURNS TABLE (item text, value text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 30 AS 'MODULE_PATHNAME', 'pulse_explain_segment';
COMMENT ON FUNCTION pulse_explain_segment(text) IS
'Tells everything about a segment: canonical rule, compiled SQL, whose rights it has, what the planner expects, and its versions with who changed what. An error of the definition is shown instead of the plan. Errors: 42704 unknown segment.';
