// Closed months of pulse.event in the order of people. A trigger on the month tells what happens to it while
// it is copied: what is deleted is deleted from the copy at once, what arrives is noted in pulse.event_late.
#include "pulse/profile/store_event_order.hpp"

#include <algorithm>
#include <limits>

#include "pulse/pg/background.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/relation_lock.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/month.hpp"
#include "pulse/profile/store_partition.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr int64_t kCopiedAtOnce = 10'000, kComparedAtOnce = 50'000, kLateAtOnce = 10'000;
constexpr int64_t kLookAgain = 7 * kDay;
constexpr int64_t kEverybody = std::numeric_limits<int64_t>::max();

// Rows m of pulse.event_month whose month is being ordered.
#define PULSE_OPEN "m.state IN ('copying', 'comparing', 'swapping')"
// Months of pulse.event_archive that are left to the job archive_events.
#define PULSE_ARCHIVED " AND state NOT IN ('requested', 'restored', 'failed')"
#define PULSE_UNKNOWN_COPIES                                                                               \
    "SELECT c.relname::text AS name FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid"        \
    " WHERE i.inhparent = 'pulse.event_copy'::regclass AND NOT EXISTS (SELECT FROM pulse.event_month AS m" \
    " WHERE 'event_copy' || substr(m.partition, 6) = c.relname AND " PULSE_OPEN                            \
    ") AND NOT EXISTS (SELECT FROM"                                                                        \
    " pulse.event_archive AS a WHERE 'event_copy' || substr(a.partition, 6) = c.relname AND a.state IN"    \
    " ('restoring', 'checking', 'returning'))"

// What has no end has not ended.
bool MayOrder(int month) {
    return month >= 0 && pg::settings::event_order_after > 0;
}

Moment DueAfter(int month) {
    return MonthBegin(month + 1) + pg::settings::event_order_after * kMinute;
}

// The month that ended last and has not been looked at.
std::optional<int> NewestClosed() {
    if (pg::settings::event_order_after == 0) return std::nullopt;
    std::optional<int> newest;
    for (const auto& [month, name] : PartitionsOf("event")) {
        if (!MayOrder(month) || DueAfter(month) > pg::WallClock()) continue;
        static pg::Statement known(
            "SELECT FROM pulse.event_month WHERE partition = $1 AND (next_try_at IS NULL OR next_try_at > $2)"
            " UNION ALL SELECT FROM pulse.event_archive WHERE partition = $1" PULSE_ARCHIVED,
            {TEXTOID, TIMESTAMPTZOID});
        if (known.Execute({Value::Text(name), Value::Time(pg::WallClock())}).empty()) newest = month;
    }
    return newest;
}

void Follow(const std::string& partition) {
    const std::string table = TableOf(partition);
    const auto make = [&](const char* name, const char* when, const char* level) {
        pg::Execute(std::string("CREATE TRIGGER ") + name + " AFTER " + when + " ON " + table + " FOR EACH " +
                    level + " EXECUTE FUNCTION pulse.settle_event_copy()");
        // Also where session_replication_role is replica.
        pg::Execute("ALTER TABLE " + table + " ENABLE ALWAYS TRIGGER " + name);
    };
    make("pulse_follow", "INSERT OR UPDATE OR DELETE", "ROW");
    make("pulse_follow_truncate", "TRUNCATE", "STATEMENT");
}

MonthWork BeginMonth(int month) {
    MonthWork work;
    work.partition = PartitionName("event", month);
    std::string reason = WhyNotReplaced(work.partition);
    if (reason.empty()) reason = WhyNotWorthIt(work.partition);
    static pg::Statement begin(
        "INSERT INTO pulse.event_month AS m (partition, state, reason, started_at, done_to)"
        " VALUES ($1, $2, nullif($3, ''), $4, $5) ON CONFLICT (partition) DO UPDATE SET state = excluded.state,"
        " reason = excluded.reason, started_at = excluded.started_at, finished_at = NULL, next_try_at = $4,"
        " rows = 0, done_to = excluded.done_to, written = NULL",
        {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, INT8OID});
    work.done_to = std::numeric_limits<int64_t>::min();
    work.step = reason.empty() ? MonthWork::Step::kCopy : MonthWork::Step::kFreeze;
    // A month that is only frozen is done when it is: until then it is as if nobody had looked at it.
    begin.Execute({Value::Text(work.partition), Value::Text(reason.empty() ? "copying" : "failed"),
                   Value::Text(reason), Value::Time(pg::WallClock()), Value::Int8(work.done_to)});
    if (!reason.empty()) {
        pg::Execute("UPDATE pulse.event_month SET next_try_at = started_at WHERE partition = $1",
                    {Value::Text(work.partition)});
        return work;
    }
    // Who writes to the month now is waited for; who comes later is followed.
    NeedTable(work.partition, pg::TableLock::kExclusive);
    pg::Execute("TRUNCATE pulse.event_late");
    MakeCopy(month, work.partition, work.partition);
    Follow(work.partition);
    return work;
}

