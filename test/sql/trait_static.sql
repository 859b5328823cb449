-- Static segments: people who are added and removed by hand, and are members everywhere like those of a rule.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET client_min_messages = notice;
SET timezone = 'UTC';
SET pulse.now = '2015-03-01 12:00:00+00';
\pset null '-'

SELECT count(pulse_identify('st-' || i, jsonb_build_object('plan', CASE WHEN i % 2 = 0 THEN 'pro' ELSE 'free' END, 'email', 'st' || i || '@example.com'))) AS people
FROM generate_series(1, 6) AS i;
SELECT count(pulse_page(NULL, 'home', anonymous_id => 'visitor')) AS visitors;

-- ---- Definitions ----
-- No build: nobody can be a member yet.
SET pulse.build_at_once = 0;
SELECT pulse_create_segment('VIPs', '{"static": true}', description => 'Chosen by hand') > 0 AS made;
SELECT count(*) AS building FROM pulse.build;
RESET pulse.build_at_once;
SELECT name, kind, status, (definition ->> 'static')::bigint = id AS own_list FROM pulse.segment WHERE name = 'VIPs';
SELECT item, value FROM pulse_explain_segment('VIPs') WHERE item IN ('rule', 'from', 'status', 'error');
SELECT pulse_create_segment('bad', '{"static": true, "where": "true"}');
SELECT pulse_create_segment('bad', '{"static": true, "from": "pulse.segment"}');
SELECT pulse_create_segment('bad', '{"static": true, "query": "SELECT 1 AS id"}');
SELECT pulse_create_segment('bad', '{"static": true, "rules": [{"field": "profile.plan", "operator": "=", "value": "pro"}]}');
SELECT pulse_create_segment('bad', '{"static": true, "include_anonymous": false}');
SELECT pulse_create_segment('bad', '{"static": "yes"}');
SELECT pulse_create_segment('bad', '{"static": false}');
SELECT pulse_create_segment('bad', '{"static": 1000000}');
-- Nobody types what a static segment compiles to.
SELECT pulse_create_segment('bad', '{"where": "static_segment(1)"}');
SELECT pulse_create_trait('bad', 'static_segment(1)');

-- ---- Everywhere a segment is used ----
SELECT pulse_create_trait('is_vip', 'segment("VIPs")') > 0 AS made;
SELECT pulse_create_segment('VIP pros', '{"where": "is_vip && profile.plan == \"pro\""}') > 0 AS made;
SELECT pulse_create_flag('lounge', 'segment("VIPs")') > 0 AS made;

CREATE VIEW static_now AS
SELECT i.value AS who, string_agg(m.segment, ', ' ORDER BY m.segment) AS segments
FROM pulse.membership AS m JOIN pulse.profile AS p ON p.canonical_id = m.profile_id
JOIN pulse.identity AS i ON i.profile_id = p.id AND i.kind IN ('user_id', 'anonymous_id')
GROUP BY 1 ORDER BY 1;

-- In one transaction: added, and decided.
BEGIN;
SELECT "user", result, profile_id IS NOT NULL AS known FROM pulse_add_to_segment('VIPs', '{st-1,email:ST2@example.com,nobody,st-1,st1@example.com,visitor}');
SELECT pulse_in_segment('st-1', 'VIPs') AS in_segment, (pulse_decide('st-1', 'lounge')).value, pulse_trait('st-2', 'is_vip') AS trait;
SELECT * FROM static_now;
COMMIT;
SELECT "user", result FROM pulse_add_to_segment('VIPs', '{st-2,st-3}');
SELECT * FROM static_now;
SELECT segment, since, "until" FROM pulse_segments_of('st-2');
SELECT pulse_profile('st-2') -> 'segments' AS segments;
SELECT i.value, h.added_at, h.added_by = current_user AS by_me, h.removed_at FROM pulse.static_member AS h JOIN pulse.identity AS i ON i.profile_id = h.profile_id
WHERE i.kind IN ('user_id', 'anonymous_id') ORDER BY 1;
SELECT s.name, i.value, c.change, c.cause, c.quiet FROM pulse.membership_change AS c JOIN pulse.segment AS s ON s.id = c.segment_id
JOIN pulse.identity AS i ON i.profile_id = c.profile_id AND i.kind IN ('user_id', 'anonymous_id') ORDER BY c.id;
SELECT segment, user_id, change, cause FROM pulse_take_changes('static-test') WHERE segment = 'VIPs' ORDER BY user_id;

