-- Funnels.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET pulse.now = '2026-03-10 00:00+00';
SET timezone = 'UTC';
-- Sends events: user, name, minutes after 2026-03-01, properties.
CREATE FUNCTION pg_temp.send(events jsonb) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM pulse_ingest((SELECT jsonb_agg(jsonb_build_object('type', 'track', 'userId', e ->> 0, 'event', e ->> 1,
        'timestamp', to_char(timestamptz '2026-03-01 00:00+00' + (e ->> 2)::float8 * interval '1 minute', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'properties', coalesce(e -> 3, '{}'), 'context', coalesce(e -> 4, '{}'))) FROM jsonb_array_elements(events) AS e))
$$;
-- The error of a statement: SQLSTATE, message, detail, hint.
CREATE FUNCTION pg_temp.error(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text; message text; detail text; hint text;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', state, message, nullif(detail, ''), nullif(hint, ''));
END $$;

-- ---- What a funnel shows ----
SELECT pg_temp.send('[["fun-ann", "view", 10, {"platform": "ios", "price": 5}], ["fun-ann", "cart", 20], ["fun-ann", "buy", 1470, {"amount": 30}],
    ["fun-bob", "view", 10, {"platform": "web", "price": 9}, {"app": {"version": "5.2"}}], ["fun-bob", "cart", 40], ["fun-bob", "buy", 50, {"amount": 3}],
    ["fun-cyd", "view", 10, {"platform": "ios"}], ["fun-cyd", "view", 30, {"platform": "web"}], ["fun-cyd", "cart", 31], ["fun-cyd", "buy", 31, {"amount": 50}],
    ["fun-dan", "cart", 5], ["fun-dan", "view", 6, {"platform": null}], ["fun-eve", "buy", 7]]') AS sent;
SELECT step, name, people, round(rate::numeric, 3) AS rate, round(rate_low::numeric, 3) AS low, round(rate_high::numeric, 3) AS high, round(step_rate::numeric, 3) AS step_rate, median, p90, dropped, waiting
FROM pulse_funnel('{"steps": ["view", {"event": "cart", "name": "In the cart"}, {"event": "buy", "where": "amount > 10"}]}'::jsonb);
-- A text is a definition, too, and nobody began before the first event; a week later nobody can go on.
SELECT step, people, rate, step_rate, median, dropped, waiting FROM pulse_funnel('{"steps": ["view", "cart"]}', until => '2026-03-01 00:05+00');
SET pulse.now = '2026-04-10';
SELECT step, people, dropped, waiting FROM pulse_funnel('{"steps": ["view", "cart", "buy"]}');
SET pulse.now = '2026-03-01 00:25+00';
SELECT step, people, dropped, waiting FROM pulse_funnel('{"steps": ["view", "cart", "buy"], "window": "15 min"}');
SET pulse.now = '2026-03-10 00:00+00';
-- Ties: strictly later by default.
SELECT f, array_agg(people ORDER BY step) FROM unnest('{strict_increase,loose,strict_order}'::text[]) AS f, pulse_funnel(jsonb_build_object('steps', '["view", "cart", "buy"]'::jsonb, 'order', f)) GROUP BY 1 ORDER BY 1;
-- Rules over properties and context, as text and as JSON, also as Stratum writes them.
SELECT array_agg(people ORDER BY step) FROM pulse_funnel('{"steps": [{"event": "view", "where": "price > 4 && context.app.version is null"}, "cart"]}');
SELECT array_agg(people ORDER BY step) FROM pulse_funnel('{"steps": [{"event": "view", "where": {"rules": [{"field": "price", "operator": ">", "value": 4}]}}, "cart"]}');
SELECT array_agg(people ORDER BY step), max(median) FROM pulse_funnel('{"steps": [{"step_name": "Seen", "event_name": "view", "conditions": [{"field": "properties.price", "operator": "greater_than", "value": 4}, {"field": "context.app.version", "operator": "equals", "value": "5.2"}]}, {"event_name": "cart"}], "conversion_window_days": 1, "step_timeout_hours": 1}');
-- By attribute of the event, of the person, by source and by segment.
SELECT value, step, people, median FROM pulse_funnel('{"steps": ["view", "cart"], "by": "properties.platform"}');
SELECT value, array_agg(people ORDER BY step) FROM pulse_funnel('{"steps": ["view", "cart"]}', by => 'context.app.version') GROUP BY 1 ORDER BY 1;
SELECT value, array_agg(people ORDER BY step) FROM pulse_funnel('{"steps": ["view", "cart", "buy"], "by": "properties.amount", "by_step": 3, "entry": "best"}') GROUP BY 1 ORDER BY 1;
SELECT count(pulse_identify(u, jsonb_build_object('country', c))) FROM (VALUES ('fun-ann', 'FR'), ('fun-bob', 'FR'), ('fun-cyd', 'DE')) AS v (u, c);
SELECT value, array_agg(people ORDER BY step) FROM pulse_funnel('{"steps": ["view", "cart", "buy"], "by": "profile.country"}') GROUP BY 1 ORDER BY 1;
SELECT value, array_agg(people ORDER BY step) FROM pulse_funnel('{"steps": ["view", "cart", "buy"], "by": "account.plan"}') GROUP BY 1 ORDER BY 1;
SELECT count(DISTINCT value), sum(people) FILTER (WHERE step = 1) FROM pulse_funnel('{"steps": ["view", "cart", "buy"], "by": "source"}');
SELECT pulse_create_segment('Funnel French', '{"where": "profile.country == \"FR\""}') > 0 AS made;
SELECT value, array_agg(people ORDER BY step) FROM pulse_funnel('{"steps": ["view", "cart", "buy"]}', by => 'segment("Funnel French")') GROUP BY 1 ORDER BY 1;
SELECT array_agg(people ORDER BY step) FROM pulse_funnel('{"steps": ["view", "cart", "buy"], "segment": "Funnel French"}');
-- Sessions, the same property along the way, exclusions, timeouts, every entry.
SELECT pg_temp.send('[["fun-ses", "s_view", 0], ["fun-ses", "s_other", 25], ["fun-ses", "s_cart", 50], ["fun-ses", "s_view", 100], ["fun-ses", "s_cart", 131], ["fun-ses", "s_view", 200], ["fun-ses", "s_cart", 201]]') AS sent;
SELECT u, array_agg(people ORDER BY step) FROM unnest('{person,session}'::text[]) AS u, pulse_funnel(jsonb_build_object('steps', '["s_view", "s_cart"]'::jsonb, 'per', u)) GROUP BY 1 ORDER BY 1;
SELECT array_agg(people ORDER BY step) FROM pulse_funnel('{"steps": ["s_view", "s_cart"], "per": "session", "session_gap": "24 min"}');
SELECT array_agg(people ORDER BY step) FROM pulse_funnel('{"steps": ["s_view", "s_cart"], "entry": "every"}');
SELECT entry, step, state, at, took FROM pulse_funnel_journeys('{"steps": ["s_view", "s_cart"], "entry": "every", "window": "1 h"}', 'fun-ses');
SELECT array_agg(people ORDER BY step) FROM pulse_funnel('{"steps": ["s_view", "s_cart"], "exclude": [{"event": "s_other", "after": 1}]}');
SELECT array_agg(people ORDER BY step) FROM pulse_funnel('{"steps": ["s_view", {"event": "s_cart", "within": "20 min"}]}');
SELECT pg_temp.send('[["fun-ord", "o_open", 0, {"order": {"id": 1}}], ["fun-ord", "o_open", 1, {"order": {"id": "2"}}], ["fun-ord", "o_pay", 2, {"order": {"id": 2}}], ["fun-ord", "o_pay", 3], ["fun-ord", "o_ship", 4, {"order": {"id": 1}}], ["fun-ord", "o_ship", 5, {"order": {"id": 2}}]]') AS sent;
SELECT e, h, array_agg(people ORDER BY step) FROM unnest('{first,best,every}'::text[]) AS e, unnest('{order.id,NULL}'::text[]) AS h,
    pulse_funnel(jsonb_strip_nulls(jsonb_build_object('steps', '["o_open", "o_pay", "o_ship"]'::jsonb, 'entry', e, 'hold', h))) GROUP BY 1, 2 ORDER BY 1, 2;

-- ---- Saved funnels ----
SELECT pulse_create_funnel('  Checkout ', '{"steps": ["view", "cart", {"event_name": "buy", "conditions": []}], "conversion_window_days": 30}', 'who buys') > 0 AS made;
SELECT name, definition, version, description, created_by = current_user AS mine FROM pulse_list_funnels();
SELECT step, name, people FROM pulse_funnel('Checkout');
SELECT value, step, people FROM pulse_funnel('Checkout', '2026-03-01 00:07+00', '2026-03-02', 'profile.country');
SELECT pulse_update_funnel('Checkout', '{"steps": ["view", "cart", "buy"], "window": "30 days"}') AS version;
SELECT pulse_update_funnel('Checkout', '{"steps": ["view", "cart"], "by": "profile.country", "order": "loose"}', '', 'Basket') AS version;
SELECT version, change, definition FROM pulse.funnel_version ORDER BY version;
SELECT user_id, breakdown, reached, waiting, entered_at, reached_at FROM pulse_funnel_people('Basket', 2);
SELECT user_id FROM pulse_funnel_people('Basket', 1, dropped => true);
SET pulse.now = '2026-04-10';
SELECT user_id, reached FROM pulse_funnel_people('Basket', 1, dropped => true);
SELECT user_id FROM pulse_funnel_people('Basket', 1, value => 'FR');
SELECT user_id FROM pulse_funnel_people('Basket', 1, by => '', max => 2);
SELECT user_id FROM pulse_funnel_people('Basket', 1, by => '', after => (SELECT max(profile_id) FROM pulse_funnel_people('Basket', 1, max => 2)));
SELECT funnel, reached, steps, entered_at, reached_at, converted, waiting FROM pulse_funnels_of('fun-cyd');
SELECT * FROM pulse_funnel_journeys('Basket', 'fun-eve');
SET pulse.now = '2026-03-10 00:00+00';

-- ---- The oracle: all chains, by a recursive query ----
-- Random histories of 80 people in 160 profiles, with ties; half of the profiles are merged into the other half, one merge is undone.
CREATE FUNCTION pg_temp.dice(i int, what text, sides int) RETURNS int LANGUAGE sql AS $$ SELECT ('x' || left(md5(i || what), 7))::bit(28)::int % sides $$;
SELECT count(*) FROM pulse_ingest((SELECT jsonb_agg(jsonb_build_object('type', 'track', 'userId', 'fo' || pg_temp.dice(i, 'user', 160), 'event', 'o_' || (ARRAY['a', 'a', 'b', 'b', 'c', 'd', 'x', 'z'])[1 + pg_temp.dice(i, 'name', 8)],
    'timestamp', to_char(timestamptz '2026-03-02' + pg_temp.dice(i, 'time', 60) * interval '1 minute', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'properties', jsonb_build_object('order', CASE WHEN pg_temp.dice(i, 'has', 5) > 0 THEN pg_temp.dice(i, 'order', 2) END, 'good', pg_temp.dice(i, 'good', 10) < 7, 'platform', 'p' || pg_temp.dice(i, 'platform', 3)))) FROM generate_series(1, 1000) AS i));
SELECT count(pulse_merge('fo' || i, 'fo' || i + 80, 'test')) FROM generate_series(1, 60) AS i
WHERE EXISTS (SELECT FROM pulse.identity WHERE value = 'fo' || i) AND EXISTS (SELECT FROM pulse.identity WHERE value = 'fo' || i + 80);
SELECT count(pulse_unmerge(m.id, 'test')) FROM (SELECT max(id) AS id FROM pulse.merge_history) AS m;
CREATE FUNCTION pg_temp.oracle(d jsonb) RETURNS TABLE (person bigint, reached int, entered_at timestamptz, reached_at timestamptz, value text) LANGUAGE sql AS $$
    WITH RECURSIVE ev AS (
        SELECT o.canonical_id AS person, e.id, e.time, e.name, e.properties ->> (d ->> 'hold') AS key, (e.properties ->> 'good')::boolean AS good, e.properties ->> 'platform' AS platform
        FROM pulse.event AS e JOIN pulse.profile AS o ON o.id = e.profile_id
        WHERE e.name LIKE 'o\__' AND e.time <= pulse_now()
    ), step AS (
        SELECT n, coalesce(s ->> 'event', s #>> '{}') AS name, s ? 'where' AS good FROM jsonb_array_elements(d -> 'steps') WITH ORDINALITY AS t (s, n)
    ), begun AS (
        SELECT ev.*, min(ev.time) OVER (PARTITION BY ev.person) AS first FROM ev JOIN step AS s ON s.n = 1 AND s.name = ev.name AND (NOT s.good OR ev.good)
        WHERE (NOT d ? 'since' OR ev.time >= (d ->> 'since')::timestamptz) AND (NOT d ? 'until' OR ev.time < (d ->> 'until')::timestamptz) AND (NOT d ? 'hold' OR ev.key IS NOT NULL)
    ), chain AS (
        SELECT b.person, ARRAY[b.id] AS ids, 1::bigint AS n, b.time AS start, b.time AS last, b.key, b.platform FROM begun AS b WHERE d ->> 'entry' = 'best' OR b.time = b.first
        UNION ALL
        SELECT c.person, c.ids || ev.id, c.n + 1, c.start, ev.time, c.key, c.platform
        FROM chain AS c JOIN step AS s ON s.n = c.n + 1 JOIN ev ON ev.person = c.person AND ev.name = s.name AND (NOT s.good OR ev.good)
        WHERE CASE WHEN d ->> 'order' = 'loose' THEN ev.time >= c.last ELSE ev.time > c.last END AND ev.id <> ALL (c.ids)
          AND ev.time - c.start <= coalesce(d ->> 'window', '30 days')::interval AND ev.time - c.last <= coalesce(d ->> 'step_timeout', '3650 days')::interval
          AND (NOT d ? 'hold' OR ev.key = c.key)
          AND (NOT d ? 'exclude' OR NOT EXISTS (SELECT FROM ev AS x WHERE x.person = c.person AND x.name = d #>> '{exclude,0,event}' AND c.n >= (d #>> '{exclude,0,after}')::int
                                                AND c.n < (d #>> '{exclude,0,before}')::int AND x.time > c.last AND x.time <= ev.time AND (NOT d ? 'hold' OR x.key = c.key)))
          AND (d ->> 'order' IS DISTINCT FROM 'strict_order' OR NOT EXISTS (SELECT FROM ev AS x JOIN step AS y ON y.name = x.name AND (NOT y.good OR x.good) WHERE x.person = c.person AND x.time > c.last
                                                                            AND x.time < ev.time AND (NOT d ? 'hold' OR x.key = c.key)
                                                                            AND (y.n > 1 OR ((NOT d ? 'since' OR x.time >= (d ->> 'since')::timestamptz) AND (NOT d ? 'until' OR x.time < (d ->> 'until')::timestamptz)))))
    )
    SELECT DISTINCT ON (c.person) c.person, c.n::int, c.start, c.last, c.platform FROM chain AS c ORDER BY c.person, c.n DESC, c.last, c.start DESC, c.platform
$$;
CREATE TEMP TABLE trial AS SELECT row_number() OVER () AS n, d || e AS d FROM (VALUES
    ('{"steps": ["o_a", "o_b"]}'::jsonb), ('{"steps": ["o_a", "o_b", "o_c", "o_d"]}'), ('{"steps": ["o_a", "o_b", "o_a"], "order": "loose"}'),
    ('{"steps": ["o_a", "o_b", "o_b", "o_c"], "order": "loose", "window": "30 min"}'), ('{"steps": ["o_a", "o_b", "o_c"], "order": "strict_order"}'),
    ('{"steps": ["o_a", "o_b", "o_c"], "window": "20 min"}'), ('{"steps": ["o_a", "o_b", "o_c"], "step_timeout": "10 min"}'),
    ('{"steps": ["o_a", "o_b", "o_c"], "step_timeout": "15 min", "window": "20 min", "order": "loose"}'),
    ('{"steps": ["o_a", "o_b", "o_c"], "exclude": [{"event": "o_x", "after": 1, "before": 2}]}'),
    ('{"steps": ["o_a", "o_b", "o_c"], "exclude": [{"event": "o_x", "after": 1, "before": 3}], "order": "loose"}'),
    ('{"steps": ["o_a", "o_b", "o_c"], "hold": "order"}'),
    ('{"steps": [{"event": "o_a", "where": "good"}, "o_b", {"event": "o_c", "where": "good"}]}'),
    ('{"steps": ["o_a", "o_b", "o_c"], "since": "2026-03-02 00:10+00", "until": "2026-03-02 00:30+00"}'),
    ('{"steps": ["o_a", "o_b", "o_c"], "since": "2026-03-02 00:10+00", "until": "2026-03-02 00:30+00", "order": "strict_order", "window": "15 min"}')) AS v (d),
    (VALUES ('{"entry": "first"}'::jsonb), ('{"entry": "best"}')) AS w (e);
-- Each trial: people, those who took all steps, and the differences from the oracle in people and in counts.
CREATE FUNCTION pg_temp.compare() RETURNS TABLE (n bigint, people bigint, converted bigint, differences bigint, wrong_counts bigint) LANGUAGE sql AS $$
    WITH found AS MATERIALIZED (
        SELECT t.n, p.profile_id, p.reached, p.entered_at, p.reached_at FROM trial AS t, generate_series(1, jsonb_array_length(t.d -> 'steps')) AS k, pulse_funnel_people(t.d, k, max => 10000) AS p WHERE p.reached = k
    ), expected AS MATERIALIZED (
        SELECT t.n, o.person, o.reached, o.entered_at, o.reached_at FROM trial AS t, pg_temp.oracle(t.d) AS o
    )
    SELECT t.n, (SELECT count(*) FROM expected AS e WHERE e.n = t.n), (SELECT count(*) FROM expected AS e WHERE e.n = t.n AND e.reached = jsonb_array_length(t.d -> 'steps')),
           (SELECT count(*) FROM (TABLE found EXCEPT TABLE expected UNION ALL (TABLE expected EXCEPT TABLE found)) AS x WHERE x.n = t.n),
           (SELECT count(*) FROM pulse_funnel(t.d) AS f WHERE f.people <> (SELECT count(*) FROM expected AS e WHERE e.n = t.n AND e.reached >= f.step))
    FROM trial AS t ORDER BY t.n
$$;
SELECT * FROM pg_temp.compare();
-- As of an earlier moment, and after late events.
SET pulse.now = '2026-03-02 00:30+00';
SELECT sum(people) AS people, sum(converted) AS converted, sum(differences) AS differences, sum(wrong_counts) AS wrong_counts FROM pg_temp.compare();
SET pulse.now = '2026-03-10 00:00+00';
SELECT count(*) FROM pulse_ingest((SELECT jsonb_agg(jsonb_build_object('type', 'track', 'userId', 'fo' || pg_temp.dice(i, 'user', 160), 'event', 'o_' || (ARRAY['a', 'b', 'c', 'x'])[1 + pg_temp.dice(i, 'name', 4)],
    'timestamp', to_char(timestamptz '2026-03-02' + pg_temp.dice(i, 'time', 60) * interval '1 minute', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'properties', '{"order": 1, "good": true, "platform": "late"}'::jsonb)) FROM generate_series(2001, 2200) AS i));
SELECT sum(people) AS people, sum(converted) AS converted, sum(differences) AS differences, sum(wrong_counts) AS wrong_counts FROM pg_temp.compare();
-- Medians, and a breakdown by the first event.
SELECT f.step, f.median = x.times[1] AS median, f.p90 = x.times[2] AS p90
FROM pulse_funnel('{"steps": ["o_a", "o_b"]}') AS f, (SELECT percentile_disc('{0.5,0.9}'::float8[]) WITHIN GROUP (ORDER BY reached_at - entered_at) AS times FROM pg_temp.oracle('{"steps": ["o_a", "o_b"], "entry": "first"}') WHERE reached = 2) AS x WHERE f.step = 2;
SELECT count(*) AS values, count(*) FILTER (WHERE f.people IS DISTINCT FROM o.people) AS wrong
FROM (SELECT value, people FROM pulse_funnel('{"steps": ["o_a", "o_b"], "by": "properties.platform"}') WHERE step = 2) AS f
FULL JOIN (SELECT value, count(*) AS people FROM pg_temp.oracle('{"steps": ["o_a", "o_b"], "entry": "first"}') WHERE reached = 2 GROUP BY 1) AS o USING (value);
-- Sessions by window functions.
WITH ev AS (
    SELECT o.canonical_id AS person, e.time, e.name, e.time - lag(e.time) OVER w > interval '10 min' AS pause FROM pulse.event AS e JOIN pulse.profile AS o ON o.id = e.profile_id WINDOW w AS (PARTITION BY o.canonical_id ORDER BY e.time)
), session AS (
    SELECT *, count(*) FILTER (WHERE pause) OVER (PARTITION BY person ORDER BY time) AS n FROM ev
), begun AS (
    SELECT person, n, min(time) FILTER (WHERE name = 'o_a') AS first, max(time) FILTER (WHERE name = 'o_b') AS last FROM session GROUP BY 1, 2
)
SELECT count(*) AS sessions, count(*) FILTER (WHERE last > first) AS converted, (SELECT array_agg(people ORDER BY step) FROM pulse_funnel('{"steps": ["o_a", "o_b"], "per": "session", "session_gap": "10 min"}'))
FROM begun WHERE first IS NOT NULL;

-- People who were deleted by hand do not count, though their events stay.
SELECT pg_temp.send('[["fun-gone", "g_a", 1], ["fun-gone", "g_b", 2], ["fun-stays", "g_a", 1]]') AS sent;
SELECT array_agg(people ORDER BY step) FROM pulse_funnel('{"steps": ["g_a", "g_b"]}');
DELETE FROM pulse.profile WHERE id = (SELECT profile_id FROM pulse.identity WHERE value = 'fun-gone');
SELECT count(*) FROM pulse.event WHERE name LIKE 'g\_%';
SELECT array_agg(people ORDER BY step) FROM pulse_funnel('{"steps": ["g_a", "g_b"]}');

-- ---- In parallel: the parts of a person are merged ----
CREATE TABLE funnel_event AS SELECT (i % 50)::bigint AS person, timestamptz '2026-03-01' + (i * 7919 % 1000) * interval '1 minute' AS at, 1 << (i * 31 % 3) AS mask, 'k' || i % 2 AS key, 'v' || i % 3 AS value FROM generate_series(1, 5000) AS i;
ALTER TABLE funnel_event SET (parallel_workers = 2);
ANALYZE funnel_event;
SET enable_hashagg = off;
CREATE TEMP VIEW followed AS SELECT person, pulse.follow_funnel('3 600000000 0 1 0 1 0 9223372036854775807 9223372036854775807 9223372036854775807 0', 1, person, at, mask, key, value) AS paths FROM funnel_event GROUP BY person;
CREATE TEMP TABLE serial AS SELECT * FROM followed;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off;
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE plan text;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON, COSTS off) ' || query INTO plan;
    RETURN concat_ws(' ', substring(plan FROM '"Gather[^"]*"'), substring(plan FROM '"Partial Mode": "Partial"'));
END $$;
SELECT pg_temp.plan_of('SELECT person, pulse.follow_funnel(''2 1 0 0 0 0 0 1 1 0'', 1, person, at, mask, key, value) FROM funnel_event GROUP BY person');
SELECT count(*) AS people, sum(cardinality(p.paths)) AS paths, count(*) FILTER (WHERE p.paths IS DISTINCT FROM s.paths) AS different FROM followed AS p JOIN serial AS s USING (person);
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers_per_gather; RESET parallel_leader_participation; RESET enable_hashagg;
DROP TABLE funnel_event CASCADE;
-- Who has too many events is named; nonsense is refused.
SELECT pulse.follow_funnel('2 1 0 0 0 0 0 1 1 0', 1, 42, now(), 1, NULL, NULL) FROM generate_series(1, 1000001);
SELECT pulse.follow_funnel('2 1 0 0 0 0 0 1 1 0', 3, 42, now(), 1, NULL, NULL);
SELECT pulse.follow_funnel('nonsense', 1, 42, now(), 1, NULL, NULL);
SELECT pulse.follow_funnel(NULL, 1, 42, now(), 1, NULL, NULL);
SELECT pulse.follow_funnel('2 1 0 0 0 0 0 1 1 0', 1, 42, a, m, NULL, NULL) FROM (VALUES (timestamptz 'infinity', 1), ('-infinity', 1), (NULL, 1), ('2026-01-01', NULL), ('2026-01-01', -1)) AS v (a, m);

-- ---- Errors ----
SELECT d, pg_temp.error(format('SELECT * FROM pulse_funnel(%L::jsonb)', d)) FROM unnest(ARRAY[
    '1', '{}', '{"steps": "view"}', '{"steps": []}', '{"steps": ["view"]}', '{"steps": ["view", ""]}', '{"steps": ["view", 3]}', '{"steps": ["view", {"where": "x"}]}', '{"steps": ["view", {"event": "cart", "colour": 1}]}',
    '{"steps": [{"event": "view", "within": "1 h"}, "cart"]}', '{"steps": ["view", {"event": "cart", "where": "amount >"}]}', '{"steps": ["view", {"event": "cart", "where": "events.buy.count > 1"}]}',
    '{"steps": ["view", {"event": "cart", "where": "amount"}]}', '{"steps": ["view", {"event": "cart", "where": "name matches \"(\""}]}', '{"steps": ["view", {"event": "cart", "where": "a", "conditions": []}]}',
    '{"steps": ["view", {"event": "cart", "conditions": [{"field": "a", "operator": "near", "value": 1}]}]}', '{"steps": ["view", "cart"], "stpes": 1}',
    '{"steps": ["view", "cart"], "window": "soon"}', '{"steps": ["view", "cart"], "window": "0 s"}', '{"steps": ["view", "cart"], "window": "4000 days"}', '{"steps": ["view", "cart"], "conversion_window_days": 1.5}', '{"steps": ["view", "cart"], "order": "any"}',
    '{"steps": ["view", "cart"], "entry": 1}', '{"steps": ["view", "cart"], "exclude": ["x", 1]}', '{"steps": ["view", "cart"], "exclude": [{"event": "x", "after": 2}]}', '{"steps": ["view", "cart", "buy"], "exclude": [{"event": "x", "after": 2, "before": 2}]}',
    '{"steps": ["view", "cart"], "hold": "lower(a)"}', '{"steps": ["view", "cart"], "since": "yesterday"}', '{"steps": ["view", "cart"], "since": "2026-03-02", "until": "2026-03-02"}', '{"steps": ["view", "cart"], "by": "platform"}', '{"steps": ["view", "cart"], "by": "events.x.count"}',
    '{"steps": ["view", "cart"], "by": "profile.x", "by_step": 2}', '{"steps": ["view", "cart"], "by": "source", "by_step": 3}', '{"steps": ["view", "cart"], "by": "segment(\"Nobody\")"}', '{"steps": ["view", "cart"], "segment": "Nobody"}',
    '{"steps": ["view", "cart"], "per": "day"}', '{"steps": ["view", "cart"], "session_gap": "1 h"}']) AS d;
SELECT pg_temp.error(format('SELECT * FROM pulse_funnel(%L::jsonb)', jsonb_build_object('steps', array_fill('a'::text, ARRAY[21]))));
SELECT pg_temp.error(format('SELECT * FROM pulse_funnel(%L::jsonb)', jsonb_build_object('steps', '["a", "b"]'::jsonb, 'exclude', array_fill('a'::text, ARRAY[12]))));
SELECT array_agg(people ORDER BY step) FROM pulse_funnel(jsonb_build_object('steps', array_fill('view'::text, ARRAY[20]), 'exclude', array_fill('cart'::text, ARRAY[11]), 'order', 'loose'));
SELECT c, pg_temp.error(c) FROM unnest(ARRAY['SELECT pulse_funnel(NULL::text)', 'SELECT pulse_funnel(NULL::jsonb)', 'SELECT pulse_funnel('''')', 'SELECT pulse_funnel(''Chekout'')', 'SELECT pulse_funnel(''Baskt'')', 'SELECT pulse_funnel(''{"steps"'')',
    'SELECT pulse_funnel(''Basket'', ''infinity'')', 'SELECT pulse_funnel(''Basket'', until => ''-infinity'')', 'SELECT pulse_funnel(''Basket'', ''4000-01-01 BC'')', 'SELECT pulse_funnel(''Basket'', ''2026-03-02'', ''2026-03-01'')', 'SELECT pulse_funnel(''Basket'', by => ''nothing'')',
    'SELECT pulse_funnel_people(''Basket'', 0)', 'SELECT pulse_funnel_people(''Basket'', 3)', 'SELECT pulse_funnel_people(''Basket'', NULL)', 'SELECT pulse_funnel_people(''Basket'', 1, NULL)', 'SELECT pulse_funnel_people(''Basket'', 1, max => 0)',
    'SELECT pulse_funnel_people(''Basket'', 1, by => '''', value => ''x'')', 'SELECT pulse_funnel_journeys(''Basket'', NULL)', 'SELECT pulse_funnel_journeys(''Basket'', ''nobody'')', 'SELECT pulse_funnels_of(''nobody'')', 'SELECT pulse_funnels_of(NULL)',
    'SELECT pulse_create_funnel(NULL, ''{}'')', 'SELECT pulse_create_funnel(''x'', NULL)', 'SELECT pulse_create_funnel('' '', ''{"steps": ["a", "b"]}'')', 'SELECT pulse_create_funnel(''{x'', ''{"steps": ["a", "b"]}'')', 'SELECT pulse_create_funnel(repeat(''x'', 201), ''{"steps": ["a", "b"]}'')',
    'SELECT pulse_create_funnel(''Basket'', ''{"steps": ["a", "b"]}'')', 'SELECT pulse_create_funnel(''x'', ''{"steps": ["a", "b"], "segment": "Nobody"}'')', 'SELECT pulse_update_funnel(''x'')', 'SELECT pulse_update_funnel(NULL)', 'SELECT pulse_update_funnel(''Basket'', ''{}'')', 'SELECT pulse_update_funnel(''Basket'', new_name => '''')',
    'SELECT pulse_delete_funnel(''x'')', 'SELECT pulse_delete_funnel(NULL)']) AS c;
SELECT pulse_create_funnel('Other', '{"steps": ["a", "b"]}') > 0 AS made;
SELECT pg_temp.error('SELECT pulse_update_funnel(''Other'', new_name => ''Basket'')');
BEGIN READ ONLY;
SELECT pulse_create_funnel('x', '{"steps": ["a", "b"]}');
ROLLBACK;
-- What can be saved can be read again, and deleted.
SELECT c, pg_temp.error(format('SELECT pulse_create_funnel(''Long'', %s)', c)) FROM unnest(ARRAY['jsonb_build_object(''steps'', ''["a", "b"]''::jsonb, ''exclude'', jsonb_build_array(repeat(''x'', 1001)))', 'jsonb_build_object(''steps'', jsonb_build_array(''a'', repeat(''x'', 1001)))']) AS c;
SELECT pulse_create_funnel('Long', jsonb_build_object('steps', jsonb_build_array('a', repeat('b', 1000)), 'exclude', jsonb_build_array(repeat('x', 1000)))) > 0 AS made;
SELECT count(*) AS listed FROM pulse_list_funnels() WHERE name = 'Long';
SELECT pulse_delete_funnel('Long');
-- Dates at the ends of time.
SELECT c, pg_temp.error(c) FROM unnest(ARRAY['SELECT pulse_funnel(''Basket'', ''4713-01-01 BC'')', 'SELECT pulse_funnel(''Basket'', until => ''294276-12-31'')', 'SELECT pulse_funnel(''Basket'', ''0001-01-01'', ''9999-12-31'')',
    'SELECT pulse_funnel(''{"steps": ["view", "cart"], "since": "0001-01-01", "until": "9999-12-31", "window": "3650 days"}''::jsonb)']) AS c;
-- Of a long property that must stay the same a digest is held: it counts to its last character.
SELECT pg_temp.send(jsonb_build_array(jsonb_build_array('fun-held', 'h_view', 0, jsonb_build_object('id', repeat('x', 5000) || 'a')), jsonb_build_array('fun-held', 'h_cart', 1, jsonb_build_object('id', repeat('x', 5000) || 'b')),
    jsonb_build_array('fun-helm', 'h_view', 0, jsonb_build_object('id', repeat('x', 5000) || 'a')), jsonb_build_array('fun-helm', 'h_cart', 1, jsonb_build_object('id', repeat('x', 5000) || 'a')))) AS sent;
SELECT array_agg(people ORDER BY step) FROM pulse_funnel('{"steps": ["h_view", "h_cart"], "hold": "id"}');
-- A step whose event never came.
SET client_min_messages = notice;
SELECT pulse_create_funnel('Typing error', '{"steps": ["view", "cartt"]}') > 0 AS made;
SET client_min_messages = warning;

-- ---- Who may what ----
CREATE ROLE funnel_reader; CREATE ROLE funnel_people; CREATE ROLE funnel_operator; CREATE ROLE funnel_nobody;
SELECT pulse_grant('funnel_reader', 'reader'), pulse_grant('funnel_people', 'people_reader'), pulse_grant('funnel_operator', 'operator');
-- For a reader, figures of fewer than 10 people who began are null; entries are not people.
SELECT pg_temp.send((SELECT jsonb_agg(jsonb_build_array('fun-few' || u, s, u * 10 + 3 * n + CASE s WHEN 'w_cart' THEN 1 ELSE 0 END, jsonb_build_object('platform', CASE WHEN u <= 12 THEN 'ios' WHEN u <= 24 THEN 'web' ELSE 'tv' END)))
    FROM generate_series(1, 27) AS u, generate_series(0, 1) AS n, unnest('{w_view,w_cart}'::text[]) AS s)) AS sent;
SELECT pulse_create_funnel('Few', '{"steps": ["w_view", "w_cart"]}'), pulse_create_funnel('Few entries', '{"steps": ["w_view", "w_cart"], "entry": "every"}');
SET ROLE funnel_reader;
SELECT step, people, rate, rate_low IS NULL AS low, step_rate, median, dropped, waiting FROM pulse_funnel('Few', until => '2026-03-01 01:35');
SELECT step, people, dropped FROM pulse_funnel('Few', until => '2026-03-01 01:45');
SELECT step, people FROM pulse_funnel('Few entries', until => '2026-03-01 01:35') UNION ALL SELECT step, people FROM pulse_funnel('Few entries') UNION ALL SELECT step, people FROM pulse_funnel('Few', until => '2026-03-01');
-- The three of tv would be what the whole has more than ios and web: web is among the others, too.
SELECT value, step, people FROM pulse_funnel('Few', by => 'properties.platform');
SELECT value, step, people FROM pulse_funnel('Few', until => '2026-03-01 04:05', by => 'properties.platform');
SELECT value, step, people FROM pulse_funnel('Few', '2026-03-01 04:05', by => 'properties.platform');
RESET ROLE;
SELECT value, step, people FROM pulse_funnel('Few', by => 'properties.platform');
SELECT pulse_delete_funnel('Few'), pulse_delete_funnel('Few entries');
SET ROLE funnel_reader;
SELECT value, array_agg(people ORDER BY step) FROM pulse_funnel('Basket') GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM pulse_list_funnels();
SELECT pulse_funnel('{"steps": ["view", "cart"]}');
SELECT pulse_funnel('{"steps": ["view", "cart"]}'::jsonb);
SELECT pulse_funnel_people('Basket', 1);
SELECT pulse_funnel_journeys('Basket', 'fun-ann');
SELECT pulse_create_funnel('Mine', '{"steps": ["view", "cart"]}');
SET ROLE funnel_people;
SELECT value, array_agg(people ORDER BY step) FROM pulse_funnel('Basket') GROUP BY 1 ORDER BY 1;
SELECT array_agg(people ORDER BY step) FROM pulse_funnel('{"steps": ["view", "cart"]}');
SELECT count(*) FROM pulse_funnel_people('Basket', 1);
SELECT pulse_delete_funnel('Basket');
SET ROLE funnel_operator;
SELECT pulse_create_funnel('Mine', '{"steps": ["view", "cart"]}') > 0 AS made;
SELECT created_by FROM pulse_list_funnels() WHERE name = 'Mine';
SELECT pulse_delete_funnel('Mine');
SET ROLE funnel_nobody;
SELECT pulse_funnel('Basket');
RESET ROLE;
-- Ten people make a value, but not beside four others.
SELECT pg_temp.send((SELECT jsonb_agg(jsonb_build_array('ft' || i, 'view', 2000 + i, '{}'::jsonb)) FROM generate_series(1, 10) AS i)) AS sent;
SELECT count(pulse_identify('ft' || i, '{"country": "IT"}')) FROM generate_series(1, 10) AS i;
SET ROLE funnel_reader;
SELECT value, array_agg(people ORDER BY step) FROM pulse_funnel('Basket') GROUP BY 1 ORDER BY 1;
RESET ROLE;
SELECT action, subject FROM pulse.audit WHERE action LIKE 'funnel.%' ORDER BY id;

SELECT count(pulse_delete_funnel(name)) FROM pulse_list_funnels();
SELECT count(*) FROM pulse.funnel_version;
SELECT pulse_delete_segment('Funnel French', confirm => true);
SELECT count(pulse_revoke(rolname::text)) FROM pg_roles WHERE rolname LIKE 'funnel\_%';
DROP ROLE funnel_reader, funnel_people, funnel_operator, funnel_nobody;
DROP EXTENSION pulse CASCADE;
