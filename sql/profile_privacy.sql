-- ---------------------------------------------------------------------------------------------------------
-- Room profile: everything held on a person, and its erasure.

-- Level: people_reader
CREATE TABLE pulse.erasure (
    id bigserial PRIMARY KEY,
    key uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    state text COLLATE "C" NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'erasing', 'verifying', 'done', 'failed')),
    reason text NOT NULL,
    profiles bigint[] NOT NULL,
    replayed boolean NOT NULL DEFAULT false,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    refused_until timestamptz NOT NULL,
    rows jsonb NOT NULL DEFAULT '{}',
    findings jsonb NOT NULL DEFAULT '[]',
    place text NOT NULL DEFAULT '',
    touched text[] NOT NULL DEFAULT '{}',
    error text,
    attempts int NOT NULL DEFAULT 0,
    next_try_at timestamptz,
    finished_at timestamptz,
    vacuumed_at timestamptz
);
CREATE INDEX erasure_open ON pulse.erasure (id) WHERE state <> 'done' OR vacuumed_at IS NULL;
CREATE INDEX erasure_finished ON pulse.erasure (finished_at) WHERE state = 'done';
COMMENT ON TABLE pulse.erasure IS 'Erasures of people: what pulse_erase_profile() was asked for, how far the job erasures is, and in the end the certificate. It has no personal data: a row says that somebody was erased, not who. Kept for pulse.erasure_retention.';
COMMENT ON COLUMN pulse.erasure.key IS 'Identifies the erasure in all copies of this database.';
COMMENT ON COLUMN pulse.erasure.state IS 'requested: ids, attributes and memberships are gone, events of the person are refused; erasing: the job deletes the rest; verifying: the job searches all tables for remains; done; failed: error says why, the job tries again at next_try_at.';
COMMENT ON COLUMN pulse.erasure.profiles IS 'The numbers of the profiles that the person had. They mean nothing any more here; other systems may have kept them.';
COMMENT ON COLUMN pulse.erasure.replayed IS 'Whether pulse_replay_erasures() repeated it in a restored copy.';
COMMENT ON COLUMN pulse.erasure.requested_at IS 'When, by the wall clock (not pulse.now); so are all times here.';
COMMENT ON COLUMN pulse.erasure.refused_until IS 'Until when events with an id of the person are refused; pulse_allow_profile() ends it.';
COMMENT ON COLUMN pulse.erasure.rows IS 'Number of rows deleted, by tables.';
COMMENT ON COLUMN pulse.erasure.findings IS 'What the search found after everything was deleted: [{"table", "column", "rows"}]. An id in a row about something else, such as a definition or the event of another person, is found and left to you.';
COMMENT ON COLUMN pulse.erasure.place IS 'Where the job goes on after a stop.';
COMMENT ON COLUMN pulse.erasure.touched IS 'The tables that rows were deleted from, to be vacuumed.';
COMMENT ON COLUMN pulse.erasure.error IS 'The SQLSTATE of the last failure; the server''s log has the rest, which can quote data.';
COMMENT ON COLUMN pulse.erasure.finished_at IS 'When the search for remains ended.';
COMMENT ON COLUMN pulse.erasure.vacuumed_at IS 'When VACUUM had removed the deleted rows from the touched tables; null: not yet.';

-- Level: owner
CREATE TABLE pulse.erasure_subject (
    erasure_id bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    PRIMARY KEY (erasure_id, kind, value)
);
COMMENT ON TABLE pulse.erasure_subject IS 'The ids of people whose erasure has not ended, which the job needs to find what is left. Deleted when it ends. Only the owner of the extension can read it.';
COMMENT ON COLUMN pulse.erasure_subject.kind IS 'The kind of the id; empty for an id that flags used.';

