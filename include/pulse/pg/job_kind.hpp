// The registry of built-in jobs. A room registers each of its own when the library is loaded; room worker
// schedules, runs and reports them without knowing any of them by name. Another kind needs no other change.
#pragma once

#include "pulse/base/run_result.hpp"
#include "pulse/pg/retention.hpp"
#include "pulse/pg/scheduler_state.hpp"
#include "pulse/pg/status_report.hpp"

namespace pulse::pg {

struct JobKind {
    // The row that CREATE EXTENSION makes in pulse.job.
    int64_t id;        // from 1 to 99, never changed: the row of a restored dump replaces it
    const char* name;  // of the job and of its kind
    const char* description;
    const char* schedule;
    const char* timeout = "1 hour";
    int max_retries = 3;
    const char* retry_delay = "5 minutes";

    // A process of its own instead of a share in pulse.max_parallel_jobs, at most one per database.
    bool own_process = false;
    // A setting: while it is off there is nothing to do, and turning it on wakes the job's process.
    const bool* enabled = nullptr;
    // When there is something to do; kNever for nothing. Null: the schedule says when the job runs. Otherwise
    // the schedule is a pause: the shortest time between two runs, or only the pause after a run that failed.
    Moment (*next_due)() = nullptr;
    bool pause_after_success = false;
    // Whether pulse_run_job() can run it; false for jobs that wait for the network.
    bool runs_in_session = true;
    // Runs the job: in a worker in transactions of its own, otherwise in the caller's transaction.
    RunResult (*run)(bool in_worker) = nullptr;

    std::vector<StatusSection> status = {};     // its rows in pulse_status()
    std::vector<RetentionRule> retention = {};  // what the job retention deletes for it
};

// Adds a kind, which stays where it is. Returns true, so that a constant can do it. Throws when its id or
// name is taken, or when there are too many with a process of their own.
bool RegisterJobKind(const JobKind& kind);

// All kinds, by id.
const std::vector<const JobKind*>& JobKinds();
// By its name; null when there is no such kind, as for sql.
const JobKind* FindJobKind(const std::string& name);

// The lane that its process serves: kJobs, or its own.
Lane LaneOf(const JobKind& kind);
// The lanes of kinds with a process of their own.
const std::vector<Lane>& OwnLanes();

// Why no worker of this server will run a kind of job; empty if one will. Needs an open Session as
// Identity::Owner().
std::optional<std::string> WhyNoWorker(const JobKind& kind);

// For runs: the number of rows of `call`, such as "pulse_check_drift()". In a worker in a transaction of its
// own as the extension's owner, shown as `what` in pg_stat_activity; otherwise in the caller's transaction
// and with the caller's rights.
int64_t CountCall(bool in_worker, const char* what, const std::string& call);

}  // namespace pulse::pg
