\echo Use "CREATE EXTENSION pulse_bridge_test" to load this file. \quit

-- Objects that know when they are made and destroyed.
CREATE FUNCTION made() RETURNS bigint LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_made';
CREATE FUNCTION alive() RETURNS bigint LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_alive';

-- Runs SQL below `depth` frames of C++, each with counted objects and a session of its own.
CREATE FUNCTION execute(sql text, depth int DEFAULT 3) RETURNS bigint LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_execute';
-- Throws: user, user_bare, exception, logic, bad_alloc, int, foreign_state.
CREATE FUNCTION throw(kind text) RETURNS void LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_throw';
-- Throws inside pg::Call, catches outside, and says what arrived.
CREATE FUNCTION throw_through_call(kind text) RETURNS text LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_throw_through_call';
-- A C++ loop without end.
CREATE FUNCTION loop() RETURNS void LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_loop';
-- Runs SQL in a subtransaction and says how it ended.
CREATE FUNCTION attempt(sql text, read_only bool DEFAULT false) RETURNS text LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_attempt';
-- The same, with the session outside and one level of subtransaction more.
CREATE FUNCTION attempt_nested(sql text) RETURNS text LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_attempt_nested';
-- Runs SQL under a deadline, in a subtransaction.
CREATE FUNCTION deadline(milliseconds int, sql text, inner_milliseconds int DEFAULT 0) RETURNS text
    LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_deadline';
-- Lets a deadline fire when nobody looks, then checks for interrupts.
CREATE FUNCTION deadline_unnoticed() RETURNS text LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_deadline_unnoticed';
-- Runs a query as a role under a search_path; the first column of its first row.
CREATE FUNCTION as_definer(role text, path text, sql text) RETURNS text LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_as_definer';
CREATE FUNCTION as_owner(sql text) RETURNS text LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_as_owner';
-- Reads SQL by a cursor and counts the rows; gives up by a C++ exception that it catches after `stop_after` rows.
CREATE FUNCTION read_by_cursor(sql text, portion int, stop_after bigint DEFAULT NULL) RETURNS bigint
    LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_read_by_cursor';
-- There and back again.
CREATE FUNCTION same_json(value jsonb) RETURNS jsonb LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_same_json';
CREATE FUNCTION same_texts(value text[]) RETURNS text[] LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_same_texts';
CREATE FUNCTION same_numbers(value float8[]) RETURNS float8[] LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_same_numbers';
CREATE FUNCTION same_bigints(value bigint[]) RETURNS bigint[] LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_same_bigints';
CREATE FUNCTION same_name(value text) RETURNS name LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_same_name';
CREATE FUNCTION required_text(value text) RETURNS text LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_required_text';
-- `count` rows; `mistake` is columns or type, for a row that does not fit.
CREATE FUNCTION rows(count int, mistake text DEFAULT '') RETURNS TABLE (number bigint, word text)
    LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_rows';
-- A statement kept over calls.
CREATE FUNCTION kept_statement(number bigint) RETURNS text LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_kept_statement';
-- Calls of pulse_now() replaced in a text.
CREATE FUNCTION replace_now(sql text, literal text DEFAULT 'NOW') RETURNS text LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_replace_now';
-- Visits to a source; `keep` returns refusals instead of raising them.
CREATE FUNCTION visit(source text, VARIADIC sql text[]) RETURNS text LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_visit';
CREATE FUNCTION visit(source text, sql text[], milliseconds int, keep boolean) RETURNS text
    LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_visit';
CREATE FUNCTION describe(source text, sql text) RETURNS text LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_describe';

-- Takes a snapshot at a moment as if this database had no Pulse. `expected` is the size of the snapshot before.
CREATE FUNCTION snapshot_plainly(segment text, moment timestamptz, sketch_size int DEFAULT NULL, max_values int DEFAULT NULL,
                                 expected bigint DEFAULT NULL)
    RETURNS bigint LANGUAGE c AS 'MODULE_PATHNAME', 'snapshot_plainly';
-- What it asks.
CREATE FUNCTION snapshot_plain_queries(segment text, moment timestamptz, sketch_size int DEFAULT NULL,
                                       max_values int DEFAULT NULL, expected bigint DEFAULT NULL)
    RETURNS text[] LANGUAGE c AS 'MODULE_PATHNAME', 'snapshot_plain_queries';

