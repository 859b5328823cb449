// The events of one person, read by index however many there are. For entry code of this room; needs an open
// pg::Session as pg::Identity::Owner().
#pragma once

#include "pulse/pg/spi.hpp"

namespace pulse::profile {

// The rows of pulse_profile_events(): events before `before`, and those at that moment with a lower id.
pg::Result PersonEvents(int64_t person, int max, const std::optional<std::string>& name, Moment before,
                        int64_t before_id);

// The row of pulse_profile_event_counts().
pg::Result PersonEventCounts(int64_t person);

}  // namespace pulse::profile
