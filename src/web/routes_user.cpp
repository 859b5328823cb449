// Routes of TinyCDP about people: search, one person, figures, and exports of segments.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

Route AboutUsers(std::string_view method, std::string_view path, std::string_view summary,
                 std::string_view sql, std::vector<Parameter> parameters = {}) {
    return {.method = method,
            .path = path,
            .family = Family::kTinyCdp,
            .access = Access::kRead,
            .read_only = true,
            .summary = summary,
            .sql = sql,
            .parameters = std::move(parameters)};
}

std::vector<Route> Users() {
    return {
        AboutUsers(
            "GET", "/v1/admin/users/search", "Finds people by a part of an id",
            "SELECT json_build_object('users', coalesce((SELECT json_agg(json_build_object('id', 'profile:' || (u.value ->> 'profile_id'), "
            "'created_at', u.value -> 'first_seen_at', 'aliases', coalesce((SELECT json_agg(json_build_object('kind', k.key, 'value', v.value)) "
            "FROM jsonb_each(u.value -> 'identities') AS k CROSS JOIN LATERAL jsonb_array_elements_text(k.value) AS v (value)), '[]'), "
            "'lastEventTime', u.value -> 'last_seen_at', 'eventCount', u.value -> 'events', 'activeSegments', u.value -> 'segments') ORDER BY u.place) "
            "FROM jsonb_array_elements(f.found -> 'people') WITH ORDINALITY AS u (value, place)), '[]'), "
            "'total', c.people, 'totalIsExact', c.exact, 'hasMore', f.found -> 'next' <> 'null') "
            "FROM (SELECT jsonb_strip_nulls(jsonb_build_object('query', nullif($1::text, ''))) AS filter OFFSET 0) AS w "
            "CROSS JOIN LATERAL (SELECT {v}.pulse_find_profiles(w.filter, $2::bigint, NULL::text, $3::bigint) AS found OFFSET 0) AS f "
            "CROSS JOIN LATERAL {v}.pulse_count_profiles(w.filter) AS c",
            {{"query"},
             {.name = "limit", .type = Type::kInteger, .fallback = "50", .least = 1, .most = 100},
             {.name = "offset", .type = Type::kInteger, .fallback = "0", .least = 0, .most = 10000}}),
        AboutUsers(
            "GET", "/v1/admin/users/{userId}", "One person, by any id",
            "SELECT json_build_object('user', json_build_object('id', 'profile:' || (w.person ->> 'profile_id'), 'created_at', w.person -> 'first_seen_at', "
            "'aliases', (SELECT coalesce(json_agg(json_build_object('kind', i ->> 'kind', 'value', i ->> 'value')), '[]') FROM jsonb_array_elements(w.person -> 'identities') AS i), "
            "'attributes', w.person -> 'attributes', 'recentEvents', (SELECT coalesce(json_agg(json_build_object('id', e -> 'id', 'name', e -> 'name', 'ts', e -> 'time', "
            "'props', e -> 'properties')), '[]') FROM jsonb_array_elements(w.person -> 'recent_events') AS e), 'traits', w.person -> 'traits', "
            "'segments', (SELECT coalesce(json_agg(json_build_object('key', s.segment, 'since', s.since)), '[]') FROM {v}.pulse_segments_of($1::text) AS s), "
            "'eventCounts', w.person -> 'events')) FROM (SELECT {v}.pulse_profile($1::text) AS person OFFSET 0) AS w",
            {{"userId", In::kPath}}),
        AboutUsers(
            "GET", "/v1/admin/metrics", "Figures of people, events, traits, segments and flags",
            "SELECT json_build_object('metrics', json_build_object("
            "'users', (SELECT json_build_object('total', max(p.value) FILTER (WHERE p.figure = 'people'), "
            "'activeLastDay', max(p.value) FILTER (WHERE p.figure = 'active_last_day'), 'activeLastWeek', max(p.value) FILTER (WHERE p.figure = 'active_last_week'), "
            "'activeLastMonth', max(p.value) FILTER (WHERE p.figure = 'active_last_month'), 'exact', bool_and(p.exact)) FROM {v}.pulse_people_statistics() AS p), "
            "'events', (SELECT json_build_object('total', max(e.events) FILTER (WHERE e.figure = 'total'), 'lastDay', max(e.events) FILTER (WHERE e.figure = 'last_day'), "
            "'lastWeek', max(e.events) FILTER (WHERE e.figure = 'last_week'), 'lastMonth', max(e.events) FILTER (WHERE e.figure = 'last_month'), "
            "'topEventTypes', (SELECT coalesce(json_agg(json_build_object('name', t.event, 'count', t.events)), '[]') "
            "FROM {v}.pulse_event_statistics(30::bigint, 10::bigint) AS t)) FROM {v}.pulse_event_totals() AS e), "
            "'traits', (SELECT json_build_object('definitionCount', count(*), 'topTraits', coalesce((json_agg(json_build_object('key', t.key)))::jsonb, '[]')) "
            "FROM (SELECT d.key FROM pulse.trait AS d ORDER BY d.key LIMIT 1000) AS t), "
            "'segments', (SELECT json_build_object('definitionCount', count(*), 'topSegments', (SELECT coalesce(json_agg(json_build_object('key', b.segment, 'userCount', b.members)), '[]') "
            "FROM (SELECT g.segment, g.members FROM {v}.pulse_segment_statistics() AS g LIMIT 10) AS b)) FROM pulse.segment AS s), "
            "'flags', (SELECT json_build_object('definitionCount', count(*)) FROM pulse.flag AS f WHERE f.archived_at IS NULL), "
            "'database', (SELECT json_build_object('tables', json_agg(json_build_object('name', z.name, 'rowCount', z.rows) ORDER BY z.name)) FROM "
            "(SELECT coalesce(p.relname, c.relname) AS name, sum(greatest(c.reltuples, 0))::bigint AS rows FROM pg_catalog.pg_class AS c "
            "LEFT JOIN pg_catalog.pg_class AS p ON p.oid = pg_catalog.pg_partition_root(c.oid) "
            "WHERE c.relnamespace = 'pulse'::regnamespace AND c.relkind = 'r' GROUP BY 1) AS z)), "
            "'timestamp', clock_timestamp())"),
    };
}

