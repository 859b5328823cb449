-- ---------------------------------------------------------------------------------------------------------
-- Room profile: people, their identities and accounts.

CREATE TABLE pulse.account (
    id bigserial PRIMARY KEY,
    key text COLLATE "C" NOT NULL UNIQUE CHECK (char_length(key) BETWEEN 1 AND 255),
    attributes jsonb NOT NULL DEFAULT '{}',
    first_seen_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON TABLE pulse.account IS 'Groups of people, such as companies: what pulse_group() names.';
COMMENT ON COLUMN pulse.account.key IS 'The groupId.';
COMMENT ON COLUMN pulse.account.attributes IS 'account.* in rules.';

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
COMMENT ON TABLE pulse.profile IS 'People. Who was merged into somebody keeps a row and the events, and names that person as canonical_id.';
COMMENT ON COLUMN pulse.profile.canonical_id IS 'The person this row is part of: its own id, or that of the one it was merged into. Never a chain.';
COMMENT ON COLUMN pulse.profile.bucketing_id IS 'What percentages of flags are drawn by: the first id this person was seen with. It never changes.';
COMMENT ON COLUMN pulse.profile.attributes IS 'profile.* in rules: what identify said, newest value per key. Of a merged row: as it was.';
COMMENT ON COLUMN pulse.profile.account_id IS 'The account last named for this person: account.* in rules.';
COMMENT ON COLUMN pulse.profile.first_seen_at IS 'The time of the event that made the row; older ones may come after it: pulse.person tells the first of all.';

CREATE TABLE pulse.identity (
    kind text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    profile_id bigint NOT NULL,
    first_seen_at timestamptz NOT NULL,
    PRIMARY KEY (kind, value)
);
CREATE INDEX identity_profile ON pulse.identity (profile_id, kind, first_seen_at);
COMMENT ON TABLE pulse.identity IS 'By which ids people are known. Each leads to one profile, and from there by canonical_id to the person.';
COMMENT ON COLUMN pulse.identity.kind IS 'user_id, anonymous_id, email, phone, device_id, or one of pulse.identity_kind.';
COMMENT ON COLUMN pulse.identity.value IS 'Normalised.';
COMMENT ON COLUMN pulse.identity.profile_id IS 'The profile it was first attached to; merges leave it.';

SELECT pg_catalog.pg_extension_config_dump('pulse.account', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.account_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.profile', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.profile_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.identity', '');
