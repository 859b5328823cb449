// What follows events and the clock. For entry code of the rooms after this one.
#pragma once

#include <cstdint>

namespace pulse::trait {

// In a worker of its own, outside any transaction: evaluates until there has been nothing to do for a while.
// How many people.
int64_t RunPipelineWorker();
// In the caller's transaction: all that is due now. How many people.
int64_t RunPipeline();

}  // namespace pulse::trait