-- Removed a day later.
SET pulse.now = '2015-03-02 12:00:00+00';
SELECT "user", result FROM pulse_remove_from_segment('VIPs', '{st-2,st2@example.com,st-4,nobody}');
SELECT * FROM static_now;
SELECT (pulse_decide('st-2', 'lounge')).value;
-- As of the past.
SET pulse.now = '2015-03-01 12:00:00+00';
SELECT * FROM static_now;
SELECT pulse_in_segment('st-2', 'VIPs') AS then, (pulse_decide('st-2', 'lounge')).value;
SELECT "until" FROM pulse_segments_of('st-2') WHERE segment = 'VIPs';
SET pulse.now = '2015-02-01';
SELECT count(*) FROM pulse.membership WHERE segment = 'VIPs';
SET pulse.now = '2015-03-02 12:00:00+00';

-- Again, and at the same instant.
SELECT "user", result FROM pulse_add_to_segment('VIPs', '{st-2}');
SELECT "user", result FROM pulse_remove_from_segment('VIPs', '{st-2}');
SELECT "user", result FROM pulse_add_to_segment('VIPs', '{st-2}');
SELECT count(*) AS periods, count(removed_at) AS ended FROM pulse.static_member AS h JOIN pulse.identity AS i ON i.profile_id = h.profile_id WHERE i.value = 'st-2';
SELECT item, part = 'static_segment(' || (SELECT id FROM pulse.segment WHERE name = 'VIPs') || ')' AS part, value, regexp_replace(note, 'by \w+', 'by me', 'g') AS note
FROM pulse_explain_membership('st-2', 'VIPs') WHERE item <> 'verdict';
SELECT item, value FROM pulse_explain_membership('st-2', 'VIP pros') WHERE item = 'verdict';

-- Evaluated at once, whatever pulse.evaluation is.
SET pulse.evaluation = 'async';
SELECT "user", result FROM pulse_add_to_segment('VIPs', '{st-4}');
SELECT pulse_in_segment('st-4', 'VIP pros') AS at_once, (SELECT count(*) FROM pulse.dirty) AS queued;
RESET pulse.evaluation;

-- ---- Merges: a person is a member if one side was; an unmerge gives each side its own back ----
SELECT result FROM pulse_add_to_segment('VIPs', '{st-6}');
SELECT pulse_merge('st-5', 'st-6', 'the same') > 0 AS merged;
SELECT pulse_in_segment('st-5', 'VIPs') AS merged_side, pulse_in_segment('st-6', 'VIPs') AS added_side;
SELECT "user", result FROM pulse_add_to_segment('VIPs', '{st-5,st-6}');
SELECT pulse_unmerge((SELECT max(id) FROM pulse.merge_history), 'not the same') > 0 AS unmerged;
SELECT pulse_in_segment('st-5', 'VIPs') AS merged_side, pulse_in_segment('st-6', 'VIPs') AS added_side;
-- Removed while merged: removed on both sides.
SELECT result FROM pulse_add_to_segment('VIPs', '{st-5}');
SELECT pulse_merge('st-5', 'st-6', 'the same') > 0 AS merged;
SELECT "user", result FROM pulse_remove_from_segment('VIPs', '{st-5,st-6}');
SELECT pulse_unmerge((SELECT max(id) FROM pulse.merge_history), 'not the same') > 0 AS unmerged;
SELECT pulse_in_segment('st-5', 'VIPs') AS one, pulse_in_segment('st-6', 'VIPs') AS other;

