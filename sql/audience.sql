-- ---------------------------------------------------------------------------------------------------------
-- Room audience: people of segments, kept in sync with other platforms.

-- Level: reader
CREATE TABLE pulse.audience (
    id bigserial PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 200),
    segment_id bigint NOT NULL REFERENCES pulse.segment,
    destination text NOT NULL,
    purposes text[] NOT NULL,
    identifiers text[] NOT NULL,
    sync_every interval,
    on_change boolean NOT NULL DEFAULT false,
    full_every interval NOT NULL,
    max_share double precision NOT NULL CHECK (max_share BETWEEN 0 AND 1),
    key_kind text NOT NULL,
    platform_id text,
    platform_name text NOT NULL,
    description text,
    status text NOT NULL CHECK (status IN ('active', 'paused', 'stopped', 'stale', 'deleting')),
    status_reason text,  -- Level: people_reader
    people bigint NOT NULL DEFAULT 0,
    "position" bigint NOT NULL DEFAULT 0,
    consent_as_of timestamptz,
    next_sync_at timestamptz,
    check_at timestamptz,
    last_sync_at timestamptz,
    last_full_at timestamptz,
    compare_because text,
    warned text[] NOT NULL DEFAULT '{}',
    share_people bigint NOT NULL DEFAULT 0,
    share_at timestamptz,
    size_low bigint,
    size_high bigint,
    size_at timestamptz,
    size_share double precision,
    parted_at timestamptz,
    replaced_at timestamptz,
    match_low double precision,
    match_high double precision,
    match_source text,
    match_at timestamptz,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON TABLE pulse.audience IS 'One row per audience. Changed only by pulse_create_audience() and related functions; pulse.audience_overview shows it with its state.';
COMMENT ON COLUMN pulse.audience.destination IS 'The name of a server of pulse_destination.';
COMMENT ON COLUMN pulse.audience.purposes IS 'Only people with live consent for all of these purposes are sent.';
COMMENT ON COLUMN pulse.audience.identifiers IS 'What is sent of a person, as far as it is known: email, phone and others, as doc/audience.md lists them.';
COMMENT ON COLUMN pulse.audience.sync_every IS 'The time between two syncs; null: only when it is asked for, or with on_change.';
COMMENT ON COLUMN pulse.audience.on_change IS 'Whether it is synchronised soon after each change.';
COMMENT ON COLUMN pulse.audience.full_every IS 'How often a sync compares everybody instead of those who changed.';
COMMENT ON COLUMN pulse.audience.max_share IS 'A sync that would remove a larger share of the people, alone or with those of a day, waits for pulse_approve_action().';
COMMENT ON COLUMN pulse.audience.key_kind IS 'What the members of a segment over a relation or query are: the kind of their ids.';
COMMENT ON COLUMN pulse.audience.platform_id IS 'The id of the audience on the platform; null: the first sync creates it there.';
COMMENT ON COLUMN pulse.audience.status IS 'active; paused: by pulse_pause_audience(), or restored from a dump; stopped: the platform refuses, see status_reason; stale: the platform has deleted it; deleting: until it is deleted there.';
COMMENT ON COLUMN pulse.audience.people IS 'How many people were sent to the platform and not removed from it.';
COMMENT ON COLUMN pulse.audience."position" IS 'Membership changes up to this position of pulse.membership_change are in pulse.audience_mark.';
COMMENT ON COLUMN pulse.audience.consent_as_of IS 'People whose consent ended by itself until then are in pulse.audience_mark.';
COMMENT ON COLUMN pulse.audience.check_at IS 'While it is paused or stopped: when people who have withdrawn consent are looked for next.';
COMMENT ON COLUMN pulse.audience.compare_because IS 'Why the next sync compares everybody, or sends everybody again, before full_every has passed; null: no special reason.';
COMMENT ON COLUMN pulse.audience.warned IS 'The alarms that are raised: failures, match, size, parted, login, blocked, flagged, expiring.';
COMMENT ON COLUMN pulse.audience.share_people IS 'The most people it has had within a day from share_at on, whom max_share is a share of.';
COMMENT ON COLUMN pulse.audience.size_low IS 'The smallest size that the platform''s answer allows; size_high: the largest.';
COMMENT ON COLUMN pulse.audience.size_share IS 'The largest share of the people that the platform has counted, since everybody was sent last; what it counts later is compared with it.';
COMMENT ON COLUMN pulse.audience.parted_at IS 'When its size on the platform was found to differ from what was sent by more than pulse.audience_size_tolerance: the next sync sends everybody again; null: it does not.';
COMMENT ON COLUMN pulse.audience.replaced_at IS 'When everybody was sent again last.';
COMMENT ON COLUMN pulse.audience.match_low IS 'The smallest match rate that the platform''s figures allow, 0 to 1; match_high: the largest.';
COMMENT ON COLUMN pulse.audience.match_source IS 'Where the match rate comes from.';

