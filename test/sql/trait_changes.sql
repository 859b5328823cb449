-- Consumers of membership changes, and pulse_build().
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET pulse.now = '2015-03-01 12:00:00+00';
\pset null '-'
CREATE FUNCTION taken(consumer text, max int DEFAULT 1000, include_quiet boolean DEFAULT false) RETURNS TABLE (place bigint, segment text, who text, change text, cause text, version int)
    LANGUAGE sql AS $$ SELECT position, segment, user_id, change, cause, version FROM pulse_take_changes(consumer, max, include_quiet) $$;

-- ---- A segment built for existing people: quiet changes ----
SELECT count(pulse_identify('u' || i, jsonb_build_object('plan', CASE WHEN i % 2 = 0 THEN 'premium' ELSE 'free' END))) FROM generate_series(1, 10) AS i;
SELECT pulse_create_segment('premium', '{"where": "profile.plan == \"premium\""}') > 0 AS ok;
SELECT count(*) FROM pulse.membership;
SELECT count(*) FROM taken('mail');
-- The consumer has passed the quiet changes.
SELECT name, position FROM pulse.change_consumer;
SELECT count(*), min(place), max(place) FROM taken('all', include_quiet => true);

-- ---- Each change exactly once, in the same order for all, up to max per call ----
SELECT count(pulse_identify('u' || i, '{"plan": "premium"}')) FROM generate_series(1, 7, 2) AS i;
SELECT count(pulse_identify('u' || i, '{"plan": "free"}')) FROM generate_series(2, 4, 2) AS i;
SELECT * FROM taken('mail', 4);
SELECT * FROM taken('mail', 4);
SELECT * FROM taken('mail', 4);
SELECT * FROM taken('all');
SELECT * FROM taken('all');
-- A new consumer begins with the oldest change.
SELECT count(*), min(place), max(place) FROM taken('late', include_quiet => true);
-- A rolled-back call has not taken its changes.
SELECT pulse_identify('u1', '{"plan": "free"}') > 0 AS ok;
BEGIN;
SELECT * FROM taken('mail');
ROLLBACK;
SELECT * FROM taken('mail');
SELECT name, position FROM pulse.change_consumer ORDER BY name;

-- ---- Positions restored from a dump are beyond pulse.change_position ----
UPDATE pulse.change_position SET position = 0;
SELECT pulse_identify('u3', '{"plan": "free"}') > 0 AS ok;
SELECT * FROM taken('mail');
SELECT * FROM taken('all');
SELECT count(*) = count(DISTINCT position) AS each_its_own FROM pulse.membership_change WHERE position IS NOT NULL;

-- ---- A call assigns at most 100,000 positions ----
INSERT INTO pulse.membership_change (segment_id, profile_id, change, at, version, cause, quiet)
SELECT 0, 1, CASE i % 2 WHEN 1 THEN 'entered' ELSE 'exited' END, pulse_now(), 1, 'import', true FROM generate_series(1, 100001) AS i;
SELECT pulse_identify('u3', '{"plan": "premium"}') > 0 AS ok;
SELECT * FROM taken('mail');
SELECT count(*) FROM pulse.membership_change WHERE position IS NULL;
SELECT * FROM taken('mail');
SELECT count(*) FROM pulse.membership_change WHERE position IS NULL;
SELECT position FROM pulse.change_consumer WHERE name = 'mail';

SELECT * FROM pulse_take_changes('');
SELECT * FROM pulse_take_changes(NULL);
SELECT * FROM pulse_take_changes(repeat('x', 256));
SELECT * FROM pulse_take_changes('subscription:mail');
SELECT * FROM pulse_take_changes('mail', 0);
SELECT * FROM pulse_take_changes('mail', 100001);

-- ---- pulse_build() ----
SET pulse.build_at_once = 0;
SELECT pulse_create_segment('free', '{"where": "profile.plan == \"free\""}') > 0 AS ok;
SELECT what, name, done, total FROM pulse.build;
CALL pulse_build(0);
CALL pulse_build(-1);
CALL pulse_build(NULL);
SELECT pulse_build_step(0);
SELECT pulse_build_step(NULL);
-- Nobody was left out.
SELECT count(*) FROM pulse.membership WHERE segment = 'premium';
SELECT pulse_build_step(4);
SELECT what, name, done, total FROM pulse.build;
BEGIN;
CALL pulse_build();
ROLLBACK;
CALL pulse_build(people => 4);
CALL pulse_build();
SELECT what, name, done, total FROM pulse.build;
SELECT segment, count(*) FROM pulse.membership GROUP BY 1 ORDER BY 1;
DROP FUNCTION taken;
DROP EXTENSION pulse;
