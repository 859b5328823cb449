-- ---------------------------------------------------------------------------------------------------------
-- Room trust: automations, which propose actions.

-- Level: reader
CREATE TABLE pulse.automation (
    id bigserial PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (octet_length(name) BETWEEN 1 AND 255),
    definition jsonb NOT NULL,  -- Level: people_reader
    cause text NOT NULL CHECK (cause IN ('incident', 'membership', 'schedule', 'signal')),
    cause_segment_id bigint,
    version int NOT NULL DEFAULT 1,
    status text NOT NULL CHECK (status IN ('active', 'paused')),
    status_reason text,
    description text,
    next_run timestamptz,
    anchor timestamptz NOT NULL,
    position bigint,
    signal_met boolean NOT NULL DEFAULT false,
    signal_at timestamptz,
    checked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    runs_as name NOT NULL,
    role_oid oid,
    search_path text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX automation_cause ON pulse.automation (cause, cause_segment_id) WHERE status = 'active';
COMMENT ON TABLE pulse.automation IS 'Automations: what causes an action, the action, its level and limits. Changed only by pulse_create_automation() and related functions; the view pulse.automation_overview shows their state.';
COMMENT ON COLUMN pulse.automation.cause IS 'What causes it: incident, membership, schedule or signal.';
COMMENT ON COLUMN pulse.automation.cause_segment_id IS 'The segment of its incidents or members.';
COMMENT ON COLUMN pulse.automation.status_reason IS 'Why it is paused, or was resumed.';
COMMENT ON COLUMN pulse.automation.next_run IS 'When its schedule is due.';
COMMENT ON COLUMN pulse.automation.anchor IS 'The moment from which an interval counts; for a schedule.';
COMMENT ON COLUMN pulse.automation.position IS 'The position up to which it has read changes of membership.';
COMMENT ON COLUMN pulse.automation.signal_met IS 'Whether the newest signal met its condition: it acts when that becomes true.';
COMMENT ON COLUMN pulse.automation.checked_at IS 'When the job automations last checked its members or its signal.';
COMMENT ON COLUMN pulse.automation.runs_as IS 'The role that created its newest version: a function runs with its rights.';
COMMENT ON COLUMN pulse.automation.role_oid IS 'The oid of runs_as, by which the role is found: a role that gets its name later is another role. Set by a trigger.';

-- A restored copy of the database must not act because the original does: its automations are paused until a person resumes them.
CREATE FUNCTION pulse.settle_automation() RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.status = 'active' THEN
        NEW.status := 'paused';
        NEW.status_reason := CASE current_setting('session_replication_role') WHEN 'replica' THEN 'replicated from another server' ELSE 'restored from a dump' END;
    END IF;
    IF TG_OP = 'INSERT' THEN
        NEW.position := NULL;
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION pulse.settle_automation() IS 'Pauses the automations of a restored dump or a logical copy.';
CREATE TRIGGER automation_pause BEFORE INSERT ON pulse.automation FOR EACH ROW EXECUTE FUNCTION pulse.settle_automation();
ALTER TABLE pulse.automation ENABLE ALWAYS TRIGGER automation_pause;
COMMENT ON TRIGGER automation_pause ON pulse.automation IS 'For a restored dump or a logical copy; pulse_create_automation() makes its row active afterwards.';
CREATE TRIGGER automation_pause_copy BEFORE UPDATE OF status ON pulse.automation FOR EACH ROW EXECUTE FUNCTION pulse.settle_automation();
ALTER TABLE pulse.automation ENABLE REPLICA TRIGGER automation_pause_copy;
COMMENT ON TRIGGER automation_pause_copy ON pulse.automation IS 'For a logical copy: what is active on the other server is paused here.';
CREATE TRIGGER automation_settle BEFORE INSERT OR UPDATE OF runs_as, role_oid ON pulse.automation FOR EACH ROW EXECUTE FUNCTION pulse.settle_role();
COMMENT ON TRIGGER automation_settle ON pulse.automation IS 'For new rows, renamed roles, and those of a restored dump.';
ALTER TABLE pulse.automation ENABLE ALWAYS TRIGGER automation_settle;

-- Level: reader
CREATE TABLE pulse.automation_version (
    automation_id bigint NOT NULL REFERENCES pulse.automation ON DELETE CASCADE,
    version int NOT NULL,
    definition jsonb NOT NULL,  -- Level: people_reader
    change text NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (automation_id, version)
);
COMMENT ON TABLE pulse.automation_version IS 'All versions of each automation, with who made the change, when, and which parts differ.';

-- Level: reader
CREATE TABLE pulse.automation_trigger (
    id bigserial PRIMARY KEY,
    automation_id bigint NOT NULL REFERENCES pulse.automation ON DELETE CASCADE,
    key text NOT NULL,
    at timestamptz NOT NULL,
    data jsonb NOT NULL,  -- Level: people_reader
    share double precision,
    status text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'acted', 'skipped')),
    action_id bigint,
    note text,  -- Level: people_reader
    handled_at timestamptz,
    retry_at timestamptz,
    UNIQUE (automation_id, key)
);
CREATE INDEX automation_trigger_waiting ON pulse.automation_trigger (id) WHERE status = 'waiting';
CREATE INDEX automation_trigger_newest ON pulse.automation_trigger (automation_id, id);
CREATE INDEX automation_trigger_at ON pulse.automation_trigger (at);
COMMENT ON TABLE pulse.automation_trigger IS 'What caused each automation, one row each, written by the transaction that saw it; the job automations proposes the action. Kept for 365 days.';
COMMENT ON COLUMN pulse.automation_trigger.key IS 'Names the cause, such as incident:12: it acts once.';
COMMENT ON COLUMN pulse.automation_trigger.data IS 'The details of the cause, given to the action as cause in its payload.';
COMMENT ON COLUMN pulse.automation_trigger.share IS 'The share of the segment that moved, at most.';
COMMENT ON COLUMN pulse.automation_trigger.status IS 'waiting; acted: proposed action_id; skipped: note says why.';
COMMENT ON COLUMN pulse.automation_trigger.retry_at IS 'Not checked again before this time, because that failed; note has the error.';

