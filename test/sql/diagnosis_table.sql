-- Diagnosis of tables that were cleared, dropped or renamed, and of partitioned ones.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
CREATE SCHEMA dt;
CREATE TABLE dt.visits (id bigint, at timestamptz) PARTITION BY RANGE (at);
CREATE TABLE dt.visits_1 PARTITION OF dt.visits FOR VALUES FROM ('1998-01-01') TO ('1998-01-15');
CREATE TABLE dt.visits_2 PARTITION OF dt.visits FOR VALUES FROM ('1998-01-15') TO ('1998-03-01');
INSERT INTO dt.visits SELECT i, '1998-01-01'::timestamptz + i * interval '1 hour' FROM generate_series(1, 700) AS i;
CREATE TABLE dt.bills (number bigint, due date);
INSERT INTO dt.bills SELECT i, '1998-02-01' FROM generate_series(1, 300) AS i;
ANALYZE dt.visits, dt.bills;
SET pulse.now = '1998-01-30 04:00';
SELECT pulse_monitor_table('dt.visits', checks => '[{"type": "volume", "min": 100}]') > 0 AS made,
       pulse_monitor_table('dt.bills', checks => '[{"type": "schema"}, {"type": "volume", "min": 50}]') > 0 AS made_too;
SELECT relation, "check", status FROM pulse_check_tables() WHERE relation LIKE 'dt.%' ORDER BY 1, 2;

TRUNCATE dt.visits;
ANALYZE dt.visits;
ALTER TABLE dt.bills RENAME TO invoices;
SET pulse.now = '1998-01-30 04:10';
SELECT relation, "check", status FROM pulse_check_tables() WHERE relation LIKE 'dt.%' ORDER BY 1, 2;
SET pulse.now = '1998-01-30 04:20';
SELECT relation, "check", status FROM pulse_check_tables() WHERE relation LIKE 'dt.%' ORDER BY 1, 2;
CREATE FUNCTION dt.try(sql text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE sql;
    RAISE EXCEPTION USING ERRCODE = 'PX001', MESSAGE = 'undo';
EXCEPTION
    WHEN SQLSTATE 'PX001' THEN RETURN 'runs';
    WHEN OTHERS THEN RETURN sqlstate || ' ' || sqlerrm || ': ' || sql;
END $$;
SELECT i.relation, i.detector, d -> 'hypotheses' -> 0 ->> 'cause' AS cause, d -> 'hypotheses' -> 0 ->> 'sentence' AS sentence
FROM pulse.incident AS i, pulse_diagnose_incident(i.id) AS d WHERE i.relation LIKE 'dt.%' ORDER BY 1, 2;
SELECT i.relation, i.detector, a ->> 'priority' AS priority, a ->> 'action' AS action, dt.try(a ->> 'sql') AS result
FROM pulse.incident AS i, pulse_diagnose_incident(i.id) AS d, jsonb_array_elements(d -> 'recommendations') AS a
WHERE i.relation LIKE 'dt.%' ORDER BY 1, 2, 3, 4;

SET client_min_messages = warning;
SELECT count(pulse_unmonitor_table(relation)) AS ended FROM pulse.monitor WHERE relation LIKE 'dt.%';
DELETE FROM pulse.monitor WHERE relation LIKE 'dt.%';
DROP SCHEMA dt CASCADE;
RESET client_min_messages;
RESET pulse.now;
