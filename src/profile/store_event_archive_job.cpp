// The job archive_events.
#include <algorithm>
#include <chrono>

#include "pulse/pg/background.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/lock.hpp"
#include "pulse/pg/short_transaction.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/wait.hpp"
#include "pulse/profile/store_event_archive.hpp"

namespace pulse::profile {

namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kArchiveRun{50};
constexpr long kLongestArchivePause = 2000;  // milliseconds
constexpr int64_t kBusyPause = 5 * kSecond;

bool RunArchiveStep(const std::function<void()>& work) {
    return pg::RunShortTransaction("pulse: archiving events", work) == pg::ShortTransaction::kDone;
}

bool IsArchiveOutage(const std::string& state) {
    return state.starts_with("08") || state.starts_with("57P") || state == sqlstate::kTooManyConnections;
}

ArchiveOutcome DoArchiveStep(const ArchiveStep& step) {
    const std::string& state = step.month.state;
    if (state == "requested") return BeginArchive(step);
    if (state == "copying") return CopyToArchive(step);
    if (state == "comparing") return CompareArchive(step);
    if (state == "swapping") return SwapArchive(step);
    if (state == "archived") return MoveLateEvents(step);
    if (state == "restoring") return CopyFromArchive(step);
    if (state == "checking") return CompareRestored(step);
    if (state == "returning") return SwapRestored(step);
    return DropArchive(step);
}

// One connection for as long as months are of the same server. It is closed after every error.
class ArchiveRun {
  public:
    // Does a step; false if there is nothing to do.
    bool Step() {
        std::optional<ArchivedMonth> month;
        // Erasures do not delete on the archive during a step: it could send what it has read before.
        std::optional<pg::SessionLock> alone;
        if (!RunArchiveStep([&] {
                month = NextArchivedMonth();
                if (!month) return;
                if (auto lock = pg::SessionLock::Try("event_archive", month->month))
                    alone.emplace(std::move(*lock));
            }) ||
            !month)
            return false;
        ArchiveOutcome outcome = ArchiveOutcome::kNothing;
        std::string reason;
        bool outage = false;
        try {
            outcome =
                alone ? DoArchiveStep({*month, Connect(*month), RunArchiveStep}) : ArchiveOutcome::kBusy;
        } catch (const pg::RemoteError& error) {
            reason = error.message();
            outage = error.lost() || IsArchiveOutage(error.state());
        } catch (const pg::Error& error) {
            if (pg::MeantForAll(error) || error.State() == sqlstate::kQueryCanceled) throw;
            pg::Warning("pulse." + month->partition + " is not archived", error.message);
            reason = "SQLSTATE " + error.State() + "; the server's log has the rest.";
        } catch (const UserError& error) {
            reason = error.message() + (error.detail().empty() ? "" : " (" + error.detail() + ")");
        }
        if (!reason.empty()) {
            remote_.reset();
            RunArchiveStep([&] { PutOffArchive(*month, reason, outage); });
            ++failed;
        }
        if (outcome == ArchiveOutcome::kBusy)
            RunArchiveStep([&] { LookAgainAt(*month, pg::WallClock() + kBusyPause); });
        if (outcome == ArchiveOutcome::kDone) ++done;
        begun = outcome == ArchiveOutcome::kMore ? month->partition : "";
        return true;
    }

    int64_t done = 0, failed = 0;
    std::string begun;

  private:
    pg::Remote& Connect(const ArchivedMonth& month) {
        if (!remote_ || server_ != month.server || !remote_->Alive()) {
            remote_.reset();
            ArchiveServer server;
            if (!RunArchiveStep([&] { server = FindArchiveServer(month.server); }))
                throw UserError(sqlstate::kLockNotAvailable, "the server's options are being changed");
            remote_ = ConnectArchive(server);
            server_ = month.server;
        }
        return *remote_;
    }

    std::unique_ptr<pg::Remote> remote_;
    std::string server_;
};

RunResult RunArchiveJob(bool) {
    RunResult result;
    ArchiveRun run;
    for (const auto end = steady_clock::now() + kArchiveRun; steady_clock::now() < end;) {
        pg::CheckInterrupts();
        const auto begin = steady_clock::now();
        if (!run.Step()) break;
        // Half of the time is for others.
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begin);
        pg::Wait(std::min<long>(took.count(), kLongestArchivePause));
    }
    result.rows = run.done;
    result.message = std::to_string(run.done) + " months moved" +
                     (run.failed ? ", " + std::to_string(run.failed) + " tries failed" : "") +
                     (run.begun.empty() ? "" : ", goes on with " + run.begun);
    return result;
}

void ReportArchive(pg::StatusReport& report) {
    const pg::Result rows = pg::Execute(
        "SELECT count(*) FILTER (WHERE state = 'archived')::text, string_agg(partition || ': ' || state, ', '"
        " ORDER BY month) FILTER (WHERE state NOT IN ('archived', 'restored', 'failed')),"
        " count(*) FILTER (WHERE reason IS NOT NULL AND state <> 'restored')::text, string_agg(partition || ': '"
        " || reason, ' ' ORDER BY month) FILTER (WHERE reason IS NOT NULL AND state <> 'restored'),"
        " count(*) FILTER (WHERE home <> $1), count(*) FROM pulse.event_archive",
        {pg::Value::Text(ArchiveHome())});
    if (rows[0].Int8(5) == 0) return;
    report.Add("months on the archive", "ok", rows[0].Text(0));
    if (const auto open = rows[0].TextOrNull(1)) report.Add("months moving to or from it", "ok", *open);
    if (const auto failed = rows[0].TextOrNull(3))
        report.Add("archive failures", "degraded", rows[0].Text(2), report.ErrorText(*failed));
    if (const int64_t others = rows[0].Int8(4))
        report.Add(
            "months of another database", "degraded", std::to_string(others),
            "A restored dump brought them: they can be read, but late events stay here. If that database is"
            " gone, pulse_archive_events(month) makes this one keep them.");
}

const pg::JobKind kArchiveJob{.id = 28,
                              .name = "archive_events",
                              .description = "Moves old months of events to an archive server, and back.",
                              .schedule = "1 minute",
                              .retry_delay = "1 minute",
                              .next_due = NextArchiveDue,
                              .runs_in_session = false,
                              .run = RunArchiveJob,
                              .status = {{.order = 38, .add = ReportArchive}}};

[[maybe_unused]] const bool archive_registered = pg::RegisterJobKind(kArchiveJob);

}  // namespace

}  // namespace pulse::profile
