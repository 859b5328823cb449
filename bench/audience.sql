-- The work of bench/run-audience: an audience of a file with :people members, :changes of whom change. Prints a line per measurement.
-- A few people go the whole way; the others are copies of them, written set by set, since ten million would take hours one by one.
\set QUIET on
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION pulse;
SELECT count(pulse_identify('u' || n, jsonb_build_object('plan', 'gold', 'email', 'u' || n || '@example.com'), at => now() - interval '30 days')) FROM generate_series(1, 100) AS n \g /dev/null
SELECT count(pulse_set_consent('u' || n, 'ads', true)) FROM generate_series(1, 100) AS n \g /dev/null
SELECT pulse_create_segment('gold', '{"where": "profile.plan == \"gold\""}') \g /dev/null
SELECT pulse_create_destination('crm', 'file') \g /dev/null
SELECT pulse_create_audience('gold', 'gold', 'crm', '{"identifiers": ["email"], "interval": "manual", "max_share": 1}') \g /dev/null
SELECT pulse_set_trust('{"high": 1, "standard": 1, "conservative": 1, "hold": 0}') \g /dev/null
SELECT count(*) FROM pulse_record_signals((SELECT jsonb_agg(jsonb_build_object('name', 'spend', 'source', 'bench', 'entity', 'segment:gold', 'value', 100 + i % 3,
    'at', now() - i * interval '20 hours')) FROM generate_series(9, 0, -1) AS i)) \g /dev/null
SELECT pulse_update_signal_health('audience:gold') \g /dev/null
SELECT pulse_sync_audience('gold', 'full') \g /dev/null
SELECT pulse_run_syncs() \g /dev/null

