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
constexpr int64_t kMostTallies = 1000, kMostProfiles = 20'000;  // per transaction

// When this process added activity. Another one that found rows before may have written more since without
// waking the job: the job looks again.
Moment added_at = INT64_MIN / 2;

Moment NextFoldDue() {
    static pg::Statement first(
        "SELECT min(f.at) FROM ((SELECT at FROM pulse.activity_tally LIMIT 1) UNION ALL"
        " (SELECT at FROM pulse.ingest_tally WHERE profiles IS NOT NULL ORDER BY id LIMIT 1)) AS f",
        {});
    if (const auto at = first.Execute({})[0].TimeOrNull(0)) return *at + kPause;
    return added_at > pg::WallClock() - kPause ? added_at + kPause : pg::kNever;
}

// Run a step until it returns 0; returns the sum.
int64_t RunAll(bool in_worker, int64_t (*step)()) {
    int64_t sum = 0;
    for (int64_t rows = 1; rows > 0; sum += rows) {
        pg::CheckInterrupts();
        rows = 0;
        const auto work = [&] { rows = step(); };
        if (in_worker) {
            if (pg::RunShortTransaction("pulse: activity", work) != pg::ShortTransaction::kDone) break;
        } else {
            const pg::OwnerSession session;
            work();
        }
    }
    return sum;
}

RunResult RunActivityJob(bool in_worker) {
    RunResult result;
    // That of small batches first becomes one row.
    RunAll(in_worker, [] { return FoldTallies(kMostTallies); });
    result.rows = RunAll(in_worker, [] { return FoldActivity(kMostProfiles, true); });
    if (*result.rows > 0) added_at = pg::WallClock();
    result.message = *result.rows > 0 ? "new events are counted" : "no new events";
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
    static pg::Statement first(
        "(SELECT FROM pulse.activity_tally LIMIT 2) UNION ALL (SELECT FROM pulse.ingest_tally"
        " WHERE profiles IS NOT NULL ORDER BY id LIMIT 2)",
        {});
    if (first.Execute({}).size() < 2) pg::NotifyLauncher();
}

}  // namespace pulse::profile
