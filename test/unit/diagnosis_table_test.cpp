#include <gtest/gtest.h>

#include "diagnosis_testing.hpp"
#include "pulse/diagnosis/table.hpp"

namespace pulse::diagnosis {
namespace {

// Late since `since`; the newest row came `silent` earlier.
TableDiagnosisInput Late(Moment since, int64_t silent) {
    TableDiagnosisInput input;
    input.incident = 3;
    input.relation = "mill.orders";
    input.detector = "table_freshness";
    input.severity = "high";
    input.status = "open";
    input.summary = "mill.orders has had no new row for 5 hours";
    input.since = since;
    input.opened_at = since + 10 * kMinute;
    input.last_seen_at = since + kHour;
    input.newest_row = since - silent;
    input.late_at = since;
    input.column = "created_at";
    input.tables_of_source = 4;
    return input;
}

ConcurrentIncident OtherLate(Moment since, int64_t silent) {
    ConcurrentIncident other;
    other.incident = 4;
    other.relation = "mill.refunds";
    other.detector = "table_freshness";
    other.since = since;
    other.same_source = true;
    other.newest_row = since - silent;
    other.late_at = since;
    return other;
}

TEST(DiagnosisTable, LoadsStoppedTogetherOnlyWhenTheirTimesOverlap) {
    TableDiagnosisInput input = Late(kDayOne, 2 * kHour);
    // A table with a longer limit, late an hour later, whose newest row is as old.
    input.concurrent = {OtherLate(kDayOne + kHour, 3 * kHour)};
    const Diagnosis together = DiagnoseTable(input);
    EXPECT_EQ(together.hypotheses[0].cause, Cause::kSourceLate);
    EXPECT_EQ(together.related, std::vector<int64_t>{4});
    // Rows came there for three more hours after this one was late.
    input.concurrent = {OtherLate(kDayOne + 4 * kHour, kHour)};
    const Diagnosis apart = DiagnoseTable(input);
    EXPECT_EQ(apart.hypotheses[0].cause, Cause::kLoadStopped);
    EXPECT_TRUE(apart.related.empty());
}

TEST(DiagnosisTable, SegmentsThatItExplainsAreOneGroup) {
    TableDiagnosisInput input = Late(kDayOne, 2 * kHour);
    ConcurrentIncident segment;
    segment.incident = 8;
    segment.segment = "Trial Users";
    segment.detector = "size_change";
    input.concurrent = {segment};
    EXPECT_TRUE(DiagnoseTable(input).related.empty());
    input.concurrent[0].explained = true;
    EXPECT_EQ(DiagnoseTable(input).related, std::vector<int64_t>{8});
    EXPECT_EQ(DiagnoseTable(input).shared_cause, "table mill.orders");
    input.source = "crm";
    EXPECT_EQ(DiagnoseTable(input).shared_cause, "table mill.orders of server crm");

    const nlohmann::json definition{
        {"from", "mill.orders"}, {"where", "plan = \"pro\""}, {"converted", "paid"}};
    const auto explains = [&](const char* table, const char* columns, bool after, const char* detector,
                              const char* attribute) {
        return ExplainsSegment(table, columns, after, definition, detector, attribute);
    };
    EXPECT_TRUE(explains("table_null_rate", "plan", true, "size_change", ""));
    EXPECT_FALSE(explains("table_null_rate", "plan", false, "size_change", ""));
    EXPECT_FALSE(explains("table_null_rate", "paid", true, "size_change", ""));
    EXPECT_TRUE(explains("table_null_rate", "paid", true, "conversion_anomaly", ""));
    EXPECT_TRUE(explains("table_null_rate", "paid", true, "expected_range", "conversion_rate"));
    EXPECT_TRUE(explains("table_null_rate", "country", true, "null_spike", "country"));
    EXPECT_FALSE(explains("table_null_rate", "size", true, "expected_range", "size"));
    EXPECT_FALSE(explains("table_replication_lag", "", true, "size_change", ""));
}

TEST(DiagnosisTable, ALaterChangeOfColumnsIsNoCause) {
    for (const int64_t after : {-kMinute, kMinute}) {
        TableDiagnosisInput input = Late(kDayOne, 2 * kHour);
        ConcurrentIncident schema;
        schema.incident = 9;
        schema.detector = "table_schema";
        schema.summary = "column amount of mill.orders was dropped";
        schema.since = kDayOne + after;
        schema.same_table = true;
        input.concurrent = {schema};
        EXPECT_EQ(Find(DiagnoseTable(input), Cause::kColumnsChanged).has_value(), after < 0);
    }
}

TEST(DiagnosisTable, AClearedTableLostItsRowsAtOnce) {
    for (const double left : {0.0, 90.0, 1800.0}) {
        TableDiagnosisInput input = Late(kDayOne, 2 * kHour);
        input.detector = "table_volume";
        input.direction = "down";
        input.baseline = 2000;
        input.observed = left;
        input.concurrent = {OtherLate(kDayOne, kHour)};
        input.concurrent[0].same_table = true;
        const Hypothesis best = DiagnoseTable(input).hypotheses[0];
        EXPECT_EQ(best.cause, left < 1000 ? Cause::kRowsRemoved : Cause::kLoadStopped) << left;
        EXPECT_EQ(Says(best.sentence, "was cleared"), left == 0);
    }
}

TEST(DiagnosisTable, NothingReadsATableThatIsGone) {
    for (const char* detector : {"table_freshness", "table_volume", "table_null_rate", "table_schema"}) {
        TableDiagnosisInput input = Late(kDayOne, 2 * kHour);
        input.detector = detector;
        input.failing = input.gone = true;
        input.lookalikes = {"mill.\"orders 2\""};
        const Diagnosis found = DiagnoseTable(input);
        EXPECT_EQ(found.hypotheses[0].cause, Cause::kTableGone);
        for (const Recommendation& advice : found.recommendations)
            EXPECT_FALSE(Says(advice.sql, "FROM")) << advice.sql;
        EXPECT_TRUE(Advice(found, "pulse_monitor_table('mill.\"orders 2\"')"));
        EXPECT_TRUE(Advice(found, "pulse_unmonitor_table('mill.orders')"));
    }
}

}  // namespace
}  // namespace pulse::diagnosis
