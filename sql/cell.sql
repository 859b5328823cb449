-- ---------------------------------------------------------------------------------------------------------
-- Room cell: definitions from one database to another, and databases that should have the same.

-- Level: reader
CREATE TABLE pulse.cell_state (
    source text COLLATE "C" PRIMARY KEY,
    runs_as name NOT NULL,
    role_oid oid,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'equal', 'differs', 'down')),
    problem text,  -- Level: people_reader
    checked_at timestamptz,
    answered_at timestamptz,
    definitions bigint,
    digest text,
    digest_here text,
    differ bigint,
    only_here bigint,
    only_there bigint,
    examples text[]
);
CREATE TRIGGER cell_settle BEFORE INSERT OR UPDATE OF runs_as, role_oid ON pulse.cell_state FOR EACH ROW EXECUTE FUNCTION pulse.settle_role();
ALTER TABLE pulse.cell_state ENABLE ALWAYS TRIGGER cell_settle;
COMMENT ON TRIGGER cell_settle ON pulse.cell_state IS 'For new rows, and those of a restored dump.';
COMMENT ON TABLE pulse.cell_state IS 'One row per cell that pulse_add_cell() added, with what was found last. pulse.cell shows it.';
COMMENT ON COLUMN pulse.cell_state.runs_as IS 'The role that added it; the cell is read with its user mapping.';
COMMENT ON COLUMN pulse.cell_state.role_oid IS 'The oid of runs_as, by which the role is found. Set by a trigger.';
COMMENT ON COLUMN pulse.cell_state.state IS 'new (not asked yet), equal, differs, down (it did not answer, or refused).';
COMMENT ON COLUMN pulse.cell_state.problem IS 'Why it is down.';
COMMENT ON COLUMN pulse.cell_state.answered_at IS 'When it answered last; what it has is as of then.';
COMMENT ON COLUMN pulse.cell_state.digest IS 'One digest over all its definitions; digest_here over those of this database at that time.';
COMMENT ON COLUMN pulse.cell_state.differ IS 'Definitions that both have and that differ.';
COMMENT ON COLUMN pulse.cell_state.examples IS 'The first ten of those that differ, or that only one has.';
SELECT pg_catalog.pg_extension_config_dump('pulse.cell_state', '');
ALTER TABLE pulse.cell_state ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.cell_state FOR SELECT USING (true);

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- Level: reader
CREATE VIEW pulse.cell AS
SELECT s.source AS cell, s.state, s.definitions, s.digest, s.digest_here, s.differ, s.only_here, s.only_there, s.examples,
       s.checked_at, s.answered_at, CASE WHEN pulse.sees_people() THEN s.problem END AS problem
FROM pulse.cell_state AS s;
COMMENT ON VIEW pulse.cell IS 'Other databases that should have the same definitions, and who differs, as the job cells or pulse_compare_cells() found last. problem is null below the level people_reader.';

SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);

-- Level: admin
CREATE FUNCTION pulse_add_cell(source text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_add_cell';
COMMENT ON FUNCTION pulse_add_cell(text) IS
'Makes a server of pulse_source a cell: another database with Pulse that should have the same definitions. The job cells compares them every 5 minutes, with the caller''s user mapping, whose role there needs the level reader; pulse.cell shows what it found. Errors: 42704 no such source or no user mapping, 42501 no USAGE privilege, 54000 more than 1,000 cells.';

-- Level: admin
CREATE FUNCTION pulse_remove_cell(source text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_remove_cell';
COMMENT ON FUNCTION pulse_remove_cell(text) IS 'Takes a server out of pulse.cell; the server stays. Errors: 42704 not a cell.';

-- Level: operator
CREATE FUNCTION pulse_compare_cells() RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_compare_cells';
COMMENT ON FUNCTION pulse_compare_cells() IS 'Compares the definitions with those of all cells now, in the calling transaction, and returns the number of cells. A cell that is down is a row of pulse.cell, not an error.';

-- Level: people_reader
CREATE FUNCTION pulse_export_definitions(kinds text[] DEFAULT NULL) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_export_definitions';
COMMENT ON FUNCTION pulse_export_definitions(text[]) IS
'All definitions as one document, or those of some kinds, for pulse_apply_definitions() in another database or for a repository: the same definitions give the same document. Without ids, times, owners of rights, members, secrets, and what is archived or a draft. Errors: 22023 unknown kind.';

-- Level: operator
CREATE FUNCTION pulse_apply_definitions(definitions jsonb, dry_run boolean DEFAULT true, prune boolean DEFAULT false,
    OUT kind text, OUT name text, OUT change text, OUT differs text[], OUT missing text[], OUT statement text)
    RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'pulse_apply_definitions';
COMMENT ON FUNCTION pulse_apply_definitions(jsonb, boolean, boolean) IS
'Compares a document of pulse_export_definitions() with this database, one row per definition: create, update, remove, unchanged, or only here; what differs; what it needs that is not here; and the statement that does it. dry_run => false does it, in this order and in the calling transaction, by the functions that users call, so with their checks, versions, audit and rights. prune => true removes what is only here, of the kinds that the document has; segments and flags are archived. A second time nothing changes.
Errors: 22004 null, 22023 not such a document, unknown kind or key, 42704 something needed is missing, 54000 too large, and those of the functions, with the definition in the detail.';

-- Level: reader
CREATE FUNCTION pulse.definition_digests() RETURNS TABLE (kind text, name text, digest text)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1000 AS 'MODULE_PATHNAME', 'pulse_definition_digests';
COMMENT ON FUNCTION pulse.definition_digests() IS 'A digest of each definition that pulse_export_definitions() has: what other cells compare with theirs.';

-- Level: reader
CREATE FUNCTION pulse.definition_tables() RETURNS TABLE ("table" text, kind text, reason text)
    LANGUAGE c STABLE PARALLEL SAFE ROWS 100 AS 'MODULE_PATHNAME', 'pulse_definition_tables';
COMMENT ON FUNCTION pulse.definition_tables() IS 'For each table of Pulse the kind of definitions that it holds, or why it holds none.';

REVOKE EXECUTE ON FUNCTION pulse_export_definitions(text[]), pulse_apply_definitions(jsonb, boolean, boolean), pulse.definition_digests(),
                           pulse.definition_tables(), pulse_add_cell(text), pulse_remove_cell(text), pulse_compare_cells() FROM PUBLIC;
