// The queue of people whom the pipeline has to evaluate. For entry code of this room; needs an open
// pg::Session as pg::Identity::Owner().
#pragma once

#include "pulse/trait/store_update_state.hpp"

namespace pulse::trait {

// Add changes to the queue, and wake the pipeline when the transaction commits. Changes that affect no
// definition are left out.
void Enqueue(const std::vector<ProfileChange>& changes, const std::string& cause, bool quiet);

// The same for all members of an account whose attributes changed.
void EnqueueAccount(int64_t account, const std::string& cause, bool quiet);

struct BatchResult {
    int64_t people = 0;
    int64_t skipped = 0;  // locked by others: they stay in the queue
    bool full = false;    // there may be more
};
// Take up to `limit` entries and evaluate their people, in the caller's transaction.
BatchResult ProcessQueue(int64_t limit);
// Evaluate people whose memberships are due by the clock.
BatchResult ProcessDue(int64_t limit);
// The next instant with work: now if the queue is not empty; empty: none.
std::optional<Moment> NextDue();

}  // namespace pulse::trait
