// Ids of people: kinds, normal forms, and blocked values. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pulse::profile {

struct Identity {
    std::string kind;   // user_id, anonymous_id, email, phone, device_id, or a custom one
    std::string value;  // normalised

    auto operator<=>(const Identity&) const = default;
};

// A row of pulse.identity_kind.
struct IdentityKind {
    std::string kind;
    std::string normalisation;          // email, phone, lower, trim
    int priority = 0;                   // higher wins if not all ids of an event fit one person
    int max_values = 0;                 // per person; 0: no limit
    int64_t window = 0;                 // microseconds within which these are counted; 0: for ever
    std::vector<std::string> blocked;   // values never accepted as ids: lower case, sorted
    std::vector<std::string> patterns;  // the same with wildcards: * any characters, ? one
};

// Split the list of the column `blocked` into values and patterns.
void SetBlocked(IdentityKind& kind, const std::vector<std::string>& blocked);

// The normal form of a value, or why it is not an id of that kind: "it is blank", "it is a placeholder"
// (anonymous, null, 0, …), "it is not an e-mail address".
struct Normalised {
    std::optional<std::string> value;
    std::string problem;
};
Normalised Normalise(const IdentityKind& kind, const std::string& raw);

// The normal form of a value to search for. Does not check for placeholders: they are never stored.
Normalised NormalForm(const std::string& normalisation, std::string_view raw);

}  // namespace pulse::profile
