-- Room profile: ingesting events: functions, results, limits, clocks, duplicates, rejected events, COPY, imports, the catalogue.
SET client_min_messages = warning;
-- There are no people yet.
DROP EXTENSION IF EXISTS pulse CASCADE;
CREATE EXTENSION pulse;
SET timezone = 'UTC';
\set SHOW_CONTEXT never
SET pulse.now = '2015-11-21 12:00:00+00';
SET pulse.evaluation = 'sync';
CREATE SCHEMA ingest;
CREATE VIEW ingest.event AS
SELECT e.name, e.type, e.time, e.properties, e.context, e.message_id, e.source,
       (SELECT string_agg(i.kind || ':' || i.value, ' ' ORDER BY i.kind, i.value) FROM pulse.profile AS p
        JOIN pulse.profile AS m ON m.canonical_id = p.canonical_id JOIN pulse.identity AS i ON i.profile_id = m.id WHERE p.id = e.profile_id) AS who
FROM pulse.event AS e ORDER BY e.id;

-- All types in one batch, with fields of the batch that apply to all of its events.
SELECT index, message_id, status, reason, detail, profile_id IS NOT NULL AS profile, event_id IS NOT NULL AS event FROM pulse_ingest($${
  "sentAt": "2015-11-21T12:00:00Z", "context": {"library": {"name": "test"}, "ip": "1.1.1.1"}, "integrations": {},
  "batch": [
    {"type": "identify", "messageId": "m1", "userId": "ann", "anonymousId": "a1", "traits": {"email": "Ann@Example.com ", "plan": "free"}},
    {"type": "track", "messageId": "m2", "userId": "ann", "event": "Order Completed", "timestamp": "2015-11-21T11:00:00.5Z", "properties": {"total": 12.50, "items": [{"sku": "x"}]}},
    {"type": "page", "messageId": "m3", "anonymousId": "a1", "name": "Home", "properties": {"url": "/"}, "context": {"ip": "2.2.2.2"}},
    {"type": "screen", "messageId": "m4", "userId": "ann", "name": "Start"},
    {"type": "group", "messageId": "m5", "userId": "ann", "groupId": "acme", "traits": {"name": "Acme", "size": 10}},
    {"type": "alias", "messageId": "m6", "userId": "ann", "previousId": "old-ann"},
    {"type": "track", "messageId": "m7", "userId": 42, "event": "by number"}
  ]}$$, 'web');
\x
SELECT * FROM ingest.event;
\x
SELECT p.attributes, a.key, a.attributes AS account FROM pulse.profile AS p LEFT JOIN pulse.account AS a ON a.id = p.account_id
WHERE p.canonical_id = p.id ORDER BY p.id;

-- An invalid event does not affect the others.
SELECT index, message_id, status, reason, detail FROM pulse_ingest($$[
    {"userId": "ann", "event": "good 1"},
    17,
    {"userId": "ann"},
    {"userId": "ann", "type": "buy"},
    {"event": "e"},
    {"event": "e", "userId": "anonymous", "anonymousId": "null"},
    {"event": "e", "userId": {"id": 1}},
    {"event": "e", "userId": "ann", "properties": [1]},
    {"event": "", "userId": "ann"},
    {"event": "e", "userId": "ann", "timestamp": "yesterday"},
    {"event": "e", "userId": "ann", "messageId": {"a": 1}},
    {"event": "good 2", "userId": "ann", "context": {"traits": {"email": "no address"}}},
    {"event": "good 3", "userId": "ann", "identifiers": {"nonsense": "1"}}
  ]$$, 'web');
SELECT id, received_at, source, message_id, reason, payload, attempts, replayed_at FROM pulse.rejected_event ORDER BY id;

-- Null, and values that are not events.
SELECT * FROM pulse_ingest('[]');
SELECT * FROM pulse_ingest('{"batch": []}');
SELECT * FROM pulse_ingest(NULL);
SELECT * FROM pulse_ingest('[]', NULL);
SELECT * FROM pulse_ingest('[]', ' ');
SELECT * FROM pulse_ingest('17');
SELECT * FROM pulse_ingest('"x"');
SELECT * FROM pulse_ingest('{"batch": {}}');
SELECT * FROM pulse_ingest('{"batch": [], "context": 1}');
SET pulse.max_batch = 2;
SELECT * FROM pulse_ingest('[1, 2, 3]');
RESET pulse.max_batch;

