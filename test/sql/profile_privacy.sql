-- Everything held on a person, and its erasure.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET pulse.now = '2026-03-02 12:00+00';
SET pulse.evaluation = 'sync';
SET pulse.exposure_sample = 1;
\set VERBOSITY terse

-- ---- No table is forgotten ----

-- Tables that no room registered: a new one belongs into store_personal_data.cpp of its room (doc/architecture.md).
SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'pulse'::regnamespace AND c.relkind IN ('r', 'p', 'f', 'm') AND NOT c.relispartition
EXCEPT SELECT "table" FROM pulse_list_personal_data() ORDER BY 1;
-- Registered ones that do not exist, are registered twice, or have no reason.
SELECT l."table" FROM pulse_list_personal_data() AS l WHERE to_regclass('pulse.' || quote_ident(l."table")) IS NULL;
SELECT "table" FROM pulse_list_personal_data() GROUP BY "table" HAVING count(*) > 1;
SELECT "table" FROM pulse_list_personal_data() WHERE personal <> (reason IS NULL);
SELECT room, count(*) > 0 AS tables FROM pulse_list_personal_data() GROUP BY room ORDER BY room COLLATE "C";
-- Tables with a column for a profile that are said to hold nothing about people.
SELECT l."table" FROM pulse_list_personal_data() AS l JOIN pg_attribute AS a ON a.attrelid = to_regclass('pulse.' || quote_ident(l."table"))
WHERE NOT l.personal AND a.attname IN ('profile_id', 'canonical_id', 'survivor_id', 'bucketing_id');

-- ---- People ----

SELECT pulse_create_segment('Buyers', '{"where": "events.Purchase.count >= 1"}') > 0 AS segment,
       pulse_create_segment('Friends', '{"static": true}') > 0 AS static_segment,
       pulse_create_trait('spent', 'events.Purchase.sum(amount)') > 0 AS trait,
       pulse_create_flag('beta', 'segment("Buyers")') > 0 AS flag;
CREATE FUNCTION pg_temp.people() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pulse_track('privacy-ann', 'Purchase', '{"amount": 12345678901234567890.25, "note": "Blue door"}', at => '2026-02-01', message_id => 'm-1', anonymous_id => 'privacy-device-1');
    PERFORM pulse_identify('privacy-ann', '{"email": " Ann.Privacy@Example.com ", "phone": "+49 151 1234567", "plan": "gold"}', at => '2026-02-02');
    PERFORM pulse_group('privacy-ann', 'acme', '{"size": 5}', at => '2026-02-03');
    PERFORM pulse_track(NULL, 'Purchase', '{"amount": 5}', anonymous_id => 'privacy-device-2', at => '2026-01-10');
    PERFORM pulse_merge('privacy-ann', 'anonymous_id:privacy-device-2', 'the same person');
    PERFORM pulse_track('privacy-bob', 'Purchase', '{"amount": 7}', at => '2026-02-01');
    PERFORM pulse_add_to_segment('Friends', '{privacy-ann,privacy-bob}');
    PERFORM pulse_log_exposure('privacy-ann', 'beta', 'on'), pulse_log_exposure('privacy-bob', 'beta', 'on');
    PERFORM pulse_ingest('[{"type": "track", "userId": "privacy-ann"}, {"type": "track", "userId": "privacy-bob"}, {"type": "no", "traits": {"email": "ANN.privacy@example.com"}}]'::jsonb);
    -- Merged with another person, and not any more.
    PERFORM pulse_identify('privacy-carl', '{"name": "Carl"}', at => '2026-02-05');
    PERFORM pulse_unmerge(pulse_merge('privacy-ann', 'privacy-carl', 'a mistake'), 'not the same');
    -- A message to a subscription that was sent.
    INSERT INTO pulse.outbox (channel, kind, event, status, order_key, payload, finished_at)
    SELECT 'crm', 'event', 'segment.entered', 'sent', 'event:profile:' || p.profile_id, jsonb_build_object('data', jsonb_build_object('user_id', p.user_id)), clock_timestamp()
    FROM pulse.person AS p WHERE p.user_id IN ('privacy-ann', 'privacy-bob');
    PERFORM pulse_export_segment('Buyers');
