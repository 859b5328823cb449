-- ---------------------------------------------------------------------------------------------------------
-- Room flag: decisions.

-- Level: reader
CREATE TABLE pulse.flag (
    id bigserial PRIMARY KEY,
    key text COLLATE "C" NOT NULL UNIQUE CHECK (key ~ '^[A-Za-z0-9._-]{1,255}$'),
    definition jsonb NOT NULL,  -- Level: people_reader
    salt text NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    archived_at timestamptz,
    version int NOT NULL DEFAULT 1,
    traits text[] NOT NULL DEFAULT '{}',
    segments text[] NOT NULL DEFAULT '{}',
    flags text[] NOT NULL DEFAULT '{}',
    description text,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON TABLE pulse.flag IS 'One row per flag. Changed only by pulse_create_flag() and related functions; pulse_list_flags() shows their state.';
COMMENT ON COLUMN pulse.flag.definition IS 'The complete definition in canonical form.';
COMMENT ON COLUMN pulse.flag.salt IS 'The salt of the bucketing hash: initially the key; a renamed flag keeps it, so that every person stays in the same bucket.';
COMMENT ON COLUMN pulse.flag.enabled IS 'If false, everybody gets the off variant, from the next statement on.';
COMMENT ON COLUMN pulse.flag.traits IS 'Traits that its rules use.';
COMMENT ON COLUMN pulse.flag.segments IS 'Segments that its rules use.';
COMMENT ON COLUMN pulse.flag.flags IS 'Flags that are its prerequisites.';

-- Level: reader
CREATE TABLE pulse.flag_version (
    flag_id bigint NOT NULL REFERENCES pulse.flag ON DELETE CASCADE,
    version int NOT NULL,
    definition jsonb NOT NULL,  -- Level: people_reader
    enabled boolean NOT NULL,
    change text NOT NULL,  -- Level: people_reader
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (flag_id, version)
);
COMMENT ON TABLE pulse.flag_version IS 'All versions of each flag, with the role that made the change, the time, and a description of the change. Decisions return the version that made them.';
COMMENT ON COLUMN pulse.flag_version.change IS 'Description of the difference from the previous version.';

-- Level: people_reader
CREATE TABLE pulse.exposure (
    day date NOT NULL,
    flag_id bigint NOT NULL,
    bucketing_id text COLLATE "C" NOT NULL,
    variant text NOT NULL,
    version int NOT NULL,
    profile_id bigint,
    first_at timestamptz NOT NULL,
    PRIMARY KEY (day, flag_id, bucketing_id, variant)
);
CREATE INDEX exposure_flag ON pulse.exposure (flag_id, first_at);
COMMENT ON TABLE pulse.exposure IS 'Variants that people saw: one row per person, flag, variant and day, for the fraction pulse.exposure_sample of all people.';
COMMENT ON COLUMN pulse.exposure.day IS 'Day in UTC.';
COMMENT ON COLUMN pulse.exposure.bucketing_id IS 'Bucketing id of the person; for an unknown person, the id of the request.';
COMMENT ON COLUMN pulse.exposure.version IS 'Version of the flag at the first exposure of the day.';
COMMENT ON COLUMN pulse.exposure.profile_id IS 'The profile; null if there was no person with that id.';

SELECT pg_catalog.pg_extension_config_dump('pulse.flag', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.flag_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.flag_version', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.exposure', '');
ALTER TABLE pulse.flag ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.flag FOR SELECT USING (true);

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- Level: people_reader
CREATE VIEW pulse.variant_change AS
SELECT f.key AS flag, e.profile_id, e.bucketing_id, e.before AS from_variant, e.variant AS to_variant, e.before_at AS from_at,
       e.first_at AS at, e.before_version AS from_version, e.version AS to_version,
       CASE WHEN e.version <> e.before_version THEN 'definition'
            WHEN e.bucketing_id <> e.before_id THEN 'merge' ELSE 'person' END AS cause
FROM (SELECT x.flag_id, p.canonical_id AS profile_id, x.bucketing_id, x.variant, x.version, x.first_at,
             lag(x.variant) OVER past AS before, lag(x.version) OVER past AS before_version,
             lag(x.first_at) OVER past AS before_at, lag(x.bucketing_id) OVER past AS before_id
      FROM pulse.exposure AS x LEFT JOIN pulse.profile AS p ON p.id = x.profile_id
      WINDOW past AS (PARTITION BY x.flag_id, coalesce(p.canonical_id::text, 'unknown ' || x.bucketing_id)
                      ORDER BY x.first_at, x.variant)) AS e
JOIN pulse.flag AS f ON f.id = e.flag_id
WHERE e.before <> e.variant;
COMMENT ON VIEW pulse.variant_change IS 'People who saw one variant of a flag and later another, according to pulse.exposure.';
COMMENT ON COLUMN pulse.variant_change.cause IS 'definition (the flag was changed in between), merge (two people with different variants were merged), person (attributes or events of the person changed).';

SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);

