-- Keys that have used up their rate, of which the gateway tells: one of them in a body is refused before anything happens.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
CREATE ROLE limit_sender;
SELECT pulse_grant('limit_sender', 'writer');
CREATE TEMP TABLE key AS SELECT n.name, pulse_create_api_key('limit ' || n.name, 'public', 'limit_sender', rate => 2) AS text FROM (VALUES ('used'), ('other')) AS n (name);
CREATE TEMP TABLE used AS SELECT k.id FROM pulse.api_key AS k WHERE k.name = 'limit used';

-- A batch with a key at some place of the body; the ids of messages say what was kept.
CREATE FUNCTION pg_temp.batch(key_name text, place text, exhausted jsonb, message text, OUT status int, OUT body text, OUT retry_after text, OUT refused jsonb)
    LANGUAGE sql AS $$
    SELECT h.status, convert_from(h.body, 'UTF8'), h.headers ->> 'retry-after', h.info -> 'refused'
    FROM key AS k, pulse_http('POST', CASE batch.place WHEN 'head' THEN '/v1/track' WHEN 'api_key' THEN '/batch' ELSE '/v1/batch' END, NULL,
        CASE batch.place WHEN 'head' THEN jsonb_build_object('x-api-key', k.text) ELSE '{}' END,
        convert_to((jsonb_build_object('batch', jsonb_build_array(jsonb_build_object('type', 'track', 'event', 'limited', 'distinct_id', 'u', 'userId', 'u', 'uuid', message, 'messageId', message)))
            || CASE batch.place WHEN 'head' THEN jsonb_build_object('event', 'limited', 'userId', 'u', 'messageId', message) ELSE jsonb_build_object(batch.place, k.text) END)::text, 'UTF8'),
        jsonb_build_object('exhausted', batch.exhausted)) AS h
    WHERE k.name = key_name
$$;
SELECT p.place, h.* FROM unnest('{writeKey,api_key,token}'::text[]) AS p (place), used AS u, pg_temp.batch('used', p.place, jsonb_build_object(u.id, 17), 'no ' || p.place) AS h;
SELECT h.status FROM used AS u, pg_temp.batch('other', 'writeKey', jsonb_build_object(u.id, 17), 'another key') AS h;
-- The gateway itself has counted a key in the head.
SELECT h.status FROM used AS u, pg_temp.batch('used', 'head', jsonb_build_object(u.id, 17), 'in the head') AS h;
SELECT h.status FROM pg_temp.batch('used', 'writeKey', '{}', 'none is used up') AS h;
SELECT array_agg(e.message_id ORDER BY e.message_id COLLATE "C") AS kept FROM pulse.event AS e WHERE e.name = 'limited';
-- What the program in front says must be valid.
SELECT status FROM pulse_http('GET', '/health', NULL, '{}', NULL, '{"exhausted": null}');
SELECT status FROM pulse_http('GET', '/health', NULL, '{}', NULL, '{"exhausted": {"x": 1}}');
SELECT status FROM pulse_http('GET', '/health', NULL, '{}', NULL, '{"exhausted": {"1": "soon"}}');
SELECT status FROM pulse_http('GET', '/health', NULL, '{}', NULL, '{"exhausted": [1]}');
SELECT status FROM pulse_http('GET', '/health', NULL, '{}', NULL, '{"exhausted": {"99999999999999999999": 1}}');

SELECT pulse_revoke_api_key('limit ' || k.name) FROM key AS k;
DROP TABLE key;
SELECT count(pulse_revoke('limit_sender'));
DROP ROLE limit_sender;
