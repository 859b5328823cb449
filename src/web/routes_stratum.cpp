// Routes of Stratum's customer data platform: people and their events.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

// A person as pulse_profile() shows it.
#define PULSE_PERSON                                                                                                          \
    "json_build_object('id', w.person ->> 'profile_id', 'external_id', (SELECT i ->> 'value' FROM "                           \
    "jsonb_array_elements(w.person -> 'identities') AS i WHERE i ->> 'kind' = 'user_id' LIMIT 1), "                           \
    "'identifiers', (SELECT coalesce(json_agg(json_build_object('identifier_type', i ->> 'kind', 'value', i ->> 'value', "    \
    "'first_seen_at', i ->> 'since')), '[]') FROM jsonb_array_elements(w.person -> 'identities') AS i), "                     \
    "'profile_data', w.person -> 'attributes', 'computed_traits', w.person -> 'traits', 'segments', w.person -> 'segments', " \
    "'lifecycle_stage', w.person ->> 'lifecycle', 'total_events', w.person #> '{events,total}', "                             \
    "'first_seen_at', w.person ->> 'first_seen_at', 'last_seen_at', w.person ->> 'last_seen_at')"

constexpr Parameter kPerson{"id", In::kPath, Type::kId};

std::vector<Route> People() {
    constexpr Parameter kDepth{
        .name = "depth", .type = Type::kInteger, .fallback = "3", .least = 0, .most = 100};
    Route image = StratumRoute("GET", PULSE_CDP "/profiles/{id}/identity-graph.svg", Access::kRead,
                               "The graph of a person's ids as an image",
                               "SELECT {v}.pulse_identity_graph_svg('profile:' || $1::bigint, $2::bigint)",
                               {kPerson, kDepth});
    image.content_type = "image/svg+xml";
    static constexpr std::string_view kLookup =
        "SELECT " PULSE_PERSON
        " FROM (SELECT {v}.pulse_profile(CASE $1::text WHEN 'external_id' THEN 'user_id' ELSE $1::text END || ':' || $2::text) AS person OFFSET 0) AS w";
    return {
        StratumRoute("POST", PULSE_CDP "/profiles/lookup", Access::kRead, "The person with an id", kLookup,
                     {{"identifier_type", In::kBody, Type::kText, true},
                      {.name = "identifier_value", .in = In::kBody, .required = true, .synonym = "value"}}),
        StratumRoute("GET", PULSE_CDP "/profiles", Access::kRead, "The person with an id", kLookup,
                     {{"identifier_type", In::kQuery, Type::kText, true},
                      {"identifier_value", In::kQuery, Type::kText, true}}),
        StratumRoute(
            "POST", PULSE_CDP "/profiles/search", Access::kRead,
            "Finds people; the filter is that of pulse_find_profiles(), and stages of the lifecycle",
            "SELECT json_build_object('profiles', f.found -> 'people', 'next', f.found -> 'next', 'complete', f.found -> 'complete', "
            "'total', c.people, 'total_is_exact', c.exact) "
            "FROM (SELECT $1::jsonb - '{limit,after,offset}'::text[] - CASE WHEN jsonb_typeof($1::jsonb -> 'stages') = 'array' THEN 'stages' ELSE '' END "
            "|| CASE WHEN jsonb_typeof($1::jsonb -> 'stages') = 'array' THEN jsonb_build_object('any_segments', (SELECT coalesce(jsonb_agg('lifecycle_' || s.stage), '[]') FROM jsonb_array_elements_text($1::jsonb -> 'stages') AS s (stage))) "
            "ELSE '{}' END AS filter OFFSET 0) AS w "
            "CROSS JOIN LATERAL (SELECT {v}.pulse_find_profiles(w.filter, $2::bigint, $3::text, $4::bigint) AS found OFFSET 0) AS f "
            "CROSS JOIN LATERAL {v}.pulse_count_profiles(w.filter) AS c",
            {{"filter", In::kWholeBody, Type::kJson},
             {.name = "limit",
              .in = In::kBody,
              .type = Type::kInteger,
              .fallback = "50",
              .least = 1,
              .most = 1000},
             {"after", In::kBody},
             {.name = "offset",
              .in = In::kBody,
              .type = Type::kInteger,
              .fallback = "0",
              .least = 0,
              .most = 10000}}),
        StratumRoute(
            "GET", PULSE_CDP "/profiles/statistics", Access::kRead, "Figures of all people",
            "SELECT json_object_agg(s.figure, json_build_object('value', s.value, 'exact', s.exact)) FROM {v}.pulse_people_statistics() AS s"),
        StratumRoute("GET", PULSE_CDP "/profiles/{id}", Access::kRead, "One person",
                     "SELECT " PULSE_PERSON
                     " FROM (SELECT {v}.pulse_profile('profile:' || $1::bigint) AS person OFFSET 0) AS w",
                     {kPerson}),
        StratumRoute(
            "GET", PULSE_CDP "/profiles/{id}/identity-graph", Access::kRead,
            "The ids of a person, what links them, and where each is drawn",
            "SELECT json_build_object('nodes', (SELECT coalesce(json_agg(json_build_object('identifier_type', n.value -> 'kind', 'value', n.value -> 'value', "
            "'profile_id', n.value ->> 'profile_id', 'first_seen_at', n.value -> 'first_seen_at', 'priority', n.value -> 'priority', 'is_primary', n.value -> 'primary', "
            "'depth', n.value -> 'depth', 'x', n.value -> 'x', 'y', n.value -> 'y') ORDER BY n.place), '[]') FROM jsonb_array_elements(g.graph -> 'nodes') WITH ORDINALITY AS n (value, place)), "
            "'edges', (SELECT coalesce(json_agg(json_build_object('source_type', g.graph #> ARRAY['nodes', e.value ->> 'from', 'kind'], 'source', g.graph #> ARRAY['nodes', e.value ->> 'from', 'value'], "
            "'target_type', g.graph #> ARRAY['nodes', e.value ->> 'to', 'kind'], 'target', g.graph #> ARRAY['nodes', e.value ->> 'to', 'value'], 'link_type', e.value -> 'kind', "
            "'confidence', e.value -> 'confidence', 'linked_at', e.value -> 'linked_at', 'evidence', e.value -> 'evidence') ORDER BY e.place), '[]') "
            "FROM jsonb_array_elements(g.graph -> 'edges') WITH ORDINALITY AS e (value, place)), "
            "'left_out', g.graph -> 'left_out', 'width', g.graph -> 'width', 'height', g.graph -> 'height') "
            "FROM (SELECT {v}.pulse_identity_graph('profile:' || $1::bigint, $2::bigint) AS graph OFFSET 0) AS g",
            {kPerson, kDepth}),
        image,
        StratumRoute(
            "GET", PULSE_CDP "/profiles/{id}/canonical-identity", Access::kRead,
            "The id that stands for a person, and why",
            "SELECT json_build_object('profile_id', c.profile_id::text, 'identifier_type', c.kind, 'value', c.value, 'priority', c.priority, "
            "'reason', c.reason) FROM {v}.pulse_canonical_identity('profile:' || $1::bigint) AS c",
            {kPerson}),
        StratumRoute(
            "GET", PULSE_CDP "/profiles/{id}/merge-history", Access::kRead, "The merges of a person",
            "SELECT coalesce(json_agg(m), '[]') FROM {v}.pulse_merge_history('profile:' || $1::bigint, 1000::bigint, NULL::bigint) AS m",
            {kPerson}),
        StratumRoute(
            "GET", PULSE_CDP "/profiles/{id}/segments", Access::kRead, "The segments that a person is in",
            "SELECT coalesce(json_agg(json_build_object('segment_id', n.id::text, 'name', s.segment, 'added_at', s.since)), '[]') "
            "FROM {v}.pulse_segments_of('profile:' || $1::bigint) AS s JOIN pulse.segment AS n ON n.name = s.segment",
            {kPerson}),
        StratumRoute(
            "POST", PULSE_CDP "/profiles/{id}/compute-traits", Access::kRead,
            "The values of a person's traits now",
            "SELECT coalesce(json_object_agg(t.key, t.value), '{}') FROM {v}.pulse_traits('profile:' || $1::bigint) AS t",
            {kPerson}),
        StratumRoute(
            "POST", PULSE_CDP "/profiles/merge", Access::kAdmin, "Merges two people",
            "SELECT json_build_object('merge_id', {v}.pulse_merge('profile:' || $1::bigint, 'profile:' || $2::bigint, $3::text)::text)",
            {{.name = "target_profile_id", .in = In::kBody, .type = Type::kId, .required = true},
             {.name = "source_profile_id", .in = In::kBody, .type = Type::kId, .required = true},
             {.name = "reason", .in = In::kBody, .fallback = "manual_merge"}}),
        StratumRoute(
            "GET", PULSE_CDP "/merge-history", Access::kRead, "The newest merges",
            "SELECT coalesce(json_agg(m), '[]') FROM {v}.pulse_merge_history(NULL::text, $1::bigint, $2::bigint) AS m",
            {{.name = "limit", .type = Type::kInteger, .fallback = "50", .least = 1, .most = 1000},
             {.name = "before", .type = Type::kId}}),
        StratumRoute(
            "GET", PULSE_CDP "/identity-links", Access::kRead, "What links the ids of a person",
            "SELECT coalesce(json_agg(l), '[]') FROM {v}.pulse_identity_links('profile:' || $1::bigint) AS l",
            {{.name = "profile_id", .type = Type::kId, .required = true}}),
    };
}

