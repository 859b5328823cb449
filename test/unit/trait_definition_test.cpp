#include <gtest/gtest.h>

#include <functional>

#include "pulse/base/error.hpp"
#include "pulse/rule/parser.hpp"
#include "pulse/rule/print.hpp"
#include "pulse/trait/definition.hpp"

namespace pulse::trait {
namespace {

std::string Refusal(const std::function<void()>& body) {
    try {
        body();
    } catch (const UserError& error) {
        return error.state() + " " + error.message();
    }
    return "";
}

std::string Text(const std::string& expression) {
    return rule::Print(*ReadExpression(expression));
}

TEST(TraitDefinition, NamesNeedNoQuotesInRules) {
    EXPECT_EQ(CheckKey(" total_spent\n"), "total_spent");
    EXPECT_EQ(CheckKey("_x9"), "_x9");
    EXPECT_EQ(CheckKey(std::string(128, 'a')).size(), 128U);
    for (const char* bad : {"9x", "a-b", "a b", "größe", "a.b", "\"a\""})
        EXPECT_EQ(Refusal([&] { CheckKey(bad); }),
                  std::string("22023 \"") + bad + "\" is not a valid trait name");
    for (const char* taken : {"profile", "events", "now", "last_seen_minutes_ago", "first_seen_days_ago",
                              "lifecycle", "and", "not", "in", "true", "null", "between", "segment", "trait"})
        EXPECT_EQ(Refusal([&] { CheckKey(taken); }),
                  std::string("22023 a trait cannot be named \"") + taken + "\"");
    EXPECT_TRUE(Refusal([] { CheckKey(" \t"); }).starts_with("22023 a trait's name must not be empty"));
    EXPECT_TRUE(
        Refusal([] { CheckKey(std::string(129, 'a')); }).starts_with("22023 a trait's name is too long"));
}

TEST(TraitDefinition, JsonFormsAreExpressions) {
    EXPECT_EQ(Text(R"({"function": "sum", "event": "purchase", "property": "total", "window_days": 30})"),
              Text("events.purchase.sum(total, 30d)"));
    EXPECT_EQ(Text(R"({"function": "count", "event": "Order Completed"})"),
              Text("events[\"Order Completed\"].count"));
    EXPECT_EQ(Text(R"({"function": "average", "event": "p", "property": "a.b"})"), Text("events.p.avg(a.b)"));
    EXPECT_EQ(Text(R"({"function": "unique_count", "event": "p", "property": "sku", "window_days": 7})"),
              Text("events.p.distinct(sku, 7d)"));
    EXPECT_EQ(Text(R"({"function": "exists", "event": "p", "window_days": 1})"), Text("events.p.exists(1d)"));
    EXPECT_EQ(Text(R"({"function": "last", "event": "p", "property": "sku", "filter": "qty > 1"})"),
              Text("events.p{qty > 1}.last(sku)"));
    EXPECT_EQ(Text(R"({"function": "formula", "expression": "a + b"})"), Text("a + b"));
}

TEST(TraitDefinition, ErrorsInJsonNameTheKey) {
    EXPECT_EQ(Refusal([] { ReadExpression("{\"function\""); }).substr(0, 5), "22P02");
    EXPECT_EQ(Refusal([] { ReadExpression("  "); }), "42601 the expression is empty");
    EXPECT_EQ(Refusal([] { ReadExpression("{}"); }), "22023 the trait needs \"function\"");
    EXPECT_EQ(Refusal([] { ReadExpression(R"({"function": "summ", "event": "p"})"); }),
              "22023 unknown function \"summ\" of a trait");
    EXPECT_EQ(Refusal([] { ReadExpression(R"({"function": "sum", "event": "p"})"); }),
              "22023 the trait needs \"property\"");
    EXPECT_EQ(Refusal([] { ReadExpression(R"({"function": "sum", "event": "p", "propety": "x"})"); }),
              "22023 unknown key \"propety\" in the trait");
    EXPECT_EQ(Refusal([] { ReadExpression(R"({"function": "count", "event": "p", "window_days": 0})"); }),
              "22023 \"window_days\" must be an integer from 1 to 3650");
    EXPECT_EQ(Refusal([] { ReadExpression(R"({"function": "count", "event": 7})"); }),
              "22023 \"event\" must be a text");
    EXPECT_EQ(Refusal([] { ReadExpression(R"({"function": "count", "event": ""})"); }),
              "22023 \"event\" must not be empty");
    EXPECT_EQ(Refusal([] { ReadExpression(R"({"function": 7})"); }), "22023 \"function\" must be a text");
}

TEST(TraitDefinition, References) {
    const RuleReferences reads = FindReferences(
        *rule::Parse("events.purchase{category == \"x\" && item.sku matches \"^a\"}.sum(total, 30d) > 1 && "
                     "profile.address.city == \"y\" && account.plan "
                     "== \"z\" && last_seen_minutes_ago < 5 && events.purchase.count_7d > 0"));
    EXPECT_EQ(reads.events, (std::vector<std::string>{"purchase", ""}));
    EXPECT_EQ(reads.properties,
              (std::vector<std::pair<std::string, std::string>>{
                  {"purchase", "total"}, {"purchase", "category"}, {"purchase", "item.sku"}}));
    EXPECT_EQ(reads.attributes, std::vector<std::string>{"address"});
    EXPECT_EQ(reads.account_attributes, std::vector<std::string>{"plan"});
}

}  // namespace
}  // namespace pulse::trait
