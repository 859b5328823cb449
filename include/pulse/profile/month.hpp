// Hours, days and months as the tables of events count them: from 2000-01-01 00:00 UTC. Pure C++.
#pragma once

#include <string>

#include "pulse/base/time.hpp"

namespace pulse::profile {

// Whole hours and days, negative before 2000.
int64_t HourOf(Moment moment);
int64_t DayOf(Moment moment);
// Months since January 2000, UTC; -1 for earlier moments.
int MonthOf(Moment moment);
// The first instant of a month.
Moment MonthBegin(int month);
// The suffix of a partition's name: y2026m11, or before_2000.
std::string MonthName(int month);
// The name of a table's partition for a month: event_y2026m11.
std::string PartitionName(const std::string& table, int month);

}  // namespace pulse::profile
