#include <gtest/gtest.h>

#include <cmath>

#include "drift_history.hpp"

namespace pulse::drift::test {
namespace {

// ---- attributes ----

TEST(DriftAttribute, SmallSamplesDoNotShift) {
    size_t found = 0;
    for (size_t run = 0; run < 200; ++run) {
        Days days;
        for (size_t day = 0; day < 2; ++day) {
            days.Add(50);
            Values values;
            for (size_t v = 0; v < 10; ++v)
                values.emplace_back("v" + std::to_string(v),
                                    5 + std::llround(4 * Noise(100 * run + 10 * day + v)));
            int64_t sum = 0;
            for (auto& [name, count] : values) sum += count;
            days.history.points.back().size = sum;
            days.Values("a", values);
        }
        found += FindingOf(days.Newest(), detector::kDistributionShift, "a") != nullptr;
    }
    EXPECT_LE(found, 1u);
}

TEST(DriftAttribute, OverdispersedSharesAreLearnt) {
    Days days;
    for (size_t day = 0; day < 8; ++day) {
        days.Add(10'000);
        const int64_t a = 5'000 + std::llround(1'800 * Noise(day * 7));
        days.Values("campaign", {{"a", a}, {"b", 10'000 - a}});
    }
    days.Add(10'000);
    days.Values("campaign", {{"a", 2'600}, {"b", 7'400}});
    EXPECT_FALSE(FindingOf(days.Newest(), detector::kDistributionShift, "campaign"));
}

TEST(DriftAttribute, IntervalsOfNumbers) {
    Days days;
    for (int day = 0; day < 4; ++day) {
        days.Add(1'000);
        days.Numbers("ltv", {10, 100}, {300, 400, 300});
    }
    days.Add(1'000);
    days.Numbers("ltv", {10, 100}, {600, 300, 100});
    const DetectionRun run = days.Newest();
    const Finding* finding = FindingOf(run, detector::kDistributionShift, "ltv");
    ASSERT_TRUE(finding);
    EXPECT_NEAR(finding->change, 0.3, 1e-12);
    EXPECT_EQ(finding->details["values"][0]["value"], "below 10");
    EXPECT_GT(finding->details["wasserstein"].get<double>(), 0);
}

// Below the threshold the table is not built where all snapshots keep the same values in the same order.
TEST(DriftAttribute, ADistanceIsTheSameWithoutATable) {
    for (const bool reversed : {false, true}) {
        Days days;
        for (int day = 0; day < 4; ++day) {
            days.Add(1'000);
            if (reversed && day == 1)
                days.Values("plan", {{"c", 190 + day}, {"b", 300}, {"a", 500}});
            else
                days.Values("plan", {{"a", 500}, {"b", 300}, {"c", 190 + day}});
            days.Numbers("ltv", {10, 100}, {300, 400, 300});
        }
        days.Add(1'000);
        days.Values("plan", {{"a", 520}, {"b", 290}, {"c", 190}});
        days.Numbers("ltv", {10, 100}, {330, 380, 290});
        std::map<std::string, double> changes;
        for (const DetectorResult& result : days.Newest().results)
            if (result.finding.fingerprint.detector == detector::kDistributionShift) {
                changes[result.finding.fingerprint.attribute] = result.finding.change;
                EXPECT_FALSE(result.material);
                EXPECT_EQ(result.finding.p_value, 1);
            }
        EXPECT_NEAR(changes.at("plan"), 0.52 - 2000.0 / (4 * 990 + 6), 1e-12);
        EXPECT_NEAR(changes.at("ltv"), 0.03, 1e-12);
    }
}

TEST(DriftAttribute, DifferentEdgesAreNotCompared) {
    Days days;
    days.Add(1'000);
    days.Numbers("ltv", {10, 100}, {300, 400, 300});
    days.Add(1'000);
    days.Numbers("ltv", {20, 200}, {900, 50, 50});
    EXPECT_EQ(Findings(days.Newest()), 0u);
}

TEST(DriftAttribute, NullsAreCheckedByNullSpikeOnly) {
    Days days;
    for (int day = 0; day < 5; ++day) {
        days.Add(1'000);
        days.Values("country", {{"de", 600}, {"fr", 390}});
    }
    days.Add(1'000);
    days.Values("country", {{"de", 420}, {"fr", 273}});
    DetectionRun run = days.Newest();
    const Finding* finding = FindingOf(run, detector::kNullSpike, "country");
    ASSERT_TRUE(finding);
    EXPECT_NEAR(*finding->observed, 0.307, 1e-9);
    EXPECT_EQ(finding->severity, Severity::kCritical);
    EXPECT_EQ(Findings(run), 1u);  // among the known values nothing changed
    days.Add(1'000);
    days.Values("country", {});  // all null
    run = days.Newest();
    EXPECT_TRUE(FindingOf(run, detector::kNullSpike, "country"));
    EXPECT_FALSE(FindingOf(run, detector::kDistributionShift, "country"));
    EXPECT_FALSE(FindingOf(run, detector::kVanishedValue, "country"));
}

TEST(DriftAttribute, ValuesAppearAndVanishInOneFinding) {
    Days days;
    for (int day = 0; day < 5; ++day) {
        days.Add(10'000);
        days.Values("app_version", {{"4.0", 5'000}, {"4.1", 4'000}, {"3.9", 1'000}});
    }
    days.Add(10'000);
    days.Values("app_version", {{"4.0", 5'000}, {"5.0", 3'000}, {"5.1", 2'000}});
    const DetectionRun run = days.Newest();
    const Finding* appeared = FindingOf(run, detector::kNewValue, "app_version");
    const Finding* vanished = FindingOf(run, detector::kVanishedValue, "app_version");
    ASSERT_TRUE(appeared && vanished);
    EXPECT_EQ(appeared->details["values"].size(), 2u);
    EXPECT_NEAR(*appeared->observed, 0.5, 1e-12);
    EXPECT_EQ(vanished->details["values"].size(), 2u);
    EXPECT_NEAR(*vanished->baseline, 0.5, 1e-12);
    EXPECT_NEAR(*vanished->observed, 0, 1e-12);
    EXPECT_EQ(vanished->direction, Direction::kDown);
}

TEST(DriftAttribute, ValuesInOtherAreNotNew) {
    Days days;
    for (int day = 0; day < 5; ++day) {
        days.Add(10'000);
        days.Values("city", {{"berlin", 4'000}, {"paris", 1'000}}, 5'000);
    }
    days.Add(10'000);
    days.Values("city", {{"berlin", 4'000}, {"rome", 990}},
                5'010);  // rome may have been in other, paris may be there
    EXPECT_EQ(Findings(days.Newest()), 0u);
}

TEST(DriftAttribute, RegularNewValuesRaiseNoAlarm) {
    Days days;
    for (int day = 0; day < 8; ++day) {
        days.Add(10'000);
        days.Values("cohort", {{"day " + std::to_string(day), 2'000},
                               {"day " + std::to_string(day - 1), 4'000},
                               {"day " + std::to_string(day - 2), 4'000}});
    }
    const DetectionRun run = days.Newest();
    EXPECT_FALSE(FindingOf(run, detector::kNewValue, "cohort"));
    EXPECT_FALSE(FindingOf(run, detector::kVanishedValue, "cohort"));
}

// ---- null and NaN ----

TEST(DriftAbsence, AColumnThatFillsIsAFinding) {
    for (const int64_t nulls : {900, 970, 1'000})
        for (const bool number : {false, true}) {
            Days days;
            const auto add = [&](int64_t missing) {
                days.Add(1'000);
                if (number)
                    days.Numbers("phone", {5}, {(1'000 - missing) / 2, (1'000 - missing) / 2});
                else
                    days.Values("phone", {{"yes", (1'000 - missing) / 2}, {"no", (1'000 - missing) / 2}});
            };
            for (int day = 0; day < 6; ++day) add(nulls);
            add(40);
            const DetectionRun run = days.Newest();
            const Finding* finding = FindingOf(run, detector::kNullSpike, "phone");
            ASSERT_TRUE(finding) << nulls;
            EXPECT_EQ(finding->direction, Direction::kDown);
            EXPECT_NEAR(finding->change, 0.04 - static_cast<double>(nulls) / 1'000, 1e-9);
            EXPECT_TRUE(finding->summary.starts_with("phone is missing for only 4.0 % of the members ("));
            EXPECT_EQ(Findings(run), 1u);
        }
}

TEST(DriftAbsence, NanIsNeitherNullNorAValue) {
    for (const bool from_null : {false, true}) {
        Days days;
        const auto add = [&](int64_t nans, int64_t nulls) {
            days.Add(2'000);
            const int64_t each = (2'000 - nans - nulls) / 4;
            days.Numbers("score", {1, 5, 9}, {each, each, each, each}, nans);
        };
        for (int day = 0; day < 5; ++day) add(20, from_null ? 600 : 0);
        add(from_null ? 620 : 800, 0);
        const DetectionRun run = days.Newest();
        const Finding* finding = FindingOf(run, detector::kNanSpike, "score");
        ASSERT_TRUE(finding);
        EXPECT_EQ(finding->direction, Direction::kUp);
        EXPECT_NEAR(*finding->baseline, 0.01, 1e-9);
        EXPECT_NEAR(*finding->observed, from_null ? 0.31 : 0.4, 1e-9);
        EXPECT_EQ(finding->severity, Severity::kCritical);
        EXPECT_EQ(finding->details["nans"], from_null ? 620 : 800);
        EXPECT_NE(finding->summary.find(" is NaN for "), std::string::npos);
        // Nulls that became NaN fell; NaN that were numbers are no nulls.
        EXPECT_EQ(FindingOf(run, detector::kNullSpike, "score") != nullptr, from_null);
        EXPECT_FALSE(FindingOf(run, detector::kDistributionShift, "score"));
    }
}

TEST(DriftAbsence, AllNanAndBack) {
    Days days;
    for (int day = 0; day < 5; ++day) {
        days.Add(500);
        days.Numbers("score", {}, {0}, 500);
    }
    days.Add(500);
    days.Numbers("score", {3}, {200, 300});
    const DetectionRun run = days.Newest();
    ASSERT_TRUE(FindingOf(run, detector::kNanSpike, "score"));
    EXPECT_EQ(FindingOf(run, detector::kNanSpike, "score")->direction, Direction::kDown);
    EXPECT_EQ(Findings(run), 1u);
}

TEST(DriftAbsence, WhatNeverWasIsNotTested) {
    Days days;
    for (int day = 0; day < 3; ++day) {
        days.Add(500);
        days.Numbers("score", {3}, {200, 300});
    }
    for (const DetectorResult& result : days.Newest().results) {
        const std::string& detector = result.finding.fingerprint.detector;
        if (detector == detector::kNanSpike || detector == detector::kNullSpike) {
            EXPECT_FALSE(result.finding.p_value);
        }
    }
}

// ---- rates ----

TEST(DriftRate, OverdispersedRatesAreLearnt) {
    Days days;
    for (size_t day = 0; day < 14; ++day)
        days.Add(100'000).converted = std::llround(10'000 * (1 + 0.25 * Noise(day)));
    days.Add(100'000).converted = 7'300;
    EXPECT_FALSE(FindingOf(days.Newest(), detector::kConversionAnomaly));
    days.history.points.back().converted = 2'000;
    EXPECT_TRUE(FindingOf(days.Newest(), detector::kConversionAnomaly));
}

TEST(DriftRate, InactivityOnlyRises) {
    Days days;
    for (int day = 0; day < 5; ++day) days.Add(10'000).inactive = 1'000;
    days.Add(10'000).inactive = 500;
    EXPECT_FALSE(FindingOf(days.Newest(), detector::kInactivityCreep));
    days.history.points.back().inactive = 1'500;
    const DetectionRun run = days.Newest();
    ASSERT_TRUE(FindingOf(run, detector::kInactivityCreep));
    EXPECT_EQ(FindingOf(run, detector::kInactivityCreep)->details["measure"], "inactive");
}

TEST(DriftRate, AZeroBaselineHasNoRelativeChange) {
    Days days;
    for (int day = 0; day < 3; ++day) days.Add(1'000).converted = 0;
    EXPECT_EQ(Findings(days.Newest()), 0u);
    days.Add(0).converted = 0;
    EXPECT_FALSE(FindingOf(days.Newest(), detector::kConversionAnomaly));
}

TEST(DriftRate, MembersReplacedAtEqualSize) {
    Days days;
    for (int day = 0; day < 6; ++day) {
        Point& point = days.Add(10'000);
        point.entered = point.exited = 300;
    }
    Point& point = days.Add(10'000);
    point.entered = point.exited = 4'000;
    const DetectionRun run = days.Newest();
    ASSERT_TRUE(FindingOf(run, detector::kMembershipChurn));
    EXPECT_NEAR(FindingOf(run, detector::kMembershipChurn)->change, 0.37, 1e-12);
}

TEST(DriftRate, ExitsAreOfTheSizeThatTheyLeft) {
    // A window after a spike: most of the members of the spike leave, as they do every day.
    for (const bool entered : {true, false})
        for (const int64_t spike : {4'000, 30'000, 200'000}) {
            Days days;
            const auto add = [&](int64_t size, int64_t left) {
                const int64_t before = days.history.points.empty() ? size : days.history.points.back().size;
                Point& point = days.Add(size);
                if (entered) point.entered = size - before + left;
                point.exited = left;
            };
            for (int day = 0; day < 10; ++day) add(1'000, 900);
            add(spike, 900);
            add(1'000, spike * 9 / 10);
            const DetectionRun run = days.Newest();
            EXPECT_FALSE(FindingOf(run, detector::kInactivityCreep)) << spike;
            for (const DetectorResult& result : run.results)
                if (result.finding.fingerprint.detector == detector::kInactivityCreep) {
                    EXPECT_NEAR(*result.finding.observed, 0.9, 1e-9);
                }
        }
}

TEST(DriftRate, NoExitRateIsAboveOne) {
    Days days;
    for (int day = 0; day < 6; ++day) {
        Point& point = days.Add(5'000);
        point.entered = point.exited = 1'000;
    }
    Point& point = days.Add(700);
    point.entered = 20;
    point.exited = 4'320;
    const DetectionRun run = days.Newest();
    const Finding* finding = FindingOf(run, detector::kInactivityCreep);
    ASSERT_TRUE(finding);
    EXPECT_NEAR(*finding->observed, 0.864, 1e-9);
    EXPECT_TRUE(finding->summary.starts_with("churn (exits / size before) rose to 86.4 % (20.0 % expected"));
}

}  // namespace
}  // namespace pulse::drift::test
