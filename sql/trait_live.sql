-- ---------------------------------------------------------------------------------------------------------
-- Room trait: what is kept up to date with every event.

CREATE TABLE pulse.profile_state (
    profile_id bigint PRIMARY KEY,
    as_of timestamptz NOT NULL,
    metrics jsonb NOT NULL,
    segments jsonb NOT NULL,
    next_change_at timestamptz
) WITH (fillfactor = 70);
CREATE INDEX profile_state_next ON pulse.profile_state (next_change_at) WHERE next_change_at IS NOT NULL;
COMMENT ON TABLE pulse.profile_state IS 'What the metrics and segments of a person are, from as_of until next_change_at, unless an event comes.';
COMMENT ON COLUMN pulse.profile_state.metrics IS 'By id of pulse.metric: [value, until]; what somebody without such events has is left out.';
COMMENT ON COLUMN pulse.profile_state.segments IS 'By id of pulse.segment: [member, until] of the live version; neither member nor due is left out.';
COMMENT ON COLUMN pulse.profile_state.next_change_at IS 'The first instant at which a membership can change without an event; null: never.';

CREATE TABLE pulse.member (
    segment_id bigint NOT NULL,
    profile_id bigint NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (segment_id, profile_id)
);
CREATE INDEX member_profile ON pulse.member (profile_id);
COMMENT ON TABLE pulse.member IS 'Who was in which profile segment when last evaluated; pulse.membership is exact at any instant.';

CREATE TABLE pulse.membership_change (
    id bigint NOT NULL,
    segment_id bigint NOT NULL,
    profile_id bigint NOT NULL,
    change text COLLATE "C" NOT NULL CHECK (change IN ('entered', 'exited')),
    at timestamptz NOT NULL,
    version int NOT NULL,
    cause text COLLATE "C" NOT NULL,
    quiet boolean NOT NULL,
    position bigint
) PARTITION BY RANGE (at);
CREATE SEQUENCE pulse.membership_change_id_seq CACHE 32 OWNED BY pulse.membership_change.id;
ALTER TABLE pulse.membership_change ALTER COLUMN id SET DEFAULT nextval('pulse.membership_change_id_seq');
COMMENT ON TABLE pulse.membership_change IS 'Who entered or left which profile segment, when and why, written by the transaction that found it.';
COMMENT ON COLUMN pulse.membership_change.cause IS 'event, time (a window moved on), attributes, account, merge, unmerge, definition, build, import.';
COMMENT ON COLUMN pulse.membership_change.quiet IS 'Automations let it be: it came from an import or a build.';
COMMENT ON COLUMN pulse.membership_change.position IS 'The place in the order in which consumers see it; given when first read.';

CREATE TABLE pulse.dirty (
    id bigserial PRIMARY KEY,
    profile_id bigint NOT NULL,
    event text COLLATE "C",
    cause text COLLATE "C" NOT NULL,
    quiet boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
COMMENT ON TABLE pulse.dirty IS 'Queue of what the pipeline has still to evaluate where pulse.evaluation is async: only added to, and taken from.';
