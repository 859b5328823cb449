-- Room insight: anomalies of events. Histories of counters are written as the job activity would write them; the rest is ingested.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2015-03-10 12:30';
\set SHOW_CONTEXT never
\set VERBOSITY default
CREATE SCHEMA insight_anomaly;
SET search_path = insight_anomaly, public;
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally, pulse.message_seen,
    pulse.event_day, pulse.event_hour, pulse.event_source_hour, pulse.event_property_day, pulse.ingest_tally, pulse.event_kind, pulse.event_property, pulse.source_total, pulse.event_check;
TRUNCATE pulse.incident_record CASCADE;

-- Nothing yet.
SET pulse.now = '2015-01-01 00:11';
SELECT count(*) FROM pulse_check_events();
SELECT count(*) FROM pulse_check_events();
SELECT count(*) FROM pulse_event_anomalies();
SELECT pulse_event_anomaly_summary();

-- ---- histories ----
-- A day has a shape, a week has a shape, and neither is noise. A fixed share of each hour is late by nothing: all is prompt.
CREATE FUNCTION usual(hour timestamptz, level numeric) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT round(level * CASE WHEN extract(isodow FROM hour) >= 6 THEN 0.4 ELSE 1 END
                 * (0.3 + 0.7 * sin(pi() * extract(hour FROM hour) / 24) ^ 2)
                 * (1 + 0.1 * sin(extract(epoch FROM hour) / 3600 * 2.399))) $$;
CREATE PROCEDURE history(name text, sender text, level numeric, since timestamptz, until timestamptz, factor numeric DEFAULT 1) LANGUAGE sql AS $$
    INSERT INTO pulse.event_source_hour (hour, event, source, events, prompt, late)
    SELECT h, name, sender, n, n, 0 FROM generate_series(since, until - interval '1 hour', '1 hour') AS h
    CROSS JOIN LATERAL (SELECT round(usual(h, level) * factor) AS n) AS c WHERE n > 0
    ON CONFLICT (hour, event, source) DO UPDATE SET events = excluded.events, prompt = excluded.prompt;
    INSERT INTO pulse.event_kind VALUES (name, 0, 0, since, until) ON CONFLICT DO NOTHING $$;
