-- Room trait: finding people by a filter.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2015-03-10 12:00';
\set SHOW_CONTEXT never
\set VERBOSITY default
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally, pulse.ingest_tally,
    pulse.profile_state, pulse.member, pulse.membership_change RESTART IDENTITY;

-- Nobody yet.
SELECT pulse_find_profiles();
SELECT * FROM pulse_count_profiles();

SET client_min_messages = warning;
SELECT pulse_create_segment('find buyers', '{"where": "events.buy.count > 0"}') > 0 AS buyers,
       pulse_create_segment('find many', '{"where": "events.view.count >= 3"}') > 0 AS many;
RESET client_min_messages;
SELECT count(*) FROM pulse_ingest((SELECT jsonb_agg(jsonb_build_object('type', 'track', 'event', 'view', 'userId', 'u' || i, 'timestamp', timestamptz '2015-02-01' + i * interval '1 day')) FROM generate_series(1, 9) AS i)) WHERE status = 'accepted';
SELECT count(*) FROM pulse_ingest('[
    {"type": "identify", "userId": "u1", "traits": {"email": "Anna@Example.com"}, "timestamp": "2015-02-20T00:00:00Z"},
    {"type": "track", "event": "buy", "userId": "u1", "timestamp": "2015-02-21T00:00:00Z"},
    {"type": "track", "event": "buy", "userId": "u3", "timestamp": "2015-03-01T00:00:00Z"},
    {"type": "track", "event": "view", "userId": "u3", "timestamp": "2015-03-02T00:00:00Z"},
    {"type": "track", "event": "view", "userId": "u3", "timestamp": "2015-03-03T00:00:00Z"},
    {"type": "track", "event": "view", "anonymousId": "web-1", "timestamp": "2015-01-01T00:00:00Z"},
    {"type": "track", "event": "view", "anonymousId": "web-2", "timestamp": "2015-03-09T00:00:00Z"},
    {"type": "track", "event": "view", "anonymousId": "web-1", "userId": "u2", "timestamp": "2015-02-10T00:00:00Z"},
    {"type": "track", "event": "view", "anonymousId": "web-2", "userId": "u2", "timestamp": "2015-02-11T00:00:00Z"}]') WHERE status = 'accepted';
-- What a filter finds, as user ids.
CREATE FUNCTION pg_temp.found(filter jsonb, max int DEFAULT 50, after text DEFAULT NULL, skip int DEFAULT 0) RETURNS text LANGUAGE sql AS
$$ SELECT coalesce(string_agg(coalesce(p ->> 'user_id', 'profile ' || (p ->> 'profile_id')), ' ' ORDER BY n), '-') FROM jsonb_array_elements(pulse_find_profiles(filter, max, after, skip) -> 'people') WITH ORDINALITY AS e (p, n) $$;

-- A new person is found at once; its events are counted by the job.
SELECT pg_temp.found('{}'), pg_temp.found('{"sort": "last_seen"}');
SELECT status FROM pulse_run_job('activity');
SELECT jsonb_pretty((pulse_find_profiles('{"ids": ["u2"]}') -> 'people' -> 0) - 'profile_id');
SELECT jsonb_pretty((pulse_find_profiles('{"ids": ["u3"]}') -> 'people' -> 0) - 'profile_id');

-- ---- order ----
SELECT s.sort, d.direction, pg_temp.found(jsonb_build_object('sort', s.sort, 'direction', d.direction))
FROM unnest('{created,first_seen,last_seen}'::text[]) WITH ORDINALITY AS s (sort, n), unnest('{desc,asc}'::text[]) WITH ORDINALITY AS d (direction, m) ORDER BY n, m;
-- A range orders by what it limits.
SELECT pg_temp.found('{"last_seen_from": "2015-02-08"}'), pg_temp.found('{"first_seen_to": "2015-02-06"}');

