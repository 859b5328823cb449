// Positions of changes, and server-sent events.
#include <gtest/gtest.h>

#include "pulse/web/change.hpp"
#include "pulse/web/key.hpp"

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
    const auto token = ParseChangeToken("changes:pulse_read_a.0f:1-1:2:");
    ASSERT_TRUE(token);
    EXPECT_EQ(token->proof, "pulse_read_a.0f");
    EXPECT_EQ(token->position, "1-1:2:");
    EXPECT_EQ(PrintChangeToken(*token), "changes:pulse_read_a.0f:1-1:2:");
    for (const char* bad : {"", "changes", "changes:", "2:file"}) EXPECT_FALSE(ParseChangeToken(bad)) << bad;
}

TEST(WebChange, ReadsProofsOfKeys) {
    const std::string digest = Digest("x"), proof = KeyProof("pulse_read_abcdefgh", digest);
    EXPECT_EQ(proof.size(), 20 + 64);
    const auto proven = ParseKeyProof(proof);
    ASSERT_TRUE(proven);
    EXPECT_EQ(proven->prefix, "pulse_read_abcdefgh");
    EXPECT_EQ(proven->digest, digest);
    for (const std::string& bad : {std::string(), std::string("17"), "p." + std::string(63, '0'),
                                   "p." + std::string(65, '0'), "p." + std::string(63, '0') + "g"})
        EXPECT_FALSE(ParseKeyProof(bad)) << bad;
}

}  // namespace

}  // namespace pulse::web
