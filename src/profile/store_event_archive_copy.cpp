// To the archive: the events of a month are copied in the order of its index, and compared. Nothing here
// waits for the archive in a transaction.
#include <limits>

#include "pulse/base/error.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/relation_lock.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/month.hpp"
#include "pulse/profile/store_event_archive.hpp"
#include "pulse/profile/store_event_order.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr size_t kBytesAtOnce = size_t{16} * 1024 * 1024;
constexpr int64_t kCopiedThere = 10'000, kArchiveComparedAtOnce = 50'000, kChangesAtOnce = 2'000;
constexpr int64_t kMuchNoted = int64_t{64} * 1024 * 1024;

void FollowForArchive(const std::string& partition) {
    const std::string table = TableOf(partition);
    const auto make = [&](const char* name, const char* when, const char* level) {
        pg::Execute(std::string("CREATE TRIGGER ") + name + " AFTER " + when + " ON " + table + " FOR EACH " +
                    level + " EXECUTE FUNCTION pulse.settle_archive_copy()");
        // Also where session_replication_role is replica.
        pg::Execute("ALTER TABLE " + table + " ENABLE ALWAYS TRIGGER " + name);
    };
    make("pulse_follow_archive", "INSERT OR UPDATE OR DELETE", "ROW");
    make("pulse_follow_archive_truncate", "TRUNCATE", "STATEMENT");
}

void MakeTableThere(const ArchiveStep& step) {
    const ArchivedMonth& month = step.month;
    const auto there =
        RunThere(step.remote, "SELECT to_regnamespace(" +
                                  LiteralThere(pg::QuoteIdentifier(month.remote_schema)) + ") IS NOT NULL");
    // Whoever may not create schemas has got one.
    if (there.values.at(0).at(0) != "t")
        RunThere(step.remote, "CREATE SCHEMA " + pg::QuoteIdentifier(month.remote_schema));
    RunThere(
        step.remote,
        "BEGIN; CREATE TABLE IF NOT EXISTS " + month.Table() +
            " (id bigint NOT NULL, profile_id bigint NOT NULL, time timestamptz NOT NULL,"
            " received_at timestamptz NOT NULL, name text COLLATE \"C\" NOT NULL,"
            " type text COLLATE \"C\" NOT NULL, properties jsonb NOT NULL, context jsonb, message_id text,"
            " source text COLLATE \"C\" NOT NULL, batch integer NOT NULL);"
            " CREATE UNIQUE INDEX IF NOT EXISTS " +
            pg::QuoteIdentifier(month.remote_table + "_id") + " ON " + month.Table() +
            " (id); CREATE INDEX IF NOT EXISTS " + pg::QuoteIdentifier(month.remote_table + "_profile") +
            " ON " + month.Table() + " (profile_id, name, time); CREATE INDEX IF NOT EXISTS " +
            pg::QuoteIdentifier(month.remote_table + "_batch") + " ON " + month.Table() +
            " (batch) WHERE batch > 0; COMMIT");
}

// Which profiles have events in the month, among those behind `from` up to `to`, or in a list.
void NoteProfiles(const ArchivedMonth& month, const std::string& which,
                  const std::vector<Value>& parameters) {
    std::vector<Value> all{Value::Text(month.Date())};
    all.insert(all.end(), parameters.begin(), parameters.end());
    pg::Execute("DELETE FROM pulse.archived_profile AS e WHERE e.month = $1::date AND " + which, all);
    pg::Execute(
        "INSERT INTO pulse.archived_profile (profile_id, month, first_at, last_at, events)"
        " SELECT e.profile_id, $1::date, min(e.time), max(e.time), count(*) FROM " +
            TableOf(month.partition) + " AS e WHERE " + which + " GROUP BY e.profile_id",
        all);
}

void AbandonDifferent(const ArchivedMonth& month, const std::string& detail) {
    pg::Warning("the copy of pulse." + month.partition + " on the archive differs from it", detail);
    AbandonArchive(month, "Its copy differed from it.");
}

struct MonthChanges {
    std::vector<std::string> places;
    std::vector<int64_t> ids, profiles;
    ArchiveRows rows;
    bool all = false;  // the copy cannot be used any more
};

