// Statistics of the planner after imports. For entry code of this room.
#pragma once

namespace pulse::profile {

// Analyze the tables of people and events that have grown to more than twice the size that the planner knows
// of: until autovacuum does it, queries over them would have plans for small tables. Waits for nobody.
void AnalyzeGrownTables();

}  // namespace pulse::profile
