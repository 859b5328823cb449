// SQL functions that create, change and delete jobs.
#include <nlohmann/json.hpp>

#include "pulse/audit/store.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/interval.hpp"
#include "pulse/pg/parse.hpp"
#include "pulse/pg/timezone.hpp"
#include "pulse/worker/store.hpp"

namespace pg = pulse::pg;

namespace pulse::worker {

namespace {

using pg::Value;

constexpr size_t kLongestName = 255;
constexpr int kMostRetries = 100;

// The changes that the caller asks for; empty leaves a value as it is.
struct Wish {
    std::string name;
    std::optional<std::string> schedule, command, time_zone, overlap;
    std::optional<bool> enabled;
    std::optional<int64_t> timeout, retry_delay, jitter;  // microseconds
    std::optional<int32_t> max_retries;
};

[[noreturn]] void Invalid(const std::string& message, const std::string& detail, const std::string& hint) {
    throw UserError(sqlstate::kInvalidParameter, message, detail, hint);
}

std::optional<int64_t> Span(const pg::Args& args, int i, const char* name) {
    if (args.IsNull(i)) return std::nullopt;
    const int64_t length = pg::IntervalLength(args.Raw(i));
    if (length < 0 || length > 366 * kDay)
        Invalid(std::string("invalid ") + name, "It is " + pg::ToOutput(args.Raw(i), INTERVALOID) + ".",
                "Give an interval from 0 to 366 days.");
    return length;
}

Wish ReadWish(const pg::Args& args) {
    Wish wish;
    wish.name = args.RequireText(0, "job");
    wish.schedule = args.Text(1);
    wish.command = args.Text(2);
    wish.time_zone = args.Text(3);
    wish.enabled = args.Bool(4);
    wish.overlap = args.Text(5);
    wish.timeout = Span(args, 6, "timeout");
    wish.max_retries = args.Int4(7);
    wish.retry_delay = Span(args, 8, "retry_delay");
    wish.jitter = Span(args, 9, "jitter");
    return wish;
}

void Check(const Wish& wish) {
    const auto length =
        pg::Call([&] { return pg_mbstrlen_with_len(wish.name.data(), static_cast<int>(wish.name.size())); });
    if (length < 1 || static_cast<size_t>(length) > kLongestName)
        Invalid("invalid name of a job", "It has " + std::to_string(length) + " characters.",
                "Give 1 to 255 characters.");
    if (wish.schedule) Schedule::Parse(*wish.schedule);
    if (wish.time_zone && !wish.time_zone->empty()) pg::TimeZone zone(*wish.time_zone);
    if (wish.overlap && *wish.overlap != "skip" && *wish.overlap != "queue")
        Invalid("invalid overlap \"" + *wish.overlap + "\"", "", "Give 'skip' or 'queue'.");
    if (wish.max_retries && (*wish.max_retries < 0 || *wish.max_retries > kMostRetries))
        Invalid("invalid max_retries", "It is " + std::to_string(*wish.max_retries) + ".", "Give 0 to 100.");
    if (!wish.command) return;
    if (pg::Parse(*wish.command).statements == 0)
        throw UserError(sqlstate::kSyntaxError, "the command is empty", "",
                        "Give one or more SQL statements.");
    if (const std::string command = pg::CommandNotInTransaction(*wish.command); !command.empty())
        throw UserError(sqlstate::kNotSupported, command + " cannot be part of a job",
                        "Each run of a job is one transaction.",
                        "Schedule what can run inside a transaction block, or use cron or pg_cron for it.");
}

void RequireLogin(const std::string& role) {
    const pg::Result rows =
        pg::Execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", {Value::Name(role)});
    if (!rows.empty() && rows[0].Bool(0)) return;
    throw UserError(sqlstate::kInsufficientPrivilege, "role \"" + role + "\" cannot log in",
                    "A job runs in a process connected as the role that schedules it.",
                    "Schedule it as a role with LOGIN, or ALTER ROLE ... LOGIN.");
}

// "snapshots, drift, … and pipeline".
std::string BuiltInJobs() {
    const std::vector<const pg::JobKind*>& kinds = pg::JobKinds();
    std::string names;
    for (size_t i = 0; i < kinds.size(); ++i)
        names += (i == 0 ? "" : i + 1 == kinds.size() ? " and " : ", ") + std::string(kinds[i]->name);
    return names;
}

Job Make(const Wish& wish, const std::string& caller) {
    if (!wish.schedule || !wish.command)
        Invalid("job \"" + wish.name + "\" does not exist, and a new one needs a schedule and a command", "",
                "Built-in jobs are " + BuiltInJobs() + ".");
    RequireLogin(caller);
    // Another session may create it at the same time: then this call changes it, if its role may.
    pg::Execute(
        "INSERT INTO pulse.job (name, kind, command, schedule, runs_as) VALUES ($1, 'sql', $2, $3, $4) "
        "ON CONFLICT (name) DO NOTHING",
        {Value::Text(wish.name), Value::Text(wish.command), Value::Text(wish.schedule), Value::Name(caller)});
    return Load(wish.name);
}

void RequireChangeable(const Job& job, const Wish& wish, const Caller& caller) {
    if (job.built_in()) {
        if (!wish.command) return;
        Invalid("job \"" + job.name + "\" is built in and has no command", "",
                "Give the new job another name.");
    }
    if (*job.runs_as == caller.name || caller.superuser) return;
    throw UserError(sqlstate::kInsufficientPrivilege,
                    "job \"" + job.name + "\" belongs to role \"" + *job.runs_as + "\"", "",
                    "Only that role or a superuser may change it; or give the new job another name.");
}

void Change(const Job& job, const Wish& wish) {
    pg::Execute(
        "UPDATE pulse.job SET schedule = coalesce($2, schedule), command = coalesce($3, command),"
        " time_zone = coalesce(nullif($4, ''), CASE WHEN $4 IS NULL THEN time_zone ELSE "
        "current_setting('TimeZone') END), enabled = coalesce($5, "
        "enabled),"
        " overlap = coalesce($6, overlap), timeout = coalesce($7 * interval '1 microsecond', timeout),"
        " max_retries = coalesce($8, max_retries), retry_delay = coalesce($9 * interval '1 microsecond', "
        "retry_delay),"
        " jitter = coalesce($10 * interval '1 microsecond', jitter) WHERE id = $1",
        {Value::Int8(job.id), Value::Text(wish.schedule), Value::Text(wish.command),
         Value::Text(wish.time_zone), wish.enabled ? Value::Bool(*wish.enabled) : Value::Null(BOOLOID),
         Value::Text(wish.overlap), Value::Int8(wish.timeout),
         wish.max_retries ? Value::Int4(*wish.max_retries) : Value::Null(INT4OID),
         Value::Int8(wish.retry_delay), Value::Int8(wish.jitter)});
}

// Returns the next run.
std::optional<Moment> Plan(Job job, const Wish& wish, bool made) {
    const Moment now = pg::WallClock();
    if (made || wish.schedule || wish.time_zone || wish.enabled || wish.jitter) {
        // A pending retry belongs to the old schedule.
        if (made || wish.schedule) job.anchor = now;
        job.next_run = job.enabled ? std::optional(NextRun(job, now)) : std::nullopt;
        pg::Execute(
            "UPDATE pulse.job SET anchor = $2, next_run = $3, attempt = CASE WHEN running_since IS NULL THEN "
            "0 ELSE attempt END,"
            " queued = false WHERE id = $1",
            {Value::Int8(job.id), Value::Time(job.anchor), Value::Time(job.next_run)});
    }
    return job.next_run;
}

}  // namespace

}  // namespace pulse::worker

