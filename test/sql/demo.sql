-- The demo in psql: five segments, eight days, and the expected findings.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2016-03-10 09:30';

SELECT * FROM pulse_load_demo();
SELECT segment, state, size, as_expected, owner FROM pulse.segment_overview ORDER BY segment COLLATE "C";

-- The break of two days ago, with its severity: change / threshold >= 3 critical, >= 2 high, >= 1.5 medium.
SELECT segment, detector, attribute, severity, baseline, observed, change FROM pulse_check_drift()
ORDER BY segment COLLATE "C", detector COLLATE "C", attribute COLLATE "C";
SELECT DISTINCT since, status FROM pulse.incident ORDER BY since;

-- Today's history and today's table agree.
SET pulse.now = '2016-03-10';
SELECT s.name, n.taken_at, n.size, n.converted, n.entered, n.exited
FROM pulse.snapshot AS n JOIN pulse.segment AS s ON s.id = n.segment_id
WHERE s.name = 'High-Value Active Users' ORDER BY n.taken_at;
SELECT s.name, n.size, p.members AS really, n.converted, c.members AS really_converted, a.differences
FROM pulse.segment AS s JOIN pulse.snapshot AS n ON n.segment_id = s.id AND n.taken_at = pulse_now(),
LATERAL (SELECT members FROM pulse_preview_segment(s.definition, 0) WHERE part = 'size') AS p,
LATERAL (SELECT members FROM pulse_preview_segment(s.definition, 0) WHERE part = 'converted') AS c,
LATERAL (SELECT count(*) AS differences FROM pulse.distribution AS d, unnest(d.labels, d.counts) AS v (label, count)
         WHERE d.snapshot_id = n.id AND NOT EXISTS (
            SELECT FROM pulse_preview_segment(s.definition, 0) AS r
            WHERE r.part = 'attribute' AND r.item = d.attribute AND r.value = v.label AND r.members = v.count)) AS a
ORDER BY s.id;

-- A line of SELECT * begins with what matters: at 120 columns psql shows these columns side by side.
CREATE FUNCTION line_width(relation regclass, columns int) RETURNS TABLE (width bigint, names text) LANGUAGE plpgsql AS $$
DECLARE a record; cell int; total bigint := 0; list text := '';
BEGIN
    FOR a IN SELECT attname FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped ORDER BY attnum LIMIT columns LOOP
        EXECUTE format('SELECT coalesce(max(char_length(%I::text)), 0) FROM %s', a.attname, relation) INTO cell;
        total := total + greatest(cell, char_length(a.attname)) + 3;
        list := concat_ws(' ', nullif(list, ''), a.attname);
    END LOOP;
    RETURN QUERY SELECT total - 1, list;
END $$;
SET client_min_messages = warning;
SELECT pulse_create_channel('Growth alerts', 'slack', '{"url": "https://hooks.example.com/services/x"}');
SELECT pulse_create_route('All incidents', '{Growth alerts}') > 0 AS made;
RESET client_min_messages;
SELECT r.relation, w.names, w.width <= 120 AS fits FROM (VALUES ('pulse.incident', 7), ('pulse.segment', 8), ('pulse.segment_overview', 9),
    ('pulse.message', 9), ('pulse.job', 7), ('pulse.route', 7), ('pulse.channel', 10)) AS r (relation, columns), line_width(r.relation, r.columns) AS w;
-- Times and ages in views have whole seconds.
SELECT count(*) FILTER (WHERE opened_at <> date_trunc('second', opened_at)) AS broken FROM pulse.incident;
SELECT pulse_delete_route('All incidents');
DROP SERVER "Growth alerts" CASCADE;
DROP FUNCTION line_width;

-- Loading again replaces the demo; dropping removes everything.
SELECT count(*) FROM pulse_load_demo();
SELECT (SELECT count(*) FROM pulse.segment) AS segments, (SELECT count(*) FROM pulse.snapshot) AS snapshots,
       (SELECT count(*) FROM pulse.incident) AS incidents;
SELECT pulse_drop_demo();
SELECT pulse_drop_demo();
SELECT (SELECT count(*) FROM pulse.segment) AS segments, (SELECT count(*) FROM pulse.snapshot) AS snapshots,
       to_regnamespace('pulse_demo') AS schema;

-- Other objects stay untouched.
CREATE SCHEMA pulse_demo;
SELECT pulse_load_demo();
SELECT pulse_drop_demo();
DROP SCHEMA pulse_demo;
CREATE TABLE mine (id int PRIMARY KEY);
SELECT pulse_create_segment('Enterprise Customers', '{"from": "mine", "key": "id"}') > 0 AS made;
SELECT pulse_load_demo();
SELECT name, tags FROM pulse.segment;
SELECT pulse_delete_segment('Enterprise Customers', confirm => true);
DROP TABLE mine;
CREATE ROLE demo_nobody;
SET ROLE demo_nobody;
SELECT pulse_load_demo();
SELECT pulse_drop_demo();
RESET ROLE;
DROP ROLE demo_nobody;
