-- Routes of pulse_http() about campaigns, and about exports of people with chosen columns.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET pulse.now = '2026-03-02 12:00+00';
CREATE ROLE http_campaign_admin;
CREATE ROLE http_campaign_operator;
CREATE ROLE http_campaign_reader;
SELECT pulse_grant('http_campaign_admin', 'admin'), pulse_grant('http_campaign_operator', 'operator'), pulse_grant('http_campaign_reader', 'people_reader');
CREATE TEMP TABLE key AS SELECT 'admin' AS name, pulse_create_api_key('an admin', 'admin', 'http_campaign_admin') AS text;
INSERT INTO key VALUES ('read', pulse_create_api_key('a reader', 'read', 'http_campaign_reader'));
-- One request with a key. Numbers and links that differ from run to run are left out.
CREATE FUNCTION pg_temp.http(key_name text, method text, path text, body text DEFAULT NULL, query text DEFAULT NULL, OUT status int, OUT body text)
    LANGUAGE sql AS $$
    SELECT h.status, regexp_replace(regexp_replace(convert_from(h.body, 'UTF8'), '/download/[^"]*', '/download/TOKEN'), '"(expiresAt|expires_at|id)" ?: ?"[^"]*"', '"\1": 0', 'g')
    FROM pulse_http(http.method, http.path, http.query,
                    jsonb_build_object('authorization', 'Bearer ' || (SELECT k.text FROM key AS k WHERE k.name = key_name), 'host', 'pulse.example'),
                    convert_to(http.body, 'UTF8'), '{"address": "192.0.2.1", "request": "r-1", "tls": true}') AS h
$$;
SELECT count(pulse_identify('c' || i, jsonb_build_object('plan', CASE WHEN i <= 3 THEN 'pro' ELSE 'free' END, 'email', 'c' || i || '@example.com'), at => '2026-03-01')) FROM generate_series(1, 5) AS i;
SELECT count(pulse_track('c' || i, 'buy', '{"total": 10}', '2026-03-01 18:00+00')) FROM generate_series(1, 2) AS i;
SELECT pulse_create_segment('pros', '{"where": "profile.plan = \"pro\""}') > 0 AS made;
SELECT status FROM pulse_run_job('activity');

-- ---- campaigns ----
SELECT * FROM pg_temp.http('read', 'POST', '/v1/campaigns', '{"name": "spring"}');
SELECT * FROM pg_temp.http('admin', 'POST', '/v1/campaigns', '{"name": "spring"}');
SELECT * FROM pg_temp.http('admin', 'POST', '/v1/campaigns', '{"name": "spring", "segment": "pros", "expectedReach": 3, "at": "2026-03-09T10:00:00Z", "channel": "email", "options": {"period": "2h"}}');
SELECT * FROM pg_temp.http('admin', 'POST', '/v1/campaigns', '{"name": "spring", "segment": "pros", "expectedReach": 3, "at": "2026-03-09T10:00:00Z", "channel": "email"}');
SELECT * FROM pg_temp.http('admin', 'POST', '/v1/campaigns', '{"name": "x", "segment": "none", "expectedReach": 3, "at": "2026-03-09T10:00:00Z", "channel": "email"}');
SELECT * FROM pg_temp.http('admin', 'POST', '/v1/campaigns', '{"name": "x", "segment": "pros", "expectedReach": "many", "at": "2026-03-09T10:00:00Z", "channel": "email"}');
SELECT status, b ->> 'answer' AS answer, b -> 'planned' AS planned, b -> 'reach' AS reach, b -> 'withAddress' AS with_address, b -> 'incidents' AS incidents FROM pg_temp.http('admin', 'POST', '/v1/campaigns/spring/check') AS h CROSS JOIN LATERAL (SELECT h.body::jsonb AS b) AS j;
SELECT status FROM pg_temp.http('read', 'POST', '/v1/campaigns/spring/check');
SELECT status, b ->> 'name' AS name, b -> 'planned' AS planned, b ->> 'channel' AS channel FROM pg_temp.http('admin', 'PATCH', '/v1/campaigns/spring', '{"expectedReach": 300, "channel": "other", "newName": "summer sale"}') AS h CROSS JOIN LATERAL (SELECT h.body::jsonb AS b) AS j;
SELECT status FROM pg_temp.http('admin', 'GET', '/v1/campaigns/spring');
SELECT status, b ->> 'answer' AS answer FROM pg_temp.http('admin', 'POST', '/v1/campaigns/summer%20sale/launch') AS h CROSS JOIN LATERAL (SELECT h.body::jsonb AS b) AS j;
SELECT status, b ->> 'status' AS state, b -> 'share' AS share, b -> 'saved' AS saved FROM pg_temp.http('read', 'GET', '/v1/campaigns/summer%20sale') AS h CROSS JOIN LATERAL (SELECT h.body::jsonb AS b) AS j;
SELECT status, jsonb_array_length(b -> 'checks') AS checks, b #>> '{checks,0,checkedBy}' AS by FROM pg_temp.http('read', 'GET', '/v1/campaigns/summer%20sale/checks', NULL, 'limit=1') AS h CROSS JOIN LATERAL (SELECT h.body::jsonb AS b) AS j;
SELECT status FROM pg_temp.http('read', 'GET', '/v1/campaigns/nothing/checks');
SELECT status, jsonb_array_length(b -> 'campaigns') AS campaigns FROM pg_temp.http('read', 'GET', '/v1/campaigns', NULL, 'status=warned') AS h CROSS JOIN LATERAL (SELECT h.body::jsonb AS b) AS j;
SELECT status, jsonb_array_length(b -> 'campaigns') AS campaigns FROM pg_temp.http('read', 'GET', '/v1/campaigns', NULL, 'status=done') AS h CROSS JOIN LATERAL (SELECT h.body::jsonb AS b) AS j;
SELECT status FROM pg_temp.http('read', 'GET', '/v1/campaigns', NULL, 'status=late');
SELECT status, b ->> 'status' AS state, b -> 'reached' AS reached, b -> 'conversions' AS conversions FROM pg_temp.http('admin', 'POST', '/v1/campaigns/summer%20sale/result', '{"reached": 290, "conversions": 4}') AS h CROSS JOIN LATERAL (SELECT h.body::jsonb AS b) AS j;
SELECT * FROM pg_temp.http('admin', 'POST', '/v1/campaigns/summer%20sale/result', '{"reached": -1}');
SELECT * FROM pg_temp.http('admin', 'POST', '/v1/campaigns/summer%20sale/cancel', '{"reason": "x"}');
SELECT status FROM pg_temp.http('admin', 'POST', '/v1/campaigns', '{"name": "vain", "segment": "pros", "expectedReach": 3, "at": "2026-03-09T10:00:00Z", "channel": "email"}');
SELECT status, b ->> 'status' AS state FROM pg_temp.http('admin', 'POST', '/v1/campaigns/vain/cancel', '{"reason": "no budget"}') AS h CROSS JOIN LATERAL (SELECT h.body::jsonb AS b) AS j;
SELECT status FROM pg_temp.http('read', 'DELETE', '/v1/campaigns/vain');
SELECT status FROM pg_temp.http('admin', 'DELETE', '/v1/campaigns/vain');
SELECT status FROM pg_temp.http('admin', 'DELETE', '/v1/campaigns/vain');
SELECT actor, action, subject FROM pulse.audit WHERE action LIKE 'campaign.%' ORDER BY id;

