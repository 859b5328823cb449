-- ---------------------------------------------------------------------------------------------------------
-- Room delivery: channels, where messages go.

CREATE FUNCTION pulse.channel_validator(options text[], catalog oid) RETURNS void
    LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_channel_validator';
COMMENT ON FUNCTION pulse.channel_validator(text[], oid) IS
'Part of the foreign-data wrapper pulse_channel. Errors: HV00D unknown option, 22023 bad value, 42501 option for superusers.';
CREATE FOREIGN DATA WRAPPER pulse_channel VALIDATOR pulse.channel_validator;
COMMENT ON FOREIGN DATA WRAPPER pulse_channel IS
'Where messages go. The option kind of a server is slack, teams, email, webhook or pagerduty; addresses that are secrets, keys and passwords are options of the user mapping of the server''s owner. doc/delivery.md lists all.';
