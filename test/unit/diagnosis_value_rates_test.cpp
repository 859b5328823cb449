#include <gtest/gtest.h>

#include "diagnosis_testing.hpp"

namespace pulse::diagnosis {
namespace {

// 10,000 members by platform, and those of them who converted.
DiagnosisInput Conversions(const std::map<std::string, int64_t>& before,
                           const std::map<std::string, int64_t>& after) {
    DiagnosisInput input = MakeCase(10'000, 10'000, "conversion_anomaly");
    const auto fill = [](SegmentSnapshot& snapshot, const std::map<std::string, int64_t>& converted) {
        int64_t sum = 0;
        for (const auto& [label, count] : converted) sum += count;
        snapshot.attributes = {Values("platform", {{"ios", 4000}, {"web", 6000}}),
                               Values("platform (converted)", converted, 10'000 - sum)};
        snapshot.converted = sum;
    };
    fill(*input.before, before);
    fill(*input.after, after);
    return input;
}

TEST(DiagnosisValueRates, NamesTheValueThatLostConversion) {
    const Diagnosis found =
        Diagnose(Conversions({{"ios", 2000}, {"web", 3000}}, {{"ios", 400}, {"web", 3050}}));
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kConversionRateFall);
    EXPECT_TRUE(Says(found.hypotheses[0].sentence, "10 % of 4,000, after 50 % of 4,000"))
        << found.hypotheses[0].sentence;
    EXPECT_TRUE(Says(found.hypotheses[0].sentence, "All others convert at 51 %, after 50 %."))
        << found.hypotheses[0].sentence;
    EXPECT_EQ(found.hypotheses[0].subject.attribute, "platform");
    EXPECT_EQ(found.hypotheses[0].subject.values, std::vector<std::string>{"ios"});
    // What is measured of those who converted is no attribute of the members.
    for (const Hypothesis& hypothesis : found.hypotheses)
        EXPECT_FALSE(Says(hypothesis.sentence, "(converted)"));
}

TEST(DiagnosisValueRates, SaysNothingOfValuesWhenAllLost) {
    const Diagnosis found =
        Diagnose(Conversions({{"ios", 2000}, {"web", 3000}}, {{"ios", 1600}, {"web", 2400}}));
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kConversionRateFall);
    EXPECT_TRUE(Says(found.hypotheses[0].sentence, "Conversion went from 50 %"))
        << found.hypotheses[0].sentence;
}

TEST(DiagnosisValueRates, NamesTheValueThatGained) {
    const Diagnosis found =
        Diagnose(Conversions({{"ios", 1000}, {"web", 1000}}, {{"ios", 3000}, {"web", 1000}}));
    EXPECT_EQ(found.hypotheses[0].cause, Cause::kConversionRateRise);
    EXPECT_EQ(found.hypotheses[0].subject.values, std::vector<std::string>{"ios"});
}

}  // namespace
}  // namespace pulse::diagnosis
