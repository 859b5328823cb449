-- What senders write in their own way: characters and numbers that jsonb cannot hold, times, ids, and people deleted by hand.
\pset footer off
SET timezone = 'UTC';
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pulse;
\set VERBOSITY terse

-- JSON text: the batch is accepted, and the event has the replacement.
SELECT index, status, reason FROM pulse_ingest('[{"userId": "snd-a", "event": "a", "properties": {"x": "cut \ud83d", "z": "nul \u0000", "n": 1e200000}}, {"userId": "snd-b", "event": "b", "properties": {"x": "\ud83d\ude00"}}]');
SELECT name, properties FROM pulse.event WHERE name IN ('a', 'b') ORDER BY name;
SELECT index, status, reason FROM pulse_ingest(format('[{"userId": "snd-a", "event": "deep", "properties": {"x": %s1%s}}, {"userId": "snd-b", "event": "c"}]', repeat('[', 20000), repeat(']', 20000)));
SELECT count(*) FROM pulse.rejected_event WHERE reason = 'too_deep';
SELECT * FROM pulse_ingest('[{"userId": "snd-a"');
SELECT index, status FROM pulse_ingest('{"userId": "snd-a", "event": "as jsonb"}'::jsonb);

-- COPY: a row that is not JSON is rejected by itself.
COPY pulse.ingest (user_id, event, properties) FROM STDIN WITH (FORMAT csv);
snd-a,copied,"{""x"": ""\u0000""}"
snd-b,copied,"{""x"": "
snd-c,copied,"{""x"": 1e200000}"
\.
SELECT i.value, e.properties FROM pulse.event AS e JOIN pulse.identity AS i USING (profile_id) WHERE e.name = 'copied' ORDER BY 1;
SELECT reason, detail, payload FROM pulse.rejected_event WHERE payload ->> 'event' = 'copied';
INSERT INTO pulse.ingest (user_id, event, properties) SELECT 'snd-a', 'inserted', jsonb_build_object('x', 1);
SELECT properties FROM pulse.event WHERE name = 'inserted';

-- Times.
SELECT count(*) AS accepted FROM unnest(ARRAY['2024-03-01T06:00:00.1234567Z', '2024-03-01t06:00:00.123456789z', '2024-03-01 06:00:00 UTC', '20240301T060000Z', '20240301T0600+0100', '2024-03-01T05:59:60Z',
     '2024-03-01T24:00:00Z', '1709272800', '1709272800123', '1709272800.5', '2024-03-01T06:00:00,5Z', '2024-03-01T25:00:00Z', '20240301']) WITH ORDINALITY AS u (t, n)
CROSS JOIN LATERAL pulse_ingest(jsonb_build_object('userId', 'snd-t', 'event', 'timed', 'timestamp', t, 'properties', jsonb_build_object('t', t, 'n', n))) AS i WHERE i.status = 'accepted';
SELECT properties ->> 't' AS sent, time FROM pulse.event WHERE name = 'timed' ORDER BY (properties -> 'n')::int;
SELECT detail FROM pulse.rejected_event WHERE reason = 'invalid_timestamp' ORDER BY id;
SELECT pulse_create_trait('snd_after', 'profile.t1 > "2024-02-28" and profile.t2 > "2024-02-28" and profile.t3 > "2024-02-28" and profile.t4 > "2024-02-28" and profile.t5 < "2024-03-02"') > 0 AS made;
SELECT pulse_identify('snd-t', '{"t1": "2024-03-01T06:00:00.1234567z", "t2": "20240301T060000Z", "t3": "1709272800", "t4": "1709272800123", "t5": "2024-03-01 06:00:00 UTC"}') > 0 AS accepted;
SELECT pulse_trait('snd-t', 'snd_after');
-- A sentAt that does not fit is not used.
SELECT s AS sent_at, detail FROM unnest(ARRAY['9999-12-31T23:59:59Z', '1970-01-01T00:00:00Z']) WITH ORDINALITY AS u (s, n)
CROSS JOIN LATERAL pulse_ingest(jsonb_build_object('userId', 'snd-t', 'event', 'sent', 'timestamp', '2024-03-01T06:00:00Z', 'sentAt', s)) ORDER BY n;
SELECT time FROM pulse.event WHERE name = 'sent';

-- Ids and names.
SELECT count(DISTINCT profile_id) AS people FROM pulse_ingest('[{"email": "M\u00dcLLER@Example.com", "event": "e"}, {"email": "m\u00fcller@example.com", "event": "e"}, {"email": "\u0418\u0432\u0430\u043d@example.com", "event": "e"}, {"email": "\u0438\u0432\u0430\u043d@example.com", "event": "e"}]');
SELECT count(DISTINCT profile_id) AS people FROM pulse_ingest('[{"userId": 123.0, "event": "e"}, {"userId": 123, "event": "e"}, {"userId": "123", "event": "e"}, {"userId": 12.30, "event": "e"}]');
SELECT count(*) FROM pulse_ingest('[{"userId": "snd-n", "event": "Order\nCompleted"}, {"userId": "snd-n", "event": "Order\r\nCompleted"}, {"userId": "snd-n", "event": "Order\tCompleted"}]');
SELECT DISTINCT e.name FROM pulse.event AS e JOIN pulse.identity AS i USING (profile_id) WHERE i.value = 'snd-n';
SELECT index, status FROM pulse_ingest('[{"userId": "snd-n", "event": "empty key", "properties": {"": 1, "a": 2}}]');
SELECT property FROM pulse.property_catalog WHERE event = 'empty key';

-- People deleted by hand: their ids are free, and no segment lists them.
SET pulse.evaluation = 'sync';
SELECT pulse_create_segment('snd_buyers', '{"where": "events.buy.count() > 0"}') > 0 AS made;
SELECT count(*) FROM pulse_ingest('[{"userId": "snd-x", "anonymousId": "snd-x-anonymous", "event": "buy"}, {"userId": "snd-y", "event": "buy"}]');
DELETE FROM pulse.profile WHERE id = (SELECT profile_id FROM pulse.identity WHERE value = 'snd-x');
SELECT count(*) FROM pulse.identity WHERE value LIKE 'snd-x%';
SELECT count(*) FROM pulse.membership WHERE segment = 'snd_buyers';
SELECT index, status, reason FROM pulse_ingest('[{"userId": "snd-x", "event": "buy"}, {"userId": "snd-y", "event": "buy"}]');
SELECT count(*) FROM pulse.membership WHERE segment = 'snd_buyers';
SELECT pulse_delete_segment('snd_buyers', confirm => true);
SELECT pulse_delete_trait('snd_after');
TRUNCATE pulse.event, pulse.rejected_event, pulse.message_seen, pulse.identity, pulse.profile, pulse.account, pulse.account_member, pulse.event_kind, pulse.event_property,
    pulse.ingest_tally, pulse.source_total, pulse.profile_state, pulse.member, pulse.membership_change;
