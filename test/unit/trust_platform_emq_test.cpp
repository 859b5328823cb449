#include "pulse/trust/platform_emq.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <random>

namespace pulse::trust {

namespace {

TEST(PlatformEmq, LatencyAndFreshnessFallAlongTheirCorners) {
    EXPECT_EQ(LatencyScore(0), 100);
    EXPECT_EQ(LatencyScore(1), 90);
    EXPECT_EQ(LatencyScore(4), 70);
    EXPECT_EQ(LatencyScore(8), 55);
    EXPECT_EQ(LatencyScore(12), 40);
    EXPECT_EQ(LatencyScore(24), 0);
    EXPECT_EQ(LatencyScore(1000), 0);
    EXPECT_EQ(PlatformFreshnessScore(kHour), 100);
    EXPECT_EQ(PlatformFreshnessScore(6 * kHour), 80);
    EXPECT_EQ(PlatformFreshnessScore(kDay), 40);
    EXPECT_EQ(PlatformFreshnessScore(36 * kHour), 20);
    EXPECT_EQ(PlatformFreshnessScore(3 * kDay), 0);
    EXPECT_EQ(PlatformFreshnessScore(-1), 0);
}

TEST(PlatformEmq, WeighsFiveDrivers) {
    const PlatformReading now{.match_rate = 0.8, .coverage = 0.9, .latency = 1, .variance = 0.04, .age = 0};
    const PlatformReading before{
        .match_rate = 0.7, .coverage = 0.93, .latency = 1, .variance = {}, .age = {}};
    const PlatformEmq emq = ComputePlatformEmq(now, before);
    // 24 + 22.5 + 18 + 13.8 + 10
    EXPECT_DOUBLE_EQ(emq.score.value(), 88.3);
    EXPECT_STREQ(emq.band, "reliable");
    EXPECT_DOUBLE_EQ(emq.known, 1);
    EXPECT_STREQ(emq.drivers[0].trend, "rising");
    EXPECT_STREQ(emq.drivers[1].trend, "falling");
    EXPECT_STREQ(emq.drivers[2].trend, "stable");
    EXPECT_STREQ(emq.drivers[3].trend, "unknown");
}

TEST(PlatformEmq, WhatIsUnknownGivesItsWeightAway) {
    const PlatformEmq emq =
        ComputePlatformEmq({.match_rate = 0.5, .coverage = {}, .latency = {}, .variance = {}, .age = {}}, {});
    EXPECT_EQ(emq.score, 50);
    EXPECT_STREQ(emq.band, "unsafe");
    EXPECT_DOUBLE_EQ(emq.known, 0.30);
    EXPECT_EQ(emq.drivers[0].weight, 1);
    // The age alone is no quality.
    EXPECT_FALSE(
        ComputePlatformEmq({.match_rate = {}, .coverage = {}, .latency = {}, .variance = {}, .age = 0}, {})
            .score);
    EXPECT_FALSE(ComputePlatformEmq({}, {}).score);
}

TEST(PlatformEmq, EveryScoreIsFromZeroToHundred) {
    std::mt19937_64 random(5);
    const double odd[] = {0,
                          1,
                          -1,
                          1e308,
                          -1e308,
                          0.3,
                          std::numeric_limits<double>::quiet_NaN(),
                          std::numeric_limits<double>::infinity()};
    const auto number = [&]() -> std::optional<double> {
        if (random() % 4 == 0) return std::nullopt;
        return odd[random() % std::size(odd)];
    };
    for (int round = 0; round < 10'000; ++round) {
        const PlatformReading now{
            number(), number(), number(), number(),
            random() % 2 ? std::optional<int64_t>(static_cast<int64_t>(random())) : std::nullopt};
        const PlatformEmq emq = ComputePlatformEmq(now, {});
        ASSERT_TRUE(!emq.score || (*emq.score >= 0 && *emq.score <= 100));
        for (const EmqDriver& driver : emq.drivers)
            ASSERT_TRUE(!driver.score || (*driver.score >= 0 && *driver.score <= 100)) << driver.name;
    }
}

}  // namespace

}  // namespace pulse::trust
