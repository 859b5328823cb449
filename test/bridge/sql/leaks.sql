-- Ten thousand failing calls in one session leak nothing: neither in PostgreSQL's memory contexts nor in the
-- memory of the process, which includes that of C++.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
CREATE SCHEMA IF NOT EXISTS bridge;
CREATE EXTENSION IF NOT EXISTS pulse_bridge_test SCHEMA bridge;
RESET client_min_messages;
SET search_path = bridge, public;

CREATE SCHEMA victim;
CREATE TABLE victim.note (id int PRIMARY KEY);
CREATE FUNCTION victim.write_then_fail() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO victim.note VALUES (1);
    PERFORM 1 / 0;
END $$;
CREATE FUNCTION victim.rss() RETURNS bigint LANGUAGE sql AS $$
    SELECT substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s*(\d+) kB')::bigint * 1024
$$;
CREATE FUNCTION victim.contexts() RETURNS numeric LANGUAGE sql AS $$
    SELECT sum(total_bytes) FROM pg_backend_memory_contexts
$$;

-- Calls `sql` that many times; each call must fail.
CREATE PROCEDURE victim.fail(sql text, times int) LANGUAGE plpgsql AS $$
DECLARE failures int := 0;
BEGIN
    FOR i IN 1..times LOOP
        BEGIN
            EXECUTE sql;
        EXCEPTION WHEN OTHERS THEN
            failures := failures + 1;
        END;
        -- As a session of short transactions does.
        IF i % 100 = 0 THEN COMMIT; END IF;
    END LOOP;
    IF failures <> times THEN RAISE EXCEPTION '% of % failed: %', failures, times, sql; END IF;
END $$;

CREATE TABLE victim.kind (n int, sql text);
INSERT INTO victim.kind VALUES
    (1, 'SELECT bridge.execute(''SELECT 1/0'', 5)'),
    (2, 'SELECT bridge.execute(''SELECT victim.write_then_fail()'', 2)'),
    (3, 'SELECT bridge.throw(''user'')'),
    (4, 'SELECT bridge.throw(''exception'')'),
    (5, 'SELECT bridge.throw(''int'')'),
    (6, 'SELECT bridge.as_definer(''nobody_of_that_name'', '''', ''SELECT 1'')'),
    (7, 'SELECT bridge.as_owner(''SELECT no_such_column'')'),
    (8, 'SELECT bridge.read_by_cursor(''SELECT 1 / (50 - i) FROM generate_series(1, 100) AS i'', 10)'),
    (9, 'SELECT * FROM bridge.rows(10, ''columns'')'),
    (10, 'SELECT CASE WHEN bridge.attempt(''SELECT victim.write_then_fail()'') LIKE ''22012%'' THEN bridge.throw(''user'') END');

-- Caches fill during the first calls.
SELECT format('CALL victim.fail(%L, 1000)', sql) FROM victim.kind ORDER BY n \gexec
SELECT victim.rss() AS rss_before, victim.contexts() AS contexts_before, made() AS made_before \gset
SELECT format('CALL victim.fail(%L, 1000)', sql) FROM victim.kind ORDER BY n \gexec
SELECT made() - :made_before > 10000 AS many_objects, alive(),
       victim.contexts() - :contexts_before < 65536 AS contexts_flat,
       victim.rss() - :rss_before < 1024 * 1024 AS rss_flat;

SET client_min_messages = warning;
DROP SCHEMA victim CASCADE;
