// The stream of what changes, as server-sent events.
#include "pulse/web/routes.hpp"

namespace pulse::web {

std::vector<Route> ChangeRoutes() {
    // {"x-accel-buffering": "no"}: nginx passes each event on at once.
    return {
        {.method = "GET",
         .path = "/v1/changes",
         .access = Access::kRead,
         .read_only = true,
         .summary =
             "Sends the ids of segments, snapshots, incidents, jobs and flags as they change (server-sent events)",
         .sql =
             "SELECT c.body, '{\"x-accel-buffering\": \"no\", \"content-type\": \"text/event-stream\"}'::jsonb AS headers, "
             "'changes:' || $3::text || ':' || c.next AS next, true AS stream FROM "
             "pulse.change_events(coalesce(nullif($1::text, ''), $2::text)) AS c",
         .parameters = {{"last_event_id", In::kRequest}, {"after", In::kQuery}, {"proof", In::kRequest}},
         .content_type = "text/event-stream"},
    };
}

}  // namespace pulse::web
