-- ---------------------------------------------------------------------------------------------------------
-- Room web: the keys of programs that reach Pulse over HTTP.

-- Level: admin
CREATE TABLE pulse.api_key (
    id bigserial PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 255),
    kind text NOT NULL CHECK (kind IN ('public', 'write', 'read', 'admin')),
    runs_as name NOT NULL,
    origins text[] CHECK (cardinality(origins) > 0),
    rate int CHECK (rate > 0),
    created_by name NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz,
    rotated_at timestamptz,
    revoked_at timestamptz,
    role_oid oid,
    source text COLLATE "C",
    CONSTRAINT api_key_of_source CHECK (source IS NULL OR kind IN ('public', 'write'))
);
CREATE TRIGGER api_key_settle BEFORE INSERT OR UPDATE OF runs_as, role_oid ON pulse.api_key FOR EACH ROW EXECUTE FUNCTION pulse.settle_role();
-- Also where a subscription applies the rows: they bring the oids of another server.
ALTER TABLE pulse.api_key ENABLE ALWAYS TRIGGER api_key_settle;
COMMENT ON TABLE pulse.api_key IS 'API keys, without their secrets. Changed only by pulse_create_api_key() and related functions; pulse_list_api_keys() shows their state.';
COMMENT ON COLUMN pulse.api_key.kind IS 'What the key is for at most: public (browsers: send events, decide flags that are public), write (also read), read, admin (everything).';
COMMENT ON COLUMN pulse.api_key.runs_as IS 'The role whose rights the key has, as far as its kind allows.';
COMMENT ON COLUMN pulse.api_key.role_oid IS 'The oid of runs_as, by which the role is found: a role that gets its name later is another role. Set by a trigger, also when a dump is restored.';
COMMENT ON COLUMN pulse.api_key.source IS 'The event source whose key it is: it sends events under this source and does nothing else. Null: a key that names the source itself.';
COMMENT ON COLUMN pulse.api_key.origins IS 'The origins of web pages that may use it, such as https://shop.example; null: all.';
COMMENT ON COLUMN pulse.api_key.rate IS 'The most requests in a minute; null: no limit.';
COMMENT ON COLUMN pulse.api_key.expires_at IS 'When the key ends by itself, by the wall clock; null: never.';
COMMENT ON COLUMN pulse.api_key.rotated_at IS 'When it last got a new secret.';

-- Level: owner
CREATE TABLE pulse.api_key_secret (
    prefix text COLLATE "C" PRIMARY KEY,
    key_id bigint NOT NULL REFERENCES pulse.api_key ON DELETE CASCADE,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz
);
CREATE INDEX api_key_secret_key ON pulse.api_key_secret (key_id);
COMMENT ON TABLE pulse.api_key_secret IS 'The texts of API keys: what they begin with, and the SHA-256 of the whole. A key that was rotated has several for a while. Only the owner of the extension can read it.';
COMMENT ON COLUMN pulse.api_key_secret.prefix IS 'What the text begins with, by which it is found.';
COMMENT ON COLUMN pulse.api_key_secret.expires_at IS 'When this text ends: set by pulse_rotate_api_key().';

-- Level: admin
CREATE TABLE pulse.api_key_usage (
    key_id bigint NOT NULL REFERENCES pulse.api_key ON DELETE CASCADE,
    day date NOT NULL,
    requests bigint NOT NULL DEFAULT 0,
    refusals bigint NOT NULL DEFAULT 0,
    last_used_at timestamptz NOT NULL,
    PRIMARY KEY (key_id, day)
);
CREATE INDEX api_key_usage_day ON pulse.api_key_usage (day);
COMMENT ON TABLE pulse.api_key_usage IS 'Requests with each API key per day. Kept for pulse.usage_retention; of each key the newest row stays.';
COMMENT ON COLUMN pulse.api_key_usage.day IS 'The day in UTC.';
COMMENT ON COLUMN pulse.api_key_usage.requests IS 'All requests with the key, refused ones included.';
COMMENT ON COLUMN pulse.api_key_usage.refusals IS 'Requests that were refused: beyond the rate, from another origin, or not allowed for the kind or role of the key.';

