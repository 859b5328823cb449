-- Room profile: activity of people, and figures about people and events.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2015-03-10 12:30';
\set SHOW_CONTEXT never
\set VERBOSITY default
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally,
    pulse.event_day, pulse.event_hour, pulse.ingest_tally, pulse.event_kind, pulse.event_property, pulse.source_total;

-- Nothing yet.
SELECT * FROM pulse_people_statistics() WHERE value > 0 OR NOT exact;
SELECT * FROM pulse_event_totals();
SELECT * FROM pulse_event_statistics();
SELECT * FROM pulse_event_trend(2);
SELECT * FROM pulse_event_trend(2, 'view');

-- ---- what batches record ----
SELECT pulse_track(NULL, 'view', '{}', '2015-03-01 10:00', 'web-1') IS NOT NULL AS viewed;
SELECT count(*) FROM pulse_ingest('[
    {"type": "track", "event": "view", "userId": "ann", "timestamp": "2015-03-09T13:00:00Z"},
    {"type": "track", "event": "buy", "userId": "bob", "timestamp": "2015-03-10T11:59:59Z"},
    {"type": "track", "event": "view", "userId": "ann", "timestamp": "2015-03-10T12:10:00Z"},
    {"type": "track", "event": "view", "userId": "ann", "timestamp": "2015-02-01T00:00:00Z"},
    {"type": "track", "event": "old", "userId": "cid", "timestamp": "1999-12-31T23:59:59Z"},
    {"type": "track", "userId": "rejected"}]') WHERE status = 'accepted';
-- Ann was the visitor of web-1: events stay with their profile.
SELECT pulse_identify('ann', '{"email": "ann@example.com"}', 'web-1', '2015-03-10 12:20') IS NOT NULL AS ann;
SELECT count(*) AS batches, sum(cardinality(profiles)) AS profiles FROM pulse.ingest_tally;
-- A larger batch writes a row of its own.
SELECT count(*) FROM pulse_ingest((SELECT jsonb_agg(jsonb_build_object('type', 'track', 'event', 'bulk', 'userId', 'bulk' || i % 20, 'timestamp', '2015-03-02T10:00:00Z')) FROM generate_series(0, 99) AS i));
SELECT profiles = (SELECT array_agg(p ORDER BY p) FROM unnest(profiles) AS p) AS sorted, cardinality(profiles) AS profiles, events[1], first_at[20] FROM pulse.activity_tally;
SELECT count(*) AS batches FROM pulse.ingest_tally WHERE profiles IS NOT NULL;
SELECT status, message FROM pulse_run_job('activity');
SELECT status, message FROM pulse_run_job('activity');
SELECT count(*), sum(events), min(first_at) FROM pulse.activity WHERE profile_id IN (SELECT i.profile_id FROM pulse.identity AS i WHERE i.value ~ '^bulk');
DELETE FROM pulse.profile WHERE id IN (SELECT i.profile_id FROM pulse.identity AS i WHERE i.value ~ '^bulk');
SELECT (SELECT i.value FROM pulse.identity AS i WHERE i.profile_id = a.profile_id ORDER BY i.kind DESC, i.value LIMIT 1) AS id, a.events, a.first_at, a.last_at
FROM pulse.activity AS a ORDER BY a.profile_id;
-- A later batch adds to it; an event of a deleted profile does not.
SELECT pulse_track('bob', 'buy', '{}', '2015-01-05') IS NOT NULL AS bought, pulse_track('dan', 'buy', '{}', '2015-01-05') IS NOT NULL AS dan;
DELETE FROM pulse.profile WHERE id IN (SELECT i.profile_id FROM pulse.identity AS i WHERE i.value IN ('cid', 'dan'));
SELECT status, message FROM pulse_run_job('activity');
SELECT (SELECT i.value FROM pulse.identity AS i WHERE i.profile_id = a.profile_id ORDER BY i.kind DESC, i.value LIMIT 1) AS id, a.events, a.first_at, a.last_at
FROM pulse.activity AS a ORDER BY a.profile_id;
SELECT item, state, value FROM pulse_status() WHERE item = 'activity to add';

