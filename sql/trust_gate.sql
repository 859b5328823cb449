-- ---------------------------------------------------------------------------------------------------------
-- Room trust: the gate.

-- Level: reader
CREATE TABLE pulse.action_type (
    name text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$'),
    risk text NOT NULL CHECK (risk IN ('high', 'standard', 'conservative')),
    description text,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL
);
COMMENT ON TABLE pulse.action_type IS 'Actions that were added, and built-in ones with another risk. Changed only by pulse_set_action_type() and pulse_delete_action_type(); pulse_list_action_types() lists all.';
SELECT pg_catalog.pg_extension_config_dump('pulse.action_type', '');

-- Level: reader
CREATE TABLE pulse.freeze (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    frozen boolean NOT NULL,
    reason text,
    by text NOT NULL,
    at timestamptz NOT NULL
);
COMMENT ON TABLE pulse.freeze IS 'Whether everything is frozen: at most one row, none before the first freeze. Changed only by pulse_freeze() and pulse_unfreeze().';
COMMENT ON COLUMN pulse.freeze.by IS 'The role or API key that changed it last.';
SELECT pg_catalog.pg_extension_config_dump('pulse.freeze', '');
-- What lets actions pass is written by the owner alone: without a policy for writing not even pg_write_all_data can.
ALTER TABLE pulse.action_type ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.action_type FOR SELECT USING (true);
ALTER TABLE pulse.freeze ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.freeze FOR SELECT USING (true);

