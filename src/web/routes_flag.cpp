// Routes about flags over time: state, versions, exposures, and why a person gets a variant.
#include "pulse/web/routes.hpp"

namespace pulse::web {

std::vector<Route> FlagRoutes() {
    return {
        PulseRoute(
            "GET", "/v1/flags", Access::kRead, "Lists flags with their state",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'flags', coalesce(json_agg(json_build_object('key', f.key, 'status', f.status, 'type', f.type, 'description', f.description, "
            "'variants', coalesce((SELECT json_agg(n.name ORDER BY n.name) FROM jsonb_object_keys(CASE jsonb_typeof(f.definition -> 'variants') WHEN 'object' THEN f.definition -> 'variants' ELSE '{}' END) AS n (name)), '[]'), "
            "'version', f.version, 'updatedAt', f.updated_at, 'lastExposure', f.last_exposure_at) ORDER BY f.key), '[]')) FROM {v}.pulse_list_flags() AS f"),
        PulseRoute(
            "GET", "/v1/flags/{key}", Access::kRead,
            "One flag: definition, versions, what it uses and which flags require it",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'key', f.key, 'definition', f.definition, 'enabled', f.enabled, 'archivedAt', f.archived_at, 'description', f.description, "
            "'version', f.version, 'traits', f.traits, 'segments', f.segments, 'flags', f.flags, 'createdBy', f.created_by, 'createdAt', f.created_at, 'updatedAt', f.updated_at, "
            "'usedBy', (SELECT coalesce(json_agg(o.key ORDER BY o.key), '[]') FROM pulse.flag AS o WHERE f.key = ANY (o.flags)), "
            "'versions', (SELECT coalesce(json_agg(json_build_object('version', n.version, 'definition', n.definition, 'enabled', n.enabled, 'change', n.change, 'changedBy', n.changed_by, "
            "'changedAt', n.changed_at) ORDER BY n.version DESC), '[]') FROM (SELECT * FROM pulse.flag_version AS o WHERE o.flag_id = f.id ORDER BY o.version DESC LIMIT 50) AS n)) "
            "FROM pulse.flag AS f WHERE f.key = $1::text",
            {kPathKey}),
        PulseRoute(
            "GET", "/v1/flags/{key}/exposures", Access::kRead,
            "How many people saw each variant of a flag by day; counts the newest 200,000 exposures at most",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'sample', current_setting('pulse.exposure_sample')::double precision, 'complete', coalesce(sum(w.people), 0) < 200000, "
            "'days', coalesce(json_agg(json_build_object('day', w.day, 'variant', w.variant, 'people', w.people) ORDER BY w.day, w.variant) FILTER (WHERE w.day IS NOT NULL), '[]')) "
            "FROM pulse.flag AS f LEFT JOIN LATERAL (SELECT n.day, n.variant, count(*) AS people FROM (SELECT e.day, e.variant FROM pulse.exposure AS e WHERE e.flag_id = f.id "
            "AND e.first_at > {v}.pulse_now() - make_interval(days => $2::int) AND e.first_at <= {v}.pulse_now() ORDER BY e.first_at DESC LIMIT 200000) AS n GROUP BY 1, 2) AS w ON true "
            "WHERE f.key = $1::text GROUP BY f.id",
            {kPathKey, {.name = "days", .type = Type::kInteger, .fallback = "30", .least = 1, .most = 400}}),
        PulseRoute(
            "GET", "/v1/flags/{key}/decision", Access::kRead, "Decides a flag for a person, with every step",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'variant', d.variant, 'value', d.value, 'allow', d.allow, 'reason', d.reason, 'segment', d.segment, 'bucket', d.bucket, "
            "'version', d.version, 'steps', (SELECT coalesce(json_agg(json_build_object('depth', e.depth, 'part', e.part, 'value', e.value, 'note', e.note) ORDER BY e.place), '[]') "
            "FROM {v}.pulse_explain_decision($2::text, $1::text, $3::jsonb) WITH ORDINALITY AS e (depth, part, value, note, place))) "
            "FROM {v}.pulse_decide($2::text, $1::text, $3::jsonb) AS d",
            {kPathKey,
             {"userId", In::kQuery, Type::kText, true},
             {.name = "context", .type = Type::kJson, .fallback = "{}"}}),
    };
}

}  // namespace pulse::web
