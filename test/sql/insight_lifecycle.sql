-- Room insight: lifecycle stages against plain SQL, at every moment and in every place that shows them; the history of moves; growth.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
\set VERBOSITY default
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2015-01-01 12:00+00';

-- ---- off: lifecycle has its built-in meaning ----
SELECT * FROM pulse_lifecycle_stages();
SELECT * FROM pulse_lifecycle();
SELECT pulse_disable_lifecycle();
SELECT count(v) FROM generate_series(1, 5) AS g CROSS JOIN LATERAL pulse_track('early-' || g, 'Order Completed', '{}', '2014-12-31') AS v;
SELECT pulse_create_trait('stage', 'lifecycle');
SELECT value, count(*) FROM pulse.trait_value WHERE key = 'stage' GROUP BY 1;

-- ---- histories: visitors, people with an address, buyers; some do not come back ----
CREATE TABLE history AS
SELECT CASE WHEN u % 12 = 0 AND n % 2 = 0 THEN NULL ELSE 'cycle-' || u END AS user_id, CASE WHEN u % 12 = 0 AND n % 2 = 0 THEN 'cycle-browser-' || u END AS anonymous_id,
       CASE WHEN u % 3 = 0 AND (u + n) % 5 = 0 THEN 'order' WHEN u % 4 = 1 AND n = 2 THEN 'signup' ELSE 'visit' END AS event,
       timestamptz '2015-01-01 12:00+00' - make_interval(hours => (u * u * 7 + n * n * 131 + u * n * 17) % (24 * 20 * (1 + u % 14))) AS "timestamp", '{}'::jsonb AS properties
FROM generate_series(1, 90) AS u CROSS JOIN LATERAL generate_series(1, 1 + (u * u) % 9) AS n;
SELECT accepted FROM pulse_import_events('SELECT user_id, anonymous_id, event, "timestamp", properties FROM history');
SELECT count(pulse_identify('cycle-' || u, jsonb_build_object(CASE WHEN u % 2 = 0 THEN 'email' ELSE 'phone' END, CASE WHEN u % 2 = 0 THEN u || '@example.com' ELSE '+4930' || u + 100000 END)))
FROM generate_series(5, 90, 5) AS u;

SELECT pulse_enable_lifecycle(purchase_events => '{order,"Order Completed"}', inactive_days => 60) AS version;
SELECT version, at, enabled, known, purchase_events, inactive_days, cardinality(segments) AS segments, change FROM pulse.lifecycle_version;
SELECT pulse_enable_lifecycle() AS same;
SELECT name, status, version, definition, tags FROM pulse.segment ORDER BY id;

-- The stage of everybody at a moment, by the settings of then, in plain SQL.
CREATE FUNCTION oracle(moment timestamptz) RETURNS TABLE (person bigint, stage text) LANGUAGE sql STABLE AS $$
WITH v AS (SELECT * FROM pulse.lifecycle_version WHERE enabled AND at <= moment ORDER BY version DESC LIMIT 1),
p AS (
    SELECT o.canonical_id AS person, max(e.time) AS last, bool_or(e.name = ANY (v.purchase_events)) AS bought
    FROM v CROSS JOIN pulse.profile AS o JOIN pulse.event AS e ON e.profile_id = o.id AND e.time <= moment GROUP BY 1)
SELECT p.person, CASE WHEN NOT p.bought AND NOT q.attributes ?| '{email,phone}' THEN 'anonymous'
                      WHEN p.last < moment - make_interval(hours => 24 * v.inactive_days) THEN 'churned'
                      WHEN p.bought THEN 'customer' ELSE 'known' END
