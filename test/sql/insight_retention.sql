-- Room insight: retention and stickiness.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2012-03-01 12:00';
\set SHOW_CONTEXT never
\set VERBOSITY default
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally,
    pulse.event_day, pulse.event_hour, pulse.ingest_tally, pulse.event_kind, pulse.event_property, pulse.source_total;

-- ---- by hand ----
SELECT * FROM pulse_retention('signup');
-- ann signs up in the week of January 2 and opens in that week, the next and the fourth; bob opens before he signs up, and again three weeks later; cid signs up twice; dan never.
SELECT accepted FROM pulse_import_events($$
    SELECT v.id AS user_id, v.event, v.at::timestamptz AS "timestamp", format('{"amount": %s}', v.amount) AS properties
    FROM (VALUES ('ann', 'signup', '2012-01-03 10:00', 1), ('ann', 'open', '2012-01-04 10:00', 1), ('ann', 'open', '2012-01-10 10:00', 20), ('ann', 'open', '2012-01-30 10:00', 1),
                 ('bob', 'open', '2012-01-05 08:00', 1), ('bob', 'signup', '2012-01-05 10:00', 1), ('bob', 'open', '2012-01-26 10:00', 1),
                 ('cid', 'signup', '2012-01-11 10:00', 5), ('cid', 'signup', '2012-01-17 10:00', 1), ('cid', 'open', '2012-01-18 10:00', 1),
                 ('dan', 'open', '2012-01-12 10:00', 30)) AS v (id, event, at, amount) $$);
SET pulse.now = '2012-01-31 12:00';
SELECT * FROM pulse_retention('signup', 'open', periods => 4, since => '2012-01-01 00:00');
SELECT cohort, people, after, returned, complete FROM pulse_retention('signup', 'open', periods => 4, mode => 'unbounded', since => '2012-01-02');
SELECT cohort, people, after, returned FROM pulse_retention('signup', 'open', periods => 2, recurring => true, since => '2012-01-02');
-- The start counts as a return where it is one.
SELECT cohort, people, after, returned FROM pulse_retention('signup', 'signup', periods => 1, since => '2012-01-02') WHERE after < 2;
-- Any event; rules over properties.
SELECT cohort, people, after, returned FROM pulse_retention(NULL, NULL, 'month');
SELECT cohort, people, after, returned FROM pulse_retention(NULL, 'open', 'week', 1, first_where => 'amount >= 5', again_where => 'amount > 10', since => '2012-01-02');
-- As of a moment at which a week is over to the microsecond, and the one before.
SET pulse.now = '2012-01-08 23:59:59.999999';
SELECT cohort, people, after, returned, complete FROM pulse_retention('signup', 'open', periods => 4);
SET pulse.now = '2012-01-09 00:00';
SELECT cohort, people, after, returned, complete FROM pulse_retention('signup', 'open', periods => 4);
-- until is not part of the time.
SELECT cohort FROM pulse_retention('signup', 'open', periods => 0, since => '2012-01-02', until => '2012-01-09');
SET pulse.now = '2012-01-31 12:00';
SELECT cohort FROM pulse_retention('signup', 'open', periods => 0, since => '2012-01-02', until => '2012-01-09');
SELECT cohort FROM pulse_retention('signup', 'open', periods => 0, since => '2012-01-02', until => '2012-01-09 00:00:00.000001');
-- The same instant is another day elsewhere.
SELECT cohort, people FROM pulse_retention('signup', 'open', 'day', 0, since => '2012-01-03', until => '2012-01-05', time_zone => 'Pacific/Auckland');
SELECT cohort, people FROM pulse_retention('signup', 'open', 'day', 0, since => '2012-01-03', until => '2012-01-05');

SELECT * FROM pulse_stickiness('open', 'week', since => '2012-01-02');
SELECT begins, active, daily_active, stickiness, complete, days, people FROM pulse_stickiness(NULL, 'month', since => '2012-01-02');
SELECT begins, active, days, people FROM pulse_stickiness('open', event_where => 'amount > 10');

