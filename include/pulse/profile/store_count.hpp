// Counting rows at a bounded price. For entry code of this room and later ones; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/pg/spi.hpp"

namespace pulse::profile {

struct Count {
    int64_t rows = 0;
    bool exact = true;
};

// Up to here rows are counted.
inline constexpr int64_t kMostCounted = 10'000;

// Count the rows of a query by reading at most kMostCounted of them; beyond, the planner's estimate. Values
// are placed into the text, so that the planner sees them.
Count CountRows(const std::string& query);
// The planner's estimate alone.
int64_t EstimateRows(const std::string& query);

}  // namespace pulse::profile
