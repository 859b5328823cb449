// Building new definitions for the existing people. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/trait/store_update_state.hpp"

namespace pulse::trait {

// One step, to be committed before the next: it evaluates a batch of people or, when all are done, swaps the
// versions. Profiles up to `done` of `total` are done, `people` of them in this step; finished when nothing
// is left to build. At least one person per step.
struct BuildStep {
    int64_t done = 0, total = 0, people = 0;
    bool finished = false;
    int64_t waiting = 0;  // people whose archived events have to be read before anything is swapped
};
inline constexpr const char* kPeopleHint = "Give the number of people per transaction, 1 or more.";
BuildStep RunBuildStep(int64_t people);
bool NeedsBuild();

// Whether a segment has a live version: not if it is built for the first time.
bool IsLive(int64_t segment);

}  // namespace pulse::trait
