// The job signal_health: keeps the scores of all and of what decisions ask for.
#include "pulse/base/number.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/trust/store_signal_query.hpp"

namespace pulse::trust {

namespace {

// Nothing while nobody has recorded a signal or asked for a decision: an idle database costs nothing.
Moment NextHealthDue() {
    static pg::Statement used(
        "SELECT EXISTS (SELECT FROM pulse.signal_health_state) OR EXISTS (SELECT FROM pulse.signal_series)"
        " OR EXISTS (SELECT FROM pulse.signal_query)",
        {});
    return used.Execute({})[0].Bool(0) ? pg::kAtOnce : pg::kNever;
}

RunResult RunHealthScores(bool in_worker) {
    RunResult result;
    const int64_t queries = RunDueSignalQueries(in_worker);
    result.rows =
        pg::CountCall(in_worker, "pulse: computing signal health", "pulse.update_all_signal_health()");
    result.message = Plural(*result.rows, "scope") +
                     (queries > 0 ? ", " + std::to_string(queries) + " queries of signals" : "");
    return result;
}

// What the score of all is, and what the gate has refused. An unknown score is no fault of Pulse.
void ReportTrust(pg::StatusReport& report) {
    const pg::Result all = pg::Execute(
        "SELECT status, coalesce(round(score::numeric, 2)::text, ''), coalesce(issues[1], '') FROM"
        " pulse.signal_health_state WHERE scope = 'all'");
    if (!all.empty()) {
        const std::string status = all[0].Text(0), score = all[0].Text(1);
        report.Add("signal health", status == "unhealthy" ? "degraded" : "ok",
                   status + (score.empty() || status == "unknown" ? "" : ", " + score), all[0].Text(2));
    }
    const pg::Result failing =
        pg::Execute("SELECT count(*), min(scope) FROM pulse.signal_health_state WHERE error IS NOT NULL");
    if (failing[0].Int8(0) > 0)
        report.Add("failing scopes", "degraded", std::to_string(failing[0].Int8(0)), failing[0].Text(1));
    const pg::Result refused = pg::Execute(
        "SELECT count(*) FILTER (WHERE decision = 'hold'), count(*) FILTER (WHERE decision = 'block') FROM"
        " (SELECT decision FROM pulse.gate_decision WHERE decision <> 'pass' AND recorded_at >"
        " clock_timestamp() - interval '1 day' LIMIT 10000) AS d");
    if (refused[0].Int8(0) + refused[0].Int8(1) > 0)
        report.Add(
            "gate", "ok",
            std::to_string(refused[0].Int8(0)) + " held, " + std::to_string(refused[0].Int8(1)) + " blocked",
            "in the last 24 hours");
    const pg::Result frozen = pg::Execute("SELECT coalesce(reason, '') FROM pulse.freeze WHERE frozen");
    if (!frozen.empty()) report.Add("freeze", "degraded", "frozen", frozen[0].Text(0));
}

const pg::JobKind kSignalHealthJob{
    .id = 13,
    .name = "signal_health",
    .description = "Computes the health of signals, of all and of what decisions ask for.",
    .schedule = "1 minute",
    .retry_delay = "1 minute",
    .next_due = NextHealthDue,
    .pause_after_success = true,
    .run = RunHealthScores,
    .status = {{.order = 65, .add = ReportTrust}}};

[[maybe_unused]] const bool signal_health_job_registered = pg::RegisterJobKind(kSignalHealthJob);

}  // namespace

}  // namespace pulse::trust
