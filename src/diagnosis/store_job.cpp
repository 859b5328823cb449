// The jobs drift and investigations.
#include "pulse/diagnosis/store_job.hpp"

#include "pulse/diagnosis/store_agent.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/snapshot/listener.hpp"

namespace pulse::diagnosis {

namespace {

// The diagnosis is a transaction of its own: findings stay if their explanation fails.
RunResult RunDriftJob(bool in_worker) {
    RunResult result;
    result.rows = pg::CountCall(in_worker, "pulse: checking drift", "pulse.check_drift(NULL)");
    const int64_t diagnosed =
        pg::CountCall(in_worker, "pulse: diagnosing incidents", "pulse.diagnose_incidents()");
    result.message = std::to_string(*result.rows) + " findings, " + std::to_string(diagnosed) +
                     " live incidents diagnosed";
    return result;
}

// Somebody asked for a snapshot and a check of its segment.
void CheckRequested(const std::string& segment, bool in_worker) {
    pg::CountCall(in_worker, "pulse: checking drift", "pulse.check_drift(" + pg::QuoteLiteral(segment) + ")");
    pg::CountCall(in_worker, "pulse: diagnosing incidents", "pulse.diagnose_incidents()");
}

void ReportUndiagnosed(pg::StatusReport& report) {
    const pg::Result incidents = pg::Execute(
        "SELECT count(*) FROM pulse.incident_record WHERE status IN ('open', 'acknowledged')"
        " AND diagnosis IS NULL");
    report.Add("undiagnosed incidents", "ok", std::to_string(incidents[0].Int8(0)));
}

Moment NextInvestigationDue() {
    static pg::Statement next(
        "SELECT min(next_try_at) FROM pulse.investigation WHERE status IN ('queued', 'running')", {});
    return next.Execute({})[0].TimeOrNull(0).value_or(pg::kNever);
}

RunResult RunInvestigationsJob(bool) {
    InvestigationRun run = Investigate();
    RunResult result;
    result.rows = run.done;
    result.message = std::move(run.message);
    return result;
}

void ReportInvestigations(pg::StatusReport& report) {
    const pg::Result open =
        pg::Execute("SELECT count(*) FROM pulse.investigation WHERE status IN ('queued', 'running')");
    report.Add("investigations", "ok", std::to_string(open[0].Int8(0)));
}

const pg::JobKind kDriftJob{.id = 2,
                            .name = "drift",
                            .description = "Checks new snapshots for drift and diagnoses what it finds.",
                            .schedule = "0 3 * * *",
                            .run = RunDriftJob,
                            .status = {{.order = 20, .add = ReportUndiagnosed}}};

}  // namespace

const pg::JobKind kInvestigationsJob{
    .id = 6,
    .name = "investigations",
    .description = "Lets a language model look into incidents.",
    .schedule = "5 seconds",
    .timeout = "0",
    .max_retries = 0,
    .retry_delay = "0",
    .own_process = true,
    .next_due = NextInvestigationDue,
    .runs_in_session = false,
    .run = RunInvestigationsJob,
    .status = {{.order = 50, .add = ReportInvestigations}},
    .retention = {{.order = 80,
                   .what = "investigations",
                   .minutes = &pg::settings::message_retention,
                   .sql = "DELETE FROM pulse.investigation WHERE id = ANY (ARRAY(SELECT n.id"
                          " FROM pulse.investigation AS n WHERE n.created_at < $1"
                          " AND n.status NOT IN ('queued', 'running') ORDER BY n.created_at LIMIT $2))"}}};

namespace {

[[maybe_unused]] const bool jobs_registered = pg::RegisterJobKind(kDriftJob) &&
                                              pg::RegisterJobKind(kInvestigationsJob) &&
                                              snapshot::ListenToRequests(CheckRequested);

}  // namespace

}  // namespace pulse::diagnosis
