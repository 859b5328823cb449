-- ---------------------------------------------------------------------------------------------------------
-- Room trust: signal health.

-- Level: reader
CREATE TABLE pulse.trust_setting (
    valid_from timestamptz PRIMARY KEY,
    settings jsonb NOT NULL,
    changed_by text NOT NULL
);
COMMENT ON TABLE pulse.trust_setting IS 'The weights and thresholds of signal health and of the gate, since when. Changed only by pulse_set_trust(); the defaults are not in it.';
COMMENT ON COLUMN pulse.trust_setting.settings IS 'The result of pulse_trust_settings() from that moment on.';
SELECT pg_catalog.pg_extension_config_dump('pulse.trust_setting', '');

-- Level: reader
CREATE TABLE pulse.signal_health_state (
    scope text COLLATE "C" PRIMARY KEY,
    score double precision,
    status text NOT NULL DEFAULT 'unknown' CHECK (status IN ('healthy', 'degraded', 'unhealthy', 'unknown')),
    level text NOT NULL DEFAULT 'unknown' CHECK (level IN ('healthy', 'degraded', 'unhealthy', 'unknown')),
    rising_since timestamptz,
    rising int NOT NULL DEFAULT 0,
    assumed double precision NOT NULL DEFAULT 1,
    parts jsonb NOT NULL DEFAULT '[]',
    issues text[] NOT NULL DEFAULT '{}',
    as_of timestamptz,
    since timestamptz,
    used_at timestamptz NOT NULL,
    snapshot pg_snapshot,
    computed_at timestamptz,
    computed_by xid8,
    error text  -- Level: people_reader
);
COMMENT ON TABLE pulse.signal_health_state IS 'The health of each scope that is in use, as it was computed last. The job signal_health keeps it.';
COMMENT ON COLUMN pulse.signal_health_state.score IS 'From 0 to 100, as it counts: while the status waits to rise, below the threshold of the next one. Null: it could not be computed yet.';
COMMENT ON COLUMN pulse.signal_health_state.level IS 'The status that was known last: what the next one rises or falls from.';
COMMENT ON COLUMN pulse.signal_health_state.rising_since IS 'Since when evaluations in a row would have raised the status.';
COMMENT ON COLUMN pulse.signal_health_state.assumed IS 'The share of the weight about which nothing is known; above a half the status is unknown.';
COMMENT ON COLUMN pulse.signal_health_state.as_of IS 'When the score was computed, by pulse_now().';
COMMENT ON COLUMN pulse.signal_health_state.since IS 'Since when the status is what it is.';
COMMENT ON COLUMN pulse.signal_health_state.used_at IS 'When a decision last asked for it; after 30 days without one it is not kept up any more.';
COMMENT ON COLUMN pulse.signal_health_state.snapshot IS 'What the score saw: transactions of pulse.trust_change that are not in it changed something since.';
COMMENT ON COLUMN pulse.signal_health_state.computed_at IS 'When the score was computed, by the wall clock; null if by a transaction whose snapshot may be older.';
COMMENT ON COLUMN pulse.signal_health_state.computed_by IS 'The transaction that computed it, if it had changed something by then.';
COMMENT ON COLUMN pulse.signal_health_state.error IS 'Why it could not be computed the last time.';
SELECT pg_catalog.pg_extension_config_dump('pulse.signal_health_state', '');

-- Level: owner
CREATE TABLE pulse.trust_change (
    xid xid8 PRIMARY KEY DEFAULT pg_current_xact_id(),
    seen_at timestamptz
);
COMMENT ON TABLE pulse.trust_change IS 'Transactions of the last minutes that changed what scores stand on: signals, incidents, definitions, settings. By them a stored score is known to be old, in whatever order transactions commit. Written by triggers and with each signal; no dump contains it.';
CREATE INDEX trust_change_seen ON pulse.trust_change (xid) WHERE seen_at IS NOT NULL;
COMMENT ON COLUMN pulse.trust_change.seen_at IS 'When this and all earlier ones were seen first, by the job signal_health or by one of 256 changes, by the wall clock; they are deleted a minute later, when no stored score is as old. Null in all but the last of those that it saw together.';

SELECT pg_catalog.pg_extension_config_dump('pulse.trust_change', 'WHERE false');