-- Level: people_reader
CREATE TABLE pulse.archive_erasure (
    erasure_id bigint NOT NULL,
    month date NOT NULL,
    profiles bigint[] NOT NULL,
    requested_at timestamptz NOT NULL,
    rows bigint NOT NULL DEFAULT 0,
    digest numeric NOT NULL DEFAULT 0,
    attempts int NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    message text,
    PRIMARY KEY (erasure_id, month)
);
CREATE INDEX archive_erasure_next ON pulse.archive_erasure (next_attempt_at);
COMMENT ON TABLE pulse.archive_erasure IS 'Events of erased people that have to be deleted on an archive: a row per erasure and month, until the job erase_archived has done it. The erasure ends only then.';
COMMENT ON COLUMN pulse.archive_erasure.month IS 'As in pulse.event_archive.';
COMMENT ON COLUMN pulse.archive_erasure.profiles IS 'The profiles of the person.';
COMMENT ON COLUMN pulse.archive_erasure.rows IS 'Number of these events, counted before they are deleted.';
COMMENT ON COLUMN pulse.archive_erasure.digest IS 'Sum of their hashes.';
COMMENT ON COLUMN pulse.archive_erasure.attempts IS 'How many attempts failed.';
COMMENT ON COLUMN pulse.archive_erasure.message IS 'Why the last attempt failed; null if none did.';

-- Level: owner
CREATE TABLE pulse.erased_identifier (
    hash bytea PRIMARY KEY CHECK (length(hash) = 32),
    erasure_id bigint NOT NULL,
    refused_until timestamptz NOT NULL
);
CREATE INDEX erased_identifier_erasure ON pulse.erased_identifier (erasure_id);
CREATE INDEX erased_identifier_until ON pulse.erased_identifier (refused_until);
COMMENT ON TABLE pulse.erased_identifier IS 'The ids of erased people as hashes (HMAC-SHA256 of kind and value) by the key in pulse.erasure_key: enough to recognise an id that comes, not to know it. Only the owner of the extension can read it.';

-- Level: owner
CREATE TABLE pulse.erasure_key (
    id int PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    key bytea NOT NULL CHECK (length(key) = 32)
);
COMMENT ON TABLE pulse.erasure_key IS 'The key of the hashes in pulse.erased_identifier, made by the first erasure. Only the owner of the extension can read it.';

CREATE FUNCTION pulse.announce_erased() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_announce_erased';
COMMENT ON FUNCTION pulse.announce_erased() IS 'Tells all sessions, when the transaction commits, that the ids that are refused have changed.';
CREATE TRIGGER erased_identifier_announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pulse.erased_identifier
    FOR EACH STATEMENT EXECUTE FUNCTION pulse.announce_erased();
COMMENT ON TRIGGER erased_identifier_announce ON pulse.erased_identifier IS 'Invalidates what sessions keep in memory.';
CREATE TRIGGER erasure_key_announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pulse.erasure_key
    FOR EACH STATEMENT EXECUTE FUNCTION pulse.announce_erased();
COMMENT ON TRIGGER erasure_key_announce ON pulse.erasure_key IS 'Invalidates what sessions keep in memory.';

-- A restored copy refuses the same ids, and goes on with erasures that had not ended.
SELECT pg_catalog.pg_extension_config_dump('pulse.archive_erasure', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.erasure', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.erasure_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.erasure_subject', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.erased_identifier', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.erasure_key', '');

-- Not even pg_write_all_data can let an erased person in, or write a certificate; not even pg_read_all_data reads the key.
ALTER TABLE pulse.erasure ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.erasure_subject ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.archive_erasure ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.erased_identifier ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.erasure_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.erasure FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.archive_erasure FOR SELECT USING (true);

-- Level: owner
CREATE FUNCTION pulse.mentions(data text, identifiers text[]) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'pulse_mentions';
COMMENT ON FUNCTION pulse.mentions(text, text[]) IS
'Whether a text has one of these ids, standing by itself, or its SHA-256. An id of fewer than 8 characters that is no address counts only as a whole value: between quotes or commas, or as all of the text.';