SELECT pg_catalog.pg_extension_config_dump('pulse.api_key', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.api_key_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.api_key_secret', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.api_key_usage', '');

-- Not even pg_write_all_data can make a key for another role, and not even pg_read_all_data reads a digest.
ALTER TABLE pulse.api_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.api_key_secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.api_key FOR SELECT USING (true);

-- Level: admin
CREATE FUNCTION pulse_create_api_key(name text, kind text, role text, expires timestamptz DEFAULT NULL, origins text[] DEFAULT NULL,
                                     rate bigint DEFAULT NULL, source text DEFAULT NULL) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_api_key';
COMMENT ON FUNCTION pulse_create_api_key(text, text, text, timestamptz, text[], bigint, text) IS
'Creates an API key and returns its text, which is shown only this once: Pulse keeps its SHA-256. kind is public, write, read or admin (doc/web.md); role is the role whose rights the key has, as far as its kind allows; expires: never if null; origins: the origins of web pages that may use it, all if null; rate: the most requests in a minute; source: the event source whose events it sends, and nothing else, if it is a key of one. Errors: 42710 name taken, 22023 invalid name, kind, time, origin or rate, the kind is not that of the keys of the source, or a role that no privilege limits (doc/web.md), such as a superuser, 42704 unknown role or event source, 42501 the caller does not have the rights of the role, 54000 too many origins, 55P03 another transaction creates that key.';

-- Level: admin
CREATE FUNCTION pulse_rotate_api_key(name text, keep interval DEFAULT '1 day', expires timestamptz DEFAULT NULL) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_rotate_api_key';
COMMENT ON FUNCTION pulse_rotate_api_key(text, interval, timestamptz) IS
'Gives an API key a new text and returns it; it is shown only this once. The old text works until keep has passed; with 0, or if the key has expired, it ends at once. expires moves the end of the key; null leaves it. Errors: 42704 unknown key, 22023 a negative keep, expires is not in the next 100 years, or no privilege limits the role, 42501 the caller does not have the rights of the role of the key, 55000 it is revoked or has expired, 55P03 another transaction changes it.';

-- Level: admin
CREATE FUNCTION pulse_revoke_api_key(name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_revoke_api_key';
COMMENT ON FUNCTION pulse_revoke_api_key(text) IS
'Ends an API key for good, from the next request on. Its row stays, and its name stays taken. Errors: 42704 unknown key, 55P03 another transaction changes it.';

-- Level: admin
CREATE FUNCTION pulse_list_api_keys()
    RETURNS TABLE (name text, status text, kind text, role text, source text, prefixes text[], origins text[], rate int, created_by name, created_at timestamptz,
                   rotated_at timestamptz, expires_at timestamptz, revoked_at timestamptz, last_used_at timestamptz, requests bigint, refusals bigint)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 20 AS 'MODULE_PATHNAME', 'pulse_list_api_keys';
COMMENT ON FUNCTION pulse_list_api_keys() IS
'Lists all API keys with their state: live, revoked, expired, or unusable (its role is gone, or no privilege limits it). prefixes: what their texts begin with, the newest first; requests and refusals are those of the days that pulse.usage_retention keeps.';

-- Level: owner
CREATE FUNCTION pulse.find_api_key(key text)
    RETURNS TABLE (id bigint, name text, kind text, role text, origins text[], rate int, source text)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_find_api_key';
COMMENT ON FUNCTION pulse.find_api_key(text) IS
'The API key with this text; no row if there is none, or it is revoked, has expired or cannot be used, which takes about the same time. Sees the newest commits. A key with a source sends events under this source and does nothing else. For the program that answers HTTP: only the owner of the extension and roles that a superuser grants it to can call it.';

-- Level: owner
CREATE FUNCTION pulse.add_api_key_usage(keys bigint[], requests bigint[], refusals bigint[]) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_add_api_key_usage';
COMMENT ON FUNCTION pulse.add_api_key_usage(bigint[], bigint[], bigint[]) IS
'Adds requests and refusals of API keys, by their ids, to the counts of today. For the program that answers HTTP, which calls it once a minute. Ids that do not exist are ignored. Errors: 22023 arrays of different lengths, or a negative number.';