CREATE FUNCTION pulse.note_trust_change() RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO pulse.trust_change DEFAULT VALUES ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION pulse.note_trust_change() IS 'Notes the transaction in pulse.trust_change.';
CREATE FUNCTION pulse.forget_trust_changes() RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A snapshot that is older than the statement would fail on rows that others have deleted.
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN RETURN NULL; END IF;
    DELETE FROM pulse.trust_change WHERE xid = ANY (ARRAY(SELECT c.xid FROM pulse.trust_change AS c
        WHERE c.xid <= (SELECT s.xid FROM pulse.trust_change AS s WHERE s.seen_at < clock_timestamp() - interval '1 minute' ORDER BY s.xid DESC LIMIT 1)
        ORDER BY c.xid LIMIT 1000 FOR UPDATE SKIP LOCKED));
    UPDATE pulse.trust_change SET seen_at = clock_timestamp() WHERE seen_at IS NULL AND xid = (SELECT c.xid FROM pulse.trust_change AS c
        WHERE c.xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY c.xid DESC LIMIT 1 FOR UPDATE SKIP LOCKED);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION pulse.forget_trust_changes() IS 'Deletes old rows of pulse.trust_change, as the job signal_health does, and waits for nobody.';
CREATE TRIGGER trust_change_forget AFTER INSERT ON pulse.trust_change FOR EACH ROW
    WHEN (hashint8(NEW.xid::text::bigint) % 256 = 0) EXECUTE FUNCTION pulse.forget_trust_changes();
COMMENT ON TRIGGER trust_change_forget ON pulse.trust_change IS 'One of 256 changes deletes old ones, so that there are not more and more of them where no job runs.';
CREATE TRIGGER incident_record_trust AFTER INSERT OR DELETE OR UPDATE ON pulse.incident_record FOR EACH STATEMENT EXECUTE FUNCTION pulse.note_trust_change();
COMMENT ON TRIGGER incident_record_trust ON pulse.incident_record IS 'Stored scores that stand on it are old.';
CREATE TRIGGER segment_trust AFTER INSERT OR DELETE OR UPDATE OF name, kind, definition, search_path, status ON pulse.segment FOR EACH STATEMENT EXECUTE FUNCTION pulse.note_trust_change();
COMMENT ON TRIGGER segment_trust ON pulse.segment IS 'Stored scores that stand on it are old.';
CREATE TRIGGER trait_trust AFTER INSERT OR DELETE OR UPDATE OF key, expression ON pulse.trait FOR EACH STATEMENT EXECUTE FUNCTION pulse.note_trust_change();
COMMENT ON TRIGGER trait_trust ON pulse.trait IS 'Stored scores that stand on it are old.';
CREATE TRIGGER flag_trust AFTER INSERT OR DELETE OR UPDATE OF key, definition, flags ON pulse.flag FOR EACH STATEMENT EXECUTE FUNCTION pulse.note_trust_change();
COMMENT ON TRIGGER flag_trust ON pulse.flag IS 'Stored scores that stand on it are old.';
CREATE TRIGGER monitor_trust AFTER INSERT OR DELETE OR UPDATE OF relation, source, status ON pulse.monitor FOR EACH STATEMENT EXECUTE FUNCTION pulse.note_trust_change();
COMMENT ON TRIGGER monitor_trust ON pulse.monitor IS 'Stored scores that stand on it are old.';
CREATE TRIGGER event_check_trust AFTER INSERT OR DELETE OR UPDATE ON pulse.event_check FOR EACH STATEMENT EXECUTE FUNCTION pulse.note_trust_change();
COMMENT ON TRIGGER event_check_trust ON pulse.event_check IS 'Stored scores that stand on it are old.';
CREATE TRIGGER rfm_version_trust AFTER INSERT OR DELETE OR UPDATE ON pulse.rfm_version FOR EACH STATEMENT EXECUTE FUNCTION pulse.note_trust_change();
COMMENT ON TRIGGER rfm_version_trust ON pulse.rfm_version IS 'Stored scores that stand on it are old.';
CREATE TRIGGER lifecycle_version_trust AFTER INSERT OR DELETE OR UPDATE ON pulse.lifecycle_version FOR EACH STATEMENT EXECUTE FUNCTION pulse.note_trust_change();
COMMENT ON TRIGGER lifecycle_version_trust ON pulse.lifecycle_version IS 'Stored scores that stand on it are old.';
CREATE TRIGGER trust_setting_trust AFTER INSERT OR DELETE OR UPDATE ON pulse.trust_setting FOR EACH STATEMENT EXECUTE FUNCTION pulse.note_trust_change();
COMMENT ON TRIGGER trust_setting_trust ON pulse.trust_setting IS 'Stored scores that stand on it are old.';

