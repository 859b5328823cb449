#include "pulse/profile/store_archive_erasure.hpp"

#include <map>

#include "pulse/base/error.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/lock.hpp"
#include "pulse/pg/short_transaction.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_erasure.hpp"
#include "pulse/profile/store_event_archive.hpp"

namespace pulse::profile {

namespace {

using pg::Value;

constexpr int64_t kErasuresAtOnce = 1000;
constexpr int kErasureTime = 15 * 60'000;  // milliseconds
constexpr size_t kMostBytesAnswered = size_t{64} * 1024 * 1024;

// What is to be deleted of one month.
struct ArchiveErasure {
    std::optional<ArchivedMonth> month;  // empty: there is no such month any more, or it is elsewhere
    bool elsewhere = false;              // what another database keeps, whose dump this one comes from
    std::string date;
    std::vector<int64_t> erasures;
    std::map<int64_t, int64_t> erasure_of;  // by profile
};

ArchiveErasure NextArchiveErasure() {
    static pg::Statement due(
        "SELECT a.erasure_id, a.profiles, to_char(a.month, 'YYYY-MM-DD'),"
        " ((extract(year FROM a.month) - 2000) * 12 + extract(month FROM a.month) - 1)::int,"
        " coalesce(m.home <> $3, false) FROM pulse.archive_erasure AS a"
        " LEFT JOIN pulse.event_archive AS m ON m.month = a.month WHERE a.month = (SELECT n.month FROM pulse.archive_erasure AS n"
        " WHERE n.next_attempt_at <= $1 ORDER BY n.next_attempt_at, n.month LIMIT 1)"
        " ORDER BY a.erasure_id LIMIT $2",
        {TIMESTAMPTZOID, INT8OID, TEXTOID});
    const pg::Result rows =
        due.Execute({Value::Time(pg::WallClock()), Value::Int8(kErasuresAtOnce), Value::Text(ArchiveHome())});
    ArchiveErasure work;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        work.erasures.push_back(rows[i].Int8(0));
        for (const int64_t profile : rows[i].Int8s(1)) work.erasure_of[profile] = rows[i].Int8(0);
        work.date = rows[i].Text(2);
        work.elsewhere = rows[i].Bool(4);
    }
    if (!rows.empty()) work.month = ReadArchivedMonth(rows[0].Int4(3));
    return work;
}

// Rows on the archive, by erasure.
struct RowsThere {
    int64_t count = 0;
    std::string digest = "0::numeric";  // a sum, as SQL
};
using FoundThere = std::map<int64_t, RowsThere>;

// Counts them, or deletes them, in one transaction there and none here.
FoundThere RunOnRows(pg::Remote& remote, const ArchiveErasure& work, const std::string& rows) {
    FoundThere found;
    try {
        const pg::RemoteRows answer = remote.Run("WITH e AS (" + rows + ") SELECT e.profile_id, " +
                                                     kCountAndDigest + " FROM e GROUP BY e.profile_id",
                                                 kErasureTime, kMostBytesAnswered);
        for (const auto& row : answer.values) {
            RowsThere& of = found[work.erasure_of.at(std::stoll(row.at(0).value()))];
            of.count += std::stoll(row.at(1).value());
            of.digest += " + (" + row.at(2).value() + ")";
        }
    } catch (const pg::RemoteError& error) {
        if (error.state() != sqlstate::kUndefinedTable) throw;  // the table was dropped there
    }
    return found;
}

// They are counted before: after a deletion that nobody heard of, they are not there any more.
void NoteCounted(const ArchiveErasure& work, const FoundThere& found) {
    for (const auto& [erasure, rows] : found)
        pg::Execute("UPDATE pulse.archive_erasure SET rows = $3, digest = " + rows.digest +
                        " WHERE month = $1::date AND erasure_id = $2 AND rows < $3",
                    {Value::Text(work.date), Value::Int8(erasure), Value::Int8(rows.count)});
}

// Returns the number of events.
int64_t NoteDeleted(const ArchiveErasure& work) {
    const pg::Result rows = pg::Execute(
        "DELETE FROM pulse.archive_erasure WHERE month = $1::date AND erasure_id = ANY ($2)"
        " RETURNING erasure_id, rows, digest::text",
        {Value::Text(work.date), Value::Int8s(work.erasures)});
    int64_t all = 0;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const int64_t count = rows[i].Int8(1);
        all += count;
        NoteErased(rows[i].Int8(0), {{"event", count}}, {"event_archive"});
        pg::Execute(
            "UPDATE pulse.event_archive SET rows = rows - $2, digest = digest - $3::numeric WHERE month = $1::date",
            {Value::Text(work.date), Value::Int8(count), Value::Text(rows[i].Text(2))});
    }
    pg::NotifyLauncher();
    return all;
}

bool InErasureStep(const std::function<void()>& work) {
    return pg::RunShortTransaction("pulse: erasing people on an archive", work) ==
           pg::ShortTransaction::kDone;
}

