// Instants and time zones for tests of local times.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <utility>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse {

using TestZone = std::function<int64_t(Moment)>;

inline Moment At(const char* text) {
    const auto moment = ParseMoment(text);
    EXPECT_TRUE(moment) << text;
    return moment.value_or(0);
}

// A zone by its changes: before the first instant `initial`, from each instant on the offset beside it.
// Minutes ahead of UTC.
inline TestZone Zone(int initial, std::vector<std::pair<const char*, int>> changes) {
    return [=](Moment moment) {
        int minutes = initial;
        for (const auto& [from, offset] : changes)
            if (moment >= At(from)) minutes = offset;
        return minutes * kMinute;
    };
}

inline TestZone Utc() {
    return Zone(0, {});
}
inline TestZone Paris() {
    return Zone(60, {{"2024-03-31 01:00", 120}, {"2024-10-27 01:00", 60}, {"2025-03-30 01:00", 120}});
}
inline TestZone NewYork() {
    return Zone(-300, {{"2024-03-10 07:00", -240}, {"2024-11-03 06:00", -300}});
}
inline TestZone Kathmandu() {
    return Zone(345, {});
}
// Half an hour of daylight saving.
inline TestZone LordHowe() {
    return Zone(660, {{"2024-04-06 15:00", 630}, {"2024-10-05 15:30", 660}});
}

}  // namespace pulse
