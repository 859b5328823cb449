-- Unusual data that must neither crash nor alarm.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';

-- A number that is always null, and a money column, measured every day.
CREATE TABLE edge_user (id int PRIMARY KEY, never numeric, since timestamptz, price money);
INSERT INTO edge_user SELECT i, NULL, NULL, (i % 7)::money FROM generate_series(1, 100) AS i;
SELECT pulse_create_segment('edge', '{"from": "edge_user", "attributes": ["never", "since", "price"]}') > 0 AS created;
SET pulse.now = '2015-01-01';
SELECT pulse_take_snapshot('edge') > 0 AS taken;
SET pulse.now = '2015-01-02';
SELECT pulse_take_snapshot('edge') > 0 AS taken;
SET pulse.now = '2015-01-03';
SELECT pulse_take_snapshot('edge') > 0 AS taken;
SELECT * FROM pulse_check_drift('edge');
SELECT d.attribute, d.kind, d.nulls, cardinality(d.edges) AS edges, d.minimum, d.maximum
FROM pulse.distribution AS d JOIN pulse.snapshot AS s ON s.id = d.snapshot_id WHERE s.taken_at = '2015-01-03' ORDER BY 1;

-- Imported intervals without edges.
SET pulse.now = '2015-02-06';
SELECT count(pulse_import_snapshot('edge', '2015-02-01'::timestamptz + i * interval '1 day', 1000,
    distributions => '{"never": {"edges": [], "counts": [1000]}}')) FROM generate_series(1, 3) AS i;
SELECT pulse_import_snapshot('edge', '2015-02-05', 1000, distributions => '{"never": {"edges": [], "counts": [500], "nulls": 500}}') > 0 AS kept;
SELECT detector, attribute, severity FROM pulse_backtest('edge', '{}');

-- Every reader refuses an unknown kind of attribute as corrupted data.
BEGIN;
ALTER TABLE pulse.distribution DROP CONSTRAINT distribution_kind_check;
UPDATE pulse.distribution SET kind = 'colour' WHERE attribute = 'never';
SAVEPOINT read;
\set VERBOSITY sqlstate
SELECT detector FROM pulse_backtest('edge', '{}');
ROLLBACK TO read;
SET LOCAL pulse.now = '2015-01-03';
\set VERBOSITY default
SELECT pulse_take_snapshot('edge');
ROLLBACK;

-- A time in the future can be neither measured nor checked.
SET pulse.now = '2999-01-01';
SELECT pulse_take_snapshot('edge');
SELECT * FROM pulse_take_snapshots();
SELECT * FROM pulse_check_drift('edge');
RESET pulse.now;
SELECT checked_at FROM pulse.segment WHERE name = 'edge';

SELECT pulse_delete_segment('edge', confirm => true);
DROP TABLE edge_user;
