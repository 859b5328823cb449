// Causes in the rule, and values that were renamed.
#include <gtest/gtest.h>

#include "pulse/diagnosis/clauses.hpp"
#include "pulse/diagnosis/source_questions.hpp"
#include "diagnosis_testing.hpp"

namespace pulse::diagnosis {
namespace {

// The platform and the version are the same people: android carries 4.2.
DiagnosisInput Release() {
    DiagnosisInput input = MakeCase(10'000, 10'010, "distribution_shift", "app_version");
    input.before->attributes = {Values("app_version", {{"4.1", 3000}, {"4.2", 4000}, {"3.9", 3000}})};
    input.after->attributes = {Values("app_version", {{"4.1", 3005}, {"5.0", 4002}, {"3.9", 3003}})};
    return input;
}

TEST(DiagnosisRename, AReleaseChangedAppVersionValues) {
    const Diagnosis found = Diagnose(Release());
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kValueRenamed);
    EXPECT_GT(found.hypotheses[0].confidence, 0.85);
    EXPECT_TRUE(Says(found.hypotheses[0].sentence, "A release changed app_version values: 4.2 -> 5.0."));
}

TEST(DiagnosisRename, AndroidSdkUpdateWhenTheRuleNamesTheOldValue) {
    DiagnosisInput input = MakeCase(10'000, 5'800);
    input.definition["where"] = "app_version in [\"4.1\", \"4.2\"]";
    input.before->attributes = {Values("app_version", {{"4.1", 5800}, {"4.2", 4200}}),
                                Values("platform", {{"android", 4300}, {"ios", 5700}})};
    input.after->attributes = {Values("app_version", {{"4.1", 5800}}),
                               Values("platform", {{"android", 100}, {"ios", 5700}})};
    input.before->clauses = {{"app_version in [\"4.1\", \"4.2\"]", 10'000, 300}};
    input.after->clauses = {{"app_version in [\"4.1\", \"4.2\"]", 5'800, 4'490}};
    input.before->clause_rows = input.after->clause_rows = 10'300;
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kValueRenamed);
    EXPECT_TRUE(Says(found.hypotheses[0].sentence, "An Android SDK update changed app_version values"));
    EXPECT_GE(found.hypotheses[0].evidence.size(), 3u);
}

TEST(DiagnosisRename, RecommendsToMapTheValuesInTheRule) {
    DiagnosisInput input = Release();
    input.definition["where"] = "app_version = \"4.2\" && ltv > 10";
    const auto advice = Advice(Diagnose(input), "in [\\\"4.2\\\", \\\"5.0\\\"]");
    ASSERT_TRUE(advice);
    EXPECT_TRUE(Says(advice->sql, "pulse_update_segment('High-Value Users', definition => $json$"));
    EXPECT_EQ(advice->priority, "high");
}

TEST(DiagnosisRename, PairsValuesThatDifferInCaseOnly) {
    DiagnosisInput input = MakeCase(10'000, 10'000, "distribution_shift", "country");
    input.before->attributes = {Values("country", {{"de", 5000}, {"fr", 5000}})};
    input.after->attributes = {Values("country", {{"DE", 5000}, {"FR", 5000}})};
    const Diagnosis found = Diagnose(input);
    EXPECT_TRUE(Says(found.hypotheses[0].sentence, "de and fr -> DE and FR")) << found.hypotheses[0].sentence;
}

// A part of the people of `plan` have another spelling, or another word, and the segment is as large as
// before.
DiagnosisInput Respelled(int64_t moved, const std::string& from, const std::string& to) {
    DiagnosisInput input = MakeCase(8000, 8000, "distribution_shift", "plan");
    input.change = input.observed = 0.21;
    input.baseline = 0;
    input.before->attributes = {Values("plan", {{from, 3000}, {"team", 2600}, {"solo", 2400}})};
    input.after->attributes = {
        Values("plan", {{from, 3000 - moved}, {to, moved}, {"team", 2600}, {"solo", 2400}})};
    return input;
}

TEST(DiagnosisRename, OfAPartOfThePeople) {
    for (const auto& [from, to] : {std::pair("gratis", "GRATIS"), std::pair("gratis", "gratis "),
                                   std::pair("gratis", "free"), std::pair("very cheap", "very_cheap")})
        for (const int64_t moved : {700, 1200, 2100, 3000}) {
            const Diagnosis found = Diagnose(Respelled(moved, from, to));
            EXPECT_EQ(found.hypotheses[0].cause, Cause::kValueRenamed) << to << moved;
            EXPECT_GT(found.hypotheses[0].confidence, 0.6) << to << moved;
            EXPECT_FALSE(Find(found, Cause::kMixShift));
            EXPECT_FALSE(Says(found.recommendations[0].sql, "new_normal")) << to << moved;
        }
    // A blank at the end can be seen, and how many kept the old value is told.
    const std::string sentence = Diagnose(Respelled(700, "gratis", "gratis ")).hypotheses[0].sentence;
    EXPECT_TRUE(Says(sentence, "gratis -> \"gratis \"")) << sentence;
    EXPECT_TRUE(Says(sentence, "2,300 of 3,000 people still have the old one")) << sentence;
    // Hardly more than chance, but the same word.
    EXPECT_EQ(Diagnose(Respelled(150, "gratis", "Gratis")).hypotheses[0].cause, Cause::kValueRenamed);
}

TEST(DiagnosisRename, NotWhenManyValuesLostPeopleToANewOne) {
    DiagnosisInput input = MakeCase(9000, 9000, "new_value", "plan");
    input.change = input.observed = 0.3;
    input.baseline = 0;
    input.before->attributes = {Values("plan", {{"solo", 4000}, {"team", 3000}, {"school", 2000}})};
    input.after->attributes = {
        Values("plan", {{"solo", 2800}, {"team", 2100}, {"school", 1400}, {"starter", 2700}})};
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kValueInflux);
    EXPECT_FALSE(Find(found, Cause::kMixShift)) << "nobody had it before";
    EXPECT_EQ(found.what_changed[1], "People with values of plan that are new: 0 % normally, now 30 %.");
}

DiagnosisInput ChangedRule(const std::string& before, const std::string& after, int64_t size_before,
                           int64_t size_after) {
    DiagnosisInput input = MakeCase(size_before, size_after);
    input.after->version = 2;
    input.version = 2;
    input.versions = {{1,
                       "created",
                       "growth",
                       kDayOne - kDay,
                       {{"from", "app.users"}, {"where", before}},
                       {"ltv > 1000", before}},
                      {2,
                       "where changed",
                       "growth",
                       input.since - kHour,
                       {{"from", "app.users"}, {"where", after}},
                       {"ltv > 1000", after}}};
    return input;
}

TEST(DiagnosisRule, HighValueUsersExitedDueToInactivityRuleTightening) {
    DiagnosisInput input = ChangedRule("last_active_days <= 30", "last_active_days <= 7", 10'000, 5'800);
    input.before->clauses = {{"ltv > 1000", 11'000, 1000}, {"last_active_days <= 30", 14'000, 3000}};
    input.after->clauses = {{"ltv > 1000", 11'000, 600}, {"last_active_days <= 7", 9'000, 7200}};
    const Diagnosis found = Diagnose(input);
    const Hypothesis& best = found.hypotheses[0];
    EXPECT_EQ(best.cause, Cause::kRuleTightened);
    EXPECT_GT(best.confidence, 0.9);
    EXPECT_EQ(best.sentence,
              "People in High-Value Users exited due to inactivity rule tightening: `last_active_days <= 30` "
              "became "
              "`last_active_days <= 7`. 4,200 more people than before fail only that condition.");
    const auto revert = Advice(found, "last_active_days <= 30");
    ASSERT_TRUE(revert);
    EXPECT_TRUE(Says(revert->action, "version 1"));
    EXPECT_TRUE(Advice(found, "pulse_resolve_incident(7, new_normal => true)"));
}

TEST(DiagnosisRule, Loosened) {
    const Diagnosis found = Diagnose(ChangedRule("ltv > 500", "ltv > 100", 10'000, 16'000));
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kRuleLoosened);
    EXPECT_TRUE(Says(found.hypotheses[0].sentence, "entered due to loosening of the rule on ltv"));
}

