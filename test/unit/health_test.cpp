// The pure parts of table health: messages of checks, arrival patterns, evaluation of results, sampling
// errors.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "pulse/base/duration.hpp"
#include "pulse/health/evaluate_check.hpp"
#include "pulse/health/arrival_pattern.hpp"
#include "pulse/health/suggest.hpp"

namespace pulse::health {
namespace {

constexpr Moment kNow = 8800 * kDay + 10 * kHour;

Check Parsed(const char* text) {
    return ParseCheck(Json::parse(text), 1);
}

TEST(Durations, AreReadAndWritten) {
    EXPECT_EQ(ParseDuration("2 hours"), 2 * kHour);
    EXPECT_EQ(ParseDuration("30s"), 30 * kSecond);
    EXPECT_EQ(ParseDuration("1 day 6 h"), 30 * kHour);
    EXPECT_EQ(ParseDuration("1.5min"), 90 * kSecond);
    for (const char* bad :
         {"", "  ", "hours", "2", "2 moons", "-2 hours", "2 hours ago", "1e9 days", "999999999999 weeks"})
        EXPECT_FALSE(ParseDuration(bad)) << bad;
    EXPECT_EQ(FormatSeconds(22320), "6 h 12 min");
    EXPECT_EQ(FormatSeconds(0), "0 s");
    EXPECT_EQ(FormatSeconds(86400), "1 d");
    EXPECT_EQ(FormatSeconds(-60), "-1 min");
    EXPECT_EQ(FormatSeconds(0.25), "250 ms");
    EXPECT_EQ(FormatSeconds(std::nan("")), "for ever");
    EXPECT_EQ(Count(1234567), "1,234,567");
    EXPECT_EQ(Percentage(0.0123), "1.23 %");
}

TEST(Checks, KeepTheirMeaning) {
    const Check check = Parsed(
        R"({"type": "unique", "columns": ["a", "b"], "after": 3, "severity": "high", "every": "1 hour"})");
    EXPECT_EQ(check.type, CheckType::kUnique);
    EXPECT_EQ(check.Attribute(), "a, b");
    EXPECT_EQ(check.after, 3);
    EXPECT_EQ(Detector(check.type), "table_unique");
    EXPECT_TRUE(Parsed(R"({"type": "volume"})").anomaly);
    EXPECT_FALSE(Parsed(R"({"type": "volume", "min": 5})").anomaly);
    EXPECT_THROW(Parsed(R"({"type": "volume", "mni": 5})"), UserError);
    const auto hint = [](const char* json) {
        try {
            Parsed(json);
        } catch (const UserError& error) {
            return error.hint();
        }
        return std::string("accepted");
    };
    EXPECT_EQ(hint(R"({"type": "volume", "max_age": "1 h"})"), "It belongs to checks of type freshness.");
    EXPECT_EQ(hint(R"({"type": "schema", "min": 1})"), "It belongs to checks of type volume, range, sql.");
    EXPECT_EQ(hint(R"({"type": "volume", "owner": "me"})"),
              "It is an argument of pulse_monitor_table(): owner => ...");
    EXPECT_THROW(Parsed(R"([])"), UserError);
}

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

bool OnWorkingDays(Moment moment) {
    return moment / kDay % 7 < 5;  // 2000-01-01 was a Saturday: any five days will do
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

CheckContext At(Moment now) {
    CheckContext context;
    context.relation = "app.orders";
    context.now = now;
    return context;
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

TEST(Empty, IsLearntFromTheWeek) {
    for (const char* text : {R"({"type": "freshness", "column": "at"})", R"({"type": "volume"})"}) {
        CheckContext context = At(kNow);
        context.state = {{"had_rows", true}};
        context.empty_weeks = 1;
        EXPECT_EQ(EvaluateCheck(Parsed(text), {}, context).status, CheckStatus::kBad) << text;
        context.empty_weeks = 2;
        const CheckResult usual = EvaluateCheck(Parsed(text), {}, context);
        EXPECT_EQ(usual.status, CheckStatus::kOk) << text;
        // A table that is empty for a week is not empty each weekend.
        context.state = usual.state;
        context.now += 7 * kDay;
        EXPECT_EQ(EvaluateCheck(Parsed(text), {}, context).status, CheckStatus::kBad) << text;
    }
    // What a person gave as a limit is not learnt.
    CheckContext context = At(kNow);
    context.state = {{"had_rows", true}};
    context.empty_weeks = 4;
    for (const char* text :
         {R"({"type": "freshness", "column": "at", "max_age": "1 h"})", R"({"type": "volume", "min": 1})",
          R"({"type": "volume", "min": 1, "anomaly": true})"})
        EXPECT_EQ(EvaluateCheck(Parsed(text), {}, context).status, CheckStatus::kBad) << text;
}

CheckResult JudgeCount(const CheckContext& context, double rows) {
    CheckMeasurement m;
    m.rows = rows;
    return EvaluateCheck(Parsed(R"({"type": "volume"})"), m, context);
}

// Hourly results of `days` days; `rows` by the moment.
CheckContext History(Moment now, int days, double (*rows)(Moment)) {
    CheckContext context = At(now);
    context.every = kHour;
    context.state = {{"had_rows", true}};
    for (int hour = 1; hour <= 24 * days; ++hour)
        context.history.push_back({now - hour * kHour, rows(now - hour * kHour)});
    return context;
}

double Unrest(Moment moment) {
    return static_cast<double>(moment / kHour * 7919 % 97);
}
double WeekShape(Moment moment) {
    return (moment / kDay % 7 < 2 ? 4000 : 10000) + Unrest(moment);
}

TEST(Volume, LearnsFirst) {
    const CheckResult result = JudgeCount(History(kNow, 0, WeekShape), 100);
    EXPECT_EQ(result.status, CheckStatus::kLearning);
    EXPECT_EQ(result.message, "app.orders has 100 rows; 0 of 7 earlier results recorded; still learning");
}

TEST(Volume, WeeklyPatternDoesNotAlarmButALossDoes) {
    for (int hour = 0; hour < 7 * 24; hour += 5) {
        const Moment now = kNow + hour * kHour;
        const CheckContext context = History(now, 32, WeekShape);
        EXPECT_EQ(JudgeCount(context, WeekShape(now)).status, CheckStatus::kOk) << hour;
        const CheckResult loss = JudgeCount(context, 0.58 * WeekShape(now));
        EXPECT_EQ(loss.status, CheckStatus::kBad) << hour;
        EXPECT_GE(loss.ratio, 1.5) << hour;
    }
}

TEST(Volume, GrowthDoesNotAlarm) {
    const auto growing = [](Moment moment) {
        return 100000 + 20.0 * static_cast<double>(moment / kHour - kNow / kHour + 2000) +
               Unrest(moment) / 10;
    };
    EXPECT_EQ(JudgeCount(History(kNow, 30, growing), growing(kNow)).status, CheckStatus::kOk);
}

// A table that only grows: what came in a day is compared, not the number of all rows.
TEST(Volume, OfAGrowingTableJudgesNewRows) {
    struct Case {
        int64_t every;
        double per_day, today;
        CheckStatus status;
    };
    const Case cases[] = {{kDay, 1000, 10000, CheckStatus::kBad}, {kDay, 1000, 300, CheckStatus::kBad},
                          {kDay, 1000, 0, CheckStatus::kBad},     {kDay, 1000, 950, CheckStatus::kOk},
                          {kDay, 4, 1, CheckStatus::kOk},         {kHour, 240, 2600, CheckStatus::kBad},
                          {kHour, 240, 90, CheckStatus::kBad},    {kHour, 240, 250, CheckStatus::kOk}};
    for (const Case& one : cases) {
        CheckContext context = At(kNow);
        context.every = one.every;
        context.state = {{"had_rows", true}};
        const double per_step = one.per_day * static_cast<double>(one.every) / static_cast<double>(kDay);
        double total = 500000;
        for (Moment at = kNow - 35 * kDay; at < kNow; at += one.every) {
            total += per_step * (0.95 + 0.1 * Unrest(at) / 97);
            context.history.push_back({at, std::round(total)});
        }
        const double yesterday =
            context.history[context.history.size() - static_cast<size_t>(kDay / one.every)].observed;
        const CheckResult result = JudgeCount(context, yesterday + one.today);
        EXPECT_EQ(result.status, one.status) << one.per_day << ": " << result.message;
        EXPECT_EQ(result.details["new_rows"], one.today) << result.message;
    }
}

// Until the weekly pattern is known, a weekend is no loss; a flood is one at once.
TEST(Volume, OfAYoungGrowingTable) {
    for (const int64_t every : {kDay, 6 * kHour, kHour}) {
        const double steps = static_cast<double>(every) / static_cast<double>(kDay);
        CheckContext context = At(8003 * kDay);
        context.every = every;
        context.state = {{"had_rows", true}};
        double total = 50000;
        for (; context.now < 8045 * kDay; context.now += every) {
            total += steps * (OnWorkingDays(context.now - every) ? 3000 + Unrest(context.now) : 150);
            EXPECT_NE(JudgeCount(context, std::round(total)).status, CheckStatus::kBad)
                << every / kHour << " h, " << (context.now / kDay - 8003)
                << " days: " << JudgeCount(context, std::round(total)).message;
            context.history.push_back({context.now, std::round(total)});
            if (context.now >= 8014 * kDay && context.now < 8014 * kDay + every) {
                EXPECT_GE(JudgeCount(context, total + 40000).ratio, kFar) << every / kHour;
            }
        }
    }
}

// A table that is loaded once a day, checked every hour: a load that is an hour late or early is no loss and
// no flood, one that does not come is a loss.
TEST(Volume, OfADailyLoadMayBeLate) {
    const Moment load = kNow - kNow % kDay + 6 * kHour;  // today's, when it is on time
    const auto judge = [&](int64_t after, int64_t late) {
        const auto total = [&](Moment at) {
            const int64_t loads =
                at < load - 12 * kHour ? (at - load + 500 * kDay) / kDay : 499 + (at >= load + late);
            return 700000 + 900.0 * static_cast<double>(loads);
        };
        CheckContext context = At(load + after);
        context.every = kHour;
        context.state = {{"had_rows", true}};
        for (int hour = 1; hour < 24 * 34; ++hour)
            context.history.push_back({context.now - hour * kHour, total(context.now - hour * kHour)});
        return JudgeCount(context, total(context.now));
    };
    EXPECT_EQ(judge(30 * kMinute, 70 * kMinute).status, CheckStatus::kOk);
    EXPECT_EQ(judge(90 * kMinute, 100 * kMinute).status, CheckStatus::kOk);
    EXPECT_EQ(judge(-30 * kMinute, -kHour).status, CheckStatus::kOk);
    EXPECT_EQ(judge(4 * kHour, kDay).status, CheckStatus::kBad);
    EXPECT_EQ(judge(4 * kHour, kHour).status, CheckStatus::kOk);
}

// The day after a flood is judged by what it brings, and the flood is no part of what is usual.
TEST(Volume, AfterAFlood) {
    CheckContext context = At(kNow);
    context.every = kDay;
    double total = 90000;
    for (int day = 30; day >= 1; --day) {
        total += day == 1 ? 25000 : 2000 + day;
        context.history.push_back({kNow - day * kDay, total, day != 1});
    }
    EXPECT_EQ(JudgeCount(context, total + 2010).status, CheckStatus::kOk);
    const CheckResult result = JudgeCount(context, total + 600);
    EXPECT_EQ(result.status, CheckStatus::kBad);
    EXPECT_NE(result.message.find("600 of them new in 1 d, 70"), std::string::npos) << result.message;
}

TEST(Volume, DetectsNoChange) {
    const auto stopped = [](Moment moment) {
        return 50000 + 10.0 * static_cast<double>(std::min(moment, kNow - 12 * kHour) / kHour % 100000);
    };
    const CheckContext context = History(kNow, 20, stopped);
    const CheckResult result = JudgeCount(context, stopped(kNow));
    EXPECT_EQ(result.status, CheckStatus::kBad);
    EXPECT_NE(result.message.find("has not changed for"), std::string::npos) << result.message;
}

TEST(Volume, EmptyIsCritical) {
    const CheckResult result = JudgeCount(History(kNow, 0, WeekShape), 0);
    EXPECT_EQ(result.status, CheckStatus::kBad);
    EXPECT_EQ(result.severity, drift::Severity::kCritical);
}

TEST(Rows, SamplingErrorIsTolerated) {
    const Check check = Parsed(R"({"type": "null_rate", "column": "a", "max": 0.01})");
    CheckMeasurement m;
    m.of = m.rows = 10000;
    m.bad = 120;
    m.sampled = 0.1;
    m.error = 0.002;
    EXPECT_EQ(EvaluateCheck(check, m, At(kNow)).status, CheckStatus::kOk);
    m.error = 0.0005;
    EXPECT_EQ(EvaluateCheck(check, m, At(kNow)).status, CheckStatus::kBad);
    m.of = m.rows = m.bad = 0;  // no rows at all
    EXPECT_EQ(EvaluateCheck(check, m, At(kNow)).status, CheckStatus::kOk);
}

// Bad rows are clustered in pages: the error of page sampling covers the true value, that of row sampling
// would not.
TEST(Sample, PageSamplingErrorCoversTheTruth) {
    std::mt19937 random(11);
    constexpr int kPages = 4000, kRows = 50;
    std::vector<double> bad(kPages);
    double truth = 0;
    std::bernoulli_distribution dirty(0.1);
    for (double& page : bad) truth += page = dirty(random) ? 40 : 0;
    truth /= kPages * kRows;
    std::bernoulli_distribution drawn(0.05);
    int covered = 0;
    for (int round = 0; round < 500; ++round) {
        double m = 0, n = 0, nn = 0, x = 0, xx = 0, xn = 0;
        for (const double page : bad) {
            if (!drawn(random)) continue;
            m += 1;
            n += kRows;
            nn += kRows * kRows;
            x += page;
            xx += page * page;
            xn += page * kRows;
        }
        covered += std::abs(x / n - truth) <= 2 * RatioError(m, n, nn, x, xx, xn, 0.05);
    }
    EXPECT_GT(covered, 460);  // 95 % of 500, less chance
    EXPECT_EQ(RatioError(0, 0, 0, 0, 0, 0, 0.1), 0);
    EXPECT_EQ(RatioError(1, 5, 25, 1, 1, 5, 0.1), 0);
}

Json Column(int number, const char* name, const char* type, bool not_null = false) {
    return {{"number", number}, {"name", name}, {"type", type}, {"not_null", not_null}, {"default", ""}};
}

TEST(Schema, Message) {
    const Json before = {Column(1, "id", "integer", true), Column(2, "kind", "text"),
                         Column(3, "amount", "integer")};
    const Json after = {Column(1, "id", "bigint", true), Column(2, "type", "text"),
                        Column(4, "extra", "date")};
    const SchemaChange change = CompareSchemas(before, after);
    EXPECT_EQ(change.severity, drift::Severity::kHigh);
    EXPECT_EQ(change.sentences,
              (std::vector<std::string>{"column id changed its type from integer to bigint",
                                        "column kind was renamed to type", "column amount was removed",
                                        "column extra (date) was added"}));
    EXPECT_TRUE(CompareSchemas(before, before).sentences.empty());
    // Recreated with other column numbers: the same columns.
    EXPECT_TRUE(CompareSchemas(before, {Column(4, "id", "integer", true), Column(5, "kind", "text"),
                                        Column(6, "amount", "integer")})
                    .sentences.empty());
}

TEST(Plans, FindSequentialScans) {
    const PlanSummary reading =
        SummarizePlan(R"([{"Plan": {"Node Type": "Aggregate", "Total Cost": 12.5, "Plans": [
        {"Node Type": "Seq Scan", "Relation Name": "orders", "Schema": "app", "Plan Rows": 5},
        {"Node Type": "Sample Scan", "Relation Name": "big", "Schema": "app", "Plan Rows": 5}]}}])");
    EXPECT_EQ(reading.cost, 12.5);
    EXPECT_EQ(reading.scanned, std::vector<std::string>{"\"app\".\"orders\""});
    EXPECT_THROW(SummarizePlan("{}"), UserError);
    EXPECT_THROW(SummarizePlan("not json"), UserError);
}

