// How many rows a table should have: learnt from its results, and empty tables.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "health_testing.hpp"

namespace pulse::health {
namespace {

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

}  // namespace
}  // namespace pulse::health
