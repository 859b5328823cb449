#include "pulse/drift/statistics/multiple_testing.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace pulse::drift::statistics {

namespace {

// The p-values that count, in [0, 1].
std::vector<double> UsableValues(std::span<const double> p_values) {
    std::vector<double> usable;
    for (const double p : p_values)
        if (!std::isnan(p)) usable.push_back(std::clamp(p, 0.0, 1.0));
    return usable;
}

// tan((1/2 - p) π) without losing the digits of a small p.
double CauchyOf(double p) {
    const double pi = std::numbers::pi;
    return p < 0.25 ? 1 / std::tan(p * pi) : std::tan((0.5 - p) * pi);
}

}  // namespace

std::vector<double> AdjustBenjaminiHochberg(std::span<const double> p_values) {
    std::vector<size_t> order;
    for (size_t i = 0; i < p_values.size(); ++i)
        if (!std::isnan(p_values[i])) order.push_back(i);
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return p_values[a] < p_values[b]; });
    std::vector<double> adjusted(p_values.size(), 1);
    const auto tests = static_cast<double>(order.size());
    double least = 1;
    for (size_t rank = order.size(); rank > 0; --rank) {
        const double p = std::clamp(p_values[order[rank - 1]], 0.0, 1.0);
        least = std::min(least, p * tests / static_cast<double>(rank));
        adjusted[order[rank - 1]] = least;
    }
    return adjusted;
}

double CombineCauchy(std::span<const double> p_values) {
    const std::vector<double> usable = UsableValues(p_values);
    if (usable.empty()) return 1;
    const auto tests = static_cast<double>(usable.size());
    double sum = 0;
    for (double p : usable) {
        if (p <= 0) return 0;
        // A p of exactly 1, as discrete tests give, would drown all others (Liu and Xie 2020).
        if (p >= 1) p = tests > 1 ? 1 - 1 / tests : 1;
        if (p >= 1) return 1;
        sum += CauchyOf(p) / tests;
    }
    if (std::isinf(sum)) return 0;
    const double p =
        sum > 0 ? std::atan(1 / sum) / std::numbers::pi : 0.5 - std::atan(sum) / std::numbers::pi;
    return std::clamp(p, 0.0, 1.0);
}

double CombineSimes(std::span<const double> p_values) {
    std::vector<double> usable = UsableValues(p_values);
    std::sort(usable.begin(), usable.end());
    double least = 1;
    for (size_t i = 0; i < usable.size(); ++i)
        least = std::min(least, usable[i] * static_cast<double>(usable.size()) / static_cast<double>(i + 1));
    return least;
}

}  // namespace pulse::drift::statistics
