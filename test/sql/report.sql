-- Room report: pulse_report() says what the tables say, shows any name as text, and refuses bad arguments.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
SET timezone = 'UTC';
\set SHOW_CONTEXT never
CREATE SCHEMA rep;
CREATE TABLE rep.users (id int PRIMARY KEY, plan text);
INSERT INTO rep.users SELECT i, 'a' FROM generate_series(1, 50) AS i;
CREATE TABLE rep.name (place int, name text);
INSERT INTO rep.name VALUES (1, 'rep plain'), (2, 'rep <script>alert(1)</script>'), (3, 'rep </td><svg onload="alert(1)">'),
    (4, 'rep ' || U&'\+01F680 \0645\0631\062D\0628\0627 \202Egpj'), (5, 'rep ' || repeat('x', 251)), (6, $$rep ' " & `$$);
SELECT count(pulse_create_segment(n.name, '{"from": "rep.users", "key": "id"}', owner => n.name)) FROM rep.name AS n;
SELECT count(pulse_import_snapshot(n.name, timestamptz '2026-11-10' + d * interval '1 day', 1000 + n.place + d - CASE WHEN d >= 17 AND n.place = 1 THEN 420 ELSE 0 END))
FROM rep.name AS n, generate_series(0, 19) AS d;
SET pulse.now = '2026-11-30 08:00+00';
SELECT count(*) > 0 AS found FROM (SELECT (c).segment FROM (SELECT pulse_check_drift(n.name) AS c FROM rep.name AS n) AS k) AS x WHERE x.segment = 'rep plain';

-- One file: it begins and ends as HTML, without script and without a reference to anywhere.
CREATE TEMPORARY TABLE page AS SELECT pulse_report('2026-11-23', '2026-11-30', '{"segments": "rep *"}') AS html;
SELECT left(html, 15) = '<!DOCTYPE html>' AS begins, html LIKE '%</html>' AS ends, html ~* '<script|<link|<img|<iframe|javascript:|https?://|@import|url\(' AS refers,
    length(html) BETWEEN 10000 AND 200000 AS bounded FROM page;
SELECT s.name, html LIKE '%<section id="' || s.name || '">%' AS there
FROM page, unnest('{segments,incidents,tables,events,audiences,trust,messages,mission,sql}'::text[]) AS s (name);

-- Names are text.
CREATE FUNCTION rep.escaped(name text) RETURNS text LANGUAGE sql AS $$
    SELECT replace(replace(replace(replace(replace(translate(name, U&'\202E', ''), '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;') $$;
SELECT n.place, html LIKE '%<bdi>' || rep.escaped(CASE WHEN length(n.name) > 120 THEN left(n.name, 119) || U&'\2026' ELSE n.name END) || '</bdi>%' AS shown
FROM page, rep.name AS n ORDER BY n.place;

-- Figures are those of the tables: size and change of each segment, live incidents, the share that is watched.
CREATE TEMPORARY TABLE told AS
SELECT m[1] AS name, m[2] AS size, m[3] AS change, m[4] AS expected
FROM page, regexp_matches(html, '<tr><td class="name"><bdi>([^<]*)</bdi>(?:<small><bdi>[^<]*</bdi></small>)?</td><td class="number">([^<]*)</td><td class="number(?: out)?">([^<]*)</td><td class="number">([^<]*)</td>', 'g') AS m;
SELECT count(*) AS segments, count(*) FILTER (WHERE t.size = trim(to_char(z.size, '9,999'))) AS sizes,
    count(*) FILTER (WHERE t.change = CASE WHEN z.size > b.size THEN '+' ELSE U&'\2212' END || round(abs(z.size::numeric / b.size - 1) * 100, 1) || ' %') AS changes
FROM rep.name AS n JOIN told AS t ON t.name = rep.escaped(CASE WHEN length(n.name) > 120 THEN left(n.name, 119) || U&'\2026' ELSE n.name END)
JOIN pulse.segment AS s ON s.name = n.name
CROSS JOIN LATERAL (SELECT p.size FROM pulse.snapshot AS p WHERE p.segment_id = s.id AND p.taken_at <= '2026-11-30' ORDER BY p.taken_at DESC LIMIT 1) AS z
CROSS JOIN LATERAL (SELECT p.size FROM pulse.snapshot AS p WHERE p.segment_id = s.id AND p.taken_at <= '2026-11-23' ORDER BY p.taken_at DESC LIMIT 1) AS b;
SELECT name, size, change, expected FROM told WHERE name = 'rep plain';
SELECT (regexp_match(html, '<b>([0-9,]+)</b><span>live incidents'))[1] =
    (SELECT count(*)::text FROM pulse.incident AS i WHERE i.status IN ('open', 'acknowledged') AND i.segment LIKE 'rep %') AS live,
    (SELECT bool_and(html LIKE '%id="incident-' || i.id || '"%') FROM pulse.incident AS i WHERE i.status = 'open' AND i.segment LIKE 'rep %') AS explained FROM page;
SELECT html LIKE '%<td>Segments that are watched</td><td class="number">' || m.monitored || ' of ' || m.segments || '%' AS mission FROM page, pulse.mission AS m;
-- The chart has as many points as the table beside it, and both what the snapshots have.
SELECT (SELECT count(*) FROM regexp_matches((regexp_match(html, '<h3><bdi>rep plain</bdi></h3>.*?<path class="line" d="([^"]*)"'))[1], '[ML]', 'g')) AS points,
    (SELECT count(*) FROM regexp_matches((regexp_match(html, '<caption>Size of rep plain</caption>.*?<tbody>(.*?)</tbody>'))[1], '<tr>', 'g')) AS rows,
    (SELECT count(*) FROM pulse.snapshot AS p JOIN pulse.segment AS s ON s.id = p.segment_id WHERE s.name = 'rep plain' AND p.taken_at > '2026-11-16' AND p.taken_at <= '2026-11-30') AS snapshots
FROM page;
-- The statements that it shows run.
CREATE FUNCTION rep.run_all() RETURNS TABLE (what text, ran boolean) LANGUAGE plpgsql AS $$
DECLARE
    statement text;
BEGIN
    FOR what, statement IN SELECT m[1], m[2] FROM page, regexp_matches(substr(html, strpos(html, '<section id="sql">')), '<h3>([^<]*)</h3>\s*<pre class="sql">([^<]*);</pre>', 'g') AS m LOOP
        EXECUTE format('SELECT count(*) >= 0 FROM (%s) AS x', replace(replace(replace(replace(replace(statement, '&#39;', ''''), '&quot;', '"'), '&lt;', '<'), '&gt;', '>'), '&amp;', '&')) INTO ran;
        RETURN NEXT;
    END LOOP;
END $$;
SELECT * FROM rep.run_all();
SELECT html LIKE '%pulse_report(&#39;2026-11-23 00:00:00+00&#39;, &#39;2026-11-30 00:00:00+00&#39;, &#39;{&quot;segments&quot;:[&quot;rep *&quot;]}&#39;);%' AS call FROM page;

-- The other sections, with one object each.
SELECT pulse_monitor_table('rep.users', checks => '[{"type": "volume", "min": 10}]') IS NOT NULL AS monitored;
INSERT INTO pulse.event_source_hour (hour, event, source, events, prompt, late)
SELECT timestamptz '2026-11-16 10:00+00' + d * interval '1 day', e.event, 'website', e.events + d, 0, 0 FROM (VALUES ('rep bought', 100), ('rep <b>seen</b>', 1000)) AS e (event, events), generate_series(0, 13) AS d;
SELECT pulse_create_campaign('rep campaign', 'rep plain', 500, '2026-12-02', 'email') > 0 AS planned;
INSERT INTO pulse.action (name, subject, gate_subject, risk, level, needs, created_at, created_by, expires_at, runs_as, search_path)
VALUES ('rep_action', 'segment:rep plain', 'segment:rep plain', 'standard', 'approval', 'approval', '2026-11-29', 'me', '2026-12-29', current_user, 'pg_catalog');
INSERT INTO pulse.outbox (channel, kind, event, status, created_at, finished_at, error)
VALUES ('rep channel', 'event', 'test', 'sent', '2026-11-24', '2026-11-24', NULL), ('rep channel', 'event', 'test', 'dead', '2026-11-25', '2026-11-25', 'rep <error>'),
    ('rep channel', 'event', 'test', 'sent', '2026-11-22', '2026-11-22', NULL);
BEGIN;
INSERT INTO pulse.signal_health_state (scope, score, status, used_at, issues) VALUES ('all', 64, 'degraded', '2026-11-30', '{rep issue}')
ON CONFLICT (scope) DO UPDATE SET score = 64, status = 'degraded', issues = '{rep issue}';
DELETE FROM pulse.signal_health_history WHERE scope = 'all';
INSERT INTO pulse.signal_health_history (scope, hour, score, lowest, highest, status, evaluations, assumed, parts, as_of)
SELECT 'all', timestamptz '2026-11-24 00:00+00' + d * interval '1 day', 60 + d, 50, 90, 'degraded', 1, 0, '[]', '2026-11-30' FROM generate_series(0, 4) AS d;
SELECT pulse_report('2026-11-23', '2026-11-30', '{"limit": 200}') AS html \gset
SELECT (SELECT string_agg(m[1] || '=' || m[2], ', ') FROM regexp_matches(:'html', '<td>(2026-11-\d\d)</td><td class="number">(6\d)</td><td class="number">50</td>', 'g') AS m)
    = (SELECT string_agg(to_char(d.day, 'YYYY-MM-DD') || '=' || d.score, ', ' ORDER BY d.day) FROM pulse.signal_health_day AS d WHERE d.scope = 'all') AS days,
    :'html' LIKE '%The trust score of everything is <b>64</b> <span class="badge medium">degraded</span>.%<p>rep issue</p>%' AS score;
ROLLBACK;
SELECT m[1] AS event, m[2] AS events, m[3] AS before, m[4] AS change
FROM regexp_matches(:'html', '<tr><td class="name"><bdi>(rep [^/]*(?:/b&gt;)?)</bdi></td><td class="number">([^<]*)</td><td class="number">([^<]*)</td><td class="number">([^<]*)</td><td class="number">\u2013', 'g') AS m;
SELECT count(*) AS days, bool_and(m[2] = trim(to_char(d.events, '9,999'))) AS same
FROM regexp_matches(:'html', '<tr><td>(2026-11-\d\d)</td><td class="number">([0-9,]+)</td></tr>', 'g') AS m
JOIN (SELECT to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, sum(events) AS events FROM pulse.events_by_source_hour
      WHERE hour >= '2026-11-23' AND hour < '2026-11-30' GROUP BY 1) AS d ON d.day = m[1];
SELECT event, sum(events) FILTER (WHERE hour >= '2026-11-23') AS events, sum(events) FILTER (WHERE hour < '2026-11-23') AS before
FROM pulse.events_by_source_hour WHERE event LIKE 'rep %' GROUP BY event ORDER BY events DESC;
SELECT :'html' LIKE '%<td class="name"><bdi>rep.users</bdi></td><td><span class="badge">unknown</span></td>%' AS table_shown,
    :'html' LIKE '%<td class="name"><bdi>rep campaign</bdi></td><td class="name"><bdi>rep plain</bdi></td><td>2026-12-02 00:00</td>%<td class="number">500</td>%' AS campaign,
    :'html' LIKE '%<td class="name"><bdi>rep_action</bdi></td><td class="name"><bdi>segment:rep plain</bdi></td><td>standard</td><td><span class="badge medium">pending</span></td><td>approval</td><td>2026-11-29 00:00</td>%' AS action,
    :'html' LIKE '%<td class="name"><bdi>rep channel</bdi></td><td class="number">1</td><td class="number out">1</td><td class="number">0</td><td class="number">0</td><td>rep &lt;error&gt;</td>%' AS messages;
DELETE FROM pulse.outbox WHERE channel = 'rep channel';
DELETE FROM pulse.action WHERE name = 'rep_action';
DELETE FROM pulse.event_source_hour WHERE event LIKE 'rep %';
SELECT pulse_delete_campaign('rep campaign'), pulse_unmonitor_table('rep.users');

-- The same data and clock give the same file; options choose.
SELECT pulse_report('2026-11-23', '2026-11-30', '{"segments": "rep *"}') = html AS same FROM page;
SELECT pulse_report(options => '{"segments": ["rep plain", "rep ''*"], "sections": ["segments"], "title": "<b>T</b>", "time_zone": "Asia/Tokyo", "limit": 1}') AS html \gset
SELECT :'html' LIKE '%<bdi>&lt;b&gt;T&lt;/b&gt;</bdi>%' AS title, :'html' LIKE '%2026-11-23 17:00 to 2026-11-30 17:00 (Asia/Tokyo)%' AS zone,
    :'html' LIKE '%and 1 more: %' AS more, :'html' NOT LIKE '%<section id="incidents">%' AS chosen, :'html' LIKE '%<bdi>rep plain</bdi>%' AS worst_first;
SELECT pulse_report(NULL, NULL, NULL) LIKE '%</html>' AS defaults, pulse_report(options => '{"segments": []}') LIKE '%There are no segments.%' AS none;

-- Errors.
SELECT pulse_report('2026-11-30', '2026-11-30');
SELECT pulse_report('2026-11-30', '2026-11-23');
SELECT pulse_report('2026-11-23', '2026-12-01');
SELECT pulse_report('-infinity');
SELECT pulse_report(until => 'infinity');
SELECT pulse_report('1990-01-01', '2026-11-30');
SELECT pulse_report(options => '[]');
SELECT pulse_report(options => '{"segment": "x"}');
SELECT pulse_report(options => '{"segments": "rep plan"}');
\set VERBOSITY terse
SELECT pulse_report(options => '{"segments": ["nothing*"]}');
\set VERBOSITY default
SELECT pulse_report(options => '{"sections": []}');
SELECT pulse_report(options => '{"sections": "segment"}');
SELECT pulse_report(options => '{"limit": 0}');
SELECT pulse_report(options => '{"limit": 201}');
SELECT pulse_report(options => '{"title": 1}');
SELECT pulse_report(options => '{"time_zone": "Europe/Nowhere"}');
SELECT pulse_report(options => jsonb_build_object('segments', (SELECT jsonb_agg('x'::text) FROM generate_series(1, 10001))));

-- As the caller may see it.
CREATE ROLE regress_rep_reader;
CREATE ROLE regress_rep_nobody;
SELECT pulse_grant('regress_rep_reader', 'reader');
SET ROLE regress_rep_reader;
SELECT html LIKE '%Causes and advice are shown from the level people_reader on.%' AS told, html NOT LIKE '%class="card incident"%' AS hidden, html LIKE '%as role regress_rep_reader%' AS role,
    html LIKE '%<bdi>rep plain</bdi>%' AS figures FROM (SELECT pulse_report('2026-11-23', '2026-11-30', '{"segments": "rep *"}') AS html) AS r;
SET ROLE regress_rep_nobody;
SELECT pulse_report();
RESET ROLE;

-- A route with a report: what it accepts, and that the report of a period is made once.
CREATE SERVER rep_hook FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'webhook');
CREATE SERVER rep_pager FOREIGN DATA WRAPPER pulse_channel OPTIONS (kind 'pagerduty');
DELETE FROM pulse.route;
SELECT pulse_create_route('rep', '{rep_hook}', report => 'monthly');
SELECT pulse_create_route('rep', '{rep_hook}', report => 'weekly', report_day => 'Monday');
SELECT pulse_create_route('rep', '{rep_hook}', report => 'weekly', report_at => '08:00:30');
SELECT pulse_create_route('rep', '{rep_hook}', report => 'weekly', report_at => '24:00');
SELECT pulse_create_route('rep', '{rep_hook,rep_pager}', report => 'weekly');
SELECT pulse_create_route('rep', '{rep_hook}', report => 'weekly', time_zone => 'Europe/Paris', segments => '{rep plain}') > 0 AS made;
SELECT events, report, report_day, report_at, report_since, runs_as = current_user AS mine FROM pulse.route;
SELECT pulse_update_route('rep', report => '');
SELECT status, rows, message FROM pulse_run_job('report');
SET pulse.now = '2026-12-07 06:59+00';
SELECT rows FROM pulse_run_job('report');
SET pulse.now = '2026-12-07 07:00+00';
SELECT status, rows, message FROM pulse_run_job('report');
SELECT rows FROM pulse_run_job('report');
-- After four weeks without a worker only the newest is sent.
SET pulse.now = '2027-01-06 12:00+00';
SELECT rows FROM pulse_run_job('report');
SELECT route, kind, since, until, options, made_at, file_name, attached, bytes = octet_length(content) AS bytes, cardinality(messages) AS messages FROM pulse.report ORDER BY until;
SELECT content = pulse_report(since, until, options) AS same FROM pulse.report ORDER BY until DESC LIMIT 1;
SELECT o.channel, o.kind, o.event, o.status FROM pulse.outbox AS o WHERE o.kind = 'report' ORDER BY o.id;
-- A route that is switched on again does not send what was due before.
SELECT pulse_update_route('rep', enabled => false);
SET pulse.now = '2027-01-12 12:00+00';
SELECT rows FROM pulse_run_job('report');
SELECT pulse_update_route('rep', enabled => true);
SELECT rows FROM pulse_run_job('report');
SELECT pulse_update_route('rep', events => '{opened}', report => '');
SELECT events, report FROM pulse.route;

-- On paper, pages end between rows and statements, and no head of a table stands alone.
SELECT pulse_report() ~ '@media print\{.*tr,pre,[^}]*\{break-inside:avoid\}.*tbody tr:first-child\{break-before:avoid\}' AS whole;

-- Clean up.
SELECT pulse_delete_route('rep');
DELETE FROM pulse.report;
DELETE FROM pulse.outbox WHERE kind = 'report';
SELECT count(pulse_delete_segment(n.name, true)) FROM rep.name AS n;
DROP SERVER rep_hook, rep_pager;
SELECT pulse_revoke('regress_rep_reader');
DROP ROLE regress_rep_reader, regress_rep_nobody;
SET client_min_messages = error;
DROP SCHEMA rep CASCADE;
