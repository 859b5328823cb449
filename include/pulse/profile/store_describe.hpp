// Read functions about people. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/pg/spi.hpp"
#include "pulse/profile/identity.hpp"

namespace pulse::profile {

// The result of pulse_profile(), as the text of a JSON object.
std::string DescribePerson(int64_t person);

// The rows of pulse_identities_of().
pg::Result IdentitiesOf(int64_t person);

// The rows of pulse_merge_history(), of pulse_canonical_identity() and of pulse_identity_links().
pg::Result MergeHistory(std::optional<int64_t> person, int max, int64_t before);
pg::Result CanonicalIdentity(int64_t person);
pg::Result IdentityLinks(int64_t person);

// Both as the text of a JSON object.
std::string SimulateMerge(int64_t one, int64_t other);
std::string SimulateIdentityKind(const std::string& kind, std::optional<int> max_values,
                                 std::optional<int64_t> window,
                                 const std::optional<std::vector<std::string>>& blocked);

}  // namespace pulse::profile