END $$;
SELECT pg_temp.people();
SELECT status FROM pulse_run_job('activity');
-- A row that no table of people has: somebody else's event names her.
SELECT pulse_track('privacy-bob', 'Invited', '{"friend": "ann.privacy@example.com"}', at => '2026-02-20') > 0 AS invited;
SELECT profile_id AS ann FROM pulse.person WHERE user_id = 'privacy-ann' \gset

-- In each table of the schema, how many rows have a text, in any form; not the table that the erasure itself needs.
CREATE FUNCTION pg_temp.remains(variadic needles text[]) RETURNS TABLE (tab text, row_count bigint) LANGUAGE plpgsql AS $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT c.oid, c.relname FROM pg_class AS c WHERE c.relnamespace = 'pulse'::regnamespace AND c.relkind IN ('r', 'm') ORDER BY c.relname COLLATE "C" LOOP
        RETURN QUERY EXECUTE format($q$SELECT regexp_replace(%L, '_y[0-9]+m[0-9]+$', ''), count(*) FROM pulse.%I AS x, unnest($1) AS n (needle)
            WHERE x::text ILIKE '%%' || n.needle || '%%' OR x::text LIKE '%%' || encode(convert_to(n.needle, 'UTF8'), 'hex') || '%%'
            OR x::text LIKE '%%' || encode(sha256(convert_to(n.needle, 'UTF8')), 'hex') || '%%' HAVING count(*) > 0$q$, t.relname, t.relname) USING needles;
    END LOOP;
END $$;
SELECT tab, sum(row_count) > 0 AS found FROM pg_temp.remains('privacy-ann', 'ann.privacy@example.com', '+491511234567', 'privacy-device-1', 'privacy-device-2') GROUP BY tab ORDER BY tab COLLATE "C";

-- ---- Export ----

SELECT key, jsonb_array_length(value) AS elements FROM jsonb_each(pulse_export_profile('privacy-ann')) ORDER BY key;
SELECT part, count(*) FROM pulse_export_profile_parts('email:ann.privacy@example.com') GROUP BY part ORDER BY part;
SELECT data #>> '{properties,amount}' AS exact FROM pulse_export_profile_parts('privacy-ann') WHERE part = 'events' AND data ->> 'name' = 'Purchase' ORDER BY data ->> 'time';
SELECT data - 'since' AS membership FROM pulse_export_profile_parts('privacy-ann') WHERE part IN ('memberships', 'traits', 'identities') AND data ->> 'kind' IS DISTINCT FROM 'anonymous_id' ORDER BY part, data::text;
-- Nothing of others, and everything where her ids are; somebody else's event is theirs.
SELECT count(*) FROM pulse_export_profile_parts('privacy-ann') WHERE data::text LIKE '%privacy-bob%' AND part <> 'rejected_events';
SELECT pulse_export_profile('nobody');
SELECT pulse_export_profile(NULL);
SELECT pulse_export_profile('');
SELECT count(*) FROM pulse_export_profile_parts('profile:999999');
SELECT action, subject = 'profile:' || :ann AS subject, count(*) FROM pulse.audit WHERE action = 'profile.exported' GROUP BY 1, 2;

-- ---- Erasure ----

SELECT pulse_erase_profile(NULL, 'x');
SELECT pulse_erase_profile('privacy-ann', NULL);
SELECT pulse_erase_profile('privacy-ann', ' ');
SELECT pulse_erase_profile('privacy-ann', 'asked for by ANN.privacy@example.com');
SELECT pulse_erase_profile('privacy-ann', repeat('x', 1001));
SELECT pulse_erase_profile('profile:999999', 'ticket 1');
SELECT pulse_erase_profile('', 'ticket 1');
SELECT state FROM pulse.erasure;

