#include "pulse/audience/access_token.hpp"

#include <gtest/gtest.h>

#include "audience_testing.hpp"

namespace pulse::audience {
namespace {

using testing::MakeAudienceDestination;

TEST(AudienceAccessToken, IsRenewedWhereThePlatformWantsIt) {
    AccessTokens tokens;
    const Destination meta = MakeAudienceDestination(Platform::kMeta),
                      google = MakeAudienceDestination(Platform::kGoogle);
    EXPECT_FALSE(tokens.MustRenew(meta, 0));
    EXPECT_EQ(tokens.Of(meta), "token-of-the-platform");
    EXPECT_TRUE(tokens.MustRenew(google, 0));
    tokens.Take(google.name, {"fresh", std::nullopt, kHour}, 0);
    EXPECT_EQ(tokens.Of(google), "fresh");
    EXPECT_FALSE(tokens.MustRenew(google, kHour - 2 * kMinute));
    EXPECT_TRUE(tokens.MustRenew(google, kHour - kMinute));  // before it ends
    tokens.Drop(google.name);
    EXPECT_TRUE(tokens.MustRenew(google, 0));
}

TEST(AudienceAccessToken, LifetimesThatAreShortOrUnsaid) {
    AccessTokens tokens;
    const Destination google = MakeAudienceDestination(Platform::kGoogle);
    tokens.Take(google.name, {"short", std::nullopt, 10 * kSecond}, 0);
    EXPECT_FALSE(tokens.MustRenew(google, 4 * kSecond));
    EXPECT_TRUE(tokens.MustRenew(google, 5 * kSecond));
    tokens.Take(google.name, {"unsaid", std::nullopt, 0}, 0);
    EXPECT_FALSE(tokens.MustRenew(google, 8 * kMinute));
    EXPECT_TRUE(tokens.MustRenew(google, 9 * kMinute));
}

TEST(AudienceAccessToken, RotatedRefreshTokensAreWrittenFirst) {
    AccessTokens tokens;
    const Destination google = MakeAudienceDestination(Platform::kGoogle);
    EXPECT_EQ(tokens.Unwritten(google.name), nullptr);
    tokens.Take(google.name, {"a", "refresh-2", kHour}, 0);
    ASSERT_NE(tokens.Unwritten(google.name), nullptr);
    EXPECT_EQ(*tokens.Unwritten(google.name), "refresh-2");
    // A grant without another one does not forget it.
    tokens.Take(google.name, {"b", std::nullopt, kHour}, 0);
    ASSERT_NE(tokens.Unwritten(google.name), nullptr);
    tokens.Written(google.name);
    EXPECT_EQ(tokens.Unwritten(google.name), nullptr);
}

}  // namespace
}  // namespace pulse::audience
