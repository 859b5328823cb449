#include "pulse/web/routes.hpp"

namespace pulse::web {

std::vector<Route> ServiceRoutes() {
    return {
        {.method = "GET",
         .path = "/health",
         .access = Access::kNone,
         .read_only = true,
         .summary = "Whether Pulse answers",
         .sql =
             "SELECT json_build_object('status', 'healthy', 'timestamp', clock_timestamp(), 'service', 'pulse')"},
    };
}

}  // namespace pulse::web
