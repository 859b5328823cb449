// Queues investigations. For entry code; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pulse::diagnosis {

// Queues an investigation of an incident, unless one is running or there is no model. Returns its id, or that
// of the running one.
std::optional<int64_t> QueueInvestigation(int64_t incident, const std::string& requested_by);

}  // namespace pulse::diagnosis
