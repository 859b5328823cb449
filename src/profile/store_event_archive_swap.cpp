// The archive takes the place of a month; later, what arrives for it moves there.
#include <chrono>

#include "pulse/pg/background.hpp"
#include "pulse/pg/probe.hpp"
#include "pulse/pg/relation_lock.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/wait.hpp"
#include "pulse/profile/month.hpp"
#include "pulse/profile/store_event_archive.hpp"
#include "pulse/profile/store_event_order.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr int64_t kMovedAtOnce = 2'000, kLookForLate = 15 * kMinute, kKeptThere = kDay;
constexpr size_t kMovedBytesAtOnce = size_t{16} * 1024 * 1024;
constexpr std::chrono::seconds kPatienceWithReaders{30};
constexpr long kReadersPause = 100, kPauseWithLocks = 10;  // milliseconds
constexpr int kLooksWithLocks = 10;

// Whether a transaction that began before `since` could still read with a snapshot of before, here or there:
// it would see events twice or not at all.
bool HasOlderReaders(const ArchivedMonth& month, Moment since) {
    return !pg::Execute(
                "SELECT FROM pg_stat_activity AS a WHERE a.datid = (SELECT d.oid FROM pg_database AS d WHERE"
                " d.datname = current_database()) AND a.pid <> pg_backend_pid() AND a.xact_start < $1"
                " AND a.backend_type <> 'autovacuum worker' AND (a.backend_xmin IS NOT NULL OR EXISTS (SELECT"
                " FROM pg_locks AS l JOIN pg_foreign_table AS f ON f.ftrelid = l.relation JOIN pg_foreign_server"
                " AS s ON s.oid = f.ftserver WHERE l.pid = a.pid AND l.database = a.datid AND s.srvname = $2))"
                " LIMIT 1",
                {Value::Time(since), Value::Text(month.server)})
                .empty();
}

// What readers see: the batches up to a number.
std::string MakeViewSql(const ArchivedMonth& month, int number) {
    return "CREATE OR REPLACE VIEW " + month.View(number) +
           " AS SELECT id, profile_id, time, received_at, name, type, properties, context, message_id, source,"
           " true AS archived FROM " +
           month.Table() + " WHERE batch <= " + std::to_string(number) + "; ";
}

void MakePartitions(const ArchivedMonth& month) {
    const std::string table = TableOf(month.partition), late = TableOf(LateName(month.partition)),
                      archived = TableOf(ForeignName(month.partition));
    constexpr const char* kLike =
        " (LIKE pulse.event INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)";
    pg::Execute("CREATE TABLE " + table + kLike + " PARTITION BY LIST (archived)");
    pg::Execute("CREATE TABLE " + late + kLike);
    pg::Execute("CREATE INDEX " + pg::QuoteIdentifier(LateName(month.partition) + "_profile") + " ON " +
                late + " (profile_id, name, time)");
    pg::Execute("ALTER TABLE " + late + " REPLICA IDENTITY FULL");
    pg::Execute("ALTER TABLE " + table + " ATTACH PARTITION " + late + " FOR VALUES IN (false)");
    // Without estimates of the archive it would be asked for all events of the month rather than for those of
    // a person.
    pg::Execute("CREATE FOREIGN TABLE " + archived + " PARTITION OF " + table +
                " FOR VALUES IN (true) SERVER " + pg::QuoteIdentifier(month.server) +
                " OPTIONS (schema_name " + pg::QuoteLiteral(month.remote_schema) + ", table_name " +
                pg::QuoteLiteral(month.ViewName(month.batch)) +
                ", use_remote_estimate 'true', async_capable 'true', fetch_size '1000', updatable 'false',"
                " truncatable 'false')");
    for (const std::string& name : {table, late, archived})
        pg::Execute("REVOKE ALL ON " + name + " FROM PUBLIC");
}

// False if it has to be tried again: somebody works with the month, or it has changed.
bool PutArchiveInPlace(const ArchivedMonth& month) {
    const std::string table = TableOf(month.partition);
    if (!pg::LockBusyTable("event", pg::TableLock::kDropping)) return false;
    // Everybody waits now: who uses the month by its name is not waited for.
    pg::Execute("LOCK TABLE " + table + " IN ACCESS EXCLUSIVE MODE NOWAIT");
    LockArchivedMonth(month, true);
    // The search for remains of erased people must not be overtaken by rows that change their places.
    if (!pg::Execute("SELECT FROM pulse.erasure WHERE state <> 'done' LIMIT 1").empty()) return false;
    if (!WhyNotSent(month).empty() ||
        !pg::Execute("SELECT FROM pulse.event_archive_change WHERE partition = $1 LIMIT 1",
                     {Value::Text(month.partition)})
             .empty())
        return false;
    pg::Execute("ALTER TABLE pulse.event DETACH PARTITION " + table);
    pg::Execute("DROP TABLE " + table);
    MakePartitions(month);
    pg::Execute("ALTER TABLE pulse.event ATTACH PARTITION " + table + BoundsOf(month.month));
    pg::Execute("DELETE FROM pulse.event_month WHERE partition = $1", {Value::Text(month.partition)});
    AdvanceArchive(month, "archived", nullptr);
    // Sessions compile them anew: metrics are read in other groups where events are archived.
    pg::Watch::Announce("definition");
    pg::Execute("UPDATE pulse.event_archive SET next_try_at = $2 WHERE month = $1::date",
                {Value::Text(month.Date()), Value::Time(pg::WallClock() + kLookForLate)});
    return true;
}

