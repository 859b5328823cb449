// Figures as people read them. Pure C++.
#pragma once

#include <cstdint>
#include <string>

namespace pulse {

// 1234567 → "1,234,567".
std::string Thousands(int64_t number);

}  // namespace pulse
