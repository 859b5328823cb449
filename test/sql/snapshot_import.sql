-- Imported history: stored figures, errors, and comparison of two snapshots.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET pulse.now = '1996-01-03 02:00+00';
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
CREATE TABLE import_user (id int PRIMARY KEY, platform text, ltv numeric);
SELECT pulse_create_segment('imported', '{"from": "import_user", "where": "ltv > 1000"}') > 0 AS created;

-- The two days of the well-known erosion.
SELECT pulse_import_snapshot('imported', '1996-01-01', 10000, conversion_rate => 0.15, entered => 500, exited => 300,
    distributions => '{"platform": {"ios": 4500, "android": 4000, "web": 1500}, "ltv": {"edges": [1500, 3000], "counts": [5000, 4000, 900], "nulls": 50}}') > 0 AS first;
SELECT pulse_import_snapshot('imported', '1996-01-02', 5800, conversion_rate => 0.10, entered => 300, exited => 800,
    distributions => '{"platform": {"ios": 4500, "android": 0, "web": 1300}, "ltv": {"edges": [1500, 3000], "counts": [2900, 2400, 450], "nulls": 50}}') > 0 AS second;
SELECT taken_at, origin, status, size, converted, entered, exited, flow_error FROM pulse.snapshot ORDER BY taken_at;
SELECT d.attribute, kind, total, nulls, other, labels, edges, counts
FROM pulse.distribution AS d JOIN pulse.snapshot AS s ON s.id = d.snapshot_id ORDER BY taken_at, attribute;
SELECT c.* FROM (SELECT min(id) AS a, max(id) AS b FROM pulse.snapshot) AS s, pulse_compare_snapshots(s.a, s.b) AS c;

-- The same import changes nothing; a different one is refused unless replace is true.
SELECT count(DISTINCT id) FROM (
    SELECT pulse_import_snapshot('imported', '1996-01-02 01:00', 7, distributions => '{"platform": {"ios": 7}}') AS id FROM generate_series(1, 3)) AS again;
SELECT pulse_import_snapshot('imported', '1996-01-02 01:00', 8);
SELECT pulse_import_snapshot('imported', '1996-01-02 01:00', 7, distributions => '{"platform": {"ios": 6}}');
SELECT pulse_import_snapshot('imported', '1996-01-02 01:00', 8, replace => true) > 0 AS replaced;
SELECT size, (SELECT count(*) FROM pulse.distribution WHERE snapshot_id = s.id) AS distributions
FROM pulse.snapshot AS s WHERE taken_at = '1996-01-02 01:00';

-- More values than the limit; booleans; an empty segment; strange names.
SET pulse.max_values = 3;
SELECT pulse_import_snapshot('imported', '1996-01-02 03:00', 100, distributions =>
    '{"many": {"a": 5, "b": 5, "c": 9, "d": 1, "__null__": 10, "__other__": 20}, "flag": {"true": 60, "false": 40}, "'' ; --\u00e9": {"\"": 3}}') > 0 AS kept;
RESET pulse.max_values;
SELECT attribute, kind, total, nulls, other, distinct_values, labels, counts
FROM pulse.distribution WHERE total = 100 ORDER BY attribute COLLATE "C";
SELECT pulse_import_snapshot('imported', '1996-01-02 04:00', 0, distributions => '{"many": {}}') > 0 AS empty;

-- Impossible figures.
SELECT pulse_import_snapshot(NULL, '1996-01-02', 1);
SELECT pulse_import_snapshot('imported', NULL, 1);
SELECT pulse_import_snapshot('imported', '1996-01-02', NULL);
SELECT pulse_import_snapshot('importet', '1996-01-02', 1);
SELECT pulse_import_snapshot('imported', 'infinity', 1);
SELECT pulse_import_snapshot('imported', '9999-01-01', 1);
SELECT pulse_import_snapshot('imported', '1996-01-02 05:00', -1);
SELECT pulse_import_snapshot('imported', '1996-01-02 05:00', 9223372036854775807);
SELECT pulse_import_snapshot('imported', '1996-01-02 05:00', 10, converted => 11);
SELECT pulse_import_snapshot('imported', '1996-01-02 05:00', 10, converted => 1, conversion_rate => 0.1);
SELECT pulse_import_snapshot('imported', '1996-01-02 05:00', 10, conversion_rate => 'NaN');
SELECT pulse_import_snapshot('imported', '1996-01-02 05:00', 10, conversion_rate => 15);
SELECT pulse_import_snapshot('imported', '1996-01-02 05:00', 10, entered => 11);
SELECT pulse_import_snapshot('imported', '1996-01-02 05:00', 10, inactive => -3);
SELECT pulse_import_snapshot('imported', '1996-01-02 05:00', 10, distributions => '[1]');
SELECT pulse_import_snapshot('imported', '1996-01-02 05:00', 10, distributions => '{"platform": 7}');
SELECT pulse_import_snapshot('imported', '1996-01-02 05:00', 10, distributions => '{"platform": {"ios": "7"}}');
SELECT pulse_import_snapshot('imported', '1996-01-02 05:00', 10, distributions => '{"platform": {"ios": 1.5}}');
SELECT pulse_import_snapshot('imported', '1996-01-02 05:00', 10, distributions => '{"platform": {"ios": -1}}');
SELECT pulse_import_snapshot('imported', '1996-01-02 05:00', 10, distributions => '{"platform": {"ios": 1e300}}');
SELECT pulse_import_snapshot('imported', '1996-01-02 05:00', 10, distributions => '{"platform": {"ios": 6, "web": 5}}');
SELECT pulse_import_snapshot('imported', '1996-01-02 05:00', 10, distributions => '{"ltv": {"edges": [2, 1], "counts": [1, 1, 1]}}');
SELECT pulse_import_snapshot('imported', '1996-01-02 05:00', 10, distributions => '{"ltv": {"edges": [1, 2], "counts": [1, 1]}}');
SELECT pulse_import_snapshot('imported', '1996-01-02 05:00', 10, distributions => '{"ltv": {"edges": [1], "counts": [1, 1], "bins": 2}}');
SELECT pulse_import_snapshot('imported', '1996-01-02 05:00', 10, distributions => '{"ltv": {"edges": [1], "counts": [1, 1], "kind": "categorical"}}');
SELECT count(*) AS kept_by_errors FROM pulse.snapshot WHERE taken_at = '1996-01-02 05:00';
SELECT pulse_compare_snapshots(NULL, NULL);
SELECT pulse_compare_snapshots(0, 0);

SELECT pulse_archive_segment('imported');
SELECT pulse_import_snapshot('imported', '1996-01-02 06:00', 1);
SELECT pulse_delete_segment('imported', confirm => true);
DROP TABLE import_user;
