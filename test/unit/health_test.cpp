// The pure parts of table health: messages of checks, arrival patterns, evaluation of results, sampling
// errors.
#include <gtest/gtest.h>

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

// Ages at every checked moment, from a function that gives the seconds since the newest row.
std::vector<PastAge> Phases(Moment now, double (*age)(Moment)) {
    std::vector<PastAge> past_ages;
    const std::vector<Moment> moments = PastMoments(now);
    const std::vector<int> weeks = PastWeeks();
    for (size_t i = 0; i < moments.size(); ++i) past_ages.push_back({weeks[i], age(moments[i])});
    return past_ages;
}

TEST(ArrivalPattern, NeedsTwoWeeks) {
    const auto past_ages = Phases(kNow, [](Moment) { return 60.0; });
    EXPECT_FALSE(LearnArrivalPattern(past_ages, 10.0 * 86400, 60).known);
    EXPECT_TRUE(LearnArrivalPattern(past_ages, 30.0 * 86400, 60).known);
    EXPECT_FALSE(LearnArrivalPattern({}, std::nullopt, std::nullopt).known);
}

TEST(ArrivalPattern, OfADailyLoadIsSeenWithinHours) {
    // Loaded at 06:00: at 10:00 the newest row is four hours old.
    const auto age = [](Moment moment) {
        return static_cast<double>((moment % kDay + kDay - 6 * kHour) % kDay) / kSecond;
    };
    const ArrivalPattern pattern =
        LearnArrivalPattern(Phases(8800 * kDay + 10 * kHour, age), 60.0 * 86400, 86400);
    EXPECT_GT(pattern.limit, 5 * 3600.0);
    EXPECT_LT(pattern.limit, 8 * 3600.0);  // yesterday's rows would be 28 hours old
    // Before the load, yesterday's rows are as old as ever.
    EXPECT_GT(LearnArrivalPattern(Phases(8800 * kDay + 5 * kHour, age), 60.0 * 86400, 86400).limit,
              23 * 3600.0);
}

TEST(ArrivalPattern, OneWeekOfOutageDoesNotWidenIt) {
    std::vector<PastAge> past_ages = Phases(kNow, [](Moment) { return 120.0; });
    for (PastAge& past_age : past_ages)
        if (past_age.week == 2) past_age.age = 5 * 86400.0;
    EXPECT_LT(LearnArrivalPattern(past_ages, 60.0 * 86400, 240).limit, 3600.0);
}

TEST(ArrivalPattern, RandomArrivalsRarelyAlarm) {
    std::mt19937 random(7);
    std::exponential_distribution<double> age(1.0 / 240);
    int alarms = 0;
    for (int round = 0; round < 2000; ++round) {
        std::vector<PastAge> past_ages = Phases(kNow, [](Moment) { return 0.0; });
        for (PastAge& past_age : past_ages) past_age.age = age(random);
        alarms += age(random) > LearnArrivalPattern(past_ages, 60.0 * 86400, 170).limit;
    }
    EXPECT_LT(alarms, 10);  // of 2,000 checks; an incident needs two in a row
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
