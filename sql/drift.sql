-- ---------------------------------------------------------------------------------------------------------
-- Room drift: findings open, update and close incidents.

-- Level: reader
CREATE TABLE pulse.incident_record (
    id bigserial PRIMARY KEY,
    segment_id bigint REFERENCES pulse.segment ON DELETE CASCADE,
    monitor_id bigint,
    event text COLLATE "C" CHECK (num_nonnulls(segment_id, monitor_id, event) = 1),
    relation text,
    source text,
    detector text NOT NULL,
    attribute text NOT NULL DEFAULT '',
    severity text NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'acknowledged', 'resolved', 'ignored')),
    direction text NOT NULL CHECK (direction IN ('up', 'down', 'changed')),
    baseline double precision,
    observed double precision,
    change double precision,
    threshold double precision,
    p_value double precision,
    baseline_kind text NOT NULL,
    summary text NOT NULL,  -- Level: people_reader
    details jsonb NOT NULL DEFAULT '{}',  -- Level: people_reader
    group_id bigint,
    since timestamptz NOT NULL,
    opened_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    closed_at timestamptz,
    ignored_until timestamptz,
    normal_count int NOT NULL DEFAULT 0,
    baseline_snapshot bigint,
    snapshot bigint,
    detected_at timestamptz NOT NULL DEFAULT now(),
    resolved_by text,
    new_normal boolean NOT NULL DEFAULT false,
    settled boolean NOT NULL DEFAULT false,
    steady_count int NOT NULL DEFAULT 0,
    worst_change double precision,
    diagnosis jsonb  -- Level: people_reader
);
CREATE UNIQUE INDEX incident_record_one_live ON pulse.incident_record (segment_id, detector, attribute)
    WHERE status IN ('open', 'acknowledged');
CREATE UNIQUE INDEX incident_record_one_live_monitor ON pulse.incident_record (monitor_id, detector, attribute)
    WHERE status IN ('open', 'acknowledged');
CREATE UNIQUE INDEX incident_record_one_live_event ON pulse.incident_record (event, detector, attribute)
    WHERE status IN ('open', 'acknowledged');
CREATE INDEX incident_record_event ON pulse.incident_record (event, detector, attribute, opened_at) WHERE event IS NOT NULL;
CREATE INDEX incident_record_monitor ON pulse.incident_record (monitor_id, detector, attribute, opened_at) WHERE monitor_id IS NOT NULL;
-- For "which incidents were live at this moment": it skips those that were closed before.
CREATE INDEX incident_record_closed ON pulse.incident_record ((coalesce(closed_at, 'infinity'::timestamptz)));
CREATE INDEX incident_record_status ON pulse.incident_record (status, id);
CREATE INDEX incident_record_of_table ON pulse.incident_record (id) WHERE monitor_id IS NOT NULL;
CREATE INDEX incident_record_segment ON pulse.incident_record (segment_id, detector, attribute, opened_at);
COMMENT ON TABLE pulse.incident_record IS 'The table behind the view pulse.incident. A segment has at most one live incident per detector and attribute.';
COMMENT ON COLUMN pulse.incident_record.segment_id IS 'The segment with the incident; null for an incident of a monitored table or of events.';
COMMENT ON COLUMN pulse.incident_record.monitor_id IS 'The monitor of the table with the incident; else null.';
COMMENT ON COLUMN pulse.incident_record.event IS 'The name of the events that an incident of pulse_check_events() is about; else null.';
COMMENT ON COLUMN pulse.incident_record.relation IS 'The monitored table, schema-qualified.';
COMMENT ON COLUMN pulse.incident_record.source IS 'The source of the monitored table; null for this database.';
COMMENT ON COLUMN pulse.incident_record.attribute IS 'The attribute; empty for the segment as a whole. Of events: the source, or the property.';
COMMENT ON COLUMN pulse.incident_record.change IS 'Signed change relative to the baseline; for distribution_shift the total variation distance; for shares the difference.';
COMMENT ON COLUMN pulse.incident_record.baseline_kind IS 'pinned, rolling, seasonal, previous or expected.';
COMMENT ON COLUMN pulse.incident_record.details IS 'The figures behind the finding: TVD, PSI, values, dispersion, adjusted p, baseline moments.';
COMMENT ON COLUMN pulse.incident_record.group_id IS 'The first incident of a group that opened at the same moment for the same cause.';
COMMENT ON COLUMN pulse.incident_record.since IS 'The time of the first snapshot that shows the drift.';
COMMENT ON COLUMN pulse.incident_record.baseline_snapshot IS 'The last normal snapshot before the incident; a diagnosis compares with it.';
COMMENT ON COLUMN pulse.incident_record.snapshot IS 'The newest snapshot that shows the drift.';
COMMENT ON COLUMN pulse.incident_record.detected_at IS 'When the check that opened the incident ran; lead time = detected_at - since.';
COMMENT ON COLUMN pulse.incident_record.resolved_by IS 'The role that resolved the incident; pulse when it closed automatically.';
COMMENT ON COLUMN pulse.incident_record.new_normal IS 'True when a person declared the new values normal; the baseline then starts at since.';
COMMENT ON COLUMN pulse.incident_record.settled IS 'True when the incident closed because its values lasted: since its beginning they are the normal ones.';
COMMENT ON COLUMN pulse.incident_record.steady_count IS 'Snapshots that showed the drift since it became worse; it settles after pulse.settle_after.';
COMMENT ON COLUMN pulse.incident_record.worst_change IS 'The change from which steady_count counts: a change that is half a threshold larger starts it anew.';
COMMENT ON COLUMN pulse.incident_record.diagnosis IS 'The newest result of pulse_explain_incident().';

