-- Room profile: one person's events, merges and ids.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2015-03-10 12:00';
\set SHOW_CONTEXT never
\set VERBOSITY default
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally, pulse.ingest_tally RESTART IDENTITY;

SELECT count(*) FROM pulse_ingest((SELECT jsonb_agg(jsonb_build_object('type', 'track', 'event', 'n' || i % 3, 'anonymousId', 'web-1', 'timestamp', timestamptz '2015-01-01' + i * interval '1 day',
    'properties', jsonb_build_object('i', i))) FROM generate_series(1, 60) AS i)) WHERE status = 'accepted';
SELECT pulse_identify('ann', '{"email": "ann@example.com"}', 'phone-7', '2015-03-05') AS ann;
SELECT pulse_identify('ann', '{}', 'web-1', '2015-03-06') AS ann;
SELECT pulse_track('ann', 'n0', '{"i": 100}', '2015-03-06') IS NOT NULL AS at_the_same_moment, pulse_track('ann', 'later', '{}', '2015-03-10 12:00') IS NOT NULL AS now;

-- ---- events ----
-- Across profiles and months, and only up to pulse_now().
SELECT time, name, properties ->> 'i' AS i, profile_id FROM pulse_profile_events('ann', 6);
SET pulse.now = '2015-02-01';
SELECT time, name, properties ->> 'i' AS i FROM pulse_profile_events('ann', 3);
SET pulse.now = '2015-03-10 12:00';
SELECT time, name FROM pulse_profile_events('email:ann@example.com', 3, 'n2');
SELECT count(*) FROM pulse_profile_events('ann', 3, 'never');
-- All pages together are all events, each once, in order.
CREATE FUNCTION pg_temp.pages(size int, wanted text) RETURNS TABLE (n bigint, id bigint) LANGUAGE plpgsql AS $$
DECLARE
    last_time timestamptz;
    last_id bigint;
    before bigint;
    page record;
BEGIN
    n := 0;
    LOOP
        before := n;
        FOR page IN SELECT e.id, e.time FROM pulse_profile_events('ann', size, wanted, last_time, last_id) AS e LOOP
            n := n + 1;
            id := page.id;
            last_time := page.time;
            last_id := page.id;
            RETURN NEXT;
        END LOOP;
        EXIT WHEN n = before;
    END LOOP;
END $$;
SELECT size, wanted, count(*) AS events, bool_and(p.id IS NOT DISTINCT FROM e.id) AS same
FROM (VALUES (1, NULL), (7, NULL), (1000, NULL), (4, 'n0')) AS s (size, wanted)
CROSS JOIN LATERAL pg_temp.pages(s.size, s.wanted) AS p
LEFT JOIN LATERAL (SELECT v.id, row_number() OVER (ORDER BY v.time DESC, v.id DESC) AS n FROM pulse.event AS v WHERE s.wanted IS NULL OR v.name = s.wanted) AS e ON e.n = p.n
GROUP BY size, wanted ORDER BY size, wanted;
-- Two events of one moment: the id decides.
SELECT count(*) FROM pulse_profile_events('ann', 10, NULL, '2015-03-06');
SELECT name FROM pulse_profile_events('ann', 10, NULL, '2015-03-06', 1000000) LIMIT 2;

-- ---- counts ----
SELECT * FROM pulse_profile_event_counts('ann');
SET pulse.now = '2015-02-01';
SELECT * FROM pulse_profile_event_counts('ann');
SET pulse.now = '2015-03-10 12:00';
-- A long history: counting stops, the total is the one that is kept.
INSERT INTO pulse.event (profile_id, time, received_at, name, type, properties, source)
SELECT p.id, timestamptz '2015-03-01' + i * interval '1 second', '2015-03-01', 'bot', 'track', '{}', 'sql'
FROM generate_series(1, 12000) AS i, (SELECT profile_id AS id FROM pulse.identity WHERE value = 'web-1') AS p;
SELECT * FROM pulse_profile_event_counts('ann');
SELECT status FROM pulse_run_job('activity');
UPDATE pulse.activity AS a SET events = events + 12000 FROM pulse.identity AS i WHERE i.value = 'web-1' AND a.profile_id = i.profile_id;
SELECT * FROM pulse_profile_event_counts('ann');
-- ---- merges ----
SELECT pulse_identify('bob', '{"email": "bob@example.com"}', NULL, '2015-03-01') AS bob;
SELECT pulse_merge('ann', 'bob', 'told us') AS merge;
SELECT pulse_unmerge(2, 'a mistake') > 0 AS restored;
SELECT merge, survivor_id, merged_id, reason, linked_by, done_by = current_user AS mine, profiles, filled, undone_at IS NOT NULL AS undone, undo_reason FROM pulse_merge_history('ann');
SELECT merge FROM pulse_merge_history('bob');
SELECT merge FROM pulse_merge_history();
SELECT merge FROM pulse_merge_history(NULL, 1);
SELECT merge FROM pulse_merge_history('ann', 1, 2);
SELECT count(*) FROM pulse_merge_history('ann', 1, 1);

