#include "pulse/insight/event_count.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "pulse/base/error.hpp"
#include "pulse/insight/event_blame.hpp"
#include "pulse/insight/event_quality.hpp"

namespace pulse::insight {
namespace {

constexpr int64_t kWeekHours = 168;
constexpr int64_t kBegin = 131472;  // 2015-01-01 00:00 UTC

// The thresholds of a check, as the settings give them.
CountCheck CheckOf(int64_t first, int64_t last) {
    CountCheck check;
    check.offset = [](Moment) { return int64_t{0}; };
    check.oldest = last - kHistoryHours + 1;
    check.first = first;
    check.last = last;
    check.gaps.assign(kHistoryHours, false);
    drift::SettleAtCadence(check.thresholds.hour, kHour);
    drift::SettleAtCadence(check.thresholds.day, kDay);
    return check;
}

double Shape(int64_t hour) {
    const int64_t day = hour / 24 % 7;
    return (day < 2 ? 0.4 : 1) *
           (0.3 + 0.7 * std::pow(std::sin(M_PI * static_cast<double>(hour % 24) / 24), 2));
}

EventSeries SeriesOf(const std::function<int64_t(int64_t)>& count, int64_t from, int64_t last) {
    EventSeries series{"buy", "web", {}};
    for (int64_t hour = from; hour <= last; ++hour)
        if (const int64_t n = count(hour); n > 0) series.hours.push_back({hour, n, n, 0});
    return series;
}

// Judges the hours and returns the kinds of what the timelines say.
std::vector<std::string> Watch(const EventSeries& series, int64_t first, int64_t last,
                               const OffsetAt& offset = nullptr) {
    drift::IncidentTracker tracker({}, "period");
    CountCheck check = CheckOf(first, last);
    if (offset) check.offset = offset;
    std::vector<JudgedResult> results;
    JudgeCounts(series, check, tracker, results);
    std::stable_sort(results.begin(), results.end(),
                     [](const JudgedResult& a, const JudgedResult& b) { return a.moment < b.moment; });
    for (const JudgedResult& one : results) {
        drift::Point point;
        point.moment = one.moment;
        const bool is_hour = one.period == Period::kHour;
        tracker.Apply(point, {one.result}, 0.001, is_hour ? check.thresholds.hour : check.thresholds.day);
    }
    std::vector<std::string> kinds;
    for (const drift::Incident& incident : tracker.incidents())
        for (const drift::IncidentEvent& event : incident.events)
            kinds.push_back(event.kind + " " + incident.finding.fingerprint.detector);
    return kinds;
}

TEST(EventCount, QuietSeriesRaiseNoAlarm) {
    // Counts of chance around a weekly shape, from rare to frequent: 20 series, three weeks of hourly checks.
    std::mt19937_64 random(20150101);
    int alarms = 0;
    const int64_t last = kBegin + 10 * kWeekHours - 1;
    for (int n = 0; n < 20; ++n) {
        const double level = std::pow(10, -1.5 + n * 0.21);  // from 0.03 to 400 an hour
        std::vector<int64_t> counts;
        for (int64_t hour = kBegin; hour <= last; ++hour)
            counts.push_back(std::poisson_distribution<int64_t>(level * Shape(hour))(random));
        const EventSeries series =
            SeriesOf([&](int64_t hour) { return counts[static_cast<size_t>(hour - kBegin)]; }, kBegin, last);
        const std::vector<std::string> kinds = Watch(series, last - 3 * kWeekHours + 1, last);
        alarms += static_cast<int>(std::count_if(
            kinds.begin(), kinds.end(), [](const auto& kind) { return kind.starts_with("opened"); }));
    }
    // Without the false discovery rate of the check, so each test alone decides.
    EXPECT_LE(alarms, 3);
}

TEST(EventCount, ClockChangesAreNoChange) {
    // Everybody follows a clock that is set forward in the middle of the last week but one, and back after
    // it.
    const int64_t last = kBegin + 10 * kWeekHours - 1, forward = last - 10 * 24, back = last - 3 * 24;
    const OffsetAt offset = [=](Moment moment) {
        return moment >= forward * kHour && moment < back * kHour ? 2 * kHour : kHour;
    };
    const EventSeries series = SeriesOf(
        [&](int64_t hour) {
            const int64_t local = hour + offset(hour * kHour) / kHour;
            return std::llround(300 * Shape(local));
        },
        kBegin, last);
    EXPECT_EQ(Watch(series, last - 11 * 24, last, offset), std::vector<std::string>{});
    // Without the zone the hours are shifted, which shows.
    EXPECT_NE(Watch(series, last - 11 * 24, last), std::vector<std::string>{});
}

TEST(EventCount, AFallIsSeenAtOnceAndOnce) {
    const int64_t last = kBegin + 10 * kWeekHours - 1, fall = last - 30;
    const EventSeries series = SeriesOf(
        [&](int64_t hour) {
            return std::llround(300 * Shape(hour) * (hour >= fall && hour < fall + 6 ? 0.2 : 1));
        },
        kBegin, last);
    const std::vector<std::string> kinds = Watch(series, fall - 3, last);
    EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "opened event_rate"), 1);
    EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "resolved event_rate"), 1);
    EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "opened event_vanished"), 0);
}

