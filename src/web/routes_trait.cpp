// Routes about traits over time, with what they use and who uses them, and for trying expressions.
#include "pulse/web/routes.hpp"

namespace pulse::web {

std::vector<Route> TraitRoutes() {
    Route test = PulseRoute(
        "POST", "/v1/expressions/test", Access::kRead,
        "Evaluates an expression for a person, part by part, without saving it",
        "SELECT json_build_object('asOf', {v}.pulse_now(), 'parts', coalesce(json_agg(json_build_object('depth', e.depth, 'part', e.part, 'value', e.value, 'note', e.note) "
        "ORDER BY e.place), '[]')) FROM {v}.pulse_test_expression($1::text, $2::text) WITH ORDINALITY AS e (depth, part, value, note, place)",
        {{"expression", In::kBody, Type::kText, true}, {"userId", In::kBody, Type::kText, true}});
    test.read_only = true;
    return {
        PulseRoute(
            "GET", "/v1/traits", Access::kRead, "Lists traits with how many definitions use each",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'traits', (SELECT coalesce(json_agg(json_build_object('key', t.key, 'expression', t.expression, 'type', t.type, "
            "'description', t.description, 'version', t.version, 'updatedAt', t.updated_at, 'usedBy', coalesce(d.uses, 0)) ORDER BY t.key), '[]') FROM pulse.trait AS t LEFT JOIN "
            "(SELECT u.uses, count(*) FROM {v}.pulse_dependencies() AS u WHERE u.uses_kind = 'trait' GROUP BY u.uses) AS d (key, uses) ON d.key = t.key))"),
        PulseRoute(
            "GET", "/v1/traits/{key}", Access::kRead,
            "One trait: expression, type, versions, what it uses and what uses it",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'key', t.key, 'expression', t.expression, 'type', t.type, 'description', t.description, 'version', t.version, "
            "'createdAt', t.created_at, 'updatedAt', t.updated_at, 'versions', (SELECT coalesce(json_agg(json_build_object('version', n.version, 'expression', n.expression, "
            "'change', n.change, 'changedBy', n.changed_by, 'changedAt', n.changed_at) ORDER BY n.version DESC), '[]') FROM (SELECT * FROM pulse.trait_version AS o "
            "WHERE o.trait_id = t.id ORDER BY o.version DESC LIMIT 100) AS n), 'uses', d.uses, 'usedBy', d.used_by) "
            "FROM pulse.trait AS t CROSS JOIN LATERAL (SELECT coalesce(json_agg(json_build_object('kind', u.uses_kind, 'name', u.uses) ORDER BY u.uses_kind, u.uses) "
            "FILTER (WHERE u.kind = 'trait' AND u.name = t.key), '[]') AS uses, coalesce(json_agg(json_build_object('kind', u.kind, 'name', u.name) ORDER BY u.kind, u.name) "
            "FILTER (WHERE u.uses_kind = 'trait' AND u.uses = t.key), '[]') AS used_by FROM {v}.pulse_dependencies() AS u) AS d WHERE t.key = $1::text",
            {kPathKey}),
        PulseRoute(
            "GET", "/v1/traits/{key}/values", Access::kRead,
            "The values of a trait for those who were active last: a sample of people",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'people', coalesce(sum(w.people), 0), 'values', coalesce(json_agg(json_build_object('value', w.value, 'problem', w.problem, 'people', w.people) "
            "ORDER BY w.people DESC, w.value) FILTER (WHERE w.people > 0), '[]')) FROM pulse.trait AS t LEFT JOIN LATERAL (SELECT x.value, x.problem, count(*) AS people "
            "FROM (SELECT DISTINCT p.canonical_id AS profile_id FROM (SELECT l.profile_id FROM pulse.activity AS l ORDER BY l.last_at DESC, l.profile_id DESC LIMIT $2::bigint) AS n "
            "JOIN pulse.profile AS p ON p.id = n.profile_id) AS a CROSS JOIN LATERAL pulse.evaluate_trait(a.profile_id, t.key) AS x GROUP BY 1, 2) AS w ON true "
            "WHERE t.key = $1::text GROUP BY t.id",
            {kPathKey,
             {.name = "people", .type = Type::kInteger, .fallback = "200", .least = 1, .most = 1000}}),
        test,
    };
}

}  // namespace pulse::web
