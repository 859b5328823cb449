#include <gtest/gtest.h>

#include "pulse/web/gateway/network.hpp"
#include "pulse/web/gateway/presented_key.hpp"
#include "pulse/web/gateway/rate_limiter.hpp"
#include "pulse/web/key.hpp"

namespace pulse::web::gateway {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

http::IpAddress Ip(const char* text) {
    return *http::ParseIpAddress(text);
}

TEST(GatewayNetwork, ContainsAddresses) {
    const Networks networks({"10.0.0.0/8", "192.0.2.1", "2001:db8::/33", "nonsense"});
    for (const char* inside : {"10.0.0.0", "10.255.255.255", "192.0.2.1", "2001:db8:7fff::1"})
        EXPECT_TRUE(networks.Contains(Ip(inside))) << inside;
    for (const char* outside : {"11.0.0.0", "9.255.255.255", "192.0.2.2", "2001:db8:8000::1", "::1"})
        EXPECT_FALSE(networks.Contains(Ip(outside))) << outside;
    EXPECT_TRUE(Networks({"0.0.0.0/0"}).Contains(Ip("8.8.8.8")));
    EXPECT_FALSE(Networks({"0.0.0.0/0"}).Contains(Ip("::1")));
    for (const char* bad : {"10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x", "::/129", "a", ""})
        EXPECT_FALSE(Networks::IsValid(bad)) << bad;
}

TEST(GatewayNetwork, FindsTheClientBehindProxies) {
    const Networks trusted({"10.0.0.0/8"});
    const auto client = [&](const char* peer, const char* forwarded) {
        return FindClient({Ip(peer), false}, forwarded, "", trusted).address.Text();
    };
    EXPECT_EQ(client("10.0.0.1", "192.0.2.7"), "192.0.2.7");
    EXPECT_EQ(client("10.0.0.1", "6.6.6.6, 192.0.2.7, 10.0.0.2"), "192.0.2.7");
    EXPECT_EQ(client("10.0.0.1", "192.0.2.7:1234"), "192.0.2.7");
    EXPECT_EQ(client("10.0.0.1", "[2001:db8::1]:80"), "2001:db8::1");
    EXPECT_EQ(client("10.0.0.1", ""), "10.0.0.1");
    EXPECT_EQ(client("10.0.0.1", "nonsense"), "10.0.0.1");
    EXPECT_EQ(client("10.0.0.1", "192.0.2.7, nonsense"), "10.0.0.1");
    // Whoever is no trusted proxy says nothing.
    EXPECT_EQ(client("192.0.2.1", "192.0.2.7"), "192.0.2.1");
    EXPECT_TRUE(FindClient({Ip("10.0.0.1"), false}, "", "HTTPS", trusted).tls);
    EXPECT_FALSE(FindClient({Ip("192.0.2.1"), false}, "", "https", trusted).tls);
}

TEST(GatewayNetwork, ChecksHosts) {
    for (const char* own : {"localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]", "[::1]:80", "localhost.",
                            "pulse.example", "Pulse.Example:443"})
        EXPECT_TRUE(IsOurHost(own, {"pulse.example"}, true)) << own;
    for (const char* other : {"", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::1",
                              "a@localhost", "xlocalhost", ":80"})
        EXPECT_FALSE(IsOurHost(other, {"pulse.example"}, true)) << other;
    EXPECT_FALSE(IsOurHost("localhost", {"pulse.example"}, false));
}

TEST(GatewayNetwork, ChecksOrigins) {
    EXPECT_TRUE(IsAllowedOrigin("https://any.example", {}));
    const std::vector<std::string> origins = {"https://a.example", "https://*.b.example"};
    for (const char* good :
         {"https://a.example", "HTTPS://A.example", "https://x.b.example", "https://x.y.b.example"})
        EXPECT_TRUE(IsAllowedOrigin(good, origins)) << good;
    for (const char* bad : {"http://a.example", "https://a.example:8443", "https://b.example",
                            "https://xb.example", "null", ""})
        EXPECT_FALSE(IsAllowedOrigin(bad, origins)) << bad;
}

TEST(GatewayRate, TakesSoManyAMinute) {
    Bucket bucket;
    Clock::time_point now{};
    for (int i = 0; i < 60; ++i) EXPECT_EQ(bucket.Take(60, now), 0) << i;
    EXPECT_EQ(bucket.Take(60, now), 1);
    now += milliseconds(1'001);
    EXPECT_EQ(bucket.Take(60, now), 0);
    EXPECT_EQ(bucket.Take(60, now), 1);
    now += seconds(600);  // it never holds more than a minute's
    for (int i = 0; i < 60; ++i) EXPECT_EQ(bucket.Take(60, now), 0);
    EXPECT_EQ(bucket.Take(60, now), 1);
}

TEST(GatewayRate, SaysWhenInWholeSeconds) {
    Bucket bucket;
    Clock::time_point now{};
    EXPECT_EQ(bucket.Take(1, now), 0);
    EXPECT_EQ(bucket.Take(1, now), 60);
    EXPECT_EQ(bucket.Take(1, now + milliseconds(500)), 60);
    EXPECT_EQ(bucket.Take(1, now + milliseconds(59'500)), 1);
    EXPECT_EQ(bucket.Take(1, now + milliseconds(60'001)), 0);
}

TEST(GatewayRate, LimitsAddressesByTheirNetwork) {
    AddressLimiter limiter;
    const Clock::time_point now{};
    EXPECT_EQ(limiter.Take(Ip("192.0.2.1"), 1, now), 0);
    EXPECT_GT(limiter.Take(Ip("192.0.2.1"), 1, now), 0);
    EXPECT_EQ(limiter.Take(Ip("192.0.2.2"), 1, now), 0);
    EXPECT_EQ(limiter.Take(Ip("2001:db8::1"), 1, now), 0);
    EXPECT_GT(limiter.Take(Ip("2001:db8::2"), 1, now), 0);
    EXPECT_EQ(limiter.Take(Ip("2001:db8:0:1::1"), 1, now), 0);
    EXPECT_EQ(limiter.Take(Ip("192.0.2.1"), 0, now), 0);
}

TEST(GatewayRate, LearnsRatesOfKeys) {
    KeyLimiter limiter;
    const Clock::time_point now{};
    EXPECT_EQ(limiter.Take("digest", now), 0);
    limiter.Learn("digest", {5, "shop", 2}, now);  // the first request counts
    EXPECT_EQ(limiter.Take("digest", now), 0);
    limiter.Learn("digest", {5, "shop", 2}, now);
    EXPECT_EQ(limiter.Take("digest", now), 30);
    EXPECT_EQ(limiter.Find("digest")->name, "shop");
    EXPECT_EQ(limiter.Find("other"), nullptr);
    limiter.Learn("digest", {5, "shop", std::nullopt}, now);  // the limit was lifted
    EXPECT_EQ(limiter.Take("digest", now), 0);
}

TEST(GatewayRate, NamesKeysThatHaveNothingLeft) {
    KeyLimiter limiter;
    Clock::time_point now{};
    using List = std::vector<std::pair<int64_t, int64_t>>;
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(limiter.Exhausted(now), List());
        limiter.CountInBody({7, "website", 3}, now);
        limiter.CountInBody({8, "server", std::nullopt}, now);
    }
    EXPECT_EQ(limiter.Exhausted(now), (List{{7, 20}}));
    EXPECT_EQ(limiter.Exhausted(now + seconds(19)), (List{{7, 1}}));
    // A text of the same key in a head: its answer comes, and the budget is the same.
    limiter.Learn("digest", {7, "website", 3}, now + seconds(19));
    EXPECT_EQ(limiter.Take("digest", now + seconds(19)), 1);
    now += seconds(21);
    EXPECT_EQ(limiter.Exhausted(now), List());
    EXPECT_EQ(limiter.Take("digest", now), 0);
    EXPECT_EQ(limiter.Exhausted(now), (List{{7, 19}}));
    limiter.CountInBody({7, "website", std::nullopt}, now);  // the limit was lifted
    EXPECT_EQ(limiter.Exhausted(now), List());
}

TEST(GatewayRate, CountsRequestsThatBeganEarlier) {
    Bucket bucket;
    const Clock::time_point now{seconds(100)};
    EXPECT_EQ(bucket.Take(1, now), 0);
    EXPECT_EQ(bucket.Take(1, now - seconds(60)), 60);
    EXPECT_EQ(bucket.Take(1, now + seconds(1)), 59);
}

TEST(GatewayRate, ForgetsWhatWasUsedLongestAgo) {
    RecentMap<int> map(2);
    map.Insert("a") = 1;
    map.Insert("b") = 2;
    EXPECT_NE(map.Find("a"), nullptr);
    map.Insert("c") = 3;
    EXPECT_EQ(map.size(), 2U);
    EXPECT_EQ(map.Find("b"), nullptr);
    EXPECT_EQ(*map.Find("a"), 1);
}

Request WithHeader(const char* name, const char* value) {
    Request request;
    request.headers = {{name, value}};
    return request;
}

TEST(GatewayKey, IsFoundWhereverItIs) {
    const std::string digest = Digest("secret");
    EXPECT_EQ(DigestOfKey(WithHeader("authorization", "Bearer secret")), digest);
    EXPECT_EQ(DigestOfKey(WithHeader("authorization", "bearer   secret")), digest);
    EXPECT_EQ(DigestOfKey(WithHeader("authorization", "Basic c2VjcmV0Og==")), digest);
    EXPECT_EQ(DigestOfKey(WithHeader("authorization", "Basic c2VjcmV0OnBhc3N3b3Jk")), digest);
    EXPECT_EQ(DigestOfKey(WithHeader("x-api-key", "secret")), digest);
    Request request;
    request.query = "a=b&apiKey=s%65cret";
    EXPECT_EQ(DigestOfKey(request), digest);
    for (const char* other : {"", "Bearer", "Bearer ", "Basic", "Basic !", "Digest secret", "secret"})
        EXPECT_FALSE(DigestOfKey(WithHeader("authorization", other))) << other;
    request.query = "apiKey=%ff";
    EXPECT_FALSE(DigestOfKey(request));
}

}  // namespace

}  // namespace pulse::web::gateway
