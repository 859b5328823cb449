-- Signal health: what a scope reads, its parts, and how a status falls and rises.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2026-03-01 12:00+00';

-- A fresh database: nothing is known, so all is assumed, and the status is unknown.
SELECT score, status, assumed, emq, freshness, variance, anomaly, cdp, issues, reads FROM pulse_signal_health();

-- ---- what a scope reads ----
CREATE TABLE orders (id bigint PRIMARY KEY, amount numeric, at timestamptz);
CREATE TABLE leads (id bigint PRIMARY KEY, score numeric);
CREATE VIEW big_orders AS SELECT id, amount FROM orders WHERE amount > 100;
INSERT INTO orders SELECT i, i, '2026-03-01' FROM generate_series(1, 200) AS i;
INSERT INTO leads SELECT i, i FROM generate_series(1, 50) AS i;
SELECT count(*) FROM pulse_ingest((SELECT jsonb_agg(jsonb_build_object('type', 'track', 'userId', 'u' || i % 20, 'event', CASE WHEN i % 2 = 0 THEN 'purchase' ELSE 'view' END,
    'properties', jsonb_build_object('total', i), 'timestamp', '2026-03-01T11:00:00Z', 'context', '{"traits": {"email": "a@example.com"}}'::jsonb)) FROM generate_series(1, 60) AS i));
SELECT pulse_create_trait('spent', 'events.purchase.sum(total, 30d)') > 0 AS created;
SELECT pulse_create_trait('curious', 'events.view.count() > 1') > 0 AS created;
SELECT pulse_create_segment('buyers', '{"where": "spent > 10"}') > 0 AS created;
SELECT pulse_create_segment('viewers', '{"where": "curious"}') > 0 AS created;
SELECT pulse_create_segment('vips', '{"where": "segment(\"buyers\") && events.view.count(7d) > 0"}') > 0 AS created;
SELECT pulse_create_segment('large orders', '{"from": "big_orders", "key": "id"}') > 0 AS created;
SELECT pulse_create_segment('leads', '{"query": "SELECT id FROM leads WHERE score > 3"}') > 0 AS created;
SELECT pulse_create_flag('discount', 'segment("vips")') > 0 AS created;
SELECT s.scope, h.reads FROM unnest('{all,segment:buyers,segment:viewers,segment:vips,segment:large orders,segment:leads,trait:spent,flag:discount,event:purchase,event:*,table:orders}'::text[]) AS s (scope)
CROSS JOIN LATERAL pulse_signal_health(s.scope) AS h;
SELECT pulse_signal_health('segment:none');
SELECT pulse_signal_health('trait:none');
SELECT pulse_signal_health('event:none');
SELECT pulse_signal_health('table:none');
SELECT pulse_signal_health('table:"');
SELECT pulse_signal_health('flag:none');
SELECT pulse_signal_health('source:none');
SELECT pulse_signal_health('destination:none');
SELECT pulse_signal_health('planet:earth');
SELECT pulse_signal_health('all:of it');
SELECT pulse_signal_health('');
SELECT pulse_signal_health('segment:');
SELECT pulse_signal_health(NULL);
SELECT pulse_signal_health(repeat('x', 100000));

