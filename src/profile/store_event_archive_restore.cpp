// From the archive: a month is copied back, compared, and takes its place again.
#include <functional>
#include <limits>

#include "pulse/base/error.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/relation_lock.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_event_archive.hpp"
#include "pulse/profile/store_event_order.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr int kRestoredAtOnce = 5'000, kCheckedAtOnce = 10'000;
// So many bytes are read at once, but at least one event.
constexpr int64_t kRestoredBytesAtOnce = 32 * 1024 * 1024;
constexpr size_t kMostBytesThere = size_t{512} * 1024 * 1024;
constexpr int kAnswerTime = 10 * 60'000;  // milliseconds

// Rows e of the month that readers see.
std::string Shown(const ArchivedMonth& month) {
    return " FROM " + month.Table() + " AS e WHERE e.batch <= " + std::to_string(month.batch) + " AND ";
}

// The next rows, as many as are read at once; none if there are no more.
pg::RemoteRows ReadThere(const ArchiveStep& step, const std::string& condition) {
    const std::string order = " ORDER BY e.profile_id, e.name, e.time, e.id";
    return step.remote.Run(
        std::string("SELECT ") + kEventColumns +
            " FROM (SELECT e.*, row_number() OVER w AS place, sum(octet_length(e.properties::text)"
            " + coalesce(octet_length(e.context::text), 0)) OVER w AS bytes FROM (SELECT e.*" +
            Shown(step.month) + condition + order + " LIMIT " + std::to_string(kRestoredAtOnce) +
            ") AS e WINDOW w AS (" + order +
            ")) AS e WHERE e.place = 1 OR e.bytes <= " + std::to_string(kRestoredBytesAtOnce) + order,
        kAnswerTime, kMostBytesThere);
}

void MakeEmptyCopy(const ArchivedMonth& month) {
    pg::Execute("DROP TABLE IF EXISTS " + TableOf(CopyName(month.partition)));
    MakeCopy(month.month, month.partition, LateName(month.partition));
}

// Erasures delete what they find. Rows that were read before, and are written after, have to be looked at
// again.
int64_t LastErasure() {
    return pg::Execute("SELECT coalesce(max(id), 0) FROM pulse.erasure")[0].Int8(0);
}

void NoteErasures(const ArchivedMonth& month) {
    pg::Execute("UPDATE pulse.event_archive SET erasures = $2 WHERE month = $1::date",
                {Value::Text(month.Date()), Value::Int8(LastErasure())});
}

// What differed is copied again.
bool MendRange(const ArchiveStep& step, const std::string& range) {
    const ArchivedMonth& month = step.month;
    const std::string copy = TableOf(CopyName(month.partition));
    const auto run = [&](const std::function<void()>& body) {
        return step.run([&] {
            LockArchivedMonth(month);
            body();
        });
    };
    if (!run([&] { pg::Execute("DELETE FROM " + copy + " AS e WHERE " + range); })) return false;
    for (pg::Json last;;) {
        const pg::RemoteRows rows = ReadThere(step, range + " AND " + BehindKey(last));
        if (rows.values.empty()) break;
        // If it does not get to the end, the range differs again.
        if (!run([&] { InsertRows(copy, rows); })) return false;
        last = KeyOf(rows.values.back());
    }
    return run([&] { PutOffArchive(month, "What was copied back differed, and was copied again.", false); });
}

// Another table can have got the name of a month that was detached and renamed: it must not be replaced. The
// foreign table is not asked for: it goes with its server.
void RequireArchivedMonth(const ArchivedMonth& month) {
    if (pg::Execute("SELECT FROM pg_inherits AS i JOIN pg_inherits AS e ON e.inhrelid = i.inhparent"
                    " WHERE i.inhparent = to_regclass($1) AND e.inhparent = 'pulse.event'::regclass"
                    " AND i.inhrelid = to_regclass($2)",
                    {Value::Text(TableOf(month.partition)), Value::Text(TableOf(LateName(month.partition)))})
            .empty())
        throw UserError(sqlstate::kNotReady, "pulse." + month.partition + " is not the archived month", "",
                        "Rename what has its name, and attach the archived month to pulse.event again.");
}

