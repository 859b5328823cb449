// Identifiers of people as each platform wants them: normalised and hashed. Pure C++.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pulse/audience/platform.hpp"

namespace pulse::audience {

// The numbers are those of packed people: never change one.
enum class IdentifierKind : uint8_t {
    kEmail = 1,
    kPhone = 2,
    kMobileAdId = 3,  // of a device whose system is not known
    kIdfa = 4,        // of Apple
    kAaid = 5,        // of Android
    kExternalId = 6,
    kFirstName = 7,
    kLastName = 8,
    kFirstInitial = 9,
    kCity = 10,
    kState = 11,
    kPostalCode = 12,
    kCountry = 13,
    kGender = 14,
    kBirthDate = 15,  // only of a person; cells have the three parts
    kBirthYear = 16,
    kBirthMonth = 17,
    kBirthDay = 18,
};

// "email", "phone", "mobile_ad_id", …, as the option `identifiers` and files have them.
const char* Name(IdentifierKind kind);
std::optional<IdentifierKind> FindIdentifierKind(std::string_view name);
// The kinds that a platform takes, in the order of cells; what can be given as the option `identifiers`.
const std::vector<IdentifierKind>& KindsOf(Platform platform);
// A mobile advertising id of any system.
bool IsMobile(IdentifierKind kind);
// Email, phone, mobile id or external id: it finds a person alone. The others only do so together.
bool IsStrong(IdentifierKind kind);

enum class GmailRule : uint8_t { kKeep, kDots, kDotsAndTag };

struct IdentifierRules {
    Platform platform = Platform::kMeta;
    std::string calling_code;   // of numbers without one, such as "49"; empty: they are invalid
    std::string country;        // of people without one, two lower-case letters; empty: unknown
    bool hash = true;           // only a webhook or a file may have plain identifiers
    bool takes_hashes = false;  // values that are hashes already are passed through; else they are invalid
    bool phone_plus = true;     // TikTok
    bool keep_tag = true;       // TikTok: "+tag" of an e-mail
    GmailRule gmail = GmailRule::kKeep;
    IdentifierKind unknown_mobile = IdentifierKind::kAaid;  // TikTok: what a kMobileAdId is sent as
};

// One value exactly as it is sent, or why there is none.
struct Normalised {
    std::string value;              // empty: it is invalid
    const char* problem = nullptr;  // "no country code", …; a constant

    bool ok() const { return problem == nullptr; }
};

// Normalises and hashes one value as the platform of the rules wants it. `country` is of the person, two
// lower-case letters or empty; it decides about postal codes and states. kBirthDate has no value of its own.
Normalised Normalise(const IdentifierRules& rules, IdentifierKind kind, std::string_view value,
                     std::string_view country = {});

// The same without hashing: what is hashed, or the value itself.
Normalised NormaliseText(const IdentifierRules& rules, IdentifierKind kind, std::string_view value,
                         std::string_view country = {});

// Whether the platform gets the hash of this kind.
bool IsHashed(const IdentifierRules& rules, IdentifierKind kind);

// SHA-256 in lower-case hex.
std::string Sha256Hex(std::string_view text);
// 64 hexadecimal digits.
bool LooksHashed(std::string_view text);

}  // namespace pulse::audience
