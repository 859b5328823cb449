-- ---------------------------------------------------------------------------------------------------------
-- Room trust: campaigns. Pulse sends none: it says whether one can be sent now, and what it reached.

-- Level: reader
CREATE TABLE pulse.campaign (
    id bigserial PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 200),
    segment_id bigint REFERENCES pulse.segment ON DELETE SET NULL,
    expected_reach bigint NOT NULL CHECK (expected_reach > 0),
    at timestamptz NOT NULL CHECK (isfinite(at)),
    channel text COLLATE "C" NOT NULL CHECK (channel IN ('email', 'sms', 'push', 'ads', 'other')),
    purpose text COLLATE "C",
    period interval NOT NULL DEFAULT '1 day',
    min_share double precision NOT NULL DEFAULT 0.8 CHECK (min_share BETWEEN 0 AND 1),
    max_overlap double precision CHECK (max_overlap BETWEEN 0 AND 1),
    reach_event text COLLATE "C",
    conversion_event text COLLATE "C",
    event_property text COLLATE "C",
    notify text[],
    addresses text[],
    description text,
    status text COLLATE "C" NOT NULL CHECK (status IN ('planned', 'warned', 'launched', 'done', 'fell_short', 'cancelled')),
    answer text COLLATE "C" CHECK (answer IN ('yes', 'hold', 'no')),
    next_check_at timestamptz,
    warned_at timestamptz,
    saved_at timestamptz,
    launched_at timestamptz,
    launched_by text,
    launch_answer text COLLATE "C" CHECK (launch_answer IN ('yes', 'hold', 'no')),
    launch_reach bigint,
    reached bigint,
    conversions bigint,
    result_by text COLLATE "C" CHECK (result_by IN ('launch', 'events', 'recorded')),
    finished_at timestamptz,
    cancel_reason text,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX campaign_next ON pulse.campaign (next_check_at) WHERE next_check_at IS NOT NULL;
CREATE INDEX campaign_at ON pulse.campaign (at);
CREATE INDEX campaign_segment ON pulse.campaign (segment_id);
CREATE INDEX campaign_status ON pulse.campaign (status);
COMMENT ON TABLE pulse.campaign IS 'One row per campaign. Changed only by pulse_create_campaign() and related functions, and by the job campaigns; pulse.campaign_overview shows it.';
COMMENT ON COLUMN pulse.campaign.segment_id IS 'The segment that it is sent to; null: it was deleted.';
COMMENT ON COLUMN pulse.campaign.expected_reach IS 'How many people it is planned for.';
COMMENT ON COLUMN pulse.campaign.at IS 'When it is to be launched.';
COMMENT ON COLUMN pulse.campaign.purpose IS 'The purpose of the consent that it needs; null: none.';
COMMENT ON COLUMN pulse.campaign.period IS 'The time after the launch until what it reached is recorded.';
COMMENT ON COLUMN pulse.campaign.min_share IS 'Below this share of expected_reach it is not to be sent, and has fallen short.';
COMMENT ON COLUMN pulse.campaign.max_overlap IS 'It is not to be sent if another campaign of those days reaches a larger share of the same people; null: the overlap is only reported.';
COMMENT ON COLUMN pulse.campaign.reach_event IS 'The event of everybody who was reached, such as message_delivered; null: those who could be reached at the launch count.';
COMMENT ON COLUMN pulse.campaign.event_property IS 'The property of reach_event that holds the name of the campaign; null: each such event counts.';
COMMENT ON COLUMN pulse.campaign.notify IS 'The channels that get a message when the answer changes; null: all that belong to no subscription.';
COMMENT ON COLUMN pulse.campaign.addresses IS 'The kinds of ids by which people are reached; null: those of the channel.';
COMMENT ON COLUMN pulse.campaign.status IS 'planned; warned: the newest answer is hold or no; launched; done: it reached at least min_share of the plan; fell_short: it did not; cancelled.';
COMMENT ON COLUMN pulse.campaign.answer IS 'The newest answer to "can I send now?"; null: not checked yet.';
COMMENT ON COLUMN pulse.campaign.next_check_at IS 'When the job campaigns looks at it again; null: never.';
COMMENT ON COLUMN pulse.campaign.warned_at IS 'When a check first said hold or no.';
COMMENT ON COLUMN pulse.campaign.saved_at IS 'When the answer became yes after a warning; null: it did not, or there was another warning since.';
COMMENT ON COLUMN pulse.campaign.launched_by IS 'The role or key that launched it, or the job campaigns: at its time it counts as launched.';
COMMENT ON COLUMN pulse.campaign.launch_answer IS 'The answer at the launch.';
COMMENT ON COLUMN pulse.campaign.launch_reach IS 'How many people could be reached at the launch.';
COMMENT ON COLUMN pulse.campaign.reached IS 'How many people it reached; result_by says how that is known.';
COMMENT ON COLUMN pulse.campaign.result_by IS 'launch: launch_reach; events: the people with reach_event; recorded: pulse_record_campaign_result().';