// Delete the notes of a month that begins anew. The month is locked: whoever has written to it has ended. A
// DELETE leaves the table as large as it was, and too large a one would end the next try, too; the other
// months begin anew with it.
void ForgetNotes(const ArchivedMonth& month) {
    if (pg::Execute("SELECT pg_relation_size('pulse.event_archive_change')")[0].Int8(0) < kMuchNoted) {
        pg::Execute("DELETE FROM pulse.event_archive_change WHERE partition = $1",
                    {Value::Text(month.partition)});
        return;
    }
    // Who writes to another month can be waiting for this one.
    pg::SetLocally("lock_timeout", "50");
    pg::LockTable("event_archive_change", pg::TableLock::kDropping);
    const pg::Result others = pg::Execute(
        "SELECT DISTINCT c.partition FROM pulse.event_archive_change AS c WHERE c.partition <> $1",
        {Value::Text(month.partition)});
    pg::Execute("TRUNCATE pulse.event_archive_change");
    for (uint64_t i = 0; i < others.size(); ++i)
        pg::Execute("INSERT INTO pulse.event_archive_change (partition) VALUES ($1)",
                    {Value::Text(others[i].Text(0))});
}

// Which server the archive is now: another one after a failover, or if the options were changed.
std::string ServerThere(const ArchiveStep& step) {
    return RunThere(step.remote,
                    "SELECT s.system_identifier || '/' ||"
                    " pg_catalog.substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) || '/' || d.oid"
                    " FROM pg_control_system() AS s, pg_database AS d WHERE d.datname = current_database()")
        .values.at(0)
        .at(0)
        .value();
}

std::string ComparedWith(const ArchivedMonth& month) {
    return month.done_to.is_object() ? month.done_to.value("there", "") : "";
}

MonthChanges ReadMonthChanges(const ArchivedMonth& month, int64_t limit = kChangesAtOnce) {
    MonthChanges changes;
    const pg::Result notes = pg::Execute(
        "SELECT c.ctid::text, c.id, c.profile_id FROM pulse.event_archive_change AS c WHERE c.partition = $1"
        " ORDER BY c.id NULLS FIRST FETCH FIRST ($2) ROWS WITH TIES",
        {Value::Text(month.partition), Value::Int8(limit)});
    for (uint64_t i = 0; i < notes.size(); ++i) {
        changes.places.push_back(notes[i].Text(0));
        if (notes[i].IsNull(1)) {
            changes.all = true;
            return changes;
        }
        changes.ids.push_back(notes[i].Int8(1));
        changes.profiles.push_back(notes[i].Int8(2));
    }
    if (!changes.ids.empty())
        changes.rows = ReadRowsForCopy(
            std::string("SELECT ") + kEventColumns +
                " FROM (SELECT DISTINCT c.profile_id, c.name, c.time, c.id FROM pulse.event_archive_change AS c"
                " WHERE c.ctid = ANY ($1::tid[])) AS n JOIN " +
                TableOf(month.partition) +
                " AS e ON e.profile_id = n.profile_id AND e.name = n.name AND e.time = n.time AND e.id = n.id",
            {Value::Texts(changes.places)}, "\t0", kBytesAtOnce);
    // The rest of them may not have been read.
    if (changes.rows.text.size() >= kBytesAtOnce && limit > 1) return ReadMonthChanges(month, limit / 2);
    return changes;
}

// What the archive was told is noted, if the events of these profiles are the same there. False if not.
bool NoteSent(const ArchivedMonth& month, const MonthChanges& changes, const std::string& whose,
              const std::string& there) {
    // VACUUM FULL could have moved other notes to these places.
    if (pg::Execute(
            "DELETE FROM pulse.event_archive_change AS c USING unnest($1::tid[], $2::bigint[], $3::bigint[])"
            " AS n (place, id, profile_id) WHERE c.ctid = n.place AND c.id = n.id"
            " AND c.profile_id = n.profile_id AND c.partition = $4",
            {Value::Texts(changes.places), Value::Int8s(changes.ids), Value::Int8s(changes.profiles),
             Value::Text(month.partition)})
            .processed() != changes.places.size())
        throw UserError(sqlstate::kLockNotAvailable, "the notes on pulse." + month.partition + " have moved");
    // Those of whom there are further notes are compared with them.
    const pg::Result here =
        pg::Execute(std::string("SELECT ") + kCountAndDigest +
                        ", EXISTS (SELECT FROM pulse.event_archive_change AS c WHERE c.partition = $1"
                        " AND (c.profile_id IS NULL OR c.profile_id = ANY ($2))) FROM " +
                        TableOf(month.partition) + " AS e WHERE " + whose,
                    {Value::Text(month.partition), Value::Int8s(changes.profiles)});
    const std::string digest = std::to_string(here[0].Int8(0)) + " " + here[0].Text(1);
    if (!here[0].Bool(2) && digest != there) {
        AbandonDifferent(month, "Count and digest of changed profiles: " + digest + " and " + there + ".");
        return false;
    }
    NoteProfiles(month, "e.profile_id = ANY ($2)", {Value::Int8s(changes.profiles)});
    return true;
}

}  // namespace

