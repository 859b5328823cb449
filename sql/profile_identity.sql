-- ---------------------------------------------------------------------------------------------------------
-- Room profile: kinds of ids, and merges of people.

-- Level: reader
CREATE TABLE pulse.identity_kind (
    kind text COLLATE "C" PRIMARY KEY CHECK (kind ~ '^[a-z][a-z0-9_]{0,62}$'),
    normalisation text NOT NULL DEFAULT 'trim' CHECK (normalisation IN ('email', 'phone', 'lower', 'trim')),
    priority int NOT NULL CHECK (priority BETWEEN 1 AND 1000),
    max_values int NOT NULL DEFAULT 0 CHECK (max_values BETWEEN 0 AND 1000),
    per interval CHECK (per > '0'),
    blocked text[] NOT NULL DEFAULT '{}',
    built_in boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE pulse.identity_kind IS 'Kinds of ids. Changed only by pulse_set_identity_kind() and pulse_drop_identity_kind().';
COMMENT ON COLUMN pulse.identity_kind.normalisation IS
'How values are normalised: email (trimmed, lower case, must be an address), phone (+ and digits), lower (trimmed, lower case), trim.';
COMMENT ON COLUMN pulse.identity_kind.priority IS 'If the ids of an event cannot all belong to one person, the id with the highest priority decides.';
COMMENT ON COLUMN pulse.identity_kind.max_values IS 'Maximum number of values per person; 0 means no limit.';
COMMENT ON COLUMN pulse.identity_kind.per IS 'Only values first seen within this time count towards max_values; null counts all.';
COMMENT ON COLUMN pulse.identity_kind.blocked IS
'Values that are never accepted as ids. Case and quotes around the value are ignored; * matches any characters, ? matches one. Values that consist of zeros and hyphens are always blocked.';
COMMENT ON COLUMN pulse.identity_kind.built_in IS 'Whether CREATE EXTENSION created the kind; such kinds cannot be dropped.';

INSERT INTO pulse.identity_kind (kind, normalisation, priority, max_values, blocked, built_in)
SELECT k.kind, k.normalisation, k.priority, k.max_values,
       '{-1,anonymous,anonymous_id,anonymousid,device_id,deviceid,distinct_id,distinctid,email,false,guest,id,n/a,na,nan,nil,none,not_authenticated,"null",[object object],phone,true,undefined,unknown,user_id,userid}'::text[]
       || k.blocked, true
FROM (VALUES ('user_id', 'trim', 100, 1, '{}'::text[]),
             ('email', 'email', 80, 5, '{noreply@*,no-reply@*,donotreply@*,do-not-reply@*}'),
             ('phone', 'phone', 70, 5, '{}'),
             ('device_id', 'trim', 40, 0, '{}'),
             ('anonymous_id', 'trim', 10, 0, '{}')) AS k (kind, normalisation, priority, max_values, blocked);

CREATE FUNCTION pulse.settle_identity_kind() RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM pulse.identity_kind AS k WHERE k.kind = NEW.kind;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION pulse.settle_identity_kind() IS 'Lets the kinds of a restored dump replace those that CREATE EXTENSION created.';
CREATE TRIGGER identity_kind_settle BEFORE INSERT ON pulse.identity_kind FOR EACH ROW EXECUTE FUNCTION pulse.settle_identity_kind();
ALTER TABLE pulse.identity_kind ENABLE ALWAYS TRIGGER identity_kind_settle;
COMMENT ON TRIGGER identity_kind_settle ON pulse.identity_kind IS 'Lets the kinds of a restored dump or a logical copy replace existing ones.';
CREATE FUNCTION pulse.announce_identity_kind() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_announce_identity_kind';
COMMENT ON FUNCTION pulse.announce_identity_kind() IS 'Invalidates the kinds of ids cached by other sessions when the transaction commits.';
CREATE TRIGGER identity_kind_announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pulse.identity_kind
    FOR EACH STATEMENT EXECUTE FUNCTION pulse.announce_identity_kind();
COMMENT ON TRIGGER identity_kind_announce ON pulse.identity_kind IS 'Invalidates the kinds that sessions keep in memory.';

-- Level: people_reader
CREATE TABLE pulse.merge_history (
    id bigserial PRIMARY KEY,
    survivor_id bigint NOT NULL,
    merged_id bigint NOT NULL,
    merged_at timestamptz NOT NULL,
    reason text NOT NULL,
    linked_by jsonb,
    done_by text NOT NULL,
    profiles bigint[] NOT NULL,
    survivor_attributes jsonb NOT NULL,
    merged_attributes jsonb NOT NULL,
    filled jsonb NOT NULL,
    survivor_account_id bigint,
    merged_account_id bigint,
    undone_at timestamptz,
    undone_by text,
    undo_reason text
);
CREATE INDEX merge_history_survivor ON pulse.merge_history (survivor_id, id);
CREATE INDEX merge_history_merged ON pulse.merge_history (merged_id, id);
CREATE INDEX merge_history_undone ON pulse.merge_history (merged_id) WHERE undone_at IS NOT NULL;
COMMENT ON TABLE pulse.merge_history IS 'Merges of people: when and why they happened, and what is needed to undo them.';
COMMENT ON COLUMN pulse.merge_history.survivor_id IS 'The person that remains.';
COMMENT ON COLUMN pulse.merge_history.merged_id IS 'The person that was merged into the survivor.';
COMMENT ON COLUMN pulse.merge_history.reason IS 'event if one event had ids of both people; otherwise the reason given to pulse_merge().';
COMMENT ON COLUMN pulse.merge_history.linked_by IS 'The two ids of the event that linked the people: [{"kind", "value"}, ...]; null for pulse_merge().';
COMMENT ON COLUMN pulse.merge_history.profiles IS 'The profiles that moved to the survivor: the merged person''s own profile and those merged into it before.';
COMMENT ON COLUMN pulse.merge_history.survivor_attributes IS 'profile.* of the survivor before the merge.';
COMMENT ON COLUMN pulse.merge_history.merged_attributes IS 'profile.* of the merged person before the merge.';
COMMENT ON COLUMN pulse.merge_history.filled IS 'The attributes of the merged person that the survivor took over because it had no value of its own.';
COMMENT ON COLUMN pulse.merge_history.survivor_account_id IS 'The account of the survivor before the merge.';
COMMENT ON COLUMN pulse.merge_history.merged_account_id IS 'The account of the merged person before the merge.';
COMMENT ON COLUMN pulse.merge_history.undone_at IS 'When pulse_unmerge() undid the merge; null if it is in effect. After that, events do not merge the two people again.';

-- Level: people_reader
CREATE TABLE pulse.account_member (
    account_id bigint NOT NULL,
    profile_id bigint NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (account_id, profile_id)
);
CREATE INDEX account_member_profile ON pulse.account_member (profile_id);
COMMENT ON TABLE pulse.account_member IS 'All accounts that profiles were ever named with. account.* of a person uses only the account named last: pulse.profile.account_id.';
COMMENT ON COLUMN pulse.account_member.profile_id IS 'The profile that the event was received for. Merges do not change it.';
COMMENT ON COLUMN pulse.account_member.since IS 'The time of the earliest event that named both.';

SELECT pg_catalog.pg_extension_config_dump('pulse.identity_kind', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.merge_history', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.merge_history_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.account_member', '');

-- Without it, ids would refer to deleted people, and every event with such an id would fail.
CREATE FUNCTION pulse.forget_profiles() RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM gone) THEN
        DELETE FROM pulse.identity WHERE profile_id IN (SELECT g.id FROM gone AS g);
        DELETE FROM pulse.account_member WHERE profile_id IN (SELECT g.id FROM gone AS g);
        DELETE FROM pulse.activity WHERE profile_id IN (SELECT g.id FROM gone AS g);
        DELETE FROM pulse.consent WHERE profile_id IN (SELECT g.id FROM gone AS g);
        DELETE FROM pulse.consent_record WHERE profile_id IN (SELECT g.id FROM gone AS g);
        -- Profiles that were merged into them belong to the same people.
        DELETE FROM pulse.profile WHERE canonical_id IN (SELECT g.id FROM gone AS g);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION pulse.forget_profiles() IS 'Deletes the ids, the activity and the consent of deleted people, and the profiles merged into them.';