SELECT pulse_erase_profile('privacy-ann', 'ticket 4711') AS erasure \gset
SELECT state, reason, replayed, refused_until - requested_at AS refused, findings, cardinality(profiles) AS profiles FROM pulse.erasure WHERE id = :erasure;
-- At once: ids, attributes, memberships, state.
SELECT pulse_profile('privacy-ann');
SELECT count(*) FROM pulse.profile WHERE id = :ann OR canonical_id = :ann;
SELECT count(*) FROM pulse.membership WHERE profile_id = :ann;
SELECT segment, count(*) FROM pulse.membership GROUP BY segment ORDER BY segment;
SELECT s.name, c.change, c.cause FROM pulse.membership_change AS c JOIN pulse.segment AS s ON s.id = c.segment_id WHERE c.profile_id = :ann AND c.cause = 'erasure' ORDER BY s.name;
-- The same request.
SELECT pulse_erase_profile('privacy-ann', 'again') = :erasure AS same, pulse_erase_profile('phone:+491511234567', 'again') = :erasure AS by_phone;
-- Events are refused by any of her ids, and are not kept.
SELECT i.status, i.reason, i.detail FROM pulse_ingest('[{"type": "track", "event": "Late", "userId": "privacy-ann"},
    {"type": "track", "event": "Late", "anonymousId": "privacy-device-2"}, {"type": "identify", "userId": "privacy-new", "traits": {"email": "Ann.Privacy@example.com"}},
    {"type": "alias", "userId": "privacy-bob", "previousId": "privacy-ann"}, {"type": "no", "userId": "privacy-ann"}, {"type": "track", "event": "Late", "userId": "privacy-bob"}]'::jsonb) AS i;
SELECT pulse_track('privacy-ann', 'Late');
SELECT status, reason FROM pulse_replay_rejected();
SELECT pulse_log_exposure('privacy-ann', 'beta', 'on');
SELECT pulse_allow_profile('privacy-ann');

SELECT status, rows, message FROM pulse_run_job('erasures');
SELECT state, place, findings, jsonb_pretty(rows) AS rows, error, vacuumed_at IS NULL AS not_vacuumed, finished_at IS NOT NULL AS finished FROM pulse.erasure WHERE id = :erasure;
SELECT count(*) FROM pulse.erasure_subject;
-- Nothing is left but what the certificate says.
SELECT tab, sum(row_count) FROM pg_temp.remains('privacy-ann', 'ann.privacy@example.com', '+491511234567', '491511234567', 'privacy-device-1', 'privacy-device-2', 'Blue door') GROUP BY tab ORDER BY tab;
SELECT count(*) FROM pulse.event AS e LEFT JOIN pulse.profile AS p ON p.id = e.profile_id WHERE p.id IS NULL;
SELECT count(*) FROM pulse.activity AS e LEFT JOIN pulse.profile AS p ON p.id = e.profile_id WHERE p.id IS NULL;
-- Of others everything is left.
SELECT user_id, attributes FROM pulse.person ORDER BY user_id;
SELECT count(*) FROM pulse.event WHERE profile_id = (SELECT profile_id FROM pulse.person WHERE user_id = 'privacy-bob');
SELECT count(*) FROM pulse.exposure;
SELECT order_key IS NOT NULL AS bob FROM pulse.outbox;
SELECT payload ->> 'userId' AS rejected FROM pulse.rejected_event;
SELECT count(*) FROM pulse.merge_history;
-- The audit says that it was done, not who.
SELECT action, subject = 'erasure:' || :erasure AS subject, details - 'profiles' AS details FROM pulse.audit WHERE action LIKE 'profile.era%' ORDER BY id;
SELECT item, state FROM pulse_status() WHERE item IN ('erasures', 'failing erasures', 'remains of erased people');
-- Nothing to do.
SELECT status, rows, message FROM pulse_run_job('erasures');
SELECT count(*) FROM pulse.erasure;