-- ---- Queries over everybody agree with the stored members ----
SELECT * FROM static_now;
SELECT v.part, v.item, v.value, v.members FROM pulse.segment AS s, pulse_preview_segment(s.definition || '{"attributes": ["plan"]}', 0) AS v WHERE s.name = 'VIPs';
SELECT part, members FROM pulse_preview_segment('{"where": "segment(\"VIPs\") && profile.plan == \"pro\"", "attributes": []}', 0);
SELECT part, members FROM pulse_preview_segment('{"where": "!segment(\"VIPs\")", "attributes": []}', 0);
SELECT part, members FROM pulse_preview_segment('{"static": true}', 0);
SELECT change, members FROM pulse_preview_segment_change('VIPs', '{"where": "profile.plan == \"pro\""}');
SELECT change, members FROM pulse_preview_segment_change('VIPs', '{"static": true}');
SELECT pulse_take_snapshot('VIPs') > 0 AS taken;
SELECT n.size, n.entered, n.exited FROM pulse.snapshot AS n JOIN pulse.segment AS s ON s.id = n.segment_id WHERE s.name = 'VIPs';

-- ---- Changing, using, archiving ----
SELECT pulse_update_segment('VIPs', '{"static": true, "members": "guests"}');
SELECT change FROM pulse.segment_version AS v JOIN pulse.segment AS s ON s.id = v.segment_id WHERE s.name = 'VIPs' ORDER BY v.version;
SELECT pulse_archive_segment('VIPs');
SELECT pulse_delete_segment('VIPs', confirm => true);
SELECT * FROM pulse.dependency WHERE uses = 'VIPs' OR name = 'VIPs' ORDER BY 1, 2;
SELECT pulse_create_segment('Beta', '{"static": true}') > 0 AS made;
SELECT result FROM pulse_add_to_segment('Beta', '{st-1,st-2}');
SELECT pulse_update_segment('Beta', new_name => 'Beta testers');
SELECT count(*) FROM pulse.membership WHERE segment = 'Beta testers';
-- A rule for a while: the list is kept.
SELECT pulse_update_segment('Beta testers', '{"where": "profile.plan == \"free\""}');
SELECT pulse_add_to_segment('Beta testers', '{st-1}');
SELECT pulse_update_segment('Beta testers', '{"static": true}');
SELECT count(*) FROM pulse.membership WHERE segment = 'Beta testers';
SELECT change FROM pulse.segment_version AS v JOIN pulse.segment AS s ON s.id = v.segment_id WHERE s.name = 'Beta testers' ORDER BY v.version;
SELECT pulse_pause_segment('Beta testers');
SELECT result FROM pulse_add_to_segment('Beta testers', '{st-3}');
SELECT pulse_archive_segment('Beta testers');
SELECT pulse_add_to_segment('Beta testers', '{st-4}');
SELECT count(*) FROM pulse.membership WHERE segment = 'Beta testers';
SELECT pulse_resume_segment('Beta testers');
SELECT count(*) FROM pulse.membership WHERE segment = 'Beta testers';
SELECT pulse_delete_segment('Beta testers');
SELECT pulse_delete_segment('Beta testers', confirm => true);
SELECT count(*) FROM pulse.static_member WHERE segment_id NOT IN (SELECT id FROM pulse.segment);
-- People who are deleted by hand are in no list.
DELETE FROM pulse.profile WHERE id = (SELECT profile_id FROM pulse.identity WHERE value = 'visitor');
SELECT count(*) FROM pulse.static_member AS h WHERE NOT EXISTS (SELECT FROM pulse.profile AS p WHERE p.id = h.profile_id);

