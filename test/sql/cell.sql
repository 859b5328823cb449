-- Room cell: definitions from one database to another.
\set home :DBNAME
SET client_min_messages = warning;
CREATE DATABASE regress_cell_a ENCODING 'UTF8' TEMPLATE template0;
CREATE DATABASE regress_cell_b ENCODING 'UTF8' TEMPLATE template0;
\c regress_cell_a
SET client_min_messages = warning;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
\set SHOW_CONTEXT never
-- Names and values that a careless writer of SQL gets wrong.
CREATE SCHEMA shop;
CREATE TABLE shop."Kunden ""A""" (id int PRIMARY KEY, plan text, seen_at timestamptz);
SELECT count(pulse_track('ann', n.event, '{"total": 12, "platform": "web"}')) FROM (VALUES ('purchase'), ('view')) AS n (event);

-- ---- each table of Pulse holds definitions of a kind, or says why not ----
SELECT c.relname FROM pg_class AS c JOIN pg_depend AS d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
JOIN pg_extension AS e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass AND e.extname = 'pulse'
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'pulse'::regnamespace
  AND NOT EXISTS (SELECT FROM pulse.definition_tables() AS t WHERE t."table" = c.relname) ORDER BY 1;
SELECT t."table" FROM pulse.definition_tables() AS t WHERE to_regclass('pulse.' || t."table") IS NULL;
SELECT t."table", count(*) FROM pulse.definition_tables() AS t GROUP BY 1 HAVING count(*) > 1;
SELECT string_agg(DISTINCT t.kind, ', ' ORDER BY t.kind) AS kinds FROM pulse.definition_tables() AS t;

-- ---- all kinds ----
SELECT pulse_set_identity_kind('loyalty', 'lower', 60, 2, '30 days', '{none,it''s}');
SELECT pulse_set_consent_purpose('surveys', '{research}', true);
SELECT pulse_set_consent_default('surveys', 'DE', false);
SELECT pulse_set_action_type('raise_bid', 'high', 'Raises a bid.');
SELECT pulse_enable_rfm('purchase', 'total', 90) AS rfm;
SELECT pulse_create_trait('spent', 'events.purchase.sum(total, 30d)') > 0 AS made;
SELECT pulse_create_trait('a_rich', 'spent > 100', 'Uses a trait that stands later in the alphabet.') > 0 AS made;
SELECT pulse_create_segment('zeta', '{"where": "spent > 5"}') > 0 AS made;
SELECT pulse_create_segment($$o'hara \ "x"$$, '{"where": "segment(\"zeta\") and rfm.recency >= 2", "converted": "a_rich"}', $$o'wner$$, $$back\slash and 'quote' and $$ || U&'\+01F680',
    '{"expectedSize": {"min": 0, "max": 10}}', ARRAY['a,b', '{c}', 'd"e', 'NULL']) > 0 AS made;
SELECT pulse_create_segment('by hand', '{"static": true}') > 0 AS made;
SELECT pulse_create_segment('customers', '{"from": "shop.\"Kunden \"\"A\"\"\"", "key": "id", "where": "plan = ''pro''", "attributes": ["plan"], "cadence": "2 days"}') > 0 AS made;
SELECT pulse_pause_segment('customers');
SELECT pulse_create_segment('draft', '{"where": "spent > 6"}', draft => true) > 0 AS made;
SELECT pulse_create_segment('old', '{"where": "spent > 7"}') > 0 AS made;
SELECT pulse_archive_segment('old');
SELECT pulse_enable_lifecycle('{purchase}', 30, 'segment("zeta") or exists profile.email') AS lifecycle;
SELECT pulse_create_funnel('buy', '{"steps": [{"event": "view"}, {"event": "purchase"}]}', 'From view to purchase.') > 0 AS made;
SELECT pulse_monitor_funnel('buy', '{properties.platform}', '2 days') AS steps;
SELECT pulse_create_flag('z_flag', 'spent > 3', 'It''s on.') > 0 AS made;
SELECT pulse_create_flag('a_flag', '{"rules": [{"when": "segment(\"zeta\")"}], "prerequisites": ["z_flag"], "enabled": false, "salt": "old key"}') > 0 AS made;
SELECT pulse_create_flag('gone', 'spent > 4') > 0 AS made;
SELECT pulse_archive_flag('gone');
SELECT pulse_monitor_table('shop."Kunden ""A"""', checks => '[{"type": "volume", "min": 1, "severity": "low"}, {"type": "sql", "name": "it''s", "query": "SELECT count(*) FROM shop.\"Kunden \"\"A\"\"\"", "max": 5}]',
    every => '10 minutes', owner => 'data', tags => '{x}') > 0 AS made;
