// Measurements of several servers: whatever the split, they are merged into that of one server with all the
// rows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "pulse/snapshot/merge.hpp"

namespace pulse::snapshot {
namespace {

using segment::AttributeKind;

struct Member {
    uint64_t hash;
    bool converted, inactive;
    std::string plan;  // empty: null
    double ltv;        // negative: null
};

std::vector<Member> RandomMembers(std::mt19937_64& random, size_t count) {
    std::vector<Member> members;
    std::lognormal_distribution<double> money(3, 2);
    for (size_t i = 0; i < count; ++i)
        members.push_back({random(), random() % 3 == 0, random() % 5 == 0,
                           random() % 7 == 0 ? "" : "plan " + std::to_string(random() % 12),
                           random() % 11 == 0 ? -1 : money(random)});
    return members;
}

MeasureSpec SpecOfMerge(uint32_t sketch_size = 64) {
    MeasureSpec spec;
    spec.sketch_size = sketch_size;
    spec.max_values = 5;
    spec.several = true;
    return spec;
}

ServerMeasurement Measured(const std::string& source, const std::vector<Member>& members,
                           const MeasureSpec& spec) {
    ServerMeasurement part;
    part.source = source;
    part.attributes = {"plan", "ltv"};
    part.has_converted = part.has_active = true;
    part.columns = {{"id", "bigint", "bigint", false}, {"plan", "text", "text", false}};
    SketchBuilder keys(spec.sketch_size);
    ColumnCounts plans(AttributeKind::kCategorical), ltvs(AttributeKind::kNumeric);
    ClauseCounts clauses{{"ltv > 10"}, {0}, {0}, 0, 0};
    for (const Member& member : members) {
        ++part.scan.size;
        part.scan.converted += member.converted;
        part.scan.inactive += member.inactive;
        keys.Add(member.hash);
        if (member.plan.empty())
            ++plans.nulls;
        else
            std::get<ValueCounts>(plans.values).Add(member.plan);
        if (member.ltv < 0)
            ++ltvs.nulls;
        else
            std::get<NumberBuckets>(ltvs.values).Add(member.ltv);
        ++clauses.rows;
        clauses.passed[0] += member.ltv > 10;
        clauses.missed_only[0] += member.ltv <= 10;
    }
    part.scan.members = keys.Build();
    part.scan.columns.push_back(std::move(plans));
    part.scan.columns.push_back(std::move(ltvs));
    part.clauses = clauses;
    return part;
}

std::vector<ServerMeasurement> Split(const std::vector<Member>& members, size_t servers,
                                     std::mt19937_64& random, const MeasureSpec& spec) {
    std::vector<std::vector<Member>> shares(servers);
    // Uneven, and some servers may have nobody.
    for (const Member& member : members)
        shares[std::min(random() % servers, random() % servers)].push_back(member);
    std::vector<ServerMeasurement> parts;
    for (size_t i = 0; i < servers; ++i)
        parts.push_back(Measured("shard_" + std::to_string(i + 1), shares[i], spec));
    return parts;
}

void ExpectSameRecord(const Record& a, const Record& b) {
    EXPECT_EQ(a.size, b.size);
    EXPECT_EQ(a.converted, b.converted);
    EXPECT_EQ(a.inactive, b.inactive);
    EXPECT_EQ(a.sketch->Encode(), b.sketch->Encode());
    ASSERT_EQ(a.distributions.size(), b.distributions.size());
    for (size_t i = 0; i < a.distributions.size(); ++i) EXPECT_EQ(a.distributions[i], b.distributions[i]);
    EXPECT_EQ(a.clauses->passed, b.clauses->passed);
    EXPECT_EQ(a.clauses->missed_only, b.clauses->missed_only);
    EXPECT_EQ(a.clauses->rows, b.clauses->rows);
    EXPECT_EQ(a.columns, b.columns);
}

TEST(SnapshotMerge, AnySplitIsTheWhole) {
    std::mt19937_64 random(20);
    for (int round = 0; round < 60; ++round) {
        const std::vector<Member> members = RandomMembers(random, random() % 3000);
        const MeasureSpec spec = SpecOfMerge(round % 2 ? 64 : 4096);
        const Record whole = MakeResult(Measured("one", members, spec), spec).record;
        std::vector<ServerMeasurement> parts = Split(members, 1 + random() % 6, random, spec);
        ExpectSameRecord(MakeResult(MergeServers(parts, spec), spec).record, whole);
        std::shuffle(parts.begin(), parts.end(), random);
        ExpectSameRecord(MakeResult(MergeServers(parts, spec), spec).record, whole);
        EXPECT_EQ(OverlapOfServers(parts).members, 0);
    }
}

TEST(SnapshotMerge, EdgesOfBeforeAreKept) {
    std::mt19937_64 random(21);
    MeasureSpec spec = SpecOfMerge();
    spec.edges["ltv"] = {8, 64};
    const std::vector<Member> members = RandomMembers(random, 500);
    const Record merged = MakeResult(MergeServers(Split(members, 3, random, spec), spec), spec).record;
    EXPECT_EQ(merged.distributions[1].edges, (std::vector<double>{8, 64}));
    ExpectSameRecord(merged, MakeResult(Measured("one", members, spec), spec).record);
}

TEST(SnapshotMerge, KeysOnSeveralServersAreAnOverlap) {
    std::mt19937_64 random(22);
    const std::vector<Member> members = RandomMembers(random, 6000);
    const std::vector<Member> first(members.begin(), members.begin() + 4000),
        second(members.begin() + 3000, members.end()), third(members.begin() + 3500, members.begin() + 3600);
    const auto parts = [&](uint32_t sketch_size) {
        const MeasureSpec spec = SpecOfMerge(sketch_size);
        return std::vector<ServerMeasurement>{Measured("a", first, spec), Measured("b", second, spec),
                                              Measured("c", third, spec)};
    };
    const KeyOverlap exact = OverlapOfServers(parts(8192));
    EXPECT_EQ(exact.members, 1100);  // 1000 on two servers, 100 of them on a third
    EXPECT_EQ(exact.standard_error, 0);
    const KeyOverlap estimated = OverlapOfServers(parts(1024));
    EXPECT_GT(estimated.standard_error, 0);
    EXPECT_NEAR(estimated.members, 1100, 4 * estimated.standard_error);
    EXPECT_LT(estimated.standard_error, 200);
}

TEST(SnapshotMerge, TheStatedErrorOfAnOverlapHolds) {
    std::mt19937_64 random(23);
    int outside = 0;
    constexpr int kRounds = 200;
    for (int round = 0; round < kRounds; ++round) {
        const std::vector<Member> members = RandomMembers(random, 2000);
        const MeasureSpec spec = SpecOfMerge(256);
        const std::vector<Member> second(members.begin() + 1200, members.end());
        const KeyOverlap overlap =
            OverlapOfServers({Measured("a", members, spec), Measured("b", second, spec)});
        outside += std::abs(overlap.members - 800) > 2 * overlap.standard_error;
    }
    EXPECT_LE(outside, kRounds * 12 / 100);
    EXPECT_GE(outside, 1);
}

TEST(SnapshotMerge, WhatOneServerCannotReadIsMissing) {
    std::mt19937_64 random(24);
    const MeasureSpec spec = SpecOfMerge();
    std::vector<ServerMeasurement> parts = Split(RandomMembers(random, 300), 3, random, spec);
    parts[1].attributes = {"ltv"};
    parts[1].scan.columns.erase(parts[1].scan.columns.begin());
    parts[1].columns = {{"id", "integer", "integer", false}};
    parts[1].unreadable = {{"attribute plan", "attribute \"plan\" is not a column"}};
    parts[2].has_converted = false;
    parts[2].clauses.reset();
    const Record record = MakeResult(MergeServers(parts, spec), spec).record;
    ASSERT_EQ(record.distributions.size(), 1u);
    EXPECT_EQ(record.distributions[0].attribute, "ltv");
    EXPECT_FALSE(record.converted.has_value());
    EXPECT_TRUE(record.inactive.has_value());
    EXPECT_FALSE(record.clauses.has_value());
    EXPECT_EQ(record.missing, std::vector<std::string>{"attribute plan"});
    EXPECT_EQ(record.error, "attribute \"plan\" is not a column (source \"shard_2\")");
    EXPECT_EQ(record.columns["plan"], "text (not on shard_2)");
    EXPECT_EQ(record.columns["id"], "bigint or integer");
}

TEST(SnapshotMerge, AnAttributeOfTwoTypesIsMissing) {
    std::mt19937_64 random(17);
    const MeasureSpec spec = SpecOfMerge();
    ServerMeasurement one = Measured("one", RandomMembers(random, 50), spec),
                      two = Measured("two", RandomMembers(random, 50), spec);
    two.scan.columns[1] = ColumnCounts(AttributeKind::kCategorical);
    const ServerMeasurement whole = MergeServers({one, two}, spec);
    EXPECT_EQ(whole.attributes, std::vector<std::string>{"plan"});
    ASSERT_EQ(whole.unreadable.size(), 1U);
    EXPECT_EQ(whole.unreadable[0].name, "attribute ltv");
    EXPECT_NE(whole.unreadable[0].reason.find("source \"two\""), std::string::npos);
}

TEST(SnapshotMerge, ErrorsOfSampledClausesAddUp) {
    std::mt19937_64 random(25);
    const MeasureSpec spec = SpecOfMerge();
    const std::vector<Member> members = RandomMembers(random, 100);
    std::vector<ServerMeasurement> parts = {Measured("a", members, spec), Measured("b", members, spec)};
    parts[0].clauses->error = 0.3;
    parts[1].clauses->error = 0.4;
    EXPECT_NEAR(MergeServers(parts, spec).clauses->error, 0.25, 1e-12);
}

TEST(SnapshotMerge, CoverageIsTheShareOfTheLastKnownSize) {
    EXPECT_EQ(CoverageOf({{"a", 75, {}, ""}, {"b", {}, 25, "down"}}), 0.75);
    EXPECT_EQ(CoverageOf({{"a", 75, {}, ""}, {"b", 25, {}, ""}}), 1);
    EXPECT_EQ(CoverageOf({{"a", 0, {}, ""}, {"b", {}, 0, "down"}}), 1);
    EXPECT_EQ(CoverageOf({{"a", 0, {}, ""}, {"b", {}, 10, "down"}}), 0);
    EXPECT_FALSE(CoverageOf({{"a", 75, {}, ""}, {"b", {}, {}, "down"}}).has_value());
}

}  // namespace
}  // namespace pulse::snapshot
