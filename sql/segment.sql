-- ---------------------------------------------------------------------------------------------------------
-- Room segment: definitions and their versions.

-- Level: reader
CREATE TABLE pulse.segment (
    id bigserial PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 255),
    kind text NOT NULL CHECK (kind IN ('relation', 'query', 'profile')),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('draft', 'active', 'paused', 'archived')),
    version int NOT NULL DEFAULT 1,
    owner text,
    cadence interval NOT NULL DEFAULT '1 day',
    source text GENERATED ALWAYS AS (definition ->> 'source') STORED,
    tags text[] NOT NULL DEFAULT '{}',
    definition jsonb NOT NULL,
    baseline jsonb NOT NULL DEFAULT '{}',
    description text,
    runs_as name NOT NULL,
    search_path text NOT NULL,
    baseline_from timestamptz,
    pinned_snapshot bigint,
    checked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    role_oid oid
);
CREATE TRIGGER segment_settle BEFORE INSERT OR UPDATE OF runs_as, role_oid ON pulse.segment FOR EACH ROW EXECUTE FUNCTION pulse.settle_role();
-- Also where a subscription applies the rows: oids differ between servers.
ALTER TABLE pulse.segment ENABLE ALWAYS TRIGGER segment_settle;
COMMENT ON TRIGGER segment_settle ON pulse.segment IS 'For new rows, and those of a restored dump.';
COMMENT ON COLUMN pulse.segment.role_oid IS 'The oid of runs_as, by which the role is found: a role that gets its name later is another role. Set by a trigger.';
COMMENT ON TABLE pulse.segment IS 'One row per segment. Changed only by pulse_create_segment() and related functions.';
COMMENT ON COLUMN pulse.segment.status IS 'draft (has no members and is not measured, until it is published), active, paused (not measured), archived (has no members; its history is kept).';
COMMENT ON COLUMN pulse.segment.kind IS 'Kind of the definition: relation (it has from), query (it has query) or profile (neither: a rule over people).';
COMMENT ON COLUMN pulse.segment.definition IS 'The current definition with resolved names. All versions are in pulse.segment_version.';
COMMENT ON COLUMN pulse.segment.source IS 'The foreign server that the definition reads, or a JSON list of several; null for this database.';
COMMENT ON COLUMN pulse.segment.baseline IS 'Expected values: expectedSize, expectedConversionRate, criticalAttributes, monitoringEnabled, alertThresholds.';
COMMENT ON COLUMN pulse.segment.owner IS 'The person or team responsible for the segment; free text, used to route alerts.';
COMMENT ON COLUMN pulse.segment.cadence IS 'Interval between snapshots.';
COMMENT ON COLUMN pulse.segment.runs_as IS 'The role that created the current definition. The definition always runs with the rights of this role.';
COMMENT ON COLUMN pulse.segment.search_path IS 'The search_path when the definition was created. The definition always runs under it.';
COMMENT ON COLUMN pulse.segment.baseline_from IS 'Start of the baseline: snapshots before this time are ignored because a new baseline was accepted.';
COMMENT ON COLUMN pulse.segment.pinned_snapshot IS 'The snapshot that is pinned as the baseline.';
COMMENT ON COLUMN pulse.segment.checked_at IS 'Time of the newest snapshot that was checked for drift.';

-- Level: reader
CREATE TABLE pulse.segment_version (
    segment_id bigint NOT NULL REFERENCES pulse.segment ON DELETE CASCADE,
    version int NOT NULL,
    definition jsonb NOT NULL,
    change text NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (segment_id, version)
);
COMMENT ON TABLE pulse.segment_version IS 'All versions of each segment''s definition, with the role that made the change, the time, and a description of the change.';

