-- ---------------------------------------------------------------------------------------------------------
-- Room trait: live state and memberships of people.

-- Level: people_reader
CREATE TABLE pulse.profile_state (
    profile_id bigint PRIMARY KEY,
    as_of timestamptz NOT NULL,
    metrics jsonb NOT NULL,
    segments jsonb NOT NULL,
    next_change_at timestamptz
) WITH (fillfactor = 70);
CREATE INDEX profile_state_next ON pulse.profile_state (next_change_at) WHERE next_change_at IS NOT NULL;
CREATE INDEX profile_state_as_of ON pulse.profile_state (as_of);
COMMENT ON TABLE pulse.profile_state IS 'The metrics and segment memberships of a person, valid from as_of until next_change_at unless an event arrives.';
COMMENT ON COLUMN pulse.profile_state.metrics IS 'By id of pulse.metric: [value, until]; values of a person without such events are left out. Instants are microseconds since 2000.';
COMMENT ON COLUMN pulse.profile_state.segments IS 'By id of pulse.live_segment: [member, until]; left out for a non-member whose membership cannot change without an event.';
COMMENT ON COLUMN pulse.profile_state.next_change_at IS 'The first instant at which a membership can change without an event; null: never.';

-- Level: people_reader
CREATE TABLE pulse.member (
    segment_id bigint NOT NULL,
    profile_id bigint NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (segment_id, profile_id)
);
CREATE INDEX member_profile ON pulse.member (profile_id);
COMMENT ON TABLE pulse.member IS 'Members of each profile segment at their last evaluation; pulse.membership is exact at any instant.';

-- Level: people_reader
CREATE TABLE pulse.next_member (
    version_id bigint NOT NULL,
    profile_id bigint NOT NULL,
    PRIMARY KEY (version_id, profile_id)
);
CREATE INDEX next_member_profile ON pulse.next_member (profile_id);
COMMENT ON TABLE pulse.next_member IS 'Members of versions that are being built, by id of pulse.live_segment.';

-- Level: people_reader
CREATE TABLE pulse.membership_change (
    id bigint NOT NULL,
    segment_id bigint NOT NULL,
    profile_id bigint NOT NULL,
    change text COLLATE "C" NOT NULL CHECK (change IN ('entered', 'exited')),
    at timestamptz NOT NULL,
    version int NOT NULL,
    cause text COLLATE "C" NOT NULL,
    quiet boolean NOT NULL,
    position bigint
) PARTITION BY RANGE (at);
-- Ids are taken while the person is locked and give the order of two changes: the sequence must not be cached per session.
CREATE SEQUENCE pulse.membership_change_id_seq OWNED BY pulse.membership_change.id;
ALTER TABLE pulse.membership_change ALTER COLUMN id SET DEFAULT nextval('pulse.membership_change_id_seq');
COMMENT ON TABLE pulse.membership_change IS 'Each entry into and exit from a profile segment, with the instant and the cause; written by the transaction that evaluated it.';
COMMENT ON COLUMN pulse.membership_change.at IS 'The instant of the evaluation.';
COMMENT ON COLUMN pulse.membership_change.cause IS 'One of event, time (an event left a window), attributes, account, manual (added to or removed from a static segment), consent, merge, unmerge, erasure, definition, build, import.';
COMMENT ON COLUMN pulse.membership_change.quiet IS 'Whether automations and subscriptions ignore the change because it came from an import or a build.';
COMMENT ON COLUMN pulse.membership_change.position IS 'The position in the order in which consumers see changes; assigned when it is first read.';

-- Level: reader
CREATE TABLE pulse.change_position (
    position bigint NOT NULL,
    lost bigint NOT NULL DEFAULT 0
);
ALTER TABLE pulse.change_position REPLICA IDENTITY FULL;
INSERT INTO pulse.change_position VALUES (0);
COMMENT ON TABLE pulse.change_position IS 'One row: the last position assigned to a row of pulse.membership_change. Not dumped: it follows from the restored rows.';
COMMENT ON COLUMN pulse.change_position.lost IS 'Changes up to this position are deleted, those that had none included: a consumer that has not come as far has lost some.';