-- Level: reader
CREATE TABLE pulse.audience_home (
    audience_id bigint PRIMARY KEY REFERENCES pulse.audience ON DELETE CASCADE
);
COMMENT ON TABLE pulse.audience_home IS 'The audiences that this database synchronises. Neither a dump nor a logical copy contains it: a copy sends nothing before pulse_resume_audience().';

-- Level: people_reader
CREATE TABLE pulse.audience_member (
    audience_id bigint NOT NULL REFERENCES pulse.audience ON DELETE CASCADE,
    profile_id bigint NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (state IN ('adding', 'sent', 'removing', 'refused')),
    tried boolean NOT NULL,
    cells bytea NOT NULL,
    consent smallint NOT NULL,
    sent_at timestamptz,
    error text,
    PRIMARY KEY (audience_id, profile_id)
);
CREATE INDEX audience_member_open ON pulse.audience_member (audience_id, state, profile_id) WHERE state IN ('adding', 'removing', 'refused');
CREATE INDEX audience_member_person ON pulse.audience_member (profile_id);
COMMENT ON TABLE pulse.audience_member IS 'The ledger: who was sent to which audience, with exactly what was sent. It is written before a request is made, so that whatever a platform may have received is known here.';
COMMENT ON COLUMN pulse.audience_member.profile_id IS 'The person: the canonical profile when it was sent.';
COMMENT ON COLUMN pulse.audience_member.state IS 'adding: to be sent; sent: the platform has accepted it; removing: to be removed; refused: the platform has refused these identifiers, see error.';
COMMENT ON COLUMN pulse.audience_member.tried IS 'Whether a request that adds this person was made: the platform may have it, whatever the answer was.';
COMMENT ON COLUMN pulse.audience_member.cells IS 'The normalised and hashed identifiers, as they are sent.';
COMMENT ON COLUMN pulse.audience_member.consent IS 'The consent that is stated to the platform: 0 unstated, 1 ads, 2 ads and ads_personalization.';
COMMENT ON COLUMN pulse.audience_member.sent_at IS 'When the platform accepted these identifiers; null: it has not, or a request to remove them was made.';

-- Level: people_reader
CREATE TABLE pulse.audience_cell (
    audience_id bigint NOT NULL REFERENCES pulse.audience ON DELETE CASCADE,
    key bigint NOT NULL,
    profile_id bigint NOT NULL,
    PRIMARY KEY (audience_id, key, profile_id)
);
COMMENT ON TABLE pulse.audience_cell IS 'Who has which identifier in pulse.audience_member: what one person loses is not removed while another one has it.';
COMMENT ON COLUMN pulse.audience_cell.key IS 'The first eight bytes of the SHA-256 of the kind and the identifier.';

