#include "pulse/snapshot/store.hpp"

#include "pulse/pg/lock.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/snapshot/listener.hpp"

namespace pulse::snapshot {

namespace {

using pg::Row;
using pg::Value;

constexpr const char* kColumns =
    "id, segment_id, taken_at, version, origin = 'imported', status = 'failed', size, converted, inactive, "
    "entered, exited, "
    "flow_error, clauses, clause_passed, clause_missed_only, clause_rows, clause_error, columns, sketch, "
    "duration_ms, "
    "plan_cost, error_state, error, source, missing, status = 'incomplete', coverage, overlap, overlap_error";

Record ReadRecord(const Row& row) {
    Record record;
    record.id = row.Int8(0);
    record.segment_id = row.Int8(1);
    record.taken_at = row.Time(2);
    record.version = row.Int4(3);
    record.imported = row.Bool(4);
    record.failed = row.Bool(5);
    record.size = row.Int8OrNull(6);
    record.converted = row.Int8OrNull(7);
    record.inactive = row.Int8OrNull(8);
    record.entered = row.Int8OrNull(9);
    record.exited = row.Int8OrNull(10);
    record.flow_error = row.Float8OrNull(11);
    if (!row.IsNull(12))
        record.clauses =
            ClauseCounts{row.Texts(12), row.Int8s(13), row.Int8s(14), row.Int8(15), row.Float8(16)};
    if (!row.IsNull(17)) record.columns = row.Jsonb(17);
    if (!row.IsNull(18)) record.sketch = Sketch::Decode(pg::ToBytes(row.Raw(18)));
    record.duration_ms = row.Float8OrNull(19);
    record.plan_cost = row.Float8OrNull(20);
    record.error_state = row.TextOrNull(21).value_or("");
    record.error = row.TextOrNull(22).value_or("");
    record.source = row.TextOrNull(23).value_or("");
    if (!row.IsNull(24)) record.missing = row.Texts(24);
    record.incomplete = row.Bool(25);
    record.coverage = row.Float8OrNull(26);
    record.overlap = row.Float8OrNull(27);
    record.overlap_error = row.Float8OrNull(28);
    return record;
}

std::optional<Record> Find(const char* condition, const std::vector<Value>& parameters) {
    const pg::Result rows = pg::Execute(
        std::string("SELECT ") + kColumns + " FROM pulse.snapshot WHERE " + condition, parameters);
    if (rows.empty()) return std::nullopt;
    Record record = ReadRecord(rows[0]);
    record.distributions = ReadDistributions(record.id);
    return record;
}

Value TextOrNull(const std::string& text) {
    return text.empty() ? Value::Null(TEXTOID) : Value::Text(text);
}

int64_t WriteSnapshot(const Record& r) {
    const bool clauses = r.clauses.has_value();
    const pg::Result rows = pg::Execute(
        "INSERT INTO pulse.snapshot (segment_id, taken_at, version, origin, status, size, converted,"
        " inactive, entered, "
        "exited, flow_error, clauses, clause_passed, clause_missed_only, clause_rows, clause_error, "
        "columns, sketch, "
        "duration_ms, plan_cost, error_state, error, source, missing, coverage, overlap, overlap_error, size_before) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
        "$10, $11, $12, $13, $14, "
        "$15, $16, $17, pulse.to_sketch($18), $19, $20, $21, $22, $23, $24, $25, $26, $27, " +
            std::string(kSizeBefore) + ") RETURNING id",
        {Value::Int8(r.segment_id),
         Value::Time(r.taken_at),
         Value::Int4(r.version),
         Value::Text(r.imported ? "imported" : "measured"),
         Value::Text(r.failed       ? "failed"
                     : r.incomplete ? "incomplete"
                                    : "ok"),
         Value::Int8(r.size),
         Value::Int8(r.converted),
         Value::Int8(r.inactive),
         Value::Int8(r.entered),
         Value::Int8(r.exited),
         Value::Float8(r.flow_error),
         clauses ? Value::Texts(r.clauses->texts) : Value::Null(TEXTARRAYOID),
         clauses ? Value::Int8s(r.clauses->passed) : Value::Null(INT8ARRAYOID),
         clauses ? Value::Int8s(r.clauses->missed_only) : Value::Null(INT8ARRAYOID),
         clauses ? Value::Int8(r.clauses->rows) : Value::Null(INT8OID),
         clauses ? Value::Float8(r.clauses->error) : Value::Null(FLOAT8OID),
         r.columns.is_null() ? Value::Null(JSONBOID) : Value::Jsonb(r.columns),
         r.sketch ? Value{BYTEAOID, pg::FromBytes(r.sketch->Encode()), false} : Value::Null(BYTEAOID),
         Value::Float8(r.duration_ms),
         Value::Float8(r.plan_cost),
         TextOrNull(r.error_state),
         TextOrNull(r.error),
         TextOrNull(r.source),
         r.missing.empty() ? Value::Null(TEXTARRAYOID) : Value::Texts(r.missing),
         Value::Float8(r.coverage),
         Value::Float8(r.overlap),
         Value::Float8(r.overlap_error)});
    const int64_t id = rows[0].Int8(0);
    if (!r.imported) Announce(id);
    return id;
}

}  // namespace

std::optional<Record> FindAt(int64_t segment_id, Moment moment) {
    const pg::OwnerSession session;
    return Find("segment_id = $1 AND taken_at = $2", {Value::Int8(segment_id), Value::Time(moment)});
}

Record Load(int64_t id) {
    const pg::OwnerSession session;
    if (std::optional<Record> found = Find("id = $1", {Value::Int8(id)})) return *std::move(found);
    throw UserError(sqlstate::kUndefinedObject, "snapshot " + std::to_string(id) + " does not exist", "",
                    "SELECT id, segment_id, taken_at FROM pulse.snapshot lists them.");
}

bool LockSegmentRow(int64_t segment_id) {
    const pg::OwnerSession session;
    return !pg::Execute("SELECT FROM pulse.segment WHERE id = $1 FOR KEY SHARE", {Value::Int8(segment_id)})
                .empty();
}

std::optional<PreviousSnapshot> FindPrevious(int64_t segment_id, Moment moment) {
    const pg::OwnerSession session;
    const pg::Result rows = pg::Execute(
        "SELECT size, sketch FROM pulse.snapshot WHERE segment_id = $1 AND taken_at < $2 AND status = 'ok' "
        "AND sketch IS NOT NULL ORDER BY taken_at DESC LIMIT 1",
        {Value::Int8(segment_id), Value::Time(moment)});
    if (rows.empty()) return std::nullopt;
    return PreviousSnapshot{rows[0].Int8(0), Sketch::Decode(pg::ToBytes(rows[0].Raw(1)))};
}

std::optional<Moment> LastTaken(int64_t segment_id, Moment moment) {
    const pg::OwnerSession session;
    const pg::Result rows = pg::Execute(
        "SELECT max(taken_at) FROM pulse.snapshot WHERE segment_id = $1 AND taken_at <= $2 AND status <> 'failed'",
        {Value::Int8(segment_id), Value::Time(moment)});
    return rows[0].TimeOrNull(0);
}

std::optional<std::vector<double>> FindEdges(int64_t segment_id, Moment moment, const std::string& attribute,
                                             segment::AttributeKind kind) {
    const pg::OwnerSession session;
    const pg::Result rows = pg::Execute(
        "SELECT d.edges FROM pulse.snapshot AS s JOIN pulse.distribution AS d ON d.snapshot_id = s.id "
        "WHERE s.segment_id = $1 AND s.taken_at < $2 AND s.status = 'ok' AND d.attribute = $3"
        " AND d.kind = $4 "
        "AND cardinality(d.edges) > 0 ORDER BY s.taken_at DESC LIMIT 1",
        {Value::Int8(segment_id), Value::Time(moment), Value::Text(attribute),
         Value::Text(segment::Name(kind))});
    if (rows.empty()) return std::nullopt;
    return rows[0].Float8s(0);
}

int64_t Write(const Record& record) {
    const pg::OwnerSession session;
    // Figures of some servers are more than none.
    if (record.failed) {
        const pg::Result known = pg::Execute(
            "SELECT id FROM pulse.snapshot WHERE segment_id = $1 AND taken_at = $2 AND status = 'incomplete'",
            {Value::Int8(record.segment_id), Value::Time(record.taken_at)});
        if (!known.empty()) return known[0].Int8(0);
    }
    pg::Execute("DELETE FROM pulse.snapshot WHERE segment_id = $1 AND taken_at = $2 AND status <> 'ok'",
                {Value::Int8(record.segment_id), Value::Time(record.taken_at)});
    const int64_t id = WriteSnapshot(record);
    WriteDistributions(id, record.distributions);
    WriteServers(id, record.servers);
    return id;
}

bool LockSegment(int64_t segment_id, int milliseconds) {
    const pg::OwnerSession session;
    constexpr int kPause = 20;
    for (int waited = 0;; waited += kPause) {
        if (pg::TryLock("segment", segment_id)) return true;
        if (waited >= milliseconds) return false;
        pg::Execute("SELECT pg_sleep($1)", {Value::Float8(kPause / 1000.0)});
    }
}

}  // namespace pulse::snapshot
