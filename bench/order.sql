-- The rows of bench/run-order: :people people with :each events a month, in two months that have ended and the current one.
\set QUIET on
SET client_min_messages = warning;
SET pulse.evaluation = async;
SELECT to_char(date_trunc('month', now(), 'UTC') - interval '2 months', '"event_y"YYYY"m"MM') AS month \gset
SELECT count(*) FROM pulse_import_events(format($$SELECT 'order' || i %% %1$s AS user_id, (ARRAY['view', 'purchase', 'search'])[1 + i %% 3] AS event,
    jsonb_build_object('total', i, 'sku', md5(i::text), 'note', repeat('x', 80)) AS properties,
    date_trunc('month', now(), 'UTC') - interval '2 months' + i * (interval '28 days' / (%1$s * %2$s)) AS "timestamp"
    FROM generate_series(1, %1$s * %2$s) AS i$$, :people, :each)) \g /dev/null
SELECT count(*) FROM pulse_import_events(format($$SELECT 'order' || i %% %1$s AS user_id, 'view' AS event, jsonb_build_object('total', i) AS properties,
    now() - i * interval '1 second' AS "timestamp" FROM generate_series(1, %1$s * 2) AS i$$, :people)) \g /dev/null
VACUUM ANALYZE pulse.event;
