// Updates the stored state of people. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/trait/store_program.hpp"

namespace pulse::trait {

struct UpdateOptions {
    std::string cause;  // event: the nearest of event, attributes, account, time
    bool quiet = false;
    bool wait = false;                     // for people locked by others; else these are skipped and returned
    std::optional<int64_t> build_to = {};  // unfinished builds cover these people, who are all up to this id
    bool locked = false;                   // the caller has locked all of them, who are canonical
    bool recalled = false;                 // their archived events are in pulse.event_recalled
};

// Evaluate people as of pg::Now(), each once, and write states, members and changes. Profiles that are not
// canonical are ignored. Who needs archived events keeps the state, and waits for them in pulse.archive_wait.
// Returns the skipped ones.
std::vector<int64_t> UpdateState(const std::vector<ProfileChange>& changes, const UpdateOptions& options);

// How often this process has called UpdateState().
uint64_t StateUpdates();

// Remove a profile that was merged into another: its memberships end, its state is deleted.
void RemoveMergedProfile(int64_t profile, const std::string& cause);

}  // namespace pulse::trait
