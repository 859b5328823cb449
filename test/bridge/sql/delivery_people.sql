-- Subscriptions to people who enter and leave segments: which changes become messages, their content, and each change once.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
CREATE SCHEMA IF NOT EXISTS bridge;
CREATE EXTENSION IF NOT EXISTS pulse_bridge_test SCHEMA bridge;
SET search_path = bridge, public;
SET timezone = 'UTC';
\set SHOW_CONTEXT never
\pset null '-'

CREATE VIEW told AS
SELECT o.channel, o.event, o.payload -> 'data' ->> 'segment' AS segment, coalesce(o.payload -> 'data' ->> 'user_id', o.payload -> 'data' ->> 'anonymous_id') AS who,
    o.payload -> 'data' ->> 'cause' AS cause
FROM pulse.outbox AS o ORDER BY o.id;
SELECT count(pulse_identify('u' || i, jsonb_build_object('plan', CASE WHEN i % 2 = 0 THEN 'premium' ELSE 'free' END))) FROM generate_series(1, 4) AS i;
SELECT pulse_create_segment('premium', '{"where": "profile.plan == \"premium\""}', owner => 'growth', tags => '{vip}') > 0 AS premium,
    pulse_create_segment('buyers', '{"where": "events.purchase.count_30d >= 1"}') > 0 AS buyers;
SELECT pulse_identify('u1', '{"plan": "premium"}') > 0 AS before;

-- ---- from now on: no earlier changes ----
SELECT * FROM plan_feeds();
SELECT subscription FROM pulse_subscribe('https://hook.example/all', '{segment.entered,segment.exited}', name => 'everybody');
SELECT subscription FROM pulse_subscribe('https://hook.example/in', '{segment.entered}', name => 'entered', segments => '{buyers}');
SELECT name, position, after_id FROM pulse.change_consumer ORDER BY name;
SELECT * FROM plan_feeds();
SELECT * FROM told;
SELECT pulse_identify('u3', '{"plan": "premium"}') > 0 AS enters, pulse_identify('u2', '{"plan": "free"}') > 0 AS leaves, pulse_track('u1', 'purchase') > 0 AS buys,
    pulse_track(NULL, 'purchase', anonymous_id => 'web-1') > 0 AS visitor;
SELECT * FROM plan_feeds();
SELECT * FROM told;
-- Once.
SELECT * FROM plan_feeds();
SELECT count(*) FROM told;

-- ---- content ----
SELECT jsonb_pretty((o.payload - 'timestamp' - 'data') || jsonb_build_object('data', (o.payload -> 'data') - 'at' - 'profile_id')) AS payload FROM pulse.outbox AS o ORDER BY o.id OFFSET 2 LIMIT 1;
SELECT o.payload ->> 'timestamp' = o.payload -> 'data' ->> 'at' AS same_time, o.payload -> 'data' ->> 'at' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$' AS iso,
    (o.payload -> 'data' ->> 'profile_id')::bigint = c.profile_id AS profile, o.order_key = 'event:profile:' || c.profile_id AS order_key, o.kind, o.status
FROM pulse.outbox AS o JOIN pulse.membership_change AS c ON c.position = (o.payload -> 'data' ->> 'position')::bigint ORDER BY o.id LIMIT 1;
-- A change has the same key for all subscriptions.
SELECT count(*), count(DISTINCT key), count(DISTINCT payload -> 'data' -> 'position'), bool_and(key ~ '^msg_[0-9a-f]{32}$') FROM pulse.outbox;
DELETE FROM pulse.outbox;

-- ---- a visitor who signs in: the message has the ids of the visitor ----
SELECT pulse_identify('u1', anonymous_id => 'web-1') > 0 AS signs_in;
SELECT messages FROM plan_feeds();
SELECT event, payload -> 'data' ->> 'segment' AS segment, payload -> 'data' ->> 'user_id' AS user_id, payload -> 'data' ->> 'anonymous_id' AS anonymous_id,
    payload -> 'data' ->> 'cause' AS cause, (payload -> 'data' ->> 'merged_into')::bigint = (SELECT i.profile_id FROM pulse.identity AS i WHERE i.value = 'u1') AS into_u1
FROM pulse.outbox ORDER BY id;
DELETE FROM pulse.outbox;

-- ---- not sent: imports, builds, changes by a new definition, old changes, rolled back changes ----
INSERT INTO pulse.import (user_id, event) VALUES ('u9', 'purchase');
SELECT pulse_create_segment('free', '{"where": "profile.plan == \"free\""}') > 0 AS built;
SELECT pulse_update_segment('premium', '{"where": "profile.plan == \"free\""}') AS updated;
SELECT change, cause, quiet, count(*) FROM pulse.membership_change WHERE position IS NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
-- The month of three days ago can be another one, in which nothing has changed yet.
DO $$ DECLARE month timestamptz := date_trunc('month', now() - interval '3 days', 'UTC'); name text := to_char(month AT TIME ZONE 'UTC', '"membership_change_y"YYYY"m"MM'); BEGIN
    IF to_regclass('pulse.' || name) IS NULL THEN
        EXECUTE format('CREATE TABLE pulse.%I PARTITION OF pulse.membership_change FOR VALUES FROM (%L) TO (%L)', name, month, date_trunc('month', month + interval '32 days', 'UTC'));
    END IF;
