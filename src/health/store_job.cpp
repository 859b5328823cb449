// The job health.
#include "pulse/base/number.hpp"
#include "pulse/health/store.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/source/users.hpp"

namespace pulse::health {

namespace {

Moment NextCheckDue() {
    static pg::Statement next("SELECT pulse.next_health_check()", {});
    return next.Execute({})[0].TimeOrNull(0).value_or(pg::kNever);
}

RunResult RunHealthJob(bool in_worker) {
    RunResult result;
    if (!in_worker) {
        result.rows = pg::CountCall(false, "pulse: checking tables", "pulse.check_tables(NULL, NULL)");
        return result;
    }
    // A check that could not run says so itself and becomes due again: nothing to retry.
    const CheckRound round = RunDueChecks();
    result.rows = round.checks;
    result.message = Plural(round.checks, "check") + " of " + Plural(round.tables, "table") + ", " +
                     std::to_string(round.bad) + " bad, " + std::to_string(round.skipped) + " skipped, " +
                     std::to_string(round.failed) + " failed" +
                     (round.message.empty() ? "" : ": " + round.message);
    return result;
}

void ReportChecks(pg::StatusReport& report) {
    const pg::Result checks = pg::Execute(
        "SELECT count(*), min(c.next_check_at) FROM pulse.monitor_check AS c JOIN pulse.monitor AS m "
        "ON m.id = c.monitor_id "
        "WHERE m.status = 'active' AND NOT m.replayed AND c.next_check_at <= clock_timestamp()");
    const int64_t replayed =
        pg::Execute("SELECT count(*) FROM pulse.monitor WHERE status = 'active' AND replayed")[0].Int8(0);
    if (replayed > 0)
        report.Add("replayed tables", "ok", std::to_string(replayed),
                   "They were checked only as of a past pulse.now; no job checks them. "
                   "pulse_check_tables('table') hands one over to the job.");
    report.AddQueue("overdue checks", checks[0].Int8(0), checks[0].TimeOrNull(1));
    const pg::Result failing = pg::Execute(
        "SELECT count(*), min(ARRAY[m.relation, coalesce(c.last_message, '')]) FROM pulse.monitor_check AS c "
        "JOIN pulse.monitor AS m ON m.id = c.monitor_id WHERE m.status = 'active' AND c.last_status = "
        "'error'");
    const int64_t failed = failing[0].Int8(0);
    const std::vector<std::string> first =
        failing[0].IsNull(1) ? std::vector<std::string>() : failing[0].Texts(1);
    report.Add("failing checks", failed == 0 ? "ok" : "degraded", std::to_string(failed),
               first.empty() ? "" : first[0] + ": " + report.ErrorText(first[1]));
}

const pg::JobKind kHealthJob{
    .id = 3,
    .name = "health",
    .description = "Checks the monitored tables that are due.",
    .schedule = "10 seconds",
    .retry_delay = "1 minute",
    .next_due = NextCheckDue,
    .pause_after_success = true,
    .run = RunHealthJob,
    .status = {{.order = 10, .add = ReportChecks}},
    .retention = {
        {.order = 40,
         .what = "results of checks",
         .minutes = &pg::settings::check_retention,
         .sql = "DELETE FROM pulse.check_result WHERE id = ANY (ARRAY(SELECT o.id FROM pulse.monitor_check"
                " AS c CROSS JOIN LATERAL (SELECT r.id FROM pulse.check_result AS r WHERE r.check_id = c.id"
                " AND r.at < $1) AS o LIMIT $2))"}}};

void ListTablesOfSource(const std::string& source, std::vector<std::string>& users) {
    const pg::Result rows = pg::Execute(
        "SELECT relation FROM pulse.monitor WHERE source = $1 AND status = 'active' ORDER BY relation LIMIT 10",
        {pg::Value::Text(source)}, true);
    for (uint64_t i = 0; i < rows.size(); ++i) users.push_back("table \"" + rows[i].Text(0) + "\"");
}

[[maybe_unused]] const bool job_registered =
    pg::RegisterJobKind(kHealthJob) && source::RegisterSourceUsers(ListTablesOfSource);

}  // namespace

RequestedCheck RequestCheck(const std::string& relation, const std::optional<std::string>& source) {
    const int64_t monitor = FindMonitor(relation, source);
    NoteClock({monitor}, pg::Now());
    RequestedCheck requested;
    {
        const pg::OwnerSession session;
        requested.checks = static_cast<int64_t>(
            pg::Execute(
                "UPDATE pulse.monitor_check SET next_check_at = least(next_check_at, clock_timestamp())"
                " WHERE monitor_id = $1",
                {pg::Value::Int8(monitor)})
                .processed());
        requested.no_worker = pg::WhyNoWorker(kHealthJob);
        const bool replayed =
            pg::Execute("SELECT replayed FROM pulse.monitor WHERE id = $1", {pg::Value::Int8(monitor)})[0]
                .Bool(0);
        if (replayed) requested.no_worker = "the table is replayed with a past pulse.now: no job checks it";
    }
    pg::NotifyLauncher();
    return requested;
}

}  // namespace pulse::health
