-- The work of bench/run-audience: :people people in an audience of a file, :changes of whom change. Prints a line per measurement.
\set QUIET on
SET client_min_messages = warning;
CREATE EXTENSION pulse;
INSERT INTO pulse.profile (id, canonical_id, bucketing_id, attributes, first_seen_at, updated_at)
SELECT n, n, 'u' || n, jsonb_build_object('plan', 'gold', 'email', 'u' || n || '@example.com'), now() - interval '30 days', now() - interval '30 days' FROM generate_series(1, :people) AS n;
SELECT setval('pulse.profile_id_seq', :people) \g /dev/null
INSERT INTO pulse.identity (kind, value, profile_id, first_seen_at) SELECT 'user_id', 'u' || n, n, now() - interval '30 days' FROM generate_series(1, :people) AS n;
INSERT INTO pulse.consent (profile_id, purpose, status, at, record_id, live)
SELECT n, 'ads', 'granted', now() - interval '30 days', 0, tstzmultirange(tstzrange(now() - interval '30 days', NULL)) FROM generate_series(1, :people) AS n;
VACUUM ANALYZE;
SELECT pulse_create_segment('gold', '{"where": "profile.plan == \"gold\""}') \g /dev/null
CALL pulse_build(20000);
SELECT pulse_create_destination('crm', 'file') \g /dev/null
SELECT pulse_create_audience('gold', 'gold', 'crm', '{"identifiers": ["email"], "interval": "manual", "max_share": 1}') \g /dev/null
SELECT pulse_set_trust('{"high": 1, "standard": 1, "conservative": 1, "hold": 0}') \g /dev/null
SELECT count(*) FROM pulse_record_signals((SELECT jsonb_agg(jsonb_build_object('name', 'spend', 'source', 'bench', 'entity', 'segment:gold', 'value', 100 + i % 3,
    'at', now() - i * interval '20 hours')) FROM generate_series(9, 0, -1) AS i)) \g /dev/null
SELECT pulse_track('u1', 'visit') \g /dev/null
CREATE PROCEDURE measure(what text, operation text) LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz;
    run bigint;
BEGIN
    PERFORM pulse_update_signal_health('audience:gold');
    run := pulse_sync_audience('gold', operation);
    began := clock_timestamp();
    PERFORM pulse_run_syncs();
    RAISE WARNING '%: % s, %', what, round(extract(epoch FROM clock_timestamp() - began)::numeric, 2),
        (SELECT format('%s looked at, %s added, %s removed, %s', r.looked_at, r.added, r.removed, r.status) FROM pulse.sync_run AS r WHERE r.id = run);
END $$;
CALL measure('first sync', 'full');
VACUUM ANALYZE pulse.audience_member, pulse.audience_cell, pulse.audience_mark;
-- A third each leaves, changes its address, withdraws consent.
SELECT count(pulse_identify('u' || n, CASE n % 3 WHEN 0 THEN '{"plan": "free"}' ELSE jsonb_build_object('email', 'new' || n || '@example.com') END)) FROM generate_series(1, :changes) AS n WHERE n % 3 < 2 \g /dev/null
SELECT count(pulse_set_consent('u' || n, 'ads', false)) FROM generate_series(1, :changes) AS n WHERE n % 3 = 2 \g /dev/null
CALL measure('delta', 'delta');
CALL measure('full comparison', 'full');
SELECT pg_size_pretty(pg_total_relation_size('pulse.audience_member')) AS ledger, pg_size_pretty(pg_total_relation_size('pulse.audience_cell')) AS cells;
