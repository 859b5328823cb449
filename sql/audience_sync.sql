-- ---------------------------------------------------------------------------------------------------------
-- Room audience: synchronising audiences with their platforms.

-- Level: reader
CREATE TABLE pulse.sync_run (
    id bigserial PRIMARY KEY,
    audience_id bigint NOT NULL,
    audience text NOT NULL,
    operation text NOT NULL CHECK (operation IN ('delta', 'full', 'replace', 'delete', 'erase')),
    status text COLLATE "C" NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'processing', 'held', 'completed', 'partial', 'failed', 'cancelled')),
    phase text NOT NULL DEFAULT 'begin' CHECK (phase IN ('begin', 'scan', 'plan', 'check', 'remove', 'add', 'finish', 'done')),
    triggered_by text NOT NULL CHECK (triggered_by IN ('manual', 'schedule', 'change', 'action', 'erasure', 'resume')),
    requested_by text NOT NULL,
    because text,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    not_before timestamptz NOT NULL,
    attempts int NOT NULL DEFAULT 0,
    after bigint NOT NULL DEFAULT 0,
    examined bigint NOT NULL DEFAULT 0,
    total bigint NOT NULL DEFAULT 0,
    to_add bigint,
    to_remove bigint,
    sent bigint NOT NULL DEFAULT 0,
    added bigint NOT NULL DEFAULT 0,
    removed bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    suppressed bigint NOT NULL DEFAULT 0,
    suppressed_by jsonb NOT NULL DEFAULT '{}',
    people bigint,
    size_low bigint,
    size_high bigint,
    match_low double precision,
    match_high double precision,
    decision_id bigint,
    decided_at timestamptz,
    held_by text CHECK (held_by IN ('gate', 'share')),
    held_at timestamptz,
    held_reason text,
    action_id bigint,
    share_reason text,
    approved_by text,
    session_id bigint,
    session_batches bigint NOT NULL DEFAULT 0,
    session_at timestamptz,
    session_first_done boolean NOT NULL DEFAULT false,
    replacement text CHECK (replacement IN ('sending', 'sent')),
    restarts int NOT NULL DEFAULT 0,
    cancel_requested boolean NOT NULL DEFAULT false,
    error text,  -- Level: people_reader
    answer text  -- Level: people_reader
);
CREATE UNIQUE INDEX sync_run_active ON pulse.sync_run (audience_id) WHERE status IN ('pending', 'processing', 'held') AND operation <> 'erase';
CREATE UNIQUE INDEX sync_run_erase ON pulse.sync_run (audience_id) WHERE status IN ('pending', 'processing', 'held') AND operation = 'erase';
CREATE INDEX sync_run_audience ON pulse.sync_run (audience_id, id);
CREATE INDEX sync_run_due ON pulse.sync_run (not_before) WHERE status IN ('pending', 'processing', 'held');
CREATE INDEX sync_run_finished ON pulse.sync_run (finished_at) WHERE finished_at IS NOT NULL;
COMMENT ON TABLE pulse.sync_run IS 'One row per sync of an audience. At most one of an audience is under way, apart from the removal of erased people. Kept for pulse.message_retention.';
COMMENT ON COLUMN pulse.sync_run.operation IS 'delta: those who changed; full: everybody is compared; replace: everybody is sent again; delete: the audience is deleted on the platform; erase: only what belongs to erased people or is otherwise no longer theirs is removed.';
COMMENT ON COLUMN pulse.sync_run.status IS 'pending, processing, held (by the gate, or because it would move too many people), completed, partial (some people were refused), failed, cancelled.';
COMMENT ON COLUMN pulse.sync_run.phase IS 'begin, scan (reading a segment over a relation), plan (comparing people with the ledger), check (how many would move), remove, add, finish, done.';
COMMENT ON COLUMN pulse.sync_run.triggered_by IS 'manual, schedule, change, action, erasure, or resume of a restored copy.';
COMMENT ON COLUMN pulse.sync_run.because IS 'Why everybody is compared, or sent again, although full_every has not passed; null: no special reason.';
COMMENT ON COLUMN pulse.sync_run.not_before IS 'When its next step is due.';
COMMENT ON COLUMN pulse.sync_run.attempts IS 'How often in a row a request failed.';
COMMENT ON COLUMN pulse.sync_run.after IS 'The last person of this phase who is done, where it continues after a crash.';
COMMENT ON COLUMN pulse.sync_run.examined IS 'People who were examined; total: of them members of the segment.';
COMMENT ON COLUMN pulse.sync_run.to_add IS 'Known after everybody was examined; to_remove likewise.';
COMMENT ON COLUMN pulse.sync_run.sent IS 'Rows that were sent; a person can be in several.';
COMMENT ON COLUMN pulse.sync_run.suppressed IS 'Members who were left out; suppressed_by says why: no_consent (none recorded), refused (denied, withdrawn or ended), no_identifier, invalid_identifier.';
COMMENT ON COLUMN pulse.sync_run.decision_id IS 'The decision of the gate that it is carried out with.';
COMMENT ON COLUMN pulse.sync_run.held_by IS 'gate: checked again every minute, cancelled after 24 hours; share: max_share of the audience, until pulse_approve_action(action_id), or pulse_dismiss_action(), which ends it.';
COMMENT ON COLUMN pulse.sync_run.action_id IS 'The action in pulse.action that asks for its approval, where it would move a larger share than max_share; share_reason: why; null: it was not asked for.';
COMMENT ON COLUMN pulse.sync_run.held_reason IS 'Why, in sentences; null when it has gone on.';
COMMENT ON COLUMN pulse.sync_run.people IS 'People who are on the platform when it has ended, by the ledger; size_low and size_high: by the platform, which matches only a part of them, rounds, and lags.';
COMMENT ON COLUMN pulse.sync_run.match_low IS 'The match rate of this sync on the platform is between match_low and match_high, 0 to 1.';
COMMENT ON COLUMN pulse.sync_run.session_id IS 'The upload session on the platform, where it has such; the other columns session_* say how far it came.';
COMMENT ON COLUMN pulse.sync_run.replacement IS 'sending: everybody is sent in one session, which becomes the audience with its last batch; sent: it has; null: people are added and removed.';
COMMENT ON COLUMN pulse.sync_run.restarts IS 'How often such a session was lost and begun anew.';
COMMENT ON COLUMN pulse.sync_run.cancel_requested IS 'Whether it is to end after its request under way.';
COMMENT ON COLUMN pulse.sync_run.answer IS 'The last answer of the platform that was not a success.';