-- Level: reader
CREATE TABLE pulse.change_consumer (
    name text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL,
    after_id bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE pulse.change_consumer IS 'The position of each consumer of pulse_take_changes(), and of each subscription to membership changes.';
COMMENT ON COLUMN pulse.change_consumer.name IS 'For a subscription, "subscription:" and its channel.';
COMMENT ON COLUMN pulse.change_consumer.after_id IS 'Changes up to this id precede the subscription and are not sent to it.';

-- Level: people_reader
CREATE TABLE pulse.dirty (
    id bigserial PRIMARY KEY,
    profile_id bigint NOT NULL,
    event text COLLATE "C",
    attribute text COLLATE "C",
    account boolean NOT NULL,
    everything boolean NOT NULL,
    cause text COLLATE "C" NOT NULL,
    quiet boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
COMMENT ON TABLE pulse.dirty IS 'Queue of people whom the pipeline has yet to evaluate when pulse.evaluation is async. Rows are inserted and deleted, never updated.';

-- Level: people_reader
CREATE TABLE pulse.unsettled_person (
    profile_id bigint PRIMARY KEY,
    since timestamptz NOT NULL,
    attempts int NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    sqlstate text COLLATE "C" NOT NULL,
    part text NOT NULL,
    message text NOT NULL
);
CREATE INDEX unsettled_person_next ON pulse.unsettled_person (next_attempt_at);
COMMENT ON TABLE pulse.unsettled_person IS 'People for whom an evaluation fails. They are in no segment that fails for them; their other segments and all other people are evaluated. The row is deleted when nothing fails any more.';
COMMENT ON COLUMN pulse.unsettled_person.since IS 'When the evaluation first failed.';
COMMENT ON COLUMN pulse.unsettled_person.attempts IS 'How often the evaluation was tried: at next_attempt_at, after a change of the person that concerns a definition, and after a change of definitions.';
COMMENT ON COLUMN pulse.unsettled_person.next_attempt_at IS 'When the evaluation is tried again at the latest: one minute after the first failure, then after twice as long each time, up to a day.';
COMMENT ON COLUMN pulse.unsettled_person.part IS 'The first segment or metric that failed; empty if the evaluation failed as a whole.';

CREATE FUNCTION pulse.forget_states() RETURNS trigger
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM gone) THEN
        DELETE FROM pulse.member WHERE profile_id IN (SELECT g.id FROM gone AS g);
        DELETE FROM pulse.next_member WHERE profile_id IN (SELECT g.id FROM gone AS g);
        DELETE FROM pulse.static_member WHERE profile_id IN (SELECT g.id FROM gone AS g);
        DELETE FROM pulse.profile_state WHERE profile_id IN (SELECT g.id FROM gone AS g);
        DELETE FROM pulse.unsettled_person WHERE profile_id IN (SELECT g.id FROM gone AS g);
        DELETE FROM pulse.archive_wait WHERE profile_id IN (SELECT g.id FROM gone AS g);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION pulse.forget_states() IS 'Deletes the state and the memberships of deleted people.';
CREATE TRIGGER profile_forget_state AFTER DELETE ON pulse.profile REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION pulse.forget_states();
COMMENT ON TRIGGER profile_forget_state ON pulse.profile IS 'People who were deleted by hand are in no segment.';

SELECT pg_catalog.pg_extension_config_dump('pulse.profile_state', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.member', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.next_member', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.membership_change', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.membership_change_id_seq', '');
-- In a restored copy, subscriptions send only changes made in the copy.
SELECT pg_catalog.pg_extension_config_dump('pulse.change_consumer', $$WHERE name NOT LIKE 'subscription:%'$$);
SELECT pg_catalog.pg_extension_config_dump('pulse.unsettled_person', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.dirty', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.dirty_id_seq', '');

-- ---- Reading ----

-- Level: people_reader
CREATE FUNCTION pulse.evaluate_segments(profile bigint, building boolean) RETURNS TABLE (segment_id bigint, since timestamptz)
    LANGUAGE c STABLE STRICT PARALLEL UNSAFE ROWS 5 COST 1000 AS 'MODULE_PATHNAME', 'pulse_evaluate_segments';
COMMENT ON FUNCTION pulse.evaluate_segments(bigint, boolean) IS
'The live segments of a person (canonical id) at pulse_now(), or those that are being built for the first time, from the stored state where it is valid, else from the events. A segment that cannot be evaluated for this person is left out. Read-only. No rows for an unknown person. A statement that calls it with people in ascending order reads their events together.';

-- Level: people_reader
CREATE FUNCTION pulse.evaluate_trait(profile bigint, key text, OUT value jsonb, OUT problem text)
    LANGUAGE c STABLE STRICT PARALLEL UNSAFE COST 1000 AS 'MODULE_PATHNAME', 'pulse_evaluate_trait';
COMMENT ON FUNCTION pulse.evaluate_trait(bigint, text) IS
'One trait of a person (canonical id) at pulse_now(), and why it cannot be evaluated. Read-only. Null for an unknown person. Errors: 42704 unknown trait.';

-- Level: people_reader
CREATE FUNCTION pulse.evaluate_traits(profile bigint) RETURNS TABLE (key text, value jsonb)
    LANGUAGE c STABLE STRICT PARALLEL UNSAFE ROWS 5 COST 1000 AS 'MODULE_PATHNAME', 'pulse_evaluate_traits';
COMMENT ON FUNCTION pulse.evaluate_traits(bigint) IS
'The traits of a person (canonical id) at pulse_now(). Read-only. No rows for an unknown person.';

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- Level: people_reader
CREATE VIEW pulse.membership AS
SELECT s.name AS segment, m.segment_id, m.profile_id, m.since
FROM pulse.member AS m
JOIN pulse.profile_state AS t ON t.profile_id = m.profile_id
JOIN pulse.segment AS s ON s.id = m.segment_id
WHERE t.as_of <= @extschema@.pulse_now() AND (t.next_change_at IS NULL OR t.next_change_at > @extschema@.pulse_now())
UNION ALL
SELECT s.name, e.segment_id, d.profile_id, e.since
FROM (SELECT t.profile_id FROM pulse.profile_state AS t WHERE t.next_change_at <= @extschema@.pulse_now() AND t.as_of <= @extschema@.pulse_now()
      UNION ALL SELECT t.profile_id FROM pulse.profile_state AS t WHERE t.as_of > @extschema@.pulse_now()
      ORDER BY profile_id) AS d
CROSS JOIN LATERAL pulse.evaluate_segments(d.profile_id, false) AS e
JOIN pulse.segment AS s ON s.id = e.segment_id
WHERE EXISTS (SELECT FROM pulse.live_segment AS l WHERE l.segment_id = e.segment_id AND l.status = 'live')
UNION ALL
SELECT s.name, e.segment_id, d.id, e.since
FROM (SELECT p.id FROM pulse.profile AS p
      WHERE p.canonical_id = p.id AND EXISTS (SELECT FROM pulse.live_segment AS b WHERE b.status = 'building')
      ORDER BY p.id) AS d
CROSS JOIN LATERAL pulse.evaluate_segments(d.id, true) AS e
JOIN pulse.segment AS s ON s.id = e.segment_id
WHERE EXISTS (SELECT FROM pulse.live_segment AS l WHERE l.segment_id = e.segment_id AND l.status = 'building')
    AND NOT EXISTS (SELECT FROM pulse.live_segment AS o WHERE o.segment_id = e.segment_id AND o.status = 'live');
COMMENT ON VIEW pulse.membership IS
'The members of each profile segment at pulse_now(), exactly: a person whose stored state is not valid then is evaluated while reading, and so is everybody for a segment that is being built for the first time.';
COMMENT ON COLUMN pulse.membership.profile_id IS 'The person: canonical_id of pulse.profile.';
COMMENT ON COLUMN pulse.membership.since IS 'The instant of the evaluation; pulse_now() if the pipeline has not recorded it yet.';

-- Level: people_reader
CREATE VIEW pulse.trait_value AS
SELECT p.id AS profile_id, e.key, e.value
FROM pulse.profile AS p CROSS JOIN LATERAL pulse.evaluate_traits(p.id) AS e
WHERE p.canonical_id = p.id;
COMMENT ON VIEW pulse.trait_value IS 'The value of every trait of every person at pulse_now(); null if it has no value.';

-- Level: reader
CREATE VIEW pulse.build AS
SELECT CASE WHEN l.segment_id IS NULL THEN 'metric' ELSE 'segment' END AS what, coalesce(s.name, b.text) AS name,
       (SELECT count(*) FROM pulse.profile AS p WHERE p.id <= b.built_to AND p.canonical_id = p.id) AS done,
       (SELECT count(*) FROM pulse.profile AS p WHERE p.id <= b.after_profile AND p.canonical_id = p.id) AS total,
       b.started_at
FROM (SELECT m.id, m.text, m.built_to, m.after_profile, m.created_at AS started_at, NULL::bigint AS version_id
      FROM pulse.metric AS m WHERE m.built_to IS NOT NULL
      UNION ALL SELECT NULL, NULL, l.built_to, l.after_profile, l.changed_at, l.id
      FROM pulse.live_segment AS l WHERE l.built_to IS NOT NULL) AS b
LEFT JOIN pulse.live_segment AS l ON l.id = b.version_id LEFT JOIN pulse.segment AS s ON s.id = l.segment_id;
COMMENT ON VIEW pulse.build IS
'Definitions that are being built for the people who existed when they were created, with the number of people done. The pipeline builds them in the background, CALL pulse_build() in the calling session.';

SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);