-- Level: reader
CREATE TABLE pulse.gate_decision (
    id bigserial PRIMARY KEY,
    at timestamptz NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    risk text,
    decision text NOT NULL CHECK (decision IN ('pass', 'hold', 'block')),
    score double precision,
    status text NOT NULL,
    threshold double precision NOT NULL,
    hold_threshold double precision NOT NULL,
    reasons text[] NOT NULL,
    lifts text[] NOT NULL,
    parts jsonb NOT NULL,
    as_of timestamptz,
    decided_for text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX gate_decision_at ON pulse.gate_decision (at);
CREATE INDEX gate_decision_subject ON pulse.gate_decision (subject, at);
-- For pulse_status() and pulse_metrics().
CREATE INDEX gate_decision_not_passed ON pulse.gate_decision (recorded_at) WHERE decision <> 'pass';
-- For lists of refused decisions, of all subjects or of one.
CREATE INDEX gate_decision_refused ON pulse.gate_decision (at) WHERE decision <> 'pass';
CREATE INDEX gate_decision_refused_subject ON pulse.gate_decision (subject, at) WHERE decision <> 'pass';
COMMENT ON TABLE pulse.gate_decision IS 'The decisions of the gate, one row each, written in the transaction that asked. Kept for decision_days of pulse_trust_settings().';
COMMENT ON COLUMN pulse.gate_decision.at IS 'When, by pulse_now().';
COMMENT ON COLUMN pulse.gate_decision.risk IS 'Of the action; null: it is unknown.';
COMMENT ON COLUMN pulse.gate_decision.score IS 'Of the subject; null: there is none.';
COMMENT ON COLUMN pulse.gate_decision.threshold IS 'What the action needs to pass.';
COMMENT ON COLUMN pulse.gate_decision.lifts IS 'What would lift the decision.';
COMMENT ON COLUMN pulse.gate_decision.parts IS 'The parts of the score: name, value, weight and whether it is assumed.';
COMMENT ON COLUMN pulse.gate_decision.as_of IS 'When the score was computed.';
COMMENT ON COLUMN pulse.gate_decision.decided_for IS 'The role or API key that asked.';
SELECT pg_catalog.pg_extension_config_dump('pulse.gate_decision', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.gate_decision_id_seq', '');

-- Level: operator
CREATE FUNCTION pulse_evaluate_gate(action text, subject text DEFAULT 'all', dry_run boolean DEFAULT false,
                                    OUT decision text, OUT score double precision, OUT status text, OUT reasons text[], OUT lifts text[],
                                    OUT mode text, OUT allowed text[], OUT restricted text[], OUT parts jsonb, OUT thresholds jsonb,
                                    OUT evaluated_at timestamptz, OUT as_of timestamptz, OUT id bigint)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_evaluate_gate';
COMMENT ON FUNCTION pulse_evaluate_gate(text, text, boolean) IS
'Decides whether an action may be done to a subject now, by the score of pulse_signal_health(subject): pass, hold (wait for a person or for health) or block; with the reasons, and what would lift them. The action needs the score of its risk (high 80, standard and conservative 70; pulse_list_action_types() lists actions, pulse_set_trust() changes thresholds); below it waits from 40 on, else it is refused. It never passes on an unknown action or subject, an unknown status, a score that cannot be computed or is not of now, no history for 2 days, a clock that is set back or ahead, on a standby, in a transaction that is REPEATABLE READ or SERIALIZABLE, or while pulse_freeze() holds. pause_all and emergency_stop always pass where the transaction may write.
allowed and restricted: which known actions the score alone permits. mode: normal, limited, cuts_only or frozen. The decision becomes a row of pulse.gate_decision and of pulse.audit, unless dry_run. Errors: 22004 action, subject or dry_run is null.';

-- Level: reader
CREATE FUNCTION pulse_list_action_types()
    RETURNS TABLE (action text, risk text, threshold double precision, description text, built_in boolean)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 50 AS 'MODULE_PATHNAME', 'pulse_list_action_types';
COMMENT ON FUNCTION pulse_list_action_types() IS
'Returns the actions that the gate knows, with their risk (high, standard, conservative, or always for what stops things) and the score that they need at pulse_now().';

-- Level: reader
CREATE FUNCTION pulse_trust_status(scope text DEFAULT 'all', OUT status text, OUT score double precision, OUT mode text, OUT frozen boolean,
                                   OUT frozen_because text, OUT allowed text[], OUT restricted text[], OUT issues text[], OUT held bigint,
                                   OUT blocked bigint, OUT as_of timestamptz, OUT last_history timestamptz)
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_trust_status';
COMMENT ON FUNCTION pulse_trust_status(text) IS
'Returns what may be done with a scope now: the status and score that the gate would use, whether everything is frozen, which actions would pass and which not, and how many decisions about it were held and blocked in the last 24 hours (up to 10,000). mode: normal, limited, cuts_only or frozen. last_history: when the health of the scope was last kept; without that within 2 days nothing passes. Errors: 22004 null, 22023 not a subject, 42704 there is none of that name.';

-- Level: admin
CREATE FUNCTION pulse_set_action_type(action text, risk text, description text DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_set_action_type';
COMMENT ON FUNCTION pulse_set_action_type(text, text, text) IS
'Makes an action known to the gate, or changes its risk: high, standard or conservative. A null description stays. Recorded in pulse.audit. Errors: 22004 action or risk is null, 22023 not a name of lower-case letters, digits and _, an unknown risk, or an action that always passes.';

-- Level: admin
CREATE FUNCTION pulse_delete_action_type(action text)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_delete_action_type';
COMMENT ON FUNCTION pulse_delete_action_type(text) IS
'Forgets an action that was added, which is then refused, or gives a built-in one its own risk back. Recorded in pulse.audit. Errors: 22004 null, 42704 it was not added or changed.';

-- Level: operator
CREATE FUNCTION pulse_freeze(reason text DEFAULT NULL)
    RETURNS boolean LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_freeze';
COMMENT ON FUNCTION pulse_freeze(text) IS
'Stops everything: from the next statement after its commit on, the gate passes nothing but pause_all and emergency_stop. Returns whether it was not frozen before; a second call changes the reason only. Recorded in pulse.audit. Errors: 22023 a reason of more than 1,000 characters.';

-- Level: operator
CREATE FUNCTION pulse_unfreeze()
    RETURNS boolean LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_unfreeze';
COMMENT ON FUNCTION pulse_unfreeze() IS 'Ends pulse_freeze(). Returns whether it was frozen. Recorded in pulse.audit.';
