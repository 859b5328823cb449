// pulse_set_consent() and pulse_set_consents(). For entry code; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/pg/convert.hpp"
#include "pulse/profile/consent_evidence.hpp"

namespace pulse::profile {

struct ConsentRequest {
    std::string user, purpose;
    bool granted = false;
    ConsentEvidence evidence;
};

struct ConsentResult {
    std::optional<int64_t> person, record;  // none: nobody has that id
};

// Record what these people say, in one transaction step: their people are locked at once. Returns a result
// for each, in order. The purposes must exist. `actor` is the caller.
std::vector<ConsentResult> SetConsents(const std::vector<ConsentRequest>& requests, const std::string& actor);

}  // namespace pulse::profile
