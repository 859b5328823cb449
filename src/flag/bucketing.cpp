#include "pulse/flag/bucketing.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

#include "pulse/flag/murmur3.hpp"

namespace pulse::flag {

namespace {

// A different seed for variants than for the percentage, so that the first people of a rollout get all
// variants. The number is Unleash's.
constexpr uint32_t kVariantSeed = 86028157;

constexpr std::array kNames = {"pulse", "unleash", "growthbook", "posthog", "flagd"};

std::string Join(std::string_view left, std::string_view between, std::string_view right,
                 std::string_view end = "") {
    std::string text;
    text.reserve(left.size() + between.size() + right.size() + end.size());
    return text.append(left).append(between).append(right).append(end);
}

double Sum(const std::vector<double>& weights) {
    return std::accumulate(weights.begin(), weights.end(), 0.0);
}

// The weight whose range contains `place`, from 0 to the sum of all weights.
size_t PickWeight(const std::vector<double>& weights, double place) {
    double end = 0;
    size_t last = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
        if (weights[i] <= 0) continue;
        end += weights[i];
        last = i;
        if (place < end) return i;
    }
    return last;
}

Bucketing BucketAsPulse(std::string_view salt, std::string_view id, double percentage,
                        const std::vector<double>& weights) {
    Bucketing bucketing;
    bucketing.bucket = Bucket(salt, id);
    if (bucketing.bucket >= std::llround(percentage * (kBuckets / 100))) return bucketing;
    bucketing.weight = 0;
    if (weights.size() < 2) return bucketing;
    bucketing.variant_bucket = Bucket(salt, id, kVariantSeed);
    bucketing.weight = PickWeight(weights, *bucketing.variant_bucket * Sum(weights) / kBuckets);
    return bucketing;
}

// One bucket of 100 for the percentage, one of the sum of the weights for the variant.
Bucketing BucketAsUnleash(std::string_view salt, std::string_view id, double percentage,
                          const std::vector<double>& weights) {
    const std::string text = Join(salt, ":", id);
    const uint32_t place = Murmur3(text) % 100 + 1;
    Bucketing bucketing;
    bucketing.bucket = static_cast<int>(place - 1) * (kBuckets / 100);
    if (place > percentage) return bucketing;
    bucketing.weight = 0;
    if (weights.size() < 2) return bucketing;
    const auto all = static_cast<uint32_t>(std::max(1.0, std::round(Sum(weights))));
    const uint32_t second = Murmur3(text, kVariantSeed) % all;
    bucketing.variant_bucket = static_cast<int>(static_cast<double>(second) / all * kBuckets);
    bucketing.weight = PickWeight(weights, second);
    return bucketing;
}

uint32_t Fnv1a(std::string_view bytes) {
    uint32_t hash = 0x811c9dc5u;
    for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193u;
    return hash;
}

// Version 2 of its hash. Each of several variants has its own range; the percentage covers the beginning of
// each.
Bucketing BucketAsGrowthBook(std::string_view salt, std::string_view id, double percentage,
                             const std::vector<double>& weights) {
    const uint32_t place = Fnv1a(std::to_string(Fnv1a(Join(salt, "", id)))) % 10'000;
    const double n = place / 10'000.0, coverage = percentage / 100;
    Bucketing bucketing;
    bucketing.bucket = static_cast<int>(place) * (kBuckets / 10'000);
    if (weights.size() < 2) {
        if (coverage > 0 && n <= coverage) bucketing.weight = 0;
        return bucketing;
    }
    double begin = 0;
    const double all = Sum(weights);
    for (size_t i = 0; i < weights.size(); ++i) {
        const double width = weights[i] / all;
        if (n >= begin && n < begin + width * coverage) bucketing.weight = i;
        begin += width;
    }
    return bucketing;
}

// The first 15 hexadecimal digits of SHA-1, as a fraction of the largest such number.
double Sha1Share(const std::string& text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha1(), nullptr) != 1 || length < 8)
        throw std::runtime_error("SHA-1 is not available");
    uint64_t number = 0;
    for (size_t i = 0; i < 8; ++i) number = number << 8 | digest[i];
    return static_cast<double>(number >> 4) / static_cast<double>(0xfffffffffffffffULL);
}

int AsBucket(double share) {
    return std::min(static_cast<int>(share * kBuckets), kBuckets - 1);
}

Bucketing BucketAsPostHog(std::string_view salt, std::string_view id, double percentage,
                          const std::vector<double>& weights) {
    const double place = Sha1Share(Join(salt, ".", id));
    Bucketing bucketing;
    bucketing.bucket = AsBucket(place);
    if (percentage < 100 && place > percentage / 100) return bucketing;
    bucketing.weight = 0;
    if (weights.size() < 2) return bucketing;
    const double second = Sha1Share(Join(salt, ".", id, "variant"));
    bucketing.variant_bucket = AsBucket(second);
    bucketing.weight = PickWeight(weights, second * Sum(weights));
    return bucketing;
}

// One hash for both: a percentage is the first of two weights.
Bucketing BucketAsFlagd(std::string_view salt, std::string_view id, double percentage,
                        const std::vector<double>& weights) {
    const uint32_t hash = Murmur3(Join(salt, "", id));
    Bucketing bucketing;
    bucketing.bucket = static_cast<int>(ScaleHash(hash, kBuckets));
    if (bucketing.bucket >= std::llround(percentage * (kBuckets / 100))) return bucketing;
    bucketing.weight = 0;
    if (weights.size() < 2) return bucketing;
    const auto all = static_cast<uint32_t>(std::max(1.0, std::round(Sum(weights))));
    bucketing.weight = PickWeight(weights, ScaleHash(hash, all));
    return bucketing;
}

}  // namespace

const char* Name(Dialect dialect) {
    return kNames[static_cast<size_t>(dialect)];
}

std::optional<Dialect> ParseDialect(std::string_view name) {
    for (size_t i = 0; i < kNames.size(); ++i)
        if (name == kNames[i]) return static_cast<Dialect>(i);
    return std::nullopt;
}

uint32_t ScaleHash(uint32_t hash, uint32_t count) {
    return static_cast<uint32_t>(static_cast<uint64_t>(hash) * count >> 32);
}

int Bucket(std::string_view salt, std::string_view id, uint32_t seed) {
    return static_cast<int>(ScaleHash(Murmur3(Join(salt, ":", id), seed), kBuckets));
}

Bucketing ComputeBucketing(Dialect dialect, std::string_view salt, std::string_view id, double percentage,
                           const std::vector<double>& weights) {
    switch (dialect) {
        case Dialect::kPulse: return BucketAsPulse(salt, id, percentage, weights);
        case Dialect::kUnleash: return BucketAsUnleash(salt, id, percentage, weights);
        case Dialect::kGrowthBook: return BucketAsGrowthBook(salt, id, percentage, weights);
        case Dialect::kPostHog: return BucketAsPostHog(salt, id, percentage, weights);
        case Dialect::kFlagd: return BucketAsFlagd(salt, id, percentage, weights);
    }
    throw std::logic_error("unknown dialect");
}

}  // namespace pulse::flag
