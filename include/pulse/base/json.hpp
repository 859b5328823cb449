// JSON as text, read and written in one place: the library's parser and printer are templates that cost two
// seconds of compiling wherever they are used.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace pulse {

// Copying and printing JSON recurses: the depth is limited to protect the stack.
inline constexpr int kDeepestJson = 200;

// Throws UserError if it is nested more deeply (54000) or has a number out of the range of double precision
// (22003), and nlohmann::json::exception if it is not JSON.
nlohmann::json ParseJson(std::string_view text, int deepest = kDeepestJson);

// The same without a limit of depth; returns a discarded value (is_discarded()) if the text is not JSON.
nlohmann::json ParseJsonOrDiscard(std::string_view text);

// Compact JSON in UTF-8; bytes that are not UTF-8 become U+FFFD, so it never throws.
std::string DumpJson(const nlohmann::json& json);

}  // namespace pulse