-- Level: people_reader
CREATE TABLE pulse.audience_removal (
    id bigserial PRIMARY KEY,
    audience_id bigint NOT NULL REFERENCES pulse.audience ON DELETE CASCADE,
    cells bytea NOT NULL,
    cause text NOT NULL CHECK (cause IN ('changed', 'erased', 'withdrawn')),
    queued_at timestamptz NOT NULL
);
CREATE INDEX audience_removal_audience ON pulse.audience_removal (audience_id, id);
CREATE INDEX audience_removal_leaving ON pulse.audience_removal (audience_id, queued_at) WHERE cause IN ('erased', 'withdrawn');
COMMENT ON TABLE pulse.audience_removal IS 'Identifiers that must be removed from a platform and belong to nobody here any more: former ones, those of erased people, and those of people who have withdrawn consent while a sync is held or the audience is paused or stopped. Rows are deleted when the platform has confirmed.';

-- No foreign key: whoever writes events would lock the one row of the audience.
-- Level: people_reader
CREATE TABLE pulse.audience_mark (
    audience_id bigint NOT NULL,
    profile_id bigint NOT NULL,
    id bigserial,
    PRIMARY KEY (audience_id, profile_id, id)
);
COMMENT ON TABLE pulse.audience_mark IS 'People whom the next sync of an audience looks at, because their membership, ids, attributes or consent changed. One row for each change, so that a change during a sync is not lost. Beyond a million the job retention deletes them, and the next sync compares everybody.';