-- Level: reader
CREATE TABLE pulse.signal_health_history (
    scope text COLLATE "C" NOT NULL,
    hour timestamptz NOT NULL,
    score double precision NOT NULL,
    lowest double precision NOT NULL,
    highest double precision NOT NULL,
    status text NOT NULL CHECK (status IN ('healthy', 'degraded', 'unhealthy', 'unknown')),
    evaluations int NOT NULL,
    assumed double precision NOT NULL,
    parts jsonb NOT NULL,
    as_of timestamptz NOT NULL,
    PRIMARY KEY (scope, hour)
);
CREATE INDEX signal_health_history_hour ON pulse.signal_health_history (hour);
COMMENT ON TABLE pulse.signal_health_history IS 'The health of each scope by hour: the last score of the hour, the lowest and the highest. Kept for history_days of pulse_trust_settings().';
COMMENT ON COLUMN pulse.signal_health_history.hour IS 'The beginning of the hour.';
COMMENT ON COLUMN pulse.signal_health_history.parts IS 'The parts of the last score, as pulse_signal_health() returns them, without their evidence.';
COMMENT ON COLUMN pulse.signal_health_history.as_of IS 'When the last score of the hour was computed.';
SELECT pg_catalog.pg_extension_config_dump('pulse.signal_health_history', '');
-- What lets actions pass is written by the owner alone: without a policy for writing not even pg_write_all_data can.
ALTER TABLE pulse.trust_setting ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.trust_setting FOR SELECT USING (true);
ALTER TABLE pulse.trust_change ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.trust_change FOR SELECT USING (true);
ALTER TABLE pulse.signal_health_state ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.signal_health_state FOR SELECT USING (true);
ALTER TABLE pulse.signal_health_history ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.signal_health_history FOR SELECT USING (true);

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
-- Level: reader
CREATE VIEW pulse.signal_health_day AS
SELECT h.scope, (h.hour AT TIME ZONE 'UTC')::date AS day,
       (array_agg(h.score ORDER BY h.hour DESC))[1] AS score, min(h.lowest) AS lowest, max(h.highest) AS highest,
       (array_agg(h.status ORDER BY array_position(ARRAY['unhealthy', 'degraded', 'unknown', 'healthy'], h.status)))[1] AS worst_status,
       (array_agg(h.status ORDER BY h.hour DESC))[1] AS status, sum(h.evaluations)::bigint AS evaluations
FROM pulse.signal_health_history AS h
GROUP BY h.scope, (h.hour AT TIME ZONE 'UTC')::date;
COMMENT ON VIEW pulse.signal_health_day IS 'The health of each scope by day (UTC): the last score and status of the day, the lowest and highest score, and the worst status.';
COMMENT ON COLUMN pulse.signal_health_day.worst_status IS 'unhealthy, degraded, unknown or healthy, the first of them that the day has.';
SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);

-- Level: reader
CREATE FUNCTION pulse_signal_health(scope text DEFAULT 'all', OUT score double precision, OUT status text, OUT computed double precision,
                                    OUT assumed double precision, OUT emq double precision, OUT freshness double precision,
                                    OUT variance double precision, OUT anomaly double precision, OUT cdp double precision,
                                    OUT issues text[], OUT parts jsonb, OUT reads text[], OUT as_of timestamptz)
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_signal_health';
COMMENT ON FUNCTION pulse_signal_health(text) IS
'Returns how far what a scope reads can be trusted at pulse_now(), computed anew: a score from 0 to 100 and its status, healthy from 70, degraded from 40, else unhealthy; unknown if more than half of the weight is assumed. scope: all, or a subject such as segment:name, trait:name, event:name, table:name, flag:key, source:name, destination:name; it counts exactly what the subject depends on, which reads lists.
The parts are emq (event match quality that platforms report, 40), freshness (25), variance (what platforms and analytics count, 20), anomaly (metrics beyond three deviations, and open incidents, 15), and, where people are read, cdp (quality of their events, 10 of 100); null: it does not apply there, as emq and variance without an ad platform, and the others share its weight. An open incident that is high or critical holds its scope below what passes, whatever the parts are. parts has for each the value, weight, evidence, age and issues, and whether it is assumed, because nothing is known.
computed is the score by itself. score is what counts: a status falls at once, and rises one step at a time, only after two evaluations and 15 minutes with 3 points more than its threshold; until then score stays below it. pulse_set_trust() changes weights and thresholds. Errors: 22023 not a subject, 42704 there is none of that name.';

