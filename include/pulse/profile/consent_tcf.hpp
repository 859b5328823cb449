// The TC string of IAB Europe's Transparency and Consent Framework, versions 2.0 to 2.3. Pure C++.
// Source: IAB Tech Lab, "Consent string and vendor list formats v2" (April 2025, 2.3).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pulse/base/time.hpp"

namespace pulse::profile {

inline constexpr size_t kMaxConsentString = 32 * 1024;  // bytes

// What one vendor may do by a TC string.
struct TcfConsent {
    int cmp = 0, policy_version = 0;
    Moment last_updated = 0;
    uint32_t purposes = 0;  // bit 0 is purpose 1: with the person's consent, and allowed by the publisher
    bool vendor = false;    // the person consents to the vendor, which was shown
    bool has_disclosed = false;  // the string says which vendors were shown

    bool Allows(int purpose) const { return vendor && (purposes >> (purpose - 1) & 1) != 0; }
};

// Read the string for the vendor with this id of the global vendor list. Returns nothing and sets `problem`
// if it cannot be read: "it ends too early".
std::optional<TcfConsent> ReadTcf(std::string_view text, int vendor, std::string& problem);

}  // namespace pulse::profile
