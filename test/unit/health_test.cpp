// The pure parts of table health: messages of checks, sampling errors, schemas, plans, suggestions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "health_testing.hpp"
#include "pulse/base/duration.hpp"
#include "pulse/health/suggest.hpp"

namespace pulse::health {
namespace {

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