-- Level: people_reader
CREATE FUNCTION pulse_in_segment("user" text, segment text) RETURNS boolean
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_in_segment';
COMMENT ON FUNCTION pulse_in_segment(text, text) IS
'Whether a person is in a profile segment at pulse_now(); false for an unknown person, and for a person for whom the rule cannot be evaluated (see pulse.unsettled_person). The person is a user id, or kind:value as email:ann@example.com. Errors: 42704 unknown segment, 22004 null.';

-- Level: people_reader
CREATE FUNCTION pulse_segment_members(segment text, max bigint DEFAULT 100, after text DEFAULT NULL)
    RETURNS TABLE (user_id text, profile_id bigint, since timestamptz)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'pulse_segment_members';
COMMENT ON FUNCTION pulse_segment_members(text, bigint, text) IS
'Returns a page of the members of a segment over people at pulse_now(), exactly, by ascending profile_id: at most max (1 to 10000), after the profile_id of the last row of the page before. user_id is null for a person without one. Errors: 42704 unknown segment, 42809 a segment over a relation, 55000 a draft or archived, 22023 invalid number or cursor.';

-- Level: operator
CREATE FUNCTION pulse_refresh_segment(segment text) RETURNS TABLE (status text, members bigint, refreshed_at timestamptz)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_refresh_segment';
COMMENT ON FUNCTION pulse_refresh_segment(text) IS
'Evaluates who is queued or due by the clock, as pulse_run_pipeline(), and returns whether the segment is live or building, and its number of members at pulse_now(). Members of a live segment are exact without it, but for people who are queued (pulse.evaluation = async). Errors: 42704 unknown segment, 42809 a segment over a relation, 55000 a draft or archived.';

