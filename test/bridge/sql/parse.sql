-- Calls of pulse_now() in a text are found by PostgreSQL's own grammar.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
CREATE SCHEMA IF NOT EXISTS bridge;
CREATE EXTENSION IF NOT EXISTS pulse_bridge_test SCHEMA bridge;
RESET client_min_messages;
SET search_path = bridge;

SELECT replace_now('SELECT pulse_now()');
SELECT replace_now('SELECT a FROM t WHERE t.at > pulse_now() - interval ''1 day'' AND t.at <= public.pulse_now()');
-- In any spelling.
SELECT replace_now('SELECT PULSE_NOW ( ), "pulse_now"(), "we(i""rd" . pulse_now /* a (nested /* one */) */ ( -- )
) AS x');
-- In any position.
SELECT replace_now('WITH a AS (SELECT pulse_now()) SELECT (SELECT pulse_now()), count(*) FILTER (WHERE x > pulse_now()) FROM a,
    LATERAL (SELECT pulse_now()) AS l JOIN generate_series(pulse_now(), pulse_now(), ''1 day'') AS g ON g < pulse_now()
    GROUP BY pulse_now() HAVING max(x) < pulse_now() UNION SELECT pulse_now(), 1 ORDER BY 1 LIMIT 5');
SELECT replace_now('SELECT sum(x) OVER (PARTITION BY pulse_now() ORDER BY date_trunc(''day'', pulse_now())) FROM t');
SELECT replace_now('SELECT * FROM pulse_now() AS n; SELECT pulse_now()');
-- Similar text stays unchanged.
SELECT replace_now('SELECT ''pulse_now()'', $$pulse_now()$$, "pulse_now()", pulse_now, pulse_now(1), my_pulse_now() -- pulse_now()
FROM pulse_now');
-- The literal is inserted unchanged; multi-byte characters do not shift the position.
SELECT replace_now('SELECT ''Grüße ☃'', pulse_now(), ''ß''', '''2026-01-01 00:00:00+00''::timestamptz');
SELECT replace_now('');
SELECT replace_now('SELECT pulse_now(');
