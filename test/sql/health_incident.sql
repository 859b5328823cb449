-- The life cycle of a table's incidents, one per cause, and their effect on a segment's diagnosis.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
CREATE SCHEMA mill;
CREATE TABLE mill.orders (id bigint PRIMARY KEY, user_id int, status text, created_at timestamptz);
CREATE INDEX orders_created_at ON mill.orders (created_at);
CREATE TABLE mill.refunds (id bigint, created_at timestamptz);
CREATE INDEX refunds_created_at ON mill.refunds (created_at);
-- Orders arrive every four minutes by day, every twenty at night and at weekends, until Monday 1996-02-12 06:00.
INSERT INTO mill.orders SELECT row_number() OVER (), i % 500, 'paid', t FROM (
    SELECT i, '1996-01-01'::timestamptz + i * interval '4 minutes' AS t FROM generate_series(0, 16000) AS i) AS s
WHERE t < '1996-02-12 06:00' AND (extract(hour FROM t) BETWEEN 7 AND 21 AND extract(isodow FROM t) < 6 OR i % 5 = 0);
INSERT INTO mill.refunds SELECT i, '1996-01-01'::timestamptz + i * interval '1 hour' FROM generate_series(0, 2000) AS i;
ANALYZE mill.orders, mill.refunds;

