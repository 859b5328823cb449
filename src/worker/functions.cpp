// SQL functions that show, start and run jobs: arguments in, result out.
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/scheduler_state.hpp"
#include "pulse/pg/session_settings.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/timezone.hpp"
#include "pulse/pg/wait.hpp"
#include "pulse/worker/store.hpp"

namespace pg = pulse::pg;

namespace pulse::worker {

namespace {

constexpr int kMostRuns = 1000;

int64_t RunCommand(const Job& job) {
    const pg::Session session;
    return static_cast<int64_t>(pg::Execute(job.command).processed());
}

// Runs the job in the caller's transaction; an error becomes the result.
RunResult RunHere(const Job& job) {
    RunResult result;
    try {
        const pg::JobDeadline limit(job.timeout / 1000);
        pg::Subtransaction subtransaction;
        if (job.built_in()) {
            result = RunBuiltIn(job, false);
        } else if (*job.runs_as == pg::CallerName()) {
            result.rows = RunCommand(job);
        } else {
            // The command of another role never runs with the caller's rights.
            const pg::Identity identity = pg::Identity::Definer(*job.runs_as, "\"$user\", public, pg_temp");
            pg::ResetSessionSettings();
            result.rows = RunCommand(job);
        }
        pg::CheckInterrupts();
        subtransaction.Commit();
    } catch (const std::exception&) {
        result = ResultOfError();
        // A user's cancel request is for the whole statement.
        if (result.status == "cancelled") throw;
        if (result.status == "timed out")
            result.error = "it ran longer than its timeout of " + std::to_string(job.timeout / 1000) + " ms";
    }
    return result;
}

void RequireOwn(const Job& job, const Caller& caller) {
    if (job.built_in() || *job.runs_as == caller.name || caller.superuser) return;
    throw UserError(sqlstate::kInsufficientPrivilege,
                    "job \"" + job.name + "\" belongs to role \"" + *job.runs_as + "\"", "",
                    "Only that role or a superuser may run or change it.");
}

}  // namespace

}  // namespace pulse::worker

PULSE_FUNCTION(pulse_preview_schedule) {
    using namespace pulse;
    const pg::Args args(fcinfo);
    const pulse::Schedule schedule = pulse::Schedule::Parse(args.RequireText(0, "schedule"));
    const auto name = args.Text(1);
    const pg::TimeZone zone = name ? pg::TimeZone(*name) : pg::TimeZone::OfSession();
    const int runs = args.Int4(2).value_or(5);
    if (runs < 1 || runs > worker::kMostRuns)
        throw UserError(sqlstate::kInvalidParameter, "invalid number of runs",
                        "It is " + std::to_string(runs) + ".",
                        "Give 1 to " + std::to_string(worker::kMostRuns) + ".");
    Moment moment = args.Time(3).value_or(pg::Now());
    if (TIMESTAMP_NOT_FINITE(moment))
        throw UserError(sqlstate::kInvalidParameter, "the start time is infinite", "", "Give a timestamp.");
    const Moment anchor = moment;
    pg::ResultSet results(fcinfo);
    for (int i = 0; i < runs; ++i) {
        moment = schedule.Next(moment, anchor, [&](Moment at) { return zone.OffsetAt(at); });
        if (!IS_VALID_TIMESTAMP(moment)) break;  // out of range
        results.Add({pg::Value::Time(moment)});
    }
    return pg::ResultSet::Done();
}

PULSE_WRITING_FUNCTION(pulse_run_job) {
    using namespace pulse;
    const std::string name = pg::Args(fcinfo).RequireText(0, "job");
    const worker::Caller caller = worker::WhoCalls();
    worker::Job job;
    {
        const pg::OwnerSession session;
        job = worker::Load(name);
        worker::RequireOwn(job, caller);
        worker::RequireRunnableHere(job);
        if (!pg::TryLockOnce("job", job.id))
            throw UserError(sqlstate::kLockNotAvailable, "job \"" + name + "\" is running", "",
                            "Wait until it is done; pulse.job_run shows since when it runs.");
    }
    const Moment started = pg::WallClock();
    const RunResult result = worker::RunHere(job);
    const double duration = static_cast<double>(pg::WallClock() - started) / 1000;
    int64_t run;
    {
        const pg::OwnerSession session;
        run = worker::WriteRun(job, started, result);
    }
    pg::ResultSet results(fcinfo);
    results.Add({pg::Value::Int8(run), pg::Value::Text(result.status), pg::Value::Int8(result.rows),
                 pg::Value::Float8(duration), pg::Value::Text(result.message),
                 pg::Value::Text(result.error)});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_built_in_jobs) {
    pg::ResultSet results(fcinfo);
    for (const pg::JobKind* kind : pg::JobKinds())
        results.Add({pg::Value::Int8(kind->id), pg::Value::Text(kind->name),
                     pg::Value::Text(kind->description), pg::Value::Text(kind->schedule),
                     pg::Value::Bool(kind->next_due != nullptr), pg::Value::Text(kind->timeout),
                     pg::Value::Int4(kind->max_retries), pg::Value::Text(kind->retry_delay)});
    return pg::ResultSet::Done();
}

PULSE_FUNCTION(pulse_poke_launcher) {
    pg::NotifyLauncher();
    return 0;
}

// A start or a stop waits for what the launcher does: up to five seconds, in steps of ten milliseconds.
constexpr int kLooks = 500;
constexpr int kPause = 10;

PULSE_WRITING_FUNCTION(pulse_start) {
    using namespace pulse;
    if (pg::FindLauncher() != 0) return pg::FromText("running");
    if (pg::Preloaded())
        throw UserError(sqlstate::kNotReady, "the launcher of this server is not running",
                        "It was started with the server.",
                        "It comes back within seconds; if not, the server's log says why.");
    pg::StartLauncher(MyDatabaseId);
    // Wait until it is visible, so that the next pulse_status() is right.
    for (int i = 0; i < kLooks && pg::FindLauncher() == 0; ++i) pg::Wait(kPause);
    return pg::FromText("started");
}

PULSE_WRITING_FUNCTION(pulse_stop) {
    using namespace pulse;
    if (pg::Preloaded())
        throw UserError(sqlstate::kNotReady, "the launcher was started with the server",
                        "shared_preload_libraries holds pulse.",
                        "ALTER SYSTEM SET pulse.run_jobs = off and SELECT pg_reload_conf() stop all jobs of "
                        "this server.");
    const int launcher = pg::FindLauncher();
    if (launcher == 0) return pg::FromText("not running");
    pg::Terminate(launcher);
    pg::TerminateWorkers(MyDatabaseId);
    // As in pulse_start(): a launcher that is about to end would count as running.
    for (int i = 0; i < kLooks && pg::FindLauncher() == launcher; ++i) pg::Wait(kPause);
    return pg::FromText("stopped");
}

PULSE_FUNCTION(pulse_status) {
    const std::vector<pg::StatusRow> rows = pulse::worker::Status();
    pg::ResultSet results(fcinfo);
    for (const auto& row : rows)
        results.Add({pg::Value::Text(row.item), pg::Value::Text(row.state), pg::Value::Text(row.value),
                     row.detail.empty() ? pg::Value::Null(TEXTOID) : pg::Value::Text(row.detail)});
    return pg::ResultSet::Done();
}
