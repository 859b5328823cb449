// Which elements of a dimension carry a change.
#pragma once

#include <span>
#include <vector>

#include "pulse/drift/statistics/status.hpp"

namespace pulse::drift::statistics {

// Adtributor (Bhagwan et al., NSDI 2014). Per element, in the order given.
struct Attribution {
    StatisticStatus status =
        StatisticStatus::kInsufficientData;  // kConstant: the total did not change, explained is 0
    std::vector<double>
        explained;  // share of the total change; sums to 1, single elements may lie outside 0…1
    std::vector<double> surprise;  // how much the element's share of the total moved (Jensen–Shannon, nats)
    double total_surprise = 0;
};
// An additive figure: forecast and actual per element.
Attribution Attribute(std::span<const double> forecast, std::span<const double> actual);

}  // namespace pulse::drift::statistics
