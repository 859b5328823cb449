// The evidence of a statement that pulse_set_consent() takes. Pure C++.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "pulse/profile/consent_state.hpp"

namespace pulse::profile {

inline constexpr size_t kMaxEvidence = 64 * 1024;  // bytes

struct ConsentEvidence {
    Moment at = 0;
    std::optional<Moment> expires_at;
    std::optional<ConsentStatus> refusal;
    std::string source = "api";
    std::optional<std::string> basis, text, text_version;
    std::string proof = "{}";  // JSON: all other keys
};

// Read the evidence of a consent (`granted`) or a refusal; `now` is the time of the call. Throws UserError.
ConsentEvidence ReadEvidence(const nlohmann::json& evidence, bool granted, Moment now);

}  // namespace pulse::profile
