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
