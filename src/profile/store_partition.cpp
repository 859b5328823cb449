// Monthly partitions. They are created as separate tables and attached, so that readers and writers are not
// blocked.
#include "pulse/profile/store_partition.hpp"

#include <array>
#include <map>
#include <set>

#include "pulse/pg/probe.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/relation_lock.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/profile/month.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

// Partitions exist up to next month; a wrong clock must not fill the catalog.
int LastMonth() {
    return MonthOf(pg::WallClock()) + 1;
}

// The indexes of each partition. A restored dump creates them again, which would fail if they were indexes of
// the whole table.
struct Index {
    const char* table;
    const char* name;
    const char* columns;
    const char* where = "";
};
constexpr std::array kIndexes{
    Index{"event", "profile", "profile_id, name, time"},
    Index{"membership_change", "unread", "id", " WHERE position IS NULL"},
    Index{"membership_change", "position", "position", " WHERE position IS NOT NULL"},
};

// The months for which a table has partitions, cached per backend until its partitions change.
struct KnownMonths {
    explicit KnownMonths(const char* table) : watch(table) {}
    pg::Watch watch;
    std::set<int> months;
};

KnownMonths& KnownMonthsOf(const char* table) {
    static std::map<std::string, KnownMonths> known;
    return known.try_emplace(table, table).first->second;
}

std::string Bound(int month) {
    return month < 0 ? "MINVALUE" : "'" + FormatMoment(MonthBegin(month)) + "'";
}

// The partitions of a table by month: by the active snapshot with `as_is`, else by a snapshot of the
// transaction.
std::map<int, std::string> ReadPartitions(const char* table, bool as_is) {
    static pg::Statement statement(
        "SELECT c.relname::text FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = ('pulse.' || quote_ident($1))::regclass AND NOT i.inhdetachpending",
        {TEXTOID});
    const pg::Result rows = statement.Execute({Value::Text(table)}, as_is);
    std::map<int, std::string> found;
    const std::string prefix = std::string(table) + "_";
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const std::string name = rows[i].Text(0);
        if (name.compare(0, prefix.size(), prefix) != 0) continue;
        const std::string month = name.substr(prefix.size());
        if (month == MonthName(-1)) found[-1] = name;
        int year = 0, number = 0;
        if (std::sscanf(month.c_str(), "y%dm%d", &year, &number) == 2)
            found[(year - 2000) * 12 + number - 1] = name;
    }
    return found;
}

void CreatePartition(const char* table, int month) {
    const std::string parent = "pulse." + pg::QuoteIdentifier(table);
    const std::string bare = PartitionName(table, month), name = "pulse." + pg::QuoteIdentifier(bare);
    pg::Execute("CREATE TABLE " + name + " (LIKE " + parent +
                " INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)");
    pg::Execute("REVOKE ALL ON " + name + " FROM PUBLIC");
    for (const Index& index : kIndexes)
        if (std::string_view(index.table) == table)
            pg::Execute("CREATE INDEX " + pg::QuoteIdentifier(bare + "_" + index.name) + " ON " + name +
                        " (" + index.columns + ")" + index.where);
    // A publication of all tables needs it. An index would cost each event, of which none is updated.
    pg::Execute("ALTER TABLE " + name +
                (std::string_view(table) == "event" ? " REPLICA IDENTITY FULL" : " ADD PRIMARY KEY (id)"));
    pg::Execute("ALTER TABLE " + parent + " ATTACH PARTITION " + name + " FOR VALUES FROM (" + Bound(month) +
                ") TO ('" + FormatMoment(MonthBegin(month + 1)) + "')");
}

// Whether a table that is not a partition has the name of one: a month that was detached, to archive it.
// Reads with the snapshot that has shown no such partition: one that another session has attached since is
// not detached.
bool IsDetached(const char* table, int month) {
    static pg::Statement statement(
        "SELECT EXISTS (SELECT FROM pg_class WHERE relname = $1 AND relnamespace = 'pulse'::regnamespace)",
        {TEXTOID});
    return statement.Execute({Value::Text(PartitionName(table, month))}, true)[0].Bool(0);
}