-- Level: reader
CREATE TABLE pulse.sync_batch (
    id bigserial PRIMARY KEY,
    run_id bigint NOT NULL REFERENCES pulse.sync_run ON DELETE CASCADE,
    audience_id bigint NOT NULL,
    operation text NOT NULL CHECK (operation IN ('add', 'remove')),
    rows int NOT NULL,
    outcome text NOT NULL,
    answer_status int,
    milliseconds double precision NOT NULL,
    sent_at timestamptz NOT NULL,
    upload_id text,
    checks int NOT NULL DEFAULT 0,
    check_at timestamptz,
    people bigint[],  -- Level: people_reader
    cells bytea[],  -- Level: people_reader
    error text  -- Level: people_reader
);
CREATE INDEX sync_batch_run ON pulse.sync_batch (run_id);
CREATE INDEX sync_batch_check ON pulse.sync_batch (check_at) WHERE check_at IS NOT NULL;
COMMENT ON TABLE pulse.sync_batch IS 'The requests of each sync.';
COMMENT ON COLUMN pulse.sync_batch.outcome IS 'What the answer means: done, pending (the platform still works on it), or one of the errors in doc/audience.md.';
COMMENT ON COLUMN pulse.sync_batch.check_at IS 'When the platform is asked next what became of the upload; checks: how often it was asked.';
COMMENT ON COLUMN pulse.sync_batch.upload_id IS 'The platform''s id of the upload, where it is asked later what became of it.';
COMMENT ON COLUMN pulse.sync_batch.people IS 'Who was in it, until the platform has finished it; cells: what was removed.';

-- Level: people_reader
CREATE TABLE pulse.audience_scan (
    audience_id bigint NOT NULL REFERENCES pulse.audience ON DELETE CASCADE,
    profile_id bigint NOT NULL,
    PRIMARY KEY (audience_id, profile_id)
);
COMMENT ON TABLE pulse.audience_scan IS 'During a sync of a segment over a relation or query: the people who are members.';

