// Bringing what is kept of people up to date. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/trait/store_program.hpp"

namespace pulse::trait {

struct UpdateOptions {
    std::string cause;  // event: the nearest of event, attributes, account, time
    bool quiet = false;
    bool wait = false;  // for people whom others are changing; else these are left out and returned
    std::optional<int64_t>
        build_to;  // what is being built is built for these people, who are all up to this id
};

// Evaluate people as of pg::Now(), each once, and write states, members and changes. Who is not the canonical
// one of a person is ignored. Returns those that were left out.
std::vector<int64_t> UpdateState(const std::vector<ProfileChange>& changes, const UpdateOptions& options);

// How often this process did so.
uint64_t StateUpdates();

// Take somebody away who was merged into somebody else: memberships end, the state goes.
void RemoveMergedProfile(int64_t profile, const std::string& cause);

}  // namespace pulse::trait
