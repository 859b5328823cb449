// Routes for looking at people over time: RFM, lifecycle stages and funnels. What is switched off says so.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

constexpr Parameter kFunnelName{"name", In::kPath};

#define PULSE_NEWEST(table) \
    "(SELECT v.* FROM pulse." table " AS v WHERE v.at <= {v}.pulse_now() ORDER BY v.version DESC LIMIT 1)"

std::vector<Route> Groups() {
    return {
        PulseRoute(
            "GET", "/v1/rfm", Access::kRead,
            "People by recency, frequency and monetary value: their groups, or the 125 codes",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'on', coalesce(s.enabled, false), 'event', s.event, 'property', s.property, 'windowDays', "
            "s.window_days, 'cuts', s.cuts, 'recency', s.recency, 'frequency', s.frequency, 'monetary', s.monetary, 'version', s.version, "
            "'rows', CASE WHEN s.enabled THEN (SELECT coalesce(json_agg(json_build_object('value', r.value, 'group', (SELECT g.\"group\" FROM {v}.pulse_rfm_groups(s.groups) AS g "
            "WHERE $1::text = 'code' AND g.code::text = r.value), 'people', r.people, 'share', r.share, 'purchases', r.purchases, 'revenue', r.revenue, 'revenueShare', "
            "r.revenue_share, 'advice', r.advice, 'coverage', r.coverage)), '[]') FROM {v}.pulse_rfm($1::text) AS r) ELSE '[]' END) "
            "FROM (SELECT 1) AS one LEFT JOIN " PULSE_NEWEST("rfm_version") " AS s ON true",
            {{.name = "by",
              .fallback = "group",
              .one_of = "group, recency, frequency, monetary, score, code"}}),
        PulseRoute(
            "POST", "/v1/rfm", Access::kAdmin, "Switches RFM on, or changes its settings",
            "SELECT json_build_object('version', {v}.pulse_enable_rfm($1::text, $2::text, $3::bigint, NULL::jsonb, NULL::text))",
            {{"event", In::kBody},
             {"property", In::kBody},
             {.name = "windowDays", .in = In::kBody, .type = Type::kInteger, .least = 30, .most = 1095}}),
        PulseRoute(
            "GET", "/v1/lifecycle", Access::kRead,
            "How many people are in each lifecycle stage, and how many moved between them, in a period and by week",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'on', coalesce(s.enabled, false), 'purchaseEvents', s.purchase_events, 'inactiveDays', s.inactive_days, "
            "'known', s.known, 'stages', CASE WHEN s.enabled THEN (SELECT coalesce(json_agg(json_build_object('stage', g.stage, 'people', g.people, 'share', g.share)), '[]') "
            "FROM {v}.pulse_lifecycle_stages() AS g) ELSE '[]' END, 'moves', CASE WHEN s.enabled THEN (SELECT coalesce(json_agg(json_build_object('from', t.from_stage, 'to', "
            "t.to_stage, 'kind', t.kind, 'changes', t.changes, 'before', t.changes_before, 'trend', t.trend)), '[]') FROM {v}.pulse_lifecycle($1::timestamptz, $2::timestamptz) AS t) "
            "ELSE '[]' END, 'weeks', CASE WHEN s.enabled THEN (SELECT coalesce(json_agg(json_build_object('week', w.week, 'from', w.from_stage, 'to', w.to_stage, 'changes', "
            "w.changes)), '[]') FROM {v}.pulse_lifecycle_weeks(NULL::timestamptz, $2::timestamptz) AS w) ELSE '[]' END) FROM (SELECT 1) AS one LEFT JOIN " PULSE_NEWEST(
                "lifecycle_version") " AS s ON true",
            {kSince, kUntil}),
        PulseRoute(
            "POST", "/v1/lifecycle", Access::kAdmin,
            "Switches lifecycle stages on, or changes their settings",
            "SELECT json_build_object('version', {v}.pulse_enable_lifecycle($1::text[], $2::bigint, $3::text))",
            {{"purchaseEvents", In::kBody, Type::kTexts},
             {.name = "inactiveDays", .in = In::kBody, .type = Type::kInteger, .least = 1, .most = 3650},
             {"known", In::kBody}}),
    };
}

std::vector<Route> FunnelViews() {
    return {
        PulseRoute(
            "GET", "/v1/funnels", Access::kRead, "Saved funnels by name",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'funnels', coalesce(json_agg(json_build_object('id', f.id::text, 'name', f.name, 'description', "
            "f.description, 'definition', f.definition, 'version', f.version, 'monitored', f.monitored, 'createdBy', f.created_by, 'updatedAt', f.updated_at) "
            "ORDER BY f.name), '[]')) FROM {v}.pulse_list_funnels() AS f"),
        PulseRoute(
            "GET", "/v1/funnels/{name}", Access::kRead,
            "The steps of a funnel: people, rates with their intervals, times, who dropped off or may still go on",
            "SELECT (SELECT json_build_object('asOf', {v}.pulse_now(), 'id', f.id::text, 'name', f.name, 'description', f.description, 'definition', f.definition, "
            "'version', f.version, 'steps', coalesce(json_agg(json_build_object('value', q.value, 'step', q.step, 'name', q.name, 'people', q.people, 'rate', q.rate, "
            "'low', q.rate_low, 'high', q.rate_high, 'stepRate', q.step_rate, 'medianSeconds', extract(epoch FROM q.median)::float8, 'p90Seconds', "
            "extract(epoch FROM q.p90)::float8, 'dropped', q.dropped, 'waiting', q.waiting)), '[]')) "
            "FROM {v}.pulse_funnel(f.name, $2::timestamptz, $3::timestamptz, $4::text) AS q) FROM {v}.pulse_list_funnels() AS f WHERE f.name = $1::text",
            {kFunnelName, kSince, kUntil, {"by"}}),
        PulseRoute(
            "GET", "/v1/funnels/{name}/people", Access::kRead,
            "People who reached a step of a funnel, or with dropped went no further",
            "SELECT (SELECT json_build_object('asOf', {v}.pulse_now(), 'people', coalesce(json_agg(json_build_object('profileId', p.profile_id::text, 'userId', p.user_id, "
            "'breakdown', p.breakdown, 'reached', p.reached, 'waiting', p.waiting, 'enteredAt', p.entered_at, 'reachedAt', p.reached_at) ORDER BY p.profile_id), '[]'), "
            "'next', CASE WHEN count(*) = $9::bigint THEN max(p.profile_id)::text END) FROM {v}.pulse_funnel_people(f.name, $2::bigint, $3::boolean, $4::timestamptz, "
            "$5::timestamptz, $6::text, $7::text, $9::bigint, $8::bigint) AS p) FROM {v}.pulse_list_funnels() AS f WHERE f.name = $1::text",
            {kFunnelName,
             {.name = "step", .type = Type::kInteger, .required = true, .least = 1, .most = 20},
             {.name = "dropped", .type = Type::kBoolean, .fallback = "false"},
             kSince,
             kUntil,
             {"by"},
             {"value"},
             {.name = "after", .type = Type::kId},
             {.name = "limit", .type = Type::kInteger, .fallback = "50", .least = 1, .most = 1000}}),
    };
}

}  // namespace

std::vector<Route> InsightViewRoutes() {
    std::vector<Route> routes = Groups();
    const std::vector<Route> funnels = FunnelViews();
    routes.insert(routes.end(), funnels.begin(), funnels.end());
    return routes;
}

}  // namespace pulse::web
