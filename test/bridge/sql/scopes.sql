-- Scopes of the bridge: subtransactions, deadlines, identities, cursors, conversions.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
CREATE SCHEMA IF NOT EXISTS bridge;
CREATE EXTENSION IF NOT EXISTS pulse_bridge_test SCHEMA bridge;
RESET client_min_messages;
SET search_path = bridge, public;

CREATE SCHEMA victim;
CREATE TABLE victim.note (id int PRIMARY KEY, word text);
CREATE FUNCTION victim.write_then_fail(n int) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO victim.note VALUES (n, 'never seen');
    PERFORM 1 / 0;
END $$;
CREATE FUNCTION victim.write(n int) RETURNS void LANGUAGE sql VOLATILE AS $$ INSERT INTO victim.note VALUES (n, 'written') $$;
CREATE SEQUENCE victim.ticket;

-- ---- Subtransactions: the failed part is rolled back, the rest continues.
BEGIN;
INSERT INTO victim.note VALUES (1, 'before');
SELECT attempt('INSERT INTO victim.note VALUES (2, ''kept'')');
SELECT attempt('SELECT victim.write_then_fail(3)');
SELECT attempt('INSERT INTO victim.note VALUES (1, ''again'')');
SELECT attempt('SELECT no_such_function()');
INSERT INTO victim.note VALUES (4, 'after');
SELECT id, word FROM victim.note ORDER BY id;
COMMIT;
SELECT attempt_nested('SELECT victim.write_then_fail(5)');
SELECT attempt_nested('INSERT INTO victim.note VALUES (6, ''nested'')');
SELECT attempt_nested('SELECT attempt(''SELECT victim.write_then_fail(7)'')');
SELECT attempt('SELECT attempt_nested(''SELECT victim.write_then_fail(8)'')');
SELECT id, word FROM victim.note ORDER BY id;
SELECT alive();

-- Read-only also for functions that the statement calls.
SELECT attempt('SELECT count(*) FROM victim.note', true);
SELECT attempt('SELECT victim.write(9)', true);
SELECT attempt('WITH w AS (DELETE FROM victim.note RETURNING *) SELECT * FROM w', true);
SELECT attempt('CREATE TABLE victim.other ()', true);
SELECT attempt('SELECT nextval(''victim.ticket'')', true);
SELECT attempt('SET transaction_read_only = off', true);
SELECT attempt('SELECT set_config(''transaction_read_only'', ''off'', true)', true);
-- Only until its end.
SELECT attempt('SELECT victim.write(10)');
SHOW transaction_read_only;
SELECT id, word FROM victim.note ORDER BY id;

-- ---- Cancel and timeout: in a C++ loop, and in SQL called from it.
SET statement_timeout = '200ms';
SELECT loop();
SELECT execute('SELECT pg_sleep(60)');
SELECT execute('SELECT loop()');
SELECT attempt('SELECT loop()');
RESET statement_timeout;
SELECT alive();

-- A deadline inside a statement; the outermost one applies.
SELECT deadline(100, 'SELECT pg_sleep(60)');
SELECT deadline(100, 'SELECT loop()');
SELECT deadline(60000, 'SELECT ''in time''');
SELECT deadline(0, 'SELECT ''no limit''');
SELECT deadline(100, 'SELECT pg_sleep(60)', 60000);
SELECT deadline(60000, 'SELECT 1 FROM pg_sleep(0.2)', 100);
SELECT deadline(60000, 'SELECT deadline(100, ''SELECT 1 FROM pg_sleep(0.2)'')');
SELECT deadline(60000, 'SELECT 1/0');
-- A deadline that expired unnoticed cancels nothing else.
SELECT deadline_unnoticed();
SELECT deadline(100, 'SELECT pg_sleep(60)'), deadline(60000, 'SELECT ''next''');
-- statement_timeout is not reported as a deadline.
SET statement_timeout = '100ms';
SELECT deadline(60000, 'SELECT pg_sleep(60)');
RESET statement_timeout;
-- The time limit is over: a statement that takes longer is not cancelled.
SELECT pg_sleep(0.2);

