-- People as of the past exist from their earliest event on, whenever it arrived, for every rule and every way to evaluate it.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2015-03-20 12:00:00+00';

-- Rules that are true without events, one that needs an event, and one with names that were not received first.
CREATE TABLE past_rule (segment text, rule text);
INSERT INTO past_rule VALUES
    ('past_all', 'true'), ('past_never', 'events.refund.last_seen_days_ago is null'), ('past_not', '!(events.purchase.count >= 1)'),
    ('past_plan', 'profile.plan == "pro"'), ('past_few', 'events.visit.count < 2'), ('past_visit', 'events.visit.count >= 1');
SELECT count(pulse_create_segment(segment, jsonb_build_object('where', rule, 'attributes', '[]'::jsonb))) FROM past_rule;

-- a arrives in March, then with events of February. m was anonymous in February. n arrives in March, after everything else.
SELECT count(v) FROM pulse_ingest('[
    {"type": "identify", "userId": "past-a", "traits": {"plan": "pro"}, "timestamp": "2015-03-10T12:00:00Z"},
    {"type": "identify", "userId": "past-m", "traits": {"plan": "pro"}, "timestamp": "2015-03-10T12:00:00Z"},
    {"type": "identify", "userId": "past-n", "traits": {"plan": "pro"}, "timestamp": "2015-03-10T12:00:00Z"}]') AS v;
SELECT * FROM pulse_import_events($$SELECT 'past-a' AS user_id, 'visit' AS event, timestamptz '2015-02-10 12:00:00+00' AS "timestamp"$$);
SELECT count(pulse_track(NULL, 'visit', '{}', '2015-02-10 12:00:00+00', 'past-browser')) = 1 AS came;
SELECT status, detail FROM pulse_ingest('{"type": "alias", "userId": "past-m", "previousId": "past-browser", "timestamp": "2015-03-11T12:00:00Z"}');
SELECT v.user_id, v.first_seen_at, p.first_seen_at AS of_the_row FROM pulse.person AS v JOIN pulse.profile AS p ON p.id = v.profile_id ORDER BY 1;

-- Each segment at each moment in all ways, which must find the same people.
CREATE FUNCTION past_answers(moments timestamptz[]) RETURNS TABLE (moment text, segment text, members text, snapshot bigint, same boolean) LANGUAGE plpgsql AS $$
DECLARE
    r past_rule;
    at timestamptz;
    asked text;
    tested text;
    explained text;
    preview bigint;
    taken bigint;
BEGIN
    FOREACH at IN ARRAY moments LOOP
        PERFORM set_config('pulse.now', at::text, false);
        moment := to_char(at, 'MM-DD');
        FOR r IN SELECT * FROM past_rule LOOP
            segment := r.segment;
            SELECT string_agg(v.user_id, ' ' ORDER BY v.user_id) INTO members FROM pulse.membership AS m JOIN pulse.person AS v USING (profile_id) WHERE m.segment = r.segment;
            taken := pulse_take_snapshot(r.segment);
            SELECT n.size INTO snapshot FROM pulse.snapshot AS n WHERE n.id = taken;
            SELECT p.members INTO preview FROM pulse_preview_segment(jsonb_build_object('where', r.rule, 'attributes', '[]'::jsonb), 0) AS p WHERE p.part = 'size';
            SELECT string_agg(u, ' ' ORDER BY u) FILTER (WHERE pulse_in_segment(u, r.segment)),
                   string_agg(u, ' ' ORDER BY u) FILTER (WHERE (SELECT t.value FROM pulse_test_expression(r.rule, u) AS t WHERE t.depth = 0) = 'true'),
                   string_agg(u, ' ' ORDER BY u) FILTER (WHERE (SELECT e.value FROM pulse_explain_membership(u, r.segment) AS e WHERE e.item = 'verdict') = 'member')
            INTO asked, tested, explained FROM unnest('{past-a,past-m,past-n}'::text[]) AS u;
            same := snapshot = coalesce(array_length(string_to_array(members, ' '), 1), 0) AND preview = snapshot AND asked IS NOT DISTINCT FROM members
                    AND explained IS NOT DISTINCT FROM members AND (r.rule = 'true' OR tested IS NOT DISTINCT FROM members);
            RETURN NEXT;
        END LOOP;
    END LOOP;
END $$;
SELECT * FROM past_answers('{2015-02-01 12:00+00, 2015-02-20 12:00+00, 2015-03-10 11:59+00, 2015-03-20 12:00+00}');

-- Definitions created with the clock set back are as of then and stay exact as it advances, also while they are built.
SET pulse.now = '2015-02-20 12:00:00+00';
SELECT count(pulse_update_segment(segment, jsonb_build_object('where', '(' || rule || ') && true', 'attributes', '[]'::jsonb))) FROM past_rule WHERE segment = 'past_plan';
SET pulse.build_at_once = 0;
SELECT pulse_create_segment('past_later', '{"where": "profile.plan in [\"pro\"]", "attributes": []}') > 0 AS made;
DELETE FROM past_rule WHERE segment <> 'past_plan';
INSERT INTO past_rule VALUES ('past_later', 'profile.plan in ["pro"]');
SELECT * FROM past_answers('{2015-02-01 12:00+00, 2015-02-20 12:00+00, 2015-03-20 12:00+00}');
CALL pulse_build();
SELECT * FROM past_answers('{2015-02-01 12:00+00, 2015-02-20 12:00+00, 2015-03-20 12:00+00}');

-- Explanations show it.
SET pulse.now = '2015-02-20 12:00:00+00';
SELECT * FROM pulse_test_expression('profile.plan == "pro" && events.refund.count == 0', 'past-n');
SELECT * FROM pulse_explain_membership('past-n', 'past_never');
SELECT segment FROM pulse_segments_of('past-n');
SELECT pulse_profile('past-n') -> 'segments' AS n, pulse_profile('past-a') -> 'segments' AS a;

-- After an unmerge, both people exist from their own first event on.
SELECT pulse_unmerge(id, 'another person') = merged_id AS restored FROM pulse.merge_history WHERE undone_at IS NULL;
SELECT pulse_in_segment('past-m', 'past_all') AS m, pulse_in_segment('past-browser', 'past_all') AS browser;
SELECT pulse_take_snapshot('past_all') AS taken \gset
SELECT size FROM pulse.snapshot WHERE id = :taken;

SET pulse.now = '2015-03-20 12:00:00+00';
SELECT count(pulse_delete_segment(name, confirm => true)) FROM pulse.segment WHERE name LIKE 'past\_%';
DROP FUNCTION past_answers;
DROP TABLE past_rule;
