// Text from outside, made fit for a table. Pure C++.
#pragma once

#include <cstddef>
#include <string>

namespace pulse::delivery {

// The beginning of a text, so many characters of it, as valid UTF-8 without control characters but line
// breaks and tabs; what is not valid, and what is not ASCII unless `utf8`, becomes a question mark.
std::string Excerpt(const std::string& text, size_t characters, bool utf8);

}  // namespace pulse::delivery