SELECT pulse_create_channel('ops', 'webhook', '{"url": "https://hooks.example.com/secret-path"}');
SELECT pulse_create_route('night', '{ops}', 'high', '{zeta,"o''hara \\ \"x\""}', quiet_hours => '22:00-07:00', time_zone => 'Europe/Berlin', cool_down => '2 hours', digest => 'daily',
    escalate_after => '30 minutes', escalate_to => '{ops}') > 0 AS made;
SELECT pulse_update_route('night', enabled => false);
SELECT pulse_create_destination('crm', 'file', '{}');
SELECT pulse_create_audience('vips', 'zeta', 'crm', '{"interval": "6 hours", "full_every": "20 days", "max_share": 0.5, "description": "The best."}') > 0 AS made;
SELECT pulse_set_enforcement(mode => 'hard_block', risk_modes => '{"high": "advisory"}', expire_after => '12 hours', max_share => 0.1);
SELECT pulse_create_enforcement_rule('bids', '{raise_bid}', '{"per_day": 5}') > 0 AS made;
SELECT pulse_create_signal('orders', 'SELECT count(*)::float8 AS value FROM shop."Kunden ""A"""', '10 minutes') > 0 AS made;
SELECT pulse_create_automation('bid up', '{"when": {"membership": {"segment": "zeta", "change": "entered"}}, "do": {"action": "raise_bid", "channel": "ops"}}', 'When somebody comes.') > 0 AS made;
SELECT pulse_pause_automation('bid up');
SELECT pulse_set_trust('{"healthy": 90}') IS NOT NULL AS set;
SELECT pulse_set_event_quality('{"contact": 30, "ip": 15}') IS NOT NULL AS set;
SELECT pulse_schedule('nightly', '0 3 * * *', $$SELECT 'it''s \ night'$$, 'Europe/Berlin', false) IS NULL AS disabled;

-- ---- the export: canonical, whatever the session says; without secrets, drafts and what is archived ----
SELECT pulse_export_definitions() AS document \gset
SET intervalstyle = 'iso_8601';
SET datestyle = 'German';
SET timezone = 'Asia/Tokyo';
SELECT pulse_export_definitions() = :'document'::jsonb AS same;
RESET intervalstyle;
RESET datestyle;
SET timezone = 'UTC';
SELECT pulse_export_definitions()::text ~ 'secret-path|hooks.example' AS secrets;
SELECT k.key AS kind, (SELECT jsonb_object_agg(d.key, d.value) FROM jsonb_each(k.value) AS d WHERE k.key NOT IN ('identity_kind', 'consent_purpose') OR d.key IN ('loyalty', 'surveys')) AS definitions
FROM jsonb_each(:'document'::jsonb -> 'definitions') AS k ORDER BY k.key COLLATE "C";
SELECT pulse_export_definitions('{trait,flag}') #> '{definitions,trait}' = :'document'::jsonb #> '{definitions,trait}' AS same,
       (SELECT string_agg(k, ',') FROM jsonb_object_keys(pulse_export_definitions('{trait,flag}') -> 'definitions') AS k) AS kinds;
-- Here nothing differs.
SELECT change, count(*) FROM pulse_apply_definitions(:'document'::jsonb) GROUP BY 1;

