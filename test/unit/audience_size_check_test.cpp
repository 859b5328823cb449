#include <gtest/gtest.h>

#include "pulse/audience/size_check.hpp"

namespace pulse::audience {
namespace {

SizeCounts Counts(int64_t low, int64_t high) {
    SizeCounts counts;
    counts.people = 10'000;
    counts.low = low;
    counts.high = high;
    counts.usual_share = 0.6;
    counts.least = 1'000;
    counts.tolerance = 0.3;
    return counts;
}

TEST(AudienceSizeCheck, WithinTheTolerance) {
    const SizeVerdict verdict = CheckSize(Counts(5'000, 6'100));
    EXPECT_TRUE(verdict.compared);
    EXPECT_FALSE(verdict.parted);
    EXPECT_DOUBLE_EQ(verdict.share, 0.61);
    // The bounds themselves.
    EXPECT_FALSE(CheckSize(Counts(4'000, 4'200)).parted);
    EXPECT_FALSE(CheckSize(Counts(13'000, 13'000)).parted);
}

TEST(AudienceSizeCheck, FewerThanUsual) {
    const SizeVerdict verdict = CheckSize(Counts(4'000, 4'100));
    EXPECT_TRUE(verdict.parted);
    EXPECT_EQ(
        verdict.reason,
        "The platform has 4,000 to 4,100 people, and 10,000 were sent; it used to have 6,000 of so many.");
    // The first size is what later ones are compared with: platforms match only a part.
    SizeCounts first = Counts(100, 100);
    first.usual_share = std::nullopt;
    EXPECT_TRUE(CheckSize(first).compared);
    EXPECT_FALSE(CheckSize(first).parted);
}

TEST(AudienceSizeCheck, MoreThanWereSent) {
    SizeCounts counts = Counts(13'001, 13'001);
    counts.usual_share = std::nullopt;
    EXPECT_TRUE(CheckSize(counts).parted);
    EXPECT_EQ(CheckSize(counts).reason, "The platform has 13,001 people, and 10,000 were sent.");
    counts.high = std::nullopt;
    EXPECT_EQ(CheckSize(counts).reason, "The platform has at least 13,001 people, and 10,000 were sent.");
}

TEST(AudienceSizeCheck, NotCompared) {
    EXPECT_FALSE(CheckSize(SizeCounts{}).compared);
    SizeCounts counts = Counts(1, 1);
    counts.people = 999;  // the platform says little about so few
    EXPECT_FALSE(CheckSize(counts).compared);
    counts = Counts(1, 1);
    counts.tolerance = 0;
    EXPECT_FALSE(CheckSize(counts).compared);
    counts = Counts(1, 1);
    counts.low = counts.high = std::nullopt;
    EXPECT_FALSE(CheckSize(counts).compared);
    counts = Counts(1, 1);
    counts.moved = 1'501;  // it lags behind
    EXPECT_FALSE(CheckSize(counts).compared);
    counts.moved = 1'500;
    EXPECT_TRUE(CheckSize(counts).parted);
    counts = Counts(0, 0);
    counts.people = 0;
    counts.least = 0;
    EXPECT_FALSE(CheckSize(counts).compared);
}

}  // namespace
}  // namespace pulse::audience
