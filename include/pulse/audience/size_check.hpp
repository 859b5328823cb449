// Whether the size that a platform reports can belong to the people of the ledger. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pulse::audience {

// What a platform and the ledger count.
struct SizeCounts {
    int64_t people = 0;                 // of the ledger
    std::optional<int64_t> low, high;   // what the platform says
    std::optional<double> usual_share;  // its size as a share of the people, as it was before
    int64_t moved = 0;                  // people who were added or removed within the settling time
    int64_t least = 0;                  // below this size platforms say little
    double tolerance = 0;               // share; 0: never compared
};

struct SizeVerdict {
    bool compared = false;  // false: too few people, no size, or too many of them have just moved
    bool parted = false;
    double share = 0;    // its size as a share of the people, where it was compared
    std::string reason;  // why they have parted, a sentence
};

// Platforms round, match only a part of the people, and lag. So a size has parted from the ledger where it is
// larger than the number of people, or smaller than the usual share of them, each by more than the tolerance.
SizeVerdict CheckSize(const SizeCounts& counts);

}  // namespace pulse::audience
