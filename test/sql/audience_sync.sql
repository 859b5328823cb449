-- Room audience: syncs of a file, which need no network. Whatever happens, the file has exactly the members with consent.
SELECT current_database() AS home \gset
CREATE DATABASE regress_audience_sync ENCODING 'UTF8' TEMPLATE template0;
\c regress_audience_sync
SET client_min_messages = warning;
CREATE EXTENSION pulse;
RESET client_min_messages;
\set VERBOSITY default
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2026-03-01 12:00+00';
SELECT pulse_create_destination('crm', 'file', '{"hashing": "none"}');
SELECT count(pulse_identify('u' || n, jsonb_build_object('plan', CASE WHEN n <= 6 THEN 'gold' ELSE 'free' END, 'email', 'u' || n || '@example.com'), at => '2026-02-01')) FROM generate_series(1, 10) AS n;
SELECT pulse_create_segment('gold', '{"where": "profile.plan == \"gold\""}') > 0 AS made;
SELECT count(pulse_set_consent('u' || n, 'ads', true)) FROM generate_series(1, 9) AS n;
SELECT pulse_create_audience('gold', 'gold', 'crm', '{"identifiers": ["email"]}') AS id;
-- What is in the file, what should be, and the last sync.
CREATE VIEW file AS SELECT array_agg(l ORDER BY l) FILTER (WHERE l LIKE '%@%') AS lines FROM pulse_read_audience_file('gold') AS l;
CREATE VIEW last_sync AS SELECT operation, status, examined, total, to_add, to_remove, added, removed, failed, suppressed, suppressed_by, held_by FROM pulse.sync_run ORDER BY id DESC LIMIT 1;

-- The gate lets it pass: something is known of what the audience stands on.
CREATE FUNCTION trusted(audience text, segment text) RETURNS void LANGUAGE sql AS $$
SELECT pulse_record_signals((SELECT jsonb_agg(jsonb_build_object('name', 'spend', 'source', 'test', 'entity', 'segment:' || segment, 'value', 100 + i % 3, 'at', pulse_now() - i * interval '20 hours'))
                             FROM generate_series(9, 0, -1) AS i));
SELECT pulse_update_signal_health('audience:' || audience);
$$;

-- ---- nothing is sent before the gate lets it ----
SELECT pulse_run_syncs() AS ended;
SELECT status, held_by, held_reason FROM pulse.sync_run;
SELECT count(*) FROM pulse.audience_member;
-- Here any known score does.
SELECT pulse_set_trust('{"high": 1, "standard": 1, "conservative": 1, "hold": 0}') IS NOT NULL AS set;
SELECT trusted('gold', 'gold');
-- It is checked again after a minute.
SELECT pulse_run_syncs() AS ended;
SET pulse.now = '2026-03-01 12:01+00';

-- ---- the first sync compares everybody ----
SELECT pulse_run_syncs() AS ended;
SELECT * FROM last_sync;
SELECT * FROM file;
SELECT name, status, sent, adding, removing, members, matchable, matchability, last_sync_at, last_full_at, next_sync_at FROM pulse.audience_overview;
SELECT pulse_run_syncs() AS ended;
-- The job does the same in a session.
SELECT status, rows, message, error FROM pulse_run_job('audiences');

-- ---- changes of membership, consent, ids and attributes leave marks, and only these people are examined ----
SELECT pulse_identify('u7', '{"plan": "gold"}') > 0 AS enters, pulse_identify('u1', '{"plan": "free"}') > 0 AS leaves;
SELECT pulse_set_consent('u2', 'ads', false) > 0 AS withdrawn;
SELECT pulse_identify('u3', '{"email": "new@example.com"}') > 0 AS changed;
SELECT pulse_track('u4', 'visit') > 0 AS concerns_nobody;
SELECT pulse_sync_audience('gold') > 0 AS queued;
SELECT pulse_sync_audience('gold');
SELECT pulse_run_syncs() AS ended;
SELECT * FROM last_sync;
SELECT * FROM file;
SELECT count(*) AS marks FROM pulse.audience_mark;
-- The schedule.
SET pulse.now = '2026-03-02 11:00+00';
SELECT trusted('gold', 'gold');
SELECT pulse_run_syncs() AS ended;
SET pulse.now = '2026-03-02 12:30+00';
SELECT pulse_run_syncs() AS ended;
SELECT operation, triggered_by, examined FROM pulse.sync_run ORDER BY id DESC LIMIT 1;

