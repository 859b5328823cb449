-- ---------------------------------------------------------------------------------------------------------
-- Room trait: static segments, whose members are people who are added and removed by hand.

-- Level: people_reader
CREATE TABLE pulse.static_member (
    segment_id bigint NOT NULL REFERENCES pulse.segment ON DELETE CASCADE,
    profile_id bigint NOT NULL,
    added_at timestamptz NOT NULL,
    added_by text NOT NULL,
    removed_at timestamptz,
    removed_by text,
    PRIMARY KEY (segment_id, profile_id, added_at)
);
CREATE INDEX static_member_profile ON pulse.static_member (profile_id);
CREATE INDEX static_member_removed ON pulse.static_member (removed_at) WHERE removed_at IS NOT NULL;
COMMENT ON TABLE pulse.static_member IS 'Who was added to a static segment, when and by whom. A merged person is a member as long as one of its profiles is in the list. Changed only by pulse_add_to_segment() and pulse_remove_from_segment(). Rows of people who were removed are kept for pulse.membership_change_retention.';
COMMENT ON COLUMN pulse.static_member.profile_id IS 'The profile whose id was added: a merge keeps it, and an unmerge gives it back. canonical_id of pulse.profile is the person.';
COMMENT ON COLUMN pulse.static_member.removed_at IS 'When the person was removed; null: never.';
SELECT pg_catalog.pg_extension_config_dump('pulse.static_member', '');

-- Level: operator
CREATE FUNCTION pulse_add_to_segment(segment text, users text[]) RETURNS TABLE ("user" text, profile_id bigint, result text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'pulse_add_to_segment';
COMMENT ON FUNCTION pulse_add_to_segment(text, text[]) IS
'Adds people to a static segment and returns for each id, in their order, what happened: added, already_member or unknown_user. Decisions and memberships are exact in the same transaction. An id is a user id, or kind:value as email:ann@example.com. Errors: 42704 unknown segment, 42809 not a static segment, 55000 a draft or archived, 54000 more than 10000 users, 22004 null, 22023 pulse.now lies in the future.';

-- Level: operator
CREATE FUNCTION pulse_remove_from_segment(segment text, users text[]) RETURNS TABLE ("user" text, profile_id bigint, result text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'pulse_remove_from_segment';
COMMENT ON FUNCTION pulse_remove_from_segment(text, text[]) IS
'Removes people from a static segment and returns for each id, in their order, what happened: removed, not_member or unknown_user. Errors: as for pulse_add_to_segment().';