void Advance(const MonthWork& work, int64_t rows, int64_t end, const char* now, const char* then) {
    const bool last = end == kEverybody;
    pg::Execute(
        "UPDATE pulse.event_month SET rows = rows + $2, done_to = $3, state = $4,"
        " written = CASE WHEN $5 = 'copying' THEN pg_current_xact_id() ELSE written END WHERE partition = $1",
        {Value::Text(work.partition), Value::Int8(rows),
         Value::Int8(last ? std::numeric_limits<int64_t>::min() : end), Value::Text(last ? then : now),
         Value::Text(now)});
}

// A deletion writes to the copy, too: this waits until it has ended, and those that follow wait for this.
void LockCopy(const MonthWork& work) {
    pg::Execute("LOCK TABLE " + TableOf(CopyName(work.partition)) + " IN SHARE ROW EXCLUSIVE MODE");
}

}  // namespace

std::string CopyName(const std::string& partition) {
    return "event_copy" + partition.substr(std::string_view("event").size());
}

void MakeCopy(int month, const std::string& partition, const std::string& like) {
    const std::string copy = TableOf(CopyName(partition));
    const pg::Result place = pg::Execute(
        "SELECT s.spcname::text FROM pg_class AS c JOIN pg_tablespace AS s ON s.oid = c.reltablespace"
        " WHERE c.oid = $1::regclass",
        {Value::Text(TableOf(like))});
    // The check spares the swap a scan. Nobody reads the copy, and its VACUUM is the job's.
    pg::Execute("CREATE TABLE " + copy + " (LIKE " + TableOf(like) +
                " INCLUDING ALL, CONSTRAINT pulse_month CHECK (time >= '" + FormatMoment(MonthBegin(month)) +
                "' AND time < '" + FormatMoment(MonthBegin(month + 1)) +
                "')) USING heap WITH (autovacuum_enabled = off)" +
                (place.empty() ? "" : " TABLESPACE " + pg::QuoteIdentifier(place[0].Text(0))));
    pg::Execute("REVOKE ALL ON " + copy + " FROM PUBLIC");
    pg::Execute("ALTER TABLE " + copy + " REPLICA IDENTITY FULL");
    pg::Execute("ALTER TABLE pulse.event_copy ATTACH PARTITION " + copy + BoundsOf(month));
}

int64_t NextEnd(const std::string& table, int64_t from, int64_t rows) {
    // In the order of the index, and only as far as needed.
    pg::SetLocally("enable_seqscan", "off");
    pg::SetLocally("enable_bitmapscan", "off");
    const pg::Result end =
        pg::Execute("SELECT e.profile_id FROM " + table +
                        " AS e WHERE e.profile_id > $1 ORDER BY e.profile_id OFFSET $2 LIMIT 1",
                    {Value::Int8(from), Value::Int8(rows)});
    pg::SetLocally("enable_bitmapscan", "on");
    return end.empty() ? kEverybody : end[0].Int8(0);
}

Moment NextOrderDue() {
    static pg::Statement begun(
        "SELECT (SELECT min(coalesce(m.next_try_at, m.started_at)) FROM pulse.event_month AS m WHERE " PULSE_OPEN
        "), (SELECT min(coalesce(m.next_try_at, '-infinity')) FROM (" PULSE_UNKNOWN_COPIES
        ") AS u LEFT JOIN pulse.event_month AS m ON m.partition = u.name)",
        {});
    const Moment now = pg::WallClock();
    const pg::Result open = begun.Execute({});
    if (const auto unknown = open[0].TimeOrNull(1)) return std::max(*unknown, now);
    const auto begun_at = open[0].TimeOrNull(0);
    if (pg::settings::event_order_after == 0) return begun_at ? now : pg::kNever;
    Moment due = begun_at.value_or(pg::kNever);
    for (const auto& [month, name] : PartitionsOf("event")) {
        if (!MayOrder(month)) continue;
        static pg::Statement known(
            "SELECT next_try_at FROM pulse.event_month WHERE partition = $1 AND NOT EXISTS (SELECT FROM"
            " pulse.event_archive WHERE partition = $1" PULSE_ARCHIVED
            ") UNION ALL SELECT NULL FROM pulse.event_archive WHERE partition = $1" PULSE_ARCHIVED,
            {TEXTOID});
        const pg::Result row = known.Execute({Value::Text(name)});
        if (row.empty())
            due = std::min(due, DueAfter(month));
        else if (const auto again = row[0].TimeOrNull(0))
            due = std::min(due, *again);
    }
    return std::max(due, now);
}