-- Level: reader
CREATE TABLE pulse.incident_event (
    id bigserial PRIMARY KEY,
    incident_id bigint NOT NULL REFERENCES pulse.incident_record ON DELETE CASCADE,
    at timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN ('opened', 'worsened', 'eased', 'acknowledged', 'resolved', 'ignored', 'reopened', 'note')),
    actor text NOT NULL,
    severity text,
    observed double precision,
    change double precision,
    note text  -- Level: people_reader
);
CREATE INDEX incident_event_incident ON pulse.incident_event (incident_id, id);
COMMENT ON TABLE pulse.incident_event IS 'The timeline of each incident: each change with time, actor and reason.';

SELECT pg_catalog.pg_extension_config_dump('pulse.incident_record', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.incident_record_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.incident_event', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.incident_event_id_seq', '');

-- ---- views ----

-- Operators in the views below are resolved now. This search_path finds only PostgreSQL's own, even if other roles can create objects in Pulse's schema.
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- Level: reader
CREATE VIEW pulse.incident AS
SELECT r.id, r.severity, r.status, s.name AS segment, r.detector, round(r.change::numeric, 3) AS change,
       date_trunc('second', r.opened_at) AS opened_at, r.attribute,
       round(r.baseline::numeric, f.digits) AS baseline, round(r.observed::numeric, f.digits) AS observed,
       CASE WHEN r.p_value IS NOT NULL THEN to_char(r.p_value, '9.9EEEE')::double precision END AS p_value, r.relation, r.source,
       CASE WHEN p.sees OR r.detector NOT IN ('distribution_shift', 'new_value', 'vanished_value', 'schema_change') THEN r.summary END AS summary,
       r.since, r.last_seen_at, r.closed_at, r.resolved_by, r.ignored_until, r.group_id,
       r.direction, r.threshold, r.baseline_kind, CASE WHEN p.sees THEN r.details END AS details, r.event
