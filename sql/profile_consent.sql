-- ---------------------------------------------------------------------------------------------------------
-- Room profile: consent, by purpose.

-- Level: reader
CREATE TABLE pulse.consent_purpose (
    purpose text COLLATE "C" PRIMARY KEY CHECK (purpose ~ '^[a-z][a-z0-9_]{0,62}$'),
    categories text[] NOT NULL DEFAULT '{}',
    granted_by_default boolean NOT NULL DEFAULT false,
    built_in boolean NOT NULL DEFAULT false,
    CHECK (purpose <> 'all' OR NOT granted_by_default)
);
COMMENT ON TABLE pulse.consent_purpose IS 'What consent is given for. Changed only by pulse_set_consent_purpose() and pulse_drop_consent_purpose().';
COMMENT ON COLUMN pulse.consent_purpose.purpose IS 'Its name. What is said for the purpose all holds for each purpose.';
COMMENT ON COLUMN pulse.consent_purpose.categories IS 'The names under which senders'' consent managers know it: keys of context.consent.categoryPreferences. One category may stand for several purposes.';
COMMENT ON COLUMN pulse.consent_purpose.granted_by_default IS 'Whether pulse_has_consent() is true for people of whom nothing is recorded for it. Rules and audiences count recorded consent only.';
COMMENT ON COLUMN pulse.consent_purpose.built_in IS 'Whether CREATE EXTENSION created it; such purposes cannot be dropped.';
INSERT INTO pulse.consent_purpose (purpose, categories, built_in)
VALUES ('all', '{}', true), ('analytics', '{}', true), ('ads', '{}', true), ('ads_personalization', '{}', true), ('email', '{}', true), ('sms', '{}', true), ('push', '{}', true);

CREATE FUNCTION pulse.settle_consent_purpose() RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM pulse.consent_purpose AS p WHERE p.purpose = NEW.purpose;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION pulse.settle_consent_purpose() IS 'Lets the purposes of a restored dump replace those that CREATE EXTENSION created.';
CREATE TRIGGER consent_purpose_settle BEFORE INSERT ON pulse.consent_purpose FOR EACH ROW EXECUTE FUNCTION pulse.settle_consent_purpose();
ALTER TABLE pulse.consent_purpose ENABLE ALWAYS TRIGGER consent_purpose_settle;
COMMENT ON TRIGGER consent_purpose_settle ON pulse.consent_purpose IS 'Lets the purposes of a restored dump or a logical copy replace existing ones.';
CREATE FUNCTION pulse.announce_consent_purpose() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_announce_consent_purpose';
COMMENT ON FUNCTION pulse.announce_consent_purpose() IS 'Invalidates the purposes cached by other sessions when the transaction commits.';
CREATE TRIGGER consent_purpose_announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pulse.consent_purpose
    FOR EACH STATEMENT EXECUTE FUNCTION pulse.announce_consent_purpose();
COMMENT ON TRIGGER consent_purpose_announce ON pulse.consent_purpose IS 'Invalidates the purposes that sessions keep in memory.';

-- Level: reader
CREATE TABLE pulse.consent_default (
    purpose text COLLATE "C" NOT NULL,
    region text COLLATE "C" NOT NULL CHECK (region ~ '^[A-Z]{2}(-[A-Z0-9]{1,3})?$'),
    granted boolean NOT NULL,
    PRIMARY KEY (purpose, region)
);
COMMENT ON TABLE pulse.consent_default IS 'What pulse_has_consent() says of people in a region of whom nothing is recorded, as the defaults of Google''s consent mode with their parameter region. Changed only by pulse_set_consent_default().';
COMMENT ON COLUMN pulse.consent_default.purpose IS 'One of pulse.consent_purpose, whose granted_by_default holds in all other regions.';
COMMENT ON COLUMN pulse.consent_default.region IS 'A country or a part of one as ISO 3166-2 names it: DE, US-CA. That of a part counts before that of the country.';
CREATE TRIGGER consent_default_announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pulse.consent_default
    FOR EACH STATEMENT EXECUTE FUNCTION pulse.announce_consent_purpose();