-- ---- Pages of members ----
SELECT user_id, since FROM pulse_segment_members('VIPs');
SELECT user_id FROM pulse_segment_members('VIPs', 2);
SELECT user_id FROM pulse_segment_members('VIPs', 2, (SELECT max(profile_id)::text FROM pulse_segment_members('VIPs', 2)));
SELECT user_id FROM pulse_segment_members('VIPs', 2, 'profile:' || (SELECT max(profile_id) FROM pulse_segment_members('VIPs', 1)));
SELECT count(*) FROM pulse_segment_members('VIPs', 10, '1000000000');
SELECT pulse_create_segment('seen today', '{"where": "last_seen_days_ago < 1"}') > 0 AS made;
SELECT count(pulse_track('st-' || i, 'visit')) FROM generate_series(1, 3) AS i;
-- Due by the clock and not yet evaluated, before and after a member; and as of the past.
SET pulse.now = '2015-03-03 11:00:00+00';
SELECT count(pulse_track('st-4', 'visit')) AS tracked;
SET pulse.now = '2015-03-03 12:30:00+00';
SELECT user_id, since FROM pulse_segment_members('seen today');
SET pulse.now = '2015-03-02 12:30:00+00';
SELECT user_id FROM pulse_segment_members('seen today', 2);
SELECT user_id FROM pulse_segment_members('seen today', 2, (SELECT max(profile_id)::text FROM pulse_segment_members('seen today', 2)));
SET pulse.now = '2015-03-03 12:30:00+00';
SELECT status, members, refreshed_at FROM pulse_refresh_segment('seen today');
SELECT count(*) FROM pulse.member AS m JOIN pulse.segment AS s ON s.id = m.segment_id WHERE s.name = 'seen today';
-- While it is built.
SET pulse.build_at_once = 0;
SELECT pulse_create_segment('pros', '{"where": "profile.plan == \"pro\""}') > 0 AS made;
SELECT user_id FROM pulse_segment_members('pros', 2);
SELECT user_id FROM pulse_segment_members('pros', 2, (SELECT max(profile_id)::text FROM pulse_segment_members('pros', 2)));
SELECT status, members FROM pulse_refresh_segment('pros');
RESET pulse.build_at_once;
CALL pulse_build();
SELECT status, members FROM pulse_refresh_segment('pros');

-- ---- Wrong input ----
SELECT pulse_add_to_segment('VIP', '{st-1}');
SELECT pulse_add_to_segment('pros', '{st-1}');
SELECT pulse_remove_from_segment('pros', '{st-1}');
SELECT pulse_add_to_segment(NULL, '{st-1}');
SELECT pulse_add_to_segment('VIPs', NULL);
SELECT pulse_add_to_segment('VIPs', '{st-1,NULL}');
SELECT count(*) FROM pulse_add_to_segment('VIPs', '{}');
SELECT "user", result FROM pulse_add_to_segment('VIPs', ARRAY['', 'profile:0', 'profile:x', 'email:', repeat('x', 300)]) OFFSET 0 LIMIT 4;
SELECT pulse_add_to_segment('VIPs', array_agg('u' || i)) FROM generate_series(1, 10001) AS i;
SELECT result, count(*) FROM (SELECT (pulse_add_to_segment('VIPs', array_agg('u' || i))).result FROM generate_series(1, 10000) AS i) AS r GROUP BY 1;
SELECT pulse_segment_members('VIP');
SELECT pulse_segment_members('VIPs', 0);
SELECT pulse_segment_members('VIPs', 10001);
SELECT pulse_segment_members('VIPs', 10, 'x');
SELECT pulse_segment_members('VIPs', 10, '');
SELECT pulse_segment_members(NULL);
SELECT pulse_refresh_segment('VIP');
SELECT pulse_refresh_segment(NULL);
CREATE TABLE static_rows (id int PRIMARY KEY);
SELECT pulse_create_segment('rows', '{"from": "static_rows", "attributes": []}') > 0 AS made;
SELECT pulse_add_to_segment('rows', '{st-1}');
SELECT pulse_segment_members('rows');
SELECT pulse_refresh_segment('rows');
SET pulse.now = '2999-01-01';
SELECT pulse_add_to_segment('VIPs', '{st-1}');
SET pulse.now = '2015-03-03 12:30:00+00';

