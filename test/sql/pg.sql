-- Room pg: the clock, and the settings.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';

-- The clock is the transaction's time, or pulse.now.
SELECT pulse_now() = now() AS transaction_time;
SET pulse.now = '2011-03-01';
SELECT pulse_now();
SHOW pulse.now;
SET pulse.now = '2011-03-01 06:30:00.25+02';
SELECT pulse_now();
RESET pulse.now;
SELECT pulse_now() = now() AS transaction_time;
SET pulse.now = '';
SELECT pulse_now() = now() AS transaction_time;

-- It is parsed with the setting session's TimeZone and DateStyle, and then fixed as an instant.
SET timezone = 'Europe/Berlin';
SET datestyle = 'SQL, DMY';
SET pulse.now = '01/03/2011';
SHOW pulse.now;
SET timezone = 'Asia/Tokyo';
SET datestyle = 'ISO, MDY';
SELECT pulse_now();
-- Parallel workers see the same time.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT name AS parallel_mode FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \gset
SET :parallel_mode = on;
EXPLAIN (COSTS OFF) SELECT pulse_now();
SELECT pulse_now(), current_setting('pulse.now')::timestamptz AS setting;
RESET :parallel_mode;
RESET min_parallel_table_scan_size;
RESET parallel_tuple_cost;
RESET parallel_setup_cost;
SET timezone = 'UTC';
SHOW pulse.now;

-- It is transactional.
BEGIN;
SET LOCAL pulse.now = '2012-02-29 12:00';
SELECT pulse_now();
COMMIT;
SELECT pulse_now();
BEGIN;
SET pulse.now = '2012-02-29 12:00';
ROLLBACK;
SELECT pulse_now();
RESET pulse.now;

-- Values other than fixed instants are rejected, with the value and what is valid.
SET pulse.now = 'soon';
SET pulse.now = 'now';
SET pulse.now = ' Today';
SET pulse.now = 'tomorrow 06:00';
SET pulse.now = '-infinity';
SET pulse.now = '2011-02-30';
SET pulse.now = '300000-01-01';
SET pulse.now = '2011-03-01 06:00 Elsewhere/Land';
SELECT set_config('pulse.now', repeat('9', 40), false);
SELECT pulse_now() = now() AS unchanged;

-- Ranges and units of the other settings.
SELECT name, setting, unit, min_val, max_val, context
FROM pg_settings WHERE name LIKE 'pulse.%' ORDER BY name COLLATE "C";
SELECT name FROM pg_settings
WHERE name LIKE 'pulse.%' AND (short_desc NOT LIKE 'Sets %.' OR short_desc IS NULL) ORDER BY name COLLATE "C";
SET pulse.size_change_threshold = 1.5;
SET pulse.size_change_threshold = -0.1;
SET pulse.size_change_threshold = 'much';
SET pulse.sketch_size = 10;
SET pulse.statement_timeout = '2 parsecs';
SET pulse.statement_timeout = '2min';
SHOW pulse.statement_timeout;
RESET pulse.statement_timeout;
SET pulse.no_such_setting = 1;
