// Building new definitions over the people who are there. For entry code of this room; needs an open
// pg::Session as pg::Identity::Owner().
#pragma once

#include "pulse/trait/store_update_state.hpp"

namespace pulse::trait {

// One step, to be committed before the next: some people more, or, when all are done, the swap. Those up to
// profile `done` of `total` are done, `people` of them by this step; finished when there is nothing to build
// any more. At least one person a step.
struct BuildStep {
    int64_t done = 0, total = 0, people = 0;
    bool finished = false;
};
inline constexpr const char* kPeopleHint = "Give how many to evaluate in a transaction, 1 or more.";
BuildStep RunBuildStep(int64_t people);
bool NeedsBuild();

}  // namespace pulse::trait
