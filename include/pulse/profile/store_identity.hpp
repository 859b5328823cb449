// Finding, making and merging people. For entry code of this room; needs an open pg::Session as pg::Identity::Owner().
//
// Locks are taken in one order everywhere, so that two batches never wait for each other in a circle: definitions (Listener::begin),
// messages, identities, people; within each by ascending key. Rows of pulse.profile are locked FOR NO KEY UPDATE.
#pragma once

#include "pulse/pg/convert.hpp"
#include "pulse/profile/identity.hpp"
#include "pulse/profile/listener.hpp"

namespace pulse::profile {

// All kinds, by priority, highest first. Kept per backend until a commit changes one.
const std::vector<IdentityKind>& IdentityKinds();

// The ids one event came with, and whose they turned out to be.
struct Claim {
    std::vector<Identity> ids;         // normalised; at least one
    std::optional<Identity> previous;  // of alias: merged into the others' person
    Moment time = 0;                   // when they were seen

    int64_t profile = 0;    // the profile that the event is kept with: that of its id of highest priority
    int64_t canonical = 0;  // the person after all merges of the batch
    bool created = false;
    std::string note;  // what was not done, and why: "anonymous_id a1 stays with another person: user_id allows 1 value"
};

// Settle whose events these are, for a whole batch, set-based: find, make, attach, merge. With `lock` all people of the batch are locked afterwards
// (needed where their state is written by this transaction), else only those that were merged.
void Resolve(std::vector<Claim>& claims, bool lock);

// Lock people in ascending order and return the ids that are still canonical.
std::vector<int64_t> LockPeople(std::vector<int64_t> ids);

}  // namespace pulse::profile
