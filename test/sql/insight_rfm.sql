-- Room insight: recency, frequency and monetary value against plain SQL, at every moment and in every way to evaluate them.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
\set VERBOSITY default
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2015-01-01 12:00+00';

-- ---- the cube of scores ----
SELECT g.groups, count(*) AS codes, count(DISTINCT c.code) AS different, count(DISTINCT c."group") AS groups
FROM unnest('{rules,published}'::text[]) AS g (groups) CROSS JOIN LATERAL pulse_rfm_groups(g.groups) AS c GROUP BY 1 ORDER BY 1 DESC;
SELECT a."group", a.codes AS by_rules, b.codes AS published
FROM (SELECT "group", count(*) AS codes, min(advice) AS advice FROM pulse_rfm_groups() GROUP BY 1) AS a
JOIN (SELECT "group", count(*) AS codes FROM pulse_rfm_groups('published') GROUP BY 1) AS b USING ("group") ORDER BY 1;
-- The rules in plain SQL.
CREATE FUNCTION group_of(r int, f int, m int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
SELECT CASE WHEN r >= 4 AND f >= 4 AND m >= 4 THEN 'champions'
            WHEN r = 1 AND f >= 4 AND m >= 4 THEN 'cannot_lose'
            WHEN r <= 2 AND (f >= 4 OR m >= 4) THEN 'at_risk'
            WHEN f >= 4 AND r >= 3 THEN 'loyal_customers'
            WHEN r >= 4 AND f IN (2, 3) THEN 'potential_loyalists'
            WHEN r >= 4 AND f <= 2 THEN 'new_customers'
            WHEN r >= 3 AND f >= 2 AND m <= 2 THEN 'promising'
            WHEN r = 1 AND f <= 2 AND m <= 2 THEN 'lost'
            WHEN r IN (2, 3) AND f IN (2, 3) THEN 'need_attention'
            WHEN r <= 2 AND f >= 2 THEN 'about_to_sleep'
            WHEN r <= 2 AND f <= 2 THEN 'hibernating'
            ELSE 'need_attention' END
$$;
SELECT count(*) AS differ FROM pulse_rfm_groups() WHERE "group" <> group_of(code / 100, code / 10 % 10, code % 10);
SELECT string_agg(code::text, ' ' ORDER BY code DESC) AS published_champions FROM pulse_rfm_groups('published') WHERE "group" = 'champions';

-- ---- off ----
SELECT pulse_create_trait('r', 'rfm.recency');
SELECT * FROM pulse_rfm();
SELECT pulse_refresh_rfm();
SELECT pulse_disable_rfm();

-- ---- histories: 80 people, purchases over two years, some without an amount, some negative; every tenth person consists of two profiles ----
CREATE TABLE history AS
SELECT CASE WHEN n % 3 = 0 AND u % 10 = 0 THEN NULL ELSE 'rfm-' || u END AS user_id, CASE WHEN n % 3 = 0 AND u % 10 = 0 THEN 'rfm-browser-' || u END AS anonymous_id,
       CASE WHEN (u * n) % 4 = 3 THEN 'visit' ELSE 'order' END AS event,
       timestamptz '2015-01-01 12:00+00' - make_interval(hours => (u * u * 7 + n * n * 131 + u * n * 17) % (24 * 30 * (1 + u % 24))) AS "timestamp",
       CASE WHEN (u + n) % 11 = 0 THEN '{}' WHEN (u + n) % 13 = 0 THEN jsonb_build_object('amount', -(u % 9))
            ELSE jsonb_build_object('amount', round(((u * 37 + n * 91) % 2500) / 10.0, 1)) END AS properties
FROM generate_series(1, 80) AS u CROSS JOIN LATERAL generate_series(1, 1 + (u * u) % 25) AS n;
SELECT accepted, rejected FROM pulse_import_events('SELECT user_id, anonymous_id, event, "timestamp", properties FROM history');
SELECT count(v) AS people_who_never_buy FROM generate_series(1, 20) AS g CROSS JOIN LATERAL pulse_track('rfm-guest-' || g, 'visit', '{}', '2014-12-01') AS v;

SELECT pulse_enable_rfm(event => 'order', window_days => 180) AS version;
SELECT version, at, enabled, event, property, window_days, groups, cuts, recency, frequency, monetary, change FROM pulse.rfm_version;
-- Nothing changes, so there is no new version.
SELECT pulse_enable_rfm() AS version, pulse_enable_rfm(window_days => 180, cuts => '"fixed"', groups => 'rules') AS again;

-- The figures of everybody at a moment, by the settings of then, in plain SQL.
CREATE FUNCTION oracle(moment timestamptz) RETURNS TABLE (person bigint, r int, f int, m int, score int, grp text, purchases bigint, money numeric) LANGUAGE sql STABLE AS $$
WITH v AS (SELECT * FROM pulse.rfm_version WHERE enabled AND at <= moment ORDER BY version DESC LIMIT 1),
bought AS (
    SELECT o.canonical_id AS person, floor(extract(epoch FROM moment - max(e.time)) / 86400) AS days, count(*) AS purchases,
           coalesce(sum((e.properties ->> v.property)::numeric), 0) AS money
    FROM v JOIN pulse.event AS e ON e.name = v.event AND e.time > moment - make_interval(hours => 24 * v.window_days) AND e.time <= moment
    JOIN pulse.profile AS o ON o.id = e.profile_id GROUP BY 1),
scored AS (
    SELECT b.*, 5 - (SELECT count(*) FILTER (WHERE (b.days <= c) IS NOT TRUE) FROM unnest(v.recency) AS c)::int AS r,
           5 - (SELECT count(*) FILTER (WHERE (b.purchases >= c) IS NOT TRUE) FROM unnest(v.frequency) AS c)::int AS f,
           5 - (SELECT count(*) FILTER (WHERE (b.money >= c) IS NOT TRUE) FROM unnest(v.monetary) AS c)::int AS m, v.groups
    FROM bought AS b CROSS JOIN v)
SELECT s.person, s.r, s.f, s.m, round((s.r + s.f + s.m) / 3.0)::int,
       CASE s.groups WHEN 'rules' THEN group_of(s.r, s.f, s.m) ELSE (SELECT g."group" FROM pulse_rfm_groups('published') AS g WHERE g.code = s.r * 100 + s.f * 10 + s.m) END,
       s.purchases, s.money
FROM scored AS s
$$;

-- Traits, segments and a flag that use the names, also through another trait.
SELECT count(pulse_create_trait('rfm_' || n, 'rfm.' || n)) AS traits FROM unnest('{recency,frequency,monetary,score,group}'::text[]) AS n;
SELECT count(pulse_create_segment('rfm_' || d.name, jsonb_build_object('where', d.rule, 'attributes', '[]'::jsonb))) AS segments
FROM (VALUES ('best', 'rfm.group in ["champions", "loyal_customers", "potential_loyalists"]'), ('weak', 'trait("rfm_score") <= 2'), ('unscored', 'rfm.score is null')) AS d (name, rule);
SELECT count(*) FROM pulse.metric;

-- Everything that shows scores, compared with the plain SQL: differences, which must be 0, and how many people are scored.
CREATE FUNCTION differences(moment timestamptz) RETURNS TABLE (at text, scored bigint, traits bigint, best bigint, weak bigint, unscored bigint, by_group bigint, by_code bigint, of_one bigint, snapshots bigint)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pulse.now', moment::text, false);
    at := to_char(moment, 'YYYY-MM-DD');
    CREATE TEMP TABLE expected ON COMMIT DROP AS SELECT * FROM oracle(moment);
    SELECT count(*) INTO scored FROM expected;
    SELECT count(*) INTO traits FROM (
        SELECT t.profile_id, t.key, t.value FROM pulse.trait_value AS t WHERE t.key LIKE 'rfm\_%' AND t.value IS NOT NULL AND t.value <> 'null'
        EXCEPT SELECT e.person, k.key, k.value FROM expected AS e CROSS JOIN LATERAL (VALUES ('rfm_recency', to_jsonb(e.r)), ('rfm_frequency', to_jsonb(e.f)),
            ('rfm_monetary', to_jsonb(e.m)), ('rfm_score', to_jsonb(e.score)), ('rfm_group', to_jsonb(e.grp))) AS k (key, value)) AS d;
    traits := traits + abs((SELECT count(*) FROM pulse.trait_value AS t WHERE t.key LIKE 'rfm\_%' AND t.value IS NOT NULL AND t.value <> 'null') - 5 * scored);
    CREATE TEMP TABLE members ON COMMIT DROP AS SELECT m.segment, m.profile_id FROM pulse.membership AS m;
    SELECT count(*) INTO best FROM (SELECT profile_id FROM members WHERE segment = 'rfm_best') AS a FULL JOIN
        (SELECT person FROM expected WHERE grp IN ('champions', 'loyal_customers', 'potential_loyalists')) AS b ON b.person = a.profile_id WHERE a.profile_id IS NULL OR b.person IS NULL;
    SELECT count(*) INTO weak FROM (SELECT profile_id FROM members WHERE segment = 'rfm_weak') AS a FULL JOIN
        (SELECT person FROM expected WHERE score <= 2) AS b ON b.person = a.profile_id WHERE a.profile_id IS NULL OR b.person IS NULL;
    SELECT count(*) INTO unscored FROM members AS a JOIN expected AS b ON b.person = a.profile_id WHERE a.segment = 'rfm_unscored';
    SELECT count(*) INTO by_group FROM (SELECT p.value, p.people, p.purchases, p.revenue AS money FROM pulse_rfm() AS p WHERE p.people > 0) AS a
        FULL JOIN (SELECT grp, count(*) AS people, sum(x.purchases) AS purchases, sum(x.money) AS money FROM expected AS x GROUP BY 1) AS b ON b.grp = a.value
        WHERE (a.people, a.purchases, a.money) IS DISTINCT FROM (b.people, b.purchases, b.money);
    SELECT count(*) INTO by_code FROM pulse_rfm('code') AS a FULL JOIN (SELECT (r * 100 + f * 10 + m)::text AS code, count(*) AS people FROM expected GROUP BY 1) AS b
        ON b.code = a.value WHERE a.people IS DISTINCT FROM b.people;
    SELECT count(*) INTO of_one FROM pulse.profile AS p CROSS JOIN LATERAL pulse_rfm_of('profile:' || p.id) AS o LEFT JOIN expected AS e ON e.person = p.id
        WHERE p.canonical_id = p.id AND p.id % 4 = extract(day FROM moment)::int % 4 AND (o.recency, o.frequency, o.monetary, o.score, o."group") IS DISTINCT FROM (e.r, e.f, e.m, e.score, e.grp);
    SELECT count(*) INTO snapshots FROM unnest('{rfm_best,rfm_weak,rfm_unscored}'::text[]) AS s
        WHERE (SELECT n.size FROM pulse.snapshot AS n WHERE n.id = pulse_take_snapshot(s)) <> (SELECT count(*) FROM members WHERE segment = s);
    DROP TABLE expected, members;
    RETURN NEXT;
END $$;
SELECT * FROM differences('2015-01-01 12:00+00');
-- Scores fall as time passes, without an event and without the pipeline, and with it.
SELECT * FROM differences('2015-01-09 12:00:00+00');
SELECT pulse_run_pipeline() > 0 AS evaluated;
SELECT * FROM differences('2015-02-20 00:00:00+00');
-- An instant before a border and at it.
SELECT o.recency, o.valid_until FROM pulse_rfm_of('rfm-7') AS o \gset
SELECT :'valid_until'::timestamptz > pulse_now() AS later;
SELECT a.*, b.scored AS scored_at, b.traits + b.best + b.weak + b.by_group + b.of_one AS differ_at
FROM (SELECT d.scored, d.traits + d.best + d.weak + d.by_group + d.of_one AS differ FROM differences(:'valid_until'::timestamptz - interval '1 microsecond') AS d) AS a,
     LATERAL (SELECT * FROM differences(:'valid_until'::timestamptz)) AS b;

-- ---- another set of cuts: from its moment on ----
SET pulse.now = '2015-03-01 12:00+00';
SELECT pulse_enable_rfm(cuts => '{"recency": [20, 40, 60, 90], "frequency": [9, 7, 5, 3], "monetary": [900.5, 600, 300, 0]}') AS version;
SELECT * FROM differences('2015-03-01 12:00+00');
-- The past is scored as it was, the present as it is, in any order.
SELECT d.* FROM unnest('{2015-02-20 00:00+00, 2015-03-02 00:00+00, 2015-01-01 12:00+00, 2015-03-20 00:00+00, 2014-12-15 00:00+00}'::timestamptz[]) AS m CROSS JOIN LATERAL differences(greatest(m, '2015-01-01 12:00+00')) AS d;
-- Before the first settings there were none: those hold.
SET pulse.now = '2014-10-01 00:00+00';
SELECT sum(people) > 0 AS scored FROM pulse_rfm();

-- ---- new events, late ones, a merge and its undoing ----
SET pulse.now = '2015-03-21 00:00+00';
SELECT count(pulse_track('rfm-' || g, 'order', '{"amount": 410}', '2015-03-20 10:00+00')) FROM generate_series(1, 15) AS g;
SELECT count(pulse_track('rfm-' || g, 'order', '{"amount": 700}', '2015-01-05 10:00+00')) AS late FROM generate_series(20, 25) AS g;
SELECT pulse_merge('rfm-3', 'rfm-44', 'test') AS merge \gset
SELECT * FROM differences('2015-03-21 00:00+00');
SELECT pulse_unmerge(:merge, 'test') IS NOT NULL AS undone;
SELECT * FROM differences('2015-03-21 00:00+00');
SELECT * FROM differences('2015-02-01 00:00+00');

-- ---- quintiles and the published table ----
SET pulse.now = '2015-03-22 00:00+00';
SELECT pulse_enable_rfm(cuts => '"quintiles"', groups => 'published') AS version;
-- The borders: of recency the percentiles of days, of the others the next value above a percentile.
WITH value AS (SELECT floor(extract(epoch FROM pulse_now() - max(e.time)) / 86400)::int AS days, count(*) AS n, coalesce(sum((e.properties ->> 'amount')::numeric), 0) AS money
               FROM pulse.event AS e JOIN pulse.profile AS o ON o.id = e.profile_id
               WHERE e.name = 'order' AND e.time > pulse_now() - interval '4320 hours' AND e.time <= pulse_now() GROUP BY o.canonical_id)
SELECT v.recency = (SELECT percentile_disc('{0.2,0.4,0.6,0.8}'::float8[]) WITHIN GROUP (ORDER BY days) FROM value) AS recency,
       v.frequency = ARRAY(SELECT (SELECT min(n) FROM value WHERE n > (SELECT percentile_disc(p) WITHIN GROUP (ORDER BY n) FROM value)) FROM unnest('{0.8,0.6,0.4,0.2}'::float8[]) AS p)::numeric[] AS frequency,
       v.monetary = ARRAY(SELECT (SELECT min(money) FROM value WHERE money > (SELECT percentile_disc(p) WITHIN GROUP (ORDER BY money) FROM value)) FROM unnest('{0.8,0.6,0.4,0.2}'::float8[]) AS p)::numeric[] AS monetary,
       v.people = (SELECT count(*) FROM value) AS people
FROM pulse.rfm_version AS v ORDER BY v.version DESC LIMIT 1;
SELECT cuts, frequency, people, shares FROM pulse.rfm_version ORDER BY version DESC LIMIT 1;
SELECT * FROM differences('2015-03-22 00:00+00');
SELECT pulse_refresh_rfm() AS younger_than_a_day;
SET client_min_messages = notice;
SET pulse.now = '2015-03-22 23:59:59+00';
SELECT pulse_refresh_rfm() AS younger_than_a_day;
SET client_min_messages = warning;
SET pulse.now = '2015-03-23 00:00+00';
SELECT pulse_refresh_rfm() AS refreshed;
SET pulse.now = '2015-04-23 00:00+00';
SELECT status FROM pulse_run_job('rfm');
SELECT version, at, change FROM pulse.rfm_version ORDER BY version;
SELECT d.* FROM unnest('{2015-04-23 00:00+00, 2015-03-23 00:00+00, 2015-03-22 12:00+00, 2015-03-10 00:00+00, 2015-02-20 00:00+00}'::timestamptz[]) AS m CROSS JOIN LATERAL differences(m) AS d;
-- More than two fifths bought once: equal people have equal scores.
SET pulse.now = '2015-05-01 00:00+00';
SELECT count(pulse_track('rfm-once-' || g, 'order', '{"amount": 5}', '2015-04-30')) FROM generate_series(1, 200) AS g;
SELECT pulse_refresh_rfm();
SELECT frequency, monetary, shares -> 'frequency' AS frequency_shares, shares -> 'monetary' AS monetary_shares FROM pulse.rfm_version ORDER BY version DESC LIMIT 1;
SELECT * FROM differences('2015-05-01 00:00+00');

-- ---- explained ----
SELECT pulse_enable_rfm(cuts => '"fixed"', groups => 'rules', window_days => 365);
SELECT depth, left(part, 70) AS part, value FROM pulse_test_expression('rfm.recency', 'rfm-7') WHERE depth <= 2;
SELECT recency, frequency, monetary, score, "group", last_purchase_at, purchases, revenue, valid_until, version FROM pulse_rfm_of('rfm-7');
SELECT * FROM pulse_rfm_of('rfm-guest-1');
SELECT uses_kind, uses FROM pulse_dependencies() WHERE name IN ('rfm_best', 'rfm_score') ORDER BY 1, 2;
SELECT pulse_create_flag('rfm_flag', '{"rules": [{"when": "rfm.score >= 3 && context.country == \"DE\""}], "enabled": true}') > 0 AS flag;
SELECT value FROM pulse_decide('rfm-7', 'rfm_flag', '{"country": "DE"}');

-- ---- errors ----
SELECT pulse_disable_rfm();
SELECT pulse_create_trait('bad', 'rfm.frequenzy');
SELECT pulse_create_trait('bad', 'rfm.group.name');
-- Groups that do not exist are noticed, wherever they stand in the rule.
BEGIN;
SET LOCAL client_min_messages = notice;
SELECT pulse_create_segment('typo', '{"where": "!(rfm.group == \"champion\") || rfm.group in [\"lost\", \"loyal\"]"}') > 0 AS made;
SELECT pulse_create_trait('typo', '"atrisk" != rfm.group');
SELECT pulse_create_trait('stage', 'lifecycle == "chruned"');
SELECT pulse_create_trait('right', 'rfm.group == "lost" && lifecycle in ["churned", "known"] && profile.rfm == "x"');
ROLLBACK;
SELECT pulse_create_trait('rfm', '1');
SELECT pulse_enable_rfm(window_days => 29);
SELECT pulse_enable_rfm(window_days => 1096);
SELECT pulse_enable_rfm(groups => 'best');
SELECT pulse_enable_rfm(event => '');
SELECT pulse_enable_rfm(property => 'a..b');
SELECT pulse_enable_rfm(event => repeat('x', 256));
SELECT pulse_enable_rfm(cuts => '"deciles"');
SELECT pulse_enable_rfm(cuts => '[1, 2, 3, 4]');
SELECT pulse_enable_rfm(cuts => '{"recency": [7, 30, 90]}');
SELECT pulse_enable_rfm(cuts => '{"recency": [90, 30, 7, 1]}');
SELECT pulse_enable_rfm(cuts => '{"recency": [7.5, 30, 90, 180]}');
SELECT pulse_enable_rfm(cuts => '{"frequency": [2, 5, 10, 20]}');
SELECT pulse_enable_rfm(cuts => '{"monetary": [1e300, 5, 2, 1]}');
SELECT pulse_enable_rfm(cuts => '{"money": [4, 3, 2, 1]}');
SELECT pulse_enable_rfm(event => 'never sent', cuts => '"quintiles"');
SELECT pulse_rfm('colour');
SELECT pulse_rfm_groups('best');
SELECT pulse_rfm_of('nobody');
SELECT pulse_rfm_of(NULL);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pulse_enable_rfm(window_days => 90);
ROLLBACK;
BEGIN READ ONLY;
SELECT pulse_enable_rfm(window_days => 90);
ROLLBACK;
-- What is rolled back is forgotten.
BEGIN;
SELECT pulse_enable_rfm(window_days => 30) > 0 AS changed;
SELECT count(*) FROM pulse_rfm('code');
ROLLBACK;
SELECT window_days FROM pulse.rfm_version ORDER BY version DESC LIMIT 1;

-- ---- privileges: a reader sees no figures of fewer than 10 people ----
CREATE ROLE regress_rfm_reader;
CREATE ROLE regress_rfm_people;
SELECT pulse_grant('regress_rfm_reader', 'reader'), pulse_grant('regress_rfm_people', 'people_reader');
SELECT value, people, purchases, revenue FROM pulse_rfm() WHERE people > 0;
SET ROLE regress_rfm_reader;
SELECT value, people, share, revenue, revenue_share FROM pulse_rfm() WHERE people IS NULL OR people > 0;
SELECT pulse_rfm_of('rfm-7');
SELECT pulse_enable_rfm();
SELECT count(*) > 0 AS sees_settings FROM pulse.rfm_version;
SET ROLE regress_rfm_people;
SELECT count(*) FROM pulse_rfm_of('rfm-7');
SELECT bool_and(people IS NOT NULL) AS sees_all FROM pulse_rfm();
RESET ROLE;
SELECT pulse_revoke('regress_rfm_reader'), pulse_revoke('regress_rfm_people');
DROP ROLE regress_rfm_reader;
DROP ROLE regress_rfm_people;

-- ---- off again, when nothing uses it; a dump has the settings ----
SELECT pulse_archive_flag('rfm_flag'), count(pulse_delete_segment(s, confirm => true)) FROM unnest('{rfm_best,rfm_weak,rfm_unscored}'::text[]) AS s;
SELECT pulse_delete_trait('rfm_' || n) FROM unnest('{recency,frequency,monetary,score}'::text[]) AS n;
SELECT pulse_disable_rfm();
SELECT pulse_delete_trait('rfm_group');
SELECT pulse_disable_rfm();
SELECT pulse_create_trait('r', 'rfm.recency');
-- Its settings stay.
SELECT pulse_enable_rfm() > 0 AS on_again;
SELECT event, property, window_days FROM pulse.rfm_version ORDER BY version DESC LIMIT 1;
SELECT 'pulse.rfm_version'::regclass::oid = ANY (extconfig) AS dumped FROM pg_extension WHERE extname = 'pulse';
SELECT pulse_disable_rfm();
DROP TABLE history;
DROP FUNCTION differences, oracle, group_of;
DROP EXTENSION pulse CASCADE;
