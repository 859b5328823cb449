-- Room source: how a definition runs, tested by pulse_preview_segment(), which runs one as its caller.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'Asia/Tokyo';
SET datestyle = 'SQL, DMY';
SET intervalstyle = 'sql_standard';
SET extra_float_digits = 0;
SET bytea_output = 'escape';

-- Settings that affect input and output of values are fixed while a definition runs, then restored.
SELECT item FROM pulse_preview_segment('{"query": "SELECT name || '' = '' || setting FROM pg_settings WHERE name IN (''TimeZone'', ''DateStyle'', ''IntervalStyle'', ''extra_float_digits'', ''bytea_output'', ''standard_conforming_strings'', ''transaction_read_only'')"}') WHERE part = 'member' ORDER BY item COLLATE "C";
SELECT name, setting FROM pg_settings
WHERE name IN ('TimeZone', 'DateStyle', 'IntervalStyle', 'extra_float_digits', 'bytea_output', 'transaction_read_only') ORDER BY name COLLATE "C";
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SELECT item FROM pulse_preview_segment($${"query": "SELECT 'a\\b' AS id"}$$) WHERE part = 'member';
RESET standard_conforming_strings;
RESET escape_string_warning;

-- It runs under the caller's search_path, without its temporary schema first.
CREATE SCHEMA src;
CREATE TABLE src.place (id text PRIMARY KEY);
INSERT INTO src.place VALUES ('permanent');
CREATE TEMPORARY TABLE place (id text PRIMARY KEY);
INSERT INTO place VALUES ('temporary');
SET search_path = src, public;
SELECT item FROM pulse_preview_segment('{"from": "place"}') WHERE part = 'member';
SELECT item FROM pulse_preview_segment('{"query": "SELECT id FROM place"}') WHERE part = 'member';
SELECT id FROM place;
SHOW search_path;
SET search_path = '';
SELECT item FROM public.pulse_preview_segment('{"query": "SELECT current_setting(''search_path'') AS id"}') WHERE part = 'member';
RESET search_path;

-- Too long: pulse.statement_timeout is distinguished from statement_timeout and from a user's cancel, and does not affect later statements.
\set SHOW_CONTEXT never
\set slow '{"query": "SELECT pg_sleep(60)::text AS id FROM (VALUES (1)) AS v", "attributes": []}'
SET pulse.statement_timeout = '20ms';
SELECT * FROM pulse_preview_segment(:'slow');
SELECT count(*) FROM pg_class, pg_sleep(0.05) WHERE relname = 'place';
SET pulse.statement_timeout = '10min';
-- PostgreSQL signals the time-out twice; a late signal can look like a user's cancel. The SQLSTATE is the same.
\set VERBOSITY sqlstate
SET statement_timeout = '20ms';
SELECT * FROM pulse_preview_segment(:'slow');
SET pulse.statement_timeout = 0;
SELECT * FROM pulse_preview_segment(:'slow');
RESET statement_timeout;
\set VERBOSITY default
RESET pulse.statement_timeout;
CREATE FUNCTION src.cancel_me() RETURNS text LANGUAGE sql VOLATILE AS
    $$ SELECT pg_cancel_backend(pg_backend_pid())::text || pg_sleep(60)::text $$;
SELECT * FROM pulse_preview_segment('{"query": "SELECT src.cancel_me() AS id", "attributes": []}');

-- Errors leave user, settings and transaction unchanged, also if they are caught.
BEGIN;
CREATE TEMPORARY TABLE seen (what text) ON COMMIT DROP;
DO $$
BEGIN
    FOR i IN 1..3 LOOP
        BEGIN
            PERFORM pulse_preview_segment('{"query": "SELECT 1 / 0 AS id"}');
        EXCEPTION WHEN division_by_zero THEN
            INSERT INTO seen VALUES (current_setting('timezone') || ' ' || current_setting('transaction_read_only'));
        END;
    END LOOP;
END $$;
SELECT * FROM seen;
COMMIT;
-- Also in a read-only transaction.
BEGIN READ ONLY;
SELECT part, members FROM pulse_preview_segment('{"from": "src.place"}', 0) WHERE part = 'size';
COMMIT;

SET client_min_messages = warning;
DROP TABLE pg_temp.place;
DROP SCHEMA src CASCADE;
