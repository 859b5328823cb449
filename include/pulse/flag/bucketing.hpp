// Bucketing: whether an id is within a rollout percentage, and which variant it gets. The same salt and id
// always give the same answer. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace pulse::flag {

inline constexpr int kBuckets = 100'000;

// The system whose hash is used. A flag migrated from another system keeps everybody's variant.
enum class Dialect { kPulse, kUnleash, kGrowthBook, kPostHog, kFlagd };
const char* Name(Dialect dialect);
std::optional<Dialect> ParseDialect(std::string_view name);

// A hash as one of `count` buckets of equal size: floor(hash · count / 2^32).
uint32_t ScaleHash(uint32_t hash, uint32_t count);

// The bucket of an id, of kBuckets, by Murmur3 of salt:id.
int Bucket(std::string_view salt, std::string_view id, uint32_t seed = 0);

struct Bucketing {
    std::optional<size_t> weight;  // index of the chosen weight; empty: not within the percentage
    int bucket = 0;  // of kBuckets, for the percentage; the nearest equivalent in other dialects
    std::optional<int> variant_bucket;  // the bucket for the weights, if they have a hash of their own
};

// Decide whether an id is within `percentage` (0 to 100, in steps of a thousandth), and which of several
// weights, in their order, it gets. A larger percentage only adds ids. At least one weight is above 0.
Bucketing ComputeBucketing(Dialect dialect, std::string_view salt, std::string_view id, double percentage,
                           const std::vector<double>& weights);

}  // namespace pulse::flag
