-- Routes of pulse_http() for the pages of people: one person, identity graph and merges, traits, flags, records of consent.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET pulse.now = '2026-03-02 12:00+00';
CREATE ROLE http_person_operator;
CREATE ROLE http_person_viewer;
CREATE ROLE http_person_outsider;
SELECT pulse_grant('http_person_operator', 'operator'), pulse_grant('http_person_viewer', 'people_reader'), pulse_grant('http_person_outsider', 'reader');
CREATE TEMP TABLE key AS SELECT 'admin' AS name, pulse_create_api_key('an operator', 'admin', 'http_person_operator') AS text;
INSERT INTO key VALUES ('read', pulse_create_api_key('a viewer', 'read', 'http_person_viewer')), ('outsider', pulse_create_api_key('an outsider', 'read', 'http_person_outsider'));
-- One request with a key.
CREATE FUNCTION pg_temp.http(key_name text, method text, path text, body text DEFAULT NULL, query text DEFAULT NULL, OUT status int, OUT body jsonb)
    LANGUAGE sql AS $$
    SELECT h.status, convert_from(h.body, 'UTF8')::jsonb
    FROM pulse_http(http.method, http.path, http.query,
                    jsonb_build_object('authorization', 'Bearer ' || (SELECT k.text FROM key AS k WHERE k.name = key_name), 'host', 'pulse.example'),
                    convert_to(http.body, 'UTF8'), '{"address": "192.0.2.1", "request": "r-1", "tls": true}') AS h
$$;
SELECT count(pulse_track('person-' || u, 'Purchase', jsonb_build_object('total', 10 * u), '2026-02-20 12:00+00'::timestamptz + e * interval '1 hour')) FROM generate_series(1, 3) AS u, generate_series(1, 5) AS e;
SELECT pulse_identify('person-1', '{"email": "one@x.example", "plan": "pro"}', at => '2026-02-21') > 0 AS one, pulse_identify('person-2', '{"plan": "free", "city": "Bonn"}', at => '2026-02-21') > 0 AS two;
SELECT pulse_create_trait('spent', 'events.Purchase.sum(total, 30d)', 'Money'), pulse_create_trait('big', 'spent > 60');
SELECT pulse_create_segment('buyers', '{"where": "spent > 60"}') > 0 AS buyers;
SELECT pulse_create_flag('offer', '{"variants": {"yes": true, "no": false}, "off": "no", "rules": [{"when": "segment(\"buyers\")", "variant": "yes"}]}') > 0 AS offer;
SELECT status FROM pulse_run_job('activity');

-- Search, by key.
SELECT status, body ->> 'asOf' AS as_of, jsonb_array_length(body -> 'people') AS people, body -> 'next' <> 'null' AS more FROM pg_temp.http('read', 'GET', '/v1/users', NULL, 'limit=2');
SELECT h.body #>> '{people,0,user_id}' AS third FROM pg_temp.http('read', 'GET', '/v1/users', NULL, 'limit=2') AS f CROSS JOIN LATERAL pg_temp.http('read', 'GET', '/v1/users', NULL, 'limit=2&after=' || (f.body ->> 'next')) AS h;
SELECT p ->> 'user_id' AS found FROM pg_temp.http('read', 'GET', '/v1/users', NULL, 'q=one@x') AS h, jsonb_array_elements(h.body -> 'people') AS p;
SELECT status, body ->> 'error' AS error FROM pg_temp.http('read', 'GET', '/v1/users', NULL, 'after=nonsense');

