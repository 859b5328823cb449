-- Diagnosis of segments over people: its texts fit people, and every recommended statement runs.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET pulse.now = '2015-03-01 12:00:00+00';

-- Three hundred people with a plan and a country, who order every other day.
SELECT count(v) FROM pulse_ingest((SELECT jsonb_agg(jsonb_build_object('type', 'identify', 'userId', 'p' || i, 'timestamp', '2015-02-20T00:00:00Z', 'traits',
    jsonb_build_object('plan', (ARRAY['pro', 'free', 'team'])[1 + i % 3], 'country', (ARRAY['DE', 'FR', 'GB'])[1 + i % 7 % 3], 'address', jsonb_build_object('city', (ARRAY['Ulm', 'Rom'])[1 + i % 2]))))
    FROM generate_series(1, 300) AS i)) AS v;
SELECT * FROM pulse_import_events($$SELECT 'p' || i AS user_id, CASE WHEN d < 16 THEN 'order' ELSE 'Order' END AS event, timestamptz '2015-03-01 06:00+00' + d * interval '1 day' AS "timestamp"
    FROM generate_series(1, 300) AS i, generate_series(-4, 20) AS d WHERE (i + d) % 2 = 0
    UNION ALL SELECT 'p' || i, 'refund', timestamptz '2015-03-01 06:00+00' + d * interval '1 day' FROM generate_series(1, 200) AS i, generate_series(-4, 14) AS d$$);
SELECT pulse_create_trait('refunds', 'events.refund.count_2d') > 0 AS made;
SELECT count(pulse_create_segment(name, definition)) FROM (VALUES
    ('paying', '{"where": "profile.plan in [\"pro\", \"team\"]", "attributes": ["plan", "country"]}'::jsonb),
    ('german', '{"where": "profile.plan != \"x\"", "attributes": ["country", "address.city"]}'),
    ('ordering', '{"where": "events.order.count_3d >= 1", "attributes": ["plan"], "converted": "events.order.count_1d >= 1"}'),
    ('refunding', '{"where": "refunds >= 1 && profile.plan != \"x\"", "attributes": []}'),
    ('nested', '{"where": "segment(\"paying\") && events.*.count >= 1", "attributes": ["address.city"]}')) AS s (name, definition);
CREATE FUNCTION advice_day(d int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pulse.now', (timestamptz '2015-03-01 12:00+00' + d * interval '1 day')::text, false);
    PERFORM pulse_take_snapshot(s), pulse_check_drift(s) FROM unnest('{paying,german,ordering,nested,refunding}'::text[]) AS s;
END $$;
SELECT count(advice_day(d)) FROM generate_series(1, 14) AS d;
-- A plan is renamed, a country gets lost, and from the 17th on the shop sends Order.
SELECT count(v) FROM pulse_ingest((SELECT jsonb_agg(jsonb_build_object('type', 'identify', 'userId', 'p' || i, 'traits',
    CASE WHEN i % 3 = 0 THEN '{"plan": "Professional"}'::jsonb ELSE '{"country": null}' END)) FROM generate_series(1, 300) AS i WHERE i % 3 = 0 OR i % 7 % 3 = 0)) AS v;
SELECT count(advice_day(d)) FROM generate_series(15, 20) AS d;
SELECT count(*) > 0 AS diagnosed FROM pulse_diagnose_incidents();

-- Recommendations, and whether they run.
CREATE FUNCTION advice() RETURNS TABLE (segment text, detector text, attribute text, priority text, action text, runs text) LANGUAGE plpgsql AS $$
DECLARE
    i record;
    r jsonb;
BEGIN
    FOR i IN SELECT v.* FROM pulse.incident AS v ORDER BY v.segment, v.detector, v.attribute LOOP
        FOR r IN SELECT a.value FROM jsonb_array_elements(pulse_diagnose_incident(i.id) -> 'recommendations') WITH ORDINALITY AS a (value, n) ORDER BY a.n LOOP
            segment := i.segment; detector := i.detector; attribute := i.attribute; priority := r ->> 'priority'; action := r ->> 'action';
            BEGIN
                EXECUTE r ->> 'sql';
                RAISE EXCEPTION USING ERRCODE = 'PZ000', MESSAGE = 'undone';
            EXCEPTION WHEN SQLSTATE 'PZ000' THEN runs := 'yes';
                WHEN OTHERS THEN runs := SQLSTATE || ' ' || SQLERRM || E'\n' || (r ->> 'sql');
            END;
            RETURN NEXT;
        END LOOP;
    END LOOP;
END $$;
SELECT i.segment, i.detector, i.attribute, i.severity, d -> 'hypotheses' -> 0 ->> 'cause' AS cause FROM pulse.incident AS i, pulse_diagnose_incident(i.id) AS d ORDER BY 1, 2, 3;
SELECT * FROM advice();
SELECT r ->> 'sql' AS sql FROM pulse.incident AS i, pulse_diagnose_incident(i.id) AS d, jsonb_array_elements(d -> 'recommendations') AS r
WHERE r ->> 'priority' = 'high' AND i.detector = 'size_change' ORDER BY i.segment, 1;

SELECT count(pulse_delete_segment(s, confirm => true)) FROM unnest('{nested,paying,german,ordering,refunding}'::text[]) AS s;
SELECT pulse_delete_trait('refunds');
DROP FUNCTION advice, advice_day;
