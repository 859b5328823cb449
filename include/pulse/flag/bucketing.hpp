// Who is in a percentage, and which variant somebody gets: the same answer for ever from the same salt and
// id. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace pulse::flag {

inline constexpr int kBuckets = 100'000;

// Whose arithmetic it is. All but kPulse are there so that a flag which moves here keeps everybody where they
// are.
enum class Dialect { kPulse, kUnleash, kGrowthBook, kPostHog, kFlagd };
const char* Name(Dialect dialect);
std::optional<Dialect> ParseDialect(std::string_view name);

// A hash as one of `count` buckets of equal size: floor(hash · count / 2^32).
uint32_t ScaleHash(uint32_t hash, uint32_t count);

// Of kBuckets: where an id falls by Murmur3 of salt:id.
int Bucket(std::string_view salt, std::string_view id, uint32_t seed = 0);

struct Bucketing {
    std::optional<size_t> weight;  // the index of the weight that was hit; empty: not within the percentage
    int bucket = 0;                // of kBuckets, for the percentage; in a dialect what comes nearest
    std::optional<int> variant_bucket;  // that for the weights, when these are drawn by one of their own
};

// Draw for `percentage` (0 to 100, in steps of a thousandth) of all ids, and among several weights in their
// order. A larger percentage only adds ids. At least one weight is above 0.
Bucketing ComputeBucketing(Dialect dialect, std::string_view salt, std::string_view id, double percentage,
                           const std::vector<double>& weights);

}  // namespace pulse::flag
