// What the job does for one erasure: in short transactions, each of which notes how far it came.
#include <algorithm>
#include <map>
#include <set>

#include "pulse/pg/background.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/profile/store_archive_erasure.hpp"
#include "pulse/profile/store_event_order.hpp"
#include "pulse/profile/listener.hpp"
#include "pulse/profile/store_erasure.hpp"
#include "pulse/profile/store_index_scan.hpp"
#include "pulse/profile/store_ingest.hpp"
#include "pulse/profile/store_refusal.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr int64_t kEventsAtOnce = 1000, kBlocksAtOnce = 4096;
constexpr int64_t kTalliesAtOnce = 1000, kProfilesAtOnce = 20'000;

void GoTo(int64_t erasure, const char* state, const std::string& place) {
    static pg::Statement statement(
        "UPDATE pulse.erasure SET state = $2, place = $3, error = NULL, next_try_at = NULL WHERE id = $1",
        {INT8OID, TEXTOID, TEXTOID});
    statement.Execute({Value::Int8(erasure), Value::Text(state), Value::Text(place)});
}

// A transaction that was open during the request can have used the person's ids once more. A profile with
// none but these is the person's; of another person's profile only the id is taken away.
void Sweep(OpenErasure& erasure) {
    static pg::Statement look(
        "SELECT i.profile_id, bool_and(s.erasure_id IS NOT NULL) FROM pulse.identity AS i"
        " LEFT JOIN pulse.erasure_subject AS s ON s.erasure_id = $1 AND s.kind = i.kind AND s.value = i.value"
        " WHERE i.profile_id = ANY (ARRAY(SELECT o.profile_id FROM pulse.erasure_subject AS k"
        " JOIN pulse.identity AS o ON o.kind = k.kind AND o.value = k.value WHERE k.erasure_id = $1))"
        " GROUP BY i.profile_id ORDER BY i.profile_id",
        {INT8OID});
    static pg::Statement forget(
        "DELETE FROM pulse.identity AS i USING pulse.erasure_subject AS s"
        " WHERE s.erasure_id = $1 AND i.kind = s.kind AND i.value = s.value",
        {INT8OID});
    const ForceIndexScans force_index;
    const pg::Result rows = look.Execute({Value::Int8(erasure.id)});
    std::vector<int64_t>& profiles = erasure.person.profiles;
    for (uint64_t i = 0; i < rows.size(); ++i)
        if (rows[i].Bool(1) && std::find(profiles.begin(), profiles.end(), rows[i].Int8(0)) == profiles.end())
            profiles.push_back(rows[i].Int8(0));
    NoteErased(erasure.id, EraseAtOnce(erasure.person), {});
    NoteErased(erasure.id,
               {{"identity", static_cast<int64_t>(forget.Execute({Value::Int8(erasure.id)}).processed())}},
               {});
    pg::Execute("UPDATE pulse.erasure SET profiles = $2 WHERE id = $1",
                {Value::Int8(erasure.id), Value::Int8s(profiles)});
    GoTo(erasure.id, "erasing", "swept");
}

// What batches recorded goes into the totals, where it can be found.
bool FoldAll(const RunStep& step) {
    for (int64_t rows = 1; rows > 0;) {
        rows = 0;
        if (!step([&] { rows = FoldTallies(kTalliesAtOnce); })) return false;
    }
    for (int64_t rows = 1; rows > 0;) {
        rows = 0;
        if (!step([&] { rows = FoldActivity(kProfilesAtOnce, true); })) return false;
    }
    return true;
}

// The partitions of a table, and months that were detached from it but are still here; or the table itself.
std::vector<std::string> LeavesOf(const std::string& table) {
    const pg::Result rows = pg::Execute(
        "SELECT c.relname::text FROM pg_class AS c WHERE c.relnamespace = 'pulse'::regnamespace"
        " AND c.relkind = 'r' AND (c.relname = $1 OR c.relname ~ ('^' || $1 || '_(y[0-9]+m[0-9]+|before_2000)(_late)?$'))"
        " ORDER BY c.relname COLLATE \"C\"",
        {Value::Text(table)});
    std::vector<std::string> leaves;
    for (uint64_t i = 0; i < rows.size(); ++i) leaves.push_back(rows[i].Text(0));
    return leaves;
}

// Deletes the events of one profile in one month by its index, in the index's order: a batch does not walk
// over what those before it deleted.
class EventEraser {
  public:
    EventEraser(int64_t erasure, std::string table, int64_t profile)
        : erasure_(erasure), table_(std::move(table)), profile_(profile) {}