-- ---- Definitions ----

-- Level: operator
CREATE FUNCTION pulse_create_flag(key text, definition text, description text DEFAULT NULL)
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_flag_text';
COMMENT ON FUNCTION pulse_create_flag(text, text, text) IS
'Creates a flag and returns its id. A rule over people as text, such as segment("power_users"), makes a boolean flag that is true where the rule is; text that begins with { is a full definition in JSON (doc/flag.md). Errors: 42710 key taken, 22023 invalid key, unknown key or value in the definition, 42601 syntax of a rule, 42704 unknown segment, trait, attribute or prerequisite, 42804 types, 42P17 prerequisites that form a cycle, 0A000 a rule that uses events directly, 54000 too large, 55P03 another transaction changes definitions.';

-- Level: operator
CREATE FUNCTION pulse_create_flag(key text, definition jsonb, description text DEFAULT NULL)
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_flag_jsonb';
COMMENT ON FUNCTION pulse_create_flag(text, jsonb, text) IS
'Creates a flag from a full definition or a JSON rule. See pulse_create_flag(text, text, text).';

-- Level: operator
CREATE FUNCTION pulse_update_flag(key text, definition text DEFAULT NULL, description text DEFAULT NULL, new_key text DEFAULT NULL)
    RETURNS int LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_update_flag_text';
COMMENT ON FUNCTION pulse_update_flag(text, text, text, text) IS
'Changes a flag and returns its version; null leaves a value as it is, an empty description removes it. The new definition replaces the old one completely and takes effect with the next statement of every session; the salt stays, also under a new key, unless the definition names another. Each change is recorded in pulse.flag_version. Errors: 42704 unknown flag, 42710 new key taken, 55000 renamed, or a variant removed, while other flags require it, 55P03 another transaction changes definitions or this flag, and those of pulse_create_flag().';

-- Level: operator
CREATE FUNCTION pulse_update_flag(key text, definition jsonb, description text DEFAULT NULL, new_key text DEFAULT NULL)
    RETURNS int LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_update_flag_jsonb';
COMMENT ON FUNCTION pulse_update_flag(text, jsonb, text, text) IS
'Changes a flag. See pulse_update_flag(text, text, text, text).';

-- Level: operator
CREATE FUNCTION pulse_delete_flag(key text)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_delete_flag';
COMMENT ON FUNCTION pulse_delete_flag(text) IS
'Deletes a flag and its versions; pulse_archive_flag() keeps them. Errors: 42704 unknown flag, 55000 other flags require it, 55P03 another transaction changes definitions or this flag.';

-- Level: operator
CREATE FUNCTION pulse_enable_flag(key text)
    RETURNS int LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_enable_flag';
COMMENT ON FUNCTION pulse_enable_flag(text) IS
'Enables a flag again, from the next statement of every session on. Returns the flag''s version. Errors: 42704 unknown flag, 55000 the flag is archived, 55P03 a transaction that changes it is open for longer than pulse.lock_timeout.';

-- Level: operator
CREATE FUNCTION pulse_disable_flag(key text)
    RETURNS int LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_disable_flag';
COMMENT ON FUNCTION pulse_disable_flag(text) IS
'The kill switch: everybody gets the off variant from the next statement of every session on, also inside open transactions. Returns the flag''s version. Errors: 42704 unknown flag, 55P03 a transaction that changes it is open for longer than pulse.lock_timeout.';

-- Level: operator
CREATE FUNCTION pulse_archive_flag(key text)
    RETURNS int LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_archive_flag';
COMMENT ON FUNCTION pulse_archive_flag(text) IS
'Retires a flag: every decision returns its off variant, and pulse_decide_all() leaves it out. Returns the flag''s version. Errors: 42704 unknown flag, 55000 other flags require it, 55P03 another transaction changes definitions or this flag.';

-- Level: operator
CREATE FUNCTION pulse_restore_flag(key text)
    RETURNS int LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_restore_flag';
COMMENT ON FUNCTION pulse_restore_flag(text) IS 'Restores an archived flag after checking its definition again. Returns the flag''s version. Errors: 42704 unknown flag, or an object that it uses does not exist any more, 55P03 another transaction changes definitions or this flag, and those of pulse_create_flag().';

