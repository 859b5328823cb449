#include "pulse/profile/store_replay.hpp"

#include <algorithm>
#include <map>

#include "pulse/pg/settings.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

// How each turned out.
void NoteReplay(const std::vector<Replayed>& replayed) {
    std::vector<Datum> ids, reasons, details;
    std::vector<bool> good;
    for (const Replayed& one : replayed) {
        const bool rejected = one.verdict.status == Verdict::Status::kRejected;
        ids.push_back(Int64GetDatum(one.id));
        good.push_back(!rejected);
        reasons.push_back(rejected ? pg::FromText(one.verdict.reason) : Datum{0});
        details.push_back(rejected ? pg::FromText(one.verdict.detail) : Datum{0});
    }
    static pg::Statement statement(
        "UPDATE pulse.rejected_event AS r SET attempts = r.attempts + 1, reason = coalesce(n.reason, r.reason),"
        " detail = coalesce(n.detail, r.detail), replayed_at = CASE WHEN n.reason IS NULL THEN $4 END"
        " FROM unnest($1, $2, $3) AS n (id, reason, detail) WHERE r.id = n.id",
        {INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID});
    statement.Execute({pg::ArrayOf(INT8OID, ids), pg::ArrayOf(TEXTOID, reasons, good), pg::ArrayOf(TEXTOID, details, good),
                       Value::Time(pg::Now())});
}

}  // namespace

std::vector<Replayed> Replay(const Value& ids, const std::optional<std::string>& reason, int64_t max) {
    // Before rows are locked, as everywhere: the order of locks begins with the definitions.
    if (const auto begin = Listening().begin) begin();
    static pg::Statement choose(
        "SELECT id, received_at, source, imported, payload FROM pulse.rejected_event WHERE replayed_at IS NULL"
        " AND ($1 IS NULL OR id = ANY ($1)) AND ($2 IS NULL OR reason = $2) ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED",
        {INT8ARRAYOID, TEXTOID, INT8OID});
    const pg::Result rows = choose.Execute({ids, Value::Text(reason), Value::Int8(max)});
    static const pg::JsonbReader reader;
    struct Portion {
        std::vector<int64_t> ids;
        std::vector<Arrival> arrivals;
    };
    std::map<std::pair<std::string, bool>, Portion> portions;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const pg::Row row = rows[i];
        Portion& portion = portions[{row.Text(2), row.Bool(3)}];
        const json::Node event = pg::Root(row.Raw(4));
        portion.ids.push_back(row.Int8(0));
        portion.arrivals.push_back({Extract(reader, event), event, row.Time(1)});
    }
    std::vector<Replayed> replayed;
    for (const auto& [of, portion] : portions) {
        std::vector<Verdict> verdicts = TakeIn(portion.arrivals, of.first, of.second ? Cause::kImport : Cause::kEvent, false);
        for (size_t i = 0; i < verdicts.size(); ++i) replayed.push_back({portion.ids[i], std::move(verdicts[i])});
    }
    NoteReplay(replayed);
    std::sort(replayed.begin(), replayed.end(), [](const Replayed& a, const Replayed& b) { return a.id < b.id; });
    return replayed;
}

}  // namespace pulse::profile
