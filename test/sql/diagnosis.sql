-- Diagnosis: what changed, the likely causes and what to do, for a real table replayed day by day.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

CREATE SCHEMA dx;
CREATE TABLE dx.users (user_id bigint PRIMARY KEY, platform text, app_version text, country text, ltv int, last_active_days int);
INSERT INTO dx.users
SELECT i, (ARRAY['ios', 'android', 'android', 'web'])[1 + i % 4], (ARRAY['4.0', '4.2', '4.2', 'none'])[1 + i % 4],
       (ARRAY['DE', 'FR', 'IT', 'ES', 'NL'])[1 + i / 7 % 5], i * 7 % 2000, i * 13 % 60
FROM generate_series(1, 4000) AS i;

SELECT pulse_create_segment('dx high-value', '{"from": "dx.users", "key": "user_id",
    "where": "ltv > 500 && last_active_days <= 30", "attributes": ["platform", "country"]}') > 0 AS made;
SELECT pulse_create_segment('dx mobile', '{"from": "dx.users", "key": "user_id",
    "where": "platform in [\"ios\", \"android\"]", "attributes": ["platform", "app_version", "country"]}',
    baseline => '{"criticalAttributes": ["app_version", "country"], "alertThresholds": {"sizeChangePercent": 0.1}}') > 0 AS made;
SELECT pulse_create_segment('dx supported', '{"from": "dx.users", "key": "user_id",
    "where": "app_version in [\"4.0\", \"4.2\"]", "attributes": ["platform", "app_version"]}') > 0 AS made;

-- One day: takes all snapshots and checks for drift.
SET client_min_messages = warning;
CREATE FUNCTION dx.day(day date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pulse.now', day::text, false);
    PERFORM pulse_take_snapshots();
    PERFORM pulse_check_drift(name) FROM pulse.segment WHERE name LIKE 'dx %' ORDER BY name;
END $$;
CREATE FUNCTION dx.incidents() RETURNS TABLE (segment text, detector text, attribute text, cause text, likely text)
LANGUAGE sql AS $$
    SELECT i.segment, i.detector, i.attribute, d -> 'hypotheses' -> 0 ->> 'cause',
           CASE WHEN (d -> 'hypotheses' -> 0 ->> 'confidence')::float8 >= 0.6 THEN 'likely' ELSE 'unsure' END
    FROM pulse.incident AS i, pulse_diagnose_incident(i.id) AS d
    WHERE i.segment LIKE 'dx %' AND i.status IN ('open', 'acknowledged') ORDER BY 1, 2, 3;
$$;
CREATE FUNCTION dx.find(segment text, detector text) RETURNS bigint LANGUAGE sql AS $$
    SELECT min(id) FROM pulse.incident AS i WHERE i.segment = find.segment AND i.detector = find.detector;
$$;

-- Removes what differs from run to run.
CREATE FUNCTION dx.explain(incident bigint) RETURNS TABLE (explanation text) LANGUAGE sql AS $$
    SELECT regexp_replace(regexp_replace(regexp_replace(e.explanation, 'Incident \d+', 'Incident N'), 'incident\(\d+', 'incident(N'),
                          'by \w+ \(version', 'by somebody (version')
    FROM pulse_explain_incident(incident) AS e;
$$;

SELECT count(dx.day(d::date)) AS days FROM generate_series('2015-01-01'::date, '2015-01-09', '1 day') AS d;
SELECT * FROM dx.incidents();

-- The rule is tightened.
SET pulse.now = '2015-01-09 12:00';
SELECT pulse_update_segment('dx high-value', '{"from": "dx.users", "key": "user_id",
    "where": "ltv > 500 && last_active_days <= 7", "attributes": ["platform", "country"]}');
SELECT dx.day('2015-01-10');
SELECT * FROM dx.incidents();
SELECT explanation FROM dx.explain(dx.find('dx high-value', 'size_change'));

-- A release renames a version: one segment sees the new name, the other loses the people. Both get one cause and one group.
UPDATE dx.users SET app_version = '5.0' WHERE app_version = '4.2';
SELECT dx.day('2015-01-11');
SELECT * FROM dx.incidents();
SELECT explanation FROM dx.explain(dx.find('dx supported', 'size_change'));
SELECT segment, cause, "group" = min("group") OVER () AS one_group
FROM pulse_diagnose_incidents() WHERE segment IN ('dx mobile', 'dx supported') ORDER BY segment, cause, sentence;

-- The structure of the JSON; all cited evidence exists.
SELECT jsonb_object_keys(diagnosis) AS key FROM pulse.incident_record
WHERE id = dx.find('dx supported', 'size_change') ORDER BY 1;
SELECT count(*) AS cited_without_evidence
FROM pulse.incident_record AS r, jsonb_array_elements(r.diagnosis -> 'hypotheses') AS h, jsonb_array_elements_text(h -> 'evidence') AS e
WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(r.diagnosis -> 'evidence') AS f WHERE f ->> 'id' = e);
SELECT r.diagnosis = pulse_diagnose_incident(r.id) AS same_again FROM pulse.incident_record AS r
WHERE r.id = dx.find('dx supported', 'size_change');

