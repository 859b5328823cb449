// Two kinds of jobs that only the registry knows, one that runs by the clock and one with a process of its
// own that runs when there is something to do. Nothing else was changed for them.
#include "background.hpp"

#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/short_transaction.hpp"
#include "pulse/worker/store.hpp"

extern "C" {

PGDLLEXPORT void bridge_jobs_main(Datum database);
Datum pulse_built_in_jobs(FunctionCallInfo fcinfo);
Datum pulse_schedule(FunctionCallInfo fcinfo);
Datum pulse_run_job(FunctionCallInfo fcinfo);
Datum pulse_status(FunctionCallInfo fcinfo);
}

namespace pg = pulse::pg;
namespace worker = pulse::worker;

namespace {

const int keep_minutes = 60;
bool queue_enabled = true;

int64_t DoWork(const char* job) {
    return static_cast<int64_t>(
        pg::Execute("UPDATE bridge.work SET done_at = clock_timestamp(), done_in = pg_backend_pid()"
                    " WHERE job = $1 AND done_at IS NULL",
                    {pg::Value::Text(job)})
            .processed());
}

pulse::RunResult RunJob(bool in_worker, const char* job) {
    pulse::RunResult result;
    if (in_worker) {
        pg::RunShortTransaction("bridge: working", [&] { result.rows = DoWork(job); });
    } else {
        const pg::OwnerSession session;
        result.rows = DoWork(job);
    }
    result.message = std::to_string(*result.rows) + " done";
    return result;
}

void ReportWork(pg::StatusReport& report) {
    const pg::Result left = pg::Execute("SELECT count(*) FROM bridge.work WHERE done_at IS NULL");
    report.Add("bridge work", "ok", std::to_string(left[0].Int8(0)));
}

const pg::JobKind kClockJob{.id = 98,
                            .name = "bridge clock",
                            .description = "Runs by the clock.",
                            .schedule = "0 0 1 1 *",
                            .run = [](bool in_worker) { return RunJob(in_worker, "clock"); }};

const pg::JobKind kQueueJob{
    .id = 97,
    .name = "bridge queue",
    .description = "Runs when there is work.",
    .schedule = "1 second",
    .timeout = "0",
    .max_retries = 0,
    .retry_delay = "0",
    .own_process = true,
    .enabled = &queue_enabled,
    .next_due =
        [] {
            return pg::Execute(
                       "SELECT min(due_at) FROM bridge.work WHERE job = 'queue' AND done_at IS NULL")[0]
                .TimeOrNull(0)
                .value_or(pg::kNever);
        },
    .runs_in_session = false,
    .run = [](bool in_worker) { return RunJob(in_worker, "queue"); },
    .status = {{.order = 1000, .add = ReportWork}},
    .retention = {{.order = 1000,
                   .what = "pieces of bridge work",
                   .minutes = &keep_minutes,
                   .sql = "DELETE FROM bridge.work WHERE id = ANY (ARRAY(SELECT w.id FROM bridge.work AS w"
                          " WHERE w.done_at < $1 LIMIT $2))"}}};

[[maybe_unused]] const bool registered = pg::RegisterJobKind(kClockJob) && pg::RegisterJobKind(kQueueJob);

// What a worker does, without a launcher.
void RunWhatIsDue(pg::Lane lane) {
    for (bool begun = false;; begun = true) {
        worker::Look look = worker::LookForWork(std::nullopt, lane, begun);
        if (!look.claim) return;
        worker::RunClaim(std::move(*look.claim));
    }
}

}  // namespace

void bridge_jobs_main(Datum database) {
    pg::BecomeHelper(DatumGetObjectId(database));
    try {
        for (const pg::Lane lane : {pg::Lane::kJobs, pg::LaneOf(kQueueJob)}) RunWhatIsDue(lane);
    } catch (const std::exception& error) {
        pg::Warning(std::string("running jobs failed: ") + error.what());
        pg::EndProcess(1);
    }
    pg::EndProcess(0);
}

PULSE_FUNCTION(bridge_run_due_jobs) {
    pulse::bridge::RunWorker("bridge_jobs_main", "bridge jobs");
    return 0;
}

// Each kind and its lane.
PULSE_FUNCTION(bridge_lanes) {
    std::vector<std::string> lanes;
    for (const pg::JobKind* kind : pg::JobKinds())
        lanes.push_back(std::string(kind->name) + " " + std::to_string(static_cast<int>(pg::LaneOf(*kind))));
    return pg::FromTextArray(lanes);
}

// Functions of Pulse, with this library's registry.
PULSE_FUNCTION(bridge_built_in_jobs) {
    return pg::Call([&] { return pulse_built_in_jobs(fcinfo); });
}
PULSE_FUNCTION(bridge_schedule) {
    return pg::Call([&] { return pulse_schedule(fcinfo); });
}
PULSE_FUNCTION(bridge_run_job) {
    return pg::Call([&] { return pulse_run_job(fcinfo); });
}
PULSE_FUNCTION(bridge_status) {
    return pg::Call([&] { return pulse_status(fcinfo); });
}
