// The keys of the objects that define a segment. Pure C++.
#pragma once

#include <string>
#include <vector>

#include "pulse/base/suggest.hpp"

namespace pulse::segment {

extern const std::vector<std::string> kDefinitionKeys, kBaselineKeys, kThresholdKeys;

// Where each belongs, for a key in the wrong one of them.
const std::vector<Elsewhere>& KeysElsewhere();

}  // namespace pulse::segment
