-- Subscriptions to what happens to people: which events become messages, their content, each once, and nothing written without a subscription.
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
SELECT o.channel, o.event, coalesce(o.payload -> 'data' ->> 'user_id', o.payload -> 'data' ->> 'anonymous_id') AS who,
    coalesce(o.payload -> 'data' ->> 'event', o.payload -> 'data' ->> 'changed', o.payload -> 'data' ->> 'reason') AS what
FROM pulse.outbox AS o ORDER BY o.id;
SELECT pulse_identify('ann', '{"plan": "free"}') > 0 AS before;

-- ---- from now on, and only what somebody subscribes to ----
SELECT * FROM plan_feeds();
SELECT count(*) AS rows FROM pulse.feed_item;
SELECT subscription FROM pulse_subscribe('https://hook.example/all', '{event.received,profile.created,profile.updated,profile.merged}', name => 'everything');
SELECT subscription FROM pulse_subscribe('https://hook.example/new', '{profile.created,incident.opened}', name => 'new');
SELECT subscription, position, after_id FROM pulse.feed_consumer ORDER BY 1;
SELECT * FROM plan_feeds();
SELECT pulse_track('ben', 'purchase', '{"amount": 5}', message_id => 'm1') > 0 AS new, pulse_track('ben', 'purchase', message_id => 'm1') AS duplicate;
SELECT pulse_identify('ann', '{"plan": "pro", "city": "Bern"}') > 0 AS updated, pulse_identify('ann', '{"plan": "pro"}') > 0 AS same;
SELECT status, reason FROM pulse_ingest('[{"type": "track", "userId": "cat", "event": "view"}, {"type": "track", "event": "view"}]', 'web');
SELECT * FROM plan_feeds();
SELECT * FROM told;
-- Once, and what all have is gone.
SELECT * FROM plan_feeds();
SELECT count(*) FROM told;
SELECT count(*) AS rows FROM pulse.feed_item;

