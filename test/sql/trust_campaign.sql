-- Campaigns: plans, checks, warnings, launches, results, and what the mission says of them.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
CREATE ROLE trust_campaign_operator;
CREATE ROLE trust_campaign_reader;
SELECT pulse_grant('trust_campaign_operator', 'operator'), pulse_grant('trust_campaign_reader', 'reader');

-- ---- 42 % of the people are lost in silence: the check before the launch says so, and why ----
CREATE TABLE subscriber AS SELECT i AS id, (ARRAY['web', 'app', 'shop'])[1 + i % 3] AS origin, true AS active FROM generate_series(1, 10000) AS i;
GRANT SELECT ON subscriber TO trust_campaign_operator;
SELECT pulse_create_segment('newsletter', '{"from": "subscriber", "key": "id", "where": "active", "attributes": ["origin"]}') > 0 AS made;
-- A day: a snapshot, and the check for drift.
CREATE FUNCTION pg_temp.day(at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pulse.now', at::text, false);
    PERFORM pulse_take_snapshot('newsletter');
    PERFORM pulse_check_drift('newsletter');
END $$;
SELECT count(pg_temp.day(t)) FROM generate_series(timestamptz '2026-03-01 06:00+00', '2026-03-14 06:00+00', '1 day') AS t;
SET pulse.now = '2026-03-14 07:00+00';
SET ROLE trust_campaign_operator;
SELECT pulse_create_campaign('spring', 'newsletter', 10000, '2026-03-17 10:00+00', 'email', '{"period": "3d", "description": "Spring sale"}') > 0 AS made;
SELECT name, segment, status, answer, at, channel, planned, reach, next_check_at, saved FROM pulse.campaign_overview;
\x on
SELECT answer, planned, reach, reachable, incidents, overlap, gate, reasons, advice, checked_at FROM pulse_check_campaign('spring');
RESET ROLE;
UPDATE subscriber SET active = false WHERE origin <> 'app' AND id % 100 < 63;
SELECT pg_temp.day('2026-03-15 06:00+00');
SELECT detector, severity, status, round(observed) AS observed FROM pulse.incident WHERE segment = 'newsletter' AND detector = 'size_change';
-- The job, a day before the launch: hold, with the cause.
SET pulse.now = '2026-03-16 10:00+00';
SELECT status FROM pulse_run_job('signal_health');
SELECT status, message FROM pulse_run_job('campaigns');
SELECT answer, planned, reach, share, incidents, gate, reasons, advice, status, warned_at, saved, next_check_at FROM pulse.campaign_overview WHERE name = 'spring';
SELECT campaigns, campaigns_finished, campaigns_fell_short, campaigns_warned, campaigns_saved, campaigns_avoided, campaign_checks_30d, campaign_checkers_30d FROM pulse.mission;
-- Nothing is due before the hour is over.
SELECT status, message FROM pulse_run_job('campaigns');
-- The people are back and the incidents resolved: yes, and one campaign is saved.
UPDATE subscriber SET active = true;
SELECT pg_temp.day('2026-03-16 12:00+00');
SELECT count(pulse_resolve_incident(id, 'restored')) > 0 AS resolved FROM pulse.incident WHERE status IN ('open', 'acknowledged');
SELECT status FROM pulse_run_job('signal_health');
SET pulse.now = '2026-03-16 12:20+00';
SELECT status FROM pulse_run_job('signal_health');
SET pulse.now = '2026-03-16 12:40+00';
SELECT status FROM pulse_run_job('signal_health');
SELECT status, message FROM pulse_run_job('campaigns');
SELECT answer, reach, share, incidents, reasons, advice, status, saved, next_check_at FROM pulse.campaign_overview WHERE name = 'spring';
SELECT campaigns_warned, campaigns_saved, campaigns_fell_short FROM pulse.mission;
\x off
-- An hour before, at its time, and after its period.
SELECT pg_temp.day('2026-03-17 06:00+00');
SET pulse.now = '2026-03-17 09:00+00';
SELECT status, message FROM pulse_run_job('campaigns');
SET pulse.now = '2026-03-17 10:00+00';
SELECT status, message FROM pulse_run_job('campaigns');
SELECT status, launched_at, launched_by, launch_answer, next_check_at FROM pulse.campaign_overview WHERE name = 'spring';
SELECT pulse_check_campaign('spring');
SELECT pulse_update_campaign('spring', at => '2026-04-01');
SELECT pulse_cancel_campaign('spring');
SET pulse.now = '2026-03-20 10:00+00';
SELECT status, message FROM pulse_run_job('campaigns');
SELECT status, reached, reached_share, conversions, result_by, finished_at, next_check_at FROM pulse.campaign_overview WHERE name = 'spring';
SELECT campaigns, campaigns_finished, campaigns_saved, campaigns_fell_short FROM pulse.mission;
SELECT answer, checked_by, at, reach, reachable, cardinality(incidents) AS incidents FROM pulse.campaign_check ORDER BY id;

-- ---- People: addresses, consent, events ----
SET pulse.now = '2026-03-20 12:00+00';
SELECT count(pulse_identify('u' || i, jsonb_build_object('plan', CASE WHEN i <= 60 THEN 'pro' ELSE 'free' END) || CASE WHEN i % 10 <> 0 THEN jsonb_build_object('email', 'u' || i || '@example.com') ELSE '{}' END, at => '2026-03-19')) FROM generate_series(1, 100) AS i;
SELECT pulse_create_segment('pros', '{"where": "profile.plan = \"pro\""}') > 0 AS made;
SELECT pulse_create_segment('everybody', '{"where": "true"}') > 0 AS made;
SELECT count(pulse_set_consent('u' || i, 'email', true, '{"at": "2026-03-19T12:00:00Z"}')) FROM generate_series(1, 50) AS i;
SELECT count(pulse_track('u' || i, 'visit', at => '2026-03-20 11:00+00')) FROM generate_series(1, 100) AS i;
-- What the gate wants to know: snapshots that were checked, events that were checked, the health of it all.
CREATE FUNCTION pg_temp.measure() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pulse_take_snapshot(s.name) FROM pulse.segment AS s WHERE s.kind = 'profile' AND s.status = 'active';
    PERFORM pulse_check_drift();
    PERFORM pulse_check_events();
    PERFORM pulse_run_job('signal_health');
END $$;
SELECT pg_temp.measure();
SELECT pulse_create_campaign('upgrade', 'pros', 50, '2026-03-22 10:00+00', 'email', '{"purpose": "email", "reach_event": "mail_sent", "event_property": "campaign", "conversion_event": "upgraded", "max_overlap": 0.5}') > 0 AS made;
SELECT pulse_create_campaign('reminder', 'everybody', 100, '2026-03-22 18:00+00', 'sms') > 0 AS made;
\x on
SELECT answer, planned, reach, with_address, with_consent, reachable, overlap, reasons, advice FROM pulse_check_campaign('upgrade');
SELECT answer, planned, reach, with_address, with_consent, reachable, overlap, reasons, advice FROM pulse_check_campaign('reminder');
-- Fewer planned, another day for the other one: yes.
SELECT pulse_update_campaign('upgrade', expected_reach => 45);
SELECT pulse_update_campaign('reminder', at => '2026-03-25 18:00+00', channel => 'other');
SELECT answer, reachable, overlap, reasons, advice FROM pulse_check_campaign('upgrade');
SELECT answer, reach, reachable, reasons, advice FROM pulse_launch_campaign('upgrade');
\x off
SELECT status, launched_at, launched_by = current_user AS mine, launch_answer FROM pulse.campaign_overview WHERE name = 'upgrade';
-- What events say it reached: those of this campaign, of people within the period.
SELECT count(pulse_track('u' || i, 'mail_sent', jsonb_build_object('campaign', CASE WHEN i <= 40 THEN 'upgrade' ELSE 'other' END), '2026-03-20 13:00+00')) FROM generate_series(1, 45) AS i;
SELECT count(pulse_track('u1', 'mail_sent', '{"campaign": "upgrade"}', '2026-03-20 14:00+00')), count(pulse_track('u42', 'upgraded', at => '2026-03-20 14:00+00')), count(pulse_track('u2', 'upgraded', at => '2026-03-20 15:00+00'));
SET pulse.now = '2026-03-21 12:00+00';
SELECT count(pulse_track('u3', 'upgraded', at => '2026-03-21 12:00+00'));
SELECT status, message FROM pulse_run_job('campaigns');
SELECT name, status, reached, reached_share, conversions, result_by FROM pulse.campaign_overview WHERE name = 'upgrade';
-- Somebody knows better; it can be corrected.
SELECT pulse_record_campaign_result('upgrade', 30, 1);
SELECT pulse_record_campaign_result('upgrade', 36);
SELECT name, status, reached, conversions, result_by FROM pulse.campaign_overview WHERE name = 'upgrade';
-- It was sent without asking.
SELECT pulse_record_campaign_result('reminder', 3);
SELECT name, status, launched_at, reached, result_by FROM pulse.campaign_overview WHERE name = 'reminder';
SELECT campaigns, campaigns_finished, campaigns_warned, campaigns_saved, campaigns_fell_short FROM pulse.mission;

-- ---- Launched although it was not to be ----
SELECT pulse_create_campaign('too many', 'pros', 1000, '2026-03-22 10:00+00', 'other', '{"period": "1h"}') > 0 AS made;
SELECT answer, reasons FROM pulse_launch_campaign('too many');
SELECT status FROM pulse.campaign_overview WHERE name = 'too many';
SET pulse.now = '2026-03-22 10:00+00';
SELECT status, message FROM pulse_run_job('campaigns');
SET pulse.now = '2026-03-22 11:00+00';
SELECT status, message FROM pulse_run_job('campaigns');
SELECT name, status, launched_by, launch_answer, reached, reached_share FROM pulse.campaign_overview WHERE name = 'too many';
-- Cancelled after a warning.
SELECT pulse_create_campaign('vain', 'pros', 1000, '2026-03-23 10:00+00', 'other') > 0 AS made;
SELECT answer FROM pulse_check_campaign('vain');
SELECT pulse_cancel_campaign('vain', 'too few people');
SELECT status, cancel_reason, next_check_at FROM pulse.campaign_overview WHERE name = 'vain';
SELECT campaigns, campaigns_warned, campaigns_saved, campaigns_fell_short, campaigns_avoided FROM pulse.mission;

-- ---- Segments that are renamed, archived, deleted, empty, or over what was never measured ----
SELECT pulse_create_segment('nobody', '{"where": "false"}') > 0 AS made;
SELECT pulse_create_segment('unmeasured', '{"from": "subscriber", "key": "id"}') > 0 AS made;
SELECT pulse_create_campaign('a', 'pros', 10, '2026-03-28 10:00+00', 'other') > 0 AS made;
SELECT pulse_create_campaign('b', 'nobody', 10, '2026-04-28 10:00+00', 'other') > 0 AS made;
SELECT pulse_create_campaign('c', 'unmeasured', 10, '2026-05-28 10:00+00', 'other') > 0 AS made;
SELECT pulse_update_segment('pros', new_name => 'professionals') > 0 AS renamed;
SELECT segment FROM pulse.campaign_overview WHERE name = 'a';
SELECT answer, reach, reasons FROM pulse_check_campaign('a');
SELECT answer, reach, reasons, advice FROM pulse_check_campaign('b');
SELECT answer, reach, reasons, advice FROM pulse_check_campaign('c');
SELECT pulse_archive_segment('professionals');
SELECT answer, reach, reasons, advice FROM pulse_check_campaign('a');
SELECT pulse_delete_segment('professionals', true);
SELECT segment, status FROM pulse.campaign_overview WHERE name = 'a';
SELECT answer, reasons, advice FROM pulse_check_campaign('a');
SET pulse.now = '2026-03-28 10:00+00';
SELECT status, message FROM pulse_run_job('campaigns');
SELECT status, launch_answer FROM pulse.campaign_overview WHERE name = 'a';
-- An old snapshot counts less.
SELECT pulse_create_campaign('late', 'newsletter', 10000, '2026-03-30 10:00+00', 'other') > 0 AS made;
SELECT answer, reach, reasons, advice FROM pulse_check_campaign('late');

-- ---- Channels and subscriptions are told when the answer changes ----
CREATE SERVER trust_campaign_slack FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'slack');
CREATE USER MAPPING FOR CURRENT_USER SERVER trust_campaign_slack OPTIONS (url 'https://hooks.slack.com/services/T0/B0/x');
CREATE SERVER trust_campaign_hook FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'webhook');
CREATE USER MAPPING FOR CURRENT_USER SERVER trust_campaign_hook OPTIONS (url 'https://ops.example.com/hook');
SELECT subscription FROM pulse_subscribe('https://n8n.example.com/x', '{campaign.warned,campaign.cleared}', name => 'trust_campaign_n8n');
SELECT count(pulse_track('u' || i, 'visit', at => '2026-03-28 09:00+00')) FROM generate_series(1, 100) AS i;
SELECT pg_temp.measure();
SELECT pulse_create_campaign('told', 'everybody', 100, '2026-03-30 10:00+00', 'other', '{"notify": ["trust_campaign_slack"]}') > 0 AS made;
SELECT pulse_create_campaign('told too', 'nobody', 100, '2026-04-30 10:00+00', 'other') > 0 AS made;
SELECT answer FROM pulse_check_campaign('told');
SELECT count(*) AS none FROM pulse.outbox WHERE event LIKE 'campaign.%';
SELECT pulse_update_campaign('told', expected_reach => 200);
SELECT answer FROM pulse_check_campaign('told');
SELECT answer FROM pulse_check_campaign('told');
SELECT pulse_update_campaign('told', expected_reach => 100);
SELECT answer FROM pulse_check_campaign('told');
SELECT answer FROM pulse_check_campaign('told too');
SELECT channel, event, payload ->> 'text' AS text, payload ->> 'type' AS type, payload #> '{data,reasons}' AS reasons, payload #> '{data,reach}' AS reach FROM pulse.outbox WHERE event LIKE 'campaign.%' ORDER BY id;
SELECT jsonb_path_query_array(payload, '$.blocks[*].text.text') AS blocks FROM pulse.outbox WHERE event = 'campaign.warned' AND channel = 'trust_campaign_slack' ORDER BY id LIMIT 1;

