// Times of a clock on somebody's wall: quiet hours, full hours, an hour of the day. Pure C++; the zone is a
// function.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "pulse/base/time.hpp"

namespace pulse::delivery {

// Microseconds that the zone's clock is ahead of UTC at an instant.
using OffsetAt = std::function<int64_t(Moment)>;

// From one time of the day to another, in microseconds since midnight; may span midnight.
struct QuietHours {
    int64_t from = 0, until = 0;
};

// Reads "22:00-07:00". Throws UserError 22023.
QuietHours ParseQuietHours(const std::string& text);

// When the quiet hours that reign at an instant end; empty when none do.
std::optional<Moment> QuietUntil(const QuietHours& quiet, Moment moment, const OffsetAt& offset);

// The first instant after another at which the clock shows that time of the day, or jumps over it.
Moment NextTimeOfDay(int64_t time, Moment after, const OffsetAt& offset);

// The first full hour of the clock after an instant.
Moment NextFullHour(Moment after, const OffsetAt& offset);

}  // namespace pulse::delivery