-- Level: reader
CREATE TABLE pulse.campaign_check (
    id bigserial PRIMARY KEY,
    campaign_id bigint NOT NULL REFERENCES pulse.campaign ON DELETE CASCADE,
    at timestamptz NOT NULL,
    checked_by text NOT NULL,
    answer text COLLATE "C" NOT NULL CHECK (answer IN ('yes', 'hold', 'no')),
    planned bigint NOT NULL,
    reach bigint,
    with_address bigint,
    with_consent bigint,
    reachable bigint,
    gate text COLLATE "C" NOT NULL CHECK (gate IN ('pass', 'hold', 'block')),
    score double precision,
    incidents bigint[] NOT NULL,
    overlap bigint,
    reasons text[] NOT NULL,  -- Level: people_reader
    advice text[] NOT NULL,  -- Level: people_reader
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX campaign_check_campaign ON pulse.campaign_check (campaign_id, at DESC, id DESC);
CREATE INDEX campaign_check_at ON pulse.campaign_check (at);
COMMENT ON TABLE pulse.campaign_check IS 'The checks of campaigns with their answers, kept for pulse.check_retention.';
COMMENT ON COLUMN pulse.campaign_check.at IS 'When, by pulse_now().';
COMMENT ON COLUMN pulse.campaign_check.checked_by IS 'The role or key that asked, or the job campaigns.';
COMMENT ON COLUMN pulse.campaign_check.reach IS 'Members of the segment; null: it was never measured.';
COMMENT ON COLUMN pulse.campaign_check.with_address IS 'Members with an address of the channel; null: unknown, or none is needed.';
COMMENT ON COLUMN pulse.campaign_check.with_consent IS 'Members with live consent for the purpose; null: unknown, or none is needed.';
COMMENT ON COLUMN pulse.campaign_check.reachable IS 'Members with both; null: unknown, or neither is needed.';
COMMENT ON COLUMN pulse.campaign_check.gate IS 'The decision of the gate.';
COMMENT ON COLUMN pulse.campaign_check.score IS 'The score that it decided by.';
COMMENT ON COLUMN pulse.campaign_check.incidents IS 'Open incidents of what the segment stands on: itself, its segments, events and tables; the worst first, at most five.';
COMMENT ON COLUMN pulse.campaign_check.overlap IS 'People whom the campaign of those days with the most of them reaches, too.';
COMMENT ON COLUMN pulse.campaign_check.reasons IS 'Sentences: why.';
COMMENT ON COLUMN pulse.campaign_check.advice IS 'Sentences: what to do.';
CREATE TRIGGER campaign_trust AFTER INSERT OR DELETE OR UPDATE OF name, segment_id ON pulse.campaign FOR EACH STATEMENT EXECUTE FUNCTION pulse.note_trust_change();
COMMENT ON TRIGGER campaign_trust ON pulse.campaign IS 'Stored scores that stand on it are old.';
SELECT pg_catalog.pg_extension_config_dump('pulse.campaign', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.campaign_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.campaign_check', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.campaign_check_id_seq', '');

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- Level: reader
CREATE VIEW pulse.campaign_overview AS
SELECT c.name, s.name AS segment, c.status, c.answer, c.at, c.channel, c.purpose, c.expected_reach AS planned,
       coalesce(k.reachable, k.reach) AS reach,
       round(coalesce(k.reachable, k.reach)::numeric / c.expected_reach, 3) AS share,
       cardinality(k.incidents) AS incidents, k.overlap, k.gate,
       CASE WHEN pulse.sees_people() THEN k.reasons END AS reasons, CASE WHEN pulse.sees_people() THEN k.advice END AS advice,
       k.at AS checked_at, c.next_check_at, c.warned_at, c.saved_at IS NOT NULL AND c.status <> 'fell_short' AS saved,
       c.launched_at, c.launched_by, c.launch_answer, c.reached, round(c.reached::numeric / c.expected_reach, 3) AS reached_share,
       c.conversions, c.result_by, c.finished_at, c.period, c.description, c.cancel_reason, c.created_by
FROM pulse.campaign AS c
LEFT JOIN pulse.segment AS s ON s.id = c.segment_id
LEFT JOIN LATERAL (SELECT h.* FROM (SELECT r.id FROM pulse.campaign_check AS r WHERE r.campaign_id = c.id ORDER BY r.at DESC, r.id DESC LIMIT 1) AS n
                   CROSS JOIN LATERAL (SELECT v.reach, v.reachable, v.incidents, v.overlap, v.gate, v.reasons, v.advice, v.at
                                       FROM pulse.campaign_check AS v WHERE v.id = n.id) AS h) AS k ON true;
COMMENT ON VIEW pulse.campaign_overview IS 'One row per campaign: what is planned, the newest check, and the result.';
COMMENT ON COLUMN pulse.campaign_overview.segment IS 'Null: the segment was deleted.';
COMMENT ON COLUMN pulse.campaign_overview.reach IS 'At the newest check: who could be reached, or the members where that is unknown.';
COMMENT ON COLUMN pulse.campaign_overview.share IS 'reach relative to planned.';
COMMENT ON COLUMN pulse.campaign_overview.incidents IS 'Number of open incidents at the newest check.';
COMMENT ON COLUMN pulse.campaign_overview.reasons IS 'Of the newest check; null below the level people_reader.';
COMMENT ON COLUMN pulse.campaign_overview.saved IS 'Whether it could be sent after a warning, and did not fall short.';
COMMENT ON COLUMN pulse.campaign_overview.reached_share IS 'reached relative to planned.';

-- The measure of the mission: campaigns that fell short, and those that a warning saved.
-- Level: reader
CREATE VIEW pulse.mission AS
SELECT m.segments, m.monitored, m.monitored_share, m.open, m.acknowledged, m.resolved, m.ignored, m.median_lead_time,
       c.campaigns, c.finished AS campaigns_finished, c.fell_short AS campaigns_fell_short, c.warned AS campaigns_warned, c.saved AS campaigns_saved,
       c.avoided AS campaigns_avoided, k.checks AS campaign_checks_30d, k.checkers AS campaign_checkers_30d
FROM (SELECT count(*) FILTER (WHERE s.status = 'active') AS segments,
             count(*) FILTER (WHERE o.monitored) AS monitored,
             round(count(*) FILTER (WHERE o.monitored)::numeric / nullif(count(*) FILTER (WHERE s.status = 'active'), 0), 3) AS monitored_share,
             max(i.open) AS open, max(i.acknowledged) AS acknowledged, max(i.resolved) AS resolved, max(i.ignored) AS ignored,
             date_trunc('second', max(i.lead_time)) AS median_lead_time
      FROM pulse.segment s
      CROSS JOIN LATERAL (SELECT s.status = 'active' AND coalesce(s.baseline -> 'monitoringEnabled' <> 'false', true)
                                 AND EXISTS (SELECT FROM pulse.snapshot p WHERE p.segment_id = s.id AND p.status = 'ok'
                                             AND p.taken_at BETWEEN @extschema@.pulse_now() - 2 * s.cadence AND @extschema@.pulse_now()) AS monitored) o
      CROSS JOIN (SELECT count(*) FILTER (WHERE r.status = 'open') AS open,
                         count(*) FILTER (WHERE r.status = 'acknowledged') AS acknowledged,
                         count(*) FILTER (WHERE r.status = 'resolved') AS resolved,
                         count(*) FILTER (WHERE r.status = 'ignored') AS ignored,
                         percentile_cont(0.5) WITHIN GROUP (ORDER BY r.detected_at - r.since) AS lead_time
                  FROM pulse.incident_record r) i) AS m
CROSS JOIN (SELECT count(*) AS campaigns,
                   count(*) FILTER (WHERE g.status IN ('done', 'fell_short')) AS finished,
                   count(*) FILTER (WHERE g.status = 'fell_short') AS fell_short,
                   count(*) FILTER (WHERE g.warned_at IS NOT NULL) AS warned,
                   count(*) FILTER (WHERE g.saved_at IS NOT NULL AND g.status NOT IN ('fell_short', 'cancelled')) AS saved,
                   count(*) FILTER (WHERE g.status = 'cancelled' AND g.warned_at IS NOT NULL) AS avoided
            FROM pulse.campaign AS g) AS c
CROSS JOIN (SELECT count(*) AS checks, count(DISTINCT h.checked_by) FILTER (WHERE h.checked_by <> 'campaigns') AS checkers
            FROM pulse.campaign_check AS h WHERE h.at > @extschema@.pulse_now() - interval '30 days' AND h.at <= @extschema@.pulse_now()) AS k;
COMMENT ON VIEW pulse.mission IS 'What Pulse is for, in figures: monitored segments, incidents by status, median lead time, and what became of campaigns.';
COMMENT ON COLUMN pulse.mission.monitored IS 'Active segments with monitoring on whose newest good snapshot is at most two cadences older than pulse_now().';
COMMENT ON COLUMN pulse.mission.median_lead_time IS 'Median time from the start of a drift to the check that detected it.';
COMMENT ON COLUMN pulse.mission.campaigns IS 'All campaigns of pulse.campaign.';
COMMENT ON COLUMN pulse.mission.campaigns_finished IS 'Campaigns whose result is known: done or fell_short.';
COMMENT ON COLUMN pulse.mission.campaigns_fell_short IS 'Campaigns that reached less than min_share of their plan.';
COMMENT ON COLUMN pulse.mission.campaigns_warned IS 'Campaigns that a check said hold or no to before their launch.';
COMMENT ON COLUMN pulse.mission.campaigns_saved IS 'Of these, those that a later check said yes to, and that did not fall short.';
COMMENT ON COLUMN pulse.mission.campaigns_avoided IS 'Of these, those that were cancelled.';
COMMENT ON COLUMN pulse.mission.campaign_checks_30d IS 'Checks of campaigns in the last 30 days, within pulse.check_retention.';
COMMENT ON COLUMN pulse.mission.campaign_checkers_30d IS 'Number of roles and keys that made them, other than the job campaigns.';

SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);

