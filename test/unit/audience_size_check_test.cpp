#include <gtest/gtest.h>

#include "pulse/audience/size_check.hpp"

namespace pulse::audience {
namespace {

SizeLook Look(int64_t low, int64_t high) {
    SizeLook look;
    look.people = 10'000;
    look.low = low;
    look.high = high;
    look.usual_share = 0.6;
    look.least = 1'000;
    look.tolerance = 0.3;
    return look;
}

TEST(AudienceSizeCheck, WithinTheTolerance) {
    const SizeVerdict verdict = CheckSize(Look(5'000, 6'100));
    EXPECT_TRUE(verdict.compared);
    EXPECT_FALSE(verdict.parted);
    EXPECT_DOUBLE_EQ(verdict.share, 0.61);
    // The bounds themselves.
    EXPECT_FALSE(CheckSize(Look(4'000, 4'200)).parted);
    EXPECT_FALSE(CheckSize(Look(13'000, 13'000)).parted);
}

TEST(AudienceSizeCheck, FewerThanUsual) {
    const SizeVerdict verdict = CheckSize(Look(4'000, 4'100));
    EXPECT_TRUE(verdict.parted);
    EXPECT_EQ(
        verdict.reason,
        "The platform has 4,000 to 4,100 people, and 10,000 were sent; it used to have 6,000 of so many.");
    // The first size is what later ones are compared with: platforms match only a part.
    SizeLook first = Look(100, 100);
    first.usual_share = std::nullopt;
    EXPECT_TRUE(CheckSize(first).compared);
    EXPECT_FALSE(CheckSize(first).parted);
}

TEST(AudienceSizeCheck, MoreThanWereSent) {
    SizeLook look = Look(13'001, 13'001);
    look.usual_share = std::nullopt;
    EXPECT_TRUE(CheckSize(look).parted);
    EXPECT_EQ(CheckSize(look).reason, "The platform has 13,001 people, and 10,000 were sent.");
    look.high = std::nullopt;
    EXPECT_EQ(CheckSize(look).reason, "The platform has at least 13,001 people, and 10,000 were sent.");
}

TEST(AudienceSizeCheck, NotCompared) {
    EXPECT_FALSE(CheckSize(SizeLook{}).compared);
    SizeLook look = Look(1, 1);
    look.people = 999;  // the platform says little about so few
    EXPECT_FALSE(CheckSize(look).compared);
    look = Look(1, 1);
    look.tolerance = 0;
    EXPECT_FALSE(CheckSize(look).compared);
    look = Look(1, 1);
    look.low = look.high = std::nullopt;
    EXPECT_FALSE(CheckSize(look).compared);
    look = Look(1, 1);
    look.moved = 1'501;  // it lags behind
    EXPECT_FALSE(CheckSize(look).compared);
    look.moved = 1'500;
    EXPECT_TRUE(CheckSize(look).parted);
    look = Look(0, 0);
    look.people = 0;
    look.least = 0;
    EXPECT_FALSE(CheckSize(look).compared);
}

}  // namespace
}  // namespace pulse::audience