-- ---- exports ----
SELECT * FROM pg_temp.http('read', 'POST', '/v1/exports', '{"segment": "pros", "format": "jsonl", "options": {"columns": ["external_id"]}}');
SELECT convert_from(p.data, 'UTF8') AS file FROM pulse_list_exports() AS e, pulse.read_export(e.token, 1) AS p ORDER BY e.id DESC LIMIT 1;
SELECT * FROM pg_temp.http('read', 'POST', '/v1/exports', '{"segment": "none"}');
SELECT * FROM pg_temp.http('read', 'POST', '/v1/exports', '{"format": "xlsx"}');
SELECT * FROM pg_temp.http('read', 'POST', '/v1/exports', '{"options": {"columns": ["x"]}}');
SELECT pulse_enable_lifecycle(), pulse_enable_rfm(event => 'buy', property => 'total');
SELECT * FROM pg_temp.http('read', 'POST', '/api/v1/cdp/audiences/export', '{"stages": ["known"], "rfm_groups": ["new_customers", "promising"], "filters": {"min_events": 1}, "columns": ["external_id", "lifecycle", "rfm.group"], "format": "csv"}');
SELECT convert_from(p.data, 'UTF8') AS file FROM pulse_list_exports() AS e, pulse.read_export(e.token, 1) AS p ORDER BY e.id DESC LIMIT 1;
SELECT status, body::jsonb - '{download_url,expires_at,id,etag,bytes}'::text[] AS body FROM pg_temp.http('read', 'POST', '/api/v1/cdp/audiences/export', '{"segment": "pros", "format": "json", "hashed": true}');
SELECT status FROM pg_temp.http('read', 'POST', '/api/v1/cdp/audiences/export', '{"stages": "known"}');
SELECT status FROM pg_temp.http('read', 'POST', '/api/v1/cdp/audiences/export', '{"consent": "nothing"}');
SELECT status, body::jsonb - '{download_url,expires_at,id,etag,bytes}'::text[] AS body FROM pg_temp.http('read', 'GET', '/api/v1/cdp/export/profiles', NULL, 'format=json');
SELECT status, body::jsonb - '{download_url,expires_at,id,etag,bytes}'::text[] AS body FROM pg_temp.http('read', 'GET', '/api/v1/cdp/export/events', NULL, 'segment=pros&days=2');
SELECT left(convert_from(p.data, 'UTF8'), 150) AS file FROM pulse_list_exports() AS e, pulse.read_export(e.token, 1) AS p ORDER BY e.id DESC LIMIT 1;
SELECT status FROM pg_temp.http('read', 'GET', '/api/v1/cdp/export/events', NULL, 'days=400');

SELECT pulse_revoke('http_campaign_admin'), pulse_revoke('http_campaign_operator'), pulse_revoke('http_campaign_reader');
DROP EXTENSION pulse CASCADE;
DROP ROLE http_campaign_admin, http_campaign_operator, http_campaign_reader;