// Returns the months that cannot be written because they are detached.
std::set<int> Ensure(const char* table, const std::set<int>& months) {
    // Before anything is believed about partitions: it shows what is detached, and nobody detaches after it.
    pg::LockTable(table, pg::TableLock::kWriting);
    KnownMonths& known = KnownMonthsOf(table);
    if (known.watch.Changed()) known.months.clear();
    std::set<int> missing;
    for (const int month : months)
        if (!known.months.contains(month)) missing.insert(month);
    if (missing.empty()) return {};
    if (*missing.rbegin() > LastMonth())
        throw UserError(sqlstate::kNumberOutOfRange, "time is too far in the future",
                        "It is " + FormatMoment(MonthBegin(*missing.rbegin())) + " or later.",
                        "Check the clock that it comes from.");
    std::set<int> detached;
    const auto absent = [&] {
        const pg::LatestSnapshot newest;
        const auto there = ReadPartitions(table, true);
        for (const auto& [month, name] : there) known.months.insert(month);
        std::erase_if(missing, [&](int month) { return there.contains(month); });
        for (const int month : missing)
            if (IsDetached(table, month)) detached.insert(month);
        std::erase_if(missing, [&](int month) { return detached.contains(month); });
        return !missing.empty();
    };
    if (!absent()) return detached;
    // One session at a time. ATTACH PARTITION takes this lock anyway; it does not block readers and writers.
    pg::Execute("LOCK TABLE ONLY pulse." + pg::QuoteIdentifier(table) + " IN SHARE UPDATE EXCLUSIVE MODE");
    if (!absent()) return detached;
    for (const int month : missing) CreatePartition(table, month);
    // Do not cache them: a rollback would remove them. The next call reads them.
    return detached;
}

void RequireAttached(const char* table, const std::set<int>& detached) {
    if (detached.empty()) return;
    const std::string name = "pulse." + PartitionName(table, *detached.begin());
    throw UserError(sqlstate::kNotReady, "a partition of pulse." + std::string(table) + " was detached",
                    "It is " + name + ".", "Attach it again, or rename it so that a new one is made.");
}

std::set<int> MonthsOf(const std::vector<Moment>& moments) {
    std::set<int> months;
    Moment begin = 0, end = 0;  // of the month seen last
    for (const Moment moment : moments) {
        if (moment >= begin && moment < end) continue;
        const int month = MonthOf(moment);
        months.insert(month);
        begin = month < 0 ? INT64_MIN : MonthBegin(month);
        end = MonthBegin(month + 1);
    }
    return months;
}

}  // namespace

void EnsurePartitions(const char* table, Moment first, Moment last) {
    std::set<int> months;
    for (int month = MonthOf(first), end = std::min(MonthOf(last), LastMonth() + 1); month <= end; ++month)
        months.insert(month);
    RequireAttached(table, Ensure(table, months));
}

void EnsurePartitions(const char* table, const std::vector<Moment>& moments) {
    RequireAttached(table, Ensure(table, MonthsOf(moments)));
}

std::set<int> DetachedMonths(const char* table, const std::vector<Moment>& moments) {
    return Ensure(table, MonthsOf(moments));
}

std::map<int, std::string> PartitionsOf(const char* table) {
    return ReadPartitions(table, false);
}

int64_t DropPartitions(const char* table, Moment before) {
    const auto due = [&] {
        std::vector<std::string> names;
        for (const auto& [month, name] : ReadPartitions(table, false))
            if (MonthBegin(month + 1) <= before) names.push_back("pulse." + pg::QuoteIdentifier(name));
        return names;
    };
    if (due().empty() || !pg::LockBusyTable(table, pg::TableLock::kDropping)) return 0;
    // Everybody waits now: a month that somebody reads by its own name is left to the next run.
    int64_t dropped = 0;
    for (const std::string& name : due()) {
        try {
            pg::Subtransaction attempt;
            {
                const pg::Session session;
                pg::Execute("LOCK TABLE " + name + " IN ACCESS EXCLUSIVE MODE NOWAIT");
                pg::Execute("DROP TABLE " + name);
            }
            attempt.Commit();
            ++dropped;
        } catch (const pg::Error& error) {
            if (error.State() != sqlstate::kLockNotAvailable) throw;
        }
    }
    return dropped;
}

}  // namespace pulse::profile
