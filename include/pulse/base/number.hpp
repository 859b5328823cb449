// Figures as people read them. Pure C++.
#pragma once

#include <cstdint>
#include <string>

namespace pulse {

// 1234567 → "1,234,567".
std::string Thousands(int64_t number);

// "1 row", "1,234 rows".
std::string Plural(int64_t number, const std::string& noun);

}  // namespace pulse