TEST(DiagnosisRule, LooserRuleDoesNotExplainALoss) {
    const Diagnosis found =
        Diagnose(ChangedRule("country in [\"DE\"]", "country in [\"DE\", \"FR\"]", 10'000, 6'000));
    EXPECT_NE(found.hypotheses[0].cause, Cause::kRuleTightened);
}

TEST(DiagnosisRule, ChangeAfterTheOnsetIsNoCause) {
    DiagnosisInput input = ChangedRule("ltv > 100", "ltv > 500", 10'000, 6'000);
    EXPECT_TRUE(Find(Diagnose(input), Cause::kRuleTightened));
    input.versions[1].changed_at = input.since + kMinute;
    EXPECT_FALSE(Find(Diagnose(input), Cause::kRuleTightened));
    // Of two changes only the one before the onset is named.
    input.versions[1].changed_at = input.since - kMinute;
    input.versions.push_back({3,
                              "where changed",
                              "growth",
                              input.since + kDay,
                              {{"from", "app.users"}, {"where", "ltv > 900"}},
                              {"ltv > 1000", "ltv > 900"}});
    input.version = input.after->version = 3;
    const auto cause = Find(Diagnose(input), Cause::kRuleTightened);
    ASSERT_TRUE(cause);
    EXPECT_TRUE(Says(cause->sentence, "`ltv > 100` became `ltv > 500`")) << cause->sentence;
}

