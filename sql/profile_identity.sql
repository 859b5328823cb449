-- ---------------------------------------------------------------------------------------------------------
-- Room profile: kinds of ids, and which people became one.

CREATE TABLE pulse.identity_kind (
    kind text COLLATE "C" PRIMARY KEY CHECK (kind ~ '^[a-z][a-z0-9_]{0,62}$'),
    normalisation text NOT NULL DEFAULT 'trim' CHECK (normalisation IN ('email', 'phone', 'lower', 'trim')),
    priority int NOT NULL CHECK (priority BETWEEN 1 AND 1000),
    max_values int NOT NULL DEFAULT 0 CHECK (max_values BETWEEN 0 AND 1000),
    per interval CHECK (per > '0'),
    blocked text[] NOT NULL DEFAULT '{}',
    built_in boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE pulse.identity_kind IS 'By what kinds of ids people are known. Changed only through pulse_set_identity_kind() and pulse_drop_identity_kind().';
COMMENT ON COLUMN pulse.identity_kind.normalisation IS
'How values are brought into one form: email (trimmed, lower case, must be an address), phone (+ and digits), lower (trimmed, lower case), trim.';
COMMENT ON COLUMN pulse.identity_kind.priority IS 'The id of highest priority says who it is, when not all ids of an event can belong to one person.';
COMMENT ON COLUMN pulse.identity_kind.max_values IS 'How many values one person may have; 0: any number.';
COMMENT ON COLUMN pulse.identity_kind.per IS 'Only values first seen within this time count for max_values; null: all.';
COMMENT ON COLUMN pulse.identity_kind.blocked IS
'Values that are nobody''s, in any case of letters and also in quotes; * stands for any characters, ? for one. What consists of zeros and hyphens is always blocked.';
COMMENT ON COLUMN pulse.identity_kind.built_in IS 'Made by CREATE EXTENSION; cannot be dropped.';

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
COMMENT ON FUNCTION pulse.settle_identity_kind() IS 'Lets a restored dump put its kinds in the place of those that CREATE EXTENSION made.';
CREATE TRIGGER identity_kind_settle BEFORE INSERT ON pulse.identity_kind FOR EACH ROW EXECUTE FUNCTION pulse.settle_identity_kind();
COMMENT ON TRIGGER identity_kind_settle ON pulse.identity_kind IS 'For kinds of a restored dump.';
CREATE FUNCTION pulse.announce_identity_kind() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_announce_identity_kind';
COMMENT ON FUNCTION pulse.announce_identity_kind() IS 'Tells every session, when the transaction commits, that kinds of ids have changed.';
CREATE TRIGGER identity_kind_announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pulse.identity_kind
    FOR EACH STATEMENT EXECUTE FUNCTION pulse.announce_identity_kind();
COMMENT ON TRIGGER identity_kind_announce ON pulse.identity_kind IS 'For sessions that keep the kinds in memory.';

CREATE TABLE pulse.merge_history (
    id bigserial PRIMARY KEY,
    survivor_id bigint NOT NULL,
    merged_id bigint NOT NULL,
    merged_at timestamptz NOT NULL,
    reason text NOT NULL,
    linked_by jsonb,
    done_by name NOT NULL,
    profiles bigint[] NOT NULL,
    survivor_attributes jsonb NOT NULL,
    merged_attributes jsonb NOT NULL,
    filled jsonb NOT NULL,
    survivor_account_id bigint,
    merged_account_id bigint,
    undone_at timestamptz,
    undone_by name,
    undo_reason text
);
CREATE INDEX merge_history_survivor ON pulse.merge_history (survivor_id, id);
CREATE INDEX merge_history_merged ON pulse.merge_history (merged_id, id);
CREATE INDEX merge_history_undone ON pulse.merge_history (merged_id) WHERE undone_at IS NOT NULL;
COMMENT ON TABLE pulse.merge_history IS 'Which people became one, when and why, and what it takes to undo that.';
COMMENT ON COLUMN pulse.merge_history.survivor_id IS 'The person that stayed.';
COMMENT ON COLUMN pulse.merge_history.merged_id IS 'The person that became part of it.';
COMMENT ON COLUMN pulse.merge_history.reason IS 'event: one event had ids of both; otherwise what was given to pulse_merge().';
COMMENT ON COLUMN pulse.merge_history.linked_by IS 'The two ids of the event: [{"kind", "value"}, ...]; null for pulse_merge().';
COMMENT ON COLUMN pulse.merge_history.profiles IS 'The profiles that moved: the merged person''s own and those merged into it before.';
COMMENT ON COLUMN pulse.merge_history.survivor_attributes IS 'profile.* of the survivor before.';
COMMENT ON COLUMN pulse.merge_history.merged_attributes IS 'profile.* of the merged person before.';
COMMENT ON COLUMN pulse.merge_history.filled IS 'What the survivor got of these, because it had no value of its own.';
COMMENT ON COLUMN pulse.merge_history.survivor_account_id IS 'The account of the survivor before.';
COMMENT ON COLUMN pulse.merge_history.merged_account_id IS 'The account of the merged person.';
COMMENT ON COLUMN pulse.merge_history.undone_at IS 'When pulse_unmerge() undid it; null: it holds. People once taken apart are not merged by events again.';

CREATE TABLE pulse.account_member (
    account_id bigint NOT NULL,
    profile_id bigint NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (account_id, profile_id)
);
CREATE INDEX account_member_profile ON pulse.account_member (profile_id);
COMMENT ON TABLE pulse.account_member IS 'Who was ever named with which account. account.* of a person is the one named last: pulse.profile.account_id.';
COMMENT ON COLUMN pulse.account_member.profile_id IS 'The profile that the event came for; merges leave it.';
COMMENT ON COLUMN pulse.account_member.since IS 'The earliest event that named both.';

SELECT pg_catalog.pg_extension_config_dump('pulse.identity_kind', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.merge_history', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.merge_history_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.account_member', '');

-- Level: operator
CREATE FUNCTION pulse_merge(one text, other text, reason text) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_merge';
COMMENT ON FUNCTION pulse_merge(text, text, text) IS
'Makes two people one, whatever the limits of pulse.identity_kind say, and returns the merge''s id in pulse.merge_history. Who has the id of highest priority stays,
then who was seen first. People are given by a user id, an anonymous id, kind:value or profile:42. Errors: 42704 no person with that id; 22023 no reason, or both are one already.';
-- Level: operator
CREATE FUNCTION pulse_unmerge(merge bigint, reason text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_unmerge';
COMMENT ON FUNCTION pulse_unmerge(bigint, text) IS
'Takes apart what a merge of pulse.merge_history made one: ids, events, attributes and account are as before it; what changed since stays with the survivor. Events do not merge the two
again. Errors: 42704 no such merge; 55000 undone before, or a later merge sits on top of it; 22023 no reason.';

-- Level: operator
CREATE FUNCTION pulse_set_identity_kind(kind text, normalisation text DEFAULT NULL, priority int DEFAULT NULL, max_values int DEFAULT NULL, per interval DEFAULT NULL,
                                        blocked text[] DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_set_identity_kind';
COMMENT ON FUNCTION pulse_set_identity_kind(text, text, int, int, interval, text[]) IS
'Makes a kind of ids, or changes one; null keeps what is there (for a new one: trim, priority 50, any number of values). per => ''0'': values count for ever. What is known already stays:
pulse_simulate_identity_kind() shows what would have come out. Errors: 22023 values out of range, 55000 another normal form while there are such ids.';
-- Level: operator
CREATE FUNCTION pulse_drop_identity_kind(kind text)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_drop_identity_kind';
COMMENT ON FUNCTION pulse_drop_identity_kind(text) IS
'Takes a kind of ids away that pulse_set_identity_kind() made. Errors: 42704 unknown kind, 55000 a built-in one, or there are such ids.';