-- Nothing that is under way: a restored copy does not continue it.
SELECT pg_catalog.pg_extension_config_dump('pulse.sync_run', $$WHERE status IN ('completed', 'partial', 'failed', 'cancelled')$$);
SELECT pg_catalog.pg_extension_config_dump('pulse.sync_run_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.sync_batch', 'WHERE false');
SELECT pg_catalog.pg_extension_config_dump('pulse.sync_batch_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.audience_scan', 'WHERE false');

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- Level: reader
CREATE VIEW pulse.audience_overview AS
SELECT a.name, s.name AS segment, a.destination,
       CASE WHEN a.status = 'active' AND NOT EXISTS (SELECT FROM pulse.audience_home AS h WHERE h.audience_id = a.id) THEN 'paused' ELSE a.status END AS status,
       CASE WHEN a.status = 'active' AND NOT EXISTS (SELECT FROM pulse.audience_home AS h WHERE h.audience_id = a.id)
            THEN 'restored from a dump' WHEN pulse.sees_people() THEN a.status_reason END AS status_reason,
       a.people AS sent, o.adding, o.removing, o.refused, c.members, c.matchable, c.suppressed, c.at AS counted_at,
       round((c.matchable::numeric / nullif(c.members, 0)), 4) AS matchability,
       a.match_low, a.match_high, a.match_source, a.match_at, a.size_low, a.size_high, a.size_at,
       r.id AS last_run, r.operation AS last_operation, r.status AS last_status, a.last_sync_at, a.last_full_at, a.next_sync_at,
       CASE WHEN pulse.sees_people() THEN coalesce(r.error, r.held_reason) END AS last_error, a.warned, a.platform_id, a.created_by, a.created_at
FROM pulse.audience AS a
JOIN pulse.segment AS s ON s.id = a.segment_id
LEFT JOIN LATERAL (SELECT r.* FROM pulse.sync_run AS r WHERE r.audience_id = a.id ORDER BY r.id DESC LIMIT 1) AS r ON true
LEFT JOIN LATERAL (SELECT f.total AS members, f.total - f.suppressed AS matchable, f.suppressed, f.finished_at AS at FROM pulse.sync_run AS f
                   WHERE f.audience_id = a.id AND f.operation IN ('full', 'replace') AND f.status IN ('completed', 'partial') ORDER BY f.id DESC LIMIT 1) AS c ON true
-- Counted up to a limit: the first sync may have millions.
CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE p.state = 'adding') AS adding, count(*) FILTER (WHERE p.state = 'removing') AS removing,
                           (SELECT count(*) FROM (SELECT FROM pulse.audience_removal AS d WHERE d.audience_id = a.id LIMIT 10000) AS e) AS former,
                           (SELECT count(*) FROM (SELECT FROM pulse.audience_member AS d WHERE d.audience_id = a.id AND d.state = 'refused' LIMIT 10000) AS e) AS refused
                    FROM (SELECT m.state FROM pulse.audience_member AS m WHERE m.audience_id = a.id AND m.state IN ('adding', 'removing') LIMIT 10000) AS p) AS o;
COMMENT ON VIEW pulse.audience_overview IS
'All audiences with their state, what waits to be sent, and the platform''s size and match rate.';
COMMENT ON COLUMN pulse.audience_overview.sent IS 'How many people were sent to the platform and not removed from it.';
COMMENT ON COLUMN pulse.audience_overview.adding IS 'People to be sent; removing: to be removed; refused: whose identifiers the platform refused. At most 10000 are counted.';
COMMENT ON COLUMN pulse.audience_overview.members IS 'Members of the segment at counted_at, when everybody was compared last; matchable: of them those who can be sent; suppressed: the others.';
COMMENT ON COLUMN pulse.audience_overview.matchability IS 'matchable / members: known exactly and before anything is sent.';
COMMENT ON COLUMN pulse.audience_overview.match_low IS 'The match rate on the platform is between match_low and match_high, 0 to 1, by match_source at match_at.';
COMMENT ON COLUMN pulse.audience_overview.next_sync_at IS 'Null: only when it is asked for, or after a change.';

-- Level: reader
CREATE VIEW pulse.destination AS
SELECT s.srvname::text AS name, o.platform,
       CASE WHEN d.login_failed_at IS NOT NULL OR d.login_expires_at <= clock_timestamp() THEN 'login ended'
            WHEN d.blocked_at IS NOT NULL THEN 'blocked'
            WHEN d.login_expires_at <= clock_timestamp() + interval '7 days' THEN 'login ends'
            WHEN d.busy_until > clock_timestamp() THEN 'busy' ELSE 'ok' END AS state,
       (SELECT count(*) FROM pulse.audience AS a WHERE a.destination = s.srvname::text) AS audiences,
       d.login_expires_at, d.login_failed_at, d.blocked_at, d.blocked_advice AS advice, d.busy_until, d.last_ok_at, d.last_error_at,
       CASE WHEN pulse.sees_people() THEN d.last_error END AS last_error, pg_get_userbyid(s.srvowner)::text AS owner
