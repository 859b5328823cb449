// Distributions as they come from elsewhere. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "pulse/snapshot/distribution.hpp"

namespace pulse::snapshot {

// Reads {"platform": {"ios": 4500, "__null__": 20}, "ltv": {"edges": [10, 100], "counts": [3, 5, 2], "nulls":
// 0}}: per attribute the members of each value, or the members between edges. Members of `size` that no value
// accounts for count as other. At most `max_values` values stay by name. Throws UserError 22023 naming
// attribute and fault.
std::vector<Distribution> ParseDistributions(const nlohmann::json& json, int64_t size, size_t max_values);

}  // namespace pulse::snapshot
