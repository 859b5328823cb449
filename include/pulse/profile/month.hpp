// Months as partitions count them. Pure C++.
#pragma once

#include <string>

#include "pulse/base/time.hpp"

namespace pulse::profile {

// Months since January 2000, UTC; -1 for all that is older.
int MonthOf(Moment moment);
// The first instant of a month.
Moment MonthBegin(int month);
// What a partition's name ends with: y2026m11, or before_2000.
std::string MonthName(int month);

}  // namespace pulse::profile