TEST(EventCount, AYoungSeriesIsNotJudged) {
    const EventSeries series = SeriesOf([](int64_t) { return 100; }, kBegin, kBegin + 13 * 24);
    std::vector<JudgedResult> results;
    EXPECT_FALSE(
        JudgeCounts(series, CheckOf(kBegin + 13 * 24, kBegin + 13 * 24), drift::IncidentTracker(), results));
    EXPECT_TRUE(results.empty());
    EXPECT_FALSE(
        JudgeCounts({"none", "web", {}}, CheckOf(kBegin, kBegin), drift::IncidentTracker(), results));
}

TEST(EventCount, ImportsAreNoHistoryOfALiveSource) {
    EventSeries series = SeriesOf([](int64_t) { return 100; }, kBegin, kBegin + 9 * kWeekHours - 1);
    for (HourCount& count : series.hours)
        if (count.hour > kBegin + 5 * kWeekHours && count.hour < kBegin + 8 * kWeekHours) {
            count.events += 900;
            count.late += 900;
        }
    const int64_t last = kBegin + 9 * kWeekHours - 1;
    EXPECT_EQ(Watch(series, last - 30, last), std::vector<std::string>{});
    EXPECT_TRUE(IsPrompt(series));
    // A source that only imports is never missed.
    for (HourCount& count : series.hours) {
        count.late = count.events;
        count.prompt = 0;
    }
    series.hours.resize(series.hours.size() - 100);
    EXPECT_EQ(Watch(series, last - 30, last), std::vector<std::string>{});
}

TEST(EventCount, FindGaps) {
    std::vector<int64_t> all(3 * kWeekHours, 10);
    std::fill_n(all.begin() + 2 * kWeekHours, 8, 0);
    const std::vector<bool> gaps = FindGaps(all);
    EXPECT_EQ(std::count(gaps.begin(), gaps.end(), true), 8);
    EXPECT_TRUE(gaps[2 * kWeekHours] && gaps[2 * kWeekHours + 7] && !gaps[2 * kWeekHours + 8]);
    // A night without events, as every night, is none.
    std::fill_n(all.begin() + kWeekHours, 8, 0);
    EXPECT_FALSE(FindGaps(all)[2 * kWeekHours]);
    EXPECT_TRUE(FindGaps({}).empty());
}

TEST(EventBlame, FindsTheValueThatCarriesAChange) {
    const BlamedChange lost{"order", "amount", "", 0.01, 0.4};
    auto blame = FindBlame(lost, {{"app", "5.2", 0, 40, 40, 20},
                                  {"app", "4.9", 100, 60, 1, 30},
                                  {"platform", "iOS", 50, 50, 21, 25},
                                  {"platform", "Android", 50, 50, 20, 25}});
    ASSERT_TRUE(blame);
    EXPECT_EQ(blame->sentence, "app 5.2 stopped sending `amount`");
    EXPECT_GT(blame->explained, 0.9);
    // Of few people nothing is named; and what all share is nobody's.
    EXPECT_FALSE(FindBlame(lost, {{"app", "5.2", 0, 40, 40, 9}, {"app", "4.9", 100, 60, 1, 30}}));
    EXPECT_FALSE(FindBlame(lost, {{"app", "5.2", 100, 100, 40, 90}}));
    EXPECT_FALSE(FindBlame(lost, {}));
    blame =
        FindBlame({"order", "", "", 100, 60}, {{"app", "5.2", 45, 2, 0, 20}, {"app", "4.9", 55, 58, 0, 30}});
    ASSERT_TRUE(blame);
    EXPECT_EQ(blame->sentence, "app 5.2 sends 96 % fewer `order`");
}

TEST(EventQuality, SettingsAreChecked) {
    QualitySettings settings;
    ChangeSettings({{"contact", 35}, {"ip", 10}}, settings);
    EXPECT_EQ(settings.contact, 35);
    EXPECT_EQ(ReadSettings(settings.Json()).ip, 10);
    ChangeSettings({{"contact", nullptr}, {"ip", nullptr}}, settings);
    EXPECT_EQ(settings.contact, 40);
    for (const char* bad :
         {R"([])", R"({"contact": 41})", R"({"none": 1})", R"({"ip": "x"})", R"({"ip": -1})",
          R"({"identifier": 41})", R"({"soon": 21})", R"({"good": 90})", R"(null)"})
        EXPECT_THROW(ChangeSettings(nlohmann::json::parse(bad), settings), UserError) << bad;
}

TEST(EventQuality, Grouping) {
    EXPECT_TRUE(ParseGrouping(" event ,day").day);
    EXPECT_FALSE(ParseGrouping("").event);
    EXPECT_FALSE(ParseGrouping("  ").event);
    EXPECT_THROW(ParseGrouping("event,"), UserError);
    EXPECT_THROW(ParseGrouping("person"), UserError);
    EXPECT_STREQ(BandOf(80, {}), "excellent");
    EXPECT_STREQ(BandOf(39.99, {}), "poor");
    const nlohmann::json gains = GainsOf({20, 25, 20, 10}, {});
    ASSERT_EQ(gains.size(), 2u);
    EXPECT_EQ(gains[0]["part"], "identifiers");
    EXPECT_EQ(gains[1]["points"], 5);
}

}  // namespace
}  // namespace pulse::insight
