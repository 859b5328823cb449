// What a period of events should have. Inside this room only.
#pragma once

#include <optional>
#include <string>

#include "pulse/drift/baseline.hpp"
#include "pulse/drift/statistics/seasonal.hpp"

namespace pulse::insight {

// What a period should have: the level, and how likely a count is that is as far off.
struct ExpectedCount {
    std::optional<drift::Expectation> forecast;          // none: an hour that is as other weeks have it
    std::optional<drift::statistics::SeasonalFit> week;  // of hours: the same hour of other weeks

    double Level(double observed) const;
    double PValue(double count) const;
    std::string Words(double observed, bool hour) const;
};

// How far a count is off: twice as many are as far as half as many.
double EffectOf(double observed, double level);

}  // namespace pulse::insight
