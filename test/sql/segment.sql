-- Room segment: definitions, versions, preview, explain.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2011-03-01';

CREATE SCHEMA seg;
CREATE TYPE seg.tier AS ENUM ('free', 'pro');
CREATE DOMAIN seg.mail AS text;
CREATE TABLE seg.users (
    user_id int PRIMARY KEY, email seg.mail UNIQUE, plan text, country char(2), tier seg.tier, active boolean,
    ltv numeric(10,2), last_active_days int, last_active_at timestamptz, orders_30d int, born date, ref bigint,
    doc jsonb, tags text[], raw bytea);
INSERT INTO seg.users
SELECT i, 'u' || i || '@example.org', CASE i % 3 WHEN 0 THEN 'pro' ELSE 'free' END, (ARRAY['DE', 'FR', 'AT', NULL])[i % 4 + 1],
       CASE i % 2 WHEN 0 THEN 'free' ELSE 'pro' END::seg.tier, i % 5 = 0, i * 100, i % 20,
       '2011-03-01'::timestamptz - i * interval '1 day', i % 3, '1980-01-01', 1000 + i, '{}', '{}', ''
FROM generate_series(1, 60) AS i;
CREATE VIEW seg.active_users AS SELECT user_id, plan, country FROM seg.users WHERE active;
CREATE TABLE seg."My Table" ("Key;--" text PRIMARY KEY, "a ""quoted"" one" int);
INSERT INTO seg."My Table" VALUES ('x''; DROP TABLE seg.users; --', 1);

-- A preview saves nothing.
SELECT * FROM pulse_preview_segment(
    '{"from": "seg.users", "where": "ltv > 1000 && last_active_days <= 7", "attributes": ["country", "tier", "ltv", "last_active_at"],
      "converted": "orders_30d > 0", "last_active": "last_active_at"}', 3);
SELECT * FROM pulse_preview_segment('{"from": "seg.users", "where": "ltv < 0", "attributes": ["country", "ltv"]}');
SELECT * FROM pulse_preview_segment('{"from": "seg.active_users", "key": "user_id"}', 0);
SELECT count(*) FROM pulse.segment;
SELECT * FROM pulse_preview_segment(NULL);
SELECT * FROM pulse_preview_segment('{"from": "seg.users"}', -1);
SELECT * FROM pulse_preview_segment('{"from": "seg.users"}', 1001);
SELECT count(*) FROM pulse_preview_segment('{"from": "seg.users"}', NULL) WHERE part = 'member';

-- Relation: names are resolved, the key is the primary key, attributes are chosen by type and cardinality.
SET search_path = seg, public;
SELECT pulse_create_segment('High-Value Active Users', '{"from": "users", "where": "ltv > 1000 && last_active_days <= 7"}',
                            owner => ' growth-team ', description => 'Spend much, seen lately.',
                            baseline => '{"expectedSize": {"min": 8, "max": 20}, "criticalAttributes": ["country"]}',
                            tags => '{growth, " vip "}') > 0 AS made;
RESET search_path;
SELECT name, kind, status, version, owner, description, baseline, tags, cadence, search_path, created_at, updated_at,
       runs_as = current_user AS runs_as_me FROM pulse.segment \gx
SELECT jsonb_pretty(definition) FROM pulse.segment;
SELECT version, change, changed_by = current_user AS by_me, changed_at FROM pulse.segment_version;
-- The definition keeps its meaning under another search_path.
SELECT item, value FROM pulse_explain_segment(' High-Value Active Users ') WHERE item NOT IN ('runs as', 'plan', 'version 1');

-- With the planner's statistics instead of a sample.
ANALYZE seg.users;
SELECT string_agg(DISTINCT item, ' ') FROM pulse_preview_segment('{"from": "seg.users"}') WHERE part = 'attribute';

-- Query: the first column is the key; a comment or a semicolon at its end is allowed.
SELECT pulse_create_segment('Fresh', '{"query": "SELECT email, country, plan AS \"the plan\" FROM seg.users WHERE last_active_at > pulse_now() - interval ''10 days'' ; -- newest",
                                       "where": "country != \"FR\"", "cadence": "6 hours"}') > 0 AS made;
