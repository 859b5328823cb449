#include "pulse/base/time.hpp"

#include <chrono>
#include <cstdio>

namespace pulse {

namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::microseconds;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr sys_days kEpoch = std::chrono::January / 1 / 2000;

struct Parts {
    year_month_day date;
    int64_t within_day;  // microseconds since midnight
};

Parts Split(Moment moment) {
    const std::chrono::sys_time<microseconds> instant = kEpoch + microseconds(moment);
    const sys_days midnight = floor<days>(instant);
    return {year_month_day(midnight), (instant - midnight).count()};
}

}  // namespace

std::string FormatDate(Moment moment) {
    const Parts parts = Split(moment);
    char text[32];
    std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(parts.date.year()),
                  static_cast<unsigned>(parts.date.month()), static_cast<unsigned>(parts.date.day()));
    return text;
}

std::string FormatMoment(Moment moment) {
    const int64_t within = Split(moment).within_day;
    char text[32];
    std::snprintf(text, sizeof text, " %02d:%02d:%02d", static_cast<int>(within / kHour),
                  static_cast<int>(within / kMinute % 60), static_cast<int>(within / kSecond % 60));
    std::string result = FormatDate(moment) + text;
    if (within % kSecond != 0) {
        std::snprintf(text, sizeof text, ".%06d", static_cast<int>(within % kSecond));
        result += text;
    }
    return result + "+00";
}

}  // namespace pulse