-- A column becomes null; then a measurement fails.
UPDATE dx.users SET country = NULL WHERE user_id % 3 > 0;
SELECT dx.day('2015-01-12');
SELECT * FROM dx.incidents() WHERE attribute = 'country';
ALTER TABLE dx.users RENAME COLUMN country TO country_code;
SELECT dx.day('2015-01-13');
SELECT h ->> 'cause' AS cause FROM pulse_diagnose_incident(dx.find('dx mobile', 'null_spike')) AS d,
    jsonb_array_elements(d -> 'hypotheses') AS h WHERE h ->> 'cause' IN ('column_nulled', 'schema_change', 'measurement_failed') ORDER BY 1;
ALTER TABLE dx.users RENAME COLUMN country_code TO country;
SELECT dx.day('2015-01-14');

-- The SQL of every recommendation of every incident runs unchanged.
CREATE FUNCTION dx.try(sql text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE sql;
    RAISE EXCEPTION USING ERRCODE = 'PX001', MESSAGE = 'undo';
EXCEPTION
    WHEN SQLSTATE 'PX001' THEN RETURN 'runs';
    WHEN OTHERS THEN RETURN sqlstate || ' ' || sqlerrm || ': ' || sql;
END $$;
SELECT dx.try(a ->> 'sql') AS result, count(*) > 5 AS several
FROM pulse.incident AS i, pulse_diagnose_incident(i.id) AS d, jsonb_array_elements(d -> 'recommendations') AS a
WHERE i.segment LIKE 'dx %' GROUP BY 1 ORDER BY 1;

-- Imported history without clauses, sketch and attributes; hostile names.
SELECT pulse_create_segment('dx "o''dd"; --', '{"query": "SELECT user_id, platform FROM dx.users -- all", "key": "user_id",
    "attributes": ["platform"]}') > 0 AS made;
SELECT count(pulse_import_snapshot('dx "o''dd"; --', d, 5000)) AS days FROM generate_series('2015-02-01'::timestamptz, '2015-02-08', '1 day') AS d;
SELECT pulse_import_snapshot('dx "o''dd"; --', '2015-02-09', 2000) > 0 AS imported;
SET pulse.now = '2015-02-09';
SELECT count(*) > 0 AS found FROM pulse_check_drift('dx "o''dd"; --');
SELECT d -> 'hypotheses' -> 0 ->> 'sentence' AS sentence, dx.try(a ->> 'sql') AS result
FROM pulse_diagnose_incident(dx.find('dx "o''dd"; --', 'size_change')) AS d, jsonb_array_elements(d -> 'recommendations') AS a;

-- A read-only transaction stores nothing and returns everything.
BEGIN READ ONLY;
SELECT count(*) > 10 AS told FROM pulse_explain_incident(dx.find('dx supported', 'size_change'));
COMMIT;

-- An unknown kind of attribute is corrupted data.
BEGIN;
ALTER TABLE pulse.distribution DROP CONSTRAINT distribution_kind_check;
UPDATE pulse.distribution SET kind = 'colour';
\set VERBOSITY sqlstate
SELECT pulse_diagnose_incident(dx.find('dx supported', 'size_change'));
\set VERBOSITY default
ROLLBACK;

-- Errors.
SELECT pulse_explain_incident(NULL);
SELECT pulse_diagnose_incident(NULL);
\set VERBOSITY sqlstate
SELECT pulse_explain_incident(-1);
SELECT pulse_diagnose_incident(9223372036854775807);
\set VERBOSITY default
CREATE ROLE dx_stranger;
SET ROLE dx_stranger;
SELECT pulse_explain_incident(1);
SELECT pulse_diagnose_incident(1);
SELECT * FROM pulse_diagnose_incidents();
RESET ROLE;
SELECT pulse_grant('dx_stranger', 'people_reader');
SET ROLE dx_stranger;
SELECT count(*) > 10 AS told FROM pulse_explain_incident((SELECT min(id) FROM pulse.incident WHERE segment = 'dx supported'));
SELECT * FROM pulse_diagnose_incidents();
RESET ROLE;
SELECT pulse_revoke('dx_stranger');
DROP ROLE dx_stranger;

SELECT count(pulse_delete_segment(name, confirm => true)) AS deleted FROM pulse.segment WHERE name LIKE 'dx %';
DROP SCHEMA dx CASCADE;
RESET client_min_messages;
RESET pulse.now;
