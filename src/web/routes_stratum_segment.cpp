// Routes of Stratum's customer data platform: segments, traits and webhooks.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

#define PULSE_CDP_SEGMENT                                                                                         \
    "json_build_object('id', s.id::text, 'name', s.name, 'description', s.description, 'tags', s.tags, "          \
    "'segment_type', CASE WHEN s.definition ? 'static' THEN 'static' ELSE 'dynamic' END, 'rules', s.definition, " \
    "'status', s.status, 'profile_count', t.members, "                                                            \
    "'created_at', s.created_at, 'updated_at', s.updated_at)"
#define PULSE_CDP_TRAIT                                                                                      \
    "json_build_object('id', t.id::text, 'name', t.key, 'expression', t.expression, 'output_type', t.type, " \
    "'description', t.description, 'created_at', t.created_at, 'updated_at', t.updated_at)"
// The URL may contain a secret, so no answer shows it.
#define PULSE_WEBHOOK                                                                                    \
    "json_build_object('id', u.channel, 'name', u.channel, 'events', u.events, 'segments', u.segments, " \
    "'failures', h.failures, 'state', h.state, 'created_at', u.created_at)"

Route Making(Route route) {
    route.status = 201;
    return route;
}

// The numbers of all members are counted once, not for each segment.
#define PULSE_CDP_SEGMENTS \
    "FROM pulse.segment AS s LEFT JOIN {v}.pulse_segment_statistics() AS t ON t.segment = s.name "

constexpr std::string_view kOneCdpSegment =
    "SELECT " PULSE_CDP_SEGMENT " " PULSE_CDP_SEGMENTS "WHERE s.id = $1::bigint AND s.kind = 'profile'";