    // Returns the number of events deleted.
    int64_t EraseBatch() {
        const std::string name = "pulse." + pg::QuoteIdentifier(table_);
        const ForceIndexScans force_index;
        const pg::Result rows = pg::Execute(
            "DELETE FROM " + name + " WHERE ctid = ANY (ARRAY(SELECT e.ctid FROM " + name +
                " AS e WHERE e.profile_id = $1 AND (e.name, e.time) >= ($2, $3) ORDER BY e.name, e.time LIMIT $4))"
                " RETURNING name, time, source, message_id",
            {Value::Int8(profile_), Value::Text(last_.first), Value::Time(last_.second),
             Value::Int8(kEventsAtOnce)});
        const auto count = static_cast<int64_t>(rows.processed());
        if (count == 0) return 0;
        std::set<std::string> names;
        std::vector<std::pair<std::string, std::string>> messages;
        for (uint64_t i = 0; i < rows.size(); ++i) {
            last_ = std::max(last_, std::pair(rows[i].Text(0), rows[i].Time(1)));
            names.insert(rows[i].Text(0));
            if (!rows[i].IsNull(3)) messages.emplace_back(rows[i].Text(2), rows[i].Text(3));
        }
        // Examples of values can be the person's; others take their place.
        pg::Execute(
            "UPDATE pulse.event_property SET examples = '[]' WHERE event = ANY ($1) AND examples <> '[]'",
            {Value::Texts({names.begin(), names.end()})});
        std::vector<std::string> touched{table_};
        // The trigger of a month that is being ordered has deleted them there, too.
        if (const std::string copy = CopyName(table_);
            pg::Execute("SELECT to_regclass($1) IS NOT NULL",
                        {Value::Text("pulse." + pg::QuoteIdentifier(copy))})[0]
                .Bool(0))
            touched.push_back(copy);
        NoteErased(erasure_, {{"event", count}}, touched);
        NoteErased(erasure_, {{"message_seen", ForgetMessages(messages)}}, {"message_seen"});
        return count;
    }

  private:
    int64_t erasure_;
    std::string table_;
    int64_t profile_;
    std::pair<std::string, Moment> last_{"", DT_NOBEGIN};
};

bool EraseEvents(const OpenErasure& erasure, const RunStep& step) {
    std::vector<std::string> months;
    if (!step([&] {
            months = LeavesOf("event");
            // A month that comes back from an archive is not in its place yet.
            for (const std::string& copy : LeavesOf("event_copy")) months.push_back(copy);
        }))
        return false;
    for (const std::string& month : months)
        for (const int64_t profile : erasure.person.profiles) {
            EventEraser eraser(erasure.id, month, profile);
            for (int64_t rows = kEventsAtOnce; rows == kEventsAtOnce;) {
                pg::CheckInterrupts();
                if (!step([&] { rows = eraser.EraseBatch(); })) return false;
            }
        }
    return step([&] { QueueArchiveErasure(erasure.id, erasure.person.profiles); });
}

struct LeafScan {
    std::string table;
    const char* condition;
    const char* set;
};

// By the name of the leaf, which is the order of the work.
std::multimap<std::string, LeafScan> ListScans() {
    std::multimap<std::string, LeafScan> scans;
    for (const PersonalData& data : RegisteredPersonalData())
        for (const ErasureScan* scan = data.scans; scan && scan->table; ++scan)
            for (const std::string& leaf : LeavesOf(scan->table))
                scans.emplace(leaf, LeafScan{scan->table, scan->condition, scan->set});
    return scans;
}

// Deletes in a range of blocks; returns whether there are more.
bool ScanRange(const OpenErasure& erasure, const std::string& leaf, const LeafScan& scan, int64_t& block) {
    const std::string name = "pulse." + pg::QuoteIdentifier(leaf);
    const int64_t end = block + kBlocksAtOnce;
    const auto tid = [](int64_t at) { return "'(" + std::to_string(at) + ",0)'::tid"; };
    const pg::Result rows = pg::Execute(
        (scan.set ? "UPDATE " + name + " AS t SET " + scan.set : "DELETE FROM " + name + " AS t") +
            " WHERE t.ctid >= " + tid(block) + " AND t.ctid < " + tid(end) + " AND (" + scan.condition + ")",
        {Value::Int8s(erasure.person.profiles), Value::Texts(erasure.person.identifiers)});
    if (rows.processed() > 0)
        NoteErased(erasure.id, {{scan.table, static_cast<int64_t>(rows.processed())}}, {leaf});
    block = end;
    return pg::Execute("SELECT pg_relation_size($1::regclass) > $2 * current_setting('block_size')::bigint",
                       {Value::Text(name), Value::Int8(end)})[0]
        .Bool(0);
}

