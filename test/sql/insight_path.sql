-- Room insight: paths of events.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2013-03-01 12:00';
\set SHOW_CONTEXT never
\set VERBOSITY default
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally,
    pulse.event_day, pulse.event_hour, pulse.ingest_tally, pulse.event_kind, pulse.event_property, pulse.source_total;

-- ---- by hand ----
SELECT * FROM pulse_paths('visit');
-- ann has three sessions, one without a visit; bob visits twice in one session; cid repeats a search.
SELECT accepted FROM pulse_import_events($$
    SELECT v.id AS user_id, v.event, ('2013-02-' || v.at)::timestamptz AS "timestamp", format('{"page": "%s"}', v.page) AS properties
    FROM (VALUES ('ann', 'open', '10 10:00', 'x'), ('ann', 'visit', '10 10:05', 'home'), ('ann', 'search', '10 10:10', 'x'), ('ann', 'buy', '10 10:40', 'x'),
                 ('ann', 'visit', '10 11:10:00.000001', 'shop'), ('ann', 'buy', '10 11:11', 'x'), ('ann', 'open', '12 10:00', 'x'),
                 ('bob', 'visit', '11 09:00', 'home'), ('bob', 'visit', '11 09:01', 'shop'), ('bob', 'open', '11 09:02', 'x'), ('bob', 'visit', '11 09:03', 'home'), ('bob', 'search', '11 09:04', 'x'),
                 ('cid', 'visit', '11 09:00', 'home'), ('cid', 'search', '11 09:10', 'x'), ('cid', 'search', '11 09:20', 'x'), ('cid', 'search', '11 09:30', 'x'), ('cid', 'buy', '11 09:31', 'x')) AS v (id, event, at, page) $$);
SELECT * FROM pulse_paths('visit');
SELECT step, before, name, kind, sessions FROM pulse_paths('visit', 'previous', 2);
SELECT step, before, name, kind, sessions FROM pulse_paths('visit', depth => 2, top => 1);
SELECT step, before, name, kind, sessions FROM pulse_paths('visit', depth => 2, event_where => 'page == "shop"');
SELECT step, before, name, kind, sessions FROM pulse_paths('visit', depth => 2, ignored => '{search,open}');
SELECT step, before, name, kind, sessions FROM pulse_paths('visit', depth => 1, session_gap => '1 day');
-- Only what happens in the time given; nothing later than now.
SELECT step, before, name, kind, sessions FROM pulse_paths('visit', since => '2013-02-10 11:00', until => '2013-02-11 09:03');
SET pulse.now = '2013-02-10 10:10';
SELECT step, before, name, kind, sessions FROM pulse_paths('visit');
SET pulse.now = '2013-03-01 12:00';
-- A merged person has one history.
SELECT pulse_merge('bob', 'cid', 'test') IS NOT NULL AS merged;
SELECT step, before, name, kind, sessions, people FROM pulse_paths('visit', depth => 1);
SELECT pulse_unmerge((SELECT max(id) FROM pulse.merge_history), 'test') IS NOT NULL AS undone;

-- ---- against a walk through each person's events, over random histories ----
SELECT setseed(0.27);
CREATE TEMP TABLE walk AS
SELECT CASE WHEN random() < 0.4 THEN 'walker' || who END AS user_id, 'device' || who || '-' || floor(random() * 3) AS anonymous_id,
       (ARRAY['visit', 'search', 'search', 'buy', 'open', 'close', 'share', 'rate'])[1 + floor(power(random(), 1.5) * 8)::int] AS event,
       timestamptz '2013-01-01' + floor(random() * 4 * 288) * interval '5 minutes' AS "timestamp", format('{"amount": %s}', floor(random() * 40)) AS properties
FROM (SELECT 1 + floor(power(random(), 2) * 60)::int AS who FROM generate_series(1, 4000)) AS w;
SELECT accepted FROM pulse_import_events('SELECT * FROM walk');
SELECT count(pulse_merge('walker' || i, 'walker' || i + 1, 'test')) FROM generate_series(2, 40, 6) AS i;
SELECT count(*) FILTER (WHERE canonical_id <> id) > 20 AS merged FROM pulse.profile;
-- The path of each session, found event by event.
CREATE FUNCTION pg_temp.paths(anchor text, minimum int, backwards boolean, depth int, gap interval, since timestamptz, until timestamptz) RETURNS TABLE (person bigint, steps text[]) LANGUAGE plpgsql AS $$
DECLARE
    e record;
    at timestamptz;
    name_before text;
    anchor_before boolean;
