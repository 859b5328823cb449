// Rates and counts over time: is the new one different.
#pragma once

#include <cstdint>
#include <span>

#include "pulse/drift/statistics/status.hpp"

namespace pulse::drift::statistics {

struct Interval {
    double low = 0, high = 1;
};

// x successes among n.
struct Proportion {
    int64_t successes = 0, trials = 0;
    double rate() const {
        return trials > 0 ? static_cast<double>(successes) / static_cast<double>(trials) : 0;
    }
};

// Wilson's score interval; 0…1 for no trials.
Interval Wilson(Proportion proportion, double confidence = 0.95);

struct TwoProportions {
    StatisticStatus status = StatisticStatus::kInsufficientData;
    double difference = 0;     // current - reference
    double z = 0;              // pooled; sign of the difference
    double p_value = 1;        // two-sided
    Interval newcombe{-1, 1};  // of the difference
    double predictive_p =
        1;  // mid-p of the beta-binomial predictive with Jeffreys' prior: for counts below 30
};
TwoProportions CompareProportions(Proportion reference, Proportion current, double confidence = 0.95);

// A new rate against history whose days vary more than a binomial: phi is Pearson's chi-square ÷ (days - 1),
// at least 1.
struct QuasiBinomial {
    StatisticStatus status = StatisticStatus::kInsufficientData;
    double rate = 0;     // of the history
    double phi = 1;      // as used
    double phi_raw = 0;  // as measured
    double z_binomial = 0, p_binomial = 1;
    double z = 0, p_value = 1;  // Student t with days - 1 degrees of freedom
    int64_t days = 0;           // of the history, those with trials
};
QuasiBinomial CompareRate(std::span<const Proportion> history, Proportion current);

// Two Poisson counts over their exposures.
struct PoissonRates {
    StatisticStatus status = StatisticStatus::kInsufficientData;
    double ratio = 1;    // current rate ÷ reference rate; infinite when the reference has none
    double p_value = 1;  // exact conditional, doubled smaller tail
    double mid_p = 1;
    double z = 0;  // variance-stabilised: 2(√(c₂/t₂) - √(c₁/t₁)) ÷ √(1/t₁ + 1/t₂)
};
PoissonRates ComparePoisson(int64_t reference, double reference_exposure, int64_t current,
                            double current_exposure);

}  // namespace pulse::drift::statistics
