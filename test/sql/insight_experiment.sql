-- Room insight: experiments.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2014-03-01 12:00';
SET pulse.evaluation = sync;
SET extra_float_digits = 0;
\set SHOW_CONTEXT never
\set VERBOSITY default
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally,
    pulse.event_day, pulse.event_hour, pulse.ingest_tally, pulse.event_kind, pulse.event_property, pulse.source_total, pulse.exposure;

-- ---- by hand ----
SELECT pulse_create_flag('checkout', '{"type": "string", "variants": {"control": "a", "new": "b"}, "off": "control", "rules": [{"variants": {"control": 50, "new": 50}}]}') > 0 AS made;
SELECT pulse_experiment('checkout', 'buy');
CREATE FUNCTION pg_temp.expose(id text, variant text, at timestamptz) RETURNS boolean LANGUAGE sql AS $$
    INSERT INTO pulse.exposure (day, flag_id, bucketing_id, variant, version, profile_id, first_at)
    SELECT ($3 AT TIME ZONE 'UTC')::date, f.id, $1, $2, f.version, (SELECT i.profile_id FROM pulse.identity AS i WHERE i.value = $1 LIMIT 1), $3 FROM pulse.flag AS f WHERE f.key = 'checkout' RETURNING true
$$;
-- ann buys after the exposure, bob before it, cid at the same moment, dan not; eve saw both variants; fay is exposed twice; the browser is of guy by now; nobody is unknown.
SELECT accepted FROM pulse_import_events($$
    SELECT v.id AS user_id, v.event, ('2014-02-' || v.at)::timestamptz AS "timestamp", format('{"amount": %s}', v.amount) AS properties
    FROM (VALUES ('ann', 'buy', '11 10:00', 30), ('ann', 'buy', '12 10:00', 12), ('bob', 'buy', '10 09:00', 5), ('cid', 'buy', '10 10:00', 5), ('dan', 'open', '12 10:00', 1), ('eve', 'buy', '13 10:00', 7),
                 ('fay', 'buy', '14 10:00', 8), ('fay', 'buy', '25 10:00', 4), ('guy', 'buy', '15 10:00', 9)) AS v (id, event, at, amount) $$);
SELECT count(pg_temp.expose(v.id, v.variant, ('2014-02-' || v.at)::timestamptz))
FROM (VALUES ('ann', 'control', '10 10:00'), ('bob', 'control', '10 10:00'), ('cid', 'control', '10 10:00'), ('dan', 'new', '10 10:00'), ('eve', 'control', '10 10:00'), ('eve', 'new', '11 10:00'),
             ('fay', 'new', '12 10:00'), ('fay', 'new', '20 10:00'), ('browser-guy', 'new', '10 10:00'), ('nobody', 'control', '10 10:00')) AS v (id, variant, at);
SELECT pulse_identify('guy', '{}', 'browser-guy', '2014-02-11') IS NOT NULL AS known_now;
SELECT jsonb_pretty(pulse_experiment('checkout', 'buy', least_people => 2));
CREATE FUNCTION pg_temp.figures(answer jsonb) RETURNS TABLE (metric text, variant text, people bigint, hits bigint, value numeric, verdict text, note text) LANGUAGE sql AS $$
    SELECT m ->> 'name', v ->> 'variant', (v ->> 'people')::bigint, coalesce(v ->> 'converted', v ->> 'with_events')::bigint, round((v ->> 'value')::numeric, 9), v ->> 'verdict', v ->> 'note'
    FROM jsonb_array_elements(answer -> 'metrics') AS m, jsonb_array_elements(m -> 'variants') AS v
