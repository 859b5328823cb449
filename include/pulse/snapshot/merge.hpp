// Measurements of several servers as one. Pure C++.
#pragma once

#include <optional>
#include <vector>

#include "pulse/snapshot/measure_segment.hpp"

namespace pulse::snapshot {

// The measurement that one server with all the rows would give: counts, buckets and sketches to the bit,
// whatever the order. What one of them could not read is unreadable in all. `parts` are not empty, and of the
// same definition.
ServerMeasurement MergeServers(const std::vector<ServerMeasurement>& parts, const MeasureSpec& spec);

// By how much the sum of the sizes exceeds the number of different keys, because keys are on several servers.
struct KeyOverlap {
    double members = 0;
    double standard_error = 0;  // 0 when exact
};
KeyOverlap OverlapOfServers(const std::vector<ServerMeasurement>& parts);

// The share of all members that was measured, where missing servers count with their last known size. Empty
// if one of them has never been measured.
std::optional<double> CoverageOf(const std::vector<ServerShare>& servers);

}  // namespace pulse::snapshot
