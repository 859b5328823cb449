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
