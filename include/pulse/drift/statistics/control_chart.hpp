// Control charts: small changes that last, seen by adding them up.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "pulse/drift/statistics/status.hpp"

namespace pulse::drift::statistics {

// Tabular two-sided CUSUM of standardised values. A value that is not finite leaves the sums as they are.
struct Cusum {
    StatisticStatus status = StatisticStatus::kInsufficientData;
    std::vector<double> up, down;  // after each value; both ≥ 0
    std::vector<size_t> alarms;    // where either exceeds h
    std::optional<size_t> first_alarm;
    // Where the run that ends in the last value's excess began: the step after the sum was last 0.
    std::optional<size_t> up_since, down_since;
};
Cusum RunCusum(std::span<const double> z, double k = 0.5, double h = 8);

// Mean number of steps to an alarm of that CUSUM on independent N(shift, 1) values: Brook and Evans' Markov
// chain of 400 states, about 4 digits and some milliseconds.
double CusumRunLength(double k, double h, double shift = 0);
// The h between 2 and 12 whose false alarms are that many steps apart with k = 0.5; at once, within 1 %.
double CusumLimitFor(double steps);

// Page–Hinkley: the mean is learnt while it runs.
struct PageHinkley {
    StatisticStatus status = StatisticStatus::kInsufficientData;
    std::vector<double> up, down;
    std::vector<size_t> alarms;  // where either exceeds lambda
};
PageHinkley RunPageHinkley(std::span<const double> values, double delta, double lambda);

// Exponentially weighted moving average of standardised values with its exact limits.
struct Ewma {
    StatisticStatus status = StatisticStatus::kInsufficientData;
    std::vector<double> average, limit;
    std::vector<size_t> alarms;
};
Ewma RunEwma(std::span<const double> z, double lambda = 0.2, double width = 2.859);

}  // namespace pulse::drift::statistics
