-- ---------------------------------------------------------------------------------------------------------
-- Room insight: lifecycle stages and growth.

-- Level: reader
CREATE TABLE pulse.lifecycle_version (
    version int PRIMARY KEY,
    at timestamptz NOT NULL,
    enabled boolean NOT NULL,
    known text NOT NULL,
    purchase_events text[] NOT NULL,
    inactive_days int NOT NULL CHECK (inactive_days BETWEEN 1 AND 3650),
    segments bigint[] NOT NULL,
    change text NOT NULL CHECK (change IN ('enabled', 'changed', 'disabled')),
    changed_by text NOT NULL
);
COMMENT ON TABLE pulse.lifecycle_version IS 'The settings of lifecycle stages, one row for each change. Each row holds from its moment on, so a past moment is read as it was. Changed only by pulse_enable_lifecycle() and pulse_disable_lifecycle().';
COMMENT ON COLUMN pulse.lifecycle_version.known IS 'The rule that makes a person known.';
COMMENT ON COLUMN pulse.lifecycle_version.purchase_events IS 'The events of which one makes a customer.';
COMMENT ON COLUMN pulse.lifecycle_version.inactive_days IS 'A known person or customer without an event for so many days is churned.';
COMMENT ON COLUMN pulse.lifecycle_version.segments IS 'The segments of the stages anonymous, known, customer and churned.';
SELECT pg_catalog.pg_extension_config_dump('pulse.lifecycle_version', '');

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- The two rows of one move are next to each other: stages have segments in their order, and changes of an evaluation are written in that order.
-- Level: people_reader
CREATE VIEW pulse.lifecycle_change AS
SELECT m.profile_id,
       CASE WHEN m.change = 'exited' THEN m.stage
            WHEN m.change_before = 'exited' AND m.place_before < m.place THEN m.stage_before
            WHEN m.change_after = 'exited' AND m.place_after > m.place THEN m.stage_after END AS from_stage,
       CASE WHEN m.change = 'entered' THEN m.stage END AS to_stage,
       m.at, m.cause
FROM (SELECT c.profile_id, c.at, c.cause, c.change, s.stage, s.place,
             lag(c.change) OVER w AS change_before, lag(s.place) OVER w AS place_before, lag(s.stage) OVER w AS stage_before,
             lead(c.change) OVER w AS change_after, lead(s.place) OVER w AS place_after, lead(s.stage) OVER w AS stage_after
      FROM pulse.membership_change AS c
      JOIN (SELECT i.id, i.place, ('{anonymous,known,customer,churned}'::text[])[i.place] AS stage
            FROM (SELECT v.segments FROM pulse.lifecycle_version AS v ORDER BY v.version DESC LIMIT 1) AS l
            CROSS JOIN LATERAL unnest(l.segments) WITH ORDINALITY AS i (id, place)) AS s ON s.id = c.segment_id
      WINDOW w AS (PARTITION BY c.profile_id, c.at ORDER BY c.id)) AS m
WHERE m.change = 'entered'
    OR (coalesce(m.change_after, '') <> 'entered' OR m.place_after < m.place) AND (coalesce(m.change_before, '') <> 'entered' OR m.place_before > m.place);
COMMENT ON VIEW pulse.lifecycle_change IS
'Every move of a person from one lifecycle stage to another since pulse_enable_lifecycle(), as it was recorded: read from pulse.membership_change, and kept as long. Ask for a range of at: it reads the months concerned.';
COMMENT ON COLUMN pulse.lifecycle_change.from_stage IS 'Null for a person who is new, or was found when the stages were built.';
COMMENT ON COLUMN pulse.lifecycle_change.to_stage IS 'Null for a person who was merged into another one.';
COMMENT ON COLUMN pulse.lifecycle_change.at IS 'The instant of the evaluation: for a move by time alone, when the pipeline noticed it.';
COMMENT ON COLUMN pulse.lifecycle_change.cause IS 'As in pulse.membership_change: event, time, attributes, merge, unmerge, definition (the settings changed), build and others.';

SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);

-- Level: operator
CREATE FUNCTION pulse_enable_lifecycle(purchase_events text[] DEFAULT NULL, inactive_days bigint DEFAULT NULL, known text DEFAULT NULL)
    RETURNS int LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_enable_lifecycle';
