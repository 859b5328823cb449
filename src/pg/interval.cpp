#include "pulse/pg/interval.hpp"

#include <algorithm>

extern "C" {
#include "utils/timestamp.h"
}

namespace pulse::pg {

int64_t IntervalLength(Datum interval) {
    const Interval* parts = DatumGetIntervalP(interval);
    const double days = parts->day + 30.0 * parts->month;
    const double length = static_cast<double>(parts->time) + days * static_cast<double>(kDay);
    constexpr auto kMost = static_cast<double>(kLongestInterval);
    return static_cast<int64_t>(std::clamp(length, -kMost, kMost));
}

}  // namespace pulse::pg
