-- Routes of pulse_http() about RFM, lifecycle stages and growth.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET pulse.now = '2026-03-02 12:00+00';
CREATE ROLE http_rfm_admin;
CREATE ROLE http_rfm_reader;
SELECT pulse_grant('http_rfm_admin', 'admin'), pulse_grant('http_rfm_reader', 'people_reader');
CREATE TEMP TABLE key AS SELECT 'admin' AS name, pulse_create_api_key('an admin', 'admin', 'http_rfm_admin') AS text;
INSERT INTO key VALUES ('read', pulse_create_api_key('a reader', 'read', 'http_rfm_reader'));
-- One request with a key.
CREATE FUNCTION pg_temp.http(key_name text, method text, path text, body text DEFAULT NULL, query text DEFAULT NULL, OUT status int, OUT body text)
    LANGUAGE sql AS $$
    SELECT h.status, convert_from(h.body, 'UTF8')
    FROM pulse_http(http.method, http.path, http.query,
                    jsonb_build_object('authorization', 'Bearer ' || (SELECT k.text FROM key AS k WHERE k.name = key_name), 'host', 'pulse.example'),
                    convert_to(http.body, 'UTF8'), '{"address": "192.0.2.1", "request": "r-1", "tls": true}') AS h
$$;
SELECT count(pulse_track('http-rfm-' || g, 'Purchase', jsonb_build_object('total', 20 * g), '2026-02-20 12:00+00')) FROM generate_series(1, 60) AS g;

-- Off.
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/rfm/summary');
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/lifecycle/stages');
SELECT pulse_enable_rfm(cuts => '"quintiles"'), pulse_enable_lifecycle();
SELECT status, b #> '{segments,3}' AS fourth, b ->> 'coverage_percentage' AS coverage, jsonb_array_length(b -> 'segments') AS segments
FROM pg_temp.http('read', 'GET', '/api/v1/cdp/rfm/summary') AS h CROSS JOIN LATERAL (SELECT h.body::jsonb AS b) AS j;
SELECT status, b #>> '{segments,0,segment}' AS first FROM pg_temp.http('read', 'GET', '/api/v1/cdp/rfm/summary', NULL, 'by=monetary') AS h CROSS JOIN LATERAL (SELECT h.body::jsonb AS b) AS j;
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/rfm/summary', NULL, 'by=colour');
SELECT profile_id AS id FROM pulse.person WHERE user_id = 'http-rfm-60' \gset
SELECT status, body::jsonb - 'profile_id' AS body FROM pg_temp.http('read', 'GET', '/api/v1/cdp/profiles/' || :'id' || '/rfm');
SELECT status FROM pg_temp.http('read', 'GET', '/api/v1/cdp/profiles/999999/rfm');
SELECT status FROM pg_temp.http('read', 'GET', '/api/v1/cdp/profiles/x/rfm');
SELECT status FROM pg_temp.http('read', 'POST', '/api/v1/cdp/rfm/compute', '{}');
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/rfm/compute', '{}');
SET pulse.now = '2026-03-03 12:00+00';
SELECT * FROM pg_temp.http('admin', 'POST', '/api/v1/cdp/rfm/compute', '{}');

SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/lifecycle/stages');
SELECT status, body::jsonb ->> 'total' AS total FROM pg_temp.http('read', 'POST', '/api/v1/cdp/profiles/search', '{"stages": ["customer", "churned"], "limit": 1}');
SELECT status, body::jsonb ->> 'total' AS total FROM pg_temp.http('read', 'POST', '/api/v1/cdp/profiles/search', '{"stages": ["known"]}');
SELECT * FROM pg_temp.http('read', 'POST', '/api/v1/cdp/profiles/search', '{"stages": ["lost"]}');
SELECT status FROM pg_temp.http('read', 'POST', '/api/v1/cdp/profiles/search', '{"stages": "known"}');
SELECT status FROM pg_temp.http('read', 'POST', '/api/v1/cdp/profiles/search', '{"stages": []}');
SET pulse.now = '2026-07-01 12:00+00';
SELECT pulse_run_pipeline();
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/lifecycle/transitions');
SELECT status FROM pg_temp.http('read', 'GET', '/api/v1/cdp/lifecycle/transitions', NULL, 'since=2026-07-02T00:00:00Z&until=2026-07-01T00:00:00Z');
SELECT * FROM pg_temp.http('read', 'GET', '/api/v1/cdp/growth', NULL, 'from=2026-02-01T00:00:00Z&until=2026-03-02T00:00:00Z&period=month');
SELECT status FROM pg_temp.http('read', 'GET', '/api/v1/cdp/growth', NULL, 'period=hour');

SELECT pulse_disable_rfm(), pulse_disable_lifecycle();
SELECT pulse_revoke('http_rfm_admin'), pulse_revoke('http_rfm_reader');
DROP EXTENSION pulse CASCADE;
DROP ROLE http_rfm_admin, http_rfm_reader;
