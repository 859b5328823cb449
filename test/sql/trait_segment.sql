-- Segments over people: definitions, previews, snapshots as of any moment, drift.
SET client_min_messages = warning;
-- There are no people yet.
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET pulse.now = '2015-03-31 12:00:00+00';
\pset null '-'

-- Forty people: p1 … p30 have a plan and buy on the day of their number, every third of them twice; v1 … v10 only view pages.
SELECT count(*) FROM generate_series(1, 30) AS i, LATERAL (SELECT
    pulse_identify('p' || i, jsonb_build_object('plan', (ARRAY['free', 'premium', 'enterprise'])[1 + i % 3], 'age', 20 + i, 'vip', i % 2 = 0),
                   at => '2015-03-01 00:00:00+00'),
    pulse_track('p' || i, 'purchase', jsonb_build_object('total', i * 10), timestamptz '2015-03-01 12:00:00+00' + (i - 1) * interval '1 day')) AS e;
SELECT count(pulse_track('p' || i, 'purchase', '{"total": 5}', timestamptz '2015-03-20 12:00:00+00')) FROM generate_series(3, 30, 3) AS i;
SELECT count(pulse_page(NULL, 'home', at => '2015-03-30 12:00:00+00', anonymous_id => 'v' || i)) FROM generate_series(1, 10) AS i;

-- ---- Creating and explaining ----
SELECT pulse_create_trait('total_spent', 'events.purchase.sum(total, 14d)') > 0 AS ok, pulse_create_trait('frequent_buyer', 'events.purchase.count_30d >= 2') > 0 AS ok;
SELECT pulse_create_segment('recent_buyers', '{"where": "events.purchase.count_7d >= 1", "attributes": ["plan", {"name": "age"}, "vip", "nickname"], "converted": "events.purchase.count_30d >= 2"}') > 0 AS ok,
       pulse_create_segment('high_value', '{"rules": [{"field": "total_spent", "operator": ">", "value": 100}, {"field": "profile.plan", "operator": "in", "value": ["premium", "enterprise"]}], "logicalOperator": "AND"}') > 0 AS ok,
       pulse_create_segment('best', '{"where": "segment(\"recent_buyers\") && segment(\"high_value\")", "attributes": []}') > 0 AS ok,
       pulse_create_segment('quiet', '{"where": "events.purchase.count_30d = 0", "attributes": []}') > 0 AS ok,
       pulse_create_segment('quiet_known', '{"where": "events.purchase.count_30d = 0", "attributes": [], "include_anonymous": false}') > 0 AS ok,
       pulse_create_segment('frequent', '{"where": "frequent_buyer == true"}') > 0 AS ok;
SELECT name, kind, status, definition FROM pulse.segment WHERE kind = 'profile' ORDER BY name COLLATE "C";
SELECT item, value FROM pulse_explain_segment('high_value') WHERE item NOT IN ('sql', 'plan', 'runs as', 'search_path') AND item NOT LIKE 'version%';
SELECT * FROM pulse_preview_segment('{"where": "events.purchase.count_7d >= 1", "attributes": ["plan", "age", "vip"], "converted": "events.purchase.count_30d >= 2"}', 2);
SELECT * FROM pulse_preview_segment_change('recent_buyers', '{"where": "events.purchase.count(10d..3d) >= 1"}', 3);

-- ---- Measuring, now and as of the past ----
SELECT count(pulse_take_snapshot(s)) FROM unnest('{recent_buyers,high_value,best,quiet,quiet_known,frequent}'::text[]) AS s;
SELECT s.name, n.size, n.converted, n.inactive, n.clauses, n.clause_passed, n.clause_missed_only
FROM unnest('{recent_buyers,high_value,best,quiet,quiet_known,frequent}'::text[]) WITH ORDINALITY AS s (name, place)
JOIN pulse.segment AS g USING (name) JOIN pulse.snapshot AS n ON n.segment_id = g.id ORDER BY s.place;
SELECT d.attribute, d.kind, d.total, d.nulls, d.labels, d.counts FROM pulse.distribution AS d JOIN pulse.snapshot AS n ON n.id = d.snapshot_id
JOIN pulse.segment AS s ON s.id = n.segment_id WHERE s.name = 'recent_buyers' AND d.kind <> 'numeric' ORDER BY 1;
-- The same by a query written by hand.
SELECT count(*) AS recent_buyers FROM (SELECT e.profile_id FROM pulse.event AS e WHERE e.name = 'purchase'
    AND e.time > pulse_now() - interval '7 days' AND e.time <= pulse_now() GROUP BY 1) AS h;
