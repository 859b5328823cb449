// Instants of a zone's clock: where it is set forward it skips a gap, where it is set back it repeats an
// hour. Pure C++; the zone is a function.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "pulse/base/time.hpp"

namespace pulse {

// Microseconds that the zone's clock is ahead of UTC at an instant.
using OffsetAt = std::function<int64_t(Moment)>;

// The largest multiple of `step` that is not above `value`.
constexpr int64_t FloorTo(int64_t value, int64_t step) {
    const int64_t rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

// What a clock is ahead of UTC before and after a day on which it may change.
struct ClockOffsets {
    int64_t before = 0, after = 0;
};

// Those around local times `from` to `until`, in microseconds since 2000-01-01 00:00 of the clock.
ClockOffsets OffsetsAround(Moment from, Moment until, const OffsetAt& offset);

// The instants at which the clock shows a local time, the earlier one first: none in a gap, two in a repeated
// hour.
struct LocalInstants {
    std::array<Moment, 2> at{};
    size_t count = 0;
};
LocalInstants InstantsOf(Moment local, const ClockOffsets& offsets, const OffsetAt& offset);

// The instant at which the clock jumps over a local time that it never shows.
Moment EndOfGap(Moment local, const ClockOffsets& offsets, const OffsetAt& offset);

}  // namespace pulse
