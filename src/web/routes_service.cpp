// Routes about Pulse itself.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

Route Open(std::string_view path, std::string_view summary, std::string_view sql) {
    return {.method = "GET",
            .path = path,
            .access = Access::kNone,
            .read_only = true,
            .summary = summary,
            .sql = sql};
}

// The services that TinyCDP consists of, each of which has a state of its own there.
std::vector<Route> ServiceStates() {
    static constexpr std::string_view kPaths[] = {"/ingest/health",   "/identity/health", "/traits/health",
                                                  "/segments/health", "/decide/health",   "/admin/health",
                                                  "/export/health",   "/exports/health"};
    std::vector<Route> routes;
    for (const std::string_view path : kPaths) {
        routes.push_back(Open(
            path, "Whether a service answers",
            "SELECT json_build_object('status', 'ok', 'service', $1::text, 'timestamp', clock_timestamp(), "
            "'database', 'connected', 'checks', json_build_object('database', json_build_object('status', 'ok', "
            "'latency', round((extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000)::numeric, 3))))"));
        routes.back().family = Family::kTinyCdp;
        routes.back().parameters = {{"service", In::kRequest}};
    }
    return routes;
}

}  // namespace

std::vector<Route> ServiceRoutes() {
    std::vector<Route> routes{
        Open(
            "/health", "Whether Pulse answers",
            "SELECT json_build_object('status', 'healthy', 'timestamp', clock_timestamp(), 'service', 'pulse', 'version', pulse.version())"),
        Open("/api/health", "Whether Pulse answers", "SELECT json_build_object('status', 'healthy')"),
        Open("/openapi.json", "All routes as OpenAPI 3.1", "SELECT pulse.openapi($1::text)"),
        Open(
            "/docs", "All routes as a page",
            "SELECT pulse.routes_page(), jsonb_build_object('content-type', 'text/html; charset=utf-8', 'content-security-policy', "
            "'default-src ''none''; style-src ''unsafe-inline''; base-uri ''none''; form-action ''none''; frame-ancestors ''none''') AS headers"),
        {.method = "GET",
         .path = "/metrics",
         .access = Access::kRead,
         .read_only = true,
         .summary = "Figures for Prometheus, or in OpenMetrics where the client accepts it",
         .sql =
             "SELECT pulse.metrics_text(m.open), jsonb_build_object('content-type', CASE WHEN m.open THEN "
             "'application/openmetrics-text; version=1.0.0; charset=utf-8' ELSE 'text/plain; version=0.0.4; charset=utf-8' END) AS headers "
             "FROM (SELECT $1::text LIKE '%application/openmetrics-text%' AS open) AS m",
         .parameters = {{"accept", In::kRequest}},
         .content_type = "text/plain"},
        // Requests of the gateway itself: no other client reaches them (src/web/store_gateway.cpp).
        {.method = "POST",
         .path = "/gateway/hello",
         .access = Access::kNone,
         .summary = "Compares the versions of the gateway and the extension"},
        {.method = "POST",
         .path = "/gateway/usage",
         .access = Access::kNone,
         .summary = "Counts requests and refusals of API keys"},
    };
    routes[2].parameters = {{"url", In::kRequest}};
    routes[2].tagged = routes[3].tagged = true;
    const std::vector<Route> states = ServiceStates();
    routes.insert(routes.end(), states.begin(), states.end());
    return routes;
}

}  // namespace pulse::web