TEST(Suggestions, FollowTheStatistics) {
    TableFacts facts;
    facts.relation = "app.orders";
    facts.rows = 1000;
    facts.columns.resize(3);
    facts.columns[0] = {1, "id", "bigint", "bigint", true, "", 0.0, -1.0, 1.0, {}};
    facts.columns[1] = {2, "status", "text", "text", false, "", 0.001, 2.0, 0.3, {"paid", "new"}};
    facts.columns[2] = {3,
                        "created_at",
                        "timestamp with time zone",
                        "timestamp with time zone",
                        true,
                        "now()",
                        0.0,
                        -1.0,
                        0.99,
                        {}};
    facts.indexes.push_back({"orders_pkey", {"id"}, true, true, true, true});
    std::vector<std::string> types;
    for (const Suggestion& suggestion : Suggest(facts, {})) {
        types.push_back(suggestion.check.at("type"));
        EXPECT_FALSE(suggestion.reason.empty());
        EXPECT_NO_THROW(ParseCheck(suggestion.check, 1));
    }
    EXPECT_EQ(types,
              (std::vector<std::string>{"freshness", "volume", "schema", "null_rate", "accepted_values"}));
    facts.rows = 1e9;  // without an index nothing finds the newest row of a huge table cheaply
    EXPECT_EQ(Suggest(facts, {}).front().check.at("type"), "volume");
}

}  // namespace
}  // namespace pulse::health