-- ---- Identity: a definition runs with its creator's rights and path, and leaves nothing behind.
CREATE ROLE bridge_maker;
CREATE SCHEMA maker_schema AUTHORIZATION bridge_maker;
CREATE TABLE maker_schema.mine AS SELECT 'hers' AS word;
ALTER TABLE maker_schema.mine OWNER TO bridge_maker;
SELECT as_definer('bridge_maker', 'maker_schema, pg_temp', 'SELECT current_user || '': '' || word FROM mine');
SELECT as_definer('bridge_maker', 'pg_catalog', 'SHOW search_path');
SELECT as_definer('bridge_maker', '', 'SELECT count(*) FROM victim.note');
SELECT as_definer('bridge_maker', 'pg_catalog', 'SELECT 1/0');
SELECT as_definer('bridge_maker', 'broken, "', 'SELECT 1');
SELECT as_definer('nobody_of_that_name', 'pg_catalog', 'SELECT 1');
-- A security-restricted operation cannot regain the caller's rights, and leaves nothing in the session.
SELECT as_definer('bridge_maker', 'pg_catalog', 'SET ROLE postgres');
SELECT as_definer('bridge_maker', 'pg_catalog', 'SET SESSION AUTHORIZATION postgres');
SELECT as_definer('bridge_maker', 'pg_catalog', 'RESET ROLE');
SELECT as_definer('bridge_maker', 'pg_catalog', 'CREATE TEMP TABLE trap ()');
SELECT as_definer('bridge_maker', 'pg_catalog', 'PREPARE trap AS SELECT 1');
SELECT as_definer('bridge_maker', 'pg_catalog', 'LISTEN trap');
SELECT as_owner('SELECT current_user || '', '' || current_setting(''search_path'')');
SELECT as_owner('SELECT 1/0');
SELECT current_user, session_user = current_user AS same, current_setting('search_path');
-- A setting changed inside is restored outside.
SELECT as_owner('SELECT set_config(''search_path'', ''maker_schema'', false)');
SHOW search_path;
BEGIN;
SET LOCAL search_path = public, bridge;
SAVEPOINT s;
SELECT as_definer('bridge_maker', 'pg_catalog', 'SELECT 1/0');
ROLLBACK TO s;
SHOW search_path;
SELECT current_user = session_user AS unchanged;
ROLLBACK;
-- A caller without rights: the definition has its creator's rights, the caller keeps only its own.
CREATE ROLE bridge_caller;
GRANT USAGE ON SCHEMA bridge TO bridge_caller;
SET ROLE bridge_caller;
SELECT as_definer('bridge_maker', 'maker_schema, pg_temp', 'SELECT current_user || '': '' || word FROM mine');
SELECT word FROM maker_schema.mine;
SELECT current_user;
RESET ROLE;

-- ---- Cursors: portions, an error in the middle, an abort by a C++ exception.
SELECT read_by_cursor('SELECT generate_series(1, 1000)', 7);
SELECT read_by_cursor('SELECT 1 WHERE false', 7);
SELECT read_by_cursor('SELECT 1 / (500 - i) FROM generate_series(1, 1000) AS i', 7);
SELECT read_by_cursor('SELECT generate_series(1, 1000)', 7, 20);
SELECT count(*) FROM pg_cursors;
SELECT read_by_cursor('DELETE FROM victim.note', 7);
SELECT count(*) FROM victim.note;

-- ---- Values converted both ways.
SELECT same_json('{"a": [1, -0.5, true, null, "x\\y\"\u00e9\ud83d\ude00"], "": {}}');
SELECT same_json(v::jsonb) = v::jsonb AS same FROM (SELECT repeat('[', 100) || repeat(']', 100) AS v) AS deep;
SELECT same_json(v::jsonb) FROM (SELECT repeat('[', 5000) || repeat(']', 5000) AS v) AS too_deep;
SELECT octet_length(same_json(to_jsonb(repeat('x', 2000000)))::text);
SELECT same_json('1e400');
SELECT same_json(NULL);
SELECT same_texts('{a,"b c","","NULL",é}'), same_texts('{}');
SELECT same_texts('{a,NULL}');
SELECT same_numbers('{1,-0.1,Infinity,NaN,1e-300}'), same_bigints('{9223372036854775807,-9223372036854775808}');
SELECT length(same_name(repeat('n', 100))), octet_length(same_name(repeat('é', 100))::text);
SELECT required_text('given'), required_text('');
SELECT required_text(NULL);

SET client_min_messages = warning;
DROP SCHEMA victim CASCADE;
DROP SCHEMA maker_schema CASCADE;
DROP OWNED BY bridge_maker, bridge_caller;
DROP ROLE bridge_maker, bridge_caller;