FROM pulse.incident_record r LEFT JOIN pulse.segment s ON s.id = r.segment_id
CROSS JOIN LATERAL (SELECT CASE WHEN r.detector IN ('size_change', 'slow_erosion', 'slow_growth', 'table_volume', 'table_freshness',
                                                         'event_volume', 'event_rate', 'event_vanished', 'event_new') OR r.attribute = 'size'
                                     AND r.detector = 'expected_range' THEN 0 ELSE 4 END AS digits) f
CROSS JOIN (SELECT pulse.sees_people() AS sees) p;
COMMENT ON VIEW pulse.incident IS 'Every incident, with the figures of its newest snapshot; what happened comes first, the details last.';
COMMENT ON COLUMN pulse.incident.segment IS 'The segment; null for an incident of a monitored table (see relation and source) or of events (see event).';
COMMENT ON COLUMN pulse.incident.attribute IS 'The attribute; empty for the segment or table as a whole. Of events: the source, or the property.';
COMMENT ON COLUMN pulse.incident.event IS 'The name of the events that the incident is about; null for other incidents.';
COMMENT ON COLUMN pulse.incident.baseline IS 'The expected value: members (whole number), a rate or a share (four decimals).';
COMMENT ON COLUMN pulse.incident.change IS 'Signed change relative to the baseline; for distribution_shift the total variation distance; for shares the difference.';
COMMENT ON COLUMN pulse.incident.p_value IS 'The probability of such a change without drift; null where no test is needed.';
COMMENT ON COLUMN pulse.incident.group_id IS 'The first incident of a group that began together.';

