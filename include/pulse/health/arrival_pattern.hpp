// When a table's rows usually arrive: its staleness at the same time of earlier weeks is what to expect now.
// Pure C++.
#pragma once

#include <string>
#include <vector>

#include "pulse/health/measure.hpp"

namespace pulse::health {

// The moments to look back at: around this hour of the week, one to four weeks ago.
std::vector<Moment> PastMoments(Moment now);
// The week of each, in the same order.
std::vector<int> PastWeeks();

struct ArrivalPattern {
    bool known = false;
    std::string why;      // not known, in words
    double limit = 0;     // seconds of silence that are still usual at this hour
    double expected = 0;  // the longest usual silence
    int weeks = 0;        // looked at
};

// Learns the limit; one week of an outage among several does not widen it. `gap` is the median time between
// rows.
ArrivalPattern LearnArrivalPattern(const std::vector<PastAge>& past_ages, std::optional<double> oldest,
                                   std::optional<double> gap);

}  // namespace pulse::health
