-- ---------------------------------------------------------------------------------------------------------
-- Room profile: events of people.

-- Level: people_reader
CREATE TABLE pulse.event (
    id bigint NOT NULL,
    profile_id bigint NOT NULL,
    time timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    name text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    properties jsonb NOT NULL,
    context jsonb,
    message_id text,
    source text COLLATE "C" NOT NULL,
    archived boolean NOT NULL DEFAULT false
) PARTITION BY RANGE (time);
CREATE SEQUENCE pulse.event_id_seq CACHE 32 OWNED BY pulse.event.id;
ALTER TABLE pulse.event ALTER COLUMN id SET DEFAULT nextval('pulse.event_id_seq');
-- The index (profile_id, name, time) is created on each partition: when a dump is restored, an index of the whole table would be attached twice,
-- by the extension's script and by the dump.
COMMENT ON TABLE pulse.event IS 'All accepted events. Append-only, partitioned by time; partitions older than pulse.event_retention are dropped.';
COMMENT ON COLUMN pulse.event.profile_id IS 'The profile that the event was received for. Merges do not change it: the person is the canonical_id of this profile.';
COMMENT ON COLUMN pulse.event.time IS 'When the event happened by the sender''s clock, corrected if that clock was wrong.';
COMMENT ON COLUMN pulse.event.name IS 'Name of the event. Calls without a name are stored as $page, $screen, $identify, $group or $alias.';
COMMENT ON COLUMN pulse.event.type IS 'One of track, page, screen, identify, group, alias.';
COMMENT ON COLUMN pulse.event.properties IS 'The properties of the event; for identify and group, the traits.';
COMMENT ON COLUMN pulse.event.archived IS 'true for events on an archive server. With AND NOT archived a query reads none of these.';

-- Closed months are put into the order of people once, by the job order_events: copied beside, compared, swapped.

-- Level: people_reader
CREATE TABLE pulse.event_month (
    partition text COLLATE "C" PRIMARY KEY,
    state text COLLATE "C" NOT NULL CHECK (state IN ('copying', 'comparing', 'swapping', 'ordered', 'frozen', 'failed')),
    reason text,
    rows bigint NOT NULL DEFAULT 0,
    done_to bigint NOT NULL DEFAULT 0,
    written xid8,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    next_try_at timestamptz
);
COMMENT ON TABLE pulse.event_month IS 'What the job order_events has done with closed months of pulse.event: one row per partition. A month without a row has not been looked at. A row of a copy says that a restored dump brought it.';
COMMENT ON COLUMN pulse.event_month.partition IS 'The partition of pulse.event, such as event_y2026m01.';
COMMENT ON COLUMN pulse.event_month.state IS 'copying: its events are copied in the order of people; comparing: the copy is compared with it; swapping: the copy is frozen and takes its place when no older transaction needs it; ordered: it has; frozen: the month stays as it is, and is frozen; the job looks again at next_try_at; failed: reason says why, the job tries again at next_try_at.';
COMMENT ON COLUMN pulse.event_month.reason IS 'Why the month is not put into the order of people, or why the last try failed.';
COMMENT ON COLUMN pulse.event_month.rows IS 'Number of events copied.';
COMMENT ON COLUMN pulse.event_month.done_to IS 'The profile up to which the month is copied or compared.';
COMMENT ON COLUMN pulse.event_month.written IS 'The last transaction that wrote to the copy.';
COMMENT ON COLUMN pulse.event_month.started_at IS 'When the job began with it, by the wall clock (not pulse.now); so are all times here.';

-- Level: owner
CREATE TABLE pulse.event_copy (LIKE pulse.event) PARTITION BY RANGE (time);
COMMENT ON TABLE pulse.event_copy IS 'Months that are being copied in the order of people. A copy becomes a partition of pulse.event, in the place of its original; what is deleted there meanwhile is deleted here, too. Only the owner of the extension can read it.';

-- Level: owner
CREATE TABLE pulse.event_late (
    partition text COLLATE "C" NOT NULL,
    profile_id bigint,
    name text COLLATE "C",
    time timestamptz,
    id bigint
);
ALTER TABLE pulse.event_late REPLICA IDENTITY FULL;
CREATE INDEX event_late_profile ON pulse.event_late (partition, profile_id, id);
COMMENT ON TABLE pulse.event_late IS 'Events that arrived for a month while it is copied, so that the copy gets them. A row without a profile says that the copy cannot be used any more. Only the owner of the extension can read it.';

-- What happens to a month while it is copied. Deleting waits for the step of the copy that runs; writing does not wait.
CREATE FUNCTION pulse.settle_event_copy() RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    copy text := 'event_copy' || substr(TG_TABLE_NAME, length('event') + 1);
BEGIN
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        IF to_regclass(format('pulse.%I', copy)) IS NOT NULL THEN
            EXECUTE format('DELETE FROM pulse.%I AS c WHERE c.profile_id = $1 AND c.name = $2 AND c.time = $3 AND c.id = $4', copy)
                USING OLD.profile_id, OLD.name, OLD.time, OLD.id;
        END IF;
        DELETE FROM pulse.event_late AS l WHERE l.partition = TG_TABLE_NAME AND l.profile_id = OLD.profile_id AND l.id = OLD.id;
    END IF;
    -- A transaction with an old snapshot does not see what the copy has by now; and what waits for the copy must not grow for ever.
    IF TG_OP = 'TRUNCATE' OR (TG_OP <> 'INSERT' AND current_setting('transaction_isolation') <> 'read committed')
        OR pg_relation_size('pulse.event_late') > 256 * 1024 * 1024 THEN
        INSERT INTO pulse.event_late (partition) SELECT TG_TABLE_NAME
        WHERE NOT EXISTS (SELECT FROM pulse.event_late AS l WHERE l.partition = TG_TABLE_NAME AND l.profile_id IS NULL);
    ELSIF TG_OP IN ('INSERT', 'UPDATE') THEN
        INSERT INTO pulse.event_late (partition, profile_id, name, time, id) VALUES (TG_TABLE_NAME, NEW.profile_id, NEW.name, NEW.time, NEW.id);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION pulse.settle_event_copy() IS 'Tells the copy of a month what happens to the month meanwhile. The job order_events adds the trigger, and the swap ends it.';
