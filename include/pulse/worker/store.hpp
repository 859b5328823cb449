// The room's tables: jobs and their runs. For entry code.
#pragma once

#include <memory>

#include "pulse/base/schedule.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/lock.hpp"
#include "pulse/pg/scheduler_state.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/worker/job.hpp"

namespace pulse::worker {

// ---- store.cpp: needs an open pg::Session as pg::Identity::Owner() ----

// Who called us. To be asked before an Identity stands in the way.
struct Caller {
    std::string name;
    bool superuser = false;
};
Caller WhoCalls();

std::optional<Job> Find(const std::string& name);
// By its name. Throws UserError 42704 that lists the jobs.
Job Load(const std::string& name);
std::vector<Job> LoadAll();
// The next time of its schedule after an instant, jitter included; kForEver when there is nothing to wait
// for.
Moment NextRun(const Job& job, Moment after);
inline constexpr Moment kForEver = INT64_MAX;  // 'infinity'

int64_t BeginRun(const Job& job, std::optional<Moment> scheduled_for, Moment started);
// Write down how a run ended; false when it has ended already.
bool EndRun(int64_t run, const RunResult& result);
// After that: the job waits for its next time, or for a retry if there is to be one.
void SettleJob(const Job& job, const std::string& status);
// Both at once, if it has not ended already.
void FinishRun(const Job& job, int64_t run, const RunResult& result);
// A run of pulse_run_job(), which does not touch the plan.
int64_t WriteRun(const Job& job, Moment started, const RunResult& result);

// ---- store_claim.cpp ----

// Runs `body` in a short transaction of its own, as the extension's owner, with a session open and a
// lock_timeout below deadlock_timeout: whoever drops or alters us wins.
void RunShortTransaction(const char* what, const std::function<void()>& body);

// A job that this process runs now: nobody else does while the lock is held.
struct Claim {
    Job job;
    int64_t run = 0;
    pg::SessionLock lock;
};
// What a look at the jobs found.
struct Look {
    std::optional<Claim> claim;
    Moment next_due = kForEver;              // of whatever is not claimed, in the lane
    std::array<Moment, pg::kLanes> lanes{};  // in each lane
    std::vector<Oid> roles;                  // whose jobs are due
};
// Claims the most overdue job of a lane for `role` (empty: built-in ones) in one short transaction; repairs
// what has crashed. A process that has `begun` leaves when others wait longer. Jobs of a role that was
// `refused` a connection fail.
Look LookForWork(const std::optional<std::string>& role, pg::Lane lane, bool begun);

// ---- store_run.cpp ----

// Throws UserError 0A000 for jobs that only a worker can run.
void RequireRunnableHere(const Job& job);
// Run a built-in job: in a worker, outside any transaction, in several of its own; otherwise inside the
// caller's.
RunResult RunBuiltIn(const Job& job, bool in_worker);
// Run a claimed job to its end and write down how it ended. Only a shutdown comes out.
void RunClaim(Claim claim);
// What an error in flight means for the run. Call it in a handler; a shutdown is thrown on.
RunResult ResultOfError();

// ---- store_status.cpp ----

// The rows of pulse_status().
std::vector<pg::StatusRow> Status();

// Whether the extension is in this database, and of this library's version. Needs a transaction.
enum class Installed { kNo, kOtherVersion, kYes };
Installed FindExtension(std::string* version = nullptr);

}  // namespace pulse::worker
