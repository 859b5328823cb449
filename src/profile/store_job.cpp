// The job activity: adds what batches recorded to pulse.activity.
#include "pulse/profile/store_job.hpp"

#include "pulse/pg/background.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/short_transaction.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/profile/store_ingest.hpp"

namespace pulse::profile {

namespace {

constexpr int64_t kPause = kMinute;
constexpr int64_t kMostProfiles = 20'000;  // per transaction

// When this process added activity. Another one that found rows before may have written more since without
// waking the job: the job looks again.
Moment added_at = INT64_MIN / 2;

Moment NextFoldDue() {
    static pg::Statement first("SELECT at FROM pulse.activity_tally LIMIT 1", {});
    const pg::Result rows = first.Execute({});
    if (!rows.empty()) return rows[0].Time(0) + kPause;
    return added_at > pg::WallClock() - kPause ? added_at + kPause : pg::kNever;
}

RunResult RunActivityJob(bool in_worker) {
    RunResult result;
    result.rows = 0;
    for (int64_t batches = 1; batches > 0; *result.rows += batches) {
        pg::CheckInterrupts();
        batches = 0;
        const auto fold = [&] { batches = FoldActivity(kMostProfiles, true); };
        if (in_worker) {
            if (pg::RunShortTransaction("pulse: activity", fold) != pg::ShortTransaction::kDone) break;
        } else {
            const pg::OwnerSession session;
            fold();
        }
    }
    if (*result.rows > 0) added_at = pg::WallClock();
    result.message = "new events of " + std::to_string(*result.rows) + " batches";
    return result;
}

void ReportActivity(pg::StatusReport& report) {
    const pg::Result rows = pg::Execute(
        "SELECT count(*), min(t.at) FROM (SELECT at + interval '1 minute' AS at"
        " FROM pulse.activity_tally LIMIT 10001) AS t WHERE t.at < clock_timestamp()");
    report.AddQueue("activity to add", rows[0].Int8(0), rows[0].TimeOrNull(1));
}

const pg::JobKind kActivityJob{.id = 8,
                               .name = "activity",
                               .description = "Counts the new events of people, for searches and statistics.",
                               .schedule = "1 minute",
                               .retry_delay = "1 minute",
                               .next_due = NextFoldDue,
                               .pause_after_success = true,
                               .run = RunActivityJob,
                               .status = {{.order = 35, .add = ReportActivity}}};

[[maybe_unused]] const bool job_registered = pg::RegisterJobKind(kActivityJob);

}  // namespace

void WakeActivityJob() {
    static Moment looked = INT64_MIN / 2;
    const Moment now = pg::WallClock();
    // The clock may be set back.
    if (now >= looked && now < looked + kPause) return;
    looked = now;
    // Whoever wrote the first row has woken the job; then it runs a minute later.
    static pg::Statement others("SELECT FROM pulse.activity_tally LIMIT 2", {});
    if (others.Execute({}).size() < 2) pg::NotifyLauncher();
}

}  // namespace pulse::profile
