-- ---------------------------------------------------------------------------------------------------------
-- Room snapshot: snapshots that somebody asked for, and a worker takes.

-- Level: reader
CREATE TABLE pulse.snapshot_request (
    segment_id bigint PRIMARY KEY REFERENCES pulse.segment ON DELETE CASCADE,
    requested_at timestamptz NOT NULL,
    requested_by text NOT NULL,
    check_drift boolean NOT NULL DEFAULT false,
    status text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'running', 'ok', 'failed')),
    tries int NOT NULL DEFAULT 0,
    next_try_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    snapshot_id bigint,
    error text  -- Level: people_reader
);
CREATE INDEX snapshot_request_next ON pulse.snapshot_request (next_try_at) WHERE next_try_at IS NOT NULL;
COMMENT ON TABLE pulse.snapshot_request IS 'The newest request for a snapshot of each segment for which pulse_request_snapshot() was called. The job requested_snapshots works through them; pulse_snapshot_request() shows the state of one.';
COMMENT ON COLUMN pulse.snapshot_request.check_drift IS 'Whether the segment is checked for drift when its snapshot is there.';
COMMENT ON COLUMN pulse.snapshot_request.tries IS 'How often a worker took it: again where its source could not be read, or another session measured the segment.';
COMMENT ON COLUMN pulse.snapshot_request.next_try_at IS 'When a worker takes it; null: it is done.';
COMMENT ON COLUMN pulse.snapshot_request.snapshot_id IS 'The snapshot that was taken. It may have been deleted since.';
COMMENT ON COLUMN pulse.snapshot_request.error IS 'Why it failed, or waits for another try.';
SELECT pg_catalog.pg_extension_config_dump('pulse.snapshot_request', '');

-- Level: writer
CREATE FUNCTION pulse_request_snapshot(segment text, check_drift boolean DEFAULT false, OUT state text, OUT requested_at timestamptz, OUT finished_at timestamptz,
                                       OUT snapshot bigint, OUT detail text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_request_snapshot';
COMMENT ON FUNCTION pulse_request_snapshot(text, boolean) IS
'Asks for a snapshot of a segment without waiting for it: a worker takes it at once after the commit, as of then, and checks the segment for drift afterwards if check_drift is true. Returns the state as pulse_snapshot_request() does, where it can be followed; a segment that waits already is not queued twice. Errors: 42704 unknown segment, 55000 a draft or an archived segment, 25006 on a standby.';
-- Level: writer
CREATE FUNCTION pulse.request_snapshot(segment text, check_drift boolean, OUT state text, OUT requested_at timestamptz, OUT finished_at timestamptz,
                                       OUT snapshot bigint, OUT detail text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_request_snapshot';
COMMENT ON FUNCTION pulse.request_snapshot(text, boolean) IS 'The function pulse_request_snapshot() as Pulse itself calls it: in schema pulse, where no other role can add a function of the same name.';

-- Level: writer
CREATE FUNCTION pulse_request_snapshots(OUT segments bigint, OUT state text, OUT detail text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_request_snapshots';
COMMENT ON FUNCTION pulse_request_snapshots() IS
'Asks for a snapshot of every active segment that is due, without waiting for them: the same segments as pulse_take_snapshots() measures. segments is their number; state is waiting, or no_worker with the reason in detail. Errors: 25006 on a standby.';

-- Level: reader
CREATE FUNCTION pulse_snapshot_request(segment text)
    RETURNS TABLE (state text, requested_at timestamptz, finished_at timestamptz, snapshot bigint, detail text)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_snapshot_request';
COMMENT ON FUNCTION pulse_snapshot_request(text) IS
'What has become of the newest pulse_request_snapshot() of a segment; no row if nobody asked. state: waiting, running, ok (snapshot is its id), failed, or no_worker: it waits, and nothing will take it, for the reason in detail. detail of a request that failed, or whose source could not be read yet, is the error, for roles that see people. A source that cannot be read is tried five times within a quarter of an hour. Errors: 42704 unknown segment.';
