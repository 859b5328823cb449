// The end of ordering a month: its copy takes its place.
#include <optional>
#include <string>

#include "pulse/pg/background.hpp"
#include "pulse/pg/relation_lock.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/month.hpp"
#include "pulse/profile/store_event_order.hpp"
#include "pulse/profile/store_partition.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr int64_t kPatience = 7 * kDay, kPauseAfterGivingUp = 30 * kDay;

// The copy's index gets the name that it would have had.
void NameIndexes(const std::string& partition) {
    const pg::Result rows = pg::Execute(
        "SELECT c.relname::text FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid"
        " WHERE i.indrelid = $1::regclass AND i.indpred IS NULL AND i.indexprs IS NULL AND NOT i.indisunique"
        " AND ARRAY(SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY AS k (number, place)"
        " JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number ORDER BY k.place)"
        " = '{profile_id,name,time}' ORDER BY c.oid LIMIT 1",
        {Value::Text(TableOf(partition))});
    if (rows.empty()) return;
    pg::Execute("ALTER INDEX " + TableOf(rows[0].Text(0)) + " RENAME TO " +
                pg::QuoteIdentifier(partition + "_profile"));
}

}  // namespace

std::string TableOf(const std::string& name) {
    return "pulse." + pg::QuoteIdentifier(name);
}

std::string BoundsOf(int month) {
    return " FOR VALUES FROM ('" + FormatMoment(MonthBegin(month)) + "') TO ('" +
           FormatMoment(MonthBegin(month + 1)) + "')";
}

std::optional<int> MonthOfPartition(const std::string& partition) {
    for (const auto& [month, name] : PartitionsOf("event"))
        if (name == partition) return month;
    return std::nullopt;
}

// Nothing that begins later shall find the month locked for longer than a moment.
void NeedTable(const std::string& table, pg::TableLock lock) {
    if (!pg::LockBusyTable(table.c_str(), lock))
        throw UserError(sqlstate::kLockNotAvailable, "pulse." + table + " is in use", "", "");
}

// Why what was begun cannot go on; empty if it can.
std::string WhyNotFurther(const std::string& partition) {
    if (!MonthOfPartition(partition)) return "It is not a partition of pulse.event any more.";
    const pg::Result rows = pg::Execute(
        "SELECT to_regclass($2) IS NOT NULL, EXISTS (SELECT FROM pulse.event_late AS l WHERE l.partition = $1"
        " AND l.profile_id IS NULL), (SELECT count(*) FROM pg_trigger AS t WHERE t.tgrelid = to_regclass($3)"
        " AND t.tgfoid = 'pulse.settle_event_copy()'::regprocedure AND t.tgenabled = 'A')",
        {Value::Text(partition), Value::Text(TableOf(CopyName(partition))), Value::Text(TableOf(partition))});
    if (!rows[0].Bool(0) || rows[0].Int8(2) != 2) return "Its copy or a trigger was dropped.";
    if (rows[0].Bool(1)) return "Too much of it changed while it was copied.";
    // The copy has one check more.
    const pg::Result parts = pg::Execute(
        "SELECT count(*) FILTER (WHERE p.oid = $1::regclass) = count(*) FILTER (WHERE p.oid = $2::regclass)"
        " FROM (SELECT indrelid FROM pg_index UNION ALL SELECT stxrelid FROM pg_statistic_ext UNION ALL SELECT"
        " conrelid FROM pg_constraint WHERE conname <> 'pulse_month' UNION ALL SELECT objoid FROM pg_description"
        " WHERE classoid = 'pg_class'::regclass AND objsubid > 0) AS p (oid)",
        {Value::Text(TableOf(partition)), Value::Text(TableOf(CopyName(partition)))});
    if (!parts[0].Bool(0)) return "Its indexes, constraints or comments changed while it was copied.";
    return WhyNotReplaced(partition);
}

// VACUUM freezes what every transaction that runs can see, here and on standbys that say what they need: so
// nobody who has an older snapshot finds the month empty after the swap.
bool IsFrozen(const MonthWork& work) {
    return pg::Execute(
               "SELECT age(c.relfrozenxid) < age(m.written::xid) FROM pg_class AS c JOIN pulse.event_month AS m"
               " ON m.partition = $1 WHERE c.oid = $2::regclass",
               {Value::Text(work.partition), Value::Text(TableOf(CopyName(work.partition)))})[0]
        .Bool(0);
}

void PutCopyInPlace(int month, const std::string& partition) {
    const std::string table = TableOf(partition), copy = TableOf(CopyName(partition));
    pg::Execute("ALTER TABLE pulse.event DETACH PARTITION " + table);
    pg::Execute("DROP TABLE " + table);
    pg::Execute("ALTER TABLE pulse.event_copy DETACH PARTITION " + copy);
    pg::Execute("ALTER TABLE " + copy + " RENAME TO " + pg::QuoteIdentifier(partition));
    pg::Execute("ALTER TABLE " + table + " RESET (autovacuum_enabled)");
    NameIndexes(partition);
    pg::Execute("ALTER TABLE pulse.event ATTACH PARTITION " + table + BoundsOf(month));
    pg::Execute("ALTER TABLE " + table + " DROP CONSTRAINT pulse_month");
}

bool SwapMonth(const MonthWork& work) {
    if (!pg::LockBusyTable("event", pg::TableLock::kDropping)) return false;
    // Everybody waits now: who uses the month by its name is not waited for.
    pg::Execute("LOCK TABLE " + TableOf(work.partition) +
                ", pulse.event_copy IN ACCESS EXCLUSIVE MODE NOWAIT");
    // The search for remains of erased people must not be overtaken by rows that change their places.
    if (!pg::Execute("SELECT FROM pulse.erasure WHERE state <> 'done' LIMIT 1").empty()) return false;
    const std::optional<int> number = MonthOfPartition(work.partition);
    if (!number || !IsFrozen(work) || !WhyNotFurther(work.partition).empty() ||
        !pg::Execute("SELECT FROM pulse.event_late WHERE partition = $1 LIMIT 1",
                     {Value::Text(work.partition)})
             .empty())
        return false;
    PutCopyInPlace(*number, work.partition);
    pg::Execute(
        "UPDATE pulse.event_month SET state = 'ordered', done_to = 0, finished_at = $2, next_try_at = NULL"
        " WHERE partition = $1",
        {Value::Text(work.partition), Value::Time(pg::WallClock())});
    return true;
}

void WaitForOthers(const MonthWork& work) {
    const Moment now = pg::WallClock();
    const pg::Result late = pg::Execute("SELECT started_at < $2 FROM pulse.event_month WHERE partition = $1",
                                        {Value::Text(work.partition), Value::Time(now - kPatience)});
    if (!late.empty() && late[0].Bool(0)) {
        GiveUp(work.partition, "For a week there was always a transaction that could not do without it.",
               kPauseAfterGivingUp);
        return;
    }
    pg::Execute("UPDATE pulse.event_month SET next_try_at = $2 WHERE partition = $1",
                {Value::Text(work.partition), Value::Time(now + kMinute)});
}

}  // namespace pulse::profile
