// Routes for signing in to the console. A session acts as its API key, for requests below /console only.
#include "pulse/web/routes.hpp"

namespace pulse::web {

std::vector<Route> SessionRoutes() {
    return {
        {.method = "POST",
         .path = "/console/session",
         .access = Access::kNone,
         .summary = "Signs in to the console with an API key: the answer sets the cookie of a session",
         .sql = "SELECT s.answer, s.status, s.headers FROM pulse.sign_in($1::text, $2::text = 'https') AS s",
         .parameters = {{"key", In::kBody, Type::kText, true}, {"scheme", In::kRequest}}},
        {.method = "DELETE",
         .path = "/console/session",
         .access = Access::kNone,
         .summary = "Signs out: the session ends",
         .sql = "SELECT s.answer, s.headers FROM pulse.sign_out($1::text, $2::text = 'https') AS s",
         .parameters = {{"session", In::kRequest}, {"scheme", In::kRequest}}},
        {.method = "GET",
         .path = "/console/session",
         .access = Access::kRead,
         .read_only = true,
         .summary = "Who is signed in: the key, its kind, its role, and what that role may see",
         .sql =
             "SELECT json_build_object('key', $1::text, 'kind', $2::text, 'role', current_user, 'seesPeople', pulse.sees_people(), "
             "'standby', pg_is_in_recovery(), 'database', current_database(), 'version', pulse.version(), 'now', {v}.pulse_now())",
         .parameters = {{"key_name", In::kRequest}, {"kind", In::kRequest}}},
    };
}

}  // namespace pulse::web
