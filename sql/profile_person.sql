-- ---------------------------------------------------------------------------------------------------------
-- Room profile: views and functions that show people.

SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- Level: people_reader
CREATE FUNCTION pulse.evaluate_lifecycle(profile bigint) RETURNS TABLE (stage text)
    LANGUAGE c STABLE STRICT PARALLEL UNSAFE ROWS 1 COST 1000 AS 'MODULE_PATHNAME', 'pulse_evaluate_lifecycle';
COMMENT ON FUNCTION pulse.evaluate_lifecycle(bigint) IS
'The lifecycle stage of a person (canonical id) at pulse_now() by the settings of pulse_enable_lifecycle(), from the stored state where it is valid, else from the events. No row while lifecycle stages are off, and for an unknown person.';

-- Left joins: what a query does not select is not computed.
-- Level: people_reader
CREATE VIEW pulse.person AS
SELECT p.id AS profile_id,
       i.ids -> 'user_id' ->> 0 AS user_id,
       i.ids -> 'email' ->> 0 AS email,
       i.ids -> 'phone' ->> 0 AS phone,
       coalesce(i.ids, '{}') AS identities,
       p.attributes,
       a.key AS account,
       CASE WHEN l.stage IS NOT NULL THEN l.stage
            WHEN b.count = 0 AND NOT coalesce(i.ids, '{}') ?| '{email,phone}' THEN 'anonymous'
            WHEN coalesce(e.last_at, m.first_seen_at) < @extschema@.pulse_now() - interval '90 days' THEN 'churned'
            WHEN b.count > 0 THEN 'customer'
            ELSE 'known' END AS lifecycle,
       least(m.first_seen_at, e.first_at) AS first_seen_at,
       e.last_at AS last_seen_at,
       m.profiles,
       p.bucketing_id
FROM pulse.profile AS p
LEFT JOIN pulse.account AS a ON a.id = p.account_id
LEFT JOIN LATERAL (SELECT count(*) AS profiles, min(q.first_seen_at) AS first_seen_at FROM pulse.profile AS q WHERE q.canonical_id = p.id) AS m ON true
LEFT JOIN LATERAL (SELECT jsonb_object_agg(k.kind, k.all) AS ids
                    FROM (SELECT d.kind, jsonb_agg(d.value ORDER BY d.first_seen_at, d.value) AS all
                          FROM pulse.profile AS q JOIN pulse.identity AS d ON d.profile_id = q.id WHERE q.canonical_id = p.id GROUP BY d.kind) AS k) AS i ON true
LEFT JOIN LATERAL (SELECT min(v.time) AS first_at, max(v.time) AS last_at FROM pulse.profile AS q JOIN pulse.event AS v ON v.profile_id = q.id
                    WHERE q.canonical_id = p.id AND v.time <= @extschema@.pulse_now()) AS e ON true
LEFT JOIN LATERAL (SELECT count(*) AS count
                    FROM (SELECT FROM pulse.profile AS q JOIN pulse.event AS v ON v.profile_id = q.id
                          WHERE q.canonical_id = p.id AND v.name IN ('purchase', 'Purchase', 'Order Completed') AND v.time <= @extschema@.pulse_now()
                          LIMIT 1) AS one) AS b ON true
LEFT JOIN LATERAL (SELECT max(s.stage) AS stage FROM pulse.evaluate_lifecycle(p.id) AS s) AS l ON true
WHERE p.canonical_id = p.id;
COMMENT ON VIEW pulse.person IS 'One row per person, including merged profiles, as of pulse_now(). Read it by profile_id or with a LIMIT: a full scan of all columns reads the events of every person.';
COMMENT ON COLUMN pulse.person.user_id IS 'The user id seen first.';
COMMENT ON COLUMN pulse.person.identities IS 'All values of each kind, in the order in which they were first seen: {"user_id": ["u1"], "email": [...]}.';
COMMENT ON COLUMN pulse.person.account IS 'The key of the account that was named last.';
COMMENT ON COLUMN pulse.person.lifecycle IS
'anonymous; known: has an e-mail address or a phone number; customer: has an event purchase, Purchase or Order Completed; churned: a known person or customer without an event for 90 days. After pulse_enable_lifecycle(), by its settings, as lifecycle in rules.';
COMMENT ON COLUMN pulse.person.first_seen_at IS 'The earliest time known of the person, whenever the event arrived. For rules over people the person does not exist before this time.';
COMMENT ON COLUMN pulse.person.last_seen_at IS 'The time of the newest event; null if no event is kept.';
COMMENT ON COLUMN pulse.person.profiles IS 'Number of profiles of the person.';

