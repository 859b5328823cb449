// Finding, making and merging people. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
//
// Locks are taken in one order everywhere, so that two batches never wait for each other in a circle:
// definitions (Listener::begin), messages, accounts, people, new identities; within each by ascending key.
// Rows of pulse.profile are locked FOR NO KEY UPDATE. All people that a transaction will write must be locked
// at once: by Resolve() as their claim's `writes` says, and those that are no event's by `also`.
#pragma once

#include "pulse/pg/convert.hpp"
#include "pulse/profile/identity_claim.hpp"
#include "pulse/profile/listener.hpp"

namespace pulse::profile {

// All kinds, by priority, highest first. Kept per backend until a commit changes one. Needs no Session.
const std::vector<IdentityKind>& IdentityKinds();

// Settle whose events these are, for a whole batch, set-based: find, make, attach, merge; tells Listening()
// of merges. The people of claims that write are locked afterwards, of the others those that were changed.
// `also`: people, canonical or former, that are locked with them; those still canonical.
void Resolve(std::vector<Claim>& claims, const std::vector<int64_t>& also = {});

// Lock people in ascending order and return the ids that are still canonical. When one was merged away while
// it was waited for, nothing is returned, and what was locked must be let go by rolling back.
std::vector<int64_t> LockPeople(std::vector<int64_t> ids);

}  // namespace pulse::profile
