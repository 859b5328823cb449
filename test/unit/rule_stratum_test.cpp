#include "rule_testing.hpp"

#include "pulse/rule/json_stratum.hpp"

namespace pulse::rule {
namespace {

std::string FromCondition(const std::string& field, const std::string& operation, const std::string& value) {
    return R"({"conditions": [{"field": ")" + field + R"(", "operator": ")" + operation + "\"" +
           (value.empty() ? "" : ", \"value\": " + value) + "}]}";
}

UserError StratumError(const std::string& json) {
    const nlohmann::json parsed = nlohmann::json::parse(json);
    return ErrorOf([&] { FromJson(parsed); });
}

TEST(RuleStratum, OperatorsKeepTheirMeaning) {
    struct Case {
        const char *operation, *value, *text;
    };
    const Case cases[] = {
        {"equals", "\"pro\"", "profile.plan = 'pro'"},
        {"not_equals", "\"pro\"", "profile.plan != 'pro'"},
        {"contains", "\"x\"", "profile.plan contains 'x'"},
        {"not_contains", "\"x\"", "profile.plan not contains 'x'"},
        {"starts_with", "\"x\"", "profile.plan starts_with 'x'"},
        {"ends_with", "\"x\"", "profile.plan ends_with 'x'"},
        {"greater_than", "5", "profile.plan > 5"},
        {"less_than", "5", "profile.plan < 5"},
        {"greater_or_equal", "5.5", "profile.plan >= 5.5"},
        {"less_or_equal", "5", "profile.plan <= 5"},
        {"between", "[1, 2]", "profile.plan between 1 and 2"},
        {"in", "[\"a\", \"b\"]", "profile.plan in ['a', 'b']"},
        {"not_in", "[\"a\"]", "profile.plan not in ['a']"},
        {"is_null", "", "profile.plan is null"},
        {"is_null", "\"\"", "profile.plan is null"},
        {"is_not_null", "null", "profile.plan is not null"},
        {"before", "\"2024-01-01\"", "profile.plan < '2024-01-01'"},
        {"after", "\"2024-01-01\"", "profile.plan > '2024-01-01'"},
        {"within_last", "30", "profile.plan within last 30d"},
        {"within_last", "\"30\"", "profile.plan within last 30d"},
        {"within_last", "\"12h\"", "profile.plan within last 12h"},
    };
    for (const Case& c : cases)
        EXPECT_EQ(CanonicalJson(FromCondition("data.plan", c.operation, c.value)), Canonical(c.text))
            << c.operation << " " << c.value;
}

TEST(RuleStratum, FieldsAreFound) {
    const std::pair<const char*, const char*> cases[] = {
        {"profile.lifecycle_stage", "lifecycle"},
        {"profile.first_seen_at", "events.*.first_seen"},
        {"profile.last_seen_at", "events.*.last_seen"},
        {"profile.total_events", "events.*.count"},
        {"profile.total_purchases", "events.Purchase.count"},
        {"profile.total_revenue", "events.Purchase.sum(total)"},
        {"profile.plan", "profile.plan"},
        {"data.plan", "profile.plan"},
        {"data.address.city", "profile.address.city"},
        {"data.Home Town", "profile[\"Home Town\"]"},
        {"trait.rfm_score", "trait(\"rfm_score\")"},
        {"event.Purchase.count", "events.Purchase.count"},
        {"event.Order Completed.exists", "events[\"Order Completed\"].exists"},
        {"event.a.b.count", "events[\"a.b\"].count"},
        {"event.Purchase.first", "events.Purchase.first_seen"},
        {"event.Purchase.last", "events.Purchase.last_seen"},
        {"event.Purchase.property.total", "events.Purchase.last(total)"},
        {"event.Purchase.property.shop.city", "events.Purchase.last(shop.city)"},
        {"event.property.count", "events.property.count"},
    };
    for (const auto& [field, text] : cases)
        EXPECT_EQ(CanonicalJson(FromCondition(field, "is_not_null", "")),
                  Canonical(std::string(text) + " is not null"))
            << field;
    const nlohmann::json quoted = {
        {"conditions", {{{"field", "event.a\"] || x.count"}, {"operator", "greater_than"}, {"value", 1}}}}};
    EXPECT_EQ(Print(*FromJson(quoted)), "events[\"a\\\"] || x\"].count > 1");
}

TEST(RuleStratum, IdentifiersAreWhetherThereIsOne) {
    EXPECT_EQ(CanonicalJson(FromCondition("identifier.email", "equals", "true")),
              "profile.email is not null");
    EXPECT_EQ(CanonicalJson(FromCondition("identifier.email", "equals", "false")), "profile.email is null");
    EXPECT_EQ(CanonicalJson(FromCondition("identifier.phone", "not_equals", "true")),
              "profile.phone is null");
    EXPECT_EQ(CanonicalJson(FromCondition("identifier.phone", "is_null", "")), "profile.phone is null");
    EXPECT_EQ(StratumError(FromCondition("identifier.email", "equals", "\"a@b.c\"")).state(),
              sqlstate::kInvalidParameter);
    EXPECT_EQ(StratumError(FromCondition("identifier.device_id", "is_not_null", "")).message(),
              "invalid JSON rule at conditions[0]");
}

TEST(RuleStratum, NestsGroups) {
    EXPECT_EQ(CanonicalJson(
                  R"({"logic": "OR", "conditions": [{"field": "data.a", "operator": "equals", "value": 1}],
        "groups": [{"logic": "and", "conditions": [{"field": "data.b", "operator": "equals", "value": 2},
                                                   {"field": "data.c", "operator": "equals", "value": 3}]},
                   {"conditions": [{"field": "data.d", "operator": "is_null"}], "groups": null}]})"),
              Canonical("profile.a = 1 || profile.b = 2 && profile.c = 3 || profile.d is null"));
    EXPECT_EQ(CanonicalJson(R"({"groups": [{"conditions": [{"field": "data.a", "operator": "is_null"}]}]})"),
              "profile.a is null");
}

