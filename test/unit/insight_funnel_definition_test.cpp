#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/insight/funnel_definition.hpp"
#include "pulse/insight/funnel_query.hpp"

namespace pulse::insight {
namespace {

using Json = nlohmann::json;

TEST(FunnelDefinition, SurvivesTheRoundTrip) {
    for (
        const char* text :
        {R"({"steps": ["view", "cart"]})",
         R"({"steps": [{"event": "view", "name": "Seen", "where": "price > 4"}, {"event": "cart", "within": "1 h"}, "buy"],
              "window": "7 days", "step_timeout": "2 h", "order": "loose", "entry": "every",
              "exclude": ["refund", {"event": "fail", "after": 2}], "hold": "order.id", "since": "2026-03-01",
              "until": "2026-04-01", "by": "properties.platform", "by_step": 2, "segment": "VIP", "per": "session"})",
         R"({"steps": [{"event_name": "view", "step_name": "Seen", "conditions": [{"field": "properties.a.b",
              "operator": "equals", "value": 1}]}, {"event_name": "buy"}], "conversion_window_days": 14, "step_timeout_hours": 1})"}) {
        const Json json = FunnelToJson(ReadFunnel(Json::parse(text)));
        EXPECT_EQ(FunnelToJson(ReadFunnel(json)), json) << text;
    }
}

TEST(FunnelDefinition, MakesThePlan) {
    const FunnelDefinition funnel = ReadFunnel(Json::parse(
        R"({"steps": ["a", {"event": "b", "within": "1 h"}, "c"], "step_timeout": "2 h", "exclude": [{"event": "x", "after": 2}], "hold": "id"})"));
    const FunnelPlan plan = PlanOf(funnel, 5);
    EXPECT_EQ(plan.window, 30 * kDay);
    EXPECT_EQ(plan.timeouts, (std::vector<int64_t>{kNoLimit, kHour, 2 * kHour}));
    EXPECT_EQ(plan.exclusions, (std::vector<FunnelExclusion>{{1, 2}}));
    EXPECT_TRUE(plan.hold);
    EXPECT_EQ(plan.session_gap, 0);
    EXPECT_EQ(plan.now, 5);
}

TEST(FunnelDefinition, QuotesWhatUsersWrite) {
    FunnelDefinition funnel = ReadFunnel(Json::parse(
        R"({"steps": [{"event": "it's", "where": "name == \"o'clock\""}, "b\\"], "by": "properties.`a'b`"})"));
    const std::string sql = FunnelPathsSql(funnel, {.now = 0});
    EXPECT_NE(sql.find("it''s"), std::string::npos) << sql;
    EXPECT_NE(sql.find("o''clock"), std::string::npos) << sql;
    EXPECT_EQ(sql.find("it's"), std::string::npos) << sql;
}

TEST(FunnelDefinition, ReadsBreakdowns) {
    using Kind = FunnelBreakdown::Kind;
    EXPECT_EQ(ReadBreakdown("profile.address.city").kind, Kind::kProfile);
    EXPECT_EQ(ReadBreakdown("profile.address.city").path, (std::vector<std::string>{"address", "city"}));
    EXPECT_EQ(ReadBreakdown("account.plan").kind, Kind::kAccount);
    EXPECT_EQ(ReadBreakdown("context.app.version").kind, Kind::kContext);
    EXPECT_EQ(ReadBreakdown("source").kind, Kind::kSource);
    EXPECT_EQ(ReadBreakdown("segment(\"Big spenders\")").segment, "Big spenders");
    for (const char* bad : {"", "platform", "profile", "events.a.count", "lower(profile.x)", "trait(\"x\")"})
        EXPECT_THROW(ReadBreakdown(bad), UserError) << bad;
}

}  // namespace
}  // namespace pulse::insight
