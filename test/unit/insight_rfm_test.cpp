#include "pulse/insight/rfm.hpp"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "pulse/base/error.hpp"
#include "pulse/insight/lifecycle.hpp"
#include "pulse/insight/rfm_cuts.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"

namespace pulse::insight {

namespace {

std::map<std::string, int> CodesOf(RfmGrouping grouping) {
    std::map<std::string, int> codes;
    for (int r = 1; r <= kScores; ++r)
        for (int f = 1; f <= kScores; ++f)
            for (int m = 1; m <= kScores; ++m) ++codes[RfmGroups()[GroupOf(grouping, r, f, m)].name];
    return codes;
}

TEST(Rfm, BothGroupingsPartitionTheCube) {
    const std::map<std::string, int> rules = {{"champions", 8},
                                              {"loyal_customers", 22},
                                              {"potential_loyalists", 20},
                                              {"new_customers", 10},
                                              {"promising", 4},
                                              {"need_attention", 17},
                                              {"about_to_sleep", 4},
                                              {"at_risk", 28},
                                              {"cannot_lose", 4},
                                              {"hibernating", 4},
                                              {"lost", 4}};
    EXPECT_EQ(CodesOf(RfmGrouping::kRules), rules);
    const std::map<std::string, int> published = {{"champions", 7},
                                                  {"loyal_customers", 8},
                                                  {"potential_loyalists", 24},
                                                  {"new_customers", 7},
                                                  {"promising", 16},
                                                  {"need_attention", 8},
                                                  {"about_to_sleep", 8},
                                                  {"at_risk", 22},
                                                  {"cannot_lose", 8},
                                                  {"hibernating", 11},
                                                  {"lost", 6}};
    EXPECT_EQ(CodesOf(RfmGrouping::kPublished), published);
    EXPECT_STREQ(RfmGroups()[GroupOf(RfmGrouping::kRules, 3, 1, 5)].name, "need_attention");
}

// What a rule says for scores: the way through its conditions.
std::string Follow(const rule::Expr& expr, double days, double count, double sum) {
    if (const auto* text = rule::As<rule::Text>(expr)) return text->value;
    if (const auto* number = rule::As<rule::Number>(expr)) return number->digits;
    if (rule::As<rule::Null>(expr)) return "null";
    const auto* call = rule::As<rule::Call>(expr);
    const auto* condition = rule::As<rule::Operation>(*call->arguments[0]);
    const double border = std::stod(rule::As<rule::Number>(*condition->operands[1])->digits);
    const rule::Metric* metric = rule::As<rule::Metric>(*condition->operands[0]);
    const bool holds = !metric                                        ? days <= border
                       : metric->aggregate == rule::Aggregate::kCount ? count >= border
                                                                      : sum >= border;
    return Follow(*call->arguments[holds ? 1 : 2], days, count, sum);
}

TEST(Rfm, RulesGiveScoresAndGroups) {
    const RfmSettings settings;
    const double days[] = {181, 180, 90, 30, 7}, counts[] = {1, 2, 5, 10, 20},
                 sums[] = {49.99, 50, 200, 500, 1000};
    for (const RfmGrouping grouping : {RfmGrouping::kRules, RfmGrouping::kPublished}) {
        RfmSettings grouped;
        grouped.grouping = grouping;
        const rule::ExprPtr rule = rule::Parse(RfmRule(grouped, "group"));
        for (int r = 1; r <= kScores; ++r)
            for (int f = 1; f <= kScores; ++f)
                for (int m = 1; m <= kScores; ++m)
                    EXPECT_EQ(Follow(*rule, days[r - 1], counts[f - 1], sums[m - 1]),
                              RfmGroups()[GroupOf(grouping, r, f, m)].name)
                        << r << f << m;
    }
    const rule::ExprPtr recency = rule::Parse(RfmRule(settings, "recency"));
    for (int r = 1; r <= kScores; ++r) EXPECT_EQ(Follow(*recency, days[r - 1], 1, 0), std::to_string(r));
    EXPECT_EQ(Follow(*recency, 0, 0, 0), "null");
}

TEST(Rfm, ScoresNobodyCanHaveAreLeftOut) {
    RfmSettings settings;
    settings.frequency = {std::nullopt, "3", "3", "2"};
    EXPECT_EQ(RfmRule(settings, "frequency"),
              "if(events.Purchase.count(365d) >= 1, if(events.Purchase.count(365d) >= 3, 4, "
              "if(events.Purchase.count(365d) >= 3, 3, if(events.Purchase.count(365d) >= 2, 2, 1))), null)");
}

TEST(Rfm, NamesAreQuoted) {
    RfmSettings settings;
    settings.event = "Order \"Completed\"";
    settings.property = "order.total sum";
    for (const std::string& name : RfmNames()) {
        const std::string text = RfmRule(settings, name);
        EXPECT_NE(rule::Print(*rule::Parse(text)).find(rule::Print(MetricsOf(settings).count)),
                  std::string::npos);
    }
}

TEST(Rfm, ReadsCuts) {
    RfmSettings settings;
    ReadRfmCuts(nlohmann::json::parse(R"({"monetary": [1e3, 99.5, 0, -1]})"), settings);
    EXPECT_EQ(settings.monetary, (RfmCuts{"1000", "99.5", "0", "-1"}));
    EXPECT_EQ(settings.recency, RfmSettings().recency);
    ReadRfmCuts("quintiles", settings);
    EXPECT_TRUE(settings.quintiles);
    ReadRfmCuts("fixed", settings);
    EXPECT_EQ(settings, RfmSettings());
    for (const char* wrong :
         {"\"deciles\"", "3", "null", "[]", R"({"recency": [1, 2, 3]})", R"({"recency": [4, 3, 2, 1]})",
          R"({"recency": [-1, 2, 3, 4]})", R"({"frequency": [4, 3, 2, 0]})",
          R"({"frequency": [4, 3, "2", 1]})", R"({"monetary": [1e16, 3, 2, 1]})", R"({"x": 1})"})
        EXPECT_THROW(ReadRfmCuts(nlohmann::json::parse(wrong), settings), UserError) << wrong;
}

TEST(Lifecycle, RuleIsTheBuiltInOneWithItsSettings) {
    LifecycleSettings settings;
    settings.purchase_events = {"order"};
    settings.inactive_days = 30;
    EXPECT_EQ(
        rule::Print(*rule::Parse(LifecycleRule(settings))),
        "if((profile.email ?? profile.phone is not null || events.order.exists) && events.*.last_seen before "
        "last 30d, \"churned\", if(events.order.exists, \"customer\", if(profile.email ?? profile.phone is not "
        "null, \"known\", \"anonymous\")))");
}

}  // namespace

}  // namespace pulse::insight