-- ---- Levels ----
CREATE ROLE static_writer;
SELECT pulse_grant('static_writer', 'writer');
SET ROLE static_writer;
SELECT pulse_add_to_segment('VIPs', '{st-1}');
SELECT count(*) > 0 AS ok FROM pulse_segment_members('VIPs');
SELECT pulse_refresh_segment('VIPs');
RESET ROLE;
SELECT pulse_grant('static_writer', 'operator');
SET ROLE static_writer;
SELECT result FROM pulse_remove_from_segment('VIPs', '{st-1}');
INSERT INTO pulse.static_member VALUES (1, 1, now(), current_user);
RESET ROLE;
SELECT DISTINCT removed_by FROM pulse.static_member WHERE removed_by <> current_user;
DROP OWNED BY static_writer;
DROP ROLE static_writer;

-- ---- Retention: who is no member any more is forgotten ----
SELECT count(*) > 0 AS ended FROM pulse.static_member WHERE removed_at IS NOT NULL;
ALTER SYSTEM SET pulse.membership_change_retention = '1 d';
SELECT pg_reload_conf();
\c -
SET pulse.now = '2015-03-03 12:30:00+00';
SET timezone = 'UTC';
\set VERBOSITY terse
SELECT status FROM pulse_run_job('retention');
SELECT count(*) AS members, count(removed_at) AS ended FROM pulse.static_member;
ALTER SYSTEM RESET pulse.membership_change_retention;
SELECT pg_reload_conf();
\c -
SET pulse.now = '2015-03-03 12:30:00+00';
SET timezone = 'UTC';
\set VERBOSITY terse

-- ---- Drafts ----
SELECT pulse_create_segment('planned', '{"where": "profile.plan == \"pro\""}', draft => true) > 0 AS made;
SELECT status FROM pulse.segment WHERE name = 'planned';
SELECT pulse_create_segment('planned wrong', '{"where": "profile.plan >"}', draft => true);
SELECT count(*) FROM pulse.live_segment AS l JOIN pulse.segment AS s ON s.id = l.segment_id WHERE s.name = 'planned';
SELECT pulse_in_segment('st-2', 'planned');
SELECT pulse_segment_members('planned');
SELECT pulse_refresh_segment('planned');
SELECT pulse_take_snapshot('planned');
SELECT pulse_check_drift('planned');
SELECT pulse_create_segment('user of it', '{"where": "segment(\"planned\")"}');
SELECT pulse_create_trait('user_of_it', 'segment("planned")');
SELECT pulse_create_flag('user-of-it', 'segment("planned")');
SELECT pulse_preview_segment('{"where": "segment(\"planned\")"}');
SELECT pulse_pause_segment('planned');
SELECT pulse_resume_segment('planned');
SELECT pulse_archive_segment('planned');
SELECT part, members FROM pulse_preview_segment((SELECT definition || '{"attributes": []}' FROM pulse.segment WHERE name = 'planned'), 0);
SELECT item, value FROM pulse_explain_segment('planned') WHERE item IN ('status', 'rule', 'error');
SELECT item, value FROM pulse_explain_membership('st-2', 'planned') WHERE item = 'verdict';
SELECT change, members FROM pulse_preview_segment_change('planned', '{"where": "profile.plan == \"free\""}');
SELECT pulse_update_segment('planned', '{"where": "profile.plan == \"free\" && pro_money > 1"}');
SELECT pulse_create_trait('pro_money', 'events.buy.sum(total)') > 0 AS made;
SELECT pulse_update_segment('planned', '{"where": "profile.plan == \"free\" && pro_money >= 0"}');
SELECT status, version FROM pulse.segment WHERE name = 'planned';
-- A draft keeps nothing from being deleted; what it uses must be there when it is published.
SELECT pulse_delete_trait('pro_money');
SELECT pulse_publish_segment('planned');
SELECT pulse_create_trait('pro_money', 'events.buy.sum(total)') > 0 AS made;
SELECT pulse_publish_segment('planned');
SELECT pulse_publish_segment('planned');
SELECT pulse_publish_segment('unplanned');
SELECT pulse_publish_segment(NULL);
SELECT count(*) FROM pulse_segment_members('planned');
SELECT pulse_create_segment('user of it', '{"where": "segment(\"planned\")"}') > 0 AS made;
SELECT pulse_create_segment('planned rows', '{"from": "static_rows", "attributes": []}', draft => true) > 0 AS made;
SELECT pulse_take_snapshot('planned rows');
SELECT count(*) FROM pulse_take_snapshots() AS t JOIN pulse.segment AS s ON s.name = t.segment WHERE s.status = 'draft';
SELECT state, segment FROM pulse.segment_overview WHERE segment = 'planned rows';
SELECT pulse_publish_segment('planned rows');
SELECT pulse_take_snapshot('planned rows') > 0 AS taken;
SELECT pulse_create_segment('planned list', '{"static": true}', draft => true) > 0 AS made;
SELECT pulse_add_to_segment('planned list', '{st-1}');
SELECT pulse_publish_segment('planned list');
SELECT result FROM pulse_add_to_segment('planned list', '{st-1}');
SELECT pulse_create_segment('discarded', '{"static": true}', draft => true) > 0 AS made;
SELECT pulse_delete_segment('discarded', confirm => true);