-- Level: operator
CREATE FUNCTION pulse_update_signal_health(scope text DEFAULT 'all', OUT score double precision, OUT status text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_update_signal_health';
COMMENT ON FUNCTION pulse_update_signal_health(text) IS
'Computes the health of a scope now, as pulse_signal_health() does, keeps it in the history, and returns it. From then on the job signal_health keeps it up. If they are older than an hour, it first measures the quality of the events of people and how many people are known. Errors: as for pulse_signal_health(), 22023 a pulse.now in the future.';
-- Level: operator
CREATE FUNCTION pulse.update_all_signal_health() RETURNS TABLE (scope text, score double precision, status text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_update_all_signal_health';
COMMENT ON FUNCTION pulse.update_all_signal_health() IS 'Computes the health of all and of each scope that is in use, and keeps it in the history. For the job signal_health.';

-- Level: reader
CREATE FUNCTION pulse_trust_settings() RETURNS jsonb LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_trust_settings';
COMMENT ON FUNCTION pulse_trust_settings() IS
'Returns the weights and thresholds at pulse_now(): emq, freshness, variance and anomaly are points that add up to 100; cdp are points of 100 that its part takes where it applies; healthy and degraded the lowest scores of these states; high, standard and conservative what actions of these risks need to pass, hold the score from which they wait instead of being refused; rise_evaluations, rise_minutes and rise_margin how a status rises; signal_days, history_days and decision_days how long rows are kept (0: for ever).';

-- Level: admin
CREATE FUNCTION pulse_set_trust(settings jsonb) RETURNS jsonb LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_set_trust';
COMMENT ON FUNCTION pulse_set_trust(jsonb) IS
'Changes weights and thresholds from pulse_now() on, as {"healthy": 75, "high": 85}; null restores a default; other keys stay. Recorded in pulse.audit. Returns the settings. Errors: 22004 null, 22023 an unknown key, a number out of range, points that do not add up to 100, thresholds out of order, or a pulse.now in the future.';

-- Level: reader
CREATE FUNCTION pulse.trust_days(key text) RETURNS double precision
    LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
SELECT coalesce((SELECT (s.settings ->> key)::float8 FROM pulse.trust_setting AS s ORDER BY s.valid_from DESC LIMIT 1),
                CASE key WHEN 'decision_days' THEN 90 ELSE 365 END)
$$;
COMMENT ON FUNCTION pulse.trust_days(text) IS 'How many days rows of room trust are kept, by a key of pulse_trust_settings(); 0: for ever. For the job retention.';

-- Level: reader
CREATE FUNCTION pulse_attribution_variance(scope text DEFAULT 'all')
    RETURNS TABLE (platform text, account text, metric text, platform_value double precision, analytics_value double precision,
                   variance double precision, status text, score double precision, at timestamptz)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 20 AS 'MODULE_PATHNAME', 'pulse_attribution_variance';
COMMENT ON FUNCTION pulse_attribution_variance(text) IS
'Returns, for each account of the last 7 days, what a platform and analytics counted: the newest signals platform_revenue and analytics_revenue, or platform_conversions and analytics_conversions, of one source and entity. variance is their difference as a share of what analytics counted; status: healthy below 5 %, minor below 10 %, moderate up to 15 %, else high. Errors: 22004 null, 22023 not a subject, 42704 there is none of that name.';

-- Level: reader
CREATE FUNCTION pulse_platform_emq(platform text DEFAULT NULL)
    RETURNS TABLE (platform_name text, score double precision, band text, known double precision, drivers jsonb)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 4 AS 'MODULE_PATHNAME', 'pulse_platform_emq';
COMMENT ON FUNCTION pulse_platform_emq(text) IS
'Returns the event match quality of each platform, or of one, computed from signals of the last 30 days: match_rate (0 to 1, 30 %), coverage (share of the events that the platform gets, 0 to 1, 25 %), conversion_latency (hours, 20 %), what platform and analytics count (15 %), and the age of the newest signal (10 %). band: reliable from 80, directional from 60, else unsafe; unknown where only the age is known. What is unknown gives its weight to the others; known is the share of the weight that is known. drivers: value, weight, contribution, trend against a week ago (by more than 2 points), and advice. It is a prediction: pulse_signal_health() reads the emq that platforms report.';