-- ---- which id stands for a person, and how its ids are linked ----
SELECT kind, value, priority, first_seen_at, reason FROM pulse_canonical_identity('web-1');
SELECT pulse_track(NULL, 'n0', '{}', '2015-03-01', 'a-1') IS NOT NULL AS one, pulse_track(NULL, 'n0', '{}', '2015-03-02', 'a-2') IS NOT NULL AS other;
SELECT pulse_merge('a-1', 'a-2', 'one browser') AS merge;
SELECT kind, value, priority, first_seen_at, reason FROM pulse_canonical_identity('a-2');
SELECT kind, value, other_kind, other_value, reason, linked_at, confidence, merge FROM pulse_identity_links('ann');
SELECT kind, value, other_kind, other_value, reason, confidence FROM pulse_identity_links('a-1');
-- A person without ids.
INSERT INTO pulse.profile (id, canonical_id, bucketing_id, first_seen_at, updated_at) VALUES (1000, 1000, 'x', '2015-03-01', '2015-03-01');
SELECT count(*) FROM pulse_canonical_identity('profile:1000');
SELECT count(*) FROM pulse_identity_links('profile:1000');
SELECT count(*) FROM pulse_profile_events('profile:1000');
SELECT * FROM pulse_profile_event_counts('profile:1000');

-- ---- errors ----
SELECT pulse_profile_events(NULL);
SELECT pulse_profile_events('nobody');
SELECT pulse_profile_events(repeat('x', 100000));
SELECT pulse_profile_events('ann', 0);
SELECT pulse_profile_events('ann', 1001);
SELECT pulse_profile_events('ann', 1, NULL, NULL, 7);
SELECT count(*) FROM pulse_profile_events('ann', NULL, NULL, '-infinity');
SELECT count(*) FROM pulse_profile_events('ann', NULL, NULL, 'infinity');
SELECT count(*) FROM pulse_profile_events('ann', 1, repeat('x', 100000));
SELECT pulse_profile_event_counts(NULL);
SELECT pulse_profile_event_counts('nobody');
SELECT pulse_merge_history('nobody');
SELECT pulse_merge_history('ann', 0);
SELECT pulse_canonical_identity(NULL);
SELECT pulse_canonical_identity('nobody');
SELECT pulse_identity_links(NULL);
SELECT pulse_identity_links('nobody');

-- ---- privileges ----
CREATE ROLE regress_person;
SELECT pulse_grant('regress_person', 'reader');
SET ROLE regress_person;
SELECT pulse_profile_events('ann');
SELECT pulse_profile_event_counts('ann');
SELECT pulse_merge_history();
SELECT pulse_canonical_identity('ann');
SELECT pulse_identity_links('ann');
RESET ROLE;
SELECT pulse_grant('regress_person', 'people_reader');
SET ROLE regress_person;
BEGIN READ ONLY;
SELECT count(*) FROM pulse_profile_events('ann');
SELECT count(*) FROM pulse_profile_event_counts('ann');
SELECT count(*) FROM pulse_merge_history();
SELECT count(*) FROM pulse_canonical_identity('ann');
SELECT count(*) FROM pulse_identity_links('ann');
COMMIT;
RESET ROLE;
SELECT pulse_revoke('regress_person');
DROP ROLE regress_person;

TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally, pulse.ingest_tally;
