-- Months of events on another server: arguments, errors, rights, and queries that leave the archive out. What moves is in test/t/126_event_archive.pl.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
SET pulse.evaluation = async;
\set SHOW_CONTEXT never
BEGIN;
CREATE FUNCTION pg_temp.fails(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE state text; message text; detail text; hint text;
BEGIN
    EXECUTE statement;
    RETURN 'it does not';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n', state || ' ' || message, nullif(detail, ''), nullif(hint, ''));
END $$;
\pset tuples_only on
\pset format unaligned
SELECT pg_temp.fails($$SELECT pulse_archive_events(NULL)$$);
SELECT pg_temp.fails($$SELECT pulse_archive_events('infinity')$$) LIKE '22023 "month" must be finite%';
SELECT pg_temp.fails($$SELECT pulse_archive_events('2003-5x', 'archive')$$);
SELECT pg_temp.fails($$SELECT pulse_restore_events('2003-13')$$);
SELECT pg_temp.fails($$SELECT pulse_archive_events('2003-05', 'archive')$$) LIKE '42704 there are no events of that month%It is 2003-05.%';
SELECT pg_temp.fails($$SELECT pulse_restore_events(date '2003-05-20')$$) LIKE '42704 there are no events of that month%It is 2003-05.%';
SELECT pg_temp.fails($$SELECT pulse_archive_events('1999-05-01', 'archive')$$) LIKE '42704 there are no events of that month%Events before 2000 stay where they are.%';
SELECT pg_temp.fails($$SELECT pulse_archive_events('2003-05-01', 'archive')$$) LIKE '42704 there are no events of that month%It is 2003-05.%';
SELECT pg_temp.fails($$SELECT pulse_restore_events('2003-05-01')$$) LIKE '42704 there are no events of that month%';
SELECT accepted FROM pulse_import_events($$SELECT 'archived' AS user_id, 'ArchiveView' AS event, timestamptz '2003-05-01' + i * interval '1 day' AS "timestamp" FROM generate_series(0, 30) AS i$$);
SELECT accepted FROM pulse_import_events($$SELECT 'archived' AS user_id, 'ArchiveView' AS event, now() - interval '1 second' AS "timestamp"$$);
SELECT pg_temp.fails($$SELECT pulse_restore_events('2003-05-01')$$);
SELECT pg_temp.fails($$SELECT pulse_archive_events('2003-05-01')$$);
SELECT pg_temp.fails($$SELECT pulse_archive_events('2003-05-01', 'archive')$$);
CREATE SCHEMA fdw;
CREATE EXTENSION postgres_fdw SCHEMA fdw;
SELECT pg_temp.fails($$SELECT pulse_archive_events('2003-05-01', 'archive')$$);
CREATE SERVER other FOREIGN DATA WRAPPER pulse_source OPTIONS (host 'replica.example', dbname 'crm');
SELECT pg_temp.fails($$SELECT pulse_archive_events('2003-05-01', 'other')$$);
CREATE SERVER archive FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1', dbname 'events');
SELECT pg_temp.fails($$SELECT pulse_archive_events('2003-05-01', 'arhive')$$);
-- Whose server it is says where it is, and acts with the rights of the extension's owner.
CREATE ROLE archive_stranger;
GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO archive_stranger;
ALTER SERVER archive OWNER TO archive_stranger;
SELECT replace(pg_temp.fails($$SELECT pulse_archive_events('2003-05-01', 'archive')$$), 'TO ' || quote_ident(current_user), 'TO OWNER');
DO $$ BEGIN EXECUTE format('ALTER SERVER archive OWNER TO %I', current_user); END $$;
SELECT replace(pg_temp.fails($$SELECT pulse_archive_events('2003-05-01', 'archive')$$), quote_ident(current_user), 'OWNER');
CREATE USER MAPPING FOR CURRENT_USER SERVER archive OPTIONS (user 'keeper');
SELECT pg_temp.fails(format('SELECT pulse_archive_events(%L, %L)', (now() AT TIME ZONE 'UTC')::date, 'archive')) LIKE '55000 %cannot be archived%It has not ended.';
CREATE INDEX own ON pulse.event_y2003m05 (received_at);
SELECT pg_temp.fails($$SELECT pulse_archive_events('2003-05-01', 'archive')$$);
DROP INDEX pulse.own;
-- Who may.
CREATE ROLE archive_operator;
CREATE ROLE archive_admin;
SELECT pulse_grant('archive_operator', 'operator');
SELECT pulse_grant('archive_admin', 'admin');
SET ROLE archive_operator;
SELECT pg_temp.fails($$SELECT pulse_archive_events('2003-05-01', 'archive')$$);
SELECT pg_temp.fails($$SELECT pulse_restore_events('2003-05-01')$$);
SET ROLE archive_admin;
SELECT pg_temp.fails($$SELECT pulse_archive_events('2003-05-01', 'archive')$$);
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER archive TO archive_admin;
SET ROLE archive_admin;
SELECT pulse_archive_events('2003-05-20', 'archive');
SELECT pulse_archive_events('2003-05-01', 'archive');
RESET ROLE;
-- Nobody but Pulse writes what the job works by.
CREATE ROLE archive_writer;
GRANT pg_write_all_data, pg_read_all_data TO archive_writer;
SET ROLE archive_writer;
UPDATE pulse.event_archive SET remote_schema = 'elsewhere';
DELETE FROM pulse.archived_profile;
SELECT pg_temp.fails($$INSERT INTO pulse.event_archive_change (partition) VALUES ('event_y2003m05')$$);
SELECT pg_temp.fails($$INSERT INTO pulse.archive_erasure (erasure_id, month, profiles, requested_at, next_attempt_at) VALUES (1, '2003-05-01', '{1}', now(), now())$$);
SELECT count(*), count(*) FILTER (WHERE remote_schema = 'elsewhere') FROM pulse.event_archive;
RESET ROLE;
SELECT month, partition, server, state, by_hand, reason, rows, batch, remote_schema LIKE 'pulse\_archive\_%', remote_table ~ '^event_y2003m05_[0-9a-f]{8}$' FROM pulse.event_archive;
SELECT action, subject, details FROM pulse.audit WHERE action LIKE 'events.%' ORDER BY id LIMIT 1;
SELECT pulse_restore_events('2003-05-01');
SELECT state, reason FROM pulse.event_archive;
-- An archived month as the job makes it. What says NOT archived does not plan it, and events go to its local part.
ALTER TABLE pulse.event DETACH PARTITION pulse.event_y2003m05;
ALTER TABLE pulse.event_y2003m05 RENAME TO event_y2003m05_late;
CREATE TABLE pulse.event_y2003m05 (LIKE pulse.event INCLUDING DEFAULTS) PARTITION BY LIST (archived);
ALTER TABLE pulse.event_y2003m05 ATTACH PARTITION pulse.event_y2003m05_late FOR VALUES IN (false);
CREATE FOREIGN TABLE pulse.event_y2003m05_archived PARTITION OF pulse.event_y2003m05 FOR VALUES IN (true) SERVER archive;
ALTER TABLE pulse.event ATTACH PARTITION pulse.event_y2003m05 FOR VALUES FROM ('2003-05-01+00') TO ('2003-06-01+00');
SELECT accepted FROM pulse_import_events($$SELECT 'archived' AS user_id, 'ArchiveLate' AS event, timestamptz '2003-05-07' AS "timestamp"$$);
SELECT tableoid::regclass, name, archived FROM pulse.event WHERE NOT archived AND name = 'ArchiveLate';
SELECT count(*) FROM pulse.event WHERE NOT archived AND name LIKE 'Archive%';
SELECT pg_temp.fails($$SELECT count(*) FROM pulse.event WHERE time < '2003-06-01'$$) LIKE '08001 could not connect to server "archive"%';
SELECT name FROM pulse.table_size WHERE name LIKE 'event\_y%';
ROLLBACK;
DROP ROLE IF EXISTS archive_operator, archive_admin;