std::vector<Route> CdpSegments() {
    return {
        StratumRoute("GET", PULSE_CDP "/segments", Access::kRead, "Lists segments over people",
                     "SELECT coalesce(json_agg(" PULSE_CDP_SEGMENT
                     " ORDER BY s.name), '[]') " PULSE_CDP_SEGMENTS "WHERE s.kind = 'profile'"),
        Making(StratumRoute(
            "POST", PULSE_CDP "/segments", Access::kAdmin,
            "Creates a segment: dynamic, by rules, or static, with members added by hand",
            "SELECT {v}.pulse_create_segment($1::text, CASE WHEN $3::text = 'static' THEN '{\"static\": true}' ELSE coalesce($2::jsonb, '{}') END, "
            "NULL::text, $4::text, NULL::jsonb, $5::text[], $6::boolean)::text",
            {{"name", In::kBody, Type::kText, true},
             {"rules", In::kBody, Type::kJson},
             {.name = "segment_type",
              .in = In::kBody,
              .fallback = "dynamic",
              .one_of = "static, dynamic, computed"},
             {"description", In::kBody},
             {"tags", In::kBody, Type::kTexts},
             {.name = "draft", .in = In::kBody, .type = Type::kBoolean, .fallback = "false"}},
            kOneCdpSegment)),
        StratumRoute(
            "POST", PULSE_CDP "/segments/preview", Access::kRead,
            "How many people rules match, and some of them",
            "SELECT json_build_object('estimated_count', max(p.members) FILTER (WHERE p.part = 'size'), 'sample', "
            "coalesce(json_agg(p.item) FILTER (WHERE p.part = 'member'), '[]')) FROM {v}.pulse_preview_segment($1::jsonb, $2::bigint) AS p",
            {{"rules", In::kBody, Type::kJson, true},
             {.name = "limit",
              .in = In::kBody,
              .type = Type::kInteger,
              .fallback = "10",
              .least = 0,
              .most = 500}}),
        StratumRoute("GET", PULSE_CDP "/segments/{id}", Access::kRead, "One segment", kOneCdpSegment,
                     {kPathId}),
        StratumRoute(
            "PATCH", PULSE_CDP "/segments/{id}", Access::kAdmin, "Changes a segment; what is left out stays",
            "SELECT s.id::text, {v}.pulse_update_segment(s.name, $3::jsonb, NULL::text, $4::text, NULL::jsonb, $5::text[], $2::text), "
            "CASE WHEN $6::text = 'active' AND s.status = 'draft' THEN {v}.pulse_publish_segment(coalesce($2::text, s.name))::text "
            "WHEN $6::text = 'active' AND s.status <> 'active' THEN {v}.pulse_resume_segment(coalesce($2::text, s.name))::text "
            "WHEN $6::text = 'archived' THEN {v}.pulse_archive_segment(coalesce($2::text, s.name))::text END "
            "FROM pulse.segment AS s WHERE s.id = $1::bigint AND s.kind = 'profile'",
            {kPathId,
             {"name", In::kBody},
             {"rules", In::kBody, Type::kJson},
             {"description", In::kBody},
             {"tags", In::kBody, Type::kTexts},
             {.name = "status", .in = In::kBody, .one_of = "active, archived"}},
            kOneCdpSegment),
        StratumRoute(
            "DELETE", PULSE_CDP "/segments/{id}", Access::kAdmin, "Deletes a segment with its history",
            "SELECT nullif({v}.pulse_delete_segment(s.name, true)::text, '') FROM pulse.segment AS s WHERE s.id = $1::bigint AND s.kind = 'profile'",
            {kPathId}),
        StratumRoute(
            "POST", PULSE_CDP "/segments/{id}/compute", Access::kAdmin,
            "Evaluates who is waiting, and counts the members",
            "SELECT json_build_object('segment_id', s.id::text, 'status', r.status, 'profile_count', r.members, 'computed_at', r.refreshed_at) "
            "FROM pulse.segment AS s CROSS JOIN LATERAL {v}.pulse_refresh_segment(s.name) AS r WHERE s.id = $1::bigint AND s.kind = 'profile'",
            {kPathId}),
        StratumRoute(
            "GET", PULSE_CDP "/segments/{id}/profiles", Access::kRead, "A page of the members",
            "SELECT (SELECT json_build_object('profiles', coalesce(json_agg(json_build_object('id', m.profile_id::text, 'external_id', m.user_id, 'added_at', m.since) "
            "ORDER BY m.profile_id), '[]'), 'next', CASE WHEN count(*) = $2::bigint THEN max(m.profile_id)::text END) "
            "FROM {v}.pulse_segment_members(s.name, $2::bigint, $3::text) AS m) FROM pulse.segment AS s WHERE s.id = $1::bigint AND s.kind = 'profile'",
            {kPathId,
             {.name = "limit", .type = Type::kInteger, .fallback = "100", .least = 1, .most = 10000},
             {"after"}}),
        StratumRoute(
            "POST", PULSE_CDP "/segments/{id}/profiles/{profile_id}", Access::kAdmin,
            "Adds a person to a static segment",
            "SELECT (SELECT json_agg(json_build_object('profile_id', a.profile_id::text, 'result', a.result)) -> 0 FROM "
            "{v}.pulse_add_to_segment(s.name, ARRAY['profile:' || $2::bigint]) AS a) FROM pulse.segment AS s WHERE s.id = $1::bigint",
            {kPathId, {"profile_id", In::kPath, Type::kId}}),
        StratumRoute(
            "DELETE", PULSE_CDP "/segments/{id}/profiles/{profile_id}", Access::kAdmin,
            "Removes a person from a static segment",
            "SELECT NULL::json, (SELECT count(*) FROM {v}.pulse_remove_from_segment(s.name, ARRAY['profile:' || $2::bigint])) "
            "FROM pulse.segment AS s WHERE s.id = $1::bigint",
            {kPathId, {"profile_id", In::kPath, Type::kId}}),
    };
}

constexpr std::string_view kOneCdpTrait =
    "SELECT " PULSE_CDP_TRAIT " FROM pulse.trait AS t WHERE t.id = $1::bigint";

std::vector<Route> CdpTraits() {
    return {
        StratumRoute("GET", PULSE_CDP "/traits", Access::kRead, "Lists traits",
                     "SELECT coalesce(json_agg(" PULSE_CDP_TRAIT
                     " ORDER BY t.key), '[]') FROM pulse.trait AS t"),
        Making(StratumRoute(
            "POST", PULSE_CDP "/traits", Access::kAdmin,
            "Creates a trait from an expression, or from a kind and its settings",
            "SELECT {v}.pulse_create_trait($1::text, coalesce($2::text, (jsonb_build_object('function', $4::text) || coalesce((SELECT jsonb_object_agg("
            "CASE c.key WHEN 'event_name' THEN 'event' WHEN 'time_window_days' THEN 'window_days' ELSE c.key END, c.value) "
            "FROM jsonb_each($5::jsonb) AS c), '{}'))::text), $3::text)::text",
            {{"name", In::kBody, Type::kText, true},
             {"expression", In::kBody},
             {"description", In::kBody},
             {.name = "trait_type", .in = In::kBody, .synonym = "kind"},
             {"config", In::kBody, Type::kJson}},
            kOneCdpTrait)),
        StratumRoute("POST", PULSE_CDP "/traits/compute", Access::kAdmin, "Evaluates who is waiting for it",
                     "SELECT json_build_object('processed', {v}.pulse_run_pipeline())"),
        StratumRoute("GET", PULSE_CDP "/traits/{id}", Access::kRead, "One trait", kOneCdpTrait, {kPathId}),
        StratumRoute(
            "DELETE", PULSE_CDP "/traits/{id}", Access::kAdmin, "Deletes a trait and its values",
            "SELECT nullif({v}.pulse_delete_trait(t.key)::text, '') FROM pulse.trait AS t WHERE t.id = $1::bigint",
            {kPathId}),
    };
}

