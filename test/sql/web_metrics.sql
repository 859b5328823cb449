-- Figures for monitoring systems: what each says, who may see it, the text formats, and that a scrape costs the same however much is stored.
SELECT current_database() AS home \gset
CREATE DATABASE regress_metrics ENCODING 'UTF8' TEMPLATE template0;
\c regress_metrics
SET client_min_messages = warning;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
\set SHOW_CONTEXT never
CREATE ROLE regress_metrics_reader;
CREATE ROLE regress_metrics_nobody;
SELECT pulse_grant('regress_metrics_reader', 'reader');

-- Nothing is there yet: whatever has a fixed set of labels is 0, not missing.
SELECT name, labels, value FROM pulse_metrics() WHERE name NOT IN ('pulse_table_bytes', 'pulse_table_rows', 'pulse_info', 'pulse_audit_unsealed_age_seconds');
SELECT labels ->> 'version' = extversion AND labels ->> 'library' = extversion AND labels ->> 'server' = current_setting('server_version') AS info, value
FROM pulse_metrics(), pg_extension WHERE name = 'pulse_info' AND extname = 'pulse';

-- Something of everything.
CREATE TABLE item AS SELECT i AS id FROM generate_series(1, 12) AS i;
SELECT pulse_create_segment(n, '{"from": "item", "key": "id"}') > 0 AS made FROM unnest(ARRAY['items', E'a "b" \\ c\nd', 'old', 'never']) AS n;
SELECT pulse_create_segment('buyers', '{"where": "events.buy.count_30d >= 1"}') > 0 AS made;
SET pulse.now = '2020-01-01'; SELECT pulse_take_snapshot('items') > 0 AS taken;
INSERT INTO item SELECT i FROM generate_series(13, 20) AS i;
SET pulse.now = '2020-01-02'; SELECT pulse_take_snapshot(n) > 0 AS taken FROM unnest(ARRAY['items', E'a "b" \\ c\nd']) AS n;
RESET pulse.now;
-- A failed snapshot has no size.
INSERT INTO pulse.snapshot (segment_id, taken_at, version, status, error) SELECT id, '2020-01-03', 1, 'failed', 'gone' FROM pulse.segment WHERE name = 'items';
SELECT pulse_archive_segment('old'), pulse_pause_segment('never');
INSERT INTO pulse.incident_record (segment_id, detector, attribute, severity, status, direction, baseline_kind, summary, since, opened_at, last_seen_at)
SELECT s.id, v.detector, v.attribute, v.severity, v.status, 'up', 'rolling', 'x', now(), now(), now()
FROM pulse.segment AS s, (VALUES ('size_change', '', 'high', 'open'), ('null_spike', 'a', 'low', 'open'), ('null_spike', 'b', 'low', 'acknowledged'), ('null_spike', 'c', 'critical', 'resolved')) AS v (detector, attribute, severity, status)
WHERE s.name = 'items';
SELECT pulse_monitor_table('item', checks => '[{"type": "volume"}]') > 0 AS monitored;
SELECT count(*) FROM pulse_ingest('[{"type": "track", "event": "buy", "userId": "u1", "messageId": "m1"}, {"type": "track", "event": "buy", "userId": "u1", "messageId": "m1"},
  {"type": "track", "event": "look", "userId": "u1", "messageId": "m1"}, {"type": "track", "event": ""}]', 'shop');