PULSE_WRITING_FUNCTION(pulse_schedule) {
    using namespace pulse;
    const worker::Wish wish = worker::ReadWish(pg::Args(fcinfo));
    worker::Check(wish);
    const worker::Caller caller = worker::WhoCalls();
    std::optional<Moment> next;
    {
        const pg::OwnerSession session;
        std::optional<worker::Job> job = worker::Find(wish.name);
        const bool made = !job;
        if (made) job = worker::Make(wish, caller.name);
        worker::RequireChangeable(*job, wish, caller);
        worker::Change(*job, wish);
        next = worker::Plan(worker::Load(wish.name), wish, made);
        // Not the command: it is a user's, and may contain anything.
        pg::Json details = {{"schedule", worker::Load(wish.name).schedule}};
        if (wish.enabled) details["enabled"] = *wish.enabled;
        if (wish.command) details["new_command"] = true;
        audit::Write(made ? "job.created" : "job.updated", wish.name, details);
        pg::NotifyLauncher();
        // Wake the launcher even if all workers are busy.
        if (job->built_in_kind && job->built_in_kind->own_process) pg::WakeWorker(*job->built_in_kind);
    }
    if (!next) fcinfo->isnull = true;
    return next ? TimestampTzGetDatum(*next) : 0;
}

PULSE_WRITING_FUNCTION(pulse_unschedule) {
    using namespace pulse;
    const std::string name = pg::Args(fcinfo).RequireText(0, "job");
    const worker::Caller caller = worker::WhoCalls();
    const pg::OwnerSession session;
    const worker::Job job = worker::Load(name);
    worker::RequireChangeable(job, worker::Wish{}, caller);
    if (job.built_in()) {
        pg::Execute("UPDATE pulse.job SET enabled = false, next_run = NULL WHERE id = $1",
                    {pg::Value::Int8(job.id)});
        pg::Notice("job \"" + name + "\" is built in: it is disabled, not deleted",
                   "Enable it again with pulse_schedule('" + name + "', enabled => true).");
        audit::Write("job.disabled", name);
        return 0;
    }
    if (!pg::TryLock("job", job.id))
        throw UserError(
            sqlstate::kLockNotAvailable, "job \"" + name + "\" is running", "",
            "Wait until it is done, or end it: pulse.job_run has its process id for pg_cancel_backend().");
    pg::Execute("DELETE FROM pulse.job WHERE id = $1", {pg::Value::Int8(job.id)});
    audit::Write("job.deleted", name);
    return 0;
}
