-- ---------------------------------------------------------------------------------------------------------
-- Room trait: people who cannot be evaluated without events that are on an archive.

-- Level: people_reader
CREATE TABLE pulse.archive_wait (
    profile_id bigint PRIMARY KEY,
    since timestamptz NOT NULL,
    attempts int NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    cause text COLLATE "C" NOT NULL,
    quiet boolean NOT NULL,
    building boolean NOT NULL,
    message text
);
CREATE INDEX archive_wait_next ON pulse.archive_wait (next_attempt_at);
CREATE INDEX archive_wait_building ON pulse.archive_wait (profile_id) WHERE building;
COMMENT ON TABLE pulse.archive_wait IS 'People who cannot be evaluated without events that are on an archive. They keep their metrics, segments and memberships until the job recall_events has read these events.';
COMMENT ON COLUMN pulse.archive_wait.since IS 'When the person began to wait, by the wall clock; so is next_attempt_at.';
COMMENT ON COLUMN pulse.archive_wait.attempts IS 'How many attempts to read the archive failed.';
COMMENT ON COLUMN pulse.archive_wait.next_attempt_at IS 'When the job tries next: ten seconds after the first failure, then after twice as long each time, up to an hour.';
COMMENT ON COLUMN pulse.archive_wait.cause IS 'What the changes of memberships will have as their cause, as in pulse.membership_change.';
COMMENT ON COLUMN pulse.archive_wait.quiet IS 'Whether these changes will be quiet.';
COMMENT ON COLUMN pulse.archive_wait.building IS 'Whether definitions that are being built wait for this person.';
COMMENT ON COLUMN pulse.archive_wait.message IS 'Why the last attempt failed; null if none did.';

-- Level: owner
CREATE UNLOGGED TABLE pulse.event_recalled (
    profile_id bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    time timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    id bigint NOT NULL,
    properties jsonb NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
CREATE INDEX event_recalled_profile ON pulse.event_recalled (profile_id, name, time);
COMMENT ON TABLE pulse.event_recalled IS 'Events of people in pulse.archive_wait, read from an archive by the job recall_events, which deletes them as soon as these people are evaluated. Only the owner of the extension can read it.';

SELECT pg_catalog.pg_extension_config_dump('pulse.archive_wait', '');
