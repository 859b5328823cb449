// Compares two snapshots attribute by attribute, with the noise to expect from chance and from the usual
// variability. Pure C++.
#pragma once

#include "pulse/diagnosis/input.hpp"

namespace pulse::diagnosis {

enum class CellKind { kValue, kOther, kNull, kNan };

// One value of an attribute (or an interval, the rest, the nulls, NaN) before and after.
struct Cell {
    CellKind kind = CellKind::kValue;
    std::string label;  // the value as text; empty for other, null and NaN
    int64_t before = 0, after = 0;
    double noise = 1;  // standard deviation to expect of after - before

    int64_t delta() const { return after - before; }
    double z() const { return static_cast<double>(delta()) / noise; }
    // Whether hardly anybody had the value or interval before.
    bool came_from_nothing() const {
        return kind != CellKind::kNull && z() > 4 &&
               static_cast<double>(before) <= 0.02 * static_cast<double>(after);
    }
};

struct DistributionChange {
    std::string attribute;
    segment::AttributeKind kind = segment::AttributeKind::kCategorical;
    std::vector<Cell> cells;
    double distance = 0;  // total variation distance less what chance alone gives, 0..1
    std::optional<double> median_before, median_after;  // numeric attributes
    std::optional<double> mean_before, mean_after;

    bool labelled() const {
        return kind == segment::AttributeKind::kCategorical || kind == segment::AttributeKind::kBoolean;
    }
};

// Compare one attribute. `variability` is the usual relative change from one snapshot to the next. Empty when
// the two cannot be compared: other kind, other edges.
std::optional<DistributionChange> Compare(const snapshot::Distribution& before,
                                          const snapshot::Distribution& after, double variability);

// Compare all attributes that both snapshots have, in the order of the first.
std::vector<DistributionChange> Compare(const SegmentSnapshot& before, const SegmentSnapshot& after,
                                        double variability);

// The development of size and flow before and after `since`.
struct SizeTrend {
    double variability = 0.03;  // usual relative change from one snapshot to the next
    size_t steps = 0;           // snapshots from the last normal one to the newest
    double largest_step = 1;    // share of the whole change in the largest single step
    double steadiness = 0;      // share of steps in the direction of the change
    Moment largest_at = 0;      // snapshot at which the largest step was seen
    // Members per snapshot, usual = median before, now = mean since.
    std::optional<double> usual_entered, usual_exited, now_entered, now_exited;
    std::optional<double> peak_exited;   // largest share of members that left in one snapshot since
    std::optional<double> peak_entered;  // in the same snapshot: share that entered
    size_t flow_points = 0;              // normal snapshots with a flow
};

SizeTrend ComputeSizeTrend(const DiagnosisInput& input);

// The certainty, 0..1, that an effect of `z` standard deviations is more than chance: 0.5 at 3, 0.8 at 6.
double Support(double z);

// Clamp to 0..1; NaN becomes 0.
double Unit(double value);

}  // namespace pulse::diagnosis
