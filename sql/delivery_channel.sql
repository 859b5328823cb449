-- ---------------------------------------------------------------------------------------------------------
-- Room delivery: channels, the destinations of messages.

-- Level: reader
CREATE FUNCTION pulse.channel_validator(options text[], catalog oid) RETURNS void
    LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_channel_validator';
COMMENT ON FUNCTION pulse.channel_validator(text[], oid) IS
'The validator of the foreign-data wrapper pulse_channel. Errors: HV00D unknown option, 22023 bad value, 42501 option for superusers.';
CREATE FOREIGN DATA WRAPPER pulse_channel VALIDATOR pulse.channel_validator;
COMMENT ON FOREIGN DATA WRAPPER pulse_channel IS
'Destinations of messages. The option kind of a server is slack, teams, email, webhook or pagerduty; secret URLs, keys and passwords are options of the user mapping of the server''s owner. doc/channel.md lists all options.';

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- Level: reader
CREATE VIEW pulse.channel AS
SELECT s.srvname::text AS name, o.options ->> 'kind' AS kind,
       CASE WHEN NOT w.complete THEN 'incomplete' WHEN c.disabled_at IS NOT NULL THEN 'disabled'
            WHEN c.open_until > clock_timestamp() THEN 'resting' ELSE 'ok' END AS state,
       q.waiting, f.sent_hour, f.failed_hour, f.sent_day, f.failed_day, c.failures, date_trunc('second', c.last_ok_at) AS last_ok_at,
       date_trunc('second', c.last_error_at) AS last_error_at, CASE WHEN pulse.sees_people() THEN c.last_error END AS last_error,
       date_trunc('second', c.open_until) AS resting_until,
       date_trunc('second', c.disabled_at) AS disabled_at, pg_get_userbyid(s.srvowner)::text AS owner,
       CASE WHEN pulse.sees_people() THEN o.options END AS options
FROM pg_foreign_server AS s
JOIN pg_foreign_data_wrapper AS f_w ON f_w.oid = s.srvfdw AND f_w.fdwname = 'pulse_channel'
CROSS JOIN LATERAL (SELECT coalesce(jsonb_object_agg(p.option_name, p.option_value), '{}') AS options
                    FROM pg_options_to_table(s.srvoptions) AS p) AS o
-- The user mapping that Pulse uses: that of the server's owner, else that of PUBLIC. Only the names of its options are read.
CROSS JOIN LATERAL (SELECT coalesce((SELECT array_agg(p.option_name) FROM pg_user_mapping AS m
                                     CROSS JOIN LATERAL pg_options_to_table(m.umoptions) AS p
                                     WHERE m.oid = (SELECT n.oid FROM pg_user_mapping AS n
                                                    WHERE n.umserver = s.oid AND n.umuser IN (s.srvowner, 0)
                                                    ORDER BY n.umuser DESC LIMIT 1)), '{}') AS names) AS n
CROSS JOIN LATERAL (SELECT CASE o.options ->> 'kind'
                               WHEN 'pagerduty' THEN 'routing_key' = ANY (n.names)
                               WHEN 'email' THEN
                                   o.options ?& '{from,to}' AND
                                   CASE coalesce(o.options ->> 'provider', CASE WHEN o.options ? 'host' THEN 'smtp' ELSE 'resend' END)
                                       WHEN 'smtp' THEN o.options ? 'host' AND ('user' = ANY (n.names)) = ('password' = ANY (n.names))
                                       ELSE 'api_key' = ANY (n.names) END
                               ELSE 'url' = ANY (n.names) END AS complete) AS w
LEFT JOIN pulse.channel_state AS c ON c.channel = s.srvname::text
CROSS JOIN LATERAL (SELECT count(*) AS waiting FROM pulse.outbox AS b
                    WHERE b.channel = s.srvname::text AND b.status = 'pending') AS q
CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE b.status = 'sent' AND b.finished_at > now() - interval '1 hour') AS sent_hour,
                           count(*) FILTER (WHERE b.status = 'dead' AND b.finished_at > now() - interval '1 hour') AS failed_hour,
                           count(*) FILTER (WHERE b.status = 'sent') AS sent_day,
                           count(*) FILTER (WHERE b.status = 'dead') AS failed_day
                    FROM pulse.outbox AS b
                    WHERE b.channel = s.srvname::text AND b.finished_at > now() - interval '1 day') AS f;
COMMENT ON VIEW pulse.channel IS
'The servers of pulse_channel with their options, state, and numbers of pending, sent and failed messages. Secrets are in user mappings and are not shown.';
COMMENT ON COLUMN pulse.channel.options IS 'Options of the server; secret URLs, keys and passwords are options of its owner''s user mapping.';
COMMENT ON COLUMN pulse.channel.state IS
'ok; resting: paused until resting_until after repeated failures; disabled: the receiver reported that it no longer exists, until pulse_test_channel() succeeds; incomplete: an option is missing, pulse_test_channel() names it.';
COMMENT ON COLUMN pulse.channel.waiting IS 'Number of pending messages.';
COMMENT ON COLUMN pulse.channel.sent_hour IS 'Messages sent in the last hour; sent_day: in the last 24 hours.';
COMMENT ON COLUMN pulse.channel.failed_hour IS 'Messages that became dead in the last hour; failed_day: in the last 24 hours.';
COMMENT ON COLUMN pulse.channel.failures IS 'Consecutive failed attempts.';

SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);

-- Level: admin
CREATE FUNCTION pulse_create_channel(name text, kind text, options jsonb) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_channel';
COMMENT ON FUNCTION pulse_create_channel(text, text, jsonb) IS
'Creates a server of pulse_channel and the caller''s user mapping for it: CREATE SERVER and CREATE USER MAPPING in one call, without a statement that contains a secret. kind is slack, teams, email, webhook or pagerduty. Creates nothing if an option is missing. Errors: HV00D unknown option, 22023 bad value or missing option, 42710 name taken, 42501 no USAGE on pulse_channel.';

-- Level: operator
CREATE FUNCTION pulse_test_channel(name text)
    RETURNS TABLE (channel text, status text, answer_status int, answer text, milliseconds double precision, hint text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_test_channel';
COMMENT ON FUNCTION pulse_test_channel(text) IS
'Sends a message marked as a test immediately, from this session, and returns the answer. status is ok, failed (a later attempt may succeed), refused, gone or incomplete; none of these raises an error. ok re-enables a paused or disabled channel. Errors: 42704 unknown channel, 22004 null.';

-- Level: people_reader
CREATE FUNCTION pulse_preview_message(incident bigint, channel text) RETURNS jsonb
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_preview_message';
COMMENT ON FUNCTION pulse_preview_message(bigint, text) IS
'The exact payload that a channel would receive for an incident in its current state; nothing is sent, and secrets are shown as ***. Errors: 42704 unknown incident or channel, 22004 null, 22023 incomplete channel.';
