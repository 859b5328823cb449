// Whom an audience should have now, and with what. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include <map>

#include "pulse/audience/store_audience.hpp"
#include "pulse/audience/upload.hpp"

namespace pulse::audience {

enum class Fit : uint8_t {
    kWanted,
    kNoMember,           // not in the segment, merged into somebody or erased
    kNoConsent,          // none is recorded
    kRefused,            // denied, withdrawn or ended
    kNoIdentifier,       // nothing is known that the audience sends
    kInvalidIdentifier,  // and nothing of it is valid
};
// "no_consent", …
const char* Name(Fit fit);

struct WantedPerson {
    int64_t person = 0;
    Fit fit = Fit::kNoMember;
    PreparedPerson prepared;  // if wanted
    ConsentState consent = ConsentState::kGranted;
    std::vector<Dropped> dropped;
};

// All purposes that nobody who is sent may have refused.
std::vector<std::string> RequiredPurposes(const Audience& audience, const Destination& destination);

// For these people, in this order.
std::vector<WantedPerson> FindWanted(const Audience& audience, const Destination& destination,
                                     const std::vector<int64_t>& people);

// The next people, in ascending order after `after`, who are members or were sent: whom a full comparison
// looks at.
std::vector<int64_t> NextCandidates(const Audience& audience, int64_t after, int64_t most);

// Of a segment over a relation: reads its keys, once, and writes the people into pulse.audience_scan. Needs
// no Session, but a transaction.
void ScanMembers(const Audience& audience);

// Why the members cannot be read now, such as a segment that is still being built; empty if they can.
std::string WhyNotReadable(const Audience& audience);

}  // namespace pulse::audience
