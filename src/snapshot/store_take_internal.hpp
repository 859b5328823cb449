// What both ways of taking many snapshots share.
#pragma once

#include "pulse/snapshot/source_circuit_breaker.hpp"
#include "pulse/snapshot/store.hpp"

namespace pulse::snapshot {

// The active segments that are due at the moment, by name.
std::vector<segment::Segment> FindDue(Moment moment);

// Outcomes.
TakeResult Taken(const segment::Segment& segment, const Record& record);
TakeResult Skipped(const segment::Segment& segment, const std::string& reason);
// Keeps the failure as a row of its own. Needs a transaction.
TakeResult Failed(const segment::Segment& segment, Moment moment, const std::string& state,
                  const std::string& message, const std::string& detail);

// What a visit to measure a segment is recorded as.
source::Usage UsageFor(const segment::Segment& segment);

// Why a source was not read, in one line.
std::string ReasonOf(const UserError& error);

}  // namespace pulse::snapshot
