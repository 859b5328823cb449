-- ---------------------------------------------------------------------------------------------------------
-- Room web: signatures of webhooks that come in.

-- Level: owner
CREATE TABLE pulse.webhook_secret (
    key_id bigint PRIMARY KEY REFERENCES pulse.api_key ON DELETE CASCADE,
    secret text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE pulse.webhook_secret IS 'Secrets with which senders sign POST /webhook/drift, by API key. No dump contains them: in a restored copy such a key is refused until it gets a secret. Only the owner of the extension can read it.';

-- Level: owner
CREATE TABLE pulse.webhook_seen (
    key_id bigint NOT NULL REFERENCES pulse.api_key ON DELETE CASCADE,
    digest bytea NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (key_id, digest)
);
COMMENT ON TABLE pulse.webhook_seen IS 'Signed webhooks that have come, so that none counts twice: SHA-256 of webhook-id and webhook-timestamp. Kept for about a day; no dump contains them.';

-- Not even pg_write_all_data can change a secret, and not even pg_read_all_data reads one.
ALTER TABLE pulse.webhook_secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.webhook_seen ENABLE ROW LEVEL SECURITY;

-- Level: admin
CREATE FUNCTION pulse_set_webhook_secret(key text, secret text DEFAULT NULL) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_set_webhook_secret';
COMMENT ON FUNCTION pulse_set_webhook_secret(text, text) IS
'From now on POST /webhook/drift with this API key must be signed as Standard Webhooks specifies: webhook-id, webhook-timestamp, and webhook-signature by this secret. Returns the secret, which is made where none is given and shown only here. A secret that was there before ends. Requests without a valid signature, more than 5 minutes from now, or that came before get 401. Errors: 42704 unknown key, 22023 invalid secret, 42501 the caller does not have the rights of the role of the key, 55P03 another transaction changes it.';

-- Level: admin
CREATE FUNCTION pulse_delete_webhook_secret(key text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_delete_webhook_secret';
COMMENT ON FUNCTION pulse_delete_webhook_secret(text) IS
'Requests with this API key need no signature any more. Errors: 42704 unknown key, 42501 the caller does not have the rights of the role of the key, 55P03 another transaction changes it.';
