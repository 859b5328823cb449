// Conditions on the elements of a list: any() and all(). What they mean on data: test/sql/rule_elements.sql.
#include "rule_testing.hpp"

#include "pulse/rule/profile.hpp"

namespace pulse::rule {
namespace {

ProfileRule Person(const Expr& expr) {
    const ProfileNames names{"a", "c", "x", [](size_t) { return "m"; }};
    return CompileProfile(expr, names, Expect::kAny, "now()");
}

UserError PersonError(std::string_view text) {
    return ErrorOf([&] { Person(*Parse(text)); });
}

UserError JsonError(const std::string& condition) {
    return ErrorOf([&] { Person(*FromJson(nlohmann::json::parse("{\"rules\": [" + condition + "]}"))); });
}

TEST(RuleElements, HaveOneSpellingInTextAndJson) {
    struct Case {
        const char *text, *json;
    };
    const Case cases[] = {
        {R"(any(profile.devices, os = "ios" && number(version) >= 15))",
         R"~({"field": "profile.devices", "operator": "any", "value": {"rules": [{"field": "os", "operator": "=", "value": "ios"},
             {"field": "number(version)", "operator": ">=", "value": 15}]}})~"},
        {R"(not any(profile.scores, $ > 10))",
         R"~({"field": "profile.scores", "operator": "not_any", "value": {"rules": [{"field": "$", "operator": ">", "value": 10}]}})~"},
        {R"(all(profile.orders, any(items, sku = "a") || `Any Name`.x is null))",
         R"~({"field": "profile.orders", "operator": "all", "value": {"logicalOperator": "OR", "rules": [
             {"field": "items", "operator": "any", "value": {"rules": [{"field": "sku", "operator": "=", "value": "a"}]}},
             {"field": "`Any Name`.x", "operator": "is_null"}]}})~"},
        {R"(any(profile.users, address.city = "Rome" && `First Name` = "Ann"))",
         R"~({"field": "profile.users", "operator": "any", "value": {"rules": [{"field": "address.city", "operator": "=", "value": "Rome"},
             {"field": "First Name", "operator": "=", "value": "Ann"}]}})~"},
        {R"(not all(profile.orders, profile = 1))",
         R"~({"field": "profile.orders", "operator": "not_all", "value": {"rules": [{"field": "profile", "operator": "=", "value": 1}]}})~"},
    };
    for (const Case& c : cases) {
        EXPECT_EQ(Canonical(c.text), c.text);
        EXPECT_EQ(CanonicalJson(std::string("{\"rules\": [") + c.json + "]}"), c.text);
    }
    EXPECT_EQ(Canonical("ANY( profile.d ,os='ios' )"), "any(profile.d, os = \"ios\")");
    EXPECT_EQ(Canonical("events.order{any(products, price > 10)}.count > 0"),
              "events.order{any(products, price > 10)}.count > 0");
    // A name is a name.
    EXPECT_EQ(Canonical("any = 1 && all > 2"), "any = 1 && all > 2");
}

TEST(RuleElements, AreEvaluatedByOneExpressionOfAnElement) {
    const ProfileRule rule = Person(*Parse("any(profile.d, os = \"it's\")"));
    EXPECT_EQ(
        rule.sql,
        "(true = ANY (pulse.each_element((a -> 'd'), '((CASE WHEN pg_catalog.jsonb_typeof(($1 -> ''os'')) = "
        "''string'' THEN ($1 -> ''os'') #>> ''{}'' END) = ''it''''s'')')))");
    EXPECT_EQ(rule.attributes, std::vector<std::string>{"d"});
    EXPECT_EQ(rule.type, ValueType::kBoolean);
    EXPECT_EQ(Person(*Parse("all(profile.d, $ > 1)")).sql,
              "(true = ALL (pulse.each_element((a -> 'd'), '(pulse.to_number(($1)) > 1)')))");
    // Names are properties of an element, not traits.
    EXPECT_TRUE(FindReferencedNames(*Parse("any(profile.d, vip)")).traits.empty());
    EXPECT_EQ(FindPatterns(*Parse("any(profile.d, os matches '^a')")), std::vector<std::string>{"^a"});
    const std::vector<SubExpression> parts = SubExpressions(Parse("any(profile.d, os = 'ios')"));
    ASSERT_EQ(parts.size(), 2u);
    EXPECT_EQ(parts[1].text, "profile.d");
}

TEST(RuleElements, RefuseWhatIsNotAboutOneElement) {
    for (const char* text : {"any(profile.d, at > now)", "any(profile.d, at within last 7d)",
                             "any(profile.d, days_since(at) > 1)", "any(profile.d, events.a.count > 1)",
                             "any(profile.d, segment('x'))", "any(profile.d, trait('x') = 1)"}) {
        const UserError error = ParseError(text);
        EXPECT_EQ(error.state(), sqlstate::kNotSupported) << text;
        EXPECT_NE(error.message().find("condition on elements"), std::string::npos) << error.message();
    }
    EXPECT_EQ(ParseError("any(profile.d, $.os = 'ios')").hint(),
              "A property of the element is written without $.");
    for (const char* text : {"any(profile.d)", "any()", "any(profile.d, )", "any(profile.d, a, b)", "$ > 1",
                             "any(profile.d, a) > > 1", "any(profile.d, a in plans)"})
        EXPECT_EQ(ParseError(text).state(), sqlstate::kSyntaxError) << text;
    EXPECT_EQ(PersonError("any(profile.d, a + 1)").state(), sqlstate::kDatatypeMismatch);
    EXPECT_EQ(PersonError("any(ignore_case(profile.d), a = 'x')").state(), sqlstate::kDatatypeMismatch);
    EXPECT_EQ(PersonError("any(events.a.count, a = 'x')").state(), sqlstate::kDatatypeMismatch);
    EXPECT_EQ(PersonError("any(profile.d, semver(v) > 'x')").message(),
              "invalid version in rule at position 28");
    EXPECT_EQ(CompileError("any(data, a = 1)").message(),
              "any() is not available in a relation segment at position 1");
    // Elements of elements quote the condition again and again.
    std::string deep = "$ = \"'\"";
    for (int i = 0; i < 40; ++i) deep = "any(x, " + deep + ")";
    EXPECT_EQ(PersonError("any(profile.d, " + deep + ")").state(), sqlstate::kProgramLimit);
}

TEST(RuleElements, NameThePlaceInJson) {
    const auto error = [](const std::string& condition, const char* op = "any") {
        return JsonError(std::string(R"({"field": "profile.d", "operator": ")") + op + R"(", "value": )" +
                         condition + "}");
    };
    const auto element = [&](const std::string& rule) { return error("{\"rules\": [" + rule + "]}"); };
    EXPECT_EQ(element(R"({"field": "a", "operator": "?", "value": 1})").message(),
              "invalid JSON rule at rules[0].value.rules[0].operator");
    EXPECT_EQ(error("\"ios\"").detail(), "The value is \"ios\".");
    EXPECT_EQ(JsonError(R"({"field": "profile.d", "operator": "all"})").message(),
              "invalid JSON rule at rules[0].value");
    EXPECT_EQ(element(R"({"field": "at", "operator": "within_last", "value": 7})").message(),
              "the time is not available in a condition on elements");
    EXPECT_EQ(element(R"({"field": "a", "operator": "in", "value": {"trait": "x"}})").state(),
              sqlstate::kDatatypeMismatch);
    EXPECT_EQ(element(R"~({"field": "trait(\"x\")", "operator": "=", "value": 1})~").state(),
              sqlstate::kNotSupported);
}

}  // namespace
}  // namespace pulse::rule
