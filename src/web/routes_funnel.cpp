// Routes of Stratum's customer data platform: funnels.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

#define PULSE_CDP_FUNNEL                                                                                      \
    "json_build_object('id', f.id::text, 'name', f.name, 'description', f.description, 'steps', "             \
    "(SELECT json_agg(json_build_object('step_name', coalesce(s.step ->> 'name', s.step ->> 'event', s.step " \
    "#>> '{}'), 'event_name', coalesce(s.step ->> 'event', s.step #>> '{}'), 'where', s.step -> 'where') "    \
    "ORDER BY s.n) FROM jsonb_array_elements(f.definition -> 'steps') WITH ORDINALITY AS s (step, n)), "      \
    "'definition', f.definition, 'version', f.version, 'created_by', f.created_by, 'created_at', "            \
    "f.created_at, 'updated_at', f.updated_at)"
// Figures of a funnel w (name), with its dates and breakdown as $2, $3 and $4. Rates are in percent, times in
// seconds.
#define PULSE_CDP_FUNNEL_FIGURES                                                                                           \
    "SELECT (SELECT json_build_object('funnel_id', w.id::text, 'name', w.name, 'computed_at', {v}.pulse_now(), "           \
    "'total_entered', sum(r.people) FILTER (WHERE r.step = 1), 'total_converted', sum(r.people) FILTER (WHERE r.last), "   \
    "'overall_conversion_rate', round((100.0 * sum(r.people) FILTER (WHERE r.last) / nullif(sum(r.people) "                \
    "FILTER (WHERE r.step = 1), 0))::numeric, 2), 'step_metrics', coalesce(json_agg(json_build_object("                    \
    "'value', r.value, 'step', r.step, 'step_name', r.name, 'count', r.people, 'conversion_rate', "                        \
    "round((100 * r.rate)::numeric, 2), 'conversion_rate_low', round((100 * r.rate_low)::numeric, 2), "                    \
    "'conversion_rate_high', round((100 * r.rate_high)::numeric, 2), 'step_conversion_rate', "                             \
    "round((100 * r.step_rate)::numeric, 2), 'drop_off_count', r.dropped, 'drop_off_rate', "                               \
    "round((100.0 * r.dropped / nullif(r.people, 0))::numeric, 2), 'waiting_count', r.waiting, "                           \
    "'median_time_seconds', extract(epoch FROM r.median)::float8, 'p90_time_seconds', "                                    \
    "extract(epoch FROM r.p90)::float8) ORDER BY r.n), '[]')) FROM (SELECT q.*, row_number() OVER () AS n, "               \
    "q.step = max(q.step) OVER () AS last FROM {v}.pulse_funnel(w.name, $2::timestamptz, $3::timestamptz, $4::text) AS q)" \
    " AS r) FROM {v}.pulse_list_funnels() AS w WHERE w.id = $1::bigint"

constexpr std::string_view kOneFunnel =
    "SELECT " PULSE_CDP_FUNNEL " FROM {v}.pulse_list_funnels() AS f WHERE f.id = $1::bigint";

// A definition of ours, or the parts of Stratum's.
const std::vector<Parameter> kFunnelParts = {
    {"definition", In::kBody, Type::kJson},
    {"steps", In::kBody, Type::kJson},
    {.name = "conversion_window_days", .in = In::kBody, .type = Type::kInteger, .least = 1, .most = 3650},
    {.name = "step_timeout_hours", .in = In::kBody, .type = Type::kInteger, .least = 1, .most = 87600}};

std::vector<Parameter> With(std::vector<Parameter> parameters, const std::vector<Parameter>& more) {
    parameters.insert(parameters.end(), more.begin(), more.end());
    return parameters;
}

}  // namespace

