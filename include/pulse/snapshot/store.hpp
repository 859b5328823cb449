// The room's tables, and taking snapshots. For entry code.
#pragma once

#include "pulse/pg/convert.hpp"
#include "pulse/segment/segment.hpp"
#include "pulse/snapshot/record.hpp"
#include "pulse/snapshot/measure_segment.hpp"

namespace pulse::pg {
class Row;
}

namespace pulse::snapshot {

// ---- store_distribution.cpp: needs an open pg::Session as pg::Identity::Owner() ----

void WriteDistributions(int64_t snapshot, const std::vector<Distribution>& distributions);

// What to select from pulse.distribution AS d for ReadDistribution().
inline constexpr const char* kDistributionColumns =
    "d.attribute, d.kind, d.total, d.nulls, d.other, d.nans, d.distinct_values, d.labels, d.edges, d.counts, d.mean,"
    " d.stddev, d.minimum, d.maximum, d.quantiles, CASE WHEN d.nans IS NULL AND d.kind = 'numeric' THEN"
    " (SELECT s.origin = 'measured' FROM pulse.snapshot AS s WHERE s.id = d.snapshot_id) END";
// Those columns from number `first` on. Throws UserError XX001 when the kind is unknown.
Distribution ReadDistribution(const pg::Row& row, int first);

// For an INSERT into pulse.snapshot of segment $1 and moment $2: its size_before.
inline constexpr const char* kSizeBefore =
    "(SELECT b.size FROM pulse.snapshot AS b WHERE b.segment_id = $1 AND b.taken_at < $2 AND b.status = 'ok'"
    " ORDER BY b.taken_at DESC LIMIT 1)";

// ---- store_servers.cpp: likewise ----

void WriteServers(int64_t snapshot, const std::vector<ServerShare>& servers);
// Fills in when each missing server was last measured: its size then.
void ReadLastSizes(int64_t segment_id, Moment moment, std::vector<ServerShare>& servers);

// ---- store_distribution.cpp ----

// Ordered by attribute.
std::vector<Distribution> ReadDistributions(int64_t snapshot);

// ---- store_import.cpp: likewise ----

// A snapshot that was measured elsewhere.
struct Import {
    std::string segment;
    Moment taken_at = 0;
    int64_t size = 0;
    std::optional<int64_t> converted, inactive, entered, exited;
    std::vector<Distribution> distributions;
};

// Stores it and returns its id. The same import again returns the same id; another one of the same moment is
// refused, or replaces the first if `replace` is true.
int64_t StoreImport(const Import& import, bool replace);

// ---- store.cpp: from here on the calls switch identity and open sessions themselves ----

// The snapshot of a segment at exactly this moment, with its distributions.
std::optional<Record> FindAt(int64_t segment_id, Moment moment);
// By its id. Throws UserError 42704.
Record Load(int64_t id);
// The newest ok one before `moment` that has a sketch.
std::optional<PreviousSnapshot> FindPrevious(int64_t segment_id, Moment moment);
// The moment of the newest one up to `moment` that has not failed: one without some servers is not taken
// again before its time, which would cost the others.
std::optional<Moment> LastTaken(int64_t segment_id, Moment moment);
// The edges of an attribute in the newest ok snapshot before `moment` that has any.
std::optional<std::vector<double>> FindEdges(int64_t segment_id, Moment moment, const std::string& attribute,
                                             segment::AttributeKind kind);
// Writes a snapshot and returns its id; replaces a failed or incomplete one of the same moment.
int64_t Write(const Record& record);
// Locks the segment against deletion until the end of the transaction; false if it no longer exists.
bool LockSegmentRow(int64_t segment_id);
// Takes the segment's lock until the end of the transaction, waiting up to `milliseconds`; false on time-out.
bool LockSegment(int64_t segment_id, int milliseconds);

// ---- store_take.cpp ----

// Takes a snapshot at pulse_now(), or returns the existing one.
int64_t Take(const std::string& segment);

struct TakeResult {
    std::string segment;
    std::optional<int64_t> snapshot;
    std::string status;  // ok, failed, skipped
    std::optional<int64_t> size;
    std::optional<std::string> error;
};
// Takes a snapshot of each active segment that is due.
std::vector<TakeResult> TakeDue();

// ---- store_take_background.cpp ----

// The same for a background worker, called outside a transaction: each segment has its own short
// transactions, and none is open while a server is read.
std::vector<TakeResult> TakeDueInBackground();

// ---- store_measure.cpp ----

// Prepares a measurement. Needs a transaction.
MeasureSpec PrepareMeasurement(const segment::Segment& segment, Moment moment);
// Stores a measurement with entered and exited members, and returns it with its id. Needs a transaction.
// Throws UserError if the segment was deleted.
Record StoreMeasured(const segment::Segment& segment, const MeasureSpec& spec, MeasureResult measured);

}  // namespace pulse::snapshot
