// The pipeline: evaluates people whose events are queued or whose memberships expire. For entry code of the
// rooms after this one.
#pragma once

#include <cstdint>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::trait {

// Wake the pipeline worker when the transaction commits.
void WakePipeline();
// The same if one of these instants is earlier than those this process has notified it of.
void WakePipelineAt(const std::vector<Moment>& next_changes);

// Run in a worker of its own, outside any transaction, until it has been idle for a while. Returns how many
// people it evaluated.
int64_t RunPipelineWorker();
// Evaluate everything that is due now, in the caller's transaction. Returns how many people.
int64_t RunPipeline();

}  // namespace pulse::trait
