-- ---------------------------------------------------------------------------------------------------------
-- Room profile: people, their identities and accounts.

-- Level: people_reader
CREATE TABLE pulse.account (
    id bigserial PRIMARY KEY,
    key text COLLATE "C" NOT NULL UNIQUE CHECK (char_length(key) BETWEEN 1 AND 255),
    attributes jsonb NOT NULL DEFAULT '{}',
    first_seen_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON TABLE pulse.account IS 'Groups of people, such as companies; created by pulse_group().';
COMMENT ON COLUMN pulse.account.key IS 'The groupId.';
COMMENT ON COLUMN pulse.account.attributes IS 'Attributes of the account: account.* in rules.';

-- Level: people_reader
CREATE TABLE pulse.profile (
    id bigserial PRIMARY KEY,
    canonical_id bigint NOT NULL,
    bucketing_id text NOT NULL,
    attributes jsonb NOT NULL DEFAULT '{}',
    account_id bigint,
    first_seen_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX profile_canonical ON pulse.profile (canonical_id, id);
CREATE INDEX profile_account ON pulse.profile (account_id) WHERE account_id IS NOT NULL;
COMMENT ON TABLE pulse.profile IS 'One row per profile. A profile that was merged into another person keeps its row and its events; its canonical_id names that person.';
COMMENT ON COLUMN pulse.profile.canonical_id IS 'The person that this profile belongs to: its own id, or the id of the person it was merged into. Never points to another merged profile.';
COMMENT ON COLUMN pulse.profile.bucketing_id IS 'The id that percentages of flags are computed from: the first id this person was seen with; of several in the first event the user id, else the anonymous id. It never changes.';
COMMENT ON COLUMN pulse.profile.attributes IS 'profile.* in rules: the traits of identify calls, the newest value of each key. A merged profile keeps the attributes it had before the merge.';
COMMENT ON COLUMN pulse.profile.account_id IS 'The account that was named last for this person; its attributes are account.* in rules.';
COMMENT ON COLUMN pulse.profile.first_seen_at IS 'The time of the event that created the profile. Older events may arrive later; pulse.person shows the earliest time.';

-- Level: people_reader
CREATE TABLE pulse.identity (
    kind text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    profile_id bigint NOT NULL,
    first_seen_at timestamptz NOT NULL,
    PRIMARY KEY (kind, value)
);
CREATE INDEX identity_profile ON pulse.identity (profile_id, kind, first_seen_at);
COMMENT ON TABLE pulse.identity IS 'The ids of people. Each id belongs to one profile, whose canonical_id is the person.';
COMMENT ON COLUMN pulse.identity.kind IS 'user_id, anonymous_id, email, phone, device_id, or one of pulse.identity_kind.';
COMMENT ON COLUMN pulse.identity.value IS 'Normalised.';
COMMENT ON COLUMN pulse.identity.profile_id IS 'The profile that the id was first attached to. Merges do not change it.';

SELECT pg_catalog.pg_extension_config_dump('pulse.account', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.account_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.profile', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.profile_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.identity', '');
