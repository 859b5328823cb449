-- ---------------------------------------------------------------------------------------------------------
-- Room profile: events of people.

-- Level: people_reader
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
-- The index (profile_id, name, time) is created on each partition: when a dump is restored, an index of the whole table would be attached twice,
-- by the extension's script and by the dump.
COMMENT ON TABLE pulse.event IS 'All accepted events. Append-only, partitioned by time; partitions older than pulse.event_retention are dropped.';
COMMENT ON COLUMN pulse.event.profile_id IS 'The profile that the event was received for. Merges do not change it: the person is the canonical_id of this profile.';
COMMENT ON COLUMN pulse.event.time IS 'When the event happened by the sender''s clock, corrected if that clock was wrong.';
COMMENT ON COLUMN pulse.event.name IS 'Name of the event. Calls without a name are stored as $page, $screen, $identify, $group or $alias.';
COMMENT ON COLUMN pulse.event.type IS 'One of track, page, screen, identify, group, alias.';
COMMENT ON COLUMN pulse.event.properties IS 'The properties of the event; for identify and group, the traits.';
