// The input and output of every detector. Inside this room only.
#pragma once

#include <cmath>
#include <optional>
#include <string>
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

// One attribute's distributions, read before the detectors run: a row per snapshot, the tested one apart.
struct AttributeView {
    const snapshot::Distribution* now = nullptr;
    std::vector<const snapshot::Distribution*> baseline;  // newest first; never empty
    std::vector<int64_t> snapshots;                       // theirs
    BaselineKind kind = BaselineKind::kRolling;
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
