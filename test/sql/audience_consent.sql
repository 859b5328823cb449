-- Room audience: nobody is sent without live consent, and nobody stays without it, however long a sync is held; a broken segment empties no audience by many small syncs.
SELECT current_database() AS home \gset
CREATE DATABASE regress_audience_consent ENCODING 'UTF8' TEMPLATE template0;
\c regress_audience_consent
SET client_min_messages = warning;
CREATE EXTENSION pulse;
RESET client_min_messages;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2026-03-01 12:00+00';
SELECT pulse_create_destination('crm', 'file', '{"hashing": "none"}');
SELECT count(pulse_identify('u' || n, jsonb_build_object('plan', CASE WHEN n <= 500 THEN 'gold' ELSE 'free' END, 'email', 'u' || n || '@example.com'), at => '2026-02-01')) FROM generate_series(1, 520) AS n;
SELECT pulse_create_segment('gold', '{"where": "profile.plan == \"gold\""}') > 0 AS made;
SELECT count(pulse_set_consent('u' || n, 'ads', true)) FROM generate_series(1, 520) AS n;
SELECT pulse_create_audience('gold', 'gold', 'crm', '{"identifiers": ["email"], "interval": "manual"}') AS id;
-- Its health is known from its creation on: the gate does not hold its first sync for want of a history.
SELECT count(*) AS hours FROM pulse.signal_health_history WHERE scope = 'audience:gold';
SELECT pulse_set_trust('{"high": 1, "standard": 1, "conservative": 1, "hold": 0}') IS NOT NULL AS set;
CREATE FUNCTION trusted() RETURNS void LANGUAGE sql AS $$
SELECT pulse_record_signals((SELECT jsonb_agg(jsonb_build_object('name', 'spend', 'source', 'test', 'entity', 'segment:gold', 'value', 100 + i % 3, 'at', pulse_now() - i * interval '20 hours'))
                             FROM generate_series(9, 0, -1) AS i));
SELECT pulse_update_signal_health('audience:gold');
$$;
CREATE FUNCTION there(low int, high int) RETURNS bigint LANGUAGE sql AS $$
SELECT count(*) FROM pulse_read_audience_file('gold') AS l WHERE substring(l FROM 'u(\d+)@')::int BETWEEN low AND high $$;
CREATE VIEW last_sync AS SELECT operation, status, to_add, to_remove, added, removed, held_by, regexp_replace(held_reason, 'action\(\d+\)', 'action(N)') AS held_reason FROM pulse.sync_run WHERE operation <> 'erase' ORDER BY id DESC LIMIT 1;
SELECT trusted();
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT there(1, 500);

-- ---- who withdraws consent, leaves the segment or is erased while a sync is held is not sent by it ----
SELECT count(pulse_identify('u' || n, '{"plan": "free"}')) FROM generate_series(1, 200) AS n;
SELECT count(pulse_identify('u' || n, '{"plan": "gold"}')) FROM generate_series(501, 505) AS n;
SELECT pulse_sync_audience('gold') AS run \gset
SELECT pulse_run_syncs() AS ended;
SELECT * FROM last_sync;
SELECT pulse_set_consent('u501', 'ads', false) > 0 AS withdrawn;
SELECT pulse_identify('u502', '{"plan": "free"}') > 0 AS left;
SELECT pulse_identify('u503', '{"email": "u9503@example.com"}') > 0 AS changed;
SELECT pulse_set_consent('u504', 'ads', true, '{"expires_at": "2026-03-01 18:00+00"}') > 0 AS ends;
SET pulse.now = '2026-03-01 19:00+00';
SELECT trusted();
SELECT state FROM pulse_approve_action((SELECT action_id FROM pulse.sync_run WHERE id = :run));
SELECT pulse_run_actions() > 0 AS acted;
SELECT pulse_run_syncs() AS ended;
SELECT * FROM last_sync;
SELECT l AS line FROM pulse_read_audience_file('gold') AS l WHERE l ~ 'u9?50\d@';

