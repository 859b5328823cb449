-- ---------------------------------------------------------------------------------------------------------
-- Room trust: actions, from the proposal to the end, and the limits that they must keep.

-- Level: reader
CREATE TABLE pulse.action (
    id bigserial PRIMARY KEY,
    name text NOT NULL,
    subject text NOT NULL,
    gate_subject text NOT NULL,
    payload jsonb NOT NULL DEFAULT '{}',  -- Level: people_reader
    reason text,  -- Level: people_reader
    risk text NOT NULL,
    level text NOT NULL CHECK (level IN ('suggest', 'guarded', 'approval')),
    state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'approved', 'applying', 'applied', 'failed', 'dismissed', 'rolled_back', 'expired')),
    needs text CHECK (needs IN ('approval', 'confirmation', 'health', 'decision')),
    channel text,
    automation_id bigint,
    share double precision,
    decision_id bigint,
    verdict text,
    score double precision,
    reasons text[] NOT NULL DEFAULT '{}',
    warnings text[] NOT NULL DEFAULT '{}',
    decided_at timestamptz,
    attempt int NOT NULL DEFAULT 0,
    retry_at timestamptz,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    expires_at timestamptz NOT NULL,
    approved_at timestamptz,
    approved_by text,
    confirmed_at timestamptz,
    confirmed_by text,
    overridden_at timestamptz,
    overridden_by text,
    applied_at timestamptz,
    finished_at timestamptz,
    state_before jsonb,  -- Level: people_reader
    result jsonb,  -- Level: people_reader
    error text,  -- Level: people_reader
    runs_as name NOT NULL,
    role_oid oid,
    search_path text NOT NULL,
    CHECK ((state = 'pending') = (needs IS NOT NULL)),
    CHECK ((state IN ('pending', 'approved', 'applying')) = (finished_at IS NULL))
);
CREATE UNIQUE INDEX action_live ON pulse.action (subject) WHERE state IN ('pending', 'approved', 'applying');
CREATE INDEX action_due ON pulse.action (expires_at, id) WHERE state IN ('pending', 'approved', 'applying');
CREATE INDEX action_usage ON pulse.action (subject, name, applied_at) WHERE applied_at IS NOT NULL;
CREATE INDEX action_automation ON pulse.action (automation_id, applied_at) WHERE applied_at IS NOT NULL;
CREATE INDEX action_automation_live ON pulse.action (automation_id) WHERE state IN ('pending', 'approved', 'applying');
CREATE INDEX action_finished ON pulse.action (finished_at) WHERE finished_at IS NOT NULL;
CREATE TRIGGER action_settle BEFORE INSERT OR UPDATE OF runs_as, role_oid ON pulse.action FOR EACH ROW EXECUTE FUNCTION pulse.settle_role();
COMMENT ON TRIGGER action_settle ON pulse.action IS 'For new actions, and those of a restored dump.';
ALTER TABLE pulse.action ENABLE ALWAYS TRIGGER action_settle;
COMMENT ON TABLE pulse.action IS
'Actions, one row each: proposed by people, programs and automations, decided by the gate, limits and people, and carried out at most once. Changed only by pulse_propose_action() and the functions that end an action. At most one action of a subject is pending, approved or being applied. Kept for 365 days after the end, those that were overridden for two years.';
COMMENT ON COLUMN pulse.action.name IS 'What is done, such as increase_budget; pulse.action_type has its risk class.';
COMMENT ON COLUMN pulse.action.subject IS 'What it is done to, such as ad_campaign:summer.';
COMMENT ON COLUMN pulse.action.gate_subject IS 'Whose health the gate asks for: of an automation the automation, with all that it reads; else the subject.';
COMMENT ON COLUMN pulse.action.payload IS 'What the receiver or the function gets. Limits of changes read its numbers before and after.';
COMMENT ON COLUMN pulse.action.risk IS 'The risk class when it was proposed.';
COMMENT ON COLUMN pulse.action.level IS 'guarded: is carried out as soon as the gate lets it pass, unless its risk is high; approval: waits for a person; suggest: the same, without a message.';
COMMENT ON COLUMN pulse.action.state IS 'pending: waits, see needs; approved: is carried out next; applying: handed to a receiver that has not confirmed it; applied; failed; dismissed: by a person or a limit; rolled_back; expired: waited for too long.';
COMMENT ON COLUMN pulse.action.needs IS 'approval: pulse_approve_action(); confirmation: a limit is exceeded, pulse_confirm_action() with a token; health: the gate holds it until the health rises; decision: the gate blocks it.';
COMMENT ON COLUMN pulse.action.channel IS 'The channel of kind webhook that it leaves through; null: Pulse carries it out itself.';
COMMENT ON COLUMN pulse.action.automation_id IS 'The automation that proposed it.';
COMMENT ON COLUMN pulse.action.share IS 'The share of the people of a segment that it moves at once.';
COMMENT ON COLUMN pulse.action.decision_id IS 'The newest decision of the gate, in pulse.gate_decision.';
COMMENT ON COLUMN pulse.action.reasons IS 'Why it is not carried out: what the gate and the limits say.';
COMMENT ON COLUMN pulse.action.warnings IS 'Limits that it exceeds and that do not stop it.';
COMMENT ON COLUMN pulse.action.attempt IS 'How often it was begun. Each attempt has its own decision.';
COMMENT ON COLUMN pulse.action.retry_at IS 'Not carried out, or not looked at again, before this time.';
COMMENT ON COLUMN pulse.action.expires_at IS 'When a pending or approved action expires, and one that is being applied fails because nobody confirmed it.';
COMMENT ON COLUMN pulse.action.overridden_at IS 'When an admin let it pass despite a hold; null again once the gate blocks it.';
COMMENT ON COLUMN pulse.action.applied_at IS 'When it was carried out, or left for its receiver. Limits count from it.';
COMMENT ON COLUMN pulse.action.state_before IS 'What pulse_rollback_action() restores.';
COMMENT ON COLUMN pulse.action.runs_as IS 'The role that proposed it, or that owns the automation: run_function runs with its rights.';
COMMENT ON COLUMN pulse.action.role_oid IS 'The oid of runs_as, by which the role is found: a role that gets its name later is another role. Set by a trigger.';

