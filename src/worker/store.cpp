#include "pulse/base/random.hpp"
#include "pulse/base/suggest.hpp"
#include "pulse/worker/store.hpp"

#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/timezone.hpp"

namespace pulse::worker {

namespace {

using pg::Value;

constexpr const char* kColumns =
    "id, name, kind, coalesce(command, ''), schedule, time_zone, enabled, overlap = 'queue',"
    " (extract(epoch FROM timeout) * 1000000)::bigint, (extract(epoch FROM retry_delay) * 1000000)::bigint,"
    " (extract(epoch FROM jitter) * 1000000)::bigint, max_retries, "
    "pulse.role_name(runs_as, role_oid), anchor, next_run, "
    "scheduled_for, attempt,"
    " running_since IS NOT NULL";

}  // namespace

Job ReadJob(const pg::Row& row) {
    Job job;
    job.id = row.Int8(0);
    job.name = row.Text(1);
    job.kind = row.Text(2);
    job.built_in_kind = pg::FindJobKind(job.kind);
    job.command = row.Text(3);
    job.schedule = row.Text(4);
    job.time_zone = row.Text(5);
    job.enabled = row.Bool(6);
    job.queue = row.Bool(7);
    job.timeout = row.Int8(8);
    job.retry_delay = row.Int8(9);
    job.jitter = row.Int8(10);
    job.max_retries = row.Int4(11);
    job.runs_as = row.TextOrNull(12);
    job.anchor = row.Time(13);
    job.next_run = row.TimeOrNull(14);
    job.scheduled_for = row.TimeOrNull(15);
    job.attempt = row.Int4(16);
    job.running = row.Bool(17);
    return job;
}

std::string SelectJobs(const std::string& rest) {
    return std::string("SELECT ") + kColumns + " FROM pulse.job " + rest;
}

Caller WhoCalls() {
    return {pg::CallerName(), pg::Call([] { return superuser(); })};
}

std::optional<Job> Find(const std::string& name) {
    static const std::string sql = SelectJobs("WHERE name = $1 FOR NO KEY UPDATE");
    const pg::Result rows = pg::Execute(sql, {Value::Text(name)});
    return rows.empty() ? std::nullopt : std::optional(ReadJob(rows[0]));
}

Job Load(const std::string& name) {
    if (std::optional<Job> job = Find(name)) return *job;
    const pg::Result known = pg::Execute("SELECT array_agg(name ORDER BY id) FROM pulse.job");
    throw UserError(sqlstate::kUndefinedObject, "job \"" + name + "\" does not exist", "",
                    known[0].IsNull(0) ? "There are no jobs." : SuggestName(name, known[0].Texts(0), "Jobs"));
}

std::vector<Job> LoadAll() {
    const pg::Result rows = pg::Execute(SelectJobs("ORDER BY id LIMIT 1000"), {}, true);
    std::vector<Job> jobs;
    for (uint64_t i = 0; i < rows.size(); ++i) jobs.push_back(ReadJob(rows[i]));
    return jobs;
}

Moment NextRun(const Job& job, Moment after) {
    // PlanOnDemand() sets the time.
    if (job.built_in_kind && job.built_in_kind->next_due) return kForEver;
    const pg::TimeZone zone(job.time_zone);
    const Moment next = Schedule::Parse(job.schedule).Next(after, job.anchor, [&](Moment moment) {
        return zone.OffsetAt(moment);
    });
    return next + static_cast<int64_t>(RandomFraction() * static_cast<double>(job.jitter));
}

int64_t BeginRun(const Job& job, std::optional<Moment> scheduled_for, Moment started) {
    static pg::Statement statement(
        "INSERT INTO pulse.job_run (job_id, attempt, scheduled_for, started_at, status, pid)"
        " VALUES ($1, $2, $3, $4, 'running', pg_backend_pid()) RETURNING id",
        {INT8OID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID});
    return statement
        .Execute({Value::Int8(job.id), Value::Int4(job.attempt), Value::Time(scheduled_for),
                  Value::Time(started)})[0]
        .Int8(0);
}

bool EndRun(int64_t run, const RunResult& result) {
    static pg::Statement finish(
        "UPDATE pulse.job_run SET finished_at = clock_timestamp(), status = $2, rows = $3, message = $4, "
        "error_state = $5,"
        " error = $6 WHERE id = $1 AND status = 'running'",
        {INT8OID, TEXTOID, INT8OID, TEXTOID, TEXTOID, TEXTOID});
    return finish
               .Execute({Value::Int8(run), Value::Text(result.status), Value::Int8(result.rows),
                         Value::Text(result.message), Value::Text(result.error_state),
                         Value::Text(result.error)})
               .processed() > 0;
}

void SettleJob(const Job& job, const std::string& status) {
    // The plan may have been changed while it ran: a retry only ever comes earlier than the next time
    // planned.
    static pg::Statement settle(
        "UPDATE pulse.job SET running_since = NULL, last_run_at = clock_timestamp(), last_status = $2,"
        " attempt = CASE WHEN $3 < next_run AND NOT queued THEN attempt ELSE 0 END,"
        " next_run = CASE WHEN queued THEN least(next_run, clock_timestamp()) ELSE least(next_run, $3) END,"
        " queued = false WHERE id = $1",
        {INT8OID, TEXTOID, TIMESTAMPTZOID});
    RunResult result;
    result.status = status;
    settle.Execute({Value::Int8(job.id), Value::Text(status),
                    Value::Time(RetryAt(job, result, pg::WallClock(), RandomFraction()))});
}

void FinishRun(const Job& job, int64_t run, const RunResult& result) {
    if (EndRun(run, result)) SettleJob(job, result.status);
}

int64_t WriteRun(const Job& job, Moment started, const RunResult& result) {
    const int64_t run =
        pg::Execute(
            "INSERT INTO pulse.job_run (job_id, attempt, started_at, finished_at, status, rows, message, "
            "error_state, error, pid)"
            " VALUES ($1, 1, $2, clock_timestamp(), $3, $4, $5, $6, $7, pg_backend_pid()) RETURNING id",
            {Value::Int8(job.id), Value::Time(started), Value::Text(result.status), Value::Int8(result.rows),
             Value::Text(result.message), Value::Text(result.error_state), Value::Text(result.error)})[0]
            .Int8(0);
    pg::Execute("UPDATE pulse.job SET last_run_at = clock_timestamp(), last_status = $2 WHERE id = $1",
                {Value::Int8(job.id), Value::Text(result.status)});
    return run;
}

}  // namespace pulse::worker
