// Routes for what a person sees first: the state of Pulse, and all segments at a glance.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

// The newest 30 sizes of a segment, oldest first.
#define PULSE_SIZES                                                                                             \
    "(SELECT coalesce(json_agg(json_build_array(z.taken_at, z.size) ORDER BY z.taken_at), '[]') FROM (SELECT "  \
    "p.taken_at, p.size FROM pulse.snapshot AS p WHERE p.segment_id = s.id AND p.status = 'ok' AND p.taken_at " \
    "<= {v}.pulse_now() ORDER BY p.taken_at DESC LIMIT 30) AS z)"
#define PULSE_OVERVIEW                                                                                           \
    "json_build_object('id', s.id::text, 'name', s.name, 'owner', s.owner, 'tags', s.tags, 'kind', s.kind, "     \
    "'description', s.description, 'status', s.status, 'state', o.state, 'size', o.size, 'change', o.change, "   \
    "'incidents', o.incidents, 'worst', o.worst, 'asExpected', o.as_expected, 'lastSnapshot', o.last_snapshot, " \
    "'netVelocity', o.net_velocity, 'churnRate', o.churn_rate, 'growthRate', o.growth_rate, 'entropy', "         \
    "o.entropy, 'members', o.members, 'sizes', " PULSE_SIZES ")"

std::vector<Route> States() {
    return {
        {.method = "GET",
         .path = "/v1/status",
         .access = Access::kRead,
         .read_only = true,
         .summary = "The status of Pulse: workers, jobs, what is overdue, sources",
         .sql =
             "SELECT json_build_object('asOf', {v}.pulse_now(), 'items', json_agg(json_build_object('item', s.item, 'state', s.state, "
             "'value', s.value, 'detail', s.detail) ORDER BY s.place)) FROM {v}.pulse_status() WITH ORDINALITY AS s (item, state, value, detail, place)"},
        {.method = "GET",
         .path = "/v1/mission",
         .access = Access::kRead,
         .read_only = true,
         .summary = "How much is monitored, incidents by status and severity, and how soon they were found",
         .sql =
             "SELECT json_build_object('asOf', {v}.pulse_now(), 'segments', m.segments, 'monitored', m.monitored, 'monitoredShare', m.monitored_share, "
             "'open', m.open, 'acknowledged', m.acknowledged, 'resolved', m.resolved, 'ignored', m.ignored, "
             "'medianLeadSeconds', extract(epoch FROM m.median_lead_time)::bigint, 'bySeverity', "
             "(SELECT coalesce(json_object_agg(w.severity, w.incidents), '{}') FROM (SELECT r.severity, count(*) AS incidents "
             "FROM pulse.incident_record AS r WHERE r.status IN ('open', 'acknowledged') GROUP BY r.severity) AS w)) FROM pulse.mission AS m"},
    };
}

}  // namespace

std::vector<Route> OverviewRoutes() {
    std::vector<Route> routes = States();
    routes.push_back(
        {.method = "GET",
         .path = "/v1/segments",
         .access = Access::kRead,
         .read_only = true,
         .summary = "A page of segments by name, with state, size, change, open incidents and newest sizes",
         .sql =
             "SELECT json_build_object('asOf', {v}.pulse_now(), 'segments', coalesce(json_agg(w.item ORDER BY w.name), '[]'), "
             "'next', CASE WHEN count(*) = $5::bigint THEN max(w.name) END) FROM (SELECT s.name, " PULSE_OVERVIEW
             " AS item FROM pulse.segment_overview AS o JOIN pulse.segment AS s ON s.name = o.segment "
             "WHERE ($1::text IS NULL OR position(lower($1::text) IN lower(s.name || ' ' || coalesce(s.owner, '') || ' ' || array_to_string(s.tags, ' '))) > 0) "
             "AND ($2::text IS NULL OR o.state = $2::text) AND ($3::boolean IS NULL OR $3::boolean = (o.incidents > 0)) "
             "AND ($4::text IS NULL OR s.name > $4::text) ORDER BY s.name LIMIT $5::bigint) AS w",
         .parameters = {
             {"q"}, {"state"}, {.name = "incidents", .type = Type::kBoolean}, kAfterName, kRowsOfPage}});
    routes.push_back(
        {.method = "GET",
         .path = "/v1/segments/{name}",
         .access = Access::kRead,
         .read_only = true,
         .summary = "One segment at a glance, with its definition, baseline and pinned snapshot",
         .sql =
             "SELECT json_build_object('asOf', {v}.pulse_now(), 'segment', " PULSE_OVERVIEW
             ", 'definition', s.definition, 'baseline', s.baseline, 'version', s.version, 'cadence', s.cadence::text, "
             "'baselineFrom', s.baseline_from, 'pinned', (SELECT json_build_object('snapshot', p.id::text, 'at', p.taken_at, 'size', p.size) FROM pulse.snapshot AS p WHERE p.id = s.pinned_snapshot), 'createdAt', s.created_at, 'updatedAt', s.updated_at) "
             "FROM pulse.segment_overview AS o JOIN pulse.segment AS s ON s.name = o.segment WHERE o.segment = $1::text",
         .parameters = {{"name", In::kPath}}});
    return routes;
}

}  // namespace pulse::web
