#include "pulse/drift/statistics/robust.hpp"

#include "statistics_common.hpp"

namespace pulse::drift::statistics {

namespace {

// From this many points on Sen's slope takes a pair per point instead of all pairs.
constexpr size_t kAllPairs = 2000;

// Reorders the values.
double QuantileOf(std::vector<double>& values, double p) {
    if (values.empty()) return 0;
    const double rank =
        std::clamp(std::isnan(p) ? 0.5 : p, 0.0, 1.0) * static_cast<double>(values.size() - 1);
    const auto below = static_cast<size_t>(rank);
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(below);
    std::nth_element(values.begin(), at, values.end());
    const double low = *at, part = rank - static_cast<double>(below);
    if (part <= 0) return low;
    const double high = *std::min_element(at + 1, values.end());
    return low + part * (high - low);
}

}  // namespace

double Quantile(std::span<const double> values, double p) {
    std::vector<double> finite = Finite(values);
    return QuantileOf(finite, p);
}

double Median(std::span<const double> values) {
    return Quantile(values, 0.5);
}

Spread MeasureSpread(std::span<const double> values) {
    Spread spread;
    std::vector<double> deviations = Finite(values);
    spread.count = static_cast<int>(deviations.size());
    if (deviations.empty()) return spread;
    spread.median = QuantileOf(deviations, 0.5);
    double sum = 0;
    for (double& value : deviations) {
        value = std::abs(value - spread.median);
        sum += value;
    }
    spread.mad = QuantileOf(deviations, 0.5);
    spread.mean_deviation = sum / static_cast<double>(deviations.size());
    spread.sigma = spread.mad > 0 ? kMadToSigma * spread.mad : kMeanDeviationToSigma * spread.mean_deviation;
    spread.status = spread.count < 2 ? StatisticStatus::kInsufficientData
                    : sum > 0        ? StatisticStatus::kOk
                                     : StatisticStatus::kConstant;
    return spread;
}

double SenSlope(std::span<const double> times, std::span<const double> values) {
    std::vector<double> slopes;
    const size_t n = std::min(times.size(), values.size());
    const auto add = [&](size_t i, size_t j) {
        const double slope = (Bounded(values[j]) - Bounded(values[i])) / (times[j] - times[i]);
        if (std::isfinite(slope)) slopes.push_back(slope);
    };
    // Theil's incomplete method pairs each point with the one half the series away.
    for (size_t i = 0; i < n; ++i)
        for (size_t j = n > kAllPairs ? std::max(i + 1, i + n / 2) : i + 1; j < n; ++j) {
            add(i, j);
            if (n > kAllPairs) break;
        }
    return Median(slopes);
}

}  // namespace pulse::drift::statistics
