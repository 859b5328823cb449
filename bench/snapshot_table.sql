-- The table that bench/snapshot.sql measures.
SELECT setseed(0.42) \g /dev/null
CREATE TABLE bench_member AS
SELECT i::bigint AS id, (ARRAY['free', 'pro', 'team', 'enterprise'])[1 + (i::bigint * 7919 % 10 / 3)::int] AS plan,
       (ARRAY['DE', 'FR', 'US', 'GB', 'ES', 'IT', 'NL', 'PL', 'AT', 'CH', 'SE', 'NO'])[1 + (12 * random() * random())::int % 12] AS country,
       '4.' || i % 9 || '.' || i % 2 AS app_version, round((1000.01 + exp(9 * random()))::numeric, 2) AS ltv,
       (CASE WHEN i % 1000 = 0 THEN 30 ELSE i % 8 END)::int AS last_active_days
FROM generate_series(1, :rows) AS i;
VACUUM (ANALYZE) bench_member;
