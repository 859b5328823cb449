// What the checks of events found. For entry code; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "pulse/pg/spi.hpp"

namespace pulse::insight {

// The rows of pulse_check_events(): the live incidents of events.
pg::Result LiveEventIncidents();
// The rows of pulse_event_anomalies(): the incidents that were live in that time.
pg::Result EventAnomalies(Moment from, Moment until, const std::optional<std::string>& event);
// How many events came, and how good they are.
pg::Json EventAnomalySummary(Moment now);

}  // namespace pulse::insight
