// The measured values of one attribute at one moment: what drift and diagnosis compare. Pure C++.
// The fields mirror the table pulse.distribution.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pulse/segment/definition.hpp"

namespace pulse::snapshot {

struct Distribution {
    std::string attribute;
    segment::AttributeKind kind = segment::AttributeKind::kCategorical;
    int64_t total = 0;
    int64_t nulls = 0;
    int64_t nans = 0;  // numeric: members whose value is NaN
    int64_t other = 0;
    std::optional<int64_t> distinct_values;
    std::vector<std::string> labels;  // categorical and boolean
    std::vector<double> edges;        // numeric and timestamp; n edges, n+1 counts
    std::vector<int64_t> counts;
    std::optional<double> mean, stddev, minimum, maximum;
    std::vector<double> quantiles;  // at kQuantileLevels, or empty

    bool operator==(const Distribution&) const = default;

    // Members with a value: neither null nor NaN.
    int64_t known() const { return total - nulls - nans; }
    bool labelled() const {
        return kind == segment::AttributeKind::kCategorical || kind == segment::AttributeKind::kBoolean;
    }
};

// Shannon's entropy of the counts and `other` as one more, in bits. Empty without members.
std::optional<double> Entropy(const std::vector<int64_t>& counts, int64_t other);

inline constexpr double kQuantileLevels[] = {0.01, 0.05, 0.25, 0.50, 0.75, 0.95, 0.99};

}  // namespace pulse::snapshot
