#include "expected_count.hpp"

#include <algorithm>
#include <cmath>

#include "pulse/drift/rate_test.hpp"
#include "pulse/drift/statistics/probabilities.hpp"

namespace pulse::insight {

namespace {

constexpr double kCertainlyChance = 0.1;  // a p-value from which on nothing else is asked

}  // namespace

// Of two levels the one that is nearer to what came: both must be surprised.
double ExpectedCount::Level(double observed) const {
    if (!week) return forecast->level;
    if (!forecast) return week->expected;
    const double low = std::min(forecast->level, week->expected),
                 high = std::max(forecast->level, week->expected);
    return std::clamp(observed, low, high) == observed ? observed : observed < low ? low : high;
}

double ExpectedCount::PValue(double count) const {
    const double p = forecast ? forecast->forecast.PValue(count) : 0;
    if (!week || p > kCertainlyChance) return p;
    const double noise = std::hypot(week->sigma, 1 / std::sqrt(std::max(week->expected, 0.5)));
    return std::max(p, drift::statistics::NormalTwoSided(week->Z(count) * week->sigma / noise));
}

std::string ExpectedCount::Words(double observed, bool hour) const {
    const double level = Level(observed);
    if (hour) return drift::Members(level) + " expected at this hour of the week";
    return drift::Members(level) +
           (forecast->season() == 0 ? " expected" : " expected on this day of the week");
}

double EffectOf(double observed, double level) {
    return observed < level ? 1 - observed / std::max(level, 1.0) : 1 - level / std::max(observed, 1.0);
}

}  // namespace pulse::insight
