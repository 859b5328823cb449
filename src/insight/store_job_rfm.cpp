// The job rfm: computes quintiles again.
#include "pulse/insight/store_rfm.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/transaction.hpp"

namespace pulse::insight {

namespace {

RunResult RunRfmJob(bool in_worker) {
    RunResult result;
    bool changed = false;
    if (in_worker) {
        pg::Transaction transaction("pulse: computing quintiles");
        {
            const pg::Identity identity = pg::Identity::Owner();
            changed = RefreshRfm();
        }
        transaction.Commit();
    } else {
        changed = RefreshRfm();
    }
    result.rows = changed ? 1 : 0;
    result.message = changed ? "new quintiles" : "the cuts stay";
    return result;
}

const pg::JobKind kRfmJob{.id = 11,
                          .name = "rfm",
                          .description = "Computes the quintiles of RFM again, where they are switched on.",
                          .schedule = "1 hour",
                          .next_due = [] { return RfmDue().value_or(pg::kNever); },
                          .run = RunRfmJob};

[[maybe_unused]] const bool job_registered = pg::RegisterJobKind(kRfmJob);

}  // namespace

}  // namespace pulse::insight
