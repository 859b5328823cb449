-- The life cycle of incidents, and the actions of a person.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET pulse.now = '2015-05-01';

CREATE SCHEMA drift_life;
CREATE TABLE drift_life.users (id bigint PRIMARY KEY);
SELECT pulse_create_segment('life', '{"from": "drift_life.users", "key": "id"}') IS NOT NULL AS made;

-- Imports a day's size and checks it on that day.
CREATE PROCEDURE drift_life.day(at timestamptz, size bigint) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pulse.now', at::text, false), set_config('client_min_messages', 'warning', true);
    INSERT INTO pulse.snapshot (segment_id, taken_at, version, origin, size, converted)
    SELECT id, at, 1, 'imported', day.size, day.size / 10 FROM pulse.segment WHERE name = 'life';
    PERFORM pulse_check_drift('life');
END $$;
CREATE VIEW drift_life.timeline AS
    SELECT e.at::date AS at, e.kind, e.actor = current_user AS by_me, e.severity, e.note
    FROM pulse.incident_event e JOIN pulse.incident i ON i.id = e.incident_id WHERE i.segment = 'life' ORDER BY e.id;
CREATE VIEW drift_life.state AS
    SELECT status, severity, baseline, observed, change, opened_at::date, closed_at::date, ignored_until::date
    FROM pulse.incident WHERE segment = 'life' ORDER BY id;
CREATE FUNCTION drift_life.it() RETURNS bigint LANGUAGE sql AS
    $$SELECT max(id) FROM pulse.incident WHERE segment = 'life'$$;

-- The error of a statement, without ids.
CREATE FUNCTION drift_life.error(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    hint text;
BEGIN
    EXECUTE sql;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, regexp_replace(SQLERRM, '[0-9]+', 'N', 'g'), nullif(detail, ''), nullif(hint, ''));
END $$;

-- Three quiet weeks come first.
INSERT INTO pulse.snapshot (segment_id, taken_at, version, origin, size, converted)
SELECT id, '2015-03-11'::timestamptz + d * interval '1 day', 1, 'imported', 10000 + d % 3 * 10 - 10, 1000
FROM pulse.segment, generate_series(0, 20) d WHERE name = 'life';

-- It opens once, worsens and eases in place, and closes after two normal days.
CALL drift_life.day('2015-04-01', 10000);
CALL drift_life.day('2015-04-02', 10010);
CALL drift_life.day('2015-04-03', 9990);
CALL drift_life.day('2015-04-04', 8000);
CALL drift_life.day('2015-04-05', 5800);
CALL drift_life.day('2015-04-06', 8000);
SELECT * FROM drift_life.state;
CALL drift_life.day('2015-04-07', 10000);
CALL drift_life.day('2015-04-08', 10000);
SELECT * FROM drift_life.state;
SELECT * FROM drift_life.timeline;

-- The same drift within three days reopens the incident.
CALL drift_life.day('2015-04-09', 5800);
SELECT status, opened_at, closed_at FROM drift_life.state;

-- Acknowledged; a second call adds a note.
SELECT pulse_acknowledge_incident(drift_life.it(), 'looking');
SELECT pulse_acknowledge_incident(drift_life.it());
CALL drift_life.day('2015-04-10', 5800);
SELECT status FROM drift_life.state;

-- Resolved while the drift persists: the next snapshot reopens it.
SELECT pulse_resolve_incident(drift_life.it(), 'fixed upstream');
SELECT status, closed_at FROM drift_life.state;
SELECT resolved_by = current_user AS by_me FROM pulse.incident WHERE id = drift_life.it();
SELECT count(*) FROM pulse_check_drift('life');
CALL drift_life.day('2015-04-11', 5800);
SELECT status, closed_at FROM drift_life.state;

-- Ignored for two days: muted, then open again.
SELECT pulse_ignore_incident(drift_life.it(), '2015-04-13 12:00+00', 'known campaign');
CALL drift_life.day('2015-04-12', 5000);
CALL drift_life.day('2015-04-13', 5000);
SELECT * FROM drift_life.state;
CALL drift_life.day('2015-04-14', 5000);
SELECT * FROM drift_life.state;
SELECT * FROM drift_life.timeline OFFSET 5;

-- The new size is declared normal.
SELECT pulse_resolve_incident(drift_life.it(), new_normal => true, note => 'smaller on purpose');
SELECT baseline_from::date FROM pulse.segment WHERE name = 'life';
CALL drift_life.day('2015-04-15', 5000);
CALL drift_life.day('2015-04-16', 5000);
SELECT status, closed_at FROM drift_life.state;

-- A value that alternates around the threshold, 16 % and 14 % below, does not flap.
SELECT pulse_create_segment('flap', '{"from": "drift_life.users", "key": "id"}') IS NOT NULL AS made;
INSERT INTO pulse.snapshot (segment_id, taken_at, version, origin, size)
SELECT id, '2015-04-01'::timestamptz + d * interval '1 day', 1, 'imported',
       CASE WHEN d < 7 THEN 10000 WHEN d % 2 = 1 THEN 8400 ELSE 8600 END
