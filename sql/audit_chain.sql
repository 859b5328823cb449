-- ---------------------------------------------------------------------------------------------------------
-- Room audit: the chain over pulse.audit. A worker seals rows in batches, in an order of its own: nobody waits for another's transaction.

-- Level: admin
CREATE TABLE pulse.audit_unsealed (
    audit_id bigint PRIMARY KEY
);
COMMENT ON TABLE pulse.audit_unsealed IS 'Rows of pulse.audit that wait for the job seal_audit, written with them.';

-- Level: admin
CREATE TABLE pulse.audit_personal (
    audit_id bigint PRIMARY KEY,
    person bigint NOT NULL,
    salt bytea NOT NULL,
    fields jsonb NOT NULL CHECK (jsonb_typeof(fields) = 'object')
);
CREATE INDEX audit_personal_person ON pulse.audit_personal (person);
COMMENT ON TABLE pulse.audit_personal IS 'What is personal in rows of pulse.audit. An erasure deletes it; the digest in pulse.audit stays, and without the salt it says nothing about anybody.';
COMMENT ON COLUMN pulse.audit_personal.person IS 'The profile of the person that it is about.';
COMMENT ON COLUMN pulse.audit_personal.salt IS 'Random bytes of the digest.';
COMMENT ON COLUMN pulse.audit_personal.fields IS 'What is personal.';

-- Level: admin
CREATE TABLE pulse.audit_seal (
    seq bigint PRIMARY KEY,
    audit_id bigint NOT NULL UNIQUE,
    content bytea NOT NULL,
    prev bytea NOT NULL UNIQUE,
    hash bytea NOT NULL,
    sealed_at timestamptz NOT NULL
);
COMMENT ON TABLE pulse.audit_seal IS 'The chain: one link for each sealed row of pulse.audit, in the order of sealing. Append-only.';
COMMENT ON COLUMN pulse.audit_seal.seq IS 'Counts from 1 without gaps.';
COMMENT ON COLUMN pulse.audit_seal.audit_id IS 'The row of pulse.audit.';
COMMENT ON COLUMN pulse.audit_seal.content IS 'SHA-256 of the row.';
COMMENT ON COLUMN pulse.audit_seal.prev IS 'The hash of the link before. No two links follow the same one.';
COMMENT ON COLUMN pulse.audit_seal.hash IS 'SHA-256 of seq, audit_id, sealed_at, content and prev.';
COMMENT ON COLUMN pulse.audit_seal.sealed_at IS 'When it was sealed, by the wall clock.';

