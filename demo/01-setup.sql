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

-- What a stretch of history brought, in one line per incident.
CREATE FUNCTION demo.story(segments text[]) RETURNS TABLE (opened date, segment text, detector text, attribute text,
                                                            severity text, status text, baseline numeric, observed numeric, change text)
LANGUAGE sql AS $$
    SELECT i.opened_at::date, i.segment, i.detector, i.attribute, i.severity, i.status, i.baseline, i.observed,
           to_char(100 * i.change, 'FMSG999,990.0') || ' %'
    FROM pulse.incident AS i
    WHERE i.segment = ANY (segments)
    ORDER BY i.opened_at, i.id
$$;
