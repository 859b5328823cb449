// What is to be done for months on archive servers: rows of pulse.event_archive.
#include "pulse/profile/store_event_archive.hpp"

#include <algorithm>

#include "pulse/base/hex.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/random.hpp"
#include "pulse/pg/relation_lock.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/month.hpp"
#include "pulse/profile/store_event_order.hpp"
#include "pulse/profile/store_partition.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr int64_t kAgainAfterFailure = 7 * kDay, kLongestBackOff = kHour;

#define PULSE_MONTH_COLUMNS                                                                                                                                                      \
    " ((extract(year FROM month) - 2000) * 12 + extract(month FROM month) - 1)::int, partition, server, remote_schema, remote_table, state, batch, failures, by_hand, erasures," \
    " coalesce(done_to, 'null'), coalesce(reason, '') "

ArchivedMonth ReadRow(const pg::Row& row) {
    ArchivedMonth month;
    month.partition = row.Text(1);
    month.server = row.Text(2);
    month.remote_schema = row.Text(3);
    month.remote_table = row.Text(4);
    month.state = row.Text(5);
    month.batch = row.Int4(6);
    month.failures = row.Int4(7);
    month.by_hand = row.Bool(8);
    month.erasures = row.Int8(9);
    month.done_to = row.Jsonb(10);
    month.reason = row.Text(11);
    month.month = row.Int4(0);
    return month;
}

[[noreturn]] void ThrowChanged(const std::string& partition) {
    throw UserError(sqlstate::kLockNotAvailable, "the state of pulse." + partition + " has changed", "",
                    "Try again; pulse.event_archive shows the state.");
}

bool MayArchive(int month) {
    return month >= 0 && pg::settings::event_archive_after > 0 && *pg::settings::EventArchiveServer();
}

Moment ArchiveDueAfter(int month) {
    return MonthBegin(month + 1) + pg::settings::event_archive_after * kMinute;
}

bool IsKnown(int month) {
    static pg::Statement known("SELECT FROM pulse.event_archive WHERE month = $1::date", {TEXTOID});
    return !known.Execute({Value::Text(FormatDate(MonthBegin(month)))}).empty();
}

// The oldest month that is due and has not been looked at.
std::optional<int> OldestClosed() {
    for (const auto& [month, name] : PartitionsOf("event"))
        if (MayArchive(month) && ArchiveDueAfter(month) <= pg::WallClock() && !IsKnown(month)) return month;
    return std::nullopt;
}

// A month that retention has dropped here is dropped there.
void FollowRetention() {
    pg::Execute(
        "UPDATE pulse.event_archive AS a SET state = 'dropping', reason = NULL, next_try_at = NULL"
        " WHERE a.home = $1 AND a.state NOT IN ('dropping', 'restored', 'failed', 'requested')"
        " AND NOT EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = 'pulse'::regnamespace"
        " AND c.relname IN (a.partition, a.partition || '_archived'))",
        {Value::Text(ArchiveHome())});
    pg::Execute(
        "DELETE FROM pulse.event_archive AS a WHERE a.home = $1 AND a.state IN ('restored', 'failed', 'requested')"
        " AND to_regclass('pulse.' || quote_ident(a.partition)) IS NULL",
        {Value::Text(ArchiveHome())});
}

#define PULSE_STRAY_TRIGGERS                                                                            \
    "FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid WHERE t.tgfoid ="                     \
    " 'pulse.settle_archive_copy()'::regprocedure AND NOT EXISTS (SELECT FROM pulse.event_archive AS a" \
    " WHERE a.partition = c.relname AND a.home = $1 AND a.state IN ('copying', 'comparing', 'swapping'))"

// Triggers that a restored dump brought.
void DropStrayTriggers() {
    const pg::Result triggers = pg::Execute("SELECT c.relname::text, t.tgname::text " PULSE_STRAY_TRIGGERS,
                                            {Value::Text(ArchiveHome())});
    for (uint64_t i = 0; i < triggers.size(); ++i) {
        const std::string partition = triggers[i].Text(0);
        NeedTable(partition, pg::TableLock::kDropping);
        pg::Execute("DROP TRIGGER IF EXISTS " + pg::QuoteIdentifier(triggers[i].Text(1)) + " ON " +
                    TableOf(partition));
        pg::Execute("DELETE FROM pulse.event_archive_change WHERE partition = $1", {Value::Text(partition)});
    }
}

std::optional<ArchivedMonth> FirstDue() {
    const pg::Result rows =
        pg::Execute("SELECT" PULSE_MONTH_COLUMNS
                    "FROM pulse.event_archive WHERE home = $1 AND state <> 'restored'"
                    " AND (state <> 'failed' OR by_hand OR $3) AND coalesce(next_try_at, '-infinity') <= $2"
                    " ORDER BY coalesce(next_try_at, '-infinity'), state = 'requested', month LIMIT 1",
                    {Value::Text(ArchiveHome()), Value::Time(pg::WallClock()),
                     Value::Bool(pg::settings::event_archive_after > 0)});
    return rows.empty() ? std::nullopt : std::optional(ReadRow(rows[0]));
}

