-- Room profile: merging people and undoing merges.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2015-03-01 12:00';
\set SHOW_CONTEXT never
SET client_min_messages = warning;
-- Ids are shown relative to these.
CREATE TEMPORARY TABLE base AS SELECT nextval('pulse.profile_id_seq') AS profile, nextval('pulse.merge_history_id_seq') AS merge;
CREATE TEMPORARY VIEW people AS SELECT p.id - b.profile AS id, p.canonical_id - b.profile AS person, p.bucketing_id, p.attributes, a.key AS account,
    (SELECT string_agg(i.value, ' ' ORDER BY i.kind, i.value) FROM pulse.identity AS i WHERE i.profile_id = p.id) AS ids
FROM pulse.profile AS p LEFT JOIN pulse.account AS a ON a.id = p.account_id, base AS b WHERE p.id > b.profile ORDER BY p.id;
CREATE TEMPORARY VIEW merges AS SELECT h.id - b.merge AS id, h.survivor_id - b.profile AS survivor, h.merged_id - b.profile AS merged, h.reason, h.linked_by,
    ARRAY(SELECT p - b.profile FROM unnest(h.profiles) AS p ORDER BY 1) AS profiles, h.filled, h.undo_reason FROM pulse.merge_history AS h, base AS b ORDER BY h.id;
CREATE FUNCTION pg_temp.merge_number(n int) RETURNS bigint LANGUAGE sql AS 'SELECT merge + n FROM pg_temp.base';

-- ---- by events ----
SELECT pulse_track(NULL, 'view', '{}', '2015-01-01', 'a1') IS NOT NULL AS one;
SELECT pulse_identify('u1', '{"plan": "pro"}', NULL, '2015-01-02') IS NOT NULL AS two;
SELECT pulse_identify(NULL, '{"plan": "free", "city": "Ulm", "shoe": 42}', 'a1', '2015-01-03') IS NOT NULL AS three;
SELECT pulse_identify('u1', '{"age": 30}', 'a1', '2015-01-04') IS NOT NULL AS merged;
SELECT * FROM people;
SELECT * FROM merges;
-- Events keep the profile of their id, and belong to the person.
SELECT e.profile_id - b.profile AS profile, e.name, e.time::date FROM pulse.event AS e, base AS b ORDER BY e.time;
SELECT events, first_seen_at, last_seen_at FROM (SELECT p -> 'events' ->> 'total' AS events, p ->> 'first_seen_at' AS first_seen_at, p ->> 'last_seen_at' AS last_seen_at FROM pulse_profile('a1') AS p) AS s;
SELECT kind, value, merge - (SELECT b.merge FROM base AS b) AS merge, reason, linked_by FROM pulse_identities_of('u1');
-- An attribute of the merged person that was changed since the merge stays.
SELECT pulse_identify('u1', '{"city": "Bonn"}') IS NOT NULL AS changed;

-- ---- undone ----
SELECT pulse_unmerge(pg_temp.merge_number(1), 'a shared laptop') = (SELECT merged_id FROM pulse.merge_history WHERE id = pg_temp.merge_number(1)) AS restored;
SELECT * FROM people;
SELECT id, undo_reason FROM merges;
\set VERBOSITY sqlstate
SELECT pulse_unmerge(pg_temp.merge_number(1), 'again');
\set VERBOSITY default
-- Events do not merge them again; pulse_merge() can.
SELECT status, detail FROM pulse_ingest('{"type": "track", "event": "view", "userId": "u1", "anonymousId": "a1"}');
SELECT count(DISTINCT person) FROM people;
SELECT r - 'survivor' - 'merged' FROM pulse_simulate_merge('u1', 'a1') AS r;
SELECT pulse_merge('a1', 'u1', 'it was her laptop after all') - merge AS merge FROM base;
SELECT * FROM people;