$$;
SELECT * FROM pg_temp.figures(pulse_experiment('checkout', '{"event": "buy", "sum": "amount"}', guardrails => '["open", {"event": "buy", "where": "amount > 20"}, {"event": "buy", "within": "3 days"}, {"event": "buy", "count": true, "good": "down", "name": "orders"}]', least_people => 2));
-- Only exposures and events of the time given, and of the past.
SELECT * FROM pg_temp.figures(pulse_experiment('checkout', 'buy', since => '2014-02-11', until => '2014-02-15'));
SET pulse.now = '2014-02-11 12:00';
SELECT * FROM pg_temp.figures(pulse_experiment('checkout', '{"event": "buy", "sum": "amount"}'));
SELECT pulse_experiment('checkout', '{"event": "buy", "within": "3 days"}') #> '{metrics,0,waiting}' AS waiting;
SET pulse.now = '2014-03-01 12:00';
-- Two people who saw different variants are one person who saw both.
SELECT pulse_merge('ann', 'dan', 'test') IS NOT NULL AS merged;
SELECT e -> 'excluded' AS excluded, e -> 'people' AS people FROM pulse_experiment('checkout', 'buy') AS e;
SELECT pulse_unmerge((SELECT max(id) FROM pulse.merge_history), 'test') IS NOT NULL AS undone;
SELECT f.variant, f.value, f.verdict, f.note FROM pg_temp.figures(pulse_experiment('checkout', 'buy', control => 'new', least_people => 2)) AS f;

-- ---- against plain SQL, over a random history ----
SELECT setseed(0.42);
CREATE TEMP TABLE shopper AS SELECT i, 'shopper' || i AS id, CASE WHEN random() < 0.5 THEN 'control' ELSE 'new' END AS variant, timestamptz '2014-01-01' + floor(random() * 20 * 1440) * interval '1 minute' AS at FROM generate_series(1, 600) AS i;
SELECT accepted FROM pulse_import_events($$
    SELECT s.id AS user_id, (ARRAY['buy', 'open', 'refund'])[1 + floor(random() * 3)::int] AS event, s.at + (random() - 0.3) * interval '12 days' AS "timestamp",
           format('{"amount": %s}', CASE WHEN random() < 0.1 THEN '"none"' ELSE floor(random() * 50 + CASE WHEN s.variant = 'new' THEN 12 ELSE 0 END)::text END) AS properties
    FROM shopper AS s, generate_series(1, (power(random(), 2) * CASE WHEN s.variant = 'new' THEN 8 ELSE 5 END)::int) $$);
SELECT count(pg_temp.expose(s.id, s.variant, s.at + d * interval '36 hours')) > 1000 AS exposed FROM shopper AS s, generate_series(0, s.i % 3) AS d;
SELECT count(pg_temp.expose(s.id, CASE s.variant WHEN 'new' THEN 'control' ELSE 'new' END, s.at + interval '5 days')) AS both FROM shopper AS s WHERE s.i % 40 = 0;
SELECT count(pulse_merge('shopper' || i, 'shopper' || i + 1, 'test')) FROM generate_series(1, 560, 28) AS i WHERE EXISTS (SELECT FROM pulse.identity WHERE value = 'shopper' || i) AND EXISTS (SELECT FROM pulse.identity WHERE value = 'shopper' || i + 1);
CREATE FUNCTION pg_temp.expected(kind text, event text, minimum int, span interval, since timestamptz, until timestamptz) RETURNS TABLE (variant text, people bigint, hits bigint, mean numeric, variance float8) LANGUAGE sql AS $$
    WITH seen AS (SELECT coalesce((SELECT p.canonical_id FROM pulse.profile AS p WHERE p.id = x.profile_id), (SELECT p.canonical_id FROM pulse.identity AS i JOIN pulse.profile AS p ON p.id = i.profile_id WHERE i.value = x.bucketing_id ORDER BY i.kind DESC LIMIT 1))::text AS person,
                         x.bucketing_id, x.variant, x.first_at FROM pulse.exposure AS x JOIN pulse.flag AS f ON f.id = x.flag_id WHERE f.key = 'checkout' AND x.first_at >= since AND x.first_at < until AND x.first_at <= pulse_now()),
    one AS (SELECT coalesce(s.person, s.bucketing_id) AS key, min(s.variant) AS variant, min(s.first_at) AS at FROM seen AS s GROUP BY 1 HAVING min(s.variant) = max(s.variant)),
    figure AS (SELECT o.variant, (SELECT count(*) FROM pulse.event AS e JOIN pulse.profile AS p ON p.id = e.profile_id WHERE p.canonical_id::text = o.key AND e.name = event AND (minimum IS NULL OR jsonb_typeof(e.properties -> 'amount') = 'number' AND (e.properties ->> 'amount')::numeric >= minimum)
                                     AND e.time > o.at AND e.time < until AND e.time <= pulse_now() AND (span IS NULL OR e.time <= o.at + span)) AS n,
                                 (SELECT sum((e.properties ->> 'amount')::numeric) FROM pulse.event AS e JOIN pulse.profile AS p ON p.id = e.profile_id WHERE p.canonical_id::text = o.key AND e.name = event AND jsonb_typeof(e.properties -> 'amount') = 'number'
                                     AND (minimum IS NULL OR (e.properties ->> 'amount')::numeric >= minimum) AND e.time > o.at AND e.time < until AND e.time <= pulse_now() AND (span IS NULL OR e.time <= o.at + span)) AS amount
               FROM one AS o WHERE span IS NULL OR o.at + span <= least(until, pulse_now())),
    value AS (SELECT f.variant, f.n, CASE kind WHEN 'conversion' THEN least(f.n, 1) WHEN 'count' THEN f.n ELSE coalesce(f.amount, 0) END::float8 AS v FROM figure AS f)
    SELECT v.variant, count(*), count(*) FILTER (WHERE v.n > 0), round(avg(v.v)::numeric, 9), CASE kind WHEN 'conversion' THEN var_pop(v.v) ELSE var_samp(v.v) END FROM value AS v GROUP BY 1
