-- Stages of the lifecycle are segments: when people begin to churn, the shift is an incident with its cause.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET pulse.now = '2015-01-01 12:00+00';
SELECT pulse_enable_lifecycle(purchase_events => '{order}', inactive_days => 30);
-- 600 customers. Those in DE, a third, come for the last time on 20 February, the others every few days.
SET pulse.now = '2015-03-31 12:00+00';
SELECT accepted FROM pulse_import_events($$SELECT 'stage-' || u AS user_id, CASE WHEN n = 0 THEN 'order' ELSE 'visit' END AS event, timestamptz '2015-01-05 00:00+00' + make_interval(days => n * 4 + u % 4, mins => u) AS "timestamp"
    FROM generate_series(1, 600) AS u, generate_series(0, 20) AS n WHERE u % 3 > 0 OR n * 4 + u % 4 <= 46$$);
SELECT count(pulse_identify('stage-' || u, jsonb_build_object('email', u || '@example.com', 'country', CASE WHEN u % 3 = 0 THEN 'DE' WHEN u % 2 = 0 THEN 'FR' ELSE 'IT' END), at => '2015-01-10')) FROM generate_series(1, 600) AS u;
SELECT stage, people FROM pulse_lifecycle_stages();
CREATE FUNCTION pg_temp.measure(at timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pulse.now', at::text, false);
    PERFORM pulse_take_snapshot(s.name) FROM pulse.segment AS s ORDER BY s.name;
    RETURN (SELECT count(*) FROM pulse_check_drift());
END $$;
SELECT max(pg_temp.measure(timestamptz '2015-02-20 12:00+00' + d * interval '1 day')) FROM generate_series(0, 22) AS d;
SELECT count(*) FROM pulse.incident;
SELECT max(pg_temp.measure(timestamptz '2015-03-20 12:00+00' + d * interval '1 day')) > 0 AS found FROM generate_series(0, 4) AS d;
SELECT segment, detector, attribute, severity, direction, group_id IS NOT NULL AS grouped FROM pulse.incident ORDER BY segment, detector, attribute;
SELECT i.segment, d.cause, d.sentence FROM pulse.incident AS i CROSS JOIN LATERAL (SELECT h ->> 'cause', h ->> 'sentence' FROM jsonb_array_elements(pulse_diagnose_incident(i.id) -> 'hypotheses') AS h LIMIT 1) AS d (cause, sentence) ORDER BY 1;
DROP EXTENSION pulse CASCADE;
