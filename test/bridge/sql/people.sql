-- Finding, creating and merging people, step by step: the owner of each id, and the contents of the tables.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
CREATE SCHEMA IF NOT EXISTS bridge;
CREATE EXTENSION IF NOT EXISTS pulse_bridge_test SCHEMA bridge;
RESET client_min_messages;
SET search_path = bridge, public;
SET timezone = 'UTC';
\set SHOW_CONTEXT never

-- ---- normal forms of the built-in kinds ----
SELECT left(raw, 40) AS raw, kind, left(normalise(kind, raw), 60) AS normal FROM (VALUES
    ('user_id', ' U 1 '), ('user_id', 'Anonymous'), ('user_id', '"null"'), ('user_id', '0'), ('user_id', '00000000-0000-0000-0000-000000000000'), ('user_id', '-1'),
    ('user_id', '[object Object]'), ('user_id', 'undefined'), ('user_id', '1'), ('user_id', E'\t'), ('user_id', repeat('x', 256)),
    ('email', ' Ann@Example.COM'), ('email', 'noreply@example.com'), ('email', 'ann'), ('email', 'email'),
    ('phone', '0049 30 / 123456'), ('phone', '12'), ('anonymous_id', 'A-1'), ('device_id', '0-0-0')) AS v (kind, raw);

-- ---- claims ----
SELECT * FROM resolve('[{"ids": [["anonymous_id", "a1"]], "time": "2025-01-01"}]');
SELECT * FROM resolve('[{"ids": [["user_id", "u1"], ["anonymous_id", "a1"]], "time": "2025-01-02"}]');
SELECT * FROM resolve('[{"ids": [["anonymous_id", "a2"]], "time": "2024-12-31"}, {"ids": [["anonymous_id", "a2"], ["user_id", "u1"]], "time": "2025-01-03"},
    {"ids": [["anonymous_id", "a2"]], "time": "2025-01-04"}]');
-- Two users with one address are not merged; ids that fit are attached.
SELECT * FROM resolve('[{"ids": [["user_id", "u1"], ["email", "ann@example.com"]], "time": "2025-01-05"},
    {"ids": [["user_id", "u2"], ["email", "ann@example.com"], ["device_id", "d2"]], "time": "2025-01-06"}]', true);
-- All ids exist: nothing is written.
SELECT * FROM resolve('[{"ids": [["user_id", "u2"], ["device_id", "d2"]]}, {"ids": [["email", "ann@example.com"]]}]');
SELECT * FROM resolve('[{"ids": [["user_id", "u2"], ["device_id", "d2"]]}, {"ids": [["email", "ann@example.com"]]}]', true);
-- More addresses than allowed.
SELECT count(*), string_agg(note, E'\n') FROM generate_series(1, 6) AS i,
    LATERAL resolve(jsonb_build_array(jsonb_build_object('ids', jsonb_build_array('["user_id", "u2"]'::jsonb, jsonb_build_array('email', 'bob' || i || '@example.com')), 'time', '2025-01-07')));
-- The person with the previous id is merged, under the same limits.
SELECT * FROM resolve('[{"ids": [["anonymous_id", "a3"]], "time": "2025-01-08"}, {"ids": [["user_id", "u3"]], "previous": ["anonymous_id", "a3"], "time": "2025-01-09"},
    {"ids": [["user_id", "u4"]], "previous": ["user_id", "u3"], "time": "2025-01-10"}, {"ids": [["user_id", "u4"]], "previous": ["anonymous_id", "a4"], "time": "2025-01-11"}]');
SELECT * FROM resolve('[]');

SELECT id, canonical_id, bucketing_id, first_seen_at::date FROM pulse.profile ORDER BY id;
SELECT kind, value, profile_id, first_seen_at::date FROM pulse.identity ORDER BY kind, value;
SELECT id, survivor_id, merged_id, reason, linked_by, done_by = session_user AS me, profiles FROM pulse.merge_history ORDER BY id;