SELECT item, value FROM pulse_explain_segment('Fresh') WHERE item NOT IN ('runs as', 'plan');
SELECT cadence, definition ->> 'query' AS query FROM pulse.segment WHERE name = 'Fresh';
SELECT part, item, value, members FROM pulse_preview_segment('{"query": "VALUES (1, ''a''), (2, ''b'')"}', 1);

-- JSON rules, and hostile names.
SELECT pulse_create_segment('Rules', '{"from": "seg.users", "attributes": [{"name": "ltv", "kind": "categorical"}],
    "rules": [{"field": "country", "operator": "in", "value": ["DE", "AT"]}],
    "logicalOperator": "OR", "groups": [{"rules": [{"field": "plan", "operator": "=", "value": "pro"}]}]}') > 0 AS made;
SELECT value FROM pulse_explain_segment('Rules') WHERE item IN ('rule', 'sql');
SELECT part, item, value, members FROM pulse_preview_segment('{"from": "seg.\"My Table\"", "where": "`a \"quoted\" one` >= 1"}');

-- Errors name the invalid part and what is valid.
SELECT pulse_create_segment(NULL, '{}');
SELECT pulse_create_segment('x', NULL);
SELECT pulse_create_segment(E' \t', '{"from": "seg.users"}');
SELECT pulse_create_segment(repeat('ü', 256), '{"from": "seg.users"}');
SELECT pulse_create_segment('Fresh', '{"from": "seg.users"}');
SELECT pulse_create_segment('x', '[]');
SELECT pulse_create_segment('x', '{}');
SELECT pulse_create_segment('x', '{"from": "seg.users", "query": "SELECT 1"}');
SELECT pulse_create_segment('x', '{"from": "seg.users", "wher": "ltv > 1"}');
SELECT pulse_create_segment('x', '{"from": "seg.users", "source": "crm_replica"}');
SELECT pulse_create_segment('x', '{"from": "seg.user"}');
\set VERBOSITY terse
SELECT pulse_create_segment('x', '{"from": "nowhere.users"}');
\set VERBOSITY default
SELECT pulse_create_segment('x', '{"from": "seg.users; DROP TABLE seg.users"}');
SELECT pulse_create_segment('x', '{"from": "seg.users_pkey"}');
SELECT pulse_create_segment('x', '{"from": "seg.active_users"}');
SELECT pulse_create_segment('x', '{"from": "seg.users", "key": "userid"}');
SELECT pulse_create_segment('x', '{"from": "seg.users", "where": "ltvv > 1000"}');
SELECT pulse_create_segment('x', '{"from": "seg.users", "where": "ltv > \"abc\""}');
SELECT pulse_create_segment('x', '{"from": "seg.users", "where": "ltv >"}');
SELECT pulse_create_segment('x', '{"from": "seg.users", "where": "ltv"}');
SELECT pulse_create_segment('x', '{"from": "seg.users", "rules": [{"field": "ltv", "operator": "~", "value": 1}]}');
SELECT pulse_create_segment('x', '{"from": "seg.users", "rules": []}');
SELECT pulse_create_segment('x', '{"from": "seg.users", "attributes": ["contry"]}');
SELECT pulse_create_segment('x', '{"from": "seg.users", "attributes": ["doc"]}');
SELECT pulse_create_segment('x', '{"from": "seg.users", "attributes": [{"name": "plan", "kind": "numeric"}]}');
SELECT pulse_create_segment('x', '{"from": "seg.users", "converted": "orders_30d"}');
SELECT pulse_create_segment('x', '{"from": "seg.users", "last_active": "plan"}');
SELECT pulse_create_segment('x', '{"from": "seg.users", "cadence": "1 fortnight"}');
SELECT pulse_create_segment('x', '{"from": "seg.users"}', tags => '{a, " "}');
SELECT pulse_create_segment('x', '{"from": "seg.users"}', tags => '{a, NULL}');
SELECT pulse_create_segment('x', '{"from": "seg.users"}', baseline => '{"expectedSize": {"min": 3, "max": 2}}');
SELECT pulse_create_segment('x', '{"from": "seg.users"}', baseline => '{"criticalAttributes": ["emial"]}');
SELECT pulse_create_segment('x', '{"from": "seg.users"}', baseline => '{"alertThresholds": {"sizeChangePercent": 15}}');
CREATE TEMPORARY TABLE mine (id int PRIMARY KEY);
SELECT pulse_create_segment('x', '{"from": "mine"}');
DROP TABLE mine;