-- Level: people_reader
CREATE FUNCTION pulse_export_profile("user" text) RETURNS jsonb
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_export_profile';
COMMENT ON FUNCTION pulse_export_profile(text) IS
'Returns everything that Pulse holds about one person, with all merged profiles, as one document: profiles, identities, accounts, events, merges, memberships with their history, traits, exposures, messages, rejected events
and whatever other tables hold. The person is given by a user id, an anonymous id, kind:value or profile:42. Each call is recorded in pulse.audit. Errors: 42704 no person with that id, 22004 null, 54000 more than
50 MB: read pulse_export_profile_parts(), 25006 a standby or a read-only transaction, since the call is recorded.';

-- Level: people_reader
CREATE FUNCTION pulse_export_profile_parts("user" text) RETURNS TABLE (part text, data jsonb)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1000 AS 'MODULE_PATHNAME', 'pulse_export_profile_parts';
COMMENT ON FUNCTION pulse_export_profile_parts(text) IS
'Returns the same as pulse_export_profile() as rows: part is the key of the document, data one element of its list. However much there is, it needs little memory. Errors: those of pulse_export_profile() but 54000.';

-- Level: admin
CREATE FUNCTION pulse_erase_profile("user" text, reason text) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_erase_profile';
COMMENT ON FUNCTION pulse_erase_profile(text, text) IS
'Erases a person, with all merged profiles, and returns the id of the erasure in pulse.erasure. When the call commits, the ids, attributes, memberships and state are gone, what was sent to other platforms is queued for
removal there, and events with any id of the person are refused for pulse.erasure_refusal. The job erasures deletes the events and everything else, searches all tables for remains and vacuums. A second call for the same
person returns the same erasure. An id that was never seen is refused and searched for, too. Exits from segments are announced with the cause erasure and the number of the profile alone. It cannot be undone. Errors: 22004 null, 22023 no reason, or it contains an id of the person, 42704 no profile of that number.';

-- Level: admin
CREATE FUNCTION pulse_allow_profile("user" text) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_allow_profile';
COMMENT ON FUNCTION pulse_allow_profile(text) IS
'Accepts events of an erased person again, who comes back as somebody new: of all ids that were erased together with this one. Returns the id of the erasure. Without it the ids are accepted after pulse.erasure_refusal.
Errors: 22004 null, 42704 no such id was erased, or it is accepted already, 55000 the erasure has not ended.';

-- Level: admin
CREATE FUNCTION pulse_list_erasures() RETURNS jsonb
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_list_erasures';
COMMENT ON FUNCTION pulse_list_erasures() IS
'Returns what pulse_replay_erasures() needs to repeat all erasures in a restored backup: {"version", "key", "erasures": [{"key", "reason", "requested_at", "refused_until", "hashes"}]}. Keep it apart from the backups, and as secret as
these: with the key in it anyone can test whether an id was erased. Each call is recorded in pulse.audit. Errors: 25006 a standby or a read-only transaction.';

-- Level: admin
CREATE FUNCTION pulse_replay_erasures(erasures jsonb) RETURNS TABLE (erasure bigint, result text, people bigint)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'pulse_replay_erasures';
COMMENT ON FUNCTION pulse_replay_erasures(jsonb) IS
'Repeats erasures in a database that was restored from a backup older than they are: finds the people by the hashes of their ids, erases them as pulse_erase_profile() does, and refuses their events as long as the list says.
Returns one row per erasure of the list: known (this database has it already), erased, with the number of people, or not found. Errors: 22004 null, 22023, 22P02 or 22007 not a list of pulse_list_erasures(), 55000 this database has
made erasures with another key.';

-- Level: reader
CREATE FUNCTION pulse_list_personal_data() RETURNS TABLE (room text, "table" text, personal boolean, reason text)
    LANGUAGE c STABLE PARALLEL SAFE ROWS 100 AS 'MODULE_PATHNAME', 'pulse_list_personal_data';
COMMENT ON FUNCTION pulse_list_personal_data() IS
'Returns for each table of schema pulse whether it holds data of people, which an export shows and an erasure deletes; if not, the reason.';
