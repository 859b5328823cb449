// Routes of Stratum's customer data platform: recency, frequency, monetary value, and lifecycle stages.
#include "pulse/web/routes.hpp"

namespace pulse::web {

#define PULSE_RFM_SUMMARY                                                                                       \
    "json_build_object('segments', coalesce(json_agg(json_build_object('segment', r.value, 'count', r.people, " \
    "'percentage', round(r.share * 100, 2), 'purchases', r.purchases, 'revenue', r.revenue, "                   \
    "'revenue_percentage', round(r.revenue_share * 100, 2), 'recommendation', r.advice)), '[]'), "              \
    "'coverage_percentage', round(max(r.coverage) * 100, 2))"

std::vector<Route> RfmRoutes() {
    return {
        StratumRoute("POST", PULSE_CDP "/rfm/compute", Access::kAdmin,
                     "Computes the quintiles of RFM again, unless the cuts are fixed or younger than a day",
                     "SELECT json_build_object('refreshed', {v}.pulse_refresh_rfm())"),
        StratumRoute("GET", PULSE_CDP "/rfm/summary", Access::kRead, "The RFM groups of all people",
                     "SELECT " PULSE_RFM_SUMMARY " FROM {v}.pulse_rfm($1::text) AS r",
                     {{.name = "by",
                       .fallback = "group",
                       .one_of = "group, recency, frequency, monetary, score, code"}}),
        StratumRoute(
            "GET", PULSE_CDP "/profiles/{id}/rfm", Access::kRead, "The RFM scores of one person",
            "SELECT json_build_object('profile_id', $1::bigint::text, 'recency_score', r.recency, 'frequency_score', r.frequency, "
            "'monetary_score', r.monetary, 'rfm_score', r.score, 'rfm_segment', r.\"group\", 'last_purchase_at', r.last_purchase_at, "
            "'purchases', r.purchases, 'revenue', r.revenue, 'valid_until', r.valid_until, 'version', r.version) "
            "FROM {v}.pulse_rfm_of('profile:' || $1::bigint) AS r",
            {kPathId}),
        StratumRoute("GET", PULSE_CDP "/lifecycle/stages", Access::kRead,
                     "How many people are in each lifecycle stage",
                     "SELECT coalesce(json_agg(s), '[]') FROM {v}.pulse_lifecycle_stages() AS s"),
        StratumRoute(
            "GET", PULSE_CDP "/lifecycle/transitions", Access::kRead,
            "How often people moved between lifecycle stages, in a period and week by week",
            "SELECT json_build_object('transitions', (SELECT coalesce(json_agg(t), '[]') FROM {v}.pulse_lifecycle($1::timestamptz, $2::timestamptz) AS t), "
            "'weeks', (SELECT coalesce(json_agg(w), '[]') FROM {v}.pulse_lifecycle_weeks($1::timestamptz, $2::timestamptz) AS w))",
            {kSince, kUntil}),
        StratumRoute(
            "GET", PULSE_CDP "/growth", Access::kRead,
            "Active, new, returning, resurrecting and dormant people of each day, week or month",
            "SELECT coalesce(json_agg(g), '[]') FROM {v}.pulse_growth($1::timestamptz, $2::timestamptz, $3::text) AS g",
            {kSince, kUntil, {.name = "period", .fallback = "week", .one_of = "day, week, month"}}),
    };
}

}  // namespace pulse::web