FROM p CROSS JOIN v JOIN pulse.profile AS q ON q.id = p.person
$$;
-- Every place that shows stages, compared with the plain SQL: differences, which must be 0, and the people of each stage.
CREATE FUNCTION differences(moment timestamptz) RETURNS TABLE (at text, stages text, person bigint, trait bigint, segments bigint, figures bigint, profile bigint, snapshots bigint) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pulse.now', moment::text, false);
    at := to_char(moment, 'YYYY-MM-DD');
    CREATE TEMP TABLE expected ON COMMIT DROP AS SELECT * FROM oracle(moment);
    SELECT string_agg(s || ' ' || (SELECT count(*) FROM expected AS e WHERE e.stage = s), ', ') INTO stages FROM unnest('{anonymous,known,customer,churned}'::text[]) AS s;
    SELECT count(*) INTO person FROM expected AS e JOIN pulse.person AS p ON p.profile_id = e.person WHERE p.lifecycle IS DISTINCT FROM e.stage;
    SELECT count(*) INTO trait FROM expected AS e LEFT JOIN pulse.trait_value AS t ON t.profile_id = e.person AND t.key = 'stage' WHERE t.value IS DISTINCT FROM to_jsonb(e.stage);
    SELECT count(*) INTO segments FROM (SELECT m.profile_id, replace(m.segment, 'lifecycle_', '') AS stage FROM pulse.membership AS m WHERE m.segment LIKE 'lifecycle\_%') AS a
        FULL JOIN expected AS e ON e.person = a.profile_id WHERE a.stage IS DISTINCT FROM e.stage;
    SELECT count(*) INTO figures FROM pulse_lifecycle_stages() AS f WHERE f.people <> (SELECT count(*) FROM expected AS e WHERE e.stage = f.stage);
    SELECT count(*) INTO profile FROM expected AS e WHERE e.person % 5 = 0 AND pulse_profile('profile:' || e.person) ->> 'lifecycle' <> e.stage;
    SELECT count(*) INTO snapshots FROM unnest('{anonymous,known,customer,churned}'::text[]) AS s
        WHERE (SELECT n.size FROM pulse.snapshot AS n WHERE n.id = pulse_take_snapshot('lifecycle_' || s)) <> (SELECT count(*) FROM expected AS e WHERE e.stage = s);
    DROP TABLE expected;
    RETURN NEXT;
END $$;
SELECT * FROM differences('2015-01-01 12:00+00');
SELECT * FROM differences('2015-01-20 12:00+00');

-- ---- moves: by events, attributes, late events, merges and time alone, each recorded when it happens ----
-- What was recorded, in plain SQL: the stage of each person after each step.
CREATE TABLE step (n int, person bigint, stage text);
CREATE PROCEDURE record_step(number int, moment timestamptz) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pulse_run_pipeline();
    INSERT INTO step SELECT number, o.person, o.stage FROM oracle(moment) AS o JOIN pulse.profile AS p ON p.id = o.person AND p.canonical_id = p.id;
