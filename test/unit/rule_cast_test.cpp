// Casts and lists: their forms, their SQL and their errors. What they mean on data: test/sql/rule_cast.sql.
#include "rule_testing.hpp"

#include <algorithm>

#include "pulse/rule/address.hpp"
#include "pulse/rule/profile.hpp"
#include "pulse/rule/version.hpp"

namespace pulse::rule {
namespace {

std::string PersonSql(std::string_view text) {
    const ProfileNames names{"a", "c", "x", [](size_t) { return "m"; }};
    return CompileProfile(*Parse(text), names, Expect::kAny, "now()").sql;
}

UserError PersonError(std::string_view text) {
    return ErrorOf([&] { PersonSql(text); });
}

TEST(RuleCast, VersionsSortAsSemverOrgSays) {
    // Each before the next.
    const char* const ascending[] = {"0.0.0-0",
                                     "0.0.0",
                                     "0.0.1",
                                     "0.9.99",
                                     "0.10.0",
                                     "1.0.0-0",
                                     "1.0.0-1",
                                     "1.0.0-2.9",
                                     "1.0.0-2.10",
                                     "1.0.0-10",
                                     "1.0.0--",
                                     "1.0.0-0a",
                                     "1.0.0-A",
                                     "1.0.0-alpha",
                                     "1.0.0-alpha.1",
                                     "1.0.0-alpha.beta",
                                     "1.0.0-alpha-1",
                                     "1.0.0-alpha1",
                                     "1.0.0-beta",
                                     "1.0.0-beta.2",
                                     "1.0.0-beta.11",
                                     "1.0.0-rc.1",
                                     "1.0.0",
                                     "1.0.1",
                                     "2.0.0",
                                     "10.0.0",
                                     "123456789012345678901234567890.0.0"};
    for (size_t i = 0; i + 1 < std::size(ascending); ++i) {
        const auto low = VersionKey(ascending[i]), high = VersionKey(ascending[i + 1]);
        ASSERT_TRUE(low && high) << ascending[i] << " " << ascending[i + 1];
        EXPECT_LT(*low, *high) << ascending[i] << " " << ascending[i + 1];
    }
    for (const char* same : {"v1.2.3", "V1.2.3", "1.2.3+build.5", "1.2.3+other-1"})
        EXPECT_EQ(VersionKey(same), VersionKey("1.2.3")) << same;
    EXPECT_EQ(VersionKey("2"), VersionKey("2.0.0"));
    EXPECT_EQ(VersionKey("2.1-rc.1"), VersionKey("2.1.0-rc.1"));
    const std::string longest = "1.0.0-" + std::string(249, 'x');
    EXPECT_TRUE(VersionKey(longest));
    for (const std::string none :
         {"", "v", "x", "1.", "1..2", ".1", "01.2.3", "1.2.3.4", "1.2.3-", "1.2.3-a..b", "1.2.3-01", "1.2.3+",
          "1.2.3 ", " 1.2.3", "1,2", "1.2.3-ä", "vv1", "1-2_3"})
        EXPECT_FALSE(VersionKey(none)) << none;
    EXPECT_FALSE(VersionKey(longest + "x"));
    EXPECT_FALSE(VersionKey(std::string(100, '9')));
}

TEST(RuleCast, KnowsAddresses) {
    for (const char* good : {"10.1.2.3", "10.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0", "::", "2001:db8::/32",
                             "::ffff:10.0.0.1", "::1/128"})
        EXPECT_TRUE(IsAddress(good)) << good;
    for (const std::string bad : {"", "10.1.2", "10.1.2.256", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1",
                                  "10.0.0.0/8/8", "2001:db8::/129", "x", "/8", "fe80::1%eth0", " 10.0.0.1"})
        EXPECT_FALSE(IsAddress(bad)) << bad;
    EXPECT_FALSE(IsAddress(std::string("10.0.0.1\0", 9)));
}

TEST(RuleCast, HasOneSpellingInTextAndJson) {
    struct Case {
        const char *text, *json;
    };
    const Case cases[] = {
        {"semver(profile.v) >= \"2.10.0\"",
         R"~({"field": "semver(profile.v)", "operator": ">=", "value": "2.10.0"})~"},
        {"number(profile.n) between 1 and 9",
         R"~({"field": "number(profile.n)", "operator": "between", "value": [1, 9]})~"},
        {"inet(profile.ip) not in [\"10.0.0.0/8\"]",
         R"~({"field": "inet(profile.ip)", "operator": "not_in", "value": ["10.0.0.0/8"]})~"},
        {"ignore_case(profile.p) = \"Pro\"",
         R"~({"field": "ignore_case(profile.p)", "operator": "equals", "value": "Pro"})~"},
        {"type(profile.p) = \"array\"",
         R"~({"field": "type(profile.p)", "operator": "=", "value": "array"})~"},
        {"profile.t contains_any [\"a\", 1, true]",
         R"~({"field": "profile.t", "operator": "contains_any", "value": ["a", 1, true]})~"},
        {"profile.t not contains_all [\"a\"]",
         R"~({"field": "profile.t", "operator": "not_contains_all", "value": ["a"]})~"},
        {"profile.t = list(\"a\", -1)", R"~({"field": "profile.t", "operator": "=", "value": ["a", -1]})~"},
        {"profile.t != list()", R"~({"field": "profile.t", "operator": "!=", "value": []})~"},
    };
    for (const Case& c : cases) {
        EXPECT_EQ(Canonical(c.text), c.text);
        EXPECT_EQ(CanonicalJson(std::string("{\"rules\": [") + c.json + "]}"), c.text);
    }
    EXPECT_EQ(Canonical("SEMVER(a) > '1' and a CONTAINS_ANY ['x']"),
              "semver(a) > \"1\" && a contains_any [\"x\"]");
}

TEST(RuleCast, ReadsLiteralsWhenTheRuleIsDefined) {
    EXPECT_EQ(
        PersonSql("semver(profile.v) > \"1.2\""),
        "((pulse.version_key((CASE WHEN pg_catalog.jsonb_typeof((a -> 'v')) = 'string' THEN (a -> 'v') #>> '{}' END)) "
        "COLLATE pg_catalog.\"C\") > '011012010~')");
    EXPECT_EQ(
        PersonSql("inet(profile.ip) in [\"10.0.0.0/8\", \"::1\"]"),
        "(pulse.to_inet((CASE WHEN pg_catalog.jsonb_typeof((a -> 'ip')) = 'string' THEN (a -> 'ip') #>> '{}' END)) <<= "
        "ANY (ARRAY[('10.0.0.0/8')::inet, ('::1')::inet]))");
    EXPECT_EQ(PersonSql("ignore_case(profile.p) matches \"^a\"").find("~*") != std::string::npos, true);
    EXPECT_EQ(PersonError("semver(profile.v) > \"new\"").message(), "invalid version in rule at position 21");
    EXPECT_EQ(PersonError("semver(profile.v) in [\"1.2\", \"x\"]").message(),
              "invalid version in rule at position 30");
    EXPECT_EQ(PersonError("inet(profile.ip) in [\"10.0.0.0/8\", \"127.invalid\"]").message(),
              "invalid address in rule at position 36");
    EXPECT_EQ(PersonError("semver(profile.v) > 2").state(), sqlstate::kDatatypeMismatch);
    EXPECT_EQ(PersonError("number(profile.n) > \"2\"").hint(), "Write numbers without quotes.");
    EXPECT_EQ(PersonError("number(profile.n > 2)").state(), sqlstate::kDatatypeMismatch);
    EXPECT_EQ(PersonError("type(\"x\") = \"string\"").state(), sqlstate::kDatatypeMismatch);
    EXPECT_EQ(PersonError("type(profile.v) = \"list\"").message(), "invalid type in rule at position 19");
    EXPECT_EQ(PersonError("(semver(profile.v) ?? \"1\") > \"1\"").message(),
              "a cast cannot be chosen in rule at position 2");
    EXPECT_EQ(PersonError("semver(profile.v) = list(\"1\")").state(), sqlstate::kDatatypeMismatch);
    EXPECT_EQ(PersonError("list(1) = profile.v").state(), sqlstate::kDatatypeMismatch);
    EXPECT_EQ(ParseError("a = list(b)").state(), sqlstate::kSyntaxError);
    EXPECT_EQ(ParseError("semver(a, b) = 'x'").state(), sqlstate::kSyntaxError);
}

TEST(RuleCast, ListsHaveNames) {
    EXPECT_EQ(Canonical("profile.p in plans"), "profile.p in plans");
    EXPECT_EQ(Canonical("profile.t not contains_any trait('plans')"),
              "profile.t not contains_any trait(\"plans\")");
    EXPECT_EQ(Canonical("profile.p in list('a', 1)"), "profile.p in [\"a\", 1]");
    EXPECT_EQ(
        CanonicalJson(
            R"({"rules": [{"field": "profile.p", "operator": "not_in", "value": {"trait": "plans"}}]})"),
        "profile.p not in trait(\"plans\")");
    EXPECT_EQ(PersonSql("list('a', -1.5, true, '\"')"),
              "NULLIF( E'[\"a\", -1.5, true, \"\\\\\"\"]'::jsonb, 'null'::jsonb)");
    EXPECT_EQ(PersonError("profile.p in account.p").message(), "not a list in rule at position 14");
    EXPECT_EQ(CompileError("plan in code").message(), "not a list in rule at position 9");
    EXPECT_EQ(ParseError("events.a{p in plans}.count > 0").state(), sqlstate::kSyntaxError);
    EXPECT_EQ(ParseError("a in 5").state(), sqlstate::kSyntaxError);
    EXPECT_EQ(ErrorOf([] {
                  CanonicalJson(R"({"rules": [{"field": "p", "operator": "in", "value": {"list": "x"}}]})");
              }).state(),
              sqlstate::kInvalidParameter);
}

TEST(RuleCast, RelationsHaveWhatNeedsNoFunctionOfPulse) {
    EXPECT_EQ(
        Sql("tags contains_any [\"a\", \"b\"]"),
        "(CASE WHEN s.\"tags\" && '{\"a\",\"b\"}' THEN true WHEN s.\"tags\" <@ s.\"tags\" THEN false END)");
    EXPECT_EQ(
        Sql("tags contains_all [\"a\", \"b\"]"),
        "(CASE WHEN s.\"tags\" @> '{\"a\",\"b\"}' THEN true WHEN s.\"tags\" <@ s.\"tags\" THEN false END)");
    EXPECT_EQ(Sql("tags contains_any []"), "false");
    EXPECT_EQ(Sql("tags contains_all []"), "true");
    EXPECT_EQ(Sql("tags = list(\"a\")"), "(s.\"tags\" = '{\"a\"}')");
    EXPECT_EQ(Sql("tags != list()"), "(NOT s.\"tags\" = ARRAY[]::text[])");
    EXPECT_EQ(Sql("inet(ip) in [\"10.0.0.0/8\"]"),
              "((s.\"ip\")::inet <<= ANY (ARRAY[('10.0.0.0/8')::inet]))");
    EXPECT_EQ(Sql("ignore_case(plan) = \"Pro\""),
              "(pg_catalog.lower(s.\"plan\") = pg_catalog.lower(('Pro')::text))");
    EXPECT_NE(Sql("number(plan) > 5").find("::numeric END"), std::string::npos);
    const std::string folded = "(pg_catalog.lower((s.\"tags\")::text)::text[])";
    EXPECT_EQ(Sql("ignore_case(tags) = list(\"A\")"),
              "(" + folded + " = pg_catalog.lower('{\"A\"}')::text[])");
    EXPECT_NE(Sql("ignore_case(tags) contains_any [\"A\"]")
                  .find(folded + " && pg_catalog.lower('{\"A\"}')::text[]"),
              std::string::npos);
    EXPECT_EQ(CompileError("tags contains_any [\"a\", 1]").state(), sqlstate::kDatatypeMismatch);
    for (const char* text : {"semver(plan) > \"1\"", "inet(plan) = \"10.0.0.1\"", "inet(plan) in [\"::1\"]"})
        EXPECT_EQ(Sql(text).find("pulse."), std::string::npos) << text;
    EXPECT_EQ(CompileError("type(plan) = \"string\"").state(), sqlstate::kDatatypeMismatch);
}

TEST(RuleCast, ACastOfALiteralIsNoLiteral) {
    EXPECT_EQ(PersonError("ignore_case('2024-01-01') within last 7d").state(), sqlstate::kDatatypeMismatch);
    EXPECT_EQ(PersonError("profile.p matches ignore_case('a')").state(), sqlstate::kNotSupported);
    EXPECT_EQ(CompileError("seen > ignore_case('2024-01-01')").state(), sqlstate::kDatatypeMismatch);
    EXPECT_EQ(CompileError("tags contains ignore_case('a')").state(), sqlstate::kDatatypeMismatch);
    EXPECT_NE(PersonSql("profile.p = ignore_case('A')"), "");
}

TEST(RuleCast, SaysWhatComparesVersionsAndAddresses) {
    for (const char* text : {"semver(profile.v) contains \"2\"", "semver(profile.v) contains_any [\"beta\"]",
                             "semver(profile.v) starts_with \"2\"", "semver(profile.v) matches \"^2\"",
                             "inet(profile.v) contains \"10.\"", "inet(profile.v) ends_with \".1\""}) {
        const UserError error = PersonError(text);
        EXPECT_EQ(error.state(), sqlstate::kDatatypeMismatch) << text;
        EXPECT_EQ(
            error.hint(),
            "Versions and addresses are compared by =, !=, <, <=, >, >=, between and in. For a part of the "
            "text leave the cast out.")
            << text;
    }
    EXPECT_EQ(PersonError("semver(profile.v) contains \"beta\"").message(),
              "operator contains cannot take semver and text in rule at position 1");
}

// The SQL of a rule grows with its list, not by a copy of the attribute for each literal.
TEST(RuleCast, WritesAnOperandOnceForAllLiterals) {
    const auto growth = [](const std::string& before, const std::string& literal, const auto& compile) {
        const auto size = [&](size_t count) {
            std::string text = before + " [";
            for (size_t i = 0; i < count; ++i) text += (i > 0 ? ", " : "") + literal;
            return compile(text + "]").size();
        };
        return (size(1000) - size(10)) / 990;
    };
    const auto person = [](const std::string& text) { return PersonSql(text); };
    const auto relation = [](const std::string& text) { return Sql(text); };
    for (const char* text :
         {"profile.t contains_any", "profile.t contains_all", "profile.t in",
          "ignore_case(profile.t) contains_any", "inet(profile.t) in", "semver(profile.t) in"})
        EXPECT_LT(growth(text, text[0] == 's' ? "\"1.2.3\"" : "\"10.1.2.3\"", person), 100u) << text;
    for (const char* text : {"plan contains_any", "plan in", "inet(plan) in", "tags contains_any"})
        EXPECT_LT(growth(text, "\"10.1.2.3\"", relation), 50u) << text;
    EXPECT_EQ(
        PersonSql("profile.t contains_all [\"a\", -1, true]"),
        "(CASE pg_catalog.jsonb_typeof((a -> 't')) WHEN 'array' THEN (pg_catalog.jsonb_exists_all((a -> 't'), "
        "ARRAY['a']) AND (a -> 't') @> ALL (ARRAY['-1'::jsonb, 'true'::jsonb])) WHEN 'string' THEN "
        "((pg_catalog.lower((CASE WHEN pg_catalog.jsonb_typeof((a -> 't')) = 'string' THEN (a -> 't') #>> '{}' "
        "END)) COLLATE pg_catalog.\"C\" LIKE ALL (ARRAY[pg_catalog.lower('%a%')])) AND NULL::boolean) END)");
}

}  // namespace
}  // namespace pulse::rule