-- Level: operator
CREATE FUNCTION pulse_create_campaign(name text, segment text, expected_reach bigint, at timestamptz, channel text, options jsonb DEFAULT '{}')
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_campaign';
COMMENT ON FUNCTION pulse_create_campaign(text, text, bigint, timestamptz, text, jsonb) IS
'Plans a campaign to a segment, for expected_reach people at a time, by a channel: email, sms, push, ads or other. Returns its id. The job campaigns checks it a day and an hour before, and sends a message when the answer changes; pulse_check_campaign() answers at any time. Options: purpose (of the consent that it needs), period (after the launch, until its result is recorded; default 1 day), min_share (of the plan, below which it is not to be sent; 0.8),
max_overlap (share of the people whom another campaign of those days may reach), reach_event and conversion_event (events of who was reached, and of who converted), event_property (of reach_event, with the name of the campaign), notify (channels; default all that belong to no subscription), addresses (kinds of ids; default those of the channel), description. Errors: 42710 the name is taken, 42704 unknown segment, purpose, kind of ids or channel, 55000 the segment is a draft or archived, 22023 an invalid option, an unknown channel, a time in the past or beyond ten years, a number below 1, 22004 null.';

-- Level: operator
CREATE FUNCTION pulse_update_campaign(name text, segment text DEFAULT NULL, expected_reach bigint DEFAULT NULL, at timestamptz DEFAULT NULL,
                                      channel text DEFAULT NULL, options jsonb DEFAULT NULL, new_name text DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_update_campaign';
COMMENT ON FUNCTION pulse_update_campaign(text, text, bigint, timestamptz, text, jsonb, text) IS
'Changes a campaign that was not launched: null leaves a value as it is; in options, keys that are not given stay, and null removes one. Errors: 42704 unknown campaign, 55000 it was launched or cancelled, and those of pulse_create_campaign().';

-- Level: operator
CREATE FUNCTION pulse_cancel_campaign(name text, reason text DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_cancel_campaign';
COMMENT ON FUNCTION pulse_cancel_campaign(text, text) IS
'Cancels a campaign that was not launched. Recorded in pulse.audit. Errors: 42704 unknown campaign, 55000 it was launched or cancelled, 22004 null.';

-- Level: operator
CREATE FUNCTION pulse_delete_campaign(name text)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_delete_campaign';
COMMENT ON FUNCTION pulse_delete_campaign(text) IS
'Deletes a campaign with its checks; pulse.mission no longer counts it. Recorded in pulse.audit. Errors: 42704 unknown campaign, 22004 null.';

-- Level: operator
CREATE FUNCTION pulse_check_campaign(name text)
    RETURNS TABLE (answer text, planned bigint, reach bigint, with_address bigint, with_consent bigint, reachable bigint, incidents bigint[],
                   overlap bigint, gate text, score double precision, reasons text[], advice text[], checked_at timestamptz)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_check_campaign';
COMMENT ON FUNCTION pulse_check_campaign(text) IS
'Answers "can I send now?" at pulse_now(): yes, hold or no, with the reasons and what to do. Counts the members of the segment and who of them has an address of the channel and live consent for the purpose (of a segment over a relation: its newest snapshot), and compares them with the plan; looks at open incidents of the segment and of what it is made of, at the gate (action launch_campaign), and at other campaigns of those days. hold: too few people, a high or critical incident, the gate holds, a snapshot that is too old, too much overlap; no: nobody, the gate blocks, the segment was deleted or archived.
The check becomes a row of pulse.campaign_check; channels get a message when the answer is another one than before. Errors: 42704 unknown campaign, 55000 it was launched or cancelled, 22004 null.';

-- Level: operator
CREATE FUNCTION pulse_launch_campaign(name text)
    RETURNS TABLE (answer text, planned bigint, reach bigint, with_address bigint, with_consent bigint, reachable bigint, incidents bigint[],
                   overlap bigint, gate text, score double precision, reasons text[], advice text[], checked_at timestamptz)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_launch_campaign';
COMMENT ON FUNCTION pulse_launch_campaign(text) IS
'Asks the gate for a decision, checks the campaign as pulse_check_campaign() does, and marks it as launched if the answer is yes: send it then, and only then. Without this call it counts as launched at its time, whatever the answer is. Recorded in pulse.audit. Errors: 42704 unknown campaign, 55000 it was launched or cancelled, 22004 null.';

-- Level: operator
CREATE FUNCTION pulse_record_campaign_result(name text, reached bigint, conversions bigint DEFAULT NULL)
    RETURNS text LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_record_campaign_result';
COMMENT ON FUNCTION pulse_record_campaign_result(text, bigint, bigint) IS
'Records how many people a campaign reached, and how many of them converted, and replaces the result of the job; also for one that was sent without pulse_launch_campaign(), and again to correct it. Returns the status: done or fell_short. Recorded in pulse.audit. Errors: 42704 unknown campaign, 55000 it is cancelled, 22023 a number below 0, 22004 null.';

REVOKE EXECUTE ON FUNCTION pulse_create_campaign(text, text, bigint, timestamptz, text, jsonb), pulse_update_campaign(text, text, bigint, timestamptz, text, jsonb, text),
    pulse_cancel_campaign(text, text), pulse_delete_campaign(text), pulse_check_campaign(text), pulse_launch_campaign(text),
    pulse_record_campaign_result(text, bigint, bigint) FROM PUBLIC;