#define PULSE_EXPORT_LINK "$2::text || '/v1/export/download/' || e.token"

Route ExportOf(std::string_view path) {
    Route route = AboutUsers(
        "GET", path, "Writes the members of a segment into a CSV file and says where it is",
        "SELECT json_build_object('downloadUrl', " PULSE_EXPORT_LINK
        ", 'filename', e.filename, 'userCount', e.users, "
        "'expiresAt', e.expires_at) FROM {v}.pulse_export_segment(regexp_replace($1::text, '[.]csv$', '')) AS e",
        {{"key", In::kPath}, {"url", In::kRequest}});
    // A GET that writes, as TinyCDP's clients send it.
    route.read_only = false;
    return route;
}

std::vector<Route> Exports() {
    Route download = AboutUsers(
        "GET", "/v1/export/download/{token}", "The file of a link, which needs no key",
        "SELECT r.data, jsonb_build_object('content-type', CASE WHEN r.filename LIKE '%.jsonl' THEN 'application/x-ndjson' ELSE 'text/csv; charset=utf-8' END, 'content-disposition', "
        "format('attachment; filename=\"%s\"', regexp_replace(r.filename, '[^A-Za-z0-9._-]', '_', 'g'))) AS headers, "
        "CASE WHEN r.chunks > 1 THEN '2:' || $1::text END AS next FROM pulse.read_export($1::text, 1::bigint) AS r",
        {{"token", In::kPath}});
    download.access = Access::kNone;
    return {
        ExportOf("/v1/export/segment/{key}"),
        AboutUsers(
            "GET", "/v1/export/list", "Lists the files, each with a new link",
            "SELECT json_build_object('exports', coalesce(json_agg(json_build_object('name', e.filename, 'size', e.bytes, 'etag', e.etag, "
            "'downloadUrl', $1::text || '/v1/export/download/' || e.token, 'createdAt', e.created_at)), '[]')) FROM {v}.pulse_list_exports() AS e",
            {{"url", In::kRequest}}),
        download,
    };
}

}  // namespace

std::vector<Route> UserRoutes() {
    std::vector<Route> routes = Users();
    const std::vector<Route> exports = Exports();
    routes.insert(routes.end(), exports.begin(), exports.end());
    return routes;
}

}  // namespace pulse::web