-- ---- against plain SQL, over random histories: several profiles of one person, ties, clocks that change or skip a day ----
SELECT setseed(0.15);
CREATE TEMP TABLE history AS
SELECT CASE WHEN random() < 0.5 THEN 'user' || who END AS user_id, 'browser' || who || '-' || floor(random() * 3) AS anonymous_id, (ARRAY['signup', 'open', 'open', 'buy', 'close'])[1 + floor(random() * 5)::int] AS event,
       timestamptz '2011-11-20 00:00+00' + floor(power(random(), 2) * 90 * 48) * interval '30 minutes' AS "timestamp", format('{"amount": %s}', floor(random() * 40)) AS properties
FROM (SELECT 1 + floor(power(random(), 2) * 120)::int AS who FROM generate_series(1, 1800)) AS w;
-- The order in which they arrive is not that of their times.
SELECT accepted FROM pulse_import_events('SELECT * FROM history');
SELECT count(pulse_identify('user' || i, jsonb_build_object('plan', (ARRAY['free', 'pro', 'team'])[1 + i % 3]), at => '2012-02-28 10:00')) FROM generate_series(1, 120) AS i WHERE i % 7 <> 0;
SELECT count(pulse_merge('user' || i, 'user' || i + 1, 'test')) FROM generate_series(2, 60, 6) AS i;
SELECT count(*) > 200 AS profiles, count(*) FILTER (WHERE canonical_id <> id) > 20 AS merged FROM pulse.profile;
SELECT count(pulse_unmerge(h.id, 'test')) FROM (SELECT max(m.id) AS id FROM pulse.merge_history AS m WHERE m.reason = 'test') AS h;

CREATE TEMP TABLE question (n int, first text, again text, period text, periods int, mode text, recurring boolean, zone text, minimum int);
INSERT INTO question
SELECT row_number() OVER (), first, again, period, 1 + floor(random() * 8)::int, mode, recurring, zone, minimum
FROM (VALUES ('signup', 'open'), ('signup', NULL), (NULL, 'buy'), ('open', 'open')) AS e (first, again), (VALUES ('day'), ('week'), ('month')) AS p (period), (VALUES ('exact'), ('unbounded')) AS m (mode),
     (VALUES (true), (false)) AS r (recurring), (VALUES ('UTC', NULL::int), ('America/Sao_Paulo', 20), ('Pacific/Apia', NULL)) AS z (zone, minimum) WHERE random() < 0.25;
CREATE FUNCTION pg_temp.expected(q question, since timestamptz, until timestamptz)
    RETURNS TABLE (cohort date, people bigint, after bigint, returned bigint, complete boolean) LANGUAGE sql AS $$
    WITH one AS (SELECT ('1 ' || q.period)::interval AS step, date_trunc(q.period, since AT TIME ZONE q.zone) AS lowest, date_trunc(q.period, (until - interval '1 microsecond') AT TIME ZONE q.zone) AS highest),
    event AS MATERIALIZED (SELECT p.canonical_id AS person, e.name, e.time, (e.properties ->> 'amount')::int AS amount, date_trunc(q.period, e.time AT TIME ZONE q.zone) AS local
                           FROM pulse.event AS e JOIN pulse.profile AS p ON p.id = e.profile_id WHERE e.time <= pulse_now()),
    start AS (SELECT e.person, e.local AS cohort, min(e.time) AS at FROM event AS e
              WHERE (q.first IS NULL OR e.name = q.first) AND (q.minimum IS NULL OR coalesce(e.amount >= q.minimum, false)) GROUP BY 1, 2),
    member AS (SELECT s.* FROM start AS s, one WHERE s.cohort BETWEEN one.lowest AND one.highest AND (q.recurring OR NOT EXISTS (SELECT FROM start AS o WHERE o.person = s.person AND o.cohort < s.cohort)))
    SELECT m.cohort::date, count(*), n, count(*) FILTER (WHERE EXISTS (SELECT FROM event AS a WHERE a.person = m.person AND (q.again IS NULL OR a.name = q.again) AND a.time >= m.at
                                                        AND (a.local = m.cohort + n * one.step OR q.mode = 'unbounded' AND a.local > m.cohort + n * one.step))),
           m.cohort + (n + 1) * one.step <= pulse_now() AT TIME ZONE q.zone
    FROM member AS m, one, generate_series(0, q.periods) AS n WHERE m.cohort + n * one.step <= pulse_now() AT TIME ZONE q.zone GROUP BY m.cohort, n, one.step