SET pulse.evaluation = 'async';
SELECT count(pulse_track('u2', 'buy'));
RESET pulse.evaluation;
UPDATE pulse.dirty SET at = clock_timestamp() - interval '90 seconds';
-- Counters stay when what batches add is added to the totals.
CREATE TABLE counted AS SELECT labels, value FROM pulse_metrics() WHERE name = 'pulse_events_total';
SELECT count(*) AS tallies FROM pulse.ingest_tally;
SELECT status FROM pulse_run_job('retention');
SELECT count(*) AS tallies FROM pulse.ingest_tally;
(TABLE counted EXCEPT SELECT labels, value FROM pulse_metrics() WHERE name = 'pulse_events_total') UNION ALL (SELECT labels, value FROM pulse_metrics() WHERE name = 'pulse_events_total' EXCEPT TABLE counted);
INSERT INTO pulse.job_run (job_id, attempt, started_at, finished_at, status)
SELECT 1, 1, '2020-01-01'::timestamptz + n * interval '1 hour', '2020-01-01'::timestamptz + n * interval '1 hour' + interval '2.5 seconds', s
FROM unnest('{failed,ok,failed,skipped,timed out}'::text[]) WITH ORDINALITY AS r (s, n);
INSERT INTO pulse.outbox (channel, kind, event, status, send_at, waits) VALUES ('c', 'event', 'x', 'pending', clock_timestamp() - interval '2 minutes', false),
  ('c', 'event', 'x', 'pending', clock_timestamp() - interval '3 minutes', true), ('c', 'event', 'x', 'sending', now(), false), ('c', 'event', 'x', 'sent', now(), false), ('d', 'event', 'x', 'dead', now(), false);
CREATE SERVER replica FOREIGN DATA WRAPPER pulse_source OPTIONS (host 'replica.example', dbname 'x');
INSERT INTO pulse.source_usage (source, at, purpose, status) SELECT 'replica', clock_timestamp() - age, 'test', status
FROM (VALUES ('ok', interval '10 minutes'), ('ok', '20 minutes'), ('refused', '5 minutes'), ('unreachable', '70 minutes')) AS v (status, age);
SELECT users FROM pulse_export_segment('buyers');
SET ROLE regress_metrics_reader;
SELECT name, labels, value FROM pulse_metrics()
WHERE name !~ '^pulse_(table_|info|in_rec|export_bytes|source_last|message_overdue|people_waiting_s|audit_unsealed_age|job_last_d)' AND NOT (name = 'pulse_job_last_success_timestamp_seconds' AND labels ->> 'job_name' = 'retention')
      AND NOT (name LIKE 'pulse\_job\_%' AND labels ->> 'job_name' NOT IN ('snapshots', 'retention'));
SELECT name, labels, CASE name WHEN 'pulse_export_bytes' THEN value > 0 WHEN 'pulse_source_last_success_timestamp_seconds' THEN extract(epoch FROM now()) - value BETWEEN 600 AND 700
       WHEN 'pulse_message_overdue_seconds' THEN value BETWEEN 120 AND 179 WHEN 'pulse_people_waiting_seconds' THEN value = 0 OR value BETWEEN 90 AND 180 WHEN 'pulse_job_last_duration_seconds' THEN value >= 0
       ELSE abs(extract(epoch FROM now()) - value) < 60 END AS plausible
FROM pulse_metrics() WHERE name ~ '^pulse_(export_bytes|source_last|message_overdue|people_waiting_s|job_last_d)' OR name = 'pulse_job_last_success_timestamp_seconds' AND labels ->> 'job_name' = 'retention';
RESET ROLE;
-- Sizes by table, of which a partitioned one is one.
ANALYZE;
SELECT name, labels ->> 'table' AS "table", value > 0 AS positive FROM pulse_metrics() WHERE labels ->> 'table' IN ('event', 'profile', 'message_seen') ORDER BY 1, 2;
SELECT count(*) AS of_others FROM pulse_metrics() WHERE labels ->> 'table' IN ('item', 'message_seen_1') OR labels ->> 'table' LIKE 'event\_2%';

-- Every family, as doc/metrics.md lists them.
SELECT name, type, unit, min(help) AS help, count(DISTINCT help) = 1 AS same, string_agg(DISTINCT k, ' ') AS labels
FROM pulse_metrics() LEFT JOIN LATERAL jsonb_object_keys(labels) AS k ON true GROUP BY name, type, unit ORDER BY name COLLATE "C";