-- ---- people ----
SELECT * FROM pulse_people_statistics() ORDER BY figure;
-- A person counts once, however many profiles it has: by the newest event for activity, by the oldest for new people.
SET pulse.now = '2015-03-05 12:00';
SELECT * FROM pulse_people_statistics() WHERE figure ~ '^(new|active)_';
SET pulse.now = '2015-03-10 12:30';

-- ---- events: exact before and after the tallies are folded ----
CREATE TEMPORARY TABLE before AS
SELECT 1 AS n, t::text FROM pulse_event_totals() AS t UNION ALL SELECT 2, t::text FROM pulse_event_statistics() AS t
UNION ALL SELECT 3, t::text FROM pulse_event_trend(40) AS t UNION ALL SELECT 4, t::text FROM pulse_event_trend(40, 'view') AS t
UNION ALL SELECT 5, t::text FROM pulse.events_by_day AS t UNION ALL SELECT 6, t::text FROM pulse.events_by_hour AS t;
SELECT status FROM pulse_run_job('retention');
SELECT count(*) AS tallies FROM pulse.ingest_tally;
CREATE TEMPORARY TABLE after AS
SELECT 1 AS n, t::text FROM pulse_event_totals() AS t UNION ALL SELECT 2, t::text FROM pulse_event_statistics() AS t
UNION ALL SELECT 3, t::text FROM pulse_event_trend(40) AS t UNION ALL SELECT 4, t::text FROM pulse_event_trend(40, 'view') AS t
UNION ALL SELECT 5, t::text FROM pulse.events_by_day AS t UNION ALL SELECT 6, t::text FROM pulse.events_by_hour AS t;
(TABLE before EXCEPT TABLE after) UNION ALL (TABLE after EXCEPT TABLE before);
SELECT count(*) > 50 AS compared FROM after;
SELECT * FROM pulse_event_totals();
SELECT * FROM pulse_event_statistics();
SELECT * FROM pulse_event_statistics(7, 1);
SELECT * FROM pulse_event_trend(3);
SELECT * FROM pulse_event_trend(3, 'view');
SELECT sum(events), min(day), count(*) FROM pulse_event_trend(1000);
SELECT * FROM pulse.events_by_day ORDER BY day, event;
SELECT * FROM pulse.events_by_hour ORDER BY hour;
-- The counters agree with the events.
SELECT day, event, events FROM pulse.events_by_day EXCEPT SELECT (time AT TIME ZONE 'UTC')::date, name, count(*) FROM pulse.event GROUP BY 1, 2;
SELECT hour, events FROM pulse.events_by_hour EXCEPT SELECT date_trunc('hour', time), count(*) FROM pulse.event GROUP BY 1;
-- ---- beyond what is counted: estimates ----
INSERT INTO pulse.profile (id, canonical_id, bucketing_id, first_seen_at, updated_at)
SELECT 9000000 + i, 9000000 + i, 'x' || i, '2015-03-10', '2015-03-10' FROM generate_series(1, 30000) AS i;
INSERT INTO pulse.activity SELECT id, 1, '2015-03-10', '2015-03-10' FROM pulse.profile WHERE id > 9000000;
ANALYZE pulse.profile, pulse.activity;
SELECT figure, round(value, -3) AS thousands, exact FROM pulse_people_statistics() WHERE figure ~ '^(people|new|active)';
DELETE FROM pulse.profile WHERE id > 9000000;
SELECT count(*) FROM pulse.activity WHERE profile_id > 9000000;

-- ---- errors ----
SELECT pulse_event_statistics(0);
SELECT pulse_event_statistics(1001);
SELECT pulse_event_statistics(30, 0);
SELECT pulse_event_statistics(30, 10001);
SELECT count(*) FROM pulse_event_statistics(NULL, NULL);
SELECT pulse_event_trend(0);
SELECT pulse_event_trend(1001);
SELECT pulse_event_trend(99999999999);
SELECT count(*) FROM pulse_event_trend(NULL, NULL);
SELECT pulse_event_trend(3, 'vew');
SELECT pulse_event_trend(3, '');
SELECT pulse_event_trend(3, repeat('x', 100000));