TEST(RuleStratum, NoConditionsAreNobody) {
    EXPECT_EQ(CanonicalJson(R"({"conditions": []})"), "false");
    EXPECT_EQ(CanonicalJson(R"({"logic": "and"})"), "false");
    EXPECT_EQ(
        CanonicalJson(
            R"({"logic": "or", "conditions": [{"field": "data.a", "operator": "is_null"}], "groups": [{"logic": "and"}]})"),
        "profile.a is null || false");
}

TEST(RuleStratum, OurRulesAreNotTaken) {
    EXPECT_FALSE(IsStratum(nlohmann::json::parse(R"({"rules": []})")));
    EXPECT_FALSE(IsStratum(nlohmann::json::parse(R"({"groups": [{"rules": []}]})")));
    EXPECT_FALSE(IsStratum(nlohmann::json::parse("[]")));
    EXPECT_FALSE(IsStratum(nlohmann::json::parse(R"({"groups": []})")));
    EXPECT_TRUE(IsStratum(nlohmann::json::parse(R"({"groups": [{"logic": "and"}]})")));
}

TEST(RuleStratum, ErrorsNameTheirPlace) {
    struct Case {
        std::string json;
        const char *message, *detail;
    };
    const Case cases[] = {
        {R"({"conditions": 5})", "invalid JSON rule", "\"conditions\" is not a list"},
        {R"({"conditions": [5]})", "invalid JSON rule at conditions[0]", "must be an object"},
        {R"({"conditions": [], "rulez": []})", "invalid JSON rule", "Unknown key \"rulez\""},
        {R"({"conditions": [], "logic": "xor"})", "invalid JSON rule", "neither"},
        {R"({"conditions": [{}]})", "invalid JSON rule at conditions[0].field", "Unknown field \"\""},
        {FromCondition("plan", "equals", "1"), "invalid JSON rule at conditions[0].field",
         "Unknown field \"plan\""},
        {FromCondition("data.", "equals", "1"), "invalid JSON rule at conditions[0].field", "Unknown field"},
        {FromCondition("event.x", "equals", "1"), "invalid JSON rule at conditions[0].field",
         "names nothing"},
        {FromCondition("event.x.median", "equals", "1"), "invalid JSON rule at conditions[0].field",
         "names nothing"},
        {FromCondition("profile.total_sessions", "equals", "1"), "invalid JSON rule at conditions[0].field",
         "not available"},
        {FromCondition("data.x", "like", "1"), "invalid JSON rule at conditions[0].operator",
         "Unknown operator"},
        {FromCondition("data.x", "equals", ""), "invalid JSON rule at conditions[0].value", "missing"},
        {FromCondition("data.x", "between", "[1]"), "invalid JSON rule at conditions[0].value", "1 values"},
        {FromCondition("data.x", "within_last", "\"soon\""), "invalid JSON rule at conditions[0].value",
         "soon"},
        {R"({"conditions": [{"field": "data.x", "operator": "equals", "valu": 1}]})",
         "invalid JSON rule at conditions[0]", "Unknown key \"valu\""},
        {R"({"groups": [{"conditions": [{"field": "data.x", "operator": "in", "value": 1}]}]})",
         "invalid JSON rule at groups[0].conditions[0].value", "1"},
    };
    for (const Case& c : cases) {
        const UserError error = StratumError(c.json);
        EXPECT_EQ(error.message(), c.message) << c.json;
        EXPECT_NE(error.detail().find(c.detail), std::string::npos) << c.json << "\n" << error.detail();
    }
    std::string deep = "{\"conditions\": []}";
    for (int i = 0; i < 200; ++i) deep = "{\"logic\": \"and\", \"groups\": [" + deep + "]}";
    EXPECT_EQ(StratumError(deep).state(), sqlstate::kProgramLimit);
}

}  // namespace
}  // namespace pulse::rule
