#include "pulse/drift/statistics/attribution.hpp"

#include "statistics_common.hpp"

namespace pulse::drift::statistics {

namespace {

// Sides beyond this would overflow in products of four.
constexpr double kLargest = 1e60;

bool Usable(std::span<const double> values) {
    return std::all_of(values.begin(), values.end(), [](double v) { return v >= 0 && v <= kLargest; });
}

double Sum(std::span<const double> values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum;
}

// p ln(2p / (p + q)), 0 where p is.
double Half(double p, double q) {
    return p > 0 ? p * std::log(2 * p / (p + q)) : 0;
}

void Normalise(const std::vector<double>& raw, double total, std::vector<double>& shares) {
    for (size_t i = 0; i < raw.size(); ++i) shares[i] = raw[i] / total;
    for (double& share : shares) share = Bounded(share);
}

}  // namespace

Attribution Attribute(std::span<const double> forecast, std::span<const double> actual) {
    Attribution result;
    result.explained.assign(forecast.size(), 0);
    result.surprise.assign(forecast.size(), 0);
    if (forecast.size() != actual.size() || !Usable(forecast) || !Usable(actual)) {
        result.status = StatisticStatus::kInvalidInput;
        return result;
    }
    const double expected = Sum(forecast), seen = Sum(actual);
    if (expected <= 0 && seen <= 0) return result;
    std::vector<double> changes;
    for (size_t i = 0; i < forecast.size(); ++i) {
        const double p = expected > 0 ? forecast[i] / expected : 0, q = seen > 0 ? actual[i] / seen : 0;
        result.surprise[i] = std::max(0.0, (Half(p, q) + Half(q, p)) / 2);
        result.total_surprise += result.surprise[i];
        changes.push_back(actual[i] - forecast[i]);
    }
    result.status = seen != expected ? StatisticStatus::kOk : StatisticStatus::kConstant;
    if (seen != expected) Normalise(changes, seen - expected, result.explained);
    return result;
}

}  // namespace pulse::drift::statistics
