// Snapshots that somebody asks for and a worker takes. For entry code.
#pragma once

#include "pulse/base/time.hpp"

#include <optional>
#include <string>

namespace pulse::snapshot {

struct RequestState {
    std::string state;  // waiting, running, ok, failed, no_worker
    Moment requested_at = 0;
    std::optional<Moment> finished_at;
    std::optional<int64_t> snapshot;
    std::optional<std::string> detail;
};

// Ask for a snapshot of a segment. Throws UserError 42704, 55000.
RequestState RequestSnapshot(const std::string& segment, bool check_drift);

struct RequestedSnapshots {
    int64_t segments = 0;
    std::string state;  // waiting, no_worker
    std::optional<std::string> detail;
};
// Ask for a snapshot of each segment that is due.
RequestedSnapshots RequestDueSnapshots();

// The newest request for a segment. Throws UserError 42704.
std::optional<RequestState> FindRequest(const std::string& segment);

}  // namespace pulse::snapshot