-- Rights, arguments, read-only.
SET ROLE regress_metrics_nobody;
SELECT * FROM pulse_metrics();
SELECT pulse.metrics_text();
RESET ROLE;
SET ROLE regress_metrics_reader;
SELECT pulse.metrics_text() LIKE '# HELP%' AS by_default, pulse.metrics_text(NULL) LIKE '# HELP%' AS null, pulse.metrics_text(true) LIKE '# TYPE%' AS openmetrics;
BEGIN READ ONLY;
SELECT count(*) > 100 AS rows FROM pulse_metrics();
COMMIT;
RESET ROLE;

-- The texts: each line of a known form, one sample per row, no series twice, no family twice.
CREATE TABLE line AS SELECT openmetrics, n, l AS line FROM unnest('{false,true}'::bool[]) AS openmetrics, unnest(string_to_array(pulse.metrics_text(openmetrics), E'\n')) WITH ORDINALITY AS t (l, n);
SELECT openmetrics, count(*) FILTER (WHERE line !~ '^#' AND line <> '') = (SELECT count(*) FROM pulse_metrics()) AS samples,
       count(DISTINCT line) FILTER (WHERE line ~ '^# TYPE') = (SELECT count(DISTINCT name) FROM pulse_metrics()) AS families, count(*) FILTER (WHERE line ~ '^# UNIT') > 0 AS units, (array_agg(line ORDER BY n DESC))[2] AS last_line, (array_agg(line ORDER BY n DESC))[1] AS after
FROM line WHERE openmetrics GROUP BY 1 UNION ALL
SELECT openmetrics, count(*) FILTER (WHERE line !~ '^#' AND line <> '') = (SELECT count(*) FROM pulse_metrics()),
       count(DISTINCT line) FILTER (WHERE line ~ '^# TYPE') = (SELECT count(DISTINCT name) FROM pulse_metrics()), count(*) FILTER (WHERE line ~ '^# UNIT') > 0, NULL, (array_agg(line ORDER BY n DESC))[1]
FROM line WHERE NOT openmetrics GROUP BY 1;
SELECT line FROM line WHERE line !~ '^(# (TYPE|HELP|UNIT) [a-z_]+ .+|# EOF|[a-z_]+(\{[a-z_]+="([^"\\]|\\["\\n])*"(,[a-z_]+="([^"\\]|\\["\\n])*")*\})? -?[0-9.e+-]+|)$';
SELECT openmetrics, regexp_replace(line, ' [^ ]+$', '') AS series FROM line WHERE line !~ '^#' AND line <> '' GROUP BY 1, 2 HAVING count(*) > 1;
SELECT openmetrics, line FROM line WHERE line ~ 'pulse_events|segment_size' ORDER BY openmetrics, n;

