-- Drift: the findings of histories with known answers.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET pulse.now = '2015-03-10 12:00+00';
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

CREATE SCHEMA drift_test;
CREATE TABLE drift_test.users (id bigint PRIMARY KEY, platform text, status text, tier text);

-- Imported history, one day per call: distributions as {"attribute": {"value": count}}; missing figures are null.
CREATE FUNCTION drift_test.segment(name text, baseline jsonb DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    SELECT pulse_create_segment(name, '{"from": "drift_test.users", "key": "id", "attributes": ["platform", "status", "tier"]}',
                                baseline => baseline);
$$;
CREATE FUNCTION drift_test.day(segment text, at timestamptz, size bigint, rate float8 DEFAULT NULL, entered bigint DEFAULT NULL,
                               exited bigint DEFAULT NULL, distributions jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
    WITH s AS (
        INSERT INTO pulse.snapshot (segment_id, taken_at, version, origin, size, converted, entered, exited)
        SELECT g.id, at, 1, 'imported', size, round(size * rate), entered, exited FROM pulse.segment g WHERE g.name = segment
        RETURNING id
    )
    INSERT INTO pulse.distribution (snapshot_id, attribute, kind, total, nulls, labels, counts)
    SELECT s.id, a.key, 'categorical', size, size - sum(v.value::bigint), array_agg(v.key ORDER BY v.value::bigint DESC, v.key),
           array_agg(v.value::bigint ORDER BY v.value::bigint DESC, v.key)
    FROM s, jsonb_each(distributions) a, jsonb_each_text(a.value) v WHERE v.value::bigint > 0 GROUP BY s.id, a.key;
$$;

-- The fixture: one day to the next.
SELECT drift_test.segment('fixture');
SELECT drift_test.day('fixture', '2015-03-01', 10000, 0.15, 500, 300,
    '{"platform": {"ios": 4500, "android": 4000, "web": 1500}, "status": {"active": 9000, "paused": 1000}, "tier": {"free": 7000, "premium": 3000}}');
SELECT drift_test.day('fixture', '2015-03-02', 5800, 0.10, 300, 800,
    '{"platform": {"ios": 4500, "android": 0, "web": 1300}, "status": {"active": 5162, "paused": 638}, "tier": {"free": 4141, "premium": 1659}}');
SELECT segment, detector, attribute, severity, baseline, observed, change, p_value < 0.001 AS sure
FROM pulse_check_drift('fixture');
SELECT detector, attribute, severity, status, baseline_kind, opened_at, since, group_id = min(id) OVER () AS grouped, summary
FROM pulse.incident WHERE segment = 'fixture' ORDER BY detector, attribute;
SELECT details ->> 'tvd' AS tvd, round((details ->> 'psiCorrected')::numeric, 3) AS psi, details -> 'values' -> 0 AS first
FROM pulse.incident WHERE segment = 'fixture' AND detector = 'distribution_shift';
SELECT kind, actor, at, e.severity, note = i.summary AS says_why FROM pulse.incident_event e
JOIN pulse.incident i ON i.id = e.incident_id WHERE i.segment = 'fixture' ORDER BY i.detector, e.id;

-- A second check: the same rows, no new incidents.
SELECT count(*) FROM pulse_check_drift('fixture');
SELECT count(DISTINCT i.id) AS incidents, count(*) AS events FROM pulse.incident i
JOIN pulse.incident_event e ON e.incident_id = i.id WHERE i.segment = 'fixture';

-- The generator's history: eight days, broken since two days ago. One check covers all of it.
SELECT drift_test.segment('generator');
SELECT drift_test.day('generator', '2015-03-10'::timestamptz - (7 - d) * interval '1 day', size, CASE WHEN eroded THEN 0.10 ELSE 0.15 END,
                      round(size * CASE WHEN eroded THEN 0.03 ELSE 0.05 END)::bigint,
                      round(size * CASE WHEN eroded THEN 0.08 ELSE 0.03 END)::bigint,
                      jsonb_build_object('platform', jsonb_build_object('android', size * CASE WHEN eroded THEN 28 ELSE 40 END / 100,
                          'web', size * 15 / 100, 'ios', size - size * CASE WHEN eroded THEN 28 ELSE 40 END / 100 - size * 15 / 100)))
FROM (SELECT d, d >= 5 AS eroded, round((20000 + 150 * sin(d * 7)) * CASE WHEN d >= 5 THEN 0.58 ELSE 1 END)::bigint AS size
      FROM generate_series(0, 7) d) days;
SELECT detector, attribute, severity, round(change, 2) AS change FROM pulse_check_drift('generator');
SELECT detector, severity, status, since, last_seen_at FROM pulse.incident WHERE segment = 'generator' ORDER BY detector;

-- Too young, no snapshot, switched off, not monitored, expected range.
SELECT drift_test.segment('young');
SELECT drift_test.day('young', '2015-03-09', 100);
SELECT drift_test.segment('empty');
SELECT drift_test.segment('off', '{"alertThresholds": {"sizeChangePercent": 1.0, "slowErosion": 1.0}}');
SELECT drift_test.segment('unwatched', '{"monitoringEnabled": false}');
SELECT drift_test.day(s, '2015-03-08'::timestamptz, 10000), drift_test.day(s, '2015-03-09'::timestamptz, 100)
FROM (VALUES ('off'), ('unwatched')) v(s);
SELECT drift_test.segment('ranged', '{"expectedSize": {"min": 8000, "max": 12000}}');
SELECT drift_test.day('ranged', '2015-03-09', 5800);
SELECT segment, detector, attribute, severity, baseline, observed, change, p_value FROM pulse_check_drift()
WHERE segment NOT IN ('fixture', 'generator');
SELECT name, checked_at FROM pulse.segment WHERE name IN ('young', 'empty', 'off', 'unwatched', 'ranged') ORDER BY name;
SELECT segment, status, size, change, trend, incidents, worst, as_expected, last_snapshot, age, state
FROM pulse.segment_overview ORDER BY segment;
SELECT segments, monitored, monitored_share, open, acknowledged, resolved, ignored FROM pulse.mission;

-- A weekly pattern raises no alarm after the first weekend; a fall on a weekend is detected.
SELECT drift_test.segment('weekly');
SELECT drift_test.day('weekly', d, round((CASE WHEN extract(isodow FROM d) >= 6 THEN 6000 ELSE 10000 END)
                                         * (1 + 0.01 * sin(extract(epoch FROM d) / 86400 * 11)))::bigint)
FROM generate_series('2015-01-05'::timestamptz, '2015-02-27', '1 day') d;
SELECT * FROM pulse_check_drift('weekly');
SELECT opened_at, closed_at, resolved_by FROM pulse.incident WHERE segment = 'weekly';
SELECT drift_test.day('weekly', '2015-02-28', 3500);
SELECT detector, severity, round(baseline, -2) AS baseline, observed FROM pulse_check_drift('weekly');
SELECT baseline_kind FROM pulse.incident WHERE segment = 'weekly' AND status = 'open';

-- Columns change, then the segment can no longer be measured.
SELECT drift_test.segment('columns');
SELECT drift_test.day('columns', '2015-03-07', 100), drift_test.day('columns', '2015-03-08', 100);
UPDATE pulse.snapshot SET columns = CASE WHEN taken_at = '2015-03-07' THEN '{"id": "bigint", "plan": "text"}'
                                         ELSE '{"id": "bigint", "tier": "text"}' END::jsonb
WHERE segment_id = (SELECT id FROM pulse.segment WHERE name = 'columns');
SELECT detector, severity, p_value FROM pulse_check_drift('columns');
SELECT summary FROM pulse.incident WHERE segment = 'columns';
INSERT INTO pulse.snapshot (segment_id, taken_at, version, status, error_state, error)
SELECT id, '2015-03-09', 1, 'failed', '42703', 'column "plan" does not exist' FROM pulse.segment WHERE name = 'columns';
SELECT detector, severity FROM pulse_check_drift('columns');
SELECT summary FROM pulse.incident WHERE segment = 'columns';

-- Errors.
SELECT * FROM pulse_check_drift('no such segment');
SELECT pulse_pause_segment('young');
SELECT * FROM pulse_check_drift('young');

SET client_min_messages = warning;
SELECT pulse_delete_segment(name, confirm => true) FROM pulse.segment
WHERE name IN ('fixture', 'generator', 'young', 'empty', 'off', 'unwatched', 'ranged', 'weekly', 'columns');
DROP SCHEMA drift_test CASCADE;
