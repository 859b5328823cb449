// Instants as texts for readers show them, in UTC.
#pragma once

#include <string>

#include "pulse/base/time.hpp"

namespace pulse {

// Print an instant to the minute: 2011-03-01 06:00 UTC.
std::string FormatMinute(Moment moment);

// Print the time of a snapshot: its date, and with less than a day between snapshots its time.
std::string FormatSnapshotTime(Moment moment, int64_t cadence);

}  // namespace pulse
