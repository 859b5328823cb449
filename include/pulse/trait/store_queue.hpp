// What the pipeline has still to evaluate. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/trait/store_update_state.hpp"

namespace pulse::trait {

// Add to the queue, and wake the pipeline when the transaction commits. What concerns no definition is left
// out.
void Enqueue(const std::vector<ProfileChange>& changes, const std::string& cause, bool quiet);

// The same for all members of an account whose attributes changed.
void EnqueueAccount(int64_t account, const std::string& cause, bool quiet);

struct BatchResult {
    int64_t people = 0;
    int64_t skipped = 0;  // others are changing them: they stay where they were
    bool full = false;    // there may be more
};
// Take up to `limit` entries and settle them, in the caller's transaction.
BatchResult ProcessQueue(int64_t limit);
// Settle people whose memberships are due by the clock.
BatchResult ProcessDue(int64_t limit);
// When something is due: at once when the queue holds anything; empty: never.
std::optional<Moment> NextDue();

}  // namespace pulse::trait