-- Level: people_reader
CREATE FUNCTION pulse_segments_of("user" text) RETURNS TABLE (segment text, since timestamptz, until timestamptz)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 5 AS 'MODULE_PATHNAME', 'pulse_segments_of';
COMMENT ON FUNCTION pulse_segments_of(text) IS
'Returns the profile segments that a person is in at pulse_now(), the start of each membership, and the first instant at which it can change by the clock alone (null: never). Errors: 42704 unknown person, 22004 null.';

-- Level: people_reader
CREATE FUNCTION pulse_trait("user" text, key text) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_trait';
COMMENT ON FUNCTION pulse_trait(text, text) IS
'Returns the value of a trait of a person at pulse_now(); null if it has no value. Errors: 42704 unknown person or trait, 22004 null, and the error of the expression if it fails for this person.';

-- Level: people_reader
CREATE FUNCTION pulse_traits("user" text) RETURNS TABLE (key text, value jsonb, problem text)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'pulse_traits';
COMMENT ON FUNCTION pulse_traits(text) IS
'Returns all traits of a person at pulse_now(), with the problem of those that cannot be evaluated. Errors: 42704 unknown person, 22004 null.';

-- Level: operator
CREATE FUNCTION pulse_take_changes(consumer text, max bigint DEFAULT 1000, include_quiet boolean DEFAULT false)
    RETURNS TABLE ("position" bigint, segment text, profile_id bigint, user_id text, change text, at timestamptz, cause text, version int)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'pulse_take_changes';
