-- ---------------------------------------------------------------------------------------------------------
-- Room cell: definitions from one database to another, and databases that should have the same.

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
                           pulse.definition_tables() FROM PUBLIC;
