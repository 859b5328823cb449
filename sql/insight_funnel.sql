-- ---------------------------------------------------------------------------------------------------------
-- Room insight: funnels.

-- Level: reader
CREATE TABLE pulse.funnel (
    id bigserial PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    definition jsonb NOT NULL,
    version int NOT NULL DEFAULT 1,
    description text,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON TABLE pulse.funnel IS 'One row per saved funnel. Changed only by pulse_create_funnel() and related functions.';
COMMENT ON COLUMN pulse.funnel.definition IS 'In canonical form.';

-- Level: reader
CREATE TABLE pulse.funnel_version (
    funnel_id bigint NOT NULL REFERENCES pulse.funnel ON DELETE CASCADE,
    version int NOT NULL,
    definition jsonb NOT NULL,
    change text NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (funnel_id, version)
);
COMMENT ON TABLE pulse.funnel_version IS 'All definitions that a funnel has had, with the role that made the change, the time, and the keys that changed.';

-- Level: reader
CREATE TABLE pulse.funnel_monitor (
    funnel_id bigint NOT NULL REFERENCES pulse.funnel,
    step int NOT NULL,
    segment_id bigint NOT NULL UNIQUE REFERENCES pulse.segment ON DELETE CASCADE,
    PRIMARY KEY (funnel_id, step)
);
COMMENT ON TABLE pulse.funnel_monitor IS 'The segments that measure the steps of monitored funnels. Changed only by pulse_monitor_funnel() and pulse_unmonitor_funnel().';
COMMENT ON COLUMN pulse.funnel_monitor.step IS 'The segment has the entries that reached this step; converted: they took the next one.';

SELECT pg_catalog.pg_extension_config_dump('pulse.funnel', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.funnel_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.funnel_version', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.funnel_monitor', '');

-- ---- One person's paths ----

CREATE TYPE pulse.funnel_path AS (reached int, waiting boolean, times bigint[], value text);
COMMENT ON TYPE pulse.funnel_path IS
'How far a person got in a funnel: the number of steps, whether the next one may still come, the instant of each step (microseconds since 2000), and the value of the breakdown.';

-- Level: reader
CREATE FUNCTION pulse.follow_funnel_step(internal, text, int, bigint, timestamptz, int, text, text) RETURNS internal
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_follow_funnel_step';
-- Level: reader
CREATE FUNCTION pulse.follow_funnel_combine(internal, internal) RETURNS internal
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_follow_funnel_combine';
-- Level: reader
CREATE FUNCTION pulse.follow_funnel_serialize(internal) RETURNS bytea
    LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_follow_funnel_serialize';
-- Level: reader
CREATE FUNCTION pulse.follow_funnel_deserialize(bytea, internal) RETURNS internal
    LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pulse_follow_funnel_deserialize';
-- Level: reader
CREATE FUNCTION pulse.follow_funnel_final(internal) RETURNS pulse.funnel_path[]
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pulse_follow_funnel_final';
COMMENT ON FUNCTION pulse.follow_funnel_step(internal, text, int, bigint, timestamptz, int, text, text) IS 'Part of the aggregate pulse.follow_funnel.';
COMMENT ON FUNCTION pulse.follow_funnel_combine(internal, internal) IS 'Part of the aggregate pulse.follow_funnel.';
COMMENT ON FUNCTION pulse.follow_funnel_serialize(internal) IS 'Part of the aggregate pulse.follow_funnel.';
COMMENT ON FUNCTION pulse.follow_funnel_deserialize(bytea, internal) IS 'Part of the aggregate pulse.follow_funnel.';
COMMENT ON FUNCTION pulse.follow_funnel_final(internal) IS 'Part of the aggregate pulse.follow_funnel.';
-- Level: reader
CREATE AGGREGATE pulse.follow_funnel(plan text, by_step int, person bigint, at timestamptz, mask int, key text, value text) (
    SFUNC = pulse.follow_funnel_step, STYPE = internal, SSPACE = 1024, FINALFUNC = pulse.follow_funnel_final, FINALFUNC_MODIFY = READ_WRITE,
    COMBINEFUNC = pulse.follow_funnel_combine, SERIALFUNC = pulse.follow_funnel_serialize,
    DESERIALFUNC = pulse.follow_funnel_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse.follow_funnel(text, int, bigint, timestamptz, int, text, text) IS
'Internal: the paths of one person through a funnel, over the person''s events in any order: the steps and exclusions that each matches, as bits, the property that must stay the same, and the value of the breakdown. Null if the person never began. pulse_funnel() calls it. Errors: 54000 a person has more than 1,000,000 such events.';

-- ---- Reading ----

-- Level: reader
CREATE FUNCTION pulse_funnel(funnel text, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, by text DEFAULT NULL)
    RETURNS TABLE (value text, step int, name text, people bigint, rate double precision, rate_low double precision, rate_high double precision,
                   step_rate double precision, step_rate_low double precision, step_rate_high double precision,
                   median interval, p90 interval, dropped bigint, waiting bigint)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'pulse_funnel';
COMMENT ON FUNCTION pulse_funnel(text, timestamptz, timestamptz, text) IS
'Returns the steps of a funnel as of pulse_now(): people who reached the step (entries, if the funnel counts every entry or sessions), their share of those who began and of those who took the step before, each with its 95 % interval (Wilson), median and 90th percentile of the time from the step before, those who took it, not the next step, and have no time left for it (dropped), and those who still have (waiting).
The funnel is the name of a saved one, or a definition in JSON (level people_reader). since (including it), until (excluding it) and by replace those of the definition; an empty by removes it. With by, value is a value of the breakdown: the 50 most frequent ones, (none) and (other); below the level people_reader also values of fewer than 10 people are (other), and figures of fewer than 10 people who began are null.
Errors: 42704 unknown funnel or segment, 22023 unknown keys or invalid values, 42601 and 42804 rules, 42501 definition below level people_reader, 54000 a person has more than 1,000,000 events of the steps.';
-- Level: reader
CREATE FUNCTION pulse_funnel(definition jsonb, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, by text DEFAULT NULL)
    RETURNS TABLE (value text, step int, name text, people bigint, rate double precision, rate_low double precision, rate_high double precision,
                   step_rate double precision, step_rate_low double precision, step_rate_high double precision,
                   median interval, p90 interval, dropped bigint, waiting bigint)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'pulse_funnel';
COMMENT ON FUNCTION pulse_funnel(jsonb, timestamptz, timestamptz, text) IS
'The same for a definition that is not saved, such as {"steps": ["view", {"event": "purchase", "where": "amount > 100"}], "window": "7 days"}. Needs the level people_reader, because a rule can be true for single people. Keys: steps (2 to 20; event, where, name, within), window (30 days), step_timeout, order (strict_increase, loose, strict_order), entry (first, best, every), exclude (event, where, after, before), hold (a property), since, until, by, by_step, segment, per (person, session), session_gap (30 min).';

-- Level: people_reader
CREATE FUNCTION pulse_funnel_people(funnel text, step bigint, dropped boolean DEFAULT false, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
                                    by text DEFAULT NULL, value text DEFAULT NULL, max bigint DEFAULT 100, after bigint DEFAULT NULL)
    RETURNS TABLE (profile_id bigint, user_id text, breakdown text, reached int, waiting boolean, entered_at timestamptz, reached_at timestamptz)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'pulse_funnel_people';
COMMENT ON FUNCTION pulse_funnel_people(text, bigint, boolean, timestamptz, timestamptz, text, text, bigint, bigint) IS
'Lists people of a funnel, by name or as a definition, as of pulse_now(): those who reached a step, or with dropped those who took it, not the next, and have no time left for it. reached is the number of steps they took, reached_at the time of the step asked for. value: only people with this value of the breakdown. max: up to 10,000; give the last profile_id as after for the next page. Errors: as for pulse_funnel(), 22023 no such step.';
-- Level: people_reader
CREATE FUNCTION pulse_funnel_people(definition jsonb, step bigint, dropped boolean DEFAULT false, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
                                    by text DEFAULT NULL, value text DEFAULT NULL, max bigint DEFAULT 100, after bigint DEFAULT NULL)
    RETURNS TABLE (profile_id bigint, user_id text, breakdown text, reached int, waiting boolean, entered_at timestamptz, reached_at timestamptz)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'pulse_funnel_people';
COMMENT ON FUNCTION pulse_funnel_people(jsonb, bigint, boolean, timestamptz, timestamptz, text, text, bigint, bigint) IS
'The same for a definition that is not saved.';

-- Level: people_reader
CREATE FUNCTION pulse_funnel_journeys(funnel text, "user" text)
    RETURNS TABLE (entry int, step int, name text, state text, at timestamptz, took interval)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'pulse_funnel_journeys';
COMMENT ON FUNCTION pulse_funnel_journeys(text, text) IS
'Shows one person''s way through a funnel, by name or as a definition, as of pulse_now(): each entry with all steps, their state (reached, waiting: the step may still be taken, not reached), time and time from the step before. No rows if the person never began. Errors: as for pulse_funnel(), 42704 no person with that id.';
-- Level: people_reader
CREATE FUNCTION pulse_funnel_journeys(definition jsonb, "user" text)
    RETURNS TABLE (entry int, step int, name text, state text, at timestamptz, took interval)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'pulse_funnel_journeys';
COMMENT ON FUNCTION pulse_funnel_journeys(jsonb, text) IS 'The same for a definition that is not saved.';

-- Level: people_reader
CREATE FUNCTION pulse_funnels_of("user" text)
    RETURNS TABLE (funnel text, reached int, steps int, entered_at timestamptz, reached_at timestamptz, converted boolean, waiting boolean)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'pulse_funnels_of';
COMMENT ON FUNCTION pulse_funnels_of(text) IS
'Lists the entries of one person into the saved funnels as of pulse_now(): the number of steps reached and in all, the times of the first and of the last step reached, whether all were taken, and whether the next one still may be. Errors: 42704 no person with that id.';

-- ---- Saved funnels ----

-- Level: operator
CREATE FUNCTION pulse_create_funnel(name text, definition jsonb, description text DEFAULT NULL)
    RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_create_funnel';
COMMENT ON FUNCTION pulse_create_funnel(text, jsonb, text) IS
'Saves a funnel and returns its id. The definition is that of pulse_funnel(). Errors: 22023 not a name, unknown keys or invalid values, 42710 name taken, 42601 and 42804 rules, 42704 unknown segment.';

-- Level: operator
CREATE FUNCTION pulse_update_funnel(name text, definition jsonb DEFAULT NULL, description text DEFAULT NULL, new_name text DEFAULT NULL)
    RETURNS int LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_update_funnel';
COMMENT ON FUNCTION pulse_update_funnel(text, jsonb, text, text) IS
'Changes a funnel and returns its version: null leaves a value as it is, an empty description removes it. Another definition creates a new version; pulse.funnel_version keeps all. Errors: as for pulse_create_funnel(), 42704 unknown funnel, 55000 another number of steps while it is monitored.';

-- Level: operator
CREATE FUNCTION pulse_delete_funnel(name text)
    RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_delete_funnel';
COMMENT ON FUNCTION pulse_delete_funnel(text) IS 'Deletes a funnel and its versions. Errors: 42704 unknown funnel, 2BP01 it is monitored.';

-- Level: reader
CREATE FUNCTION pulse_list_funnels()
    RETURNS TABLE (id bigint, name text, definition jsonb, version int, description text, created_by text, created_at timestamptz, updated_at timestamptz, monitored boolean)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 20 AS 'MODULE_PATHNAME', 'pulse_list_funnels';
COMMENT ON FUNCTION pulse_list_funnels() IS 'Lists the saved funnels by name.';

-- ---- Watching ----

-- Level: people_reader
CREATE FUNCTION pulse.funnel_cohort(funnel bigint, step bigint, attributes text[], within interval DEFAULT '1 day')
    RETURNS TABLE (member text, converted boolean, "values" text[])
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1000 AS 'MODULE_PATHNAME', 'pulse_funnel_cohort';
COMMENT ON FUNCTION pulse.funnel_cohort(bigint, bigint, text[], interval) IS
'The entries of a funnel, by id, that began on one day, ended by pulse_now() less the time within, and reached a step: whether they took the next step within that time of the first, and their attributes. The segments of pulse_monitor_funnel() read it.';

-- Level: operator
CREATE FUNCTION pulse_monitor_funnel(name text, attributes text[] DEFAULT NULL, within interval DEFAULT '1 day')
    RETURNS int LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_monitor_funnel';
COMMENT ON FUNCTION pulse_monitor_funnel(text, text[], interval) IS
'Watches a saved funnel and returns the number of its new segments, one for each step but the last: measured daily, over the entries that began on one day and have had the time within since. A step that loses conversion becomes an incident in pulse.incident; its diagnosis names the value of an attribute that lost it. attributes: up to 10 such as profile.country, properties.platform (of the first step''s event), context.app.version, source. Errors: 42704 unknown funnel, 42710 monitored already, 22023 not an attribute, or within not from 1 minute to 90 days.';

-- Level: operator
CREATE FUNCTION pulse_unmonitor_funnel(name text)
    RETURNS int LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_unmonitor_funnel';
COMMENT ON FUNCTION pulse_unmonitor_funnel(text) IS
'Stops watching a funnel: deletes its segments with their history, and returns their number. Errors: 42704 unknown funnel, 55000 not monitored, 42501 segment of another role.';
