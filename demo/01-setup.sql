-- Pulse, and a procedure that lets history happen again.
CREATE EXTENSION pulse;
CREATE SCHEMA demo;

-- Take a snapshot of each segment and check it for drift, as of one moment after the other.
CREATE PROCEDURE demo.replay(segments text[], first_day date, last_day date, step interval) LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz;
    segment text;
BEGIN
    FOR moment IN SELECT generate_series(first_day::timestamptz, last_day::timestamptz, step) LOOP
        PERFORM set_config('pulse.now', moment::text, false);
        FOREACH segment IN ARRAY segments LOOP
            PERFORM pulse_take_snapshot(segment);
            PERFORM pulse_check_drift(segment);
        END LOOP;
        COMMIT;
    END LOOP;
END $$;

-- Each incident in one line, in the order in which they were opened; the figures behind it are left to pulse.incident.
CREATE VIEW demo.story AS
SELECT i.opened_at::date AS opened, i.segment, i.severity, i.status,
       regexp_replace(i.summary, ' \(\d[^()]*expected.*$|: total variation.*$|, from [0-9.]+ % to .*$', '') AS what
FROM pulse.incident AS i ORDER BY i.opened_at, i.id;

-- How much was measured, and how quiet it was.
CREATE VIEW demo.quiet AS
SELECT s.name AS segment, n.first::date AS "from", n.last::date AS until, n.snapshots,
       (SELECT count(*) FROM pulse.incident AS i WHERE i.segment = s.name) AS incidents,
       (SELECT count(DISTINCT i.opened_at) FROM pulse.incident AS i WHERE i.segment = s.name) AS days_with_a_new_incident
FROM pulse.segment AS s, LATERAL (
    SELECT min(taken_at) AS first, max(taken_at) AS last, count(*) AS snapshots FROM pulse.snapshot WHERE segment_id = s.id) AS n
ORDER BY s.id;