-- ---- another database: first the difference ----
\c regress_cell_b
SET client_min_messages = warning;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
SET intervalstyle = 'iso_8601';
SELECT kind, name, change, missing FROM pulse_apply_definitions(:'document'::jsonb) WHERE change <> 'unchanged';
-- What channels and destinations are is of this place. Nothing was written.
SELECT kind, name FROM pulse_apply_definitions(:'document'::jsonb, dry_run => false);
SELECT count(*) FROM pulse.trait;
SELECT pulse_create_channel('ops', 'webhook', '{"url": "https://hooks.example.com/other"}');
SELECT pulse_create_destination('crm', 'file', '{}');
-- An error in the middle changes nothing and names the definition. Here a rule is not valid, and a table does not exist yet.
SELECT kind, name FROM pulse_apply_definitions('{"format": 1, "definitions": {"trait": {"fine": {"expression": "events.view.count"}}, "flag": {"bad": {"definition": {"rules": [{"when": "fine >"}]}}}}}', dry_run => false);
SELECT kind, name FROM pulse_apply_definitions(:'document'::jsonb, dry_run => false);
SELECT (SELECT count(*) FROM pulse.trait) AS traits, (SELECT count(*) FROM pulse.segment) AS segments, (SELECT count(*) FROM pulse.flag) AS flags,
       (SELECT count(*) FROM pulse.audit WHERE action ~ '^(trait|segment|flag|definitions)') AS audited;
CREATE SCHEMA shop;
CREATE TABLE shop."Kunden ""A""" (id int PRIMARY KEY, plan text, seen_at timestamptz);
SELECT kind, name, change FROM pulse_apply_definitions(:'document'::jsonb, dry_run => false) WHERE change <> 'unchanged';
SELECT pulse_export_definitions() = :'document'::jsonb AS equal;
SELECT k.key, d.key, d.value, :'document'::jsonb #> ARRAY['definitions', k.key, d.key] AS wanted FROM jsonb_each(pulse_export_definitions() -> 'definitions') AS k, jsonb_each(k.value) AS d
WHERE d.value IS DISTINCT FROM :'document'::jsonb #> ARRAY['definitions', k.key, d.key] ORDER BY 1, 2;
-- By the functions that users call: versions, rights, audit; an audience waits until somebody resumes it.
SELECT s.name, s.version, s.runs_as = current_user AS mine, s.status FROM pulse.segment AS s WHERE s.name IN ('zeta', 'customers') ORDER BY 1;
SELECT name, status FROM pulse.audience;
SELECT action, details FROM pulse.audit WHERE action = 'definitions.applied';
SELECT count(*) > 0 AS audited FROM pulse.audit WHERE action = 'segment.created' AND subject = 'zeta';
-- A second time nothing changes, and nothing is written.
SELECT count(*) AS rows_of_audit FROM pulse.audit \gset
SELECT change, count(*) FROM pulse_apply_definitions(:'document'::jsonb, dry_run => false) GROUP BY 1;
SELECT count(*) = :rows_of_audit AS nothing FROM pulse.audit;

