// Causes in the values of attributes: lost, nulled, mixed, and combinations of them.
#include <gtest/gtest.h>

#include <algorithm>

#include "pulse/diagnosis/changes.hpp"
#include "pulse/diagnosis/source_questions.hpp"
#include "diagnosis_testing.hpp"

namespace pulse::diagnosis {
namespace {

TEST(DiagnosisValue, Vanished) {
    DiagnosisInput input = MakeCase(10'000, 5'800);
    input.before->attributes = {Values("platform", {{"ios", 4500}, {"android", 4000}, {"web", 1500}}),
                                Values("tier", {{"a", 5000}, {"b", 5000}})};
    input.after->attributes = {Values("platform", {{"ios", 4500}, {"web", 1300}}),
                               Values("tier", {{"a", 2900}, {"b", 2900}})};
    const Diagnosis found = Diagnose(input);
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kValueVanished);
    EXPECT_TRUE(
        Says(found.hypotheses[0].sentence, "No people with platform = android are left (4,000 before)"));
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

// Nulls taken from one value only: the shares of the others rise, although nobody moved between values.
TEST(DiagnosisValue, NulledBeforeAMixShift) {
    for (const char* detector : {"distribution_shift", "null_spike"}) {
        DiagnosisInput input = MakeCase(12'000, 12'050, detector, "region");
        input.change = input.observed = 0.3;
        input.baseline = 0.01;
        input.before->attributes = {
            Values("region", {{"north", 5000}, {"south", 4000}, {"east", 2880}}, 120)};
        input.after->attributes = {Values("region", {{"north", 900}, {"south", 4000}, {"east", 2900}}, 4250)};
        const Diagnosis found = Diagnose(input);
        EXPECT_EQ(found.hypotheses[0].cause, Cause::kColumnNulled) << detector;
        EXPECT_TRUE(Says(found.hypotheses[0].sentence, "Region is empty for 4,130 people"))
            << found.hypotheses[0].sentence;
        const auto mix = Find(found, Cause::kMixShift);
        EXPECT_TRUE(!mix || mix->confidence < 0.3);
        EXPECT_FALSE(Advice(found, "distributionShift"));
    }
}

// Nearly everybody grew a little, and one value twice as much: that one is named, not all but one.
TEST(DiagnosisValue, InfluxNamesNoMajority) {
    DiagnosisInput input = MakeCase(20'000, 25'250);
    input.before->attributes = {Values("tier", {{"1", 6000}, {"5", 5500}, {"3", 7400}, {"9", 1100}})};
    input.after->attributes = {Values("tier", {{"1", 9600}, {"5", 6300}, {"3", 8300}, {"9", 1050}})};
    const Diagnosis found = Diagnose(input);
    for (const Hypothesis& hypothesis : found.hypotheses)
        if (hypothesis.cause == Cause::kValueInflux) {
            EXPECT_EQ(hypothesis.subject.values, std::vector<std::string>{"1"});
        }
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kValueInflux);
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
    EXPECT_FALSE(Says(found.recommendations[0].sql, "new_normal"));
    // The figure of the incident is the only one for the fact that it states.
    input.baseline = 0;
    input.change = input.observed = 0.234;
    EXPECT_EQ(Diagnose(input).what_changed[1],
              "23 % of the people moved between values of channel, more than chance explains.");
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

// Members by size, region and tier; `of` counts those of one cell before and after.
struct Cube {
    std::map<std::string, int64_t> before, after;  // "size region tier"

    DiagnosisInput Make(int64_t turned_away = 0) const {
        const auto size = [](const auto& cells) {
            int64_t sum = 0;
            for (const auto& [name, count] : cells) sum += count;
            return sum;
        };
        DiagnosisInput input = MakeCase(size(before), size(after));
        const auto margins = [](const auto& cells) {
            std::map<std::string, int64_t> counts[3];
            for (const auto& [name, count] : cells)
                for (size_t i = 0; i < 3; ++i) counts[i][name.substr(i, 1)] += count;
            return std::vector<snapshot::Distribution>{Values("size", counts[0]), Values("region", counts[1]),
                                                       Values("tier", counts[2])};
        };
        input.before->attributes = margins(before);
        input.after->attributes = margins(after);
        const auto conditions = ConditionsToAsk(input);
        if (conditions.empty()) return input;
        input.joint = {conditions, std::vector<int64_t>(size_t{1} << conditions.size())};
        for (const auto& [name, count] : after) {
            size_t bits = 0;
            for (size_t c = 0; c < conditions.size(); ++c) {
                const size_t i = conditions[c].attribute == "size"     ? 0
                                 : conditions[c].attribute == "region" ? 1
                                                                       : 2;
                for (const std::string& value : conditions[c].values)
                    if (value == name.substr(i, 1)) bits |= size_t{1} << c;
            }
            input.joint->counts[bits] += count + turned_away;
        }
        return input;
    }
};

Cube Even(int64_t each) {
    Cube cube;
    for (const char* size : {"S", "L"})
        for (const char* region : {"N", "W"})
            for (const char* tier : {"1", "2"}) cube.before[std::string(size) + region + tier] = each;
    cube.after = cube.before;
    return cube;
}

TEST(DiagnosisCombination, OfTwoLostOrGained) {
    for (const double factor : {0.0, 0.3, 2.4}) {
        Cube cube = Even(900);
        for (const char* cell : {"LW1", "LW2"}) cube.after[cell] = static_cast<int64_t>(900 * factor);
        const Diagnosis found = Diagnose(cube.Make());
        EXPECT_EQ(found.hypotheses[0].cause,
                  factor < 1 ? Cause::kCombinationLost : Cause::kCombinationInflux);
        ASSERT_EQ(found.hypotheses[0].subject.conditions.size(), 2u);
        EXPECT_GT(found.hypotheses[0].confidence, 0.75);
        EXPECT_TRUE(Says(found.hypotheses[0].sentence, "size = L and region = W together") ||
                    Says(found.hypotheses[0].sentence, "region = W and size = L together"));
        EXPECT_FALSE(Says(found.recommendations[0].sql, "new_normal"));
        // The source has changed since: its counts decide nothing.
        for (const Hypothesis& hypothesis : Diagnose(cube.Make(400)).hypotheses)
            EXPECT_TRUE(hypothesis.subject.conditions.empty());
    }
}

TEST(DiagnosisCombination, OfThree) {
    Cube cube = Even(3000);
    cube.before["SN1"] = 9000;
    cube.after["SN1"] = 2100;
    const Diagnosis found = Diagnose(cube.Make());
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kCombinationLost);
    EXPECT_EQ(found.hypotheses[0].subject.conditions.size(), 3u);
    EXPECT_TRUE(Advice(found, "s.\"size\"::text IN ('S')"));
}

// One value is lost, and another attribute follows it: the shorter cause is named.
TEST(DiagnosisCombination, NotWhenOneValueIsEnough) {
    for (const int64_t left : {0, 40, 300}) {
        Cube cube = Even(1000);
        for (const char* cell : {"LN1", "LN2"}) cube.before[cell] = cube.after[cell] = 60;
        for (const char* cell : {"LN1", "LN2", "LW1", "LW2"})
            cube.after[cell] = cube.before[cell] * left / 1000;
        for (const Hypothesis& hypothesis : Diagnose(cube.Make()).hypotheses)
            EXPECT_TRUE(hypothesis.subject.conditions.empty()) << left;
    }
}

}  // namespace
}  // namespace pulse::diagnosis
