-- Databases of other encodings: the extension can be created, and sends texts in UTF-8.
SET client_min_messages = error;
CREATE DATABASE pulse_encoding_latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';
CREATE DATABASE pulse_encoding_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C';
SELECT current_database() AS home \gset
-- The payload of an event; non-ASCII bytes are shown in hexadecimal.
\set setup 'SET client_min_messages = error; CREATE EXTENSION pulse; CREATE SCHEMA bridge; CREATE EXTENSION pulse_bridge_test SCHEMA bridge;'
\c pulse_encoding_latin1
:setup
SELECT subscription FROM pulse_subscribe('https://hook.example/', '{snapshot.taken,incident.opened}', name => 'machine');
SET client_encoding = 'UTF8';
INSERT INTO pulse.segment (name, kind, definition, owner, runs_as, search_path)
VALUES ('Jürgen', 'relation', '{"from": "users", "key": "id"}', 'Jürgen', current_user, 'public');
RESET client_encoding;
INSERT INTO pulse.snapshot (segment_id, taken_at, version, size) SELECT id, date_trunc('hour', now()), 1, 1000 FROM pulse.segment;
INSERT INTO pulse.notice (event, kind, snapshot_id, at) SELECT 'snapshot.taken', 'taken', id, taken_at FROM pulse.snapshot;
SELECT bridge.plan_notices();
SELECT event, status, position('J\303\274rgen'::bytea IN convert_to(payload ->> 'type' || (payload #>> '{data,owner}'), 'LATIN1')) > 0 AS utf8 FROM pulse.outbox;

\c pulse_encoding_ascii
:setup
SELECT subscription FROM pulse_subscribe('https://hook.example/', '{snapshot.taken,incident.opened}', name => 'machine');
INSERT INTO pulse.segment (name, kind, definition, owner, runs_as, search_path)
VALUES (E'J\xFCrgen', 'relation', '{"from": "users", "key": "id"}', E'J\xFCrgen', current_user, 'public');
INSERT INTO pulse.snapshot (segment_id, taken_at, version, size) SELECT id, date_trunc('hour', now()), 1, 1000 FROM pulse.segment;
INSERT INTO pulse.notice (event, kind, snapshot_id, at) SELECT 'snapshot.taken', 'taken', id, taken_at FROM pulse.snapshot;
INSERT INTO pulse.incident_record (segment_id, detector, severity, direction, baseline_kind, summary, since, opened_at, last_seen_at)
SELECT id, 'size_change', 'high', 'down', 'rolling', E'\xFC fell', now(), now(), now() FROM pulse.segment;
INSERT INTO pulse.incident_event (incident_id, at, kind, actor, severity, note) SELECT id, now(), 'opened', E'\xE9', 'high', E'\xFF' FROM pulse.incident_record;
INSERT INTO pulse.notice (event, kind, incident_id, incident_event_id, at) SELECT 'incident.opened', 'opened', incident_id, id, at FROM pulse.incident_event;
SELECT bridge.plan_notices();
SELECT event, status, payload #>> '{data,owner}' = E'J\xEF\xBF\xBDrgen' AS replaced FROM pulse.outbox WHERE kind = 'event' ORDER BY id;

\c :home
DROP DATABASE pulse_encoding_latin1;
DROP DATABASE pulse_encoding_ascii;