-- Over HTTP, in the format that the client accepts.
SELECT pulse_create_api_key('prometheus', 'read', 'regress_metrics_reader') AS key \gset
SELECT h.status, h.headers ->> 'content-type' AS type, left(convert_from(h.body, 'UTF8'), 6) AS begins, right(convert_from(h.body, 'UTF8'), 7) = E'\n# EOF\n' AS eof
FROM unnest(ARRAY['*/*', 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5']) AS accept,
     pulse_http('GET', '/metrics', NULL, jsonb_build_object('host', 'x', 'authorization', 'Bearer ' || :'key', 'accept', accept)) AS h;
SELECT status FROM pulse_http('GET', '/metrics', NULL, '{"host": "x"}');

-- One series for each of the first segments, jobs and sources only.
ALTER SYSTEM SET pulse.metrics_limit = 1;
SELECT pg_reload_conf();
\c
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SELECT count(pulse_track('u3', 'buy', source => 'another'));
SELECT name, labels FROM pulse_metrics() WHERE labels ?| '{segment,source,job_name}' ORDER BY 1, 2;
ALTER SYSTEM SET pulse.metrics_limit = 0;
SELECT pg_reload_conf();
\c
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SELECT name, labels FROM pulse_metrics() WHERE labels ?| '{segment,source,job_name}' ORDER BY 1, 2;
ALTER SYSTEM RESET pulse.metrics_limit;
SELECT pg_reload_conf();
\c
\set SHOW_CONTEXT never
SET client_min_messages = warning;

-- With 30,000 rows in each table that grows, no figure of a scrape reads more than 10,000 of them. Nothing was analysed: old statistics do not change that.
INSERT INTO pulse.job_run (job_id, attempt, started_at, finished_at, status) SELECT 2, 1, now(), now(), 'failed' FROM generate_series(1, 30000);
INSERT INTO pulse.snapshot (segment_id, taken_at, version, status, size) SELECT s.id, '2015-01-01'::timestamptz + i * interval '1 minute', 1, 'ok', i FROM pulse.segment AS s, generate_series(1, 30000) AS i WHERE s.name = 'items';
INSERT INTO pulse.incident_record (segment_id, detector, attribute, severity, status, direction, baseline_kind, summary, since, opened_at, last_seen_at, closed_at)
SELECT s.id, 'size_change', i::text, 'high', 'resolved', 'up', 'rolling', 'x', now(), now(), now(), now() FROM pulse.segment AS s, generate_series(1, 30000) AS i WHERE s.name = 'items';
INSERT INTO pulse.check_result (check_id, at, status) SELECT c.id, now(), 'ok' FROM pulse.monitor_check AS c, generate_series(1, 30000);
INSERT INTO pulse.mute (kind, name, since, until, muted_by) SELECT 'everything', '*', '2015-01-01', '2015-01-02', 'x' FROM generate_series(1, 30000);
INSERT INTO pulse.outbox (channel, kind, event, status, waits, finished_at) SELECT 'c' || i % 3, 'event', 'x', s, w, CASE s WHEN 'sent' THEN now() END
FROM generate_series(1, 15000) AS i, (VALUES ('pending', false), ('pending', true), ('sent', false), ('dead', false)) AS v (s, w);
INSERT INTO pulse.source_usage (source, at, purpose, status) SELECT 'replica', clock_timestamp() - age, 'test', 'ok' FROM generate_series(1, 15000) AS i, unnest('{1 minute,2 hours}'::interval[]) AS age;
INSERT INTO pulse.dirty (profile_id, account, everything, cause, quiet) SELECT i, false, false, 'event', false FROM generate_series(1, 30000) AS i;
INSERT INTO pulse.profile_state (profile_id, as_of, metrics, segments, next_change_at) SELECT i + 1000, now(), '{}', '{}', now() FROM generate_series(1, 30000) AS i;
INSERT INTO pulse.unsettled_person (profile_id, since, attempts, next_attempt_at, sqlstate, part, message) SELECT i, now(), 1, now(), '22003', 'x', 'x' FROM generate_series(1, 30000) AS i;
INSERT INTO pulse.ingest_tally (at, source, accepted, duplicates, conflicting, rejected, catalogue) SELECT now(), 's' || i % 200, 1, 0, 0, 0, '{}' FROM generate_series(1, 30000) AS i;
INSERT INTO pulse.source_total SELECT 't' || i, 1, 0, 0, 0, now(), now() FROM generate_series(1, 30000) AS i;
-- What the statements above have read is not counted below.
SELECT pg_stat_force_next_flush();
BEGIN;
SELECT count(*) > 500 AS rows FROM pulse_metrics();
SELECT relname, seq_tup_read, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE schemaname = 'pulse' AND seq_tup_read + coalesce(idx_tup_fetch, 0) > CASE relname WHEN 'outbox' THEN 20100 ELSE 10100 END ORDER BY relname;
SELECT relname, seq_tup_read FROM pg_stat_xact_user_tables WHERE schemaname = 'pulse' AND seq_tup_read > 1000 ORDER BY relname;
COMMIT;
SELECT name, labels, value FROM pulse_metrics() WHERE name IN ('pulse_messages', 'pulse_people_waiting') ORDER BY 1, 2;
SELECT count(*) AS sources FROM (SELECT DISTINCT labels -> 'source' FROM pulse_metrics() WHERE name = 'pulse_events_total') AS s;

\c :home
DROP DATABASE regress_metrics;
DROP ROLE regress_metrics_reader, regress_metrics_nobody;