bool Unwanted(const ArchivedMonth& month) {
    return !month.by_hand && pg::settings::event_archive_after == 0 &&
           (month.state == "requested" || month.state == "copying" || month.state == "comparing" ||
            month.state == "swapping");
}

}  // namespace

std::string ArchivedMonth::Table() const {
    return pg::QuoteIdentifier(remote_schema) + "." + pg::QuoteIdentifier(remote_table);
}

std::string ArchivedMonth::ViewName(int number) const {
    return remote_table + "_" + std::to_string(number);
}

std::string ArchivedMonth::View(int number) const {
    return pg::QuoteIdentifier(remote_schema) + "." + pg::QuoteIdentifier(ViewName(number));
}

std::string ArchivedMonth::Date() const {
    return FormatDate(MonthBegin(month));
}

std::string ArchiveHome() {
    static const std::string home =
        pg::Execute(
            "SELECT s.system_identifier::text || '_' || d.oid::text FROM pg_control_system() AS s,"
            " pg_database AS d WHERE d.datname = current_database()")[0]
            .Text(0);
    return home;
}

std::optional<ArchivedMonth> ReadArchivedMonth(int month) {
    const pg::Result rows = pg::Execute(
        "SELECT" PULSE_MONTH_COLUMNS "FROM pulse.event_archive WHERE month = $1::date AND home = $2",
        {Value::Text(FormatDate(MonthBegin(month))), Value::Text(ArchiveHome())});
    return rows.empty() ? std::nullopt : std::optional(ReadRow(rows[0]));
}

void RequestArchive(int month, const std::string& server, bool by_hand) {
    const std::string partition = PartitionName("event", month);
    const pg::Result rows = pg::Execute(
        "INSERT INTO pulse.event_archive AS a (month, partition, server, remote_schema, remote_table, home, state,"
        " by_hand, started_at) VALUES ($1::date, $2, $3, $4, $5, $6, 'requested', $7, $8) ON CONFLICT (month)"
        " DO UPDATE SET server = $3, remote_schema = $4, remote_table = $5, home = $6, state = 'requested',"
        " by_hand = $7, started_at = $8, reason = NULL, rows = 0, digest = 0, batch = 0, done_to = NULL,"
        " failures = 0, finished_at = NULL, next_try_at = NULL WHERE a.home <> $6"
        " OR a.state IN ('requested', 'failed', 'restored')",
        {Value::Text(FormatDate(MonthBegin(month))), Value::Text(partition), Value::Text(server),
         Value::Text("pulse_archive_" + ArchiveHome()),
         // No try meets what another one has left.
         Value::Text(partition + "_" + ToHex(pg::RandomBytes(4))), Value::Text(ArchiveHome()),
         Value::Bool(by_hand), Value::Time(pg::WallClock())});
    if (rows.processed() != 1) ThrowChanged(partition);
}

Moment NextArchiveDue() {
    static pg::Statement begun(
        "SELECT CASE WHEN EXISTS (SELECT " PULSE_STRAY_TRIGGERS
        ") THEN '-infinity' ELSE min(coalesce(next_try_at, '-infinity')) END FROM pulse.event_archive"
        " WHERE home = $1 AND state <> 'restored' AND (state <> 'failed' OR by_hand OR $2)",
        {TEXTOID, BOOLOID});
    const Moment now = pg::WallClock();
    const pg::Result rows =
        begun.Execute({Value::Text(ArchiveHome()), Value::Bool(pg::settings::event_archive_after > 0)});
    Moment due = rows[0].TimeOrNull(0).value_or(pg::kNever);
    for (const auto& [month, name] : PartitionsOf("event"))
        if (MayArchive(month) && !IsKnown(month)) due = std::min(due, ArchiveDueAfter(month));
    return std::max(due, now);
}

std::optional<ArchivedMonth> NextArchivedMonth() {
    FollowRetention();
    DropStrayTriggers();
    if (const std::optional<int> month = OldestClosed())
        RequestArchive(*month, pg::settings::EventArchiveServer(), false);
    std::optional<ArchivedMonth> next = FirstDue();
    if (!next) return std::nullopt;
    if (Unwanted(*next)) {
        AbandonArchive(*next, "pulse.event_archive_after is 0.");
        return std::nullopt;
    }
    if (next->state == "failed") {
        RequestArchive(next->month, next->by_hand ? next->server : pg::settings::EventArchiveServer(),
                       next->by_hand);
        next = ReadArchivedMonth(next->month);
    }
    return next;
}

void LockArchivedMonth(const ArchivedMonth& month, bool at_once) {
    if (pg::Execute(
            std::string("SELECT FROM pulse.event_archive WHERE month = $1::date AND home = $2 AND state = $3"
                        " AND batch = $4 AND remote_table = $5 FOR UPDATE") +
                (at_once ? " NOWAIT" : ""),
            {Value::Text(month.Date()), Value::Text(ArchiveHome()), Value::Text(month.state),
             Value::Int4(month.batch), Value::Text(month.remote_table)})
            .empty())
        ThrowChanged(month.partition);
}