DO $$ BEGIN
    FOR d IN 0 .. 5 LOOP
        PERFORM set_config('pulse.now', (timestamptz '2015-03-05' + d * interval '5 days')::text, false), pulse_take_snapshot('frequent');
    END LOOP;
END $$;
SET pulse.now = '2015-02-01 00:00:00+00';
SELECT pulse_take_snapshot('quiet') > 0 AS ok;
SELECT g.name, n.taken_at, n.size FROM pulse.snapshot AS n JOIN pulse.segment AS g ON g.id = n.segment_id WHERE g.name IN ('frequent', 'quiet') ORDER BY 1, 2;
SET pulse.now = '2015-03-31 12:00:00+00';

-- ---- Changing ----
SELECT pulse_update_segment('high_value', '{"where": "total_spent > 200"}');
SELECT v.version, v.change FROM pulse.segment_version AS v JOIN pulse.segment AS s ON s.id = v.segment_id WHERE s.name = 'high_value' ORDER BY 1;
SELECT pulse_update_segment('high_value', '{"where": "total_spent > \"much\""}');
SELECT pulse_update_segment('high_value', '{"where": "segment(\"best\")"}');
SELECT pulse_update_segment('high_value', '{"where": "segment(\"hihg_value\")"}');
SELECT pulse_update_segment('high_value', '{"where": "total_spent > 200"}', new_name => 'rich');
SELECT pulse_update_segment('high_value', '{"query": "SELECT 1 AS id"}');

-- ---- Errors ----
SELECT pulse_create_segment('bad', '{}');
SELECT pulse_create_segment('bad', '{"where": "plan == \"free\""}');
SELECT pulse_create_segment('bad', '{"where": "events.purchase.count_30d"}');
SELECT pulse_create_segment('bad', '{"where": "true", "key": "id"}');
SELECT pulse_create_segment('bad', '{"where": "true", "source": "replica"}');
SELECT pulse_create_segment('bad', '{"where": "true", "converted": "events.purchase.count_30d"}');
SELECT pulse_create_segment('bad', '{"where": "profile.name matches \"(\""}');
SELECT pulse_create_segment('recent_buyers', '{"where": "true"}');
SELECT pulse_preview_segment('{"where": "segment(\"nobody\")"}');
SELECT pulse_preview_segment_change('nobody', '{"where": "true"}');
SELECT pulse_preview_segment_change('best', '{"where": "true"}', 1001);
SELECT item, part, value FROM pulse_explain_membership('p30', 'best') WHERE item IN ('verdict', 'rule');

-- ---- Archiving and deleting ----
SELECT pulse_archive_segment('recent_buyers');
SELECT pulse_delete_segment('high_value', confirm => true);
SELECT pulse_pause_segment('recent_buyers');
SELECT pulse_archive_segment('best');
SELECT pulse_delete_segment('high_value', confirm => true);
SELECT pulse_resume_segment('best');
SELECT pulse_delete_segment('best', confirm => true);

-- ---- Drift and its diagnosis ----
-- The shop's application sends Purchase from the 25th on: buyers leave the segment day by day.
SELECT pulse_create_segment('buyers', '{"where": "events.order.count_3d >= 1 && profile.plan != \"x\"", "attributes": ["plan"]}') > 0 AS ok;
SELECT count(pulse_track('p' || i, CASE WHEN d < 24 THEN 'order' ELSE 'Order' END, '{}', timestamptz '2015-03-01 06:00:00+00' + d * interval '1 day'))
FROM generate_series(1, 30) AS i, generate_series(0, 29) AS d WHERE (i + d) % 2 = 0;
DO $$
BEGIN
    FOR d IN 5 .. 29 LOOP
        PERFORM set_config('pulse.now', (timestamptz '2015-03-01 12:00:00+00' + d * interval '1 day')::text, false);
        PERFORM pulse_take_snapshot('buyers');
        PERFORM pulse_check_drift('buyers');
    END LOOP;
