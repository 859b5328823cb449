// Positions of changes, and server-sent events.
#include <gtest/gtest.h>

#include "pulse/web/change.hpp"

namespace pulse::web {

namespace {

TEST(WebChange, ReadsPositions) {
    for (const char* good : {"1764460800-748:751:749,750", "7-748:751:748", "0-1:1:", "5-10:20:11"}) {
        const auto position = ParseChangePosition(good);
        ASSERT_TRUE(position) << good;
        EXPECT_EQ(PrintChangePosition(*position), good);
    }
    for (const char* bad : {"", "-", "1", "x-1:1:", "1-1:1", "1-1:1::", "1-1:1:x", "-1-1:1:", "1 -1:1:",
                            "1-1:1: ", "99999999999999999999-1:1:", "1-9:1:", "1-0:1:", "1-1:9:9",
                            "1-5:9:7,6", "1-5:9:4", "1-5:9:5,,6", "1-1:99999999999999999999:"})
        EXPECT_FALSE(ParseChangePosition(bad)) << bad;
}

TEST(WebChange, WritesEvents) {
    EXPECT_EQ(ChangeEvents("1-1:1:", false, "[]", false), "");
    EXPECT_EQ(ChangeEvents("1-1:1:", false, "[]", true), "retry: 3000\nid: 1-1:1:\n\n");
    EXPECT_EQ(ChangeEvents("1-1:1:", false, "[1]", false), "id: 1-1:1:\nevent: changes\ndata: [1]\n\n");
    EXPECT_EQ(ChangeEvents("1-1:1:", true, "[]", true),
              "retry: 3000\nid: 1-1:1:\nevent: reset\ndata: []\n\n");
}

TEST(WebChange, ReadsTokens) {
    const auto token = ParseChangeToken("changes:17:1-1:2:");
    ASSERT_TRUE(token);
    EXPECT_EQ(token->key, 17);
    EXPECT_EQ(token->position, "1-1:2:");
    EXPECT_EQ(PrintChangeToken(*token), "changes:17:1-1:2:");
    for (const char* bad : {"", "changes", "changes:", "changes:x:1", "changes:-1:1", "2:file"})
        EXPECT_FALSE(ParseChangeToken(bad)) << bad;
}

}  // namespace

}  // namespace pulse::web
