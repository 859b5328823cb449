-- Parallel plans, each in a session of its own, in which nothing is cached: what is declared safe runs in a worker, what is not keeps the
-- plan serial. With kept state, and with state that has expired.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SELECT pulse_create_segment('par_buyers', '{"where": "events.par_buy.count_30d >= 1"}') > 0 AS made;
SELECT pulse_create_trait('par_bought', 'events.par_buy.count_30d') > 0 AS made;
SELECT pulse_create_flag('par_flag', 'segment("par_buyers")') > 0 AS made;
CREATE TABLE par_customer AS SELECT 'par' || i AS u FROM generate_series(1, 400) AS i;
ALTER TABLE par_customer SET (parallel_workers = 2);
SELECT count(*) FROM pulse_ingest((SELECT jsonb_agg(jsonb_build_object('type', 'track', 'userId', u, 'event', CASE WHEN u LIKE '%1' THEN 'par_buy' ELSE 'par_look' END)) FROM par_customer));
ANALYZE par_customer;
CREATE FUNCTION par_plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE plan text;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON, COSTS off) ' || query INTO plan;
    RETURN CASE WHEN plan ~ '"Gather' THEN 'parallel' ELSE 'serial' END;
END $$;
ALTER ROLE CURRENT_USER SET parallel_setup_cost = 0;
ALTER ROLE CURRENT_USER SET parallel_tuple_cost = 0;
ALTER ROLE CURRENT_USER SET min_parallel_table_scan_size = 0;
ALTER ROLE CURRENT_USER SET min_parallel_index_scan_size = 0;
ALTER ROLE CURRENT_USER SET max_parallel_workers_per_gather = 2;
ALTER ROLE CURRENT_USER SET parallel_leader_participation = off;

-- Functions and views that read definitions and people. A query that does not call them has a parallel plan.
\c
SELECT par_plan('SELECT count(*) FROM par_customer WHERE u <> ''x'''), par_plan('SELECT count(*) FILTER (WHERE pulse_in_segment(u, ''par_buyers'')) FROM par_customer');
SELECT count(*) FILTER (WHERE pulse_in_segment(u, 'par_buyers')) FROM par_customer;
\c
SELECT sum(pulse_trait(u, 'par_bought')::int) FROM par_customer;
\c
SELECT count(*) FROM par_customer AS c, pulse_segments_of(c.u);
\c
SELECT count(*) FROM par_customer AS c, pulse_traits(c.u);
\c
SELECT count(*) FILTER (WHERE (pulse_decide(u, 'par_flag')).allow) FROM par_customer;
\c
SELECT par_plan('SELECT count(*) FROM par_customer AS c JOIN pulse.identity AS i ON i.value = c.u JOIN pulse.membership AS m USING (profile_id)'),
       par_plan('SELECT count(*) FROM par_customer AS c JOIN pulse.identity AS i ON i.value = c.u JOIN pulse.trait_value AS m USING (profile_id)');
SELECT count(*) FROM par_customer AS c JOIN pulse.identity AS i ON i.value = c.u JOIN pulse.membership AS m USING (profile_id);
\c
SELECT sum(m.value::int) FROM par_customer AS c JOIN pulse.identity AS i ON i.value = c.u JOIN pulse.trait_value AS m USING (profile_id);

-- The same with state that has expired.
\c
SET pulse.now = '2999-01-01';
SELECT count(*) FILTER (WHERE pulse_in_segment(u, 'par_buyers')) FROM par_customer;
\c
SET pulse.now = '2999-01-01';
SELECT sum(pulse_trait(u, 'par_bought')::int) FROM par_customer;
\c
SET pulse.now = '2999-01-01';
SELECT count(*) FROM par_customer AS c JOIN pulse.identity AS i ON i.value = c.u JOIN pulse.membership AS m USING (profile_id);
\c
SET pulse.now = '2999-01-01';
SELECT sum(m.value::int) FROM par_customer AS c JOIN pulse.identity AS i ON i.value = c.u JOIN pulse.trait_value AS m USING (profile_id);
\c
SET pulse.now = '2999-01-01';
SELECT count(*) FILTER (WHERE (pulse_decide(u, 'par_flag')).allow) FROM par_customer;

-- What is declared safe, in a worker. The workers have the time of the session.
\c
SET pulse.now = '2011-03-01 12:00+00';
SELECT par_plan('SELECT min(pulse_now()), max(pulse_now()) FROM par_customer WHERE u <> ''x''');
SELECT count(*) FROM par_customer WHERE pulse_now() = '2011-03-01 12:00+00';
\c
SELECT par_plan('SELECT pulse_sketch_agg(u) FROM par_customer');
SELECT pulse_sketch_cardinality(pulse_sketch_agg(u)) FROM par_customer;
\c
SELECT par_plan('SELECT count(*) FROM par_customer, pulse_preview_schedule(left(u, 0) || ''5 minutes'', runs => 3)');
SELECT count(*) FROM par_customer, pulse_preview_schedule(left(u, 0) || '5 minutes', runs => 3);
\c
SELECT par_plan('SELECT count(*) FROM par_customer WHERE pulse.to_number(to_jsonb(length(u))) = 4');
SELECT count(*) FROM par_customer WHERE pulse.to_number(to_jsonb(length(u))) = 4;
\c
SELECT par_plan('SELECT count(*) FROM par_customer WHERE pulse.next_health_check() IS NULL');
SELECT count(*) FROM par_customer WHERE pulse.next_health_check() IS NULL;
-- An error in a worker keeps its state and its hint.
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT count(*) FROM par_customer, pulse_preview_schedule(left(u, 3));
\set VERBOSITY terse

\c
ALTER ROLE CURRENT_USER RESET parallel_setup_cost;
ALTER ROLE CURRENT_USER RESET parallel_tuple_cost;
ALTER ROLE CURRENT_USER RESET min_parallel_table_scan_size;
ALTER ROLE CURRENT_USER RESET min_parallel_index_scan_size;
ALTER ROLE CURRENT_USER RESET max_parallel_workers_per_gather;
ALTER ROLE CURRENT_USER RESET parallel_leader_participation;
SET client_min_messages = warning;
DROP EXTENSION pulse CASCADE;
DROP TABLE par_customer;
DROP FUNCTION par_plan;