END $$;
INSERT INTO pulse.membership_change (segment_id, profile_id, change, at, version, cause, quiet)
SELECT s.id, 1, 'entered', now() - interval '3 days', 1, 'time', false FROM pulse.segment AS s WHERE s.name = 'buyers';
BEGIN;
SELECT pulse_track('u4', 'purchase') > 0 AS never;
ROLLBACK;
SELECT * FROM plan_feeds();
SELECT * FROM told;

-- ---- once, even if the worker dies before its commit ----
SELECT pulse_track('u4', 'purchase') > 0 AS buys;
BEGIN;
SELECT messages FROM plan_feeds();
ROLLBACK;
SELECT * FROM told;
SELECT messages FROM plan_feeds();
SELECT * FROM told;
DELETE FROM pulse.outbox;

-- ---- a limit per transaction, shared by the subscriptions; a full channel waits and does not delay others ----
SELECT count(pulse_track('many' || i, 'purchase')) FROM generate_series(1, 700) AS i;
SELECT * FROM plan_feeds();
SELECT channel, count(*) FROM told GROUP BY 1 ORDER BY 1;
SELECT * FROM plan_feeds();
SELECT channel, count(*), count(DISTINCT who) FROM told GROUP BY 1 ORDER BY 1;
INSERT INTO pulse.outbox (channel, kind, event, payload, send_at) SELECT 'everybody', 'event', 'test', '{}', 'infinity' FROM generate_series(1, 9299);
SELECT count(pulse_track('more' || i, 'purchase')) FROM generate_series(1, 3) AS i;
SELECT * FROM plan_feeds();
SELECT * FROM plan_feeds();
SELECT channel, string_agg(who, ' ') FROM told WHERE who LIKE 'more%' GROUP BY 1 ORDER BY 1;
DELETE FROM pulse.outbox WHERE event = 'test';
SELECT * FROM plan_feeds();
SELECT channel, string_agg(who, ' ') FROM told WHERE who LIKE 'more%' GROUP BY 1 ORDER BY 1;
DELETE FROM pulse.outbox;

-- ---- a disabled channel starts with new changes once it is enabled; a dropped one is removed ----
INSERT INTO pulse.channel_state (channel, disabled_at) VALUES ('entered', now());
SELECT pulse_track('away', 'purchase') > 0 AS buys;
SELECT messages FROM plan_feeds();
SELECT name FROM pulse.change_consumer ORDER BY name;
DELETE FROM pulse.channel_state;
SELECT * FROM plan_feeds();
SELECT pulse_track('back', 'purchase') > 0 AS buys;
SELECT * FROM plan_feeds();
SELECT channel, who FROM told;
DROP SERVER entered CASCADE;
SELECT * FROM plan_feeds();
SELECT name FROM pulse.change_consumer ORDER BY name;

-- ---- with segments, nothing is sent about other segments or tables ----
SELECT pulse_unsubscribe('everybody'), pulse_unsubscribe('entered');
SELECT name FROM pulse.change_consumer;
SELECT status, error, count(*) FROM pulse.outbox GROUP BY 1, 2;
DELETE FROM pulse.outbox;
SELECT subscription FROM pulse_subscribe('https://hook.example/some', '{incident.opened,snapshot.taken,segment.exited}', name => 'some', segments => '{buyers}');
SELECT count(pulse_take_snapshot(s)) FROM unnest('{buyers,premium}'::text[]) AS s;
INSERT INTO pulse.monitor (relation, runs_as, search_path) VALUES ('app.users', current_user, 'public');
WITH made AS (
    INSERT INTO pulse.incident_record (segment_id, monitor_id, relation, detector, severity, direction, baseline_kind, summary, since, opened_at, last_seen_at)
    SELECT s.id, m.id, m.relation, CASE WHEN m.id IS NULL THEN 'size_change' ELSE 'table_volume' END, 'high', 'down', 'rolling', 'it fell', now(), now(), now()
    FROM unnest('{buyers,premium,app.users}'::text[]) AS n LEFT JOIN pulse.segment AS s ON s.name = n LEFT JOIN pulse.monitor AS m ON m.relation = n RETURNING id)
INSERT INTO pulse.notice (event, kind, incident_id, at) SELECT 'incident.opened', 'opened', id, now() FROM made;
SELECT plan_notices();
SELECT channel, event, payload -> 'data' ->> 'segment' AS segment FROM pulse.outbox ORDER BY id;

DROP VIEW told;
DROP SERVER "some" CASCADE;
DROP EXTENSION pulse CASCADE;
