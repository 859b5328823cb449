#include <gtest/gtest.h>

#include "pulse/diagnosis/changes.hpp"
#include "pulse/diagnosis/clauses.hpp"
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

TEST(DiagnosisRule, ChangeAfterTheOnsetIsUnlikely) {
    DiagnosisInput input = ChangedRule("ltv > 100", "ltv > 500", 10'000, 6'000);
    const double in_time = Find(Diagnose(input), Cause::kRuleTightened)->confidence;
    input.versions[1].changed_at = input.since + kDay;
    const auto late = Find(Diagnose(input), Cause::kRuleTightened);
    EXPECT_TRUE(!late || late->confidence < 0.5 * in_time);
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

TEST(DiagnosisValue, Vanished) {
    DiagnosisInput input = MakeCase(10'000, 5'800);
    input.before->attributes = {Values("platform", {{"ios", 4500}, {"android", 4000}, {"web", 1500}}),
                                Values("tier", {{"a", 5000}, {"b", 5000}})};
    input.after->attributes = {Values("platform", {{"ios", 4500}, {"web", 1300}}),
                               Values("tier", {{"a", 2900}, {"b", 2900}})};
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kValueVanished);
    EXPECT_TRUE(Says(found.hypotheses[0].sentence, "Nobody with platform = android is left (4,000 before)"));
    EXPECT_EQ(found.attribution[0].attribute, "platform");
    EXPECT_EQ(found.attribution[0].value, "android");
    EXPECT_NEAR(found.attribution[0].share, 4000.0 / 4200, 1e-12);
    const auto split = Advice(found, "pulse_create_segment");
    ASSERT_TRUE(split);
    EXPECT_TRUE(Says(split->sql, R"("where":"ltv > 1000 && platform = \"android\"")")) << split->sql;
}

TEST(DiagnosisValue, OneCountryLost) {
    DiagnosisInput input = MakeCase(10'000, 7'600);
    input.before->attributes = {Values("country", {{"DE", 3000}, {"FR", 4000}, {"IT", 3000}})};
    input.after->attributes = {Values("country", {{"DE", 600}, {"FR", 4000}, {"IT", 3000}})};
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kOneValueLost);
    EXPECT_TRUE(Says(found.hypotheses[0].sentence, "country = DE lost 80 % of its people"));
}

TEST(DiagnosisValue, ColumnNulledAndFilled) {
    DiagnosisInput input = MakeCase(10'000, 10'000, "null_spike", "country");
    input.before->attributes = {Values("country", {{"DE", 5000}, {"FR", 4900}}, 100)};
    input.after->attributes = {Values("country", {{"DE", 3000}, {"FR", 2900}}, 4100)};
    EXPECT_EQ(Diagnose(input).hypotheses[0].cause, Cause::kColumnNulled);
    EXPECT_TRUE(Advice(Diagnose(input), "count(s.\"country\") AS filled"));
    std::swap(input.before->attributes, input.after->attributes);
    for (const char* detector : {"null_spike", "distribution_shift"}) {
        input.detector = detector;
        EXPECT_EQ(Diagnose(input).hypotheses[0].cause, Cause::kColumnFilled) << detector;
    }
}

TEST(DiagnosisValue, NumbersBecameNan) {
    const auto numbers = [](int64_t each, int64_t nulls, int64_t nans) {
        snapshot::Distribution d;
        d.attribute = "score";
        d.kind = segment::AttributeKind::kNumeric;
        d.edges = {10, 100};
        d.counts = {each, each, each};
        d.nulls = nulls;
        d.nans = nans;
        d.total = 3 * each + nulls + nans;
        return d;
    };
    DiagnosisInput input = MakeCase(10'000, 10'000, "nan_spike", "score");
    input.before->attributes = {numbers(3300, 100, 0)};
    input.after->attributes = {numbers(2000, 100, 3900)};
    Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kColumnNulled);
    EXPECT_TRUE(Says(found.hypotheses[0].sentence, "Score is NaN for 3,900 people who had a value before"));
    EXPECT_TRUE(Advice(found, "IN ('NaN')"));
    EXPECT_TRUE(std::any_of(found.attribution.begin(), found.attribution.end(),
                            [](const Contribution& c) { return c.value == "(NaN)" && c.after == 3900; }));
    // Nulls that became NaN are no column that is being filled.
    input.before->attributes = {numbers(2000, 4000, 0)};
    input.after->attributes = {numbers(2000, 0, 4000)};
    found = Diagnose(input);
    for (const Hypothesis& hypothesis : found.hypotheses) EXPECT_NE(hypothesis.cause, Cause::kColumnFilled);
}

TEST(DiagnosisValue, OtherHidesItsMembersOnce) {
    std::map<std::string, int64_t> before, after;
    for (int i = 10; i < 60; ++i) {
        before["old " + std::to_string(i)] = 200;
        after["new " + std::to_string(i)] = 200;
    }
    // One more value on either side: of 51 replaced values "other" can hide one of each.
    const auto change = Compare(Values("page", before, 0, 200), Values("page", after, 0, 200), 0.01);
    ASSERT_TRUE(change);
    EXPECT_GT(change->distance, 0.9);
    EXPECT_LE(change->distance, 1 - 2.0 / 51 + 1e-9);
}

TEST(DiagnosisValue, Influx) {
    DiagnosisInput input = MakeCase(10'000, 16'000);
    input.before->attributes = {Values("channel", {{"mail", 5000}, {"ads", 5000}})};
    input.after->attributes = {Values("channel", {{"mail", 5000}, {"ads", 11'000}})};
    EXPECT_EQ(Diagnose(input).hypotheses[0].cause, Cause::kValueInflux);
}

TEST(DiagnosisValue, MixShiftBetweenExistingValues) {
    DiagnosisInput input = MakeCase(10'000, 10'000, "distribution_shift", "channel");
    input.before->attributes = {Values("channel", {{"mail", 5000}, {"ads", 5000}})};
    input.after->attributes = {Values("channel", {{"mail", 2500}, {"ads", 7500}})};
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kMixShift);
    EXPECT_TRUE(Says(found.hypotheses[0].sentence, "mail from 50 % to 25 %, ads from 50 % to 75 %"));
}

TEST(DiagnosisValue, AnotherUnit) {
    DiagnosisInput input = MakeCase(10'000, 10'000, "distribution_shift", "ltv");
    snapshot::Distribution before;
    before.attribute = "ltv";
    before.kind = segment::AttributeKind::kNumeric;
    before.total = 10'000;
    before.edges = {10, 100};
    before.counts = {3000, 4000, 3000};
    before.quantiles = {1, 5, 20, 50, 90, 200, 400};
    snapshot::Distribution after = before;
    after.counts = {100, 400, 9500};
    for (double& quantile : after.quantiles) quantile *= 100;
    input.before->attributes = {before};
    input.after->attributes = {after};
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kValuesRescaled);
    EXPECT_TRUE(Says(found.hypotheses[0].sentence, "another unit"));
}

}  // namespace
}  // namespace pulse::diagnosis
