#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/segment/segment.hpp"
#include "pulse/snapshot/store.hpp"

namespace pulse::snapshot {

namespace {

using pg::Value;

// The existing snapshot of the segment and moment.
struct StoredSnapshot {
    int64_t id;
    bool same;
    bool measured;  // with success
};

std::optional<StoredSnapshot> FindSnapshot(int64_t segment, const Import& import) {
    static pg::Statement select(
        "SELECT id, origin = 'imported' AND status = 'ok' AND size = $3 AND converted IS NOT DISTINCT"
        " FROM $4 "
        "AND inactive IS NOT DISTINCT FROM $5 AND entered IS NOT DISTINCT FROM $6 AND exited IS NOT DISTINCT"
        " FROM $7, origin = 'measured' AND status = 'ok' "
        "FROM pulse.snapshot WHERE segment_id = $1 AND taken_at = $2 FOR UPDATE",
        {INT8OID, TIMESTAMPTZOID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID});
    const pg::Result rows =
        select.Execute({Value::Int8(segment), Value::Time(import.taken_at), Value::Int8(import.size),
                        Value::Int8(import.converted), Value::Int8(import.inactive),
                        Value::Int8(import.entered), Value::Int8(import.exited)});
    if (rows.empty()) return std::nullopt;
    const int64_t id = rows[0].Int8(0);
    const bool same = !rows[0].IsNull(1) && rows[0].Bool(1);
    return StoredSnapshot{id, same && ReadDistributions(id) == import.distributions, rows[0].Bool(2)};
}

// Returns nothing when another session stored one for the same moment meanwhile.
std::optional<int64_t> Insert(const segment::Segment& segment, const Import& import) {
    static const std::string sql =
        "INSERT INTO pulse.snapshot (segment_id, taken_at, version, origin, size, converted, inactive,"
        " entered, exited, "
        "flow_error, size_before) VALUES ($1, $2, $3, 'imported', $4, $5, $6, $7, $8, "
        "CASE WHEN $7 IS NULL AND $8 IS NULL THEN NULL ELSE 0 END, " +
        std::string(kSizeBefore) + ") ON CONFLICT (segment_id, taken_at) DO NOTHING RETURNING id";
    static pg::Statement insert(
        sql.c_str(), {INT8OID, TIMESTAMPTZOID, INT4OID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID});
    const pg::Result rows =
        insert.Execute({Value::Int8(segment.id), Value::Time(import.taken_at), Value::Int4(segment.version),
                        Value::Int8(import.size), Value::Int8(import.converted), Value::Int8(import.inactive),
                        Value::Int8(import.entered), Value::Int8(import.exited)});
    if (rows.empty()) return std::nullopt;
    return rows[0].Int8(0);
}

// Updates in place, so that incidents and a pinned baseline keep their snapshot.
void Overwrite(int64_t id, int version, const Import& import) {
    pg::Execute(
        "UPDATE pulse.snapshot SET version = $2, origin = 'imported', status = 'ok', size = $3, converted ="
        " $4, inactive = $5, "
        "entered = $6, exited = $7, flow_error = CASE WHEN $6 IS NULL AND $7 IS NULL THEN NULL"
        " ELSE 0 END, clauses = NULL, "
        "clause_passed = NULL, clause_missed_only = NULL, clause_rows = NULL, clause_error = NULL, columns "
        "= NULL, "
        "sketch = NULL, duration_ms = NULL, plan_cost = NULL, error_state = NULL, error = NULL, "
        "recorded_at = clock_timestamp() WHERE id = $1",
        {Value::Int8(id), Value::Int4(version), Value::Int8(import.size), Value::Int8(import.converted),
         Value::Int8(import.inactive), Value::Int8(import.entered), Value::Int8(import.exited)});
    pg::Execute("DELETE FROM pulse.distribution WHERE snapshot_id = $1", {Value::Int8(id)});
    WriteDistributions(id, import.distributions);
}

}  // namespace

int64_t StoreImport(const Import& import, bool replace) {
    const segment::Segment segment = segment::Load(import.segment);
    segment::RequireMeasured(segment);
    if (!LockSegment(segment.id, pg::settings::lock_timeout))
        throw UserError(sqlstate::kLockNotAvailable,
                        "another session is measuring segment \"" + segment.name + "\"", "",
                        "Try again later, or raise pulse.lock_timeout.");
    // Two rounds at most: the second finds a row that another session inserted meanwhile.
    for (int round = 0; round < 2; ++round) {
        if (const auto kept = FindSnapshot(segment.id, import)) {
            if (kept->same) return kept->id;
            if (kept->measured)
                throw UserError(sqlstate::kDuplicateObject,
                                "segment \"" + segment.name + "\" was measured at that moment",
                                "An import replaces only what was imported, and measurements that failed.",
                                "Import for another moment.");
            if (!replace)
                throw UserError(sqlstate::kDuplicateObject,
                                "segment \"" + segment.name + "\" already has a snapshot of that moment",
                                "The one of " + FormatMoment(import.taken_at) + " holds something else.",
                                "Call again with replace => true to replace it.");
            Overwrite(kept->id, segment.version, import);
            return kept->id;
        }
        if (const auto id = Insert(segment, import)) {
            WriteDistributions(*id, import.distributions);
            return *id;
        }
    }
    throw UserError(sqlstate::kLockNotAvailable, "another session keeps changing that snapshot", "",
                    "Try again.");
}

}  // namespace pulse::snapshot
