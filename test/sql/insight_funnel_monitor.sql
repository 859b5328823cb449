-- Watching funnels: a step that loses conversion is an incident, and its diagnosis names the value that lost it.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2026-03-25 12:00+00';
-- 24 days of 300 people each, a third with each of two versions on ios, the others on the web. Four in ten of the carts are bought; on the last day almost none on ios 5.2.
CREATE FUNCTION pg_temp.dice(i int, what text, sides int) RETURNS int LANGUAGE sql AS $$ SELECT ('x' || left(md5(i || what), 7))::bit(28)::int % sides $$;
CREATE TEMP TABLE visit AS
SELECT 300 * d + n AS i, timestamptz '2026-03-01' + d * interval '1 day' + n * interval '3 minutes' AS at, CASE n % 3 WHEN 0 THEN 'web' ELSE 'ios' END AS platform, CASE n % 3 WHEN 1 THEN '5.1' WHEN 2 THEN '5.2' END AS version,
       pg_temp.dice(300 * d + n, 'cart', 10) < 7 AS cart, pg_temp.dice(300 * d + n, 'buy', 20) < CASE WHEN d = 23 AND n % 3 = 2 THEN 1 ELSE 12 END AS buy
FROM generate_series(0, 23) AS d, generate_series(1, 300) AS n;
SELECT count(*) FROM generate_series(0, 23) AS d CROSS JOIN LATERAL pulse_ingest((SELECT jsonb_agg(jsonb_build_object('type', 'track', 'userId', 'fm' || v.i, 'event', e.name,
    'timestamp', to_char(v.at + e.after, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'properties', jsonb_strip_nulls(jsonb_build_object('platform', v.platform)), 'context', jsonb_build_object('app', jsonb_build_object('version', v.version))))
    FROM visit AS v, (VALUES ('m_view', interval '0', true), ('m_cart', '5 min', false), ('m_buy', '30 min', false)) AS e (name, after, always)
    WHERE v.at >= timestamptz '2026-03-01' + d * interval '1 day' AND v.at < timestamptz '2026-03-02' + d * interval '1 day' AND (e.always OR v.cart AND (e.name = 'm_cart' OR v.buy))), 'import');
SELECT pulse_create_funnel('Sales', '{"steps": ["m_view", {"event": "m_cart", "name": "Cart"}, {"event": "m_buy", "name": "Sale"}]}') > 0 AS made;
SELECT pulse_monitor_funnel('Sales', '{properties.platform,context.app.version,source}', '12 hours');
SELECT name, monitored FROM pulse_list_funnels();
SELECT s.name, s.definition ->> 'query' ~ ('funnel_cohort\(\d+, ' || m.step) AS query, s.description, s.cadence, s.runs_as = current_user AS mine FROM pulse.funnel_monitor AS m JOIN pulse.segment AS s ON s.id = m.segment_id ORDER BY m.step;
-- One snapshot a day, each of the people of one day.
CREATE FUNCTION pg_temp.measure(at timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pulse.now', at::text, false);
    PERFORM pulse_take_snapshot(s.name) FROM pulse.segment AS s ORDER BY s.name;
    RETURN (SELECT count(*) FROM pulse_check_drift());
END $$;
SELECT max(pg_temp.measure(timestamptz '2026-03-02 12:00+00' + d * interval '1 day')) FROM generate_series(0, 22) AS d;
SELECT count(*) FROM pulse.incident;
-- The figures are those of plain SQL.
SELECT count(*) AS snapshots, count(*) FILTER (WHERE (p.size, p.converted) IS DISTINCT FROM (x.size, x.converted)) AS wrong
FROM pulse.funnel_monitor AS m JOIN pulse.snapshot AS p ON p.segment_id = m.segment_id
CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE m.step = 1 OR v.cart), count(*) FILTER (WHERE v.cart AND (m.step = 1 OR v.buy)) FROM visit AS v
                    WHERE v.at >= p.taken_at - interval '36 hours' AND v.at < p.taken_at - interval '12 hours') AS x (size, converted);