COMMENT ON TRIGGER consent_default_announce ON pulse.consent_default IS 'Invalidates the purposes that sessions keep in memory.';

-- Level: people_reader
CREATE TABLE pulse.consent_record (
    id bigserial PRIMARY KEY,
    profile_id bigint NOT NULL,
    purpose text COLLATE "C" NOT NULL,
    status text NOT NULL CHECK (status IN ('granted', 'denied', 'withdrawn')),
    at timestamptz NOT NULL CHECK (isfinite(at)),
    repeated_at timestamptz NOT NULL CHECK (repeated_at >= at AND isfinite(repeated_at)),
    expires_at timestamptz CHECK (expires_at > at AND isfinite(expires_at)),
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL,
    source text NOT NULL,
    basis text,
    text text,
    text_version text,
    proof jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(proof) = 'object')
);
CREATE INDEX consent_record_profile ON pulse.consent_record (profile_id, purpose, at);
COMMENT ON TABLE pulse.consent_record IS 'What people said about each purpose, with the proof. Append-only: pulse_set_consent() and events add rows, only the erasure of a person deletes them. Kept as long as the person, for who relies on consent must be able to show it.';
COMMENT ON COLUMN pulse.consent_record.profile_id IS 'The profile of the id that it was said with; canonical_id of pulse.profile is the person. Merges do not change it.';
COMMENT ON COLUMN pulse.consent_record.status IS 'granted, denied, or withdrawn: a refusal after a consent.';
COMMENT ON COLUMN pulse.consent_record.at IS 'When it was said. The newest counts, whenever it arrives; of two at the same instant the stricter.';
COMMENT ON COLUMN pulse.consent_record.repeated_at IS 'When an event repeated it last; an event that only repeats what holds adds no row.';
COMMENT ON COLUMN pulse.consent_record.expires_at IS 'From this instant on it is no consent any more; null: never. Without meaning for a refusal.';
COMMENT ON COLUMN pulse.consent_record.recorded_at IS 'When Pulse learnt of it.';
COMMENT ON COLUMN pulse.consent_record.recorded_by IS 'The role or API key that recorded it.';
COMMENT ON COLUMN pulse.consent_record.source IS 'Where it was said: the source in the evidence, or the kind of the signal in an event: consent, category, google, tcf, gpp, us_privacy, gpc.';
COMMENT ON COLUMN pulse.consent_record.basis IS 'The legal basis, as it was given.';
COMMENT ON COLUMN pulse.consent_record.text IS 'What the person read.';
COMMENT ON COLUMN pulse.consent_record.text_version IS 'The version of that text.';
COMMENT ON COLUMN pulse.consent_record.proof IS 'All else that proves it: address, user agent, the string of the consent manager and its SHA-256.';

CREATE FUNCTION pulse.keep_consent_record() RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'cannot change pulse.consent_record',
        DETAIL = 'Rows can only be added to it.', HINT = 'Record what the person says now by pulse_set_consent().';
END $$;
COMMENT ON FUNCTION pulse.keep_consent_record() IS 'Refuses to change what was recorded in pulse.consent_record.';
-- Events update repeated_at alone, for which the comparison of everything else would cost more than the update.
CREATE TRIGGER consent_record_keep
    BEFORE UPDATE OF id, profile_id, purpose, status, at, expires_at, recorded_at, recorded_by, source, basis, text, text_version, proof ON pulse.consent_record
    FOR EACH ROW WHEN ((to_jsonb(NEW) - 'repeated_at') IS DISTINCT FROM (to_jsonb(OLD) - 'repeated_at'))
    EXECUTE FUNCTION pulse.keep_consent_record();