-- ---- What is recorded, and what is kept ----
SELECT action, subject, details FROM pulse.audit WHERE action LIKE 'campaign.%' AND subject IN ('upgrade', 'vain') ORDER BY id;
SELECT pulse_delete_campaign('vain');
SELECT count(*) AS left FROM pulse.campaign_check AS k WHERE NOT EXISTS (SELECT FROM pulse.campaign AS c WHERE c.id = k.campaign_id);
SELECT count(*) FILTER (WHERE family = 'pulse_campaigns') AS statuses, sum(value) FILTER (WHERE family = 'pulse_campaigns' AND labels ->> 'status' = 'fell_short') AS fell_short, sum(value) FILTER (WHERE family = 'pulse_campaigns_saved') AS saved FROM pulse_metrics() AS m (family, kind, help, unit, labels, value);

-- ---- What is refused ----
SELECT pulse_create_campaign(NULL, 'everybody', 1, '2026-05-01', 'email');
\echo :LAST_ERROR_SQLSTATE
SELECT pulse_create_campaign('x', NULL, 1, '2026-05-01', 'email');
SELECT pulse_create_campaign('x', 'everybody', NULL, '2026-05-01', 'email');
SELECT pulse_create_campaign('x', 'everybody', 1, NULL, 'email');
SELECT pulse_create_campaign('x', 'everybody', 1, '2026-05-01', NULL);
SELECT pulse_create_campaign(' ', 'everybody', 1, '2026-05-01', 'email');
SELECT pulse_create_campaign(repeat('x', 201), 'everybody', 1, '2026-05-01', 'email');
SELECT pulse_create_campaign('told', 'everybody', 1, '2026-05-01', 'email');
SELECT pulse_create_campaign('x', 'everbody', 1, '2026-05-01', 'email');
SELECT pulse_create_campaign('x', 'everybody', 0, '2026-05-01', 'email');
SELECT pulse_create_campaign('x', 'everybody', 9223372036854775807, '2026-05-01', 'email');
SELECT pulse_create_campaign('x', 'everybody', 1, '2026-03-28 10:00+00', 'email');
SELECT pulse_create_campaign('x', 'everybody', 1, '-infinity', 'email');
SELECT pulse_create_campaign('x', 'everybody', 1, 'infinity', 'email');
SELECT pulse_create_campaign('x', 'everybody', 1, '2026-05-01', 'fax');
SELECT pulse_create_campaign('x', 'everybody', 1, '2026-05-01', 'email', '[]');
SELECT pulse_create_campaign('x', 'everybody', 1, '2026-05-01', 'email', '{"purposes": "email"}');
SELECT pulse_create_campaign('x', 'everybody', 1, '2026-05-01', 'email', '{"purpose": "mail"}');
SELECT pulse_create_campaign('x', 'everybody', 1, '2026-05-01', 'email', '{"period": "-3d"}');
SELECT pulse_create_campaign('x', 'everybody', 1, '2026-05-01', 'email', '{"period": "3 years"}');
SELECT pulse_create_campaign('x', 'everybody', 1, '2026-05-01', 'email', '{"min_share": 1.1}');
SELECT pulse_create_campaign('x', 'everybody', 1, '2026-05-01', 'email', '{"notify": ["nobody"]}');
SELECT pulse_create_campaign('x', 'everybody', 1, '2026-05-01', 'email', '{"notify": [1]}');
SELECT pulse_create_campaign('x', 'everybody', 1, '2026-05-01', 'email', '{"addresses": ["fax"]}');
SELECT pulse_update_campaign('nothing');
SELECT pulse_update_campaign('told', new_name => 'late');
SELECT pulse_update_campaign('told', at => '2020-01-01');
SELECT pulse_check_campaign('tell');
SELECT pulse_check_campaign(NULL);
SELECT pulse_launch_campaign('spring');
SELECT pulse_record_campaign_result('told', -1);
SELECT pulse_record_campaign_result('told', NULL);
SELECT pulse_delete_campaign('nothing');
BEGIN READ ONLY;
SELECT pulse_check_campaign('told');
ROLLBACK;
SET ROLE trust_campaign_reader;
SELECT pulse_check_campaign('told');
SELECT name, answer, reach, reasons FROM pulse.campaign_overview WHERE name = 'told';
SELECT reasons FROM pulse.campaign_check;
UPDATE pulse.campaign SET status = 'done';
RESET ROLE;

-- By the wall clock all checks are old.
SELECT message LIKE '%checks of campaigns%' AS retained, (SELECT count(*) FROM pulse.campaign_check) AS left FROM pulse_run_job('retention');
SELECT (SELECT count(*) FROM pulse.campaign_check) AS left;
SELECT count(pulse_unsubscribe('trust_campaign_n8n'));
SELECT pulse_revoke('trust_campaign_operator'), pulse_revoke('trust_campaign_reader');
DROP EXTENSION pulse CASCADE;
DROP TABLE subscriber;
DROP ROLE trust_campaign_operator, trust_campaign_reader;