bool EraseByScans(const OpenErasure& erasure, const RunStep& step) {
    std::multimap<std::string, LeafScan> scans;
    if (!step([&] { scans = ListScans(); })) return false;
    // What a run before this one has done.
    const size_t space = erasure.place.find(' ');
    const std::string reached = space == std::string::npos ? "" : erasure.place.substr(0, space);
    for (const auto& one : scans) {
        const auto& leaf = one.first;
        const auto& scan = one.second;
        if (leaf < reached) continue;
        int64_t block = leaf == reached ? std::stoll(erasure.place.substr(space + 1)) : 0;
        for (bool more = true; more;) {
            pg::CheckInterrupts();
            const int64_t from = block;
            const bool done = step([&] {
                block = from;
                more = ScanRange(erasure, leaf, scan, block);
                // Several scans of one leaf are done again together.
                if (scans.count(leaf) == 1) GoTo(erasure.id, "erasing", leaf + " " + std::to_string(block));
            });
            if (!done) return false;
        }
    }
    return true;
}

}  // namespace

std::vector<int64_t> OpenErasures(bool verifying) {
    // A failed one goes on where it was.
    static pg::Statement statement(
        "SELECT id FROM pulse.erasure WHERE state <> 'done' AND (next_try_at IS NULL OR next_try_at <= $2)"
        " AND (place LIKE 'verify:%') = $1 AND NOT ($1 AND EXISTS (SELECT FROM pulse.archive_erasure AS a"
        " WHERE a.erasure_id = pulse.erasure.id)) ORDER BY id LIMIT 1000",
        {BOOLOID, TIMESTAMPTZOID});
    const pg::Result rows = statement.Execute({Value::Bool(verifying), Value::Time(pg::WallClock())});
    std::vector<int64_t> ids;
    for (uint64_t i = 0; i < rows.size(); ++i) ids.push_back(rows[i].Int8(0));
    return ids;
}

OpenErasure LoadErasure(int64_t id) {
    const pg::Result rows =
        pg::Execute("SELECT state, place, profiles FROM pulse.erasure WHERE id = $1", {Value::Int8(id)});
    OpenErasure erasure;
    erasure.id = id;
    erasure.state = rows[0].Text(0);
    erasure.place = rows[0].Text(1);
    erasure.person.profiles = rows[0].Int8s(2);
    if (!erasure.person.profiles.empty()) erasure.person.canonical = erasure.person.profiles[0];
    const pg::Result ids = pg::Execute(
        "SELECT kind, value FROM pulse.erasure_subject WHERE erasure_id = $1 ORDER BY kind, value",
        {Value::Int8(id)});
    for (uint64_t i = 0; i < ids.size(); ++i) {
        if (!ids[i].Text(0).empty()) erasure.ids.push_back({ids[i].Text(0), ids[i].Text(1)});
        erasure.person.identifiers.push_back(ids[i].Text(1));
    }
    return erasure;
}

void NoteErased(int64_t erasure, const ErasedRows& rows, const std::vector<std::string>& touched) {
    static pg::Statement statement(
        "UPDATE pulse.erasure SET rows = rows || jsonb_build_object($2, coalesce((rows ->> $2)::bigint, 0) + $3),"
        " touched = ARRAY(SELECT DISTINCT t.name FROM unnest(touched || $4) AS t (name) ORDER BY t.name)"
        " WHERE id = $1",
        {INT8OID, TEXTOID, INT8OID, TEXTARRAYOID});
    for (const auto& [tables, count] : rows) {
        if (count == 0) continue;
        std::vector<std::string> names = touched;
        for (size_t at = 0; touched.empty() && at < tables.size();) {
            const size_t end = std::min(tables.find(", ", at), tables.size());
            names.push_back(tables.substr(at, end - at));
            at = end + 2;
        }
        statement.Execute(
            {Value::Int8(erasure), Value::Text(tables), Value::Int8(count), Value::Texts(names)});
    }
}

bool WaitForWriters(const RunStep& step) {
    // An id that comes from now on is refused.
    return step([] {
        if (GetListener().keep_writers_out) GetListener().keep_writers_out();
    });
}

bool EraseInSteps(int64_t id, bool waited, const RunStep& step) {
    OpenErasure erasure;
    if (!step([&] { erasure = LoadErasure(id); })) return false;
    if (erasure.place.empty() && (!waited || !step([&] { Sweep(erasure); }))) return false;
    return FoldAll(step) && EraseEvents(erasure, step) && EraseByScans(erasure, step) &&
           step([&] { GoTo(id, "verifying", "verify:"); });
}

}  // namespace pulse::profile
