#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "diagnosis_testing.hpp"
#include "pulse/diagnosis/clauses.hpp"
#include "pulse/diagnosis/rewrite.hpp"
#include "pulse/diagnosis/text.hpp"

namespace pulse::diagnosis {
namespace {

TEST(DiagnosisText, Figures) {
    EXPECT_EQ(Thousands(0), "0");
    EXPECT_EQ(Thousands(999), "999");
    EXPECT_EQ(Thousands(-1'234'567), "-1,234,567");
    EXPECT_EQ(Thousands(std::numeric_limits<int64_t>::min()), "-9,223,372,036,854,775,808");
    EXPECT_EQ(Percent(0.4196), "42 %");
    EXPECT_EQ(Percent(0.0312), "3.1 %");
    EXPECT_EQ(Percent(0.03), "3 %");
    EXPECT_EQ(Percent(0), "0 %");
    EXPECT_EQ(Percent(-0.00001), "under 0.1 %");
    EXPECT_EQ(Percent(std::nan("")), "an unknown share");
    EXPECT_EQ(SignedPercent(0.5), "+50 %");
    EXPECT_EQ(Figure(12000.4), "12,000");
    EXPECT_EQ(Listed({"a", "b", "c", "d", "e"}), "a, b, c and 2 more");
    EXPECT_EQ(Listed({"a", "b"}), "a and b");
    EXPECT_EQ(Listed({}), "");
}

TEST(DiagnosisText, ShortNeverCutsACharacter) {
    EXPECT_EQ(Short("a\nb"), "a b");
    EXPECT_EQ(Short("\xC3\xA4\xC3\xA4", 3), "\xC3\xA4...");
    EXPECT_EQ(Short(std::string(1'000'000, 'x')).size(), 63u);
}

TEST(DiagnosisText, WrapKeepsPercentSignWithFigure) {
    for (const std::string& line :
         Wrap("It fell by 42 % and then by 43 % and then by 44 % again", 14, "", ""))
        EXPECT_NE(line[0], '%') << line;
    EXPECT_EQ(Wrap("", 10, "- ", "  "), std::vector<std::string>{"- "});
}

TEST(DiagnosisText, SqlIsNeverBrokenInsideQuotesOrComments) {
    const auto lines = WrapSql("SELECT 'a b c d e f' FROM \"x y\"", 10, "");
    EXPECT_EQ(lines[0], "SELECT");
    EXPECT_EQ(lines[1], "    'a b c d e f'");
    EXPECT_EQ(WrapSql("SELECT 1 -- a long comment here", 10, "").size(), 1u);
    EXPECT_EQ(WrapSql("SELECT $a$ b c d e f g $a$", 10, "").size(), 1u);
}

ClauseEffect Compared(const std::string& before, const std::string& after) {
    return CompareRules({before}, {after}).at(0).effect;
}

TEST(DiagnosisClauses, TightenedOrLoosened) {
    EXPECT_EQ(Compared("a <= 30", "a <= 7"), ClauseEffect::kTightened);
    EXPECT_EQ(Compared("a <= 7", "a <= 30"), ClauseEffect::kLoosened);
    EXPECT_EQ(Compared("a > 5", "a >= 5"), ClauseEffect::kLoosened);
    EXPECT_EQ(Compared("a between 1 and 10", "a between 2 and 9"), ClauseEffect::kTightened);
    EXPECT_EQ(Compared("a = \"x\"", "a in [\"x\", \"y\"]"), ClauseEffect::kLoosened);
    EXPECT_EQ(Compared("a not in [\"x\"]", "a not in [\"x\", \"y\"]"), ClauseEffect::kTightened);
    EXPECT_EQ(Compared("a > 5", "a < 5"), ClauseEffect::kChanged);
    EXPECT_TRUE(CompareRules({"a > 5"}, {"a > 5"}).empty());
    const auto added = CompareRules({"a > 5"}, {"a > 5", "b = 1"});
    ASSERT_EQ(added.size(), 1u);
    EXPECT_EQ(added[0].effect, ClauseEffect::kTightened);
    EXPECT_EQ(CompareRules({"a > 5", "b = 1"}, {"a > 5"}).at(0).effect, ClauseEffect::kLoosened);
    EXPECT_EQ(Compared("not ( a rule", "neither ) this"), ClauseEffect::kTightened)
        << "what cannot be read counts as one gone, one added";
}

TEST(DiagnosisClauses, Names) {
    EXPECT_EQ(RuleName({"last_active_days"}), "inactivity rule");
    EXPECT_EQ(RuleName({"ltv"}), "rule on ltv");
    EXPECT_EQ(RuleName({}), "rule");
    EXPECT_TRUE(MatchesValues("v in [\"1\"]"));
    EXPECT_FALSE(MatchesValues("v > 1"));
}

TEST(DiagnosisRewrite, ValuesAreWrittenForTheColumnsType) {
    DiagnosisInput input = MakeCase(10, 10);
    input.after->attributes = {Values("tier", {{"1", 5}, {"2", 5}})};
    EXPECT_EQ(ValueRule(input, "tier", {"1"}), "tier = \"1\"");
    input.after->columns = {{"tier", "integer"}};
    EXPECT_EQ(ValueRule(input, "tier", {"1", "2"}), "tier in [1, 2]");
    EXPECT_EQ(ValueRule(input, "tier", {"1; DROP TABLE x"}), std::nullopt);
    EXPECT_EQ(ValueRule(input, "unknown", {"1"}), std::nullopt);
    EXPECT_EQ(Narrowed({{"query", "SELECT 1 AS id"}}, "a = \"x\"")->at("where"), "a = \"x\"");
    EXPECT_EQ(Narrowed(nlohmann::json::object(), "a = 1"), std::nullopt);
    EXPECT_EQ(Mapped({{"from", "t"}, {"where", "a = \"x\""}}, "a", {"x"}, {}), std::nullopt);
    EXPECT_EQ(
        Mapped({{"from", "t"}, {"where", "a in [\"x\", \"z\"] && b > 1"}}, "a", {"x"}, {"y"})->at("where"),
        "a in [\"x\", \"z\", \"y\"] && b > 1");
}

// Missing or hostile input still gives a result, and the same one twice.
TEST(DiagnosisEdge, ThinEvidence) {
    const Diagnosis nothing = Diagnose(DiagnosisInput());
    EXPECT_EQ(nothing.hypotheses[0].cause, Cause::kUnexplained);
    EXPECT_LT(nothing.hypotheses[0].confidence, 0.3);
    EXPECT_FALSE(nothing.recommendations.empty());
    EXPECT_FALSE(ToText(nothing).empty());

    DiagnosisInput same = MakeCase(10'000, 10'000);
    EXPECT_LT(Diagnose(same).hypotheses[0].confidence, 0.3);
    EXPECT_LT(Diagnose(MakeCase(10, 7)).hypotheses[0].confidence, 0.4) << "three people are hardly evidence";
    EXPECT_FALSE(Diagnose(MakeCase(0, 0)).hypotheses.empty());
    EXPECT_FALSE(Diagnose(MakeCase(0, 5000)).hypotheses.empty());

    DiagnosisInput odd = MakeCase(10'000, 5'000);
    odd.history.clear();
    odd.before->attributes = {Values("a", {}), Values("b", {{"x", 10'000}}), Values("c", {}, 10'000)};
    odd.after->attributes = {Values("a", {}), Values("b", {{"x", 5'000}}), Values("c", {}, 5'000)};
    odd.before->attributes[0].labels = {"label without a count"};
    for (const Hypothesis& hypothesis : Diagnose(odd).hypotheses) {
        EXPECT_GE(hypothesis.confidence, 0);
        EXPECT_LE(hypothesis.confidence, 1);
    }
}

TEST(DiagnosisEdge, HostileNamesStayQuoted) {
    DiagnosisInput input = MakeCase(10'000, 5'000);
    input.segment = "x'); DROP TABLE users; --\n";
    const std::string value = "an'droid\"; $json$ \\";
    input.before->attributes = {Values("pl\"at", {{value, 5000}, {"ios", 5000}})};
    input.after->attributes = {Values("pl\"at", {{"ios", 5000}})};
    const Diagnosis found = Diagnose(input);
    EXPECT_TRUE(Advice(found, "s.\"pl\"\"at\"::text IN ("));
    for (const Recommendation& advice : found.recommendations)
        EXPECT_FALSE(Says(advice.sql, ", $json$")) << advice.sql;
    EXPECT_EQ(ToJson(found).dump(), ToJson(Diagnose(input)).dump());
    EXPECT_EQ(ToText(found), ToText(Diagnose(input)));
}

TEST(DiagnosisEdge, EverythingCitedExists) {
    DiagnosisInput input = MakeCase(10'000, 5'000);
    input.before->attributes = {Values("p", {{"a", 5000}, {"b", 5000}})};
    input.after->attributes = {Values("p", {{"b", 5000}})};
    const Diagnosis found = Diagnose(input);
    for (const Hypothesis& hypothesis : found.hypotheses) {
        EXPECT_FALSE(hypothesis.evidence.empty());
        for (const std::string& id : hypothesis.evidence)
            EXPECT_TRUE(std::any_of(found.evidence.begin(), found.evidence.end(), [&](const Evidence& e) {
                return e.id == id;
            })) << id;
    }
}

}  // namespace
}  // namespace pulse::diagnosis
