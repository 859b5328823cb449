// The job events: checks the numbers and properties of events every hour.
#include "pulse/base/number.hpp"
#include "pulse/pg/job_kind.hpp"

namespace pulse::insight {

namespace {

RunResult RunEventsJob(bool in_worker) {
    RunResult result;
    result.rows = pg::CountCall(in_worker, "pulse: checking events", "pulse.check_events()");
    result.message = Plural(*result.rows, "live incident") + " of events";
    return result;
}

const pg::JobKind kEventsJob{.id = 10,
                             .name = "events",
                             .description = "Checks the numbers and properties of events.",
                             .schedule = "11 * * * *",
                             .run = RunEventsJob};

[[maybe_unused]] const bool event_job_registered = pg::RegisterJobKind(kEventsJob);

}  // namespace

}  // namespace pulse::insight