BEGIN
    FOR e IN SELECT p.canonical_id AS who, v.name, v.time, v.name = anchor AND (minimum IS NULL OR (v.properties ->> 'amount')::int >= minimum) AS begins
             FROM pulse.event AS v JOIN pulse.profile AS p ON p.id = v.profile_id WHERE v.time >= since AND v.time < until AND v.time <= pulse_now()
             ORDER BY p.canonical_id, CASE WHEN backwards THEN -extract(epoch FROM v.time) ELSE extract(epoch FROM v.time) END,
                      CASE WHEN backwards THEN -extract(epoch FROM v.received_at) ELSE extract(epoch FROM v.received_at) END, CASE WHEN backwards THEN -v.id ELSE v.id END LOOP
        IF person IS DISTINCT FROM e.who OR abs(extract(epoch FROM e.time - at)) > extract(epoch FROM gap) THEN
            IF steps IS NOT NULL THEN
                IF cardinality(steps) < depth THEN steps := steps || ''::text; END IF;
                RETURN NEXT;
            END IF;
            steps := NULL;
            name_before := NULL;
        END IF;
        person := e.who;
        IF name_before IS NULL OR name_before <> e.name OR anchor_before <> e.begins THEN
            IF steps IS NOT NULL AND cardinality(steps) < depth THEN steps := steps || e.name; END IF;
            IF steps IS NULL AND e.begins THEN steps := '{}'; END IF;
        END IF;
        at := e.time;
        name_before := e.name;
        anchor_before := e.begins;
    END LOOP;
    IF steps IS NOT NULL THEN
        IF cardinality(steps) < depth THEN steps := steps || ''::text; END IF;
        RETURN NEXT;
    END IF;
END $$;
CREATE FUNCTION pg_temp.tree(anchor text, minimum int, backwards boolean, depth int, top int, gap interval, since timestamptz, until timestamptz)
    RETURNS TABLE (step bigint, before text[], name text, kind text, sessions bigint, people bigint) LANGUAGE sql AS $$
    WITH RECURSIVE path AS MATERIALIZED (SELECT * FROM pg_temp.paths(anchor, minimum, backwards, depth, gap, since, until)),
    beginning AS MATERIALIZED (SELECT p.steps[1:k] AS steps, k, count(*) AS sessions, count(DISTINCT p.person) AS people FROM path AS p, generate_series(0, cardinality(p.steps)) AS k GROUP BY 1, 2),
    ranked AS MATERIALIZED (SELECT b.*, b.steps[1:b.k - 1] AS before, b.steps[b.k] AS name, b.steps[b.k] = '' AS ends,
                                   row_number() OVER (PARTITION BY b.k, b.steps[1:b.k - 1], b.steps[b.k] = '' ORDER BY b.sessions DESC, b.steps[b.k] COLLATE "C") AS rank FROM beginning AS b WHERE b.k > 0),
    kept AS (SELECT '{}'::text[] AS steps, 0 AS k UNION ALL SELECT r.steps, r.k FROM kept AS o JOIN ranked AS r ON r.before = o.steps AND r.k = o.k + 1 AND NOT r.ends AND r.rank <= top)
    SELECT 0, '{}', anchor, 'start', b.sessions, b.people FROM beginning AS b WHERE b.k = 0
    UNION ALL SELECT r.k, r.before, nullif(r.name, ''), CASE WHEN r.ends THEN 'end' ELSE 'event' END, r.sessions, r.people FROM kept AS o JOIN ranked AS r ON r.before = o.steps AND r.k = o.k + 1 WHERE r.ends OR r.rank <= top
    UNION ALL SELECT r.k, r.before, NULL, 'other', sum(r.sessions), NULL FROM kept AS o JOIN ranked AS r ON r.before = o.steps AND r.k = o.k + 1 WHERE NOT r.ends AND r.rank > top GROUP BY 1, 2