$$;
CREATE FUNCTION pg_temp.differences(since timestamptz, until timestamptz) RETURNS TABLE (questions bigint, cells bigint, different bigint) LANGUAGE sql AS $$
    SELECT count(DISTINCT q.n), sum(c.cells), sum(c.different) FROM question AS q CROSS JOIN LATERAL (
        SELECT count(*) AS cells, count(*) FILTER (WHERE a IS DISTINCT FROM x) AS different
        FROM (SELECT r.cohort, r.people, r.after, r.returned, r.complete FROM pulse_retention(q.first, q.again, q.period, q.periods, q.mode, q.recurring, since, until, q.zone, first_where => 'amount >= ' || q.minimum) AS r) AS a
        FULL JOIN pg_temp.expected(q, since, until) AS x ON x.cohort = a.cohort AND x.after = a.after) AS c
$$;
SET client_min_messages = warning;
SELECT * FROM pg_temp.differences('2011-12-22', '2012-01-09 05:30');
SET pulse.now = '2011-12-31 10:30+00';
SELECT * FROM pg_temp.differences('2011-12-20', '2011-12-31');
-- Pacific/Apia had no December 30.
SELECT DISTINCT cohort FROM pulse_retention(NULL, NULL, 'day', 0, recurring => true, since => '2011-12-28', time_zone => 'Pacific/Apia') ORDER BY 1;
SET pulse.now = '2012-02-20 15:00+00';
-- Active days, in zones with 23 and 25 hours.
CREATE FUNCTION pg_temp.sticky(period text, zone text) RETURNS TABLE (begins date, active bigint, daily numeric, days bigint, people bigint) LANGUAGE sql AS $$
    WITH day AS (SELECT DISTINCT p.canonical_id AS person, date_trunc('day', e.time AT TIME ZONE zone) AS day FROM pulse.event AS e JOIN pulse.profile AS p ON p.id = e.profile_id WHERE e.name = 'open' AND e.time <= pulse_now()),
    n AS (SELECT d.person, date_trunc(period, d.day) AS begins, count(*) AS days FROM day AS d GROUP BY 1, 2)
    SELECT n.begins::date, a.active, round(a.days / least(extract(day FROM n.begins + ('1 ' || period)::interval - n.begins), extract(day FROM date_trunc('day', pulse_now() AT TIME ZONE zone) - n.begins) + 1), 9), n.days, count(*)
    FROM n JOIN (SELECT begins, count(*) AS active, sum(days) AS days FROM n GROUP BY 1) AS a USING (begins) GROUP BY n.begins, a.active, a.days, n.days
$$;
SELECT z.zone, p.period, count(*) > 10 AS many, count(*) FILTER (WHERE c.a IS DISTINCT FROM c.x) AS different
FROM (VALUES ('UTC'), ('America/Sao_Paulo'), ('Pacific/Apia')) AS z (zone), (VALUES ('week'), ('month')) AS p (period),
     LATERAL (SELECT a, x FROM (SELECT s.begins, s.active, round(s.daily_active::numeric, 9) AS daily, s.days, s.people FROM pulse_stickiness('open', p.period, since => '2011-11-01', time_zone => z.zone) AS s) AS a
              FULL JOIN pg_temp.sticky(p.period, z.zone) AS x ON x.begins = a.begins AND x.days = a.days) AS c
GROUP BY 1, 2 ORDER BY 1, 2;

-- ---- by attribute and by segment ----
SET pulse.now = '2012-03-01 12:00';
SET pulse.evaluation = sync;
SELECT pulse_create_segment('Retained buyers', '{"where": "events.buy.count >= 4"}') > 0 AS made;
SELECT pulse_create_trait('retained_opens', 'events.open.count') > 0 AS made;
SELECT d.by, count(*) > 0 AS cells, sum(d.people) FILTER (WHERE d.after = 0) = (SELECT sum(r.people) FROM pulse_retention('signup', 'open', 'month', 0, since => '2011-11-01') AS r) AS complete, count(DISTINCT d.value) AS values
FROM unnest('{profile.plan,"segment(\"Retained buyers\")",retained_opens,"lower(profile.plan ?? \"none\")",lifecycle}'::text[]) AS b (by),
     LATERAL (SELECT b.by, r.* FROM pulse_retention('signup', 'open', 'month', 3, since => '2011-11-01', by => b.by) AS r) AS d GROUP BY d.by ORDER BY d.by;