-- Level: reader
CREATE TABLE pulse.action_event (
    id bigserial PRIMARY KEY,
    action_id bigint NOT NULL REFERENCES pulse.action ON DELETE CASCADE,
    at timestamptz NOT NULL,
    event text NOT NULL,
    state text NOT NULL,
    needs text,
    actor text NOT NULL,
    decision_id bigint,
    verdict text,
    attempt int,
    note text  -- Level: people_reader
);
CREATE INDEX action_event_action ON pulse.action_event (action_id, id);
-- The fence: an attempt is begun once.
CREATE UNIQUE INDEX action_event_attempt ON pulse.action_event (action_id, attempt) WHERE event = 'applying';
COMMENT ON TABLE pulse.action_event IS 'The history of each action: every step, who took it, and the decision of the gate that it is based on.';
COMMENT ON COLUMN pulse.action_event.event IS 'proposed, held, blocked, approved, confirmed, overridden, override_refused, applying, applied, failed, retried, dismissed, rolled_back, expired.';
COMMENT ON COLUMN pulse.action_event.state IS 'The state after the step.';
COMMENT ON COLUMN pulse.action_event.attempt IS 'The attempt that began; an attempt begins once.';

-- Level: owner
CREATE TABLE pulse.action_token (
    hash bytea PRIMARY KEY,
    action_id bigint NOT NULL REFERENCES pulse.action ON DELETE CASCADE,
    purpose text NOT NULL CHECK (purpose IN ('confirm', 'outcome')),
    attempt int NOT NULL,
    expires_at timestamptz NOT NULL,
    valid_until timestamptz NOT NULL
);
CREATE INDEX action_token_action ON pulse.action_token (action_id);
COMMENT ON TABLE pulse.action_token IS 'SHA-256 of the tokens that confirm an action: each is valid once, for a limited time. No table contains a token.';
COMMENT ON COLUMN pulse.action_token.purpose IS 'confirm: a person confirms that limits may be exceeded; outcome: the receiver reports what became of the action.';
COMMENT ON COLUMN pulse.action_token.valid_until IS 'The same end by the wall clock: a session that sets pulse.now back makes no token valid again.';

