// The status of a statistic. Every statistic of this room is a total function: for any input it neither
// throws nor returns NaN, and without a result its numbers are neutral (p = 1, distance = 0).
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
