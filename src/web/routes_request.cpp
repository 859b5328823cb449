// Routes for what takes long: it becomes due, a worker does it, and the answer says where to look.
#include "pulse/web/routes.hpp"

namespace pulse::web {

std::vector<Route> RequestRoutes() {
    return {
        {.method = "POST",
         .path = "/v1/segments/{name}/snapshots",
         .access = Access::kWrite,
         .status = 202,
         .summary = "Asks for a snapshot of a segment, which a worker takes",
         .sql =
             "SELECT json_build_object('segment', $1::text, 'state', r.state, 'requestedAt', r.requested_at, 'location', w.location, "
             "'detail', r.detail), jsonb_build_object('location', w.location) AS headers "
             "FROM (SELECT rtrim($3::text, '/') || '/requested' AS location OFFSET 0) AS w "
             "CROSS JOIN LATERAL {v}.pulse_request_snapshot($1::text, $2::boolean) AS r",
         .parameters = {{"name", In::kPath},
                        {.name = "checkDrift", .in = In::kBody, .type = Type::kBoolean, .fallback = "false"},
                        {"path", In::kRequest}}},
        {.method = "GET",
         .path = "/v1/segments/{name}/snapshots/requested",
         .access = Access::kRead,
         .read_only = true,
         .summary = "What has become of the newest request for a snapshot of a segment",
         .sql =
             "SELECT json_build_object('segment', $1::text, 'state', r.state, 'requestedAt', r.requested_at, 'finishedAt', r.finished_at, "
             "'snapshotId', r.snapshot::text, 'detail', r.detail) FROM {v}.pulse_snapshot_request($1::text) AS r",
         .parameters = {{"name", In::kPath}}},
        {.method = "POST",
         .path = "/v1/snapshots",
         .access = Access::kWrite,
         .status = 202,
         .summary = "Asks for a snapshot of every segment that is due",
         .sql =
             "SELECT json_build_object('segments', r.segments, 'state', r.state, 'location', '/api/snapshots', 'detail', r.detail), "
             "'{\"location\": \"/api/snapshots\"}'::jsonb AS headers FROM {v}.pulse_request_snapshots() AS r"},
    };
}

}  // namespace pulse::web
