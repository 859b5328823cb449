-- Memberships that follow events and the clock: first events, members without events, windows, clocks ahead, merges, cleanup.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET pulse.now = '2015-03-01 12:00:00+00';
CREATE TEMP TABLE before AS SELECT coalesce(max(id), 0) AS id FROM pulse.profile;

SELECT pulse_create_segment('live_buyers', '{"where": "events.live_purchase.count_30d >= 1"}') > 0 AS made;
SELECT pulse_create_segment('live_quiet', '{"where": "events.live_refund.count == 0 && profile.live == true"}') > 0 AS made;
SELECT pulse_create_segment('live_gold', '{"where": "profile.live_plan == \"gold\""}') > 0 AS made;
SELECT pulse_create_segment('live_acme', '{"where": "account.live_kind == \"acme\""}') > 0 AS made;

CREATE VIEW live_now AS
SELECT i.value AS who, string_agg(m.segment, ' ' ORDER BY m.segment) AS segments
FROM pulse.identity AS i JOIN pulse.profile AS p ON p.id = i.profile_id
JOIN pulse.membership AS m ON m.profile_id = p.canonical_id AND m.segment LIKE 'live\_%'
WHERE i.kind = 'user_id' AND i.value LIKE 'live-%' GROUP BY 1 ORDER BY 1;

-- The first event of a person: rules that depend on the event, on attributes, and on nothing.
SELECT count(pulse_track('live-a', 'live_purchase')) = 1 AS done;
SELECT count(pulse_identify('live-b', '{"live": true, "live_plan": "gold"}')) = 1 AS done;
SELECT count(pulse_group('live-c', 'live-acme', '{"live_kind": "acme"}')) = 1 AS done;
SELECT count(pulse_track('live-d', 'live_nothing')) = 1 AS done;
SELECT * FROM live_now;
SELECT count(pulse_track('live-b', 'live_refund')) = 1 AS done;
SELECT * FROM live_now;

-- An event leaves a window: reads are exact before the pipeline runs.
SET pulse.now = '2015-03-31 12:00:00+00';
SELECT * FROM live_now;
SELECT pulse_in_segment('live-a', 'live_buyers');
SELECT pulse_run_pipeline() >= 1 AS settled;
SELECT m.segment_id IS NULL AS gone FROM pulse.identity AS i LEFT JOIN pulse.member AS m USING (profile_id) WHERE i.value = 'live-a';

-- A late event counts for the rest of its window.
SELECT count(pulse_track('live-a', 'live_purchase', at => '2015-03-20')) = 1 AS done;
SELECT * FROM live_now WHERE who = 'live-a';
SELECT until FROM pulse_segments_of('live-a');

-- Events are rejected while pulse.now is in the future: the stored state would hide events until then.
SET pulse.now = '2999-01-01';
SELECT pulse_track('live-a', 'live_purchase');
SELECT pulse_run_pipeline();
SET pulse.now = '2015-03-31 12:00:00+00';
-- If such a state exists nevertheless, the next event repairs it.
UPDATE pulse.profile_state SET as_of = '2999-01-01', metrics = '{}', segments = '{}', next_change_at = NULL
WHERE profile_id = (SELECT profile_id FROM pulse.identity WHERE value = 'live-b');
SELECT count(pulse_track('live-b', 'live_refund')) = 1 AS done;
SELECT as_of, segments <> '{}' AS member FROM pulse.profile_state
WHERE profile_id = (SELECT profile_id FROM pulse.identity WHERE value = 'live-b');

-- Nothing is stored of a merged profile, and its due state does not keep the pipeline awake.
SELECT count(pulse_merge('live-a', 'live-d', 'the same')) = 1 AS merged;
SELECT count(*) FROM pulse.profile_state AS s JOIN pulse.profile AS p ON p.id = s.profile_id WHERE p.canonical_id <> p.id AND p.id > (SELECT id FROM before);
INSERT INTO pulse.profile_state SELECT id, '2015-03-01', '{}', '{}', '2015-03-02' FROM pulse.profile WHERE canonical_id <> id AND id > (SELECT id FROM before);
SELECT pulse_run_pipeline() >= 0 AS settled;
SELECT count(*) FROM pulse.profile_state AS s JOIN pulse.profile AS p ON p.id = s.profile_id WHERE p.canonical_id <> p.id AND p.id > (SELECT id FROM before);