SELECT pg_temp.measure('2026-03-25 12:00+00') > 0 AS found;
SELECT segment, detector, attribute, severity, direction, status FROM pulse.incident ORDER BY id;
SELECT d.cause, d.sentence FROM pulse.incident AS i CROSS JOIN LATERAL (SELECT h ->> 'confidence', h ->> 'cause', h ->> 'sentence' FROM jsonb_array_elements(pulse_diagnose_incident(i.id) -> 'hypotheses') AS h LIMIT 1) AS d (confidence, cause, sentence);
-- While it is monitored.
SELECT pulse_monitor_funnel('Sales');
SELECT pulse_delete_funnel('Sales');
SELECT pulse_update_funnel('Sales', '{"steps": ["m_view", "m_buy"]}');
SELECT pulse_update_funnel('Sales', '{"steps": ["m_view", "m_cart", "m_buy"]}', new_name => 'Sold') AS version;
SELECT count(*), count(DISTINCT member), count(*) FILTER (WHERE converted), min("values") FROM pulse.funnel_cohort((SELECT id FROM pulse.funnel), 1, '{properties.platform,profile.country}', '12 hours');
-- Errors, and who may.
SELECT pulse_monitor_funnel('Nothing');
SELECT pulse_monitor_funnel(NULL);
SELECT pulse_unmonitor_funnel('Nothing');
SELECT pulse_unmonitor_funnel(NULL);
SELECT pulse_create_funnel('Quiet', '{"steps": ["m_view", "m_cart"], "by": "account.plan"}') > 0 AS made;
SELECT pulse_unmonitor_funnel('Quiet');
SELECT pulse_monitor_funnel('Quiet', within => '1 second');
SELECT pulse_monitor_funnel('Quiet', within => '100 days');
SELECT pulse_monitor_funnel('Quiet', '{platform}');
SELECT pulse_monitor_funnel('Quiet', '{source,source}');
SELECT pulse_monitor_funnel('Quiet', '{"segment(\"x\")"}');
SELECT pulse_monitor_funnel('Quiet', array_fill('source'::text, ARRAY[11]));
SELECT pulse_monitor_funnel('Quiet', ARRAY[NULL::text]);
SELECT * FROM pulse.funnel_cohort(0, 1, '{}');
SELECT * FROM pulse.funnel_cohort((SELECT id FROM pulse.funnel WHERE name = 'Quiet'), 2, '{}');
SELECT * FROM pulse.funnel_cohort((SELECT id FROM pulse.funnel WHERE name = 'Quiet'), 1, NULL);
SELECT * FROM pulse.funnel_cohort((SELECT id FROM pulse.funnel WHERE name = 'Quiet'), 1, '{}', '0');
CREATE ROLE funnel_people; CREATE ROLE funnel_operator;
SELECT pulse_grant('funnel_people', 'people_reader'), pulse_grant('funnel_operator', 'operator');
SET ROLE funnel_people;
SELECT pulse_monitor_funnel('Quiet');
SET ROLE funnel_operator;
SELECT pulse_monitor_funnel('Quiet');
SELECT s.name, s.runs_as, jsonb_array_length(s.definition -> 'attributes') AS attributes FROM pulse.segment AS s JOIN pulse.funnel_monitor AS m ON m.segment_id = s.id JOIN pulse.funnel AS f ON f.id = m.funnel_id WHERE f.name = 'Quiet';
SELECT pulse_take_snapshot(s.name) > 0 AS measured FROM pulse.segment AS s WHERE s.name LIKE 'Quiet%';
SELECT pulse_unmonitor_funnel('Quiet');
RESET ROLE;
SELECT pulse_unmonitor_funnel('Sold');
SELECT count(*) FROM pulse.segment;
SELECT count(pulse_delete_funnel(name)) FROM pulse_list_funnels();
SELECT count(pulse_revoke(rolname::text)) FROM pg_roles WHERE rolname LIKE 'funnel\_%';
DROP ROLE funnel_people, funnel_operator;
DROP EXTENSION pulse CASCADE;
