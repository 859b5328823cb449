// Two histograms over the same frozen edges: Kolmogorov–Smirnov and Wasserstein without the rows.
#pragma once

#include <span>

#include "pulse/drift/statistics/divergence.hpp"

namespace pulse::drift::statistics {

// Kolmogorov–Smirnov. From bins D is only a lower bound, so its p is conservative; the true D lies in [d,
// d_upper].
struct BinnedKs {
    StatisticStatus status = StatisticStatus::kInsufficientData;
    double d = 0, d_upper = 0;
    double p_value = 1;  // Stephens' correction of the limit
};
BinnedKs KolmogorovSmirnov(Counts reference, Counts current);

// Two-sample p of a known D: K((√e + 0.12 + 0.11/√e) D), e = nm/(n+m).
double KolmogorovSmirnovP(double d, double n, double m);

// Earth mover's distance in the attribute's unit: the integral of |F - G|. `edges` are the k+1 limits of the
// k bins.
struct BinnedWasserstein {
    StatisticStatus status =
        StatisticStatus::kInsufficientData;  // kConstant: the reference has no spread, normed is 0
    double uniform = 0;                      // mass spread evenly inside each bin, exact
    double midpoint = 0;                     // mass at the middle of each bin
    double reference_sd = 0;                 // of the reference, mass spread evenly
    double normed = 0;                       // uniform / reference_sd
    double null_mean = 0;                    // of `uniform` when nothing changed, from the sample sizes
};
BinnedWasserstein Wasserstein(Counts reference, Counts current, std::span<const double> edges);

// Histograms with open outer bins: n inner edges, n+1 counts. The outer bins end at minimum and maximum,
// which are taken as they are where they lie outside the edges, and else as far out as the neighbouring bin
// is wide.
BinnedWasserstein WassersteinOpen(Counts reference, Counts current, std::span<const double> inner_edges,
                                  double minimum, double maximum);

}  // namespace pulse::drift::statistics
