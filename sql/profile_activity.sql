-- ---------------------------------------------------------------------------------------------------------
-- Room profile: what happens to people, for subscriptions.

-- Level: people_reader
CREATE TABLE pulse.activity (
    id bigserial PRIMARY KEY,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('event.received', 'profile.created', 'profile.updated', 'profile.merged')),
    profile_id bigint NOT NULL,
    at timestamptz NOT NULL,
    data jsonb NOT NULL,
    position bigint
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
CREATE INDEX activity_position ON pulse.activity (position) WHERE position IS NOT NULL;
CREATE INDEX activity_new ON pulse.activity (id) WHERE position IS NULL;
COMMENT ON TABLE pulse.activity IS
'What happened to people, one row each, written by the transaction that did it, and only while a subscription to such events exists. The delivery worker deletes what all subscriptions have, the job retention what is older than pulse.notify_within.';
COMMENT ON COLUMN pulse.activity.kind IS 'The event, as subscriptions name it.';
COMMENT ON COLUMN pulse.activity.profile_id IS 'The person.';
COMMENT ON COLUMN pulse.activity.at IS 'When it happened, by pulse_now().';
COMMENT ON COLUMN pulse.activity.data IS 'What the message says besides the ids of the person.';
COMMENT ON COLUMN pulse.activity.position IS 'The position in the order in which subscriptions see it; assigned when it is first read.';

-- Level: reader
CREATE TABLE pulse.activity_consumer (
    subscription text PRIMARY KEY,
    position bigint NOT NULL,
    after_id bigint NOT NULL,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE pulse.activity_consumer IS 'The position of each subscription to events in pulse.activity.';
COMMENT ON COLUMN pulse.activity_consumer.after_id IS 'Rows up to this id precede the subscription and are not sent to it.';

-- Not even pg_write_all_data can make messages: their receivers believe what Pulse signs.
ALTER TABLE pulse.activity ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.activity_consumer ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.activity FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.activity_consumer FOR SELECT USING (true);

-- In a restored copy, subscriptions send only what happens in the copy.
SELECT pg_catalog.pg_extension_config_dump('pulse.activity', 'WHERE false');
SELECT pg_catalog.pg_extension_config_dump('pulse.activity_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.activity_consumer', 'WHERE false');