CREATE TRIGGER automation_trust AFTER INSERT OR DELETE OR UPDATE OF name, definition ON pulse.automation FOR EACH STATEMENT EXECUTE FUNCTION pulse.note_trust_change();
COMMENT ON TRIGGER automation_trust ON pulse.automation IS 'Stored scores that stand on it are old.';
SELECT pg_catalog.pg_extension_config_dump('pulse.automation', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.automation_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.automation_version', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.automation_trigger', $$WHERE status <> 'waiting'$$);
SELECT pg_catalog.pg_extension_config_dump('pulse.automation_trigger_id_seq', '');
-- What lets actions pass is written by the owner alone: without a policy for writing not even pg_write_all_data can.
ALTER TABLE pulse.automation ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.automation FOR SELECT USING (true);
ALTER TABLE pulse.automation_version ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.automation_version FOR SELECT USING (true);

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- Level: reader
CREATE VIEW pulse.automation_overview AS
SELECT a.name, a.status, a.status_reason, a.cause, a.definition -> 'do' ->> 'action' AS action,
       coalesce(a.definition -> 'do' ->> 'subject', 'automation:' || a.name) AS subject, coalesce(a.definition ->> 'level', 'approval') AS level,
       a.version, l.at AS last_caused_at, l.status AS last_result, l.action_id AS last_action, CASE WHEN pulse.sees_people() THEN l.note END AS last_note,
       (SELECT count(*) FROM pulse.action AS x WHERE x.automation_id = a.id AND x.applied_at > @extschema@.pulse_now() - interval '1 day') AS applied_in_24_h,
       w.id AS waiting_action, w.state AS waiting_state, w.needs AS waiting_for, a.next_run, pulse.role_name(a.runs_as, a.role_oid) AS runs_as,
       a.description, a.created_by, a.created_at, a.updated_at, a.id, CASE WHEN pulse.sees_people() THEN a.definition END AS definition
FROM pulse.automation AS a
     LEFT JOIN LATERAL (SELECT g.at, g.status, g.action_id, g.note FROM pulse.automation_trigger AS g
                        WHERE g.automation_id = a.id ORDER BY g.id DESC LIMIT 1) AS l ON true
     LEFT JOIN LATERAL (SELECT x.id, x.state, x.needs FROM pulse.action AS x
                        WHERE x.automation_id = a.id AND x.state IN ('pending', 'approved', 'applying') ORDER BY x.id LIMIT 1) AS w ON true;
COMMENT ON VIEW pulse.automation_overview IS 'One row per automation: what causes it, what it does, what came of it last, and what waits. Below the level people_reader last_note and definition are null.';
COMMENT ON COLUMN pulse.automation_overview.subject IS 'The subject of its actions; those of an automation that names none have the automation as subject.';
COMMENT ON COLUMN pulse.automation_overview.last_result IS 'waiting, acted, or skipped; last_note says why.';
COMMENT ON COLUMN pulse.automation_overview.waiting_action IS 'Its oldest action that has not ended, with its state and what it waits for.';

