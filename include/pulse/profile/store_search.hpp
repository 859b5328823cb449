// Searching people by their ids. For entry code of this room and later ones; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/pg/spi.hpp"

namespace pulse::profile {

// The rows of pulse_search_profiles().
pg::Result SearchPeople(const std::string& query, int max, int skip);

// People, by canonical id.
struct FoundPeople {
    std::vector<int64_t> people;
    bool complete = true;
};
inline constexpr int64_t kMostFound = 10'000, kMostLookedAt = 100'000;
// Find people who have an id that contains the text, letters A to Z in either case, or whose number it is.
// Ids that begin with it are found by index; the rest of them by an index of trigrams if there is one, else
// among the newest kMostLookedAt ids. `complete`: these are all ids, and at most kMostFound match.
FoundPeople FindPeople(const std::string& query);

}  // namespace pulse::profile
