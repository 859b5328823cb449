// Ids of erased people, which are refused for a time. For entry code of this room and later ones.
#pragma once

#include "pulse/pg/convert.hpp"
#include "pulse/profile/identity.hpp"

namespace pulse::profile {

// Whether an id, normalised, was erased and is refused now, by the wall clock: pulse.now lets nobody in. By
// the newest commit, whatever the isolation level. Costs nothing while no id is refused, else an index probe.
// Needs no Session.
bool IsRefused(const Identity& id);
// The same for an id as users give it: a user id, or kind:value.
bool IsRefused(const std::string& user);
// Whether any id is refused.
bool AnyRefused();

// The ids that a text can mean: kind:value, or a value that fits several kinds.
std::vector<Identity> IdentitiesNamed(const std::string& user);

// ---- for erasures; needs an open pg::Session as pg::Identity::Owner() ----

// The hash of an id by a key of 32 bytes.
std::string HashOf(const std::string& key, const Identity& id);
// The key of this database; empty if there is none yet.
std::string ErasureKey();
// Take the lock that only one transaction holds, which makes erasures; creates the key, or takes `key` for
// it. Returns the key of the database.
std::string LockErasures(const std::optional<std::string>& key = std::nullopt);
// Refuse ids given as hashes. Those refused before belong to this erasure from now on.
void Refuse(int64_t erasure, const std::vector<std::string>& hashes, Moment until);

}  // namespace pulse::profile