-- Level: reader
CREATE VIEW pulse.action_overview AS
SELECT a.id, a.name, a.subject, a.risk, a.level, a.state, a.needs, a.channel,
       (SELECT t.name FROM pulse.automation AS t WHERE t.id = a.automation_id) AS automation, a.verdict, a.score, a.reasons, a.warnings,
       (SELECT g.lifts FROM pulse.gate_decision AS g WHERE g.id = a.decision_id) AS lifts, a.created_at, a.created_by, a.expires_at, a.approved_at,
       a.approved_by, a.confirmed_by, a.overridden_by, a.applied_at, a.finished_at, a.runs_as,
       CASE WHEN pulse.sees_people() THEN a.payload END AS payload, CASE WHEN pulse.sees_people() THEN a.reason END AS reason,
       CASE WHEN pulse.sees_people() THEN a.state_before END AS state_before, CASE WHEN pulse.sees_people() THEN a.result END AS result,
       CASE WHEN pulse.sees_people() THEN a.error END AS error
FROM pulse.action AS a;
COMMENT ON VIEW pulse.action_overview IS 'One row per action, with the automation that proposed it and what would lift the decision of the gate. Below the level people_reader payload, reason, state_before, result and error are null.';

-- Level: reader
CREATE VIEW pulse.action_history AS
SELECT e.id, e.action_id, e.at, e.event, e.state, e.needs, e.actor, e.verdict, e.attempt, CASE WHEN pulse.sees_people() THEN e.note END AS note
FROM pulse.action_event AS e;
COMMENT ON VIEW pulse.action_history IS 'The steps of each action, as in pulse.action_event. Below the level people_reader note is null.';

SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);

-- Level: operator
CREATE FUNCTION pulse_create_automation(name text, definition jsonb, description text DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_automation';
COMMENT ON FUNCTION pulse_create_automation(text, jsonb, text) IS
'Creates an automation and returns its id. definition is an object:
when, with exactly one cause: {"incident": {"segment", "detector", "severity"}} (each may be left out; severity or worse), {"membership": {"segment", "change": "entered" | "exited"}} (a segment over people), {"schedule": "0 6 * * *"} or {"schedule": {"cron", "time_zone"}}, {"signal": {"name", "entity", "above" | "below"}} (when it becomes true);
do: {"action", "subject", "payload", "channel"} as pulse_propose_action() takes them; without subject it is the automation itself;
level: guarded, approval (the default) or suggest; mode: advisory, soft_block or hard_block for its limits;
limits: {"per_day": 5, "apart": "4 h", "max_change": 0.3, "max_value": 1000, "cool_down": "1 h", "max_share": 0.2}. Causes within cool_down after its last action are skipped. An action that moves a larger share of the segment at once than max_share waits for a person.
The job automations proposes the action, with the cause in the payload as cause. The gate judges it by the health of what the automation reads: the segment of its members, and its subject; a subject that Pulse does not know, or none, stands on everything. The same incident acts once.
Errors: 22023 invalid definition or name, 42710 name taken, 42704 unknown segment, channel, function or subject, 42501 no right to execute the function, 54000 too large.';

-- Level: operator
CREATE FUNCTION pulse_update_automation(name text, definition jsonb DEFAULT NULL, description text DEFAULT NULL, new_name text DEFAULT NULL) RETURNS int
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_update_automation';
COMMENT ON FUNCTION pulse_update_automation(text, jsonb, text, text) IS
'Changes an automation; null leaves a value as it is. A new definition replaces the whole one, is another version, which this returns, and runs with the rights of the caller. Actions that wait are decided by the new limits. Errors: 42704 unknown automation, 42501 it belongs to another role, and those of pulse_create_automation().';

-- Level: operator
CREATE FUNCTION pulse_delete_automation(name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_delete_automation';
COMMENT ON FUNCTION pulse_delete_automation(text) IS
'Deletes an automation with its versions and causes, and dismisses its actions that wait; the others stay. Errors: 42704 unknown automation, 42501 it belongs to another role.';

-- Level: operator
CREATE FUNCTION pulse_pause_automation(name text, reason text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_pause_automation';
COMMENT ON FUNCTION pulse_pause_automation(text, text) IS
'Pauses an automation: nothing causes it, and its actions that wait are dismissed when they are due. Errors: 42704 unknown automation, 55000 it is paused.';

-- Level: operator
CREATE FUNCTION pulse_resume_automation(name text, reason text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_resume_automation';
COMMENT ON FUNCTION pulse_resume_automation(text, text) IS
'Resumes a paused automation. What happened while it was paused does not cause it. Errors: 42704 unknown automation, 55000 it is active.';

-- Level: operator
CREATE FUNCTION pulse_run_automations() RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_run_automations';
COMMENT ON FUNCTION pulse_run_automations() IS
'Looks for what causes automations, proposes their actions, carries out what may be carried out as pulse_run_actions() does, and returns the number of causes and actions that changed. The job automations does it; call it on a server without workers.';
