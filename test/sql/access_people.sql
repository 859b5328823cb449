-- The level reader sees figures: no people, no sketches to test a guess with, no values of fewer than 10 people, no texts of errors.
SELECT current_database() AS home \gset
CREATE DATABASE regress_access_people ENCODING 'UTF8' TEMPLATE template0;
\c regress_access_people
SET client_min_messages = warning;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2011-03-01';
SET pulse.evaluation = sync;
CREATE ROLE regress_figures;
CREATE ROLE regress_people;
SELECT pulse_grant('regress_figures', 'reader'), pulse_grant('regress_people', 'people_reader');
CREATE SCHEMA peo;
GRANT USAGE ON SCHEMA peo TO PUBLIC;
CREATE TABLE peo.patient (id int PRIMARY KEY, ward text, age int, note text);
INSERT INTO peo.patient SELECT i, CASE WHEN i <= 60 THEN 'general' WHEN i <= 88 THEN 'surgery' WHEN i <= 97 THEN 'psychiatry' ELSE 'isolation' END,
    CASE WHEN i = 100 THEN 103 ELSE i % 50 END, 'x' FROM generate_series(1, 100) AS i;
SELECT pulse_create_segment('patients', '{"from": "peo.patient", "attributes": ["ward", "age"]}') > 0 AS made;
SELECT pulse_take_snapshot('patients') > 0 AS taken;
SELECT count(pulse_track('people-ann', 'login', '{"place": "Ward 7"}', message_id => 'people-1'));
SELECT pulse_create_flag('people_flag', '{"type": "boolean", "overrides": {"people-ann": "on"}}') > 0 AS made;

-- The guess: is patient 42 in the segment? The table is not readable, and neither is the sketch.
\set SHOW_CONTEXT never
SET ROLE regress_figures;
SELECT count(*) FROM peo.patient;
SELECT (pulse_sketch_overlap(s.sketch, (SELECT pulse_sketch_agg(42)))).in_both FROM pulse.snapshot AS s;
SELECT sketch::text <> '' FROM pulse.snapshot;
SELECT pulse_sketch_agg(42);
SELECT pulse_compare_snapshots(1, 1);
SELECT pulse_preview_segment('{"where": "profile.plan = \"pro\""}');
-- Figures.
SELECT size, entered, exited, clause_rows, error_state FROM pulse.snapshot AS p JOIN pulse.segment AS s ON s.id = p.segment_id WHERE s.name = 'patients';
SELECT attribute, total, nulls, distinct_values FROM pulse.distribution AS d ORDER BY 1;
SELECT labels FROM pulse.distribution;
SELECT attribute, labels, counts, other, edges FROM pulse.folded_distribution WHERE attribute = 'ward';
SELECT attribute, total, cardinality(edges) + 1 = cardinality(counts) AS fits, (SELECT min(c) >= 10 AND sum(c) = total FROM unnest(counts) AS c) AS folded,
       quantiles[1] AS p1, quantiles[4] IS NOT NULL AS median, quantiles[7] AS p99, mean FROM pulse.folded_distribution WHERE attribute = 'age';
-- A function with side effects sees no row that the view folds.
CREATE FUNCTION pg_temp.peek(text[]) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE WARNING 'seen: %', $1; RETURN true; END $$;
SELECT attribute FROM pulse.folded_distribution WHERE pg_temp.peek(labels) AND attribute = 'ward';
-- People.
SELECT * FROM pulse.person;
SELECT * FROM pulse.event;
SELECT pulse_profile('people-ann');
SELECT pulse_in_segment('people-ann', 'patients');
SELECT pulse_decide('people-ann', 'people_flag');
SELECT pulse_log_exposure('people-ann', 'people_flag', 'on');
SELECT definition FROM pulse.flag;
SELECT key, enabled, version FROM pulse.flag WHERE key = 'people_flag';
SELECT event, property, type, examples FROM pulse.property_catalog WHERE event = 'login';
SELECT pulse.sees_people();
RESET ROLE;

SET ROLE regress_people;
SELECT attribute, labels, counts FROM pulse.distribution WHERE attribute = 'ward';
SELECT (pulse_sketch_overlap(s.sketch, (SELECT pulse_sketch_agg(42)))).in_both FROM pulse.snapshot AS s JOIN pulse.segment AS g ON g.id = s.segment_id WHERE g.name = 'patients';
SELECT user_id FROM pulse.person WHERE user_id = 'people-ann';
SELECT examples FROM pulse.property_catalog WHERE event = 'login';
SELECT variant FROM pulse_decide('people-ann', 'people_flag');
SELECT pulse_log_exposure('people-ann', 'people_flag', 'on');
RESET ROLE;