-- Level: reader
CREATE TABLE pulse.enforcement (
    id int PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    enabled boolean NOT NULL DEFAULT true,
    mode text NOT NULL DEFAULT 'soft_block' CHECK (mode IN ('advisory', 'soft_block', 'hard_block')),
    risk_modes jsonb NOT NULL DEFAULT '{}',
    expire_after interval NOT NULL DEFAULT '24 hours' CHECK (expire_after >= '1 minute'),
    confirm_within interval NOT NULL DEFAULT '15 minutes' CHECK (confirm_within >= '1 minute'),
    max_share double precision NOT NULL DEFAULT 0.2 CHECK (max_share BETWEEN 0 AND 1),
    channel text,
    reason text,
    changed_by text,
    changed_at timestamptz
);
COMMENT ON TABLE pulse.enforcement IS 'Settings of the limits of actions: one row, changed by pulse_set_enforcement(). None of them touches the gate.';
COMMENT ON COLUMN pulse.enforcement.enabled IS 'false: the kill switch is used. Limits only warn; the gate works as always.';
COMMENT ON COLUMN pulse.enforcement.mode IS 'What happens when a limit is exceeded. advisory: a warning; soft_block: a person confirms it with a token and a reason; hard_block: the action is dismissed.';
COMMENT ON COLUMN pulse.enforcement.risk_modes IS 'A mode for each risk class, such as {"high": "hard_block"}. The strictest mode that applies wins.';
COMMENT ON COLUMN pulse.enforcement.expire_after IS 'How long an action may wait; then it expires and is never carried out.';
COMMENT ON COLUMN pulse.enforcement.confirm_within IS 'How long a token of confirmation is valid.';
COMMENT ON COLUMN pulse.enforcement.max_share IS 'An action that moves a larger share of a segment at once waits for a person.';
COMMENT ON COLUMN pulse.enforcement.channel IS 'The channel for actions that name none.';
INSERT INTO pulse.enforcement DEFAULT VALUES;

-- Level: reader
CREATE TABLE pulse.enforcement_rule (
    id bigserial PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 255),
    actions text[] NOT NULL,
    limits jsonb NOT NULL,
    mode text NOT NULL CHECK (mode IN ('advisory', 'soft_block', 'hard_block')),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE pulse.enforcement_rule IS 'Limits for actions by name or risk class. Changed by pulse_create_enforcement_rule() and pulse_delete_enforcement_rule().';
COMMENT ON COLUMN pulse.enforcement_rule.actions IS 'Names of actions, or risk classes as "risk:high".';
COMMENT ON COLUMN pulse.enforcement_rule.limits IS 'per_day and apart count the actions of the same name on the same subject; max_change and max_value read the payload.';

-- A restored copy of the database must not carry out what waits in the original.
SELECT pg_catalog.pg_extension_config_dump('pulse.action', $$WHERE state NOT IN ('pending', 'approved', 'applying')$$);
SELECT pg_catalog.pg_extension_config_dump('pulse.action_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.action_event', $$WHERE action_id IN (SELECT id FROM pulse.action WHERE state NOT IN ('pending', 'approved', 'applying'))$$);
SELECT pg_catalog.pg_extension_config_dump('pulse.action_event_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.action_token', 'WHERE false');
SELECT pg_catalog.pg_extension_config_dump('pulse.enforcement', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.enforcement_rule', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.enforcement_rule_id_seq', '');
-- What lets actions pass is written by the owner alone: without a policy for writing not even pg_write_all_data can.
ALTER TABLE pulse.action ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.action FOR SELECT USING (true);
ALTER TABLE pulse.action_token ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.action_token FOR SELECT USING (true);
ALTER TABLE pulse.enforcement ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.enforcement FOR SELECT USING (true);
ALTER TABLE pulse.enforcement_rule ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.enforcement_rule FOR SELECT USING (true);

CREATE FUNCTION pulse.settle_enforcement() RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM pulse.enforcement;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION pulse.settle_enforcement() IS 'Lets the settings of a restored dump replace those that CREATE EXTENSION made.';
CREATE TRIGGER enforcement_settle BEFORE INSERT ON pulse.enforcement FOR EACH ROW EXECUTE FUNCTION pulse.settle_enforcement();
ALTER TABLE pulse.enforcement ENABLE ALWAYS TRIGGER enforcement_settle;
COMMENT ON TRIGGER enforcement_settle ON pulse.enforcement IS 'For the settings of a restored dump or a logical copy.';

-- ---- Proposing ----

