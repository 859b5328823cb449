// Finding, creating and merging people. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
//
// Locks are taken in one order everywhere, so that batches cannot deadlock: definitions
// (Listener::before_write), messages, accounts, people, new identities; within each by ascending key. Rows of
// pulse.profile are locked FOR NO KEY UPDATE. ResolveIdentities() locks all people that a transaction writes
// at once: those of claims with `writes`, and those in `also`.
#pragma once

#include "pulse/pg/convert.hpp"
#include "pulse/profile/identity_claim.hpp"
#include "pulse/profile/identity_resolution.hpp"
#include "pulse/profile/listener.hpp"

namespace pulse::profile {

// Resolve the identities of a whole batch, set-based: find, create, extend and merge people; reports merges
// to GetListener() and returns them. Afterwards the people of claims with `writes` are locked, of the others
// those that changed. `also`: further people to lock, by canonical or former id; only those still canonical
// are locked.
std::vector<ResolutionPlan::Merge> ResolveIdentities(std::vector<IdentityClaim>& claims,
                                                     const std::vector<int64_t>& also = {});

// Lock people in ascending order and return the ids that are still canonical. If one was merged into another
// person during the wait, returns nothing, and the caller must roll back to release the locks.
std::vector<int64_t> LockPeople(std::vector<int64_t> ids);

}  // namespace pulse::profile
