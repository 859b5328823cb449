// Access to this room's tables and its reads of other rooms' tables. Everything needs a pg::Session.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "pulse/drift/baseline.hpp"
#include "pulse/drift/incident_tracker.hpp"
#include "pulse/pg/spi.hpp"

namespace pulse::drift {

// A segment to check.
struct CheckedSegment {
    int64_t id = 0;
    std::string name;
    std::vector<std::string> sources;  // none: this database
    std::string members = "members";   // what texts call them
    Json baseline;
    int64_t cadence = kDay;
    std::optional<Moment> baseline_from, checked_at, newest;  // newest snapshot up to now
    std::optional<int64_t> pinned_snapshot;
};

// The settings pulse.*.
Thresholds ThresholdsFromSettings();

// Locks and reads up to `limit` active segments with an id above `after` (only that one if a name is given),
// in the order of ids. Segments locked by another session are skipped.
std::vector<CheckedSegment> LockSegments(int64_t after, const std::optional<std::string>& name, Moment now,
                                         int limit);

// How many active segments there are (with that name).
int64_t CountSegments(const std::optional<std::string>& name);

enum class HistoryRange { kUnchecked, kWhole };

// Reads the points of these segments: the whole history up to `now`, or only the unchecked ones, those since
// the oldest live incident (or since `since` instead of both), and enough before. Segments in the order
// given; the pinned point included.
std::vector<History> ReadHistories(const std::vector<CheckedSegment>& segments, Moment now,
                                   const Thresholds& thresholds, HistoryRange range,
                                   std::optional<Moment> since = {});

// Reads the incidents of these segments that are still relevant, oldest first. `oldest` is the oldest point
// read.
std::vector<IncidentTracker> ReadIncidentTrackers(const std::vector<CheckedSegment>& segments, Moment oldest,
                                                  Moment now, const Thresholds& thresholds);

// Distributions by snapshot, read many at once.
class DistributionCache {
  public:
    // Reads the missing ones.
    void Fetch(std::vector<int64_t> snapshots);
    // One snapshot's; reads it when it is missing. Valid until Clear().
    const Distributions* Get(int64_t snapshot);
    void Clear() { kept_.clear(); }

  private:
    std::unordered_map<int64_t, Distributions> kept_;
};

// The subject of incidents: a segment, a monitored table, or the events of a name.
struct IncidentSubject {
    std::optional<int64_t> segment{}, monitor{};
    std::optional<std::string> relation{}, source{};  // of the table
    std::optional<std::string> event{};
};

// The incidents of a monitored table that are still relevant, oldest first.
IncidentTracker ReadMonitorIncidents(int64_t monitor, Moment now, const Thresholds& thresholds);

// The incidents of events by name, as far as they are still relevant, oldest first. Locks them, so that a
// person and the check wait for each other. `oldest` is the oldest moment of a baseline.
std::map<std::string, IncidentTracker> ReadEventIncidents(Moment oldest, Moment now,
                                                          const Thresholds& thresholds);

// Writes changed incidents and their events. Incidents of one subject that open at the same moment form a
// group; `cause` is the group of the incident that caused them, if known.
void WriteIncidents(const IncidentSubject& subject, std::vector<Incident>& incidents, Moment now,
                    std::optional<int64_t> cause = std::nullopt);

// The group of a live incident on a table that the segment reads: the table is late or empty.
std::optional<int64_t> FindTableCauseGroup(int64_t segment, Moment moment);
// The group of a live incident of events that the segment's rule uses.
std::optional<int64_t> FindEventCauseGroup(int64_t segment, Moment moment);

// A maintenance window: nothing opens, reopens or worsens in it.
struct Mute {
    std::string kind, name;  // everything, table, source, segment or event
    Moment since = 0;
    std::optional<Moment> until;
};
std::vector<Mute> ReadMutes();
// Removes the findings that a mute of the subject, or of everything, covers.
void ApplyMutes(const std::vector<Mute>& mutes, const std::string& kind, const std::string& name,
                const std::vector<std::string>& sources, Moment moment, std::vector<DetectorResult>& results);

// The times in which the subject, or everything, was muted.
std::vector<Span> MutedSpans(const std::vector<Mute>& mutes, const std::string& kind, const std::string& name,
                             const std::vector<std::string>& sources);

// Stores up to which snapshot each segment was checked.
void MarkChecked(const std::vector<int64_t>& segments, const std::vector<Moment>& moments);

}  // namespace pulse::drift
