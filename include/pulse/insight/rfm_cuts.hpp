// Reading the cut points that a user gives. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "pulse/insight/rfm.hpp"

namespace pulse::insight {

// "fixed", "quintiles", or an object such as {"recency": [7, 30, 90, 180]}: keys that are left out stay.
// Throws UserError 22023.
void ReadRfmCuts(const nlohmann::json& cuts, RfmSettings& settings);

}  // namespace pulse::insight
