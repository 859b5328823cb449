// Local times: quiet hours, full hours, times of day. Pure C++; the time zone is a function.
#pragma once

#include <optional>
#include <string>

#include "pulse/base/local_time.hpp"

namespace pulse::delivery {

// From one time of day to another, in microseconds since midnight; may span midnight.
struct QuietHours {
    int64_t from = 0, until = 0;
};

// Reads "22:00-07:00". Throws UserError 22023.
QuietHours ParseQuietHours(const std::string& text);

// The end of the quiet hours at an instant; empty outside of them.
std::optional<Moment> QuietUntil(const QuietHours& quiet, Moment moment, const OffsetAt& offset);

// The first instant after another at which the clock shows this time of day, or skips it.
Moment NextTimeOfDay(int64_t time, Moment after, const OffsetAt& offset);

// The first full hour of the clock after an instant.
Moment NextFullHour(Moment after, const OffsetAt& offset);

}  // namespace pulse::delivery
