// Bucketing: published hashes, correct shares, and people who stay in a growing percentage.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "pulse/flag/bucketing.hpp"
#include "pulse/flag/murmur3.hpp"

namespace pulse::flag {
namespace {

TEST(FlagBucketing, MurmurAgreesWithThePublishedVectors) {
    EXPECT_EQ(Murmur3(""), 0u);
    EXPECT_EQ(Murmur3("", 1), 0x514E28B7u);
    EXPECT_EQ(Murmur3("", 0xffffffff), 0x81F16F39u);
    EXPECT_EQ(Murmur3("test"), 0xba6bd213u);
    EXPECT_EQ(Murmur3("test", 0x9747b28c), 0x704b81dcu);
    EXPECT_EQ(Murmur3("Hello, world!", 0x9747b28c), 0x24884CBAu);
    EXPECT_EQ(Murmur3("The quick brown fox jumps over the lazy dog", 0x9747b28c), 0x2FA826CDu);
    EXPECT_EQ(Murmur3("aaa", 0x9747b28c), 0x283e0130u);
    EXPECT_EQ(Murmur3("aa", 0x9747b28c), 0x5d211726u);
    EXPECT_EQ(Murmur3("a", 0x9747b28c), 0x7fa09ea6u);
    EXPECT_EQ(Murmur3("\xcf\x80\xcf\x80\xcf\x80\xcf\x80\xcf\x80\xcf\x80\xcf\x80\xcf\x80", 0x9747b28c),
              0xD58063C1u);  // UTF-8
}

struct Golden {
    const char* user;
    uint32_t hash;
    uint32_t bucket;
    int unleash, unleash_variant;
    int growthbook;
    double posthog;
};
constexpr Golden kGolden[] = {{"user-123", 2280669634u, 53100, 88, 446, 4295, 0.612385},
                              {"user-124", 405026276u, 9430, 84, 463, 4582, 0.918866},
                              {"u1", 2932679249u, 68281, 69, 757, 5219, 0.850774}};

TEST(FlagBucketing, GoldenVectorsOfNewCheckout) {
    for (const Golden& golden : kGolden) {
        EXPECT_EQ(Murmur3(std::string("new-checkout") + golden.user), golden.hash);
        EXPECT_EQ(ScaleHash(golden.hash, kBuckets), golden.bucket);
        EXPECT_EQ(ComputeBucketing(Dialect::kFlagd, "new-checkout", golden.user, 100, {1}).bucket,
                  static_cast<int>(golden.bucket));
        EXPECT_EQ(ComputeBucketing(Dialect::kUnleash, "new-checkout", golden.user, 100, {1}).bucket,
                  (golden.unleash - 1) * 1000);
        EXPECT_EQ(ComputeBucketing(Dialect::kGrowthBook, "new-checkout", golden.user, 100, {1}).bucket,
                  golden.growthbook * 10);
        EXPECT_EQ(ComputeBucketing(Dialect::kPostHog, "new-checkout", golden.user, 100, {1}).bucket,
                  static_cast<int>(golden.posthog * kBuckets));
    }
    // Pulse separates the salt and the id.
    EXPECT_EQ(Bucket("new-checkout", "user-123"), 50559);
    EXPECT_EQ(Bucket("new-checkout", "user-124"), 33311);
    EXPECT_EQ(Bucket("new-checkout", "u1"), 91507);
    EXPECT_EQ(*ComputeBucketing(Dialect::kPulse, "new-checkout", "user-123", 100, {1, 1}).variant_bucket,
              32435);
    EXPECT_NE(Bucket("a", "b:c"), Bucket("a:b", "cc"));
}

TEST(FlagBucketing, EdgeCasesOfDialects) {
    for (const Golden& golden : kGolden) {
        // Unleash: an id with number n is within a rollout of n %, and not below.
        EXPECT_TRUE(
            ComputeBucketing(Dialect::kUnleash, "new-checkout", golden.user, golden.unleash, {1}).weight);
        EXPECT_FALSE(
            ComputeBucketing(Dialect::kUnleash, "new-checkout", golden.user, golden.unleash - 1, {1}).weight);
        const double variant = golden.unleash_variant;
        EXPECT_EQ(
            *ComputeBucketing(Dialect::kUnleash, "new-checkout", golden.user, 100, {variant, 1000 - variant})
                 .weight,
            0u);
        EXPECT_EQ(*ComputeBucketing(Dialect::kUnleash, "new-checkout", golden.user, 100,
                                    {variant - 1, 1001 - variant})
                       .weight,
                  1u);
        // GrowthBook: a value that equals the coverage is included.
        EXPECT_TRUE(ComputeBucketing(Dialect::kGrowthBook, "new-checkout", golden.user,
                                     golden.growthbook / 100.0, {1})
                        .weight);
        EXPECT_FALSE(ComputeBucketing(Dialect::kGrowthBook, "new-checkout", golden.user,
                                      golden.growthbook / 100.0 - 0.005, {1})
                         .weight);
        // With variants the coverage shortens the range of each.
        const Bucketing whole =
            ComputeBucketing(Dialect::kGrowthBook, "new-checkout", golden.user, 100, {1, 1});
        EXPECT_EQ(*whole.weight, golden.growthbook < 5000 ? 0u : 1u);
        EXPECT_TRUE(ComputeBucketing(Dialect::kPostHog, "new-checkout", golden.user,
                                     golden.posthog * 100 + 0.001, {1})
                        .weight);
        EXPECT_FALSE(ComputeBucketing(Dialect::kPostHog, "new-checkout", golden.user,
                                      golden.posthog * 100 - 0.001, {1})
                         .weight);
    }
    EXPECT_FALSE(ComputeBucketing(Dialect::kUnleash, "x", "y", 0, {1}).weight);
    EXPECT_FALSE(ComputeBucketing(Dialect::kGrowthBook, "x", "y", 0, {1}).weight);
    EXPECT_FALSE(ComputeBucketing(Dialect::kFlagd, "x", "y", 0, {1}).weight);
    // flagd: 25 of 100 is the same people as 25 %.
    for (int i = 0; i < 2000; ++i) {
        const std::string id = "id" + std::to_string(i);
        EXPECT_EQ(ComputeBucketing(Dialect::kFlagd, "f", id, 25, {1}).weight.has_value(),
                  *ComputeBucketing(Dialect::kFlagd, "f", id, 100, {25, 75}).weight == 0)
            << id;
    }
}

TEST(FlagBucketing, SharesAreCorrect) {
    constexpr int kPeople = 200'000;
    for (const Dialect dialect :
         {Dialect::kPulse, Dialect::kUnleash, Dialect::kGrowthBook, Dialect::kPostHog, Dialect::kFlagd}) {
        int in = 0, second = 0;
        for (int i = 0; i < kPeople; ++i) {
            const std::string id = "user-" + std::to_string(i);
            in += ComputeBucketing(dialect, "shares", id, 30, {1}).weight.has_value();
            const Bucketing bucketing = ComputeBucketing(dialect, "shares", id, 100, {10, 0, 30});
            ASSERT_TRUE(bucketing.weight) << id;
            ASSERT_NE(*bucketing.weight, 1u) << "a weight of 0 gets nobody";
            second += *bucketing.weight == 2;
        }
        // Five standard errors.
        EXPECT_NEAR(in / static_cast<double>(kPeople), 0.30, 5 * std::sqrt(0.21 / kPeople)) << Name(dialect);
        EXPECT_NEAR(second / static_cast<double>(kPeople), 0.75, 5 * std::sqrt(0.1875 / kPeople))
            << Name(dialect);
    }
}

TEST(FlagBucketing, LargerPercentagesOnlyAddPeople) {
    for (const Dialect dialect :
         {Dialect::kPulse, Dialect::kUnleash, Dialect::kGrowthBook, Dialect::kPostHog, Dialect::kFlagd})
        for (int i = 0; i < 3000; ++i) {
            const std::string id = "p" + std::to_string(i);
            std::optional<size_t> before;
            for (const double percentage : {0.0, 0.001, 0.1, 1.0, 10.0, 33.333, 50.0, 99.999, 100.0}) {
                const Bucketing bucketing = ComputeBucketing(dialect, "grow", id, percentage, {1, 2, 3});
                if (before) {
                    ASSERT_TRUE(bucketing.weight) << Name(dialect) << " " << id << " left at " << percentage;
                    ASSERT_EQ(*before, *bucketing.weight)
                        << Name(dialect) << " " << id << " changed sides at " << percentage;
                }
                before = bucketing.weight;
            }
            ASSERT_TRUE(before);
        }
}

TEST(FlagBucketing, PercentagesAreExactToAThousandth) {
    for (int i = 0; i < 5000; ++i) {
        const std::string id = "e" + std::to_string(i);
        const int bucket = Bucket("edge", id);
        EXPECT_FALSE(ComputeBucketing(Dialect::kPulse, "edge", id, bucket / 1000.0, {1}).weight) << bucket;
        EXPECT_TRUE(ComputeBucketing(Dialect::kPulse, "edge", id, (bucket + 1) / 1000.0, {1}).weight)
            << bucket;
    }
}

TEST(FlagBucketing, TheVariantIsIndependentOfThePercentage) {
    // Each variant gets half of the first 10 %.
    int in = 0, first = 0;
    for (int i = 0; i < 100'000; ++i) {
        const Bucketing bucketing =
            ComputeBucketing(Dialect::kPulse, "apart", "u" + std::to_string(i), 10, {1, 1});
        in += bucketing.weight.has_value();
        first += bucketing.weight == 0u;
    }
    EXPECT_NEAR(first / static_cast<double>(in), 0.5, 5 * std::sqrt(0.25 / in));
}

}  // namespace
}  // namespace pulse::flag