-- ---- consent that ends by itself ----
SELECT pulse_set_consent('u5', 'ads', true, '{"expires_at": "2026-03-05"}') > 0 AS ends;
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT 'u5@example.com' = ANY (SELECT unnest(lines) FROM file) AS still_there;
SET pulse.now = '2026-03-06 12:00+00';
SELECT trusted('gold', 'gold');
SELECT pulse_run_syncs() AS ended;
SELECT * FROM file;

-- ---- merge and unmerge: an id that moves from one person to another stays ----
SELECT pulse_set_consent('u10', 'ads', true) > 0 AS granted;
SELECT pulse_merge('u4', 'u10', 'same person') AS merge;
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT * FROM last_sync;
SELECT * FROM file;
SELECT pulse_unmerge(1, 'not the same') > 0 AS restored;
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT * FROM last_sync;
SELECT * FROM file;

-- ---- people who are deleted by hand leave ----
DELETE FROM pulse.profile WHERE id = (SELECT profile_id FROM pulse.identity WHERE kind = 'user_id' AND value = 'u6');
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT * FROM file;

-- ---- a full comparison after 30 days, and one that is asked for ----
SELECT pulse_sync_audience('gold', 'full') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT operation, examined, total, added, removed FROM last_sync;
SELECT pulse_sync_audience('gold', 'replace') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT operation, examined, total, added, removed FROM last_sync;
SET pulse.now = '2026-04-10 12:00+00';
SELECT trusted('gold', 'gold');
SELECT pulse_run_syncs() AS ended;
SELECT operation, triggered_by FROM pulse.sync_run ORDER BY id DESC LIMIT 1;
SELECT pulse_sync_audience('gold', 'everything');
SELECT pulse_sync_audience('gold', NULL);
SELECT pulse_sync_audience('nobody');

-- ---- other options: whom or what it sends ----
SELECT pulse_update_audience('gold', '{"identifiers": ["email", "external_id"], "interval": "manual"}');
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT * FROM pulse_read_audience_file('gold') AS line;
SELECT pulse_update_audience('gold', '{"identifiers": ["email"], "name": "golden"}');
SELECT name, status, next_sync_at FROM pulse.audience_overview;
SELECT pulse_update_audience('golden', '{"name": "gold", "platform_id": "5"}');
SELECT pulse_update_audience('golden', '{"name": "gold"}');
SELECT pulse_update_audience('golden', '{}');
SELECT pulse_update_audience('gold', NULL);