-- Checks every hour; shows the timeline of what changed.
CREATE TABLE shown AS SELECT 0::bigint AS id;
CREATE FUNCTION news(VARIADIC names text[]) RETURNS TABLE (at timestamptz, event text, detector text, attribute text, kind text, severity text, note text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT e.at, r.event, r.detector, r.attribute, e.kind, e.severity, e.note FROM pulse.incident_event AS e
        JOIN pulse.incident_record AS r ON r.id = e.incident_id WHERE e.id > (SELECT id FROM shown) AND r.event = ANY (names) ORDER BY e.id;
    UPDATE shown SET id = coalesce((SELECT max(i.id) FROM pulse.incident_event AS i), 0);
END $$;
CREATE PROCEDURE check_until(until timestamptz, step interval DEFAULT '1 hour') LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := (SELECT checked_until FROM pulse.event_check);
BEGIN
    WHILE moment < until LOOP
        moment := least(moment + step, until);
        PERFORM set_config('pulse.now', (moment + interval '11 minutes')::text, false);
        PERFORM pulse_check_events();
    END LOOP;
END $$;
SET client_min_messages = warning;

CALL history('view', 'web', 400, '2015-01-01', '2015-03-09');
CALL history('buy', 'web', 6, '2015-01-01', '2015-03-09');
CALL history('steady', 'server', 0, '2015-01-01', '2015-03-09');
-- Always the same number: no variance.
INSERT INTO pulse.event_source_hour SELECT h, 'steady', 'server', 50, 50, 0 FROM generate_series('2015-01-01'::timestamptz, '2015-03-08 23:00', '1 hour') AS h;
-- About twice a week.
INSERT INTO pulse.event_source_hour SELECT '2015-01-01'::timestamptz + i * interval '83 hours', 'renewal', 'server', 1, 1, 0 FROM generate_series(0, 18) AS i;
INSERT INTO pulse.event_kind VALUES ('renewal', 0, 0, '2015-01-01', '2015-03-09');

-- Quiet weeks: nights, weekends and the first hours of a day raise no alarm. The first check in a month looks at the last three days.
SET pulse.now = '2015-02-20 00:11';
SELECT * FROM pulse_check_events();
CALL check_until('2015-03-08', '2 days');
CALL check_until('2015-03-09', '3 hours');
SELECT * FROM news('view', 'buy', 'steady', 'renewal');
SELECT checked_until FROM pulse.event_check;

-- ---- an event falls, stops, comes back ----
CALL history('view', 'web', 400, '2015-03-09', '2015-03-09 10:00');
CALL history('view', 'web', 400, '2015-03-09 10:00', '2015-03-09 14:00', 0.3);
CALL history('buy', 'web', 6, '2015-03-09', '2015-03-10 18:00');
INSERT INTO pulse.event_source_hour SELECT h, 'steady', 'server', 50, 50, 0 FROM generate_series('2015-03-09'::timestamptz, '2015-03-12 23:00', '1 hour') AS h;
CALL check_until('2015-03-09 14:00', '2 hours');
SELECT * FROM news('view', 'buy', 'steady', 'renewal');
CALL check_until('2015-03-09 17:00');
SELECT * FROM news('view', 'buy', 'steady', 'renewal');
CALL history('view', 'web', 400, '2015-03-09 17:00', '2015-03-13');
CALL check_until('2015-03-11', '3 hours');
SELECT * FROM news('view', 'buy', 'steady', 'renewal');
-- They are one group.
SELECT count(*) AS incidents, count(DISTINCT group_id) AS groups FROM pulse.incident_record WHERE event = 'view';
SELECT event, segment, relation, detector, attribute, severity, status, direction, baseline, observed, change, since, opened_at, closed_at, resolved_by, summary
FROM pulse.incident WHERE event = 'view' AND detector = 'event_vanished' \gx

-- ---- a small event stops: the present day shows it, as far as it went ----
CALL check_until('2015-03-11 07:00');
SELECT * FROM news('view', 'buy', 'steady', 'renewal');

-- ---- zero variance ----
INSERT INTO pulse.event_source_hour SELECT h, 'steady', 'server', 20, 20, 0 FROM generate_series('2015-03-13'::timestamptz, '2015-03-13 03:00', '1 hour') AS h;
CALL history('view', 'web', 400, '2015-03-13', '2015-03-31');
CALL check_until('2015-03-13', '1 day');
CALL check_until('2015-03-13 03:00');
SELECT * FROM news('steady');
INSERT INTO pulse.event_source_hour SELECT h, 'steady', 'server', 50, 50, 0 FROM generate_series('2015-03-13 04:00'::timestamptz, '2015-03-31', '1 hour') AS h;
CALL check_until('2015-03-13 08:00', '2 hours');
SELECT * FROM news('steady');

-- ---- a new name ----
CALL history('gift', 'web', 0, '2015-03-13 09:00', '2015-03-14');
INSERT INTO pulse.event_source_hour SELECT h, 'gift', 'web', 3, 3, 0 FROM generate_series('2015-03-13 09:00'::timestamptz, '2015-03-24', '1 hour') AS h;
INSERT INTO pulse.event_hour SELECT hour, sum(events) FROM pulse.event_source_hour GROUP BY hour;
CALL check_until('2015-03-13 11:00');
SELECT * FROM news('gift');

-- ---- an import of old events, and a replay: nothing ----
INSERT INTO pulse.event_source_hour SELECT h, 'view', 'import', 5000, 0, 5000 FROM generate_series('2015-03-01'::timestamptz, '2015-03-12', '1 hour') AS h;
UPDATE pulse.event_source_hour SET events = events + 3000, late = 3000 WHERE event = 'view' AND source = 'web' AND hour BETWEEN '2015-02-27' AND '2015-03-08';
CALL check_until('2015-03-15', '12 hours');
SELECT * FROM news('view');

-- ---- what is rare: a silence far longer than any before; and a person who says that it is over ----
SELECT pulse_resolve_incident((SELECT id FROM pulse.incident WHERE event = 'buy' AND detector = 'event_vanished' AND status = 'open'), 'no longer sold', new_normal => true);
SET pulse.now = '2015-03-18 00:11';
SELECT count(*) FROM pulse_check_events();
SET pulse.now = '2015-03-21 00:11';
SELECT count(*) FROM pulse_check_events();
SET pulse.now = '2015-03-24 00:11';
SELECT count(*) FROM pulse_check_events();
SET pulse.now = '2015-03-27 12:11';
SELECT count(*) FROM pulse_check_events();
SELECT * FROM news('renewal', 'buy', 'gift');

-- ---- muted: checks go on, nothing opens ----
SELECT pulse_mute('event:view', '2 days', 'moving') > 0 AS muted;
SELECT pulse_mute('view', '2 days');
SELECT pulse_mute('event:vieww', '2 days');
DELETE FROM pulse.event_source_hour WHERE event = 'view' AND hour BETWEEN '2015-03-27 12:00' AND '2015-03-27 20:00';
CALL check_until('2015-03-28', '4 hours');
SELECT * FROM news('view');

-- ---- many quiet series: counts of chance around the same shapes, from one in three hours to sixty an hour ----
TRUNCATE pulse.event_source_hour, pulse.event_kind;
SELECT setseed(0.25);
INSERT INTO pulse.event_source_hour
SELECT h, 'quiet ' || s, 'web', n, n, 0 FROM generate_series('2015-03-01'::timestamptz, '2015-04-22', '1 hour') AS h, generate_series(1, 24) AS s
CROSS JOIN LATERAL (SELECT usual(h, 1000) / 1000.0 * 0.3 * 1.25 ^ s AS mean) AS m
CROSS JOIN LATERAL (SELECT CASE WHEN mean < 5 THEN (SELECT count(*) FROM generate_series(1, 20) AS i WHERE random() < mean / 20 + 0 * i)
                                ELSE greatest(0, round(mean + sqrt(mean) * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))) END AS n) AS c WHERE n > 0;
