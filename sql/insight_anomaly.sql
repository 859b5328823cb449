-- ---------------------------------------------------------------------------------------------------------
-- Room insight: anomalies of events, as incidents of room drift.

-- Level: reader
CREATE TABLE pulse.event_check (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    checked_until timestamptz NOT NULL,
    checked_at timestamptz NOT NULL
);
COMMENT ON TABLE pulse.event_check IS 'How far pulse_check_events() has come: at most one row.';
COMMENT ON COLUMN pulse.event_check.checked_until IS 'The end of the last hour that was checked.';
COMMENT ON COLUMN pulse.event_check.checked_at IS 'When, by pulse_now().';
SELECT pg_catalog.pg_extension_config_dump('pulse.event_check', '');

-- Level: operator
CREATE FUNCTION pulse_check_events()
    RETURNS TABLE (incident bigint, event text, detector text, attribute text, severity text,
                   baseline numeric, observed numeric, change numeric, p_value double precision, summary text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_check_events';
COMMENT ON FUNCTION pulse_check_events() IS
'Checks what came since the last check: the number of events of each name and source by the hour and by the day, and what their properties are, against their own history; opens, updates and closes incidents, and returns those that are live. The detectors are event_volume (a day), event_rate (an hour), event_vanished, event_new, property_nulls and property_type; the attribute is the source, or the property. The current day is compared with the same hours of earlier days. Imports and replays, received more than a day after they happened, are left out. Errors: 55P03 another session checks events, 22023 a pulse.now in the future.';
-- Level: operator
CREATE FUNCTION pulse.check_events()
    RETURNS TABLE (incident bigint, event text, detector text, attribute text, severity text,
                   baseline numeric, observed numeric, change numeric, p_value double precision, summary text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_check_events';
COMMENT ON FUNCTION pulse.check_events() IS 'The function pulse_check_events() as Pulse itself calls it: in schema pulse, where no other role can add a function of the same name.';

-- Level: reader
CREATE FUNCTION pulse_event_anomalies(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, event text DEFAULT NULL)
    RETURNS TABLE (incident bigint, event_name text, detector text, attribute text, severity text, status text, direction text,
                   baseline numeric, observed numeric, change numeric, began_at timestamptz, opened_at timestamptz, closed_at timestamptz,
                   group_id bigint, summary text, segments text[], traits text[], flags text[])
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 50 AS 'MODULE_PATHNAME', 'pulse_event_anomalies';
COMMENT ON FUNCTION pulse_event_anomalies(timestamptz, timestamptz, text) IS
'Returns the incidents of events that were live from since (default: 7 days before until) to until (default pulse_now()), newest first, of all events or of one; with the segments, traits and flags that use the event, directly or through others. Errors: 22023 since is after until.';

-- Level: reader
CREATE FUNCTION pulse_event_anomaly_summary() RETURNS jsonb
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_event_anomaly_summary';
COMMENT ON FUNCTION pulse_event_anomaly_summary() IS
'Returns figures of the events at pulse_now(): the numbers of today and same_time_last_week (a day of pulse.timezone), last_7_days and previous_7_days (full hours), their change and trend (rising or falling from 20 %, stable, or no history), the number of live incidents by severity, checked_until, and quality of the last 7 days. Imports and replays are left out of the counts.';

REVOKE EXECUTE ON FUNCTION pulse_check_events(), pulse_event_anomalies(timestamptz, timestamptz, text), pulse_event_anomaly_summary() FROM PUBLIC;
