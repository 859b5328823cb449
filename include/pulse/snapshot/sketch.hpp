// A set of members as the k smallest of their 64-bit hashes: exact up to k distinct members, an estimate with
// a known standard error beyond. Two sketches give the number of shared members without storing member ids.
// Pure C++. The estimator is bottom-k / KMV: Beyer et al., "On Synopses for Distinct-Value Estimation",
// SIGMOD 2007.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pulse::snapshot {

inline constexpr uint32_t kMinSketchSize = 64;
inline constexpr uint32_t kMaxSketchSize = 1u << 20;

// Every distinct hash below `theta` that was seen, ascending; at most `k`.
struct Sketch {
    static constexpr uint64_t kEverything = UINT64_MAX;

    uint32_t k = kMinSketchSize;
    uint64_t theta = kEverything;
    std::vector<uint64_t> hashes;

    // Nothing was left out: all figures are exact.
    bool exact() const { return theta == kEverything; }
    // Distinct members, exact or estimated.
    double Cardinality() const;
    // Relative standard error of Cardinality(); 0 when exact.
    double RelativeError() const;

    // Versioned, little-endian: "PSK1", k, theta, n, hashes.
    std::string Encode() const;
    // Throws UserError XX001 for anything Encode() would not have written.
    static Sketch Decode(std::string_view bytes);
};

// Takes hashes one by one and keeps a few k of them at most.
class SketchBuilder {
  public:
    explicit SketchBuilder(uint32_t k) : k_(k), capacity_(4 * static_cast<size_t>(k)) {}

    void Add(uint64_t hash) {
        if (hash >= theta_) return;
        hashes_.push_back(hash);
        if (hashes_.size() >= capacity_) Compact();
    }
    void Merge(const Sketch& sketch);
    void Merge(const SketchBuilder& other);

    uint32_t k() const { return k_; }
    // The sketch of what came so far.
    Sketch Build();

  private:
    void Compact();

    uint32_t k_;
    size_t capacity_;
    uint64_t theta_ = Sketch::kEverything;
    std::vector<uint64_t> hashes_;
};

Sketch Union(const Sketch& a, const Sketch& b);

// How two sets lie to each other, in members.
struct Overlap {
    double in_both = 0;
    double only_a = 0;
    double only_b = 0;
    double standard_error = 0;  // of each of the three; 0 when exact
};

// Compares two sketches. Sizes that are known by counting make it better: then only_a = size_a - in_both
// holds.
Overlap Compare(const Sketch& a, const Sketch& b, std::optional<double> size_a = std::nullopt,
                std::optional<double> size_b = std::nullopt);

// Entered and exited members between two snapshots, in whole members: size_after - size_before = entered -
// exited, always.
struct Flow {
    int64_t entered = 0;
    int64_t exited = 0;
    double standard_error = 0;
};

Flow FlowBetween(const Sketch& before, int64_t size_before, const Sketch& after, int64_t size_after);

}  // namespace pulse::snapshot