END $$;
SET pulse.now = '2015-01-20 12:00+00';
CALL record_step(0, pulse_now());
SET pulse.now = '2015-01-21 12:00+00';
SELECT count(pulse_track('cycle-' || g, 'order', '{}')) FROM generate_series(1, 25) AS g;
SELECT count(pulse_track('cycle-new-' || g, 'visit', '{}')) FROM generate_series(1, 12) AS g;
CALL record_step(1, pulse_now());
SET pulse.now = '2015-01-28 12:00+00';
SELECT count(pulse_identify('cycle-' || g, '{"email": "x@example.com"}')) FROM generate_series(31, 47) AS g;
SELECT count(pulse_track('cycle-new-' || g, 'order', '{}', '2015-01-22 12:00+00')) AS late FROM generate_series(1, 4) AS g;
CALL record_step(2, pulse_now());
SET pulse.now = '2015-02-05 12:00+00';
SELECT pulse_merge('cycle-2', 'cycle-51', 'test') AS merge \gset
CALL record_step(3, pulse_now());
SET pulse.now = '2015-04-01 12:00+00';
CALL record_step(4, pulse_now());
SET pulse.now = '2015-04-02 12:00+00';
SELECT count(pulse_track('cycle-' || g, CASE WHEN g % 2 = 0 THEN 'order' ELSE 'visit' END, '{}')) AS won_back FROM generate_series(1, 60, 2) AS g;
CALL record_step(5, pulse_now());
SELECT pulse_count_profiles('{"any_segments": ["lifecycle_known", "lifecycle_customer"]}'), count(*) FROM oracle(pulse_now()) WHERE stage IN ('known', 'customer');
SELECT pulse_count_profiles('{"any_segments": []}');
SELECT count(*) FROM pulse.lifecycle_change WHERE cause <> 'build';
-- The matrix of all moves equals that of the steps; who was merged leaves.
CREATE VIEW expected_move AS
SELECT b.n, a.stage AS from_stage, b.stage AS to_stage, count(*) AS moves FROM step AS b LEFT JOIN step AS a ON a.n = b.n - 1 AND a.person = b.person
WHERE b.n > 0 AND a.stage IS DISTINCT FROM b.stage GROUP BY 1, 2, 3
UNION ALL SELECT a.n + 1, a.stage, NULL, count(*) FROM step AS a WHERE a.n < 5 AND NOT EXISTS (SELECT FROM step AS b WHERE b.n = a.n + 1 AND b.person = a.person) GROUP BY 1, 2;
SELECT sum(moves) AS moves, count(DISTINCT (from_stage, to_stage)) AS kinds FROM expected_move;
SELECT x.from_stage, x.to_stage, x.moves, c.moves AS recorded
FROM (SELECT from_stage, to_stage, sum(moves) AS moves FROM expected_move GROUP BY 1, 2) AS x
FULL JOIN (SELECT from_stage, to_stage, count(*) AS moves FROM pulse.lifecycle_change WHERE at > '2015-01-20 12:00+00' GROUP BY 1, 2) AS c
    ON coalesce(c.from_stage, '') = coalesce(x.from_stage, '') AND coalesce(c.to_stage, '') = coalesce(x.to_stage, '') WHERE x.moves IS DISTINCT FROM c.moves;
-- Each person's moves follow one another: each begins where the one before ended.
SELECT count(*) AS broken FROM (SELECT from_stage, lag(to_stage) OVER (PARTITION BY profile_id ORDER BY at) AS before, at > min(at) OVER (PARTITION BY profile_id) AS later FROM pulse.lifecycle_change) AS c
WHERE later AND from_stage IS DISTINCT FROM before;
SELECT cause, from_stage, to_stage, count(*) FROM pulse.lifecycle_change WHERE cause NOT IN ('build', 'event') GROUP BY 1, 2, 3 ORDER BY 1, 2 NULLS FIRST, 3;

SELECT * FROM pulse_lifecycle('2015-01-20 12:00:01+00', '2015-04-03 00:00+00');
-- The last week: who was won back.
SELECT * FROM pulse_lifecycle('2015-03-27 00:00+00');
SELECT count(*) AS won_back FROM pulse.lifecycle_change WHERE from_stage = 'churned' AND at >= '2015-03-27';
SELECT * FROM pulse_lifecycle_weeks('2015-01-20 12:00:01+00', '2015-04-03 00:00+00');
SELECT sum(changes) = (SELECT sum(changes) FROM pulse_lifecycle_weeks('2015-01-20 12:00:01+00', '2015-04-03 00:00+00')) AS same
FROM pulse_lifecycle('2015-01-20 12:00:01+00', '2015-04-03 00:00+00');
SELECT d.* FROM unnest('{2015-04-02 12:00+00, 2015-02-10 12:00+00, 2015-03-05 12:00+00, 2015-01-10 12:00+00}'::timestamptz[]) AS m CROSS JOIN LATERAL differences(m) AS d;