UPDATE pulse.event_check SET checked_until = '2015-04-13';
CALL check_until('2015-04-22', '3 days');
SELECT count(*) <= 1 AS quiet FROM pulse.incident_record WHERE event LIKE 'quiet%';
-- Of which one stops.
DELETE FROM pulse.event_source_hour WHERE event = 'quiet 20' AND hour >= '2015-04-21 12:00';
UPDATE pulse.event_check SET checked_until = '2015-04-21';
SET pulse.now = '2015-04-22 00:11';
SELECT event, detector, severity FROM pulse_check_events() WHERE event = 'quiet 20' AND detector = 'event_vanished';
TRUNCATE pulse.event_source_hour, pulse.event_kind;

-- ---- properties: what batches bring, day by day ----
-- 40 orders a day of 20 people, 24 of them by one app version; and 40 quotes.
CREATE PROCEDURE trade(day date, version text DEFAULT '5.1', lost boolean DEFAULT false, renamed boolean DEFAULT false, words boolean DEFAULT false) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pulse.now', (day + time '23:30')::text, false);
    PERFORM pulse_ingest((SELECT jsonb_agg(jsonb_build_object('type', 'track', 'event', e, 'userId', 'u' || i % 20, 'messageId', e || day || i,
            'timestamp', day + time '22:40' + i * interval '1 minute',
            'context', jsonb_build_object('app', jsonb_build_object('version', CASE WHEN i % 5 < 3 THEN version ELSE '4.9' END),
                                          'os', jsonb_build_object('name', CASE WHEN i % 2 = 0 THEN 'iOS' ELSE 'Android' END)),
            'properties', CASE e
                WHEN 'order' THEN jsonb_strip_nulls(jsonb_build_object('amount', CASE WHEN lost AND i % 5 < 3 THEN NULL ELSE i END, 'currency', 'EUR'))
                ELSE jsonb_build_object(CASE WHEN renamed THEN 'total' ELSE 'price' END, CASE WHEN words THEN to_jsonb(i || ' EUR') ELSE to_jsonb(i) END) END))
        FROM unnest(ARRAY['order', 'quote']) AS e, generate_series(0, 39) AS i), 'app');
    PERFORM set_config('pulse.now', (day + 1 + time '00:11')::text, false);
    PERFORM pulse_check_events();
