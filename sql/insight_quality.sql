-- ---------------------------------------------------------------------------------------------------------
-- Room insight: the quality of events.

-- Level: reader
CREATE TABLE pulse.event_quality_setting (
    valid_from timestamptz PRIMARY KEY,
    settings jsonb NOT NULL,
    changed_by text NOT NULL
);
COMMENT ON TABLE pulse.event_quality_setting IS 'How pulse_event_quality() gives points, since when. Changed only by pulse_set_event_quality(); the defaults are not in it.';
COMMENT ON COLUMN pulse.event_quality_setting.settings IS 'The result of pulse_event_quality_settings() from that moment on.';
SELECT pg_catalog.pg_extension_config_dump('pulse.event_quality_setting', '');

-- Level: reader
CREATE FUNCTION pulse_event_quality(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, by text DEFAULT 'event, source')
    RETURNS TABLE (event text, source text, day date, app_version text, events bigint, score double precision, band text,
                   identifiers double precision, properties double precision, delay double precision, context double precision,
                   excellent bigint, good bigint, fair bigint, poor bigint, gains jsonb)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'pulse_event_quality';
COMMENT ON FUNCTION pulse_event_quality(timestamptz, timestamptz, text) IS
'Returns how useful events are, as a score from 0 to 100: the mean points of the events from since (default: 7 days before until) to before until (default: pulse_now()), by event, source, day (of pulse.timezone) or app_version (context.app.version), or several of them separated by commas; empty: all together. identifiers: the person has an e-mail or phone (40), or other ids only (20), when the event was received. properties: the event has some (25). delay: received within 5 minutes (20) or an hour (10). context: campaign, userAgent, ip (5 each). band: excellent from 80, good from 60, fair from 40, else poor. excellent, good, fair and poor are numbers of events. gains: the points that each part lacks, the most first, with what to do. pulse_set_event_quality() changes the points. The events of the range are read. Below the level people_reader, versions of fewer than 10 people are (other). Errors: 22023 since is after until, more than 400 days, or an unknown group.';

-- Level: reader
CREATE FUNCTION pulse_event_quality_settings() RETURNS jsonb
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_event_quality_settings';
COMMENT ON FUNCTION pulse_event_quality_settings() IS
'Returns how pulse_event_quality() gives points at pulse_now(): contact, identifier, properties, prompt, soon, campaign, user_agent and ip are points; excellent, good and fair are the lowest scores of these bands.';

-- Level: admin
CREATE FUNCTION pulse_set_event_quality(settings jsonb) RETURNS jsonb
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_set_event_quality';
COMMENT ON FUNCTION pulse_set_event_quality(jsonb) IS
'Changes how pulse_event_quality() gives points from pulse_now() on, as {"contact": 35, "ip": 10}; null restores a default; other keys stay. Earlier moments are scored as they were. Recorded in pulse.audit. Returns the settings. Errors: 22023 an unknown key, not a number from 0 to 100, points of the parts that do not add up to 100, bands out of order, or a pulse.now in the future.';

REVOKE EXECUTE ON FUNCTION pulse_event_quality(timestamptz, timestamptz, text), pulse_event_quality_settings(), pulse_set_event_quality(jsonb) FROM PUBLIC;
