// Literals in their normal form, shared by text and JSON rules. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pulse::rule {

// Write a decimal such as "007.50" or "1e3" in its shortest form without exponent. Empty when `text` is no
// number or when it is not zero and outside 1e-300 … 1e300, where PostgreSQL's double precision would fail.
std::optional<std::string> NormalizeNumber(std::string_view text);

// Read "7d", "12h", "15m", "10s" or "2w" as seconds; empty if it is no duration, zero, or beyond
// kMaxDuration.
std::optional<int64_t> ParseDuration(std::string_view text);

// The pattern of `matches` as PostgreSQL reads it. \b and \B are borders of words, as everywhere else; in
// PostgreSQL \b is a backspace.
std::string RegularExpression(std::string_view pattern);

// Print seconds with the largest unit up to days that divides them, e.g. "7d" or "90m".
std::string PrintDuration(int64_t seconds);

}  // namespace pulse::rule