-- ---- other settings, from their moment on ----
SET pulse.now = '2015-04-03 12:00+00';
SELECT pulse_enable_lifecycle(inactive_days => 14, known => 'exists (profile.email ?? profile.phone) && profile.email != "x@example.com" || events.signup.exists && 1 > 2') AS version;
SELECT known FROM pulse.lifecycle_version ORDER BY version DESC LIMIT 1;
SELECT pulse_enable_lifecycle(known => 'exists (profile.email ?? profile.phone)') AS version;
SELECT d.* FROM unnest('{2015-04-03 12:00+00, 2015-04-02 12:00+00, 2015-02-10 12:00+00, 2015-04-20 12:00+00}'::timestamptz[]) AS m CROSS JOIN LATERAL differences(m) AS d;
-- Changes of settings are no moves of people.
SET pulse.now = '2015-04-03 12:00:01+00';
SELECT count(*) > 0 AS recorded FROM pulse.lifecycle_change WHERE cause = 'definition';
SELECT * FROM pulse_lifecycle('2015-04-03 00:00+00');
SELECT p.members = count(*) FILTER (WHERE o.stage <> 'anonymous') AS without_anonymous
FROM pulse_preview_segment('{"where": "events.*.count >= 1", "include_anonymous": false, "attributes": []}', 0) AS p CROSS JOIN oracle(pulse_now()) AS o WHERE p.part = 'size' GROUP BY p.members;

-- ---- growth: the figures and both identities ----
SET pulse.now = '2015-04-10 00:00+00';
SELECT * FROM pulse_growth('2014-09-01', '2015-04-10', 'month');
CREATE FUNCTION plain_growth(unit text) RETURNS TABLE (p timestamp, active bigint, new bigint, again bigint, back bigint, dormant bigint) LANGUAGE sql STABLE AS $$
WITH a AS (SELECT DISTINCT o.canonical_id AS person, date_trunc(unit, e.time AT TIME ZONE 'UTC') AS p FROM pulse.event AS e JOIN pulse.profile AS o ON o.id = e.profile_id)
SELECT g.p, (SELECT count(*) FROM a WHERE a.p = g.p),
       (SELECT count(*) FROM a WHERE a.p = g.p AND NOT EXISTS (SELECT FROM a AS b WHERE b.person = a.person AND b.p < g.p)),
       (SELECT count(*) FROM a WHERE a.p = g.p AND EXISTS (SELECT FROM a AS b WHERE b.person = a.person AND b.p = g.p - ('1 ' || unit)::interval)),
       (SELECT count(*) FROM a WHERE a.p = g.p AND EXISTS (SELECT FROM a AS b WHERE b.person = a.person AND b.p < g.p - ('1 ' || unit)::interval)
                                             AND NOT EXISTS (SELECT FROM a AS b WHERE b.person = a.person AND b.p = g.p - ('1 ' || unit)::interval)),
       (SELECT count(*) FROM a WHERE a.p = g.p - ('1 ' || unit)::interval AND NOT EXISTS (SELECT FROM a AS b WHERE b.person = a.person AND b.p = g.p))
FROM generate_series(date_trunc(unit, timestamp '2014-06-01'), '2015-04-09 23:59:59', ('1 ' || unit)::interval) AS g (p)
$$;
SELECT u AS unit, count(*) AS periods, (SELECT count(*) FROM plain_growth(u)) AS expected,
       count(*) FILTER (WHERE (g.active, g.new, g."returning", g.resurrecting, g.dormant) IS DISTINCT FROM (x.active, x.new, x.again, x.back, x.dormant)) AS differ,
       bool_and(g.active = g.new + g."returning" + g.resurrecting) AS active_is_the_sum, bool_and(g.before = g."returning" + g.dormant) AS before_is_the_sum
FROM unnest('{day,week,month}'::text[]) AS u
CROSS JOIN LATERAL (SELECT *, lag(active) OVER (ORDER BY begins) AS before FROM pulse_growth('2014-06-01', '2015-04-10', u)) AS g
LEFT JOIN LATERAL (SELECT * FROM plain_growth(u)) AS x ON x.p = g.begins GROUP BY 1 ORDER BY 1;
SELECT begins, active FROM pulse_growth('2015-03-01 12:00+00', '2015-03-20', 'week');

-- ---- its segments belong to it ----
SELECT pulse_update_segment('lifecycle_known', '{"where": "true"}');
SELECT pulse_update_segment('lifecycle_known', new_name => 'known');
SELECT pulse_archive_segment('lifecycle_known');
SELECT pulse_delete_segment('lifecycle_known', confirm => true);
SELECT pulse_create_segment('lost_customers', '{"where": "segment(\"lifecycle_churned\") && events.order.exists"}') > 0 AS made;
SELECT pulse_disable_lifecycle();