// Views of earlier batches: a standby that lags may still have used them.
void DropOldViews(const ArchiveStep& step, const std::string& kept) {
    const ArchivedMonth& month = step.month;
    const auto views =
        RunThere(step.remote,
                 "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
                 " WHERE n.nspname = " +
                     LiteralThere(month.remote_schema) + " AND c.relkind = 'v' AND starts_with(c.relname, " +
                     LiteralThere(month.remote_table + "_") + ") AND c.relname <> " + LiteralThere(kept));
    std::string sql;
    for (const auto& row : views.values)
        sql += "DROP VIEW IF EXISTS " + pg::QuoteIdentifier(month.remote_schema) + "." +
               pg::QuoteIdentifier(row.at(0).value()) + "; ";
    if (!sql.empty()) RunThere(step.remote, sql);
}

// The events leave here in the transaction in which readers begin to see them there: the lock waits for those
// who see them here, and none of them waits for the network. False: they are not the same any more.
bool ShowLateThere(const ArchivedMonth& month, const std::vector<std::string>& places,
                   const std::string& there) {
    const std::string foreign = ForeignName(month.partition);
    if (!pg::LockBusyTable(foreign.c_str(), pg::TableLock::kDropping)) return false;
    // The same for those who read only what is here, because nothing of a person seems to be there. One of
    // them can be waiting for the first lock: so no longer than a moment.
    pg::SetLocally("lock_timeout", "50");
    pg::LockTable("archived_profile", pg::TableLock::kExclusive);
    LockArchivedMonth(month, true);
    if (HasReadersBeside()) return false;
    const pg::Result moved = pg::Execute(
        "WITH e AS (DELETE FROM " + TableOf(LateName(month.partition)) +
            " AS d WHERE d.ctid = ANY ($1::tid[]) RETURNING d.*), noted AS (INSERT INTO pulse.archived_profile AS p"
            " (profile_id, month, first_at, last_at, events) SELECT e.profile_id, $2::date, min(e.time),"
            " max(e.time), count(*) FROM e GROUP BY e.profile_id ON CONFLICT (profile_id, month) DO UPDATE SET"
            " first_at = least(p.first_at, excluded.first_at), last_at = greatest(p.last_at, excluded.last_at),"
            " events = p.events + excluded.events) SELECT " +
            kCountAndDigest + " FROM e",
        {Value::Texts(places), Value::Text(month.Date())});
    // Thrown, so that nothing of it is kept.
    if (std::to_string(moved[0].Int8(0)) + " " + moved[0].Text(1) != there)
        throw UserError(sqlstate::kLockNotAvailable,
                        "late events of pulse." + month.partition + " have changed");
    pg::Execute("ALTER FOREIGN TABLE " + TableOf(foreign) + " OPTIONS (SET table_name " +
                pg::QuoteLiteral(month.ViewName(month.batch + 1)) + ")");
    pg::Execute(
        "UPDATE pulse.event_archive SET batch = batch + 1, rows = rows + $2,"
        " digest = digest + $3::numeric, reason = NULL, failures = 0, next_try_at = NULL"
        " WHERE month = $1::date",
        {Value::Text(month.Date()), Value::Int8(moved[0].Int8(0)), Value::Text(moved[0].Text(1))});
    return true;
}

}  // namespace

bool WaitForOlderReaders(const ArchiveStep& step, Moment since) {
    const auto end = std::chrono::steady_clock::now() + kPatienceWithReaders;
    for (bool older = true; std::chrono::steady_clock::now() < end; pg::Wait(kReadersPause)) {
        if (!step.run([&] { older = HasOlderReaders(step.month, since); })) return false;
        if (!older) return true;
    }
    return false;
}

// A single statement that waits for a lock goes on with a snapshot of its own; in a transaction of several it
// can have that of the first.
bool HasReadersBeside() {
    const Moment now = pg::WallClock();
    for (int look = 0; look < kLooksWithLocks; ++look) {
        if (look > 0) pg::Wait(kPauseWithLocks);
        pg::Execute("SELECT pg_stat_clear_snapshot()");
        if (pg::Execute(
                "SELECT FROM pg_stat_activity AS a WHERE a.datid = (SELECT d.oid FROM pg_database AS d WHERE"
                " d.datname = current_database()) AND a.pid <> pg_backend_pid() AND a.xact_start < $1"
                " AND a.backend_type <> 'autovacuum worker' AND a.backend_xmin IS NOT NULL"
                " AND (a.xact_start < a.query_start OR NOT EXISTS (SELECT FROM pg_locks AS l"
                " WHERE l.pid = a.pid AND NOT l.granted AND l.locktype = 'relation')) LIMIT 1",
                {Value::Time(now)})
                .empty())
            return false;
    }
    return true;
}