SELECT value, people, after, returned, complete FROM pulse_retention('signup', 'open', 'month', 1, since => '2011-12-01', until => '2012-01-01', by => 'profile.plan') ORDER BY value, after;
SELECT r.value, r.people = (SELECT count(*) FROM (SELECT p.canonical_id, min(e.time) AS at, count(*) FILTER (WHERE e.name = 'buy') AS buys, min(e.time) FILTER (WHERE e.name = 'signup') AS signup
                                                  FROM pulse.event AS e JOIN pulse.profile AS p ON p.id = e.profile_id GROUP BY 1) AS o
                            WHERE o.signup >= '2011-12-01' AND o.signup < '2012-01-01' AND (o.buys >= 4)::text = r.value) AS same
FROM pulse_retention('signup', 'open', 'month', 0, since => '2011-12-01', until => '2012-01-01', by => 'segment("Retained buyers")') AS r ORDER BY 1;
-- Beyond the twenty most frequent values.
SELECT count(DISTINCT value), bool_or(value = '(other)') AS others FROM pulse_retention('signup', 'open', 'month', 0, since => '2011-11-01', by => 'events.*.count');

-- ---- the level reader: numbers of ten people or more ----
CREATE ROLE insight_retention_reader;
SELECT pulse_grant('insight_retention_reader', 'reader');
SET ROLE insight_retention_reader;
SELECT count(*) > 100 AS cells, min(people) >= 10 AS groups, min(returned) >= 10 AS returns, count(*) FILTER (WHERE people IS NULL) > 0 AS hidden, count(*) FILTER (WHERE people IS NULL AND (returned IS NOT NULL OR share IS NOT NULL)) AS leaks,
       count(*) FILTER (WHERE returned IS NULL AND share IS NOT NULL) AS shares FROM pulse_retention('signup', 'open', 'week', 12, since => '2011-11-01');
SELECT value, people, after, returned FROM pulse_retention('signup', 'open', 'month', 1, since => '2011-12-01', until => '2012-01-01', by => 'profile.plan') ORDER BY value, after;
SELECT count(*) FILTER (WHERE value <> '(other)') AS shown, sum(people) AS others FROM pulse_retention('signup', 'open', 'month', 0, since => '2011-11-01', by => 'retained_opens');
SELECT count(DISTINCT value) AS values FROM pulse_retention('signup', 'open', 'month', 0, since => '2011-11-01', by => 'segment("Retained buyers")');
SELECT pulse_retention('signup', 'open', by => 'profile.email == "ann@example.com"');
SELECT pulse_retention('signup', 'open', first_where => 'amount = 3');
SELECT pulse_retention('signup', 'open', again_where => 'amount = 3');
SELECT pulse_stickiness('open', event_where => 'amount = 3');
SELECT min(active) >= 10 AS groups, min(people) >= 10 AS people, count(*) FILTER (WHERE people IS NULL AND share IS NOT NULL OR active IS NULL AND stickiness IS NOT NULL) AS leaks FROM pulse_stickiness('open', 'week', since => '2011-11-01');
SELECT count(*) FROM pulse.event;
RESET ROLE;
-- The three of plan c would be what all have more than a and b: one of these is among the others, too.
SELECT count(pulse_track('few' || i, 'few', '{}', pulse_now() - interval '1 hour')) AS events, count(pulse_identify('few' || i, jsonb_build_object('few_plan', CASE WHEN i <= 12 THEN 'a' WHEN i <= 25 THEN 'b' ELSE 'c' END))) AS plans FROM generate_series(1, 28) AS i;
SET ROLE insight_retention_reader;
SELECT value, people, returned FROM pulse_retention('few', 'few', 'month', 0, by => 'profile.few_plan') ORDER BY value;
RESET ROLE;
SELECT value, people, returned FROM pulse_retention('few', 'few', 'month', 0, by => 'profile.few_plan') ORDER BY value;
CREATE ROLE insight_retention_nobody;
SET ROLE insight_retention_nobody;
SELECT pulse_retention('signup');
SELECT pulse_stickiness('signup');
RESET ROLE;

