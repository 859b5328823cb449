// Statistics of the planner after imports. For entry code of this room.
#pragma once

#include <cstdint>

namespace pulse::profile {

// Analyze the tables of people and events that have grown to more than twice the size that the planner knows
// of: until autovacuum does it, queries over them would have plans for small tables. Waits for nobody. Does
// nothing after fewer than 1,000 events: looking at every partition would cost more than a few of them.
void AnalyzeGrownTables(int64_t events);

}  // namespace pulse::profile
