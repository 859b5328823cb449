#include "pulse/drift/statistics/proportion.hpp"

#include <cmath>

#include "pulse/drift/statistics/probabilities.hpp"

namespace pulse::drift::statistics {

namespace {

bool Valid(const Proportion& p) {
    return p.successes >= 0 && p.trials >= p.successes;
}

}  // namespace

TwoProportions CompareProportions(Proportion reference, Proportion current) {
    TwoProportions result;
    if (!Valid(reference) || !Valid(current)) {
        result.status = StatisticStatus::kInvalidInput;
        return result;
    }
    if (reference.trials == 0 || current.trials == 0) return result;
    const double n = static_cast<double>(reference.trials), m = static_cast<double>(current.trials);
    result.difference = current.rate() - reference.rate();
    const double pooled =
        (static_cast<double>(reference.successes) + static_cast<double>(current.successes)) / (n + m);
    const double variance = pooled * (1 - pooled) * (1 / n + 1 / m);
    result.status = variance > 0 ? StatisticStatus::kOk : StatisticStatus::kConstant;
    if (variance > 0) {
        result.z = result.difference / std::sqrt(variance);
        result.p_value = NormalTwoSided(result.z);
    }
    return result;
}

}  // namespace pulse::drift::statistics