-- ---- errors ----
SELECT pulse_enable_lifecycle(inactive_days => 0);
SELECT pulse_enable_lifecycle(inactive_days => 3651);
SELECT pulse_enable_lifecycle(purchase_events => '{}');
SELECT pulse_enable_lifecycle(purchase_events => '{order,NULL}');
SELECT pulse_enable_lifecycle(purchase_events => '{""}');
SELECT pulse_enable_lifecycle(known => 'profile.email exists');
SELECT pulse_enable_lifecycle(known => 'lifecycle = "known"');
SELECT pulse_enable_lifecycle(known => 'segment("lifecycle_known")');
SELECT pulse_enable_lifecycle(known => 'trait("stage") = "x"');
SELECT pulse_enable_lifecycle(known => 'events.order.count');
SELECT pulse_lifecycle('2015-02-01', '2015-01-01');
SELECT pulse_lifecycle('-infinity', '2015-01-01');
SELECT pulse_lifecycle('2000-01-01', '2015-01-01');
SELECT pulse_growth(period => 'hour');
SELECT pulse_growth('2015-01-01', 'infinity');
SELECT count(*) FROM pulse_lifecycle(NULL, NULL);

-- ---- privileges: a reader sees no figures of fewer than 10 people ----
CREATE ROLE regress_cycle_reader;
SELECT pulse_grant('regress_cycle_reader', 'reader');
SELECT * FROM pulse_lifecycle_stages();
SET ROLE regress_cycle_reader;
SELECT * FROM pulse_lifecycle('2015-01-20 12:00:01+00', '2015-04-03 00:00+00');
SELECT * FROM pulse_lifecycle_stages();
SELECT count(*) FILTER (WHERE active BETWEEN 1 AND 9 OR dormant BETWEEN 1 AND 9) AS few, count(*) > 0 AS rows FROM pulse_growth('2014-06-01', '2015-04-10', 'day');
-- Of both periods of a comparison.
SELECT count(*) FILTER (WHERE l.changes BETWEEN 1 AND 9 OR l.changes_before BETWEEN 1 AND 9) AS few, count(l.changes) > 0 AS shown
FROM generate_series(timestamptz '2015-01-10', '2015-04-01', '1 day') AS d, generate_series(1, 20) AS n, pulse_lifecycle(d, d + n * interval '1 day') AS l;
SELECT count(*) FROM pulse.lifecycle_change;
SELECT pulse_disable_lifecycle();
RESET ROLE;
SELECT pulse_revoke('regress_cycle_reader');
DROP ROLE regress_cycle_reader;

-- ---- off again: the built-in meaning, and the history stays ----
SELECT pulse_delete_segment('lost_customers', confirm => true);
SELECT pulse_disable_lifecycle();
SELECT name, status FROM pulse.segment ORDER BY id;
SELECT value, count(*) FROM pulse.trait_value WHERE key = 'stage' GROUP BY 1 ORDER BY 1;
SELECT count(*) > 100 AS kept FROM pulse.lifecycle_change;
SET pulse.now = '2015-04-10 12:00+00';
SELECT pulse_enable_lifecycle(inactive_days => 30) AS on_again;
SELECT name, status FROM pulse.segment ORDER BY id;
SELECT * FROM differences('2015-04-11 12:00+00');
-- A segment of that name that is not its own.
SELECT pulse_disable_lifecycle();
SELECT pulse_delete_segment('lifecycle_customer', confirm => true);
SELECT pulse_create_segment('lifecycle_customer', '{"where": "events.order.exists"}') > 0 AS made;
SELECT pulse_enable_lifecycle();
SELECT 'pulse.lifecycle_version'::regclass::oid = ANY (extconfig) AS dumped FROM pg_extension WHERE extname = 'pulse';
DROP TABLE history, step CASCADE;
DROP PROCEDURE record_step;
DROP FUNCTION differences, oracle, plain_growth;
DROP EXTENSION pulse CASCADE;
