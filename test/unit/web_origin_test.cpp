#include "pulse/web/origin.hpp"

#include <gtest/gtest.h>

#include "pulse/base/error.hpp"

namespace pulse::web {

namespace {

using Origins = std::vector<std::string>;

std::string StateOf(const Origins& origins) {
    try {
        CheckOrigins(origins);
        return "";
    } catch (const UserError& error) {
        return error.state();
    }
}

TEST(WebOrigin, EachOnceInLowerCase) {
    EXPECT_EQ(CheckOrigins({"https://Shop.example", "http://localhost:3000", "https://shop.example"}),
              (Origins{"http://localhost:3000", "https://shop.example"}));
}

TEST(WebOrigin, WhatBrowsersSend) {
    for (const char* origin :
         {"https://a", "http://127.0.0.1:8080", "http://[::1]:3000", "https://[2001:db8::1]",
          "https://*.example.com", "https://*.example.com:8443", "capacitor://localhost",
          "chrome-extension://abcdefghijklmnop", "https://xn--mnchen-3ya.example", "https://a.b:65535"})
        EXPECT_EQ(StateOf({origin}), "") << origin;
}

TEST(WebOrigin, NothingElse) {
    for (const char* origin : {"",
                               "*",
                               "null",
                               "shop.example",
                               "https://",
                               "https:///",
                               "https://shop.example/",
                               "https://shop.example/path",
                               "https://shop.example?x",
                               "https://user@shop.example",
                               "https://shop.example:",
                               "https://shop.example:70000",
                               "https://shop.example:80a",
                               "https://.example",
                               "https://a..b",
                               "https://*",
                               "https://a.*.b",
                               "https://shop example",
                               "https://[]",
                               "https://[::1",
                               "1http://a",
                               "://a",
                               "https://shop.example\r\nSet-Cookie: a=b",
                               "https://m\xC3\xBCnchen.example"})
        EXPECT_EQ(StateOf({origin}), sqlstate::kInvalidParameter) << origin;
    EXPECT_EQ(StateOf({"https://" + std::string(300, 'a')}), sqlstate::kInvalidParameter);
}

TEST(WebOrigin, NeitherNoneNorTooMany) {
    EXPECT_EQ(StateOf({}), sqlstate::kInvalidParameter);
    EXPECT_EQ(StateOf(Origins(kMaxOrigins, "https://a")), "");
    EXPECT_EQ(StateOf(Origins(kMaxOrigins + 1, "https://a")), sqlstate::kProgramLimit);
}

}  // namespace

}  // namespace pulse::web
