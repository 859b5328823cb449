-- Room profile: the graph of a person's ids.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pulse;
RESET client_min_messages;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET pulse.now = '2015-06-01 12:00';
\set SHOW_CONTEXT never
\set VERBOSITY default
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally,
    pulse.event_day, pulse.event_hour, pulse.ingest_tally, pulse.event_kind, pulse.event_property, pulse.source_total;

-- A browser signs in; a device comes with an event; a phone is merged by an event, another person by hand.
SELECT pulse_track(NULL, 'view', '{}', '2015-05-01 10:00', 'graph-web') IS NOT NULL AS viewed;
SELECT pulse_identify('graph-eva', '{"email": "Eva@Graph.example"}', 'graph-web', '2015-05-02 09:00') IS NOT NULL AS identified;
SELECT status FROM pulse_ingest('{"type": "track", "event": "open", "userId": "graph-eva", "deviceId": "graph-device", "timestamp": "2015-05-03T10:00:00Z"}');
SELECT pulse_track(NULL, 'view', '{}', '2015-05-04 20:00', 'graph-phone') IS NOT NULL AS viewed;
SELECT pulse_identify('graph-eva', '{}', 'graph-phone', '2015-05-04 20:05') IS NOT NULL AS merged;
SELECT pulse_track(NULL, 'view', '{}', '2015-05-05', 'graph-tablet') IS NOT NULL AS viewed;
SELECT pulse_merge('graph-eva', 'graph-tablet', 'said so on the telephone') IS NOT NULL AS merged;
-- A television has two ids when it is merged; a sign-in that arrives late is the link, although the user id came with a later event.
SELECT status FROM pulse_ingest('[{"type": "track", "event": "watch", "anonymousId": "graph-tv", "deviceId": "graph-tv-box", "timestamp": "2015-05-06T10:00:00Z"},
                                  {"type": "alias", "userId": "graph-eva", "previousId": "graph-tv", "timestamp": "2015-05-06T11:00:00Z"},
                                  {"type": "identify", "userId": "graph-eva", "traits": {"phone": "+49 30 123456"}, "timestamp": "2015-05-01T12:00:00Z"}]');

CREATE FUNCTION pg_temp.nodes(graph jsonb) RETURNS TABLE (n bigint, kind text, value text, priority int, is_primary boolean, depth int, x numeric, y numeric) LANGUAGE sql AS $$
    SELECT n.place - 1, n.value ->> 'kind', n.value ->> 'value', (n.value ->> 'priority')::int, (n.value ->> 'primary')::boolean, (n.value ->> 'depth')::int, (n.value ->> 'x')::numeric, (n.value ->> 'y')::numeric
    FROM jsonb_array_elements(graph -> 'nodes') WITH ORDINALITY AS n (value, place)
