-- The gate: passes only where nothing speaks against it.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
\set SHOW_CONTEXT never
SET pulse.now = '2026-03-01 12:00+00';

-- A fresh database knows nothing: blocked.
SELECT decision, score, status, reasons, lifts, mode, id FROM pulse_evaluate_gate('sync_audience', 'all');
SELECT decision FROM pulse_evaluate_gate('sync_audience', 'all', true);
SELECT count(*) FROM pulse.gate_decision;
-- With a history it is unknown: held.
SELECT * FROM pulse_update_signal_health();
SELECT decision, score, status, reasons, lifts, mode FROM pulse_evaluate_gate('sync_audience', 'all');
-- Signals make it known.
SELECT count(*) FROM pulse_record_signals((SELECT jsonb_agg(jsonb_build_object('name', 'spend', 'source', 'shop', 'value', 100 + i % 3, 'at', '2026-02-20'::date + i)) FROM generate_series(0, 9) AS i));
SELECT * FROM pulse_signal_health();
SELECT decision, score, status, reasons, lifts, mode, allowed, restricted FROM pulse_evaluate_gate('sync_audience', 'all');
SELECT decision, reasons FROM pulse_evaluate_gate('dance', 'all');
SELECT decision, reasons FROM pulse_evaluate_gate('sync_audience', 'segment:none');
SELECT pulse_freeze('holiday');
SELECT decision, reasons, lifts, mode FROM pulse_evaluate_gate('sync_audience', 'all');
SELECT decision, reasons FROM pulse_evaluate_gate('pause_all', 'all');
SELECT pulse_unfreeze();
SELECT decision, reasons FROM pulse_evaluate_gate('sync_audience', 'all');
SELECT action, subject, details FROM pulse.audit WHERE action LIKE 'trust%' OR action LIKE 'gate%' ORDER BY id DESC LIMIT 3;

-- ---- it fails closed ----
-- The clock.
SET pulse.now = '2026-03-01 11:00+00';
SELECT decision, reasons FROM pulse_evaluate_gate('sync_audience', 'all', true);
SET pulse.now = '2999-01-01';
SELECT decision, reasons[1] FROM pulse_evaluate_gate('sync_audience', 'all', true);
SET pulse.now = '2026-03-04 12:00+00';
SELECT decision, reasons[1] FROM pulse_evaluate_gate('sync_audience', 'all', true);
SET pulse.now = '2026-03-01 12:00+00';
SELECT decision FROM pulse_evaluate_gate('sync_audience', 'all');
-- A snapshot that does not see what others have committed, such as a freeze.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT decision, reasons, lifts FROM pulse_evaluate_gate('sync_audience', 'all');
SELECT decision FROM pulse_evaluate_gate('pause_all', 'all');
COMMIT;
-- An error while the score is computed.
SELECT count(*) FROM pulse_ingest('[{"type": "track", "userId": "u", "event": "purchase", "timestamp": "2026-03-01T11:00:00Z"}]');
SELECT pulse_create_segment('buyers', '{"where": "events.purchase.count() > 0"}') > 0 AS created;
SELECT status FROM pulse_update_signal_health('segment:buyers');
SELECT decision, status FROM pulse_evaluate_gate('sync_audience', 'segment:buyers');
UPDATE pulse.segment SET definition = '{"where": "nonsense("}';
SET pulse.now = '2026-03-01 12:01+00';
SELECT decision, score, reasons FROM pulse_evaluate_gate('sync_audience', 'segment:buyers');
-- A transaction that cannot write; a dry run can be asked for there.
BEGIN READ ONLY;
SELECT decision, reasons, id FROM pulse_evaluate_gate('sync_audience', 'all');
SELECT decision, id FROM pulse_evaluate_gate('pause_all', 'all');
SELECT decision, id FROM pulse_evaluate_gate('sync_audience', 'all', true);
ROLLBACK;
-- A decision that cannot be recorded does not pass.
ALTER TABLE pulse.gate_decision ADD CONSTRAINT nothing_passes CHECK (action <> 'sync_audience') NOT VALID;
SELECT decision, reasons, id FROM pulse_evaluate_gate('sync_audience', 'all');
ALTER TABLE pulse.gate_decision DROP CONSTRAINT nothing_passes;
-- Nor where what it reads is gone.
BEGIN;
ALTER TABLE pulse.signal_series RENAME TO signal_series_away;
SET LOCAL pulse.now = '2026-03-01 12:02+00';
SELECT decision, reasons FROM pulse_evaluate_gate('sync_audience', 'all');
ROLLBACK;
BEGIN;
ALTER TABLE pulse.freeze RENAME TO freeze_away;
SELECT decision, reasons FROM pulse_evaluate_gate('sync_audience', 'all');
ROLLBACK;
SELECT decision, reasons FROM pulse_evaluate_gate('', 'all');
SELECT decision, reasons FROM pulse_evaluate_gate('sync_audience', '');
SELECT decision, reasons FROM pulse_evaluate_gate('sync_audience', 'it''s:here');
SELECT decision, length(reasons[1]) < 500 AS short FROM pulse_evaluate_gate(repeat('x', 100000), repeat('y', 100000));
SELECT pulse_evaluate_gate(NULL, 'all');
SELECT pulse_evaluate_gate('sync_audience', NULL);
SELECT pulse_evaluate_gate('sync_audience', 'all', NULL);

