-- ---------------------------------------------------------------------------------------------------------
-- Room web: what changed after a position, for live streams. It comes after worker, whose runs it follows.

-- Level: owner
CREATE TABLE pulse.change (
    id bigserial PRIMARY KEY,
    kind text NOT NULL,
    object_id bigint NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX change_xid ON pulse.change (xid);
COMMENT ON TABLE pulse.change IS 'Ids of what changed during the last day or two, which pulse_changes() reads. Written by triggers; no dump contains it.';
COMMENT ON COLUMN pulse.change.kind IS 'segment, snapshot, incident, job or flag.';
COMMENT ON COLUMN pulse.change.xid IS 'The transaction that changed it: by it a position tells what it has seen, in whatever order transactions commit.';

CREATE FUNCTION pulse.note_change() RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_ARGV[0] = 'job' THEN
        INSERT INTO pulse.change (kind, object_id) VALUES ('job', NEW.job_id);
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO pulse.change (kind, object_id) VALUES (TG_ARGV[0], OLD.id);
    ELSE
        INSERT INTO pulse.change (kind, object_id) VALUES (TG_ARGV[0], NEW.id);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION pulse.note_change() IS 'Notes the id of a row that changed in pulse.change; its argument is the kind.';
CREATE TRIGGER segment_change AFTER INSERT OR DELETE OR UPDATE OF name, status, version, owner, cadence, tags, baseline, description, baseline_from, pinned_snapshot
    ON pulse.segment FOR EACH ROW EXECUTE FUNCTION pulse.note_change('segment');
COMMENT ON TRIGGER segment_change ON pulse.segment IS 'For pulse_changes().';
CREATE TRIGGER snapshot_change AFTER INSERT OR UPDATE OF status ON pulse.snapshot FOR EACH ROW EXECUTE FUNCTION pulse.note_change('snapshot');
COMMENT ON TRIGGER snapshot_change ON pulse.snapshot IS 'For pulse_changes().';
CREATE TRIGGER incident_change AFTER INSERT OR UPDATE ON pulse.incident_record FOR EACH ROW EXECUTE FUNCTION pulse.note_change('incident');
COMMENT ON TRIGGER incident_change ON pulse.incident_record IS 'For pulse_changes().';
CREATE TRIGGER job_change AFTER INSERT OR UPDATE OF status ON pulse.job_run FOR EACH ROW EXECUTE FUNCTION pulse.note_change('job');
COMMENT ON TRIGGER job_change ON pulse.job_run IS 'For pulse_changes().';
CREATE TRIGGER flag_change AFTER INSERT OR UPDATE OR DELETE ON pulse.flag FOR EACH ROW EXECUTE FUNCTION pulse.note_change('flag');
COMMENT ON TRIGGER flag_change ON pulse.flag IS 'For pulse_changes().';

-- Level: reader
CREATE FUNCTION pulse_changes(after text DEFAULT NULL, OUT "position" text, OUT reset boolean, OUT changes jsonb)
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_changes';
COMMENT ON FUNCTION pulse_changes(text) IS
'What changed after a position that an earlier call returned: changes is an array of {"kind", "id"} with kind segment, snapshot, incident, job (a run of it began or ended) or flag, each once; position is where to go on. Nothing is missed, in whatever order transactions commit. Without a position nothing is listed. reset is true where the changes since then are more than 1,000, or older than a day: read all anew. GET /v1/changes sends them as they come. Call it in a transaction that changes nothing itself. Errors: 22023 not a position.';

-- Level: reader
CREATE FUNCTION pulse.change_events(after text, OUT body text, OUT next text)
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_change_events';
COMMENT ON FUNCTION pulse.change_events(text) IS 'The result of pulse_changes() as server-sent events, empty where nothing changed, and the position to go on from. For GET /v1/changes.';
