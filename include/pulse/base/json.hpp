// JSON as text, read and written in one place: the library's parser and printer are templates that cost two
// seconds of compiling wherever they are used.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace pulse {

// Copying and printing JSON recurses; what nobody needs that deep must not reach the end of the stack.
inline constexpr int kDeepestJson = 200;

// Throws UserError (54000) where it is nested deeper, and nlohmann::json::exception where it is no JSON or
// holds a number beyond double precision.
nlohmann::json ParseJson(std::string_view text, int deepest = kDeepestJson);

// The same without a limit of depth; a discarded value (is_discarded()) where the text is no JSON.
nlohmann::json ParseJsonOrDiscard(std::string_view text);

// Compact JSON in UTF-8; bytes that are not UTF-8 become U+FFFD, so it never throws.
std::string DumpJson(const nlohmann::json& json);

}  // namespace pulse