bool DropUnknownCopies() {
    const pg::Result copies = pg::Execute("SELECT u.name, m.next_try_at <= $1 FROM (" PULSE_UNKNOWN_COPIES
                                          ") AS u LEFT JOIN pulse.event_month AS m ON m.partition = u.name",
                                          {Value::Time(pg::WallClock())});
    bool left = false;
    for (uint64_t i = 0; i < copies.size(); ++i) {
        const std::string name = copies[i].Text(0);
        if (copies[i].IsNull(1))
            pg::Execute(
                "INSERT INTO pulse.event_month (partition, state, reason, started_at, next_try_at)"
                " VALUES ($1, 'failed', 'A restored dump brought this copy.', $2, $3)",
                {Value::Text(name), Value::Time(pg::WallClock()), Value::Time(pg::WallClock() + kDay)});
        if (copies[i].IsNull(1) || !copies[i].Bool(1))
            left = true;
        else
            pg::Execute("DROP TABLE " + TableOf(name));
    }
    if (left) return true;
    const pg::Result triggers = pg::Execute(
        "SELECT c.relname::text, t.tgname::text FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid"
        " WHERE t.tgfoid = 'pulse.settle_event_copy()'::regprocedure AND c.relnamespace = 'pulse'::regnamespace"
        " AND NOT EXISTS (SELECT FROM pulse.event_month AS m WHERE m.partition = c.relname AND " PULSE_OPEN
        ")");
    for (uint64_t i = 0; i < triggers.size(); ++i) {
        NeedTable(triggers[i].Text(0), pg::TableLock::kDropping);
        pg::Execute("DROP TRIGGER IF EXISTS " + pg::QuoteIdentifier(triggers[i].Text(1)) + " ON " +
                    TableOf(triggers[i].Text(0)));
    }
    // Months that retention dropped.
    pg::Execute("DELETE FROM pulse.event_month AS m WHERE NOT " PULSE_OPEN
                " AND NOT EXISTS (SELECT FROM pg_class AS c WHERE c.relname = m.partition"
                " AND c.relnamespace = 'pulse'::regnamespace)");
    return false;
}

MonthWork NextMonthWork() {
    const pg::Result open = pg::Execute(
        "SELECT m.partition, m.state, m.done_to, coalesce(m.next_try_at > $1, false) FROM pulse.event_month AS m"
        " WHERE " PULSE_OPEN " ORDER BY m.partition LIMIT 1",
        {Value::Time(pg::WallClock())});
    if (open.empty()) {
        const std::optional<int> month = NewestClosed();
        return month ? BeginMonth(*month) : MonthWork{};
    }
    MonthWork work;
    work.partition = open[0].Text(0);
    work.done_to = open[0].Int8(2);
    if (pg::settings::event_order_after == 0) {
        GiveUp(work.partition, "pulse.event_order_after is 0.", 0);
        pg::Execute("DELETE FROM pulse.event_month WHERE partition = $1", {Value::Text(work.partition)});
        return {};
    }
    if (const std::string reason = WhyNotFurther(work.partition); !reason.empty()) {
        GiveUp(work.partition, reason, kDay);
        return {};
    }
    if (open[0].Bool(3)) return {};
    const std::string state = open[0].Text(1);
    work.step = state == "copying"     ? MonthWork::Step::kCopy
                : state == "comparing" ? MonthWork::Step::kCompare
                                       : MonthWork::Step::kSwap;
    return work;
}

void CopyPeople(const MonthWork& work) {
    LockCopy(work);
    const std::string from = TableOf(work.partition);
    const int64_t end = NextEnd(from, work.done_to, kCopiedAtOnce);
    // One snapshot: what arrived and is noted is either in both or in neither.
    const pg::Result copied = pg::Execute(
        "WITH taken AS (DELETE FROM pulse.event_late AS l WHERE l.partition = $1 AND l.profile_id > $2"
        " AND l.profile_id <= $3) INSERT INTO " +
            TableOf(CopyName(work.partition)) + " SELECT e.* FROM " + from +
            " AS e WHERE e.profile_id > $2 AND e.profile_id <= $3 ORDER BY e.profile_id, e.name, e.time, e.id",
        {Value::Text(work.partition), Value::Int8(work.done_to), Value::Int8(end)});
    Advance(work, static_cast<int64_t>(copied.processed()), end, "copying", "comparing");
}

