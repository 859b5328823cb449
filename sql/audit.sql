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
    details jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(details) = 'object')
);
CREATE INDEX audit_at ON pulse.audit (at);
COMMENT ON TABLE pulse.audit IS 'Who did what: one row per action, written in its transaction. Append-only, kept for pulse.audit_retention.';
COMMENT ON COLUMN pulse.audit.at IS 'When, by the wall clock (not pulse.now).';
COMMENT ON COLUMN pulse.audit.actor IS 'Who did it: the current role, or the name of the API key that was used.';
COMMENT ON COLUMN pulse.audit.actor_kind IS 'What the actor is: role or key.';
COMMENT ON COLUMN pulse.audit.login IS 'The role that the session was logged in as; another one than the actor after SET ROLE.';
COMMENT ON COLUMN pulse.audit.action IS 'What kind of object it is about, and what happened: api_key.created, flag.deleted.';
COMMENT ON COLUMN pulse.audit.subject IS 'The name of the object or role that it is about.';
COMMENT ON COLUMN pulse.audit.details IS 'More about it, without secrets.';
SELECT pg_catalog.pg_extension_config_dump('pulse.audit', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.audit_id_seq', '');

-- Without a policy for writing not even pg_write_all_data can add a row.
ALTER TABLE pulse.audit ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.audit FOR SELECT USING (true);

-- Other roles have no privilege to write; this is for the owner and superusers. What retention deletes anyway may be deleted.
CREATE FUNCTION pulse.keep_audit() RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    retention interval;
BEGIN
    -- Loads the library: before, a session can give the setting any value.
    PERFORM pulse.now();
    -- In seconds, as the job counts: a day of the time zone may have 23 or 25 hours.
    retention := make_interval(secs => extract(epoch FROM current_setting('pulse.audit_retention')::interval)::float8);
    IF TG_OP = 'DELETE' AND retention > interval '0' AND OLD.at < clock_timestamp() - retention THEN
        RETURN OLD;
    END IF;
    -- An empty one may be emptied: a logical copy of the database begins so (doc/upgrade.md). The snapshot of a longer isolation may miss rows.
    IF TG_OP = 'TRUNCATE' AND current_setting('transaction_isolation') LIKE 'read %' AND NOT EXISTS (SELECT FROM pulse.audit) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('cannot %s pulse.audit', lower(TG_OP)),
        DETAIL = 'Rows can only be added to it; the job retention deletes those that are older than pulse.audit_retention.',
        HINT = 'Set pulse.audit_retention in postgresql.conf if there are too many.';
END $$;
COMMENT ON FUNCTION pulse.keep_audit() IS 'Refuses to change rows of pulse.audit, and to delete those that are not older than pulse.audit_retention.';
CREATE TRIGGER audit_keep BEFORE UPDATE OR DELETE ON pulse.audit FOR EACH ROW EXECUTE FUNCTION pulse.keep_audit();
CREATE TRIGGER audit_keep_all BEFORE TRUNCATE ON pulse.audit FOR EACH STATEMENT EXECUTE FUNCTION pulse.keep_audit();
