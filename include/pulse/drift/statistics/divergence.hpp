// Two tables of counts over the same categories (or the same frozen bins): how far apart, and is it more than
// chance. Both sides have one count per category, in the same order; a category that one side lacks has count
// 0.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "pulse/drift/statistics/status.hpp"

namespace pulse::drift::statistics {

using Counts = std::span<const int64_t>;

// Population stability index, with Jeffreys' 0.5 added to every bin of both sides, so that an empty bin needs
// no magic epsilon.
struct Psi {
    StatisticStatus status = StatisticStatus::kInsufficientData;
    double value = 0;
    std::optional<double> raw;  // without the 0.5; empty where a bin is
    double null_mean = 0;       // what chance alone gives: (k-1)(1/n + 1/m)
    double corrected = 0;       // max(0, value - null_mean)
    double p_value = 1;  // value / (1/n + 1/m) is chi-square with k-1 degrees of freedom when nothing changed
    std::vector<double> contributions;  // per category; they sum to value
};
Psi PopulationStability(Counts reference, Counts current);

// Distances between the two sides' shares.
struct Distances {
    StatisticStatus status = StatisticStatus::kInsufficientData;
    double total_variation = 0;            // half the sum of absolute differences, 0…1
    double total_variation_null_mean = 0;  // what chance alone gives (normal approximation per category)
    double total_variation_corrected = 0;  // max(0, total_variation - its null mean)
    double l_infinity = 0;                 // largest difference of one share
    double hellinger = 0;                  // 0…1
    double js_divergence = 0;              // Jensen–Shannon in bits, 0…1
    double js_distance = 0;                // its root
    double js_null_mean = 0;               // of the divergence, bits
    double js_p_value = 1;
    double kl_current = 0;    // KL(current ‖ reference), nats, with Jeffreys' 0.5
    double kl_reference = 0;  // KL(reference ‖ current)
};
Distances CompareShares(Counts reference, Counts current);
// Only the first of them; 0 where nothing can be compared.
double TotalVariation(Counts reference, Counts current);

// 2 × k test of homogeneity without Yates. Categories absent on both sides are dropped; for the pooled
// figures the rarest ones are merged until the approximation holds (Cochran: no expectation below 1, at most
// 20 % below 5).
struct Homogeneity {
    StatisticStatus status = StatisticStatus::kInsufficientData;
    double statistic = 0, p_value = 1;  // Pearson's, all categories
    int64_t degrees = 0;
    double min_expected = 0;
    double g_statistic = 0, g_p_value = 1;            // log-likelihood ratio
    double pooled_statistic = 0, pooled_p_value = 1;  // the one to decide by
    int64_t pooled_degrees = 0;
    double cramers_v = 0, cramers_v_corrected = 0;  // effect; corrected for bias (Bergsma 2013)
};
Homogeneity TestHomogeneity(Counts reference, Counts current);

// Fisher's exact test, two-sided: the tables no more likely than this one. Margins beyond 100,000 use the
// pooled z, which is then the same.
struct FisherExact {
    StatisticStatus status = StatisticStatus::kInsufficientData;
    double odds_ratio = 1;  // of the sample; may be infinite
    double p_value = 1;
};
FisherExact TestFisher(int64_t a, int64_t b, int64_t c, int64_t d);

// P of seeing at least x rows of a value among n_current when it makes up nothing but chance that none was
// among n_reference: hypergeometric, one-sided. Swap the sides for a value that vanished.
double NewValueP(int64_t n_reference, int64_t x, int64_t n_current);

}  // namespace pulse::drift::statistics
