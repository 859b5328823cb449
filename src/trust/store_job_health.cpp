// The job signal_health: keeps the scores of all and of what decisions ask for.
#include "pulse/base/number.hpp"
#include "pulse/pg/job_kind.hpp"

namespace pulse::trust {

namespace {

RunResult RunHealthScores(bool in_worker) {
    RunResult result;
    result.rows =
        pg::CountCall(in_worker, "pulse: computing signal health", "pulse.update_all_signal_health()");
    result.message = Plural(*result.rows, "scope");
    return result;
}

const pg::JobKind kSignalHealthJob{
    .id = 13,
    .name = "signal_health",
    .description = "Computes the health of signals, of all and of what decisions ask for.",
    .schedule = "5 minutes",
    .retry_delay = "1 minute",
    .run = RunHealthScores};

[[maybe_unused]] const bool signal_health_job_registered = pg::RegisterJobKind(kSignalHealthJob);

}  // namespace

}  // namespace pulse::trust
