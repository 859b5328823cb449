// The event match quality of an ad platform, as Stratum computes it. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::trust {

// What is known of a platform now, and a week ago.
struct PlatformReading {
    std::optional<double> match_rate, coverage;  // from 0 to 1
    std::optional<double> latency;               // hours from an event to its receipt by the platform
    std::optional<double> variance;              // between the platform and analytics
    std::optional<int64_t> age;                  // of the newest signal
};

struct EmqDriver {
    const char* name = "";
    std::optional<double> score;  // 0 to 100; empty: unknown
    double weight = 0;            // its share of the score, 0 where it is unknown
    const char* trend = "unknown";
    const char* advice = "";
};

struct PlatformEmq {
    std::optional<double> score;  // empty: no driver is known
    const char* band = "unknown";
    double known = 0;  // the share of the weight that is known
    std::vector<EmqDriver> drivers;
};

double LatencyScore(double hours);
double PlatformFreshnessScore(int64_t age);
// Drivers that are unknown give their weight to the others.
PlatformEmq ComputePlatformEmq(const PlatformReading& now, const PlatformReading& before);
nlohmann::json Json(const std::vector<EmqDriver>& drivers);

}  // namespace pulse::trust