-- ---- risks and thresholds ----
SELECT action, risk, threshold FROM pulse_list_action_types() WHERE action IN ('increase_budget', 'sync_audience', 'reduce_budget', 'pause_all', 'emergency_stop');
SELECT count(*), count(*) FILTER (WHERE built_in) AS built_in FROM pulse_list_action_types();
-- The newest signal is 36 hours old: half of the points of freshness.
SET pulse.now = '2026-03-02 12:00+00';
SELECT status FROM pulse_update_signal_health();
SELECT decision, score, reasons FROM pulse_evaluate_gate('increase_budget', 'all');
SELECT decision, score, allowed @> '{pause_campaign}' AS allows_pausing, restricted FROM pulse_evaluate_gate('sync_audience', 'all');
SELECT pulse_set_trust('{"conservative": 60, "standard": 95, "high": 99}') IS NOT NULL AS changed;
SELECT a.action, g.decision, g.score, g.thresholds FROM unnest('{increase_budget,sync_audience,reduce_budget,pause_all}'::text[]) AS a (action) CROSS JOIN LATERAL pulse_evaluate_gate(a.action, 'all') AS g;
SELECT pulse_set_trust('{"conservative": null, "standard": null, "high": null}') IS NOT NULL AS changed;

-- ---- actions of one's own ----
SELECT pulse_set_action_type('send_coupons', 'high', 'Gives money away.');
SELECT * FROM pulse_list_action_types() WHERE action = 'send_coupons';
SELECT decision, reasons[1] FROM pulse_evaluate_gate('send_coupons', 'all', true);
SELECT pulse_set_action_type('send_coupons', 'standard');
SELECT pulse_set_action_type('sync_audience', 'high');
SELECT * FROM pulse_list_action_types() WHERE action IN ('send_coupons', 'sync_audience');
SELECT pulse_delete_action_type('sync_audience');
SELECT pulse_delete_action_type('send_coupons');
SELECT pulse_delete_action_type('send_coupons');
SELECT decision, reasons[1] FROM pulse_evaluate_gate('send_coupons', 'all', true);
SELECT pulse_set_action_type('send coupons', 'high');
SELECT pulse_set_action_type('send_coupons', 'always');
SELECT pulse_set_action_type('send_coupons', 'none');
SELECT pulse_set_action_type('pause_all', 'high');
SELECT pulse_set_action_type(NULL, 'high');
SELECT pulse_set_action_type('send_coupons', NULL);
SELECT pulse_delete_action_type(NULL);

-- ---- freezing ----
SELECT pulse_unfreeze();
SELECT pulse_freeze();
SELECT pulse_freeze('again');
SELECT frozen, reason, by = current_user AS by_me FROM pulse.freeze;
SELECT decision, reasons[1] FROM pulse_evaluate_gate('sync_audience', 'all');
SELECT pulse_freeze(repeat('x', 1001));
SELECT pulse_unfreeze(), pulse_unfreeze();
SELECT action, details FROM pulse.audit WHERE action LIKE 'trust.%frozen' ORDER BY id;

-- ---- what is kept, and who may ----
SELECT decision, count(*) > 0 AS kept FROM pulse.gate_decision GROUP BY 1 ORDER BY 1;
SELECT count(*) = (SELECT count(*) FROM pulse.audit WHERE action = 'gate.decided') AS audited FROM pulse.gate_decision;
-- Nothing has ever passed below its threshold.
SELECT count(*) FROM pulse.gate_decision WHERE decision = 'pass' AND NOT (coalesce(score, 0) >= threshold AND (status = 'healthy' OR risk = 'conservative' OR risk = 'always'));
CREATE ROLE regress_gate_reader;
CREATE ROLE regress_gate_operator;
SELECT pulse_grant('regress_gate_reader', 'reader'), pulse_grant('regress_gate_operator', 'operator');
SET ROLE regress_gate_reader;
SELECT pulse_evaluate_gate('sync_audience');
SELECT pulse_freeze();
SELECT count(*) > 0 AS reads FROM pulse.gate_decision;
INSERT INTO pulse.gate_decision SELECT * FROM pulse.gate_decision;
SET ROLE regress_gate_operator;
SELECT decision FROM pulse_evaluate_gate('pause_all');
SELECT pulse_set_action_type('x', 'conservative');
UPDATE pulse.freeze SET frozen = false;
DELETE FROM pulse.gate_decision;
RESET ROLE;
SELECT decided_for FROM pulse.gate_decision ORDER BY id DESC LIMIT 1;
DROP OWNED BY regress_gate_reader, regress_gate_operator;
DROP ROLE regress_gate_reader, regress_gate_operator;
RESET pulse.now;
UPDATE pulse.gate_decision SET at = now() - interval '100 days' WHERE decision = 'pass';
SELECT status FROM pulse_run_job('retention');
SELECT count(*) FROM pulse.gate_decision WHERE decision = 'pass';
DROP EXTENSION pulse CASCADE;
