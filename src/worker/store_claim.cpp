// Finds the jobs that are due and claims one, so that no other worker runs it.
#include <algorithm>

#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/worker/store.hpp"

namespace pulse::worker {

Job ReadJob(const pg::Row& row);
std::string SelectJobs(const std::string& rest);

namespace {

using pg::Value;

// Delay before a job is looked at again that another session is changing.
constexpr int64_t kBusyPause = kSecond;
// Interval of looks while there are prepared transactions.
constexpr int64_t kPreparedPause = 5 * kSecond;
// After a job, the worker of a role takes its next one unless jobs of other roles have waited this much
// longer.
constexpr int64_t kFairness = kSecond;

std::optional<Job> Reload(int64_t id) {
    static const std::string sql = SelectJobs("WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED");
    static pg::Statement statement(sql.c_str(), {INT8OID});
    const pg::Result rows = statement.Execute({Value::Int8(id)});
    return rows.empty() ? std::nullopt : std::optional(ReadJob(rows[0]));
}

// A job whose schedule is no longer valid (an older dump, a time zone that was removed) must not stop the
// others.
Moment NextOrNever(const Job& job, Moment now, std::string& problem) {
    try {
        return NextRun(job, now);
    } catch (const UserError& error) {
        problem = error.message();
        return kForEver;
    }
}

void SetNext(const Job& job, Moment next) {
    static pg::Statement statement("UPDATE pulse.job SET next_run = $2 WHERE id = $1",
                                   {INT8OID, TIMESTAMPTZOID});
    statement.Execute({Value::Int8(job.id), Value::Time(next)});
}

void Skip(const Job& job, Moment now, const std::string& why) {
    static pg::Statement statement(
        "INSERT INTO pulse.job_run (job_id, attempt, scheduled_for, started_at, finished_at, status, message)"
        " VALUES ($1, 1, $2, $3, $3, 'skipped', $4)",
        {INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID});
    statement.Execute({Value::Int8(job.id), Value::Time(job.next_run), Value::Time(now), Value::Text(why)});
}

// A job is due and its run before is not finished. False when it is as due as before: somebody changes it,
// settles it, or runs it by hand.
bool Overlap(int64_t id, Moment now) {
    const std::optional<Job> job = Reload(id);
    if (!job) return false;
    if (!job->next_run || *job->next_run > now) return true;
    if (!job->running) return false;
    std::string problem;
    SetNext(*job, NextOrNever(*job, now, problem));
    if (job->queue)
        pg::Execute("UPDATE pulse.job SET queued = true WHERE id = $1", {Value::Int8(id)});
    else
        Skip(*job, now, "the run before was not finished");
    return true;
}

// The job is marked as running, but its lock was free: its process ended before the run, or before it settled
// the job. False when a process of ours is still at it: a definition of a user can let go of the session's
// locks.
bool Repair(Job& job) {
    const pg::Result runs = pg::Execute(
        "SELECT id, coalesce(pid, 0) FROM pulse.job_run WHERE job_id = $1 AND status = 'running' ORDER BY id",
        {Value::Int8(job.id)});
    for (uint64_t i = 0; i < runs.size(); ++i)
        if (pg::IsOtherWorker(runs[i].Int4(1))) return false;
    RunResult result;
    result.status = "crashed";
    result.error =
        "its process ended before it did: the server was stopped or crashed, or the process was terminated";
    for (uint64_t i = 0; i < runs.size(); ++i) FinishRun(job, runs[i].Int8(0), result);
    if (runs.empty()) {
        const pg::Result ended = pg::Execute(
            "SELECT r.status FROM pulse.job_run AS r JOIN pulse.job AS j ON j.id = r.job_id"
            " WHERE j.id = $1 AND r.started_at = j.running_since AND r.status <> 'skipped' ORDER BY r.id "
            "DESC LIMIT 1",
            {Value::Int8(job.id)});
        SettleJob(job, ended.empty() ? result.status : ended[0].Text(0));
    }
    job.running = false;
    return true;
}

// Requires the lock of the job.
int64_t Begin(Job& job, Moment now) {
    static pg::Statement statement(
        "UPDATE pulse.job SET running_since = $2, attempt = $3, scheduled_for = $4, next_run = $5 WHERE id = "
        "$1",
        {INT8OID, TIMESTAMPTZOID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID});
    if (job.attempt == 0) job.scheduled_for = job.next_run;
    ++job.attempt;
    std::string problem;
    const Moment next = NextOrNever(job, now, problem);
    statement.Execute({Value::Int8(job.id), Value::Time(now), Value::Int4(job.attempt),
                       Value::Time(job.scheduled_for), Value::Time(next)});
    const int64_t run = BeginRun(job, job.scheduled_for, now);
    if (!problem.empty())
        pg::Execute("UPDATE pulse.job_run SET message = $2 WHERE id = $1",
                    {Value::Int8(run), Value::Text("there will be no other run: " + problem)});
    return run;
}

// Whether a look at a lane settles and plans jobs of a kind: a look at kJobs those of every lane, as it also
// reports when the other lanes are due.
bool LooksAt(pg::Lane lane, const pg::JobKind& kind) {
    return lane == pg::Lane::kJobs || pg::LaneOf(kind) == lane;
}

// The names of the kinds that fit, for kind = ANY ($n).
template <typename Fits>
Value NamesOfKinds(const Fits& fits) {
    std::vector<std::string> names;
    for (const pg::JobKind* kind : pg::JobKinds())
        if (fits(*kind)) names.emplace_back(kind->name);
    return Value::Texts(names);
}

// Settles jobs that are marked as running but are not. A look at one lane leaves the jobs of other lanes
// alone: it would not report when they are due.
void RepairCrashed(pg::Lane lane, bool& busy) {
    static pg::Statement statement(
        "SELECT id FROM pulse.job WHERE running_since IS NOT NULL AND ($2 OR kind = ANY ($1))",
        {TEXTARRAYOID, BOOLOID});
    const pg::Result rows =
        statement.Execute({NamesOfKinds([&](const pg::JobKind& kind) { return LooksAt(lane, kind); }),
                           Value::Bool(lane == pg::Lane::kJobs)});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const std::optional<pg::SessionLock> lock = pg::SessionLock::Try("job", rows[i].Int8(0));
        if (!lock) continue;
        std::optional<Job> job = Reload(rows[i].Int8(0));
        busy |= !job;
        if (job && job->running) Repair(*job);
    }
}

// The shortest time between two runs; empty if a dump of another server contains an invalid schedule.
int64_t ShortestPause(const Job& job) {
    try {
        return Schedule::Parse(job.schedule).interval().value_or(0);
    } catch (const UserError&) {
        return 0;
    }
}

// The pause of the schedule after each run, or only after a run that failed
// (pg::JobKind::pause_after_success).
void PlanOnDemand(pg::Lane lane) {
    static const std::string sql =
        SelectJobs("WHERE kind = ANY ($1) AND enabled AND running_since IS NULL AND attempt = 0");
    static pg::Statement jobs(sql.c_str(), {TEXTARRAYOID});
    static pg::Statement plan(
        "UPDATE pulse.job AS j SET next_run = n.at FROM (SELECT greatest($3, CASE WHEN $4"
        " OR k.last_status NOT IN ('ok', 'crashed') THEN k.last_run_at + $2 * interval '1 microsecond' END)"
        " AS at"
        " FROM pulse.job AS k WHERE k.id = $1) AS n WHERE j.id = $1 AND j.next_run IS DISTINCT FROM n.at"
        // Another worker may have claimed it since: planned again, it would seem due while it runs.
        " AND j.running_since IS NULL AND j.attempt = 0",
        {INT8OID, INT8OID, TIMESTAMPTZOID, BOOLOID});
    const pg::Result rows = jobs.Execute(
        {NamesOfKinds([&](const pg::JobKind& kind) { return kind.next_due && LooksAt(lane, kind); })});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        const Job job = ReadJob(rows[i]);
        plan.Execute({Value::Int8(job.id), Value::Int8(ShortestPause(job)),
                      Value::Time(job.built_in_kind->next_due()),
                      Value::Bool(job.built_in_kind->pause_after_success)});
    }
}