std::vector<Route> FunnelRoutes() {
    Route create = StratumRoute(
        "POST", PULSE_CDP "/funnels", Access::kAdmin,
        "Creates a funnel: {\"name\", \"steps\": [{\"step_name\", \"event_name\", \"conditions\"}], "
        "\"conversion_window_days\", \"step_timeout_hours\"}, or with \"definition\" of pulse_create_funnel()",
        "SELECT {v}.pulse_create_funnel($1::text, coalesce($3::jsonb, '{}') || jsonb_strip_nulls(jsonb_build_object('steps', $4::jsonb, "
        "'conversion_window_days', $5::bigint, 'step_timeout_hours', $6::bigint)), $2::text)::text",
        With({{"name", In::kBody, Type::kText, true}, {"description", In::kBody}}, kFunnelParts), kOneFunnel);
    create.status = 201;
    return {
        StratumRoute("GET", PULSE_CDP "/funnels", Access::kRead, "Lists funnels",
                     "SELECT coalesce(json_agg(" PULSE_CDP_FUNNEL
                     " ORDER BY f.name), '[]') FROM {v}.pulse_list_funnels() AS f"),
        create,
        StratumRoute("GET", PULSE_CDP "/funnels/{id}", Access::kRead, "One funnel", kOneFunnel, {kPathId}),
        StratumRoute(
            "PATCH", PULSE_CDP "/funnels/{id}", Access::kAdmin, "Changes a funnel; what is left out stays",
            "SELECT f.id::text, {v}.pulse_update_funnel(f.name, CASE WHEN $4::jsonb IS NOT NULL OR $5::jsonb IS NOT NULL OR $6::bigint IS NOT NULL "
            "OR $7::bigint IS NOT NULL THEN coalesce($4::jsonb, f.definition) || jsonb_strip_nulls(jsonb_build_object('steps', $5::jsonb, "
            "'conversion_window_days', $6::bigint, 'step_timeout_hours', $7::bigint)) END, $3::text, $2::text) "
            "FROM {v}.pulse_list_funnels() AS f WHERE f.id = $1::bigint",
            With({kPathId, {"name", In::kBody}, {"description", In::kBody}}, kFunnelParts), kOneFunnel),
        StratumRoute(
            "DELETE", PULSE_CDP "/funnels/{id}", Access::kAdmin, "Deletes a funnel with its versions",
            "SELECT nullif({v}.pulse_delete_funnel(f.name)::text, '') FROM {v}.pulse_list_funnels() AS f WHERE f.id = $1::bigint",
            {kPathId}),
        StratumRoute("POST", PULSE_CDP "/funnels/{id}/compute", Access::kRead, "The figures of a funnel now",
                     PULSE_CDP_FUNNEL_FIGURES,
                     {kPathId,
                      {.name = "since", .in = In::kBody, .type = Type::kTime, .synonym = "start_date"},
                      {.name = "until", .in = In::kBody, .type = Type::kTime, .synonym = "end_date"},
                      {"by", In::kBody}}),
        StratumRoute("POST", PULSE_CDP "/funnels/{id}/analyze", Access::kRead,
                     "The figures of a funnel between two dates, divided by a value of people or events",
                     PULSE_CDP_FUNNEL_FIGURES,
                     {kPathId,
                      {.name = "since", .in = In::kBody, .type = Type::kTime, .synonym = "start_date"},
                      {.name = "until", .in = In::kBody, .type = Type::kTime, .synonym = "end_date"},
                      {"by", In::kBody}}),
        StratumRoute(
            "GET", PULSE_CDP "/funnels/{id}/drop-offs/{step}", Access::kRead,
            "People who took a step and no further one",
            "SELECT (SELECT json_build_object('funnel_id', w.id::text, 'step', $2::bigint, 'profiles', coalesce(json_agg(json_build_object("
            "'profile_id', p.profile_id::text, 'external_id', p.user_id, 'entered_at', p.entered_at, 'dropped_at', p.reached_at) ORDER BY p.profile_id), '[]'), "
            "'next', CASE WHEN count(*) = $3::bigint THEN max(p.profile_id)::text END) "
            "FROM {v}.pulse_funnel_people(w.name, $2::bigint, true, NULL::timestamptz, NULL::timestamptz, NULL::text, NULL::text, $3::bigint, $4::bigint) AS p) "
            "FROM {v}.pulse_list_funnels() AS w WHERE w.id = $1::bigint",
            {kPathId,
             {"step", In::kPath, Type::kId},
             {.name = "limit", .type = Type::kInteger, .fallback = "100", .least = 1, .most = 10000},
             {.name = "after", .type = Type::kId}}),
        StratumRoute(
            "GET", PULSE_CDP "/profiles/{id}/funnels", Access::kRead, "The funnels that a person entered",
            "SELECT coalesce(json_agg(json_build_object('funnel_name', o.funnel, 'current_step', o.reached, 'total_steps', o.steps, 'entered_at', o.entered_at, "
            "'last_step_at', o.reached_at, 'is_converted', o.converted, 'can_continue', o.waiting)), '[]') FROM {v}.pulse_funnels_of('profile:' || $1::bigint) AS o",
            {{"id", In::kPath, Type::kId}}),
    };
}

}  // namespace pulse::web
