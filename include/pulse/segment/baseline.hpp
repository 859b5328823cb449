// What a person expects of a segment: the object that comes with it. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace pulse::segment {

// Check a baseline object: expectedSize, expectedConversionRate, criticalAttributes (of `attributes`),
// monitoringEnabled, alertThresholds. Returns it without keys that are null. Throws UserError that names the
// key and lists what is valid.
nlohmann::json CheckBaseline(const nlohmann::json& baseline, const std::vector<std::string>& attributes);

}  // namespace pulse::segment
