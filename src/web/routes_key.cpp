// Routes of API keys. What they do needs the level admin.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

constexpr Parameter kKeyName{"name", In::kPath};

#define PULSE_KEY                                                                                                \
    "json_build_object('name', k.name, 'status', k.status, 'kind', k.kind, 'role', k.role, 'source', k.source, " \
    "'prefixes', k.prefixes, 'origins', k.origins, 'rate', k.rate, 'createdBy', k.created_by, 'createdAt', "     \
    "k.created_at, 'rotatedAt', k.rotated_at, 'expiresAt', k.expires_at, 'revokedAt', k.revoked_at, "            \
    "'lastUsedAt', k.last_used_at, 'requests', k.requests, 'refusals', k.refusals)"

constexpr std::string_view kOneKey = "SELECT json_build_object('asOf', {v}.pulse_now(), 'key', " PULSE_KEY
                                     ") FROM {v}.pulse_list_api_keys() AS k WHERE k.name = $1::text";

}  // namespace

std::vector<Route> KeyRoutes() {
    Route create = PulseRoute(
        "POST", "/v1/keys", Access::kAdmin,
        "Creates an API key for a role, by default that of the calling key; its text is answered this once",
        "SELECT json_build_object('asOf', {v}.pulse_now(), 'name', $1::text, 'key', {v}.pulse_create_api_key($1::text, $2::text, "
        "coalesce($3::text, current_user::text), $4::timestamptz, $5::text[], $6::bigint, NULL::text))",
        {{"name", In::kBody, Type::kText, true},
         {.name = "kind", .in = In::kBody, .required = true, .one_of = "public, write, read, admin"},
         {"role", In::kBody},
         {"expires", In::kBody, Type::kTime},
         {"origins", In::kBody, Type::kTexts},
         {.name = "rate", .in = In::kBody, .type = Type::kInteger, .least = 1, .most = INT32_MAX}});
    create.status = 201;
    return {
        PulseRoute(
            "GET", "/v1/keys", Access::kAdmin, "A page of API keys by name, without their texts",
            PULSE_PAGE_BY_NAME("keys", "k.name COLLATE \"C\"", PULSE_KEY, "{v}.pulse_list_api_keys() AS k"),
            {kAfterName, kNamesOfPage}),
        create,
        PulseRoute("GET", "/v1/keys/{name}", Access::kAdmin, "One API key, without its text", kOneKey,
                   {kKeyName}),
        PulseRoute(
            "GET", "/v1/keys/{name}/usage", Access::kAdmin,
            "Requests and refusals of an API key by day, the newest first; before is the day to go on from",
            "SELECT (SELECT json_build_object('asOf', {v}.pulse_now(), 'days', coalesce(json_agg(json_build_object('day', u.day, 'requests', u.requests, "
            "'refusals', u.refusals, 'lastUsedAt', u.last_used_at) ORDER BY u.day DESC), '[]'), 'next', CASE WHEN count(*) = $3::bigint THEN min(u.day) END) "
            "FROM (SELECT * FROM pulse.api_key_usage AS n WHERE n.key_id = k.id AND n.day < coalesce(($2::timestamptz AT TIME ZONE 'UTC')::date, 'infinity') "
            "ORDER BY n.day DESC LIMIT $3::bigint) AS u) FROM pulse.api_key AS k WHERE k.name = $1::text",
            {kKeyName,
             {.name = "before", .type = Type::kTime},
             {.name = "limit", .type = Type::kInteger, .fallback = "30", .least = 1, .most = 366}}),
        PulseRoute("POST", "/v1/keys/{name}/revoke", Access::kAdmin, "Ends an API key for good",
                   "SELECT $1::text, {v}.pulse_revoke_api_key($1::text)", {kKeyName}, kOneKey),
        PulseRoute(
            "POST", "/v1/keys/{name}/rotate", Access::kAdmin,
            "Gives an API key a new text, which is answered this once; the old one works until keep has passed",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'name', $1::text, 'key', {v}.pulse_rotate_api_key($1::text, $2::interval, NULL::timestamptz))",
            {kKeyName, {.name = "keep", .in = In::kBody, .fallback = "1 day"}}),
    };
}

}  // namespace pulse::web