-- Level: people_reader
CREATE FUNCTION pulse_list_flags()
    RETURNS TABLE (key text, status text, type text, description text, definition jsonb, version int, traits text[], segments text[],
                   flags text[], created_by text, created_at timestamptz, updated_at timestamptz, last_exposure_at timestamptz)
    LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT f.key, CASE WHEN f.archived_at IS NOT NULL THEN 'archived' WHEN NOT f.enabled THEN 'off'
                       WHEN x.last_at < pulse_now() - interval '30 days' THEN 'stale' ELSE 'live' END,
           f.definition ->> 'type', f.description, f.definition, f.version, f.traits, f.segments, f.flags, f.created_by, f.created_at,
           f.updated_at, x.last_at
    FROM pulse.flag AS f CROSS JOIN LATERAL (SELECT max(e.first_at) AS last_at FROM pulse.exposure AS e WHERE e.flag_id = f.id) AS x
    ORDER BY f.key;
END;
COMMENT ON FUNCTION pulse_list_flags() IS
'Lists all flags with their state: live, off (disabled), archived, stale (has exposures, but none in the last 30 days).';

-- ---- Decisions ----

-- Level: people_reader
CREATE FUNCTION pulse_decide("user" text, flag text, context jsonb DEFAULT '{}', OUT value jsonb, OUT variant text, OUT allow boolean,
                             OUT reason text, OUT rule int, OUT segment text, OUT bucket int, OUT version int, OUT payload jsonb)
    RETURNS record LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_decide';
COMMENT ON FUNCTION pulse_decide(text, text, jsonb) IS
'Decides a flag for one person at pulse_now(). "user" is any id of the person, as for pulse_profile(). An unknown id is evaluated from the context alone, and so is null, for which context.targetingKey can give the id. reason: STATIC, TARGETING_MATCH, SPLIT (by bucket), DEFAULT (no rule matches), DISABLED, OVERRIDE, PREREQUISITE, HOLDOUT; rule: number of the matching rule, from 1; segment: the first segment named by that rule that the person is in; bucket: the person''s bucket, of 100000; allow: whether the value is true, or for other types, whether the variant is not the off variant. Writes nothing; sees the changes of this transaction. Errors: 42704 unknown flag, 22023 context is not an object.';

-- Level: people_reader
CREATE FUNCTION pulse_decide_all("user" text, context jsonb DEFAULT '{}')
    RETURNS TABLE (flag text, value jsonb, variant text, allow boolean, reason text, rule int, segment text, bucket int, version int, payload jsonb)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 20 AS 'MODULE_PATHNAME', 'pulse_decide_all';
COMMENT ON FUNCTION pulse_decide_all(text, jsonb) IS
'Decides every flag that is not archived for one person, as pulse_decide() does, ordered by key.';

-- Level: people_reader
CREATE FUNCTION pulse_explain_decision("user" text, flag text, context jsonb DEFAULT '{}')
    RETURNS TABLE (depth int, part text, value text, note text)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 20 AS 'MODULE_PATHNAME', 'pulse_explain_decision';
COMMENT ON FUNCTION pulse_explain_decision(text, text, jsonb) IS
'Explains the decision of pulse_decide(): every step in order, each rule with the values of its parts, and the buckets. Errors: as for pulse_decide().';

-- Level: writer
CREATE FUNCTION pulse_expose("user" text, flag text, context jsonb DEFAULT '{}', OUT value jsonb, OUT variant text, OUT allow boolean,
                             OUT reason text, OUT rule int, OUT segment text, OUT bucket int, OUT version int, OUT payload jsonb)
    RETURNS record LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_expose';
COMMENT ON FUNCTION pulse_expose(text, text, jsonb) IS
'Decides as pulse_decide() does, and records in pulse.exposure that the person saw the variant: once a day, for the fraction pulse.exposure_sample of all people. On a standby and in a read-only transaction it only decides. Errors: as for pulse_decide().';

-- Level: writer
CREATE FUNCTION pulse_log_exposure("user" text, flag text, variant text)
    RETURNS boolean LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_log_exposure';
COMMENT ON FUNCTION pulse_log_exposure(text, text, text) IS
'Records in pulse.exposure that a person saw a variant that was decided earlier or elsewhere. Returns true if a row is written; false if today''s row exists already, or the person is not in the sample pulse.exposure_sample. Errors: 42704 unknown flag or variant, 22023 no user, 25006 read-only.';
