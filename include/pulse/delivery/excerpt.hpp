// Shortens and cleans text from outside for storing it in a table. Pure C++.
#pragma once

#include <cstddef>
#include <string>

namespace pulse::delivery {

// The first characters of a text as valid UTF-8, with line breaks and tabs but no other control characters.
// Invalid bytes become question marks.
std::string Excerpt(const std::string& text, size_t characters);

}  // namespace pulse::delivery