-- ---- whoever withdraws leaves, also where so many do that the sync is held, or a broken segment holds it ----
SELECT count(pulse_set_consent('u' || n, 'ads', false)) FROM generate_series(201, 330) AS n;
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT * FROM last_sync;
SELECT there(201, 330) AS without_consent, there(331, 500) AS with_consent;
SELECT count(pulse_set_consent('u' || n, 'ads', false)) FROM generate_series(331, 340) AS n;
SELECT count(pulse_identify('u' || n, '{"plan": "free"}')) FROM generate_series(341, 480) AS n;
SELECT pulse_sync_audience('gold') AS run \gset
SELECT pulse_run_syncs() AS ended;
SELECT * FROM last_sync;
-- Those who withdrew consent, without the sync that is held.
SELECT pulse_run_syncs() AS ended;
SELECT operation, status, removed FROM pulse.sync_run WHERE operation = 'erase';
SELECT there(331, 340) AS without_consent, there(341, 480) AS held;
SELECT sent, removing FROM pulse.audience_overview;
SELECT count(*) AS queued FROM pulse.audience_removal;
-- It is held for days: whoever withdraws meanwhile leaves within the hour, and nobody else.
SELECT pulse_set_consent('u481', 'ads', false) > 0 AS withdrawn, pulse_identify('u482', '{"plan": "free"}') > 0 AS left;
SET pulse.now = '2026-03-01 20:00+00';
SELECT pulse_run_syncs(), pulse_run_syncs();
SELECT there(481, 481) AS without_consent, there(482, 482) AS not_a_member;
SELECT status, held_by FROM last_sync;
SELECT pulse_identify('u482', '{"plan": "gold"}') > 0 AS back;
SELECT pulse_cancel_sync(:run);
SELECT count(pulse_identify('u' || n, '{"plan": "gold"}')) FROM generate_series(341, 480) AS n;
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT * FROM last_sync;

-- ---- many small syncs are counted together ----
SELECT count(pulse_identify('m' || n, jsonb_build_object('plan', 'gold', 'email', 'u' || 10000 + n || '@example.com'), at => '2026-02-01')) FROM generate_series(1, 1000) AS n;
SELECT count(pulse_set_consent('m' || n, 'ads', true)) FROM generate_series(1, 1000) AS n;
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT count(pulse_identify('m' || n, '{"plan": "free"}')) FROM generate_series(1, 250) AS n;
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT status, removed, held_by FROM last_sync;
SELECT count(pulse_identify('m' || n, '{"plan": "free"}')) FROM generate_series(251, 400) AS n;
SELECT pulse_sync_audience('gold') AS run \gset
SELECT pulse_run_syncs() AS ended;
SELECT * FROM last_sync;
SELECT state FROM pulse_approve_action((SELECT action_id FROM pulse.sync_run WHERE id = :run));
SELECT pulse_run_actions() > 0 AS acted;
SELECT pulse_run_syncs() AS ended;
SELECT status, removed, held_by FROM last_sync;
-- What was approved holds nothing that follows.
SELECT count(pulse_identify('m' || n, '{"plan": "free"}')) FROM generate_series(401, 420) AS n;
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT status, removed, held_by FROM last_sync;

-- ---- consent that ends by itself, of an audience that follows changes ----
SELECT pulse_update_audience('gold', '{"interval": "change"}');
SELECT pulse_set_consent('m500', 'ads', true, '{"expires_at": "2026-03-01 21:00+00"}') > 0 AS ends;
SELECT pulse_run_syncs() AS ended;
SELECT there(10500, 10500);
SET pulse.now = '2026-03-01 21:01+00';
SELECT trusted();
SELECT pulse_run_syncs() AS ended;
SELECT there(10500, 10500);
-- Without anything that ended, nothing is due.
SET pulse.now = '2026-03-01 21:02+00';
SELECT pulse_run_syncs() AS ended;

-- ---- a sync that cannot be made, or was cancelled, is not made again at once ----
SELECT pulse_update_audience('gold', '{"interval": "1 hour"}');
SELECT pulse_archive_segment('gold');
SET pulse.now = '2026-03-01 22:30+00';
SELECT trusted();
SELECT max(id) AS last FROM pulse.sync_run \gset
SELECT pulse_run_syncs(), pulse_run_syncs();
SELECT pulse_run_syncs();
SELECT status, error FROM pulse.sync_run WHERE id > :last;
SELECT next_sync_at FROM pulse.audience_overview;

