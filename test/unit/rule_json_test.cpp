#include "rule_testing.hpp"

namespace pulse::rule {
namespace {

UserError JsonError(const std::string& json) {
    const nlohmann::json parsed = nlohmann::json::parse(json);
    return ErrorOf([&] { FromJson(parsed); });
}

std::string One(const std::string& operation, const std::string& value) {
    return R"({"rules": [{"field": "f", "operator": ")" + operation + "\"" +
           (value.empty() ? "" : ", \"value\": " + value) + "}]}";
}

TEST(RuleJson, MeansTheSameAsText) {
    struct Case {
        const char *operation, *value, *text;
    };
    const Case cases[] = {
        {"=", "1", "f = 1"},
        {"==", "\"x\"", "f = 'x'"},
        {"equals", "true", "f = true"},
        {"=", "null", "f = null"},
        {"!=", "null", "f != null"},
        {"!=", "1", "f != 1"},
        {"<>", "1.50", "f <> 1.5"},
        {"not_equals", "1", "f != 1"},
        {">", "1000", "f > 1000"},
        {"greater_than", "-1", "f > -1"},
        {"after", "\"2011-03-01\"", "f > '2011-03-01'"},
        {">=", "1e3", "f >= 1000"},
        {"greater_or_equal", "1", "f >= 1"},
        {"<", "1", "f < 1"},
        {"less_than", "1", "f < 1"},
        {"before", "\"2011-03-01\"", "f < '2011-03-01'"},
        {"<=", "1", "f <= 1"},
        {"less_or_equal", "1", "f <= 1"},
        {"in", "[\"a\", \"b\"]", "f in ['a', 'b']"},
        {"not_in", "[1, 2]", "f not in [1, 2]"},
        {"between", "[1, 2]", "f between 1 and 2"},
        {"not_between", "[1, 2]", "f not between 1 and 2"},
        {"contains", "\"x\"", "f contains 'x'"},
        {"not_contains", "\"x\"", "f not contains 'x'"},
        {"starts_with", "\"x\"", "f starts_with 'x'"},
        {"ends_with", "\"x\"", "f ends_with 'x'"},
        {"matches", "\"^x\"", "f matches '^x'"},
        {"exists", "", "exists f"},
        {"not_exists", "", "not exists f"},
        {"is_null", "null", "f is null"},
        {"is_not_null", "", "f is not null"},
        {"within_last", "\"7d\"", "f within last 7d"},
        {"within_last", "7", "f within last 7d"},
        {"within_last", "{\"days\": 7}", "f within last 7d"},
        {"within_last", "{\"hours\": 12}", "f within last 12h"},
        {"not_within_last", "\"90m\"", "f not within last 90m"},
        {"before_last", "30", "f before last 30d"},
        {"IN", "[1]", "f in [1]"},
    };
    for (const Case& c : cases)
        EXPECT_EQ(CanonicalJson(One(c.operation, c.value)), Canonical(c.text))
            << c.operation << " " << c.value;
}

TEST(RuleJson, NestsGroups) {
    EXPECT_EQ(CanonicalJson(R"({"logicalOperator": "OR",
                                "rules": [{"field": "a", "operator": "=", "value": 1}, {"field": "b", "operator": "=", "value": 2}],
                                "groups": [{"rules": [{"field": "c", "operator": ">", "value": 3}, {"field": "d", "operator": "exists"}]},
                                           {"logicalOperator": "or", "rules": [{"field": "e", "operator": "=", "value": 5}]}]})"),
              Canonical("a = 1 || b = 2 || c > 3 && exists d || e = 5"));
    EXPECT_EQ(
        CanonicalJson(
            R"({"groups": [{"logicalOperator": "OR", "rules": [{"field": "a", "operator": "=", "value": 1},
                                                                               {"field": "b", "operator": "=", "value": 2}]},
                                           {"rules": [{"field": "c", "operator": "=", "value": 3}]}]})"),
        Canonical("(a = 1 || b = 2) && c = 3"));
}

TEST(RuleJson, TakesFieldsAsTheyAre) {
    const auto field = [](const std::string& name) {
        nlohmann::json json = {{"rules", {{{"field", name}, {"operator", "exists"}}}}};
        return Print(*FromJson(json));
    };
    EXPECT_EQ(field("ltv"), "ltv is not null");
    EXPECT_EQ(field("Order Total"), "`Order Total` is not null");
    EXPECT_EQ(field("now"), "`now` is not null");
    EXPECT_EQ(field("a.b"), "`a.b` is not null");
    EXPECT_EQ(field("x\"; DROP TABLE t; --"), "`x\"; DROP TABLE t; --` is not null");
    EXPECT_EQ(field("profile.plan"), "profile.plan is not null");
    EXPECT_EQ(field("events[\"Order Completed\"].count_7d"),
              "events[\"Order Completed\"].count(7d) is not null");
    EXPECT_EQ(field("trait(\"vip\")"), "trait(\"vip\") is not null");
    EXPECT_EQ(field("profile[\"Home Town\"]"), "profile[\"Home Town\"] is not null");
    EXPECT_EQ(field("`Order Total`"), "`Order Total` is not null");
    EXPECT_EQ(field("[\"Order Total\"]"), "`Order Total` is not null");
    EXPECT_EQ(field("lower(profile.plan)"), "lower(profile.plan) is not null");
    EXPECT_EQ(field("count(x)"), "`count(x)` is not null");
    EXPECT_EQ(ErrorOf([&] { field("lower(x) = 1 || (true)"); }).state(), sqlstate::kSyntaxError);
    EXPECT_EQ(CanonicalJson(One("not_in", "[]")), "f not in []");
    EXPECT_EQ(ErrorOf([&] { field("profile.x = 1 or"); }).state(), sqlstate::kSyntaxError);
    EXPECT_EQ(ErrorOf([&] { field("a\xff"); }).state(), sqlstate::kInvalidEncoding);
}