-- Level: operator
CREATE FUNCTION pulse_propose_action(action text, subject text, payload jsonb DEFAULT NULL, reason text DEFAULT NULL, level text DEFAULT 'approval',
                                     channel text DEFAULT NULL, dry_run boolean DEFAULT false)
    RETURNS TABLE (id bigint, state text, needs text, would_execute boolean, decision text, score double precision, reasons text[], warnings text[],
                   token text, token_expires_at timestamptz)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_propose_action';
COMMENT ON FUNCTION pulse_propose_action(text, text, jsonb, text, text, text, boolean) IS
'Proposes an action on a subject, such as increase_budget on ad_campaign:summer, and returns what becomes of it: its state, what it waits for, whether it will be carried out without anybody doing anything (would_execute), the decision of the gate, its score, why it waits (reasons), and limits that it exceeds (warnings). With dry_run nothing is written and id is null.
level guarded lets the job automations carry it out as soon as the gate lets it pass, unless its risk class is high; approval waits for pulse_approve_action(); suggest does, too, and sends no message. If a limit is exceeded in mode soft_block, token is for pulse_confirm_action(); it is shown only here.
Pulse itself carries out run_function (payload {"function": name, "arguments": {}}: calls name(jsonb) with the rights of the caller of this function), pause_automation, resume_automation, pause_flag, resume_flag, sync_audience, pause_audience and resume_audience. Every other action leaves as a signed webhook through the channel, which is of kind webhook. Both look at gate, limits and settings again at that moment.
Errors: 22023 invalid name, subject, payload, level or channel, 22004 null, 42704 unknown channel, function or subject, 42501 no right to execute the function, 55000 the subject has an action that has not ended (the message names it), or everything is frozen, 54000 payload of more than 100 kB.';

-- ---- Decisions of people ----

-- Level: operator
CREATE FUNCTION pulse_approve_action(action bigint, comment text DEFAULT NULL)
    RETURNS TABLE (id bigint, state text, needs text, would_execute boolean, decision text, score double precision, reasons text[], warnings text[])
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_approve_action';
COMMENT ON FUNCTION pulse_approve_action(bigint, text) IS
'Approves a pending action, and returns what becomes of it. The gate and the limits decide anew: what they hold waits until the health rises, and is then carried out unless it has expired. A limit that is exceeded needs pulse_confirm_action() instead. Errors: 42704 unknown action, 55000 it is not pending, is approved already, or everything is frozen.';

-- Level: operator
CREATE FUNCTION pulse_approve_actions(comment text DEFAULT NULL)
    RETURNS TABLE (id bigint, state text, needs text, would_execute boolean, decision text, score double precision, reasons text[], warnings text[])
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'pulse_approve_actions';
COMMENT ON FUNCTION pulse_approve_actions(text) IS
'Approves all pending actions that wait for an approval or a decision, but no suggestions, as pulse_approve_action() does; those that another session handles at the moment are left out. Errors: 55000 everything is frozen.';

