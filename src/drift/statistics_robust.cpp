#include "pulse/drift/statistics/robust.hpp"

#include "statistics_common.hpp"

namespace pulse::drift::statistics {

namespace {

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

double RobustScale(std::span<const double> values) {
    return MeasureSpread(values).sigma;
}

RobustZ ScoreAgainst(std::span<const double> history, double value, double sigma_floor) {
    RobustZ result;
    result.spread = MeasureSpread(history);
    result.status = result.spread.status;
    if (std::isnan(value)) result.status = StatisticStatus::kInvalidInput;
    if (result.status == StatisticStatus::kInsufficientData ||
        result.status == StatisticStatus::kInvalidInput)
        return result;
    const double distance = std::isinf(value) ? value : Bounded(value) - result.spread.median;
    const double floor = std::isfinite(sigma_floor) ? sigma_floor : 0;
    const double sigma = std::max(result.spread.sigma, floor);
    if (sigma > 0)
        result.z = std::clamp(distance / sigma, -kZCap, kZCap);
    else if (distance != 0)
        result.z = std::copysign(kZCap, distance);
    return result;
}

}  // namespace pulse::drift::statistics