COMMENT ON TRIGGER consent_record_keep ON pulse.consent_record IS 'Nothing may change but repeated_at.';
CREATE TRIGGER consent_record_repeat BEFORE UPDATE OF repeated_at ON pulse.consent_record FOR EACH ROW
    WHEN (NEW.repeated_at < OLD.repeated_at) EXECUTE FUNCTION pulse.keep_consent_record();
COMMENT ON TRIGGER consent_record_repeat ON pulse.consent_record IS 'repeated_at may change to a later time.';

-- Level: people_reader
CREATE TABLE pulse.consent (
    profile_id bigint NOT NULL,
    purpose text COLLATE "C" NOT NULL,
    status text NOT NULL CHECK (status IN ('granted', 'denied', 'withdrawn')),
    at timestamptz NOT NULL,
    expires_at timestamptz,
    record_id bigint NOT NULL,
    live tstzmultirange NOT NULL,
    PRIMARY KEY (profile_id, purpose)
);
CREATE INDEX consent_of_purpose ON pulse.consent (purpose, status, profile_id);
CREATE INDEX consent_expiry ON pulse.consent (expires_at) WHERE expires_at IS NOT NULL;
COMMENT ON TABLE pulse.consent IS 'The consent of each person for each purpose: what pulse.consent_record and the merges of pulse.merge_history come to, kept in the transactions that change them. No row: nothing is recorded, which is a refusal.';
COMMENT ON COLUMN pulse.consent.profile_id IS 'The person: the canonical profile.';
COMMENT ON COLUMN pulse.consent.purpose IS 'One of pulse.consent_purpose. What was said for all is contained in the rows of every purpose.';
COMMENT ON COLUMN pulse.consent.status IS 'What was said last; of what two people said before they were merged, the stricter. An expired consent is still called granted: live decides.';
COMMENT ON COLUMN pulse.consent.at IS 'When it was said.';
COMMENT ON COLUMN pulse.consent.expires_at IS 'When the consent ends by itself; null: never, or it is none.';
COMMENT ON COLUMN pulse.consent.record_id IS 'The row of pulse.consent_record that decides.';
COMMENT ON COLUMN pulse.consent.live IS 'All instants with consent, past and future: live @> pulse_now() says whether there is consent now.';
SELECT pg_catalog.pg_extension_config_dump('pulse.consent_purpose', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.consent_default', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.consent_record', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.consent_record_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.consent', '');

-- Level: writer
CREATE FUNCTION pulse_set_consent("user" text, purpose text, granted boolean, evidence jsonb DEFAULT '{}') RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_set_consent';
COMMENT ON FUNCTION pulse_set_consent(text, text, boolean, jsonb) IS
'Records that a person gave (true) or refused (false) consent for a purpose of pulse.consent_purpose, and returns the id of the row in pulse.consent_record. Evidence: source, basis, text, text_version,
at (default now; not in the future), expires_at (of a consent), status (withdrawn or denied, for a refusal); all else, such as ip and user_agent, is kept as proof. The newest by its time counts, of equal ones the
stricter; what is said for the purpose all holds for each. Rules, flags and audiences see it in the same transaction; pulse.audit gets a row. Errors: 42704 no such person or purpose; 22023 malformed evidence; 22004 null; 54000 too large.';
-- Level: writer
CREATE FUNCTION pulse_set_consents(consents jsonb) RETURNS TABLE ("position" bigint, "user" text, profile_id bigint, record_id bigint, result text, detail text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'pulse_set_consents';
COMMENT ON FUNCTION pulse_set_consents(jsonb) IS
'Records what many people said, as pulse_set_consent() does for one: an array of {"user", "purpose", "granted", "evidence"}. Returns for each, in order, what happened: recorded, unknown_user, or invalid with the reason, which leaves the others alone. pulse.audit gets one row. Errors: 22023 not an array, 54000 more than pulse.max_batch, 22004 null.';

-- Level: people_reader
CREATE FUNCTION pulse_consents_of("user" text, at timestamptz DEFAULT NULL)
    RETURNS TABLE (purpose text, status text, granted boolean, since timestamptz, expires_at timestamptz, source text, basis text, text_version text, record_id bigint)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 7 AS 'MODULE_PATHNAME', 'pulse_consents_of';
COMMENT ON FUNCTION pulse_consents_of(text, timestamptz) IS
'Returns a person''s consent for each purpose, now or as of a moment: status granted, expired, denied, withdrawn, or none where nothing is recorded; granted: whether there is consent, for none what the purpose says for the person''s region; since: when it was said. Past moments are those of the person as merged today. Errors: 42704 no such person.';

-- Level: people_reader
CREATE FUNCTION pulse_consent_history("user" text, max bigint DEFAULT 100)
    RETURNS TABLE (record_id bigint, profile_id bigint, purpose text, status text, at timestamptz, repeated_at timestamptz, expires_at timestamptz, recorded_at timestamptz, recorded_by text,
                   source text, basis text, text text, text_version text, proof jsonb)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'pulse_consent_history';
COMMENT ON FUNCTION pulse_consent_history(text, bigint) IS
'Returns what a person said about consent, newest first, as pulse.consent_record keeps it: what shows that there was consent. Errors: 42704 no such person, 22023 max is not from 1 to 1000.';

-- Level: people_reader
CREATE FUNCTION pulse_has_consent("user" text, purpose text) RETURNS boolean
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_has_consent';
COMMENT ON FUNCTION pulse_has_consent(text, text) IS
'Whether a person has consent for a purpose now. Without a record: what pulse.consent_default says for the person''s region, else granted_by_default of pulse.consent_purpose, which is false unless somebody changed it. Errors: 42704 no such person or purpose.';

-- Level: reader
CREATE FUNCTION pulse_consent_coverage() RETURNS TABLE (purpose text, people bigint, granted bigint, refused bigint, expired bigint, unknown bigint, share double precision, exact boolean)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 7 AS 'MODULE_PATHNAME', 'pulse_consent_coverage';
COMMENT ON FUNCTION pulse_consent_coverage() IS
'Returns for each purpose how many people gave consent that is live now, refused it, let it expire, or said nothing, and the share of consent among all. Beyond 10000 rows the planner''s estimates: exact is false.';

-- Level: admin
CREATE FUNCTION pulse_set_consent_purpose(purpose text, categories text[] DEFAULT NULL, granted_by_default boolean DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_set_consent_purpose';
COMMENT ON FUNCTION pulse_set_consent_purpose(text, text[], boolean) IS
'Creates or changes a purpose. Null keeps the current value. categories: keys of context.consent.categoryPreferences that stand for it; consent needs all of them. granted_by_default: what pulse_has_consent() says of people of whom nothing is recorded. What was said for all holds for a new purpose, too. Written to pulse.audit. Errors: 22023 not a valid name or category, all by default, 54000 too many; 55P03, 25001 a new one while transactions that ingest events stay open.';
-- Level: admin
CREATE FUNCTION pulse_set_consent_default(purpose text, region text, granted boolean) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_set_consent_default';
COMMENT ON FUNCTION pulse_set_consent_default(text, text, boolean) IS
'Sets what pulse_has_consent() and pulse_consents_of() say of people in a region of whom nothing is recorded for a purpose; null: what the purpose says for all other regions. The region is a country or a part of one as ISO 3166-2 names it (DE, US-CA). A person''s is that of the attributes country and region or state, also within address; of people whose attributes name none the strictest default counts, of those whose attributes name only a country the strictest of the country and its parts. Rules and audiences count recorded consent only. Written to pulse.audit. Errors: 42704 unknown purpose, 22004 purpose or region is null, 22023 not a region, the purpose all.';
-- Level: admin
CREATE FUNCTION pulse_drop_consent_purpose(purpose text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_drop_consent_purpose';
COMMENT ON FUNCTION pulse_drop_consent_purpose(text) IS
'Drops a purpose that pulse_set_consent_purpose() created. Errors: 42704 unknown purpose, 55000 it is built in, or people have said something about it or for all.';