END $$;
SELECT i.detector, i.severity, i.direction FROM pulse.incident AS i WHERE i.segment = 'buyers' ORDER BY i.id;
SELECT count(*) > 0 AS explained FROM (SELECT id FROM pulse.incident WHERE segment = 'buyers' ORDER BY id LIMIT 1) AS i, LATERAL pulse_explain_incident(i.id);

-- ---- Privileges of a reader ----
CREATE ROLE trait_reader;
SELECT pulse_grant('trait_reader', 'people_reader');
SET ROLE trait_reader;
SELECT count(*) FROM pulse_preview_segment('{"where": "events.purchase.count_30d >= 1", "attributes": []}', 0);
SELECT count(*) > 0 AS ok FROM pulse_test_expression('events.purchase.count_30d', 'p1');
SELECT count(*) > 0 AS ok FROM pulse.dependency;
SELECT pulse_create_trait('mine', '1');
SELECT pulse_create_segment('mine', '{"where": "true"}');
RESET ROLE;
CREATE ROLE trait_nobody;
SET ROLE trait_nobody;
SELECT count(*) FROM pulse_list_traits();
RESET ROLE;

SELECT pulse_delete_segment(s, confirm => true) FROM unnest('{recent_buyers,quiet,quiet_known,frequent,buyers}'::text[]) AS s;
SELECT pulse_delete_trait('total_spent'), pulse_delete_trait('frequent_buyer');
DROP OWNED BY trait_reader, trait_nobody;
DROP ROLE trait_reader, trait_nobody;

-- ---- Operators in a schema of the creator's search_path are not used ----
CREATE TABLE stolen (who name);
GRANT INSERT ON stolen TO PUBLIC;
CREATE FUNCTION public.steal(numeric, int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.stolen VALUES (current_user); RETURN true; END';
CREATE OPERATOR public.>= (LEFTARG = numeric, RIGHTARG = int, FUNCTION = public.steal);
SELECT pulse_create_segment('unharmed', '{"where": "events.purchase.sum(total, 60d) >= 300"}') > 0 AS ok;
-- Also for a definition stored with another search_path.
UPDATE pulse.segment SET search_path = 'public, pg_catalog' WHERE name = 'unharmed';
SELECT pulse_take_snapshot('unharmed') > 0 AS ok;
SELECT n.size = (SELECT members FROM pulse_preview_segment('{"where": "events.purchase.sum(total, 60d) >= 300", "attributes": []}', 0) WHERE part = 'size') AS same,
       (SELECT count(*) FROM stolen) AS stolen FROM pulse.snapshot AS n JOIN pulse.segment AS s ON s.id = n.segment_id WHERE s.name = 'unharmed' ORDER BY n.taken_at DESC LIMIT 1;
DROP OPERATOR public.>= (numeric, int);
DROP FUNCTION public.steal(numeric, int);
DROP TABLE stolen;

-- ---- Extreme values, and attributes that are not chosen ----
SELECT pulse_identify('p1', '{"huge": 1e200, "Work-Email": "a@b", "userName": "x", "IP": "1.2.3.4", "api_token_2": "t"}'), pulse_identify('p2', '{"huge": -1e200}');
SELECT * FROM pulse_preview_segment('{"where": "profile.huge != 0", "attributes": ["huge"]}', 0);
SELECT DISTINCT item FROM pulse_preview_segment('{"where": "profile.huge != 0"}', 0) WHERE part = 'attribute' ORDER BY 1;
SELECT pulse_create_segment('itself', '{"where": "profile.huge != 0", "converted": "segment(\"itself\")"}');
SELECT pulse_update_segment('unharmed', '{"where": "profile.huge != 0", "converted": "segment(\"unharmed\")"}');
-- Keys of people and of rows are different things.
SELECT pulse_preview_segment_change('unharmed', '{"query": "SELECT 1 AS id UNION ALL SELECT 2"}', 2);
SELECT count(*) FROM pulse_preview_segment_change('unharmed', '{"query": "SELECT 1 AS id UNION ALL SELECT 2", "key": "id"}', 2);
SELECT pulse_delete_segment('unharmed', confirm => true);
