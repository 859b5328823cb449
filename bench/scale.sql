-- A database of bench/run-scale: :size events of :size / 100 people in thirteen months, and three definitions. People, definitions and their state come in as users bring them;
-- old events, which nothing has seen arrive, are written into their months, so that 10^8 of them take minutes.
\set QUIET on
SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE EXTENSION pulse;
LOAD 'pulse';
SET pulse.evaluation = async;
SELECT count(*) FROM pulse_import_events(format($$SELECT 'user-' || i AS user_id, 'visit' AS event, now() - interval '1 hour' AS "timestamp" FROM generate_series(1, %s) AS i$$, :size / 100));
-- One event makes each month.
SELECT count(*) FROM pulse_import_events($$SELECT 'user-1' AS user_id, 'visit' AS event, now() - i * interval '1 month' AS "timestamp" FROM generate_series(1, 12) AS i$$);
CREATE TABLE month AS SELECT i, to_char(date_trunc('month', now(), 'UTC') - i * interval '1 month', '"pulse.event_y"YYYY"m"MM')::regclass AS partition,
    date_trunc('month', now(), 'UTC') - i * interval '1 month' AS begins, least(now(), date_trunc('month', now(), 'UTC') - (i - 1) * interval '1 month') AS ends FROM generate_series(0, 12) AS i;
CREATE TABLE index_of AS SELECT m.i, x.indexrelid::regclass::text AS name, pg_get_indexdef(x.indexrelid) AS definition FROM month AS m JOIN pg_index AS x ON x.indrelid = m.partition;
SELECT format('DROP INDEX %s', name) FROM index_of \gexec
-- A month's events arrive in the order of time, from people in no order.
SELECT format($$INSERT INTO %1$s (id, profile_id, time, received_at, name, type, properties, message_id, source)
    SELECT nextval('pulse.event_id_seq'), 1 + (hashint8extended(n, %2$s) & 9223372036854775807) %% %3$s, t, t, (ARRAY['purchase', 'view', 'search', 'view'])[1 + n %% 4], 'track',
        jsonb_build_object('total', n %% 100, 'sku', 'article ' || n %% 5000, 'page', '/catalogue/' || n %% 1000), NULL, 'bench'
    FROM (SELECT n, %4$L::timestamptz + (%5$L::timestamptz - %4$L::timestamptz) * ((n - 1) / %6$s.0) AS t FROM generate_series(1, %6$s) AS n) AS e$$,
    partition, i, :size / 100, begins, ends, :size / 13) FROM month ORDER BY i DESC \gexec
SELECT definition FROM index_of ORDER BY i DESC \gexec
SELECT pulse_create_trait('spent', 'events.purchase.sum(total, 30d)');
SELECT pulse_create_trait('bought_ever', 'events.purchase.count');
SELECT pulse_create_segment('buyers', '{"where": "events.purchase.count_30d >= 2"}');
SELECT pulse_create_flag('buyers', 'segment("buyers")');
CALL pulse_build(1000000);
VACUUM (ANALYZE, FREEZE);
CHECKPOINT;