-- ---- a segment that halves ----
SELECT count(pulse_identify('m' || n, jsonb_build_object('plan', 'gold', 'email', 'm' || n || '@example.com'), at => '2026-02-01')) FROM generate_series(1, 300) AS n;
SELECT count(pulse_set_consent('m' || n, 'ads', true)) FROM generate_series(1, 300) AS n;
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT sent, adding, removing FROM pulse.audience_overview;
SELECT count(pulse_identify('m' || n, '{"plan": "free"}')) FROM generate_series(1, 150) AS n;
SELECT pulse_sync_audience('gold') AS run \gset
SELECT pulse_run_syncs() AS ended;
SELECT * FROM last_sync;
SELECT regexp_replace(held_reason, 'action\(\d+\)', 'action(N)') AS held_reason, action_id IS NOT NULL AS asked FROM pulse.sync_run WHERE id = :run;
-- It waits in the queue of actions; one of an audience at a time.
CREATE VIEW last_action AS SELECT name, subject, state, level, created_by, payload - 'run' AS payload, reason, approved_by IS NOT NULL AS approved FROM pulse.action ORDER BY id DESC LIMIT 1;
SELECT * FROM last_action;
SELECT pulse_propose_action('pause_audience', 'audience:gold');
SELECT pulse_retry_sync(:run);
-- Pausing by hand ends it, and the question with it.
BEGIN;
SELECT pulse_pause_audience('gold');
SELECT status FROM pulse.sync_run WHERE id = :run;
SELECT state FROM last_action;
ROLLBACK;
-- Under another name it is asked for anew: the action that waits is about a subject that is gone.
BEGIN;
SELECT pulse_update_audience('gold', '{"name": "golden"}');
SELECT subject, state FROM last_action;
SELECT pulse_run_syncs() AS ended;
SELECT subject, state FROM last_action;
SELECT status, action_id = (SELECT max(id) FROM pulse.action) AS asked FROM pulse.sync_run WHERE id = :run;
ROLLBACK;
-- No other action lets it go on.
BEGIN;
UPDATE pulse.sync_run SET action_id = 0 WHERE id = :run;
SELECT state FROM pulse_approve_action((SELECT max(id) FROM pulse.action));
SELECT pulse_run_actions() > 0 AS acted;
SELECT state, regexp_replace(error, 'sync \d+', 'sync N') AS error FROM pulse.action ORDER BY id DESC LIMIT 1;
SELECT status FROM pulse.sync_run WHERE id = :run;
ROLLBACK;
SELECT array_length(lines, 1) AS lines FROM file;
SELECT sent, adding, removing FROM pulse.audience_overview;
-- They come back before anybody approves: nothing has happened.
SELECT count(pulse_identify('m' || n, '{"plan": "gold"}')) FROM generate_series(1, 100) AS n;
SELECT pulse_cancel_sync(:run);
SELECT state FROM last_action;
SELECT pulse_cancel_sync(:run);
SELECT pulse_cancel_sync(0);
SELECT pulse_sync_audience('gold') AS run \gset
SELECT pulse_run_syncs() AS ended;
SELECT * FROM last_sync;
SELECT array_length(lines, 1) AS lines FROM file;
SELECT count(pulse_identify('m' || n, '{"plan": "free"}')) FROM generate_series(51, 300) AS n;
SELECT pulse_sync_audience('gold') AS run \gset
SELECT pulse_run_syncs() AS ended;
SELECT status, held_by FROM last_sync;
-- Dismissed: it ends, and the next one asks anew.
SELECT pulse_dismiss_action((SELECT action_id FROM pulse.sync_run WHERE id = :run), 'not today');
SELECT status, regexp_replace(error, 'action \d+', 'action N') AS error FROM pulse.sync_run WHERE id = :run;
SELECT pulse_sync_audience('gold') AS run \gset
SELECT pulse_run_syncs() AS ended;
SELECT state FROM pulse_approve_action((SELECT action_id FROM pulse.sync_run WHERE id = :run));
SELECT pulse_run_actions() > 0 AS acted;
SELECT state, approved FROM last_action;
SELECT status, held_by, approved_by IS NOT NULL AS approved FROM pulse.sync_run WHERE id = :run;
SELECT pulse_run_syncs() AS ended;
SELECT * FROM last_sync;
SELECT array_length(lines, 1) AS lines FROM file;

-- ---- the gate again ----
SELECT pulse_freeze('look first');
SELECT pulse_identify('u8', '{"plan": "gold"}') > 0 AS enters;
SELECT pulse_sync_audience('gold') AS run \gset
SELECT pulse_run_syncs() AS ended;
SELECT status, held_by FROM last_sync;
SELECT count(*) AS asked FROM pulse.action WHERE payload ->> 'run' = :'run';
SET pulse.now = '2026-04-11 12:01+00';
SELECT pulse_run_syncs() AS ended;
SELECT status, error FROM pulse.sync_run WHERE id = :run;
SELECT pulse_unfreeze();
SELECT trusted('gold', 'gold');
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT operation, status, added FROM last_sync;

-- ---- pausing, resuming ----
SELECT pulse_pause_audience('gold', 'holidays');
SELECT name, status, status_reason FROM pulse.audience_overview;
SELECT pulse_sync_audience('gold');
SELECT pulse_identify('u9', '{"plan": "gold"}') > 0 AS enters;
SELECT pulse_resume_audience('gold');
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT operation, added FROM last_sync;
-- As actions, which an automation may take.
SELECT id AS action, state FROM pulse_propose_action('pause_audience', 'audience:gold', level => 'guarded') \gset
SELECT :'state' AS state;
SELECT pulse_run_actions() > 0 AS acted;
SELECT name, status FROM pulse.audience_overview;
SELECT pulse_rollback_action(:action);
SELECT name, status FROM pulse.audience_overview;
SELECT pulse_propose_action('resume_audience', 'audience:nobody');
SELECT pulse_propose_action('resume_audience', 'segment:gold');
SELECT pulse_pause_audience('nobody');
SELECT pulse_resume_audience(NULL);