std::vector<Route> Events() {
    Route send = StratumRoute(
        "POST", PULSE_CDP "/events", Access::kSend, "Sends events: {\"events\": [...]}",
        "SELECT json_build_object('accepted', count(*) FILTER (WHERE i.status = 'accepted'), 'rejected', count(*) FILTER (WHERE i.status = 'rejected'), "
        "'duplicates', count(*) FILTER (WHERE i.status = 'duplicate'), 'results', json_agg(json_build_object('event_id', i.event_id::text, "
        "'status', i.status, 'profile_id', i.profile_id::text, 'error', i.detail) ORDER BY i.index)) "
        "FROM {v}.pulse_ingest(pulse.from_stratum($1::jsonb), $2::text) AS i",
        {{"events", In::kBody, Type::kJson, true}, {"source", In::kRequest}});
    send.status = 201;
    send.lane = Lane::kIngest;
    send.large = true;
    constexpr Parameter kDays{
        .name = "days", .type = Type::kInteger, .fallback = "30", .least = 1, .most = 1000};
    return {
        send,
        StratumRoute(
            "GET", PULSE_CDP "/events/statistics", Access::kRead, "The most frequent events of the last days",
            "SELECT json_build_object('days', $1::bigint, 'events', (SELECT coalesce(json_agg(s), '[]') FROM {v}.pulse_event_statistics($1::bigint, 100::bigint) AS s), "
            "'totals', (SELECT json_object_agg(t.figure, t.events) FROM {v}.pulse_event_totals() AS t))",
            {kDays}),
        StratumRoute(
            "GET", PULSE_CDP "/events/trends", Access::kRead, "The number of events of each of the last days",
            "SELECT coalesce(json_agg(json_build_object('date', t.day, 'count', t.events) ORDER BY t.day), '[]') FROM {v}.pulse_event_trend($1::bigint, $2::text) AS t",
            {kDays, {.name = "event_name", .synonym = "event"}}),
        StratumRoute(
            "GET", PULSE_CDP "/sources", Access::kRead, "Lists event sources",
            "SELECT coalesce(json_agg(json_build_object('id', s.name, 'name', s.name, 'source_type', s.kind, 'description', s.description, "
            "'event_count', s.accepted, 'duplicate_count', s.duplicates, 'rejected_count', s.rejected, 'last_event_at', s.last_event_at, 'created_at', s.created_at)), '[]') "
            "FROM {v}.pulse_list_event_sources() AS s"),
        StratumRoute(
            "POST", PULSE_CDP "/sources", Access::kAdmin,
            "Creates an event source with a key of its own, which has the rights of the calling key's role",
            "SELECT json_build_object('id', $1::text, 'name', $1::text, 'source_type', $2::text, 'source_key', "
            "{v}.pulse_create_event_source($1::text, current_user::text, $2::text, $3::text, NULL::timestamptz, $4::text[], NULL::bigint, NULL::text)), 201 AS status",
            {{"name", In::kBody, Type::kText, true},
             {.name = "source_type",
              .in = In::kBody,
              .fallback = "server",
              .synonym = "kind",
              .one_of = "website, server, sgtm, import, crm"},
             {"description", In::kBody},
             {"origins", In::kBody, Type::kTexts}}),
        StratumRoute("DELETE", PULSE_CDP "/sources/{name}", Access::kAdmin,
                     "Deletes an event source and revokes its keys",
                     "SELECT nullif({v}.pulse_delete_event_source($1::text)::text, ''), 204 AS status",
                     {{"name", In::kPath}}),
        StratumRoute(
            "GET", PULSE_CDP "/health", Access::kRead, "Whether events come in",
            "SELECT json_build_object('status', 'healthy', 'events', (SELECT json_object_agg(t.figure, t.events) FROM {v}.pulse_event_totals() AS t))"),
    };
}

}  // namespace

std::vector<Route> StratumRoutes() {
    std::vector<Route> routes = People();
    const std::vector<Route> events = Events();
    routes.insert(routes.end(), events.begin(), events.end());
    return routes;
}

}  // namespace pulse::web
