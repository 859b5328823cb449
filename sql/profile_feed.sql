-- ---------------------------------------------------------------------------------------------------------
-- Room profile: what happens to people, for subscriptions.

-- Level: people_reader
CREATE TABLE pulse.feed_item (
    id bigserial PRIMARY KEY,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('event.received', 'profile.created', 'profile.updated', 'profile.merged', 'consent.updated')),
    profile_id bigint NOT NULL,
    at timestamptz NOT NULL,
    data jsonb NOT NULL,
    position bigint
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
CREATE INDEX feed_item_position ON pulse.feed_item (position) WHERE position IS NOT NULL;
CREATE INDEX feed_item_new ON pulse.feed_item (id) WHERE position IS NULL;
COMMENT ON TABLE pulse.feed_item IS
'What happened to people, one row each, written by the transaction that did it, and only while a subscription to such events exists. The delivery worker deletes what all subscriptions have, the job retention what is older than pulse.notify_within.';
COMMENT ON COLUMN pulse.feed_item.kind IS 'The event, as subscriptions name it.';
COMMENT ON COLUMN pulse.feed_item.profile_id IS 'The person.';
COMMENT ON COLUMN pulse.feed_item.at IS 'When it happened, by pulse_now().';
COMMENT ON COLUMN pulse.feed_item.data IS 'What the message says besides the ids of the person.';
COMMENT ON COLUMN pulse.feed_item.position IS 'The position in the order in which subscriptions see it; assigned when it is first read.';

-- Level: reader
CREATE TABLE pulse.feed_consumer (
    subscription text PRIMARY KEY,
    position bigint NOT NULL,
    after_id bigint NOT NULL,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE pulse.feed_consumer IS 'The position of each subscription to events in pulse.feed_item.';
COMMENT ON COLUMN pulse.feed_consumer.after_id IS 'Rows up to this id precede the subscription and are not sent to it.';

-- Not even pg_write_all_data can make messages: their receivers believe what Pulse signs.
ALTER TABLE pulse.feed_item ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.feed_consumer ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.feed_item FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.feed_consumer FOR SELECT USING (true);

-- In a restored copy, subscriptions send only what happens in the copy.
SELECT pg_catalog.pg_extension_config_dump('pulse.feed_item', 'WHERE false');
SELECT pg_catalog.pg_extension_config_dump('pulse.feed_item_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.feed_consumer', 'WHERE false');