CREATE TRIGGER audience_trust AFTER INSERT OR DELETE OR UPDATE OF name, segment_id, destination ON pulse.audience FOR EACH STATEMENT EXECUTE FUNCTION pulse.note_trust_change();
COMMENT ON TRIGGER audience_trust ON pulse.audience IS 'Stored scores that stand on it are old.';
SELECT pg_catalog.pg_extension_config_dump('pulse.audience', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.audience_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.audience_home', 'WHERE false');
SELECT pg_catalog.pg_extension_config_dump('pulse.audience_member', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.audience_cell', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.audience_removal', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.audience_removal_id_seq', '');
-- A restored audience compares everybody first.
SELECT pg_catalog.pg_extension_config_dump('pulse.audience_mark', 'WHERE false');
SELECT pg_catalog.pg_extension_config_dump('pulse.audience_mark_id_seq', '');

CREATE FUNCTION pulse.announce_audience() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_announce_audience';
COMMENT ON FUNCTION pulse.announce_audience() IS 'Tells other sessions, when the transaction commits, whether there are audiences.';
CREATE TRIGGER audience_announce AFTER INSERT OR DELETE OR TRUNCATE ON pulse.audience
    FOR EACH STATEMENT EXECUTE FUNCTION pulse.announce_audience();
COMMENT ON TRIGGER audience_announce ON pulse.audience IS 'Invalidates what sessions remember of audiences.';

CREATE FUNCTION pulse.settle_audience_home() RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN NULL;
END $$;
COMMENT ON FUNCTION pulse.settle_audience_home() IS 'Leaves out the rows of another database.';
CREATE TRIGGER audience_home_settle BEFORE INSERT ON pulse.audience_home FOR EACH ROW EXECUTE FUNCTION pulse.settle_audience_home();
ALTER TABLE pulse.audience_home ENABLE REPLICA TRIGGER audience_home_settle;
COMMENT ON TRIGGER audience_home_settle ON pulse.audience_home IS 'For a logical copy: it sends nothing before pulse_resume_audience().';

-- Level: owner
CREATE FUNCTION pulse.mark_sent_people(people bigint[]) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_mark_sent_people';
COMMENT ON FUNCTION pulse.mark_sent_people(bigint[]) IS 'Lets the next sync of each audience to which these people were sent look at them. The ledger is read as it is now, also in a transaction whose snapshot is older.';

CREATE FUNCTION pulse.mark_deleted_people() RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pulse.mark_sent_people(ARRAY(SELECT g.id FROM gone AS g));
    RETURN NULL;
END $$;
COMMENT ON FUNCTION pulse.mark_deleted_people() IS 'Lets deleted people leave their audiences with the next sync.';
CREATE TRIGGER profile_mark_audience AFTER DELETE ON pulse.profile REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION pulse.mark_deleted_people();
COMMENT ON TRIGGER profile_mark_audience ON pulse.profile IS 'People who were deleted by hand leave their audiences.';

CREATE FUNCTION pulse.keep_segment_of_audience() RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    users text;
BEGIN
    SELECT string_agg('"' || a.name || '"', ', ' ORDER BY a.name) INTO users FROM pulse.audience AS a WHERE a.segment_id = OLD.id;
    IF users IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'dependent_objects_still_exist', MESSAGE = 'segment "' || OLD.name || '" is used by audiences',
            DETAIL = 'They are ' || users || '.', HINT = 'Delete them with pulse_delete_audience(), or give them another segment with pulse_update_audience().';
    END IF;
    RETURN OLD;
END $$;
COMMENT ON FUNCTION pulse.keep_segment_of_audience() IS 'Refuses to delete a segment that audiences use.';
CREATE TRIGGER segment_keep_audience BEFORE DELETE ON pulse.segment FOR EACH ROW EXECUTE FUNCTION pulse.keep_segment_of_audience();
COMMENT ON TRIGGER segment_keep_audience ON pulse.segment IS 'The segments of audiences stay.';

-- Level: operator
CREATE FUNCTION pulse_create_audience(name text, segment text, destination text, options jsonb DEFAULT '{}') RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_audience';
COMMENT ON FUNCTION pulse_create_audience(text, text, text, jsonb) IS
'Creates an audience: the people of a segment on the platform of a destination, as pulse_create_destination() made it. Returns its id. The first sync sends them. Options: purposes (default ["ads"], of Google ["ads", "ads_personalization"]),
identifiers (default all that the platform takes except external_id; of Google the contact data), interval (1 hour to 1 week, "change" for soon after each change, or "manual"; default 1 day), full_every (1 day to 365 days, default 30 days), max_share (0 to 1, default 0.3), key (kind of the ids that are members of a segment over a
relation; default user_id), platform_id (of an audience that exists there), platform_name, description. Errors: 42704 unknown segment or destination, 42710 name taken, 22023 unknown or bad option, 55000 the segment is a draft or archived, 55P03 a transaction that writes events is open for too long.';

-- Level: operator
CREATE FUNCTION pulse_update_audience(name text, options jsonb) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_update_audience';
COMMENT ON FUNCTION pulse_update_audience(text, jsonb) IS
'Changes options of an audience, those of pulse_create_audience() except platform_id, and name and segment; what is left out stays. After a change of whom or what it sends, the next sync compares everybody. Errors: as for pulse_create_audience(), and 42704 unknown audience.';

-- Level: operator
CREATE FUNCTION pulse_delete_audience(name text, delete_from_platform boolean DEFAULT true) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_delete_audience';
COMMENT ON FUNCTION pulse_delete_audience(text, boolean) IS
'Deletes an audience, and returns deleted or deleting. delete_from_platform: it is first removed from the platform, with all people in it; until that is done it is deleting, and a second call with false forgets it at once. Without it the platform keeps what it has, and Pulse forgets what it sent. Errors: 42704 unknown audience, 55006 a sync is running.';

-- Level: operator
CREATE FUNCTION pulse_pause_audience(name text, reason text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_pause_audience';
COMMENT ON FUNCTION pulse_pause_audience(text, text) IS
'Stops the syncs of an audience and cancels the one that runs, after its request under way. Erased people are still removed from the platform, and those who withdraw consent within the hour. Errors: 42704 unknown audience, 55000 it is being deleted.';

-- Level: operator
CREATE FUNCTION pulse_resume_audience(name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_resume_audience';
COMMENT ON FUNCTION pulse_resume_audience(text) IS
'Resumes an audience that is paused, stopped or stale; the next sync begins at once and compares everybody. In a restored copy it says that this database synchronises the audience from now on. Errors: 42704 unknown audience, 55000 it is being deleted.';
