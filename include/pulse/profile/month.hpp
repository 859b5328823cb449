// Months as partitions count them. Pure C++.
#pragma once

#include <string>

#include "pulse/base/time.hpp"

namespace pulse::profile {

// Months since January 2000, UTC; -1 for earlier moments.
int MonthOf(Moment moment);
// The first instant of a month.
Moment MonthBegin(int month);
// The suffix of a partition's name: y2026m11, or before_2000.
std::string MonthName(int month);
// The name of a table's partition for a month: event_y2026m11.
std::string PartitionName(const std::string& table, int month);

}  // namespace pulse::profile