-- ---- content ----
SELECT event, jsonb_pretty((o.payload - 'timestamp' - 'data') || jsonb_build_object('data', (o.payload -> 'data') - '{at,time,first_seen_at,profile_id,event_id}'::text[])) AS payload
FROM pulse.outbox AS o WHERE channel = 'everything' ORDER BY o.id LIMIT 2;
SELECT bool_and(o.payload ->> 'timestamp' = o.payload -> 'data' ->> 'at' AND o.payload -> 'data' ->> 'at' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$') AS times,
    bool_and(o.order_key = 'event:profile:' || (o.payload -> 'data' ->> 'profile_id')) AS order_key,
    bool_and(o.payload -> 'data' ->> 'event_id' IS NULL OR EXISTS (SELECT FROM pulse.event AS e WHERE e.id = (o.payload -> 'data' ->> 'event_id')::bigint
        AND e.name = o.payload -> 'data' ->> 'event' AND e.profile_id = (o.payload -> 'data' ->> 'profile_id')::bigint AND date_trunc('milliseconds', e.time) = (o.payload -> 'data' ->> 'time')::timestamptz)) AS event
FROM pulse.outbox AS o;
-- The same key for all subscriptions.
SELECT count(*), count(DISTINCT key), bool_and(key ~ '^msg_[0-9a-f]{32}$') FROM pulse.outbox;
DELETE FROM pulse.outbox;

-- ---- merges: of two people, of a visitor who signs in, by hand; a person who is new and merged at once ----
SELECT pulse_track(NULL, 'view', anonymous_id => 'web-1') > 0 AS visitor;
SELECT pulse_identify('ann', anonymous_id => 'web-1') > 0 AS signs_in;
SELECT pulse_merge('ann', 'ben', 'the same person') > 0 AS merged;
SELECT count(*) FROM pulse_ingest('[{"type": "track", "anonymousId": "web-2", "event": "view"}, {"type": "identify", "userId": "ann", "anonymousId": "web-2"}]');
SELECT messages FROM plan_feeds();
SELECT * FROM told WHERE channel = 'everything';
SELECT count(*), bool_and((o.payload -> 'data' ->> 'survivor_id')::bigint = h.survivor_id AND (o.payload -> 'data' ->> 'merged_id')::bigint = h.merged_id
    AND o.payload -> 'data' ->> 'profile_id' = o.payload -> 'data' ->> 'survivor_id') AS as_kept
FROM pulse.outbox AS o JOIN pulse.merge_history AS h ON h.id = (o.payload -> 'data' ->> 'merge')::bigint;
DELETE FROM pulse.outbox;

-- ---- not sent: imports, old events, what was rolled back ----
INSERT INTO pulse.import (type, user_id, event, traits) VALUES ('track', 'old', 'purchase', NULL), ('identify', 'ann', NULL, '{"plan": "old"}');
BEGIN;
SELECT pulse_track('never', 'purchase') > 0 AS never;
ROLLBACK;
SET pulse.now = '2020-03-01';
SELECT pulse_track('past', 'purchase') > 0 AS past;
RESET pulse.now;
SELECT * FROM plan_feeds();
SELECT * FROM told;

-- ---- once, even if the worker dies before its commit ----
SELECT pulse_track('dan', 'purchase') > 0 AS buys;
BEGIN;
SELECT messages FROM plan_feeds();
ROLLBACK;
SELECT * FROM told;
SELECT messages FROM plan_feeds();
SELECT * FROM told;
DELETE FROM pulse.outbox;

-- ---- a limit per transaction; a full channel waits and does not delay others, and the rows stay for it ----
SELECT count(*) FROM pulse_ingest((SELECT jsonb_agg(jsonb_build_object('type', 'track', 'userId', 'many' || i, 'event', 'view')) FROM generate_series(1, 700) AS i));
SELECT * FROM plan_feeds();
SELECT channel, count(*) FROM told GROUP BY 1 ORDER BY 1;
SELECT messages, more FROM plan_feeds();
SELECT messages, more FROM plan_feeds();
SELECT channel, count(*), count(DISTINCT who) FROM told GROUP BY 1 ORDER BY 1;
INSERT INTO pulse.outbox (channel, kind, event, payload, send_at) SELECT 'everything', 'event', 'test', '{}', 'infinity' FROM generate_series(1, 8600);
SELECT pulse_track('eve', 'view') > 0 AS event;
SELECT * FROM plan_feeds();
SELECT * FROM plan_feeds();
SELECT channel, event FROM told WHERE who = 'eve';
SELECT count(*) AS rows FROM pulse.feed_item;
DELETE FROM pulse.outbox WHERE event = 'test';
SELECT * FROM plan_feeds();
SELECT channel, event FROM told WHERE who = 'eve';
SELECT count(*) AS rows FROM pulse.feed_item;
DELETE FROM pulse.outbox;

-- ---- the job retention deletes what nobody took in time ----
SELECT pulse_track('fay', 'view') > 0 AS event;
UPDATE pulse.feed_item SET at = at - interval '3 days';
SELECT status FROM pulse_run_job('retention');
SELECT count(*) AS rows FROM pulse.feed_item;

-- ---- a disabled channel starts with new events once it is enabled; a dropped one is removed; without subscriptions nothing is written ----
INSERT INTO pulse.channel_state (channel, disabled_at) VALUES ('new', now());
SELECT pulse_track('away', 'view') > 0 AS event;
SELECT messages FROM plan_feeds();
SELECT subscription FROM pulse.feed_consumer ORDER BY 1;
DELETE FROM pulse.channel_state;
SELECT messages FROM plan_feeds();
SELECT pulse_track('back', 'view') > 0 AS event;
SELECT messages FROM plan_feeds();
SELECT channel, event, who FROM told WHERE channel = 'new';
DROP SERVER new CASCADE;
SELECT messages FROM plan_feeds();
SELECT subscription FROM pulse.feed_consumer ORDER BY 1;
SELECT pulse_unsubscribe('everything'), pulse_unsubscribe('new');
SELECT subscription FROM pulse.feed_consumer ORDER BY 1;
SELECT pulse_track('ann', 'view') > 0 AS event;
SELECT count(*) AS rows FROM pulse.feed_item;
SELECT channel, status, count(*) FROM pulse.outbox GROUP BY 1, 2 ORDER BY 1;

-- ---- refused ----
SELECT pulse_create_segment('buyers', '{"where": "events.purchase.count_30d >= 1"}') > 0 AS segment;
SELECT subscription FROM pulse_subscribe('https://hook.example/', '{event.received,segment.entered}', segments => '{buyers}');
SELECT subscription FROM pulse_subscribe('https://hook.example/', '{incident.updates}');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT subscription FROM pulse_subscribe('https://hook.example/', '{event.received}');
ROLLBACK;
-- Subscribed in the transaction that ingests: from then on.
BEGIN;
SELECT pulse_track('gil', 'before') > 0 AS event;
SELECT subscription FROM pulse_subscribe('https://hook.example/', '{event.received}', name => 'both');
SELECT pulse_track('gil', 'after') > 0 AS event;
COMMIT;
SELECT messages FROM plan_feeds();
SELECT * FROM told WHERE channel = 'both';
SELECT pulse_unsubscribe('both');
