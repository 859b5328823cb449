-- Diagnosis: segments that nobody needs, what texts call members, and times of day.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';

CREATE FUNCTION pg_temp.advice(segment text) RETURNS TABLE (cause text, archive text) LANGUAGE sql AS $$
    SELECT d -> 'hypotheses' -> 0 ->> 'cause', max(a ->> 'reason') FILTER (WHERE a ->> 'sql' LIKE '%archive%')
    FROM pulse.incident AS i, pulse_diagnose_incident(i.id) AS d, jsonb_array_elements(d -> 'recommendations') AS a
    WHERE i.segment = advice.segment AND i.detector = 'size_change' GROUP BY 1;
$$;

-- Used by nobody, and by a segment, a trait, a flag, a route and two subscriptions.
SET pulse.now = '2015-01-01 09:00';
CREATE SCHEMA du;
CREATE TABLE du.trip (id bigint PRIMARY KEY, city text);
SET client_min_messages = warning;
INSERT INTO du.trip SELECT i, (ARRAY['Rom', 'Oslo'])[1 + i % 2] FROM generate_series(1, 1000) AS i;
SELECT pulse_create_segment('du old', '{"from": "du.trip", "members": "trips"}') > 0 AS made,
       pulse_create_segment('du city', '{"from": "du.trip", "where": "city = \"Rom\"", "attributes": []}') > 0 AS made,
       pulse_create_segment('du routed', '{"from": "du.trip"}') > 0 AS made,
       pulse_create_segment('du sent', '{"from": "du.trip"}') > 0 AS made,
       pulse_create_segment('du in segment', '{"where": "profile.a == 1"}') > 0 AS made,
       pulse_create_segment('du in trait', '{"where": "profile.a == 2"}') > 0 AS made,
       pulse_create_segment('du in flag', '{"where": "profile.a == 3"}') > 0 AS made,
       pulse_create_segment('du gone', '{"from": "du.trip"}') > 0 AS made;
SELECT pulse_create_segment('du uses', '{"where": "segment(\"du in segment\")"}') > 0 AS made,
       pulse_create_trait('du_trait', 'segment("du in trait")') > 0 AS made,
       pulse_create_flag('du-flag', 'segment("du in flag")') > 0 AS made;
SELECT pulse_archive_segment('du gone');
SELECT pulse_create_channel('du-channel', 'webhook', '{"url": "https://hook.example/"}') IS NOT NULL AS made;
RESET client_min_messages;
SELECT pulse_create_route('du-route', '{du-channel}', segments => '{du routed}') > 0 AS made;
SELECT subscription FROM pulse_subscribe('https://hook.example/', name => 'du-named', segments => '{du sent}');

SET pulse.now = '2015-03-31';
SELECT segment, since FROM pulse_list_unused_segments() WHERE segment LIKE 'du %';
SET pulse.now = '2015-04-02';
SELECT * FROM pulse_list_unused_segments() WHERE segment LIKE 'du %';
-- What reads the members of every segment over people.
SELECT subscription FROM pulse_subscribe('https://hook.example/', '{segment.entered}', name => 'du-all');
SELECT segment FROM pulse_list_unused_segments() WHERE segment LIKE 'du %';
SELECT pulse_unsubscribe('du-all');
BEGIN;
SELECT count(*) >= 0 AS taken FROM pulse_take_changes('du-consumer');
SELECT segment FROM pulse_list_unused_segments() WHERE segment LIKE 'du %';
ROLLBACK;
-- A flag that is archived, and an earlier time.
SELECT pulse_archive_flag('du-flag') > 0 AS archived;
SET pulse.unused_after = '365d';
SELECT count(*) FROM pulse_list_unused_segments() WHERE segment LIKE 'du %';
SET pulse.unused_after = 0;
SELECT count(*) FROM pulse_list_unused_segments() WHERE segment LIKE 'du %';
RESET pulse.unused_after;
SELECT segment FROM pulse_list_unused_segments() WHERE segment LIKE 'du %';
BEGIN READ ONLY;
SELECT count(*) FROM pulse_list_unused_segments() WHERE segment LIKE 'du %';
COMMIT;

