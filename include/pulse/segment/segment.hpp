// A saved segment, for use by later rooms. The header is pure; its implementation uses the bridge.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"
#include "pulse/segment/definition.hpp"
#include "pulse/source/reader.hpp"

namespace pulse::segment {

enum class Status { kDraft, kActive, kPaused, kArchived };

const char* Name(Status status);

// A row of pulse.segment.
struct Segment {
    int64_t id = 0;
    std::string name;
    SegmentKind kind = SegmentKind::kRelation;
    Status status = Status::kActive;
    int version = 1;
    nlohmann::json definition;
    nlohmann::json baseline;
    std::optional<std::string> owner;
    std::optional<std::string> description;
    std::vector<std::string> tags;
    int64_t cadence = kDay;  // microseconds
    std::string runs_as;
    std::string search_path;
    std::optional<Moment> baseline_from;
    std::optional<int64_t> pinned_snapshot;
    std::optional<Moment> checked_at;
};

// Read one segment of any status. Throws UserError 42704 with similar names if it does not exist.
Segment Load(const std::string& name);

// Throw an error if the segment has no history to be measured: a draft, or archived.
void RequireMeasured(const Segment& segment);

// Read all active segments, by name.
std::vector<Segment> LoadActive();

// The source of a segment, for the role that created its definition.
source::Access AccessOf(const Segment& segment);
// All of them, if it is measured on several servers: AccessOf() is the first.
std::vector<source::Access> AccessesOf(const Segment& segment);

}  // namespace pulse::segment