std::string LateName(const std::string& partition) {
    return partition + "_late";
}

std::string ForeignName(const std::string& partition) {
    return partition + "_archived";
}

ArchiveOutcome SwapArchive(const ArchiveStep& step) {
    if (!MayGoOn(step) || !SendChanges(step)) return ArchiveOutcome::kBusy;
    RunThere(step.remote,
             "BEGIN; " + MakeViewSql(step.month, step.month.batch) + "COMMIT; ANALYZE " + step.month.Table());
    if (!WaitForOlderReaders(step, pg::WallClock())) return ArchiveOutcome::kBusy;
    if (!IsComparedThere(step)) return ArchiveOutcome::kMore;
    bool swapped = false;
    const bool ran = step.run([&] { swapped = PutArchiveInPlace(step.month); });
    return ran && swapped ? ArchiveOutcome::kDone : ArchiveOutcome::kBusy;
}

ArchiveOutcome MoveLateEvents(const ArchiveStep& step) {
    const ArchivedMonth& month = step.month;
    const std::string late = TableOf(LateName(month.partition));
    std::vector<std::string> places;
    ArchiveRows rows;
    if (!step.run([&] {
            int64_t limit = kMovedAtOnce;
            do {
                places.clear();
                const pg::Result found =
                    pg::Execute("SELECT e.ctid::text FROM " + late + " AS e LIMIT $1", {Value::Int8(limit)});
                for (uint64_t i = 0; i < found.size(); ++i) places.push_back(found[i].Text(0));
                if (places.empty()) return;
                rows = ReadRowsForCopy(std::string("SELECT ") + kEventColumns + " FROM " + late +
                                           " AS e WHERE e.ctid = ANY ($1::tid[])",
                                       {Value::Texts(places)}, "\t" + std::to_string(month.batch + 1),
                                       kMovedBytesAtOnce);
                // The rest of them may not have been read.
            } while (rows.text.size() >= kMovedBytesAtOnce && (limit /= 2) > 0);
        }))
        return ArchiveOutcome::kBusy;
    if (places.empty()) {
        // Rows of a move that failed are not shown, and can be of people who have been erased since.
        SendRows(step, MakeViewSql(month, month.batch), "e.batch > " + std::to_string(month.batch), "");
        DropOldViews(step, month.ViewName(month.batch));
        step.run([&] { LookAgainAt(month, pg::WallClock() + kLookForLate); });
        return ArchiveOutcome::kNothing;
    }
    // Readers do not see it yet: nothing of a batch counts until its view is used.
    SendRows(step, MakeViewSql(month, month.batch + 1), "e.batch > " + std::to_string(month.batch),
             rows.text);
    const auto there =
        RunThere(step.remote, std::string("SELECT ") + kCountAndDigest + " FROM " + month.Table() +
                                  " AS e WHERE e.batch > " + std::to_string(month.batch));
    if (!WaitForOlderReaders(step, pg::WallClock())) return ArchiveOutcome::kBusy;
    bool moved = false;
    const bool ran = step.run([&] {
        moved = ShowLateThere(month, places,
                              there.values.at(0).at(0).value() + " " + there.values.at(0).at(1).value());
    });
    return ran && moved ? ArchiveOutcome::kMore : ArchiveOutcome::kBusy;
}

ArchiveOutcome DropArchive(const ArchiveStep& step) {
    constexpr int64_t kProfilesAtOnce = 20'000;
    const ArchivedMonth& month = step.month;
    for (bool more = true; more;)
        if (!step.run([&] {
                more = pg::Execute(
                           "DELETE FROM pulse.archived_profile WHERE ctid = ANY (ARRAY(SELECT ctid FROM"
                           " pulse.archived_profile WHERE month = $1::date LIMIT $2))",
                           {Value::Text(month.Date()), Value::Int8(kProfilesAtOnce)})
                           .processed() > 0;
            }))
            return ArchiveOutcome::kBusy;
    // A standby that lags, and takes over, may still have the month there.
    if (month.done_to.is_number_integer() && pg::WallClock() < month.done_to.get<int64_t>() + kKeptThere) {
        step.run([&] { LookAgainAt(month, month.done_to.get<int64_t>() + kKeptThere); });
        return ArchiveOutcome::kNothing;
    }
    DropOldViews(step, "");
    RunThere(step.remote, "DROP TABLE IF EXISTS " + month.Table());
    const bool ran = step.run([&] { FinishDropping(month); });
    return ran ? ArchiveOutcome::kDone : ArchiveOutcome::kBusy;
}

}  // namespace pulse::profile
