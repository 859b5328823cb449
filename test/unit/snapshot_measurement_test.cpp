#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>

#include "pulse/base/error.hpp"
#include "pulse/snapshot/clause_tally.hpp"
#include "pulse/snapshot/decimal.hpp"
#include "pulse/snapshot/measurement.hpp"

namespace pulse::snapshot {
namespace {

using segment::AttributeKind;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

NumberBuckets BucketsOf(const std::vector<double>& values) {
    NumberBuckets buckets;
    for (const double value : values) buckets.Add(value);
    return buckets;
}

std::vector<double> Deciles(const NumberBuckets& buckets) {
    const double levels[] = {0, 0.5, 1};
    return buckets.Quantiles(levels, 3);
}

std::string Bytes(const NumberBuckets& buckets) {
    WireWriter writer;
    buckets.Encode(writer);
    return writer.Take();
}

TEST(SnapshotBuckets, BordersAreInTheOrderOfTheValues) {
    EXPECT_EQ(BorderOf(BucketOf(0.0)), 0.0);
    EXPECT_EQ(BucketOf(-0.0), BucketOf(0.0));
    EXPECT_EQ(BorderOf(BucketOf(1.0)), 1.0);
    EXPECT_EQ(BorderOf(BucketOf(127.0)), 127.0);
    EXPECT_EQ(BorderOf(BucketOf(1000.5)), 1000.0);
    EXPECT_EQ(BorderOf(BucketOf(-1000.0)), -1000.0);
    EXPECT_EQ(BorderOf(BucketOf(-999.5)), -1000.0);
    std::mt19937_64 random(3);
    std::normal_distribution<double> normal(0, 1e6);
    for (int i = 0; i < 10'000; ++i) {
        const double value = normal(random), low = BorderOf(BucketOf(value));
        EXPECT_LE(low, value);
        EXPECT_GE(BorderOf(BucketOf(value) + 1), value);
        EXPECT_LE(BorderOf(BucketOf(value) + 1) - low, std::abs(value) / 64 * (1 + 1.0 / 64) + 1e-300);
        EXPECT_EQ(FromOrderedKey(OrderedKey(value)), value);
        EXPECT_LE(std::abs(NearestBorder(value) - value), std::abs(value) / 100);
    }
    EXPECT_EQ(NearestBorder(1001.0), 1000.0);
    EXPECT_EQ(NearestBorder(-1001.0), -1000.0);
}

TEST(SnapshotBuckets, MomentsAreThoseOfTheValues) {
    std::mt19937_64 random(5);
    for (const double shift : {0.0, 5.0, -1e9, 1e15}) {
        std::normal_distribution<double> normal(shift, 3);
        std::vector<double> values(5000);
        for (double& value : values) value = normal(random);
        long double mean = 0, squares = 0;
        for (const double value : values) mean += value - static_cast<long double>(shift);
        mean = mean / 5000 + shift;
        for (const double value : values) squares += (value - mean) * (value - mean);
        const Moments moments = BucketsOf(values).Summary();
        EXPECT_EQ(moments.count, 5000);
        EXPECT_NEAR(*moments.mean, static_cast<double>(mean), std::abs(shift) * 1e-15 + 1e-14);
        const double stddev = static_cast<double>(std::sqrt(squares / 4999));
        EXPECT_NEAR(*moments.stddev / stddev, 1, 1e-9);
        EXPECT_EQ(*moments.minimum, *std::min_element(values.begin(), values.end()));
        EXPECT_EQ(*moments.maximum, *std::max_element(values.begin(), values.end()));
    }
}

TEST(SnapshotBuckets, MergeGivesTheSameBytesInAnyOrder) {
    std::mt19937_64 random(11);
    std::lognormal_distribution<double> spread(0, 4);
    std::vector<double> values(20'000);
    for (double& value : values) value = (random() % 2 ? 1 : -1) * spread(random);
    values.insert(values.end(), {kInfinity, -kInfinity, kNan, 0.0, -0.0, 5e-324, 1.7e308, -1.7e308});
    const std::string whole = Bytes(BucketsOf(values));
    for (int parts = 2; parts < 6; ++parts) {
        std::shuffle(values.begin(), values.end(), random);
        std::vector<NumberBuckets> pieces(static_cast<size_t>(parts));
        for (size_t i = 0; i < values.size(); ++i) pieces[i % pieces.size()].Add(values[i]);
        NumberBuckets merged;
        for (const NumberBuckets& piece : pieces) merged.Merge(piece);
        EXPECT_EQ(Bytes(merged), whole);
    }
    WireReader reader(whole, "measurement");
    EXPECT_EQ(Bytes(NumberBuckets::Decode(reader)), whole);
}

TEST(SnapshotBuckets, AreTotal) {
    const NumberBuckets none;
    EXPECT_FALSE(none.Summary().mean);
    EXPECT_TRUE(Deciles(none).empty());
    EXPECT_TRUE(none.ChooseEdges().empty());
    EXPECT_EQ(none.CountBetween({}), std::vector<int64_t>{0});

    const NumberBuckets one = BucketsOf({42.5});
    EXPECT_EQ(one.Summary().mean, 42.5);
    EXPECT_FALSE(one.Summary().stddev);
    EXPECT_EQ(Deciles(one), (std::vector<double>{42.5, 42.5, 42.5}));

    const NumberBuckets constant = BucketsOf(std::vector<double>(1000, -0.1));
    EXPECT_EQ(constant.Summary().stddev, 0);
    EXPECT_EQ(constant.Summary().mean, -0.1);
    EXPECT_EQ(Deciles(constant), (std::vector<double>{-0.1, -0.1, -0.1}));

    const NumberBuckets odd = BucketsOf({kNan, kInfinity, -kInfinity, 1});
    EXPECT_EQ(odd.nans(), 1);
    EXPECT_EQ(odd.Summary().mean, 1);
    EXPECT_EQ(odd.CountBetween({0.5, 2}), (std::vector<int64_t>{1, 1, 1}));
    EXPECT_EQ(Deciles(odd), (std::vector<double>{1, 1, 1}));

    const NumberBuckets huge = BucketsOf({1.7e308, -1.7e308, 1.7e308});
    EXPECT_TRUE(std::isfinite(*huge.Summary().mean));
}

TEST(SnapshotBuckets, EdgesLieNearTheDecilesAndKeepHeavyValuesApart) {
    std::vector<double> values;
    for (int i = 0; i < 10'000; ++i) values.push_back(i);
    const NumberBuckets even = BucketsOf(values);
    const std::vector<double> edges = even.ChooseEdges();
    ASSERT_EQ(edges.size(), 9u);
    for (size_t i = 0; i < 9; ++i) EXPECT_NEAR(edges[i], 1000.0 * static_cast<double>(i + 1), 70);
    for (const int64_t count : even.CountBetween(edges)) EXPECT_NEAR(static_cast<double>(count), 1000, 130);

    values.assign(5000, 0);
    for (int i = 1; i <= 5000; ++i) values.push_back(i);
    const NumberBuckets heavy = BucketsOf(values);
    EXPECT_EQ(heavy.ChooseEdges().at(0), 0);
    EXPECT_EQ(heavy.ChooseEdges().at(1), 1);
    EXPECT_EQ(heavy.CountBetween(heavy.ChooseEdges()).at(1), 5000);

    // What is not there yet shows in an interval of its own.
    EXPECT_EQ(BucketsOf({7, 7, 7}).ChooseEdges(), (std::vector<double>{7, 7.0625}));
    EXPECT_EQ(BucketsOf({0, 0}).ChooseEdges(), (std::vector<double>{0, 0x1p-30}));
    EXPECT_EQ(BucketsOf({1, 2}).ChooseEdges(), (std::vector<double>{1, 2, 2.03125}));
}

TEST(SnapshotBuckets, QuantilesAreWithinAHundredAndTwentyEighth) {
    std::mt19937_64 random(13);
    std::lognormal_distribution<double> spread(3, 2);
    std::vector<double> values(100'001);
    for (double& value : values) value = spread(random);
    const std::vector<double> got = BucketsOf(values).Quantiles(kQuantileLevels, std::size(kQuantileLevels));
    std::sort(values.begin(), values.end());
    for (size_t i = 0; i < got.size(); ++i) {
        const double exact = values[static_cast<size_t>(kQuantileLevels[i] * 100'000)];
        EXPECT_NEAR(got[i] / exact, 1, 1.0 / 128);
    }
}

TEST(SnapshotValues, CountExactlyBelowTheCapacity) {
    ValueCounts counts;
    for (int round = 1; round <= 3; ++round)
        for (int i = 0; i < 5000; ++i)
            if (i % round == 0) counts.Add(std::string(static_cast<size_t>(i % 30), 'x') + std::to_string(i));
    counts.Add("");
    EXPECT_EQ(counts.Distinct(), 5001);
    EXPECT_EQ(counts.uncertainty(), 0);
    const auto ranked = counts.Ranked();
    EXPECT_EQ(ranked.size(), 5001u);
    EXPECT_EQ(ranked.front().count, 3);
    EXPECT_EQ(ranked.back().count, 1);
    EXPECT_TRUE(std::is_sorted(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) {
        return a.count != b.count ? a.count > b.count : a.value < b.value;
    }));
}

TEST(SnapshotValues, DistinguishesValuesThatDifferAnywhere) {
    for (size_t length = 1; length <= 40; ++length) {
        ValueCounts counts;
        counts.Add(std::string(length, 'a'));
        counts.Add(std::string(length, '\0'));
        for (size_t i = 0; i < length; ++i) {
            std::string value(length, 'a');
            value[i] = 'b';
            counts.Add(value);
        }
        EXPECT_EQ(counts.Distinct(), static_cast<int64_t>(length) + 2) << length;
    }
}

TEST(SnapshotValues, StayBoundedAndKeepWhatIsFrequent) {
    ValueCounts counts;
    constexpr int kRows = 400'000;
    for (int i = 0; i < kRows; ++i) {
        if (i % 10 == 0)
            counts.Add("often");
        else
            counts.Add("value " + std::to_string(i));
    }
    const auto ranked = counts.Ranked();
    EXPECT_LE(ranked.size(), ValueCounts::kCapacity);
    EXPECT_EQ(ranked.front().value, "often");
    EXPECT_LE(ranked.front().count, kRows / 10);
    EXPECT_GE(ranked.front().count, kRows / 10 - counts.uncertainty());
    EXPECT_LE(counts.uncertainty(), kRows / static_cast<int64_t>(ValueCounts::kCapacity / 2));
    EXPECT_NEAR(static_cast<double>(counts.Distinct()), 360'001, 360'001 * 0.15);
}

TEST(SnapshotValues, ShortenKeepsLongValuesApart) {
    EXPECT_EQ(ValueCounts::Shorten("abc", 0x1F), "abc...#000000000000001f");
    EXPECT_EQ(ValueCounts::Shorten("abc", UINT64_MAX), "abc...#ffffffffffffffff");
    // Characters have at most four bytes.
    EXPECT_LE(ValueCounts::Shorten(std::string(4 * ValueCounts::kKeptCharacters, 'x'), 0).size(),
              ValueCounts::kMaxLength);
}

Measurement Measured(const std::vector<int>& members, MeasureOptions options) {
    Measurement measurement(options);
    for (const int member : members) {
        ++measurement.size;
        measurement.members.Add(static_cast<uint64_t>(member) * 0x9E3779B97F4A7C15);
        std::get<ValueCounts>(measurement.columns[0].values).Add(std::to_string(member % 7));
        if (member % 5 == 0)
            ++measurement.columns[1].nulls;
        else
            std::get<NumberBuckets>(measurement.columns[1].values).Add(member * 0.1);
    }
    return measurement;
}

// Of a server that has other text, or is not what it says it is.
TEST(SnapshotMeasurement, LabelsAreText) {
    for (const std::string& label : {std::string("caf\xE9"), std::string("a\0b", 3)}) {
        ValueCounts counts;
        counts.Add(label);
        WireWriter writer;
        counts.Encode(writer);
        const std::string bytes = writer.Take();
        WireReader reader(bytes, "measurement");
        EXPECT_THROW(ValueCounts::Decode(reader), UserError);
    }
}

TEST(SnapshotMeasurement, MergedPartsAreTheWhole) {
    MeasureOptions options;
    options.sketch_size = 128;
    options.kinds = {AttributeKind::kCategorical, AttributeKind::kNumeric};
    EXPECT_EQ(MeasureOptions::Parse(options.Print()).kinds, options.kinds);
    std::vector<int> all(3000), even, odd;
    for (int i = 0; i < 3000; ++i) (i % 2 ? odd : even).push_back(all[static_cast<size_t>(i)] = i);
    Measurement merged = Measured(odd, options);
    merged.Merge(Measurement::Decode(Measured(even, options).Encode()));
    const std::string bytes = merged.Encode();
    EXPECT_EQ(bytes, Measured(all, options).Encode());
    for (size_t size = 0; size < bytes.size(); size += 7)
        EXPECT_THROW(Measurement::Decode(std::string_view(bytes).substr(0, size)), UserError);

    EXPECT_TRUE(merged.SameShape(Measurement(options)));
    options.kinds.pop_back();
    EXPECT_FALSE(merged.SameShape(Measurement(options)));

    const Distribution values = MakeDistribution(merged.columns[0], "digit", merged.size, 3, nullptr);
    EXPECT_EQ(values.labels, (std::vector<std::string>{"0", "1", "2"}));
    EXPECT_EQ(values.counts, (std::vector<int64_t>{429, 429, 429}));
    EXPECT_EQ(values.other, 3000 - 3 * 429);
    EXPECT_EQ(values.distinct_values, 7);
    const std::vector<double> edges{10.2, 10.201, 100};
    const Distribution numbers = MakeDistribution(merged.columns[1], "tenth", merged.size, 3, &edges);
    EXPECT_EQ(numbers.edges, (std::vector<double>{10.25, 100}));
    EXPECT_EQ(numbers.nulls, 600);
    EXPECT_EQ(numbers.counts[0] + numbers.counts[1] + numbers.counts[2], 2400);
}

// What other servers say is not believed: an extreme lies in the outermost bucket.
TEST(SnapshotMeasurement, RefusesExtremesThatAreNone) {
    MeasureOptions options;
    options.sketch_size = 64;
    options.kinds = {AttributeKind::kNumeric};
    for (const size_t numbers : {0u, 3u}) {
        Measurement measured(options);
        for (size_t i = 1; i <= numbers; ++i)
            std::get<NumberBuckets>(measured.columns[0].values).Add(static_cast<double>(i));
        const std::string bytes = measured.Encode();
        for (const size_t from_end : {40u, 32u}) {  // the lowest, the highest; then three counts
            std::string bad = bytes;
            const uint64_t nan = std::bit_cast<uint64_t>(kNan) | uint64_t{1} << 63;
            std::memcpy(bad.data() + bad.size() - from_end, &nan, sizeof nan);
            EXPECT_THROW(Measurement::Decode(bad), UserError) << numbers << " " << from_end;
        }
        EXPECT_NO_THROW(Measurement::Decode(bytes));
    }
}

// A shard leaves out hashes that no sketch of all needs.
TEST(SnapshotMeasurement, HashesAboveTheLimitAreLeftOut) {
    MeasureOptions options;
    options.sketch_size = 64;
    Measurement all(options);
    options.theta = uint64_t{1} << 60;
    EXPECT_EQ(MeasureOptions::Parse(options.Print()).theta, options.theta);
    Measurement few(options);
    for (uint64_t i = 0; i < 10'000; ++i)
        for (Measurement* measured : {&all, &few}) measured->members.Add(i * 0x9E3779B97F4A7C15);
    EXPECT_EQ(few.members.Build().Encode(), all.members.Build().Encode());
    EXPECT_EQ(Measurement(options).members.Build().theta, options.theta);
}

// Members are not counted clause by clause.
TEST(SnapshotMeasurement, ClausesOfAllRowsAreThoseOfTheOthersAndTheMembers) {
    MeasureOptions options;
    options.clauses = 2;
    EXPECT_EQ(MeasureOptions::Parse(options.Print()).clauses, 2);
    Measurement one(options), two(options);
    EXPECT_EQ(one.Clauses()->Figures(), (std::vector<double>{0, 0, 0, 0, 0, 0}));
    one.size = 2;
    for (const uint32_t truth : {0b01u, 0b10u, 0b00u}) one.others.Take(truth, -1);
    two.size = 1;
    two.others.Take(0b01u, -1);
    two.Merge(Measurement::Decode(one.Encode()));
    EXPECT_EQ(two.Clauses()->Figures(), (std::vector<double>{7, 0, 5, 1, 4, 2}));
    EXPECT_EQ(Measurement::Decode(two.Encode()).Clauses()->Figures(), two.Clauses()->Figures());
    EXPECT_EQ(Measurement(MeasureOptions()).Clauses(), std::nullopt);
    std::string bytes = two.Encode();
    const size_t without = bytes.size() - 1 - 5 * sizeof(int64_t);  // where the clauses begin
    for (size_t size = without + 1; size < bytes.size(); ++size)
        EXPECT_THROW(Measurement::Decode(std::string_view(bytes).substr(0, size)), UserError) << size;
    bytes[bytes.size() - 4 * sizeof(int64_t)] = 5;  // passed the first clause: more than there are rows
    EXPECT_THROW(Measurement::Decode(bytes), UserError);
}

TEST(SnapshotMeasurement, RefusesImpossibleOptions) {
    for (const char* bad : {"", "{}", "[1]", R"({"moment":0,"inactive_after":0,"sketch_size":1,"kinds":[]})",
                            R"({"moment":0,"inactive_after":0,"sketch_size":64,"kinds":["odd"]})",
                            R"({"moment":0,"inactive_after":0,"sketch_size":64,"kinds":[1]})",
                            R"({"moment":0,"inactive_after":0,"sketch_size":64,"kinds":[],"clauses":17})",
                            R"({"moment":0,"inactive_after":0,"sketch_size":64,"kinds":[],"clauses":-1})",
                            R"({"moment":0,"inactive_after":0,"sketch_size":64,"kinds":[],"theta":0})"})
        EXPECT_THROW(MeasureOptions::Parse(bad), UserError) << bad;
}

TEST(SnapshotClauses, CountsPassedAndMissedOnly) {
    ClauseTally tally;
    tally.clauses = 2;
    for (const uint32_t truth : {0b11u, 0b11u, 0b01u, 0b10u, 0b00u}) tally.Take(truth, -1);
    EXPECT_EQ(tally.Figures(), (std::vector<double>{5, 0, 3, 1, 3, 1}));
    ClauseTally twice = tally;
    twice.Merge(tally);
    EXPECT_EQ(twice.Figures(), (std::vector<double>{10, 0, 6, 2, 6, 2}));
}

TEST(SnapshotClauses, CorrelatedBlocksIncreaseTheError) {
    ClauseTally scattered, clustered;
    scattered.clauses = clustered.clauses = 1;
    for (int block = 0; block < 100; ++block)
        for (int row = 0; row < 50; ++row) {
            scattered.Take(row % 2, block);
            clustered.Take(block % 2, block);
        }
    EXPECT_NEAR(scattered.Figures()[1], 0, 1e-12);
    EXPECT_NEAR(clustered.Figures()[1], 0.1, 0.001);  // as 100 independent rows: sqrt(1/2 · 1/2 / 100) ÷ 1/2
}

TEST(SnapshotDecimal, ReadsWhatPostgresWrites) {
    auto decode = [](std::initializer_list<uint16_t> words) {
        std::string bytes;
        for (const uint16_t word : words) bytes.append(reinterpret_cast<const char*>(&word), 2);
        return DecodeNumeric(bytes.data(), bytes.size());
    };
    EXPECT_EQ(decode({0x8000}), 0);
    EXPECT_EQ(decode({0x8000, 1234}), 1234);
    EXPECT_EQ(decode({0xA100, 1234, 5600}), -1234.56);
    EXPECT_EQ(decode({0x807F, 5000}), 0.5);
    EXPECT_EQ(decode({0x8000, 9999, 9999, 9999}), 9999.99999999);
    EXPECT_EQ(decode({0x8001, 12, 3456}), 123456);
    EXPECT_EQ(decode({0x8001, 7}), 70000);
    EXPECT_EQ(decode({0xA002, 7}), -700000000);
    EXPECT_EQ(decode({0x8002, 1, 2, 3}), 100020003);
    EXPECT_EQ(decode({0x8003, 7}), 7e12);
    EXPECT_EQ(decode({0x8002, 1, 2, 3, 4}), 100020003.0004);
    EXPECT_EQ(decode({0x0000, 100, 1}), kInfinity);
    EXPECT_EQ(decode({0x4002, 5, 1, 2, 3, 4, 5, 6, 7}), -100020003000400050006.0007);
    EXPECT_EQ(decode({0x4002, static_cast<uint16_t>(-100), 1}), 0);
    EXPECT_TRUE(std::isnan(decode({0xC000})));
    EXPECT_EQ(decode({0xD000}), kInfinity);
    EXPECT_EQ(decode({0xF000}), -kInfinity);
    EXPECT_TRUE(std::isnan(DecodeNumeric("", 0)));
}

}  // namespace
}  // namespace pulse::snapshot