// False if another session holds a lock here: the next run goes on. No step of the job archive_events runs
// meanwhile, so no rows are on their way that were read before these people were erased.
bool DeleteThere(ArchiveErasure& work) {
    if (work.elsewhere)
        throw UserError(sqlstate::kNotReady, "another database keeps the events of " + work.date.substr(0, 7),
                        "After a restored dump or pg_upgrade, SELECT pulse_archive_events('" + work.date +
                            "') makes this one keep them; then they are deleted.");
    if (!work.month) return true;
    std::optional<ArchiveServer> server;
    std::optional<pg::SessionLock> alone;
    if (!InErasureStep([&] {
            if (auto lock = pg::SessionLock::Try("event_archive", work.month->month))
                alone.emplace(std::move(*lock));
            if (alone) work.month = ReadArchivedMonth(work.month->month);
            if (alone && work.month) server = FindArchiveServer(work.month->server);
        }))
        return false;
    if (!alone) return false;
    if (!work.month) return true;
    const std::string table = work.month->Table();
    std::vector<int64_t> profiles;
    for (const auto& entry : work.erasure_of) profiles.push_back(entry.first);
    const std::string which = " WHERE profile_id = ANY (" + IdsThere(profiles) + ")";
    const std::unique_ptr<pg::Remote> remote = ConnectArchive(*server);
    // Of a batch that is not shown, events are deleted, too; they were counted where they came from.
    const FoundThere found =
        RunOnRows(*remote, work,
                  "SELECT * FROM " + table + which + " AND batch <= " + std::to_string(work.month->batch));
    if (!InErasureStep([&] { NoteCounted(work, found); })) return false;
    RunOnRows(*remote, work, "DELETE FROM " + table + which + " RETURNING *");
    return true;
}

// Ten seconds, then twice as long each time, up to an hour.
void NoteRefused(const ArchiveErasure& work, const std::string& reason) {
    pg::Execute(
        "UPDATE pulse.archive_erasure SET attempts = attempts + 1, message = $3, next_attempt_at = $4"
        " + least(interval '10 seconds' * 2 ^ least(attempts, 10), interval '1 hour')"
        " WHERE month = $1::date AND erasure_id = ANY ($2)",
        {Value::Text(work.date), Value::Int8s(work.erasures), Value::Text(reason),
         Value::Time(pg::WallClock())});
}

RunResult RunEraseArchivedJob(bool) {
    RunResult result;
    result.rows = 0;
    for (;;) {
        pg::CheckInterrupts();
        ArchiveErasure work;
        std::string reason;
        if (!InErasureStep([&] { work = NextArchiveErasure(); }) || work.erasures.empty()) break;
        try {
            if (!DeleteThere(work)) break;
        } catch (const UserError& error) {
            reason = error.message() + (error.detail().empty() ? "" : ": " + error.detail());
        }
        if (!reason.empty()) {
            InErasureStep([&] { NoteRefused(work, reason); });
            throw UserError(sqlstate::kNotReady, "events of erased people cannot be deleted on an archive",
                            reason, "The job tries again; pulse.archive_erasure shows what is left.");
        }
        int64_t deleted = 0;
        if (!InErasureStep([&] { deleted = NoteDeleted(work); })) break;
        *result.rows += deleted;
    }
    result.message = std::to_string(*result.rows) + " events deleted on archives";
    return result;
}

Moment NextEraseArchivedDue() {
    static pg::Statement next("SELECT min(next_attempt_at) FROM pulse.archive_erasure", {});
    return next.Execute({})[0].TimeOrNull(0).value_or(pg::kNever);
}

const pg::JobKind kEraseArchivedJob{
    .id = 43,
    .name = "erase_archived",
    .description = "Deletes events of people who are being erased on archives.",
    .schedule = "10 seconds",
    .max_retries = 0,
    .retry_delay = "0",
    .next_due = NextEraseArchivedDue,
    .runs_in_session = false,
    .run = RunEraseArchivedJob};

[[maybe_unused]] const bool erase_archived_registered = pg::RegisterJobKind(kEraseArchivedJob);

}  // namespace

void QueueArchiveErasure(int64_t erasure, const std::vector<int64_t>& profiles) {
    // A month on its way, or a copy that waits to be dropped, has them, too.
    static pg::Statement queue(
        "INSERT INTO pulse.archive_erasure AS q (erasure_id, month, profiles, requested_at, next_attempt_at)"
        " SELECT $1, e.month, $2, $3, $3 FROM pulse.event_archive AS e WHERE"
        // What another database keeps is read here, too; but not what it copies, or drops.
        " CASE WHEN e.home = $4 THEN e.state NOT IN ('requested', 'restored')"
        " ELSE e.state IN ('archived', 'restoring', 'checking', 'returning') END AND (e.state <> 'archived' OR EXISTS (SELECT"
        " FROM pulse.archived_profile AS a WHERE a.month = e.month AND a.profile_id = ANY ($2))"
        " OR e.finished_at >= (SELECT r.requested_at FROM pulse.erasure AS r WHERE r.id = $1))"
        " ON CONFLICT (erasure_id, month) DO UPDATE SET profiles = excluded.profiles",
        {INT8OID, INT8ARRAYOID, TIMESTAMPTZOID, TEXTOID});
    if (profiles.empty()) return;
    if (queue
            .Execute({Value::Int8(erasure), Value::Int8s(profiles), Value::Time(pg::WallClock()),
                      Value::Text(ArchiveHome())})
            .processed() > 0)
        pg::NotifyLauncher();
    const int64_t gone =
        static_cast<int64_t>(pg::Execute("DELETE FROM pulse.archived_profile WHERE profile_id = ANY ($1)",
                                         {Value::Int8s(profiles)})
                                 .processed());
    NoteErased(erasure, {{"archived_profile", gone}}, {});
}

void ReportArchiveErasures(pg::StatusReport& report) {
    const pg::Result rows = pg::Execute(
        "SELECT count(DISTINCT erasure_id), min(requested_at), min(message) FROM pulse.archive_erasure");
    const int64_t open = rows[0].Int8(0);
    report.Add("erasures on archives", rows[0].IsNull(2) ? "ok" : "degraded", std::to_string(open),
               !rows[0].IsNull(2) ? report.ErrorText(rows[0].Text(2))
               : open > 0         ? "since " + FormatMoment(rows[0].Time(1) / kSecond * kSecond)
                                  : "");
}

}  // namespace pulse::profile