-- ---- a shared device: no person has more than pulse.max_linked profiles ----
SELECT note FROM resolve((SELECT jsonb_agg(one ORDER BY i, n) FROM generate_series(1, 22) AS i, LATERAL (VALUES
    (1, jsonb_build_object('time', '2025-01-12', 'ids', jsonb_build_array(jsonb_build_array('anonymous_id', 'k' || i)))),
    (2, jsonb_build_object('time', '2025-01-12', 'ids', jsonb_build_array('["device_id", "kiosk"]'::jsonb, jsonb_build_array('anonymous_id', 'k' || i))))) AS v (n, one))) WHERE note IS NOT NULL;
SELECT count(*) FROM pulse.profile WHERE canonical_id = (SELECT p.canonical_id FROM pulse.profile AS p JOIN pulse.identity AS i ON i.profile_id = p.id WHERE i.value = 'kiosk');

-- ---- large batches: each person once, in any order ----
CREATE TEMPORARY TABLE claim AS SELECT i, jsonb_build_object('ids', jsonb_build_array(jsonb_build_array('user_id', 'm' || i % 500), jsonb_build_array('anonymous_id', 'n' || i))) AS one
FROM generate_series(1, 2000) AS i;
SELECT count(*), count(DISTINCT canonical), count(*) FILTER (WHERE created), count(note) FROM resolve((SELECT jsonb_agg(one ORDER BY i) FROM claim), true);
SELECT count(*), count(DISTINCT canonical), count(*) FILTER (WHERE created), count(note) FROM resolve((SELECT jsonb_agg(one ORDER BY i) FROM claim), true);

-- ---- finding people ----
UPDATE pulse.profile SET attributes = '{"plan": "pro"}' WHERE id = 1;
SELECT left(u, 30) AS who, find_person(u) FROM unnest(ARRAY['u1', 'a1', 'a2', 'ann@example.com', ' Ann@Example.com ', 'email:ANN@example.com', 'user_id:u1', 'user_id:a1', 'd2', 'profile:1', 'profile:2',
    'profile:99999', 'profile:x', 'profile:', 'profile:99999999999999999999', ':', 'nobody', '', repeat('x', 1000)]) AS u;
-- A user id is searched first, but kind:value and profile:1 are never plain user ids.
SELECT count(*) FROM resolve('[{"ids": [["user_id", "profile:1"]]}, {"ids": [["user_id", "ann@example.com"]]}]');
SELECT u, find_person(u) <> find_person('u1') AS another FROM unnest(ARRAY['profile:1', 'ann@example.com', 'email:ann@example.com']) AS u;

-- ---- accounts ----
SELECT write_accounts('[{"key": "acme", "traits": {"plan": "free", "size": 1}, "profile": 1, "time": "2025-02-01"}, {"key": "acme", "traits": {"plan": "pro"}, "profile": 2, "time": "2025-01-31"},
    {"key": "zeta", "time": "2025-02-02"}]');
SELECT write_accounts('[{"key": "acme", "traits": {"plan": "pro", "size": 1}, "profile": 1, "time": "2025-02-03"}]');
SELECT write_accounts('[{"key": "acme", "traits": {"size": 2, "x": {"a": 1}}}, {"key": "acme", "traits": {"x": {"b": 1}}}, {"key": "acme"}, {"key": "acme", "traits": {}}]');
SELECT write_accounts('[{"key": "zeta", "profile": 1, "time": "2025-02-04"}, {"key": "acme", "profile": 3, "time": "2025-02-05"}, {"key": "beta", "profile": 3, "time": "2025-02-06"},
    {"key": "acme", "traits": {"plan": null, "none": null}, "time": "2025-02-07"}]');
SELECT id, key, attributes, first_seen_at::date FROM pulse.account ORDER BY id;
SELECT account_id, profile_id, since::date FROM pulse.account_member ORDER BY 1, 2;
SELECT find_person('u1');
SELECT write_accounts('[]');

-- Clean up for the next file.
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member;