TEST(RuleJson, ErrorsNameTheirPath) {
    struct Case {
        std::string json;
        const char *message, *detail, *hint;
    };
    const Case cases[] = {
        {"[]", "invalid JSON rule", "not a list", "A JSON rule is"},
        {"5", "invalid JSON rule", "not 5", "A JSON rule is"},
        {"{}", "invalid JSON rule", "There is no rule", "at least one"},
        {R"({"rules": []})", "invalid JSON rule", "There is no rule", "at least one"},
        {R"({"rules": {}})", "invalid JSON rule", "\"rules\" is an object", "A JSON rule is"},
        {R"({"rulez": []})", "invalid JSON rule", "Unknown key \"rulez\"", "Keys are"},
        {R"({"rules": [5]})", "invalid JSON rule at rules[0]", "not 5", "A JSON rule is"},
        {R"({"rules": [{}]})", "invalid JSON rule at rules[0]", "\"field\"", "A JSON rule is"},
        {R"({"rules": [{"field": ""}]})", "invalid JSON rule at rules[0]", "\"field\"", "A JSON rule is"},
        {R"({"rules": [{"field": "f"}]})", "invalid JSON rule at rules[0].operator", "missing",
         "Operators are"},
        {R"({"rules": [{"field": "f", "operator": "like", "value": 1}]})",
         "invalid JSON rule at rules[0].operator", "Unknown operator \"like\"", "not_in"},
        {R"({"rules": [{"field": "f", "operator": "=", "valu": 1}]})", "invalid JSON rule at rules[0]",
         "Unknown key \"valu\"", "field, operator and value"},
        {One("=", ""), "invalid JSON rule at rules[0].value", "missing", ""},
        {One("=", "{}"), "invalid JSON rule at rules[0].value", "an object", "Give a number"},
        {One(">", "null"), "invalid JSON rule at rules[0].value", "null", "Give a number"},
        {One("in", "5"), "invalid JSON rule at rules[0].value", "5", "Give a list"},
        {One("in", "[1, null]"), "invalid JSON rule at rules[0].value[1]", "null", "is_null"},
        {One("in", "[[1]]"), "invalid JSON rule at rules[0].value[0]", "a list", "Give a number"},
        {One("between", "[1]"), "invalid JSON rule at rules[0].value", "1 values", "lower and the upper"},
        {One("is_null", "5"), "invalid JSON rule at rules[0].value", "takes no value", "Leave"},
        {One("within_last", "\"7 days\""), "invalid JSON rule at rules[0].value", "7 days",
         "Give a duration"},
        {One("within_last", "0"), "invalid JSON rule at rules[0].value", "0", "Give a duration"},
        {One("within_last", "1.5"), "invalid JSON rule at rules[0].value", "1.5", "Give a duration"},
        {One("within_last", "{\"months\": 1}"), "invalid JSON rule at rules[0].value", "an object",
         "Give a duration"},
        {R"({"groups": [{"rules": []}]})", "invalid JSON rule at groups[0]", "There is no rule",
         "at least one"},
        {R"({"groups": [{"rules": [{"field": "f", "operator": "=", "value": 1}], "logicalOperator": "XOR"}]})",
         "invalid JSON rule at groups[0]", "XOR", "AND"},
    };
    for (const Case& c : cases) {
        const UserError error = JsonError(c.json);
        EXPECT_EQ(error.state(), sqlstate::kInvalidParameter) << c.json;
        EXPECT_EQ(error.message(), c.message) << c.json;
        EXPECT_NE(error.detail().find(c.detail), std::string::npos) << c.json << ": " << error.detail();
        EXPECT_NE(error.hint().find(c.hint), std::string::npos) << c.json << ": " << error.hint();
    }
    EXPECT_EQ(JsonError(One("=", "1e305")).state(), sqlstate::kNumberOutOfRange);
}

TEST(RuleJson, LimitsDepthAndLength) {
    std::string open, close;
    for (int i = 0; i < 10'000; ++i) {
        open += R"({"groups":[)";
        close += "]}";
    }
    EXPECT_EQ(JsonError(open + R"({"rules":[{"field":"f","operator":"exists"}]})" + close).state(),
              sqlstate::kProgramLimit);
    nlohmann::json many = {{"rules", nlohmann::json::array()}};
    for (int i = 0; i < 10'001; ++i) many["rules"].push_back({{"field", "f"}, {"operator", "exists"}});
    EXPECT_EQ(ErrorOf([&] { FromJson(many); }).state(), sqlstate::kProgramLimit);
    nlohmann::json list = nlohmann::json::array();
    for (int i = 0; i < 10'001; ++i) list.push_back(i);
    EXPECT_EQ(ErrorOf([&] {
                  FromJson({{"rules", {{{"field", "f"}, {"operator", "in"}, {"value", list}}}}});
              }).state(),
              sqlstate::kProgramLimit);
    EXPECT_EQ(ErrorOf([&] {
                  FromJson({{"rules",
                             {{{"field", "f"}, {"operator", "="}, {"value", std::string(kMaxText, 'x')}}}}});
              }).message(),
              "rule is too long");
    EXPECT_LT(JsonError(One("like" + std::string(5000, 'x'), "1")).detail().size(), 200u);
}

TEST(RuleJson, RefusesNumbersBeyondDoublePrecisionInOurWords) {
    const UserError error = ErrorOf([] { ReadJson("{\"value\": -1e400}", "rule", ""); });
    EXPECT_EQ(error.state(), sqlstate::kNumberOutOfRange);
    EXPECT_EQ(error.detail(), "It is -1e400.");
}

}  // namespace
}  // namespace pulse::rule
