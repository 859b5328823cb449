// What the gateway tells Prometheus about itself. Pure C++.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "pulse/web/route.hpp"

namespace pulse::web::gateway {

const char* Name(Lane lane);
inline constexpr std::array kLanes = {Lane::kDecide, Lane::kIngest, Lane::kOther};

// The state of one lane of connections to the database.
struct LaneState {
    int64_t open = 0, busy = 0, queued = 0;
};

class Metrics {
  public:
    // `route` is a path template, never a path.
    void CountRequest(std::string_view route, std::string_view method, int status, Lane lane, double seconds);
    void CountConnectionLost() { ++connections_lost_; }
    void CountQueueRefusal() { ++queue_refusals_; }

    // The text of all metrics.
    std::string Text(int64_t clients, const std::array<LaneState, 3>& lanes, bool open_metrics) const;

  private:
    static constexpr std::array kEdges = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                          0.1,    0.25,  0.5,    1.0,   2.5,  5.0,   10.0};
    struct Histogram {
        std::array<int64_t, kEdges.size() + 1> counts{};
        double sum = 0;
    };
    std::map<std::tuple<std::string, std::string, int>, int64_t, std::less<>> requests_;
    std::array<Histogram, 3> times_{};
    int64_t connections_lost_ = 0, queue_refusals_ = 0;
};

// Add the text to an answer of GET /metrics: at the end, or before the "# EOF" of OpenMetrics.
void AddMetrics(std::string& body, std::string_view text);

}  // namespace pulse::web::gateway
