#include "pulse/insight/calendar.hpp"

#include <chrono>

#include "pulse/base/error.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/base/utf8.hpp"

namespace pulse::insight {

namespace {

using std::chrono::sys_days;

constexpr int64_t kEpochDay = 10'957;  // 2000-01-01, in days since 1970-01-01
constexpr int64_t kFirstMonday = 2;    // 2000-01-03
constexpr int64_t kMonths = 12;

int64_t FloorDivide(int64_t value, int64_t by) {
    return value >= 0 ? value / by : -((-value + by - 1) / by);
}

}  // namespace

const char* Name(CalendarPeriod period) {
    switch (period) {
        case CalendarPeriod::kDay: return "day";
        case CalendarPeriod::kWeek: return "week";
        case CalendarPeriod::kMonth: return "month";
    }
    return "day";
}

CalendarPeriod ParsePeriod(std::string_view text, const char* name) {
    for (const CalendarPeriod period : {CalendarPeriod::kDay, CalendarPeriod::kWeek, CalendarPeriod::kMonth})
        if (text == Name(period)) return period;
    ThrowInvalid("\"" + std::string(name) + "\" is unknown",
                 "It is " + InQuotes(Shorten(std::string(text), 80)) + ".", "Give 'day', 'week' or 'month'.");
}

int64_t PeriodOf(int64_t day, CalendarPeriod period) {
    switch (period) {
        case CalendarPeriod::kDay: return day;
        case CalendarPeriod::kWeek: return FloorDivide(day - kFirstMonday, 7);
        case CalendarPeriod::kMonth: {
            const std::chrono::year_month_day date{sys_days{std::chrono::days{day + kEpochDay}}};
            return int64_t{static_cast<int>(date.year())} * kMonths + static_cast<unsigned>(date.month()) - 1;
        }
    }
    return day;
}

int64_t FirstDayOf(int64_t number, CalendarPeriod period) {
    switch (period) {
        case CalendarPeriod::kDay: return number;
        case CalendarPeriod::kWeek: return number * 7 + kFirstMonday;
        case CalendarPeriod::kMonth: {
            const int64_t year = FloorDivide(number, kMonths);
            const std::chrono::year_month_day date{
                std::chrono::year{static_cast<int>(year)},
                std::chrono::month{static_cast<unsigned>(number - year * kMonths + 1)}, std::chrono::day{1}};
            return sys_days{date}.time_since_epoch().count() - kEpochDay;
        }
    }
    return number;
}

std::string PeriodSql(CalendarPeriod period, const std::string& time, const std::string& zone) {
    const std::string local = "(" + time + " AT TIME ZONE " + zone + ")";
    switch (period) {
        case CalendarPeriod::kDay: return "(" + local + "::date - '2000-01-01'::date)";
        case CalendarPeriod::kWeek:
            return "((pg_catalog.date_trunc('week', " + local + ")::date - '2000-01-03'::date) / 7)";
        case CalendarPeriod::kMonth:
            return "(pg_catalog.date_part('year', " + local + ") * 12 + pg_catalog.date_part('month', " +
                   local + ") - 1)::integer";
    }
    return local;
}

}  // namespace pulse::insight
