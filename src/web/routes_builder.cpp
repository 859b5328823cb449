// Routes for writing rules and segments: the names there are, whether a rule is valid, and whom it finds.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

// Text in quotes where it is no plain name, as rules are written.
#define PULSE_RULE_NAME(name)                                                                        \
    "CASE WHEN " name " ~ '^[a-zA-Z_][a-zA-Z0-9_]*$' THEN '.' || " name " ELSE '[' || to_json(" name \
    "::text) || ']' END"

constexpr std::string_view kNamesOfPeople =
    "SELECT n.name, n.type, n.place FROM (SELECT 'events' || " PULSE_RULE_NAME("e.event") " || a.part AS name, a.type, a.place "
    "FROM (SELECT c.event FROM pulse.event_catalog AS c ORDER BY c.events DESC, c.event LIMIT 100) AS e "
    "CROSS JOIN (VALUES ('.count_30d', 'number', 2), ('.last_seen', 'time', 3)) AS a (part, type, place) "
    "UNION ALL SELECT t.key, t.type, 1 FROM pulse.trait AS t "
    "UNION ALL SELECT 'segment(' || to_json(s.name) || ')', 'boolean', 4 FROM pulse.segment AS s WHERE s.kind = 'profile' AND s.status = 'active' "
    "UNION ALL VALUES ('lifecycle', 'text', 0), ('last_seen_days_ago', 'number', 0), ('first_seen_days_ago', 'number', 0), "
    "('profile.email', 'text', 0), ('profile.phone', 'text', 0)) AS n";

}  // namespace

std::vector<Route> BuilderRoutes() {
    static const std::string names =
        "SELECT json_build_object('asOf', {v}.pulse_now(), 'names', coalesce(json_agg(json_build_object('name', w.name, 'type', w.type) "
        "ORDER BY w.place, w.name), '[]')) FROM (SELECT CASE WHEN a.attname ~ '^[a-zA-Z_][a-zA-Z0-9_]*$' THEN a.attname::text ELSE '`' || replace(a.attname, '`', '``') || '`' END AS name, "
        "format_type(a.atttypid, a.atttypmod) AS type, a.attnum::int AS place FROM pg_attribute AS a WHERE a.attrelid = $1::text::regclass "
        "AND a.attnum > 0 AND NOT a.attisdropped AND has_table_privilege(a.attrelid, 'SELECT') UNION ALL SELECT p.name, p.type, p.place FROM (" +
        std::string(kNamesOfPeople) + ") AS p WHERE $1::text IS NULL) AS w";
    return {
        {.method = "GET",
         .path = "/v1/relations",
         .access = Access::kRead,
         .read_only = true,
         .summary = "Tables and views that the key's role may read, for definitions of segments",
         .sql =
             "SELECT json_build_object('asOf', {v}.pulse_now(), 'relations', coalesce(json_agg(w.name ORDER BY w.name), '[]')) FROM (SELECT format('%I.%I', n.nspname, c.relname) AS name "
             "FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pulse') "
             "AND n.nspname NOT LIKE 'pg\\_%' AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') "
             "AND ($1::text IS NULL OR position(lower($1::text) IN lower(n.nspname || '.' || c.relname)) > 0) ORDER BY 1 LIMIT 200) AS w",
         .parameters = {{"q"}}},
        {.method = "GET",
         .path = "/v1/rules/names",
         .access = Access::kRead,
         .read_only = true,
         .summary = "Names that a rule can use: the columns of a relation, else those about people",
         .sql = names,
         .parameters = {{"from"}}},
        {.method = "POST",
         .path = "/v1/rules/validate",
         .access = Access::kRead,
         .read_only = true,
         .summary =
             "Checks a rule over a relation, or about people, without saving it; an error names the position",
         .sql =
             "SELECT json_build_object('canonical', v.canonical, 'clauses', v.clauses, 'sql', v.sql, 'type', v.type) FROM ("
             "SELECT r.canonical, r.clauses, r.sql, 'boolean' AS type FROM (SELECT WHERE $2::text IS NOT NULL OFFSET 0) AS w CROSS JOIN LATERAL {v}.pulse_validate_rule($1::text, $2::text::regclass) AS r "
             "UNION ALL SELECT p.canonical, p.clauses, p.sql, p.type FROM (SELECT WHERE $2::text IS NULL OFFSET 0) AS w CROSS JOIN LATERAL {v}.pulse_validate_rule($1::text) AS p) AS v",
         .parameters = {{"rule", In::kBody, Type::kText, true}, {"from", In::kBody}}},
        {.method = "POST",
         .path = "/v1/segments/preview",
         .access = Access::kRead,
         .read_only = true,
         .summary = "Measures a definition without saving it: size, values of attributes, some members",
         .sql =
             "SELECT json_build_object('asOf', {v}.pulse_now(), 'parts', coalesce(json_agg(json_build_object('part', p.part, 'item', p.item, 'value', p.value, 'members', p.members, 'share', p.share) "
             "ORDER BY p.place), '[]')) FROM {v}.pulse_preview_segment($1::jsonb, $2::bigint) WITH ORDINALITY AS p (part, item, value, members, share, place)",
         .parameters = {{"definition", In::kBody, Type::kJson, true},
                        {.name = "sample",
                         .in = In::kBody,
                         .type = Type::kInteger,
                         .fallback = "10",
                         .least = 0,
                         .most = 100}}},
        {.method = "POST",
         .path = "/v1/segments/{name}/preview",
         .access = Access::kRead,
         .read_only = true,
         .summary = "How many members a changed definition would gain, lose and keep, without saving it",
         .sql =
             "SELECT json_build_object('asOf', {v}.pulse_now(), 'changes', coalesce(json_agg(json_build_object('change', p.change, 'members', p.members, 'sample', p.sample_members)), '[]')) "
             "FROM {v}.pulse_preview_segment_change($1::text, $2::jsonb, 10::bigint) AS p",
         .parameters = {{"name", In::kPath}, {"definition", In::kBody, Type::kJson, true}}},
    };
}

}  // namespace pulse::web
