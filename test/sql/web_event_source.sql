-- Event sources: names under which events come in, with API keys that send these events only.
SELECT current_database() AS home \gset
CREATE DATABASE regress_source ENCODING 'UTF8' TEMPLATE template0;
\c regress_source
SET client_min_messages = warning;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
\set SHOW_CONTEXT never
CREATE ROLE regress_source_shop;
CREATE ROLE regress_source_chef;
CREATE ROLE regress_source_reader;
CREATE ROLE regress_source_op;
GRANT regress_source_shop TO regress_source_chef;
SELECT pulse_grant('regress_source_shop', 'writer'), pulse_grant('regress_source_chef', 'admin'), pulse_grant('regress_source_reader', 'reader'),
       pulse_grant('regress_source_op', 'operator');
SELECT pulse_list_event_sources();

-- A website has a public key, every other kind one that sends.
SELECT pulse_create_event_source('shop', 'regress_source_shop') AS shop \gset
SELECT pulse_create_event_source('web', 'regress_source_shop', 'website', 'The shop''s pages', origins => '{https://shop.example}', rate => 600,
                                 expires => now() + interval '1 day') AS web \gset
SELECT count(pulse_create_event_source(kind, 'regress_source_shop', kind, key => kind || ' key')) FROM unnest('{sgtm,import,crm}'::text[]) AS kind;
SELECT regexp_replace(t, '_[0-9A-Za-z]{46}$', '_...') AS text FROM unnest(ARRAY[:'shop', :'web']) AS t;
SELECT name, kind, role, origins, rate, source FROM unnest(ARRAY[:'shop', :'web']) AS t, pulse.find_api_key(t);
SELECT name, kind, description, keys, accepted, duplicates, rejected, first_event_at, last_event_at, created_by = current_user AS mine, created_at <= now() AS made FROM pulse_list_event_sources();
SELECT name, status, kind, source FROM pulse_list_api_keys();

-- What comes in under the name is counted, also what came before.
SELECT pulse_track('ann', 'purchase', source => 'later') > 0 AS event;
SELECT count(*) FROM pulse_ingest('[{"type": "track", "userId": "ann", "event": "view", "messageId": "1"}, {"type": "track", "userId": "ann", "event": "view", "messageId": "1"}, {}]', 'shop');
SELECT pulse_create_event_source('later', 'regress_source_shop') IS NOT NULL AS made;
SELECT name, keys, accepted, duplicates, rejected, first_event_at <= last_event_at AS times FROM pulse_list_event_sources() WHERE accepted > 0;
SELECT source, accepted FROM pulse.event_source ORDER BY source;

-- More keys of a source; rotated, revoked and expired as any other.
SELECT pulse_create_api_key('shop 2', 'write', 'regress_source_shop', source => 'shop') AS shop2 \gset
SELECT pulse_rotate_api_key('shop') AS shop3 \gset
SELECT name, source FROM unnest(ARRAY[:'shop', :'shop2', :'shop3']) AS t, pulse.find_api_key(t);
SELECT keys FROM pulse_list_event_sources() WHERE name = 'shop';
SELECT pulse_revoke_api_key('shop 2');
UPDATE pulse.api_key SET expires_at = now() WHERE name = 'web';
SELECT name, keys FROM pulse_list_event_sources() WHERE name IN ('shop', 'web');
SELECT pulse_create_api_key('shop 3', 'read', 'regress_source_shop', source => 'shop');
SELECT pulse_create_api_key('shop 3', 'public', 'regress_source_shop', source => 'shop');
SELECT pulse_create_api_key('shop 3', 'write', 'regress_source_shop', source => 'web');
SELECT pulse_create_api_key('shop 3', 'write', 'regress_source_shop', source => 'shob');
SELECT pulse_create_api_key('shop 3', 'write', 'regress_source_shop', source => '');
\set VERBOSITY terse
INSERT INTO pulse.api_key (name, kind, runs_as, created_by, source) VALUES ('x', 'admin', 'regress_source_shop', 'x', 'shop');
\set VERBOSITY default

-- Changing.
SELECT pulse_update_event_source('shop', 'crm', 'Orders');
SELECT pulse_update_event_source('web', description => '');
SELECT pulse_update_event_source('shop');
SELECT name, kind, description FROM pulse.registered_source WHERE name IN ('shop', 'web') ORDER BY name;
SELECT pulse_update_event_source('shop', 'website');
SELECT pulse_update_event_source('web', 'server');
SELECT pulse_revoke_api_key('web');
SELECT pulse_update_event_source('web', 'server');
SELECT pulse_create_api_key('web 2', 'write', 'regress_source_shop', source => 'web') IS NOT NULL AS made;

