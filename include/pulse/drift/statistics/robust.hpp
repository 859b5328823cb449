// Centre, spread and slope that one outlier cannot move. Values that are not finite are left out.
#pragma once

#include <span>
#include <vector>

#include "pulse/drift/statistics/status.hpp"

namespace pulse::drift::statistics {

// MAD to standard deviation, and mean absolute deviation to standard deviation, for normal data.
inline constexpr double kMadToSigma = 1.4826022185056018;
inline constexpr double kMeanDeviationToSigma = 1.2533141373155003;

// Type 7, as percentile_cont; 0 for no values.
double Quantile(std::span<const double> values, double p);
double Median(std::span<const double> values);

struct Spread {
    StatisticStatus status = StatisticStatus::kInsufficientData;  // kConstant: all deviations are zero
    double median = 0;
    double mad = 0;             // median absolute deviation, unscaled
    double mean_deviation = 0;  // mean absolute deviation from the median
    double sigma = 0;           // 1.4826 MAD; where that is 0, 1.2533 × mean deviation
    int count = 0;
};
Spread MeasureSpread(std::span<const double> values);

// Sen's slope: the median of the slopes of all pairs; 0 for fewer than two different times.
double SenSlope(std::span<const double> times, std::span<const double> values);

}  // namespace pulse::drift::statistics
