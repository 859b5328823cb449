// Announces to later rooms whose ids or attributes have changed, or who was merged or restored: copies of
// them elsewhere may have to follow. Pure C++.
#pragma once

#include <cstdint>
#include <vector>

namespace pulse::profile {

struct DetailsListener {
    // Whether it needs to know now; cheap. After Listener::before_write() the answer is valid until the end
    // of the transaction.
    bool (*wanted)() = nullptr;
    // `profiles`: canonical ids or those of profiles of the people, in any order, some more than once. Called
    // in the transaction that makes the change, after it is written, with a pg::Session as
    // pg::Identity::Owner() open.
    void (*changed)(const std::vector<int64_t>& profiles) = nullptr;
};

// When the library is loaded; all that are registered are called. Returns true, so that a constant can do it.
bool ListenToDetails(const DetailsListener& listener);
bool DetailsWanted();
void AnnounceDetails(const std::vector<int64_t>& profiles);

}  // namespace pulse::profile