-- Limits.
SET pulse.max_event_size = '1kB';
SET pulse.max_properties = 3;
SET pulse.max_event_depth = 3;
SET pulse.max_event_age = '1d';
SELECT v.status, v.reason, v.detail FROM pulse_ingest(jsonb_build_array(
    jsonb_build_object('event', 'e', 'userId', 'ann', 'properties', jsonb_build_object('a', repeat('x', 2000))),
    '{"event": "e", "userId": "ann", "properties": {"a": 1, "b": {"c": 1, "d": 2}}}'::jsonb,
    '{"event": "e", "userId": "ann", "properties": {"a": [[[1]]]}}'::jsonb,
    '{"event": "e", "userId": "ann", "timestamp": "2015-11-20T11:59:59Z"}'::jsonb,
    jsonb_build_object('event', repeat('x', 256), 'userId', 'ann'),
    jsonb_build_object('event', 'e', 'userId', repeat('x', 256)))) AS v;
RESET pulse.max_event_size; RESET pulse.max_properties; RESET pulse.max_event_depth; RESET pulse.max_event_age;

-- Clocks: two hours slow, two hours fast, within pulse.clock_skew, in the future, and no time.
TRUNCATE pulse.event;
SELECT status FROM pulse_ingest($$[
    {"event": "slow", "userId": "c", "timestamp": "2015-11-21T09:30:00Z", "sentAt": "2015-11-21T10:00:00Z"},
    {"event": "fast", "userId": "c", "timestamp": "2015-11-21T13:30:00Z", "sentAt": "2015-11-21T14:00:00Z", "context": {"a": 1}},
    {"event": "honest", "userId": "c", "timestamp": "2015-11-21T11:30:00.123456Z", "sentAt": "2015-11-21T11:57:00Z"},
    {"event": "future", "userId": "c", "timestamp": "2016-11-21T13:30:00Z"},
    {"event": "none", "userId": "c"},
    {"event": "old", "userId": "c", "timestamp": "1999-02-03"},
    {"event": "seconds", "userId": "c", "ts": 1352931200},
    {"event": "before", "userId": "c", "ts": "1969-12-31"}]$$);
SELECT name, time, context FROM ingest.event;
SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = 'pulse.event'::regclass ORDER BY 1;

-- Duplicates: within a batch, of an earlier batch, with different content, from another source.
SELECT index, message_id, status, reason, event_id IS NOT NULL AS event FROM pulse_ingest($$[
    {"event": "e", "userId": "d", "messageId": "d1"}, {"event": "e", "userId": "d", "messageId": "d1"}, {"event": "other", "userId": "d", "messageId": "d1"},
    {"event": "e", "userId": "d", "messageId": "d2"}]$$, 'web');
SELECT index, message_id, status, reason FROM pulse_ingest($${"sentAt": "2015-11-21T12:00:01Z", "batch": [
    {"event": "e", "userId": "d", "messageId": "d1"}, {"event": "other", "userId": "d", "messageId": "d2"}, {"event": "e", "userId": "d", "messageId": "d3"}]}$$, 'web');
SELECT status FROM pulse_ingest('{"event": "e", "userId": "d", "messageId": "d1"}', 'ios');
SELECT count(*) FROM pulse.event WHERE name = 'e';
-- A rejected message can be sent again under its id.
SELECT status, reason FROM pulse_ingest('{"userId": "d", "messageId": "d4"}', 'web');
SELECT status, reason FROM pulse_ingest('{"event": "e", "userId": "d", "messageId": "d4"}', 'web');
-- A message that was rolled back, too.
BEGIN;
SELECT status FROM pulse_ingest('{"event": "e", "userId": "d", "messageId": "d5"}', 'web');
ROLLBACK;
SELECT status FROM pulse_ingest('{"event": "e", "userId": "d", "messageId": "d5"}', 'web');