-- ---- errors ----
RESET client_min_messages;
-- Null is the default.
SELECT count(*) AS different FROM pulse_retention('signup', NULL, NULL, NULL, NULL, NULL) AS a FULL JOIN pulse_retention('signup') AS b ON a = b WHERE a IS NULL OR b IS NULL;
SELECT count(*) AS different FROM pulse_stickiness(NULL, NULL) AS a FULL JOIN pulse_stickiness() AS b ON a = b WHERE a IS NULL OR b IS NULL;
SELECT pulse_retention('signup', period => 'year');
SELECT pulse_retention('', 'open');
SELECT pulse_retention('signup', 'open', periods => -1);
SELECT pulse_retention('signup', 'open', periods => 401);
SELECT pulse_retention('signup', 'open', 'day', 400, since => '2010-01-01');
SELECT pulse_retention('signup', 'open', 'day', since => '4713-01-01 BC');
SELECT pulse_retention('signup', 'open', mode => 'bounded');
SELECT pulse_retention('signup', 'open', since => '2012-02-01', until => '2012-02-01');
SELECT pulse_retention('signup', 'open', since => '2012-03-02');
SELECT pulse_retention('signup', 'open', since => '-infinity');
SELECT pulse_retention('signup', 'open', time_zone => 'Mars/Olympus');
SELECT pulse_retention('signup', 'open', first_where => 'amount >');
SELECT pulse_retention('signup', 'open', first_where => 'amount');
SELECT pulse_retention('signup', 'open', again_where => 'events.buy.count > 1');
SELECT pulse_retention('signup', 'open', again_where => 'segment("Retained buyers")');
SELECT pulse_retention('signup', 'open', again_where => 'plan matches "("');
SELECT pulse_retention('signup', 'open', by => 'segment("Nobody")');
SELECT pulse_retention('signup', 'open', by => 'plan');
SELECT count(*) FROM pulse_retention('sign up', 'opne', periods => 0);
SELECT count(*) FROM pulse_retention(repeat('x', 300), E'o''); DROP TABLE x; --', periods => 0, first_where => $$amount == "'\"; --"$$);
SELECT pulse_stickiness('open', since => '4713-01-01 BC');
SELECT pulse_stickiness('open', until => '10000-01-01');
SELECT count(*) > 0 AS periods FROM pulse_stickiness(since => '0001-01-01', until => '9999-12-31');
SELECT pulse_stickiness('open', 'day');
SELECT pulse_stickiness('open', 'decade');
SELECT pulse_stickiness('open', since => '2013-01-01');
SELECT pulse_stickiness('open', event_where => 'now() > 1');
DROP OWNED BY insight_retention_reader;
DROP ROLE insight_retention_reader, insight_retention_nobody;
SELECT pulse_delete_trait('retained_opens');
SELECT pulse_delete_segment('Retained buyers', true);

-- ---- the customers of a real shop (demo/data/online-retail): their number in each month is published with the data, the cohorts in many articles about it ----
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally,
    pulse.event_day, pulse.event_hour, pulse.ingest_tally, pulse.event_kind, pulse.event_property, pulse.source_total, pulse.rejected_event;
SET pulse.now = '2011-12-10';
CREATE TEMP TABLE invoice (invoice_no text, customer_id int, country text, invoice_at timestamp, lines int, pieces int, revenue numeric);
\getenv directory PG_ABS_SRCDIR
\cd :directory
\copy invoice FROM PROGRAM 'zcat ../demo/data/online-retail/invoices.csv.gz' CSV HEADER
SELECT accepted FROM pulse_import_events('SELECT ''c'' || customer_id AS user_id, ''order'' AS event, invoice_at AT TIME ZONE ''UTC'' AS "timestamp", ''i'' || invoice_no AS message_id FROM invoice WHERE customer_id IS NOT NULL');
SELECT string_agg(s.active::text, ' ' ORDER BY s.begins) AS customers FROM (SELECT DISTINCT begins, active FROM pulse_stickiness('order', 'month', since => '2010-12-01')) AS s;
SELECT cohort, people, string_agg(returned || CASE WHEN complete THEN '' ELSE '*' END, ' ' ORDER BY after) AS returned FROM pulse_retention('order', 'order', 'month', since => '2010-12-01') GROUP BY 1, 2 ORDER BY 1;

TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally,
    pulse.event_day, pulse.event_hour, pulse.ingest_tally, pulse.event_kind, pulse.event_property, pulse.source_total, pulse.rejected_event;
