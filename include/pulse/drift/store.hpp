// The tables of this room, and what it reads of the others. Everything needs a pg::Session.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "pulse/drift/baseline.hpp"
#include "pulse/drift/incident.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::drift {

// A segment as the check sees it.
struct CheckedSegment {
    int64_t id = 0;
    std::string name;
    std::optional<std::string> source;  // where it is read; empty for this database
    Json baseline;
    int64_t cadence = kDay;
    std::optional<Moment> baseline_from, checked_at, newest;  // newest snapshot up to now
    std::optional<int64_t> pinned_snapshot;
};

// The settings pulse.*.
Thresholds ThresholdsFromSettings();

// Locks and reads up to `limit` active segments with an id above `after` (only that one if a name is given),
// in the order of ids. Those that another session holds are left out.
std::vector<CheckedSegment> LockSegments(int64_t after, const std::optional<std::string>& name, Moment now,
                                         int limit);

// How many active segments there are (with that name).
int64_t CountSegments(const std::optional<std::string>& name);

// How many points before the unchecked ones a look may need.
int64_t HistoryDepth(int64_t cadence, const Thresholds& thresholds);

enum class HistoryRange { kUnchecked, kWhole };

// Reads the points of these segments: the whole history up to `now`, or only the unchecked ones, those since
// the oldest live incident, and enough before. Segments in the order given; the pinned point included.
std::vector<History> ReadHistories(const std::vector<CheckedSegment>& segments, Moment now,
                                   const Thresholds& thresholds, HistoryRange range);

// Reads the incidents of these segments that can still matter, oldest first. `oldest` is the oldest point
// read.
std::vector<IncidentTracker> ReadIncidentTrackers(const std::vector<CheckedSegment>& segments, Moment oldest,
                                                  Moment now, const Thresholds& thresholds);

// Distributions by snapshot, read many at once.
class DistributionCache {
  public:
    // Reads those that are not here yet.
    void Fetch(std::vector<int64_t> snapshots);
    // One snapshot's; reads it when it is missing. Valid until Clear().
    const Distributions* Get(int64_t snapshot);
    void Clear() { kept_.clear(); }

  private:
    std::unordered_map<int64_t, Distributions> kept_;
};

// What incidents are about: a segment, or a monitored table.
struct IncidentSubject {
    std::optional<int64_t> segment{}, monitor{};
    std::optional<std::string> relation{}, source{};  // of the table
};

// The incidents of a monitored table that can still matter, oldest first.
IncidentTracker ReadMonitorIncidents(int64_t monitor, Moment now, const Thresholds& thresholds);

// Writes what the machine changed, with its events. Incidents that open at one moment of one subject make a
// group; `cause` is the group of what they follow from, where that is known.
void WriteIncidents(const IncidentSubject& subject, std::vector<Incident>& incidents, Moment now,
                    std::optional<int64_t> cause = std::nullopt);

// The group of the live incident that says of a table the segment reads that it is late or empty.
std::optional<int64_t> FindTableCauseGroup(int64_t segment, Moment moment);

// When a subject was muted: nothing opens, reopens or worsens then.
struct Mute {
    std::string kind, name;  // everything, table, source or segment
    Moment since = 0;
    std::optional<Moment> until;
};
std::vector<Mute> ReadMutes();
// Takes the findings away that a mute of the segment, or of everything, silences.
void ApplyMutes(const std::vector<Mute>& mutes, const std::string& kind, const std::string& name,
                const std::optional<std::string>& source, Moment moment,
                std::vector<DetectorResult>& results);

// Notes up to which snapshot each segment was checked.
void MarkChecked(const std::vector<int64_t>& segments, const std::vector<Moment>& moments);

}  // namespace pulse::drift