FROM pulse.segment, generate_series(-21, 12) d WHERE name = 'flap';
SELECT detector, severity, baseline, observed, change FROM pulse_check_drift('flap');
SELECT i.status, e.at, e.kind, e.severity FROM pulse.incident i JOIN pulse.incident_event e ON e.incident_id = i.id
WHERE i.segment = 'flap' ORDER BY e.id;
-- Seven snapshots without worsening: the new size is normal, and the incident says so.
INSERT INTO pulse.snapshot (segment_id, taken_at, version, origin, size)
SELECT id, '2015-04-01'::timestamptz + d * interval '1 day', 1, 'imported', CASE WHEN d % 2 = 1 THEN 8400 ELSE 8600 END
FROM pulse.segment, generate_series(13, 20) d WHERE name = 'flap';
SET pulse.now = '2015-05-01';
SELECT detector FROM pulse_check_drift('flap');
SELECT i.status, i.resolved_by, e.at, e.kind, e.note FROM pulse.incident i JOIN pulse.incident_event e ON e.incident_id = i.id
WHERE i.segment = 'flap' ORDER BY e.id DESC LIMIT 1;
SELECT r.detector, r.status, r.settled, r.steady_count, round(r.worst_change::numeric, 2) AS worst_change FROM pulse.incident_record r
JOIN pulse.segment s ON s.id = r.segment_id WHERE s.name = 'flap';
SELECT pulse_delete_segment('flap', confirm => true);

-- Compared with a pinned snapshot instead.
SELECT pulse_pin_baseline('life', (SELECT p.id FROM pulse.snapshot p JOIN pulse.segment s ON s.id = p.segment_id
                                   WHERE s.name = 'life' AND p.taken_at = '2015-04-01')) IS NOT NULL AS pinned;
CALL drift_life.day('2015-04-22', 5000);
SELECT baseline_kind, baseline, observed FROM pulse.incident WHERE id = drift_life.it();
SELECT pulse_unpin_baseline('life'), pulse_unpin_baseline('life');
SELECT pulse_pin_baseline('life') = (SELECT max(p.id) FROM pulse.snapshot p JOIN pulse.segment s ON s.id = p.segment_id
                                     WHERE s.name = 'life') AS newest;
SELECT pulse_unpin_baseline('life');

-- Ignored permanently.
SELECT pulse_ignore_incident(drift_life.it());
CALL drift_life.day('2015-04-23', 1000);
SELECT status, ignored_until FROM drift_life.state;
SELECT count(*) FROM pulse_check_drift('life');

-- Back-test: the incidents under other thresholds; it writes nothing.
SELECT detector, severity, opened_at::date, closed_at::date, change FROM pulse_backtest('life');
SELECT detector, severity, opened_at::date, closed_at::date, change FROM pulse_backtest('life', '{"sizeChangePercent": 0.3}');
SELECT detector FROM pulse_backtest('life', '{"sizeChangePercent": 1, "slowErosion": 1}');
SELECT count(*) FROM pulse.incident WHERE segment = 'life';

-- Errors.
SELECT pulse_acknowledge_incident(NULL);
SELECT pulse_acknowledge_incident(0);
SELECT drift_life.error('SELECT pulse_acknowledge_incident(drift_life.it())');
SELECT pulse_resolve_incident(9223372036854775807);
SELECT pulse_resolve_incident(drift_life.it());
SELECT drift_life.error('SELECT pulse_resolve_incident(drift_life.it())');
SELECT drift_life.error('SELECT pulse_ignore_incident(drift_life.it())');
CALL drift_life.day('2015-04-24', 1000);
SELECT pulse_ignore_incident(drift_life.it(), '2015-04-24');
SELECT pulse_ignore_incident(NULL);
SELECT pulse_pin_baseline(NULL);
SELECT pulse_pin_baseline('life', 0);
SELECT pulse_pin_baseline('no such segment');
SELECT pulse_unpin_baseline(NULL);
SELECT pulse_backtest(NULL);
SELECT pulse_backtest('no such segment');
SELECT pulse_backtest('life', '{"sizes": 1}');
SELECT pulse_backtest('life', '{"sizeChangePercent": 15}');
SELECT pulse_backtest('life', '[]');
INSERT INTO pulse.snapshot (segment_id, taken_at, version, status, error_state, error)
SELECT id, '2015-04-25', 1, 'failed', '57014', 'canceling statement due to user request' FROM pulse.segment WHERE name = 'life';
SELECT drift_life.error('SELECT pulse_pin_baseline(''life'', (SELECT max(p.id) FROM pulse.snapshot p
                         JOIN pulse.segment s ON s.id = p.segment_id WHERE s.name = ''life''))');

-- A role without a level can neither check, read nor act.
CREATE ROLE drift_nobody;
CREATE ROLE drift_reader;
SELECT pulse_grant('drift_reader', 'reader');
SET ROLE drift_nobody;
SELECT * FROM pulse_check_drift();
SELECT * FROM pulse.incident;
SELECT pulse_resolve_incident(1);
SELECT pulse_backtest('life');
RESET ROLE;
SET ROLE drift_reader;
SELECT count(*) > 0 AS reads FROM pulse.incident;
SELECT count(*) > 0 AS reads FROM pulse.segment_overview;
SELECT count(*) > 0 AS reads FROM pulse.mission;
SELECT pulse_resolve_incident(1);
SELECT pulse_pin_baseline('life');
RESET ROLE;

SET client_min_messages = warning;
SELECT pulse_revoke('drift_reader');
DROP ROLE drift_nobody;
DROP ROLE drift_reader;
SELECT pulse_delete_segment('life', confirm => true);
DROP SCHEMA drift_life CASCADE;
