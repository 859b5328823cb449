// Days, weeks and months of a calendar in local time, as numbers. Pure C++.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pulse::insight {

// Weeks begin on Monday.
enum class CalendarPeriod : uint8_t { kDay, kWeek, kMonth };

// "day", "week", "month".
const char* Name(CalendarPeriod period);
// Throws UserError 22023 that lists the periods. `name` is the argument.
CalendarPeriod ParsePeriod(std::string_view text, const char* name);

// Days are counted from 2000-01-01, as in the type date.
// The number of the period that contains a day. Numbers of consecutive periods differ by one.
int64_t PeriodOf(int64_t day, CalendarPeriod period);
// The first day of a period.
int64_t FirstDayOf(int64_t number, CalendarPeriod period);
inline int64_t DaysIn(int64_t number, CalendarPeriod period) {
    return FirstDayOf(number + 1, period) - FirstDayOf(number, period);
}

// PeriodOf() in SQL: an integer, of a timestamptz in a time zone. Both are SQL.
std::string PeriodSql(CalendarPeriod period, const std::string& time, const std::string& zone);

}  // namespace pulse::insight
