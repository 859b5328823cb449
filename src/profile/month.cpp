#include "pulse/profile/month.hpp"

#include <chrono>

#include "pulse/base/local_time.hpp"

namespace pulse::profile {

namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month;

constexpr sys_days kEpoch = std::chrono::year{2000} / 1 / 1;
constexpr year_month kFirst = std::chrono::year{2000} / std::chrono::January;

}  // namespace

int64_t HourOf(Moment moment) {
    return FloorTo(moment, kHour) / kHour;
}

int64_t DayOf(Moment moment) {
    return FloorTo(moment, kDay) / kDay;
}

int MonthOf(Moment moment) {
    if (moment < 0) return -1;
    const std::chrono::year_month_day day{kEpoch + days(moment / kDay)};
    return static_cast<int>((year_month{day.year(), day.month()} - kFirst).count());
}

Moment MonthBegin(int month) {
    const year_month begin = kFirst + std::chrono::months(month);
    return (sys_days{begin / 1} - kEpoch).count() * kDay;
}

std::string MonthName(int month) {
    if (month < 0) return "before_2000";
    const int year = 2000 + month / 12, number = month % 12 + 1;
    return "y" + std::to_string(year) + "m" + (number < 10 ? "0" : "") + std::to_string(number);
}

std::string PartitionName(const std::string& table, int month) {
    return table + "_" + MonthName(month);
}

}  // namespace pulse::profile