void SendRows(const ArchiveStep& step, const std::string& first, const std::string& outdated,
              const std::string& text) {
    const std::string table = step.month.Table();
    step.remote.CopyIn("BEGIN; LOCK TABLE " + table + " IN SHARE ROW EXCLUSIVE MODE; DELETE FROM " + table +
                           " AS e WHERE " + outdated + "; " + first + "COPY " + table +
                           " (id, profile_id, time, received_at, name, type, properties, context, message_id,"
                           " source, batch) FROM STDIN; COMMIT",
                       text, 15 * 60'000);
}

std::string WhyNotSent(const ArchivedMonth& month) {
    if (const std::string reason = WhyNotArchived(month.month); !reason.empty()) return reason;
    if (pg::Execute(
            "SELECT count(*) FROM pg_trigger AS t WHERE t.tgrelid = $1::regclass AND t.tgenabled = 'A'"
            " AND t.tgfoid = 'pulse.settle_archive_copy()'::regprocedure",
            {Value::Text(TableOf(month.partition))})[0]
            .Int8(0) != 2)
        return "A trigger of it was dropped.";
    return "";
}

bool MayGoOn(const ArchiveStep& step) {
    bool may = false;
    const bool ran = step.run([&] {
        const std::string reason = WhyNotSent(step.month);
        may = reason.empty();
        if (!may) AbandonArchive(step.month, reason);
    });
    return ran && may;
}

ArchiveOutcome BeginArchive(const ArchiveStep& step) {
    const ArchivedMonth& month = step.month;
    const bool ran = step.run([&] {
        if (const std::string reason = WhyNotArchived(month.month); !reason.empty()) {
            PutOffArchive(month, reason, false);
            return;
        }
        // Who writes to the month now is waited for; who comes later is followed.
        NeedTable(month.partition, pg::TableLock::kExclusive);
        ForgetNotes(month);
        pg::Execute("DELETE FROM pulse.archived_profile WHERE month = $1::date", {Value::Text(month.Date())});
        FollowForArchive(month.partition);
        AdvanceArchive(month, "copying", nullptr);
    });
    return ran ? ArchiveOutcome::kMore : ArchiveOutcome::kBusy;
}

ArchiveOutcome CopyToArchive(const ArchiveStep& step) {
    const ArchivedMonth& month = step.month;
    if (!MayGoOn(step)) return ArchiveOutcome::kBusy;
    if (month.done_to.is_null()) MakeTableThere(step);
    ArchiveRows rows;
    if (!step.run([&] {
            // In the order of the index, and only as far as needed.
            pg::SetLocally("enable_seqscan", "off");
            pg::SetLocally("enable_bitmapscan", "off");
            rows = ReadRowsForCopy(std::string("SELECT ") + kEventColumns + " FROM " +
                                       TableOf(month.partition) + " AS e WHERE " + BehindKey(month.done_to) +
                                       " ORDER BY e.profile_id, e.name, e.time, e.id LIMIT $1",
                                   {Value::Int8(kCopiedThere)}, "\t0", kBytesAtOnce);
        }))
        return ArchiveOutcome::kBusy;
    // Also what was copied by a try that did not get to note it.
    SendRows(step, "", BehindKey(month.done_to), rows.text);
    const bool ran = step.run([&] {
        if (rows.count == 0)
            AdvanceArchive(month, "comparing", nullptr);
        else
            AdvanceArchive(month, "copying", rows.last);
    });
    return ran ? ArchiveOutcome::kMore : ArchiveOutcome::kBusy;
}

bool SendChanges(const ArchiveStep& step) {
    const ArchivedMonth& month = step.month;
    for (;;) {
        MonthChanges changes;
        if (!step.run([&] { changes = ReadMonthChanges(month); })) return false;
        if (changes.places.empty()) return true;
        if (changes.all) {
            step.run([&] {
                // Who is still writing has perhaps noted nothing, because it was noted that all changes.
                NeedTable(month.partition, pg::TableLock::kExclusive);
                ForgetNotes(month);
                AdvanceArchive(month, "copying", nullptr);
            });
            return false;
        }
        SendRows(step, "", "e.id = ANY (" + IdsThere(changes.ids) + ")", changes.rows.text);
        const std::string whose = "e.profile_id = ANY (" + IdsThere(changes.profiles) + ")";
        const auto there = RunThere(step.remote, std::string("SELECT ") + kCountAndDigest + " FROM " +
                                                     month.Table() + " AS e WHERE " + whose);
        bool same = true;
        if (!step.run([&] {
                same = NoteSent(month, changes, whose,
                                there.values.at(0).at(0).value() + " " + there.values.at(0).at(1).value());
            }) ||
            !same)
            return false;
    }
}

bool IsComparedThere(const ArchiveStep& step) {
    if (ComparedWith(step.month) == ServerThere(step)) return true;
    step.run([&] { AdvanceArchive(step.month, "comparing", nullptr); });
    return false;
}

ArchiveOutcome CompareArchive(const ArchiveStep& step) {
    const ArchivedMonth& month = step.month;
    if (!MayGoOn(step) || !SendChanges(step)) return ArchiveOutcome::kBusy;
    // With another server all is compared again.
    const std::string server = ServerThere(step);
    const bool first = ComparedWith(month) != server;
    const int64_t from = first ? std::numeric_limits<int64_t>::min() : month.done_to.value("to", int64_t{0});
    const std::string behind = "e.profile_id > " + std::to_string(from);
    int64_t to = 0, count = 0;
    std::string digest, range;
    bool changed = false;
    if (!step.run([&] {
            to = NextEnd(TableOf(month.partition), from, kArchiveComparedAtOnce);
            range = behind + " AND e.profile_id <= " + std::to_string(to);
            const pg::Result rows = pg::Execute(
                std::string("SELECT ") + kCountAndDigest +
                    ", EXISTS (SELECT FROM pulse.event_archive_change AS c WHERE c.partition = $1) FROM " +
                    TableOf(month.partition) + " AS e WHERE " + range,
                {Value::Text(month.partition)});
            count = rows[0].Int8(0);
            digest = rows[0].Text(1);
            changed = rows[0].Bool(2);
            if (!changed) NoteProfiles(month, range, {});
        }))
        return ArchiveOutcome::kBusy;
    if (changed) return ArchiveOutcome::kMore;
    const auto there = RunThere(step.remote, std::string("SELECT ") + kCountAndDigest + " FROM " +
                                                 month.Table() + " AS e WHERE " + range);
    const std::string here = std::to_string(count) + " " + digest,
                      copy = there.values.at(0).at(0).value() + " " + there.values.at(0).at(1).value();
    const bool last = to == std::numeric_limits<int64_t>::max();
    const bool ran = step.run([&] {
        if (here != copy) {
            AbandonDifferent(month, "Count and digest up to profile " + std::to_string(to) + ": " + here +
                                        " and " + copy + ".");
            return;
        }
        pg::Execute(
            "UPDATE pulse.event_archive SET rows = $2 + CASE WHEN $4 THEN 0 ELSE rows END,"
            " digest = $3::numeric + CASE WHEN $4 THEN 0 ELSE digest END WHERE month = $1::date",
            {Value::Text(month.Date()), Value::Int8(count), Value::Text(digest), Value::Bool(first)});
        pg::Json done = pg::Json::object();
        done["there"] = server;
        if (!last) done["to"] = to;
        AdvanceArchive(month, last ? "swapping" : "comparing", done);
    });
    return ran ? ArchiveOutcome::kMore : ArchiveOutcome::kBusy;
}

}  // namespace pulse::profile
