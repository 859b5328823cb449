// A robust baseline with trend and season for a series with a point per step, tolerant of gaps. The point to
// judge is not part of it.
#pragma once

#include <span>

#include "pulse/drift/statistics/status.hpp"

namespace pulse::drift {

// The scale on which a series adds up.
enum class Scale {
    kLinear,
    kLog,    // counts; values below 0.5 count as 0.5
    kLogit,  // rates, kept inside [1e-6, 1 - 1e-6]
};

// The expectation for the step after the history's last.
struct SeasonalBaseline {
    Status status = Status::kInsufficientData;
    int period = 0;        // 1: no season
    int points = 0;        // finite values used
    double slope = 0;      // per step, on the scale
    double level = 0;      // on the scale
    double season = 0;     // of the step to judge
    double recent = 0;     // how far the last period lies off the model; half of it goes into the prediction
    double predicted = 0;  // on the scale
    double sigma = 0;      // of a new point around the prediction, on the scale
    double residual_mad = 0;  // unscaled, on the scale
    double expected = 0;      // in the series' own unit

    // How many sigmas the value lies off; capped at ±kZCap, 0 without a baseline.
    double Z(double value) const;
    // The same as a two-sided p: Student t where the history is short.
    double PValue(double value) const;
    // The expectation `z` sigmas away, in the series' own unit.
    double Bound(double z) const;

    Scale scale = Scale::kLog;
};

// Fits the baseline; a value that is NaN is a gap. Needs `period` + 1 … 2 × `period` + 1 finite values.
// `sigma_floor` is the least spread to believe in, on the scale (0.01 = 1 % on the log scale).
SeasonalBaseline FitSeasonal(std::span<const double> history, int period, Scale scale = Scale::kLog,
                             double sigma_floor = 0.01);

// The period worth having: a candidate is kept only if it cuts the residuals' MAD by 10 % against no season
// and there are 2 × period + 1 points; among several the best. 1 if none.
int ChoosePeriod(std::span<const double> history, std::span<const int> candidates, Scale scale = Scale::kLog);

}  // namespace pulse::drift
