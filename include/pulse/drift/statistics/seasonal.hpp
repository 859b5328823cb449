// A robust baseline with trend and season for a series with a point per step, tolerant of gaps. The point to
// judge is not part of it.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "pulse/drift/statistics/status.hpp"

namespace pulse::drift::statistics {

// The scale on which a series adds up.
enum class Scale {
    kLinear,
    kLog,    // counts; values below 0.5 count as 0.5
    kLogit,  // rates, kept inside [1e-6, 1 - 1e-6]
};

inline constexpr double kZCap = 1e6;  // of a value that differs from a constant history

// The expectation for the step after the history's last.
struct SeasonalFit {
    StatisticStatus status = StatisticStatus::kInsufficientData;
    Scale scale = Scale::kLinear;
    int period = 0;        // steps; 1: no season
    int points = 0;        // finite values used
    double slope = 0;      // per step, on the scale
    double level = 0;      // at the step to judge, on the scale
    double season = 0;     // of the step to judge
    double recent = 0;     // how far the last period lies off the model; half of it goes into the prediction
    double predicted = 0;  // on the scale
    double sigma = 0;      // of a new point around the prediction, on the scale
    double residual_mad = 0;        // unscaled
    double expected = 0;            // predicted, in the series' own unit
    std::vector<double> residuals;  // per step of the history, NaN at gaps

    // How many sigmas the value lies off; within ±kZCap, 0 without a baseline.
    double Z(double value) const;
    // The value z sigmas away from the expected one, in the series' own unit.
    double At(double z) const;
};

// Fits level, slope and season robustly; a value that is not finite is a gap. Needs 2 × period + 1 finite
// values and one in each phase for a season, 4 without (period 1). `sigma_floor` is the least spread to
// believe in, on the scale (0.01 on the log scale = 1 %).
SeasonalFit RobustSeasonalFit(std::span<const double> history, size_t period, Scale scale = Scale::kLinear,
                              double sigma_floor = 0);

}  // namespace pulse::drift::statistics