FROM pg_foreign_server AS s
JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw AND w.fdwname = 'pulse_destination'
CROSS JOIN LATERAL (SELECT max(p.option_value) AS platform FROM pg_options_to_table(s.srvoptions) AS p WHERE p.option_name = 'platform') AS o
LEFT JOIN pulse.destination_state AS d ON d.destination = s.srvname::text;
COMMENT ON VIEW pulse.destination IS 'The platforms that audiences are sent to, and what the last requests to each came to.';
COMMENT ON COLUMN pulse.destination.state IS 'ok; busy: the platform wants to wait until busy_until; login ends: within seven days, at login_expires_at; login ended: the platform refuses the login, or its time is over; blocked: the platform wants what advice says.';
COMMENT ON COLUMN pulse.destination.login_expires_at IS 'When the login ends; null: it does not end by time, or the platform does not say.';
COMMENT ON COLUMN pulse.destination.advice IS 'What a person must do on the platform before it takes anything again.';

SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);

-- Level: operator
CREATE FUNCTION pulse_sync_audience(name text, operation text DEFAULT 'auto') RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_sync_audience';
COMMENT ON FUNCTION pulse_sync_audience(text, text) IS
'Queues a sync of an audience and returns its id in pulse.sync_run; the job audiences carries it out when the gate lets it. operation: auto (delta, full when one is due, or replace when the platform has others than were sent), delta (those who changed), full (everybody is compared, the differences are sent), replace (everybody is sent again,
what the platform has besides is removed where it can do that). Errors: 42704 unknown audience, 22023 unknown operation, 55006 a sync of it is under way (the detail has its id), 55000 the audience is paused, stopped, stale or being deleted.';

-- Level: operator
CREATE FUNCTION pulse_cancel_sync(run bigint) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_cancel_sync';
COMMENT ON FUNCTION pulse_cancel_sync(bigint) IS
'Cancels a sync that is pending, held or processing, after its request under way. What has been sent stays; the next sync continues. Errors: 42704 unknown run, 55000 it has ended.';

-- Level: operator
CREATE FUNCTION pulse_retry_sync(run bigint) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_retry_sync';
COMMENT ON FUNCTION pulse_retry_sync(bigint) IS
'Lets a sync that waits after a failure, or for the gate, be tried again at once. Errors: 42704 unknown run, 55000 it has ended, or waits for pulse_approve_action().';

-- Level: people_reader
CREATE FUNCTION pulse_preview_audience(name text, sample bigint DEFAULT 5, among bigint DEFAULT NULL)
    RETURNS TABLE (part text, item text, people bigint, value text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 20 AS 'MODULE_PATHNAME', 'pulse_preview_audience';
COMMENT ON FUNCTION pulse_preview_audience(text, bigint, bigint) IS
'Shows, without sending or writing anything, whom the next full sync of an audience would send: the numbers of people by what would happen to them (add, keep, change, remove) and of those who are left out by reason (no_consent, refused, no_identifier, invalid_identifier), each with up to sample people (0 to 100) by their profile numbers, invalid values by kind, and the exact first request with its hashes; secrets are shown as ***. Reads every member; with among (1 to 100000), if there are more people, so many in groups at even distances: the numbers are theirs then, and a row "examined" says how many. Errors: 42704 unknown audience, 22023 bad number.';

-- Level: people_reader
CREATE FUNCTION pulse_read_audience_file(name text) RETURNS SETOF text
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1000 AS 'MODULE_PATHNAME', 'pulse_read_audience_file';
COMMENT ON FUNCTION pulse_read_audience_file(text) IS
'The lines of the file of an audience whose destination is a file: a line of names, then those of each person whom the last sync left in it. Use it as in \copy (SELECT pulse_read_audience_file(''name'')) TO ''file.csv''. Recorded in pulse.audit, unless on a standby. Errors: 42704 unknown audience, 42809 another platform.';

-- Level: operator
CREATE FUNCTION pulse_run_syncs() RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_run_syncs';
COMMENT ON FUNCTION pulse_run_syncs() IS
'Starts the syncs that are due, and carries out in this transaction those that need no network, that is of files. Returns the number of syncs that have ended. Intended for servers without workers and for tests; the job audiences does the same, and all others.';
