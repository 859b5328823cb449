// The kinds of ids: reading, creating, changing and dropping them. For entry code of this room; needs an open
// pg::Session as pg::Identity::Owner().
#pragma once

#include "pulse/pg/convert.hpp"
#include "pulse/profile/identity.hpp"

namespace pulse::profile {

// All kinds, by priority, highest first. Kept per backend until a commit changes one. Needs no Session.
const std::vector<IdentityKind>& IdentityKinds();

// Arguments of pulse_set_identity_kind(); empty ones keep the current value.
struct IdentityKindRequest {
    std::string kind;
    std::optional<std::string> normalisation;
    std::optional<int> priority;
    std::optional<int> max_values;
    std::optional<int64_t> window;  // microseconds; 0: for ever
    std::optional<std::vector<std::string>> blocked;
};

// Throws UserError 22023 for numbers and lists out of range.
void CheckIdentityKindLimits(const std::optional<int>& max_values, const std::optional<int64_t>& window,
                             const std::optional<std::vector<std::string>>& blocked);
void SetIdentityKind(const IdentityKindRequest& request);
void DropIdentityKind(const std::string& kind);

}  // namespace pulse::profile
