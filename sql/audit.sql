-- ---------------------------------------------------------------------------------------------------------
-- Room audit: who did what.

-- Level: admin
CREATE TABLE pulse.audit (
    id bigserial PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('role', 'key')),
    login name NOT NULL,
    action text NOT NULL CHECK (action ~ '^[a-z_]+[.][a-z_]+$'),
    subject text NOT NULL,
    details jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(details) = 'object'),
    personal_digest bytea CHECK (octet_length(personal_digest) = 32)
);
CREATE INDEX audit_at ON pulse.audit (at);
-- For pulse_list_audit(): each gives the newest rows of one action, actor or subject. A subject can be longer than an entry of an index.
CREATE INDEX audit_action ON pulse.audit (action, id);
CREATE INDEX audit_actor ON pulse.audit (actor, id);
CREATE INDEX audit_subject ON pulse.audit (hashtext(subject), id);
COMMENT ON TABLE pulse.audit IS 'Who did what: one row per action, written in its transaction. Append-only, kept for pulse.audit_retention.';
COMMENT ON COLUMN pulse.audit.at IS 'When, by the wall clock (not pulse.now).';
COMMENT ON COLUMN pulse.audit.actor IS 'Who did it: the current role, or the name of the API key that was used.';
COMMENT ON COLUMN pulse.audit.actor_kind IS 'What the actor is: role or key.';
COMMENT ON COLUMN pulse.audit.login IS 'The role that the session was logged in as; another one than the actor after SET ROLE.';
COMMENT ON COLUMN pulse.audit.action IS 'What kind of object it is about, and what happened: api_key.created, flag.deleted.';
COMMENT ON COLUMN pulse.audit.subject IS 'The name of the object or role that it is about.';
COMMENT ON COLUMN pulse.audit.details IS 'More about it, without secrets.';
COMMENT ON COLUMN pulse.audit.personal_digest IS 'The salted digest of its row in pulse.audit_personal, which an erasure deletes; null: nothing in it was personal.';
SELECT pg_catalog.pg_extension_config_dump('pulse.audit', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.audit_id_seq', '');

-- Without a policy for writing not even pg_write_all_data can add a row.
ALTER TABLE pulse.audit ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.audit FOR SELECT USING (true);

-- Level: owner
CREATE FUNCTION pulse.audit_may_change() RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_audit_may_change';
COMMENT ON FUNCTION pulse.audit_may_change() IS 'Whether Pulse itself changes the audit log at the moment: it seals rows, deletes what retention no longer keeps, or erases what is personal. For the triggers that refuse everything else.';

-- Other roles have no privilege to write; this is for the owner and superusers. It runs as the owner, because who is refused may not call Pulse's functions.
CREATE FUNCTION pulse.keep_audit() RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    filled boolean;
BEGIN
    IF TG_OP <> 'TRUNCATE' AND pulse.audit_may_change() THEN
        RETURN NULL;
    END IF;
    -- An empty one may be emptied: a logical copy of the database begins so (doc/upgrade.md). The snapshot of a longer isolation may miss rows.
    IF TG_OP = 'TRUNCATE' AND current_setting('transaction_isolation') LIKE 'read %' THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', TG_RELID::regclass) INTO filled;
        IF NOT filled THEN
            RETURN NULL;
        END IF;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('cannot %s pulse.%s', lower(TG_OP), TG_TABLE_NAME),
        DETAIL = 'Rows can only be added to it; the job retention deletes those that are older than pulse.audit_retention.',
        HINT = 'Set pulse.audit_retention in postgresql.conf if there are too many.';
END $$;
COMMENT ON FUNCTION pulse.keep_audit() IS 'Refuses to change or delete rows of the audit log, unless Pulse itself does it.';
CREATE TRIGGER audit_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON pulse.audit FOR EACH STATEMENT EXECUTE FUNCTION pulse.keep_audit();
COMMENT ON TRIGGER audit_keep ON pulse.audit IS 'It is append-only.';