#define PULSE_WEBHOOKS "FROM pulse.subscription AS u LEFT JOIN pulse.channel AS h ON h.name = u.channel "
constexpr std::string_view kOneWebhook =
    "SELECT " PULSE_WEBHOOK " " PULSE_WEBHOOKS "WHERE u.channel = $1::text";

std::vector<Route> Webhooks() {
    return {
        StratumRoute("GET", PULSE_CDP "/webhooks", Access::kRead, "Lists subscriptions",
                     "SELECT coalesce(json_agg(" PULSE_WEBHOOK " ORDER BY u.channel), '[]') " PULSE_WEBHOOKS),
        Making(StratumRoute(
            "POST", PULSE_CDP "/webhooks", Access::kAdmin,
            "Sends events to a URL; the secret that signs them is shown only here",
            "SELECT json_build_object('id', w.subscription, 'name', w.subscription, 'url', $1::text, 'secret', w.secret) "
            "FROM {v}.pulse_subscribe($1::text, $2::text[], $3::text, $4::text, $5::text[], $6::text) AS w",
            {{"url", In::kBody, Type::kText, true},
             {.name = "events", .in = In::kBody, .type = Type::kTexts, .synonym = "event_types"},
             {"secret", In::kBody},
             {"name", In::kBody},
             {"segments", In::kBody, Type::kTexts},
             {"signature", In::kBody}})),
        StratumRoute("GET", PULSE_CDP "/webhooks/{id}", Access::kRead, "One subscription", kOneWebhook,
                     {{"id", In::kPath}}),
        StratumRoute(
            "PATCH", PULSE_CDP "/webhooks/{id}", Access::kAdmin,
            "Changes where a subscription sends to, and what; what is left out stays",
            "SELECT $1::text, {v}.pulse_update_subscription($1::text, $2::text, $3::text[], $4::text[], $5::boolean)",
            {{"id", In::kPath},
             {"url", In::kBody},
             {.name = "events", .in = In::kBody, .type = Type::kTexts, .synonym = "event_types"},
             {"segments", In::kBody, Type::kTexts},
             {.name = "is_active", .in = In::kBody, .type = Type::kBoolean, .synonym = "enabled"}},
            kOneWebhook),
        StratumRoute("DELETE", PULSE_CDP "/webhooks/{id}", Access::kAdmin, "Ends a subscription",
                     "SELECT nullif({v}.pulse_unsubscribe($1::text)::text, '')", {{"id", In::kPath}}),
        StratumRoute(
            "POST", PULSE_CDP "/webhooks/{id}/test", Access::kAdmin,
            "Sends a message marked as a test, and says what came back",
            "SELECT json_build_object('success', t.status = 'ok', 'status', t.status, 'status_code', t.answer_status, 'hint', t.hint) "
            "FROM {v}.pulse_test_channel($1::text) AS t",
            {{"id", In::kPath}}),
        StratumRoute(
            "POST", PULSE_CDP "/webhooks/{id}/rotate-secret", Access::kAdmin,
            "Gives a subscription a new secret; the old one stays valid for a day, or as long as keep says",
            "SELECT json_build_object('id', $1::text, 'secret', {v}.pulse_rotate_subscription_secret($1::text, $2::text::interval))",
            {{"id", In::kPath}, {.name = "keep", .in = In::kBody, .fallback = "1 day"}}),
    };
}

}  // namespace

std::vector<Route> StratumSegmentRoutes() {
    std::vector<Route> routes = CdpSegments();
    for (const auto& part : {CdpTraits(), Webhooks()}) routes.insert(routes.end(), part.begin(), part.end());
    return routes;
}

}  // namespace pulse::web
