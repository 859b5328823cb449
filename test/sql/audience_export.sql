-- Exports of people with chosen columns: formats, columns, events, filters, hashes, hostile values, errors, rights.
SELECT current_database() AS home \gset
CREATE DATABASE regress_audience_export ENCODING 'UTF8' TEMPLATE template0;
\c regress_audience_export
SET client_min_messages = warning;
CREATE EXTENSION pulse;
SET timezone = 'Asia/Tokyo';
\set SHOW_CONTEXT never
CREATE ROLE regress_audience_analyst;
CREATE ROLE regress_audience_reader;
CREATE ROLE regress_audience_half;
SELECT pulse_grant('regress_audience_analyst', 'people_reader'), pulse_grant('regress_audience_reader', 'reader'), pulse_grant('regress_audience_half', 'reader');
GRANT EXECUTE ON FUNCTION pulse_export_audience(text, text, jsonb) TO regress_audience_half;
-- The file of an export as lines.
CREATE FUNCTION lines(token text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT string_to_table(rtrim(string_agg(convert_from(p.data, 'UTF8'), '' ORDER BY i), E'\n'), E'\n')
    FROM (SELECT f.chunks FROM pulse.read_export(token, 1) AS f) AS n, generate_series(1, n.chunks) AS i, pulse.read_export(token, i) AS p $$;
GRANT EXECUTE ON FUNCTION lines(text) TO PUBLIC;
CREATE FUNCTION file(segment text, format text, options jsonb) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT lines((SELECT e.token FROM pulse_export_audience(segment, format, options) AS e)) $$;

SET pulse.now = '2015-03-01 12:00:00+00';
SELECT pulse_create_segment('buyers', '{"where": "events.buy.count_30d >= 1"}') > 0 AS made;
SELECT pulse_create_segment('pros', '{"where": "profile.plan = \"pro\""}') > 0 AS made;
SELECT pulse_create_segment('nobody', '{"where": "false"}') > 0 AS made;
SELECT pulse_create_segment('draft', '{"where": "true"}', draft => true) > 0 AS made;
CREATE TABLE item AS SELECT 1 AS id;
SELECT pulse_create_segment('items', '{"from": "item", "key": "id"}') > 0 AS made;
SELECT pulse_create_trait('spent', 'events.buy.sum(total)') > 0 AS made;
SELECT count(*) FROM pulse_ingest('[
  {"type": "track", "event": "buy", "userId": "u1", "timestamp": "2015-02-10T08:00:00Z", "properties": {"total": 10.5}},
  {"type": "track", "event": "buy", "userId": "u1", "timestamp": "2015-02-11T08:00:00Z", "properties": {"total": 2}},
  {"type": "track", "event": "look", "userId": "u1", "timestamp": "2015-02-12T08:00:00Z", "properties": {"at": "=x"}},
  {"type": "track", "event": "look", "userId": "u1", "timestamp": "2014-12-31T08:00:00Z"},
  {"type": "identify", "userId": "u1", "traits": {"email": "Ann@Example.com", "plan": "pro", "address": {"city": "Ulm"}, "tags": ["a", "b"]}, "timestamp": "2015-02-12T09:00:00Z"},
  {"type": "track", "event": "buy", "userId": "u2", "timestamp": "2015-02-20T08:00:00.250Z", "properties": {"total": 100}},
  {"type": "identify", "userId": "u2", "traits": {"plan": "free", "phone": "+49 171 1234567"}, "timestamp": "2015-02-20T09:00:00Z"},
  {"type": "track", "event": "look", "userId": "u3", "timestamp": "2015-02-25T08:00:00Z"}]');
SELECT status FROM pulse_run_job('activity');

-- The columns without options, and every other one, in both formats.
SELECT file('buyers', 'csv', '{}');
SELECT file('buyers', 'jsonl', NULL);
\set all '{"columns": ["profile_id", "external_id", "since", "first_seen_at", "last_seen_at", "event_count", "segments", "identity.email", "identity.user_id", "profile.plan", "profile.address.city", "profile.tags", "profile.missing", "profile.*", "trait.*", {"name": "days", "rule": "events.buy.unique_days(30d)"}], "events": true}'
SELECT file('buyers', 'csv', :'all');
SELECT file('buyers', 'jsonl', :'all');
SET ROLE regress_audience_analyst;
SELECT e.segment, e.filename, e.users, e.bytes = length(p.data) AS bytes, e.etag = encode(sha256(p.data), 'hex') AS etag, e.created_by FROM pulse_export_audience(NULL, 'json', '{"columns": ["external_id"]}') AS e, pulse.read_export(e.token, 1) AS p;
RESET ROLE;
SELECT file(NULL, 'csv', '{"columns": ["external_id", "trait.spent"]}');
SELECT file('nobody', 'csv', '{"columns": ["external_id"]}');
SELECT file('nobody', 'jsonl', '{}');
SELECT format, segment, created_by FROM pulse.export ORDER BY id DESC LIMIT 3;
-- Events: names, days, most.
SELECT file('pros', 'jsonl', '{"columns": ["external_id"], "events": {"names": ["buy"], "most": 1}}');
SELECT file('pros', 'jsonl', '{"columns": ["external_id"], "events": {"names": ["look"], "days": 365}}');
SELECT file('pros', 'csv', '{"columns": ["external_id"], "events": {"days": 1}}');
SELECT file('pros', 'csv', '{"columns": ["external_id"], "events": false}');
-- Hashed: the normal form, no plain ids beside it.
SELECT file('buyers', 'csv', '{"columns": ["external_id", "identity.email", "identity.phone", "profile.*"], "hashed": true}');
SELECT encode(sha256('u1'), 'hex') AS u1, encode(sha256('ann@example.com'), 'hex') AS mail, encode(sha256('+491711234567'), 'hex') AS phone;
SELECT file('pros', 'jsonl', '{"columns": ["identity.email"], "events": {"names": ["$identify"]}, "hashed": true}');
SELECT file('buyers', 'csv', '{"columns": ["profile.email"], "hashed": true}');
-- Filters, a rule, and both.
SELECT file('buyers', 'csv', '{"columns": ["external_id"], "filters": {"segments": ["pros"]}}');
SELECT file(NULL, 'csv', '{"columns": ["external_id"], "filters": {"not_segments": ["pros"], "identity_kinds": ["phone"]}}');
SELECT file(NULL, 'csv', '{"columns": ["external_id"], "filters": {"query": "u", "ids": ["u1", "u3", "u9"], "last_seen_from": "2015-02-15T00:00:00Z"}}');
SELECT file(NULL, 'csv', '{"columns": ["external_id", "trait.spent"], "where": "trait(\"spent\") > 20"}');
SELECT file(NULL, 'csv', '{"columns": ["external_id"], "where": "profile.plan = \"pro\"", "filters": {"min_events": 10}}');
-- Only people with live consent: none recorded is none, a withdrawn or expired one neither.
SELECT count(pulse_set_consent(u, 'ads', g, e::jsonb)) FROM (VALUES ('u1', true, '{"at": "2015-02-20T00:00:00Z"}'), ('u2', true, '{"at": "2015-02-20T00:00:00Z"}'), ('u2', false, '{"at": "2015-02-21T00:00:00Z"}'), ('u3', true, '{"at": "2015-02-20T00:00:00Z", "expires_at": "2015-02-22T00:00:00Z"}')) AS c (u, g, e);
SELECT file(NULL, 'csv', '{"columns": ["external_id"], "consent": "ads"}');
SELECT file(NULL, 'csv', '{"columns": ["external_id"], "consent": "sms"}');
-- As of another time.
SET pulse.now = '2015-02-20 12:00+00';
SELECT file(NULL, 'csv', '{"columns": ["external_id"], "consent": "ads"}');
SET pulse.now = '2015-02-15';
SELECT file(NULL, 'csv', '{"columns": ["external_id", "trait.spent"], "events": {"names": ["buy"]}}');
SET pulse.now = '2015-03-01 12:00:00+00';
-- RFM and the lifecycle, where they are on.
SELECT file('buyers', 'csv', '{"columns": ["external_id", "rfm.group"]}');
SELECT pulse_enable_rfm(event => 'buy', property => 'total'), pulse_enable_lifecycle();
SELECT file(NULL, 'csv', '{"columns": ["external_id", "rfm.group", "rfm.score", "lifecycle"]}');
SELECT file(NULL, 'jsonl', '{"columns": ["external_id", "rfm.recency"], "where": "rfm.group != \"lost\" and lifecycle != \"churned\""}');

-- Hostile values in ids, attributes, events and names of columns.
SELECT count(*) FROM pulse_ingest(jsonb_build_array(
    jsonb_build_object('type', 'identify', 'userId', '=cmd|'' /C calc''!A0', 'timestamp', '2015-02-28T08:00:00Z', 'traits', jsonb_build_object(
        'plan', 'hostile', 'a', '=1+1', 'b', '+1', 'c', '-1', 'd', '@x', 'e', E'\tx', 'f', E'\r\n=x', 'g', 'say "hi", ok', 'h', '👩‍🚀 ä', 'i', '＝1', 'j', E'a\nb', 'k', '', 'l', null, 'm', -5, 'n', true))));
-- Unaligned: releases differ in how wide they show some characters.
\pset format unaligned
SELECT replace(f, E'\r', '\r') AS file FROM file(NULL, 'csv', '{"where": "profile.plan = \"hostile\"", "columns": ["external_id", "profile.a", "profile.b", "profile.c", "profile.d", "profile.e", "profile.f", "profile.g", "profile.h", "profile.i", "profile.j", "profile.k", "profile.l", "profile.m", "profile.n", {"name": "=x\"\n", "rule": "profile.a"}]}') AS f;
SELECT file(NULL, 'jsonl', '{"where": "profile.plan = \"hostile\"", "columns": ["external_id", "profile.*", {"name": "=x\"\n", "rule": "profile.a"}]}');
\pset format aligned
SELECT bool_and(line::jsonb IS NOT NULL) AS all_json FROM file(NULL, 'jsonl', '{"columns": ["external_id", "profile.*"], "events": true}') AS line;
-- A line of more than a megabyte: pieces of at most 256 kB between two characters.
SELECT count(*) FROM pulse_ingest(jsonb_build_array(jsonb_build_object('type', 'identify', 'userId', 'huge', 'timestamp', '2015-02-28T08:00:00Z', 'traits', jsonb_build_object('plan', 'huge', 'text', repeat('ä', 10000)))));
UPDATE pulse.profile SET attributes = attributes || jsonb_build_object('text', repeat('äh', 350000)) WHERE attributes ->> 'plan' = 'huge';
SELECT id AS huge, token AS huge_token FROM pulse_export_audience(NULL, 'csv', '{"where": "profile.plan = \"huge\"", "columns": ["external_id", "profile.text"]}') \gset
SELECT count(*) AS pieces, max(length(data)) <= 262144 AS sizes, string_agg(convert_from(data, 'UTF8'), '' ORDER BY chunk) = E'"external_id","profile.text"\n"huge","' || repeat('äh', 350000) || E'"\n' AS whole FROM pulse.export_chunk WHERE export_id = :huge;
SELECT bool_and(p.bytes = (SELECT bytes FROM pulse.export WHERE id = :huge)) AS readable FROM generate_series(1, (SELECT chunks FROM pulse.export WHERE id = :huge)) AS i, pulse.read_export(:'huge_token', i) AS p;

-- In the background: the job writes it, if the role may still see people.
SET ROLE regress_audience_analyst;
SELECT id AS queued, token AS queued_token, users, bytes, etag, state FROM pulse_export_audience('pros', 'csv', '{"columns": ["external_id"], "background": true}') \gset
SELECT :'users' AS users, :'bytes' AS bytes, :'etag' AS etag, :'state' AS state;
SELECT pulse.read_export(:'queued_token', 1);
SELECT pulse_export_audience('pros', 'csv', '{"columns": ["trait.none"], "background": true}');
RESET ROLE;
SELECT status, message FROM pulse_run_job('exports');
SELECT state, users, segment FROM pulse_list_exports() WHERE id = :queued;
SELECT lines(:'queued_token');
SELECT status, message FROM pulse_run_job('exports');
SET ROLE regress_audience_analyst;
SELECT id AS queued, token AS queued_token FROM pulse_export_audience(NULL, 'jsonl', '{"background": true, "columns": ["external_id"], "where": "profile.plan = \"pro\""}') \gset
RESET ROLE;
SELECT pulse_revoke('regress_audience_analyst');
SELECT status, message FROM pulse_run_job('exports');
SELECT state, error, users FROM pulse.export WHERE id = :queued;
SELECT pulse.read_export(:'queued_token', 1);
SELECT pulse_grant('regress_audience_analyst', 'people_reader');
SELECT id AS queued, token AS queued_token FROM pulse_export_audience('nobody', 'csv', '{"background": true, "columns": ["external_id"]}') \gset
SELECT pulse_delete_segment('nobody', true);
SELECT status, message FROM pulse_run_job('exports');
SELECT state, error FROM pulse.export WHERE id = :queued;
SELECT pulse_delete_export(:queued);

-- What is recorded: no values of filters.
SELECT actor = current_user AS mine, subject, details - 'export' AS details FROM pulse.audit WHERE action = 'audience.exported' AND details ?| '{filters,consent}' ORDER BY id;
SELECT count(*) = (SELECT count(*) FROM pulse.export) AS each FROM pulse.audit WHERE action = 'audience.exported';
SELECT pulse_delete_export(max(id)) FROM pulse.export WHERE segment IS NULL;
SELECT subject FROM pulse.audit WHERE action = 'export.deleted';

-- What is refused.
\set VERBOSITY default
SELECT pulse_export_audience('buyer');
SELECT pulse_export_audience('items');
SELECT pulse_export_audience('draft');
SELECT pulse_export_audience('buyers', NULL);
SELECT pulse_export_audience('buyers', 'xlsx');
SELECT pulse_export_audience('buyers', 'csv', '[]');
SELECT pulse_export_audience('buyers', 'csv', '{"column": []}');
SELECT pulse_export_audience('buyers', 'csv', '{"columns": []}');
SELECT pulse_export_audience('buyers', 'csv', '{"columns": "external_id"}');
SELECT pulse_export_audience('buyers', 'csv', '{"columns": ["email"]}');
SELECT pulse_export_audience('buyers', 'csv', '{"columns": ["identity.mail"]}');
SELECT pulse_export_audience('buyers', 'csv', '{"columns": ["trait.none"]}');
SELECT pulse_export_audience('buyers', 'csv', '{"columns": ["external_id", "external_id"]}');
SELECT pulse_export_audience('buyers', 'csv', '{"columns": ["trait.*", "trait.spent"]}');
SELECT pulse_export_audience('buyers', 'csv', '{"columns": [5]}');
SELECT pulse_export_audience('buyers', 'csv', '{"columns": [{"name": "x"}]}');
SELECT pulse_export_audience('buyers', 'csv', '{"columns": [{"name": "x", "rule": "profile.a ="}]}');
SELECT pulse_export_audience('buyers', 'csv', jsonb_build_object('columns', (SELECT jsonb_agg('profile.a' || i) FROM generate_series(1, 101) AS i)));
SELECT pulse_export_audience('buyers', 'csv', '{"events": 5}');
SELECT pulse_export_audience('buyers', 'csv', '{"events": {"days": 366}}');
SELECT pulse_export_audience('buyers', 'csv', '{"events": {"days": 1.5}}');
SELECT pulse_export_audience('buyers', 'csv', '{"events": {"names": [1]}}');
SELECT pulse_export_audience('buyers', 'csv', '{"hashed": "yes"}');
SELECT pulse_export_audience('buyers', 'csv', '{"consent": ""}');
SELECT pulse_export_audience('buyers', 'csv', '{"consent": "adds"}');
SELECT pulse_export_audience('buyers', 'csv', '{"where": " "}');
SELECT pulse_export_audience('buyers', 'csv', '{"where": "events.buy.count"}');
SELECT pulse_export_audience('buyers', 'csv', '{"filters": {"segment": "pros"}}');
SELECT pulse_export_audience('buyers', 'csv', '{"filters": {"segments": ["none"]}}');
BEGIN READ ONLY;
SELECT pulse_export_audience('buyers');
ROLLBACK;
SET ROLE regress_audience_reader;
SELECT pulse_export_audience('buyers');
SET ROLE regress_audience_half;
SELECT pulse_export_audience('buyers');
RESET ROLE;
-- An error leaves nothing.
SELECT (SELECT count(*) FROM pulse.export) = (SELECT count(DISTINCT export_id) FROM pulse.export_chunk) + (SELECT count(*) FROM pulse.export WHERE bytes = 0) AS same;

-- Over HTTP the existing link: the kind of content follows the format.
SELECT token FROM pulse_export_audience('buyers', 'jsonl', '{"columns": ["external_id"]}') \gset
SELECT status, headers ->> 'content-type' AS type, headers ->> 'content-disposition' AS disposition, convert_from(body, 'UTF8') AS body FROM pulse_http('GET', '/v1/export/download/' || :'token', NULL, '{"host": "x"}');

\c :home
DROP DATABASE regress_audience_export;
DROP ROLE regress_audience_analyst, regress_audience_reader, regress_audience_half;
