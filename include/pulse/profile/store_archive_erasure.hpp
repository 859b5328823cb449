// Erased people on archives: what has to be deleted there is queued, and a job deletes it when the archive
// answers. For entry code of this room; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include <cstdint>
#include <vector>

#include "pulse/pg/status_report.hpp"

namespace pulse::profile {

// Queue the events that these profiles may have on archives. The erasure does not end before they are
// deleted.
void QueueArchiveErasure(int64_t erasure, const std::vector<int64_t>& profiles);

// Rows of pulse_status().
void ReportArchiveErasures(pg::StatusReport& report);

}  // namespace pulse::profile