void ComparePeople(const MonthWork& work) {
    const int64_t end = NextEnd(TableOf(work.partition), work.done_to, kComparedAtOnce);
    const auto digest = [&](const std::string& table) {
        return "(SELECT count(*) || ' ' || coalesce(sum(hash_record_extended(e, 0)::numeric), 0) FROM " +
               table +
               " AS e WHERE e.profile_id > $2 AND e.profile_id <= $3 AND NOT EXISTS (SELECT FROM"
               " pulse.event_late AS l WHERE l.partition = $1 AND l.profile_id = e.profile_id AND l.id = e.id))";
    };
    const pg::Result digests = pg::Execute(
        "SELECT " + digest(TableOf(work.partition)) + ", " + digest(TableOf(CopyName(work.partition))),
        {Value::Text(work.partition), Value::Int8(work.done_to), Value::Int8(end)});
    if (digests[0].Text(0) != digests[0].Text(1)) {
        pg::Warning("the copy of pulse." + work.partition + " differs from it",
                    "Count and digest up to profile " + std::to_string(end) + ": " + digests[0].Text(0) +
                        " and " + digests[0].Text(1) + ".");
        GiveUp(work.partition, "Its copy differed from it.", kLookAgain);
        return;
    }
    Advance(work, 0, end, "comparing", "swapping");
}

bool AddLate(const MonthWork& work) {
    if (pg::Execute("SELECT FROM pulse.event_late WHERE partition = $1 LIMIT 1",
                    {Value::Text(work.partition)})
            .empty())
        return false;
    LockCopy(work);
    const pg::Result added = pg::Execute(
        "WITH taken AS (DELETE FROM pulse.event_late AS l WHERE l.ctid = ANY (ARRAY(SELECT o.ctid"
        " FROM pulse.event_late AS o WHERE o.partition = $1 AND o.profile_id IS NOT NULL LIMIT $2))"
        " RETURNING l.profile_id, l.name, l.time, l.id), added AS (INSERT INTO " +
            TableOf(CopyName(work.partition)) + " SELECT e.* FROM taken AS l JOIN " +
            TableOf(work.partition) +
            " AS e ON e.profile_id = l.profile_id AND e.name = l.name AND e.time = l.time AND e.id = l.id"
            " RETURNING 1) SELECT (SELECT count(*) FROM taken), (SELECT count(*) FROM added)",
        {Value::Text(work.partition), Value::Int8(kLateAtOnce)});
    // Thrown, so that nothing of it is kept: what is not noted any more would be missing in the copy.
    if (added[0].Int8(0) != added[0].Int8(1))
        throw UserError(sqlstate::kDataCorrupted,
                        "the copy of pulse." + work.partition + " missed late events");
    pg::Execute(
        "UPDATE pulse.event_month SET rows = rows + $2, written = pg_current_xact_id() WHERE partition = $1",
        {Value::Text(work.partition), Value::Int8(added[0].Int8(1))});
    return added[0].Int8(0) == kLateAtOnce;
}

void NoteNotBegun(const std::string& reason) {
    if (!pg::Execute("SELECT FROM pulse.event_month AS m WHERE " PULSE_OPEN " LIMIT 1").empty()) return;
    const std::optional<int> month = NewestClosed();
    if (!month) return;
    const Moment now = pg::WallClock();
    pg::Execute(
        "INSERT INTO pulse.event_month AS m (partition, state, reason, started_at, finished_at, next_try_at)"
        " VALUES ($1, 'failed', $2, $3, $3, $4) ON CONFLICT (partition) DO UPDATE SET state = 'failed',"
        " reason = excluded.reason, finished_at = $3, next_try_at = $4",
        {Value::Text(PartitionName("event", *month)), Value::Text(reason), Value::Time(now),
         Value::Time(now + kLookAgain)});
}

void NoteFrozen(const MonthWork& work) {
    const Moment now = pg::WallClock();
    pg::Execute(
        "UPDATE pulse.event_month SET state = 'frozen', done_to = 0, finished_at = $2, next_try_at = $3"
        " WHERE partition = $1",
        {Value::Text(work.partition), Value::Time(now), Value::Time(now + kLookAgain)});
}

void GiveUp(const std::string& partition, const std::string& reason, int64_t pause) {
    const bool there =
        pg::Execute("SELECT to_regclass($1) IS NOT NULL", {Value::Text(TableOf(partition))})[0].Bool(0);
    if (there) {
        NeedTable(partition, pg::TableLock::kDropping);
        pg::Execute("DROP TRIGGER IF EXISTS pulse_follow ON " + TableOf(partition));
        pg::Execute("DROP TRIGGER IF EXISTS pulse_follow_truncate ON " + TableOf(partition));
    }
    pg::Execute("DROP TABLE IF EXISTS " + TableOf(CopyName(partition)));
    pg::Execute("TRUNCATE pulse.event_late");
    pg::Execute(
        "UPDATE pulse.event_month SET state = 'failed', reason = $2, done_to = 0, finished_at = $3, next_try_at = $4"
        " WHERE partition = $1",
        {Value::Text(partition), Value::Text(reason), Value::Time(pg::WallClock()),
         Value::Time(pg::WallClock() + pause)});
}

#undef PULSE_OPEN
#undef PULSE_ARCHIVED
#undef PULSE_UNKNOWN_COPIES

}  // namespace pulse::profile
