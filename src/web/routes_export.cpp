// Routes for exports of people with chosen columns: Pulse's own, and those of Stratum.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

// The filters that Stratum's clients give beside those of pulse_find_profiles(): stages and groups of RFM
// become a rule.
#define PULSE_STRATUM_EXPORT                                                                                                  \
    "(SELECT jsonb_strip_nulls(jsonb_build_object('columns', $4::jsonb, 'events', $5::jsonb, 'hashed', $6::boolean, "         \
    "'consent', $7::text, 'filters', $3::jsonb, 'where', nullif(concat_ws(' and ', "                                          \
    "(SELECT 'lifecycle in [' || string_agg(to_json(s)::text, ', ') || ']' FROM jsonb_array_elements_text($8::jsonb) AS s), " \
    "(SELECT 'rfm.group in [' || string_agg(to_json(g)::text, ', ') || ']' FROM jsonb_array_elements_text($9::jsonb) AS g)), ''))) AS options OFFSET 0)"

#define PULSE_FILE                                                                                   \
    "'id', e.id::text, 'filename', e.filename, 'total', e.users, 'bytes', e.bytes, 'etag', e.etag, " \
    "'expires_at', e.expires_at"

std::vector<Parameter> StratumExportParameters() {
    return {{.name = "segment", .in = In::kBody},
            {.name = "format", .in = In::kBody, .fallback = "csv", .one_of = "csv, json, jsonl"},
            {"filters", In::kBody, Type::kJson},
            {"columns", In::kBody, Type::kJson},
            {"events", In::kBody, Type::kJson},
            {"hashed", In::kBody, Type::kBoolean},
            {"consent", In::kBody},
            {"stages", In::kBody, Type::kJson},
            {"rfm_groups", In::kBody, Type::kJson},
            {"url", In::kRequest}};
}

// Files without links: a link is made when it is asked for.
std::vector<Route> FileRoutes() {
    return {
        PulseRoute(
            "GET", "/v1/exports", Access::kRead, "A page of the files of exports, the newest first",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'exports', coalesce(json_agg(json_build_object('id', e.id::text, 'segment', e.segment, "
            "'filename', e.filename, 'format', x.format, 'users', e.users, 'bytes', e.bytes, 'etag', e.etag, 'createdBy', e.created_by, 'createdAt', e.created_at, "
            "'peopleAsOf', x.as_of, 'keptUntil', e.kept_until, 'state', e.state, 'error', x.error) ORDER BY e.id DESC), '[]'), "
            "'next', CASE WHEN count(*) = $2::bigint THEN min(e.id)::text END) FROM (SELECT * FROM {v}.pulse_list_exports() AS l "
            "WHERE l.id < coalesce($1::bigint, 9223372036854775807) ORDER BY l.id DESC LIMIT $2::bigint) AS e JOIN pulse.export AS x ON x.id = e.id",
            {kBeforeId, kRowsOfPage}),
        PulseRoute(
            "POST", "/v1/exports/{id}/link", Access::kRead, "A new link to the file of an export",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'downloadUrl', $2::text || "
            "'/v1/export/download/' || e.token, 'path', '/v1/export/download/' || e.token, 'filename', "
            "e.filename, 'expiresAt', e.expires_at) FROM {v}.pulse_list_exports() AS e "
            "WHERE e.id = $1::bigint AND e.state = 'ready'",
            {kPathId, {"url", In::kRequest}}),
        PulseRoute(
            "DELETE", "/v1/exports/{id}", Access::kAdmin, "Deletes the file of an export; its links end",
            "SELECT NULL::text, {v}.pulse_delete_export(x.id) FROM pulse.export AS x WHERE x.id = $1::bigint",
            {kPathId}),
    };
}

}  // namespace

std::vector<Route> ExportRoutes() {
    Route made = StratumRoute(
        "POST", PULSE_CDP "/audiences/export", Access::kRead,
        "Writes people with chosen columns into a file, and says where it is",
        "SELECT json_build_object('download_url', $10::text || '/v1/export/download/' || e.token, 'total_matching', e.users, "
        "'filters_applied', w.options - '{columns,events}'::text[], " PULSE_FILE
        "), 201 AS status FROM " PULSE_STRATUM_EXPORT
        " AS w CROSS JOIN LATERAL {v}.pulse_export_audience($1::text, $2::text, w.options) AS e",
        StratumExportParameters());
    made.read_only = false;
    // A GET that writes, as Stratum's clients send it.
    Route profiles = StratumRoute(
        "GET", PULSE_CDP "/export/profiles", Access::kRead, "Writes people into a file, and says where it is",
        "SELECT json_build_object('download_url', $3::text || '/v1/export/download/' || e.token, " PULSE_FILE
        ") FROM {v}.pulse_export_audience($1::text, $2::text, '{}'::jsonb) AS e",
        {{"segment"},
         {.name = "format", .fallback = "csv", .one_of = "csv, json, jsonl"},
         {"url", In::kRequest}});
    profiles.read_only = false;
    Route events = StratumRoute(
        "GET", PULSE_CDP "/export/events", Access::kRead,
        "Writes people with their events of the last days into a file, and says where it is",
        "SELECT json_build_object('download_url', $4::text || '/v1/export/download/' || e.token, " PULSE_FILE
        ") FROM {v}.pulse_export_audience($1::text, $2::text, jsonb_build_object('columns', '[\"profile_id\", \"external_id\"]'::jsonb, "
        "'events', jsonb_build_object('days', $3::bigint, 'most', 1000))) AS e",
        {{"segment"},
         {.name = "format", .fallback = "jsonl", .one_of = "csv, json, jsonl"},
         {.name = "days", .type = Type::kInteger, .fallback = "30", .least = 1, .most = 365},
         {"url", In::kRequest}});
    events.read_only = false;
    std::vector<Route> routes = FileRoutes();
    const std::vector<Route> writing = {
        {.method = "POST",
         .path = "/v1/exports",
         .access = Access::kRead,
         .status = 201,
         .summary =
             "Writes the members of a segment, or everybody, with chosen columns into a file, and says where it is",
         .sql =
             "SELECT json_build_object('downloadUrl', $4::text || '/v1/export/download/' || e.token, 'id', e.id::text, "
             "'filename', e.filename, 'userCount', e.users, 'size', e.bytes, 'etag', e.etag, 'expiresAt', e.expires_at, 'state', e.state), CASE WHEN e.state = 'queued' THEN 202 ELSE 201 END AS status "
             "FROM {v}.pulse_export_audience($1::text, $2::text, $3::jsonb) AS e",
         .parameters = {{"segment", In::kBody},
                        {.name = "format", .in = In::kBody, .fallback = "csv", .one_of = "csv, json, jsonl"},
                        {"options", In::kBody, Type::kJson},
                        {"url", In::kRequest}}},
        made,
        profiles,
        events};
    routes.insert(routes.end(), writing.begin(), writing.end());
    return routes;
}

}  // namespace pulse::web