-- ---- updates, and what is only here ----
SELECT pulse_update_trait('spent', 'events.purchase.sum(total, 60d)', 'Of late.');
SELECT pulse_update_segment('zeta', owner => 'growth', tags => '{a}');
SELECT pulse_create_trait('extra', 'events.view.count') > 0 AS made;
SELECT pulse_create_segment('extra', '{"where": "extra > 1"}') > 0 AS made;
SELECT pulse_create_flag('extra', 'segment("extra")') > 0 AS made;
SELECT pulse_archive_flag('a_flag');
SELECT pulse_resume_segment('customers');
SELECT pulse_update_route('night', cool_down => '0', enabled => true, digest => '');
SELECT pulse_unmonitor_funnel('buy');
SELECT pulse_delete_signal('orders');
SELECT pulse_set_consent_default('surveys', 'FR', true);
SELECT pulse_monitor_table('shop."Kunden ""A"""', checks => '[{"type": "volume", "min": 2}]', every => '1 hour', owner => 'other') > 0 AS changed;
SELECT pulse_update_audience('vips', '{"segment": "by hand", "max_share": 0.7}');
SELECT pulse_resume_audience('vips');
SELECT pulse_update_automation('bid up', description => '');
SELECT pulse_enable_rfm(window_days => 120) AS rfm, pulse_enable_lifecycle(inactive_days => 60) AS lifecycle;
SELECT pulse_set_enforcement(mode => 'advisory', expire_after => '1 day');
SELECT pulse_delete_enforcement_rule('bids');
SELECT pulse_create_enforcement_rule('bids', '{raise_bid}', '{"per_day": 6}') > 0 AS made;
SELECT pulse_schedule('nightly', command => 'SELECT 1', enabled => true) IS NOT NULL AS changed;
SELECT kind, name, change, differs, statement FROM pulse_apply_definitions(:'document'::jsonb) WHERE change <> 'unchanged';
-- Written in another way it is the same; what a document does not say of a value without a default stays.
SELECT kind, name, change FROM pulse_apply_definitions('{"format": 1, "definitions": {"lifecycle": {"lifecycle": {}}}}');
-- What is only here stays; the statements are what is done.
SELECT kind, name, change FROM pulse_apply_definitions(:'document'::jsonb, dry_run => false) WHERE change <> 'unchanged';
SELECT kind, name, change FROM pulse_apply_definitions(:'document'::jsonb) WHERE change <> 'unchanged';
-- Pruned: of the kinds that the document has, flags before segments before traits. Segments and flags are archived.
SELECT kind, name, change FROM pulse_apply_definitions(pulse_export_definitions('{job}'), prune => true) WHERE change <> 'unchanged';
SELECT kind, name, change, statement FROM pulse_apply_definitions(:'document'::jsonb - 'none', prune => true) WHERE change <> 'unchanged';
SELECT kind, name, change FROM pulse_apply_definitions(:'document'::jsonb, dry_run => false, prune => true) WHERE change <> 'unchanged';
SELECT pulse_export_definitions() = :'document'::jsonb AS equal;
SELECT name, status FROM pulse.segment WHERE name = 'extra';
SELECT name, status FROM pulse.audience;
SELECT kind, name, change FROM pulse_apply_definitions('{"format": 1, "definitions": {"funnel": {"buy": {"description": "From view to purchase.", "monitor": {"within": "48 hours", "attributes": ["properties.platform"]},
    "definition": {"entry": "first", "order": "strict_increase", "steps": ["view", "purchase"], "window": "30 days"}}}}}');
