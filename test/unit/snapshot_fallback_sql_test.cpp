// What is measured in plain SQL: the pure half. That PostgreSQL computes the same as the aggregate is proven
// in test/bridge/sql/snapshot_plain.sql.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>

#include "pulse/snapshot/source_circuit_breaker.hpp"
#include "pulse/snapshot/measurement.hpp"
#include "pulse/snapshot/fallback_sql.hpp"

namespace pulse::snapshot {
namespace {

using segment::AttributeKind;

// As var_pop() and avg() sum up one bucket.
BucketSummary SummaryOf(const std::vector<double>& values) {
    BucketSummary summary{static_cast<int64_t>(values.size()), values[0], values[0], 0.0, 0.0};
    long double sum = 0, squares = 0;
    for (const double value : values) {
        summary.lowest = std::min(summary.lowest, value);
        summary.highest = std::max(summary.highest, value);
        sum += value;
    }
    const long double mean = sum / static_cast<long double>(values.size());
    for (const double value : values) squares += (value - mean) * (value - mean);
    summary.mean = static_cast<double>(mean);
    summary.variance = static_cast<double>(squares / static_cast<long double>(values.size()));
    return summary;
}

NumberBuckets BySummaries(const std::vector<double>& values) {
    std::map<uint32_t, std::vector<double>> by_bucket;
    for (const double value : values) by_bucket[BucketOf(value)].push_back(value);
    NumberBuckets buckets;
    for (const auto& [bucket, its] : by_bucket) buckets.AddSummary(SummaryOf(its));
    return buckets;
}

void ExpectTheSame(const std::vector<double>& values) {
    NumberBuckets exact;
    for (const double value : values) exact.Add(value);
    const NumberBuckets summed = BySummaries(values);
    const Moments a = exact.Summary(), b = summed.Summary();
    EXPECT_EQ(a.count, b.count);
    EXPECT_EQ(a.minimum, b.minimum);
    EXPECT_EQ(a.maximum, b.maximum);
    EXPECT_NEAR(*a.mean, *b.mean, std::abs(*a.mean) * 1e-13);
    ASSERT_EQ(a.stddev.has_value(), b.stddev.has_value());
    EXPECT_NEAR(a.stddev.value_or(0), b.stddev.value_or(0),
                a.stddev.value_or(0) * 1e-12 + std::abs(*a.mean) * 1e-15);
    EXPECT_EQ(exact.Quantiles(kQuantileLevels, std::size(kQuantileLevels)),
              summed.Quantiles(kQuantileLevels, std::size(kQuantileLevels)));
    EXPECT_EQ(exact.ChooseEdges(), summed.ChooseEdges());
    EXPECT_EQ(exact.CountBetween(exact.ChooseEdges()), summed.CountBetween(summed.ChooseEdges()));
}

TEST(SnapshotFallbackSql, BucketSummariesEqualTheirValues) {
    std::mt19937_64 random(1);
    std::normal_distribution<double> normal(0, 1000);
    std::vector<double> values;
    for (int i = 0; i < 20'000; ++i) values.push_back(normal(random));
    ExpectTheSame(values);
    ExpectTheSame({1, 1, 1, 2, 2, 5});
    ExpectTheSame({-1, -1, -2, -0.0, 0.0, 0.5, -1.01, -1.99});
    ExpectTheSame({42});
    ExpectTheSame({1.0, std::nextafter(1.0, 2.0)});
    ExpectTheSame({5e-324, 5e-324, -5e-324});
    ExpectTheSame({1e300, 1e300, -1e300});
}

TEST(SnapshotFallbackSql, NumbersTooLargeForSquaresKeepTheirExtremes) {
    const double low = BorderOf(BucketOf(1e200)), high = low * 1.005;
    NumberBuckets buckets;
    buckets.AddSummary({10, low, high, std::nullopt, std::nullopt});
    const Moments moments = buckets.Summary();
    EXPECT_EQ(moments.minimum, low);
    EXPECT_EQ(moments.maximum, high);
    EXPECT_NEAR(*moments.mean / low, 1.0025, 1e-12);
    EXPECT_NEAR(*moments.stddev / low, 0.005 / std::sqrt(12) * std::sqrt(10.0 / 9), 1e-9);
}

TEST(SnapshotFallbackSql, ImpossibleSummariesAreRefused) {
    const double nan = std::numeric_limits<double>::quiet_NaN(),
                 infinity = std::numeric_limits<double>::infinity();
    for (const BucketSummary& summary :
         {BucketSummary{0, 1, 1, 1, 0}, BucketSummary{2, 1, 3, 2, 1}, BucketSummary{2, 1.01, 1, 1, 0},
          BucketSummary{1, nan, nan, nan, 0}, BucketSummary{1, infinity, infinity, infinity, 0}}) {
        NumberBuckets buckets;
        EXPECT_THROW(buckets.AddSummary(summary), UserError);
    }
}

TEST(SnapshotFallbackSql, ThetaKeepsAboutTheWantedNumber) {
    EXPECT_EQ(ThetaFor(0, 128), Sketch::kEverything);
    EXPECT_EQ(ThetaFor(128, 128), Sketch::kEverything);
    EXPECT_EQ(ThetaFor(256, 128), uint64_t{1} << 63);
    EXPECT_NEAR(static_cast<double>(ThetaFor(1e12, 131072)), 131072 / 1e12 * 0x1p64, 1e4);
}

segment::MemberQuery Query() {
    segment::MemberQuery query;
    query.kind = segment::SegmentKind::kRelation;
    query.from = "app.users AS s";
    query.key = "s.id";
    query.attributes = {{"plan", AttributeKind::kCategorical, "s.plan::text"},
                        {"ltv", AttributeKind::kNumeric, "s.ltv::double precision"}};
    return query;
}

MeasureSpec SpecOf(uint32_t sketch_size, size_t max_values) {
    MeasureSpec spec;
    spec.now_sql = "'2016-01-01 00:00:00+00'::timestamptz";
    spec.sketch_size = sketch_size;
    spec.max_values = max_values;
    return spec;
}

Distribution DistributionOf(const ScanResult& result, size_t attribute) {
    return MakeDistribution(result.columns.at(attribute), Query().attributes.at(attribute).name, result.size,
                            SpecOf(64, 2).max_values, nullptr);
}

TEST(SnapshotFallbackSql, ReadsGroups) {
    source::Rows rows;
    // part, value, members, different, lowest, highest, mean, variance
    const auto none = std::nullopt;
    rows.values = {{"-2", "3", "7", none, none, none, none, none},
                   {"-2", "6", "2", none, none, none, none, none},
                   {"-2", "0", "1", none, none, none, none, none},
                   {"-1", "{-9223372036854775808,5}", none, none, none, none, none, none},
                   {"0", "b", "1", "3", none, none, none, none},
                   {"0", "a", "2", "3", none, none, none, none},
                   {"0", none, "2", "3", none, none, none, none},
                   {"0", "pro", "5", "3", none, none, none, none},
                   {"1", "262112", "1", "0", "NaN", "NaN", none, none},
                   {"1", "262080", "1", "0", "Infinity", "Infinity", none, none},
                   {"1", "0", "1", "0", "-Infinity", "-Infinity", none, none},
                   {"1", "1000321", "3", "0", "2", "2", "2", "0"},
                   {"1", std::to_string(BucketOf(-2)), "1", "0", "-2", "-2", "-2", "0"},
                   {"1", none, "3", "0", none, none, none, none}};
    const ScanResult result = ReadFallback({rows}, Query(), SpecOf(64, 2));
    EXPECT_EQ(result.size, 10);
    EXPECT_EQ(result.converted, 7);
    EXPECT_EQ(result.inactive, 9);
    EXPECT_EQ(result.null_keys, 2);
    EXPECT_EQ(result.members.hashes, (std::vector<uint64_t>{0, (uint64_t{1} << 63) + 5}));
    const Distribution plan = DistributionOf(result, 0);
    EXPECT_EQ(plan.labels, (std::vector<std::string>{"pro", "a"}));
    EXPECT_EQ(plan.counts, (std::vector<int64_t>{5, 2}));
    EXPECT_EQ(plan.nulls, 2);
    EXPECT_EQ(plan.other, 1);
    EXPECT_EQ(plan.distinct_values, 3);
    const Distribution ltv = DistributionOf(result, 1);
    EXPECT_EQ(ltv.nulls, 3);
    EXPECT_EQ(ltv.nans, 1);
    EXPECT_EQ(ltv.other, 0);
    EXPECT_EQ(ltv.mean, 1);
    EXPECT_EQ(std::accumulate(ltv.counts.begin(), ltv.counts.end(), int64_t{0}), 6);
}

TEST(SnapshotFallbackSql, OfSeveralServersRareValuesTravelToo) {
    MeasureSpec spec = SpecOf(64, 2);
    const auto sql = [&] {
        return FallbackSql(Query(), spec, Sketch::kEverything, PlanFallbackScans(Query(), {4, 0}, false)[0]);
    };
    EXPECT_NE(sql().find("l.place <= 3"), std::string::npos);
    spec.several = true;
    EXPECT_NE(sql().find("l.place <= 8192"), std::string::npos);
    // One value did not fit: it has as many members as the rarest one at most.
    const std::optional<std::string> none;
    source::Rows rows;
    rows.values = {{"-2", "0", "12", "0", none, none, none, none},
                   {"0", "pro", "7", "3", none, none, none, none},
                   {"0", "a", "3", "3", none, none, none, none}};
    const ScanResult result = ReadFallback({rows}, Query(), spec);
    const auto& values = std::get<ValueCounts>(result.columns[0].values);
    EXPECT_EQ(values.uncertainty(), 3);
    EXPECT_EQ(values.Distinct(), 3);
}

TEST(SnapshotFallbackSql, ManyNumericAttributesTakeMoreScans) {
    segment::MemberQuery query = Query();
    ASSERT_EQ(PlanFallbackScans(query, {4, 0}, false).size(), 2u);
    for (int i = 0; i < 4; ++i)
        query.attributes.push_back(
            {"n" + std::to_string(i), AttributeKind::kNumeric, "s.n::double precision"});
    const std::vector<FallbackScan> scans = PlanFallbackScans(query, {4, 0, 0, 0, 0, 0}, false);
    ASSERT_EQ(scans.size(), 3u);
    EXPECT_TRUE(scans[0].members);
    EXPECT_EQ(scans[0].labels[0].attributes, std::vector<size_t>{0});
    EXPECT_FALSE(scans[1].members);
    EXPECT_EQ(scans[1].numbers, (std::vector<size_t>{1, 2, 3, 4}));
    EXPECT_EQ(scans[2].numbers, std::vector<size_t>{5});
    EXPECT_EQ(PlanFallbackScans(query, {4, 0, 0, 0, 0, 0}, true).size(), 7u);
}

TEST(SnapshotFallbackSql, FewLabelsAreGroupedTogether) {
    segment::MemberQuery query = Query();
    query.attributes = {};
    for (const char* name : {"a", "b", "c", "d"})
        query.attributes.push_back({name, AttributeKind::kCategorical, std::string("s.") + name});
    const auto scans = PlanFallbackScans(query, {10, 50'000, 100, 50}, false);
    ASSERT_EQ(scans.size(), 1u);
    ASSERT_EQ(scans[0].labels.size(), 3u);
    EXPECT_EQ(scans[0].labels[0].attributes, (std::vector<size_t>{0, 2}));
    EXPECT_TRUE(scans[0].labels[0].few);
    EXPECT_EQ(scans[0].labels[1].attributes, std::vector<size_t>{1});
    EXPECT_FALSE(scans[0].labels[1].few);
    EXPECT_TRUE(scans[0].labels[2].few);
    const auto has = [&](const FallbackScan& scan, const char* text) {
        return FallbackSql(query, SpecOf(64, 2), Sketch::kEverything, scan).find(text) != std::string::npos;
    };
    EXPECT_TRUE(has(scans[0], "GROUPING SETS"));
    // Citus refuses grouping sets: each attribute has a scan of its own.
    const auto apart = PlanFallbackScans(query, {0, 0, 0, 0}, true);
    ASSERT_EQ(apart.size(), 5u);
    for (const FallbackScan& scan : apart) {
        EXPECT_FALSE(has(scan, "GROUPING"));
        EXPECT_FALSE(has(scan, "OFFSET"));
    }
}

TEST(SnapshotFallbackSql, NoRowsAreAnEmptySegment) {
    const ScanResult result = ReadFallback({}, Query(), SpecOf(64, 2));
    EXPECT_EQ(result.size, 0);
    EXPECT_TRUE(result.members.exact());
    EXPECT_EQ(DistributionOf(result, 0).distinct_values, 0);
    EXPECT_EQ(DistributionOf(result, 1).counts, std::vector<int64_t>{0});
}

TEST(SnapshotFallbackSql, ASketchBelowCapacityIsIncomplete) {
    ScanResult result;
    result.members.k = 64;
    result.members.hashes = {1, 2, 3};
    EXPECT_FALSE(FallbackSketchIsComplete(result, uint64_t{1} << 40));
    EXPECT_TRUE(FallbackSketchIsComplete(result, Sketch::kEverything));
    result.members.theta = 4;  // more than k had come
    EXPECT_TRUE(FallbackSketchIsComplete(result, uint64_t{1} << 40));
}

TEST(SourceCircuitBreaker, OpensAfterThreeFailuresOrWhenUnreachable) {
    SourceCircuitBreaker breaker;
    for (int i = 0; i < 2; ++i) breaker.RecordFailure("crm", "too busy", false);
    EXPECT_FALSE(breaker.OpenReason("crm"));
    breaker.RecordSuccess("crm");
    for (int i = 0; i < 2; ++i) breaker.RecordFailure("crm", "too busy", false);
    EXPECT_FALSE(breaker.OpenReason("crm"));
    breaker.RecordFailure("crm", "lags", false);
    EXPECT_EQ(breaker.OpenReason("crm"), "not tried again in this run: lags");
    EXPECT_FALSE(breaker.OpenReason("shop"));
    breaker.RecordFailure("shop", "connection refused", true);
    EXPECT_EQ(breaker.OpenReason("shop"), "not tried again in this run: connection refused");
}

}  // namespace
}  // namespace pulse::snapshot