-- Level: operator
CREATE FUNCTION pulse_dismiss_action(action bigint, reason text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_dismiss_action';
COMMENT ON FUNCTION pulse_dismiss_action(bigint, text) IS
'Dismisses an action that is pending or approved, or that is being applied and not confirmed: its message is not sent if it has not left. Also works while everything is frozen. Errors: 42704 unknown action, 55000 it has ended.';

-- Level: operator
CREATE FUNCTION pulse_request_confirmation(action bigint) RETURNS TABLE (token text, expires_at timestamptz, violations text[])
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_request_confirmation';
COMMENT ON FUNCTION pulse_request_confirmation(bigint) IS
'Returns a token for pulse_confirm_action() on an action that exceeds limits, and the limits. It is valid once and for a limited time (confirm_within in pulse.enforcement); earlier ones end. It is shown only here; Pulse keeps its hash. Errors: 42704 unknown action, 55000 it needs no confirmation, or everything is frozen.';

-- Level: operator
CREATE FUNCTION pulse_confirm_action(action bigint, token text, reason text, outcome text DEFAULT NULL, result jsonb DEFAULT NULL)
    RETURNS TABLE (id bigint, state text, needs text, would_execute boolean, decision text, score double precision, reasons text[], warnings text[])
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_confirm_action';
COMMENT ON FUNCTION pulse_confirm_action(bigint, text, text, text, jsonb) IS
'Confirms an action by a token that is valid once. Without outcome: a person accepts that limits are exceeded and says why; the gate decides as always. With outcome applied or failed: the receiver of the webhook reports what became of the action, with the token of its message, and may add a result. Returns what becomes of the action. Errors: 42704 unknown action, 42501 the token is wrong, used, or has expired, 55000 the action is not waiting for it, or everything is frozen, 22023 no reason, unknown outcome.';

-- Level: operator
CREATE FUNCTION pulse_confirm_action(token text, outcome text)
    RETURNS TABLE (id bigint, state text, needs text, would_execute boolean, decision text, score double precision, reasons text[], warnings text[])
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_confirm_outcome';
COMMENT ON FUNCTION pulse_confirm_action(text, text) IS
'The same for the receiver of a webhook that keeps no ids and has no result: reports applied or failed with the token of the message. Errors: 42501 the token is wrong, used, or has expired, 22023 unknown outcome.';

-- Level: admin
CREATE FUNCTION pulse_override_action(action bigint, reason text)
    RETURNS TABLE (id bigint, state text, needs text, would_execute boolean, decision text, score double precision, reasons text[], warnings text[],
                   overridden boolean)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_override_action';
COMMENT ON FUNCTION pulse_override_action(bigint, text) IS
'Lets an action pass that the gate holds, once, and approves it. If the gate blocks it, because the health is unhealthy or unknown, it is not overridden: the attempt is recorded in pulse.audit and sent to subscriptions of action.blocked, and overridden is false. That is no error, since an error would undo the record. Errors: 42704 unknown action, 22023 no reason, 55000 it is not pending, the gate does not hold it, or everything is frozen.';

-- Level: operator
CREATE FUNCTION pulse_rollback_action(action bigint, reason text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_rollback_action';
COMMENT ON FUNCTION pulse_rollback_action(bigint, text) IS
'Undoes an applied action: restores the state that was kept before it. Errors: 42704 unknown action, 55000 it is not applied, its kind cannot be undone (the hint says what to do), the subject has a later action, or everything is frozen.';

-- Level: operator
CREATE FUNCTION pulse_run_actions() RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_run_actions';
COMMENT ON FUNCTION pulse_run_actions() IS
'Carries out approved actions, looks at held ones again, ends those that have waited for too long, and returns the number of actions that changed. The job automations does it; call it on a server without workers. Each action is decided by the gate and the limits at that moment. While everything is frozen it only ends actions.';

-- ---- Limits ----

-- Level: admin
CREATE FUNCTION pulse_set_enforcement(enabled boolean DEFAULT NULL, reason text DEFAULT NULL, mode text DEFAULT NULL, risk_modes jsonb DEFAULT NULL,
                                      expire_after interval DEFAULT NULL, confirm_within interval DEFAULT NULL, max_share double precision DEFAULT NULL,
                                      channel text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_set_enforcement';
COMMENT ON FUNCTION pulse_set_enforcement(boolean, text, text, jsonb, interval, interval, double precision, text) IS
'Changes the settings of pulse.enforcement; null leaves a value as it is, an empty channel removes it. enabled false is the kill switch: limits only warn from the next statement on. It never switches the gate off, nor the limit of the share of people. Switching needs a reason. Errors: 22023 invalid value, no reason, 42704 unknown channel.';

-- Level: admin
CREATE FUNCTION pulse_create_enforcement_rule(name text, actions text[], limits jsonb, mode text DEFAULT 'soft_block') RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_enforcement_rule';
COMMENT ON FUNCTION pulse_create_enforcement_rule(text, text[], jsonb, text) IS
'Creates limits for actions, given by name or as "risk:high", and returns their id: {"per_day": 5, "apart": "4 h", "max_change": 0.3, "max_value": 1000}. per_day and apart count what was carried out on the same subject by the same name; max_change is the greatest share by which the number after in the payload may differ from before; max_value is the greatest after. They hold from the next statement on, also for actions that are pending. Errors: 42710 name taken, 42704 an action that pulse_list_action_types() does not have, 22023 invalid value, 54000 more than 100 rules or actions.';

-- Level: admin
CREATE FUNCTION pulse_delete_enforcement_rule(name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_delete_enforcement_rule';
COMMENT ON FUNCTION pulse_delete_enforcement_rule(text) IS 'Deletes limits. Errors: 42704 unknown rule.';
