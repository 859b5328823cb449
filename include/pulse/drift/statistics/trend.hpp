// Slow movement and sudden steps in one series.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "pulse/drift/statistics/status.hpp"

namespace pulse::drift::statistics {

// Mann–Kendall with tie variance and continuity correction, and Sen's slope. Values that are not finite are
// gaps: they keep their place in time.
struct MannKendall {
    StatisticStatus status = StatisticStatus::kInsufficientData;  // kConstant: all values equal, p = 1
    int count = 0;
    double s = 0, variance = 0;
    double z = 0, p_value = 1;   // independent values
    double tau = 0;              // tau-b
    double slope = 0;            // Sen, per step
    double intercept = 0;        // at step 0
    double autocorrelation = 0;  // lag 1, of what the best monotone curve leaves over
    double z_adjusted = 0,
           p_adjusted = 1;  // variance widened by (1 + r)/(1 - r) for an autocorrelation r > 0
};
MannKendall TestTrend(std::span<const double> values);

// Sen's slope: the median of the slopes of all pairs; 0 for fewer than two different times.
double SenSlope(std::span<const double> times, std::span<const double> values);

// Steps in the mean: the exact optimum of squared error + penalty per step (optimal partitioning).
struct ChangePoints {
    StatisticStatus status = StatisticStatus::kInsufficientData;
    std::vector<size_t> starts;  // first index of each new stretch
    double squared_error = 0;    // that remains
    double objective = 0;        // with the penalties
};
ChangePoints FindChangePoints(std::span<const double> values, double penalty, size_t min_segment = 2);
// The usual penalty 2 σ² ln n, σ from the MAD of first differences.
double ChangePointPenalty(std::span<const double> values);

// The best single step.
struct Split {
    StatisticStatus status = StatisticStatus::kInsufficientData;  // kConstant: no step at all
    size_t start = 0;                                             // first index of the new stretch
    double gain = 0;                                              // squared error that the step saves
    double before = 0, after = 0;                                 // means
};
Split FindSplit(std::span<const double> values, size_t min_segment = 1);

}  // namespace pulse::drift::statistics