-- The advice: for what changed by itself, not for what a rename emptied.
SELECT count(pulse_import_snapshot(s, d, 1000)) AS days
FROM unnest(ARRAY['du old', 'du routed', 'du in flag']) AS s, generate_series('2015-03-20'::timestamptz, '2015-03-29', '1 day') AS d;
SELECT count(pulse_import_snapshot(s, '2015-03-30', n)) AS imported
FROM unnest(ARRAY['du old', 'du routed', 'du in flag'], ARRAY[400, 2500, 0]) AS w (s, n);
SET client_min_messages = warning;
SELECT count(*) AS days FROM generate_series('2015-04-01'::date, '2015-04-09', '1 day') AS d,
    LATERAL (SELECT set_config('pulse.now', d::date::text, false)) AS n,
    LATERAL (SELECT pulse_take_snapshot('du city') WHERE n IS NOT NULL) AS t;
UPDATE du.trip SET city = 'Roma' WHERE city = 'Rom';
SET pulse.now = '2015-04-10';
SELECT pulse_take_snapshot('du city') > 0 AS taken;
SELECT count(*) AS found FROM pulse_check_drift() WHERE segment LIKE 'du %' AND detector = 'size_change';
RESET client_min_messages;
SELECT segment FROM pulse_list_unused_segments() WHERE segment LIKE 'du %';
SELECT * FROM pg_temp.advice('du old');
SELECT * FROM pg_temp.advice('du routed');
SELECT * FROM pg_temp.advice('du city');
SELECT summary FROM pulse.incident WHERE segment IN ('du old', 'du in flag', 'du city') AND detector = 'size_change' ORDER BY segment;
SELECT pulse_diagnose_incident(id) #>> '{what_changed,0}' AS told FROM pulse.incident
WHERE segment IN ('du old', 'du in flag', 'du city') AND detector = 'size_change' ORDER BY segment;
-- Somebody handles an incident, so somebody needs the segment.
SELECT pulse_acknowledge_incident(id) FROM pulse.incident WHERE segment = 'du old' AND detector = 'size_change';
SELECT segment FROM pulse_list_unused_segments() WHERE segment LIKE 'du %';
SELECT * FROM pg_temp.advice('du old');

-- Snapshots of every hour: texts have the time of day.
SELECT pulse_create_segment('du hourly', '{"from": "du.trip", "members": "trips", "cadence": "1 hour"}') > 0 AS made;
SELECT count(pulse_import_snapshot('du hourly', d, 5000)) AS hours FROM generate_series('2015-04-10 01:00'::timestamptz, '2015-04-10 20:00', '1 hour') AS d;
SELECT pulse_import_snapshot('du hourly', '2015-04-10 21:00', 1000) > 0 AS imported;
SET pulse.now = '2015-04-10 21:30';
SET client_min_messages = warning;
SELECT count(*) > 0 AS found FROM pulse_check_drift('du hourly');
RESET client_min_messages;
SELECT explanation FROM pulse.incident AS i, pulse_explain_incident(i.id) WITH ORDINALITY AS e (explanation, line)
WHERE i.segment = 'du hourly' AND i.detector = 'size_change' AND e.line BETWEEN 3 AND 5 ORDER BY e.line;
SELECT count(*) FROM pulse_backtest('du hourly');
SELECT members FROM pulse.segment_overview WHERE segment IN ('du hourly', 'du in flag', 'du sent') ORDER BY segment;

-- Rights.
CREATE ROLE du_reader;
SET ROLE du_reader;
SELECT * FROM pulse_list_unused_segments();
RESET ROLE;
SELECT pulse_grant('du_reader', 'reader');
SET ROLE du_reader;
SELECT count(*) FROM pulse_list_unused_segments() WHERE segment LIKE 'du %';
RESET ROLE;
SELECT pulse_revoke('du_reader');
DROP ROLE du_reader;

SET client_min_messages = warning;
SELECT pulse_unsubscribe('du-named'), pulse_delete_route('du-route'), pulse_delete_flag('du-flag'), pulse_delete_trait('du_trait');
DROP SERVER "du-channel" CASCADE;
SELECT pulse_delete_segment('du uses', confirm => true);
SELECT count(pulse_delete_segment(name, confirm => true)) AS deleted FROM pulse.segment WHERE name LIKE 'du %';
DROP SCHEMA du CASCADE;
RESET pulse.now;
RESET client_min_messages;
