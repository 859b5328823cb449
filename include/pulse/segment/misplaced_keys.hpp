// Keys of a segment that are given in the wrong object. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace pulse::segment {

extern const std::vector<std::string> kDefinitionKeys, kBaselineKeys, kThresholdKeys;

// Throw UserError for a key that `valid` does not have and another object of a segment, or an argument of the
// function, does; the hint says where it belongs. `here` names the object.
void RefuseMisplacedKeys(const nlohmann::json& object, const std::string& here,
                         const std::vector<std::string>& valid);

}  // namespace pulse::segment
