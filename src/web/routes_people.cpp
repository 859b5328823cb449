// Routes about people, one by one: search, events, traits, segments, flags, and what links their ids.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

constexpr Parameter kSomebody{"userId", In::kPath};

std::vector<Route> ReadPeople() {
    return {
        PulseRoute(
            "GET", "/v1/users", Access::kRead,
            "Finds people by a part of an id, the newest first; a page can be short although next is not null",
            "SELECT {v}.pulse_find_profiles(jsonb_strip_nulls(jsonb_build_object('query', nullif($1::text, ''))), $3::bigint, $2::text, 0::bigint) "
            "|| jsonb_build_object('asOf', {v}.pulse_now())",
            {{"q"},
             {"after"},
             {.name = "limit", .type = Type::kInteger, .fallback = "50", .least = 1, .most = 200}}),
        PulseRoute(
            "GET", "/v1/users/{userId}", Access::kRead, "A person by any id: identities, attributes, account",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'profileId', p.profile_id::text, 'primary', json_build_object('kind', c.kind, 'value', c.value), "
            "'userId', p.user_id, 'email', p.email, 'lifecycle', p.lifecycle, 'account', p.account, 'attributes', p.attributes, 'bucketingId', p.bucketing_id, "
            "'firstSeen', p.first_seen_at, 'lastSeen', p.last_seen_at, 'profiles', p.profiles, 'identities', (SELECT coalesce(json_agg(json_build_object('kind', i.kind, "
            "'value', i.value, 'profileId', i.profile_id::text, 'since', i.first_seen_at) ORDER BY i.first_seen_at, i.kind, i.value), '[]') FROM (SELECT n.* FROM pulse.profile AS q "
            "JOIN pulse.identity AS n ON n.profile_id = q.id WHERE q.canonical_id = c.profile_id LIMIT 500) AS i)) "
            "FROM {v}.pulse_canonical_identity($1::text) AS c JOIN pulse.person AS p ON p.profile_id = c.profile_id",
            {kSomebody}),
        PulseRoute(
            "GET", "/v1/users/{userId}/events", Access::kRead,
            "The events of a person, the newest first, with those of merged profiles",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'events', coalesce(json_agg(json_build_object('id', e.id::text, 'time', e.time, 'name', e.name, 'type', e.type, "
            "'properties', e.properties, 'source', e.source, 'receivedAt', e.received_at, 'profileId', e.profile_id::text) ORDER BY e.time DESC, e.id DESC), '[]'), "
            "'next', CASE WHEN count(*) = $4::bigint THEN (array_agg((to_json(e.time) #>> '{}') || '~' || e.id ORDER BY e.time, e.id))[1] END) "
            "FROM {v}.pulse_profile_events($1::text, $4::bigint, $2::text, split_part($3::text, '~', 1)::timestamptz, split_part($3::text, '~', 2)::bigint) AS e",
            {kSomebody, {"event"}, {"before"}, kRowsOfPage}),
        PulseRoute(
            "GET", "/v1/users/{userId}/traits", Access::kRead,
            "The traits of a person now, and when they can change without an event",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'stored', (SELECT s.as_of FROM pulse.profile_state AS s WHERE s.profile_id = c.profile_id), 'nextChange', "
            "(SELECT s.next_change_at FROM pulse.profile_state AS s WHERE s.profile_id = c.profile_id), 'traits', (SELECT coalesce(json_agg(json_build_object('key', t.key, "
            "'value', t.value, 'problem', t.problem, 'type', d.type, 'expression', d.expression) ORDER BY t.key), '[]') FROM {v}.pulse_traits($1::text) AS t "
            "LEFT JOIN pulse.trait AS d ON d.key = t.key)) FROM {v}.pulse_canonical_identity($1::text) AS c",
            {kSomebody}),
        PulseRoute(
            "GET", "/v1/users/{userId}/segments", Access::kRead,
            "The segments that a person is in, since when, and until when without an event",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'segments', coalesce(json_agg(json_build_object('segment', s.segment, 'since', s.since, 'until', s.until) "
            "ORDER BY s.segment), '[]')) FROM {v}.pulse_segments_of($1::text) AS s",
            {kSomebody}),
        PulseRoute(
            "GET", "/v1/users/{userId}/segments/{segment}", Access::kRead,
            "Why a person is in a segment, or is not",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'items', coalesce(json_agg(json_build_object('item', e.item, 'part', e.part, 'value', e.value, 'note', e.note) "
            "ORDER BY e.place), '[]')) FROM {v}.pulse_explain_membership($1::text, $2::text) WITH ORDINALITY AS e (item, part, value, note, place)",
            {kSomebody, {"segment", In::kPath}}),
        PulseRoute(
            "GET", "/v1/users/{userId}/flags", Access::kRead, "All flags, decided for a person",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'flags', coalesce(json_agg(json_build_object('flag', d.flag, 'variant', d.variant, 'value', d.value, 'allow', d.allow, "
            "'reason', d.reason, 'segment', d.segment, 'version', d.version) ORDER BY d.flag), '[]')) FROM {v}.pulse_decide_all($1::text, '{}'::jsonb) AS d",
            {kSomebody}),
    };
}

std::vector<Route> Merges() {
    return {
        PulseRoute(
            "GET", "/v1/users/{userId}/identity-graph", Access::kRead,
            "The ids of a person and what links them, with confidence",
            "SELECT {v}.pulse_identity_graph($1::text, $2::bigint) || jsonb_build_object('asOf', {v}.pulse_now())",
            {kSomebody, {.name = "depth", .type = Type::kInteger, .fallback = "3", .least = 0, .most = 100}}),
        PulseRoute(
            "GET", "/v1/users/{userId}/merges", Access::kRead,
            "The merges of a person, the newest first, also those that were undone",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'merges', coalesce(json_agg(json_build_object('merge', m.merge::text, 'survivor', m.survivor_id::text, 'merged', m.merged_id::text, "
            "'at', m.merged_at, 'reason', m.reason, 'linkedBy', m.linked_by, 'doneBy', m.done_by, 'profiles', m.profiles, 'filled', m.filled, 'undoneAt', m.undone_at, "
            "'undoneBy', m.undone_by, 'undoReason', m.undo_reason) ORDER BY m.merge DESC), '[]'), 'next', CASE WHEN count(*) = $3::bigint THEN min(m.merge)::text END) "
            "FROM {v}.pulse_merge_history($1::text, $3::bigint, $2::bigint) AS m",
            {kSomebody,
             kBeforeId,
             {.name = "limit", .type = Type::kInteger, .fallback = "50", .least = 1, .most = 1000}}),
        PulseRoute(
            "GET", "/v1/users/{userId}/merge-preview", Access::kRead,
            "What merging a person with another would do, without doing it",
            "SELECT {v}.pulse_simulate_merge($1::text, $2::text) || jsonb_build_object('asOf', {v}.pulse_now())",
            {kSomebody, {"other", In::kQuery, Type::kText, true}}),
        PulseRoute(
            "POST", "/v1/users/{userId}/merges", Access::kAdmin, "Merges a person with another",
            "SELECT json_build_object('merge', {v}.pulse_merge($1::text, $2::text, $3::text)::text)",
            {kSomebody, {"other", In::kBody, Type::kText, true}, {"reason", In::kBody, Type::kText, true}}),
        PulseRoute("POST", "/v1/merges/{id}/undo", Access::kAdmin, "Undoes a merge",
                   "SELECT json_build_object('restored', {v}.pulse_unmerge($1::bigint, $2::text)::text)",
                   {kPathId, {"reason", In::kBody, Type::kText, true}}),
    };
}

}  // namespace

std::vector<Route> PeopleRoutes() {
    std::vector<Route> routes = ReadPeople();
    const std::vector<Route> merges = Merges();
    routes.insert(routes.end(), merges.begin(), merges.end());
    return routes;
}

}  // namespace pulse::web
