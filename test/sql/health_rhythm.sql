-- Limits learnt from the rhythm of a table, its growth and its empty weekends; infinite times and NaN.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
CREATE SCHEMA dock;
CREATE FUNCTION dock.check_at(moment timestamptz, what text DEFAULT NULL)
    RETURNS TABLE (relation text, "check" text, status text, incident boolean, message text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pulse.now', moment::text, false);
    RETURN QUERY SELECT c.relation, c."check", c.status, c.incident IS NOT NULL, c.message FROM pulse_check_tables(what) AS c;
END $$;

-- ---- rhythms that no week explains, with an index and without one ----
CREATE TABLE dock.load (cadence text, id bigint, at timestamptz);
INSERT INTO dock.load SELECT c.cadence, g, '1995-01-03 04:00'::timestamptz + g * c.cadence::interval + (g * 7919 % 50) * interval '1 minute'
FROM (VALUES ('17 hours'), ('3 days'), ('1 month')) AS c(cadence),
     LATERAL generate_series(0, (extract(epoch FROM interval '400 days') / extract(epoch FROM c.cadence::interval))::int) AS g
WHERE '1995-01-03 04:00'::timestamptz + g * c.cadence::interval < '1996-02-03';
SELECT format('CREATE TABLE dock.%I AS SELECT id, at FROM dock.load WHERE cadence = %L', cadence || suffix, cadence) AS make,
       CASE WHEN suffix <> '' THEN format('CREATE INDEX ON dock.%I (at)', cadence || suffix) ELSE 'SELECT' END AS index
FROM (SELECT DISTINCT cadence FROM dock.load) AS l, (VALUES (''), (' indexed')) AS s(suffix) ORDER BY cadence || suffix COLLATE "C" \gexec
ANALYZE;
SET pulse.now = '1995-12-20';
SELECT count(pulse_monitor_table(format('dock.%I', cadence || suffix), every => '3 hours', checks => '[{"type": "freshness", "column": "at", "after": 1}]')) AS tables
FROM (SELECT DISTINCT cadence FROM dock.load) AS l, (VALUES (''), (' indexed')) AS s(suffix);
-- Six weeks without an alarm, although each rhythm moves through the week.
SELECT c.status, count(*) > 500 AS often FROM generate_series('1995-12-20'::timestamptz, '1996-02-01', '11 hours') AS m, dock.check_at(m) AS c GROUP BY 1;
-- Then nothing comes. What a scan finds is what an index finds.
SELECT m, string_agg(replace(c.relation, 'dock.', ''), ', ' ORDER BY c.relation COLLATE "C") AS late
FROM unnest(ARRAY['1996-02-03', '1996-02-05', '1996-02-09', '1996-02-14', '1996-03-31']::timestamptz[]) AS m,
     dock.check_at(m) AS c WHERE c.status = 'bad' GROUP BY 1 ORDER BY 1;
SELECT relation, message FROM pulse_check_tables('dock."3 days"');
SELECT relation, message FROM pulse_check_tables('dock."1 month indexed"');
DELETE FROM pulse.monitor;

-- ---- one row of 1970 does not matter; a date column with one value says nothing ----
CREATE TABLE dock.odd AS SELECT '1996-02-01'::timestamptz - g * interval '10 minutes' AS at FROM generate_series(1, 1500) AS g;
INSERT INTO dock.odd VALUES ('1970-01-01');
CREATE INDEX ON dock.odd (at);
CREATE TABLE dock.once AS SELECT '1996-01-31'::date AS day FROM generate_series(1, 100) AS g;
SET pulse.now = '1996-02-04 01:00';
SELECT pulse_monitor_table('dock.odd', checks => '[{"type": "freshness"}]') > 0 AS odd,
       pulse_monitor_table('dock.once', checks => '[{"type": "freshness", "column": "day"}]') > 0 AS once;
SELECT "check", status, expected, message FROM pulse_check_tables();
SELECT "table", state, what FROM pulse.table_overview ORDER BY "table" COLLATE "C";
DELETE FROM pulse.monitor;

-- ---- repaired while it learns: good is good ----
CREATE TABLE dock.stock AS SELECT g AS id, '1996-02-01'::timestamptz AS at FROM generate_series(1, 40) AS g;
SET pulse.now = '1996-02-01';
SELECT pulse_monitor_table('dock.stock', checks => '[{"type": "volume"}, {"type": "freshness", "column": "at"}]') > 0 AS made;
SELECT * FROM dock.check_at('1996-02-01 00:05');
CREATE TABLE dock.kept AS SELECT * FROM dock.stock;
TRUNCATE dock.stock;
SELECT * FROM dock.check_at('1996-02-01 00:10');
INSERT INTO dock.stock SELECT * FROM dock.kept;
SELECT * FROM dock.check_at('1996-02-01 00:15');
SELECT * FROM dock.check_at('1996-02-01 00:20');
SELECT detector, status, resolved_by FROM pulse.incident WHERE relation = 'dock.stock' ORDER BY 1;
ALTER TABLE dock.stock RENAME TO away;
SELECT count(*) FROM generate_series('1996-02-01 00:25'::timestamptz, '1996-02-01 00:30', '5 minutes') AS m, dock.check_at(m);
SELECT count(*) AS open FROM pulse.incident WHERE relation = 'dock.stock' AND status = 'open';
ALTER TABLE dock.away RENAME TO stock;
SELECT count(*) FROM generate_series('1996-02-01 00:35'::timestamptz, '1996-02-01 00:40', '5 minutes') AS m, dock.check_at(m);
SELECT count(*) AS open FROM pulse.incident WHERE relation = 'dock.stock' AND status = 'open';
DELETE FROM pulse.monitor;
-- A table that keeps seven days is also learnt from what the check saw: at first, only a silence longer than a weekend is found.
CREATE TABLE dock.short (at timestamptz);
CREATE FUNCTION dock.live(from_day date, days int, rows boolean DEFAULT true) RETURNS TABLE (at timestamptz, status text, message text) LANGUAGE plpgsql AS $$
DECLARE moment timestamptz;
BEGIN
    FOR moment IN SELECT from_day + i * interval '3 hours' FROM generate_series(0, 8 * days - 1) AS i LOOP
        IF rows THEN INSERT INTO dock.short SELECT moment - g * interval '15 minutes' FROM generate_series(0, 11) AS g; END IF;
        DELETE FROM dock.short AS s WHERE s.at < moment - interval '7 days' AND s.at <> (SELECT max(t.at) FROM dock.short AS t);
        RETURN QUERY SELECT moment, c.status, c.message FROM dock.check_at(moment, 'dock.short') AS c;
    END LOOP;
END $$;
SET pulse.now = '1996-03-01';
SELECT pulse_monitor_table('dock.short', every => '3 hours', checks => '[{"type": "freshness"}]') > 0 AS made;
SELECT status, count(*) FROM dock.live('1996-03-01', 5) GROUP BY 1 ORDER BY 1;
BEGIN;
SELECT min(at) AS found, max(at) AS last FROM dock.live('1996-03-06', 6, false) WHERE status = 'bad';
ROLLBACK;
SELECT status, count(*) FROM dock.live('1996-03-06', 17) GROUP BY 1 ORDER BY 1;
SELECT at AS found, message FROM dock.live('1996-03-23', 1, false) WHERE status = 'bad' LIMIT 1;
DELETE FROM pulse.monitor;

-- ---- infinite times are ignored and named, with an index and without one; so is the future ----
CREATE TABLE dock.edge (instant timestamptz, local timestamp, day date);
INSERT INTO dock.edge SELECT t, t AT TIME ZONE 'UTC', t::date FROM generate_series('1996-01-01'::timestamptz, '1996-02-10', '1 hour') AS t;
INSERT INTO dock.edge VALUES ('-infinity', '-infinity', '-infinity'), ('infinity', 'infinity', NULL), (NULL, NULL, '5874897-12-31');
CREATE TABLE dock.edge_indexed AS SELECT * FROM dock.edge;
CREATE INDEX ON dock.edge_indexed (instant);
CREATE INDEX ON dock.edge_indexed (local);
CREATE INDEX ON dock.edge_indexed (day);
SET pulse.now = '1996-02-10 00:30';
SELECT pulse_monitor_table(t, checks => '[{"type": "freshness", "column": "instant"}, {"type": "freshness", "column": "local"}, {"type": "freshness", "column": "day"}]') > 0 AS made
FROM unnest(ARRAY['dock.edge', 'dock.edge_indexed']) AS t;
SELECT relation, "check", status, regexp_replace(message, 'newest by [^:]*', 'newest by N') AS message FROM pulse_check_tables() ORDER BY relation COLLATE "C", "check" COLLATE "C";
CREATE TABLE dock.void (at timestamptz);
INSERT INTO dock.void VALUES ('-infinity');
SELECT pulse_monitor_table('dock.void', checks => '[{"type": "freshness", "column": "at"}]') > 0 AS made;
SELECT status, message FROM pulse_check_tables('dock.void');
DELETE FROM pulse.monitor;

-- ---- local times of another zone ----
RESET pulse.now;
CREATE TABLE dock.tokyo AS SELECT (now() - g * interval '30 minutes') AT TIME ZONE 'Asia/Tokyo' AS at FROM generate_series(10, 2000) AS g;
CREATE TABLE dock.tokyo_indexed AS SELECT * FROM dock.tokyo;
CREATE INDEX ON dock.tokyo_indexed (at);
-- The newest row is five hours old, and seems to lie four hours ahead.
SELECT pulse_monitor_table(t, checks => '[{"type": "freshness", "column": "at", "max_age": "2 hours"}]') > 0 AS made FROM unnest(ARRAY['dock.tokyo', 'dock.tokyo_indexed']) AS t;
SELECT t, status, regexp_replace(regexp_replace(message, 'is \S+( \w+)*? old', 'is N old'), '3 h 59 min[^:]*', '4 h') AS message FROM unnest(ARRAY['dock.tokyo', 'dock.tokyo_indexed']) AS t, pulse_check_tables(t);
SELECT pulse_monitor_table(t, checks => '[{"type": "freshness", "column": "at", "max_age": "2 hours", "time_zone": "Asia/Tokyo"}]') > 0 AS made FROM unnest(ARRAY['dock.tokyo', 'dock.tokyo_indexed']) AS t;
SELECT t, status, round(observed / 3600) AS hours FROM unnest(ARRAY['dock.tokyo', 'dock.tokyo_indexed']) AS t, pulse_check_tables(t);
SELECT pulse_monitor_table('dock.tokyo', checks => '[{"type": "freshness", "column": "at", "time_zone": "Asia/Tokio"}]');
SELECT pulse_monitor_table('dock.tokyo', checks => '[{"type": "freshness", "column": "at", "time_zone": ""}]');
SELECT pulse_monitor_table('dock.edge', checks => '[{"type": "freshness", "column": "instant", "time_zone": "UTC"}]');
DELETE FROM pulse.monitor;

-- ---- a table that only grows: what comes in a day counts, and far beyond the limit opens at once ----
CREATE TABLE dock.journal AS SELECT g AS id FROM generate_series(1, 800) AS g;
SET pulse.now = '1996-02-01 09:00';
SELECT pulse_monitor_table('dock.journal', every => '1 day', checks => '[{"type": "volume", "after": 2}]') > 0 AS made;
CREATE FUNCTION dock.days(first date, days int, rows int) RETURNS TABLE (day date, status text, incident boolean, message text) LANGUAGE plpgsql AS $$
BEGIN
    FOR day IN SELECT first + i FROM generate_series(0, days - 1) AS i LOOP
        INSERT INTO dock.journal SELECT 0 FROM generate_series(1, rows + (EXTRACT(day FROM day)::int * 37) % 29);
        RETURN QUERY SELECT day, c.status, c.incident, c.message FROM dock.check_at(day + interval '9 hours', 'dock.journal') AS c;
    END LOOP;
END $$;
SELECT DISTINCT status FROM dock.days('1996-02-01', 30, 800);
SELECT * FROM dock.days('1996-03-02', 1, 6600);
SELECT * FROM dock.days('1996-03-03', 3, 800);
SELECT * FROM dock.days('1996-03-06', 3, 240);
SELECT status, severity, direction, baseline, observed, summary FROM pulse.incident WHERE relation = 'dock.journal' ORDER BY id;
DELETE FROM pulse.monitor;

-- ---- empty each weekend: alarms at first, then learnt; an emptiness that lasts is found ----
CREATE TABLE dock.shift (at timestamptz);
SET pulse.now = '1996-04-01';
SELECT pulse_monitor_table('dock.shift', every => '6 hours', checks => '[{"type": "volume"}, {"type": "freshness", "column": "at"}]') > 0 AS made;
CREATE FUNCTION dock.week(start date, closed boolean DEFAULT false) RETURNS TABLE (monday date, "check" text, bad bigint) LANGUAGE plpgsql AS $$
DECLARE moment timestamptz;
BEGIN
    FOR moment IN SELECT start + i * interval '6 hours' FROM generate_series(0, 27) AS i LOOP
        TRUNCATE dock.shift;
        IF NOT closed AND extract(isodow FROM moment) < 6 THEN
            INSERT INTO dock.shift SELECT moment - g * interval '1 minute' FROM generate_series(1, 300) AS g;
        END IF;
        PERFORM dock.check_at(moment, 'dock.shift');
    END LOOP;
    RETURN QUERY SELECT start, k.kind, count(*) FILTER (WHERE r.status = 'bad') FROM pulse.monitor_check AS k JOIN pulse.check_result AS r ON r.check_id = k.id
        WHERE r.at >= start AND r.at < start + 7 GROUP BY k.kind ORDER BY 2 DESC;
END $$;
SELECT w.* FROM generate_series('1996-04-01'::date, '1996-05-06', '7 days') AS m, dock.week(m::date) AS w;
SELECT count(*) AS open FROM pulse.incident WHERE relation = 'dock.shift' AND status = 'open';
SELECT * FROM dock.week('1996-05-13', true);
SELECT * FROM dock.week('1996-05-20', true);
DELETE FROM pulse.monitor;

-- ---- NaN is missing, and in no range ----
CREATE TABLE dock.reading (a float8, b numeric, c real, d int);
INSERT INTO dock.reading SELECT g, g, g, g FROM generate_series(1, 96) AS g;
INSERT INTO dock.reading SELECT 'NaN', 'NaN', 'NaN', 5 FROM generate_series(1, 3);
INSERT INTO dock.reading VALUES (NULL, NULL, NULL, NULL);
RESET pulse.now;
SELECT pulse_monitor_table('dock.reading', checks => '[{"type": "null_rate", "column": "a"}, {"type": "null_rate", "column": "b", "max": 0.05}, {"type": "null_rate", "column": "d", "max": 0.5},
    {"type": "range", "column": "a", "min": 0}, {"type": "range", "column": "b", "max": 200}, {"type": "range", "column": "c", "min": 0, "max": 96},
    {"type": "range", "column": "d", "min": 0}, {"type": "accepted_values", "column": "c", "values": [1, "NaN"], "share": 1}]') > 0 AS made;
SELECT "check", status, observed, message FROM pulse_check_tables('dock.reading');

SET client_min_messages = warning;
DELETE FROM pulse.monitor;
DROP SCHEMA dock CASCADE;