-- Deleting: its keys end, its events and their counters stay; the name of a key is not given twice.
SELECT pulse_delete_event_source('shop');
SELECT count(*) FROM unnest(ARRAY[:'shop', :'shop2', :'shop3']) AS t, pulse.find_api_key(t);
SELECT count(*) AS listed FROM pulse_list_event_sources() WHERE name = 'shop';
SELECT name, status, source FROM pulse_list_api_keys() WHERE source = 'shop';
SELECT accepted FROM pulse.event_source WHERE source = 'shop';
SELECT pulse_create_event_source('shop', 'regress_source_shop');
SELECT pulse_create_event_source('shop', 'regress_source_shop', key => 'shop 3') AS shop4 \gset
SELECT name, source FROM unnest(ARRAY[:'shop', :'shop2', :'shop3', :'shop4']) AS t, pulse.find_api_key(t);
SELECT accepted FROM pulse_list_event_sources() WHERE name = 'shop';
-- Events of a name that nobody created, and of a deleted source, come in as ever.
SELECT pulse_delete_event_source('later');
SELECT status FROM pulse_ingest('{"type": "track", "userId": "ann", "event": "view"}'::jsonb, 'later');

-- Rights, and the audit log.
SET ROLE regress_source_op;
SELECT pulse_create_event_source('x', 'regress_source_shop');
SELECT pulse_update_event_source('shop');
SELECT pulse_delete_event_source('shop');
SET ROLE regress_source_reader;
SELECT count(*) FROM pulse_list_event_sources();
SELECT count(*) FROM pulse.registered_source;
SET ROLE regress_source_chef;
SELECT pulse_create_event_source('chef''s', 'regress_source_shop') IS NOT NULL AS made;
SELECT pulse_create_event_source('x', 'regress_source_op');
SELECT pulse_delete_event_source('crm');
RESET ROLE;
SELECT actor = current_user AS mine, action, subject, details - '{prefix,expires_at,origins,rate}'::text[] AS details FROM pulse.audit
WHERE action LIKE 'event_source.%' OR details ->> 'source' = 'shop' ORDER BY id;

-- Errors.
SELECT pulse_create_event_source(NULL, 'regress_source_shop');
SELECT pulse_create_event_source('x', NULL);
SELECT pulse_create_event_source('x', 'regress_source_shop', NULL);
SELECT pulse_create_event_source('x', 'regress_source_shop', 'webhook');
SELECT pulse_create_event_source('', 'regress_source_shop');
SELECT pulse_create_event_source(' x', 'regress_source_shop');
SELECT pulse_create_event_source(repeat('x', 256), 'regress_source_shop');
SELECT pulse_create_event_source('x', 'regress_source_shop', description => repeat('x', 1001));
SELECT pulse_create_event_source('x', 'regress_source_nobody');
SELECT pulse_create_event_source('x', 'regress_source_shop', key => 'web');
SELECT pulse_create_event_source('x', 'regress_source_shop', rate => 0);
SELECT pulse_create_event_source('x', 'regress_source_shop', origins => '{https://shop.example/}');
SELECT pulse_create_event_source('web', 'regress_source_shop', key => 'x');
SELECT pulse_update_event_source(NULL);
SELECT pulse_update_event_source('wep', 'crm');
SELECT pulse_update_event_source('web', 'webhook');
SELECT pulse_update_event_source('web', description => repeat('x', 1001));
SELECT pulse_delete_event_source(NULL);
SELECT pulse_delete_event_source('wep');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pulse_delete_event_source('web');
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pulse_update_event_source('web', 'crm');
ROLLBACK;
BEGIN READ ONLY;
SELECT pulse_create_event_source('x', 'regress_source_shop');
ROLLBACK;
SELECT count(*) FROM pulse.registered_source WHERE name = 'x';
SELECT count(*) FROM pulse.api_key WHERE name = 'x';
DELETE FROM pulse.registered_source;
SELECT pulse_list_event_sources();

\c :home
DROP DATABASE regress_source;
DROP ROLE regress_source_shop, regress_source_chef, regress_source_reader, regress_source_op;
