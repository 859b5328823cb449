// How a statistic ended. Every statistic of this room is total: whatever goes in, it neither throws nor
// returns NaN, and where there is nothing to say its numbers are the harmless ones (p = 1, distance = 0).
#pragma once

namespace pulse::drift::statistics {

enum class StatisticStatus {
    kOk,
    kInsufficientData,  // too few observations for the question
    kConstant,          // no variation to measure against
    kInvalidInput,      // sides of different shape, negative counts, edges out of order, a number that is not
                        // finite
};

// "ok", "insufficient_data", "constant", "invalid_input".
const char* Name(StatisticStatus status);

}  // namespace pulse::drift::statistics
