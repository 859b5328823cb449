#include "pulse/drift/statistics/multiple_testing.hpp"

#include <algorithm>
#include <cmath>

namespace pulse::drift::statistics {

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

}  // namespace pulse::drift::statistics