-- ---- paused: nobody is added; people who withdraw consent are removed within the hour ----
SELECT pulse_set_consent('u9', 'ads', false) > 0 AS withdrawn_before;
SELECT pulse_pause_audience('gold');
SELECT pulse_set_consent('m1', 'ads', false) > 0 AS withdrawn, pulse_set_consent('m2', 'ads', true, '{"expires_at": "2026-04-11 12:30+00"}') > 0 AS ends,
       pulse_identify('m3', '{"plan": "free"}') > 0 AS leaves, pulse_identify('m4', '{"email": "other4@example.com"}') > 0 AS changes, pulse_identify('u10', '{"plan": "gold"}') > 0 AS enters, pulse_set_consent('u10', 'ads', true) > 0 AS consents;
SELECT count(*) FROM pulse.audience_mark;
SELECT pulse_run_syncs() AS ended;
SELECT operation, status, removed FROM last_sync;
SELECT l AS line FROM pulse_read_audience_file('gold') AS l WHERE l ~ '^([^,]*,)?(u9|u10|m[1-4]|other4)@' ORDER BY 1;
SELECT count(*) FROM pulse.audience_mark;
SET pulse.now = '2026-04-11 13:30+00';
SELECT pulse_run_syncs() AS ended;
SELECT operation, status, removed FROM last_sync;
SELECT l AS line FROM pulse_read_audience_file('gold') AS l WHERE l ~ '^([^,]*,)?(u9|u10|m[1-4]|other4)@' ORDER BY 1;
SELECT pulse_set_consent(u, 'ads', true) > 0 AS again FROM unnest('{u9,m1,m2}'::text[]) AS u;
SELECT pulse_identify('m3', '{"plan": "gold"}') > 0 AS back, pulse_identify('m4', '{"email": "m4@example.com"}') > 0 AS back, pulse_identify('u10', '{"plan": "free"}') > 0 AS back;
SELECT pulse_resume_audience('gold');
SELECT trusted('gold', 'gold');
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT operation, status, added, removed FROM last_sync;

-- ---- changes of membership that were deleted before they were read: everybody is compared, and it says why ----
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT operation, status FROM last_sync;
UPDATE pulse.change_position SET lost = position + 1, position = position + 1;
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT operation, status, because FROM pulse.sync_run ORDER BY id DESC LIMIT 1;
SELECT pulse_sync_audience('gold') AS run \gset
-- Also when that happens after it was queued.
UPDATE pulse.change_position SET lost = position + 1, position = position + 1;
SELECT pulse_run_syncs() AS ended;
SELECT operation, status, because FROM pulse.sync_run WHERE id = :run;
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT operation, status, because FROM pulse.sync_run ORDER BY id DESC LIMIT 1;

-- ---- a restored copy: no row of pulse.audience_home ----
DELETE FROM pulse.audience_home;
SELECT name, status, status_reason FROM pulse.audience_overview;
SELECT pulse_sync_audience('gold');
SELECT pulse_resume_audience('gold');
SELECT pulse_run_syncs() AS ended;
SELECT operation, status FROM last_sync;

-- ---- erasure: at once, also while the audience is paused and everything is frozen, for it needs no decision ----
SELECT pulse_export_profile('u9') #- '{audiences,0,sent_at}' -> 'audiences' AS audiences;
SELECT pulse_pause_audience('gold');
SELECT pulse_freeze('look first');
SELECT pulse_erase_profile('u9', 'asked for it') IS NOT NULL AS erased;
SELECT cause, count(*) FROM pulse.audience_removal GROUP BY 1;
SELECT pulse_run_syncs() AS ended;
SELECT operation, status, removed FROM last_sync;
SELECT count(*) FROM pulse.audience_removal;
SELECT array_length(lines, 1) AS lines FROM file;
SELECT pulse_unfreeze();

-- ---- deleting ----
SELECT pulse_delete_audience('gold');
SELECT count(*) FROM pulse.audience_member;
SELECT count(*) FROM pulse.audience_cell;
SELECT count(*) > 0 AS history_stays FROM pulse.sync_run;
SELECT pulse_delete_audience('gold');
SELECT action, count(*) FROM pulse.audit WHERE action LIKE 'audience%' OR action LIKE 'destination%' GROUP BY 1 ORDER BY 1;

