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
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz,
    rotated_at timestamptz,
    revoked_at timestamptz,
    role_oid oid,
    source text COLLATE "C",
    signed boolean NOT NULL DEFAULT false,
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
COMMENT ON COLUMN pulse.api_key.signed IS 'Whether webhooks that come in with it must be signed: set by pulse_set_webhook_secret().';
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
'Creates an API key and returns its text, which is shown only this once: Pulse keeps its SHA-256. kind is public, write, read or admin (doc/api_key.md); role is the role whose rights the key has, as far as its kind allows; expires: never if null; origins: the origins of web pages that may use it, all if null; rate: the most requests in a minute; source: the event source whose events it sends, and nothing else, if it is a key of one. Errors: 42710 name taken, 22023 invalid name, kind, time, origin or rate, the kind is not that of the keys of the source, or a role that no privilege limits (doc/api_key.md), such as a superuser, 42704 unknown role or event source, 42501 the caller does not have the rights of the role, 54000 too many origins, 55P03 another transaction creates that key.';

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
    RETURNS TABLE (name text, status text, kind text, role text, source text, prefixes text[], origins text[], rate int, created_by text, created_at timestamptz,
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

-- ---- Requests ----

-- Level: gateway
CREATE FUNCTION pulse_http(method text, path text, query text DEFAULT NULL, headers jsonb DEFAULT '{}', body bytea DEFAULT NULL,
                           client jsonb DEFAULT NULL, OUT status int, OUT headers jsonb, OUT body bytea, OUT info jsonb)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_http';
COMMENT ON FUNCTION pulse_http(text, text, text, jsonb, bytea, jsonb) IS
'Answers one HTTP request: finds its route and API key, and does what the route is for with the rights of the key''s role; pulse.http_route lists the routes. path and query are those of the request target, as sent; headers is an object of texts, with names in lower case. client is what the program in front knows of the client: address, request (an id for the server''s log), tls, cors, the origins of web pages that may read answers (all if absent), and exhausted, ids of keys whose rate is used up with the seconds until they may send again: one of them in a body is refused with 429. info names the route and the key that was used. What is wrong with the request is said by the answer, never by an error. For pulse-http and proxies of your own, whose role has the level gateway (doc/web.md).';

-- Level: gateway
CREATE FUNCTION pulse_http_next(token text, OUT body bytea, OUT next text)
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_http_next';
COMMENT ON FUNCTION pulse_http_next(text) IS
'The next slice of a long answer of pulse_http(), whose info has the token as next; and the token of the slice after it, null at the end. Each call is a short transaction of its own, so that a slow client holds nothing open. Errors: 22023 not a token, 42501 it has expired, or the file is deleted.';

-- Level: people_reader
CREATE FUNCTION pulse.from_posthog(body jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object('sentAt', body -> 'sent_at', 'batch', coalesce(jsonb_agg(m.event ORDER BY e.place), '[]'))
    FROM (SELECT i.item, i.place, i.item ->> 'event' AS event, p.properties, p.properties ->> '$anon_distinct_id' AS anonymous, d.id, n.nobody,
                 CASE WHEN jsonb_typeof(s.set) = 'object' AND NOT n.nobody THEN s.set END AS set,
                 CASE WHEN jsonb_typeof(s.once) = 'object' AND NOT n.nobody THEN s.once END AS once
          FROM jsonb_array_elements(CASE WHEN jsonb_typeof(body -> 'batch') = 'array' THEN body -> 'batch' ELSE jsonb_build_array(body - 'api_key') END)
               WITH ORDINALITY AS i (item, place)
          CROSS JOIN LATERAL (SELECT CASE WHEN jsonb_typeof(i.item -> 'properties') = 'object' THEN i.item -> 'properties' ELSE '{}' END) AS p (properties)
          CROSS JOIN LATERAL (SELECT coalesce(p.properties -> '$process_person_profile' = 'false', false)) AS n (nobody)
          CROSS JOIN LATERAL (SELECT coalesce(i.item ->> 'distinct_id', p.properties ->> 'distinct_id')) AS d (id)
          CROSS JOIN LATERAL (SELECT coalesce(i.item -> '$set', p.properties -> '$set'), coalesce(i.item -> '$set_once', p.properties -> '$set_once')) AS s (set, once)) AS e
    -- What has no value is left out here; a null inside of properties or traits is what the client sent.
    CROSS JOIN LATERAL (SELECT jsonb_object_agg(f.key, f.value) FROM jsonb_each(jsonb_build_object(
        'type', CASE e.event WHEN '$identify' THEN 'identify' WHEN '$set' THEN 'identify' WHEN '$create_alias' THEN 'alias' WHEN '$groupidentify' THEN 'group'
                             WHEN '$pageview' THEN 'page' WHEN '$screen' THEN 'screen' ELSE 'track' END,
        'event', e.event,
        'name', CASE e.event WHEN '$pageview' THEN e.properties ->> '$pathname' WHEN '$screen' THEN e.properties ->> '$screen_name' END,
        'userId', CASE WHEN e.anonymous IS DISTINCT FROM e.id AND NOT e.nobody THEN e.id END,
        'previousId', CASE WHEN e.event = '$create_alias' THEN e.properties ->> 'alias' END,
        'anonymousId', coalesce(e.anonymous, CASE WHEN e.nobody THEN e.id END),
        'groupId', CASE WHEN e.event = '$groupidentify' THEN e.properties ->> '$group_key' END,
        'messageId', e.item -> 'uuid', 'timestamp', e.item -> 'timestamp',
        'traits', CASE WHEN e.event = '$groupidentify' THEN e.properties -> '$group_set' WHEN e.event IN ('$identify', '$set') THEN coalesce(e.set, '{}') END,
        '$set', CASE WHEN e.event NOT IN ('$identify', '$set', '$groupidentify') THEN e.set END,
        '$set_once', CASE WHEN e.event <> '$groupidentify' THEN e.once END,
        'properties', CASE WHEN e.event NOT IN ('$identify', '$set', '$create_alias', '$groupidentify') THEN e.properties END)) AS f WHERE f.value <> 'null') AS m (event)
$$;
COMMENT ON FUNCTION pulse.from_posthog(jsonb) IS
'The events of a request of PostHog''s libraries in the form of pulse_ingest(): distinct_id is the user id, $anon_distinct_id the anonymous id; $set and $set_once of any event set attributes of the person. Where $process_person_profile is false, distinct_id is an anonymous id, and no attribute is set. uuid is the message id. Nulls that the client sent in properties are kept, as PostHog keeps them; a null attribute removes it.';

-- Level: people_reader
CREATE FUNCTION pulse.from_stratum(events jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object('batch', coalesce(jsonb_agg(CASE WHEN jsonb_typeof(e.event -> 'identifiers') = 'array' THEN e.event || jsonb_build_object('identifiers',
        (SELECT coalesce(jsonb_object_agg(CASE i.type WHEN 'external_id' THEN 'user_id' ELSE i.type END, i.value), '{}')
         FROM (SELECT j.item ->> 'type' AS type, j.item -> 'value' AS value
               FROM jsonb_array_elements(e.event -> 'identifiers') AS j (item) WHERE jsonb_typeof(j.item) = 'object') AS i WHERE i.type IS NOT NULL))
        ELSE e.event END ORDER BY e.place), '[]'))
    FROM jsonb_array_elements(CASE WHEN jsonb_typeof(events) = 'array' THEN events ELSE jsonb_build_array(events) END) WITH ORDINALITY AS e (event, place)
$$;
COMMENT ON FUNCTION pulse.from_stratum(jsonb) IS
'Events of Stratum''s API in the form of pulse_ingest(): identifiers, an array of {"type", "value"}, become an object; external_id is the user id.';

-- Level: admin
CREATE FUNCTION pulse.connection_options(url text) RETURNS jsonb
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_connection_options';
COMMENT ON FUNCTION pulse.connection_options(text) IS
'The options of pulse_create_source() in a connection string: postgresql://user:password@host:port/database?option=value. Errors: 22023 it is not one.';

-- Level: reader
CREATE FUNCTION pulse.validate_expression(expression text, kind text) RETURNS json
    LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    type text;
    hint text;
BEGIN
    SELECT v.type INTO type FROM @extschema@.pulse_validate_rule(expression) AS v;
    IF kind <> 'trait' AND type <> 'boolean' THEN
        RETURN json_build_object('valid', false, 'error', format('its value is %s; a %s needs true or false', type, kind));
    END IF;
    RETURN json_build_object('valid', true, 'type', type);
EXCEPTION WHEN insufficient_privilege THEN
    RAISE;
WHEN syntax_error_or_access_rule_violation OR data_exception OR program_limit_exceeded OR feature_not_supported THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN json_build_object('valid', false, 'error', SQLERRM, 'hint', nullif(hint, ''));
END $$;
COMMENT ON FUNCTION pulse.validate_expression(text, text) IS 'Whether an expression can be that of a trait, segment or flag (kind): {"valid": true, "type": ...}, or {"valid": false, "error": ...}.';

-- Level: reader
CREATE FUNCTION pulse.http_routes()
    RETURNS TABLE (method text, path text, family text, access text, read_only boolean, functions text[], parameters jsonb, summary text)
    LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 150 AS 'MODULE_PATHNAME', 'pulse_http_routes';
COMMENT ON FUNCTION pulse.http_routes() IS 'The rows of pulse.http_route.';

-- Level: reader
CREATE VIEW pulse.http_route AS SELECT r.method, r.path, r.family, r.access, r.read_only, r.functions, r.parameters, r.summary FROM pulse.http_routes() AS r;
COMMENT ON VIEW pulse.http_route IS 'The routes that pulse_http() answers. /openapi.json describes them for programs.';
COMMENT ON COLUMN pulse.http_route.family IS 'Whose clients speak it, which decides the form of errors: pulse, tinycdp, segment, ofrep or stratum.';
COMMENT ON COLUMN pulse.http_route.access IS 'What the API key must be able to do: none (no key is needed), send, decide, read, write, admin.';
COMMENT ON COLUMN pulse.http_route.read_only IS 'Whether it runs in a read-only transaction, also on a standby.';
COMMENT ON COLUMN pulse.http_route.functions IS 'The public functions of Pulse that it calls.';
COMMENT ON COLUMN pulse.http_route.parameters IS 'Its parameters: name, in (path, query or body), type, and whether it is required.';

-- Level: reader
CREATE FUNCTION pulse.openapi(url text) RETURNS text
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_openapi';
COMMENT ON FUNCTION pulse.openapi(text) IS 'All routes as OpenAPI 3.1, as /openapi.json answers; url is where they are.';

-- Level: reader
CREATE FUNCTION pulse.routes_page() RETURNS text
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_routes_page';
COMMENT ON FUNCTION pulse.routes_page() IS 'All routes as a page of HTML, as /docs answers.';

-- Level: reader
CREATE FUNCTION pulse.version() RETURNS text
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_version';
COMMENT ON FUNCTION pulse.version() IS 'The version of the library that is loaded.';
