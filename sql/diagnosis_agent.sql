-- ---------------------------------------------------------------------------------------------------------
-- Room diagnosis: the agent, a language model that investigates incidents within limits; its answers are checked.

-- Level: reader
CREATE FUNCTION pulse.model_validator(options text[], catalog oid) RETURNS void
    LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_model_validator';
COMMENT ON FUNCTION pulse.model_validator(text[], oid) IS
'Part of the foreign-data wrapper pulse_model. Errors: HV00D unknown option, 22023 bad value, 42501 option for superusers.';
CREATE FOREIGN DATA WRAPPER pulse_model VALIDATOR pulse.model_validator;
COMMENT ON FOREIGN DATA WRAPPER pulse_model IS
'Language models that may investigate incidents. Options of a server: protocol (openai or anthropic), base_url, model and more (doc/diagnosis.md); of the user mapping of its owner: api_key.';

-- Level: reader
CREATE TABLE pulse.investigation (
    id bigserial PRIMARY KEY,
    incident_id bigint NOT NULL REFERENCES pulse.incident_record ON DELETE CASCADE,
    model text NOT NULL,
    status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    requested_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_try_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts int NOT NULL DEFAULT 0,
    started_at timestamptz,
    finished_at timestamptz,
    steps int NOT NULL DEFAULT 0,
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    cost double precision NOT NULL DEFAULT 0,
    result jsonb,  -- Level: people_reader
    reason text  -- Level: people_reader
);
CREATE INDEX investigation_due ON pulse.investigation (next_try_at, id) WHERE status IN ('queued', 'running');
CREATE INDEX investigation_incident ON pulse.investigation (incident_id, id);
CREATE INDEX investigation_created ON pulse.investigation (created_at);
CREATE UNIQUE INDEX investigation_one_live ON pulse.investigation (incident_id) WHERE status IN ('queued', 'running');
COMMENT ON TABLE pulse.investigation IS 'One row per investigation of an incident by a model: its progress and its result.';
COMMENT ON COLUMN pulse.investigation.result IS 'The answer, checked: {what_changed[], hypotheses[], recommendations[]}. Null: only the first diagnosis exists.';
COMMENT ON COLUMN pulse.investigation.attempts IS 'Processes in a row that ended before the investigation advanced; it fails after 5.';
COMMENT ON COLUMN pulse.investigation.reason IS 'Why it failed, or what happens next.';

-- Level: people_reader
CREATE TABLE pulse.agent_step (
    id bigserial PRIMARY KEY,
    investigation_id bigint NOT NULL REFERENCES pulse.investigation ON DELETE CASCADE,
    step int NOT NULL,
    kind text NOT NULL CHECK (kind IN ('model', 'tool', 'check')),
    name text,
    sent jsonb,
    answered jsonb,
    error text,
    input_tokens bigint,
    output_tokens bigint,
    started_at timestamptz NOT NULL,
    duration_ms double precision,
    cost double precision
);
CREATE INDEX agent_step_investigation ON pulse.agent_step (investigation_id, id);
CREATE INDEX agent_step_spent ON pulse.agent_step (started_at) WHERE kind = 'model';
COMMENT ON TABLE pulse.agent_step IS 'Every request to the model, its answer and the results of its tools, verbatim.';
COMMENT ON COLUMN pulse.agent_step.kind IS 'model: a request and its answer; tool: a tool it called; check: the problems of its final answer.';
COMMENT ON COLUMN pulse.agent_step.name IS 'The tool, or the model.';
COMMENT ON COLUMN pulse.agent_step.input_tokens IS 'Tokens charged for a request: those that the server reports, at least a quarter of the estimate; or the estimate when no usable answer came.';
COMMENT ON COLUMN pulse.agent_step.cost IS 'Cost of the tokens, in the unit of the model''s prices.';
COMMENT ON COLUMN pulse.agent_step.sent IS 'To the model: the new messages since the previous step. To a tool: its arguments.';

-- Running investigations are not dumped: a restored copy must not continue them.
SELECT pg_catalog.pg_extension_config_dump('pulse.investigation', $$WHERE status NOT IN ('queued', 'running')$$);
SELECT pg_catalog.pg_extension_config_dump('pulse.investigation_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.agent_step',
    $$WHERE investigation_id IN (SELECT i.id FROM pulse.investigation AS i WHERE i.status NOT IN ('queued', 'running'))$$);
SELECT pg_catalog.pg_extension_config_dump('pulse.agent_step_id_seq', '');

-- Level: admin
CREATE FUNCTION pulse_create_model(name text, options jsonb) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_model';
COMMENT ON FUNCTION pulse_create_model(text, jsonb) IS
'Creates a server of pulse_model and the caller''s user mapping of it, so that no statement contains the key. Options: protocol, base_url, model, api_key and more (doc/diagnosis.md). Errors: HV00D unknown option, 22023 bad value, 42710 it exists, 42501 no right to pulse_model.';

-- Level: operator
CREATE FUNCTION pulse_investigate_incident(incident bigint, wait interval DEFAULT NULL)
    RETURNS TABLE (investigation bigint, status text, steps int, result jsonb, reason text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_investigate_incident';
COMMENT ON FUNCTION pulse_investigate_incident(bigint, interval) IS
'Starts the investigation of an incident by a model and returns immediately, or with "wait" (up to 10 minutes) when it is done or the time is over; pulse.investigation and pulse.agent_step show its progress. Each incident has at most one running investigation; a second call returns that one. Errors: 42704 unknown incident, 55000 no model or more than one without pulse.agent_model, 22023 bad wait (10 minutes at most), 53000 no process is free to wait.';
-- Level: operator
CREATE FUNCTION pulse.investigate_incident(incident bigint, wait interval)
    RETURNS TABLE (investigation bigint, status text, steps int, result jsonb, reason text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_investigate_incident';
COMMENT ON FUNCTION pulse.investigate_incident(bigint, interval) IS 'The function pulse_investigate_incident() as Pulse itself calls it: in schema pulse, where no other role can add a function of the same name.';

-- Level: operator
CREATE FUNCTION pulse_cancel_investigation(investigation bigint) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_cancel_investigation';
COMMENT ON FUNCTION pulse_cancel_investigation(bigint) IS
'Cancels a queued or running investigation; false when it had already ended. A later answer of the model is discarded. Errors: 42704 unknown investigation.';