-- Level: people_reader
CREATE VIEW pulse.crowded_identity AS
SELECT l.kind, l.value, p.canonical_id AS profile_id, count(*) AS merges,
       (SELECT count(*) FROM pulse.profile AS q WHERE q.canonical_id = p.canonical_id) AS profiles,
       coalesce(current_setting('pulse.max_linked', true), '20')::int AS max_linked
FROM pulse.merge_history AS h
CROSS JOIN LATERAL jsonb_to_recordset(h.linked_by) AS l (kind text, value text)
JOIN pulse.profile AS p ON p.id = h.survivor_id
WHERE h.undone_at IS NULL
GROUP BY l.kind, l.value, p.canonical_id
HAVING count(*) > 1
ORDER BY count(*) DESC, l.kind, l.value LIMIT 100;
COMMENT ON VIEW pulse.crowded_identity IS
'The ids that caused the most merges, as a shared device or address does. Block such a value by pulse_set_identity_kind() and undo its merges by pulse_unmerge().';
COMMENT ON COLUMN pulse.crowded_identity.merges IS 'Number of merges caused by this id that are in effect.';
COMMENT ON COLUMN pulse.crowded_identity.profiles IS 'Current number of profiles of that person.';
COMMENT ON COLUMN pulse.crowded_identity.max_linked IS 'Maximum number of profiles of a person: the setting pulse.max_linked.';

SELECT pg_catalog.set_config('search_path', '@extschema@, pg_temp', true);

-- Level: people_reader
CREATE FUNCTION pulse_profile("user" text) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_profile';
COMMENT ON FUNCTION pulse_profile(text) IS
'Returns everything about one person as of pulse_now(): identities, attributes, account, lifecycle, event counts, the newest 50 events, merges and their reasons, consent for each purpose of which something is recorded or that is granted by default, traits and segments. The person is given
by a user id, an anonymous id, kind:value or profile:42. Errors: 42704 no person with that id, 22004 null.';
-- Level: people_reader
CREATE FUNCTION pulse_search_profiles(query text, max bigint DEFAULT 50, skip bigint DEFAULT 0)
    RETURNS TABLE (profile_id bigint, kind text, value text, user_id text, email text, first_seen_at timestamptz)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 50 AS 'MODULE_PATHNAME', 'pulse_search_profiles';
COMMENT ON FUNCTION pulse_search_profiles(text, bigint, bigint) IS
'Finds people who have an id that begins with the query. Returns each person once, with the matching id, ordered by priority of the kind, then by value. max: number of rows, up to 1,000;
skip: number of rows to skip, up to 100,000. Errors: 22023 an empty query, or numbers out of range.';
-- Level: people_reader
CREATE FUNCTION pulse_identities_of("user" text)
    RETURNS TABLE (kind text, value text, profile_id bigint, first_seen_at timestamptz, merge bigint, linked_at timestamptz, reason text, linked_by jsonb)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'pulse_identities_of';
COMMENT ON FUNCTION pulse_identities_of(text) IS
'Returns all ids of a person, the profile that each belongs to, and the merge by which that profile became part of the person (null for the person''s own profile). Errors: 42704 no person with that id.';
-- Level: people_reader
CREATE FUNCTION pulse_identity_graph("user" text, depth bigint DEFAULT 3) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_identity_graph';
COMMENT ON FUNCTION pulse_identity_graph(text, bigint) IS
'Returns the ids of a person and what links them, ready to be drawn: {"nodes": [{kind, value, profile_id, first_seen_at, priority, primary, depth, x, y}], "edges": [{from, to, kind, confidence, linked_at,
evidence}], "left_out", "width", "height"}. The first node is the primary id, that of pulse_canonical_identity(); depth is the number of links from it. from and to are indexes of nodes. kind: same_event (one
event had both ids), login (an identify call had), alias, merge (an event had ids of two people), manual (pulse_merge()). evidence: the event or the merge; null if the event is not kept any more. confidence: the
lower priority of the two kinds / 100, from 0.5 to 1; 1 for manual. x and y are always the same for the same graph. left_out: number of ids that are further away than depth, or beyond 500. Errors: 42704 no person
with that id, 22004 null, 22023 depth is not from 0 to 100.';
-- Level: people_reader
CREATE FUNCTION pulse_identity_graph_svg("user" text, depth bigint DEFAULT 3) RETURNS text
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_identity_graph_svg';
COMMENT ON FUNCTION pulse_identity_graph_svg(text, bigint) IS
'Returns the graph of pulse_identity_graph() as an SVG image: text that a browser shows, as a file or within a page, whose text colour it takes. It has a title and a description for screen readers, and neither
scripts nor links. Lines of merges are dashed; the fainter a line, the lower its confidence. Errors: those of pulse_identity_graph().';
-- Level: people_reader
CREATE FUNCTION pulse_simulate_merge(one text, other text) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_simulate_merge';
COMMENT ON FUNCTION pulse_simulate_merge(text, text) IS
'Shows what pulse_merge() would do, without doing it: which person remains, why events would not merge the two ("refused"; null if they would), identities and numbers of events and profiles
of both, attributes that have a value in both, and attributes that the survivor would take over. Errors: 42704 no person with that id, 22023 both are the same person.';
-- Level: people_reader
CREATE FUNCTION pulse_simulate_identity_kind(kind text, max_values bigint DEFAULT NULL, per interval DEFAULT NULL, blocked text[] DEFAULT NULL) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pulse_simulate_identity_kind';
COMMENT ON FUNCTION pulse_simulate_identity_kind(text, bigint, interval, text[]) IS
'Shows the effect of other limits of a kind on the existing ids: how many people have more values, how many values would have been refused, which values would be blocked, and how many
merges they caused. Null stands for the current limit. Changes nothing. Errors: 42704 unknown kind, 22023 values out of range.';
-- Level: people_reader
CREATE FUNCTION pulse_profile_events("user" text, max bigint DEFAULT 50, event text DEFAULT NULL, before timestamptz DEFAULT NULL, before_id bigint DEFAULT NULL)
    RETURNS TABLE (id bigint, "time" timestamptz, name text, type text, properties jsonb, context jsonb, source text, received_at timestamptz, profile_id bigint)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 50 AS 'MODULE_PATHNAME', 'pulse_profile_events';
