-- What the tests of the console look at: the story of the demo in small. A release renames values of app_version on one platform, and a
-- segment that names versions in its rule loses 42 % of its members. Names are hostile on purpose.
SET client_min_messages = warning;
CREATE TABLE app_user AS
SELECT u AS user_id, CASE WHEN u % 50 < 21 THEN 'android' ELSE 'ios' END AS platform, CASE WHEN u % 10 < 7 THEN '4.2' ELSE '4.1' END AS app_version,
       (ARRAY['DE', 'FR', 'GB', 'US'])[1 + u % 4] AS country, 12 + u % 20 AS sessions_last_week
FROM generate_series(1, 2000) AS u;
ALTER TABLE app_user ADD PRIMARY KEY (user_id);
GRANT SELECT ON app_user TO PUBLIC;
SET pulse.now = '2026-10-01 02:00+00';
SELECT pulse_create_segment('Mobile App Power Users', '{"from": "app_user", "key": "user_id",
    "where": "platform in [\"ios\", \"android\"] && app_version in [\"4.1\", \"4.2\"] && sessions_last_week >= 10", "attributes": ["platform", "app_version", "country"]}',
    owner => 'product-team', description => 'Those who open the app daily', tags => '{mobile}', baseline => '{"criticalAttributes": ["platform", "app_version"]}') AS power,
    pulse_create_segment('All app users', '{"from": "app_user", "key": "user_id", "attributes": ["platform", "sessions_last_week"]}', owner => 'product-team') AS everybody,
    pulse_create_segment('<img src=x onerror="window.hacked = 1">', '{"from": "app_user", "key": "user_id", "where": "country == \"DE\""}',
        owner => '<script>window.hacked = 2</script>', description => '=cmd|calc', tags => ARRAY['"><svg onload=window.hacked=3>', 'שלום עולם', '🦔']) AS hostile,
    pulse_create_segment('مستخدمو الهاتف 🦔', '{"from": "app_user", "key": "user_id", "where": "platform == \"ios\""}', owner => repeat('w', 10000), description => repeat('long ', 2000)) AS rtl \g /dev/null
DO $$
BEGIN
    FOR day IN 1 .. 20 LOOP
        PERFORM set_config('pulse.now', format('2026-10-%s 02:00+00', day), true);
        UPDATE app_user SET sessions_last_week = CASE WHEN user_id % 100 = 3 THEN 4 ELSE 12 + (user_id + day) % 20 END WHERE user_id % 50 = day % 50;
        PERFORM pulse_take_snapshot(s.name), pulse_check_drift(s.name) FROM pulse.segment AS s;
    END LOOP;
END $$;
UPDATE app_user SET app_version = '2026.3' WHERE platform = 'android';
SET pulse.now = '2026-10-21 02:00+00';
SELECT pulse_take_snapshot(s.name) FROM pulse.segment AS s \g /dev/null
SELECT count(*) FROM pulse_check_drift() \g /dev/null
SELECT count(*) FROM pulse_diagnose_incidents() \g /dev/null

-- Audiences, trust, delivery, exports, jobs, keys, settings, audit. The role chief is of level admin, which the tests' manager is not.
CREATE ROLE chief;
SELECT pulse_grant('chief', 'admin') \g /dev/null
SELECT pulse_identify('buyer-' || n, jsonb_build_object('plan', 'gold', 'email', CASE WHEN n <= 9 THEN 'b' || n || '@example.com' END), at => '2026-10-20') FROM generate_series(1, 10) AS n \g /dev/null
SELECT pulse_set_consent('buyer-' || n, 'ads', true) FROM generate_series(1, 8) AS n \g /dev/null
SELECT pulse_create_segment('gold people', '{"where": "profile.plan == \"gold\""}'), pulse_create_destination('crm', 'file', '{}') \g /dev/null
SELECT pulse_create_audience('Gold buyers', 'gold people', 'crm', '{"identifiers": ["email"], "description": "Those who buy"}'),
    pulse_create_audience('<img src=x onerror="window.hacked = 4">', 'gold people', 'crm', jsonb_build_object('interval', 'manual', 'description', repeat('long', 60) || 'שלום 🦔')) \g /dev/null
