// Asking for an investigation. For entry code; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pulse::diagnosis {

// Queues an investigation of an incident, unless one is under way or there is no model. Returns its id, also
// of the one under way.
std::optional<int64_t> QueueInvestigation(int64_t incident, const std::string& requested_by);

}  // namespace pulse::diagnosis