-- ---- filters ----
SELECT f, pg_temp.found(f), (SELECT (c.people, c.exact) FROM pulse_count_profiles(f) AS c) AS counted FROM unnest(ARRAY[
    '{"query": "u"}', '{"query": "NNA@"}', '{"query": "anna"}', '{"query": "  "}', '{"query": "%"}', '{"query": "nobody"}', '{"query": "eb-"}', '{"query": null}',
    '{"ids": ["u1", "web-1", "u1", "email:anna@example.com", "nobody"]}', '{"ids": []}', '{"ids": ["u1", "u4"], "query": "u4"}',
    '{"segments": ["find buyers"]}', '{"segments": ["find buyers", "find many"]}', '{"not_segments": ["find buyers", "find many"]}', '{"segments": ["find many"], "not_segments": ["find buyers"]}',
    '{"segments": ["find buyers"], "sort": "last_seen"}', '{"segments": []}', '{"identity_kinds": ["email"]}', '{"identity_kinds": ["anonymous_id", "user_id"]}',
    '{"first_seen_from": "2015-02-02", "first_seen_to": "2015-02-05"}', '{"last_seen_from": "2015-03-03", "last_seen_to": "2015-03-09"}', '{"last_seen_to": "2015-02-05"}',
    '{"last_seen_from": "2015-02-06", "sort": "created"}', '{"min_events": 3}', '{"min_events": 2, "max_events": 4}', '{"max_events": 0}', '{"min_events": 4, "segments": ["find many"], "query": "u"}']::jsonb[]) WITH ORDINALITY AS x (f, n) ORDER BY n;
-- A person's number is found, too.
SELECT pg_temp.found(jsonb_build_object('query', p.canonical_id::text)) FROM pulse.identity AS i JOIN pulse.profile AS p ON p.id = i.profile_id WHERE i.value = 'u9';

