// What detectors are made of, also those of later rooms: a test of a rate against those of other points, the
// result of a test, and numbers in sentences. Pure C++.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pulse/drift/finding.hpp"
#include "pulse/drift/thresholds.hpp"

namespace pulse::drift {

struct Count {
    double hits = 0, total = 0;
    double error = 0;         // standard error of hits, beyond counting
    bool same_phase = false;  // at the tested point's place in the season
};

struct RateTest {
    double baseline = 0, observed = 0;
    double p_value = 1;  // two-sided
    double dispersion = 1;
    size_t points = 0;
    bool seasonal = false;
};

// Tests `now` against the pooled rate; over-dispersion is learnt from how the baseline's own points vary.
// `phases` is the number of phases of a season that might matter, 0 = none. Empty without a baseline or with
// nothing observed. Where the rates differ by less than `least`, the p-value does not matter and is 1.
std::optional<RateTest> TestRate(const Count& now, const std::vector<Count>& baseline, int phases,
                                 double least = 0);

// Tests a rate against a pinned one; how much rates vary is learnt from the others.
std::optional<RateTest> TestPinnedRate(const Count& now, const Count& pinned,
                                       const std::vector<Count>& others);

// ---- from a test to a result (detector_result.cpp) ----

// Fills in ratio, materiality, support, severity and direction. `effect` is the part of `change` that
// matters: its absolute value, or only rises, or only falls.
DetectorResult EvaluateChange(Fingerprint fingerprint, double change, double effect, double threshold,
                              std::optional<double> p_value, BaselineKind kind, const Thresholds& thresholds);

// ---- numbers in sentences (detector_result.cpp) ----

std::string Members(double count);                    // 10,000
std::string Percent(double share, int decimals = 1);  // 42.0 %
std::string Fixed(double value, int decimals);
std::string BaselineText(BaselineKind kind, size_t points);  // rolling baseline of 5 snapshots

}  // namespace pulse::drift