-- One person.
SELECT status, body ->> 'userId' AS user_id, body -> 'attributes' AS attributes, body ->> 'profiles' AS profiles, jsonb_path_query_array(body, '$.identities[*].value') AS ids FROM pg_temp.http('read', 'GET', '/v1/users/person-1');
SELECT status, body ->> 'userId' AS user_id FROM pg_temp.http('read', 'GET', '/v1/users/email%3Aone%40x.example');
SELECT status, body ->> 'error' AS error FROM pg_temp.http('read', 'GET', '/v1/users/nobody');
SELECT f.body ->> 'next' AS next, jsonb_array_length(f.body -> 'events') AS first, jsonb_path_query_array(h.body, '$.events[*].time') AS second, h.body -> 'next' AS last
FROM pg_temp.http('read', 'GET', '/v1/users/person-3/events', NULL, 'limit=3') AS f CROSS JOIN LATERAL pg_temp.http('read', 'GET', '/v1/users/person-3/events', NULL, 'limit=3&before=' || replace(f.body ->> 'next', '+', '%2B')) AS h \gx
SELECT status, jsonb_array_length(body -> 'events') AS events FROM pg_temp.http('read', 'GET', '/v1/users/person-1/events', NULL, 'event=Purchase');
SELECT status FROM pg_temp.http('read', 'GET', '/v1/users/person-1/events', NULL, 'before=nonsense');
SELECT status, t ->> 'key' AS key, t -> 'value' AS value, t ->> 'type' AS type FROM pg_temp.http('read', 'GET', '/v1/users/person-2/traits') AS h, jsonb_array_elements(h.body -> 'traits') AS t;
SELECT status, body -> 'segments' AS segments FROM pg_temp.http('read', 'GET', '/v1/users/person-2/segments');
SELECT status, i ->> 'item' AS item, i ->> 'part' AS part, i ->> 'value' AS value FROM pg_temp.http('read', 'GET', '/v1/users/person-2/segments/buyers') AS h, jsonb_array_elements(h.body -> 'items') AS i LIMIT 3;
SELECT status, body -> 'flags' AS flags FROM pg_temp.http('read', 'GET', '/v1/users/person-2/flags');

-- Merging and undoing it.
SELECT status, body -> 'attributes' AS attributes, body -> 'events' AS events FROM pg_temp.http('read', 'GET', '/v1/users/person-1/merge-preview', NULL, 'other=person-2');
SELECT status FROM pg_temp.http('read', 'GET', '/v1/users/person-1/merge-preview');
SELECT status FROM pg_temp.http('read', 'POST', '/v1/users/person-1/merges', '{"other": "person-2", "reason": "the same"}');
SELECT status, body FROM pg_temp.http('admin', 'POST', '/v1/users/person-1/merges', '{"other": "person-2", "reason": "the same"}');
SELECT status, jsonb_array_length(body -> 'nodes') AS nodes, jsonb_path_query_array(body, '$.edges[*].kind') AS links FROM pg_temp.http('read', 'GET', '/v1/users/person-2/identity-graph');
SELECT status, body -> 'merges' AS merges, body -> 'next' AS next FROM pg_temp.http('read', 'GET', '/v1/users/person-2/merges');
SELECT status FROM pg_temp.http('read', 'POST', '/v1/merges/1/undo', '{"reason": "not the same"}');
SELECT status, body FROM pg_temp.http('admin', 'POST', '/v1/merges/1/undo', '{"reason": "not the same"}');
SELECT status FROM pg_temp.http('admin', 'POST', '/v1/merges/9/undo', '{"reason": "not the same"}');
SELECT body #>> '{merges,0,undoReason}' AS undone FROM pg_temp.http('read', 'GET', '/v1/users/person-1/merges');

-- Traits.
SELECT t ->> 'key' AS key, t ->> 'type' AS type, t ->> 'usedBy' AS used_by FROM pg_temp.http('outsider', 'GET', '/v1/traits') AS h, jsonb_array_elements(h.body -> 'traits') AS t;
SELECT status, body -> 'uses' AS uses, body -> 'usedBy' AS used_by, jsonb_array_length(body -> 'versions') AS versions FROM pg_temp.http('outsider', 'GET', '/v1/traits/spent');
SELECT status FROM pg_temp.http('outsider', 'GET', '/v1/traits/nothing');
SELECT status, body - 'asOf'::text AS body FROM pg_temp.http('read', 'GET', '/v1/traits/spent/values');
SELECT status, body - 'asOf'::text AS body FROM pg_temp.http('read', 'GET', '/v1/traits/big/values', NULL, 'people=1');
SELECT status, p ->> 'depth' AS depth, p ->> 'part' AS part, p ->> 'value' AS value FROM pg_temp.http('read', 'POST', '/v1/expressions/test', '{"expression": "spent * 2", "userId": "person-2"}') AS h, jsonb_array_elements(h.body -> 'parts') AS p;
SELECT status, body ->> 'error' AS error FROM pg_temp.http('read', 'POST', '/v1/expressions/test', '{"expression": "spent *", "userId": "person-2"}');