$$;
SELECT q.anchor, q.minimum, q.backwards, q.depth, q.top, count(*) > 3 AS rows, count(*) FILTER (WHERE c.a IS DISTINCT FROM c.x) AS different
FROM (VALUES ('visit', NULL::int, false, 3, 3, interval '30 minutes'), ('visit', 20, true, 2, 2, '10 minutes'), ('buy', NULL, true, 4, 2, '2 hours'), ('search', 5, false, 5, 100, '5 minutes'), ('open', NULL, false, 1, 1, '1 day'),
             ('rate', 39, false, 10, 3, '1 hour'), ('share', NULL, true, 3, 4, '25 minutes')) AS q (anchor, minimum, backwards, depth, top, gap),
     LATERAL (SELECT a, x FROM (SELECT p.step, p.before, p.name, p.kind, p.sessions, p.people
                                FROM pulse_paths(q.anchor, CASE WHEN q.backwards THEN 'previous' ELSE 'next' END, q.depth, least(q.top, 7), '2013-01-01 06:00', '2013-01-04 18:00', q.gap, event_where => 'amount >= ' || q.minimum) AS p) AS a
              FULL JOIN pg_temp.tree(q.anchor, q.minimum, q.backwards, q.depth, least(q.top, 7), q.gap, '2013-01-01 06:00', '2013-01-04 18:00') AS x
                        ON x.step = a.step AND x.before = a.before AND x.kind = a.kind AND x.name IS NOT DISTINCT FROM a.name) AS c
GROUP BY 1, 2, 3, 4, 5, q.gap ORDER BY 1, 2, 3;
-- Shares: of what came before they add up to one.
SELECT count(*) > 10 AS many, min(s.sum) > 0.999999 AND max(s.sum) < 1.000001 AS whole FROM (SELECT sum(p.share) FROM pulse_paths('visit', depth => 3, since => '2013-01-01') AS p WHERE p.step > 0 GROUP BY p.step, p.before) AS s;
SELECT bool_and(abs(p.share_of_all - p.sessions::float8 / a.sessions) < 1e-9) AS of_all FROM pulse_paths('visit', since => '2013-01-01') AS p, (SELECT sessions FROM pulse_paths('visit', since => '2013-01-01') WHERE step = 0) AS a;

-- ---- the level reader ----
SET client_min_messages = warning;
CREATE ROLE insight_path_reader;
SELECT pulse_grant('insight_path_reader', 'reader');
SET ROLE insight_path_reader;
SELECT count(*) > 5 AS rows, min(people) >= 10 AS people, min(sessions) >= 10 AS sessions FROM pulse_paths('visit', since => '2013-01-01', until => '2013-01-06', depth => 4);
SELECT step, name, kind, sessions, people, share FROM pulse_paths('visit', since => '2013-02-01');
SELECT pulse_paths('visit', event_where => 'page == "shop"');
RESET ROLE;
CREATE ROLE insight_path_nobody;
SET ROLE insight_path_nobody;
SELECT pulse_paths('visit');
RESET ROLE;
RESET client_min_messages;

-- ---- errors ----
SELECT pulse_paths(NULL);
SELECT count(*) FROM pulse_paths('vist');
SELECT pulse_paths('visit', 'sideways');
SELECT pulse_paths('visit', depth => 0);
SELECT pulse_paths('visit', depth => 11);
SELECT pulse_paths('visit', depth => 10, top => 10);
SELECT pulse_paths('visit', top => 101);
SELECT pulse_paths('visit', session_gap => '0');
SELECT pulse_paths('visit', session_gap => '-1 day');
SELECT pulse_paths('visit', since => '2013-02-01', until => '2013-01-01');
SELECT pulse_paths('visit', since => '2013-04-01');
SELECT pulse_paths('visit', until => 'infinity');
SELECT pulse_paths('visit', since => '4713-01-01 BC');
SELECT count(*) > 0 AS steps FROM pulse_paths('visit', since => '0001-01-01', until => '9999-12-31');
SELECT pulse_paths('visit', ignored => '{visit}');
SELECT pulse_paths('visit', ignored => '{a,NULL}');
SELECT pulse_paths('visit', ignored => array_agg('e' || i)) FROM generate_series(1, 101) AS i;
SELECT pulse_paths('visit', event_where => 'page ==');
SELECT pulse_paths('visit', event_where => 'profile.plan == "pro" && events.visit.count > 1');
SELECT count(*) FROM pulse_paths('visit', ignored => ARRAY['it''s', '\', '"']);
DROP OWNED BY insight_path_reader;
DROP ROLE insight_path_reader, insight_path_nobody;
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally,
    pulse.event_day, pulse.event_hour, pulse.ingest_tally, pulse.event_kind, pulse.event_property, pulse.source_total, pulse.rejected_event;
