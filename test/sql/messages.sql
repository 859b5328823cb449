-- What a user sees: no statement of Pulse in an error, names as SQL writes them, a word where nothing is returned.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
CREATE SCHEMA say;
SET search_path = say, public;
CREATE TABLE "Mixed Case" (id int PRIMARY KEY);
CREATE TABLE orders (id int PRIMARY KEY, amount int);
CREATE FUNCTION broken() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE EXCEPTION 'broken on purpose'; END $$;

-- ---- names of nothing, and names that need quotes ----
SELECT pulse_monitor_table('Mixed Case');
SELECT pulse_suggest_checks('T 5');
SELECT pulse_suggest_checks('a.b.c.d');
SELECT pulse_suggest_checks('"');
SELECT pulse_suggest_checks('say."Mixed Case"') IS NOT NULL AS suggested LIMIT 1;
SELECT pulse_create_segment('x', '{"from": "Mixed Case"}');
SELECT pulse_create_segment('x', '{"from": "MixedCase"}');
SELECT pulse_create_segment('x', '{"from": "a.b.c.d"}');
SELECT pulse_grant('typo', 'reader');
SELECT pulse_revoke('typo');

-- Every function that takes one text, with odd names: only the message, its detail and its hint.
CREATE FUNCTION context_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE c text;
BEGIN
    EXECUTE statement;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS c = PG_EXCEPTION_CONTEXT;
    -- What is left belongs to this function.
    RETURN nullif(regexp_replace(c, '(^|\n)(SQL statement "' || regexp_replace(statement, '([][().*+?^$|{}\\])', '\\\1', 'g') ||
                                    '"\n)?PL/pgSQL function context_of\(text\) line \d+ at EXECUTE$', ''), '');
END $$;
-- Which names an event has had depends on the order of the calls.
SET client_min_messages = warning;
SELECT p.proname, n.name, context_of(format('SELECT * FROM %s(%L)', p.oid::regproc, n.name)) AS context
FROM pg_proc AS p JOIN pg_depend AS d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
     JOIN pg_language AS l ON l.oid = p.prolang AND l.lanname = 'c'
     CROSS JOIN (VALUES ('Mixed Case'), ('a.b.c.d'), (''), ('"'), (E'a\nb'), ('$1'), ('é''"')) AS n (name)
WHERE p.proname LIKE 'pulse\_%' AND p.pronargs - p.pronargdefaults <= 1 AND p.pronargs >= 1 AND p.proargtypes[0] = 'text'::regtype
  AND p.prokind = 'f' AND p.proname NOT IN ('pulse_receive_webhook')
  -- The line of the caller's own JSON may show.
  AND context_of(format('SELECT * FROM %s(%L)', p.oid::regproc, n.name)) NOT LIKE 'JSON data, line %'
ORDER BY 1, 2;
RESET client_min_messages;

-- ---- a function of the definition keeps its context; a query shows where it is wrong ----
SELECT pulse_create_segment('x', '{"query": "SELECT broken()"}');
SELECT pulse_create_segment('x', '{"query": "SELECT id, nothing FROM orders"}');
SELECT count(*) FROM pulse_import_events('SELECT nothing');
SELECT count(*) FROM pulse_import_events('SELECT broken()');
CREATE FUNCTION calls() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM pulse_suggest_checks('T 5'); END $$;
SELECT calls();

-- ---- nothing due ----
SELECT count(*) FROM pulse_check_tables();
SELECT count(*) FROM pulse_take_snapshots();
SET pulse.now = '2020-01-01 12:00';
SELECT pulse_monitor_table('orders', checks => '[{"type": "schema"}]') > 0 AS made;
SELECT pulse_create_segment('Some orders', '{"from": "orders", "key": "id"}') > 0 AS made;
SELECT count(*) FROM pulse_check_tables();
SELECT count(*) FROM pulse_check_tables();
SELECT count(*) FROM pulse_take_snapshots();
SELECT count(*) FROM pulse_take_snapshots();
RESET pulse.now;

-- ---- keys in the wrong object ----
SELECT pulse_create_segment('x', '{"from": "orders", "expectedSize": {"min": 1}}');
SELECT pulse_create_segment('x', '{"from": "orders", "sizeChangePercent": 0.2}');
SELECT pulse_create_segment('x', '{"from": "orders", "owner": "me"}');
SELECT pulse_create_segment('x', '{"from": "orders"}', baseline => '{"cadence": "1 hour"}');
SELECT pulse_create_segment('x', '{"from": "orders"}', baseline => '{"nullSpike": 0.1}');

SELECT pulse_create_segment('x', '{"from": "orders", "every": "1 day"}');
SELECT pulse_create_flag('x', '{"description": "text"}');
SELECT pulse_create_flag('x', '{"rules": [{"overrides": {}}]}');
SELECT pulse_create_flag('x', '{"rollout": 50}');
SELECT pulse_create_flag('x', '{"variants": {"on": {"weight": 50}, "off": {"weight": 50}}}');
SELECT pulse_monitor_table('orders', checks => '[{"type": "volume", "max_age": "1 hour"}]');
SELECT pulse_monitor_table('orders', checks => '[{"type": "volume", "owner": "me"}]');
SELECT pulse_create_channel('x', 'slack', '{"url": "https://hooks.example.com/x", "min_severity": "high"}');
SELECT pulse_create_source('x', '{"host": "replica.example", "cadence": "1 day"}');

-- ---- a URL without TLS is refused when the channel is made ----
SELECT pulse_create_channel('plain', 'slack', '{"url": "http://hooks.example.com/x"}');
SELECT pulse_create_model('plain', '{"provider": "anthropic", "api_key": "k", "base_url": "http://models.example.com"}');
SELECT * FROM pulse_subscribe('http://hooks.example.com/x');

-- ---- what is missing in a call, and names that nearly exist ----
SELECT pulse_create_channel('plain', 'slack', '{}');
SELECT pulse_create_channel('plain', 'slack', '{"URL": "https://hooks.example.com/x"}');
SELECT * FROM pulse_run_job('Drift');
SELECT * FROM pulse_run_job('');
SELECT pulse_compare_snapshots(-1, -2);

-- ---- a syntax error points into the text of the user ----
SELECT pulse_schedule('x', '@daily', 'SELECT 1; SELEC 2');
SELECT pulse_create_segment('x', '{"query": "SELECT 1 FORM orders,"}');

-- ---- nothing to do ----
SELECT count(*) FROM pulse_replay_rejected(ARRAY[-1]);

-- ---- a duration or a moment as text ----
SELECT pulse_ignore_incident(-1, '3 days');
SELECT pulse_ignore_incident(-1, '2030-01-01');
SELECT pulse_ignore_incident(-1, interval '3 days');
SELECT pulse_ignore_incident(-1, now() + interval '3 days');
SELECT pulse_ignore_incident(-1);
SELECT pulse_ignore_incident(-1, 'soon');
SET pulse.now = '2020-01-01 12:00';
SELECT pulse_mute('*', '-3 days');
RESET pulse.now;

SET client_min_messages = warning;
SELECT pulse_delete_segment('Some orders', confirm => true);
DELETE FROM pulse.monitor;
DROP SCHEMA say CASCADE;
