-- Flags: creating, changing, enabling, archiving; definitions.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2015-03-01';
\set SHOW_CONTEXT never

-- A rule alone makes a boolean flag: as text, as JSON text, as jsonb.
SELECT pulse_create_flag('premium', 'profile.plan == "pro"') > 0 AS made;
SELECT pulse_create_flag('by-json-rule', '{"rules": [{"field": "profile.plan", "operator": "in", "value": ["pro", "team"]}]}') > 0 AS made;
SELECT pulse_create_flag('by-jsonb', '{"when": "context.beta == true", "percentage": 12.5}'::jsonb, 'a tenth or so') > 0 AS made;
SELECT pulse_create_flag(key => 'all', definition => '{}') > 0 AS made;
SELECT pulse_create_flag('checkout', '{
    "variants": {"old": "v1", "blue": {"value": "v2", "payload": {"color": "#00f"}}, "green": {"value": "v2"}}, "off": "old",
    "rules": [{"name": "testers", "when": "profile.tester == true", "variant": "blue"},
              {"when": "context.country in [\"DE\", \"AT\"]", "ramp": [{"at": "2015-04-01", "percentage": 50}, {"at": "2015-03-01", "percentage": 5}],
               "variants": {"green": 30, "blue": 70}, "bucket_by": ["account.id", "user"], "schedule": {"until": "2027-01-01"}}],
    "overrides": {"u-17": "green"}, "prerequisites": ["all", {"flag": "premium", "variant": "on"}],
    "holdout": {"percentage": 5, "salt": "2015"}, "schedule": {"from": "2015-01-01"}, "dialect": "unleash", "salt": "old-checkout"}') > 0 AS made;
SELECT key, salt, enabled, version, traits, segments, flags, description, created_by = current_user AS mine, created_at, jsonb_pretty(definition) AS definition
FROM pulse.flag ORDER BY key;
SELECT key, status, type, version FROM pulse_list_flags();

-- Every change creates a version with author, time and description.
SET pulse.now = '2015-03-02';
SELECT pulse_update_flag('premium', 'profile.plan == "team"');
SELECT pulse_update_flag('premium', 'profile.plan  ==  "team"') AS same;
SELECT pulse_update_flag('premium', description => 'who pays') AS not_a_version;
SELECT pulse_update_flag('by-jsonb', '{"when": "context.beta == true", "percentage": 25, "overrides": {"me": "on"}}'::jsonb);
SELECT pulse_update_flag('by-jsonb', new_key => 'beta') AS renamed;
SELECT key, salt FROM pulse.flag WHERE key = 'beta';
SELECT pulse_disable_flag('beta'), pulse_disable_flag('beta');
SELECT key, status FROM pulse_list_flags() WHERE key = 'beta';
SELECT pulse_enable_flag('beta');
SELECT pulse_archive_flag('beta');
SELECT key, status FROM pulse_list_flags() WHERE key = 'beta';
SELECT pulse_enable_flag('beta');
SELECT pulse_restore_flag('beta');
SELECT pulse_update_flag('beta', '{"enabled": false}') AS version;
SELECT v.version, v.enabled, v.changed_by = current_user AS mine, v.changed_at, v.change
FROM pulse.flag_version AS v JOIN pulse.flag AS f ON f.id = v.flag_id WHERE f.key = 'beta' ORDER BY v.version;
SELECT v.version, v.change FROM pulse.flag_version AS v JOIN pulse.flag AS f ON f.id = v.flag_id WHERE f.key = 'premium' ORDER BY v.version;

-- Public flags are marked in their definition.
SELECT pulse_create_flag('banner', '{"public": true}') > 0 AS made;
SELECT definition ->> 'public' AS public FROM pulse_list_flags() WHERE key IN ('banner', 'all') ORDER BY key;
SELECT pulse_update_flag('banner', '{}') AS version;
SELECT v.change FROM pulse.flag_version AS v JOIN pulse.flag AS f ON f.id = v.flag_id WHERE f.key = 'banner' ORDER BY v.version;
SELECT pulse_delete_flag('banner');

-- Flags that others require cannot be renamed, archived or deleted.
SELECT pulse_delete_flag('all');
SELECT pulse_archive_flag('premium');
SELECT pulse_update_flag('premium', new_key => 'paying');
SELECT pulse_update_flag('all', '{"prerequisites": ["checkout"]}');
SELECT pulse_create_flag('x', '{"prerequisites": ["chekout"]}');
SELECT pulse_create_flag('x', '{"prerequisites": [{"flag": "checkout", "variant": "red"}]}');
SELECT pulse_create_flag('x', '{"prerequisites": ["x"]}');