-- ---- the gate, too, keeps nobody without consent on a platform ----
SELECT pulse_resume_segment('gold');
SELECT pulse_update_audience('gold', '{"interval": "manual"}');
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT there(10701, 10702);
SELECT pulse_freeze('look first');
SELECT pulse_set_consent('m701', 'ads', false) > 0 AS withdrawn, pulse_identify('m702', '{"plan": "free"}') > 0 AS left;
SELECT pulse_sync_audience('gold') > 0 AS queued, pulse_run_syncs() AS held;
SELECT pulse_run_syncs() AS ended;
SELECT operation, status, removed FROM pulse.sync_run ORDER BY id DESC LIMIT 2;
SELECT there(10701, 10701) AS without_consent, there(10702, 10702) AS not_a_member;
SELECT pulse_unfreeze();
SELECT pulse_cancel_sync(max(id)) FROM pulse.sync_run WHERE status = 'held';

-- ---- whether people without recorded consent are sent is recorded, however it was changed ----
SELECT pulse_identify('nobody', '{"plan": "gold", "email": "u7000@example.com"}') > 0 AS enters;
ALTER SERVER crm OPTIONS (ADD without_consent 'send');
SELECT pulse_sync_audience('gold', 'full') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT there(7000, 7000);
ALTER SERVER crm OPTIONS (DROP without_consent);
SELECT pulse_sync_audience('gold', 'full') > 0 AS queued, pulse_run_syncs() AS ended;
SELECT there(7000, 7000);
SELECT subject, details FROM pulse.audit WHERE action = 'destination.without_consent' ORDER BY id;

-- ---- files that show an erased person without an id, and filters that name one, are deleted ----
SELECT pulse_update_audience('gold', '{"interval": "manual"}');
SELECT users FROM pulse_export_audience(NULL, 'csv', '{"columns": ["profile.plan", "profile_id"]}');
SELECT users FROM pulse_export_audience(NULL, 'jsonl', '{"columns": ["profile_id", "profile.plan"]}');
SELECT users FROM pulse_export_audience(NULL, 'csv', '{"columns": ["profile.plan"]}');
SELECT count(*) AS queued FROM pulse_export_audience(NULL, 'csv', '{"columns": ["profile.plan"], "where": "profile.email == \"u10519@example.com\"", "background": true}');
SELECT pulse_erase_profile('m519', 'ticket 9') > 0 AS erased;
SELECT filename, state, request FROM pulse.export;

-- ---- where the platform has deleted an audience, nothing of an erased person waits ----
DELETE FROM pulse.audience_removal;
UPDATE pulse.audience SET status = 'stale';
SELECT count(*) AS sent FROM pulse.audience_member AS m JOIN pulse.identity AS i ON i.profile_id = m.profile_id AND i.value = 'm703' WHERE m.tried;
SELECT pulse_erase_profile('m703', 'ticket 10') > 0 AS erased;
SELECT count(*) AS queued FROM pulse.audience_removal;
UPDATE pulse.audience SET status = 'active';

-- ---- marks: one of a person is enough, and a copy that synchronises nothing needs none ----
SELECT pulse_update_audience('gold', '{"interval": "manual"}');
SELECT count(pulse_set_consent('m600', 'ads', n % 2 = 0)) FROM generate_series(1, 10) AS n;
SELECT count(*) AS marks FROM pulse.audience_mark WHERE profile_id = (SELECT profile_id FROM pulse.identity WHERE kind = 'user_id' AND value = 'm600');
SELECT status FROM pulse_run_job('retention');
SELECT count(*) AS marks FROM pulse.audience_mark WHERE profile_id = (SELECT profile_id FROM pulse.identity WHERE kind = 'user_id' AND value = 'm600');
DELETE FROM pulse.audience_home;
DELETE FROM pulse.audience_mark;
SELECT pulse_set_consent('m600', 'ads', false) > 0 AS withdrawn;
SELECT count(*) AS marks FROM pulse.audience_mark;

\c :home
DROP DATABASE regress_audience_consent;
