-- Arguments as drivers send them: integers of each width, parameters and literals without a type, JSON of each type.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';

-- An argument that takes an integer takes each: PostgreSQL passes no bigint as an int.
SELECT p.oid::regprocedure AS takes_no_bigint
FROM pg_proc AS p JOIN pg_depend AS d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
     JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'pulse'
WHERE p.proname LIKE 'pulse\_%' AND p.proargtypes::oid[] && ARRAY['int2'::regtype, 'int4'::regtype]::oid[]
ORDER BY 1;

-- Why a call cannot be prepared; null if it can, so that exactly one function fits.
CREATE FUNCTION problem_of(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'PREPARE probe AS ' || call;
    DEALLOCATE probe;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;

-- Every argument that is a bigint, as $1 of each type; the others are null, with their types and without.
CREATE TEMP TABLE call AS
SELECT p.oid::regprocedure AS function, format('SELECT * FROM %s(%s)', p.oid::regproc, c.arguments) AS call
FROM pg_proc AS p JOIN pg_depend AS d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
     JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'pulse'
     CROSS JOIN generate_series(1, p.pronargs) AS i (tested)
     CROSS JOIN (VALUES ('$1::int2'), ('$1::int4'), ('$1::int8'), ('$1'), ('''1''')) AS v (value)
     CROSS JOIN (VALUES (true), (false)) AS t (typed)
     CROSS JOIN LATERAL (
         SELECT string_agg(CASE WHEN a.i = i.tested THEN v.value WHEN t.typed THEN 'NULL::' || a.type::regtype ELSE 'NULL' END, ', ' ORDER BY a.i)
         FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, i)
         WHERE t.typed OR a.i <= greatest(i.tested, p.pronargs - p.pronargdefaults)) AS c (arguments)
WHERE p.proname LIKE 'pulse\_%' AND p.prokind = 'f' AND p.proargtypes[i.tested - 1] = 'int8'::regtype;
SELECT count(DISTINCT function) > 20 AS many FROM call;
SELECT function, call, problem_of(call) AS problem FROM call WHERE problem_of(call) IS NOT NULL ORDER BY 1, 2;

-- What is typed.
SELECT pulse_ignore_incident(-2, '3 days');
SELECT pulse_ignore_incident('-2', '3 days');
SELECT pulse_ignore_incident(incident => -2::smallint, until => '2030-01-01', reason => 'known');
PREPARE ignore AS SELECT pulse_ignore_incident($1, $2);
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'ignore';
EXECUTE ignore(-2, '3 days');
DEALLOCATE ignore;
-- Here a parameter without a type is the name of a channel or the id of a message.
SELECT pulse_retry_message('17');
SELECT pulse_retry_message('17x');
SELECT count(*) FROM pulse_replay_rejected(ARRAY[-1, -2], max => 5::smallint);
SELECT count(*) FROM pulse_preview_schedule('@daily', runs => 3::bigint);
SELECT pulse_preview_schedule('@daily', runs => 3000000000);

-- A batch of events as jsonb, as json, as text; a parameter without a type is text.
PREPARE jsonb_batch (jsonb) AS SELECT status, reason FROM pulse_ingest($1);
PREPARE json_batch (json) AS SELECT status, reason FROM pulse_ingest($1);
PREPARE text_batch (text) AS SELECT status, reason FROM pulse_ingest($1);
PREPARE any_batch AS SELECT status, reason FROM pulse_ingest($1, $2);
SELECT name, parameter_types FROM pg_prepared_statements WHERE name LIKE '%\_batch' ORDER BY name;
EXECUTE jsonb_batch('{"type": "track", "event": "typed"}');
EXECUTE json_batch('{"type": "track", "event": "typed"}');
EXECUTE text_batch('{"type": "track", "event": "typed"}');
EXECUTE any_batch('{"type": "track", "event": "typed"}', 'driver');
SELECT status, reason FROM pulse_ingest('{"type": "track", "event": "\u0000"}'::json);
DEALLOCATE ALL;

DROP FUNCTION problem_of(text);
DROP TABLE call;
TRUNCATE pulse.rejected_event, pulse.ingest_tally, pulse.source_total;
