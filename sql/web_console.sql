-- ---------------------------------------------------------------------------------------------------------
-- Room web: sessions of the console.

-- Level: owner
CREATE TABLE pulse.console_session (
    digest bytea PRIMARY KEY CHECK (length(digest) = 32),
    key_id bigint NOT NULL REFERENCES pulse.api_key ON DELETE CASCADE,
    prefix text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX console_session_key ON pulse.console_session (key_id, expires_at);
COMMENT ON TABLE pulse.console_session IS 'Who is signed in to the console: the SHA-256 of each session''s token, and the API key it acts as. Rows end after 12 hours. No dump contains them; only the owner of the extension can read them.';
COMMENT ON COLUMN pulse.console_session.prefix IS 'What the text of the key began with: the session ends with that text.';
COMMENT ON COLUMN pulse.console_session.expires_at IS 'When it ends by itself, by the wall clock.';
ALTER TABLE pulse.console_session ENABLE ROW LEVEL SECURITY;

-- Level: owner
CREATE FUNCTION pulse.sign_in(key text, secure boolean, OUT answer jsonb, OUT status int, OUT headers jsonb)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_sign_in';
COMMENT ON FUNCTION pulse.sign_in(text, boolean) IS
'Begins a session of the console with an API key and gives the cookie with its token; 401 if the key is unknown or has ended. A key has at most 20 sessions: the oldest ends for a new one. The audit log has each. For POST /console/session. Errors: 42501 a key of kind public, or of an event source.';

-- Level: owner
CREATE FUNCTION pulse.sign_out(token text, secure boolean, OUT answer jsonb, OUT headers jsonb)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_sign_out';
COMMENT ON FUNCTION pulse.sign_out(text, boolean) IS 'Ends the session of the console with this token, if there is one, and takes the cookie back. The audit log has it. For DELETE /console/session.';
