// Paths, cookies and origins of the console.
#include "pulse/web/console.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pulse::web {
namespace {

using Path = std::vector<std::string>;

TEST(Console, RoutesAreBelowApi) {
    EXPECT_EQ(RoutePath({"console", "api", "v1", "audit"}), (Path{"v1", "audit"}));
    EXPECT_EQ(RoutePath({"console", "session"}), (Path{"console", "session"}));
    EXPECT_EQ(RoutePath({"console", "api"}), (Path{"console", "api"}));
    EXPECT_EQ(RoutePath({"v1", "console", "api"}), (Path{"v1", "console", "api"}));
    // Once is enough.
    EXPECT_EQ(RoutePath({"console", "api", "console", "api", "x"}), (Path{"console", "api", "x"}));
    EXPECT_TRUE(IsConsolePath({"console"}));
    EXPECT_FALSE(IsConsolePath({"consoles"}));
    EXPECT_FALSE(IsConsolePath({}));
}

TEST(Console, TokensInCookies) {
    const std::string token(64, 'a'), other(64, 'b');
    EXPECT_EQ(SessionToken("pulse_session=" + token), token);
    EXPECT_EQ(SessionToken("a=1; pulse_session=" + token + "; b=2"), token);
    EXPECT_EQ(SessionToken("a=1;  pulse_session=" + token), token);
    EXPECT_EQ(SessionToken("pulse_session=x; pulse_session=" + other), other);
    for (const std::string& cookies :
         {std::string(), "pulse_session=" + token.substr(1), "pulse_session=" + token + "a",
          "xpulse_session=" + token, "pulse_session=" + std::string(64, 'A'), token,
          "pulse_session=\"" + token + "\"", std::string(";;;=;")})
        EXPECT_EQ(SessionToken(cookies), std::nullopt) << cookies;
}

TEST(Console, CookiesNameNoPath) {
    EXPECT_EQ(SessionCookie("abc", false), "pulse_session=abc; Max-Age=43200; HttpOnly; SameSite=Strict");
    EXPECT_EQ(SessionCookie("abc", true),
              "pulse_session=abc; Max-Age=43200; HttpOnly; SameSite=Strict; Secure");
    EXPECT_EQ(SessionCookie("", false), "pulse_session=; Max-Age=0; HttpOnly; SameSite=Strict");
    EXPECT_EQ(MakeSessionToken(std::string("\x00\xff\x1a", 3)), "00ff1a");
}

TEST(Console, OnlyItsOwnPagesChangeAnything) {
    const auto problem = [](std::map<std::string, std::string, std::less<>> headers) {
        Request request;
        request.headers = std::move(headers);
        return ForgeryProblem(request);
    };
    EXPECT_EQ(problem({{"x-pulse-console", "1"}, {"host", "a.example"}, {"origin", "https://A.example"}}),
              "");
    EXPECT_EQ(problem({{"x-pulse-console", "1"},
                       {"host", "b"},
                       {"origin", "https://a"},
                       {"sec-fetch-site", "same-origin"}}),
              "");
    EXPECT_NE(problem({{"host", "a.example"}, {"origin", "https://a.example"}}), "");
    EXPECT_NE(problem({{"x-pulse-console", "1"}, {"host", "a.example"}}), "");
    EXPECT_NE(problem({{"x-pulse-console", "1"}, {"host", "a.example"}, {"origin", "null"}}), "");
    EXPECT_NE(
        problem({{"x-pulse-console", "1"}, {"host", "a.example"}, {"origin", "https://a.example.evil"}}), "");
    EXPECT_NE(problem({{"x-pulse-console", "1"},
                       {"host", "a.example"},
                       {"origin", "https://a.example"},
                       {"sec-fetch-site", "cross-site"}}),
              "");
    EXPECT_NE(problem({{"x-pulse-console", "1"}, {"origin", "https://"}}), "");
}

}  // namespace
}  // namespace pulse::web
