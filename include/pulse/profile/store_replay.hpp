// Trying rejected events again. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_ingest.hpp"

namespace pulse::profile {

struct Replayed {
    int64_t id = 0;  // of pulse.rejected_event
    Verdict verdict;
};

// These (a bigint[]; null: all), those of a reason, `max` at most, oldest first; what was replayed before is
// left out.
std::vector<Replayed> Replay(const pg::Value& ids, const std::optional<std::string>& reason, int64_t max);

}  // namespace pulse::profile