-- What a copy has in the ledger, in plain SQL; it must be what Pulse wrote of the people who went the whole way.
CREATE FUNCTION packed(n bigint) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT '\x01'::bytea || '\x01'::bytea || sha256(convert_to('u' || n || '@example.com', 'UTF8')) $$;
CREATE FUNCTION cell(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
SELECT ('x' || left(encode(sha256('\x01'::bytea || convert_to(encode(sha256(convert_to('u' || n || '@example.com', 'UTF8')), 'hex'), 'UTF8')), 'hex'), 16))::bit(64)::bigint $$;
DO $$
BEGIN
    IF (SELECT count(*) FROM pulse.audience_member AS m JOIN pulse.profile AS p ON p.id = m.profile_id
        JOIN pulse.audience_cell AS c ON c.profile_id = p.id WHERE m.cells = packed(substr(p.bucketing_id, 2)::bigint) AND c.key = cell(substr(p.bucketing_id, 2)::bigint) AND m.state = 'sent') <> 100 THEN
        RAISE EXCEPTION 'the ledger has another format: %', (SELECT cells FROM pulse.audience_member LIMIT 1);
    END IF;
END $$;
-- Indexes are built afterwards, which is several times faster than filling them row by row.
CREATE TEMP TABLE index_kept AS
SELECT i.indexrelid::regclass::text AS name, i.indrelid::regclass AS relation, c.conname, CASE WHEN c.oid IS NULL THEN pg_get_indexdef(i.indexrelid) ELSE format('ALTER TABLE %s ADD CONSTRAINT %I %s', i.indrelid::regclass, c.conname, pg_get_constraintdef(c.oid)) END AS made
FROM pg_index AS i LEFT JOIN pg_constraint AS c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u')
WHERE i.indrelid::regclass::text IN ('pulse.profile', 'pulse.identity', 'pulse.consent', 'pulse.profile_state', 'pulse.member', 'pulse.audience_member', 'pulse.audience_cell');
DO $$
DECLARE
    k record;
BEGIN
    FOR k IN SELECT * FROM index_kept LOOP
        EXECUTE CASE WHEN k.conname IS NULL THEN 'DROP INDEX ' || k.name ELSE format('ALTER TABLE %s DROP CONSTRAINT %I', k.relation, k.conname) END;
    END LOOP;
END $$;
SELECT max(id) - 100 AS before, max(id) AS last FROM pulse.profile \gset
INSERT INTO pulse.profile (id, canonical_id, bucketing_id, attributes, first_seen_at, updated_at)
SELECT :before + n, :before + n, 'u' || n, jsonb_build_object('plan', 'gold', 'email', 'u' || n || '@example.com'), now() - interval '30 days', now() - interval '30 days' FROM generate_series(101, :people) AS n;
SELECT setval('pulse.profile_id_seq', :before + :people) \g /dev/null
INSERT INTO pulse.identity (kind, value, profile_id, first_seen_at) SELECT 'user_id', 'u' || n, :before + n, now() - interval '30 days' FROM generate_series(101, :people) AS n;
INSERT INTO pulse.consent (profile_id, purpose, status, at, record_id, live)
SELECT :before + n, c.purpose, c.status, c.at, c.record_id, c.live FROM generate_series(101, :people) AS n CROSS JOIN (SELECT * FROM pulse.consent WHERE profile_id = :last AND purpose = 'ads') AS c;
INSERT INTO pulse.profile_state SELECT :before + n, s.as_of, s.metrics, s.segments, s.next_change_at FROM generate_series(101, :people) AS n CROSS JOIN (SELECT * FROM pulse.profile_state WHERE profile_id = :last) AS s;
INSERT INTO pulse.member SELECT s.segment_id, :before + n, s.since FROM generate_series(101, :people) AS n CROSS JOIN (SELECT * FROM pulse.member WHERE profile_id = :last) AS s;
INSERT INTO pulse.audience_member (audience_id, profile_id, state, tried, cells, consent, sent_at)
SELECT m.audience_id, :before + n, m.state, m.tried, packed(n), m.consent, m.sent_at FROM generate_series(101, :people) AS n CROSS JOIN (SELECT * FROM pulse.audience_member WHERE profile_id = :last) AS m;
INSERT INTO pulse.audience_cell SELECT a.id, cell(n), :before + n FROM generate_series(101, :people) AS n CROSS JOIN pulse.audience AS a;
DO $$
DECLARE
    k record;
BEGIN
    FOR k IN SELECT * FROM index_kept LOOP EXECUTE k.made; END LOOP;
END $$;
UPDATE pulse.audience SET people = :people;
VACUUM ANALYZE;

-- In one transaction, so that its statistics are those of the sync: rows read by index, and tables that were read whole.
CREATE PROCEDURE measure(what text, operation text) LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz;
    run bigint;
    read_before bigint;
    whole_before bigint;
BEGIN
    PERFORM pulse_update_signal_health('audience:gold');
    SELECT sum(idx_tup_fetch), sum(seq_tup_read) INTO read_before, whole_before FROM pg_stat_xact_all_tables WHERE schemaname = 'pulse';
    run := pulse_sync_audience('gold', operation);
    began := clock_timestamp();
    PERFORM pulse_run_syncs();
    RAISE WARNING '%: % s, % rows by index, % by scans of whole tables (%); %', what, round(extract(epoch FROM clock_timestamp() - began)::numeric, 2),
        (SELECT sum(idx_tup_fetch) - coalesce(read_before, 0) FROM pg_stat_xact_all_tables WHERE schemaname = 'pulse'),
        (SELECT sum(seq_tup_read) - coalesce(whole_before, 0) FROM pg_stat_xact_all_tables WHERE schemaname = 'pulse'),
        (SELECT coalesce(string_agg(relname || ' ' || seq_tup_read, ', ' ORDER BY seq_tup_read DESC), 'none large') FROM (SELECT * FROM pg_stat_xact_all_tables WHERE schemaname = 'pulse' AND seq_tup_read > 1000 ORDER BY seq_tup_read DESC LIMIT 5) AS t),
        (SELECT format('%s examined, %s added, %s removed, %s', r.examined, r.added, r.removed, r.status) FROM pulse.sync_run AS r WHERE r.id = run);
END $$;
-- A third each leaves, changes its address, withdraws consent.
\timing on
\echo marking the changes:
SELECT count(pulse_identify('u' || n, CASE n % 3 WHEN 0 THEN '{"plan": "free"}' ELSE jsonb_build_object('email', 'new' || n || '@example.com') END)) FILTER (WHERE n % 3 < 2) + count(pulse_set_consent('u' || n, 'ads', false)) FILTER (WHERE n % 3 = 2)
FROM generate_series(1, :changes) AS n \g /dev/null
\timing off
CALL measure('delta', 'delta');
CALL measure('delta without changes', 'delta');
-- What a worker asks every few seconds.
\timing on
\echo looking for work:
SELECT pulse_run_syncs() \g /dev/null
\timing off
SELECT :people <= :full AS compare \gset
\if :compare
CALL measure('full comparison', 'full');
\endif
SELECT pg_size_pretty(pg_total_relation_size('pulse.audience_member')) AS ledger, pg_size_pretty(pg_total_relation_size('pulse.audience_cell')) AS cells, pg_size_pretty(pg_database_size(current_database())) AS everything;
