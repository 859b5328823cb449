-- One cause is one group: a table's incident and those of the segments that it explains; others over the table stay apart.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
SET timezone = 'UTC';

CREATE SCHEMA dg;
CREATE TABLE dg.users (id bigint PRIMARY KEY, plan text, country text, paid boolean);
INSERT INTO dg.users SELECT i, (ARRAY['pro', 'free'])[1 + i % 2], (ARRAY['DE', 'FR', 'IT'])[1 + i / 2 % 3], i % 7 = 0 FROM generate_series(1, 6000) AS i;
SET pulse.now = '2016-03-01';
SELECT pulse_monitor_table('dg.users', every => '1 hour', checks => '[{"type": "null_rate", "column": "plan", "max": 0.01, "after": 1}, {"type": "schema", "after": 1}]') > 0 AS made;
SELECT pulse_create_segment('dg pro', '{"from": "dg.users", "key": "id", "where": "plan = \"pro\"", "attributes": ["country"]}') > 0 AS made;
SELECT pulse_create_segment('dg free', '{"from": "dg.users", "key": "id", "where": "plan = \"free\"", "attributes": ["country"]}') > 0 AS made;
SELECT pulse_create_segment('dg payers', '{"from": "dg.users", "key": "id", "where": "paid = true", "attributes": []}') > 0 AS made;
CREATE FUNCTION dg.at(moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pulse.now', moment::text, false);
    PERFORM pulse_check_tables('dg.users');
    PERFORM set_config('pulse.now', (moment + interval '10 minutes')::text, false);
    PERFORM pulse_take_snapshot(name), pulse_check_drift(name) FROM pulse.segment WHERE name LIKE 'dg %' ORDER BY name;
END $$;
CREATE VIEW dg.groups AS
SELECT dense_rank() OVER (ORDER BY r.group_id) AS "group", coalesce(i.segment, i.relation) AS about, i.detector, i.attribute, i.status,
    r.diagnosis -> 'hypotheses' -> 0 ->> 'cause' AS cause, r.diagnosis ->> 'shared_cause' AS shared_cause
FROM pulse.incident AS i JOIN pulse.incident_record AS r USING (id) WHERE i.segment LIKE 'dg %' OR i.relation = 'dg.users';
SELECT count(dg.at(m)) AS days FROM generate_series('2016-03-01 01:00'::timestamptz, '2016-03-09 01:00', '1 day') AS m;

-- The plan of most is lost, and for another reason who paid: two causes.
UPDATE dg.users SET plan = NULL WHERE id % 10 < 6;
UPDATE dg.users SET paid = false WHERE id % 3 = 0;
SELECT dg.at('2016-03-10 01:00');
SELECT count(*) > 3 AS diagnosed FROM pulse_diagnose_incidents();
SELECT * FROM dg.groups ORDER BY 1, 2, 3, 4;
-- The same again changes nothing.
SELECT count(*) > 3 AS diagnosed FROM pulse_diagnose_incidents();
SELECT count(DISTINCT "group") AS groups FROM dg.groups;
UPDATE dg.users SET plan = (ARRAY['pro', 'free'])[1 + id % 2], paid = id % 7 = 0;
SELECT count(dg.at(m)) AS days FROM generate_series('2016-03-11 01:00'::timestamptz, '2016-03-20 01:00', '1 day') AS m;

-- A column is dropped: the table's incident is the cause of all that see it; two of them are partial.
ALTER TABLE dg.users DROP COLUMN country;
SELECT dg.at('2016-03-21 01:00');
SELECT count(*) > 1 AS diagnosed FROM pulse_diagnose_incidents();
SELECT * FROM dg.groups WHERE status = 'open' AND detector IN ('schema_change', 'table_schema') ORDER BY 1, 2, 3;
-- A change of columns is no cause of what comes days later.
SELECT dg.at('2016-03-22 01:00');
UPDATE dg.users SET plan = 'pro' WHERE id % 3 = 0;
SELECT dg.at('2016-03-23 01:00');
SELECT count(*) > 1 AS diagnosed FROM pulse_diagnose_incidents();
SELECT about, detector, "group" = (SELECT min("group") FROM dg.groups WHERE detector = 'table_schema') AS with_the_columns
FROM dg.groups WHERE status = 'open' AND about = 'dg free' AND detector = 'size_change';

SELECT pulse_unmonitor_table('dg.users');
DELETE FROM pulse.monitor WHERE relation = 'dg.users';
DELETE FROM pulse.incident_record WHERE relation = 'dg.users';
SELECT count(pulse_delete_segment(name, confirm => true)) AS deleted FROM pulse.segment WHERE name LIKE 'dg %';
DROP SCHEMA dg CASCADE;
RESET client_min_messages;
RESET pulse.now;
