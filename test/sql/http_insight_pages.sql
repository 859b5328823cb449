-- Routes of pulse_http() for the console's pages of tables, sources, events, RFM, lifecycle, funnels and campaigns.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET pulse.now = '2026-03-02 12:00+00';
CREATE ROLE http_pages_operator;
CREATE ROLE http_pages_people;
CREATE ROLE http_pages_figures;
SELECT pulse_grant('http_pages_operator', 'operator'), pulse_grant('http_pages_people', 'people_reader'), pulse_grant('http_pages_figures', 'reader');
CREATE TEMP TABLE key AS SELECT 'admin' AS name, pulse_create_api_key('an operator', 'admin', 'http_pages_operator') AS text;
INSERT INTO key VALUES ('people', pulse_create_api_key('a reader of people', 'read', 'http_pages_people')), ('figures', pulse_create_api_key('a reader', 'read', 'http_pages_figures'));
-- One request with a key.
CREATE FUNCTION pg_temp.http(key_name text, method text, path text, query text DEFAULT NULL, body text DEFAULT NULL, OUT status int, OUT body jsonb)
    LANGUAGE sql AS $$
    SELECT h.status, nullif(convert_from(h.body, 'UTF8'), '')::jsonb
    FROM pulse_http(http.method, http.path, http.query,
                    jsonb_build_object('authorization', 'Bearer ' || (SELECT k.text FROM key AS k WHERE k.name = key_name), 'host', 'pulse.example'),
                    convert_to(http.body, 'UTF8'), '{"address": "192.0.2.1", "request": "r-1", "tls": true}') AS h
$$;

-- ---- tables ----
CREATE SCHEMA pages;
CREATE TABLE pages.orders AS SELECT i AS id, CASE WHEN i % 5 = 0 THEN NULL ELSE 'paid' END AS status FROM generate_series(1, 100) AS i;
CREATE TABLE pages.users AS SELECT i AS id FROM generate_series(1, 10) AS i;
SELECT pulse_monitor_table('pages.orders', checks => '[{"type": "null_rate", "column": "status", "max": 0.01}, {"type": "volume", "min": 10}]', owner => 'shop') > 0 AS orders,
    pulse_monitor_table('pages.users', checks => '[{"type": "volume", "min": 5}]') > 0 AS users;
