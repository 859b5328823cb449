-- Snapshots without what cannot be measured any more: everything else is, the gap is named and reported, and it closes by itself.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';

CREATE SCHEMA sp;
CREATE TABLE sp.users (id bigint PRIMARY KEY, tier text, region text, "Größe, ""cm""" int, paid boolean, seen timestamptz);
INSERT INTO sp.users SELECT i, 't' || i % 4, 'r' || i % 3, 150 + i % 50, i % 5 = 0, '2016-04-01'::timestamptz - (i % 20) * interval '1 day'
FROM generate_series(1, 4000) AS i;
SELECT pulse_create_segment('sp users', '{"from": "sp.users", "key": "id", "where": "tier != \"t0\"", "converted": "paid",
    "last_active": "seen", "attributes": ["region", "Größe, \"cm\"", "tier"]}') > 0 AS made;
SELECT pulse_create_segment('sp all', '{"query": "SELECT * FROM sp.users", "key": "id", "attributes": ["region"]}') > 0 AS made;

CREATE FUNCTION sp.day(day date) RETURNS TABLE (segment text, status text, size bigint, error text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pulse.now', day::text, false);
    RETURN QUERY SELECT t.segment, t.status, t.size, t.error FROM pulse_take_snapshots() AS t WHERE t.segment LIKE 'sp %' ORDER BY 1;
    PERFORM pulse_check_drift(name) FROM pulse.segment WHERE name LIKE 'sp %';
END $$;
CREATE VIEW sp.newest AS SELECT g.name, s.status, s.size, s.converted, s.inactive, s.exited, s.missing, s.error_state, s.error,
    (SELECT array_agg(d.attribute ORDER BY d.attribute) FROM pulse.distribution AS d WHERE d.snapshot_id = s.id) AS measured
FROM pulse.segment AS g CROSS JOIN LATERAL (SELECT * FROM pulse.snapshot AS p WHERE p.segment_id = g.id ORDER BY p.taken_at DESC LIMIT 1) AS s
WHERE g.name LIKE 'sp %';
CREATE VIEW sp.trouble AS SELECT segment, detector, attribute, severity, status, summary FROM pulse.incident WHERE segment LIKE 'sp %';
SET client_min_messages = warning;
SELECT count(*) AS taken FROM generate_series('2016-03-01'::date, '2016-03-08', '1 day') AS d, sp.day(d::date);

-- An attribute is dropped: both segments are measured without it.
ALTER TABLE sp.users DROP COLUMN region;
SELECT * FROM sp.day('2016-03-09');
SELECT * FROM sp.newest ORDER BY name;
SELECT * FROM sp.trouble ORDER BY segment, detector, attribute;
SELECT segment, state, size FROM pulse.segment_overview WHERE segment LIKE 'sp %' ORDER BY 1;
-- It is explained by name, with the statement; both incidents over the table have one cause.
SELECT i.segment, h -> 0 ->> 'cause' AS cause, h -> 0 ->> 'sentence' AS sentence, d -> 'recommendations' -> 0 ->> 'action' AS action,
    d -> 'recommendations' -> 0 ->> 'sql' AS sql
FROM pulse.incident AS i, pulse_diagnose_incident(i.id) AS d, LATERAL (SELECT d -> 'hypotheses') AS x (h) WHERE i.segment = 'sp users';
SELECT item, value FROM pulse_explain_segment('sp users') WHERE item IN ('not measured', 'error');
SELECT change, members FROM pulse_preview_segment_change('sp users', '{"from": "sp.users", "key": "id", "attributes": []}', 0);

-- It stays one incident for as long as it lasts, and the other detectors go on.
UPDATE sp.users SET "Größe, ""cm""" = NULL WHERE id % 2 = 0;
SELECT * FROM sp.day('2016-03-10');
SELECT detector, attribute, status FROM sp.trouble WHERE segment = 'sp users' ORDER BY 1, 2;
SET client_min_messages = error;
SELECT count(*) AS taken FROM generate_series('2016-03-11'::date, '2016-03-20', '1 day') AS d, sp.day(d::date);
SELECT detector, status FROM sp.trouble WHERE segment = 'sp users' AND detector = 'schema_change';

-- Conversion and activity, renamed and of another type: each is named, and nothing is guessed from what is left.
ALTER TABLE sp.users RENAME COLUMN paid TO has_paid;
ALTER TABLE sp.users ALTER COLUMN seen TYPE text;
ALTER TABLE sp.users ALTER COLUMN "Größe, ""cm""" TYPE jsonb USING to_jsonb("Größe, ""cm""");
SELECT * FROM sp.day('2016-03-21');
SELECT * FROM sp.newest WHERE name = 'sp users';
DELETE FROM sp.users WHERE id % 10 < 4;
SELECT segment, status, size FROM sp.day('2016-03-22');
SELECT detector FROM sp.trouble WHERE segment = 'sp users' AND status = 'open' ORDER BY 1;

-- A reader sees what is missing, not the text.
CREATE ROLE sp_reader;
SELECT pulse_grant('sp_reader', 'reader');
SET ROLE sp_reader;
SELECT s.missing FROM pulse.snapshot AS s WHERE s.missing IS NOT NULL ORDER BY s.id DESC LIMIT 1;
SELECT s.error FROM pulse.snapshot AS s LIMIT 1;
RESET ROLE;
SELECT pulse_revoke('sp_reader');
DROP ROLE sp_reader;

-- The columns come back: it heals by itself.
ALTER TABLE sp.users RENAME COLUMN has_paid TO paid;
ALTER TABLE sp.users ALTER COLUMN seen TYPE timestamptz USING seen::timestamptz;
ALTER TABLE sp.users ALTER COLUMN "Größe, ""cm""" TYPE int USING ("Größe, ""cm""" #>> '{}')::int;
ALTER TABLE sp.users ADD COLUMN region text;
UPDATE sp.users SET region = 'r' || id % 3;
SET client_min_messages = warning;
SELECT count(*) AS taken FROM generate_series('2016-03-23'::date, '2016-03-28', '1 day') AS d, sp.day(d::date);
SELECT * FROM sp.newest ORDER BY name;
SELECT segment, status FROM sp.trouble WHERE detector = 'schema_change' ORDER BY 1;

-- What the rule or the key needs still fails the snapshot, and so does a dropped table.
ALTER TABLE sp.users RENAME COLUMN tier TO level;
SELECT * FROM sp.day('2016-03-29');
SELECT name, status, missing, error FROM sp.newest ORDER BY name;
ALTER TABLE sp.users RENAME COLUMN level TO tier;
ALTER TABLE sp.users RENAME COLUMN id TO user_id;
SELECT segment, status FROM sp.day('2016-03-30');
DROP TABLE sp.users;
SELECT segment, status FROM sp.day('2016-03-31');

SELECT count(pulse_delete_segment(name, confirm => true)) AS deleted FROM pulse.segment WHERE name LIKE 'sp %';
DROP SCHEMA sp CASCADE;
RESET client_min_messages;
RESET pulse.now;
