// Drawing: published hashes, shares that come out as asked, and nobody who ever leaves a growing percentage.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "pulse/flag/bucketing.hpp"
#include "pulse/flag/murmur3.hpp"

namespace pulse::flag {
namespace {

TEST(FlagDraw, MurmurAgreesWithThePublishedVectors) {
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

TEST(FlagDraw, GoldenVectorsOfNewCheckout) {
    for (const Golden& golden : kGolden) {
        EXPECT_EQ(Murmur3(std::string("new-checkout") + golden.user), golden.hash);
        EXPECT_EQ(Scale(golden.hash, kBuckets), golden.bucket);
        EXPECT_EQ(Draw(Dialect::kFlagd, "new-checkout", golden.user, 100, {1}).bucket,
                  static_cast<int>(golden.bucket));
        EXPECT_EQ(Draw(Dialect::kUnleash, "new-checkout", golden.user, 100, {1}).bucket,
                  (golden.unleash - 1) * 1000);
        EXPECT_EQ(Draw(Dialect::kGrowthBook, "new-checkout", golden.user, 100, {1}).bucket,
                  golden.growthbook * 10);
        EXPECT_EQ(Draw(Dialect::kPostHog, "new-checkout", golden.user, 100, {1}).bucket,
                  static_cast<int>(golden.posthog * kBuckets));
    }
    // Ours: the salt and the id are kept apart.
    EXPECT_EQ(Bucket("new-checkout", "user-123"), 50559);
    EXPECT_EQ(Bucket("new-checkout", "user-124"), 33311);
    EXPECT_EQ(Bucket("new-checkout", "u1"), 91507);
    EXPECT_EQ(*Draw(Dialect::kPulse, "new-checkout", "user-123", 100, {1, 1}).second, 32435);
    EXPECT_NE(Bucket("a", "b:c"), Bucket("a:b", "cc"));
}

TEST(FlagDraw, DialectsHaveTheirOwnEdges) {
    for (const Golden& golden : kGolden) {
        // Unleash: its place is within a rollout of the same number, and not below.
        EXPECT_TRUE(Draw(Dialect::kUnleash, "new-checkout", golden.user, golden.unleash, {1}).share);
        EXPECT_FALSE(Draw(Dialect::kUnleash, "new-checkout", golden.user, golden.unleash - 1, {1}).share);
        const double variant = golden.unleash_variant;
        EXPECT_EQ(*Draw(Dialect::kUnleash, "new-checkout", golden.user, 100, {variant, 1000 - variant}).share,
                  0u);
        EXPECT_EQ(
            *Draw(Dialect::kUnleash, "new-checkout", golden.user, 100, {variant - 1, 1001 - variant}).share,
            1u);
        // GrowthBook: a value that equals the coverage is in.
        EXPECT_TRUE(
            Draw(Dialect::kGrowthBook, "new-checkout", golden.user, golden.growthbook / 100.0, {1}).share);
        EXPECT_FALSE(
            Draw(Dialect::kGrowthBook, "new-checkout", golden.user, golden.growthbook / 100.0 - 0.005, {1})
                .share);
        // With variants the coverage shortens the range of each.
        const Drawn whole = Draw(Dialect::kGrowthBook, "new-checkout", golden.user, 100, {1, 1});
        EXPECT_EQ(*whole.share, golden.growthbook < 5000 ? 0u : 1u);
        EXPECT_TRUE(
            Draw(Dialect::kPostHog, "new-checkout", golden.user, golden.posthog * 100 + 0.001, {1}).share);
        EXPECT_FALSE(
            Draw(Dialect::kPostHog, "new-checkout", golden.user, golden.posthog * 100 - 0.001, {1}).share);
    }
    EXPECT_FALSE(Draw(Dialect::kUnleash, "x", "y", 0, {1}).share);
    EXPECT_FALSE(Draw(Dialect::kGrowthBook, "x", "y", 0, {1}).share);
    EXPECT_FALSE(Draw(Dialect::kFlagd, "x", "y", 0, {1}).share);
    // flagd: 25 of 100 is the same people as 25 %.
    for (int i = 0; i < 2000; ++i) {
        const std::string id = "id" + std::to_string(i);
        EXPECT_EQ(Draw(Dialect::kFlagd, "f", id, 25, {1}).share.has_value(),
                  *Draw(Dialect::kFlagd, "f", id, 100, {25, 75}).share == 0)
            << id;
    }
}

TEST(FlagDraw, SharesComeOutAsAsked) {
    constexpr int kPeople = 200'000;
    for (const Dialect dialect :
         {Dialect::kPulse, Dialect::kUnleash, Dialect::kGrowthBook, Dialect::kPostHog, Dialect::kFlagd}) {
        int in = 0, second = 0;
        for (int i = 0; i < kPeople; ++i) {
            const std::string id = "user-" + std::to_string(i);
            in += Draw(dialect, "shares", id, 30, {1}).share.has_value();
            const Drawn drawn = Draw(dialect, "shares", id, 100, {10, 0, 30});
            ASSERT_TRUE(drawn.share) << id;
            ASSERT_NE(*drawn.share, 1u) << "a weight of 0 is nobody's";
            second += *drawn.share == 2;
        }
        // Five standard errors.
        EXPECT_NEAR(in / static_cast<double>(kPeople), 0.30, 5 * std::sqrt(0.21 / kPeople)) << Name(dialect);
        EXPECT_NEAR(second / static_cast<double>(kPeople), 0.75, 5 * std::sqrt(0.1875 / kPeople))
            << Name(dialect);
    }
}

TEST(FlagDraw, GrowingOnlyAddsPeopleAndKeepsTheirVariant) {
    for (const Dialect dialect :
         {Dialect::kPulse, Dialect::kUnleash, Dialect::kGrowthBook, Dialect::kPostHog, Dialect::kFlagd})
        for (int i = 0; i < 3000; ++i) {
            const std::string id = "p" + std::to_string(i);
            std::optional<size_t> before;
            for (const double percentage : {0.0, 0.001, 0.1, 1.0, 10.0, 33.333, 50.0, 99.999, 100.0}) {
                const Drawn drawn = Draw(dialect, "grow", id, percentage, {1, 2, 3});
                if (before) {
                    ASSERT_TRUE(drawn.share) << Name(dialect) << " " << id << " left at " << percentage;
                    ASSERT_EQ(*before, *drawn.share)
                        << Name(dialect) << " " << id << " changed sides at " << percentage;
                }
                before = drawn.share;
            }
            ASSERT_TRUE(before);
        }
}

TEST(FlagDraw, PercentagesAreExactToAThousandth) {
    for (int i = 0; i < 5000; ++i) {
        const std::string id = "e" + std::to_string(i);
        const int bucket = Bucket("edge", id);
        EXPECT_FALSE(Draw(Dialect::kPulse, "edge", id, bucket / 1000.0, {1}).share) << bucket;
        EXPECT_TRUE(Draw(Dialect::kPulse, "edge", id, (bucket + 1) / 1000.0, {1}).share) << bucket;
    }
}

TEST(FlagDraw, TheVariantIsDrawnApartFromThePercentage) {
    // Of those in the first 10 % each variant has its half.
    int in = 0, first = 0;
    for (int i = 0; i < 100'000; ++i) {
        const Drawn drawn = Draw(Dialect::kPulse, "apart", "u" + std::to_string(i), 10, {1, 1});
        in += drawn.share.has_value();
        first += drawn.share == 0u;
    }
    EXPECT_NEAR(first / static_cast<double>(in), 0.5, 5 * std::sqrt(0.25 / in));
}

}  // namespace
}  // namespace pulse::flag