// The earliest run planned in each lane.
std::array<Moment, pg::kLanes> NextRuns() {
    static pg::Statement next("SELECT kind, min(next_run) FROM pulse.job WHERE enabled GROUP BY kind", {});
    const pg::Result rows = next.Execute({});
    std::array<Moment, pg::kLanes> runs;
    runs.fill(kForEver);
    for (uint64_t i = 0; i < rows.size(); ++i) {
        // A kind that this library does not know, from a dump of another version, never runs.
        const pg::JobKind* kind = pg::FindJobKind(rows[i].Text(0));
        if (!kind && rows[i].Text(0) != "sql") continue;
        Moment& run = runs[static_cast<size_t>(kind ? pg::LaneOf(*kind) : pg::Lane::kJobs)];
        run = std::min(run, rows[i].TimeOrNull(1).value_or(kForEver));
    }
    return runs;
}

// Prepared transactions may contain jobs that become due at COMMIT PREPARED, which wakes no process.
bool AnyPrepared() {
    static pg::Statement statement(
        "SELECT EXISTS (SELECT FROM pg_prepared_xacts WHERE database = current_database())", {});
    return statement.Execute({})[0].Bool(0);
}

// The oid of the role, or the reason why it cannot run jobs in this database.
Oid UsableRole(const std::string& role, std::string& problem) {
    const pg::Result rows = pg::Execute(
        "SELECT oid::bigint, CASE WHEN NOT rolcanlogin THEN 'cannot log in'"
        " WHEN NOT has_database_privilege(oid, current_database(), 'CONNECT') THEN 'may not connect to this "
        "database' END"
        " FROM pg_roles WHERE rolname = $1",
        {Value::Name(role)});
    if (rows.empty())
        problem = "does not exist";
    else if (!rows[0].IsNull(1))
        problem = rows[0].Text(1);
    return rows.empty() || !problem.empty() ? InvalidOid : static_cast<Oid>(rows[0].Int8(0));
}

