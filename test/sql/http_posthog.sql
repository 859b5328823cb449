-- Events of PostHog's libraries: attributes that any event sets, and nulls that the client sent.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
SET pulse.now = '2026-03-02 12:00+00';
CREATE ROLE hog_sender;
SELECT pulse_grant('hog_sender', 'writer');
CREATE TEMP TABLE key AS SELECT pulse_create_api_key('hog', 'public', 'hog_sender') AS text;
CREATE FUNCTION pg_temp.batch(events jsonb, OUT status int, OUT body text) LANGUAGE sql AS $$
    SELECT h.status, convert_from(h.body, 'UTF8') FROM key AS k, pulse_http('POST', '/batch/', NULL, '{}', convert_to(jsonb_build_object('api_key', k.text, 'batch', events)::text, 'UTF8')) AS h $$;
CREATE FUNCTION pg_temp.person(id text) RETURNS jsonb LANGUAGE sql AS $$ SELECT attributes FROM pulse.person WHERE user_id = id $$;

-- $set and $set_once with any event, in the event or in its properties
SELECT * FROM pg_temp.batch('[{"event": "opened", "distinct_id": "hog1", "uuid": "h1", "properties": {"via": "ad", "$set": {"plan": "pro"}, "$set_once": {"first": "ad"}}}]');
SELECT pg_temp.person('hog1');
SELECT * FROM pg_temp.batch('[{"event": "$pageview", "distinct_id": "hog1", "uuid": "h2", "$set": {"plan": "free"}, "$set_once": {"first": "mail", "second": 2}}]');
SELECT pg_temp.person('hog1');
SELECT name, properties FROM pulse.event WHERE message_id IN ('h1', 'h2') ORDER BY message_id;
-- Of equal ones in a batch the last $set counts, and the first $set_once; $set before $set_once, whatever the order.
SELECT status FROM pg_temp.batch('[{"event": "a", "distinct_id": "hog2", "uuid": "h3", "properties": {"$set_once": {"x": 1, "y": 1, "z": 1}}},
  {"event": "$identify", "distinct_id": "hog2", "uuid": "h4", "properties": {"$set": {"y": 2}, "$set_once": {"x": 2, "w": 2}}},
  {"event": "$set", "distinct_id": "hog2", "uuid": "h5", "properties": {"$set": {"y": 3}, "$set_once": {"x": 3, "w": 3, "y": 3}}},
  {"event": "b", "distinct_id": "hog2", "uuid": "h6", "properties": {"$set": {"y": 4}}}]');
SELECT pg_temp.person('hog2');
-- A second batch does not change what was set once; nor does what was sent again.
SELECT status FROM pg_temp.batch('[{"event": "a", "distinct_id": "hog2", "uuid": "h7", "properties": {"$set_once": {"x": 9, "v": 9}}}, {"event": "a", "distinct_id": "hog2", "uuid": "h3", "properties": {"$set": {"x": "twice"}}}]');
SELECT pg_temp.person('hog2');
-- Somebody without a person profile has an anonymous id and no attributes, until an $identify names the person.
SELECT status FROM pg_temp.batch('[{"event": "a", "distinct_id": "anon", "uuid": "h8", "properties": {"$process_person_profile": false, "$set_once": {"via": "ad"}}},
  {"event": "$identify", "distinct_id": "hog3", "uuid": "h9", "properties": {"$anon_distinct_id": "anon", "$set": {"plan": "pro"}}}]');
SELECT pg_temp.person('hog3'), pulse_profile('hog3') #> '{events,total}' AS events;
-- Nulls that the client sent stay in properties; a null attribute removes it; what the client did not send is not there.
SELECT status FROM pg_temp.batch('[{"event": "nulls", "distinct_id": "hog4", "uuid": "h10", "properties": {"a": null, "b": {"c": null}, "d": [null], "$set": {"plan": "pro", "gone": 1}}, "$set_once": {"never": null}},
  {"event": "more", "distinct_id": "hog4", "uuid": "h11", "properties": {"$set": {"gone": null}}}]');
SELECT properties FROM pulse.event WHERE message_id = 'h10';
SELECT pg_temp.person('hog4');
SELECT * FROM jsonb_array_elements(pulse.from_posthog('{"batch": [{"event": "x", "distinct_id": "u"}, 5, {"event": "$groupidentify", "distinct_id": "u", "properties": {"$group_key": "g", "$group_set": {"n": null}, "$set": {"a": 1}}}]}') -> 'batch');
-- What is not an object is ignored, as PostHog does.
SELECT status FROM pg_temp.batch('[{"event": "a", "distinct_id": "hog5", "uuid": "h12", "properties": {"$set": 5, "$set_once": "x"}}]');
SELECT pg_temp.person('hog5');
-- The same by pulse_ingest(), which says what is wrong.
SELECT index, status, reason, detail FROM pulse_ingest('[{"event": "a", "userId": "hog6", "$set": {"plan": "pro"}, "$set_once": {"first": 1}}, {"event": "a", "userId": "hog6", "$set": 5}, {"event": "a", "userId": "hog6", "$set_once": [1]}]', 'hog') ORDER BY index;
SELECT pg_temp.person('hog6');
SET pulse.max_properties = 3;
SELECT status, reason FROM pulse_ingest('[{"event": "a", "userId": "hog7", "$set": {"a": 1, "b": 1, "c": 1, "d": 1}}]', 'hog');
SELECT status, detail FROM pulse_ingest('[{"event": "a", "userId": "hog6", "$set_once": {"a": 1, "b": 1}}]', 'hog');
SELECT pg_temp.person('hog6');
RESET pulse.max_properties;
-- Segments over people see it.
SELECT pulse_create_segment('Hogs', '{"where": "profile.hog == \"yes\""}') IS NOT NULL AS made;
SELECT status FROM pg_temp.batch('[{"event": "a", "distinct_id": "hog8", "uuid": "h13", "properties": {"$set": {"hog": "yes"}}}]');
SELECT m.user_id FROM pulse_segment_members('Hogs') AS m;

SELECT pulse_delete_segment('Hogs', true);
SELECT pulse_revoke_api_key('hog');
DROP TABLE key;
SELECT count(pulse_revoke('hog_sender'));
DROP ROLE hog_sender;