-- Level: reader
CREATE VIEW pulse.segment_overview AS
SELECT s.name AS segment,
       CASE WHEN s.status <> 'active' THEN s.status
            WHEN s.baseline -> 'monitoringEnabled' = 'false' THEN 'not monitored'
            WHEN l.taken_at IS NULL THEN 'no snapshot'
            WHEN l.status = 'failed' THEN 'failing'
            WHEN l.status = 'incomplete' THEN 'incomplete'
            WHEN l.missing IS NOT NULL THEN 'partial'
            WHEN h.points < 2 THEN 'too young'
            WHEN h.points <= coalesce(current_setting('pulse.min_history', true), '7')::int THEN 'learning'
            ELSE 'watched' END AS state,
       n.size,
       CASE WHEN b.level > 0 THEN round((n.size / b.level - 1)::numeric, 3) END AS change,
       t.trend,
       coalesce(i.open, 0) AS incidents,
       i.worst,
       date_trunc('second', @extschema@.pulse_now() - l.taken_at) AS age,
       CASE WHEN n.size IS NULL OR s.baseline -> 'expectedSize' IS NULL AND s.baseline -> 'expectedConversionRate' IS NULL THEN NULL
            ELSE n.size >= coalesce((s.baseline #>> '{expectedSize,min}')::numeric, n.size)
                 AND n.size <= coalesce((s.baseline #>> '{expectedSize,max}')::numeric, n.size)
                 AND coalesce(n.rate >= coalesce((s.baseline #>> '{expectedConversionRate,min}')::numeric, n.rate)
                              AND n.rate <= coalesce((s.baseline #>> '{expectedConversionRate,max}')::numeric, n.rate), true)
       END AS as_expected,
       l.taken_at AS last_snapshot, s.status, s.owner,
       n.net_velocity, round(n.churn_rate::numeric, 4) AS churn_rate, round(n.growth_rate::numeric, 4) AS growth_rate,
       (SELECT jsonb_object_agg(v.attribute, round(v.entropy::numeric, 2)) FROM pulse.distribution v
        WHERE v.snapshot_id = n.id AND v.entropy IS NOT NULL AND v.total - v.nulls - coalesce(v.nans, 0) >= 10) AS entropy,
       coalesce(s.definition ->> 'members', CASE s.kind WHEN 'profile' THEN 'people' ELSE 'members' END) AS members
FROM pulse.segment s
LEFT JOIN LATERAL (SELECT p.taken_at, p.status, p.missing FROM pulse.snapshot p
                   WHERE p.segment_id = s.id AND p.taken_at <= @extschema@.pulse_now() ORDER BY p.taken_at DESC LIMIT 1) l ON true
LEFT JOIN LATERAL (SELECT p.id, p.taken_at, p.size, p.converted::numeric / nullif(p.size, 0) AS rate, p.net_velocity, p.churn_rate, p.growth_rate
                   FROM pulse.snapshot p
                   WHERE p.segment_id = s.id AND p.status = 'ok' AND p.taken_at <= @extschema@.pulse_now()
                   ORDER BY p.taken_at DESC LIMIT 1) n ON true
LEFT JOIN LATERAL (SELECT count(*) AS points FROM
                   (SELECT FROM pulse.snapshot p WHERE p.segment_id = s.id AND p.status = 'ok' AND p.taken_at <= @extschema@.pulse_now()
                    AND p.taken_at >= coalesce(s.baseline_from, '-infinity')
                    LIMIT coalesce(current_setting('pulse.min_history', true), '7')::int + 1) few) h ON true
LEFT JOIN LATERAL (SELECT r.since, r.baseline FROM pulse.incident_record r WHERE r.segment_id = s.id
                   AND r.detector = 'size_change' AND r.status IN ('open', 'acknowledged')) d ON true
LEFT JOIN LATERAL (SELECT coalesce(d.baseline, percentile_cont(0.5) WITHIN GROUP (ORDER BY w.size)) AS level FROM
                   (SELECT p.size FROM pulse.snapshot p WHERE p.segment_id = s.id AND p.status = 'ok'
                    AND p.taken_at < n.taken_at AND p.taken_at >= coalesce(s.baseline_from, '-infinity')
                    ORDER BY p.taken_at DESC LIMIT coalesce(current_setting('pulse.baseline_window', true), '28')::int) w) b ON true
LEFT JOIN LATERAL (SELECT string_agg(chr(9601 + v.height), '' ORDER BY v.taken_at) AS trend FROM
                   (SELECT w.taken_at, CASE WHEN max(w.size) OVER () = min(w.size) OVER () THEN 3
                               ELSE round(7.0 * (w.size - min(w.size) OVER ()) / (max(w.size) OVER () - min(w.size) OVER ()))::int
                               END AS height
                    FROM (SELECT p.taken_at, p.size FROM pulse.snapshot p WHERE p.segment_id = s.id AND p.status = 'ok'
                          AND p.taken_at <= @extschema@.pulse_now() ORDER BY p.taken_at DESC LIMIT 14) w) v) t ON true
LEFT JOIN LATERAL (SELECT count(*) AS open,
                          (ARRAY['critical', 'high', 'medium', 'low'])
                          [min(array_position(ARRAY['critical', 'high', 'medium', 'low'], r.severity))] AS worst
                   FROM pulse.incident_record r WHERE r.segment_id = s.id AND r.status IN ('open', 'acknowledged')) i ON true;
COMMENT ON VIEW pulse.segment_overview IS 'One row per segment: size, trend, open incidents and state, as of pulse_now().';
COMMENT ON COLUMN pulse.segment_overview.change IS
'Relative change of the newest size against the baseline of the open size incident, else against the median of the last pulse.baseline_window snapshots.';
COMMENT ON COLUMN pulse.segment_overview.trend IS 'Sparkline of the last 14 sizes, oldest first, scaled from their minimum to their maximum.';
COMMENT ON COLUMN pulse.segment_overview.incidents IS 'Number of open and acknowledged incidents.';
COMMENT ON COLUMN pulse.segment_overview.worst IS 'The highest severity of these incidents.';
COMMENT ON COLUMN pulse.segment_overview.as_expected IS 'Whether size and conversion rate are within the expected ranges of the segment''s baseline; null without ranges.';
COMMENT ON COLUMN pulse.segment_overview.net_velocity IS 'Members gained (negative: lost) in the newest good snapshot since the one before it: entered - exited.';
COMMENT ON COLUMN pulse.segment_overview.churn_rate IS 'Exited members of that snapshot relative to the size of the one before it: 0.1 is 10 %.';
COMMENT ON COLUMN pulse.segment_overview.growth_rate IS 'Change of its size relative to the size of the one before it: -0.1 is a loss of 10 %.';
COMMENT ON COLUMN pulse.segment_overview.entropy IS 'Per attribute the entropy of its values in bits, {"plan": 1.58}: 0 when all have the same value, log2(n) when n values are equally frequent; only where at least 10 members have a value.';
COMMENT ON COLUMN pulse.segment_overview.members IS 'What texts call its members: the word of its definition, else people, or members.';
COMMENT ON COLUMN pulse.segment_overview.state IS
'watched; learning (noise not known yet); too young (no baseline yet); no snapshot; failing (the newest snapshot failed); partial (it could not measure everything: pulse.snapshot.missing); not monitored; paused; archived.';

SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);

-- ---- functions ----

-- Level: operator
CREATE FUNCTION pulse_check_drift(name text DEFAULT NULL)
    RETURNS TABLE (incident bigint, segment text, detector text, attribute text, severity text,
                   baseline numeric, observed numeric, change numeric, p_value double precision)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_check_drift';
COMMENT ON FUNCTION pulse_check_drift(text) IS
'Checks all unchecked snapshots, oldest first, of one segment or of all active segments; opens, updates and closes incidents; returns the findings of each segment''s newest snapshot. Errors: 42704 unknown segment, 55000 segment not active.';
-- Level: operator
CREATE FUNCTION pulse.check_drift(name text)
    RETURNS TABLE (incident bigint, segment text, detector text, attribute text, severity text,
                   baseline numeric, observed numeric, change numeric, p_value double precision)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_check_drift';
COMMENT ON FUNCTION pulse.check_drift(text) IS 'The function pulse_check_drift() as Pulse itself calls it: in schema pulse, where no other role can add a function of the same name.';

-- Level: people_reader
CREATE FUNCTION pulse_backtest(segment text, thresholds jsonb DEFAULT NULL)
    RETURNS TABLE (detector text, attribute text, severity text, opened_at timestamptz, closed_at timestamptz,
                   change double precision, summary text)
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_backtest';
COMMENT ON FUNCTION pulse_backtest(text, jsonb) IS
'Replays a segment''s whole history, with other thresholds if given, and returns the incidents that checks would have opened; writes nothing. Errors: 42704 unknown segment, 22023 unknown threshold or value.';

-- Level: reader
CREATE FUNCTION pulse_expected_sizes(segment text, last bigint DEFAULT 100)
    RETURNS TABLE (taken_at timestamptz, size bigint, expected double precision, low double precision, high double precision)
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_expected_sizes';
COMMENT ON FUNCTION pulse_expected_sizes(text, bigint) IS
'The newest snapshots of a segment (1 to 10000), oldest first: the size, the size that the snapshots before it let expect, and the range in which 99 of 100 sizes lie if nothing has changed. Of more than 500 snapshots, 500 ranges are computed, and those between have the width of the one before. As in a check, snapshots in size incidents and mutes teach nothing, and the baseline restarts where it was set anew. A failed snapshot has no size; without a baseline nothing is expected. Errors: 42704 unknown segment, 22023 last out of range.';

-- Level: operator
CREATE FUNCTION pulse_acknowledge_incident(incident bigint, note text DEFAULT NULL) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_acknowledge_incident';
COMMENT ON FUNCTION pulse_acknowledge_incident(bigint, text) IS
'Marks an incident as acknowledged: a person is working on it. Returns its status. Errors: 42704 unknown incident, 55000 incident not open.';
-- Level: operator
CREATE FUNCTION pulse.acknowledge_incident(incident bigint, note text)
    RETURNS text LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_acknowledge_incident';
COMMENT ON FUNCTION pulse.acknowledge_incident(bigint, text) IS 'The function pulse_acknowledge_incident() as Pulse itself calls it: in schema pulse, where no other role can add a function of the same name.';

-- Level: operator
CREATE FUNCTION pulse_resolve_incident(incident bigint, note text DEFAULT NULL, new_normal boolean DEFAULT false) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_resolve_incident';
COMMENT ON FUNCTION pulse_resolve_incident(bigint, text, boolean) IS
'Closes an incident; the next check reopens it if the drift persists. With new_normal, the segment''s baseline restarts where the incident began, and for a table the current columns or number of rows are accepted. Returns its status. Errors: 42704 unknown incident, 55000 already resolved.';
-- Level: operator
CREATE FUNCTION pulse.resolve_incident(incident bigint, note text, new_normal boolean)
    RETURNS text LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_resolve_incident';
COMMENT ON FUNCTION pulse.resolve_incident(bigint, text, boolean) IS 'The function pulse_resolve_incident() as Pulse itself calls it: in schema pulse, where no other role can add a function of the same name.';

-- Level: operator
CREATE FUNCTION pulse_ignore_incident(incident bigint, until text DEFAULT NULL, reason text DEFAULT NULL) RETURNS timestamptz
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_ignore_incident';
COMMENT ON FUNCTION pulse_ignore_incident(bigint, text, text) IS
'Mutes an incident until a timestamp or for an interval, such as 3 days, or permanently: meanwhile no other incident opens for its segment, detector and attribute. Returns that moment, infinity if permanently. Errors: 42704 unknown incident, 55000 already resolved, 22023 neither a timestamp nor an interval, or not in the future.';
-- Level: operator
CREATE FUNCTION pulse_ignore_incident(incident bigint, until timestamptz, reason text DEFAULT NULL) RETURNS timestamptz
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_ignore_incident_until';
COMMENT ON FUNCTION pulse_ignore_incident(bigint, timestamptz, text) IS 'As pulse_ignore_incident(bigint, text, text), until a timestamp.';
-- Level: operator
CREATE FUNCTION pulse.ignore_incident(incident bigint, until timestamptz, reason text)
    RETURNS timestamptz LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_ignore_incident_until';
COMMENT ON FUNCTION pulse.ignore_incident(bigint, timestamptz, text) IS 'The function pulse_ignore_incident() as Pulse itself calls it: in schema pulse, where no other role can add a function of the same name.';
-- Level: operator
CREATE FUNCTION pulse_ignore_incident(incident bigint, until interval, reason text DEFAULT NULL) RETURNS timestamptz
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_ignore_incident_for';
COMMENT ON FUNCTION pulse_ignore_incident(bigint, interval, text) IS 'As pulse_ignore_incident(bigint, text, text), for an interval.';

-- Level: operator
CREATE FUNCTION pulse_pin_baseline(segment text, snapshot bigint DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_pin_baseline';
COMMENT ON FUNCTION pulse_pin_baseline(text, bigint) IS
'Pins a snapshot, by default the newest, as the baseline of a segment; returns its id. Errors: 42704 unknown segment or snapshot, 55000 no snapshot or a failed one.';

-- Level: operator
CREATE FUNCTION pulse_unpin_baseline(segment text) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_unpin_baseline';
COMMENT ON FUNCTION pulse_unpin_baseline(text) IS
'Removes the pin: the segment''s history is its baseline again; false if nothing was pinned. Errors: 42704 unknown segment.';

REVOKE EXECUTE ON FUNCTION pulse_check_drift(text), pulse_backtest(text, jsonb), pulse_acknowledge_incident(bigint, text),
    pulse_resolve_incident(bigint, text, boolean), pulse_ignore_incident(bigint, text, text),
    pulse_ignore_incident(bigint, timestamptz, text), pulse_ignore_incident(bigint, interval, text),
    pulse_pin_baseline(text, bigint), pulse_unpin_baseline(text) FROM PUBLIC;
