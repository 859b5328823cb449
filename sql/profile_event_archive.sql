-- ---------------------------------------------------------------------------------------------------------
-- Room profile: months of events on another server.

-- Level: people_reader
CREATE TABLE pulse.event_archive (
    month date PRIMARY KEY CHECK (month = date_trunc('month', month::timestamp)::date),
    partition text COLLATE "C" NOT NULL,
    server text COLLATE "C" NOT NULL,
    remote_schema text COLLATE "C" NOT NULL,
    remote_table text COLLATE "C" NOT NULL,
    home text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL CHECK (state IN ('requested', 'copying', 'comparing', 'swapping', 'archived', 'restoring', 'checking', 'returning', 'dropping', 'restored', 'failed')),
    reason text,
    by_hand boolean NOT NULL DEFAULT false,
    rows bigint NOT NULL DEFAULT 0,
    digest numeric NOT NULL DEFAULT 0,
    batch integer NOT NULL DEFAULT 0,
    done_to jsonb,
    erasures bigint NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    next_try_at timestamptz
);
COMMENT ON TABLE pulse.event_archive IS 'Months of pulse.event that are on another server, or go there or come back: one row per month. The job archive_events works on them.';
COMMENT ON COLUMN pulse.event_archive.month IS 'The first day of the month, in UTC.';
COMMENT ON COLUMN pulse.event_archive.partition IS 'The partition of pulse.event, such as event_y2025m01. Once archived it has two partitions of its own: event_y2025m01_archived, the foreign table, and event_y2025m01_late for events that arrive later.';
COMMENT ON COLUMN pulse.event_archive.server IS 'The server of postgres_fdw.';
COMMENT ON COLUMN pulse.event_archive.remote_schema IS 'The schema on the archive server that has the months of this database.';
COMMENT ON COLUMN pulse.event_archive.remote_table IS 'The table of the month in that schema, with a name of its own for each try, such as event_y2025m01_3f9a02c1. Readers see it by a view with the number of the batch behind that name.';
COMMENT ON COLUMN pulse.event_archive.home IS 'The database that keeps this table there: system identifier and oid. In a database that came from a dump it is that of the original, and the job leaves such a month alone.';
COMMENT ON COLUMN pulse.event_archive.state IS 'requested: the job begins when it gets to it; copying: events are copied to the archive; comparing: count and digest of the copy are compared; swapping: the copy takes the place of the month; archived: it has. restoring, checking and returning: the same on the way back. dropping: the month is here, and the table on the archive is dropped, after a month has come back a day later. restored: the month is back, and stays until pulse_archive_events() asks for it. failed: reason says why; the job tries again at next_try_at.';
COMMENT ON COLUMN pulse.event_archive.reason IS 'What went wrong last; null if nothing did.';
COMMENT ON COLUMN pulse.event_archive.by_hand IS 'Whether pulse_archive_events() asked for it: the job goes on whatever pulse.event_archive_after is.';
COMMENT ON COLUMN pulse.event_archive.rows IS 'Number of events on the archive that have been compared, and of late ones that were moved there.';
COMMENT ON COLUMN pulse.event_archive.digest IS 'Sum of the hashes of these events.';
COMMENT ON COLUMN pulse.event_archive.batch IS 'The batches of events up to this one are seen by readers. 0 is the month, each later one a number of late events.';
COMMENT ON COLUMN pulse.event_archive.done_to IS 'How far the step is: profile, name, time and id of an event, or a profile; on the way to the archive also the server with which the month was compared: system identifier, timeline and database. While the table there is dropped: since when the month is back, in microseconds since 2000, 0 for one that never left; null for one that was given up.';
COMMENT ON COLUMN pulse.event_archive.erasures IS 'The last erasure before the step began.';
COMMENT ON COLUMN pulse.event_archive.failures IS 'How many tries failed, one after another.';
COMMENT ON COLUMN pulse.event_archive.started_at IS 'When the job began, by the wall clock (not pulse.now); so are all times here but month.';

-- Level: people_reader
CREATE TABLE pulse.archived_profile (
    profile_id bigint NOT NULL,
    month date NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (profile_id, month)
);
COMMENT ON TABLE pulse.archived_profile IS 'Profiles that have events on an archive server, by month. Complete for each archived month; of a month that goes there or comes back it can have rows, too.';
COMMENT ON COLUMN pulse.archived_profile.month IS 'The first day of the month, as in pulse.event_archive.';
COMMENT ON COLUMN pulse.archived_profile.first_at IS 'The time of the first of these events of the month.';
COMMENT ON COLUMN pulse.archived_profile.last_at IS 'The time of the last.';
COMMENT ON COLUMN pulse.archived_profile.events IS 'Number of events of the profile in the month on the archive.';

