// Waking the pipeline worker: for queued people, builds, and the first instant at which a membership can
// change.
#include <algorithm>

#include "pulse/pg/background.hpp"
#include "pulse/pg/jsonb.hpp"
#include "pulse/pg/xact_status.hpp"
#include "pulse/trait/store_job.hpp"
#include "pulse/trait/store_pipeline.hpp"

namespace pulse::trait {

void WakePipeline() {
    pg::WakeWorker(kPipelineJob);
}

void WakePipelineAt(const std::vector<Moment>& next_changes) {
    static Moment notified = pg::kHoldsForEver;
    static uint32_t notifier = 0;  // the transaction that notified
    if (next_changes.empty()) return;
    const Moment first = *std::min_element(next_changes.begin(), next_changes.end());
    if (first == pg::kHoldsForEver) return;
    if (first >= notified && notified > pg::WallClock() && pg::IsCommittedOrCurrent(notifier)) return;
    notified = first;
    notifier = pg::CurrentTransactionId();
    WakePipeline();
}

}  // namespace pulse::trait
