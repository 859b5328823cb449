#include <gtest/gtest.h>

#include "pulse/base/local_time.hpp"
#include "time_zones.hpp"

namespace pulse {
namespace {

std::vector<Moment> Shown(const char* local, const OffsetAt& offset) {
    const LocalInstants found = InstantsOf(At(local), OffsetsAround(At(local), At(local), offset), offset);
    return {found.at.begin(), found.at.begin() + static_cast<long>(found.count)};
}

Moment Jump(const char* local, const OffsetAt& offset) {
    return EndOfGap(At(local), OffsetsAround(At(local), At(local), offset), offset);
}

TEST(BaseLocalTime, FloorGoesDown) {
    EXPECT_EQ(FloorTo(25, 24), 24);
    EXPECT_EQ(FloorTo(24, 24), 24);
    EXPECT_EQ(FloorTo(-1, 24), -24);
    EXPECT_EQ(FloorTo(-24, 24), -24);
}

TEST(BaseLocalTime, AnHourIsShownOnceTwiceOrNever) {
    using Instants = std::vector<Moment>;
    EXPECT_EQ(Shown("2024-01-15 12:00", Paris()), Instants{At("2024-01-15 11:00")});
    EXPECT_EQ(Shown("2024-03-31 01:59", Paris()), Instants{At("2024-03-31 00:59")});
    EXPECT_EQ(Shown("2024-03-31 02:30", Paris()), Instants{});
    EXPECT_EQ(Shown("2024-03-31 03:00", Paris()), Instants{At("2024-03-31 01:00")});
    EXPECT_EQ(Shown("2024-10-27 02:30", Paris()), (Instants{At("2024-10-27 00:30"), At("2024-10-27 01:30")}));
    EXPECT_EQ(Shown("2024-11-03 01:30", NewYork()),
              (Instants{At("2024-11-03 05:30"), At("2024-11-03 06:30")}));
    EXPECT_EQ(Shown("2024-04-07 01:45", LordHowe()),
              (Instants{At("2024-04-06 14:45"), At("2024-04-06 15:15")}));
}

TEST(BaseLocalTime, AGapEndsWhereTheClockJumps) {
    EXPECT_EQ(Jump("2024-03-31 02:00", Paris()), At("2024-03-31 01:00"));
    EXPECT_EQ(Jump("2024-03-31 02:59", Paris()), At("2024-03-31 01:00"));
    EXPECT_EQ(Jump("2024-03-10 02:30", NewYork()), At("2024-03-10 07:00"));
    EXPECT_EQ(Jump("2024-10-06 02:15", LordHowe()), At("2024-10-05 15:30"));
    // Samoa went over the date line: a whole day was left out.
    const TestZone samoa = Zone(-600, {{"2011-12-30 10:00", 840}});
    EXPECT_EQ(Shown("2011-12-30 12:00", samoa), std::vector<Moment>{});
    EXPECT_EQ(Jump("2011-12-30 12:00", samoa), At("2011-12-30 10:00"));
}

}  // namespace
}  // namespace pulse