CREATE TRIGGER profile_forget AFTER DELETE ON pulse.profile REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION pulse.forget_profiles();
COMMENT ON TRIGGER profile_forget ON pulse.profile IS 'The ids of people who were deleted by hand are free again. Their events stay.';

-- Level: operator
CREATE FUNCTION pulse_merge(one text, other text, reason text) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_merge';
COMMENT ON FUNCTION pulse_merge(text, text, text) IS
'Merges two people, ignoring the limits of pulse.identity_kind, and returns the id of the merge in pulse.merge_history. The person that has the id with the highest priority remains;
if these are equal, the person seen first. A person is given by a user id, an anonymous id, kind:value or profile:42. Errors: 42704 no person with that id; 22023 no reason, or both are the same person.';
-- Level: operator
CREATE FUNCTION pulse_unmerge(merge bigint, reason text) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_unmerge';
COMMENT ON FUNCTION pulse_unmerge(bigint, text) IS
'Undoes a merge of pulse.merge_history: restores ids, events, attributes and account as they were before it; later changes stay with the survivor. Events do not merge the two people
again. Returns the id of the person who is restored. Errors: 42704 no such merge; 55000 the merge was undone before, or a later merge depends on it; 22023 no reason.';

-- Level: operator
CREATE FUNCTION pulse_set_identity_kind(kind text, normalisation text DEFAULT NULL, priority bigint DEFAULT NULL, max_values bigint DEFAULT NULL, per interval DEFAULT NULL,
                                        blocked text[] DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_set_identity_kind';
COMMENT ON FUNCTION pulse_set_identity_kind(text, text, bigint, bigint, interval, text[]) IS
'Creates or changes a kind of ids. Null keeps the current value (for a new kind: trim, priority 50, no limit of values). per => ''0'' counts values for ever. Existing ids do not change;
pulse_simulate_identity_kind() shows the effect that other limits would have had. Errors: 22023 values out of range, 55000 change of normalisation while ids of the kind exist.';
-- Level: operator
CREATE FUNCTION pulse_drop_identity_kind(kind text)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_drop_identity_kind';
COMMENT ON FUNCTION pulse_drop_identity_kind(text) IS
'Drops a kind of ids that pulse_set_identity_kind() created. Errors: 42704 unknown kind, 55000 the kind is built in, or ids of the kind exist.';