END $$;
SET pulse.now = '2015-05-01';
SELECT pulse_create_trait('spent', 'events.order.sum(amount)_30d') IS NOT NULL AS trait;
SELECT pulse_create_segment('Spenders', '{"where": "trait(\"spent\") > 100"}') IS NOT NULL AS segment;
SELECT pulse_create_flag('offer', 'segment("Spenders")') IS NOT NULL AS flag;
DO $$ BEGIN FOR i IN 0..20 LOOP CALL trade('2015-05-01'::date + i); END LOOP; END $$;
SELECT * FROM news('order', 'quote');
SELECT day, event, property, texts, numbers, nulls FROM pulse.event_property_day WHERE day = '2015-05-20' ORDER BY 2, 3;
SELECT day, event, events, looked_at FROM pulse.event_day WHERE day = '2015-05-20' ORDER BY 2;
-- App 5.2 leaves out the amount. An incident of a segment that uses it, which opened meanwhile, joins the group.
INSERT INTO pulse.incident_record (segment_id, detector, severity, direction, baseline_kind, summary, since, opened_at, last_seen_at)
SELECT id, 'size_change', 'low', 'down', 'rolling', 'size fell', '2015-05-22 12:00', '2015-05-22 12:00', '2015-05-22 12:00' FROM pulse.segment WHERE name = 'Spenders';
CALL trade('2015-05-22', '5.2', lost => true);
SELECT * FROM news('order', 'quote');
CALL trade('2015-05-23', '5.2', lost => true);
SELECT detector, attribute, baseline, observed, summary, details -> 'concentratesIn' AS concentrates_in, details -> 'usedBy' AS used_by FROM pulse.incident WHERE event = 'order' AND detector = 'property_nulls' \gx
SELECT id AS lost FROM pulse.incident WHERE event = 'order' AND detector = 'property_nulls' \gset
SELECT regexp_replace(explanation, '(Incident |incident\()\d+', '\1N') AS explanation FROM pulse_explain_incident(:lost);
SELECT event_name, detector, attribute, severity, status, direction, began_at, opened_at, segments, traits, flags FROM pulse_event_anomalies('2015-05-20', event => 'order');
SELECT count(*) AS incidents FROM pulse.incident_record WHERE group_id = (SELECT group_id FROM pulse.incident_record WHERE id = :lost);
-- Channels are told.
CREATE SERVER anomaly_hook FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'webhook');
CREATE USER MAPPING FOR CURRENT_USER SERVER anomaly_hook OPTIONS (url 'https://hooks.example.com/x');
SELECT p -> 'data' ->> 'kind' AS kind, p -> 'data' ->> 'segment' AS segment, p -> 'data' ->> 'event_name' AS event_name, p -> 'data' ->> 'title' AS title, p -> 'data' ->> 'figures' AS figures,
    p -> 'data' ->> 'cause' AS cause, p -> 'data' -> 'what_changed' AS what_changed FROM pulse_preview_message(:lost, 'anomaly_hook') AS p \gx
