-- Changing a subscription and deleting a source: in SQL, and by the routes of their clients.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
CREATE ROLE stratum_admin;
CREATE ROLE stratum_other;
SELECT pulse_grant('stratum_admin', 'admin'), pulse_grant('stratum_other', 'admin');
CREATE TEMP TABLE key AS SELECT r.name, pulse_create_api_key(r.name, 'admin', r.name) AS text FROM (VALUES ('stratum_admin'), ('stratum_other')) AS r (name);
CREATE FUNCTION pg_temp.http(key_name text, method text, path text, body text DEFAULT NULL, OUT status int, OUT body text) LANGUAGE sql AS $$
    SELECT h.status, regexp_replace(convert_from(h.body, 'UTF8'), '"(created_at|secret)" *: *"[^"]*"', '"\1" : …', 'g') FROM key AS k, pulse_http(http.method, http.path, NULL, jsonb_build_object('x-api-key', k.text), convert_to(http.body, 'UTF8')) AS h WHERE k.name = key_name $$;
CREATE FUNCTION pg_temp.url(name text) RETURNS text LANGUAGE sql AS $$
    SELECT (SELECT o.option_value FROM pg_options_to_table(m.umoptions) AS o WHERE o.option_name = 'url') || ' ' || (SELECT length(o.option_value) FROM pg_options_to_table(m.umoptions) AS o WHERE o.option_name = 'secret')
    FROM pg_user_mapping AS m JOIN pg_foreign_server AS s ON s.oid = m.umserver WHERE s.srvname = url.name $$;
SELECT pulse_create_segment('Stratum people', '{"where": "events.seen.count_7d >= 1"}') IS NOT NULL AS segment;

-- Subscriptions
SELECT status FROM pg_temp.http('stratum_admin', 'POST', '/api/v1/cdp/webhooks', '{"url": "https://one.example/in", "events": ["snapshot.taken"], "name": "stratum_hook"}');
SELECT pg_temp.url('stratum_hook');
SELECT * FROM pg_temp.http('stratum_admin', 'PATCH', '/api/v1/cdp/webhooks/stratum_hook', '{"url": "https://two.example/in"}');
SELECT pg_temp.url('stratum_hook');
SELECT * FROM pg_temp.http('stratum_admin', 'PATCH', '/api/v1/cdp/webhooks/stratum_hook', '{"event_types": ["segment.entered", "segment.exited"], "segments": ["Stratum people"]}');
SELECT * FROM pg_temp.http('stratum_admin', 'PATCH', '/api/v1/cdp/webhooks/stratum_hook', '{}');
SELECT count(*) FROM pulse.change_consumer AS c WHERE c::text LIKE '%stratum_hook%';
-- What goes on keeps its place; what is new begins now.
SELECT pulse_track('stratum1', 'seen') > 0 AS event;
SELECT * FROM pg_temp.http('stratum_admin', 'PATCH', '/api/v1/cdp/webhooks/stratum_hook', '{"events": ["segment.entered", "incident.opened"]}');
SELECT * FROM pg_temp.http('stratum_admin', 'PATCH', '/api/v1/cdp/webhooks/stratum_hook', '{"events": ["profile.created"], "segments": []}');
SELECT subscription FROM pulse.feed_consumer WHERE subscription = 'stratum_hook';
SELECT count(*) FROM pulse.change_consumer AS c WHERE c::text LIKE '%stratum_hook%';
-- Off and on again
SELECT substring(body, '"state" : "(\w+)"') AS state FROM pg_temp.http('stratum_admin', 'PATCH', '/api/v1/cdp/webhooks/stratum_hook', '{"is_active": false}');
SELECT substring(body, '"state" : "(\w+)"') AS state FROM pg_temp.http('stratum_admin', 'PATCH', '/api/v1/cdp/webhooks/stratum_hook', '{"is_active": false}');
SELECT substring(body, '"state" : "(\w+)"') AS state FROM pg_temp.http('stratum_admin', 'PATCH', '/api/v1/cdp/webhooks/stratum_hook', '{"is_active": true}');
-- What is refused changes nothing.
SELECT c.body, h.* FROM unnest('{"{\"url\": \"ftp://x\"}","{\"url\": \"http://x.example\"}","{\"url\": \"\"}","{\"events\": []}","{\"events\": [\"x\"]}","{\"segments\": [\"Nobody\"]}","{\"events\": [\"profile.created\"], \"segments\": [\"Stratum people\"]}","{\"is_active\": \"x\"}"}'::text[]) AS c (body),
    pg_temp.http('stratum_admin', 'PATCH', '/api/v1/cdp/webhooks/stratum_hook', c.body) AS h;