-- ---- one broken table holds what stands on it and nothing else ----
SELECT pulse_monitor_table('orders') > 0 AS monitored, pulse_monitor_table('leads') > 0 AS monitored;
SELECT count(*) > 0 AS taken FROM pulse_take_snapshots();
SELECT count(*) >= 0 AS checked FROM pulse_check_tables();
SELECT count(*) >= 0 AS checked FROM pulse_check_drift();
CREATE VIEW scores AS
SELECT s.scope, h.score, h.status, h.emq, h.freshness, h.variance, h.anomaly, h.cdp, h.issues
FROM unnest('{segment:buyers,segment:viewers,segment:vips,segment:large orders,segment:leads,flag:discount,table:orders,table:leads}'::text[]) AS s (scope)
CROSS JOIN LATERAL pulse_signal_health(s.scope) AS h;
SELECT count(*) FROM (SELECT pulse_update_signal_health(scope) FROM scores) AS updated;
SELECT * FROM scores;
-- An incident of the table orders, as the job health opens it.
CREATE FUNCTION break(detector text, severity text, segment text DEFAULT NULL, relation text DEFAULT NULL, event text DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
WITH r AS (INSERT INTO pulse.incident_record (segment_id, monitor_id, event, relation, detector, severity, direction, baseline_kind, summary, since, opened_at, last_seen_at)
    VALUES ((SELECT id FROM pulse.segment AS s WHERE s.name = break.segment), (SELECT id FROM pulse.monitor AS m WHERE m.relation = break.relation), break.event, break.relation, break.detector, break.severity, 'down', 'rolling', 'it broke',
            pulse_now(), pulse_now(), pulse_now()) RETURNING id)
INSERT INTO pulse.incident_event (incident_id, at, kind, actor) SELECT id, pulse_now(), 'opened', 'pulse' FROM r RETURNING incident_id
$$;
CREATE FUNCTION repair() RETURNS void LANGUAGE sql AS $$
WITH r AS (UPDATE pulse.incident_record SET status = 'resolved', closed_at = pulse_now() WHERE status = 'open' RETURNING id)
INSERT INTO pulse.incident_event (incident_id, at, kind, actor) SELECT id, pulse_now(), 'resolved', 'pulse' FROM r
$$;
CREATE VIEW verdicts AS
SELECT s.scope, g.decision, g.score, g.status, array_remove(array_agg(r.reason) FILTER (WHERE r.reason LIKE 'Incident%'), NULL) AS incidents
FROM scores AS s CROSS JOIN LATERAL pulse_evaluate_gate('sync_audience', s.scope, true) AS g LEFT JOIN LATERAL unnest(g.reasons) AS r (reason) ON true
GROUP BY s.scope, g.decision, g.score, g.status ORDER BY s.scope;
SELECT * FROM verdicts;
SELECT break('table_volume', 'high', relation => 'public.orders') > 0 AS broken;
SELECT * FROM verdicts WHERE decision <> 'pass';
SELECT repair();
SELECT count(*) FROM verdicts WHERE decision <> 'pass';
-- A critical one blocks; of an event everything that counts it.
SELECT break('event_vanished', 'critical', event => 'purchase') > 0 AS broken;
SELECT * FROM verdicts WHERE decision <> 'pass';
SELECT repair();
-- Of a segment what stands on it, not what it stands on.
SELECT break('size_change', 'critical', segment => 'buyers') > 0 AS broken;
SELECT * FROM verdicts WHERE decision <> 'pass';
SELECT pulse_signal_health.score, status, issues FROM pulse_signal_health('event:purchase');
SELECT repair();
-- A mild one counts among what is watched.
SELECT break('table_range', 'medium', relation => 'public.orders') > 0 AS broken;
SELECT scope, score, anomaly, issues FROM scores WHERE anomaly < 100 AND scope <> 'flag:discount';
SELECT repair();
-- The scope all does not fall for one table.
SELECT break('table_volume', 'critical', relation => 'public.leads') > 0 AS broken;
SELECT score, status, anomaly, issues FROM pulse_signal_health();
SELECT repair();
-- ---- a status falls at once, and rises after two evaluations and 15 minutes with three points more ----
CREATE TABLE series (at timestamptz PRIMARY KEY, what text, score double precision, status text, decision text);
CREATE FUNCTION step(at text, what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pulse.now', '2026-03-01 ' || at || '+00', false);
    IF what = 'breaks' THEN PERFORM break('table_volume', 'high', relation => 'public.orders'); END IF;
    IF what = 'repaired' THEN PERFORM repair(); END IF;
    INSERT INTO series SELECT pulse_now(), step.what, h.score, h.status, g.decision
    FROM pulse_update_signal_health('table:orders') AS h CROSS JOIN LATERAL pulse_evaluate_gate('sync_audience', 'table:orders', true) AS g;
END $$;
SELECT step(s.at, s.what) FROM (VALUES ('12:01', ''), ('12:02', 'breaks'), ('12:03', 'repaired'), ('12:04', ''), ('12:17', ''), ('12:17:30', 'breaks'), ('12:18', 'repaired'),
    ('12:32', ''), ('12:33', ''), ('12:34', '')) AS s (at, what);
SELECT to_char(at, 'HH24:MI:SS') AS at, what, score, status, decision FROM series ORDER BY series.at;
SELECT action, subject, details ->> 'from' AS "from", details ->> 'to' AS "to" FROM pulse.audit WHERE action = 'signal_health.status_changed' ORDER BY id;
-- A series that goes up and down every minute for two hours changes the status once.
SELECT count(step(to_char('2026-03-01 13:00+00'::timestamptz + i * interval '1 minute', 'HH24:MI:SS'), CASE WHEN i % 2 = 0 THEN 'breaks' ELSE 'repaired' END)) FROM generate_series(0, 119) AS i;
SELECT count(*) FILTER (WHERE changed) AS changes, min(status) AS lowest FROM (SELECT status, status <> lag(status) OVER (ORDER BY at) AS changed FROM series WHERE at >= '2026-03-01 12:34+00') AS s;
SELECT repair();
-- The history by hour and by day.
SELECT scope, to_char(hour, 'HH24:MI') AS hour, score, lowest, highest, status, evaluations FROM pulse.signal_health_history WHERE scope = 'table:orders' ORDER BY hour;
SELECT scope, day, score, lowest, highest, worst_status, status, evaluations FROM pulse.signal_health_day WHERE scope = 'table:orders';

-- ---- platforms ----
SET pulse.now = '2026-03-02 12:00+00';
SELECT count(*) FROM pulse_record_signals('[
  {"name": "emq", "value": 8, "source": "meta", "entity": "act_1"}, {"name": "emq", "value": 5, "source": "google", "entity": "g1"},
  {"name": "platform_revenue", "value": 104, "source": "meta", "entity": "act_1"}, {"name": "analytics_revenue", "value": 100, "source": "meta", "entity": "act_1"},
  {"name": "platform_revenue", "value": 112, "source": "google", "entity": "g1"}, {"name": "analytics_revenue", "value": 100, "source": "google", "entity": "g1"},
  {"name": "platform_conversions", "value": 3, "source": "google", "entity": "g1"}]');
SELECT score, status, assumed, emq, variance, issues FROM pulse_signal_health();
SELECT p ->> 'part' AS part, p ->> 'weight' AS weight, p ->> 'value' AS value, p ->> 'assumed' AS assumed FROM pulse_signal_health() AS h CROSS JOIN LATERAL jsonb_array_elements(h.parts) AS p;
SELECT jsonb_path_query(parts, '$[*] ? (@.part == "variance").evidence.accounts[*]') FROM pulse_signal_health();
-- Seven values tell what is normal.
SELECT count(*) FROM pulse_record_signals((SELECT jsonb_agg(jsonb_build_object('name', 'cpa', 'source', 'meta', 'value', 10 + i % 2, 'at', '2026-02-22'::date + i)) FROM generate_series(0, 6) AS i));
SELECT count(*) FROM pulse_record_signals('[{"name": "cpa", "source": "meta", "value": 99}]');
SELECT issues FROM pulse_signal_health('source:meta');

-- ---- settings ----
SELECT pulse_trust_settings();
SELECT pulse_set_trust('{"healthy": 90, "emq": 30, "freshness": 35}');
SELECT score, status FROM pulse_signal_health();
SELECT pulse_set_trust('{"healthy": null, "emq": null, "freshness": null}') = '{}' || pulse_trust_settings() AS restored;
SELECT pulse_set_trust('{"emq": 50}');
SELECT pulse_set_trust('{"colour": 1}');
SELECT pulse_set_trust('{"healthy": 101}');
SELECT pulse_set_trust('{"healthy": "high"}');
SELECT pulse_set_trust('{"hold": 75}');
SELECT pulse_set_trust('{"degraded": 80}');
SELECT pulse_set_trust('[]');
SELECT pulse_set_trust(NULL);
SELECT pulse_update_signal_health(NULL);
SELECT pulse_update_signal_health('segment:none');
SET pulse.now = '2999-01-01';
SELECT pulse_update_signal_health();
SELECT pulse_set_trust('{}');
SET pulse.now = '2026-03-02 12:10+00';

-- ---- the job ----
SELECT status, rows, message FROM pulse_run_job('signal_health');
SELECT scope, status FROM pulse.signal_health_state ORDER BY scope;
SELECT name, entity, last_value FROM pulse.signal_series WHERE source = 'pulse' AND name NOT LIKE 'queued%' ORDER BY 1, 2;
-- What cannot be computed disturbs no other.
UPDATE pulse.segment SET definition = '{"where": "nonsense("}' WHERE name = 'viewers';
SET pulse.now = '2026-03-02 13:10+00';
SELECT status, rows FROM pulse_run_job('signal_health');
SELECT scope, error FROM pulse.signal_health_state WHERE error IS NOT NULL;
SELECT count(*) FROM pulse.signal_health_history WHERE hour = '2026-03-02 13:00+00';

-- ---- what is changed by many transactions is forgotten in one go, and costs one update ----
DELETE FROM pulse.trust_change;
SELECT pulse_record_signal('many', 3, 'test') > 0 AS written;
SELECT pulse_record_signal('many', 4, 'test') > 0 AS written;
SELECT pulse_record_signal('many', 5, 'test') > 0 AS written;
SELECT status FROM pulse_run_job('signal_health');
SELECT count(*) > 2 AS noted, count(seen_at) <= 1 AS one_is_marked FROM pulse.trust_change;
SELECT xid AS last FROM pulse.trust_change ORDER BY xid DESC LIMIT 1 \gset
UPDATE pulse.trust_change SET seen_at = clock_timestamp() - interval '2 minutes' WHERE xid = :'last'::xid8;
SELECT status FROM pulse_run_job('signal_health');
SELECT count(*) FROM pulse.trust_change WHERE xid <= :'last'::xid8;

-- Where no job runs, one of 256 changes does it.
DELETE FROM pulse.trust_change;
INSERT INTO pulse.trust_change (xid, seen_at) SELECT n::text::xid8, CASE WHEN n = 700 THEN clock_timestamp() - interval '2 minutes' END FROM generate_series(3, 800) AS n;
SELECT count(*) BETWEEN 95 AND 101 AS rest, min(xid::text::bigint) > 700 AS old_ones_gone, bool_or(seen_at IS NOT NULL) AS marked FROM pulse.trust_change;
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO pulse.trust_change (xid, seen_at) SELECT n::text::xid8, CASE WHEN n = 1000 THEN clock_timestamp() - interval '2 minutes' END FROM generate_series(801, 1800) AS n;
COMMIT;
SELECT count(*) > 900 AS kept FROM pulse.trust_change;
-- Of a snapshot that may be older than what is forgotten, no score holds for others.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT score IS NOT NULL AS computed FROM pulse_update_signal_health();
COMMIT;
SELECT computed_at IS NULL AS holds_for_nobody FROM pulse.signal_health_state WHERE scope = 'all';
SELECT score IS NOT NULL AS computed FROM pulse_update_signal_health();
SELECT computed_at IS NULL AS holds_for_nobody FROM pulse.signal_health_state WHERE scope = 'all';

-- ---- who may ----
CREATE ROLE regress_health_reader;
SELECT pulse_grant('regress_health_reader', 'reader');
SET ROLE regress_health_reader;
SELECT status FROM pulse_signal_health('table:orders');
SELECT pulse_update_signal_health('table:orders');
SELECT pulse_set_trust('{}');
SELECT error FROM pulse.signal_health_state;
RESET ROLE;
BEGIN READ ONLY;
SELECT status FROM pulse_signal_health('table:orders');
SELECT pulse_update_signal_health('table:orders');
ROLLBACK;
DROP OWNED BY regress_health_reader;
DROP ROLE regress_health_reader;
DROP VIEW verdicts, scores;
DROP FUNCTION step(text, text), break(text, text, text, text, text), repair();
DROP TABLE orders, leads, series CASCADE;
DROP EXTENSION pulse CASCADE;