-- The statements do the same when they are typed.
SELECT pulse_update_trait('spent', 'events.purchase.sum(total, 60d)');
SELECT pulse_update_segment($$o'hara \ "x"$$, description => 'other', tags => '{}');
SELECT statement FROM pulse_apply_definitions(:'document'::jsonb) WHERE change = 'update' \gexec
SELECT pulse_export_definitions() = :'document'::jsonb AS equal;

-- ---- what is wrong is said ----
SELECT * FROM pulse_apply_definitions(NULL);
SELECT * FROM pulse_apply_definitions('[]');
SELECT * FROM pulse_apply_definitions('{"definitions": {}}');
SELECT * FROM pulse_apply_definitions('{"format": 2, "definitions": {}}');
SELECT * FROM pulse_apply_definitions('{"format": 1}');
SELECT * FROM pulse_apply_definitions('{"format": 1, "definitions": {"segments": {}}}');
SELECT * FROM pulse_apply_definitions('{"format": 1, "definitions": {"segment": []}}');
SELECT * FROM pulse_apply_definitions('{"format": 1, "definitions": {"segment": {"x": 1}}}');
SELECT * FROM pulse_apply_definitions('{"format": 1, "definitions": {"segment": {"x": {}}}}');
SELECT * FROM pulse_apply_definitions('{"format": 1, "definitions": {"segment": {"x": {"definition": {}, "colour": 1}}}}');
SELECT * FROM pulse_apply_definitions('{"format": 1, "definitions": {"trait": {"x": {"expression": 1}}}}');
SELECT * FROM pulse_apply_definitions('{"format": 1, "definitions": {"trait": {"": {"expression": "1"}}}}');
SELECT * FROM pulse_apply_definitions('{"format": 1, "definitions": {"segment": {"x": {"definition": {"where": "spent > 1"}, "status": "archived"}}}}');
SELECT * FROM pulse_apply_definitions(jsonb_build_object('format', 1, 'definitions', jsonb_build_object('trait', jsonb_build_object('x', jsonb_build_object('expression', repeat('x', 3000000))))));
SELECT * FROM pulse_apply_definitions(jsonb_build_object('format', 1, 'definitions', jsonb_build_object('trait', (SELECT jsonb_object_agg(i, '{}'::jsonb) FROM generate_series(1, 200001) AS i))));
SELECT * FROM pulse_apply_definitions('{"format": 1, "definitions": {"trait": {"x": {"expression": "events.view.count >"}}}}', dry_run => false);
SELECT kind, name, change, missing FROM pulse_apply_definitions('{"format": 1, "definitions": {"flag": {"f": {"definition": {"rules": [{"when": "segment(\"nobody\") and trait(\"nothing\") > 1"}]}}}}}');
SELECT * FROM pulse_apply_definitions('{"format": 1, "definitions": {"flag": {"f": {"definition": {"rules": [{"when": "segment(\"nobody\")"}]}}}}}', dry_run => false);
SELECT * FROM pulse_apply_definitions('{"format": 1, "definitions": {"rfm": {"other": {}}}}');
SELECT * FROM pulse_apply_definitions('{"format": 1, "definitions": {"consent_purpose": {"x": {"regions": {"DE": null}}}}}');
SELECT * FROM pulse_apply_definitions('{"format": 1, "definitions": {"funnel": {"x": {"definition": {}, "monitor": {"attributes": [1]}}}}}');
-- What the lifecycle makes can be used by others.
SELECT kind, name, change, missing FROM pulse_apply_definitions('{"format": 1, "definitions": {"segment": {"loyal": {"definition": {"where": "segment(\"lifecycle_customer\")"}}}}}');
-- A funnel that is monitored is removed with its monitor.
SELECT name, change, statement FROM pulse_apply_definitions('{"format": 1, "definitions": {"funnel": {}}}', prune => true);
SELECT pulse_export_definitions('{segments}');
BEGIN READ ONLY;
SELECT count(*) > 0 AS compared FROM pulse_apply_definitions(:'document'::jsonb);
SELECT * FROM pulse_apply_definitions(:'document'::jsonb, dry_run => false);
ROLLBACK;

-- ---- rights: those of the functions that do it ----
CREATE ROLE regress_cell_operator;
CREATE ROLE regress_cell_reader;
SELECT pulse_grant('regress_cell_operator', 'operator');
SELECT pulse_grant('regress_cell_reader', 'reader');
SET ROLE regress_cell_reader;
SELECT pulse_export_definitions();
SELECT * FROM pulse_apply_definitions('{"format": 1, "definitions": {}}');
SELECT pulse_add_cell('x');
SELECT count(*) > 10 AS digests, bool_and(digest ~ '^[0-9a-f]{32}$') AS hex FROM pulse.definition_digests();
SELECT count(*) AS jobs FROM pulse.definition_digests() WHERE kind = 'job';
SET ROLE regress_cell_operator;
SELECT pulse_export_definitions('{job}');
SELECT change FROM pulse_apply_definitions('{"format": 1, "definitions": {"trait": {"theirs": {"expression": "events.view.count"}}}}', dry_run => false);
SELECT change FROM pulse_apply_definitions('{"format": 1, "definitions": {"consent_purpose": {"theirs": {}}}}', dry_run => false);
SELECT change FROM pulse_apply_definitions('{"format": 1, "definitions": {"segment": {"customers": {"definition": {"from": "pg_catalog.pg_class", "key": "oid"}}}}}', dry_run => false);
RESET ROLE;
-- No function of another role is called in place of Pulse's.
GRANT CREATE ON SCHEMA public TO regress_cell_reader;
SET ROLE regress_cell_reader;
CREATE FUNCTION public.pulse_create_trait(key text, expression text) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'taken over'; END $$;
CREATE FUNCTION public.pulse_create_trait(key varchar, expression varchar, description varchar) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'taken over'; END $$;
RESET ROLE;
SELECT change FROM pulse_apply_definitions('{"format": 1, "definitions": {"trait": {"ours": {"expression": "events.view.count"}}}}', dry_run => false);

-- ---- cells ----
SELECT pulse_add_cell('nowhere');
SELECT pulse_add_cell('');
SELECT pulse_remove_cell('nowhere');
SELECT * FROM pulse.cell;
SELECT pulse_compare_cells();
\c :home
DROP DATABASE regress_cell_a;
DROP DATABASE regress_cell_b;
DROP ROLE regress_cell_operator;
DROP ROLE regress_cell_reader;
