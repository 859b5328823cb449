// The baseline object of a segment: the values that its owner expects. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace pulse::segment {

// Check a baseline object: expectedSize, expectedConversionRate, criticalAttributes (of `attributes`),
// monitoringEnabled, alertThresholds. Returns it without null keys. Throws UserError that names the invalid
// key and lists the valid ones.
nlohmann::json CheckBaseline(const nlohmann::json& baseline, const std::vector<std::string>& attributes);

}  // namespace pulse::segment