SELECT pulse_record_signals((SELECT jsonb_agg(jsonb_build_object('name', 'spend', 'source', 'shop', 'entity', 'segment:gold people', 'value', 100 + i % 3, 'at', '2026-10-10'::timestamptz + i * interval '1 day')) FROM generate_series(0, 10) AS i)) \g /dev/null
SELECT pulse_update_signal_health('audience:Gold buyers'), pulse_update_signal_health('segment:gold people'), pulse_update_signal_health() \g /dev/null
SELECT pulse_run_syncs() \g /dev/null
INSERT INTO pulse.sync_run (audience_id, audience, operation, status, phase, triggered_by, requested_by, created_at, started_at, finished_at, not_before, added, removed, failed, suppressed, suppressed_by, match_low, match_high, people, size_low, size_high)
SELECT r.audience_id, r.audience, 'delta', CASE WHEN n % 5 = 0 THEN 'partial' ELSE 'completed' END, 'done', 'schedule', 'pulse', d.at, d.at, d.at, d.at, 40 + n % 7, 9 - n % 4, CASE WHEN n % 5 = 0 THEN 3 ELSE 0 END, 2, '{"no_consent": 2}', 0.6, 0.7 + n * 0.005, 100 + 30 * n, 60 + 20 * n, 70 + 22 * n
FROM pulse.sync_run AS r, generate_series(1, 20) AS n, LATERAL (SELECT '2026-10-01 02:00+00'::timestamptz + n * interval '22 hours' AS at) AS d;
INSERT INTO pulse.signal_health_history SELECT h.scope, h.hour - n * interval '1 hour', h.score - n, h.score - n - 2, h.score, h.status, 1, h.assumed, h.parts, h.as_of FROM pulse.signal_health_history AS h, generate_series(1, 20) AS n WHERE h.scope = 'all';
SELECT pulse_evaluate_gate('sync_audience', 'segment:<svg onload="window.hacked = 5">' ) FROM generate_series(1, 2) \g /dev/null
CREATE FUNCTION ring(jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT '{"rang": true}'::jsonb$$;
SELECT pulse_propose_action('run_function', 'segment:All app users', '{"function": "ring", "arguments": {"who": "<script>window.hacked = 6</script>"}}', 'it''s a test'),
    pulse_propose_action('run_function', 'segment:gold people', '{"function": "ring"}'), pulse_propose_action('pause_audience', 'audience:Gold buyers') \g /dev/null
SELECT pulse_create_automation('every morning 🦔', '{"when": {"schedule": "0 6 * * *"}, "do": {"action": "run_function", "payload": {"function": "ring"}}}', 'שלום עולם') \g /dev/null
SELECT pulse_create_channel('ops <b>', 'webhook', '{"url": "https://127.0.0.1:9/secret-url"}') \g /dev/null
SELECT pulse_create_route('nights', '{"ops <b>"}', 'high', quiet_hours => '22:00-06:00') \g /dev/null
SET ROLE chief;
SELECT subscription FROM pulse_subscribe('https://receiver.example/secret-url', name => 'n8n') \g /dev/null
RESET ROLE;
INSERT INTO pulse.outbox (channel, kind, event, status, payload, error, attempts, created_at, finished_at) SELECT 'ops <b>', 'event', 'test', CASE WHEN n = 7 THEN 'dead' ELSE 'sent' END, '{"text": "<img src=x onerror=window.hacked=7>"}',
    CASE WHEN n = 7 THEN 'no answer ' || repeat('x', 10000) END, n % 3, now() - interval '1 hour', now() FROM generate_series(1, 60) AS n;
INSERT INTO pulse.job_run (job_id, attempt, started_at, finished_at, status, rows, error_state, error) SELECT j.id, 1, '2026-10-20 02:00+00'::timestamptz + n * interval '1 minute', '2026-10-20 02:00:04+00'::timestamptz + n * interval '1 minute', CASE WHEN n = 55 THEN 'failed' ELSE 'ok' END, n,
    CASE WHEN n = 55 THEN '53100' END, CASE WHEN n = 55 THEN 'no space left <b>🦔</b>' END FROM pulse.job AS j, generate_series(1, 60) AS n WHERE j.name = 'retention';
SELECT pulse_export_audience('gold people', 'csv', '{"columns": ["external_id"]}') \g /dev/null
SELECT pulse_create_api_key('an <i>old</i> key', 'read', 'viewer') \g /dev/null
INSERT INTO pulse.api_key_usage (key_id, day, requests, refusals, last_used_at) SELECT k.id, '2026-10-01'::date + n, 10 * n, n % 2, '2026-10-20' FROM pulse.api_key AS k, generate_series(1, 19) AS n WHERE k.name = 'an <i>old</i> key';
ALTER ROLE gate SET pulse.sketch_size = 128;