COMMENT ON FUNCTION pulse_profile_events(text, bigint, text, timestamptz, bigint) IS
'Returns the events of a person up to pulse_now(), newest first, with those of merged profiles. event: only events of that name. The next page: before and before_id are time and id of the last row. Reads as many
events of each name as it returns, however many the person has. Errors: 42704 no person with that id, 22004 null, 22023 max is not from 1 to 1000, or before_id without before.';
-- Level: people_reader
CREATE FUNCTION pulse_profile_event_counts("user" text)
    RETURNS TABLE (total bigint, last_24h bigint, last_7d bigint, last_30d bigint, last_at timestamptz, exact boolean)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_profile_event_counts';
COMMENT ON FUNCTION pulse_profile_event_counts(text) IS
'Returns how many events a person has up to pulse_now(), with those of merged profiles: in total and in the last 24 hours, 7 and 30 days; and the time of the newest. Each number is counted up to 10,000. If one is
higher, exact is false: total is then that of pulse.activity, and the others stop at 10,000. Errors: 42704 no person with that id, 22004 null.';
-- Level: people_reader
CREATE FUNCTION pulse_merge_history("user" text DEFAULT NULL, max bigint DEFAULT 50, before bigint DEFAULT NULL)
    RETURNS TABLE (merge bigint, survivor_id bigint, merged_id bigint, merged_at timestamptz, reason text, linked_by jsonb, done_by text, profiles bigint[], filled jsonb,
                   undone_at timestamptz, undone_by text, undo_reason text)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 50 AS 'MODULE_PATHNAME', 'pulse_merge_history';
COMMENT ON FUNCTION pulse_merge_history(text, bigint, bigint) IS
'Returns the merges of a person, or of everybody if the person is null, newest first, with those that were undone. A person has the merges of all profiles that belong to it now. The next page: before is the
merge of the last row. Errors: 42704 no person with that id, 22023 max is not from 1 to 1000.';
-- Level: people_reader
CREATE FUNCTION pulse_canonical_identity("user" text)
    RETURNS TABLE (profile_id bigint, kind text, value text, priority int, first_seen_at timestamptz, reason text)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'pulse_canonical_identity';
COMMENT ON FUNCTION pulse_canonical_identity(text) IS
'Returns the id that stands for a person, and why: the id whose kind has the highest priority in pulse.identity_kind; of several the one seen first, then the first by value. No row for a person without ids.
Errors: 42704 no person with that id, 22004 null.';
-- Level: people_reader
CREATE FUNCTION pulse_identity_links("user" text)
    RETURNS TABLE (kind text, value text, other_kind text, other_value text, reason text, linked_at timestamptz, confidence double precision, merge bigint)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'pulse_identity_links';
COMMENT ON FUNCTION pulse_identity_links(text) IS
'Returns which ids of a person are linked, and why; pulse_identity_graph() shows them with their evidence. Within a profile, its id with the highest priority is linked with each
other one; a merge links the two ids of its event, or those with the highest priority. confidence: the lower priority of the two kinds / 100, from 0.5 to 1; 1 for pulse_merge(). At most 10,000. Errors: 42704 no
person with that id, 22004 null.';
