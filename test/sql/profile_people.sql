-- Room profile: kinds of ids, pulse.person, pulse_profile(), search.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2015-03-01 12:00';
\set SHOW_CONTEXT never
\set VERBOSITY default

-- ---- kinds ----
SELECT kind, normalisation, priority, max_values, per, built_in, cardinality(blocked) > 20 AS blocked FROM pulse.identity_kind ORDER BY priority DESC;
SELECT pulse_set_identity_kind('loyalty_card', 'lower', 60, 2, '30 days', '{test*,demo}');
SELECT kind, normalisation, priority, max_values, per, built_in, blocked FROM pulse.identity_kind WHERE kind = 'loyalty_card';
-- Null keeps the value, '0' counts for ever.
SELECT pulse_set_identity_kind('loyalty_card', per => '0', max_values => 1);
SELECT pulse_set_identity_kind('plain');
SELECT kind, normalisation, priority, max_values, per, built_in, blocked FROM pulse.identity_kind WHERE NOT built_in ORDER BY kind;
SELECT pulse_drop_identity_kind('plain');
-- Errors.
SELECT pulse_set_identity_kind(NULL);
SELECT pulse_set_identity_kind('');
SELECT pulse_set_identity_kind('Card');
SELECT pulse_set_identity_kind(repeat('x', 64));
SELECT pulse_set_identity_kind('profile');
SELECT pulse_set_identity_kind('card', 'upper');
SELECT pulse_set_identity_kind('card', priority => 0);
SELECT pulse_set_identity_kind('card', max_values => -1);
SELECT pulse_set_identity_kind('card', per => '-1 day');
SELECT pulse_set_identity_kind('card', blocked => '{""}');
SELECT pulse_set_identity_kind('card', blocked => '{**}');
SELECT pulse_set_identity_kind('card', blocked => '{NULL}');
SELECT pulse_drop_identity_kind('user_id');
SELECT pulse_drop_identity_kind('nothing');
SELECT pulse_drop_identity_kind(NULL);

-- ---- people ----
SELECT pulse_identify('ann', '{"email": "Ann@Example.com", "plan": "pro", "city": "Ulm"}', 'a-1', '2015-01-01') IS NOT NULL AS ann;
SELECT pulse_track('ann', 'view', '{"page": 1}', '2015-02-27') IS NOT NULL AS viewed;
SELECT pulse_track('ann', 'view', '{"page": 2}', '2015-03-01 11:00') IS NOT NULL AS viewed;
SELECT pulse_track('ann', 'Order Completed', '{"total": 10}', '2015-02-25') IS NOT NULL AS bought;
SELECT pulse_group('ann', 'acme', '{"tier": "gold"}', '2015-02-20') IS NOT NULL AS grouped;
SELECT pulse_track(NULL, 'view', '{}', '2015-02-28', 'a-2') IS NOT NULL AS anonymous;
SELECT pulse_identify('bob', '{"phone": "0049 30 123456"}', NULL, '2014-06-01') IS NOT NULL AS bob;
SELECT pulse_identify('cid', '{}', NULL, '2015-02-28') IS NOT NULL AS cid;
SELECT count(*) FROM pulse_ingest('[{"type": "track", "event": "swipe", "userId": "cid", "timestamp": "2015-02-28T10:00:00Z", "context": {"externalIds": [{"type": "loyalty_card", "id": "LC-7"}]}},
    {"type": "track", "event": "swipe", "userId": "cid", "timestamp": "2015-02-28T11:00:00Z", "context": {"externalIds": [{"type": "loyalty_card", "id": "demo"}]}}]') WHERE status = 'accepted';

SELECT user_id, email, phone, identities, attributes, account, lifecycle, first_seen_at, last_seen_at, profiles, bucketing_id FROM pulse.person
ORDER BY first_seen_at, last_seen_at;
-- As of the past, and of a future without events.
SET pulse.now = '2015-02-26';
SELECT user_id, lifecycle, last_seen_at FROM pulse.person ORDER BY first_seen_at, profile_id;
SET pulse.now = '2015-06-20';
SELECT user_id, lifecycle, last_seen_at FROM pulse.person ORDER BY first_seen_at, profile_id;
SET pulse.now = '2015-03-01 12:00';

-- pulse_profile(). Row counts are those of this run.
SELECT jsonb_pretty(jsonb_set(jsonb_set(jsonb_set(p - 'profile_id' - 'traits' - 'segments', '{recent_events}', (SELECT jsonb_agg(e - 'id' - 'profile_id') FROM jsonb_array_elements(p -> 'recent_events') AS e)),
    '{identities}', (SELECT jsonb_agg(i - 'profile_id') FROM jsonb_array_elements(p -> 'identities') AS i)), '{merged}', '"none"')) FROM pulse_profile('email:ann@example.com') AS p;
SELECT p -> 'events', p -> 'account', p -> 'lifecycle' FROM unnest('{bob,a-2,LC-7}'::text[]) AS u, pulse_profile(u) AS p;
SELECT pulse_profile('ann') ->> 'profile_id' = pulse_profile(' Ann@Example.com ') ->> 'profile_id' AS same;
SELECT pulse_profile('nobody');
SELECT pulse_profile('');
SELECT pulse_profile(NULL);
SELECT pulse_profile(repeat('x', 100000));

