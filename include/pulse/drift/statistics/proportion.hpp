// Two rates: is the new one different.
#pragma once

#include <cstdint>

#include "pulse/drift/statistics/status.hpp"

namespace pulse::drift::statistics {

// x successes among n.
struct Proportion {
    int64_t successes = 0, trials = 0;
    double rate() const {
        return trials > 0 ? static_cast<double>(successes) / static_cast<double>(trials) : 0;
    }
};

struct TwoProportions {
    StatisticStatus status = StatisticStatus::kInsufficientData;
    double difference = 0;  // current - reference
    double z = 0;           // pooled; sign of the difference
    double p_value = 1;     // two-sided
};
TwoProportions CompareProportions(Proportion reference, Proportion current);

}  // namespace pulse::drift::statistics