-- Errors.
SELECT pulse_create_flag('premium', '{}');
SELECT pulse_create_flag('my flag', '{}');
SELECT pulse_create_flag('', '{}');
SELECT pulse_create_flag(repeat('k', 256), '{}');
SELECT pulse_create_flag(NULL, '{}');
SELECT pulse_create_flag('x', NULL);
SELECT pulse_create_flag('x', '');
SELECT pulse_create_flag('x', '5'::jsonb);
SELECT pulse_create_flag('x', '[]'::jsonb);
SELECT pulse_create_flag('x', '{"when": ');
SELECT pulse_create_flag('x', 'profile.plan = = 1');
SELECT pulse_create_flag('x', 'lower(profile.plan)');
SELECT pulse_create_flag('x', '{"rules": [{}, {"when": "1 + 1"}]}');
\set VERBOSITY terse
SELECT pulse_create_flag('x', 'segment("nobody")');
\set VERBOSITY default
SELECT pulse_create_flag('x', 'events.purchase.count_30d >= 1');
SELECT pulse_create_flag('x', '{"percentag": 5}');
SELECT pulse_create_flag('x', '{"percentage": 500}');
SELECT pulse_create_flag('x', '{"rules": [{"variant": "maybe"}]}');
SELECT pulse_create_flag('x', '{"type": "number"}');
SELECT pulse_create_flag('x', ('{"variants": {"off": ' || repeat('[', 5000) || repeat(']', 5000) || '}}'));
SELECT pulse_create_flag('x', jsonb_build_object('overrides', (SELECT jsonb_object_agg('u' || i, 'on') FROM generate_series(1, 10001) AS i)));
SELECT pulse_create_flag('x', jsonb_build_object('variants', jsonb_build_object('off', repeat('x', 1100000)), 'default', 'off'));
SELECT pulse_create_flag('x', '{}', repeat('d', 10001));
SELECT pulse_update_flag('premum', '{}');
SELECT pulse_update_flag('premium', new_key => 'all');
SELECT pulse_update_flag('premium', new_key => 'a b');
SELECT pulse_update_flag(NULL, '{}');
SELECT pulse_delete_flag('premum');
SELECT pulse_delete_flag(NULL);
SELECT pulse_disable_flag('premum');
SELECT pulse_archive_flag('premum');
SELECT pulse_restore_flag('premum');
SELECT count(*) AS unharmed FROM pulse.flag;

-- Privileges.
CREATE ROLE regress_flag_reader;
CREATE ROLE regress_flag_operator;
SELECT pulse_grant('regress_flag_reader', 'people_reader'), pulse_grant('regress_flag_operator', 'operator');
SET ROLE regress_flag_reader;
SELECT count(*) AS seen FROM pulse_list_flags();
SELECT pulse_create_flag('x', '{}');
SELECT pulse_disable_flag('premium');
UPDATE pulse.flag SET enabled = false;
SET ROLE regress_flag_operator;
SELECT pulse_create_flag('theirs', '{}') > 0 AS made;
SELECT created_by FROM pulse_list_flags() WHERE key = 'theirs';
SELECT pulse_delete_flag('theirs');
INSERT INTO pulse.flag (key, definition, salt, created_by, created_at, updated_at) VALUES ('y', '{}', 'y', 'me', now(), now());
RESET ROLE;
SELECT pulse_delete_flag('checkout');
SELECT pulse_delete_flag(key) FROM pulse_list_flags();
SELECT count(*) AS flags, (SELECT count(*) FROM pulse.flag_version) AS versions FROM pulse.flag;
BEGIN READ ONLY;
SELECT pulse_create_flag('x', '{}');
ROLLBACK;
SELECT pulse_revoke('regress_flag_reader'), pulse_revoke('regress_flag_operator');
DROP ROLE regress_flag_reader;
DROP ROLE regress_flag_operator;

-- Variants that others require cannot be removed; a restored flag is checked.
SELECT pulse_create_flag('colour', '{"variants": {"red": 1, "blue": 2}, "off": "red", "rules": [{"variant": "blue"}]}') > 0 AS made;
SELECT pulse_create_flag('needs-blue', '{"prerequisites": [{"flag": "colour", "variant": "blue"}]}') > 0 AS made;
SELECT pulse_update_flag('colour', '{"variants": {"red": 1, "green": 2}, "off": "red", "rules": [{"variant": "green"}]}');
SELECT pulse_archive_flag('needs-blue');
SELECT pulse_restore_flag('needs-blue');
SELECT status FROM pulse_list_flags() WHERE key = 'needs-blue';
SELECT pulse_delete_flag('needs-blue');
SELECT pulse_delete_flag('colour');
