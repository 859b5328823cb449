// What a person must do on a platform before it takes anything again. Pure C++.
#pragma once

#include <cstdint>
#include <string>

#include "pulse/audience/platform.hpp"

namespace pulse::audience {

enum class Need : uint8_t {
    kTerms,        // nobody has accepted the terms
    kPermission,   // the login may not do this
    kAccount,      // the account is disabled, blocked or unknown
    kAllowlist,    // the platform must admit the account first
    kDeclaration,  // Google: the account has not declared political advertising
    kShared,       // Meta: the audience belongs to another account
    kReceiver,     // a webhook's receiver refuses
};

// One or two sentences.
std::string AdviceFor(Platform platform, Need need);

// For an audience that the platform has flagged.
std::string FlaggedAdvice();

// For a login that has ended or ends soon.
std::string LoginAdvice(Platform platform);

}  // namespace pulse::audience
