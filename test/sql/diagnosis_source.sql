-- Diagnosis: what the snapshots leave open is asked of the source, with the rights of the definition's role.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';

CREATE SCHEMA dy;
CREATE TABLE dy.users (user_id bigint PRIMARY KEY, plan text, platform text, country text, device text, active boolean);
INSERT INTO dy.users
SELECT i, (ARRAY['pro', 'pro', 'free'])[1 + i % 3], (ARRAY['ios', 'android'])[1 + i / 3 % 2],
       (ARRAY['DE', 'DE', 'FR'])[1 + i / 6 % 3], (ARRAY['phone', 'phone', 'tablet'])[1 + i / 18 % 3], true
FROM generate_series(1, 5400) AS i;
SELECT pulse_create_segment('dy pro', '{"from": "dy.users", "key": "user_id", "where": "plan = \"pro\" && active = true",
    "attributes": ["country"]}') > 0 AS made;
SELECT pulse_create_segment('dy all', '{"from": "dy.users", "key": "user_id", "where": "active = true",
    "attributes": ["platform", "country", "device"]}') > 0 AS made;

SET client_min_messages = warning;
CREATE FUNCTION dy.day(day date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pulse.now', day::text, false);
    PERFORM pulse_take_snapshot(name), pulse_check_drift(name) FROM pulse.segment WHERE name LIKE 'dy %' ORDER BY name;
END $$;
CREATE FUNCTION dy.first(segment text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT pulse_diagnose_incident(min(id)) -> 'hypotheses' -> 0 FROM pulse.incident AS i
    WHERE i.segment = first.segment AND i.detector = 'size_change';
$$;
SELECT count(dy.day(d::date)) AS days FROM generate_series('2016-03-01'::date, '2016-03-09', '1 day') AS d;

-- The rule's own column is no attribute: its values are read all the same, and those of few people are not.
UPDATE dy.users SET plan = CASE WHEN user_id < 12 THEN 'secret' ELSE 'Pro' END WHERE plan = 'pro';
SELECT dy.day('2016-03-10');
SELECT h ->> 'cause' AS cause, h ->> 'attribute' AS attribute, h -> 'values' AS old, h -> 'replacements' AS new, h ->> 'sentence' AS sentence
FROM dy.first('dy pro') AS h;
SELECT d ->> 'priority' AS priority, regexp_replace(d ->> 'sql', 'incident\(\d+', 'incident(N') AS sql FROM pulse.incident AS i, pulse_diagnose_incident(i.id) AS j,
    jsonb_array_elements(j -> 'recommendations') AS d WHERE i.segment = 'dy pro' AND i.detector = 'size_change';
SELECT count(*) AS told FROM pulse.incident AS i, pulse_explain_incident(i.id) AS e
WHERE i.segment LIKE 'dy %' AND e LIKE '%secret%';
UPDATE dy.users SET plan = 'pro' WHERE plan <> 'free';
SELECT dy.day('2016-03-11');

-- Two attributes together: much of android is lost, and half of DE, but all of android in DE.
CREATE TABLE dy.lost AS SELECT * FROM dy.users WHERE platform = 'android' AND country = 'DE';
DELETE FROM dy.users WHERE platform = 'android' AND country = 'DE';
SELECT dy.day('2016-03-12');
SELECT h ->> 'cause' AS cause, h -> 'conditions' AS conditions, h ->> 'sentence' AS sentence FROM dy.first('dy all') AS h;
SELECT d ->> 'priority' AS priority, regexp_replace(d ->> 'sql', 'incident\(\d+', 'incident(N') AS sql FROM pulse.incident AS i, pulse_diagnose_incident(i.id) AS j,
    jsonb_array_elements(j -> 'recommendations') AS d WHERE i.segment = 'dy all' AND i.detector = 'size_change';

-- When time runs out, for one incident or for all of a call, the diagnosis names the questions it did not ask. The rest is as before.
CREATE FUNCTION dy.unasked() RETURNS TABLE (cause text, not_asked jsonb) LANGUAGE sql AS $$
    SELECT d -> 'hypotheses' -> 0 ->> 'cause', d -> 'not_asked' FROM (SELECT pulse_diagnose_incident(min(id)) AS d FROM pulse.incident
    WHERE segment = 'dy all' AND detector = 'size_change') AS x $$;
SELECT * FROM dy.unasked();
SET pulse.diagnosis_timeout = 0;
SELECT * FROM dy.unasked();
SELECT e FROM pulse.incident AS i, pulse_explain_incident(i.id) AS e WHERE i.segment = 'dy all' AND i.detector = 'size_change' AND e LIKE '%Not asked%';
RESET pulse.diagnosis_timeout;
SET pulse.diagnosis_total_timeout = 0;
SELECT * FROM dy.unasked();
SELECT count(*) > 0 AS diagnosed FROM pulse_diagnose_incidents();
SELECT r.diagnosis -> 'not_asked' AS not_asked FROM pulse.incident_record AS r JOIN pulse.incident AS i USING (id)
WHERE i.segment = 'dy all' AND i.detector = 'size_change';
RESET pulse.diagnosis_total_timeout;
-- A source that does not answer: a function of the definition that ends only when it is cancelled.
CREATE TABLE dy.stuck (now boolean);
CREATE FUNCTION dy.pass(boolean) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN WHILE EXISTS (SELECT FROM dy.stuck) LOOP NULL; END LOOP; RETURN $1; END $$;
ALTER TABLE dy.users RENAME TO people;
CREATE VIEW dy.users AS SELECT user_id, plan, platform, country, device, dy.pass(active) AS active FROM dy.people;
INSERT INTO dy.stuck VALUES (true);
SET pulse.diagnosis_timeout = 50;
SELECT * FROM dy.unasked();
-- A cancel of the statement is not taken for the end of that time.
SET pulse.diagnosis_timeout = '10min';
SET statement_timeout = 100;
\set SHOW_CONTEXT never
SELECT * FROM dy.unasked();
RESET statement_timeout;
\set SHOW_CONTEXT errors
RESET pulse.diagnosis_timeout;
DROP VIEW dy.users;
ALTER TABLE dy.people RENAME TO users;
\set VERBOSITY sqlstate
SET pulse.diagnosis_timeout = -1;
\set VERBOSITY default

-- A reader needs no rights on the table.
CREATE ROLE dy_reader;
SELECT pulse_grant('dy_reader', 'people_reader');
GRANT USAGE ON SCHEMA dy TO dy_reader;
SET ROLE dy_reader;
SELECT h ->> 'cause' AS cause FROM dy.first('dy all') AS h;
SELECT count(*) FROM dy.users;
RESET ROLE;
SELECT pulse_revoke('dy_reader');
REVOKE USAGE ON SCHEMA dy FROM dy_reader;
DROP ROLE dy_reader;

-- Three together.
INSERT INTO dy.users SELECT * FROM dy.lost;
SELECT dy.day('2016-03-13');
DELETE FROM dy.users WHERE platform = 'ios' AND country = 'DE' AND device = 'phone';
SELECT dy.day('2016-03-14');
SELECT h ->> 'cause' AS cause, h -> 'conditions' AS conditions FROM dy.first('dy all') AS h;

-- The source is no longer as it was measured, then gone: the diagnosis does without it.
DELETE FROM dy.users WHERE platform = 'android' AND user_id % 2 = 0;
SELECT h ->> 'cause' AS cause FROM dy.first('dy all') AS h;
DROP TABLE dy.users;
SELECT h ->> 'cause' AS cause FROM dy.first('dy all') AS h;
BEGIN READ ONLY;
SELECT count(*) > 5 AS told FROM pulse.incident AS i, pulse_explain_incident(i.id) WHERE i.segment = 'dy all';
COMMIT;

-- A column is renamed, an attribute is dropped, the table is renamed: each is named, and the statement repairs the segment.
CREATE TABLE dy.clients (id bigint PRIMARY KEY, region text, tier text, shoe_size int);
INSERT INTO dy.clients SELECT i, 'r' || i % 3, 't' || i % 4, 40 FROM generate_series(1, 800) AS i;
SET pulse.now = '2016-05-01';
SELECT pulse_create_segment('dz clients', '{"from": "dy.clients", "key": "id", "where": "tier != \"t0\"", "attributes": ["region", "tier"]}') > 0 AS made;
SELECT pulse_create_segment('dz others', '{"from": "dy.clients", "key": "id", "where": "tier = \"t0\""}') > 0 AS made;
CREATE FUNCTION dy.repair(day date) RETURNS TABLE (cause text, sentence text, advice text) LANGUAGE plpgsql AS $$
DECLARE found jsonb;
BEGIN
    PERFORM set_config('pulse.now', day::text, false);
    PERFORM pulse_take_snapshots(), pulse_check_drift('dz clients'), pulse_check_drift('dz others');
    SELECT pulse_diagnose_incident(max(i.id)) INTO found FROM pulse.incident AS i WHERE i.segment = 'dz clients' AND i.status = 'open';
    RETURN QUERY SELECT found -> 'hypotheses' -> 0 ->> 'cause', found -> 'hypotheses' -> 0 ->> 'sentence', found -> 'recommendations' -> 0 ->> 'action';
    EXECUTE found -> 'recommendations' -> 0 ->> 'sql';
    PERFORM set_config('pulse.now', (day + 1)::text, false);
    PERFORM pulse_take_snapshots(), pulse_check_drift('dz clients');
END $$;
SELECT status FROM pulse_take_snapshots() WHERE segment = 'dz clients';
ALTER TABLE dy.clients RENAME COLUMN tier TO level;
SELECT * FROM dy.repair('2016-05-02');
-- The other segment over the table has the same cause.
SELECT count(*) AS diagnosed FROM pulse_diagnose_incidents() WHERE segment LIKE 'dz %';
SELECT count(*) AS incidents, count(DISTINCT group_id) AS groups, count(group_id) AS grouped FROM pulse.incident WHERE segment LIKE 'dz %';
ALTER TABLE dy.clients DROP COLUMN region;
SELECT * FROM dy.repair('2016-05-04');
ALTER TABLE dy.clients RENAME TO customers;
SELECT * FROM dy.repair('2016-05-06');
SELECT status, size FROM pulse.snapshot WHERE segment_id = (SELECT id FROM pulse.segment WHERE name = 'dz clients') ORDER BY taken_at;
SELECT definition FROM pulse.segment WHERE name = 'dz clients';

SELECT count(pulse_delete_segment(name, confirm => true)) AS deleted FROM pulse.segment WHERE name LIKE 'dy %' OR name LIKE 'dz %';
DROP SCHEMA dy CASCADE;
RESET client_min_messages;
RESET pulse.now;
