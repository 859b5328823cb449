// Routes about people over time: retention, stickiness, paths, experiments.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

std::vector<Route> Behaviour() {
    return {
        PulseRoute(
            "GET", "/v1/retention", Access::kRead, "How many people of each cohort come back",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'cohorts', coalesce((SELECT json_agg(json_build_object('value', c.value, 'cohort', c.cohort, 'people', c.people, 'periods', c.periods) "
            "ORDER BY c.value NULLS LAST, c.cohort) FROM (SELECT r.value, r.cohort, r.people, json_agg(json_build_object('after', r.after, 'returned', r.returned, "
            "'share', r.share, 'complete', r.complete) ORDER BY r.after) AS periods FROM {v}.pulse_retention($1::text, $2::text, $3::text, $4::bigint, $5::text, "
            "$6::boolean, $7::timestamptz, $8::timestamptz, $9::text, $10::text, $11::text, $12::text) AS r GROUP BY r.value, r.cohort, r.people) AS c), '[]'))",
            {{"first"},
             {"again"},
             {.name = "period", .fallback = "week", .one_of = "day, week, month"},
             {.name = "periods", .type = Type::kInteger, .fallback = "12", .least = 0, .most = 400},
             {.name = "mode", .fallback = "exact", .one_of = "exact, unbounded"},
             {.name = "recurring", .type = Type::kBoolean, .fallback = "false"},
             kSince,
             kUntil,
             {"time_zone"},
             {"by"},
             {"first_where"},
             {"again_where"}}),
        PulseRoute(
            "GET", "/v1/stickiness", Access::kRead, "On how many days of a week or month people are active",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'periods', coalesce((SELECT json_agg(json_build_object('begins', p.begins, 'active', p.active, 'daily_active', p.daily_active, "
            "'stickiness', p.stickiness, 'complete', p.complete, 'days', p.counts) ORDER BY p.begins) FROM (SELECT s.begins, s.active, s.daily_active, s.stickiness, "
            "s.complete, json_agg(json_build_object('days', s.days, 'people', s.people, 'share', s.share) ORDER BY s.days) AS counts "
            "FROM {v}.pulse_stickiness($1::text, $2::text, $3::timestamptz, $4::timestamptz, $5::text, $6::text) AS s GROUP BY 1, 2, 3, 4, 5) AS p), '[]'))",
            {{"event"},
             {.name = "period", .fallback = "month", .one_of = "week, month"},
             kSince,
             kUntil,
             {"time_zone"},
             {"event_where"}}),
        PulseRoute(
            "GET", "/v1/paths", Access::kRead, "What people do after an event, or before it",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'steps', coalesce((SELECT json_agg(to_json(p)) FROM {v}.pulse_paths($1::text, $2::text, $3::bigint, $4::bigint, $5::timestamptz, "
            "$6::timestamptz, $7::text::interval, string_to_array($8::text, ','), $9::text) AS p), '[]'))",
            {{.name = "event", .required = true},
             {.name = "direction", .fallback = "next", .one_of = "next, previous"},
             {.name = "depth", .type = Type::kInteger, .fallback = "3", .least = 1, .most = 10},
             {.name = "top", .type = Type::kInteger, .fallback = "5", .least = 1, .most = 100},
             kSince,
             kUntil,
             {.name = "session_gap", .fallback = "30 minutes"},
             {"ignored"},
             {"event_where"}}),
    };
}

std::vector<Route> Experiments() {
    static constexpr std::string_view kExperiment =
        "SELECT {v}.pulse_experiment($1::text, $2::text, $3::timestamptz, $4::timestamptz, $5::text, $6::jsonb, $7::jsonb, $8::double precision, $9::bigint) "
        "|| jsonb_build_object('asOf', {v}.pulse_now())";
    return {PulseRoute("GET", "/v1/experiments/{flag}", Access::kRead,
                       "Compares the variants of a flag by a metric", kExperiment,
                       {{"flag", In::kPath},
                        {.name = "metric", .required = true},
                        kSince,
                        kUntil,
                        {"control"},
                        {.name = "guardrails", .type = Type::kJson, .fallback = "[]"},
                        {.name = "split", .type = Type::kJson},
                        {.name = "confidence", .type = Type::kNumber, .fallback = "0.95"},
                        {.name = "least_people", .type = Type::kInteger, .fallback = "100", .least = 2}})};
}

}  // namespace

std::vector<Route> InsightRoutes() {
    std::vector<Route> routes = Behaviour();
    const std::vector<Route> experiments = Experiments();
    routes.insert(routes.end(), experiments.begin(), experiments.end());
    return routes;
}

}  // namespace pulse::web