SELECT pg_catalog.pg_extension_config_dump('pulse.segment', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.segment_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.segment_version', '');

-- Level: operator
CREATE FUNCTION pulse_create_segment(name text, definition jsonb, owner text DEFAULT NULL, description text DEFAULT NULL,
                                     baseline jsonb DEFAULT NULL, tags text[] DEFAULT NULL, draft boolean DEFAULT false)
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_segment';
COMMENT ON FUNCTION pulse_create_segment(text, jsonb, text, text, jsonb, text[], boolean) IS
'Creates a segment and returns its id. The definition is checked immediately and always runs with the rights of the calling role. A draft has no members and is not measured until pulse_publish_segment(). Errors: 42710 the name exists, 22023 unknown key or invalid value, 42P01, 42703, 42601, 42804 the definition does not match the relation, 42501 missing rights.';
-- Level: operator
CREATE FUNCTION pulse.create_segment(name text, definition jsonb, owner text, description text, baseline jsonb, tags text[], draft boolean DEFAULT false)
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_segment';
COMMENT ON FUNCTION pulse.create_segment(text, jsonb, text, text, jsonb, text[], boolean) IS 'The function pulse_create_segment() as Pulse itself calls it: in schema pulse, where no other role can add a function of the same name.';

-- Level: operator
CREATE FUNCTION pulse_update_segment(name text, definition jsonb DEFAULT NULL, owner text DEFAULT NULL,
                                     description text DEFAULT NULL, baseline jsonb DEFAULT NULL, tags text[] DEFAULT NULL,
                                     new_name text DEFAULT NULL)
    RETURNS int LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_update_segment';
COMMENT ON FUNCTION pulse_update_segment(text, jsonb, text, text, jsonb, text[], text) IS
'Changes a segment and returns its version. Null arguments keep the current value; an empty owner or description removes it. A changed definition creates a new version and runs with the rights of the calling role. Errors: as for pulse_create_segment(), 42704 unknown segment, 42501 definition of another role.';

-- Level: operator
CREATE FUNCTION pulse_publish_segment(name text)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_publish_segment';
COMMENT ON FUNCTION pulse_publish_segment(text) IS
'Makes a draft active: it is measured, and a segment over people gets its members. Errors: 42704 unknown segment, or an object that it uses does not exist any more, 55000 not a draft.';

-- Level: operator
CREATE FUNCTION pulse_pause_segment(name text)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_pause_segment';
COMMENT ON FUNCTION pulse_pause_segment(text) IS
'Stops measuring a segment until pulse_resume_segment(). Errors: 42704 unknown segment, 55000 archived, or a draft.';

-- Level: operator
CREATE FUNCTION pulse_resume_segment(name text)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_resume_segment';
COMMENT ON FUNCTION pulse_resume_segment(text) IS
'Measures a paused or archived segment again. Errors: 42704 unknown segment, 55000 a draft.';

-- Level: operator
CREATE FUNCTION pulse_archive_segment(name text)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_archive_segment';
COMMENT ON FUNCTION pulse_archive_segment(text) IS
'Archives a segment and keeps its history. Archived segments are neither measured nor checked for drift. Errors: 42704 unknown segment, 55000 a draft.';

-- Level: operator
CREATE FUNCTION pulse_delete_segment(name text, confirm boolean DEFAULT false)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_delete_segment';
COMMENT ON FUNCTION pulse_delete_segment(text, boolean) IS
'Deletes a segment and its history. Requires confirm => true. Errors: 42704 unknown segment, 55000 not confirmed (the detail lists what would be deleted), 42501 segment of another role.';
-- Level: operator
CREATE FUNCTION pulse.delete_segment(name text, confirm boolean)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_delete_segment';
COMMENT ON FUNCTION pulse.delete_segment(text, boolean) IS 'The function pulse_delete_segment() as Pulse itself calls it: in schema pulse, where no other role can add a function of the same name.';

-- Level: operator
CREATE FUNCTION pulse_set_monitoring(name text, enabled boolean)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_set_monitoring';
COMMENT ON FUNCTION pulse_set_monitoring(text, boolean) IS
'Enables or disables drift checks of a segment without changing the rest of its baseline. Errors: 42704 unknown segment.';

-- Level: people_reader
CREATE FUNCTION pulse_preview_segment(definition jsonb, sample bigint DEFAULT 10)
    RETURNS TABLE (part text, item text, value text, members bigint, share text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 50 AS 'MODULE_PATHNAME', 'pulse_preview_segment';
COMMENT ON FUNCTION pulse_preview_segment(jsonb, bigint) IS
'Previews a definition without saving it: size, converted, inactive, the most frequent values or the range of each attribute, and up to 1000 members (ordered by key as text). Runs as the caller. Errors: as for pulse_create_segment().';

-- Level: people_reader
CREATE FUNCTION pulse_preview_segment_change(name text, definition jsonb, sample bigint DEFAULT 10)
    RETURNS TABLE (change text, members bigint, sample_members text[])
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 3 AS 'MODULE_PATHNAME', 'pulse_preview_segment_change';
COMMENT ON FUNCTION pulse_preview_segment_change(text, jsonb, bigint) IS
'Previews a change of a segment''s definition as of pulse_now() without saving it: the numbers of members that would enter, leave and stay, and up to 1000 keys of each. Runs as the caller. Errors: as for pulse_preview_segment(), 42704 unknown segment, and 0A000 different source.';

-- Level: reader
CREATE FUNCTION pulse_explain_segment(name text)
    RETURNS TABLE (item text, value text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 30 AS 'MODULE_PATHNAME', 'pulse_explain_segment';
COMMENT ON FUNCTION pulse_explain_segment(text) IS
'Describes a segment: canonical rule, compiled SQL, the role whose rights it uses, the planner''s estimate, and its versions with their authors and changes. If the definition fails, its error is shown instead of the plan. Errors: 42704 unknown segment.';