SELECT count(*) FROM pulse_check_tables('pages.orders');
SET pulse.now = '2026-03-02 13:00+00';
SELECT count(*) FROM pulse_check_tables('pages.orders');
SELECT count(*) FROM pulse_check_tables('pages.users');
SELECT id AS orders FROM pulse.monitor WHERE relation = 'pages.orders' \gset
SELECT id AS checks FROM pulse.monitor_check WHERE monitor_id = :orders ORDER BY id LIMIT 1 \gset
SELECT status, body -> 'states' AS states, (body #> '{tables,0}') - '{id}'::text[] AS first, jsonb_array_length(body -> 'tables') AS tables, body ->> 'next' AS next, body ->> 'asOf' AS as_of FROM pg_temp.http('figures', 'GET', '/v1/tables');
SELECT h.status, h.body ->> 'next' = :'orders' AS next, jsonb_path_query_array(h.body, '$.tables[*].table') AS tables FROM pg_temp.http('figures', 'GET', '/v1/tables', 'limit=1') AS h;
SELECT status, jsonb_path_query_array(body, '$.tables[*].table') AS tables FROM pg_temp.http('figures', 'GET', '/v1/tables', 'limit=1&after=' || :orders);
SELECT status, jsonb_path_query_array(body, '$.tables[*].table') AS tables FROM pg_temp.http('figures', 'GET', '/v1/tables', 'state=green&q=USER');
SELECT status, body ->> 'detail' AS detail FROM pg_temp.http('figures', 'GET', '/v1/tables', 'state=blue');
SELECT status, body #> '{table,state}' AS state, jsonb_path_query_array(body, '$.checks[*].status') AS checks, jsonb_path_query_array(body, '$.checks[*].message') AS messages, body -> 'columns' AS columns FROM pg_temp.http('figures', 'GET', '/v1/tables/' || :orders);
SELECT jsonb_path_query_array(body, '$.checks[*].message') AS messages FROM pg_temp.http('people', 'GET', '/v1/tables/' || :orders);
SELECT status FROM pg_temp.http('figures', 'GET', '/v1/tables/999999999');
SELECT status, jsonb_path_query_array(body, '$.points[*].at') AS at, jsonb_path_query_array(body, '$.points[*].observed') AS observed, body ->> 'next' AS next FROM pg_temp.http('figures', 'GET', format('/v1/tables/%s/checks/%s/results', :orders, :checks));
SELECT body ->> 'next' AS next, body #> '{points,0,at}' AS at FROM pg_temp.http('figures', 'GET', format('/v1/tables/%s/checks/%s/results', :orders, :checks), 'limit=1') \gset page_
SELECT :'page_at' AS at, status, jsonb_path_query_array(body, '$.points[*].at') AS before FROM pg_temp.http('figures', 'GET', format('/v1/tables/%s/checks/%s/results', :orders, :checks), 'before=' || :'page_next');
SELECT status FROM pg_temp.http('figures', 'GET', format('/v1/tables/999999999/checks/%s/results', :checks));
SELECT status, (body -> 'mute') - '{since}'::text[] AS mute FROM pg_temp.http('admin', 'POST', format('/v1/tables/%s/mute', :orders), NULL, '{"until": "2 hours", "reason": "a release"}');
SELECT status, body #> '{table,mutedUntil}' AS muted FROM pg_temp.http('admin', 'POST', format('/v1/tables/%s/unmute', :orders), NULL, '{}');
SELECT status FROM pg_temp.http('people', 'POST', format('/v1/tables/%s/mute', :orders), NULL, '{}');

-- ---- sources ----
SELECT pulse_create_source('pages_replica', '{"host": "127.0.0.1", "port": "1", "dbname": "crm", "user": "u", "password": "a secret"}');
INSERT INTO pulse.source_usage (source, at, purpose, status, reason, version, in_recovery, replay_lag_ms)
SELECT 'pages_replica', clock_timestamp() - i * interval '10 seconds', 'health', CASE WHEN i % 3 = 0 THEN 'refused' ELSE 'ok' END, CASE WHEN i % 3 = 0 THEN 'it lags' END, 150004, true, 120 FROM generate_series(0, 9) AS i;
SELECT status, (body #> '{sources,0}') - '{owner,lastReachedAt,lastOkAt,lastErrorAt,durationMs,visitsOfMinute}'::text[] AS source, (body #>> '{sources,0,visitsOfMinute}')::int BETWEEN 1 AND 6 AS minute FROM pg_temp.http('people', 'GET', '/v1/sources');
SELECT body #> '{sources,0,lastError}' AS error, body::text ~ 'secret' AS secret FROM pg_temp.http('figures', 'GET', '/v1/sources');
SELECT status, jsonb_array_length(body -> 'visits') AS visits, body ->> 'next' IS NOT NULL AS more, body ->> 'next' AS next FROM pg_temp.http('people', 'GET', '/v1/sources/pages_replica/visits', 'limit=4') \gset visits_
SELECT :visits_status AS status, :visits_visits AS visits, :'visits_more' AS more, jsonb_array_length(body -> 'visits') AS rest FROM pg_temp.http('people', 'GET', '/v1/sources/pages_replica/visits', 'before=' || :'visits_next');
SELECT jsonb_path_query_array(body, '$.visits[*].reason') AS reasons FROM pg_temp.http('people', 'GET', '/v1/sources/pages_replica/visits', 'troubled=true');
SELECT status FROM pg_temp.http('figures', 'GET', '/v1/sources/pages_replica/visits');
SELECT status FROM pg_temp.http('people', 'POST', '/v1/sources/pages_replica/test');
SELECT status, body FROM pg_temp.http('admin', 'POST', '/v1/sources/nothing/test');

-- ---- events ----
SELECT count(*) FROM pulse_ingest((SELECT jsonb_agg(jsonb_build_object('type', 'track', 'userId', 'u' || i % 12, 'event', CASE i % 3 WHEN 0 THEN 'Buy' ELSE 'Look' END, 'messageId', 'm' || i,
    'timestamp', '2026-03-01 12:00+00'::timestamptz + i * interval '1 minute', 'properties', jsonb_build_object('total', 10 + i, 'size', CASE WHEN i % 2 = 0 THEN '"L"' ELSE '38' END::jsonb))) FROM generate_series(1, 36) AS i), 'web');
SELECT count(*) FROM pulse_ingest('[{"type": "track", "event": "Lost", "messageId": "x1"}, {"type": "track", "userId": "u1", "messageId": "x2"}]', 'app');
SELECT status, body - '{asOf}'::text[] AS body FROM pg_temp.http('figures', 'GET', '/v1/events/volume', 'days=7');
SELECT body -> 'points' AS points FROM pg_temp.http('figures', 'GET', '/v1/events/volume', 'days=2&event=Buy');
SELECT status FROM pg_temp.http('figures', 'GET', '/v1/events/volume', 'days=91');
SELECT status, body -> 'totals' AS totals, body -> 'sources' AS sources, body #> '{summary,today}' AS today FROM pg_temp.http('figures', 'GET', '/v1/events/summary');
SELECT status, (body #> '{rows,0}') - '{gains}'::text[] AS row FROM pg_temp.http('figures', 'GET', '/v1/events/quality', 'by=event');
SELECT status, body -> 'anomalies' AS anomalies FROM pg_temp.http('figures', 'GET', '/v1/events/anomalies');
SELECT status, jsonb_path_query_array(body, '$.events[*].event') AS events, body ->> 'next' AS next FROM pg_temp.http('figures', 'GET', '/v1/events/catalogue', 'limit=1');
SELECT status, body #> '{events,0}' AS event FROM pg_temp.http('figures', 'GET', '/v1/events/catalogue', 'after=Buy');
SELECT status, jsonb_path_query_array(body, '$.events[*].event') AS events FROM pg_temp.http('figures', 'GET', '/v1/events/catalogue', 'q=LOO');
SELECT status, body -> 'properties' AS properties FROM pg_temp.http('figures', 'GET', '/v1/events/catalogue/Buy');
SELECT body #> '{properties,0,examples}' AS examples, body ->> 'next' AS next FROM pg_temp.http('people', 'GET', '/v1/events/catalogue/Buy', 'limit=1');
SELECT status FROM pg_temp.http('people', 'GET', '/v1/events/catalogue/Nothing');
-- The tail: all of them once, in their order, page after page; what came since; who may see it.
SELECT status, jsonb_path_query_array(body, '$.events[*].verdict') AS verdicts, (body #> '{events,0}') - '{id,key}'::text[] AS newest FROM pg_temp.http('people', 'GET', '/v1/events/tail', 'limit=4');
WITH RECURSIVE page AS (
    SELECT 1 AS n, h.body FROM pg_temp.http('people', 'GET', '/v1/events/tail', 'limit=10') AS h
    UNION ALL SELECT p.n + 1, h.body FROM page AS p CROSS JOIN LATERAL pg_temp.http('people', 'GET', '/v1/events/tail', 'limit=10&before=' || (p.body ->> 'next')) AS h WHERE p.body ->> 'next' IS NOT NULL)
SELECT count(DISTINCT p.n) AS pages, count(*) AS events, count(DISTINCT e ->> 'key') AS keys, (array_agg(e ->> 'messageId' ORDER BY p.n, t.place))[3:6] AS newest FROM page AS p CROSS JOIN LATERAL jsonb_array_elements(p.body -> 'events') WITH ORDINALITY AS t (e, place);
SELECT body ->> 'newest' AS newest FROM pg_temp.http('people', 'GET', '/v1/events/tail') \gset
SELECT body -> 'events' AS none FROM pg_temp.http('people', 'GET', '/v1/events/tail', 'after=' || :'newest');
SET pulse.now = '2026-03-02 13:05+00';
SELECT pulse_track('u1', 'Late', '{}', '2026-02-28 10:00+00', source => 'web') > 0 AS tracked;
SELECT jsonb_path_query_array(body, '$.events[*].event') AS since FROM pg_temp.http('people', 'GET', '/v1/events/tail', 'after=' || :'newest');
SELECT jsonb_path_query_array(body, '$.events[*].reason') AS rejected FROM pg_temp.http('people', 'GET', '/v1/events/tail', 'verdict=rejected&source=app');
SELECT status FROM pg_temp.http('people', 'GET', '/v1/events/tail', 'before=rubbish');
SELECT status FROM pg_temp.http('figures', 'GET', '/v1/events/tail');
SELECT status, jsonb_path_query_array(body, '$.events[*].reason') AS reasons, jsonb_path_query_array(body, '$.events[*].payload.messageId') AS messages FROM pg_temp.http('people', 'GET', '/v1/events/rejected');
SELECT body ->> 'next' AS next FROM pg_temp.http('people', 'GET', '/v1/events/rejected', 'limit=1') \gset rejected_
SELECT jsonb_path_query_array(body, '$.events[*].reason') AS older, body ->> 'next' AS next FROM pg_temp.http('people', 'GET', '/v1/events/rejected', 'before=' || :'rejected_next');
SELECT jsonb_path_query_array(body, '$.events[*].reason') AS one FROM pg_temp.http('people', 'GET', '/v1/events/rejected', 'reason=no_id&source=app');
SELECT status FROM pg_temp.http('figures', 'GET', '/v1/events/rejected');
SELECT status, body - '{results,asOf}'::text[] AS body FROM pg_temp.http('admin', 'POST', '/v1/events/rejected/replay', NULL, '{"reason": "no_id"}');
SELECT status, jsonb_path_query_array(body, '$.results[*].reason') AS reasons FROM pg_temp.http('admin', 'POST', '/v1/events/rejected/replay', NULL, jsonb_build_object('ids', jsonb_build_array(:'rejected_next'))::text);
SELECT status FROM pg_temp.http('people', 'POST', '/v1/events/rejected/replay', NULL, '{}');
-- A filter that fits nothing looks at 5,000 and goes on from there.
INSERT INTO pulse.rejected_event (received_at, source, reason, detail, payload) SELECT pulse_now(), 'bulk', 'too_large', 'd', '{}' FROM generate_series(1, 5000);
SELECT body -> 'events' AS none, body ->> 'next' IS NOT NULL AS goes_on, body ->> 'next' AS next FROM pg_temp.http('people', 'GET', '/v1/events/rejected', 'source=app') \gset bulk_
SELECT :'bulk_none' AS none, :'bulk_goes_on' AS goes_on, jsonb_array_length(body -> 'events') AS events FROM pg_temp.http('people', 'GET', '/v1/events/rejected', 'source=app&before=' || :'bulk_next');
-- It reads the end of two partitions by place, and rejected ones by their index.
ANALYZE pulse.rejected_event;
SET enable_seqscan = off;
DO $$
DECLARE line text; found text[] = '{}';
BEGIN
    FOR line IN EXPLAIN (COSTS OFF) SELECT * FROM pulse.event_tail LOOP
        IF line ~ 'Scan' AND line !~ 'Subquery' THEN found := found || regexp_replace(trim(line), '^-> *', ''); END IF;
    END LOOP;
    RAISE INFO '%', array_to_string(found, '; ');
END $$;
RESET enable_seqscan;

-- ---- RFM, lifecycle, funnels, retention ----
SELECT status, body - '{asOf}'::text[] AS off FROM pg_temp.http('figures', 'GET', '/v1/rfm');
SELECT status, body - '{asOf}'::text[] AS off FROM pg_temp.http('figures', 'GET', '/v1/lifecycle');
SELECT status FROM pg_temp.http('people', 'POST', '/v1/rfm', NULL, '{"event": "Buy", "property": "total"}');
SELECT * FROM pg_temp.http('admin', 'POST', '/v1/rfm', NULL, '{"event": "Buy", "property": "total", "windowDays": 90}');
SELECT * FROM pg_temp.http('admin', 'POST', '/v1/lifecycle', NULL, '{"purchaseEvents": ["Buy"], "inactiveDays": 30}');
CALL pulse_build();
SELECT status, body - '{asOf,rows}'::text[] AS settings, jsonb_path_query_array(body, '$.rows[*] ? (@.people > 0)') AS rows FROM pg_temp.http('people', 'GET', '/v1/rfm', 'by=code');
SELECT status, jsonb_path_query_array(body, '$.rows[*].people') AS people FROM pg_temp.http('figures', 'GET', '/v1/rfm');
SELECT status, body - '{asOf}'::text[] AS body FROM pg_temp.http('people', 'GET', '/v1/lifecycle');
SELECT status, body -> 'stages' AS stages FROM pg_temp.http('figures', 'GET', '/v1/lifecycle');
SELECT pulse_create_funnel('Sale', '{"steps": ["Look", "Buy"], "window": "1 day"}', 'a way') > 0 AS made;
SELECT status, (body #> '{funnels,0}') - '{id,updatedAt}'::text[] AS funnel FROM pg_temp.http('figures', 'GET', '/v1/funnels');
SELECT status, body -> 'steps' AS steps FROM pg_temp.http('people', 'GET', '/v1/funnels/Sale');
SELECT status, jsonb_path_query_array(body, '$.steps[*].value') AS values FROM pg_temp.http('people', 'GET', '/v1/funnels/Sale', 'by=properties.size');
SELECT status FROM pg_temp.http('people', 'GET', '/v1/funnels/Sale', 'by=moon');
SELECT status FROM pg_temp.http('people', 'GET', '/v1/funnels/Nothing');
SELECT status, jsonb_path_query_array(body, '$.people[*].userId') AS dropped FROM pg_temp.http('people', 'GET', '/v1/funnels/Sale/people', 'step=1&dropped=true');
SELECT jsonb_array_length(body -> 'people') AS first, body ->> 'next' AS next FROM pg_temp.http('people', 'GET', '/v1/funnels/Sale/people', 'step=1&limit=3') \gset
SELECT :first AS first, jsonb_array_length(body -> 'people') AS rest, body ->> 'next' AS next FROM pg_temp.http('people', 'GET', '/v1/funnels/Sale/people', 'step=1&after=' || :'next');
SELECT status FROM pg_temp.http('figures', 'GET', '/v1/funnels/Sale/people', 'step=1');
SELECT status FROM pg_temp.http('people', 'GET', '/v1/funnels/Sale/people');
SELECT status, body ->> 'asOf' AS as_of FROM pg_temp.http('figures', 'GET', '/v1/retention', 'first=Look');

-- ---- campaigns, page after page ----
SELECT pulse_create_segment('lookers', '{"where": "profile.plan = \"pro\""}') > 0 AS made;
SELECT count(pulse_create_campaign('c' || i, 'lookers', 5, '2026-03-09 10:00+00'::timestamptz + i / 2 * interval '1 day', 'email')) FROM generate_series(1, 5) AS i;
SELECT body ->> 'next' AS next, jsonb_path_query_array(body, '$.campaigns[*].name') AS first FROM pg_temp.http('figures', 'GET', '/v1/campaigns', 'limit=2') \gset
SELECT :'first' AS first, :'next' AS after, jsonb_path_query_array(body, '$.campaigns[*].name') AS second, body ->> 'next' AS next FROM pg_temp.http('figures', 'GET', '/v1/campaigns', 'limit=2&after=' || :'next');
SELECT jsonb_path_query_array(body, '$.campaigns[*].name') AS last, body ->> 'next' AS next FROM pg_temp.http('figures', 'GET', '/v1/campaigns', 'limit=2&after=c2');

SELECT count(pulse_revoke_api_key(name)) FROM pulse.api_key;
SELECT count(pulse_revoke(rolname::text)) FROM pg_roles WHERE rolname LIKE 'http\_pages\_%';
SELECT pulse_unmonitor_table('pages.orders'), pulse_unmonitor_table('pages.users');
DROP SCHEMA pages CASCADE;
DROP EXTENSION pulse CASCADE;
DROP ROLE http_pages_operator, http_pages_people, http_pages_figures;