-- Functions for one event.
TRUNCATE pulse.event;
SELECT pulse_identify('bob', '{"email": "bob@example.com", "plan": "pro", "age": 7}', 'a2') AS person \gset
SELECT profile_id = :person AS person FROM pulse.identity WHERE kind = 'email' AND value = 'bob@example.com';
SELECT pulse_track('bob', 'purchase', '{"amount": 3}', '2015-11-20 10:00:00+00', message_id => 'v1') > 0 AS event;
SELECT pulse_track('bob', 'purchase', '{"amount": 3}', '2015-11-20 10:00:00+00', message_id => 'v1') IS NULL AS nothing;
SELECT pulse_track(NULL, 'purchase', anonymous_id => 'a2') > 0 AS event;
SELECT pulse_page('bob', 'Home') > 0, pulse_screen('bob', 'Start', '{"name": "Other"}') > 0, pulse_group('bob', 'acme', '{"size": 11}') > 0, pulse_alias('b0', 'bob') > 0;
SELECT name, time, properties, who FROM ingest.event;
-- The newest value per key counts; null removes a key; no traits change nothing.
SELECT pulse_identify('bob', '{"plan": "free", "age": null, "city": "Ulm"}') > 0, pulse_identify('bob', NULL) > 0;
SELECT attributes FROM pulse.profile AS p JOIN pulse.identity AS i ON i.profile_id = p.id WHERE i.value = 'bob';
SELECT attributes FROM pulse.account WHERE key = 'acme';
SELECT pulse_track('bob', NULL);
SELECT pulse_track('bob', ' ');
SELECT pulse_track(NULL, 'e');
SELECT pulse_track('bob', 'e', '[]');
SELECT pulse_track('bob', 'e', source => NULL);
SELECT pulse_track('bob', 'e', at => 'infinity');
SELECT pulse_track('null', 'e');
SELECT pulse_identify(NULL);
SELECT pulse_group('bob', NULL);
SELECT pulse_alias(NULL, 'bob');
SELECT pulse_alias('b0', NULL);

-- Replaying rejected events.
TRUNCATE pulse.rejected_event RESTART IDENTITY;
SET pulse.max_properties = 1;
SELECT status, reason FROM pulse_ingest('[{"event": "r", "userId": "r", "messageId": "r1", "properties": {"a": 1, "b": 2}}, {"event": "r", "userId": "r", "properties": {"a": 1, "b": 2}}, {"event": "r"}]', 'web');
SELECT * FROM pulse_replay_rejected('{3}');
RESET pulse.max_properties;
SET pulse.now = '2015-11-21 13:00:00+00';
SELECT id, status, reason, profile_id IS NOT NULL AS profile, event_id IS NOT NULL AS event FROM pulse_replay_rejected(reason => 'too_many_properties', max => 1);
SELECT id, status, reason, profile_id IS NOT NULL AS profile, event_id IS NOT NULL AS event FROM pulse_replay_rejected();
SELECT id, reason, attempts, replayed_at FROM pulse.rejected_event ORDER BY id;
SELECT name, time, received_at FROM pulse.event WHERE name = 'r';
SELECT * FROM pulse_replay_rejected('{}');
SELECT * FROM pulse_replay_rejected(max => 0);

-- COPY in batches, with invalid rows among them.
SET pulse.max_batch = 2;
COPY pulse.ingest (user_id, event, properties, "timestamp", message_id, source) FROM STDIN;
k1	copied	{"n": 1}	2015-11-01 00:00:00+00	c1	\N
k2	copied	{"n": 2}	2015-11-02 00:00:00+00	c2	\N
k1	copied	{"n": 1}	2015-11-01 00:00:00+00	c1	\N
\N	copied	\N	\N	c3	\N
k3	copied	\N	infinity	c4	\N
k3	copied	{"n": "x"}	2015-11-03 00:00:00+00	c5	files
\.
INSERT INTO pulse.ingest (anonymous_id, type, traits, identifiers) VALUES ('k4', 'identify', '{"plan": "x"}', '{"email": "k4@example.com"}');
SELECT name, time, properties, message_id, source, who FROM ingest.event WHERE source IN ('copy', 'files');
SELECT source, reason, detail, payload FROM pulse.rejected_event WHERE source = 'copy' ORDER BY id;
SELECT count(*) FROM pulse.ingest;
-- A failed statement does not affect later ones.
BEGIN;
SAVEPOINT s;
COPY pulse.ingest (user_id, event) FROM STDIN;
k5	failed
k6	failed	too much
\.
ROLLBACK TO s;
INSERT INTO pulse.ingest (user_id, event) VALUES ('k7', 'after');
COMMIT;
INSERT INTO pulse.ingest (event) SELECT 'none' WHERE false;
INSERT INTO pulse.ingest (user_id, event, source) VALUES ('k8', 'e', ' ');
SELECT name, who FROM ingest.event WHERE name IN ('failed', 'after');
RESET pulse.max_batch;
SET pulse.max_event_age = '1d';
INSERT INTO pulse.ingest (user_id, event, "timestamp") VALUES ('k9', 'ancient', '2011-01-01');
INSERT INTO pulse.import (user_id, event, "timestamp") VALUES ('k9', 'ancient', '2011-01-01');
RESET pulse.max_event_age;
SELECT name, time FROM ingest.event WHERE name = 'ancient';

