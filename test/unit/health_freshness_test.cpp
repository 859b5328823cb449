// When a table is late: how its rows arrive is learnt, and a silence that is longer is told.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "health_testing.hpp"
#include "pulse/health/arrival_pattern.hpp"

namespace pulse::health {
namespace {

// The silences around the moments that are read, of rows that arrive at these moments.
std::vector<Silence> SilencesOf(const std::vector<Moment>& arrivals, Moment now) {
    const auto last = std::upper_bound(arrivals.begin(), arrivals.end(), now);
    std::vector<Silence> silences;
    for (const Moment at : PastMoments(now)) {
        const auto next = std::upper_bound(arrivals.begin(), last, at);
        if (next != arrivals.begin() && next != last) silences.push_back({at, *(next - 1), *next});
    }
    return silences;
}

ArrivalPattern Learn(const std::vector<Moment>& arrivals, Moment now, std::optional<double> gap = {}) {
    return LearnArrivalPattern(SilencesOf(arrivals, now), now, gap);
}

double AgeAt(const std::vector<Moment>& arrivals, Moment now) {
    const auto next = std::upper_bound(arrivals.begin(), arrivals.end(), now);
    return static_cast<double>(now - *(next - 1)) / kSecond;
}

// One arrival per interval, late by up to `late`, at the moments that `open` allows.
std::vector<Moment> Arrivals(Moment from, Moment to, int64_t every, int64_t late = 0,
                             bool (*open)(Moment) = nullptr) {
    std::mt19937 random(5);
    std::uniform_int_distribution<int64_t> delay(0, late);
    std::vector<Moment> arrivals;
    for (Moment at = from; at <= to; at += every)
        if (!open || open(at)) arrivals.push_back(at + delay(random));
    return arrivals;
}

bool InWorkingHours(Moment moment) {
    return OnWorkingDays(moment) && moment % kDay >= 7 * kHour && moment % kDay < 21 * kHour;
}

struct Rhythm {
    const char* name;
    int64_t every, late;
    bool (*open)(Moment);
    int64_t history;   // before the first check
    int64_t found_in;  // a silence must be found within this time after the last row
};

// Regular loads raise no alarm at any hour, and a load that stops does.
TEST(ArrivalPattern, FollowsEveryRhythm) {
    const Rhythm rhythms[] = {
        {"10 minutes", 10 * kMinute, 0, nullptr, 21 * kDay, kHour},
        {"4 minutes by day", 4 * kMinute, kMinute, InWorkingHours, 21 * kDay, 3 * kDay},
        {"90 minutes", 90 * kMinute, 10 * kMinute, nullptr, 21 * kDay, 4 * kHour},
        {"10 hours", 10 * kHour, kHour, nullptr, 35 * kDay, 18 * kHour},
        {"17 hours", 17 * kHour, 0, nullptr, 60 * kDay, 30 * kHour},
        {"daily", kDay, kHour, nullptr, 21 * kDay, 30 * kHour},
        {"working days", kDay, kHour, OnWorkingDays, 21 * kDay, 4 * kDay},
        {"3 days", 3 * kDay, 2 * kHour, nullptr, 35 * kDay, 6 * kDay},
        {"5 days", 5 * kDay, 0, nullptr, 80 * kDay, 8 * kDay},
        {"weekly", 7 * kDay, 3 * kHour, nullptr, 35 * kDay, 9 * kDay},
        {"two weeks", 14 * kDay, kHour, nullptr, 90 * kDay, 21 * kDay},
        {"monthly", 30 * kDay, 3 * kDay, nullptr, 200 * kDay, 45 * kDay},
    };
    for (const Rhythm& rhythm : rhythms) {
        const Moment start = 8000 * kDay + 6 * kHour, first = start + rhythm.history;
        const Moment stop = first + std::max(56 * kDay, 6 * rhythm.every);
        const auto arrivals = Arrivals(start, stop, rhythm.every, rhythm.late, rhythm.open);
        int alarms = 0, unknown = 0;
        for (Moment now = first; now < stop; now += 37 * kMinute) {
            const ArrivalPattern pattern = Learn(arrivals, now);
            unknown += !pattern.known;
            alarms += pattern.known && AgeAt(arrivals, now) > pattern.limit;
        }
        EXPECT_EQ(unknown, 0) << rhythm.name;
        EXPECT_EQ(alarms, 0) << rhythm.name;
        Moment found = arrivals.back();
        for (bool bad = false; !bad && found < arrivals.back() + 90 * kDay;) {
            found += 13 * kMinute;
            const ArrivalPattern pattern = Learn(arrivals, found);
            bad = pattern.known && AgeAt(arrivals, found) > pattern.limit;
        }
        EXPECT_LE(found - arrivals.back(), rhythm.found_in) << rhythm.name;
    }
}

// What is not known yet raises no alarm: neither a first weekend, nor two weeks that look alike by chance.
TEST(ArrivalPattern, OfAShortHistoryRaisesNoAlarm) {
    for (const int64_t every : {int64_t{20}, int64_t{7 * 60}, int64_t{10 * 60}, int64_t{17 * 60},
                                int64_t{24 * 60}, int64_t{36 * 60}, int64_t{48 * 60}, int64_t{72 * 60},
                                int64_t{120 * 60}, int64_t{240 * 60}, int64_t{30 * 24 * 60}})
        for (const int64_t history : {2, 8, 15, 22}) {
            for (bool (*open)(Moment) : {static_cast<bool (*)(Moment)>(nullptr), &OnWorkingDays}) {
                if (open && every != 20 && every != 24 * 60) continue;
                const Moment start = 8003 * kDay + 6 * kHour, first = start + history * kDay;
                const auto arrivals = Arrivals(start, first + 40 * kDay, every * kMinute, kHour / 2, open);
                int alarms = 0;
                for (Moment now = first; now < first + 14 * kDay; now += 71 * kMinute) {
                    const ArrivalPattern pattern = Learn(arrivals, now);
                    alarms += pattern.known && AgeAt(arrivals, now) > pattern.limit;
                }
                EXPECT_EQ(alarms, 0) << every << " minutes, " << history << " days, " << (open != nullptr);
            }
        }
}

TEST(ArrivalPattern, AMissedLoadIsFoundBeforeTheNextOne) {
    // The load of the last working day of a week does not come.
    auto arrivals = Arrivals(8001 * kDay + 6 * kHour, 8060 * kDay, kDay, 0, OnWorkingDays);
    while (arrivals.back() / kDay % 7 != 3) arrivals.pop_back();
    const Moment now = arrivals.back() + kDay + 4 * kHour;
    EXPECT_GT(AgeAt(arrivals, now), Learn(arrivals, now).limit);
}

// Rows of long ago say nothing about the rhythm of today; neither do outages.
TEST(ArrivalPattern, OddRowsDoNotWidenIt) {
    for (const int days : {6, 10, 16, 25}) {
        auto arrivals = Arrivals(kNow - (days + 3) * kDay, kNow - 3 * kDay, 10 * kMinute);
        for (const int odd : {1, 2}) {
            arrivals.insert(arrivals.begin(), -10957 * kDay + (2 - odd) * 3000 * kDay);
            std::sort(arrivals.begin(), arrivals.end());
            const ArrivalPattern pattern = Learn(arrivals, kNow);
            EXPECT_TRUE(pattern.known) << days;
            EXPECT_LE(pattern.limit, 66 * 3600.0) << days << " days, odd rows: " << odd;
        }
    }
    auto arrivals = Arrivals(kNow - 40 * kDay, kNow, 2 * kMinute);
    std::erase_if(arrivals, [](Moment at) { return at > kNow - 16 * kDay && at < kNow - 11 * kDay; });
    EXPECT_LT(Learn(arrivals, kNow, 120).limit, 3600.0);
}

TEST(ArrivalPattern, NeedsTwoIntervals) {
    EXPECT_FALSE(Learn({}, kNow).known);
    EXPECT_FALSE(Learn({kNow - 90 * kDay}, kNow).known);  // a date column with one distinct value
    EXPECT_FALSE(Learn({kNow - 90 * kDay, kNow - 60 * kDay}, kNow).known);
    EXPECT_TRUE(Learn({kNow - 120 * kDay, kNow - 90 * kDay, kNow - 60 * kDay}, kNow).known);
    EXPECT_FALSE(Learn({kNow - 9000 * kDay, kNow - 9 * kDay, kNow - kDay}, kNow).known);
    EXPECT_EQ(Learn({kNow - 90 * kDay}, kNow).learnt, "fewer than 2 intervals between its rows are known");
}

// A table that keeps seven days, and younger ones: until this day of the week was seen, it may be one off.
TEST(ArrivalPattern, OfAFewDays) {
    const auto kept = Arrivals(kNow - 7 * kDay - 2 * kHour, kNow, 10 * kMinute);
    EXPECT_LE(Learn(kept, kNow).limit, 1800.0);
    EXPECT_EQ(Learn(kept, kNow).learnt, "the longest intervals of 7 days");
    const auto young = Arrivals(kNow - 5 * kDay, kNow, 10 * kMinute);
    EXPECT_EQ(Learn(young, kNow).limit, 66 * 3600.0);
    const auto stopped = Arrivals(kNow - 6 * kDay, kNow - 75 * kHour, kHour);
    EXPECT_GT(AgeAt(stopped, kNow), Learn(stopped, kNow).limit);
}

TEST(ArrivalPattern, RandomArrivalsRarelyAlarm) {
    std::mt19937 random(7);
    for (const double mean : {240.0, 3600.0, 30000.0, 200000.0}) {
        std::exponential_distribution<double> gap(1 / mean);
        std::vector<Moment> arrivals{0};
        while (arrivals.back() < 700 * kDay)
            arrivals.push_back(arrivals.back() + static_cast<int64_t>(gap(random) * kSecond));
        int alarms = 0;
        for (int round = 1; round <= 2000; ++round) {
            const Moment now = 400 * kDay + round * 200 * kMinute;
            alarms += AgeAt(arrivals, now) > Learn(arrivals, now).limit;
        }
        EXPECT_LT(alarms, 20) << mean;  // of 2,000 checks
    }
}

TEST(Freshness, MessageHasAgeAndLimit) {
    CheckMeasurement m;
    m.age = 22320;
    m.gap = 240;
    const CheckResult result =
        EvaluateCheck(Parsed(R"({"type": "freshness", "column": "at", "max_age": "2 hours"})"), m, At(kNow));
    EXPECT_EQ(result.status, CheckStatus::kBad);
    EXPECT_EQ(result.message,
              "app.orders has had no new row for 6 h 12 min (limit 2 h; usual interval: 4 min)");
    EXPECT_EQ(result.onset, kNow - (22320 - 7200) * kSecond);
}

// An outage must not become usual at night, nor when the rows before it are removed.
TEST(Freshness, ASilenceThatWasTooLongStaysSo) {
    const Check check = Parsed(R"({"type": "freshness", "column": "at"})");
    CheckMeasurement m;
    m.silences = SilencesOf(Arrivals(kNow - 40 * kDay, kNow, 10 * kMinute), kNow);
    m.age = 9 * 3600;
    CheckResult result = EvaluateCheck(check, m, At(kNow));
    EXPECT_EQ(result.status, CheckStatus::kBad);
    CheckContext context = At(kNow + kHour);
    context.state = result.state;
    m.silences.clear();
    m.age = 10 * 3600;
    result = EvaluateCheck(check, m, context);
    EXPECT_EQ(result.status, CheckStatus::kBad);
    EXPECT_NE(result.message.find("learnt before it"), std::string::npos) << result.message;
    context.state = result.state;
    m.replica_late = 9.9 * 3600;  // what a replica hides does not end it
    context.state = EvaluateCheck(check, m, context).state;
    m.replica_late = 0;
    EXPECT_EQ(EvaluateCheck(check, m, context).status, CheckStatus::kBad);
    m.age = 60;  // a row came
    result = EvaluateCheck(check, m, context);
    EXPECT_EQ(result.status, CheckStatus::kLearning);
    EXPECT_FALSE(result.state.contains("late"));
}

TEST(Freshness, TellsOfFutureAndInfiniteTimes) {
    const Check check = Parsed(R"({"type": "freshness", "column": "at", "max_age": "1 hour"})");
    CheckMeasurement m;
    m.age = 0;
    m.ahead = 8 * 3600;
    m.infinite = "-infinity";
    EXPECT_EQ(
        EvaluateCheck(check, m, At(kNow)).message,
        "the newest row of app.orders is 0 s old (limit 1 h); rows lie in the future, the newest by 8 h: "
        "if at is a local time, give the check its \"time_zone\"; rows with at -infinity are ignored");
}

// A daily load that is some minutes late is no silence of a day: it opens no incident at once.
TEST(Freshness, IsAsBadAsItIsLate) {
    const Moment load = kNow - kNow % kDay + 6 * kHour;
    const auto arrivals = Arrivals(load - 40 * kDay, load - kDay, kDay);
    CheckMeasurement m;
    const Moment now = load + 100 * kMinute;
    m.silences = SilencesOf(arrivals, now);
    m.age = AgeAt(arrivals, now);
    const CheckResult result = EvaluateCheck(Parsed(R"({"type": "freshness", "column": "at"})"), m, At(now));
    EXPECT_EQ(result.status, CheckStatus::kBad) << result.message;
    EXPECT_LT(result.ratio, 1.5);
}

TEST(Freshness, ReplicaLagIsNotALateTable) {
    CheckMeasurement m;
    m.age = 3 * 3600;
    m.replica_late = 2.5 * 3600;
    const Check check = Parsed(R"({"type": "freshness", "column": "at", "max_age": "1 hour"})");
    EXPECT_EQ(EvaluateCheck(check, m, At(kNow)).status, CheckStatus::kSkipped);
    m.replica_late = 600;  // even so the table is late
    EXPECT_EQ(EvaluateCheck(check, m, At(kNow)).status, CheckStatus::kBad);
}

TEST(Freshness, EmptyTableIsBadOnlyIfItHadRows) {
    const Check check = Parsed(R"({"type": "freshness", "column": "at", "max_age": "1 hour"})");
    EXPECT_EQ(EvaluateCheck(check, {}, At(kNow)).status, CheckStatus::kLearning);
    CheckContext context = At(kNow);
    context.state = {{"had_rows", true}};
    EXPECT_EQ(EvaluateCheck(check, {}, context).severity, drift::Severity::kCritical);
}

}  // namespace
}  // namespace pulse::health