-- ---- Rules as Stratum writes them ----
SELECT canonical FROM pulse_validate_rule('{"logic": "or", "conditions": [
    {"field": "data.plan", "operator": "equals", "value": "pro"}, {"field": "data.address.city", "operator": "contains", "value": "Ber"},
    {"field": "trait.is_vip", "operator": "equals", "value": true}, {"field": "identifier.email", "operator": "is_not_null"}],
    "groups": [{"logic": "and", "conditions": [{"field": "event.Order Completed.count", "operator": "greater_or_equal", "value": 2},
        {"field": "event.visit.last", "operator": "within_last", "value": 30}, {"field": "event.buy.property.total", "operator": "between", "value": [10, 20]}]}]}'::jsonb);
SELECT part, members FROM pulse_preview_segment('{"conditions": [{"field": "data.plan", "operator": "equals", "value": "pro"}, {"field": "profile.lifecycle_stage", "operator": "equals", "value": "known"}], "attributes": []}', 0);
SELECT part, members FROM pulse_preview_segment('{"logic": "and", "conditions": [], "groups": [], "attributes": []}', 5);
SELECT part, count(*) FROM pulse_preview_segment('{"conditions": [{"field": "identifier.email", "operator": "equals", "value": true}], "attributes": []}', 500) GROUP BY 1 ORDER BY 1;
SELECT pulse_create_segment('from Stratum', '{"logic": "and", "conditions": [{"field": "event.visit.exists", "operator": "equals", "value": true}]}') > 0 AS made;
SELECT user_id FROM pulse_segment_members('from Stratum');
SELECT pulse_update_segment('from Stratum', '{"where": "events.visit.exists = true"}') AS same_version;
SELECT pulse_preview_segment('{"conditions": [{"field": "profile.external_id", "operator": "equals", "value": "x"}]}');
SELECT pulse_preview_segment('{"conditions": [{"field": "data.plan", "operator": "sounds_like", "value": "x"}]}');
SELECT pulse_preview_segment('{"conditions": [], "rules": []}');
SELECT pulse_preview_segment('{"conditions": [], "where": "true"}');

DROP VIEW static_now;
DROP TABLE static_rows;
DROP EXTENSION pulse CASCADE;
CREATE EXTENSION pulse;
