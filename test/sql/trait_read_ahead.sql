-- Views over everybody read the events of many people in one query, and give the answers of one person at a time: random
-- histories with merges, late events, memberships that the clock has changed, and a person for whom a definition fails.
\pset footer off
SET client_min_messages = error;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2015-04-01 00:00:00+00';
SELECT count(pulse_create_segment('ahead ' || n, jsonb_build_object('where', rule, 'attributes', '[]'::jsonb))) AS made
FROM unnest(ARRAY['events.purchase.count(30d) >= 2', 'events.purchase.sum(total) > 100 && profile.plan == "pro"', 'events.refund.count == 0',
    'sequence(events.visit -> within 7d events.purchase)', 'events.visit.unique_days(14d) >= 1 && events.purchase.exists(60d)', '100 / (events.visit.count - 3) > 10']) WITH ORDINALITY AS r (rule, n);
SELECT count(pulse_create_trait(key, expression)) AS made FROM (VALUES ('ahead_spent', 'events.purchase.sum(total, 45d)'), ('ahead_names', 'events.visit.list(page)'),
    ('ahead_fails', '100 / (events.visit.count - 3)'), ('ahead_big', 'events.purchase{big > total}.count')) AS t (key, expression);

-- Stands for a fault that no check of a rule foresees: this comparison fails for one number.
CREATE OR REPLACE FUNCTION pulse.compare(a jsonb, b jsonb) RETURNS int LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF a::numeric >= 1e299 THEN RAISE numeric_value_out_of_range USING MESSAGE = 'value overflows numeric format'; END IF;
    RETURN sign(a::numeric - b::numeric);
END $$;

-- 150 people, of whom every seventh was anonymous before; a third of the events arrives when the history is over. A
-- filter fails for an event of person 40: reading this person together with others fails.
SELECT setseed(0.26);
CREATE TABLE ahead_event AS
SELECT CASE WHEN who % 7 = 0 AND random() < 0.5 THEN NULL ELSE 'a' || who END AS user_id, CASE WHEN who % 7 = 0 THEN 'anon' || who END AS anonymous_id,
       (ARRAY['purchase', 'visit', 'visit', 'refund'])[1 + floor(random() * 4)::int] AS event, random() < 0.33 AS late,
       jsonb_build_object('total', floor(random() * 90), 'page', 'p' || floor(random() * 5)::int) AS properties,
       timestamptz '2015-01-01' + floor(random() * 90 * 86400) * interval '1 second' AS at
FROM (SELECT 1 + floor(random() * 150)::int AS who FROM generate_series(1, 1500)) AS w;
SELECT count(pulse_identify('a' || n, jsonb_build_object('plan', CASE WHEN n % 2 = 0 THEN 'pro' ELSE 'free' END), at => '2015-01-01'::timestamptz + n * interval '12 hours')) AS people
FROM generate_series(1, 150) AS n;
SELECT count(pulse_track(user_id, event, properties, at, anonymous_id)) > 900 AS came FROM (SELECT * FROM ahead_event WHERE NOT late ORDER BY at) AS e;
SELECT count(pulse_track('a40', 'purchase', '{"big": 1e299, "total": 1}', '2015-01-20')) AS huge;
SELECT accepted > 400 AS came FROM pulse_import_events('SELECT user_id, anonymous_id, event, properties, at AS "timestamp" FROM ahead_event WHERE late');
SELECT count(*) > 5 AS merged FROM pulse.merge_history;

-- What the views say and what each person is told, at several moments.
CREATE FUNCTION ahead_differences(moments timestamptz[]) RETURNS TABLE (moment text, members text, wrong text) LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz;
BEGIN
    FOREACH at IN ARRAY moments LOOP
        PERFORM set_config('pulse.now', at::text, false);
        moment := to_char(at, 'MM-DD');
        SELECT count(*) > 30 INTO members FROM pulse.membership;
        SELECT string_agg(coalesce(a.segment, b.segment) || ' ' || coalesce(a.profile_id, b.profile_id), ', ') INTO wrong
        FROM (SELECT segment, profile_id FROM pulse.membership) AS a
        FULL JOIN (SELECT s.name AS segment, p.id AS profile_id FROM pulse.segment AS s, pulse.profile AS p
                   WHERE p.canonical_id = p.id AND pulse_in_segment('profile:' || p.id, s.name)) AS b
            ON a.segment = b.segment AND a.profile_id = b.profile_id
        WHERE a.segment IS NULL OR b.segment IS NULL;
        SELECT concat_ws(', ', wrong, string_agg(coalesce(a.key, b.key) || ' ' || coalesce(a.profile_id, b.profile_id), ', ')) INTO wrong
        FROM pulse.trait_value AS a
        FULL JOIN (SELECT p.id AS profile_id, t.key, t.value FROM pulse.profile AS p, pulse_traits('profile:' || p.id) AS t WHERE p.canonical_id = p.id) AS b
            ON a.key = b.key AND a.profile_id = b.profile_id
        WHERE a.key IS NULL OR b.key IS NULL OR a.value IS DISTINCT FROM b.value;
        RETURN NEXT;
    END LOOP;