-- ---- a segment over a relation: its keys are ids of people ----
CREATE TABLE buyers (customer text PRIMARY KEY, amount int);
INSERT INTO buyers SELECT 'u' || n, n * 10 FROM generate_series(1, 12) AS n;
SELECT pulse_create_segment('buyers', '{"from": "buyers", "key": "customer", "where": "amount >= 30"}') > 0 AS made;
SELECT pulse_create_audience('buyers', 'buyers', 'crm', '{"identifiers": ["email"], "interval": "manual"}') > 0 AS made;
SELECT count(*) FROM pulse_take_snapshot('buyers');
SELECT trusted('buyers', 'buyers');
SELECT part, item, people FROM pulse_preview_audience('buyers', 0) WHERE part <> 'request';
SELECT pulse_sync_audience('buyers') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT * FROM last_sync;
SELECT * FROM pulse_read_audience_file('buyers') AS line;
DELETE FROM buyers WHERE customer = 'u4';
UPDATE buyers SET amount = 100 WHERE customer = 'u1';
SELECT pulse_sync_audience('buyers') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT * FROM last_sync;
SELECT * FROM pulse_read_audience_file('buyers') AS line;
SELECT count(*) FROM pulse.audience_scan;
SELECT pulse_delete_segment('buyers', true);
SELECT pulse_delete_audience('buyers');
SELECT pulse_delete_segment('buyers', true);
DROP TABLE buyers;

-- ---- a sync that came to nothing is not due again at once ----
SELECT pulse_create_segment('brief', '{"where": "profile.plan == \"gold\""}') > 0 AS made;
SELECT pulse_create_audience('brief', 'brief', 'crm', '{"identifiers": ["email"]}') > 0 AS made;
SELECT trusted('brief', 'brief');
SELECT pulse_archive_segment('brief');
SELECT pulse_run_syncs() AS ended;
SELECT pulse_run_syncs() AS ended;
SELECT status, error FROM pulse.sync_run WHERE audience = 'brief' ORDER BY id;
SELECT next_sync_at - pulse_now() AS next FROM pulse.audience WHERE name = 'brief';
SELECT pulse_resume_segment('brief');
SELECT pulse_freeze('look first');
UPDATE pulse.audience SET next_sync_at = pulse_now() WHERE name = 'brief';
SELECT pulse_run_syncs() AS ended;
SELECT pulse_cancel_sync(max(id)) FROM pulse.sync_run WHERE audience = 'brief' AND status = 'held';
SELECT pulse_unfreeze();
SELECT pulse_run_syncs() AS ended;
SELECT status FROM pulse.sync_run WHERE audience = 'brief' ORDER BY id;
-- By hand it is at any time; one that was cancelled before its turn changes no schedule.
SELECT pulse_sync_audience('brief') AS run \gset
UPDATE pulse.audience SET next_sync_at = pulse_now() + interval '1 hour' WHERE name = 'brief';
SELECT pulse_cancel_sync(:run);
SELECT next_sync_at - pulse_now() AS next FROM pulse.audience WHERE name = 'brief';
-- Nobody asks what became of the uploads of an audience that is gone.
INSERT INTO pulse.sync_batch (run_id, audience_id, operation, rows, outcome, milliseconds, sent_at, upload_id, check_at, people)
SELECT max(r.id), a.id, 'add', 1, 'pending', 1, pulse_now(), 'upload', pulse_now(), '{1}' FROM pulse.audience AS a JOIN pulse.sync_run AS r ON r.audience_id = a.id WHERE a.name = 'brief' GROUP BY a.id;
-- Marks go where everybody will be compared and no sync is under way, and where the audience is gone.
UPDATE pulse.audience SET last_full_at = pulse_now() WHERE name = 'brief';
INSERT INTO pulse.audience_mark (audience_id, profile_id) SELECT a.id, 1 FROM pulse.audience AS a WHERE a.name = 'brief' UNION ALL VALUES (4711, 1);
SELECT pulse_run_job('retention') IS NOT NULL AS ran;
SELECT a.name, count(*) > 0 AS kept FROM pulse.audience_mark AS m LEFT JOIN pulse.audience AS a ON a.id = m.audience_id GROUP BY 1;
UPDATE pulse.audience SET last_full_at = NULL WHERE name = 'brief';
SELECT pulse_sync_audience('brief') AS run \gset
SELECT pulse_run_job('retention') IS NOT NULL AS ran;
SELECT count(*) > 0 AS kept FROM pulse.audience_mark;
SELECT pulse_cancel_sync(:run);
SELECT pulse_run_job('retention') IS NOT NULL AS ran;
SELECT count(*) FROM pulse.audience_mark;
SELECT pulse_delete_audience('brief');
SELECT check_at, people FROM pulse.sync_batch WHERE upload_id = 'upload';
\c :home
DROP DATABASE regress_audience_sync;