-- A background worker that visits a source so often, reports, and stays.
CREATE TABLE worker_report (visits bigint, connections bigint, pages_grown bigint);
CREATE FUNCTION start_worker(source text, visits int) RETURNS boolean LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_start_worker';
-- Takes all snapshots that are due in a background worker and waits for its end; what it tells stands in outcome.
CREATE TABLE outcome (segment text, snapshot bigint, status text, size bigint, error text);
CREATE FUNCTION take_due_apart() RETURNS void LANGUAGE c AS 'MODULE_PATHNAME', 'snapshot_take_due_apart';

-- Sends requests (url, method, headers, body, mail, time-outs …) under limits (requests, per_host, allowed_hosts, allow_http) and
-- returns the answers in the order in which they came.
CREATE FUNCTION exchange(requests jsonb, limits jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_exchange';
-- Sends one request `count` times, `at_once` at a time.
CREATE FUNCTION exchange_load(request jsonb, limits jsonb, count bigint, at_once bigint) RETURNS jsonb
    LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_exchange_load';

-- What the delivery worker does before it sends: notices become messages; a message is settled as if it were claimed, with the reason
-- when there is nothing to say.
CREATE FUNCTION plan_feeds(OUT messages bigint, OUT more boolean, OUT busy boolean, OUT "full" boolean, OUT waiting boolean) RETURNS SETOF record
    LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_plan_feeds';
CREATE FUNCTION plan_notices("limit" bigint DEFAULT 1000) RETURNS bigint LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_plan_notices';
CREATE FUNCTION compose_message(message bigint) RETURNS text LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_compose_message';

CREATE FUNCTION bridge_evaluate(sql text, a bigint, b text, times int DEFAULT 1) RETURNS text
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'bridge_evaluate';
CREATE FUNCTION bridge_probe_many(names text[]) RETURNS text LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'bridge_probe_many';
CREATE FUNCTION bridge_lock_many(names text[]) RETURNS text LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'bridge_lock_many';
CREATE FUNCTION bridge_probe_rows(names text[]) RETURNS text LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'bridge_probe_rows';
CREATE FUNCTION bridge_is_empty("table" text) RETURNS boolean LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'bridge_is_empty';
CREATE FUNCTION bridge_by_index(sql text, number bigint, anew boolean DEFAULT false) RETURNS bigint LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'bridge_by_index';
CREATE FUNCTION bridge_probe(name text) RETURNS text LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'bridge_probe';
CREATE FUNCTION bridge_changed() RETURNS boolean LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'bridge_changed';
CREATE FUNCTION bridge_announce() RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'bridge_announce';
CREATE FUNCTION bridge_latest(sql text) RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'bridge_latest';

-- People: whose events with these ids are, who somebody is, normal forms, accounts.
CREATE FUNCTION resolve(claims jsonb, lock boolean DEFAULT false) RETURNS TABLE (profile bigint, canonical bigint, created boolean, note text)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'bridge_resolve';
CREATE FUNCTION find_person("user" text) RETURNS text LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'bridge_find_person';
CREATE FUNCTION normalise(kind text, raw text) RETURNS text LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'bridge_normalise';
CREATE FUNCTION write_accounts(events jsonb) RETURNS text LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'bridge_write_accounts';

-- Two kinds of jobs that only this library registers, and their work; what is due is run in a background worker.
CREATE TABLE work (id bigserial, job text, due_at timestamptz DEFAULT now(), done_at timestamptz, done_in int);
CREATE FUNCTION lanes() RETURNS text[] LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_lanes';
CREATE FUNCTION run_due_jobs() RETURNS void LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_run_due_jobs';
-- Functions of Pulse, with the kinds that this library knows.
CREATE FUNCTION built_in_jobs()
    RETURNS TABLE (id bigint, name text, description text, schedule text, on_demand boolean, timeout text, max_retries int, retry_delay text)
    LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_built_in_jobs';
CREATE FUNCTION schedule(job text, schedule text DEFAULT NULL, command text DEFAULT NULL, time_zone text DEFAULT NULL,
                         enabled boolean DEFAULT NULL, overlap text DEFAULT NULL, timeout interval DEFAULT NULL,
                         max_retries int DEFAULT NULL, retry_delay interval DEFAULT NULL, jitter interval DEFAULT NULL)
    RETURNS timestamptz LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_schedule';
CREATE FUNCTION run_job(job text)
    RETURNS TABLE (run bigint, status text, rows bigint, duration_ms double precision, message text, error text)
    LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_run_job';
CREATE FUNCTION status() RETURNS TABLE (item text, state text, value text, detail text) LANGUAGE c AS 'MODULE_PATHNAME', 'bridge_status';