$$;
SELECT q.kind, q.event, q.minimum, q.span, count(*) AS variants, bool_and(a.people = x.people AND a.hits = x.hits AND a.value = x.mean) AS same, min(a.people) > 150 AS many
FROM (VALUES ('conversion', 'buy', NULL::int, NULL::text), ('conversion', 'refund', 30, '4 days'), ('count', 'buy', NULL, NULL), ('sum', 'buy', 10, NULL), ('sum', 'open', NULL, '36 hours')) AS q (kind, event, minimum, span),
     LATERAL pg_temp.figures(pulse_experiment('checkout', jsonb_strip_nulls(jsonb_build_object('event', q.event, 'where', 'amount >= ' || q.minimum, 'within', q.span, 'count', CASE q.kind WHEN 'count' THEN true END, 'sum', CASE q.kind WHEN 'sum' THEN 'amount' END))::text,
                                              '2014-01-03', '2014-02-05 07:30')) AS a
JOIN LATERAL pg_temp.expected(q.kind, q.event, q.minimum, q.span::interval, '2014-01-03', '2014-02-05 07:30') AS x ON x.variant = a.variant GROUP BY 1, 2, 3, 4 ORDER BY 1, 2;
-- The interval of the difference from the expected means and variances.
SELECT abs((v #>> '{difference,value}')::float8 - (n.mean - c.mean)::float8) < 1e-8 AS difference, abs(((v #>> '{difference,sequential_interval,1}')::float8 - (v #>> '{difference,sequential_interval,0}')::float8) / 2
       - sqrt(n.variance / n.people + c.variance / c.people) * sqrt(2 * (m.r + 1) / m.r * ln(sqrt(m.r + 1) / 0.05))) < 1e-9 AS sequential, v ->> 'verdict' AS verdict
FROM pulse_experiment('checkout', '{"event": "buy", "sum": "amount"}', '2014-01-03', '2014-02-05 07:30') AS e, LATERAL (SELECT v FROM jsonb_array_elements(e #> '{metrics,0,variants}') AS v WHERE v ->> 'variant' = 'new') AS w,
     pg_temp.expected('sum', 'buy', NULL, NULL, '2014-01-03', '2014-02-05 07:30') AS n, pg_temp.expected('sum', 'buy', NULL, NULL, '2014-01-03', '2014-02-05 07:30') AS c,
     LATERAL (SELECT (n.people + c.people) * (-2 * ln(0.05) + ln(1 - 2 * ln(0.05))) / 5000 AS r) AS m WHERE n.variant = 'new' AND c.variant = 'control';
-- A number of each person, as it is now.
SELECT pulse_create_trait('experiment_spent', 'events.buy.sum(amount)') > 0 AS made;
SELECT a.metric, a.variant, a.people = x.people AS people, a.value = x.mean AS same
FROM pg_temp.figures(pulse_experiment('checkout', '{"value": "trait(\"experiment_spent\")"}', '2014-01-03', '2014-02-05')) AS a
JOIN LATERAL (SELECT s.variant, count(*) AS people, round(avg(s.spent), 9) AS mean
              FROM (SELECT p.canonical_id, min(x.variant) AS variant, (SELECT coalesce(sum((e.properties ->> 'amount')::numeric), 0) FROM pulse.event AS e JOIN pulse.profile AS q ON q.id = e.profile_id
                           WHERE q.canonical_id = p.canonical_id AND e.name = 'buy' AND jsonb_typeof(e.properties -> 'amount') = 'number' AND e.time <= pulse_now()) AS spent
                    FROM pulse.exposure AS x JOIN pulse.profile AS p ON p.id = x.profile_id WHERE x.first_at >= '2014-01-03' AND x.first_at < '2014-02-05' GROUP BY p.canonical_id HAVING min(x.variant) = max(x.variant)) AS s GROUP BY 1) AS x ON x.variant = a.variant
ORDER BY a.variant;

-- ---- sample ratio ----
SELECT (e #> '{sample_ratio}') - 'p_value'::text AS ratio, (e #>> '{sample_ratio,p_value}')::float8 BETWEEN 0.001 AND 1 AS plausible FROM pulse_experiment('checkout', 'buy', since => '2014-01-01', until => '2014-02-01') AS e;
SELECT e #> '{sample_ratio,status}' AS status, e #> '{sample_ratio,expected}' AS expected FROM pulse_experiment('checkout', 'buy', since => '2014-01-01', until => '2014-02-01', split => '{"control": 2, "new": 1}') AS e;
SELECT e #> '{sample_ratio}' AS ratio FROM pulse_experiment('checkout', 'buy', since => '2014-02-10') AS e;
UPDATE pulse.exposure SET version = 2 WHERE bucketing_id = 'shopper7';
SELECT e #> '{sample_ratio,note}' AS note FROM pulse_experiment('checkout', 'buy') AS e;
UPDATE pulse.exposure SET version = 1 WHERE bucketing_id = 'shopper7';
SELECT pulse_update_flag('checkout', '{"type": "string", "variants": {"control": "a", "new": "b"}, "off": "control", "rules": [{"when": "profile.plan == \"pro\"", "variants": {"control": 50, "new": 50}}]}');
-- The exposures were with the version before.
SELECT e #> '{sample_ratio,status}' AS status FROM pulse_experiment('checkout', 'buy', since => '2014-01-01', until => '2014-02-01') AS e;
UPDATE pulse.exposure SET version = 2;
SELECT e #> '{sample_ratio,note}' AS note FROM pulse_experiment('checkout', 'buy') AS e;

-- ---- the level reader ----
SET client_min_messages = warning;
CREATE ROLE insight_experiment_reader;
SELECT pulse_grant('insight_experiment_reader', 'reader');
SET ROLE insight_experiment_reader;
SELECT * FROM pg_temp.figures(pulse_experiment('checkout', 'buy', since => '2014-02-09'));
SELECT e -> 'variants' AS variants, e -> 'excluded' AS excluded FROM pulse_experiment('checkout', 'buy', since => '2014-02-09') AS e;
SELECT f.variant, f.people > 150 AS many, f.hits >= 10 AS hits, f.verdict IS NOT NULL AS judged FROM pg_temp.figures(pulse_experiment('checkout', '{"value": "experiment_spent"}', '2014-01-03', '2014-02-05')) AS f;
SELECT pulse_experiment('checkout', '{"value": "if(profile.plan == \"pro\", 1, 0)"}');
SELECT pulse_experiment('checkout', 'buy', guardrails => '[{"event": "buy", "where": "amount = 3"}]');
-- With one variant of fewer than 10 people, sums and shares would tell how many they are.
RESET ROLE;
SELECT count(pg_temp.expose('few' || i, CASE WHEN i <= 12 THEN 'control' ELSE 'new' END, '2014-02-28 12:00')) FROM generate_series(1, 15) AS i;
SET ROLE insight_experiment_reader;
SELECT e -> 'people' AS people, e -> 'variants' AS variants, e -> 'sample_ratio' AS ratio FROM pulse_experiment('checkout', 'buy', since => '2014-02-28', split => '{"control": 50, "new": 50}', least_people => 2) AS e;
RESET ROLE;
SELECT e -> 'people' AS people, e #> '{variants,1,people}' AS new, e #> '{sample_ratio,status}' AS ratio FROM pulse_experiment('checkout', 'buy', since => '2014-02-28', split => '{"control": 50, "new": 50}', least_people => 2) AS e;
DELETE FROM pulse.exposure WHERE bucketing_id LIKE 'few%';
CREATE ROLE insight_experiment_nobody;
SET ROLE insight_experiment_nobody;
SELECT pulse_experiment('checkout', 'buy');
RESET ROLE;
RESET client_min_messages;

-- ---- errors ----
SELECT pulse_experiment(NULL, 'buy');
SELECT pulse_experiment('checkout', NULL);
SELECT pulse_experiment('chekout', 'buy');
SELECT pulse_experiment('checkout', '');
SELECT pulse_experiment('checkout', '{"event": ');
SELECT pulse_experiment('checkout', '{"evnt": "buy"}');
SELECT pulse_experiment('checkout', '{"event": ' || repeat('{"a":', 1000000) || '1' || repeat('}', 1000000) || '}');
SELECT pulse_experiment('checkout', '{"event": "buy", "sum": 1e400}');
SELECT pulse_experiment('checkout', '{"event": "buy", "sum": "amount", "count": true}');
SELECT pulse_experiment('checkout', '{"event": "buy", "within": "soon"}');
SELECT pulse_experiment('checkout', '{"event": "buy", "good": "left"}');
SELECT pulse_experiment('checkout', '{"event": "buy", "where": "events.buy.count > 1"}');
SELECT pulse_experiment('checkout', '{"value": "lower(profile.plan)"}');
SELECT pulse_experiment('checkout', '{"value": "trait(\"no\")"}');
SELECT pulse_experiment('checkout', 'buy', guardrails => '{"event": "buy"}');
SELECT pulse_experiment('checkout', 'buy', guardrails => '["open", 5]');
SELECT pulse_experiment('checkout', 'buy', guardrails => (SELECT jsonb_agg('e' || i) FROM generate_series(1, 21) AS i));
SELECT pulse_experiment('checkout', 'buy', control => 'old');
SELECT pulse_experiment('checkout', 'buy', split => '{"old": 1}');
SELECT pulse_experiment('checkout', 'buy', split => '{"control": -1}');
SELECT pulse_experiment('checkout', 'buy', split => '{}');
SELECT pulse_experiment('checkout', 'buy', split => '[1]');
SELECT pulse_experiment('checkout', 'buy', confidence => 1);
SELECT pulse_experiment('checkout', 'buy', confidence => 'NaN');
SELECT pulse_experiment('checkout', 'buy', least_people => 1);
SELECT pulse_experiment('checkout', 'buy', since => '2014-02-02', until => '2014-02-01');
SELECT pulse_experiment('checkout', 'buy', since => '2015-01-01');
SELECT pulse_experiment('checkout', 'buy', until => 'infinity');
SELECT pulse_experiment('checkout', 'buy', since => '4713-01-01 BC');
SELECT pulse_experiment('checkout', 'buy', since => '0001-01-01', until => '9999-12-31') -> 'since' AS since;
SELECT pulse_experiment('checkout', 'bye') #> '{metrics,0,name}' AS name;
DROP OWNED BY insight_experiment_reader;
DROP ROLE insight_experiment_reader, insight_experiment_nobody;
SELECT pulse_delete_flag('checkout'), pulse_delete_trait('experiment_spent');
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally,
    pulse.event_day, pulse.event_hour, pulse.ingest_tally, pulse.event_kind, pulse.event_property, pulse.source_total, pulse.rejected_event, pulse.exposure;