-- Imports.
CREATE TABLE ingest.history AS SELECT i AS user_id, 'imported' AS event, jsonb_build_object('n', i) AS properties,
    '2012-01-01'::timestamptz + i * interval '1 hour' AS "timestamp", 'h' || i AS message_id FROM generate_series(1, 2500) AS i;
SET pulse.max_batch = 1000;
SELECT * FROM pulse_import_events('SELECT * FROM ingest.history');
SELECT * FROM pulse_import_events('SELECT * FROM ingest.history;', 'import');
SELECT count(*), count(DISTINCT profile_id), min(time), max(time) FROM pulse.event WHERE name = 'imported';
SELECT * FROM pulse_import_events('SELECT ''x'' AS user_id, '''' AS event');
RESET pulse.max_batch;
SELECT * FROM pulse_import_events(NULL);
SELECT * FROM pulse_import_events('SELECT 1 AS user_id, ''e'' AS event', '');
SELECT * FROM pulse_import_events('SELECT 1 AS user_id; SELECT 2');
SELECT * FROM pulse_import_events('DELETE FROM ingest.history');
SELECT * FROM pulse_import_events('SELECT * FROM ingest.history FOR UPDATE');
SELECT * FROM pulse_import_events('nonsense');
SELECT * FROM pulse_import_events('SELECT 1 AS a');
SELECT * FROM pulse_import_events('SELECT 1 AS user_id');
SELECT * FROM pulse_import_events('SELECT ''e'' AS event');
SELECT * FROM pulse_import_events('SELECT 1 AS user_id, ''e'' AS event, 1 AS properties');
SELECT * FROM pulse_import_events('SELECT 1 AS user_id, ''e'' AS event, timestamp ''2012-01-01'' AS "timestamp"');
SELECT * FROM pulse_import_events('SELECT 1/0 AS user_id, ''e'' AS event');

-- The catalogue, before and after the tallies are folded.
SELECT event, events, first_seen_at, last_seen_at FROM pulse.event_catalog WHERE event IN ('imported', 'copied', 'Order Completed', '$identify') ORDER BY event;
SELECT event, property, type, types, null_rate, examples FROM pulse.property_catalog WHERE event IN ('imported', 'copied', 'purchase') ORDER BY 1, 2;
SELECT source, accepted, duplicates, conflicting_duplicates, rejected FROM pulse.event_source ORDER BY source;
CREATE TABLE ingest.before AS SELECT * FROM pulse.event_catalog;
CREATE TABLE ingest.properties AS SELECT * FROM pulse.property_catalog;
CREATE TABLE ingest.sources AS SELECT * FROM pulse.event_source;
SELECT status FROM pulse_run_job('retention');
SELECT count(*) FROM pulse.ingest_tally;
(TABLE ingest.before EXCEPT TABLE pulse.event_catalog) UNION ALL (TABLE pulse.event_catalog EXCEPT TABLE ingest.before);
(TABLE ingest.properties EXCEPT TABLE pulse.property_catalog) UNION ALL (TABLE pulse.property_catalog EXCEPT TABLE ingest.properties);
(TABLE ingest.sources EXCEPT TABLE pulse.event_source) UNION ALL (TABLE pulse.event_source EXCEPT TABLE ingest.sources);
SELECT sum(events) = (SELECT count(*) FROM pulse.event WHERE name = 'imported') FROM pulse.event_catalog WHERE event = 'imported';

-- The catalogue has a limit; further names are counted as (other).
INSERT INTO pulse.event_kind SELECT 'name ' || i, 1, 1, now(), now() FROM generate_series(1, 9999 - (SELECT count(*) FROM pulse.event_kind)) AS i;
INSERT INTO pulse.event_property SELECT 'purchase', 'property ' || i, 1, 0, 0, 0, 0, 0, 0, now(), '[]' FROM generate_series(1, 1000) AS i;
SELECT count(status) FROM pulse_ingest('[{"event": "often", "userId": "o"}, {"event": "often", "userId": "o"}, {"event": "rare 1", "userId": "o"}, {"event": "rare 2", "userId": "o", "properties": {"a": 1}},
    {"event": "purchase", "userId": "o", "properties": {"new 1": 1, "new 2": "x", "property 1": "y"}}]');
SELECT status FROM pulse_run_job('retention');
SELECT event, events FROM pulse.event_kind WHERE event IN ('often', 'rare 1', 'rare 2', '(other)') ORDER BY event;
SELECT event, property, types FROM pulse.property_catalog WHERE property IN ('(other)', 'new 1', 'new 2', 'a', 'property 1') ORDER BY event, property;
TRUNCATE pulse.event_kind, pulse.event_property;

-- The pipeline evaluates the members of a large account.
SELECT pulse_create_segment('enterprise', '{"where": "account.plan == \"enterprise\""}') > 0;
SELECT count(status) FROM pulse_ingest((SELECT jsonb_agg(jsonb_build_object('type', 'group', 'userId', 'crowd' || i, 'groupId', 'crowd')) FROM generate_series(1, 1001) AS i));
SELECT pulse_group('crowd1', 'crowd', '{"plan": "enterprise"}') > 0;
SELECT count(*) FROM pulse.dirty;
SELECT pulse_run_pipeline() IS NOT NULL;
SELECT count(*) FROM pulse.membership WHERE segment = 'enterprise';
SELECT count(*) FROM pulse.dirty;
SELECT pulse_delete_segment('enterprise', confirm => true);

-- The context of a batch counts towards the size of each event, and is stored with rejected events.
SET pulse.max_event_size = '1kB';
SELECT status FROM pulse_ingest(jsonb_build_object('context', jsonb_build_object('x', repeat('x', 2000)), 'batch', '[{"event": "e", "userId": "b"}]'::jsonb));
SELECT status, reason FROM pulse_ingest(jsonb_build_object('context', jsonb_build_object('x', repeat('x', 800)), 'batch', jsonb_build_array(
    '{"event": "e", "userId": "b"}'::jsonb, jsonb_build_object('event', 'e', 'userId', 'b', 'context', jsonb_build_object('y', repeat('y', 400))))), 'context');
RESET pulse.max_event_size;
TRUNCATE pulse.rejected_event RESTART IDENTITY;
SELECT status, reason FROM pulse_ingest('{"sentAt": "2015-11-21T14:00:00Z", "context": {"ip": "::1", "a": 1}, "batch": [{"event": " ", "userId": "b"}, {"userId": "b", "context": {"a": 2}}]}', 'context');
SELECT payload FROM pulse.rejected_event WHERE source = 'context' ORDER BY id;

-- Null removes a key also together with another change; pulse.max_properties limits attributes.
SELECT pulse_identify('nul', '{"a": null, "b": 1}') > 0;
SET pulse.max_properties = 2;
SELECT pulse_identify('nul', '{"c": 2}') > 0;
SELECT detail FROM pulse_ingest('{"type": "identify", "userId": "nul", "traits": {"b": 5, "d": 3}}');
SELECT pulse_identify('nul', '{"c": null, "d": 4}') > 0;
RESET pulse.max_properties;
SELECT attributes FROM pulse.profile AS p JOIN pulse.identity AS i ON i.profile_id = p.id WHERE i.value = 'nul';

-- pulse.now does not change the time of receipt or the deduplication horizon.
SET pulse.now = '2999-01-01';
SELECT status FROM pulse_ingest('{"event": "e", "userId": "b"}');
SELECT pulse_track('b', 'e');
INSERT INTO pulse.ingest (user_id, event) VALUES ('b', 'e');
SET pulse.now = '2001-01-01';
SELECT status FROM pulse_ingest('{"event": "e", "userId": "b", "messageId": "past"}', 'past');
SELECT bool_and(seen_at > '2015-01-01') FROM pulse.message_seen;
SET pulse.now = '2015-11-21 13:00:00+00';
INSERT INTO pulse.ingest (user_id, event, "timestamp", source) VALUES ('b', 'e', '12000-01-01', 'far');
SELECT reason, detail FROM pulse.rejected_event WHERE source = 'far';

-- Two pages with different names have different content.
SELECT status, reason FROM pulse_ingest('[{"type": "page", "name": "A", "userId": "b", "messageId": "page"}, {"type": "page", "name": "B", "userId": "b", "messageId": "page"}]');

-- Both views in one statement: each row follows the rules of its view.
SET pulse.max_event_age = '1d';
WITH old AS (INSERT INTO pulse.import (user_id, event, "timestamp", source) VALUES ('b', 'with', '2011-01-01', 'with') RETURNING 1)
INSERT INTO pulse.ingest (user_id, event, "timestamp", source) SELECT 'b', 'with', '2011-01-02', 'with' FROM old;
RESET pulse.max_event_age;
SELECT time FROM pulse.event WHERE source = 'with';
SELECT reason FROM pulse.rejected_event WHERE source = 'with';

-- A trigger on pulse.event sees all rows, also with direct inserts into partitions.
CREATE FUNCTION ingest.look() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'events come'; RETURN NULL; END$$;
CREATE TRIGGER look AFTER INSERT ON pulse.event FOR EACH STATEMENT EXECUTE FUNCTION ingest.look();
SET client_min_messages = notice;
SELECT pulse_track('b', 'looked at') > 0;
SET client_min_messages = warning;
DROP TRIGGER look ON pulse.event;

-- Privileges.
CREATE ROLE ingest_reader; CREATE ROLE ingest_writer;
SELECT pulse_grant('ingest_reader', 'reader'), pulse_grant('ingest_writer', 'writer');
GRANT USAGE ON SCHEMA public TO ingest_reader, ingest_writer;
GRANT USAGE, CREATE ON SCHEMA ingest TO ingest_reader;
SET ROLE ingest_reader;
SELECT * FROM pulse_ingest('[]');
SELECT pulse_track('x', 'e');
INSERT INTO pulse.ingest (user_id, event) VALUES ('x', 'e');
INSERT INTO pulse.event SELECT * FROM pulse.event LIMIT 1;
SELECT * FROM pulse_replay_rejected();
CREATE TABLE ingest.own (user_id text, event text);
CREATE TRIGGER own BEFORE INSERT ON ingest.own FOR EACH STATEMENT EXECUTE FUNCTION pulse.ingest_rows();
INSERT INTO ingest.own VALUES ('x', 'e');
SET ROLE ingest_writer;
SELECT status FROM pulse_ingest('{"event": "w", "userId": "w"}');
INSERT INTO pulse.ingest (user_id, event) VALUES ('w', 'w');
INSERT INTO pulse.event SELECT * FROM pulse.event LIMIT 1;
SELECT * FROM pulse_import_events('SELECT * FROM ingest.history');
RESET ROLE;
SELECT count(*) FROM pulse.event WHERE name = 'w';
BEGIN READ ONLY;
SELECT pulse_track('x', 'e');
ROLLBACK;

DROP SCHEMA ingest CASCADE;
SELECT pulse_revoke('ingest_reader'), pulse_revoke('ingest_writer');
REVOKE USAGE ON SCHEMA public FROM ingest_reader, ingest_writer;
DROP ROLE ingest_reader, ingest_writer;
TRUNCATE pulse.event, pulse.rejected_event, pulse.message_seen, pulse.identity, pulse.profile, pulse.account, pulse.event_kind, pulse.event_property,
    pulse.source_total, pulse.ingest_tally;