-- Level: owner
CREATE TABLE pulse.event_archive_change (
    partition text COLLATE "C" NOT NULL,
    profile_id bigint,
    name text COLLATE "C",
    time timestamptz,
    id bigint
);
ALTER TABLE pulse.event_archive_change REPLICA IDENTITY FULL;
COMMENT ON TABLE pulse.event_archive_change IS 'Events that arrived for a month, or were deleted from it, while it is copied to an archive: the job tells the archive. A row without a profile says that the copy cannot be used any more. Only the owner of the extension can read it.';

-- What happens to a month while it is copied to an archive. Nobody waits.
CREATE FUNCTION pulse.settle_archive_copy() RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- What waits for the archive must not grow for ever.
    IF TG_OP = 'TRUNCATE' OR pg_relation_size('pulse.event_archive_change') > 256 * 1024 * 1024 THEN
        INSERT INTO pulse.event_archive_change (partition) SELECT TG_TABLE_NAME
        -- The snapshot of a whole transaction can show a row that the job has deleted since.
        WHERE current_setting('transaction_isolation') IN ('repeatable read', 'serializable')
            OR NOT EXISTS (SELECT FROM pulse.event_archive_change AS c WHERE c.partition = TG_TABLE_NAME AND c.profile_id IS NULL);
        RETURN NULL;
    END IF;
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        INSERT INTO pulse.event_archive_change (partition, profile_id, name, time, id) VALUES (TG_TABLE_NAME, OLD.profile_id, OLD.name, OLD.time, OLD.id);
    END IF;
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        INSERT INTO pulse.event_archive_change (partition, profile_id, name, time, id) VALUES (TG_TABLE_NAME, NEW.profile_id, NEW.name, NEW.time, NEW.id);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION pulse.settle_archive_copy() IS 'Notes what happens to a month while it is copied to an archive. The job archive_events adds the trigger, and the swap ends it.';

-- Level: admin
CREATE FUNCTION pulse_archive_events(month date, server text DEFAULT NULL) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_archive_events';
COMMENT ON FUNCTION pulse_archive_events(date, text) IS
'Moves a month of events, given by any of its days and ended, to a server of postgres_fdw (null: that of the try before, else pulse.event_archive_server). Checks what it can and returns the state of the month in pulse.event_archive; the job archive_events does the work. Called again, it only returns the state; after a failure the job tries again at once. For a month that a restored dump brought it makes this database the one that keeps it. Errors: 22004 null month, 22023 the month is infinite or no server is named, 42704 no events of that month, no such server or no user mapping for the owner of the extension, 42501 no right to use the server, or it belongs to somebody else, 55000 the month has not ended or cannot be moved, with the reason.';

-- Level: admin
CREATE FUNCTION pulse_archive_events(month text, server text DEFAULT NULL) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_archive_events';
COMMENT ON FUNCTION pulse_archive_events(text, text) IS
'The same for a month as text, such as 2025-01 or any of its days. A literal is text. Errors: also 22007 or 22008 the text is no date.';

-- Level: admin
CREATE FUNCTION pulse_restore_events(month date) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_restore_events';
COMMENT ON FUNCTION pulse_restore_events(date) IS
'Moves a month of events, given by any of its days, back from the archive server. Returns the state of the month in pulse.event_archive; the job archive_events does the work. A month that is still on its way to the archive stays. Errors: 22004 null month, 22023 the month is infinite, 42704 no events of that month, or it is on no archive server, 55000 another database keeps it.';

-- Level: admin
CREATE FUNCTION pulse_restore_events(month text) RETURNS text
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_restore_events';
COMMENT ON FUNCTION pulse_restore_events(text) IS
'The same for a month as text, such as 2025-01 or any of its days. A literal is text. Errors: also 22007 or 22008 the text is no date.';

SELECT pg_catalog.pg_extension_config_dump('pulse.event_archive', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.archived_profile', '');

-- Not even pg_write_all_data can say what the job does, or where; or that an erased person has no events there.
ALTER TABLE pulse.event_archive ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.archived_profile ENABLE ROW LEVEL SECURITY;
ALTER TABLE pulse.event_archive_change ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_only ON pulse.event_archive FOR SELECT USING (true);
CREATE POLICY read_only ON pulse.archived_profile FOR SELECT USING (true);
