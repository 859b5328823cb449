-- Sizes beyond those of a demo: a segment of 10,000 snapshots, and 500 segments with ten each.
SET client_min_messages = warning;
SELECT pulse_create_segment('Long history', '{"query": "SELECT 1 AS id", "key": "id"}');
SELECT count(pulse_create_segment('Segment ' || i, '{"query": "SELECT 1 AS id", "key": "id"}', owner => 'team ' || i % 7)) FROM generate_series(1, 500) AS i;
INSERT INTO pulse.snapshot (segment_id, taken_at, version, size)
SELECT s.id, timestamptz '2026-10-21 02:00+00' - i * interval '1 hour', 1, 10000000 + (10000 * sin(i / 200.0))::int + i % 97
FROM pulse.segment AS s, generate_series(0, 9999) AS i WHERE s.name = 'Long history';
INSERT INTO pulse.snapshot (segment_id, taken_at, version, size)
SELECT s.id, timestamptz '2026-10-21 02:00+00' - i * interval '1 day', 1, 1000 + i % 3 FROM pulse.segment AS s, generate_series(0, 9) AS i WHERE s.name LIKE 'Segment %';
ANALYZE pulse.snapshot;
