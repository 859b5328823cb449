#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "pulse/base/error.hpp"
#include "pulse/base/hex.hpp"
#include "pulse/snapshot/hex.hpp"
#include "pulse/snapshot/sketch.hpp"

namespace pulse::snapshot {
namespace {

// Members from..to-1 as hashes: a bijection of 64 bits that looks random (splitmix64).
uint64_t HashOf(uint64_t member) {
    uint64_t z = member + 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

Sketch SketchOf(uint32_t k, uint64_t from, uint64_t to) {
    SketchBuilder builder(k);
    for (uint64_t member = from; member < to; ++member) builder.Add(HashOf(member));
    return builder.Build();
}

void ExpectEqual(const Sketch& a, const Sketch& b) {
    EXPECT_EQ(a.k, b.k);
    EXPECT_EQ(a.theta, b.theta);
    EXPECT_EQ(a.hashes, b.hashes);
}

std::string Detail(const std::string& bytes) {
    try {
        Sketch::Decode(bytes);
    } catch (const UserError& error) {
        EXPECT_EQ(error.state(), "XX001");
        return error.detail();
    }
    return "";
}

TEST(SnapshotSketch, IsExactUpToItsCapacity) {
    for (const uint64_t members : {0u, 1u, 63u, 64u}) {
        const Sketch sketch = SketchOf(64, 0, members);
        EXPECT_TRUE(sketch.exact()) << members;
        EXPECT_EQ(sketch.Cardinality(), static_cast<double>(members));
        EXPECT_EQ(sketch.RelativeError(), 0);
    }
    EXPECT_FALSE(SketchOf(64, 0, 65).exact());
}

TEST(SnapshotSketch, DuplicatesChangeNothing) {
    SketchBuilder builder(64);
    for (int round = 0; round < 1000; ++round)
        for (uint64_t member = 0; member < 64; ++member) builder.Add(HashOf(member));
    ExpectEqual(builder.Build(), SketchOf(64, 0, 64));
}

TEST(SnapshotSketch, EstimatesWithinTheStatedError) {
    // 40 independent sets: the mean square of error ÷ stated error is about 1.
    double squares = 0;
    for (int i = 0; i < 40; ++i) {
        const uint64_t from = static_cast<uint64_t>(i) << 32;
        const Sketch sketch = SketchOf(1024, from, from + 50'000);
        const double off = (sketch.Cardinality() - 50'000) / (sketch.RelativeError() * 50'000);
        EXPECT_LT(std::abs(off), 4.5);
        squares += off * off / 40;
    }
    EXPECT_GT(squares, 0.4);
    EXPECT_LT(squares, 2.0);
}

TEST(SnapshotSketch, MergesInAnyOrder) {
    std::vector<uint64_t> members(30'000);
    for (size_t i = 0; i < members.size(); ++i) members[i] = HashOf(i);
    const Sketch whole = SketchOf(256, 0, members.size());
    std::mt19937 random(7);
    for (int round = 0; round < 5; ++round) {
        std::shuffle(members.begin(), members.end(), random);
        SketchBuilder left(256), right(256);
        for (size_t i = 0; i < members.size(); ++i)
            (i % (2 + static_cast<size_t>(round)) ? left : right).Add(members[i]);
        SketchBuilder merged(256);
        merged.Merge(right.Build());
        merged.Merge(left);
        ExpectEqual(merged.Build(), whole);
        ExpectEqual(Union(left.Build(), right.Build()), whole);
    }
}

TEST(SnapshotSketch, ComparesExactly) {
    const Overlap overlap = Compare(SketchOf(64, 0, 40), SketchOf(128, 30, 90));
    EXPECT_EQ(overlap.in_both, 10);
    EXPECT_EQ(overlap.only_a, 30);
    EXPECT_EQ(overlap.only_b, 50);
    EXPECT_EQ(overlap.standard_error, 0);
}

TEST(SnapshotSketch, ComparesSetsOfDifferentCapacity) {
    const Overlap overlap = Compare(SketchOf(4096, 0, 100'000), SketchOf(1024, 50'000, 150'000));
    EXPECT_NEAR(overlap.in_both, 50'000, 4 * overlap.standard_error);
    EXPECT_GT(overlap.standard_error, 500);
    EXPECT_LT(overlap.standard_error, 8000);
}

TEST(SnapshotSketch, OverlapStaysWithinTheStatedError) {
    double squares = 0;
    for (int i = 0; i < 40; ++i) {
        const uint64_t from = static_cast<uint64_t>(i) << 32;
        const Flow flow = FlowBetween(SketchOf(1024, from, from + 50'000), 50'000,
                                      SketchOf(1024, from + 20'000, from + 60'000), 40'000);
        EXPECT_EQ(flow.entered - flow.exited, -10'000);
        const double off = static_cast<double>(flow.entered - 10'000) / flow.standard_error;
        EXPECT_LT(std::abs(off), 4.5);
        squares += off * off / 40;
    }
    EXPECT_GT(squares, 0.4);
    EXPECT_LT(squares, 2.0);
}

TEST(SnapshotSketch, FlowAddsUpToTheSizeChange) {
    const Flow exact = FlowBetween(SketchOf(64, 0, 40), 40, SketchOf(64, 30, 60), 30);
    EXPECT_EQ(exact.entered, 20);
    EXPECT_EQ(exact.exited, 30);
    EXPECT_EQ(exact.standard_error, 0);
    // Every key twice, the same members: nobody came or went.
    const Flow doubled = FlowBetween(SketchOf(64, 0, 40), 80, SketchOf(64, 0, 40), 80);
    EXPECT_EQ(doubled.entered, 0);
    EXPECT_EQ(doubled.exited, 0);
    const Flow emptied = FlowBetween(SketchOf(64, 0, 5000), 5000, SketchOf(64, 0, 0), 0);
    EXPECT_EQ(emptied.entered, 0);
    EXPECT_EQ(emptied.exited, 5000);
    const Flow empty = FlowBetween(SketchOf(64, 0, 0), 0, SketchOf(64, 0, 0), 0);
    EXPECT_EQ(empty.entered, 0);
    EXPECT_EQ(empty.exited, 0);
}

TEST(SnapshotSketch, SurvivesItsBytesAndItsText) {
    for (const uint64_t members : {0u, 10u, 1000u}) {
        const Sketch sketch = SketchOf(64, 0, members);
        ExpectEqual(Sketch::Decode(sketch.Encode()), sketch);
        ExpectEqual(Sketch::Decode(FromHex(ToHex(sketch.Encode()), "pulse_sketch")), sketch);
    }
}

TEST(SnapshotSketch, RefusesDamagedBytes) {
    const std::string good = SketchOf(64, 0, 1000).Encode();
    EXPECT_EQ(Detail(good), "");
    for (size_t size = 0; size < good.size(); ++size) EXPECT_NE(Detail(good.substr(0, size)), "") << size;
    EXPECT_NE(Detail(good + "x"), "");
    auto changed = [&](size_t place, char value) {
        std::string bytes = good;
        bytes[place] = value;
        return Detail(bytes);
    };
    EXPECT_NE(changed(0, 'Q').find("mark"), std::string::npos);
    EXPECT_NE(changed(4, 1).find("capacity"), std::string::npos);
    EXPECT_NE(changed(7, 1).find("capacity"), std::string::npos);
    EXPECT_NE(changed(15, 0).find("limit"), std::string::npos);
    EXPECT_NE(changed(16, 65).find("more hashes"), std::string::npos);
    EXPECT_NE(changed(27, '\xff').find("order"), std::string::npos);
}

TEST(SnapshotHex, NamesTheFirstWrongCharacter) {
    EXPECT_EQ(FromHex("00fFA9", "pulse_sketch"), std::string("\x00\xff\xa9", 3));
    EXPECT_EQ(FromHex("", "pulse_sketch"), "");
    for (const char* bad : {"0", "0g", "zz", "12 4"})
        EXPECT_THROW(FromHex(bad, "pulse_sketch"), UserError) << bad;
}

}  // namespace
}  // namespace pulse::snapshot