bool PutBack(const ArchivedMonth& month) {
    if (!pg::LockBusyTable("event", pg::TableLock::kDropping)) return false;
    pg::Execute("LOCK TABLE " + TableOf(month.partition) +
                ", pulse.event_copy IN ACCESS EXCLUSIVE MODE NOWAIT");
    LockArchivedMonth(month, true);
    RequireArchivedMonth(month);
    if (HasReadersBeside()) return false;
    if (!pg::Execute("SELECT FROM pulse.erasure WHERE state <> 'done' LIMIT 1").empty()) return false;
    if (LastErasure() != month.erasures) {
        NoteErasures(month);
        AdvanceArchive(month, "checking", nullptr);
        return true;
    }
    pg::Execute("INSERT INTO " + TableOf(CopyName(month.partition)) + " SELECT e.* FROM " +
                TableOf(LateName(month.partition)) + " AS e ORDER BY e.profile_id, e.name, e.time, e.id");
    PutCopyInPlace(month.month, month.partition);
    AdvanceArchive(month, "dropping", pg::WallClock());
    // Sessions compile them anew: metrics are read in other groups where events are archived.
    pg::Watch::Announce("definition");
    return true;
}

}  // namespace

ArchiveOutcome CopyFromArchive(const ArchiveStep& step) {
    const ArchivedMonth& month = step.month;
    const bool first = month.done_to.is_null();
    const pg::RemoteRows rows = ReadThere(step, BehindKey(month.done_to));
    const bool ran = step.run([&] {
        if (first) {
            MakeEmptyCopy(month);
            NoteErasures(month);
        }
        InsertRows(TableOf(CopyName(month.partition)), rows);
        if (rows.values.empty())
            AdvanceArchive(month, "checking", nullptr);
        else
            AdvanceArchive(month, "restoring", KeyOf(rows.values.back()));
    });
    return ran ? ArchiveOutcome::kMore : ArchiveOutcome::kBusy;
}

ArchiveOutcome CompareRestored(const ArchiveStep& step) {
    const ArchivedMonth& month = step.month;
    constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
    const int64_t from = month.done_to.is_number_integer() ? month.done_to.get<int64_t>()
                                                           : std::numeric_limits<int64_t>::min();
    const std::string behind = "e.profile_id > " + std::to_string(from);
    const auto end = RunThere(step.remote, "SELECT e.profile_id" + Shown(month) + behind +
                                               " ORDER BY e.profile_id OFFSET " +
                                               std::to_string(kCheckedAtOnce) + " LIMIT 1");
    const int64_t to = end.values.empty() ? kEnd : std::stoll(end.values.at(0).at(0).value());
    const std::string range = behind + " AND e.profile_id <= " + std::to_string(to);
    const auto there = RunThere(step.remote, std::string("SELECT ") + kCountAndDigest + Shown(month) + range);
    bool same = false;
    if (!step.run([&] {
            const pg::Result here = pg::Execute(std::string("SELECT ") + kCountAndDigest + " FROM " +
                                                TableOf(CopyName(month.partition)) + " AS e WHERE " + range);
            same = std::to_string(here[0].Int8(0)) == there.values.at(0).at(0) &&
                   here[0].Text(1) == there.values.at(0).at(1);
            if (!same) return;
            if (to == kEnd)
                AdvanceArchive(month, "returning", pg::WallClock());
            else
                AdvanceArchive(month, "checking", to);
        }))
        return ArchiveOutcome::kBusy;
    if (same) return ArchiveOutcome::kMore;
    return MendRange(step, range) ? ArchiveOutcome::kNothing : ArchiveOutcome::kBusy;
}

ArchiveOutcome SwapRestored(const ArchiveStep& step) {
    // Who has an older snapshot does not see the rows that have come back.
    const pg::Json& since = step.month.done_to;
    if (!WaitForOlderReaders(step, since.is_number_integer() ? since.get<int64_t>() : pg::WallClock()))
        return ArchiveOutcome::kBusy;
    bool put = false;
    const bool ran = step.run([&] { put = PutBack(step.month); });
    return ran && put ? ArchiveOutcome::kMore : ArchiveOutcome::kBusy;
}

}  // namespace pulse::profile
