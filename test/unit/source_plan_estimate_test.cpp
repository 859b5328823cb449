#include "pulse/base/error.hpp"
#include "pulse/source/local.hpp"

#include <gtest/gtest.h>

namespace pulse::source {
namespace {

TEST(SourcePlan, ReadsCostAndRows) {
    const PlanEstimate plan =
        ReadPlan(R"([{"Plan": {"Node Type": "Index Scan", "Total Cost": 12.5, "Plan Rows": 3}}])");
    EXPECT_EQ(plan.cost, 12.5);
    EXPECT_EQ(plan.rows, 3);
    EXPECT_FALSE(plan.reads_whole_relation);
}

TEST(SourcePlan, FindsASequentialScanBelowAggregates) {
    EXPECT_TRUE(ReadPlan(R"([{"Plan": {"Node Type": "Seq Scan"}}])").reads_whole_relation);
    EXPECT_TRUE(ReadPlan(R"([{"Plan": {"Node Type": "Aggregate", "Plans": [{"Node Type": "Gather", "Plans": [
        {"Node Type": "Aggregate", "Plans": [{"Node Type": "Seq Scan", "Parallel Aware": true}]}]}]}}])")
                    .reads_whole_relation);
}

TEST(SourcePlan, IgnoresSubSelectsOfExpressions) {
    EXPECT_TRUE(ReadPlan(R"([{"Plan": {"Node Type": "Aggregate", "Plans": [
        {"Node Type": "Index Scan", "Parent Relationship": "InitPlan"},
        {"Node Type": "Seq Scan", "Parent Relationship": "Outer"}]}}])")
                    .reads_whole_relation);
    EXPECT_FALSE(ReadPlan(R"([{"Plan": {"Node Type": "Index Scan", "Plans": [
        {"Node Type": "Seq Scan", "Parent Relationship": "SubPlan"}]}}])")
                     .reads_whole_relation);
}

TEST(SourcePlan, AJoinIsNotOneRelation) {
    EXPECT_FALSE(ReadPlan(R"([{"Plan": {"Node Type": "Hash Join", "Plans": [
        {"Node Type": "Seq Scan"}, {"Node Type": "Hash", "Plans": [{"Node Type": "Seq Scan"}]}]}}])")
                     .reads_whole_relation);
    EXPECT_FALSE(ReadPlan(R"([{"Plan": {"Node Type": "Limit", "Plans": [{"Node Type": "Seq Scan"}]}}])")
                     .reads_whole_relation);
}

TEST(SourcePlan, RejectsOtherJson) {
    for (const char* text : {"", "{}", "[]", "[1]", "[{\"Plan\"", "[{\"Query\": 1}]", "[{\"Plan\": 5}]"})
        EXPECT_THROW(ReadPlan(text), UserError) << text;
}

}  // namespace
}  // namespace pulse::source