\set VERBOSITY sqlstate
SELECT pulse_create_segment('Fresh', '{"from": "seg.users"}');
SELECT pulse_create_segment('x', '{}');
SELECT pulse_create_segment('x', '{"from": "seg.users", "wher": "ltv > 1"}');
SELECT pulse_create_segment('x', '{"from": "seg.user"}');
SELECT pulse_create_segment('x', '{"from": "seg.users", "attributes": ["contry"]}');
SELECT pulse_create_segment('x', '{"from": "seg.users", "attributes": ["doc"]}');
SELECT pulse_create_segment('x', '{"query": "SELECT nothing"}');
SELECT pulse_pause_segment('x');
SELECT pulse_delete_segment('Fresh');
\set VERBOSITY default

-- Errors of queries; a query cannot change anything.
SELECT pulse_create_segment('x', '{"query": "SELECT 1; DROP TABLE seg.users"}');
SELECT pulse_create_segment('x', '{"query": "SELECT 1) AS s; DROP TABLE seg.users; --"}');
SELECT pulse_create_segment('x', '{"query": "-- nothing"}');
SELECT pulse_create_segment('x', '{"query": "DELETE FROM seg.users RETURNING *"}');
SELECT pulse_create_segment('x', '{"query": "SELECT * INTO seg.copy FROM seg.users"}');
SELECT pulse_create_segment('x', '{"query": "SELECT 1 INTO seg.copy UNION SELECT 2"}');
SELECT pulse_create_segment('x', '{"query": "WITH gone AS (DELETE FROM seg.users RETURNING *) SELECT * FROM gone"}');
SELECT pulse_create_segment('x', '{"query": "SELECT * FROM seg.users FOR UPDATE"}');
SELECT pulse_create_segment('x', '{"query": "SELECT user_id, user_id FROM seg.users"}');
SELECT pulse_create_segment('x', '{"query": "SELECT FROM seg.users"}');
SELECT pulse_create_segment('x', '{"query": "SELECT nothing FROM seg.users"}');
SELECT pulse_create_segment('x', '{"query": "SELECT count(*) FROM seg.users WHERE $1"}');
CREATE FUNCTION seg.sneaky(int) RETURNS boolean LANGUAGE plpgsql VOLATILE AS
    $$ BEGIN DELETE FROM seg.users WHERE user_id = $1; RETURN true; END $$;
SELECT pulse_create_segment('Sneaky', '{"query": "SELECT user_id FROM seg.users WHERE seg.sneaky(user_id)"}') > 0 AS made;
SELECT * FROM pulse_preview_segment('{"query": "SELECT user_id FROM seg.users WHERE seg.sneaky(user_id)"}');
SELECT count(*) FROM seg.users;
SELECT pulse_delete_segment('Sneaky', confirm => true);
-- pulse.statement_timeout stops a query that never ends.
SET pulse.statement_timeout = '50ms';
SELECT pulse_create_segment('x', '{"query": "SELECT pg_sleep(60)::text AS id FROM (SELECT 1) AS one GROUP BY 1"}');
RESET pulse.statement_timeout;
SELECT name FROM pulse.segment ORDER BY name;

-- A changed definition creates a version that describes the change.
SET pulse.now = '2011-03-02';
SELECT pulse_update_segment('High-Value Active Users', '{"from": "seg.users", "where": "ltv > 1000 && last_active_days <= 3"}');
SELECT pulse_update_segment('High-Value Active Users',
    '{"from": "seg.users", "where": "ltv > 1000 && last_active_days <= 3", "attributes": ["country", "plan"], "converted": "orders_30d > 0"}');
-- Different spelling, owner, description, baseline or tags create no version.
SELECT pulse_update_segment('High-Value Active Users',
    '{"from": "seg.users", "where": "ltv>1000.0 AND last_active_days<=3", "attributes": ["country", "plan"], "converted": "orders_30d>0"}');
SELECT pulse_update_segment('High-Value Active Users', owner => 'crm-team', description => '', tags => '{}',
                            baseline => '{"alertThresholds": {"sizeChangePercent": 0.2}}', new_name => 'High-Value Users');
