// Routes of jobs and their runs.
#include "pulse/web/routes.hpp"

namespace pulse::web {

namespace {

constexpr Parameter kJobName{"name", In::kPath};

#define PULSE_JOB                                                                                            \
    "json_build_object('name', j.name, 'kind', j.kind, 'description', j.description, 'command', j.command, " \
    "'schedule', j.schedule, 'timeZone', j.time_zone, 'enabled', j.enabled, 'onDemand', j.next_run = "       \
    "'infinity', 'nextRun', nullif(j.next_run, 'infinity'), 'lastRunAt', j.last_run_at, 'lastStatus', "      \
    "j.last_status, 'runningSince', j.running_since, 'attempt', j.attempt, 'timeout', j.timeout::text, "     \
    "'maxRetries', j.max_retries, 'retryDelay', j.retry_delay::text, 'overlap', j.overlap, 'runsAs', "       \
    "pulse.role_name(j.runs_as, j.role_oid))"
#define PULSE_JOB_RUN                                                                                            \
    "json_build_object('id', r.id::text, 'job', j.name, 'attempt', r.attempt, 'scheduledFor', r.scheduled_for, " \
    "'startedAt', r.started_at, 'finishedAt', r.finished_at, 'seconds', extract(epoch FROM r.finished_at - "     \
    "r.started_at)::float8, 'status', r.status, 'rows', r.rows, 'message', r.message, 'errorState', "            \
    "r.error_state, 'error', r.error)"

constexpr std::string_view kOneJob = "SELECT json_build_object('asOf', {v}.pulse_now(), 'job', " PULSE_JOB
                                     ") FROM pulse.job AS j WHERE j.name = $1::text";

}  // namespace

std::vector<Route> JobRoutes() {
    return {
        PulseRoute(
            "GET", "/v1/jobs", Access::kRead, "A page of jobs by name, with their schedule and last run",
            PULSE_PAGE_BY_NAME("jobs", "j.name", PULSE_JOB, "pulse.job AS j"), {kAfterName, kNamesOfPage}),
        PulseRoute("GET", "/v1/jobs/{name}", Access::kRead, "One job", kOneJob, {kJobName}),
        PulseRoute(
            "GET", "/v1/jobs/{name}/runs", Access::kRead, "A page of the runs of a job, the newest first",
            "SELECT (SELECT json_build_object('asOf', {v}.pulse_now(), 'runs', coalesce(json_agg(" PULSE_JOB_RUN
            " ORDER BY r.id DESC), '[]'), 'next', CASE WHEN count(*) = $3::bigint THEN min(r.id)::text END) "
            "FROM (SELECT * FROM pulse.job_run AS n WHERE (n.job_id, n.id) < (j.id, coalesce($2::bigint, 9223372036854775807)) AND n.job_id >= j.id "
            "ORDER BY n.job_id DESC, n.id DESC LIMIT $3::bigint) AS r) FROM pulse.job AS j WHERE j.name = $1::text",
            {kJobName, kBeforeId, kRowsOfPage}),
        PulseRoute(
            "GET", "/v1/job-failures", Access::kRead,
            "A page of the runs of all jobs that failed, the newest first",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'runs', coalesce(json_agg(" PULSE_JOB_RUN
            " ORDER BY r.id DESC), '[]'), 'next', CASE WHEN count(*) = $2::bigint THEN min(r.id)::text END) FROM "
            "(SELECT * FROM pulse.job_run AS n WHERE n.status IN ('failed', 'timed out', 'crashed') AND n.id < coalesce($1::bigint, 9223372036854775807) "
            "ORDER BY n.id DESC LIMIT $2::bigint) AS r JOIN pulse.job AS j ON j.id = r.job_id",
            {kBeforeId, kRowsOfPage}),
        PulseRoute(
            "POST", "/v1/jobs/{name}/run", Access::kAdmin,
            "Runs a job now, in the transaction of this request, and returns the result",
            "SELECT json_build_object('asOf', {v}.pulse_now(), 'run', r.run::text, 'status', r.status, "
            "'rows', r.rows, 'milliseconds', "
            "r.duration_ms, 'message', r.message, 'error', r.error) FROM {v}.pulse_run_job($1::text) AS r",
            {kJobName}),
        PulseRoute(
            "PATCH", "/v1/jobs/{name}", Access::kAdmin,
            "Switches a job on or off, or gives it another schedule",
            "SELECT $1::text, {v}.pulse_schedule($1::text, $3::text, NULL::text, NULL::text, $2::boolean, NULL::text, NULL::interval, NULL::bigint, "
            "NULL::interval, NULL::interval) FROM pulse.job AS j WHERE j.name = $1::text",
            {kJobName, {.name = "enabled", .in = In::kBody, .type = Type::kBoolean}, {"schedule", In::kBody}},
            kOneJob),
    };
}

}  // namespace pulse::web
