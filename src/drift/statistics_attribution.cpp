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

RatioAttribution AttributeRatio(std::span<const double> forecast_numerator,
                                std::span<const double> forecast_denominator,
                                std::span<const double> actual_numerator,
                                std::span<const double> actual_denominator) {
    RatioAttribution result;
    const size_t size = forecast_numerator.size();
    result.raw.assign(size, 0);
    result.explained.assign(size, 0);
    const std::span<const double> sides[] = {forecast_numerator, forecast_denominator, actual_numerator,
                                             actual_denominator};
    for (const auto& side : sides)
        if (side.size() != size || !Usable(side)) result.status = StatisticStatus::kInvalidInput;
    const double numerator = Sum(forecast_numerator), denominator = Sum(forecast_denominator);
    const double now = Sum(actual_numerator), now_denominator = Sum(actual_denominator);
    if (result.status == StatisticStatus::kInvalidInput || denominator <= 0 || now_denominator <= 0)
        return result;
    result.forecast = numerator / denominator;
    result.actual = now / now_denominator;
    double total = 0;
    for (size_t i = 0; i < size; ++i) {
        const double rise = actual_numerator[i] - forecast_numerator[i];
        const double growth = actual_denominator[i] - forecast_denominator[i];
        // The ratio's derivative in finite differences; nothing is left when the element was the whole
        // denominator.
        if (denominator + growth > 0)
            result.raw[i] =
                (rise * denominator - growth * numerator) / (denominator * (denominator + growth));
        total += result.raw[i];
    }
    result.status = total != 0 ? StatisticStatus::kOk : StatisticStatus::kConstant;
    if (total != 0) Normalise(result.raw, total, result.explained);
    return result;
}

MixRate DecomposeRate(std::span<const double> weights_before, std::span<const double> rates_before,
                      std::span<const double> weights_after, std::span<const double> rates_after) {
    MixRate result;
    const size_t size = weights_before.size();
    result.rate_effect.assign(size, 0);
    result.mix_effect.assign(size, 0);
    const std::span<const double> sides[] = {weights_before, rates_before, weights_after, rates_after};
    for (const auto& side : sides)
        if (side.size() != size || !Usable(side)) result.status = StatisticStatus::kInvalidInput;
    const double before = Sum(weights_before), after = Sum(weights_after);
    if (result.status == StatisticStatus::kInvalidInput || before <= 0 || after <= 0) return result;
    double rate = 0, rate_now = 0;
    for (size_t i = 0; i < size; ++i) {
        rate += weights_before[i] / before * rates_before[i];
        rate_now += weights_after[i] / after * rates_after[i];
    }
    for (size_t i = 0; i < size; ++i) {
        const double w = weights_before[i] / before, now = weights_after[i] / after;
        result.rate_effect[i] = (w + now) / 2 * (rates_after[i] - rates_before[i]);
        // Against the overall rate: more of an element that is worse than the whole lowers the whole.
        result.mix_effect[i] = (now - w) * ((rates_before[i] + rates_after[i]) / 2 - rate);
    }
    result.change = rate_now - rate;
    result.status = StatisticStatus::kOk;
    return result;
}

}  // namespace pulse::drift::statistics