SELECT version, owner, description, tags, baseline, updated_at FROM pulse.segment WHERE name = 'High-Value Users' \gx
SELECT v.version, v.changed_at, v.change FROM pulse.segment_version AS v JOIN pulse.segment AS s ON s.id = v.segment_id
WHERE s.name = 'High-Value Users' ORDER BY v.version;
SELECT pulse_update_segment('High-Value Active Users', '{"from": "seg.users"}');
SELECT pulse_update_segment('High-Value Users', '{"from": "seg.usrs"}');
SELECT pulse_update_segment('High-Value Users', new_name => 'Fresh');
SELECT pulse_update_segment('High-Value Users', new_name => ' ');
SELECT pulse_update_segment(NULL);
SELECT pulse_update_segment('High-Value Users', baseline => '{"criticalAttributes": ["country"]}');
SELECT pulse_update_segment('High-Value Users',
    '{"from": "seg.users", "where": "ltv > 1000 && last_active_days <= 3", "attributes": ["plan"], "converted": "orders_30d > 0"}');

-- A definition whose relation changed shows the error.
ALTER TABLE seg.users RENAME COLUMN last_active_days TO quiet_days;
SELECT item, value FROM pulse_explain_segment('High-Value Users') WHERE item LIKE 'error%' OR item = 'plan';
ALTER TABLE seg.users RENAME COLUMN quiet_days TO last_active_days;
ALTER TABLE seg.users RENAME TO people;
SELECT item, value FROM pulse_explain_segment('High-Value Users') WHERE item LIKE 'error%' OR item = 'plan';
ALTER TABLE seg.people RENAME TO users;

-- The word for members.
SELECT pulse_create_segment('Words', '{"from": "seg.users", "members": "trips"}') > 0 AS created;
SELECT pulse_update_segment('Words', '{"from": "seg.users", "members": "client accounts"}');
SELECT item, value FROM pulse_explain_segment('Words') WHERE item = 'members are';
SELECT version, change FROM pulse.segment_version WHERE segment_id = (SELECT id FROM pulse.segment WHERE name = 'Words') ORDER BY 1;
SELECT members FROM pulse.segment_overview WHERE segment = 'Words';
SELECT pulse_update_segment('Words', '{"from": "seg.users", "members": ""}');
SELECT pulse_update_segment('Words', '{"from": "seg.users", "members": 5}');
SELECT pulse_update_segment('Words', '{"from": "seg.users", "members": "*trips*"}');
SELECT pulse_update_segment('Words', jsonb_build_object('from', 'seg.users', 'members', repeat('x', 41)));
SELECT pulse_delete_segment('Words', confirm => true);

-- Pause, resume, archive, delete.
SELECT pulse_set_monitoring('High-Value Users', false);
SELECT baseline FROM pulse.segment WHERE name = 'High-Value Users';
SELECT pulse_set_monitoring('High-Value Users', true);
SELECT baseline FROM pulse.segment WHERE name = 'High-Value Users';
SELECT pulse_set_monitoring('High-Value Users', NULL);
SELECT pulse_pause_segment('Fresh');
SELECT pulse_pause_segment('Fresh');
SELECT status FROM pulse.segment WHERE name = 'Fresh';
SELECT pulse_archive_segment('Fresh');
SELECT pulse_pause_segment('Fresh');
SELECT pulse_resume_segment('Fresh');
SELECT status FROM pulse.segment WHERE name = 'Fresh';
SELECT pulse_pause_segment(NULL);
SELECT pulse_resume_segment('fresh');
SELECT pulse_archive_segment('nothing like it');
SELECT * FROM pulse_explain_segment(NULL);
SELECT * FROM pulse_explain_segment('Fersh');
SELECT pulse_delete_segment('High-Value Users');
SELECT pulse_delete_segment('High-Value Users', NULL);
SELECT pulse_delete_segment(NULL, true);
SELECT pulse_delete_segment('High-Value Users', confirm => true);
SELECT pulse_delete_segment('Fresh', confirm => true);
SELECT pulse_delete_segment('Rules', confirm => true);
SELECT count(*) FROM pulse.segment;
SELECT count(*) FROM pulse.segment_version;
SELECT pulse_pause_segment('Fresh');

SET client_min_messages = warning;
DROP SCHEMA seg CASCADE;
