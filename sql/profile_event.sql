-- ---------------------------------------------------------------------------------------------------------
-- Room profile: what people did.

CREATE TABLE pulse.event (
    id bigint NOT NULL,
    profile_id bigint NOT NULL,
    time timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    name text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    properties jsonb NOT NULL,
    context jsonb,
    message_id text,
    source text COLLATE "C" NOT NULL
) PARTITION BY RANGE (time);
CREATE SEQUENCE pulse.event_id_seq CACHE 32 OWNED BY pulse.event.id;
ALTER TABLE pulse.event ALTER COLUMN id SET DEFAULT nextval('pulse.event_id_seq');
-- Its index (profile_id, name, time) is made on each partition by itself: one of the whole table would be attached twice when a dump is restored,
-- by the extension's script and by the dump.
COMMENT ON TABLE pulse.event IS 'Every event accepted, append-only, partitioned by time; old partitions go by pulse.event_retention.';
COMMENT ON COLUMN pulse.event.profile_id IS 'The profile it came for. Merges leave it: the person is that profile''s canonical_id.';
COMMENT ON COLUMN pulse.event.time IS 'When it happened, by the sender''s clock, corrected where that was wrong.';
COMMENT ON COLUMN pulse.event.name IS 'The event''s name; for calls that have none the type in dollar signs'' style: $page, $screen, $identify, $group, $alias.';
COMMENT ON COLUMN pulse.event.type IS 'track, page, screen, identify, group, alias.';
COMMENT ON COLUMN pulse.event.properties IS 'properties, or traits of identify and group.';