-- ---- Coming back ----

SELECT pulse_allow_profile(NULL);
SELECT pulse_allow_profile('privacy-bob');
SELECT pulse_allow_profile('email:ann.privacy@example.com') = :erasure AS allowed;
SELECT pulse_allow_profile('privacy-ann');
SELECT pulse_track('privacy-ann', 'Back') > 0 AS back;
SELECT bucketing_id, attributes, id > :ann AS somebody_new FROM pulse.profile WHERE id = (SELECT profile_id FROM pulse.identity WHERE value = 'privacy-ann');
SELECT pulse_erase_profile('privacy-ann', 'ticket 4712') > :erasure AS another;
SELECT status, rows, message FROM pulse_run_job('erasures');
-- Refused as long as the setting says, by the wall clock.
UPDATE pulse.erased_identifier SET refused_until = clock_timestamp() - interval '1 second';
SELECT pulse_track('privacy-ann', 'Back') > 0 AS back;

-- ---- Who was never seen ----

SELECT pulse_erase_profile('privacy-zoe', 'ticket 5') AS zoe \gset
SELECT state, profiles FROM pulse.erasure WHERE id = :zoe;
SELECT i.status, i.reason FROM pulse_ingest('[{"type": "track", "event": "First", "userId": "privacy-zoe"}, {"type": "track", "event": "First", "anonymousId": "privacy-zoe"}]'::jsonb) AS i;
SELECT pulse_erase_profile('user_id:privacy-zoe', 'ticket 6') = :zoe AS same;
SELECT status, rows, message FROM pulse_run_job('erasures');
SELECT state, profiles, findings FROM pulse.erasure WHERE id = :zoe;

-- ---- What was open meanwhile, as another transaction would have left it ----

SELECT pulse_track('privacy-dan', 'Seen') > 0 AS seen;
SELECT pulse_erase_profile('privacy-dan', 'ticket 7') AS dan \gset
UPDATE pulse.erased_identifier SET refused_until = '-infinity';
SELECT pulse_track('privacy-dan', 'Late') > 0 AS late;
SELECT pulse_ingest('[{"type": "identify", "userId": "privacy-eve", "identifiers": {"device_id": "privacy-eve-1"}}]'::jsonb) IS NOT NULL AS eve;
INSERT INTO pulse.identity SELECT 'anonymous_id', 'privacy-dan', profile_id, '2026-03-01' FROM pulse.person WHERE user_id = 'privacy-eve';
INSERT INTO pulse.erasure_subject VALUES (:dan, 'anonymous_id', 'privacy-dan');
SELECT pulse_erase_profile('privacy-dan', 'ticket 8') = :dan AS same;
SELECT status, rows, message FROM pulse_run_job('erasures');
SELECT state, cardinality(profiles) AS profiles, findings, rows FROM pulse.erasure WHERE id = :dan;
SELECT tab FROM pg_temp.remains('privacy-dan');
SELECT identities FROM pulse.person WHERE user_id = 'privacy-eve';

-- Whoever shares an id with her by mistake is another person, with an erasure of its own.
SELECT pulse_track('privacy-fay', 'Seen') > 0 AS seen;
SELECT pulse_erase_profile('privacy-fay', 'ticket 9') AS fay \gset
INSERT INTO pulse.identity SELECT 'user_id', 'privacy-fay', profile_id, '2026-03-01' FROM pulse.person WHERE user_id = 'privacy-eve';
SELECT pulse_erase_profile('privacy-eve', 'ticket 10') = :fay + 1 AS another;
SELECT status, rows, message FROM pulse_run_job('erasures');
SELECT tab FROM pg_temp.remains('privacy-fay', 'privacy-eve');

-- ---- What is large, and what is old ----