-- Level: admin
CREATE TABLE pulse.audit_checkpoint (
    seq bigint PRIMARY KEY,
    hash bytea NOT NULL,
    at timestamptz NOT NULL,
    cut boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE pulse.audit_checkpoint IS 'Heads of the chain, one an hour while it grows. They find a tail that was cut off; kept outside, also a chain that was written anew.';
COMMENT ON COLUMN pulse.audit_checkpoint.seq IS 'The number of the link.';
COMMENT ON COLUMN pulse.audit_checkpoint.hash IS 'Its hash.';
COMMENT ON COLUMN pulse.audit_checkpoint.cut IS 'Whether retention has deleted this link and those before it: the chain begins after it.';

-- A dump restores tables in the order of their names: what waits comes last, so that nothing is sealed that is sealed already.
SELECT pg_catalog.pg_extension_config_dump('pulse.audit_checkpoint', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.audit_personal', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.audit_seal', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.audit_unsealed', '');

-- As for pulse.audit: not even pg_write_all_data writes them, and nobody changes them.
ALTER TABLE pulse.audit_unsealed ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.audit_personal ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.audit_seal ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.audit_checkpoint ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.audit_unsealed FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.audit_personal FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.audit_seal FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.audit_checkpoint FOR SELECT USING (true);
CREATE TRIGGER audit_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON pulse.audit_unsealed FOR EACH STATEMENT EXECUTE FUNCTION pulse.keep_audit();
COMMENT ON TRIGGER audit_keep ON pulse.audit_unsealed IS 'Only Pulse itself changes it.';
CREATE TRIGGER audit_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON pulse.audit_personal FOR EACH STATEMENT EXECUTE FUNCTION pulse.keep_audit();
COMMENT ON TRIGGER audit_keep ON pulse.audit_personal IS 'Only Pulse itself changes it.';
CREATE TRIGGER audit_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON pulse.audit_seal FOR EACH STATEMENT EXECUTE FUNCTION pulse.keep_audit();
COMMENT ON TRIGGER audit_keep ON pulse.audit_seal IS 'Only Pulse itself changes it.';
CREATE TRIGGER audit_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON pulse.audit_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION pulse.keep_audit();
COMMENT ON TRIGGER audit_keep ON pulse.audit_checkpoint IS 'Only Pulse itself changes it.';

-- Level: owner
CREATE FUNCTION pulse.write_audit(action text, subject text, details jsonb DEFAULT '{}', person bigint DEFAULT NULL, personal jsonb DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_write_audit';
COMMENT ON FUNCTION pulse.write_audit(text, text, jsonb, bigint, jsonb) IS
'Writes a row of the audit log, for SQL of Pulse itself. What is personal is kept apart, for a profile: its erasure deletes it. Errors: 22004 null, or personal without a person; 23514 not a valid action, or not an object.';

-- Level: owner
CREATE FUNCTION pulse.erase_audit(people bigint[]) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_erase_audit';
COMMENT ON FUNCTION pulse.erase_audit(bigint[]) IS 'Deletes what is personal about these profiles from the audit log, which stays verifiable. Returns the number of rows. Errors: 22004 null.';

-- Level: admin
CREATE FUNCTION pulse_seal_audit() RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_seal_audit';
COMMENT ON FUNCTION pulse_seal_audit() IS
'Seals the rows of the audit log that wait for it, and returns their number. The job seal_audit does that within about a second; this is for servers without workers. Waits for another session that seals, up to lock_timeout, and keeps others from sealing until the transaction ends. Errors: 55000 the transaction is REPEATABLE READ or SERIALIZABLE, 55P03 another session seals, 25006 on a standby.';

-- Level: admin
CREATE FUNCTION pulse_checkpoint_audit() RETURNS jsonb
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_checkpoint_audit';
COMMENT ON FUNCTION pulse_checkpoint_audit() IS
'Seals as pulse_seal_audit() does, and returns the head of the chain as {"seq", "hash", "at"}: keep it where nobody who administers this server can change it, and give it to pulse_verify_audit(). It is also written to pulse.audit_checkpoint and sent to pulse.audit_channel, unless the newest one is the same. Null: nothing was ever sealed. Errors: as pulse_seal_audit().';

-- Level: admin
CREATE FUNCTION pulse_verify_audit(checkpoint jsonb DEFAULT NULL, OUT intact boolean, OUT kind text, OUT seq bigint, OUT audit_id bigint, OUT detail text,
                                   OUT verified bigint, OUT unsealed bigint, OUT erased bigint, OUT checkpoints bigint, OUT head_seq bigint, OUT head_hash text)
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_verify_audit';
COMMENT ON FUNCTION pulse_verify_audit(jsonb) IS
'Verifies the audit log from its beginning, or from where retention cut it, with the memory of one row, also on a standby. If it is not intact, kind says what is wrong first, at the link seq and the row audit_id: altered, removed, inserted, swapped (two rows or links changed places) or fork (two links follow the same one); detail says it in words. verified counts the links that were checked, unsealed the rows that wait for sealing, erased those whose personal part was erased, checkpoints those that the chain was compared with. head_seq and head_hash are the last link. With a checkpoint kept outside, {"seq", "hash"} of pulse_checkpoint_audit() or the message of one, or an array of these, it also finds a tail that was cut off and a chain that was written anew. Errors: 22023 not a checkpoint, 55000 its link was deleted, as retention does it: one that is too young for that shows a beginning that somebody has cut off.';

-- Level: admin
CREATE FUNCTION pulse_list_audit(before bigint DEFAULT NULL, max bigint DEFAULT 100, only_action text DEFAULT NULL, only_actor text DEFAULT NULL, only_subject text DEFAULT NULL)
    RETURNS TABLE (id bigint, at timestamptz, actor text, actor_kind text, login text, action text, subject text, details jsonb, personal jsonb, seq bigint, sealed_at timestamptz)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'pulse_list_audit';
COMMENT ON FUNCTION pulse_list_audit(bigint, bigint, text, text, text) IS
'The audit log, newest first, at most max rows (1 to 1000) with ids below before; all of them, or only those of an action, actor or subject. personal is null where nothing was personal or it was erased, seq while the row is not sealed. Errors: 22023 max out of range.';