-- Intervals: each has 10 members at least, or there is one.
SELECT f.* FROM (VALUES ('{1,2,3}'::float8[], '{4,7,20,3}'::bigint[]), ('{1,2}', '{3,3,3}'), ('{}', '{5}'), ('{1}', '{10,10}'), ('{1,2}', '{12,0,0}'), ('{1,2}', '{0,0,12}')) AS v (e, c),
LATERAL pulse.fold_intervals(v.e, v.c) AS f;

-- Incidents: texts that name values or quote an error, and the evidence.
INSERT INTO pulse.incident_record (segment_id, detector, attribute, severity, direction, baseline_kind, summary, details, since, opened_at, last_seen_at)
SELECT s.id, d.detector, 'ward', 'low', 'changed', 'rolling', d.detector || ' text', '{"value": "isolation"}', pulse_now(), pulse_now(), pulse_now()
FROM pulse.segment AS s, (VALUES ('size_change'), ('new_value'), ('schema_change')) AS d (detector) WHERE s.name = 'patients';
SET ROLE regress_figures;
SELECT detector, summary, details FROM pulse.incident WHERE segment = 'patients' ORDER BY detector;
SELECT summary FROM pulse.incident_record;
SELECT explanation FROM pulse_explain_incident(1);
SET ROLE regress_people;
SELECT detector, summary, details FROM pulse.incident WHERE segment = 'patients' ORDER BY detector;
RESET ROLE;

-- pulse_status() shows the text of a run to the role of the job, its members, and superusers.
CREATE ROLE regress_jobs LOGIN;
CREATE ROLE regress_jobs_team;
GRANT regress_jobs TO regress_jobs_team;
SELECT pulse_grant('regress_jobs', 'operator'), pulse_grant('regress_jobs_team', 'people_reader');
SET ROLE regress_jobs;
SELECT pulse_schedule('people job', '0 4 * * *', 'SELECT ''pin 1234''::int') IS NOT NULL AS scheduled;
RESET ROLE;
INSERT INTO pulse.job_run (job_id, attempt, started_at, status, error) SELECT id, 1, '2011-03-01', 'failed', 'invalid input: "pin 1234"' FROM pulse.job WHERE name = 'people job';
INSERT INTO pulse.job_run (job_id, attempt, started_at, status, error) SELECT id, 1, '2011-03-01', 'failed', 'key (id)=(42)' FROM pulse.job WHERE name = 'snapshots';
SELECT item, state, detail ~ 'pin 1234' AS shown FROM pulse_status() WHERE item = 'job people job';
SELECT count(*) > 0 AS shown FROM pulse_status() WHERE detail ~ 'id.=.42';
SET ROLE regress_jobs;
SELECT item, state, detail ~ 'pin 1234' AS shown FROM pulse_status() WHERE item = 'job people job';
SET ROLE regress_jobs_team;
SELECT item, state, detail ~ 'pin 1234' AS shown FROM pulse_status() WHERE item = 'job people job';
SET ROLE regress_people;
SELECT item, state, detail ~ 'pin 1234' AS shown FROM pulse_status() WHERE item = 'job people job';
SELECT count(*) FROM pulse_status() WHERE detail ~ 'pin 1234';
SELECT count(*) > 0 AS shown FROM pulse_status() WHERE detail ~ 'id.=.42';
SET ROLE regress_figures;
SELECT count(*) FROM pulse_status() WHERE detail ~ 'pin 1234|id.=.42';
RESET ROLE;
-- A role that was dropped and created again is another role.
SELECT pulse_revoke('regress_jobs');
DROP ROLE regress_jobs;
CREATE ROLE regress_jobs;
SELECT pulse_grant('regress_jobs', 'reader');
SET ROLE regress_jobs;
SELECT count(*) FROM pulse_status() WHERE detail ~ 'pin 1234';
RESET ROLE;

\c :home
DROP DATABASE regress_access_people;
DROP ROLE regress_figures, regress_people, regress_jobs, regress_jobs_team;
