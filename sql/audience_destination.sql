-- ---------------------------------------------------------------------------------------------------------
-- Room audience: destinations, the platforms that audiences are sent to.

-- Level: reader
CREATE FUNCTION pulse.destination_validator(options text[], catalog oid) RETURNS void
    LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_destination_validator';
COMMENT ON FUNCTION pulse.destination_validator(text[], oid) IS
'The validator of the foreign-data wrapper pulse_destination. Errors: HV00D unknown option, 22023 bad value, 42501 option for superusers.';
CREATE FOREIGN DATA WRAPPER pulse_destination VALIDATOR pulse.destination_validator;
COMMENT ON FOREIGN DATA WRAPPER pulse_destination IS
'Platforms that audiences are sent to. The option platform of a server is meta, google, tiktok, snapchat, webhook or file; tokens and secrets are options of the user mapping of the server''s owner. doc/audience.md lists all options.';

-- Level: people_reader
CREATE TABLE pulse.destination_state (
    destination text PRIMARY KEY,
    login_failed_at timestamptz,
    login_error text,
    login_expires_at timestamptz,
    busy_until timestamptz,
    last_ok_at timestamptz,
    last_error_at timestamptz,
    last_error text,
    without_consent boolean NOT NULL DEFAULT false,
    login_asked_at timestamptz,
    blocked_at timestamptz,
    blocked_error text,
    blocked_advice text,
    alarms_sent jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE pulse.destination_state IS 'What the last requests to each destination came to.';
COMMENT ON COLUMN pulse.destination_state.without_consent IS 'Whether the last sync sent people whose consent is not recorded: the option without_consent. pulse.audit has each change.';
COMMENT ON COLUMN pulse.destination_state.login_failed_at IS 'The platform refuses the login since then; null: it does not. pulse_test_destination() clears it when it succeeds.';
COMMENT ON COLUMN pulse.destination_state.login_expires_at IS 'When the login ends, as the platform says; null: it does not end by time, or the platform does not say.';
COMMENT ON COLUMN pulse.destination_state.login_asked_at IS 'When the platform was asked last how long the login is good: once a day, where it can be asked.';
COMMENT ON COLUMN pulse.destination_state.blocked_at IS 'Since then the platform takes nothing before a person does what blocked_advice says; null: it does.';
COMMENT ON COLUMN pulse.destination_state.alarms_sent IS 'The alarms about the destination, and when each was sent last: at most once a day.';
COMMENT ON COLUMN pulse.destination_state.busy_until IS 'The platform has asked to wait until then.';
SELECT pg_catalog.pg_extension_config_dump('pulse.destination_state', 'WHERE false');

-- Level: admin
CREATE FUNCTION pulse_create_destination(name text, platform text, options jsonb DEFAULT '{}') RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_destination';
COMMENT ON FUNCTION pulse_create_destination(text, text, jsonb) IS
'Creates a server of pulse_destination and the caller''s user mapping for it: CREATE SERVER and CREATE USER MAPPING in one call, without a statement that contains a secret. platform is meta, google, tiktok, snapchat, webhook or file. Creates nothing if an option is missing.
Errors: HV00D unknown option, 22023 bad value or missing option, 42710 name taken, 42501 no USAGE on pulse_destination.';

-- Level: operator
CREATE FUNCTION pulse_test_destination(name text)
    RETURNS TABLE (destination text, status text, answer_status int, answer text, milliseconds double precision, hint text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_test_destination';
COMMENT ON FUNCTION pulse_test_destination(text) IS
'Asks the platform, from this session, something that changes nothing there, and returns its answer. status is ok, failed (a later attempt may succeed), refused, login (the login does not work) or incomplete; none of these raises an error. ok clears a failed login. Errors: 42704 unknown destination, 22004 null.';
