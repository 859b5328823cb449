-- ---------------------------------------------------------------------------------------------------------
-- Room web: figures for monitoring systems.

-- Level: reader
CREATE FUNCTION pulse_metrics()
    RETURNS TABLE (name text, type text, help text, unit text, labels jsonb, value double precision)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 200 AS 'MODULE_PATHNAME', 'pulse_metrics';
COMMENT ON FUNCTION pulse_metrics() IS
'The state of Pulse as figures for Prometheus, one row per sample: segments, incidents, monitored tables, messages, events, people who wait, jobs, sources, exports, sizes of tables. The names are listed in doc/metrics.md. Its cost does not grow with what is stored. Works on a standby.';

-- Level: reader
CREATE FUNCTION pulse.metrics_text(openmetrics boolean DEFAULT false) RETURNS text
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_metrics_text';
COMMENT ON FUNCTION pulse.metrics_text(boolean) IS
'The rows of pulse_metrics() in the text format of Prometheus (0.0.4), or in that of OpenMetrics 1.0, which ends with "# EOF".';
