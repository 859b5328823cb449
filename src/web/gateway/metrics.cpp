#include "pulse/web/gateway/metrics.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace pulse::web::gateway {

namespace {

std::string Number(double value) {
    std::array<char, 40> text{};
    const int length = snprintf(text.data(), text.size(), "%.10g", value);
    return {text.data(), static_cast<size_t>(length)};
}

std::string Label(std::string_view name, std::string_view value) {
    std::string label(name);
    label += "=\"";
    for (const char c : value) {
        if (c == '\\' || c == '"') label += '\\';
        if (c == '\n')
            label += "\\n";
        else
            label += c;
    }
    return label + "\"";
}

// Any method may be sent, but labels must not grow without a bound.
std::string_view KnownMethod(std::string_view method) {
    for (const std::string_view known : {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
        if (method == known) return known;
    return "other";
}

// In OpenMetrics a counter's name is without _total where it is described.
void Describe(std::string& text, std::string_view name, std::string_view type, std::string_view help,
              bool open_metrics) {
    if (open_metrics && type == "counter" && name.ends_with("_total")) name.remove_suffix(6);
    text.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
    text.append(name).append(" ").append(type).append("\n");
}

void Sample(std::string& text, std::string_view name, std::string_view labels, const std::string& value) {
    text += name;
    if (!labels.empty()) text.append("{").append(labels).append("}");
    text.append(" ").append(value).append("\n");
}

}  // namespace

const char* Name(Lane lane) {
    switch (lane) {
        case Lane::kDecide: return "decide";
        case Lane::kIngest: return "ingest";
        case Lane::kOther: return "other";
    }
    return "other";
}

void Metrics::CountRequest(std::string_view route, std::string_view method, int status, Lane lane,
                           double seconds) {
    ++requests_[{std::string(route), std::string(KnownMethod(method)), status}];
    Histogram& times = times_[static_cast<size_t>(lane)];
    const auto edge = std::lower_bound(kEdges.begin(), kEdges.end(), seconds);
    ++times.counts[static_cast<size_t>(edge - kEdges.begin())];
    times.sum += seconds;
}

std::string Metrics::Text(int64_t clients, const std::array<LaneState, 3>& lanes, bool open_metrics) const {
    std::string text;
    const auto describe = [&](const char* name, const char* type, const char* help) {
        Describe(text, name, type, help, open_metrics);
    };
    describe("pulse_http_requests_total", "counter", "Requests answered by this gateway");
    for (const auto& [labels, count] : requests_) {
        const auto& [route, method, status] = labels;
        Sample(text, "pulse_http_requests_total",
               Label("route", route) + "," + Label("method", method) + "," +
                   Label("status", std::to_string(status)),
               std::to_string(count));
    }
    describe("pulse_http_request_seconds", "histogram", "From a whole request to its answer, by lane");
    for (const Lane lane : kLanes) {
        const Histogram& times = times_[static_cast<size_t>(lane)];
        const std::string label = Label("lane", Name(lane));
        int64_t count = 0;
        for (size_t i = 0; i < times.counts.size(); ++i) {
            count += times.counts[i];
            const std::string edge = i < kEdges.size() ? Number(kEdges[i]) : "+Inf";
            Sample(text, "pulse_http_request_seconds_bucket", label + "," + Label("le", edge),
                   std::to_string(count));
        }
        Sample(text, "pulse_http_request_seconds_sum", label, Number(times.sum));
        Sample(text, "pulse_http_request_seconds_count", label, std::to_string(count));
    }
    describe("pulse_http_connections", "gauge", "Clients that are connected");
    Sample(text, "pulse_http_connections", "", std::to_string(clients));
    describe("pulse_http_database_connections", "gauge", "Connections to the database, by lane and state");
    describe("pulse_http_queue", "gauge", "Requests that wait for a connection to the database, by lane");
    std::string queues;
    std::string connections;
    for (const Lane lane : kLanes) {
        const LaneState& state = lanes[static_cast<size_t>(lane)];
        const std::string label = Label("lane", Name(lane));
        Sample(connections, "pulse_http_database_connections", label + ",state=\"busy\"",
               std::to_string(state.busy));
        Sample(connections, "pulse_http_database_connections", label + ",state=\"idle\"",
               std::to_string(state.open - state.busy));
        Sample(queues, "pulse_http_queue", label, std::to_string(state.queued));
    }
    // Samples follow their own description.
    const size_t queue = text.rfind("# HELP pulse_http_queue");
    text.insert(queue, connections);
    text += queues;
    describe("pulse_http_database_connections_lost_total", "counter",
             "Connections to the database that ended");
    Sample(text, "pulse_http_database_connections_lost_total", "", std::to_string(connections_lost_));
    describe("pulse_http_queue_refusals_total", "counter",
             "Requests refused because a queue was full or slow");
    Sample(text, "pulse_http_queue_refusals_total", "", std::to_string(queue_refusals_));
    return text;
}

void AddMetrics(std::string& body, std::string_view text) {
    constexpr std::string_view kEnd = "# EOF\n";
    if (body.ends_with(kEnd)) {
        body.insert(body.size() - kEnd.size(), text);
        return;
    }
    if (!body.empty() && !body.ends_with('\n')) body += '\n';
    body += text;
}

}  // namespace pulse::web::gateway
