-- ---------------------------------------------------------------------------------------------------------
-- Room trait: exports of segments as files.

-- Level: people_reader
CREATE TABLE pulse.export (
    id bigserial PRIMARY KEY,
    segment text,
    filename text NOT NULL,
    format text NOT NULL DEFAULT 'csv' CHECK (format IN ('csv', 'jsonl')),
    users bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    chunks int NOT NULL DEFAULT 0,
    etag text NOT NULL DEFAULT '',
    as_of timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'ready' CHECK (state IN ('queued', 'ready', 'failed')),
    request jsonb,
    role_oid oid,
    error text,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE pulse.export IS 'Files with people, kept for pulse.export_retention. Made by pulse_export_segment() and pulse_export_audience(), listed by pulse_list_exports().';
COMMENT ON COLUMN pulse.export.segment IS 'The name of the segment when the file was made; null: everybody.';
COMMENT ON COLUMN pulse.export.users IS 'Number of people in the file.';
COMMENT ON COLUMN pulse.export.chunks IS 'Number of rows in pulse.export_chunk.';
COMMENT ON COLUMN pulse.export.etag IS 'SHA-256 of the file in hexadecimal digits.';
COMMENT ON COLUMN pulse.export.as_of IS 'The time whose members the file has: pulse_now() when it was made.';
COMMENT ON COLUMN pulse.export.state IS 'queued: the job exports will write it; ready; failed: error says why.';
COMMENT ON COLUMN pulse.export.request IS 'Of an export that the job writes: what was asked for.';
COMMENT ON COLUMN pulse.export.role_oid IS 'The role that asked for it, which must still be allowed to see people when the job writes it.';
CREATE INDEX export_queued ON pulse.export (created_at, id) WHERE state = 'queued';
COMMENT ON COLUMN pulse.export.created_by IS 'The role, or the name of the API key, that made it.';

-- Level: owner
CREATE TABLE pulse.export_chunk (
    export_id bigint NOT NULL REFERENCES pulse.export ON DELETE CASCADE,
    chunk int NOT NULL CHECK (chunk > 0),
    data bytea NOT NULL CHECK (length(data) BETWEEN 1 AND 262144),
    people bigint[] NOT NULL,
    PRIMARY KEY (export_id, chunk)
);
COMMENT ON TABLE pulse.export_chunk IS 'The content of the files of pulse.export, in pieces of whole lines; a line that is larger than a piece is cut between two characters. pulse.read_export() returns them.';
COMMENT ON COLUMN pulse.export_chunk.chunk IS 'The place of the piece in the file, from 1.';
COMMENT ON COLUMN pulse.export_chunk.people IS 'Profiles of people in the file: its pieces together have all of them. An erasure finds the file by these, for its columns need not say who it is.';

-- Level: owner
CREATE TABLE pulse.export_secret (
    export_id bigint PRIMARY KEY REFERENCES pulse.export ON DELETE CASCADE,
    secret bytea NOT NULL CHECK (length(secret) = 32)
);
COMMENT ON TABLE pulse.export_secret IS 'The secret that the download links of each export are signed with. Only the owner of the extension can read it.';

-- A file lives for a day and can be made again; links of this database must not work in a restored copy. So no dump contains them.
SELECT pg_catalog.pg_extension_config_dump('pulse.export', 'WHERE false');
SELECT pg_catalog.pg_extension_config_dump('pulse.export_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.export_chunk', 'WHERE false');
SELECT pg_catalog.pg_extension_config_dump('pulse.export_secret', 'WHERE false');

-- Not even pg_write_all_data can put a file under another one's link, and not even pg_read_all_data reads a secret.
ALTER TABLE pulse.export ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.export_chunk ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.export_secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.export FOR SELECT USING (true);

-- Level: people_reader
CREATE FUNCTION pulse_export_segment(segment text)
    RETURNS TABLE (id bigint, segment text, filename text, users bigint, bytes bigint, etag text, created_by text, created_at timestamptz,
                   kept_until timestamptz, token text, expires_at timestamptz)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_export_segment';
COMMENT ON FUNCTION pulse_export_segment(text) IS
'Writes the members of a segment over people at pulse_now() into a CSV file, and returns the file with a token that pulse.read_export() takes until expires_at. The file is kept until kept_until (null: until it is deleted). Errors: 42704 unknown segment, 42809 a segment over a relation or query, 55000 a draft or archived, 42501 the caller may not see people, 54000 more files or bytes than pulse.max_exports and pulse.max_export_size allow, 55P03 another transaction finishes an export, 40001 a person in the file was erased while it was written: try again.';

-- Level: people_reader
CREATE FUNCTION pulse_list_exports()
    RETURNS TABLE (id bigint, segment text, filename text, users bigint, bytes bigint, etag text, created_by text, created_at timestamptz,
                   kept_until timestamptz, token text, expires_at timestamptz, state text)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 20 AS 'MODULE_PATHNAME', 'pulse_list_exports';
COMMENT ON FUNCTION pulse_list_exports() IS
'Lists the files of pulse_export_segment() and pulse_export_audience(), the newest first, each with a new token. Works on a standby. Errors: 42501 the caller may not see people.';

-- Level: people_reader
CREATE FUNCTION pulse_delete_export(id bigint) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_delete_export';
COMMENT ON FUNCTION pulse_delete_export(bigint) IS
'Deletes a file of pulse_export_segment() or pulse_export_audience(); its links end. Errors: 42704 no such export, 42501 the caller may not see people.';

-- Level: people_reader
CREATE FUNCTION pulse.read_export(token text, chunk bigint)
    RETURNS TABLE (data bytea, chunks int, filename text, bytes bigint, etag text)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_read_export';
COMMENT ON FUNCTION pulse.read_export(text, bigint) IS
'Returns one piece of an exported file, from 1 to chunks; all pieces one after the other are the file. Works on a standby. Errors: 42501 the token is not valid, has expired, or its file is deleted, 55000 the job exports has not written it yet, or could not, 22023 no such piece.';
