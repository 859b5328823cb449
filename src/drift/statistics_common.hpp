// What the statistics share. Inside this room only.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "pulse/drift/statistics/divergence.hpp"

namespace pulse::drift::statistics {

// Values beyond this are pulled in, so that squares, sums and products of a million of them stay finite.
inline constexpr double kHuge = 1e140;

inline double Bounded(double value) {
    return std::clamp(value, -kHuge, kHuge);
}

// The finite values, bounded.
inline std::vector<double> Finite(std::span<const double> values) {
    std::vector<double> finite;
    finite.reserve(values.size());
    for (const double value : values)
        if (std::isfinite(value)) finite.push_back(Bounded(value));
    return finite;
}

inline bool AnyNegative(Counts counts) {
    return std::any_of(counts.begin(), counts.end(), [](int64_t count) { return count < 0; });
}

// Sums as doubles: counts up to 2^62 add up without overflow.
inline double Total(Counts counts) {
    double total = 0;
    for (const int64_t count : counts) total += static_cast<double>(count);
    return total;
}

// Whether two tables of counts can be compared at all.
inline StatisticStatus CheckCounts(Counts reference, Counts current) {
    if (reference.size() != current.size() || AnyNegative(reference) || AnyNegative(current))
        return StatisticStatus::kInvalidInput;
    if (Total(reference) <= 0 || Total(current) <= 0) return StatisticStatus::kInsufficientData;
    return StatisticStatus::kOk;
}

// Two sides of counts without the categories that neither has.
struct TwoSampleCounts {
    std::vector<double> reference, current;
    std::vector<size_t> origin;  // index in the counts given
    double n = 0, m = 0;
    double inverse_sizes = 0;  // 1/n + 1/m

    size_t size() const { return origin.size(); }
    double degrees() const { return static_cast<double>(size()) - 1; }
};

inline TwoSampleCounts MakeTable(Counts reference, Counts current) {
    TwoSampleCounts table;
    for (size_t i = 0; i < reference.size(); ++i) {
        if (reference[i] == 0 && current[i] == 0) continue;
        table.reference.push_back(static_cast<double>(reference[i]));
        table.current.push_back(static_cast<double>(current[i]));
        table.origin.push_back(i);
    }
    table.n = Total(reference);
    table.m = Total(current);
    table.inverse_sizes = 1 / table.n + 1 / table.m;
    return table;
}

}  // namespace pulse::drift::statistics