-- Flags.
SELECT status, (body #- '{flags,0,updatedAt}') - 'asOf'::text AS body FROM pg_temp.http('read', 'GET', '/v1/flags');
SELECT status, body -> 'segments' AS segments, body #>> '{versions,0,change}' AS change, body -> 'usedBy' AS used_by FROM pg_temp.http('read', 'GET', '/v1/flags/offer');
SET pulse.exposure_sample = 1;
SELECT count(pulse_expose('person-' || u, 'offer')) FROM generate_series(1, 3) AS u;
SELECT status, body - 'asOf'::text AS body FROM pg_temp.http('read', 'GET', '/v1/flags/offer/exposures');
SELECT status, body -> 'variant' AS variant, body ->> 'reason' AS reason, jsonb_array_length(body -> 'steps') > 2 AS explained FROM pg_temp.http('read', 'GET', '/v1/flags/offer/decision', NULL, 'userId=person-2');
SELECT status FROM pg_temp.http('read', 'GET', '/v1/flags/nothing/decision', NULL, 'userId=person-2');
SELECT count(*) AS recorded FROM pulse.exposure;

-- Records of consent, by key.
SELECT count(pulse_set_consent('person-' || u, 'ads', u <> 3, '{"source": "form"}')) FROM generate_series(1, 3) AS u;
SELECT f.body ->> 'next' AS next, jsonb_path_query_array(h.body, '$.records[*].status') AS last, h.body -> 'next' AS after
FROM pg_temp.http('read', 'GET', '/v1/consent/records', NULL, 'limit=2') AS f CROSS JOIN LATERAL pg_temp.http('read', 'GET', '/v1/consent/records', NULL, 'limit=2&before=' || (f.body ->> 'next')) AS h;

-- Who does not see people is refused, and told why.
SELECT p.path, h.status, h.body ->> 'error' AS error FROM unnest('{/v1/users,/v1/users/person-1,/v1/users/person-1/events,/v1/users/person-1/traits,/v1/users/person-1/segments,/v1/users/person-1/flags,/v1/users/person-1/merges,
    /v1/users/person-1/identity-graph,/v1/traits/spent/values,/v1/flags,/v1/flags/offer,/v1/flags/offer/exposures,/v1/consent/records}'::text[]) AS p (path), pg_temp.http('outsider', 'GET', p.path) AS h;

-- What grows is read by index.
CREATE FUNCTION pg_temp.scans(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line ~ 'Scan' THEN RETURN NEXT regexp_replace(btrim(line), '^-> *', ''); END IF;
    END LOOP;
END $$;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT pg_temp.scans('SELECT * FROM pulse.consent_record AS c WHERE c.id < 100 ORDER BY c.id DESC LIMIT 50');
SELECT pg_temp.scans('SELECT e.day, e.variant FROM pulse.exposure AS e WHERE e.flag_id = 1 AND e.first_at > pulse_now() - interval ''30 days'' AND e.first_at <= pulse_now() ORDER BY e.first_at DESC LIMIT 200000');
SELECT pg_temp.scans('SELECT l.profile_id FROM pulse.activity AS l ORDER BY l.last_at DESC, l.profile_id DESC LIMIT 200');

DROP EXTENSION pulse CASCADE;
DROP ROLE http_person_operator, http_person_viewer, http_person_outsider;