// The roles whose SQL jobs are due. Jobs of roles that cannot run them fail here, since no process will be
// started for them.
std::vector<Oid> DueRoles(Moment now, bool& busy) {
    static pg::Statement statement(
        "SELECT id, pulse.role_name(runs_as, role_oid), running_since IS NOT NULL FROM pulse.job"
        " WHERE enabled AND next_run <= $1 AND runs_as IS NOT NULL ORDER BY next_run LIMIT 64",
        {TIMESTAMPTZOID});
    const pg::Result rows = statement.Execute({Value::Time(now)});
    std::vector<Oid> roles;
    for (uint64_t i = 0; i < rows.size(); ++i) {
        pg::CheckInterrupts();
        std::string problem;
        const Oid role = UsableRole(rows[i].Text(1), problem);
        if (rows[i].Bool(2)) {
            busy |= !Overlap(rows[i].Int8(0), now);
        } else if (problem.empty()) {
            if (roles.size() < static_cast<size_t>(pg::settings::max_parallel_jobs)) roles.push_back(role);
        } else if (const auto lock = pg::SessionLock::Try("job", rows[i].Int8(0))) {
            std::optional<Job> job = Reload(rows[i].Int8(0));
            busy |= !job;
            if (!job || !job->next_run || *job->next_run > now) continue;
            RunResult result;
            result.status = "failed";
            result.error_state = sqlstate::kInvalidAuthorization;
            result.error = "role \"" + *job->runs_as + "\" " + problem;
            FinishRun(*job, Begin(*job, now), result);
        } else {
            busy = true;
        }
    }
    return roles;
}

// The most overdue job that is not running.
std::optional<Claim> ClaimOne(const std::optional<std::string>& role, pg::Lane lane, bool begun, Moment now,
                              bool& busy) {
    static pg::Statement built_in(
        "SELECT id, next_run FROM pulse.job WHERE enabled AND next_run <= $1 AND runs_as IS NULL"
        " AND kind = ANY ($2) ORDER BY next_run",
        {TIMESTAMPTZOID, TEXTARRAYOID});
    static pg::Statement of_role(
        "SELECT id, next_run FROM pulse.job WHERE enabled AND next_run <= $1 "
        "AND role_oid = (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = $2) ORDER BY "
        "next_run LIMIT 16",
        {TIMESTAMPTZOID, NAMEOID});
    static pg::Statement oldest("SELECT min(next_run) FROM pulse.job WHERE enabled", {});
    const pg::Result rows =
        role ? of_role.Execute({Value::Time(now), Value::Name(*role)})
             : built_in.Execute({Value::Time(now), NamesOfKinds([&](const pg::JobKind& kind) {
                                     return pg::LaneOf(kind) == lane;
                                 })});
    for (uint64_t i = 0; i < rows.size(); ++i) {
        pg::CheckInterrupts();
        if (role && begun && i == 0 && rows[0].Time(1) - oldest.Execute({})[0].Time(0) > kFairness)
            return std::nullopt;
        const int64_t id = rows[i].Int8(0);
        std::optional<pg::SessionLock> lock = pg::SessionLock::Try("job", id);
        if (!lock) {
            busy |= !Overlap(id, now);
            continue;
        }
        std::optional<Job> job = Reload(id);
        if (!job) {
            busy = true;  // another session is changing it, or it was deleted
            continue;
        }
        if (!job->enabled || !job->next_run || *job->next_run > now) continue;
        if (job->running) {
            if (!Repair(*job)) busy |= !Overlap(id, now);
            continue;
        }
        const int64_t run = Begin(*job, now);
        return Claim{std::move(*job), run, std::move(*lock)};
    }
    return std::nullopt;
}

}  // namespace

void RunShortTransaction(const char* what, const std::function<void()>& body) {
    const pg::PlainTransactions plain;
    pg::Transaction transaction(what);
    {
        const pg::Identity identity = pg::Identity::Owner();
        pg::SetLocally("lock_timeout", pg::ShortLockTimeout().c_str());
        const pg::Session session;
        body();
    }
    transaction.Commit();
}

Look LookForWork(const std::optional<std::string>& role, pg::Lane lane, bool begun) {
    Look look;
    RunShortTransaction("pulse: looking for work", [&] {
        bool busy = false;
        if (!role) {
            RepairCrashed(lane, busy);
            PlanOnDemand(lane);
        }
        const Moment now = pg::WallClock();  // jobs planned for immediate execution are due
        if (std::optional<Claim> claim = ClaimOne(role, lane, begun, now, busy))
            look.claim.emplace(std::move(*claim));
        if (!role && lane == pg::Lane::kJobs) look.roles = DueRoles(now, busy);
        look.lanes = NextRuns();
        look.next_due = look.lanes[static_cast<size_t>(lane)];
        if (busy) look.next_due = now + kBusyPause;
        if (!role && lane == pg::Lane::kJobs && AnyPrepared())
            look.next_due = std::min(look.next_due, now + kPreparedPause);
    });
    return look;
}

}  // namespace pulse::worker
