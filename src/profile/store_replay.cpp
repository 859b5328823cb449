#include "pulse/profile/store_replay.hpp"

#include "pulse/pg/settings.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

// Record the result of each replay.
void RecordReplay(const std::vector<ReplayResult>& replayed) {
    std::vector<Datum> ids, reasons, details;
    std::vector<bool> good;
    std::vector<int64_t> erased;
    for (const ReplayResult& one : replayed) {
        if (one.result.reason == kErased) erased.push_back(one.id);
        const bool rejected = one.result.status == IngestResult::Status::kRejected;
        ids.push_back(Int64GetDatum(one.id));
        good.push_back(!rejected);
        reasons.push_back(rejected ? pg::FromText(one.result.reason) : Datum{0});
        details.push_back(rejected ? pg::FromText(one.result.detail) : Datum{0});
    }
    static pg::Statement statement(
        "UPDATE pulse.rejected_event AS r SET attempts = r.attempts + 1, reason = coalesce(n.reason,"
        " r.reason),"
        " detail = coalesce(n.detail, r.detail), replayed_at = CASE WHEN n.reason IS NULL THEN $4 END"
        " FROM unnest($1, $2, $3) AS n (id, reason, detail) WHERE r.id = n.id",
        {INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID});
    statement.Execute({pg::ArrayOf(INT8OID, ids), pg::ArrayOf(TEXTOID, reasons, good),
                       pg::ArrayOf(TEXTOID, details, good), Value::Time(pg::Now())});
    if (!erased.empty())
        pg::Execute("DELETE FROM pulse.rejected_event WHERE id = ANY ($1)", {Value::Int8s(erased)});
}

}  // namespace

std::vector<ReplayResult> Replay(const Value& ids, const std::optional<std::string>& reason, int64_t max) {
    // Before rows are locked: the lock order begins with definitions.
    if (const auto begin = GetListener().before_write) begin();
    static pg::Statement choose(
        "SELECT id, received_at, source, imported, payload FROM pulse.rejected_event"
        " WHERE replayed_at IS NULL"
        " AND ($1 IS NULL OR id = ANY ($1)) AND ($2 IS NULL OR reason = $2) ORDER BY id LIMIT $3 FOR"
        " UPDATE SKIP LOCKED",
        {INT8ARRAYOID, TEXTOID, INT8OID});
    const pg::Result rows = choose.Execute({ids, Value::Text(reason), Value::Int8(max)});
    static const pg::JsonbReader reader;
    std::vector<IncomingEvent> incoming;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const pg::Row row = rows[i];
        const json::Value event = pg::Root(row.Raw(4));
        incoming.push_back({ReadEventFields(reader, event), event, row.Time(1), row.Text(2),
                            row.Bool(3) ? Cause::kImport : Cause::kEvent, false});
    }
    // One batch: locks of the first events are not held while later ones wait.
    std::vector<IngestResult> results = IngestEvents(incoming, false);
    std::vector<ReplayResult> replayed;
    for (size_t i = 0; i < results.size(); ++i) replayed.push_back({rows[i].Int8(0), std::move(results[i])});
    RecordReplay(replayed);
    return replayed;
}

}  // namespace pulse::profile
