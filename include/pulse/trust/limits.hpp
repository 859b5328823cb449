// Limits of actions: how often, how far apart, and by how much each may change something. Pure C++.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse {
class JsonObject;
}

namespace pulse::trust {

struct Limits {
    std::optional<int64_t> per_day;    // actions carried out in 24 hours
    std::optional<int64_t> apart;      // microseconds between two
    std::optional<double> max_change;  // of "after" against "before" in the payload, as a share
    std::optional<double> max_value;   // the greatest "after"

    bool operator==(const Limits&) const = default;
};

// {"per_day": 5, "apart": "4 h", "max_change": 0.3, "max_value": 1000}; `place` is how messages call it.
// Throws UserError 22023.
Limits ReadLimits(const nlohmann::json& json, const std::string& place);
// The same of an object that has other keys, too.
Limits ReadLimits(const JsonObject& object);

// What is compared with the limits.
struct Usage {
    int64_t today = 0;           // carried out in the last 24 hours
    std::optional<Moment> last;  // when the newest was
    Moment now = 0;
};

// A sentence for each limit that the action would exceed.
std::vector<std::string> Violations(const Limits& limits, const Usage& usage, const nlohmann::json& payload);

}  // namespace pulse::trust
