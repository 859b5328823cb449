// Reading what identity resolution is planned from. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/pg/probe.hpp"
#include "pulse/profile/identity_resolution.hpp"

namespace pulse::profile {

// The canonical ids of profiles.
const pg::Probe& ProfileProbe();

// By people whom they have locked or changed: transactions of other sessions that have not ended.
using Holders = std::map<int64_t, TransactionId>;

// Read ResolutionFacts::ids of the claims, and who holds the people of these ids.
ResolutionFacts ReadIds(const std::vector<IdentityClaim>& claims, Holders& holders);

// Fill in ResolutionFacts::people and ResolutionFacts::unmerged for these people.
void ReadPeople(const std::set<int64_t>& people, ResolutionFacts& facts);

}  // namespace pulse::profile