INSERT INTO pulse.feed_item (kind, profile_id, at, data)
SELECT 'event.received', profile_id, now(), jsonb_build_object('text', repeat('x', 53000000)) FROM pulse.person WHERE user_id = 'privacy-carl';
SELECT pulse_export_profile('privacy-carl');
SELECT pulse_erase_profile('privacy-carl', 'ticket 11') AS carl \gset
SELECT status, rows, message FROM pulse_run_job('erasures');
-- It is kept as long as its ids are refused, however short the retention is.
UPDATE pulse.erasure SET finished_at = clock_timestamp() - interval '400 days' WHERE id = :carl;
SELECT status, message LIKE '%1 erasures%' AS old_erasure FROM pulse_run_job('retention');
UPDATE pulse.erasure SET finished_at = clock_timestamp() - interval '400 days', refused_until = clock_timestamp() - interval '370 days' WHERE id = :carl;
SELECT status, message LIKE '%1 erasures%' AS old_erasure FROM pulse_run_job('retention');
SELECT count(*) FROM pulse.erasure WHERE id = :carl;
SELECT count(*) FROM pulse.erased_identifier WHERE erasure_id = :carl;

-- ---- Replaying ----

SELECT pulse_list_erasures() AS list \gset
SELECT jsonb_object_keys(:'list'::jsonb) AS key ORDER BY 1;
SELECT result, count(*) FROM pulse_replay_erasures(:'list') GROUP BY result;
-- As in a restored backup: the people are there, the erasures are not.
DELETE FROM pulse.erasure;
DELETE FROM pulse.erased_identifier;
SELECT pulse_track('privacy-dan', 'Seen') > 0 AS dan, pulse_track(NULL, 'Seen', anonymous_id => 'privacy-device-1') > 0 AS ann;
SELECT result, people FROM pulse_replay_erasures(:'list') ORDER BY result, people;
SELECT status, rows, message FROM pulse_run_job('erasures');
SELECT tab FROM pg_temp.remains('privacy-dan', 'privacy-device-1');
SELECT state, replayed, count(*) FROM pulse.erasure GROUP BY state, replayed;
SELECT pulse_replay_erasures(NULL);
SELECT pulse_replay_erasures('[]');
SELECT pulse_replay_erasures('{"version": 2, "key": null, "erasures": []}');
SELECT pulse_replay_erasures('{"version": 1, "key": "00", "erasures": [1]}');
SELECT pulse_replay_erasures(jsonb_set(:'list', '{key}', to_jsonb(repeat('0', 64))));
SELECT pulse_replay_erasures(jsonb_set(:'list', '{erasures,0,hashes,0}', '"x"'));
SELECT pulse_replay_erasures(jsonb_set(:'list', '{erasures,0,key}', '"x"'));
SELECT pulse_replay_erasures(:'list'::jsonb #- '{erasures,0,hashes}');
SELECT count(*) FROM pulse_replay_erasures('{"version": 1, "key": null, "erasures": []}');

-- ---- Who may ----

CREATE ROLE privacy_reader;
CREATE ROLE privacy_operator;
SELECT pulse_grant('privacy_reader', 'people_reader'), pulse_grant('privacy_operator', 'operator');
SET ROLE privacy_reader;
SELECT count(*) > 0 AS exported FROM pulse_export_profile_parts('privacy-bob');
SELECT pulse_erase_profile('privacy-bob', 'ticket 9');
SELECT count(*) > 0 AS certificates FROM pulse.erasure;
SELECT count(*) FROM pulse.erased_identifier;
RESET ROLE;
SET ROLE privacy_operator;
SELECT pulse_erase_profile('privacy-bob', 'ticket 9');
SELECT pulse_allow_profile('privacy-bob');
SELECT pulse_list_erasures();
SELECT pulse_replay_erasures('{}');
SELECT key FROM pulse.erasure_key;
UPDATE pulse.erasure SET reason = 'x';
RESET ROLE;
BEGIN READ ONLY;
SELECT pulse_erase_profile('privacy-bob', 'ticket 9');
ROLLBACK;
BEGIN;
SELECT pulse_erase_profile('privacy-bob', 'ticket 9') > 0 AS erased;
ROLLBACK;
SELECT pulse_profile('privacy-bob') IS NOT NULL AS there, pulse_track('privacy-bob', 'Later') > 0 AS accepted;

-- ---- Files ----

-- A file goes with each of its people, though no column says who they are: also with who was one with another when it was written. Files of others stay, also
-- one with the number of a profile for another reason.
SELECT count(pulse_identify('file-' || u, jsonb_build_object('name', initcap(u), 'city', 'Bern'))) AS people FROM unnest('{eve,fay,gil}'::text[]) AS u;
SELECT profile_id AS fay FROM pulse.person WHERE user_id = 'file-fay' \gset
SELECT pulse_identify('file-gil', jsonb_build_object('seats', :fay::text)) > 0 AS changed;
SELECT pulse_create_segment('Eve', '{"where": "profile.name == \"Eve\""}') > 0 AND pulse_create_segment('Gil', '{"where": "profile.name == \"Gil\""}') > 0 AS made;
SELECT pulse_merge('file-eve', 'file-fay', 'the same') AS merge \gset
SELECT count(*) FROM unnest('{csv,jsonl}'::text[]) AS f (format), unnest('{Eve,Gil}'::text[]) AS s (segment), pulse_export_audience(s.segment, f.format, '{"columns": ["profile.city", "profile.seats"]}');
SELECT pulse_unmerge(:merge, 'not the same') > 0 AS undone;
SELECT jsonb_agg(data ->> 'segment' ORDER BY data ->> 'segment') AS files FROM pulse_export_profile_parts('file-fay') WHERE part = 'files';
SELECT pulse_erase_profile('file-fay', 'ticket 10') > 0 AS erased;
SELECT segment, format FROM pulse.export WHERE segment IN ('Eve', 'Gil') ORDER BY segment, format COLLATE "C";
SELECT count(*) FROM pulse_export_audience('Gil', 'csv', '{"columns": ["profile.city"], "filters": {}}');
SELECT pulse_erase_profile('file-gil', 'ticket 11') > 0 AS erased;
SELECT segment, format FROM pulse.export WHERE segment IN ('Eve', 'Gil');
-- A file as large as several pieces.
SELECT count(pulse_identify('file-long-' || n, jsonb_build_object('name', repeat(chr(64 + n), 100000), 'kind', 'long'))) AS people FROM generate_series(1, 6) AS n;
SELECT pulse_create_segment('Long', '{"where": "profile.kind == \"long\""}') > 0 AS made;
SELECT users FROM pulse_export_audience('Long', 'csv', '{"columns": ["profile.name"]}');
SELECT x.chunks > 1 AS pieces, count(*) AS people FROM pulse.export_chunk AS c JOIN pulse.export AS x ON x.id = c.export_id, unnest(c.people) WHERE x.segment = 'Long' GROUP BY x.chunks;
SELECT pulse_erase_profile('file-long-6', 'ticket 12') > 0 AS erased;
SELECT count(*) FROM pulse.export WHERE segment = 'Long';

-- ---- A whole index of ids ----

SELECT pulse.mentions('x', '{}'), pulse.mentions('{"a": "u1"}', '{u1}'), pulse.mentions('u12', '{u1}'), pulse.mentions(NULL, '{u1}'),
       pulse.mentions('mail Ann@Example.com!', '{ann@example.com}'), pulse.mentions(encode(sha256('ann@example.com'), 'hex'), '{Ann@example.com}');
SELECT pulse.mentions('x', '{NULL}');

SELECT pulse_revoke('privacy_reader'), pulse_revoke('privacy_operator');
SET client_min_messages = warning;
DROP EXTENSION pulse CASCADE;
DROP ROLE privacy_reader, privacy_operator;