TEST(DiagnosisRule, OneClauseLostRows) {
    DiagnosisInput input = MakeCase(10'000, 6'200);
    input.before->attributes = {Values("plan", {{"free", 6000}, {"pro", 4000}})};
    input.after->attributes = {Values("plan", {{"free", 3720}, {"pro", 2480}})};
    input.before->clauses = {{"ltv > 1000", 12'000, 2000}, {"last_active_days <= 7", 15'000, 5000}};
    input.after->clauses = {{"ltv > 1000", 12'000, 1200}, {"last_active_days <= 7", 9'300, 8800}};
    input.before->clause_rows = input.after->clause_rows = 20'000;
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kClauseShift);
    EXPECT_TRUE(Says(found.hypotheses[0].sentence, "`last_active_days <= 7` lost 38 %"));
}

TEST(DiagnosisRule, ReadsOfAClauseOverPeople) {
    const ReadsOfPeople all =
        FindReadsOfPeople("segment(\"paying\") || !(spent >= 10) || last_seen_minutes_ago < 5");
    EXPECT_EQ(all.segments, (std::vector<std::string>{"paying"}));
    EXPECT_EQ(all.traits, (std::vector<std::string>{"spent"}));
    EXPECT_TRUE(all.events);
    EXPECT_TRUE(FindReadsOfPeople("round(events.order.sum(total, 7d)) > 3").events);
    const ReadsOfPeople attribute = FindReadsOfPeople("profile.plan = \"pro\"");
    EXPECT_FALSE(attribute.events);
    EXPECT_TRUE(attribute.traits.empty() && attribute.segments.empty());
    EXPECT_FALSE(FindReadsOfPeople("no rule (").events);
}

// A rule on `plan`, which is no attribute; its values are written otherwise, or are other words now.
DiagnosisInput RuleOnPlan(int64_t missed_before, std::vector<std::pair<std::string, int64_t>> now) {
    DiagnosisInput input = MakeCase(6000, 0);
    input.definition["where"] = "plan = \"gold\"";
    input.before->clauses = {{"plan = \"gold\"", 6000, missed_before}};
    input.after->clauses = {{"plan = \"gold\"", 0, missed_before + 6000}};
    input.before->clause_rows = input.after->clause_rows = missed_before + 6000;
    input.clause_values = ClausesToAsk(input);
    EXPECT_EQ(input.clause_values.size(), 1u);
    if (!input.clause_values.empty()) input.clause_values[0].people = std::move(now);
    return input;
}

TEST(DiagnosisRename, OfAColumnThatOnlyTheRuleReads) {
    for (const char* word : {"GOLD", "gold ", "Gold-"}) {
        const Diagnosis found = Diagnose(RuleOnPlan(9000, {{"free", 9000}, {word, 6000}}));
        EXPECT_EQ(found.hypotheses[0].cause, Cause::kValueRenamed) << word;
        EXPECT_TRUE(Advice(found, std::string("in [\\\"gold\\\", \\\"") + word)) << word;
    }
    // Another word, which hardly anybody can have had.
    EXPECT_EQ(Diagnose(RuleOnPlan(500, {{"premium", 6100}, {"free", 400}})).hypotheses[0].cause,
              Cause::kValueRenamed);
    // As many as were turned away, of whom at most some can have had it.
    EXPECT_EQ(Diagnose(RuleOnPlan(2500, {{"premium", 6000}, {"free", 2500}})).hypotheses[0].cause,
              Cause::kValueRenamed);
    // They may have been there before.
    EXPECT_FALSE(Find(Diagnose(RuleOnPlan(9000, {{"free", 15'000}})), Cause::kValueRenamed));
    EXPECT_FALSE(Find(Diagnose(RuleOnPlan(9000, {})), Cause::kValueRenamed));
}

}  // namespace
}  // namespace pulse::diagnosis
