// When a table's rows usually arrive. What is read is silences: at some moments in the past, the rows before
// and after. What happened once, an outage or a row of 1970, is not usual; what happened twice is. Pure C++.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pulse/health/measure.hpp"

namespace pulse::health {

// The moments to read: around this hour of the week, one to four weeks ago; this moment of the week, a year
// back, which finds every silence of a week or more; and this moment of the day, two weeks back.
std::vector<Moment> PastMoments(Moment now);

struct ArrivalPattern {
    bool known = false;
    double limit = 0;     // seconds without a new row that are still usual
    double expected = 0;  // the longest usual time without a new row, until now
    double silence = 0;   // and until the next row comes; 0: the same
    std::string learnt;   // from what, as text; why not, when it is not known
};

// Learns the limit. `gap` is the median time between rows.
ArrivalPattern LearnArrivalPattern(const std::vector<Silence>& silences, Moment now,
                                   std::optional<double> gap);

}  // namespace pulse::health
