// The input and output of every detector. Inside this room only.
#pragma once

#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pulse/drift/baseline.hpp"
#include "pulse/drift/detectors.hpp"
#include "pulse/drift/rate_test.hpp"

namespace pulse::drift {

struct DetectorContext {
    const History& history;
    size_t index;
    const Exclusions& exclusions;
    const Expectations& expectations;
    const Thresholds& thresholds;
    std::optional<Expectation> size;  // the expected size

    const Point& now() const { return history.points[index]; }
    bool IsEnabled(double threshold) const { return threshold < kSwitchedOff; }
};

// The detectors. Each adds one result per test.
void DetectSize(const DetectorContext& context, std::vector<DetectorResult>& results);
void DetectExpectedRange(const DetectorContext& context, std::vector<DetectorResult>& results);
void DetectSlowChanges(const DetectorContext& context, std::vector<DetectorResult>& results);
void DetectConversion(const DetectorContext& context, std::vector<DetectorResult>& results);
void DetectInactivity(const DetectorContext& context, std::vector<DetectorResult>& results);
void DetectMembershipChurn(const DetectorContext& context, std::vector<DetectorResult>& results);
void DetectSchema(const DetectorContext& context, std::vector<DetectorResult>& results);

// The values that snapshots of an attribute keep by name, side by side: counts in the order of `names`.
// Valid as long as the distributions.
struct AlignedValues {
    static constexpr int64_t kNotKept = -1;
    struct Row {
        Row() = default;
        Row(Row&&) = default;
        Row& operator=(Row&&) = default;
        // The counts of the distribution itself, where it keeps all values in this order.
        std::span<const int64_t> counts;
        std::vector<int64_t> reordered;
        int64_t other = 0, known = 0;
        int64_t hidden = 0;  // the most members that a value not kept by name can have
        bool Keeps(size_t value) const { return counts[value] != kNotKept; }
    };
    std::vector<std::string_view> names;  // of the distributions
    Row now;
    std::vector<Row> baseline;  // newest first
};
// Leaves out what has no values by name. Needs as many counts as labels in `now`.
AlignedValues AlignValues(const snapshot::Distribution& now,
                          const std::vector<const snapshot::Distribution*>& baseline);

// One attribute's distributions, read before the detectors run: a row per snapshot, the tested one apart.
struct AttributeView {
    const snapshot::Distribution* now = nullptr;
    std::vector<const snapshot::Distribution*> baseline;  // newest first; never empty
    std::vector<int64_t> snapshots;                       // theirs
    BaselineKind kind = BaselineKind::kRolling;
    AlignedValues values;  // empty for intervals
};
void DetectShift(const DetectorContext& context, const AttributeView& view,
                 std::vector<DetectorResult>& results);
void DetectNulls(const DetectorContext& context, const AttributeView& view,
                 std::vector<DetectorResult>& results);
void DetectNans(const DetectorContext& context, const AttributeView& view,
                std::vector<DetectorResult>& results);
void DetectValues(const DetectorContext& context, const AttributeView& view,
                  std::vector<DetectorResult>& results);

}  // namespace pulse::drift