-- ---- search ----
SELECT kind, value, user_id, email, first_seen_at FROM pulse_search_profiles('a');
SELECT kind, value, user_id, email FROM pulse_search_profiles('ANN@');
SELECT kind, value, user_id, email FROM pulse_search_profiles('0049 30');
SELECT kind, value, user_id FROM pulse_search_profiles('lc-');
SELECT kind, value, user_id FROM pulse_search_profiles('a', 1, 1);
SELECT count(*) FROM pulse_search_profiles('%');
SELECT count(*) FROM pulse_search_profiles(E'\u00e4');
SELECT pulse_search_profiles('  ');
SELECT pulse_search_profiles(NULL);
SELECT pulse_search_profiles('a', 0);
SELECT pulse_search_profiles('a', 1001);
SELECT pulse_search_profiles('a', 1, -1);
SELECT count(*) FROM pulse_search_profiles(repeat('x', 100000));

SELECT kind, value, first_seen_at, merge, reason FROM pulse_identities_of('ann');
SELECT pulse_identities_of('nobody');

-- ---- effect of other limits ----
SELECT pulse_simulate_identity_kind('email');
SELECT pulse_simulate_identity_kind('anonymous_id', blocked => '{a-*}');
SELECT count(*) FROM generate_series(1, 4) AS i, pulse_ingest(jsonb_build_object('type', 'track', 'event', 'open', 'userId', 'dan', 'anonymousId', 'd' || i,
    'timestamp', timestamptz '2015-02-01' + i * interval '1 day'));
SELECT r - 'examples' AS simulated, jsonb_array_length(r -> 'examples') AS examples FROM pulse_simulate_identity_kind('anonymous_id', 3) AS r;
SELECT r - 'examples' AS simulated FROM pulse_simulate_identity_kind('anonymous_id', 3, '2 days') AS r;
SELECT pulse_simulate_identity_kind('nothing');
SELECT pulse_simulate_identity_kind('email', -1);
-- A kind that has ids keeps its normal form and cannot be dropped.
SELECT pulse_set_identity_kind('loyalty_card', 'trim');
SELECT pulse_drop_identity_kind('loyalty_card');

-- ---- privileges, and read-only transactions ----
BEGIN READ ONLY;
SELECT pulse_profile('ann') ->> 'lifecycle' AS lifecycle;
SELECT pulse_set_identity_kind('loyalty_card', priority => 1);
ROLLBACK;
CREATE ROLE regress_profile_reader;
SELECT pulse_grant('regress_profile_reader', 'people_reader');
SET ROLE regress_profile_reader;
SELECT pulse_profile('ann') ->> 'lifecycle' AS lifecycle;
SELECT pulse_set_identity_kind('loyalty_card', priority => 1);
SELECT pulse_merge('ann', 'bob', 'why not');
INSERT INTO pulse.identity VALUES ('user_id', 'x', 1, now());
RESET ROLE;
SELECT pulse_revoke('regress_profile_reader');
DROP ROLE regress_profile_reader;
-- A changed kind takes effect in its transaction, and not after a rollback.
BEGIN;
SELECT pulse_set_identity_kind('user_id', blocked => '{eve}');
SELECT status, detail FROM pulse_ingest('{"type": "track", "event": "open", "userId": "EVE"}');
ROLLBACK;
SELECT status, detail FROM pulse_ingest('{"type": "track", "event": "open", "userId": "EVE"}');

-- A user id that looks like another way to name a person does not find that person.
SELECT pulse_identify('victim', '{"email": "victim@example.com"}') AS victim \gset
SELECT pulse_identify('email:victim@example.com') AS other \gset
SELECT pulse_identify('profile:' || :victim) > 0, pulse_identify('profile:x') > 0;
SELECT (pulse_profile('email:victim@example.com') ->> 'profile_id')::bigint = :victim AS email, (pulse_profile('profile:' || :victim) ->> 'profile_id')::bigint = :victim AS number,
       (pulse_profile('user_id:email:victim@example.com') ->> 'profile_id')::bigint = :other AS by_kind;
SELECT pulse_profile('profile:x');
-- Prefixes with non-ASCII letters.
SELECT count(pulse_track(v, 'open')) FROM unnest(ARRAY['über', 'zü', 'zÿ1', 'zĀ', 'z￿']) AS w (e) CROSS JOIN LATERAL (SELECT (('"' || w.e || '"')::jsonb #>> '{}') AS v) AS x;
SELECT p, array_agg(to_json(s.value)::text ORDER BY s.value COLLATE "C") FROM unnest(ARRAY[U&'\00fc', U&'z\00fc', U&'z\00ff', U&'z\ffff']) WITH ORDINALITY AS q (p, n)
CROSS JOIN LATERAL pulse_search_profiles(q.p) AS s GROUP BY q.n, q.p ORDER BY q.n;

-- ---- plans: what is not selected is not computed, and an import leaves statistics ----
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query; END $$;
SELECT count(*) FILTER (WHERE line ~ 'event|identity') AS events_and_ids, count(*) FILTER (WHERE line ~ 'Loop') AS loops FROM pg_temp.plan_of('SELECT count(*) FROM pulse.person') AS line;
SELECT count(*) FILTER (WHERE line ~ 'event') AS events FROM pg_temp.plan_of('SELECT user_id, email, attributes FROM pulse.person') AS line;
SELECT accepted FROM pulse_import_events($$SELECT 'bulk' || i AS user_id, 'bulk' AS event, '2014-11-10'::timestamptz AS "timestamp" FROM generate_series(1, 4000) AS i$$);
SELECT relname, reltuples >= 4000 AS analyzed FROM pg_class WHERE relnamespace = 'pulse'::regnamespace AND relname IN ('profile', 'identity', 'event_y2014m11') ORDER BY 1;
SELECT count(*) FILTER (WHERE line ~ 'Seq Scan on event_y2014m11') AS full_scans FROM pg_temp.plan_of('SELECT * FROM pulse.person LIMIT 10') AS line;

DELETE FROM pulse.identity_kind WHERE NOT built_in;
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event;
