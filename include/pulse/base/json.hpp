// Text of JSON that comes from outside, read safely.
#pragma once

#include <nlohmann/json.hpp>

#include <string_view>

namespace pulse {

// Copying and printing JSON recurses; what nobody needs that deep must not reach the end of the stack.
inline constexpr int kDeepestJson = 200;

// Throws UserError (54000) where it is nested deeper, and nlohmann::json::exception where it is no JSON or
// holds a number beyond double precision.
nlohmann::json ParseJson(std::string_view text);

}  // namespace pulse
