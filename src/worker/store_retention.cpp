// The job retention: deletes rows older than the retention settings, in short transactions.
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/worker/store.hpp"

namespace pulse::worker {

namespace {

using pg::Value;

constexpr int64_t kBatch = 1000;

// Deletes up to kBatch rows, in a short transaction of its own or in the caller's. Returns how many.
int64_t DeleteBatch(const pg::RetentionRule& rule, Moment before, bool in_worker) {
    int64_t deleted = 0;
    const auto work = [&] {
        deleted = rule.sql
                      ? static_cast<int64_t>(
                            pg::Execute(rule.sql, {Value::Time(before), Value::Int8(kBatch)}).processed())
                      : rule.work(before, kBatch);
    };
    if (in_worker) {
        RunShortTransaction("pulse: retention", work);
    } else {
        const pg::OwnerSession session;
        work();
    }
    return deleted;
}

int64_t Apply(const pg::RetentionRule& rule, bool in_worker) {
    if ((rule.minutes && *rule.minutes == 0) || (rule.enabled && !*rule.enabled)) return 0;
    const Moment before = pg::WallClock() - (rule.minutes ? *rule.minutes * kMinute : 0);
    int64_t all = 0;
    // A function may return less than the limit although there is more.
    for (int64_t batch = kBatch; rule.sql ? batch == kBatch : batch > 0; all += batch) {
        pg::CheckInterrupts();
        batch = DeleteBatch(rule, before, in_worker);
    }
    return all;
}

// Roles are found by oid; a dump contains their names. After a rename the names follow here.
void FollowRenamedRoles(bool in_worker) {
    const auto work = [] {
        for (const char* table : {"pulse.segment", "pulse.monitor", "pulse.job", "pulse.api_key"})
            pg::Execute(std::string("UPDATE ") + table +
                        " AS d SET runs_as = r.rolname FROM pg_roles AS r"
                        " WHERE r.oid = d.role_oid AND r.rolname <> d.runs_as");
    };
    if (in_worker) {
        RunShortTransaction("pulse: retention", work);
    } else {
        const pg::OwnerSession session;
        work();
    }
}

RunResult RunRetentionJob(bool in_worker) {
    FollowRenamedRoles(in_worker);
    RunResult result;
    result.rows = 0;
    std::string deleted;
    for (const pg::RetentionRule& rule : pg::RetentionRules()) {
        const int64_t rows = Apply(rule, in_worker);
        if (rows == 0 || !rule.what) continue;
        deleted += (deleted.empty() ? "" : ", ") + std::to_string(rows) + " " + rule.what;
        *result.rows += rows;
    }
    result.message = deleted.empty() ? "nothing to delete" : deleted;
    return result;
}

const pg::JobKind kRetentionJob{
    .id = 4,
    .name = "retention",
    .description = "Deletes what is older than the pulse.*_retention settings.",
    .schedule = "30 3 * * *",
    .run = RunRetentionJob,
    .retention = {
        {.order = 20,
         .what = "runs of jobs",
         .minutes = &pg::settings::job_run_retention,
         .sql = "DELETE FROM pulse.job_run WHERE id = ANY (ARRAY(SELECT r.id FROM pulse.job_run AS r"
                " WHERE r.started_at < $1 AND r.status <> 'running' ORDER BY r.started_at LIMIT $2))"}}};

[[maybe_unused]] const bool job_registered = pg::RegisterJobKind(kRetentionJob);

}  // namespace

}  // namespace pulse::worker
