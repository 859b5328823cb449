-- Sizes beside what was expected of them.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';

CREATE TABLE expected_user (id int PRIMARY KEY);
SELECT pulse_create_segment('expected', '{"from": "expected_user"}') > 0 AS created;
SELECT count(*) FROM pulse_expected_sizes('expected');
-- Four weeks with quiet Sundays, and then a loss of 42 % that stays.
SET pulse.now = '2015-02-03';
SELECT count(pulse_import_snapshot('expected', '2015-01-01'::timestamptz + d * interval '1 day', CASE WHEN d >= 30 THEN 5800 ELSE 10000 + d * 37 % 50 END - CASE WHEN (d + 4) % 7 = 0 THEN 2000 ELSE 0 END))
FROM generate_series(0, 32) AS d;
-- The first has no baseline; from then on the range is around what is expected, and narrows.
SELECT count(*) AS snapshots, count(*) FILTER (WHERE expected IS NULL) AS without, bool_and(low <= expected AND expected <= high) AS around, bool_and(low >= 0) AS positive,
       min(taken_at)::date AS first, max(taken_at)::date AS last
FROM pulse_expected_sizes('expected');
SELECT taken_at::date, size, expected BETWEEN 9900 AND 10100 AS ten_thousand, size BETWEEN low AND high AS inside FROM pulse_expected_sizes('expected', 9) ORDER BY taken_at;
-- In an incident the expectation holds.
SELECT detector, severity FROM pulse_check_drift('expected') WHERE detector = 'size_change';
SELECT taken_at::date, size, round(expected / 1000) AS thousands, size BETWEEN low AND high AS inside FROM pulse_expected_sizes('expected', 3);
-- The new normal is expected from where it began.
SELECT pulse_resolve_incident(i.id, new_normal => true) FROM pulse.incident AS i WHERE i.segment = 'expected' AND i.detector = 'size_change';
SELECT taken_at::date, round(expected / 1000, 1) AS thousands, size BETWEEN low AND high AS inside FROM (SELECT taken_at, size, expected::numeric, low, high FROM pulse_expected_sizes('expected', 2)) AS e;
-- Few members: what is expected of a count, down to nothing.
SELECT pulse_create_segment('expected few', '{"from": "expected_user"}') > 0 AS created;
SELECT count(pulse_import_snapshot('expected few', '2015-01-01'::timestamptz + d * interval '1 day', d % 3)) FROM generate_series(0, 20) AS d;
SELECT size, low, high BETWEEN 3 AND 9 AS few FROM pulse_expected_sizes('expected few', 1);
-- More snapshots than ranges are computed: those between move with what is expected.
SELECT pulse_create_segment('expected many', '{"from": "expected_user", "cadence": "1 hour"}') > 0 AS created;
INSERT INTO pulse.snapshot (segment_id, taken_at, version, size)
SELECT s.id, '2015-02-02'::timestamptz - i * interval '1 hour', 1, 10000000 + i * 37 % 5000 FROM pulse.segment AS s, generate_series(0, 1299) AS i WHERE s.name = 'expected many';
SELECT count(*) AS snapshots, count(*) FILTER (WHERE expected IS NULL) AS without, bool_and(low < expected AND expected < high) AS around, count(*) FILTER (WHERE size BETWEEN low AND high) > 1250 AS inside,
       count(DISTINCT round((high / expected)::numeric, 6)) BETWEEN 2 AND 500 AS widths
FROM pulse_expected_sizes('expected many', 1300);
SELECT pulse_delete_segment('expected many', confirm => true) AS deleted;

SELECT pulse_expected_sizes(NULL);
SELECT pulse_expected_sizes('expected', NULL);
SELECT pulse_expected_sizes('expected', 0);
SELECT pulse_expected_sizes('expected', 10001);
SELECT pulse_expected_sizes('no such segment');
BEGIN READ ONLY;
SELECT count(*) FROM pulse_expected_sizes('expected', 10000);
ROLLBACK;
CREATE ROLE regress_expected_reader;
SET ROLE regress_expected_reader;
SELECT pulse_expected_sizes('expected');
RESET ROLE;
SELECT pulse_grant('regress_expected_reader', 'reader');
SET ROLE regress_expected_reader;
SELECT count(*) FROM pulse_expected_sizes('expected');
RESET ROLE;
SELECT pulse_revoke('regress_expected_reader');
DROP ROLE regress_expected_reader;
SELECT pulse_delete_segment('expected', confirm => true), pulse_delete_segment('expected few', confirm => true);
DROP TABLE expected_user;
