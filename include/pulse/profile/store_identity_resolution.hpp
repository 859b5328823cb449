// Finding, creating and merging people. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
//
// Locks are taken in one order everywhere, so that batches cannot deadlock: definitions
// (Listener::before_write), messages, accounts, people, new identities; within each by ascending key. Rows of
// pulse.profile are locked FOR NO KEY UPDATE. ResolveIdentities() locks all people that a transaction writes
// at once: those of claims with `writes`, and those in `also`.
#pragma once

#include <functional>

#include "pulse/pg/convert.hpp"
#include "pulse/profile/identity_claim.hpp"
#include "pulse/profile/identity_resolution.hpp"
#include "pulse/profile/listener.hpp"

namespace pulse::profile {

struct Resolution {
    std::vector<ResolutionPlan::Merge> merges;
    bool worked = false;  // before_locks() was called, and what it did stands
};

// Resolve the identities of a whole batch, set-based: find, create, extend and merge people; reports merges
// to GetListener(). Afterwards the people of claims with `writes` are locked, of the others those that
// changed. `also`: further people to lock, by canonical or former id; only those still canonical are locked.
// `before_locks`: what the caller does with the profiles of the claims and without locks on people, so that
// others wait less for these. It is called at most once, if all people are known, and undone if the claims
// turn out to have other profiles once people are locked.
Resolution ResolveIdentities(std::vector<IdentityClaim>& claims, const std::vector<int64_t>& also = {},
                             const std::function<void()>& before_locks = nullptr);

// Lock people in ascending order and return the ids that are still canonical. If one was merged into another
// person during the wait, returns nothing, and the caller must roll back to release the locks.
std::vector<int64_t> LockPeople(std::vector<int64_t> ids);

}  // namespace pulse::profile
