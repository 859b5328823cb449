// Ids of people: kinds, normal forms, and what can be none. Pure C++.
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

// What pulse.identity_kind says of a kind.
struct IdentityKind {
    std::string kind;
    std::string normalisation;          // email, phone, lower, trim
    int priority = 0;                   // higher wins: which id says who it is when not all can be kept
    int max_values = 0;                 // of one person; 0: any number
    int64_t window = 0;                 // microseconds in which these are counted; 0: ever
    std::vector<std::string> blocked;   // values that are nobody's: lower case, sorted
    std::vector<std::string> patterns;  // the same with wildcards: * for any characters, ? for one
};

// Take apart what a kind's column `blocked` lists.
void SetBlocked(IdentityKind& kind, const std::vector<std::string>& blocked);

// The normal form, or why it is no id of that kind ("it is blank", "it is a placeholder": anonymous, null, 0,
// …, "no e-mail address").
struct Normalised {
    std::optional<std::string> value;
    std::string problem;
};
Normalised Normalise(const IdentityKind& kind, const std::string& raw);

// The normal form alone, of values that are looked for: a placeholder is found nowhere anyway.
Normalised NormalForm(const std::string& normalisation, std::string_view raw);

}  // namespace pulse::profile
