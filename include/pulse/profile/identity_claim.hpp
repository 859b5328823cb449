// The ids one event came with, and whose they turned out to be. Pure C++.
#pragma once

#include "pulse/base/time.hpp"
#include "pulse/profile/identity.hpp"

namespace pulse::profile {

struct IdentityClaim {
    std::vector<Identity> ids;         // normalised; at least one
    std::optional<Identity> previous;  // of alias: its person is merged into the others'
    Moment time = 0;                   // when they were seen
    bool writes = false;               // the person, or what is kept of them, will be written

    int64_t profile = 0;    // the profile that the event is kept with: that of its id of highest priority
    int64_t canonical = 0;  // the person after all merges of the batch
    bool created = false;
    std::string note;  // what was not done, and why: "anonymous_id a1 stays with another person: user_id
                       // allows 1 value"
};

}  // namespace pulse::profile