-- ---- pages ----
CREATE FUNCTION pg_temp.pages(filter jsonb, max int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    page jsonb;
    people text := '';
BEGIN
    FOR i IN 1..100 LOOP
        page := pulse_find_profiles(filter, max, page ->> 'next');
        people := people || coalesce((SELECT string_agg(p ->> 'user_id', ' ' ORDER BY n) FROM jsonb_array_elements(page -> 'people') WITH ORDINALITY AS e (p, n)), '') || ' / ';
        EXIT WHEN page ->> 'next' IS NULL;
    END LOOP;
    RETURN people;
END $$;
SELECT f, pg_temp.pages(f, 4) FROM unnest(ARRAY['{}', '{"sort": "last_seen"}', '{"sort": "first_seen", "direction": "asc"}', '{"query": "u", "sort": "last_seen"}', '{"segments": ["find many"]}', '{"min_events": 2}']::jsonb[]) AS f;
SELECT pg_temp.pages('{}', 9), pg_temp.pages('{"direction": "asc"}', 3);
SELECT pg_temp.found('{}', 2, NULL, 3), pg_temp.found('{"sort": "last_seen"}', 2, NULL, 8), pg_temp.found('{}', 2, NULL, 100);
-- A new event moves a person to another page and no other.
SELECT pulse_find_profiles('{"sort": "last_seen"}', 3) ->> 'next' AS next \gset
SELECT pulse_track('u9', 'view', '{}', '2015-03-10') IS NOT NULL AS viewed;
SELECT status FROM pulse_run_job('activity');
SELECT pg_temp.found('{"sort": "last_seen"}', 50, :'next');

-- ---- many people: a page and a count look at a limited number ----
INSERT INTO pulse.profile (id, canonical_id, bucketing_id, first_seen_at, updated_at) SELECT i, i, 'x' || i, '2014-01-01', '2014-01-01' FROM generate_series(100001, 150000) AS i;
INSERT INTO pulse.activity SELECT i, 1 + i % 7, timestamptz '2014-01-01' + i * interval '1 second', timestamptz '2014-06-01' + i * interval '1 second' FROM generate_series(100001, 150000) AS i;
INSERT INTO pulse.identity SELECT 'device_id', 'device-' || i, i, '2014-01-01' FROM generate_series(100001, 150000) AS i;
ANALYZE pulse.profile, pulse.activity, pulse.identity;
SELECT (r ->> 'examined')::int <= 25000 AS limited, r -> 'people' AS people, r -> 'next' <> 'null' AS more FROM pulse_find_profiles('{"min_events": 100}') AS r;
SELECT count(*) AS pages, sum(n) AS people FROM (
    WITH RECURSIVE page AS (SELECT 1 AS i, pulse_find_profiles('{"min_events": 6}') AS r
                            UNION ALL SELECT p.i + 1, pulse_find_profiles('{"min_events": 6}', 50, p.r ->> 'next') FROM page AS p WHERE p.r ->> 'next' IS NOT NULL AND p.i < 400)
    SELECT jsonb_array_length(r -> 'people') AS n FROM page) AS x;
SELECT sum(c) AS expected FROM (SELECT count(*) AS c FROM pulse.activity WHERE events >= 6) AS x;
SELECT round(people, -3) AS thousands, exact FROM pulse_count_profiles();
SELECT round(people, -3) AS thousands, exact FROM pulse_count_profiles('{"min_events": 7}');
SELECT pulse_find_profiles('{"query": "device-"}', 1) -> 'complete' AS complete, pulse_find_profiles('{"query": "vice-100002"}') -> 'people' -> 0 -> 'profile_id' AS found;
DELETE FROM pulse.profile WHERE id > 100000;

-- ---- errors ----
SELECT pulse_find_profiles('{"segment": ["find buyers"]}');
SELECT pulse_find_profiles('[]');
SELECT pulse_find_profiles('"x"');
SELECT pg_temp.found(NULL) <> '-' AS everybody;
SELECT pulse_find_profiles('{"query": 5}');
SELECT pulse_find_profiles('{"ids": "u1"}');
SELECT pulse_find_profiles('{"ids": [1]}');
SELECT pulse_find_profiles(jsonb_build_object('ids', (SELECT jsonb_agg('u' || i) FROM generate_series(1, 1001) AS i)));
SELECT pulse_find_profiles('{"segments": ["find byers"]}');
SELECT pulse_find_profiles('{"not_segments": ["nothing"]}');
SELECT pulse_find_profiles('{"identity_kinds": ["mail"]}');
SELECT pulse_find_profiles('{"first_seen_from": "yesterday"}');
SELECT pulse_find_profiles('{"last_seen_from": "2015-03-02", "last_seen_to": "2015-03-02"}');
SELECT pulse_find_profiles('{"min_events": 1.5}');
SELECT pulse_find_profiles('{"min_events": -1}');
SELECT pulse_find_profiles('{"min_events": 3, "max_events": 2}');
SELECT pulse_find_profiles('{"sort": "name"}');
SELECT pulse_find_profiles('{"direction": "down"}');
SELECT pulse_find_profiles('{}', 0);
SELECT pulse_find_profiles('{}', 1001);
SELECT pulse_find_profiles('{}', 10, NULL, -1);
SELECT pulse_find_profiles('{}', 10, NULL, 10001);
SELECT pulse_find_profiles('{}', 10, 'last_seen desc 5 5');
SELECT pulse_find_profiles('{}', 10, 'created desc 5');
SELECT pulse_find_profiles('{}', 10, 'created desc 5 5x');
SELECT pulse_find_profiles('{}', 10, repeat('x', 100000));
SELECT pulse_find_profiles(jsonb_build_object('query', repeat('x', 100000))) -> 'people' AS people;
SELECT pulse_count_profiles('{"segment": 1}');
SELECT pg_temp.found('{"query": "'') OR true --"}'), pg_temp.found('{"query": "\\_"}');

-- ---- sizes of segments ----
SELECT * FROM pulse_segment_statistics() WHERE segment LIKE 'find %';

-- ---- privileges ----
CREATE ROLE regress_find;
SELECT pulse_grant('regress_find', 'reader');
SET ROLE regress_find;
SELECT pulse_find_profiles();
SELECT pulse_count_profiles();
SELECT count(*) FROM pulse_segment_statistics() WHERE segment LIKE 'find %';
RESET ROLE;
SELECT pulse_grant('regress_find', 'people_reader');
SET ROLE regress_find;
BEGIN READ ONLY;
SELECT jsonb_array_length(pulse_find_profiles('{"segments": ["find buyers"]}') -> 'people') AS people;
SELECT people, exact FROM pulse_count_profiles();
COMMIT;
RESET ROLE;
SELECT pulse_revoke('regress_find');
DROP ROLE regress_find;

SELECT pulse_delete_segment('find buyers', confirm => true), pulse_delete_segment('find many', confirm => true);
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally, pulse.ingest_tally,
    pulse.profile_state, pulse.member, pulse.membership_change;
