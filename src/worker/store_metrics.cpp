// What pulse_metrics() says of jobs and workers.
#include "pulse/pg/background.hpp"
#include "pulse/pg/metric_report.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::worker {

namespace {

// Each of the first jobs with its newest 100 runs.
constexpr const char* kJobs =
    "SELECT j.name, j.enabled::int::float8, extract(epoch FROM w.last_ok)::float8, w.failures::float8,"
    " extract(epoch FROM w.last_duration)::float8"
    " FROM (SELECT id, name, enabled FROM pulse.job ORDER BY id LIMIT $1) AS j"
    " CROSS JOIN LATERAL (SELECT max(r.finished_at) FILTER (WHERE r.status = 'ok') AS last_ok,"
    " count(*) FILTER (WHERE r.status IN ('failed', 'timed out', 'crashed') AND r.id > coalesce(r.ok_id, 0)) AS failures,"
    " (array_agg(r.finished_at - r.started_at ORDER BY r.id DESC) FILTER (WHERE r.finished_at IS NOT NULL))[1] AS last_duration"
    " FROM (SELECT n.*, max(n.id) FILTER (WHERE n.status = 'ok') OVER () AS ok_id"
    " FROM (SELECT o.id, o.status, o.started_at, o.finished_at FROM pulse.job_run AS o WHERE o.job_id = j.id"
    " ORDER BY o.id DESC LIMIT 100) AS n) AS r) AS w ORDER BY j.id";

void ReportJobs(pg::MetricReport& report) {
    const pg::Result rows = pg::Execute(kJobs, {pg::Value::Int8(pg::settings::metrics_limit)}, true);
    report.Family(MetricType::kGauge, "pulse_job_enabled", "Whether a job runs by its schedule.");
    report.AddRows(rows, {"job_name"}, 1);
    report.Family(MetricType::kGauge, "pulse_job_last_success_timestamp_seconds",
                  "When the last run of a job that succeeded ended, of its newest 100 runs.", "seconds");
    report.AddRows(rows, {"job_name"}, 2);
    report.Family(MetricType::kGauge, "pulse_job_failures",
                  "Runs of a job that failed since the last one that succeeded, of its newest 100 runs.");
    report.AddRows(rows, {"job_name"}, 3);
    report.Family(MetricType::kGauge, "pulse_job_last_duration_seconds", "Duration of the last run of a job.",
                  "seconds");
    report.AddRows(rows, {"job_name"}, 4);
    report.Family(MetricType::kGauge, "pulse_jobs_overdue", "Jobs that are due and do not run yet.");
    report.AddRows(
        pg::Execute("SELECT count(*)::float8 FROM pulse.job WHERE enabled AND next_run <= clock_timestamp()"
                    " AND running_since IS NULL",
                    {}, true),
        {});
}

void ReportWorkers(pg::MetricReport& report) {
    report.Family(MetricType::kGauge, "pulse_workers", "Worker processes of this database.");
    report.Add(pg::CountWorkers(MyDatabaseId));
    report.Family(MetricType::kGauge, "pulse_launcher_running",
                  "Whether the launcher of the workers runs; not on a standby.");
    report.Add(pg::FindLauncher() != 0 ? 1 : 0);
}

[[maybe_unused]] const bool job_metrics_registered = pg::RegisterMetrics(90, ReportJobs);
[[maybe_unused]] const bool worker_metrics_registered = pg::RegisterMetrics(95, ReportWorkers);

}  // namespace

}  // namespace pulse::worker