COMMENT ON FUNCTION pulse_enable_lifecycle(text[], bigint, text) IS
'Keeps the lifecycle stage of everybody up to date from now on, or changes its settings, and returns their version. The stages are anonymous, known (the rule of that name is true), customer (has one of the purchase events) and churned (a known person or customer without any event for inactive_days). What is null stays as it is. Defaults: Purchase, purchase or Order Completed; 90 days (1 to 3650); exists (profile.email ?? profile.phone).
It makes the segments lifecycle_anonymous, lifecycle_known, lifecycle_customer and lifecycle_churned, which are measured as others; their changes are pulse.lifecycle_change. Errors: 22023 an invalid setting, 42601 and others for the rule, 42710 a segment of such a name exists, 55P03 a transaction that writes events is open for too long.';

-- Level: operator
CREATE FUNCTION pulse_disable_lifecycle() RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_disable_lifecycle';
COMMENT ON FUNCTION pulse_disable_lifecycle() IS
'Stops keeping lifecycle stages: archives their segments, whose history stays; lifecycle in rules has its built-in meaning again. Errors: 2BP01 a definition uses one of the segments (the detail lists them), 55P03 a transaction that writes events is open for too long.';

-- Level: reader
CREATE FUNCTION pulse_lifecycle_stages() RETURNS TABLE (stage text, people bigint, share numeric)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 4 AS 'MODULE_PATHNAME', 'pulse_lifecycle_stages';
COMMENT ON FUNCTION pulse_lifecycle_stages() IS
'Returns the number of people in each lifecycle stage at pulse_now(), exactly, and their share. Figures of fewer than 10 people are null below the level people_reader. Errors: 55000 lifecycle stages are off.';

-- Level: reader
CREATE FUNCTION pulse_lifecycle(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL)
    RETURNS TABLE (from_stage text, to_stage text, kind text, changes bigint, changes_before bigint, trend text)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 12 AS 'MODULE_PATHNAME', 'pulse_lifecycle';
COMMENT ON FUNCTION pulse_lifecycle(timestamptz, timestamptz) IS
'Returns how often people moved between lifecycle stages from since (default: 30 days before until) to before until (default: now), and in the same length of time before: the matrix of transitions, from pulse.lifecycle_change without builds and changes of settings. kind is new, progress, lost (to churned), won_back (from churned), setback or merged; changes_before and trend compare with the time before: rising, falling or stable (within 15 %); both are null if moves were not recorded yet when that time began.
Figures of fewer than 10 people are null below the level people_reader. Errors: 22023 since is not before until, infinite or more than ten years; 55000 lifecycle stages are off.';

-- Level: reader
CREATE FUNCTION pulse_lifecycle_weeks(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL)
    RETURNS TABLE (week date, from_stage text, to_stage text, changes bigint)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 50 AS 'MODULE_PATHNAME', 'pulse_lifecycle_weeks';
COMMENT ON FUNCTION pulse_lifecycle_weeks(timestamptz, timestamptz) IS
'Returns the moves between lifecycle stages in each week (from Monday, in pulse.timezone) from since (default: 12 weeks before until) to before until (default: now). Figures of fewer than 10 people are null below the level people_reader. Errors: as pulse_lifecycle().';

-- Level: reader
CREATE FUNCTION pulse_growth(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, period text DEFAULT 'week')
    RETURNS TABLE (begins date, active bigint, new bigint, "returning" bigint, resurrecting bigint, dormant bigint, quick_ratio numeric)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 12 AS 'MODULE_PATHNAME', 'pulse_growth';
COMMENT ON FUNCTION pulse_growth(timestamptz, timestamptz, text) IS
'Returns the growth accounting of each day, week (from Monday) or month of pulse.timezone from since (default: 12 weeks before until) to before until (default: now). begins: its first day. active: people with any event; they are new (never active before), returning (active in the period before) or resurrecting (active earlier, but not then); dormant: active in the period before, not in this one. So active = new + returning + resurrecting, and the active of the period before = returning + dormant.
quick_ratio is (new + resurrecting) / dormant. It reads all events before the end, and needs nothing to be switched on. Figures of fewer than 10 people are null below the level people_reader. Errors: 22023 since is not before until, infinite or more than ten years; period is not day, week or month.';
