// When a table's rows usually arrive: the age of the newest row at the same time of earlier weeks is what to
// expect now. Pure C++.
#pragma once

#include <string>
#include <vector>

#include "pulse/health/measure.hpp"

namespace pulse::health {

// The moments to read: around this hour of the week, one to four weeks ago.
std::vector<Moment> PastMoments(Moment now);
// The week of each, in the same order.
std::vector<int> PastWeeks();

struct ArrivalPattern {
    bool known = false;
    std::string why;      // why it is not known, as text
    double limit = 0;     // seconds without a new row that are still usual at this hour
    double expected = 0;  // the longest usual time without a new row
    int weeks = 0;        // with data
};

// Learns the limit; an outage in one of several weeks does not widen it. `gap` is the median time between
// rows.
ArrivalPattern LearnArrivalPattern(const std::vector<PastAge>& past_ages, std::optional<double> oldest,
                                   std::optional<double> gap);

}  // namespace pulse::health