COMMENT ON FUNCTION pulse_take_changes(text, bigint, boolean) IS
'Returns the next committed membership changes for a consumer, in the same order for all consumers, each exactly once: a returned change counts as taken when the transaction commits. Consumers do not wait for each other. A new consumer starts with the oldest change that is kept. Quiet changes (imports, builds) are skipped unless include_quiet is true; if more than 100000 of them come first, a call may return nothing, and the next call continues after them. Errors: 22023 invalid name or number (1 to 100000).';

-- ---- Building ----

-- Level: operator
CREATE FUNCTION pulse_build_step(people bigint) RETURNS bigint[]
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_build_step';
COMMENT ON FUNCTION pulse_build_step(bigint) IS
'Runs one step of pulse_build(), to be committed before the next. Returns {last profile done, last profile to do, 1 if nothing is left, people in this step}. Errors: 22023 fewer than 1 person.';
-- Level: operator
CREATE FUNCTION pulse.build_step(people bigint) RETURNS bigint[]
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_build_step';
COMMENT ON FUNCTION pulse.build_step(bigint) IS 'The function pulse_build_step() as Pulse itself calls it: in schema pulse, where no other role can add a function of the same name.';

-- PostgreSQL does not let a procedure commit that fixes settings, such as search_path. So every name and operator in it has its schema.
-- Level: operator
CREATE PROCEDURE pulse.inner_build(people bigint)
    LANGUAGE plpgsql AS $$
DECLARE
    step bigint[];
    done bigint := 0;
    told timestamptz := pg_catalog.clock_timestamp();
BEGIN
    LOOP
        step := pulse.build_step(people);
        COMMIT;
        done := done OPERATOR(pg_catalog.+) step[4];
        EXIT WHEN step[3] OPERATOR(pg_catalog.=) 1;
        CONTINUE WHEN pg_catalog.clock_timestamp() OPERATOR(pg_catalog.<) (told OPERATOR(pg_catalog.+) interval '5 seconds');
        told := pg_catalog.clock_timestamp();
        RAISE NOTICE 'built for % people, up to profile % of %', done, step[1], step[2];
    END LOOP;
    RAISE NOTICE 'built for % people, nothing is left to build', done;
END $$;
COMMENT ON PROCEDURE pulse.inner_build(bigint) IS 'What pulse_build() does. Its errors have it as their context; those of pulse_build() have none.';
-- Level: operator
CREATE PROCEDURE pulse_build(people bigint DEFAULT 2000)
    LANGUAGE c AS 'MODULE_PATHNAME', 'pulse_call_inner';
COMMENT ON PROCEDURE pulse_build(bigint) IS
'Completes background builds in this session, with this many people per transaction, and returns when everything is live. It can be cancelled and called again; it continues where it stopped. It cannot run inside a transaction block. Errors: 22023 fewer than 1 person, 2D000 inside a transaction block.';

-- Level: operator
CREATE FUNCTION pulse_refresh_definitions() RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_refresh_definitions';
COMMENT ON FUNCTION pulse_refresh_definitions() IS
'Brings the stored states of people in line with the definitions. Every change of a definition does this automatically; it is needed only after definitions were loaded in another way. Errors: 55P03 a transaction that writes events is open.';

-- Level: operator
CREATE FUNCTION pulse_run_pipeline() RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_run_pipeline';
COMMENT ON FUNCTION pulse_run_pipeline() IS
'Runs the pipeline in this transaction: evaluates queued events and the memberships that have changed by the clock up to pulse_now(). Returns the number of people. Intended for servers without workers, and for replays. Does not run builds; use pulse_build().';
