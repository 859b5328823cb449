// Routes of TinyCDP: decisions, the definitions of traits, segments and flags, and keys.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

#define PULSE_TRAIT                                                                            \
    "json_build_object('id', t.id, 'key', t.key, 'expression', t.expression, 'type', t.type, " \
    "'description', t.description, 'updated_at', t.updated_at)"
#define PULSE_LIVE_SEGMENT \
    "json_build_object('id', s.id, 'key', s.name, 'rule', s.definition ->> 'where', 'status', s.status, 'updated_at', s.updated_at)"
#define PULSE_FLAG                                                                                                               \
    "json_build_object('id', f.id, 'key', f.key, 'rule', coalesce(f.definition #>> '{rules,0,when}', f.definition ->> 'rule'), " \
    "'definition', f.definition, 'enabled', f.enabled, 'updated_at', f.updated_at)"

constexpr Parameter kNewKey{"key", In::kBody, Type::kText, true};

// A route of TinyCDP's; the rest of the fields follow.
Route Tiny(std::string_view method, std::string_view path, Access access, std::string_view summary,
           std::string_view sql, std::vector<Parameter> parameters = {}, std::string_view then = {}) {
    return {.method = method,
            .path = path,
            .family = Family::kTinyCdp,
            .access = access,
            .read_only = method == "GET",
            .summary = summary,
            .sql = sql,
            .parameters = std::move(parameters),
            .then = then};
}

std::vector<Route> Traits() {
    static constexpr std::string_view kOne =
        "SELECT json_build_object('trait', " PULSE_TRAIT ") FROM pulse.trait AS t WHERE t.key = $1::text";
    return {
        Tiny("GET", "/v1/admin/traits", Access::kRead, "Lists traits",
             "SELECT json_build_object('traits', coalesce(json_agg(" PULSE_TRAIT
             " ORDER BY t.key), '[]')) FROM pulse.trait AS t"),
        Tiny("POST", "/v1/admin/traits", Access::kAdmin, "Creates a trait",
             "SELECT $1::text, {v}.pulse_create_trait($1::text, $2::text, $3::text)",
             {kNewKey, {"expression", In::kBody, Type::kText, true}, {"description", In::kBody}}, kOne),
        Tiny("GET", "/v1/admin/traits/{key}", Access::kRead, "One trait", kOne, {kPathKey}),
        Tiny("PUT", "/v1/admin/traits/{key}", Access::kAdmin, "Changes a trait",
             "SELECT $1::text, {v}.pulse_update_trait($1::text, $2::text, $3::text)",
             {kPathKey, {"expression", In::kBody}, {"description", In::kBody}}, kOne),
        Tiny("DELETE", "/v1/admin/traits/{key}", Access::kAdmin, "Deletes a trait and its values",
             "SELECT '{}'::json, {v}.pulse_delete_trait($1::text)", {kPathKey}),
    };
}

std::vector<Route> LiveSegments() {
    static constexpr std::string_view kOne = "SELECT json_build_object('segment', " PULSE_LIVE_SEGMENT
                                             ") FROM pulse.segment AS s WHERE s.name = $1::text";
    return {
        Tiny("GET", "/v1/admin/segments", Access::kRead, "Lists segments over people",
             "SELECT json_build_object('segments', coalesce(json_agg(" PULSE_LIVE_SEGMENT
             " ORDER BY s.name), '[]')) "
             "FROM pulse.segment AS s WHERE s.kind = 'profile'"),
        Tiny(
            "POST", "/v1/admin/segments", Access::kAdmin, "Creates a segment over people",
            "SELECT $1::text, {v}.pulse_create_segment($1::text, jsonb_build_object('where', $2::text), NULL::text, $3::text, NULL::jsonb, NULL::text[], false)",
            {kNewKey, {"rule", In::kBody, Type::kText, true}, {"description", In::kBody}}, kOne),
        Tiny("GET", "/v1/admin/segments/{key}", Access::kRead, "One segment", kOne, {kPathKey}),
        Tiny(
            "PUT", "/v1/admin/segments/{key}", Access::kAdmin, "Changes a segment",
            "SELECT $1::text, {v}.pulse_update_segment($1::text, CASE WHEN $2::text IS NOT NULL THEN jsonb_build_object('where', $2::text) END, "
            "NULL::text, $3::text, NULL::jsonb, NULL::text[], NULL::text)",
            {kPathKey, {"rule", In::kBody}, {"description", In::kBody}}, kOne),
        Tiny("DELETE", "/v1/admin/segments/{key}", Access::kAdmin, "Deletes a segment and its members",
             "SELECT '{}'::json, {v}.pulse_delete_segment($1::text, true)", {kPathKey}),
    };
}

