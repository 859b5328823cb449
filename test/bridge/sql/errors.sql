-- Errors of PostgreSQL and exceptions of C++ crossing the bridge, both ways.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
CREATE SCHEMA IF NOT EXISTS bridge;
CREATE EXTENSION IF NOT EXISTS pulse_bridge_test SCHEMA bridge;
RESET client_min_messages;
SET search_path = bridge, public;

CREATE SCHEMA victim;
CREATE TABLE victim.parent (id int CONSTRAINT parent_key PRIMARY KEY, amount int CONSTRAINT positive CHECK (amount > 0), word text NOT NULL);
CREATE DOMAIN victim.small AS int CONSTRAINT is_small CHECK (VALUE < 10);
CREATE FUNCTION victim.fail(detail text, hint text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'own message' USING ERRCODE = 'XP123', DETAIL = detail, HINT = hint, SCHEMA = 's', TABLE = 't',
        COLUMN = 'c', CONSTRAINT = 'k', DATATYPE = 'd';
END $$;

-- The error of a failing call, as the caller sees it.
CREATE FUNCTION victim.report(sql text) RETURNS TABLE (field text, value text) LANGUAGE plpgsql AS $$
DECLARE
    state text; message text; detail text; hint text; context text;
    schema_name text; table_name text; column_name text; constraint_name text; datatype text;
BEGIN
    EXECUTE sql;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT, schema_name = SCHEMA_NAME, table_name = TABLE_NAME,
        column_name = COLUMN_NAME, constraint_name = CONSTRAINT_NAME, datatype = PG_DATATYPE_NAME;
    RETURN QUERY SELECT * FROM (VALUES ('sqlstate', state), ('message', message), ('detail', detail), ('hint', hint),
        ('context', context), ('schema', schema_name), ('table', table_name), ('column', column_name),
        ('constraint', constraint_name), ('datatype', datatype)) AS f (field, value) WHERE f.value <> '';
END $$;

-- All fields of an error arrive, the context once: directly, from a constraint, from inside a function.
\x on
\t on
SELECT * FROM victim.report($$ SELECT execute('SELECT victim.fail(''own detail 100%s'', ''own hint'')') $$);
SELECT * FROM victim.report($$ SELECT execute('INSERT INTO victim.parent VALUES (1, 0, ''x'')') $$);
SELECT * FROM victim.report($$ SELECT execute('INSERT INTO victim.parent (id) VALUES (1)') $$);
SELECT * FROM victim.report($$ SELECT execute('SELECT 10::victim.small') $$);
SELECT * FROM victim.report($$ SELECT execute('SELECT no_such_column FROM victim.parent') $$);
-- The same as without C++, except for the context line with the SQL statement.
SELECT * FROM victim.report($$ SELECT victim.fail('own detail 100%s', 'own hint') $$);
\t off
\x off
-- The client gets the error with the position inside the failed statement.
SELECT execute('SELECT no_such_column FROM victim.parent');
SELECT execute('SELEC 1');
SELECT execute('SELECT victim.fail(NULL, NULL)');

-- C++ objects in the frames above the error are destroyed.
SELECT made() AS made_before \gset
SELECT execute('SELECT 1/0', 10);
SELECT execute('SELECT victim.fail(NULL, NULL)', 10);
SELECT execute('SELECT execute(''SELECT victim.fail(NULL, NULL)'', 10)', 10);
SELECT made() - :made_before AS made, alive();

-- C++ exceptions become errors.
SELECT throw('user');
SELECT throw('user_bare');
SELECT throw('foreign_state');
SELECT throw('exception');
SELECT throw('logic');
SELECT throw('bad_alloc');
SELECT throw('int');
SELECT throw(NULL);
\x on
\t on
SELECT * FROM victim.report($$ SELECT throw('user') $$);
SELECT * FROM victim.report($$ SELECT throw('foreign_state') $$);
SELECT * FROM victim.report($$ SELECT throw('exception') $$);
SELECT * FROM victim.report($$ SELECT throw('bad_alloc') $$);
SELECT * FROM victim.report($$ SELECT throw('int') $$);
\t off
\x off
-- Also across a call into PostgreSQL, and across PostgreSQL itself.
SELECT kind, throw_through_call(kind) FROM unnest('{user,exception,bad_alloc,int,none}'::text[]) AS kind;
SELECT execute('SELECT throw(''user'')');
SELECT execute('SELECT throw(''int'')');
SELECT alive();

-- A later statement is not affected by an error.
SELECT execute('SELECT generate_series(1, 5)'), kept_statement(7);

-- Rows that do not match the result type raise an internal error, not a crash.
SELECT * FROM rows(3);
SELECT count(*), sum(number) FROM rows(100000);
SELECT * FROM rows(3, 'columns');
SELECT * FROM rows(3, 'type');
SELECT rows(3);

SET client_min_messages = warning;
DROP SCHEMA victim CASCADE;
