#include "pulse/web/gateway/fold.hpp"

#include <gtest/gtest.h>

namespace pulse::web::gateway {

namespace {

Request Track(const std::string& body, const std::string& path = "/v1/track") {
    Request request;
    request.method = "POST";
    request.path = path;
    request.body = body;
    request.route = FindRoute(request.method, *SplitPath(path)).route;
    if (request.route) request.lane = request.route->lane;
    return request;
}

std::shared_ptr<const Call> CallWith(const std::string& body) {
    Call call;
    call.body = body;
    call.client = R"({"request":"r1"})";
    return std::make_shared<const Call>(call);
}

TEST(GatewayFold, GroupsRequestsThatDifferInTheirBodiesAlone) {
    const std::string group = FoldGroup(Track("{}"), "key");
    EXPECT_FALSE(group.empty());
    EXPECT_EQ(FoldGroup(Track("{\"a\": 1}"), "key"), group);
    EXPECT_NE(FoldGroup(Track("{}"), "another"), group);
    EXPECT_NE(FoldGroup(Track("{}", "/v1/page"), "key"), group);
    Request other = Track("{}");
    other.headers.emplace_back("origin", "https://a.example");
    EXPECT_NE(FoldGroup(other, "key"), group);
    other = Track("{}");
    other.query = "origin";
    EXPECT_NE(FoldGroup(other, "key"), group);
    // Nothing moves from one part into another.
    other.headers.emplace_back("origin", "x");
    Request moved = Track("{}");
    moved.query = "originx";
    EXPECT_NE(FoldGroup(other, "key"), FoldGroup(moved, "key"));
}

// What the browser of one says about itself is not said of the others.
TEST(GatewayFold, KeepsGlobalPrivacyControlApart) {
    Request refuses = Track("{}");
    refuses.headers.emplace_back("sec-gpc", "1");
    EXPECT_NE(FoldGroup(refuses, "key"), FoldGroup(Track("{}"), "key"));
}

TEST(GatewayFold, LeavesAloneWhatMustBeAnsweredAlone) {
    EXPECT_EQ(FoldGroup(Track("{}"), std::nullopt), "");          // the key is in the body, if anywhere
    EXPECT_EQ(FoldGroup(Track("{\"a\": \"\xff\"}"), "key"), "");  // JSON cannot carry it
    EXPECT_EQ(FoldGroup(Track(std::string("{\0}", 3)), "key"), "");
    EXPECT_EQ(FoldGroup(Track("{}", "/v1/batch"), "key"), "");
    EXPECT_EQ(FoldGroup(Track("{}", "/nothing"), "key"), "");
}

TEST(GatewayFold, PutsBodiesIntoOneCall) {
    EXPECT_EQ(Fold({CallWith("{}")}).body, "{}");
    EXPECT_EQ(Fold({CallWith("{}")}).client, R"({"request":"r1"})");
    const Call both = Fold({CallWith("{\"a\": \"\xC3\xA9\\n\"}"), CallWith("x\n")});
    EXPECT_EQ(both.body, "[\"{\\\"a\\\": \\\"\xC3\xA9\\\\n\\\"}\",\"x\\u000a\"]");
    EXPECT_EQ(both.client, R"({"request":"r1","folded":true})");
}

TEST(GatewayFold, GivesEachItsAnswer) {
    CallAnswer all;
    all.headers = {{"content-type", "application/json"}};
    all.body = R"([[200, "{\"a\" : 1}"], [400, "no"]])";
    const std::vector<CallAnswer> each = Unfold(all, 2);
    ASSERT_EQ(each.size(), 2u);
    EXPECT_EQ(each[0].body, "{\"a\" : 1}");
    EXPECT_EQ(each[1].status, 400);
    EXPECT_EQ(each[1].body, "no");
    EXPECT_EQ(each[1].headers, all.headers);
    EXPECT_EQ(Unfold(all, 1).front().body, all.body);
    EXPECT_TRUE(Unfold(all, 3).empty());
    for (const char* body :
         {"", "{}", "[[200], [200, \"\"]]", "[[200, 1], [200, \"\"]]", "[[\"x\", \"\"], 1]"}) {
        all.body = body;
        EXPECT_TRUE(Unfold(all, 2).empty()) << body;
    }
    all.body = R"([[200, ""], [200, ""]])";
    all.status = 401;
    EXPECT_TRUE(Unfold(all, 2).empty());
}

}  // namespace

}  // namespace pulse::web::gateway