$$;
SELECT * FROM pg_temp.nodes(pulse_identity_graph('graph-eva'));
SELECT e -> 'from' AS "from", e -> 'to' AS "to", e ->> 'kind' AS kind, e -> 'confidence' AS confidence, e ->> 'linked_at' AS linked_at, (e -> 'evidence') - '{event_id,merge_id}'::text[] AS evidence
FROM jsonb_array_elements(pulse_identity_graph('graph-eva') -> 'edges') AS e;
-- The evidence is the event or the merge.
SELECT count(*) FILTER (WHERE v.id IS NOT NULL) AS events, count(*) FILTER (WHERE h.id IS NOT NULL) AS merges
FROM jsonb_array_elements(pulse_identity_graph('graph-eva') -> 'edges') AS e LEFT JOIN pulse.event AS v ON v.id = (e #>> '{evidence,event_id}')::bigint LEFT JOIN pulse.merge_history AS h ON h.id = (e #>> '{evidence,merge_id}')::bigint;
SELECT g - '{nodes,edges,profile_id}'::text[] AS rest, (g ->> 'profile_id')::bigint = (SELECT profile_id FROM pulse.identity WHERE value = 'graph-eva') AS profile FROM pulse_identity_graph('graph-tablet') AS g;
-- The same ids as rows.
SELECT count(*) AS different FROM (SELECT n.kind, n.value FROM pg_temp.nodes(pulse_identity_graph('graph-eva', 100)) AS n) AS a FULL JOIN pulse_identities_of('graph-eva') AS i USING (kind, value) WHERE a IS NULL OR i IS NULL;
-- By depth.
SELECT d, jsonb_array_length(g -> 'nodes') AS nodes, jsonb_array_length(g -> 'edges') AS edges, g -> 'left_out' AS left_out FROM generate_series(0, 3) AS d, pulse_identity_graph('graph-eva', d) AS g;
-- An event that is not kept any more.
DELETE FROM pulse.event WHERE name = 'open';
SELECT e ->> 'kind' AS kind, e -> 'evidence' AS evidence FROM jsonb_array_elements(pulse_identity_graph('graph-eva') -> 'edges') AS e WHERE e -> 'evidence' = 'null';
SELECT pulse_unmerge((SELECT id FROM pulse.merge_history WHERE reason <> 'event'), 'wrong') IS NOT NULL AS undone;
SELECT jsonb_array_length(pulse_identity_graph('graph-eva') -> 'nodes') AS nodes, jsonb_array_length(pulse_identity_graph('graph-tablet') -> 'nodes') AS tablet;

-- ---- as an image ----
SELECT pulse_identity_graph_svg('graph-tablet') = replace(pulse_identity_graph_svg('graph-tablet', 3), 'x', 'x') AS same;
SELECT regexp_replace(pulse_identity_graph_svg('graph-eva'), 'graph-\d+', 'graph-0', 'g');
-- It is XML, whatever the ids are.
SELECT pulse_track('<script>alert("1")</script>&' || E'\x7f' || '''', 'view') IS NOT NULL AS tracked;
SELECT xml_is_well_formed_document(s) AS xml, s !~ '<script' AS no_script, s ~ 'role="img"' AS image, s ~ '<title id' AS title, s ~ '<desc id' AS description, s !~ '(href|url\()' AS no_links, s !~ '#[0-9a-f]{3}\M' AS no_colours
FROM pulse_identity_graph_svg('<script>alert("1")</script>&' || E'\x7f' || '''') AS s;
-- Many ids.
SELECT count(*) FROM pulse_import_events($$SELECT 'graph-many' AS user_id, 'd' || i AS device_id, 'open' AS event, timestamptz '2015-05-01' + i * interval '1 minute' AS "timestamp" FROM generate_series(1, 600) AS i$$);
SELECT jsonb_array_length(g -> 'nodes') AS nodes, jsonb_array_length(g -> 'edges') AS edges, g -> 'left_out' AS left_out FROM pulse_identity_graph('graph-many') AS g;
SELECT count(DISTINCT (x, y)) AS places FROM pg_temp.nodes(pulse_identity_graph('graph-many'));

-- ---- rights and errors ----
SET client_min_messages = warning;
CREATE ROLE profile_graph_reader;
SELECT pulse_grant('profile_graph_reader', 'reader');
SET ROLE profile_graph_reader;
SELECT pulse_identity_graph('graph-eva');
SELECT pulse_identity_graph_svg('graph-eva');
SELECT pulse_identities_of('graph-eva');
RESET ROLE;
SELECT pulse_grant('profile_graph_reader', 'people_reader');
SET ROLE profile_graph_reader;
SELECT jsonb_array_length(pulse_identity_graph('graph-eva') -> 'nodes') AS nodes, length(pulse_identity_graph_svg('graph-eva')) > 500 AS image;
RESET ROLE;
SELECT pulse_identity_graph(NULL);
SELECT pulse_identity_graph('graph-nobody');
SELECT pulse_identity_graph('graph-eva', -1);
SELECT pulse_identity_graph('graph-eva', 101);
SELECT pulse_identity_graph('graph-eva', 3000000000);
SELECT pulse_identity_graph_svg('graph-nobody');
DROP OWNED BY profile_graph_reader;
DROP ROLE profile_graph_reader;
TRUNCATE pulse.profile, pulse.identity, pulse.merge_history, pulse.account, pulse.account_member, pulse.event, pulse.activity, pulse.activity_tally,
    pulse.event_day, pulse.event_hour, pulse.ingest_tally, pulse.event_kind, pulse.event_property, pulse.source_total, pulse.rejected_event;
