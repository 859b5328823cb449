// Shared by store_take.cpp, store_take_background.cpp and store_request.cpp.
#pragma once

#include "pulse/snapshot/source_circuit_breaker.hpp"
#include "pulse/snapshot/store.hpp"

namespace pulse::snapshot {

// The active segments that are due at the moment, by name.
std::vector<segment::Segment> FindDue(Moment moment);

// Take one segment; its failure does not affect others. In the caller's transaction, or in a background
// worker outside of any.
TakeResult TakeOne(const segment::Segment& segment, Moment moment, SourceCircuitBreaker& breaker);
TakeResult TakeInBackground(const segment::Segment& segment, Moment moment, SourceCircuitBreaker& breaker);

// Results.
TakeResult Taken(const segment::Segment& segment, const Record& record);
TakeResult Skipped(const segment::Segment& segment, const std::string& reason);
// Stores the failure as a row. Needs a transaction.
TakeResult Failed(const segment::Segment& segment, Moment moment, const std::string& state,
                  const std::string& message, const std::string& detail);

// The source of a segment; empty for this database, and for several servers.
std::string OnlySource(const segment::Segment& segment);

// The usage record of a visit that measures a segment.
source::Usage UsageFor(const segment::Segment& segment);

// Why a source was not read, in one line.
std::string ReasonOf(const UserError& error);

}  // namespace pulse::snapshot