END $$;
SELECT * FROM ahead_differences('{2015-01-20 12:00+00, 2015-03-10 00:00+00, 2015-04-20 00:00+00}');
-- Also while a definition is being built.
SET pulse.now = '2015-04-01 00:00:00+00';
SET pulse.build_at_once = 0;
SELECT pulse_create_segment('ahead 7', '{"where": "events.refund.count(50d) >= 1", "attributes": []}') > 0 AS made;
SELECT * FROM ahead_differences('{2015-02-14 06:30+00, 2015-04-20 00:00+00}');
-- Person 40 fails alone.
SET pulse.now = '2015-03-10 00:00:00+00';
SELECT count(*) - count(value) AS failed, bool_or(value IS NULL AND profile_id = (SELECT profile_id FROM pulse.identity WHERE value = 'a40')) AS it_is_40 FROM pulse.trait_value WHERE key = 'ahead_big';
-- One person of the view is read alone, others in another order too.
SELECT count(*) AS traits FROM pulse.trait_value AS t JOIN pulse.identity AS i USING (profile_id) WHERE i.value = 'a12';
SELECT string_agg(t.value::text, ' ' ORDER BY i.value) = (SELECT string_agg(pulse_trait(u, 'ahead_spent')::text, ' ' ORDER BY u) FROM unnest('{a9,a31,a12}'::text[]) AS u) AS same
FROM pulse.identity AS i JOIN pulse.trait_value AS t USING (profile_id) WHERE i.value IN ('a9', 'a31', 'a12') AND t.key = 'ahead_spent';

-- In any order of people: that of the ids, of the table, or none.
CREATE TABLE ahead_value AS SELECT profile_id, key, value FROM pulse.trait_value;
SELECT p.orders, count(*) AS different FROM (VALUES ('down'), ('none')) AS p (orders)
CROSS JOIN LATERAL (SELECT q.id FROM pulse.profile AS q WHERE q.canonical_id = q.id ORDER BY CASE p.orders WHEN 'down' THEN -q.id ELSE hashint8(q.id) END) AS d
CROSS JOIN LATERAL pulse.evaluate_traits(d.id) AS t
LEFT JOIN ahead_value AS v ON v.profile_id = d.id AND v.key = t.key AND v.value IS NOT DISTINCT FROM t.value WHERE v.key IS NULL GROUP BY p.orders;
-- One trait alone is the same, and says why it has no value.
SELECT count(*) > 50 AS all_of_them, count(*) FILTER (WHERE e.value IS DISTINCT FROM v.value) AS different, count(e.problem) AS problems FROM ahead_value AS v CROSS JOIN LATERAL pulse.evaluate_trait(v.profile_id, v.key) AS e;
SELECT e.* FROM pulse.evaluate_trait(0, 'ahead_big') AS e;
SELECT e.* FROM (SELECT min(id) AS id FROM pulse.profile) AS p CROSS JOIN LATERAL pulse.evaluate_trait(p.id, 'ahead_none') AS e;
DO $$
DECLARE
    person bigint;
BEGIN
    FOR person IN SELECT id FROM pulse.profile ORDER BY hashint8(id) LOOP
        UPDATE pulse.profile SET updated_at = updated_at WHERE id = person;
    END LOOP;
END $$;
SELECT count(*) = (SELECT count(*) FROM ahead_value) AS same FROM pulse.trait_value AS t JOIN ahead_value AS v ON v.profile_id = t.profile_id AND v.key = t.key AND v.value IS NOT DISTINCT FROM t.value;

-- The memory is that of one group, however many people the statement has evaluated.
BEGIN;
DECLARE ahead_cursor CURSOR FOR SELECT key, value FROM pulse.trait_value WHERE key = 'ahead_spent' ORDER BY profile_id;
FETCH FORWARD 20 FROM ahead_cursor \g /dev/null
SELECT count(*) AS contexts, sum(total_bytes) < 2000000 AS small FROM pg_backend_memory_contexts WHERE name = 'pulse: people read ahead';
CLOSE ahead_cursor;
COMMIT;

SET pulse.now = '2015-04-01 00:00:00+00';
SELECT count(pulse_delete_segment(name, confirm => true)) AS deleted FROM pulse.segment WHERE name LIKE 'ahead %';
SELECT count(*) AS deleted FROM (SELECT pulse_delete_trait(key) FROM pulse.trait WHERE key LIKE 'ahead\_%') AS d;
DROP FUNCTION ahead_differences;
CREATE OR REPLACE FUNCTION pulse.compare(a jsonb, b jsonb) RETURNS int LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10 AS '$libdir/pulse', 'pulse_compare';
DROP TABLE ahead_event, ahead_value;
