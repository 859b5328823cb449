#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "drift_history.hpp"
#include "pulse/base/error.hpp"
#include "pulse/drift/baseline.hpp"

namespace pulse::drift::test {
namespace {

// ---- the fixture ----

class Fixture : public ::testing::Test {
  protected:
    Fixture() {
        Point& first = days.Add(10'000);
        first.converted = 1'500;
        first.entered = 500;
        first.exited = 300;
        days.Values("platform", {{"ios", 4'500}, {"android", 4'000}, {"web", 1'500}});
        days.Values("status", {{"active", 9'000}, {"paused", 1'000}});
        days.Values("tier", {{"free", 7'000}, {"premium", 3'000}});
        Point& second = days.Add(5'800);
        second.converted = 580;
        second.entered = 300;
        second.exited = 800;
        days.Values("platform", {{"ios", 4'500}, {"web", 1'300}});
        days.Values("status", {{"active", 5'162}, {"paused", 638}});
        days.Values("tier", {{"free", 4'141}, {"premium", 1'659}});
    }
    Days days;
};

TEST_F(Fixture, ExpectedFindings) {
    Thresholds thresholds;
    const DetectionRun run = days.Newest(thresholds);
    EXPECT_EQ(SeverityIn(run, detector::kDistributionShift, "platform"), "high");
    EXPECT_NEAR(*FindingOf(run, detector::kDistributionShift, "platform")->observed, 0.400, 0.0005);
    EXPECT_EQ(SeverityIn(run, detector::kDistributionShift, "status"), "none");
    EXPECT_EQ(SeverityIn(run, detector::kDistributionShift, "tier"), "none");
    EXPECT_EQ(SeverityIn(run, detector::kConversionAnomaly), "low");
    EXPECT_NEAR(FindingOf(run, detector::kConversionAnomaly)->change, -1.0 / 3, 1e-9);
    EXPECT_EQ(SeverityIn(run, detector::kInactivityCreep), "critical");
    EXPECT_NEAR(FindingOf(run, detector::kInactivityCreep)->change, 800.0 / 10'000 / (300.0 / 9'800) - 1,
                0.01);
    EXPECT_EQ(SeverityIn(run, detector::kSizeChange), "high");
    EXPECT_EQ(SeverityIn(run, detector::kVanishedValue, "platform"), "critical");
    EXPECT_EQ(Findings(run), 5u);
    EXPECT_TRUE(run.failed.empty());
}

TEST_F(Fixture, DetailsCarryBothDistances) {
    const DetectionRun run = days.Newest();
    const Finding* shift = FindingOf(run, detector::kDistributionShift, "platform");
    ASSERT_TRUE(shift);
    EXPECT_GT(shift->details["psi"].get<double>(), 1);
    EXPECT_NEAR(shift->details["tvd"].get<double>(), 0.4, 0.0005);
    EXPECT_EQ(shift->details["values"][0]["value"], "android");
}

TEST_F(Fixture, CriticalAttributesLimitTheDetectors) {
    Expectations expectations;
    expectations.critical_attributes = {"tier"};
    EXPECT_EQ(Findings(days.Newest({}, expectations)), 3u);
}

TEST_F(Fixture, MonitoringOff) {
    Expectations expectations;
    expectations.monitoring = false;
    EXPECT_TRUE(days.Newest({}, expectations).results.empty());
}

TEST(DriftGenerator, HistoryOpensAtTheBreakAndStaysOpen) {
    for (const int64_t base : {10'000, 17'345, 30'000}) {
        Days days;
        for (int day = 0; day < 8; ++day) {
            const bool eroded = day >= 5;
            const auto size = std::llround(static_cast<double>(base) * (eroded ? 0.58 : 1) *
                                           (1 + 0.02 * Noise(static_cast<size_t>(day))));
            const auto before = static_cast<double>(day > 0 ? days.history.points.back().size : size);
            Point& point = days.Add(size);
            point.converted = std::llround(static_cast<double>(size) * (eroded ? 0.10 : 0.15));
            point.entered = std::llround(before * (eroded ? 0.03 : 0.05));
            point.exited = std::llround(before * (eroded ? 0.08 : 0.03));
            const int64_t android = size * (eroded ? 28 : 40) / 100;
            const int64_t web = size * 15 / 100;
            days.Values("platform", {{"ios", size - android - web}, {"android", android}, {"web", web}});
        }
        const IncidentTracker tracker = days.Walk();
        std::map<std::string, const Incident*> incidents;
        for (const Incident& incident : tracker.incidents())
            incidents[incident.finding.fingerprint.detector] = &incident;
        ASSERT_EQ(tracker.incidents().size(), 3u);
        EXPECT_EQ(incidents[detector::kSizeChange]->finding.severity, Severity::kHigh);
        EXPECT_EQ(incidents[detector::kConversionAnomaly]->finding.severity, Severity::kLow);
        EXPECT_EQ(incidents[detector::kInactivityCreep]->finding.severity, Severity::kCritical);
        EXPECT_NEAR(incidents[detector::kInactivityCreep]->finding.change, 1.667, 0.03);
        for (const auto& [name, incident] : incidents) {
            EXPECT_EQ(incident->since, 6 * kDay) << name;
            EXPECT_EQ(incident->last_seen_at, 8 * kDay) << name;
            EXPECT_TRUE(incident->live()) << name;
        }
    }
}

// ---- ranges and columns ----

TEST(DriftRange, BoundsNeedNoHistory) {
    Days days;
    days.Add(5'800).converted = 400;
    Expectations expectations;
    expectations.size = {8'000, 12'000};
    expectations.conversion_rate = {0.05, 0.1};
    const DetectionRun run = days.Newest({}, expectations);
    EXPECT_TRUE(run.too_young);
    const Finding* finding = FindingOf(run, detector::kExpectedRange, "size");
    ASSERT_TRUE(finding);
    EXPECT_NEAR(finding->change, -0.275, 1e-12);
    EXPECT_EQ(finding->severity, Severity::kMedium);  // 0.275 / 0.15
    EXPECT_FALSE(finding->p_value);
    EXPECT_FALSE(FindingOf(run, detector::kExpectedRange, "conversion_rate"));
    days.history.points[0].size = 12'000;
    EXPECT_EQ(Findings(days.Newest({}, expectations)), 1u);  // the size is inside again, the rate is not
}

TEST(DriftSchema, ColumnsThatChange) {
    Days days;
    days.Add(100).columns = {{"id", "bigint"}, {"plan", "text"}, {"ltv", "numeric"}};
    days.Add(100).columns = {{"id", "bigint"}, {"ltv", "text"}, {"country", "text"}};
    DetectionRun run = days.Newest();
    const Finding* finding = FindingOf(run, detector::kSchemaChange);
    ASSERT_TRUE(finding);
    EXPECT_EQ(finding->severity, Severity::kHigh);
    EXPECT_EQ(finding->details["dropped"], Json({"plan"}));
    EXPECT_EQ(finding->details["retyped"], Json({"ltv"}));
    EXPECT_EQ(finding->details["added"], Json({"country"}));
    EXPECT_EQ(finding->details["types"]["ltv"]["to"], "text");
    const auto same = days.history.points[1].columns;
    days.Add(100).columns = same;
    EXPECT_EQ(Findings(days.Newest()), 0u);
}

TEST(DriftSchema, WhatIsMissingStaysAFindingUntilItIsMeasuredAgain) {
    Days days;
    IncidentTracker tracker;
    const auto check = [&] {
        CheckSnapshot(days.history, days.history.points.size() - 1, {}, {}, tracker);
        return tracker.Newest({detector::kSchemaChange, ""});
    };
    days.Add(100).columns = {{"id", "bigint"}, {"plan", "text"}};
    EXPECT_FALSE(check());
    for (int day = 0; day < 20; ++day) {
        Point& point = days.Add(100);
        point.columns = {{"id", "bigint"}};
        point.missing = {"attribute plan"};
        point.error = "attribute \"plan\" is not a column";
        const Incident* incident = check();
        ASSERT_TRUE(incident && incident->live());
        EXPECT_EQ(incident->finding.severity, Severity::kHigh);
        EXPECT_EQ(incident->finding.details["missing"], Json({"attribute plan"}));
        EXPECT_TRUE(incident->finding.summary.ends_with(
            "the segment is measured without attribute plan: attribute \"plan\" is not a column"));
        EXPECT_EQ(incident->finding.baseline_snapshot, 1);
    }
    EXPECT_EQ(tracker.incidents().size(), 1u);
    for (int day = 0; day < 4; ++day) {
        days.Add(100).columns = {{"id", "bigint"}, {"plan", "text"}};
        check();
    }
    EXPECT_FALSE(tracker.Newest({detector::kSchemaChange, ""})->live());
}

TEST(DriftInactivity, ExitsDoNotReplaceAColumnThatIsMissing) {
    Days days;
    for (int day = 0; day < 20; ++day) {
        Point& point = days.Add(10'000);
        point.entered = point.exited = 100;
        point.inactive = 1'000;
    }
    Point& point = days.Add(10'000);
    point.entered = point.exited = 2'000;
    EXPECT_TRUE(FindingOf(days.Newest(), detector::kInactivityCreep));
    days.history.points.back().missing = {"last_active"};
    EXPECT_FALSE(FindingOf(days.Newest(), detector::kInactivityCreep));
}

TEST(DriftSchema, AFailingSegmentIsASchemaChange) {
    Days days;
    days.Add(100);
    Point& point = days.Add(0);
    point.ok = false;
    point.error_state = "42703";
    point.error = "column \"plan\" does not exist";
    EXPECT_EQ(SeverityIn(days.Newest(), detector::kSchemaChange), "critical");
    point.error_state = "57014";  // a timeout is not the schema's fault
    EXPECT_EQ(Findings(days.Newest()), 0u);
}

// ---- thresholds ----

TEST(DriftThresholds, SegmentOverridesSettings) {
    Thresholds thresholds;
    const Expectations expectations = ParseExpectations(
        Json::parse(
            R"({"expectedSize": {"min": 8000}, "criticalAttributes": ["tier"], "monitoringEnabled": false,
                        "alertThresholds": {"sizeChangePercent": 0.3, "slowErosion": 1.0}})"),
        thresholds);
    EXPECT_EQ(thresholds.size_change, 0.3);
    EXPECT_EQ(thresholds.slow_erosion, 1.0);
    EXPECT_EQ(thresholds.conversion_anomaly, 0.25);
    EXPECT_FALSE(expectations.monitoring);
    EXPECT_EQ(expectations.size.min, 8000);
    EXPECT_FALSE(expectations.size.max);
    EXPECT_FALSE(expectations.Watches("platform"));
    Thresholds untouched;
    ParseExpectations(Json::parse("[1]"), untouched);
    ParseExpectations(Json::parse(R"({"alertThresholds": 7, "expectedSize": "x"})"), untouched);
    EXPECT_EQ(untouched.size_change, 0.15);
}

TEST(DriftThresholds, OverridesAreChecked) {
    Thresholds thresholds;
    OverrideThresholds(Json::parse(R"({"sizeChangePercent": 0.05, "pValue": 0.01})"), thresholds);
    EXPECT_EQ(thresholds.size_change, 0.05);
    EXPECT_EQ(thresholds.p_value, 0.01);
    for (const char* bad :
         {R"({"size": 1})", R"({"value": 2})", R"({"value": -1})", R"({"value": "x"})", "[]", "null"})
        EXPECT_THROW(OverrideThresholds(Json::parse(bad), thresholds), UserError) << bad;
}

// ---- nothing breaks ----

TEST(DriftTotal, DegenerateHistories) {
    Days days;
    for (const int64_t size : std::vector<int64_t>{0, 0, 0, 1, 0, 1'000'000'000'000, 0, 5}) {
        Point& point = days.Add(size);
        point.converted = point.inactive = point.entered = point.exited = size;
        days.Values("a", {});
        const DetectionRun run = days.Newest();
        EXPECT_TRUE(run.failed.empty());
        for (const DetectorResult& result : run.results) {
            EXPECT_FALSE(std::isnan(result.ratio));
            EXPECT_FALSE(std::isnan(result.finding.change));
            if (result.finding.p_value) {
                EXPECT_GE(*result.finding.p_value, 0);
                EXPECT_LE(*result.finding.p_value, 1);
            }
        }
    }
}

}  // namespace
}  // namespace pulse::drift::test
