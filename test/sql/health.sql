-- Monitors on tables: creating, changing and ending them; suggestions; privileges; maintenance windows.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
CREATE ROLE health_operator;
CREATE ROLE health_nobody;
RESET client_min_messages;
SET timezone = 'UTC';
SELECT pulse_grant('health_operator', 'operator');
CREATE SCHEMA shop;
CREATE TABLE shop.customer (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO shop.customer SELECT i, 'c' || i FROM generate_series(1, 100) AS i;
CREATE TABLE shop.orders (id bigint PRIMARY KEY, customer_id int, status text, amount numeric, note text,
                          created_at timestamptz NOT NULL DEFAULT now());
-- One order every four minutes for six weeks.
INSERT INTO shop.orders SELECT i, 1 + i % 100, (ARRAY['new', 'paid', 'sent'])[1 + i % 3], i % 500, NULL,
    '1996-01-01'::timestamptz + i * interval '4 minutes' FROM generate_series(1, 15000) AS i;
CREATE INDEX orders_created_at ON shop.orders (created_at);
ANALYZE shop.orders, shop.customer;

-- The suggested checks, with reasons.
SELECT * FROM pulse_suggest_checks('shop.orders');
SELECT "check" ->> 'type' AS type, reason FROM pulse_suggest_checks('shop.customer');

-- Without given checks, the suggested ones are stored with their reasons.
SET pulse.now = '1996-02-10 12:00';
SELECT pulse_monitor_table('shop.orders', owner => 'data-team', tags => '{core}') AS first \gset
SELECT kind, attribute, every, severity, after, left(reason, 40) AS reason FROM pulse.monitor_check WHERE monitor_id = :first ORDER BY id;
SELECT "check", status, observed, expected, message FROM pulse_check_tables();
-- No check is due early; a call with the name of the table runs all checks.
SELECT count(*) FROM pulse_check_tables();
SELECT pulse.next_health_check();
SELECT count(*) FROM pulse_check_tables('orders');
SELECT "table", source, state, incidents, worst, last_check, what, next_check, checks, owner FROM pulse.table_overview;

-- A second call changes the monitor: without checks it keeps them, with checks it replaces them.
SELECT pulse_monitor_table('shop.orders', every => '1 hour') = :first AS same;
SELECT every, owner, tags, status, (SELECT count(*) FROM pulse.monitor_check) AS checks FROM pulse.monitor;
SELECT pulse_monitor_table('shop.orders', checks => '[{"type": "volume", "min": 100, "severity": "low", "after": 3, "every": "1 day"},
    {"type": "freshness", "max_age": "2 hours"}]') = :first AS same;
SELECT kind, attribute, settings, every, severity, after, reason FROM pulse.monitor_check ORDER BY id;

-- Errors in a definition, with what is valid.
CREATE FUNCTION told(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE d text; h text;
BEGIN
    EXECUTE statement;
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(d, ''), nullif(h, ''));
END $$;
SELECT c AS checks, told(format('SELECT pulse_monitor_table(''shop.orders'', checks => %L)', c)) FROM unnest(ARRAY[
    '{}', '[]', '[1]', '[{}]', '[{"type": "freshnes"}]', '[{"type": 7}]', '[{"type": "volume", "mn": 3}]',
    '[{"type": "volume", "min": -1}]', '[{"type": "volume", "min": 5, "max": 2}]', '[{"type": "volume", "min": "many"}]',
    '[{"type": "volume", "severity": "awful"}]', '[{"type": "volume", "after": 0}]', '[{"type": "volume", "every": "1 s"}]',
    '[{"type": "freshness", "max_age": "soon"}]', '[{"type": "freshness", "column": "created"}]',
    '[{"type": "freshness", "column": "amount"}]', '[{"type": "null_rate"}]', '[{"type": "null_rate", "column": "amount", "max": 2}]',
    '[{"type": "null_rate", "column": ""}]', '[{"type": "unique", "columns": []}]', '[{"type": "unique", "columns": ["idd"]}]',
    '[{"type": "accepted_values", "column": "status", "values": []}]', '[{"type": "accepted_values", "column": "amount", "values": ["x"]}]',
    '[{"type": "accepted_values", "column": "status", "values": [{}]}]', '[{"type": "range", "column": "amount"}]',
    '[{"type": "range", "column": "amount", "min": "cheap"}]', '[{"type": "references", "column": "customer_id", "relation": "shop.custmer", "to": "id"}]',
    '[{"type": "references", "column": "customer_id", "relation": "shop.customer", "to": "key"}]', '[{"type": "replication_lag", "max": 3}]',
    '[{"type": "sql", "query": "SELECT 1"}]', '[{"type": "sql", "query": "SELECT 1; SELECT 2", "max": 1}]',
    '[{"type": "sql", "query": "DELETE FROM shop.orders", "max": 1}]', '[{"type": "sql", "query": "SELECT nothing FROM shop.orders", "max": 1}]',
    '[{"type": "sql", "query": "SELECT 1", "max": 1, "rows": 0}]', '[{"type": "sql", "query": "SELEC", "max": 1}]',
    '[{"type": "sql", "query": "SELECT 1, 2", "max": 1}]', '[{"type": "schema"}, {"type": "sql", "query": "SELECT status FROM shop.orders", "max": 1}]',
    '[{"type": "sql", "query": "SELECT true AS late", "max": 1}]', '[{"type": "sql", "query": "SELECT interval ''1 day''", "max": 1}]',
    '[{"type": "sql", "query": "SELECT FROM shop.orders", "max": 1}]',
    '[{"type": "schema"}, {"type": "schema"}]', '[{"type": "sql", "query": "SELECT 1", "max": 1}, {"type": "sql", "query": "SELECT 2", "max": 1}]'
    ]) AS c;
SELECT told('SELECT pulse_monitor_table(NULL)'), told('SELECT pulse_monitor_table('''')'), told('SELECT pulse_monitor_table(''shop.order'')'),
       told('SELECT pulse_monitor_table(''shop.orders_created_at'')'), told('SELECT pulse_monitor_table(''shop.orders'', every => ''1 s'')'),
       told('SELECT pulse_monitor_table(''shop.orders'', source => ''nowhere'')') \gx
SELECT told('SELECT pulse_check_tables(''shop.customer'')'), told('SELECT pulse_unmonitor_table(''shop.customer'')'),
       told('SELECT pulse_suggest_checks(''shop.customr'')') \gx
-- None of the failed calls changed anything.
SELECT kind FROM pulse.monitor_check ORDER BY id;

-- Privileges: checks run as the role that created the monitor, which needs SELECT; their queries cannot write.
SET ROLE health_operator;
SELECT told('SELECT pulse_monitor_table(''shop.orders'')');
RESET ROLE;
GRANT USAGE ON SCHEMA shop TO health_operator;
GRANT SELECT ON shop.customer TO health_operator;
GRANT EXECUTE ON FUNCTION told TO health_operator, health_nobody;
CREATE FUNCTION shop.sneak() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM shop.orders; RETURN 1; END $$;
SET ROLE health_operator;
SELECT pulse_monitor_table('shop.customer', checks => '[{"type": "volume", "min": 1}, {"type": "sql", "name": "secret", "query": "SELECT count(*) FROM shop.customer", "min": 1},
    {"type": "sql", "name": "sneak", "query": "SELECT shop.sneak()", "max": 1}]') > 0 AS made;
SELECT told('SELECT pulse_monitor_table(''shop.customer'', checks => ''[{"type": "sql", "query": "SELECT count(*) FROM shop.orders", "max": 1}]'')');
RESET ROLE;
SELECT m.relation, m.runs_as FROM pulse.monitor AS m ORDER BY 1;
SELECT "check", status, observed, message FROM pulse_check_tables('shop.customer');
REVOKE SELECT ON shop.customer FROM health_operator;
SELECT "check", status, observed, message FROM pulse_check_tables('shop.customer');
GRANT SELECT ON shop.customer TO health_operator;
SET ROLE health_nobody;
SELECT told('SELECT pulse_monitor_table(''shop.customer'')'), told('SELECT pulse_check_tables()'), told('SELECT pulse_mute(''*'')') \gx
RESET ROLE;
SELECT count(*) FROM shop.orders;

-- Maintenance windows.
SELECT told('SELECT pulse_mute(NULL)'), told('SELECT pulse_mute(''shop.invoice'')'), told('SELECT pulse_mute(''*'', ''whenever'')'),
       told('SELECT pulse_mute(''*'', ''1992-01-01'')'), told('SELECT pulse_unmute(''shop.invoice'')') \gx
SELECT pulse_mute('orders', '2 hours', 'reload') > 0 AS text, pulse_mute('table:shop.customer', '1996-03-01'::timestamptz) > 0 AS moment,
       pulse_mute('*', interval '1 day', 'moving') > 0 AS length;
SELECT kind, name, since, until, reason FROM pulse.mute ORDER BY id;
SELECT "table", muted_until FROM pulse.table_overview ORDER BY 1;
SELECT pulse_unmute('*'), pulse_unmute('*'), pulse_unmute('shop.orders'), pulse_unmute('shop.customer');
SELECT "table", muted_until FROM pulse.table_overview ORDER BY 1;

-- A monitor that has ended: no check is due, and the results stay.
SELECT pulse_unmonitor_table('shop.customer');
SELECT pulse_unmonitor_table('shop.orders');
SELECT pulse.next_health_check(), (SELECT count(*) FROM pulse.table_overview) AS watched, (SELECT count(*) > 0 FROM pulse.check_result) AS kept;
SELECT pulse_monitor_table('shop.orders') = :first AS again;
SELECT count(*) AS checks FROM pulse.monitor_check WHERE monitor_id = :first;

-- ---- a check keeps the rights of the role that defined it, even if another role changes the monitor ----
CREATE SCHEMA lair AUTHORIZATION health_operator;
SET ROLE health_operator;
CREATE TABLE lair.trap AS SELECT 1 AS i;
CREATE FUNCTION lair.who() RETURNS int LANGUAGE sql STABLE AS $$ SELECT CASE current_user WHEN 'health_operator' THEN 0 ELSE 1 END $$;
CREATE FUNCTION lair.stop() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE EXCEPTION 'no cancel' USING ERRCODE = '57014'; END $$;
SELECT pulse_monitor_table('lair.trap', checks => '[{"type": "sql", "name": "who", "query": "SELECT lair.who()", "max": 0},
    {"type": "sql", "name": "stop", "query": "SELECT lair.stop()", "max": 0}]') > 0 AS made;
RESET ROLE;
SELECT pulse_monitor_table('lair.trap', every => '1 hour') > 0 AS changed;
SELECT "check", status, message FROM pulse_check_tables('lair.trap');
SELECT runs_as FROM pulse.monitor WHERE relation = 'lair.trap';
SELECT pulse_unmonitor_table('lair.trap');
SELECT pulse_monitor_table('lair.trap') > 0 AS anew;
SELECT c.kind, m.runs_as = current_user AS mine FROM pulse.monitor AS m JOIN pulse.monitor_check AS c ON c.monitor_id = m.id WHERE m.relation = 'lair.trap' ORDER BY 1;

-- ---- a large loss is detected before the daily pattern is learnt ----
CREATE TABLE shop.young AS SELECT i FROM generate_series(1, 1000) AS i;
SELECT pulse_monitor_table('shop.young', checks => '[{"type": "volume", "anomaly": true, "after": 1}]') > 0 AS made;
DO $$ BEGIN FOR i IN 1 .. 8 LOOP
    PERFORM set_config('pulse.now', ('1996-02-01 10:00+00'::timestamptz + i * interval '1 minute')::text, true);
    PERFORM pulse_check_tables('shop.young');
END LOOP; END $$;
DELETE FROM shop.young WHERE i > 580;
SET pulse.now = '1996-02-01 10:10+00';
SELECT status, message, incident IS NOT NULL AS told FROM pulse_check_tables('shop.young');

-- ---- invalid values ----
SELECT told('SELECT pulse_monitor_table(''shop.young'', checks => ''[{"type": "range", "column": "i", "min": 5, "max": 2}]'')');
SELECT told('SELECT pulse_monitor_table(''shop.young'', every => ''1000 years'')'), told('SELECT pulse_mute(''*'', interval ''170000000 years'')') \gx
SELECT pulse_monitor_table('shop.young', checks => '[{"type": "sql", "name": "nan", "query": "SELECT ''NaN''::float8", "max": 1}]') > 0 AS made;
SELECT status, message FROM pulse_check_tables('shop.young');

-- ---- the job leaves a replayed table alone until it is checked as of now; other tables stay with the job ----
UPDATE pulse.monitor SET status = 'ended' WHERE relation <> 'shop.young';
SELECT replayed, pulse.next_health_check() < 'infinity' AS due FROM pulse.monitor WHERE relation = 'shop.young';
RESET pulse.now;
SELECT pulse.next_health_check();
SELECT count(*) FROM pulse_check_tables();
SELECT count(*) FROM pulse.check_result WHERE at > '2000-01-01';
SELECT state, value FROM pulse_status() WHERE item = 'replayed tables';
SELECT status FROM pulse_check_tables('shop.young');
SELECT replayed, pulse.next_health_check() < 'infinity' AS due FROM pulse.monitor WHERE relation = 'shop.young';
SET pulse.now = '1996-02-02 10:10+00';
SELECT count(*) FROM pulse_check_tables('shop.young');
SELECT replayed FROM pulse.monitor WHERE relation = 'shop.young';
RESET pulse.now;

DROP OWNED BY health_operator;
DROP OWNED BY health_nobody;
DROP ROLE health_operator;
DROP ROLE health_nobody;
DELETE FROM pulse.monitor;
DELETE FROM pulse.mute;
SET client_min_messages = warning;
DROP SCHEMA shop CASCADE;
DROP FUNCTION told;