-- ---- forced, against limits ----
SELECT pulse_identify('u2', '{"city": "Rom", "size": 7, "shoe": 40}', NULL, '2015-01-05') IS NOT NULL AS third;
SELECT pulse_group('u2', 'acme', '{}', '2015-01-05') IS NOT NULL AS grouped;
SELECT r ->> 'refused' AS refused, r -> 'attributes' AS attributes, r -> 'events' AS events, r -> 'profiles' AS profiles, r -> 'account' AS account FROM pulse_simulate_merge('u2', 'a1') AS r;
SELECT status, detail FROM pulse_ingest('{"type": "alias", "userId": "u1", "previousId": "u2"}');
SELECT pulse_merge('u2', 'u1', 'married') - merge AS merge FROM base;
SELECT * FROM people;
-- Both ids belong to the person; a third one is not added.
SELECT status, detail FROM pulse_ingest('[{"type": "track", "event": "view", "userId": "u2", "anonymousId": "a9"}, {"type": "alias", "userId": "u3", "previousId": "u1"}]');

-- ---- a merge on top of another ----
SELECT pulse_identify('u4', '{"size": 8, "hat": "blue"}', NULL, '2014-12-01') IS NOT NULL AS older;
SELECT pulse_merge('u1', 'u4', 'same card') - merge AS merge FROM base;
SELECT id, survivor, merged, reason, profiles, filled FROM merges;
\set VERBOSITY sqlstate
SELECT pulse_unmerge(pg_temp.merge_number(3), 'first the later one');
\set VERBOSITY default
SELECT pulse_unmerge(pg_temp.merge_number(4), 'not the same card') = (SELECT merged_id FROM pulse.merge_history WHERE id = pg_temp.merge_number(4)) AS restored;
SELECT pulse_unmerge(pg_temp.merge_number(3), 'divorced') = (SELECT merged_id FROM pulse.merge_history WHERE id = pg_temp.merge_number(3)) AS restored;
SELECT * FROM people;
-- Two merges into one survivor: when the first is undone, the second fills in the same attribute.
SELECT pulse_identify('v1', '{}', NULL, '2015-01-01') IS NOT NULL AS a, pulse_identify('v2', '{"x": 2, "y": 2}', NULL, '2015-01-02') IS NOT NULL AS b,
    pulse_identify('v3', '{"x": 3, "z": 3}', NULL, '2015-01-03') IS NOT NULL AS c;
SELECT pulse_merge('v1', 'v2', 'one') IS NOT NULL AS a, pulse_merge('v1', 'v3', 'two') IS NOT NULL AS b;
SELECT attributes FROM people WHERE ids = 'v1';
SELECT pulse_unmerge(pg_temp.merge_number(5), 'first') = (SELECT merged_id FROM pulse.merge_history WHERE id = pg_temp.merge_number(5)) AS restored;
SELECT attributes FROM people WHERE ids = 'v1';
SELECT pulse_unmerge(pg_temp.merge_number(6), 'second') = (SELECT merged_id FROM pulse.merge_history WHERE id = pg_temp.merge_number(6)) AS restored;
SELECT person = id AS alone, attributes FROM people WHERE ids LIKE 'v_';

-- ---- refused ----
SELECT pulse_merge('u1', 'nobody', 'why');
SELECT pulse_merge('v1', 'v2', '');
SELECT pulse_merge('v1', 'v2', NULL);
SELECT pulse_merge(NULL, 'v2', 'why');
\set VERBOSITY terse
SELECT pulse_merge('v1', 'user_id:v1', 'why');
SELECT pulse_simulate_merge('v1', 'v1');
\set VERBOSITY default
SELECT pulse_unmerge(-1, 'why');
SELECT pulse_unmerge(NULL, 'why');
SELECT pulse_unmerge(pg_temp.merge_number(2), ' ');
BEGIN READ ONLY;
SELECT pulse_merge('v1', 'v2', 'why');
ROLLBACK;

-- ---- ids that caused the most merges ----
SELECT count(*) FROM pulse_ingest((SELECT jsonb_agg(one ORDER BY i, n) FROM generate_series(1, 5) AS i, LATERAL (VALUES
    (1, jsonb_build_object('type', 'track', 'event', 'open', 'anonymousId', 'k' || i)),
    (2, jsonb_build_object('type', 'track', 'event', 'open', 'anonymousId', 'k' || i, 'context', '{"device": {"id": "kiosk"}}'::jsonb))) AS v (n, one)));
SELECT kind, value, merges, profiles, max_linked FROM pulse.crowded_identity;

TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event;