SELECT * FROM pg_temp.http('stratum_admin', 'PATCH', '/api/v1/cdp/webhooks/nobody', '{"events": ["snapshot.taken"]}');
SELECT * FROM pg_temp.http('stratum_other', 'PATCH', '/api/v1/cdp/webhooks/stratum_hook', '{"events": ["snapshot.taken"]}');
SELECT events, segments FROM pulse.subscription WHERE channel = 'stratum_hook';
SELECT pg_temp.url('stratum_hook');
SELECT pulse_update_subscription(NULL);
SELECT pulse_update_subscription('nobody');
SELECT action, subject FROM pulse.audit WHERE subject = 'stratum_hook' ORDER BY id DESC LIMIT 1;
DROP USER MAPPING FOR stratum_admin SERVER stratum_hook;
SELECT * FROM pg_temp.http('stratum_admin', 'PATCH', '/api/v1/cdp/webhooks/stratum_hook', '{"events": ["snapshot.taken"]}');
SELECT status FROM pg_temp.http('stratum_admin', 'DELETE', '/api/v1/cdp/webhooks/stratum_hook');

-- Sources
SELECT status FROM pg_temp.http('stratum_admin', 'POST', '/api/connections', '{"name": "stratum_source", "options": {"host": "replica.example", "dbname": "shop", "user": "reader", "password": "x"}}');
SELECT oid AS source FROM pg_foreign_server WHERE srvname = 'stratum_source' \gset
CREATE TABLE stratum_table (id int PRIMARY KEY);
SELECT count(pulse_create_segment(n.name, '{"from": "public.stratum_table", "key": "id"}')) FROM (VALUES ('Stratum one'), ('Stratum two')) AS n (name);
UPDATE pulse.segment SET definition = definition || '{"source": "stratum_source"}' WHERE name IN ('Stratum one', 'Stratum two');
SELECT pulse_monitor_table('public.stratum_table', checks => '[{"type": "volume"}]') IS NOT NULL AS monitored;
UPDATE pulse.monitor SET source = 'stratum_source' WHERE relation = 'public.stratum_table';
SELECT * FROM pg_temp.http('stratum_admin', 'DELETE', '/api/connections/' || :source);
SELECT pulse_archive_segment('Stratum one'), pulse_delete_segment('Stratum two', true), pulse_unmonitor_table('public.stratum_table', 'stratum_source');
SELECT status, body LIKE '%stratum_source%' AS named FROM pg_temp.http('stratum_other', 'DELETE', '/api/connections/' || :source);
SELECT * FROM pg_temp.http('stratum_admin', 'DELETE', '/api/connections/' || :source);
SELECT * FROM pg_temp.http('stratum_admin', 'DELETE', '/api/connections/' || :source);
SELECT * FROM pg_temp.http('stratum_admin', 'DELETE', '/api/connections/x');
SELECT count(*) FROM pg_foreign_server WHERE srvname = 'stratum_source';
SELECT pulse_delete_source('stratum_source');
SELECT pulse_delete_source(NULL);
SET ROLE stratum_admin;
SELECT pulse_delete_source('stratum_sourc');
RESET ROLE;

SELECT count(pulse_delete_segment(name, true)) FROM pulse.segment WHERE name LIKE 'Stratum %';
SELECT count(pulse_revoke_api_key(name)) FROM key;
DROP TABLE key, stratum_table;
SELECT count(pulse_revoke(rolname::text)) FROM pg_roles WHERE rolname LIKE 'stratum\_%';
DROP ROLE stratum_admin, stratum_other;
