// What size is expected, and which sizes are findings: sudden and slow changes, seasons, growth, noise.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "drift_history.hpp"
#include "pulse/base/error.hpp"
#include "pulse/drift/baseline.hpp"

namespace pulse::drift::test {
namespace {

// ---- size, the plain case: four equal weeks and a change ----

std::string SizeSeverity(int64_t before, int64_t now, double threshold = 0.15) {
    Days days;
    for (int day = 0; day < 28; ++day) days.Add(before);
    days.Add(now);
    Thresholds thresholds;
    thresholds.size_change = threshold;
    return SeverityIn(days.Newest(thresholds), detector::kSizeChange);
}

TEST(DriftSize, SeverityIsChangeByThreshold) {
    EXPECT_EQ(SizeSeverity(10'000, 12'000), "low");
    EXPECT_EQ(SizeSeverity(10'000, 8'000), "low");
    EXPECT_EQ(SizeSeverity(10'000, 10'500), "none");
    EXPECT_EQ(SizeSeverity(10'000, 12'000, 0.25), "none");
    EXPECT_EQ(SizeSeverity(10'000, 15'500), "critical");
    EXPECT_EQ(SizeSeverity(10'000, 13'500), "high");
    EXPECT_EQ(SizeSeverity(10'000, 12'300), "medium");
}

TEST(DriftSize, ThresholdIsInclusive) {
    EXPECT_EQ(SizeSeverity(10'000, 11'500), "low");
    EXPECT_EQ(SizeSeverity(10'000, 11'499), "none");
    EXPECT_EQ(SizeSeverity(10'000, 14'000, 0.2), "high");  // 0.4 / 0.2, whatever the last bit says
}

TEST(DriftSize, OneSwitchesOff) {
    EXPECT_EQ(SizeSeverity(10'000, 0, 1.0), "none");
}

TEST(DriftSize, EmptySegmentIsCriticalUnlessOftenEmpty) {
    EXPECT_EQ(SizeSeverity(10'000, 0), "critical");
    EXPECT_EQ(SizeSeverity(12, 0), "critical");
    EXPECT_EQ(SizeSeverity(3, 0), "none");  // three people leave by chance now and then
    EXPECT_EQ(SizeSeverity(0, 0), "none");
    Days days;
    for (const int64_t size : {4, 0, 3, 2, 5, 0}) days.Add(size);
    EXPECT_EQ(SeverityIn(days.Newest(), detector::kSizeChange), "none");
}

TEST(DriftSize, SmallCountsAreNoise) {
    EXPECT_EQ(SizeSeverity(20, 13), "none");
    EXPECT_EQ(SizeSeverity(1, 2), "none");
}

TEST(DriftSize, AnOutlierHardlyMovesTheLevel) {
    Days days;
    for (const int64_t size : {10'000, 10'100, 9'900, 25'000, 10'050, 9'950, 10'000}) days.Add(size);
    days.Add(7'000);
    const IncidentTracker tracker = days.Walk();
    const Finding* finding = &tracker.Newest({detector::kSizeChange, ""})->finding;
    EXPECT_NEAR(*finding->baseline, 10'000, 500);
    EXPECT_NEAR(finding->change, -0.3, 0.05);
    EXPECT_EQ(finding->baseline_kind, BaselineKind::kRolling);
    EXPECT_EQ(finding->direction, Direction::kDown);
}

TEST(DriftSize, ANoisySegmentNeedsMore) {
    Days days;
    for (size_t i = 0; i < 28; ++i) days.Add(std::llround(10'000 * (1 + 0.3 * Noise(i))));
    days.Add(7'500);
    EXPECT_EQ(SeverityIn(days.Newest(), detector::kSizeChange), "none");
}

TEST(DriftSize, PinnedSnapshotIsTheLevel) {
    Days days;
    days.Add(10'000);
    for (size_t day = 1; day < 20; ++day) days.Add(13'000 + static_cast<int64_t>(day % 3) * 50);
    days.Add(13'000);
    days.history.pinned = days.history.points[0];
    const DetectionRun run = days.Newest();
    const Finding* finding = FindingOf(run, detector::kSizeChange);
    ASSERT_TRUE(finding);
    EXPECT_EQ(finding->baseline_kind, BaselineKind::kPinned);
    EXPECT_NEAR(finding->change, 0.3, 1e-12);
}

TEST(DriftSize, BaselineFromRestartsTheBaseline) {
    Days days;
    for (const int64_t size : {20'000, 20'000, 10'000, 10'000}) days.Add(size);
    days.history.baseline_from = 3 * kDay;
    EXPECT_EQ(SeverityIn(days.Newest(), detector::kSizeChange), "none");
    days.history.baseline_from = 4 * kDay;
    EXPECT_TRUE(days.Newest().too_young);
}

TEST(DriftSize, FailedSnapshotsAreExcludedFromTheBaseline) {
    Days days;
    days.Add(10'000);
    days.Add(0).ok = false;
    days.Add(10'100);
    EXPECT_EQ(Findings(days.Newest()), 0u);
}

// ---- seasons and trends ----

int64_t Weekly(size_t day, double level = 10'000) {
    return std::llround(level * (day % 7 >= 5 ? 0.6 : 1) * (1 + 0.02 * Noise(day)));
}

TEST(DriftSeason, WeekendsAreQuiet) {
    Days days;
    for (size_t day = 0; day < 70; ++day) {
        days.Add(Weekly(day));
        if (day < 15) continue;
        const DetectionRun run = days.Newest();
        EXPECT_EQ(Findings(run), 0u) << "day " << day;
    }
}

TEST(DriftSeason, AFallOnAWeekendIsDetected) {
    Days days;
    for (size_t day = 0; day < 33; ++day) days.Add(Weekly(day));
    days.Add(Weekly(33) * 58 / 100);
    const DetectionRun run = days.Newest();
    const Finding* finding = FindingOf(run, detector::kSizeChange);
    ASSERT_TRUE(finding);
    EXPECT_EQ(finding->baseline_kind, BaselineKind::kSeasonal);
    EXPECT_NEAR(finding->change, -0.42, 0.03);
}

TEST(DriftSeason, TheSecondWeekendRaisesNoAlarm) {
    Days days;
    for (size_t day = 0; day < 28; ++day) days.Add(Weekly(day));
    const IncidentTracker tracker = days.Walk();
    ASSERT_EQ(tracker.incidents().size(), 1u);  // the first weekend cannot be known
    EXPECT_EQ(tracker.incidents()[0].opened_at, 6 * kDay);
    EXPECT_EQ(tracker.incidents()[0].closed_at, 9 * kDay);
}

TEST(DriftSeason, GrowthRaisesNoAlarm) {
    Days days;
    for (size_t day = 0; day < 60; ++day) {
        days.Add(std::llround(10'000 * std::pow(1.02, day) * (1 + 0.02 * Noise(day))));
        if (day > 20) {
            EXPECT_EQ(SeverityIn(days.Newest(), detector::kSizeChange), "none") << "day " << day;
        }
    }
}

TEST(DriftSeason, NoiseIsNotASeason) {
    size_t seasonal = 0;
    for (size_t run = 0; run < 50; ++run) {
        Days days;
        for (size_t day = 0; day < 29; ++day)
            days.Add(std::llround(10'000 * (1 + 0.05 * Noise(1000 * run + day))));
        seasonal += ExpectSize(days.history, 28, {}, {})->season() > 0;
    }
    EXPECT_LE(seasonal, 10u);
}

// ---- slow erosion ----

TEST(DriftErosion, DetectsALossTooSlowForSizeChange) {
    Days days;
    size_t found = 0;
    for (size_t day = 0; day < 40; ++day) {
        const double level = day < 12 ? 10'000 : 10'000 * std::pow(0.993, static_cast<double>(day - 12));
        days.Add(std::llround(level * (1 + 0.01 * Noise(day))));
        const DetectionRun run = days.Newest();
        EXPECT_EQ(SeverityIn(run, detector::kSizeChange), "none") << "day " << day;
        if (!found && FindingOf(run, detector::kSlowErosion)) found = day;
    }
    EXPECT_GT(found, 15u);
    EXPECT_LT(found, 35u);
    const IncidentTracker tracker = days.Walk();
    const Incident* incident = tracker.Newest({detector::kSlowErosion, ""});
    ASSERT_TRUE(incident);
    EXPECT_LT(incident->finding.change, -0.10);
    EXPECT_EQ(incident->finding.direction, Direction::kDown);
    EXPECT_LT(incident->since, incident->opened_at);
    EXPECT_GE(incident->since, 13 * kDay);
}

TEST(DriftErosion, NeverInAGrowingSegmentAndNeverAfterASuddenFall) {
    Days growing;
    for (size_t day = 0; day < 30; ++day) growing.Add(std::llround(10'000 * std::pow(1.01, day)));
    EXPECT_FALSE(FindingOf(growing.Newest(), detector::kSlowErosion));
    Days sudden;
    for (size_t day = 0; day < 40; ++day)
        sudden.Add(std::llround((day < 25 ? 10'000 : 5'800) * (1 + 0.01 * Noise(day))));
    const IncidentTracker tracker = sudden.Walk();
    for (const Incident& incident : tracker.incidents())
        EXPECT_NE(incident.finding.fingerprint.detector, detector::kSlowErosion);
}

// The incidents of that detector.
size_t Count(const IncidentTracker& tracker, const std::string& name) {
    return static_cast<size_t>(
        std::count_if(tracker.incidents().begin(), tracker.incidents().end(),
                      [&](const Incident& i) { return i.finding.fingerprint.detector == name; }));
}

TEST(DriftGrowth, DetectsARiseTooSlowForSizeChange) {
    Days days;
    for (size_t day = 0; day < 60; ++day) {
        const double rise = std::clamp((static_cast<double>(day) - 29) / 16, 0.0, 1.0);
        days.Add(std::llround(10'000 * std::pow(1.25, rise) * (1 + 0.04 * Noise(day))));
    }
    const IncidentTracker tracker = days.Walk();
    ASSERT_EQ(Count(tracker, detector::kSlowGrowth), 1u);
    EXPECT_EQ(Count(tracker, detector::kSlowErosion), 0u);
    const Incident& incident = *tracker.Newest({detector::kSlowGrowth, ""});
    EXPECT_EQ(incident.finding.direction, Direction::kUp);
    EXPECT_GT(incident.since, 28 * kDay);
}

TEST(DriftGrowth, TheUsualGrowthIsNoFinding) {
    Days days;
    for (size_t day = 0; day < 90; ++day)
        days.Add(std::llround(10'000 * std::pow(1.008, day) * (1 + 0.03 * Noise(day))));
    EXPECT_TRUE(days.Walk().incidents().empty());
}

// ---- what the baseline is ----

TEST(DriftBaseline, ALuckyFirstSnapshotIsForgotten) {
    for (const double first : {1.3, 0.75})
        for (const int64_t size : {400, 10'000, 2'000'000}) {
            Days days;
            days.Add(std::llround(first * static_cast<double>(size)));
            for (size_t day = 1; day < 40; ++day)
                days.Add(std::llround(static_cast<double>(size) * (1 + 0.015 * Noise(day))));
            const IncidentTracker tracker = days.Walk();
            for (const Incident& incident : tracker.incidents()) EXPECT_FALSE(incident.live());
            EXPECT_NEAR(ExpectSize(days.history, 39, {}, {})->level / static_cast<double>(size), 1, 0.02);
        }
}

TEST(DriftBaseline, AGrowthThatEndsIsNotExtrapolated) {
    for (const double growth : {1.025, 1.06}) {
        Days days;
        for (size_t day = 0; day < 200; ++day)
            days.Add(
                std::llround(4'000 * std::pow(growth, std::min<size_t>(day, 30)) * (1 + 0.01 * Noise(day))));
        const IncidentTracker tracker = days.Walk();
        EXPECT_LE(tracker.incidents().size(), growth > 1.05 ? 1u : 0u)
            << growth;  // the end itself may surprise
        for (const Incident& incident : tracker.incidents()) EXPECT_FALSE(incident.live());
        const double level = 4'000 * std::pow(growth, 30);
        EXPECT_NEAR(ExpectSize(days.history, 199, {}, {})->level / level, 1, 0.02);
    }
}

// Independent noise of that standard deviation: opened per 100 checks after day 14, and open at the end.
void ExpectCalm(double sigma, int64_t cadence) {
    std::mt19937_64 random(11);
    std::normal_distribution<double> noise(0, sigma);
    std::vector<Days> fleet(100);
    std::vector<History> histories;
    for (Days& days : fleet)
        for (int day = 0; day < 56; ++day)
            days.Add(std::llround(20'000 * std::exp(noise(random)))).moment = (day + 1) * cadence;
    std::vector<IncidentTracker> trackers(fleet.size());
    size_t second = 0, later = 0, live = 0;
    for (size_t i = 1; i < 56; ++i) {
        if (i < 14) {
            histories.clear();
            for (const Days& days : fleet) {
                History& seen = histories.emplace_back();
                seen.cadence = cadence;
                seen.points.assign(days.history.points.begin(),
                                   days.history.points.begin() + static_cast<std::ptrdiff_t>(i) + 1);
            }
            ShareNoise(histories);
        }
        for (size_t s = 0; s < fleet.size(); ++s) {
            History& history = fleet[s].history;
            history.cadence = cadence;
            history.noise = histories[s].noise;
            if (i < 14) history.size_walks = {};
            CheckSnapshot(history, i, {}, {}, trackers[s]);
            for (Incident& incident : trackers[s].incidents()) {
                const auto opened = static_cast<size_t>(std::count_if(
                    incident.events.begin(), incident.events.end(),
                    [](const IncidentEvent& e) { return e.kind == "opened" || e.kind == "reopened"; }));
                if (i == 1) second += opened;
                if (i >= 14) later += opened;
                incident.events.clear();
            }
        }
    }
    for (const IncidentTracker& tracker : trackers)
        for (const Incident& incident : tracker.incidents()) live += incident.live();
    EXPECT_EQ(second, 0u) << sigma;
    EXPECT_LE(later, 12u) << sigma;  // of 4,200 checks, each segment by itself
    EXPECT_LE(live, 1u) << sigma;
}

TEST(DriftBaseline, NoiseOpensHardlyAnythingAndNothingForEver) {
    for (const double sigma : {0.05, 0.12, 0.25, 0.35}) ExpectCalm(sigma, kDay);
    ExpectCalm(0.15, 7 * kDay);
}

// The smallest fall, in members, of which a finding is made after so many constant snapshots; every larger
// one must be.
int64_t SmallestFallFound(int64_t size, int snapshots) {
    int64_t smallest = 0;
    for (int64_t fall = 1; fall <= size; ++fall) {
        Days days;
        for (int day = 0; day < snapshots; ++day) days.Add(size);
        days.Add(size - fall);
        const bool found = FindingOf(days.Newest(), detector::kSizeChange);
        if (found && smallest == 0) smallest = fall;
        EXPECT_EQ(found, smallest > 0) << size << " after " << snapshots << ", fall of " << fall;
    }
    return smallest;
}

TEST(DriftBaseline, ALargerFallIsNeverLessOfAFinding) {
    for (const int64_t size : {20, 50, 120}) {
        const int64_t fall = SmallestFallFound(size, 10);
        EXPECT_GT(fall, 0);
        EXPECT_LT(fall, size * 9 / 10);
    }
}

TEST(DriftBaseline, AFartherSizeIsNeverLikelier) {
    for (const int64_t size : {60, 860, 1'200, 20'000})
        for (const int snapshots : {2, 10, 28}) {
            Days days;
            for (int day = 0; day <= snapshots; ++day) days.Add(size);
            const auto expected = ExpectSize(days.history, static_cast<size_t>(snapshots), {}, {});
            for (const double direction : {-1.0, 1.0}) {
                double before = 1;
                for (double step = 0.01; step < 0.6; step += 0.01) {
                    const double p = expected->forecast.PValue(
                        std::round(static_cast<double>(size) * (1 + direction * step)));
                    EXPECT_LE(p, before * 1.001)
                        << size << " after " << snapshots << ", " << direction * step;
                    before = p;
                }
            }
        }
}

TEST(DriftBaseline, PowerGrowsWithHistory) {
    int64_t before = 1'000;
    for (const int snapshots : {1, 3, 10, 28}) {
        const int64_t fall = SmallestFallFound(700, snapshots);
        EXPECT_LE(fall, before * 1.05) << snapshots;
        before = fall;
    }
    EXPECT_LE(before, 112);  // 16 %; the threshold is 15 %
}

TEST(DriftBaseline, FromNothingToManyIsAFinding) {
    Days days;
    for (int day = 0; day < 8; ++day) days.Add(0);
    days.Add(300);
    const DetectionRun run = days.Newest();
    const Finding* finding = FindingOf(run, detector::kSizeChange);
    ASSERT_TRUE(finding);
    EXPECT_EQ(finding->severity, Severity::kCritical);
    EXPECT_EQ(finding->summary, "300 members (none expected from the last 8 normal snapshots)");
    days.history.points.back().size = 2;
    EXPECT_EQ(Findings(days.Newest()), 0u);
}

TEST(DriftBaseline, SeasonsOfEveryCadence) {
    const auto walk = [](int64_t cadence, int season, int seasons, double (*effect)(double)) {
        Days days;
        days.history.cadence = cadence;
        for (int i = 0; i < season * seasons; ++i)
            days.Add(std::llround(9'000 * std::exp(effect(static_cast<double>(i % season) / season)) *
                                  (1 + 0.04 * Noise(static_cast<size_t>(i)))))
                .moment = i * cadence;
        const auto expected = ExpectSize(days.history, days.history.points.size() - 1, {}, {});
        EXPECT_EQ(expected->season(), season);
        EXPECT_NEAR(expected->level / static_cast<double>(days.history.points.back().size), 1, 0.1);
    };
    walk(kHour, 24, 6, [](double phase) { return 0.4 * std::sin(2 * M_PI * phase); });
    walk(7 * kDay, 52, 4,
         [](double phase) { return phase > 0.9 ? 0.7 : 0.0; });  // the weeks before Christmas
    walk(30 * kDay, 12, 4, [](double phase) { return 0.4 * std::sin(2 * M_PI * phase); });
}

}  // namespace
}  // namespace pulse::drift::test
