-- Tables and sources, events, people over time, campaigns.
SET client_min_messages = warning;

DO $$ BEGIN CREATE ROLE figures; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
SELECT pulse_grant('figures', 'reader') \g /dev/null
SET pulse.now = '2026-10-01 02:00+00';
CREATE TABLE shop_order AS SELECT n AS id, 'paid' AS status, 20 + n % 50 AS amount, timestamptz '2026-10-01 00:00+00' + n * interval '20 minutes' AS created_at FROM generate_series(1, 1440) AS n;
ALTER TABLE shop_order ADD PRIMARY KEY (id);
CREATE TABLE "<svg onload=window.hacked=4> طلبات 🦔" AS SELECT n AS id FROM generate_series(1, 20) AS n;
CREATE TABLE shop_customer AS SELECT n AS id, 'c' || n AS name FROM generate_series(1, 50) AS n;
ANALYZE shop_order, shop_customer;
SELECT pulse_monitor_table('shop_order', checks => '[{"type": "null_rate", "column": "status", "max": 0.01}, {"type": "volume", "min": 1000}, {"type": "schema"}]', owner => 'data-team', tags => '{shop}'),
    pulse_monitor_table('"<svg onload=window.hacked=4> طلبات 🦔"', checks => '[{"type": "volume", "min": 10}]', owner => repeat('<b>long</b> ', 900)),
    pulse_monitor_table('shop_customer', checks => '[{"type": "volume", "min": 10}, {"type": "schema"}]') \g /dev/null
DO $$
BEGIN
    FOR day IN 1 .. 20 LOOP
        PERFORM set_config('pulse.now', format('2026-10-%s 02:00+00', day), true), count(*) FROM pulse_check_tables('shop_order');
        PERFORM count(*) FROM pulse_check_tables('shop_customer');
        PERFORM count(*) FROM pulse_check_tables('"<svg onload=window.hacked=4> طلبات 🦔"');
    END LOOP;
    UPDATE shop_order SET status = NULL WHERE id % 5 = 0;
    PERFORM set_config('pulse.now', '2026-10-21 02:00+00', true), count(*) FROM pulse_check_tables('shop_order');
END $$;
SELECT pulse_create_source('crm_replica', '{"host": "127.0.0.1", "port": "1", "dbname": "crm", "user": "reader", "password": "p", "max_replay_lag": "30s"}') \g /dev/null
INSERT INTO pulse.source_usage (source, at, purpose, object, status, reason, queries, rows, duration_ms, in_recovery, version, replay_lag_ms)
SELECT 'crm_replica', clock_timestamp() - n * interval '7 seconds', 'health', 'public.orders', CASE WHEN n % 9 = 0 THEN 'refused' ELSE 'ok' END,
       CASE WHEN n % 9 = 0 THEN 'replay lag 1 min 35 s exceeds max_replay_lag 30 s <img src=x onerror="window.hacked = 5">' END, 3, 1, 4.5, true, 150004, CASE WHEN n % 9 = 0 THEN 95000 ELSE 120 END
FROM generate_series(1, 120) AS n;
-- Sixty people come every five days or so; the higher the number, the longer. All look first, fewer fill a cart, fewer buy.
SET pulse.now = '2026-08-31 00:00+00';
SELECT count(pulse_identify('buyer' || u, jsonb_build_object('email', 'buyer' || u || '@example.com', 'plan', CASE WHEN u % 3 = 0 THEN 'pro' ELSE 'free' END))) FROM generate_series(1, 60) AS u \g /dev/null
SELECT pulse_enable_rfm(event => 'Purchase', property => 'total'), pulse_enable_lifecycle(purchase_events => '{Purchase}', inactive_days => 15) \g /dev/null
CALL pulse_build();
DO $$
BEGIN
    FOR day IN 0 .. 49 LOOP
        PERFORM set_config('pulse.now', ('2026-09-01 23:00+00'::timestamptz + make_interval(days => day))::text, true);
        PERFORM count(i.*) FROM (SELECT CASE WHEN u % 2 = 0 THEN 'app' ELSE 'website' END AS source, jsonb_agg(jsonb_build_object('type', 'track', 'userId', 'buyer' || u, 'event', e.event, 'messageId', format('m-%s-%s-%s', day, u, e.event),
                'timestamp', '2026-09-01 12:00+00'::timestamptz + make_interval(days => day, mins => u + e.after), 'properties', jsonb_build_object('total', 20 + u, 'platform', CASE WHEN u % 2 = 0 THEN 'ios' ELSE 'web' END, 'size', CASE WHEN u % 7 = 0 THEN '"L"' ELSE '38' END::jsonb))) AS batch
            FROM generate_series(1, 60) AS u, (VALUES ('View', 0, 0), ('Cart', 20, 12), ('Purchase', 60, 24)) AS e (event, after, least)
            WHERE u > e.least AND (day + u) % 5 = 0 AND day >= u / 3 AND day < 12 + u GROUP BY 1) AS b, LATERAL pulse_ingest(b.batch, b.source) AS i;
        PERFORM pulse_run_pipeline();
    END LOOP;
END $$;
SET pulse.now = '2026-10-21 02:00+00';
SELECT count(*) FROM pulse_ingest('[{"type": "track", "event": "Purchase", "properties": {"total": 1}, "messageId": "r-1"}, {"type": "track", "userId": "buyer1", "messageId": "r-2"},
    {"type": "track", "event": "<script>window.hacked = 6</script>", "messageId": "r-3"}, {"type": "track", "userId": "buyer1", "event": "<img src=x onerror=window.hacked=7> שלום 🦔", "messageId": "h-1", "timestamp": "2026-10-21T01:00:00Z",
    "properties": {"<script>window.hacked = 8</script>": "<svg onload=window.hacked=9>", "long": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}}]', 'website') \g /dev/null
SELECT pulse_create_funnel('Checkout', '{"steps": ["View", "Cart", "Purchase"], "window": "2 days"}', 'From looking to buying'),
    pulse_create_funnel('<b>شراء</b> 🦔', '{"steps": ["View", "Purchase"]}') \g /dev/null
SELECT pulse_create_campaign('autumn sale', 'All app users', 1900, '2026-10-24 08:00+00', 'email', '{"description": "For all who have the app"}'),
    pulse_create_campaign('power <script>window.hacked = 10</script>', 'Mobile App Power Users', 2000, '2026-10-23 08:00+00', 'push'),
    pulse_create_campaign('vain', 'All app users', 1000, '2026-10-25 08:00+00', 'other') \g /dev/null
INSERT INTO pulse.incident_record (event, detector, attribute, severity, direction, baseline, observed, change, baseline_kind, summary, since, opened_at, last_seen_at, details)
VALUES ('Purchase', 'event_volume', 'app', 'medium', 'down', 100, 40, -0.6, 'seasonal', '`Purchase` from app fell 60.0 % <img src=x onerror="window.hacked = 11">', '2026-10-20', '2026-10-20', '2026-10-21', '{"usedBy": {"segments": ["All app users"]}}');
