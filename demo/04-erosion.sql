-- A check says what it did; here that would be a line per day.
SET client_min_messages = warning;

-- The story Pulse exists for: a client release renames app_version values on one platform; a segment that names
-- versions in its rule silently loses 42 % of its members, and a campaign its reach.
SELECT setseed(0.42) \g /dev/null
CREATE TABLE demo.app_user AS
SELECT u AS user_id,
       CASE WHEN random() < 0.42 THEN 'android' ELSE 'ios' END AS platform,
       CASE WHEN random() < 0.7 THEN '4.2' ELSE '4.1' END AS app_version,
       (ARRAY['DE', 'FR', 'GB', 'US'])[1 + floor(random() * 4)::int] AS country,
       (12 + floor(random() * 20))::int AS sessions_last_week
FROM generate_series(1, 10000) AS u;
ALTER TABLE demo.app_user ADD PRIMARY KEY (user_id);
ANALYZE demo.app_user;

SELECT pulse_create_segment('Mobile App Power Users', '{
    "from": "demo.app_user", "key": "user_id",
    "where": "platform in [\"ios\", \"android\"] && app_version in [\"4.1\", \"4.2\"] && sessions_last_week >= 10",
    "attributes": ["platform", "app_version", "country"]}', owner => 'product-team',
    baseline => '{"criticalAttributes": ["platform", "app_version"]}') AS power_users,
    pulse_create_segment('All app users', '{
    "from": "demo.app_user", "key": "user_id", "attributes": ["platform", "app_version", "country"]}',
    owner => 'product-team') AS all_users;

-- Three quiet weeks: every day one user in fifty comes or goes.
DO $$
DECLARE
    day date;
BEGIN
    FOR day IN SELECT generate_series('2012-03-01'::date, '2012-03-21', '1 day') LOOP
        PERFORM set_config('pulse.now', (day + time '02:00')::timestamptz::text, true);
        UPDATE demo.app_user SET sessions_last_week = CASE WHEN random() < 0.05 THEN 4 ELSE 12 + floor(random() * 20) END
        WHERE user_id % 50 = extract(day FROM day)::int % 50;
        PERFORM pulse_take_snapshot(s), pulse_check_drift(s)
        FROM unnest('{Mobile App Power Users,All app users}'::text[]) AS s;
    END LOOP;
END $$;

-- The release of 21 March.
UPDATE demo.app_user SET app_version = '2012.3' WHERE platform = 'android';

-- The next morning.
SET pulse.now = '2012-03-22 02:00+00';
SELECT * FROM pulse_take_snapshots();