-- ---- privileges ----
CREATE ROLE regress_figures;
SET ROLE regress_figures;
SELECT pulse_people_statistics();
RESET ROLE;
SELECT pulse_grant('regress_figures', 'reader');
SET ROLE regress_figures;
BEGIN READ ONLY;
SELECT count(*) > 10 AS figures FROM pulse_people_statistics();
SELECT count(*) FROM pulse_event_totals();
SELECT count(*) > 0 AS events FROM pulse_event_statistics(1000);
SELECT count(*) FROM pulse_event_trend();
SELECT count(*) >= 0 AS days FROM pulse.events_by_day;
SELECT count(*) > 50 AS tables, bool_and(rows >= 0 AND bytes >= 0) AS sizes, count(*) FILTER (WHERE name ~ '^event_y') AS partitions FROM pulse.table_size;
COMMIT;
TABLE pulse.activity;
TABLE pulse.activity_tally;
TABLE pulse.hour_tally;
RESET ROLE;
SELECT pulse_revoke('regress_figures');
DROP ROLE regress_figures;

-- ---- batches with many long names are added up in pieces; limits hold for each, and nothing is lost ----
TRUNCATE pulse.event_kind, pulse.event_property, pulse.event_day, pulse.event_hour, pulse.event_source_hour, pulse.event_property_day, pulse.source_total;
INSERT INTO pulse.ingest_tally (at, source, accepted, duplicates, conflicting, rejected, catalogue)
SELECT timestamptz '2015-03-10 12:00+00', 'large ' || b, 200, 0, 0, 0, (SELECT jsonb_object_agg(repeat('x', 600) || ' ' || e, jsonb_build_array(1, 1, '2015-03-10 11:30:00+00', '2015-03-10 11:30:00+00',
    (SELECT jsonb_object_agg('p' || p, jsonb_build_array('[0, 1, 0, 0, 0, 0, 0]'::jsonb, '2015-03-10 11:30:00+00', jsonb_build_array(b, p))) FROM generate_series(1, 25) AS p), '{"133139": 1}'::jsonb))
    FROM generate_series(1, 200) AS e)
FROM generate_series(1, 3) AS b;
CREATE TEMPORARY TABLE catalogue AS SELECT 1 AS n, c::text FROM pulse.event_catalog AS c UNION ALL SELECT 2, c::text FROM pulse.property_catalog AS c
UNION ALL SELECT 3, c::text FROM pulse.event_source AS c UNION ALL SELECT 4, c::text FROM pulse.events_by_day AS c UNION ALL SELECT 5, c::text FROM pulse.events_by_hour AS c;
SELECT n, count(*) FROM catalogue GROUP BY 1 ORDER BY 1;
SELECT status FROM pulse_run_job('retention');
SELECT count(*) AS tallies FROM pulse.ingest_tally;
SELECT n, c FROM catalogue EXCEPT (SELECT 1 AS n, c::text FROM pulse.event_catalog AS c UNION ALL SELECT 2, c::text FROM pulse.property_catalog AS c
UNION ALL SELECT 3, c::text FROM pulse.event_source AS c UNION ALL SELECT 4, c::text FROM pulse.events_by_day AS c UNION ALL SELECT 5, c::text FROM pulse.events_by_hour AS c);
SELECT count(*), sum(events), sum(looked_at), min(first_seen_at) FROM pulse.event_kind;
SELECT count(*), sum(numbers), min(examples::text), max(examples::text) FROM pulse.event_property;
SELECT count(*), sum(events), sum(prompt), sum(late) FROM pulse.event_source_hour;
SELECT count(*), sum(events), sum(looked_at) FROM pulse.event_day;
SELECT count(*), sum(numbers) FROM pulse.event_property_day;

TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally,
    pulse.event_day, pulse.event_hour, pulse.ingest_tally, pulse.event_kind, pulse.event_property, pulse.source_total, pulse.rejected_event;