CREATE FUNCTION check_at(moment timestamptz) RETURNS TABLE (relation text, "check" text, status text, incident bigint, message text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pulse.now', moment::text, false);
    RETURN QUERY SELECT c.relation, c."check", c.status, c.incident, c.message FROM pulse_check_tables() AS c;
END $$;

-- The arrival pattern is learnt: nights and weekends raise no alarm, missing rows on a working morning do.
SET pulse.now = '1996-02-03';
SELECT pulse_monitor_table('mill.orders', every => '30 minutes', checks => '[{"type": "freshness"}, {"type": "null_rate", "column": "status"}]') > 0 AS made;
SELECT string_agg(DISTINCT c.status, ' ') AS nine_days FROM generate_series('1996-02-03'::timestamptz, '1996-02-12 06:00', '30 minutes') AS m, check_at(m) AS c;
SELECT relation, "check", status, incident IS NOT NULL AS incident, message FROM check_at('1996-02-12 07:00');
SELECT relation, "check", status, incident IS NOT NULL AS incident, message FROM check_at('1996-02-12 08:30');
SELECT relation, "check", status, incident IS NOT NULL AS incident, message FROM check_at('1996-02-12 09:00');
SELECT segment, relation, source, detector, attribute, severity, status, baseline, observed, change, since, opened_at, summary FROM pulse.incident \gx
-- It worsens over time and stays one incident.
SELECT count(*) FROM generate_series('1996-02-12 09:30'::timestamptz, '1996-02-12 20:00', '30 minutes') AS m, check_at(m);
SELECT count(*), max(severity), max(summary) FROM pulse.incident;
SELECT e.at, e.kind, e.actor, e.note FROM pulse.incident_event AS e ORDER BY e.id;
SELECT "table", state, incidents, worst, what FROM pulse.table_overview;
SELECT min(id) AS late FROM pulse.incident \gset
SELECT pulse_acknowledge_incident(:late, 'looking');
SELECT regexp_replace(explanation, '(Incident |incident\()\d+', '\1N') AS explanation FROM pulse_explain_incident(:late);
SELECT jsonb_object_keys(pulse_diagnose_incident(:late)) AS key;
-- Rows arrive again: it closes after two good checks, and later reopens instead of a new incident.
INSERT INTO mill.orders SELECT 100000 + i, i, 'paid', '1996-02-12 20:00'::timestamptz + i * interval '4 minutes' FROM generate_series(0, 30) AS i;
SELECT "check", status FROM check_at('1996-02-12 21:00');
SELECT status FROM pulse.incident;
SELECT "check", status FROM check_at('1996-02-12 21:30');
SELECT status, resolved_by, closed_at FROM pulse.incident;
SELECT count(*) FROM generate_series('1996-02-13 08:00'::timestamptz, '1996-02-13 12:00', '30 minutes') AS m, check_at(m);
SELECT id = :late AS same, status FROM pulse.incident;
-- Ignored: nothing opens meanwhile. Resolved by a person: the next check reopens it if the problem persists.
SELECT pulse_ignore_incident(:late, '1996-02-14', 'known');
SELECT "check", status FROM check_at('1996-02-13 12:30');
SELECT status FROM pulse.incident;
SELECT "check", status FROM check_at('1996-02-14 08:30');
SELECT status FROM pulse.incident;
SELECT pulse_resolve_incident(:late);
SELECT "check", status FROM check_at('1996-02-14 09:00');
SELECT status FROM pulse.incident;

-- Muted: checks continue, and incidents open only afterwards.
SELECT pulse_resolve_incident(:late, 'for the window');
SELECT pulse_mute('mill.orders', '1996-02-14 12:00'::timestamptz, 'reload') > 0 AS muted;
SELECT DISTINCT status FROM generate_series('1996-02-14 10:00'::timestamptz, '1996-02-14 11:30', '30 minutes') AS m, check_at(m) WHERE "check" ~ 'freshness';
SELECT status FROM pulse.incident;
SELECT "check", status FROM check_at('1996-02-14 12:00');
SELECT status FROM pulse.incident;

-- Several tables of one source are late at the same time: the load is the likeliest cause.
SELECT pulse_monitor_table('mill.refunds', checks => '[{"type": "freshness", "max_age": "3 hours"}]') > 0 AS made;
SET pulse.now = '1996-02-15 00:00';
DELETE FROM mill.refunds WHERE created_at > '1996-02-12 22:30';
SELECT relation, status FROM pulse_check_tables('mill.refunds');
SELECT relation, status, message FROM pulse_check_tables('mill.refunds');
SELECT i.relation, e.explanation FROM pulse.incident AS i, pulse_explain_incident(i.id) AS e WHERE i.relation = 'mill.refunds' AND e.explanation ~ '1\. |late';

-- The weekly pattern is learnt, and the next check detects a sudden loss. The history: 10,000 rows on working days, otherwise 4,000.
CREATE TABLE mill.daily (id int PRIMARY KEY, status text);
INSERT INTO mill.daily SELECT i, 'x' FROM generate_series(1, 4000) AS i;
SET pulse.now = '1996-02-11 10:00';
SELECT pulse_monitor_table('mill.daily', every => '1 hour', checks => '[{"type": "volume", "after": 1}, {"type": "null_rate", "column": "status", "after": 1}]') > 0 AS made;
INSERT INTO pulse.check_result (check_id, at, status, observed)
SELECT c.id, m, 'ok', CASE WHEN extract(isodow FROM m) < 6 THEN 10000 ELSE 4000 END + (extract(epoch FROM m)::bigint / 3600 * 7919) % 97
FROM pulse.monitor_check AS c JOIN pulse.monitor AS t ON t.id = c.monitor_id AND t.relation = 'mill.daily',
     generate_series('1996-01-10'::timestamptz, '1996-02-11 09:00', '1 hour') AS m WHERE c.kind = 'volume';
SELECT "check", status, expected, message FROM pulse_check_tables('mill.daily');
-- On Monday the same 4,000 rows are far too few.
SET pulse.now = '1996-02-12 10:00';
INSERT INTO mill.daily SELECT i, 'x' FROM generate_series(4001, 10000) AS i;
SELECT "check", status, message FROM pulse_check_tables('mill.daily') WHERE "check" = 'volume';
SET pulse.now = '1996-02-12 11:00';
DELETE FROM mill.daily WHERE id > 5800;
SELECT "check", status, message, incident IS NOT NULL AS incident FROM pulse_check_tables('mill.daily') WHERE "check" = 'volume';
SELECT severity, direction, baseline_kind, summary FROM pulse.incident WHERE relation = 'mill.daily';

-- An empty table is critical. Its other incidents, and those of the segments that read it, join the group.
SET pulse.now = '1996-02-12 11:30';
SELECT pulse_create_segment('Buyers', '{"from": "mill.daily", "key": "id", "attributes": ["status"]}') > 0 AS made,
       pulse_create_segment('Buyers by query', '{"query": "SELECT id, status FROM mill.daily WHERE id > 0", "key": "id", "attributes": ["status"]}') > 0 AS query;
INSERT INTO mill.daily SELECT i, 'x' FROM generate_series(5801, 10000) AS i;
SELECT count(*) FROM generate_series('1996-02-01'::timestamptz, '1996-02-12 00:00', '1 day') AS m, LATERAL (SELECT set_config('pulse.now', m::text, false)) AS s,
    LATERAL (SELECT m, pulse_take_snapshot('Buyers'), pulse_take_snapshot('Buyers by query')) AS t;
SET pulse.now = '1996-02-12 12:00';
SELECT "check", status FROM pulse_check_tables('mill.daily');
SET pulse.now = '1996-02-12 13:00';
SELECT "check", status FROM pulse_check_tables('mill.daily');
SELECT status FROM pulse.incident WHERE relation = 'mill.daily';
TRUNCATE mill.daily;
SET pulse.now = '1996-02-12 18:00';
SELECT "check", status, message FROM pulse_check_tables('mill.daily');
INSERT INTO mill.daily SELECT i, NULL FROM generate_series(1, 50) AS i;
SET pulse.now = '1996-02-12 19:00';
SELECT "check", status FROM pulse_check_tables('mill.daily');
SET pulse.now = '1996-02-13 00:00';
SELECT count(pulse_take_snapshot(s)) FROM unnest(ARRAY['Buyers', 'Buyers by query']) AS s;
SELECT count(*) > 0 AS found FROM pulse_check_drift();
SELECT count(DISTINCT group_id) AS groups, count(*) >= 4 AS several FROM pulse.incident WHERE status = 'open' AND (relation = 'mill.daily' OR segment ~ 'Buyers');
SELECT d.hypothesis ->> 'cause' AS cause, (d.hypothesis ->> 'confidence')::numeric > 0.8 AS sure, d.hypothesis ->> 'sentence' AS sentence
FROM pulse.incident AS i, LATERAL (SELECT pulse_diagnose_incident(i.id) -> 'hypotheses' -> 0 AS hypothesis) AS d
WHERE i.segment ~ 'Buyers' AND i.detector = 'size_change' ORDER BY i.id;
SELECT count(*) > 0 AS told FROM pulse.incident AS i, pulse_explain_incident(i.id) AS e WHERE i.segment = 'Buyers' AND e.explanation ~ 'pulse_explain_incident';
SELECT count(*) AS diagnosed, count(segment) < count(*) AS tables_too FROM pulse_diagnose_incidents();
-- The new number of rows is accepted: the history restarts.
SELECT pulse_resolve_incident(id, new_normal => true) FROM pulse.incident WHERE relation = 'mill.daily' AND detector = 'table_volume';
SET pulse.now = '1996-02-13 01:00';
SELECT "check", status, message FROM pulse_check_tables('mill.daily') WHERE "check" = 'volume';

-- Segments can be muted, too: their snapshots are checked, and nothing opens.
SELECT pulse_create_segment('Refunds', '{"from": "mill.refunds", "key": "id"}') > 0 AS made;
SELECT count(*) FROM generate_series('1996-02-20'::timestamptz, '1996-03-02', '1 day') AS m, LATERAL (SELECT set_config('pulse.now', m::text, false)) AS s,
    LATERAL (SELECT m, pulse_take_snapshot('Refunds')) AS t;
SET pulse.now = '1996-03-03';
DELETE FROM mill.refunds WHERE id > 300;
SELECT pulse_mute('Refunds', '1 day') > 0 AS muted;
SELECT count(pulse_take_snapshot('Refunds'));
SELECT detector FROM pulse_check_drift('Refunds');
SET pulse.now = '1996-03-04 12:00';
SELECT count(pulse_take_snapshot('Refunds'));
SELECT detector, change FROM pulse_check_drift('Refunds') WHERE detector = 'size_change';

-- A changed column: reported once, accepted by a person.
SELECT pulse_monitor_table('mill.refunds', checks => '[{"type": "schema"}]') > 0 AS made;
SELECT status FROM pulse_check_tables('mill.refunds');
ALTER TABLE mill.refunds RENAME created_at TO refunded_at;
SELECT status FROM pulse_check_tables('mill.refunds');
SELECT status, message FROM pulse_check_tables('mill.refunds');
SELECT severity, summary FROM pulse.incident WHERE detector = 'table_schema';
SELECT pulse_resolve_incident(id, 'meant', new_normal => true) FROM pulse.incident WHERE detector = 'table_schema';
SELECT status, message FROM pulse_check_tables('mill.refunds');
-- The freshness check was removed, and with it the incident.
SELECT status, resolved_by FROM pulse.incident WHERE relation = 'mill.refunds' AND detector = 'table_freshness';
SELECT pulse_unmonitor_table('mill.orders');
SELECT count(*) FROM pulse.incident WHERE relation = 'mill.orders' AND status = 'open';

SET client_min_messages = warning;
RESET pulse.now;
SELECT pulse_delete_segment(s, confirm => true) FROM unnest(ARRAY['Buyers', 'Buyers by query', 'Refunds']) AS s;
DELETE FROM pulse.monitor;
DELETE FROM pulse.mute;
DROP SCHEMA mill CASCADE;
DROP FUNCTION check_at;
