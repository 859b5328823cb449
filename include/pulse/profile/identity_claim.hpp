// The ids of one event, and the person they were resolved to. Pure C++.
#pragma once

#include "pulse/base/time.hpp"
#include "pulse/profile/identity.hpp"

namespace pulse::profile {

struct IdentityClaim {
    std::vector<Identity> ids;         // normalised; at least one
    std::optional<Identity> previous;  // of alias: its person is merged with that of the ids
    Moment time = 0;                   // when the ids were seen
    bool writes = false;               // the person or their state will be written

    int64_t profile =
        0;  // the profile that the event is stored with: that of its id with the highest priority
    int64_t canonical = 0;  // the person, after all merges of the batch
    bool created = false;
    std::string note;  // ids that were not used, and why: "anonymous_id a1 stays with another person: user_id
                       // allows 1 value"
};

}  // namespace pulse::profile