-- Saving an invalid regular expression is an error.
SELECT pulse_create_flag('live_flag', 'profile.name matches "("');
SELECT pulse_create_trait('live_trait', 'profile.name matches "("');
SELECT pulse_create_segment('live_pattern', '{"where": "events.x{name matches \"(\"}.count >= 1"}');

-- A rule that fails for one person does not reject events of others. This comparison stands for a fault that no check of a rule foresees.
CREATE OR REPLACE FUNCTION pulse.compare(a jsonb, b jsonb) RETURNS int LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF abs(a::numeric) = 1e299 THEN RAISE numeric_value_out_of_range USING MESSAGE = 'value overflows numeric format'; END IF;
    RETURN 0;
END $$;
SELECT pulse_create_segment('live_over', '{"where": "profile.live_big <= profile.live_big && profile.live_big * 2 > 1"}') > 0 AS made;
SELECT count(v) FROM pulse_ingest('[{"type": "identify", "userId": "live-e", "traits": {"live_big": 1e299}}, {"type": "identify", "userId": "live-f", "traits": {"live_big": 2}}]') AS v;
SELECT i.value FROM pulse.member AS m JOIN pulse.segment AS s ON s.id = m.segment_id JOIN pulse.identity AS i USING (profile_id) WHERE s.name = 'live_over';
SELECT pulse_archive_segment('live_over');
CREATE OR REPLACE FUNCTION pulse.compare(a jsonb, b jsonb) RETURNS int LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10 AS '$libdir/pulse', 'pulse_compare';

\set VERBOSITY default
-- Invalid names.
SELECT pulse_in_segment('live-b', 'live_gild');

-- A state is replaced by index, but where users have a trigger, by a statement.
CREATE FUNCTION pg_temp.note_state() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'state of % until %', NEW.as_of::date, NEW.next_change_at::date; RETURN NEW; END $$;
SELECT pulse_track('live-t', 'live_purchase') > 0 AS new;
CREATE TRIGGER live_note BEFORE UPDATE ON pulse.profile_state FOR EACH ROW EXECUTE FUNCTION pg_temp.note_state();
SELECT pulse_track('live-t', 'live_purchase') > 0 AS noted;
DROP TRIGGER live_note ON pulse.profile_state;
SELECT pulse_track('live-t', 'live_purchase') > 0 AS replaced;
SELECT m.text, t.value -> 0 AS value FROM pulse.profile_state AS s JOIN pulse.identity AS i USING (profile_id), jsonb_each(s.metrics) AS t JOIN pulse.metric AS m ON m.id = t.key::bigint
WHERE i.value = 'live-t' AND m.text ~ 'live_purchase';
-- Several times in one transaction, which is rolled back.
BEGIN;
SELECT count(pulse_track('live-t', 'live_purchase')) FROM generate_series(1, 3);
SELECT t.value -> 0 AS value FROM pulse.profile_state AS s JOIN pulse.identity AS i USING (profile_id), jsonb_each(s.metrics) AS t JOIN pulse.metric AS m ON m.id = t.key::bigint
WHERE i.value = 'live-t' AND m.text ~ 'live_purchase';
ROLLBACK;
SELECT t.value -> 0 AS value FROM pulse.profile_state AS s JOIN pulse.identity AS i USING (profile_id), jsonb_each(s.metrics) AS t JOIN pulse.metric AS m ON m.id = t.key::bigint
WHERE i.value = 'live-t' AND m.text ~ 'live_purchase';

-- Definitions can be changed only in READ COMMITTED.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pulse_create_trait('live_trait', 'events.x.count');
ROLLBACK;

-- Without definitions no state is stored.
DROP VIEW live_now;
SELECT pulse_archive_segment(s) FROM unnest(ARRAY['live_buyers', 'live_quiet', 'live_gold', 'live_acme']) AS s;
SELECT count(*) AS members FROM pulse.member AS m JOIN pulse.segment AS s ON s.id = m.segment_id WHERE s.name LIKE 'live\_%';
SELECT (SELECT count(*) FROM pulse.profile_state) = 0 OR EXISTS (SELECT FROM pulse.metric) OR EXISTS (SELECT FROM pulse.live_segment) AS cleared;