void AdvanceArchive(const ArchivedMonth& month, const char* state, const pg::Json& done_to) {
    const pg::Result rows = pg::Execute(
        "UPDATE pulse.event_archive SET state = $2, done_to = nullif($3, 'null'), reason = NULL, failures = 0,"
        " next_try_at = NULL, finished_at = CASE WHEN $2 IN ('archived', 'restored') THEN $4 END"
        " WHERE month = $1::date AND state = $5 AND home = $6 AND remote_table = $7",
        {Value::Text(month.Date()), Value::Text(state), Value::Jsonb(done_to), Value::Time(pg::WallClock()),
         Value::Text(month.state), Value::Text(ArchiveHome()), Value::Text(month.remote_table)});
    if (rows.processed() != 1) ThrowChanged(month.partition);
}

void PutOffArchive(const ArchivedMonth& month, const std::string& reason, bool outage) {
    const Moment again = pg::WallClock() + std::min(kLongestBackOff, kMinute << std::min(month.failures, 6));
    pg::Execute(
        "UPDATE pulse.event_archive SET reason = $2, failures = failures + 1, next_try_at = $3"
        " WHERE month = $1::date AND state = $4",
        {Value::Text(month.Date()), Value::Text(reason), Value::Time(again), Value::Text(month.state)});
    if (!outage) return;
    pg::Execute(
        "UPDATE pulse.event_archive SET next_try_at = $2 WHERE server = $1 AND state NOT IN ('restored', 'failed')"
        " AND coalesce(next_try_at, '-infinity') < $2",
        {Value::Text(month.server), Value::Time(again)});
}

void LookAgainAt(const ArchivedMonth& month, Moment at) {
    pg::Execute(
        "UPDATE pulse.event_archive SET next_try_at = $2, reason = NULL, failures = 0 WHERE month = $1::date"
        " AND state = $3",
        {Value::Text(month.Date()), Value::Time(at), Value::Text(month.state)});
}

void AbandonArchive(const ArchivedMonth& month, const std::string& reason) {
    if (pg::Execute("SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'pulse'::regnamespace"
                    " AND relname = $1 AND relkind = 'r')",
                    {Value::Text(month.partition)})[0]
            .Bool(0)) {
        NeedTable(month.partition, pg::TableLock::kDropping);
        for (const char* trigger : {"pulse_follow_archive", "pulse_follow_archive_truncate"})
            pg::Execute(std::string("DROP TRIGGER IF EXISTS ") + trigger + " ON " + TableOf(month.partition));
    }
    LockArchivedMonth(month);
    pg::Execute("DELETE FROM pulse.event_archive_change WHERE partition = $1",
                {Value::Text(month.partition)});
    // A moment says that the month was asked back: since then its table need not be there.
    pg::Execute(
        "UPDATE pulse.event_archive SET state = 'dropping', reason = nullif($2, ''),"
        " done_to = CASE WHEN $2 = '' THEN '0'::jsonb END, failures = 0, next_try_at = NULL WHERE month = $1::date",
        {Value::Text(month.Date()), Value::Text(reason)});
}

void FinishDropping(const ArchivedMonth& month) {
    LockArchivedMonth(month);
    // Else it was given up. A reason can also be that the archive was down meanwhile.
    const bool asked_back = month.done_to.is_number_integer();
    const bool unwanted = !asked_back && !month.by_hand && pg::settings::event_archive_after == 0;
    if (unwanted || !MonthOfPartition(month.partition)) {
        pg::Execute("DELETE FROM pulse.event_archive WHERE month = $1::date", {Value::Text(month.Date())});
        return;
    }
    const Moment now = pg::WallClock();
    pg::Execute(
        "UPDATE pulse.event_archive SET state = $2, reason = CASE WHEN $2 = 'failed' THEN reason END,"
        " finished_at = $3, next_try_at = $4, failures = 0, done_to = NULL WHERE month = $1::date",
        {Value::Text(month.Date()), Value::Text(asked_back ? "restored" : "failed"), Value::Time(now),
         asked_back ? Value::Null(TIMESTAMPTZOID) : Value::Time(now + kAgainAfterFailure)});
}

std::string WhyNotArchived(int month) {
    const std::string partition = PartitionName("event", month);
    if (MonthBegin(month + 1) > pg::WallClock()) return "It has not ended.";
    if (MonthOfPartition(partition) != month) return "It is not a partition of pulse.event.";
    if (!pg::Execute("SELECT FROM pulse.event_month WHERE partition = $1"
                     " AND state IN ('copying', 'comparing', 'swapping')",
                     {Value::Text(partition)})
             .empty())
        return "The job order_events is at work on it.";
    return WhyNotReplaced(partition);
}

#undef PULSE_STRAY_TRIGGERS
#undef PULSE_MONTH_COLUMNS

}  // namespace pulse::profile