DROP SERVER anomaly_hook CASCADE;
-- The agent looks into segments and tables.
\set VERBOSITY sqlstate
SELECT pulse_investigate_incident(:lost);
\set VERBOSITY default
SELECT n.event, n.kind, count(*) FROM pulse.notice AS n WHERE n.incident_id = :lost GROUP BY 1, 2;
SELECT pulse_acknowledge_incident(:lost, 'asked the app team');
-- It is mended.
CALL trade('2015-05-24');
CALL trade('2015-05-25');
CALL trade('2015-05-26');
SELECT * FROM news('order', 'quote');
-- price is now total.
CALL trade('2015-05-27', renamed => true);
SELECT * FROM news('order', 'quote');
SELECT details -> 'successor' AS successor FROM pulse.incident WHERE event = 'quote' AND detector = 'property_nulls';
SELECT id AS renamed FROM pulse.incident WHERE event = 'quote' AND detector = 'property_nulls' \gset
SELECT regexp_replace(explanation, '(Incident |incident\()\d+', '\1N') AS explanation FROM pulse_explain_incident(:renamed);
-- It lasts a week and is normal then.
DO $$ BEGIN FOR i IN 0..7 LOOP CALL trade('2015-05-28'::date + i, renamed => true); END LOOP; END $$;
SELECT * FROM news('order', 'quote');
-- A number becomes a text, in the middle of a day.
CALL trade('2015-06-05', renamed => true, words => true);
SELECT * FROM news('order', 'quote');

-- A person says that this is normal now.
SELECT pulse_resolve_incident(id, 'meant to be so', new_normal => true) FROM pulse.incident WHERE detector = 'property_type';
CALL trade('2015-06-06', renamed => true, words => true);
CALL trade('2015-06-07', renamed => true, words => true);
SELECT * FROM news('order', 'quote');
-- Values that clients send are cut between characters.
CALL trade('2015-06-08', repeat('5', 99) || 'é.2', lost => true, renamed => true, words => true);
CALL trade('2015-06-09', repeat('5', 99) || 'é.2', lost => true, renamed => true, words => true);
SELECT event, detector, attribute, summary FROM pulse.incident WHERE opened_at > '2015-06-08' AND event IS NOT NULL ORDER BY id;
-- A reader sees the incidents and no details.
CREATE ROLE regress_anomaly;
SELECT pulse_grant('regress_anomaly', 'reader');
SET ROLE regress_anomaly;
SELECT i.event, i.detector, i.attribute, i.summary IS NOT NULL AS summary, i.details FROM public.pulse_event_anomalies('2015-06-01') AS a JOIN pulse.incident AS i ON i.id = a.incident ORDER BY i.id;
RESET ROLE;
DROP OWNED BY regress_anomaly;
DROP ROLE regress_anomaly;

-- ---- the summary ----
SELECT pulse_event_anomaly_summary() - 'quality' AS summary;
SELECT pulse_event_anomaly_summary() -> 'quality' -> 'health' AS health;

-- ---- errors ----
SELECT * FROM pulse_event_anomalies('2015-06-02', '2015-06-01');
SELECT count(*) FROM pulse_event_anomalies('-infinity', 'infinity');
SELECT count(*) FROM pulse_event_anomalies(event => 'no such event');
SET pulse.now = '2999-01-01';
SELECT * FROM pulse_check_events();
SET pulse.now = '2015-06-06 00:11';
BEGIN TRANSACTION READ ONLY;
SELECT * FROM pulse_check_events();
ROLLBACK;
-- Clean up.
SELECT pulse_delete_flag('offer'), pulse_delete_segment('Spenders', confirm => true), pulse_delete_trait('spent');
SET client_min_messages = warning;
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally, pulse.message_seen,
    pulse.event_day, pulse.event_hour, pulse.event_source_hour, pulse.event_property_day, pulse.ingest_tally, pulse.event_kind, pulse.event_property, pulse.source_total, pulse.event_check, pulse.mute;
TRUNCATE pulse.incident_record CASCADE;
TRUNCATE pulse.notice;
DROP SCHEMA insight_anomaly CASCADE;
