// Distributions of one attribute as a contingency table with common cells. Inside this room only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "detector_context.hpp"

namespace pulse::drift {

// Counts members with a value; other detectors check null and NaN. What "other" may hide of a value is
// assumed to be as on the other side, so that a difference between `now` and `pooled` is certain.
struct ContingencyTable {
    std::vector<std::string> names;  // values, intervals, or (other)
    std::vector<int64_t> now;
    std::vector<std::vector<int64_t>> rows;  // one per baseline snapshot
    std::vector<int64_t> pooled;             // of all of them
    int64_t now_total = 0, pooled_total = 0;
    bool intervals = false;
    bool bounded = false;  // "other" may hide more

    double ShareNow(size_t cell) const {
        return static_cast<double>(now[cell]) / static_cast<double>(now_total);
    }
    double ShareBefore(size_t cell) const {
        return static_cast<double>(pooled[cell]) / static_cast<double>(pooled_total);
    }
};

// The total variation distance of `now` from `pooled` in the table, without building it; empty unless all
// snapshots keep the same values, or intervals.
std::optional<double> PlainDistance(const AttributeView& view);

// Builds the table; empty when nothing is comparable: other edges, another kind, no values.
std::optional<ContingencyTable> BuildContingencyTable(const AttributeView& view);

// The over-dispersion among the baseline's snapshots relative to sampling noise; at least 1.
double Dispersion(const ContingencyTable& table);

// A named value of labelled distributions with its counts.
struct NamedValue {
    std::string_view name;
    int64_t now = 0, before = 0;
    // The most members that "other" may contain where the value is not kept by name.
    int64_t now_hidden = 0, before_hidden = 0;
    size_t rows = 0;  // baseline snapshots that have it by name
};
std::vector<NamedValue> NamedValues(const AlignedValues& values);

// Whether the attribute regularly brings new values: in two or more of the baseline's snapshots.
bool HasValueTurnover(const AlignedValues& values, double share);

}  // namespace pulse::drift
