// The values of a numeric attribute in buckets of their float8: sign, exponent and the top 6 bits of the
// mantissa, so 64 buckets between a power of two and the next. Per bucket the count and the exact integer
// sums of what the lower 46 bits say: mean and variance come out the same in whatever order, by however many
// workers, values arrived. Pure C++.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "pulse/snapshot/wire.hpp"

namespace pulse::snapshot {

__extension__ typedef unsigned __int128 Wide;

// An integer in the order of the doubles. No NaN; -0 is 0. Negative values are mirrored so that round ones
// begin a bucket.
inline uint64_t OrderedKey(double value) {
    const auto bits = std::bit_cast<uint64_t>(value + 0.0);
    return bits >> 63 ? 0 - bits : bits | uint64_t{1} << 63;
}
inline double FromOrderedKey(uint64_t key) {
    return std::bit_cast<double>(key >> 63 ? key & ~(uint64_t{1} << 63) : 0 - key);
}

inline constexpr int kBucketShift = 46;

// The number of the bucket a value lies in, and the lowest value of a bucket: its border.
inline uint32_t BucketOf(double value) {
    return static_cast<uint32_t>(OrderedKey(value) >> kBucketShift);
}
inline double BorderOf(uint32_t bucket) {
    return FromOrderedKey(static_cast<uint64_t>(bucket) << kBucketShift);
}

// The bucket border nearest to a finite value.
double NearestBorder(double value);

struct Moments {
    int64_t count = 0;
    std::optional<double> mean, stddev;      // stddev: of a sample, from two values on
    std::optional<double> minimum, maximum;  // exact
};

// Values of one bucket, summed up elsewhere. Without mean and variance (of the population) an even spread is
// assumed.
struct BucketSummary {
    int64_t count = 0;
    double lowest = 0, highest = 0;
    std::optional<double> mean, variance;
};

class NumberBuckets {
  public:
    NumberBuckets() : pages_(kPages) {}
    NumberBuckets(const NumberBuckets& other) : NumberBuckets() { Merge(other); }
    NumberBuckets(NumberBuckets&&) noexcept = default;
    NumberBuckets& operator=(NumberBuckets&&) noexcept = default;

    void Add(double value) {
        if (!std::isfinite(value)) [[unlikely]]
            return AddSpecial(value);
        const uint64_t key = OrderedKey(value);
        if (key < lowest_) lowest_ = key;
        if (key > highest_) highest_ = key;
        std::unique_ptr<Page>& page = pages_[key >> kPageShift];
        if (!page) [[unlikely]]
            page = std::make_unique<Page>();
        BucketSums& cell = (*page)[key >> kBucketShift & 63];
        const uint64_t low = key & kLowBits;
        cell.count += 1;
        cell.sum += low;
        cell.squares += static_cast<Wide>(low) * low;
    }
    void Merge(const NumberBuckets& other);
    // All the values of a bucket that has none yet. Throws UserError XX001 when they do not lie in one
    // bucket.
    void AddSummary(const BucketSummary& summary);
    void AddNans(int64_t count) { nans_ += count; }
    void AddBelow(int64_t count) { below_ += count; }
    void AddAbove(int64_t count) { above_ += count; }

    int64_t nans() const { return nans_; }
    int64_t below() const { return below_; }  // -infinity
    int64_t above() const { return above_; }  // +infinity

    // Of the finite values.
    Moments Summary() const;
    // At the levels given; infinite values take part and show as the minimum or maximum. Empty without
    // values.
    std::vector<double> Quantiles(const double* levels, size_t count) const;
    // Inner edges near the deciles, ascending. A value with more than a tenth of the mass gets an interval of
    // its own.
    std::vector<double> ChooseEdges() const;
    // Members per interval between the edges; each interval includes its lower edge. Exact between bucket
    // borders.
    std::vector<int64_t> CountBetween(const std::vector<double>& edges) const;

    void Encode(WireWriter& writer) const;
    static NumberBuckets Decode(WireReader& reader);

  private:
    static constexpr size_t kPages = 4096;  // one per sign and exponent, made when first needed
    static constexpr int kPageShift = 52;
    static constexpr uint64_t kLowBits = (uint64_t{1} << kBucketShift) - 1;

    struct BucketSums {
        uint64_t count = 0;
        Wide sum = 0;      // of the low bits
        Wide squares = 0;  // of the low bits; wraps only beyond 2^36 values in one bucket
    };
    using Page = std::array<BucketSums, 64>;

    void AddSpecial(double value);
    // Calls `take(bucket, cell)` for each bucket that has values, in ascending order.
    template <typename Take>
    void Each(Take take) const;
    uint64_t FiniteCount() const;
    double Representative(uint32_t bucket, const BucketSums& cell) const;

    std::vector<std::unique_ptr<Page>> pages_;
    uint64_t lowest_ = UINT64_MAX, highest_ = 0;
    int64_t nans_ = 0, below_ = 0, above_ = 0;
};

}  // namespace pulse::snapshot