std::vector<Route> Flags() {
    static constexpr std::string_view kOne =
        "SELECT json_build_object('flag', " PULSE_FLAG ") FROM pulse.flag AS f WHERE f.key = $1::text";
    return {
        Tiny("GET", "/v1/admin/flags", Access::kRead, "Lists flags",
             "SELECT json_build_object('flags', coalesce(json_agg(" PULSE_FLAG
             " ORDER BY f.key), '[]')) FROM pulse.flag AS f "
             "WHERE f.archived_at IS NULL"),
        Tiny(
            "POST", "/v1/admin/flags", Access::kAdmin,
            "Creates a flag from a rule, or a full definition in JSON",
            "SELECT $1::text, {v}.pulse_create_flag($1::text, coalesce($2::text, $3::jsonb::text), $4::text)",
            {kNewKey,
             {"rule", In::kBody},
             {"definition", In::kBody, Type::kJson},
             {"description", In::kBody}},
            kOne),
        Tiny("GET", "/v1/admin/flags/{key}", Access::kRead, "One flag", kOne, {kPathKey}),
        Tiny(
            "PUT", "/v1/admin/flags/{key}", Access::kAdmin, "Changes a flag",
            "SELECT $1::text, {v}.pulse_update_flag($1::text, coalesce($2::text, $3::jsonb::text), $4::text, NULL::text), "
            "CASE $5::boolean WHEN true THEN {v}.pulse_enable_flag($1::text) WHEN false THEN {v}.pulse_disable_flag($1::text) END",
            {kPathKey,
             {"rule", In::kBody},
             {"definition", In::kBody, Type::kJson},
             {"description", In::kBody},
             {"enabled", In::kBody, Type::kBoolean}},
            kOne),
        Tiny("DELETE", "/v1/admin/flags/{key}", Access::kAdmin, "Deletes a flag",
             "SELECT '{}'::json, {v}.pulse_delete_flag($1::text)", {kPathKey}),
    };
}

std::vector<Route> Decisions() {
    std::vector<Route> routes{
        Tiny(
            "GET", "/v1/decide", Access::kDecide, "Decides a flag for a person, with the reasons",
            "SELECT json_build_object('allow', d.allow, 'variant', d.variant, 'value', d.value, 'userId', $1::text, 'flag', f.key, "
            "'reasons', CASE WHEN $3::text = 'public' THEN json_build_array(d.reason) ELSE (SELECT json_agg(r.reason) FROM "
            "(SELECT e.part || coalesce(' = ' || e.value, '') || coalesce(' (' || e.note || ')', '') AS reason "
            "FROM {v}.pulse_explain_decision($1::text, f.key, '{}'::jsonb) AS e WHERE e.part <> 'person') AS r) END) "
            "FROM pulse.flag AS f CROSS JOIN LATERAL {v}.pulse_decide($1::text, f.key, '{}'::jsonb) AS d "
            "WHERE f.key = $2::text AND ($3::text <> 'public' OR f.definition -> 'public' = 'true')",
            {{"userId", In::kQuery, Type::kText, true},
             {"flag", In::kQuery, Type::kText, true},
             {"kind", In::kRequest}}),
        Tiny("POST", "/v1/admin/validate", Access::kRead,
             "Checks a trait, segment or flag expression without saving it",
             "SELECT pulse.validate_expression($1::text, $2::text)",
             {{.name = "expression", .in = In::kBody, .required = true, .synonym = "rule"},
              {.name = "type", .in = In::kBody, .fallback = "segment", .one_of = "trait, segment, flag"}}),
        Tiny(
            "POST", "/v1/admin/keys", Access::kAdmin,
            "Creates an API key with the rights of the calling key's role",
            "SELECT json_build_object('id', n.name, 'key', {v}.pulse_create_api_key(n.name, $1::text, current_user::text, "
            "$3::timestamptz, $4::text[], $5::bigint, NULL::text), 'kind', $1::text) FROM (SELECT coalesce($2::text, $1::text || ' key of ' || "
            "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')) AS name OFFSET 0) AS n",
            {{.name = "kind", .in = In::kBody, .required = true, .one_of = "public, write, read, admin"},
             {"name", In::kBody},
             {"expires", In::kBody, Type::kTime},
             {"origins", In::kBody, Type::kTexts},
             {.name = "rate", .in = In::kBody, .type = Type::kInteger, .least = 1, .most = INT32_MAX}}),
    };
    routes[0].lane = Lane::kDecide;
    routes[1].read_only = true;
    return routes;
}

}  // namespace

std::vector<Route> DefinitionRoutes() {
    std::vector<Route> routes = Decisions();
    for (const auto& part : {Traits(), LiveSegments(), Flags()})
        routes.insert(routes.end(), part.begin(), part.end());
    return routes;
}

}  // namespace pulse::web
