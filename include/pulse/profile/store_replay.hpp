// Replaying rejected events. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_ingest.hpp"

namespace pulse::profile {

struct ReplayResult {
    int64_t id = 0;  // of pulse.rejected_event
    IngestResult result;
};

// Replay the events with these ids (a bigint[]; null: all) and this reason, at most `max`, oldest first.
// Events replayed before are left out.
std::vector<ReplayResult> Replay(const pg::Value& ids, const std::optional<std::string>& reason, int64_t max);

}  // namespace pulse::profile
