// Waking the pipeline worker: for queued people, builds, and the first instant at which a membership can
// change.
#include <algorithm>

#include "pulse/pg/background.hpp"
#include "pulse/pg/jsonb.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/trait/store_job.hpp"
#include "pulse/trait/store_pipeline.hpp"

namespace pulse::trait {

namespace {

Moment told = pg::kHoldsForEver;     // the instant that this process has told the pipeline
Moment telling = pg::kHoldsForEver;  // the same, if the open transaction commits

void OnTransactionEnd(bool committed) {
    const Moment first = std::exchange(telling, pg::kHoldsForEver);
    if (committed && first != pg::kHoldsForEver) told = first;
}

}  // namespace

void WakePipeline() {
    pg::WakeWorker(kPipelineJob);
}

void WakePipelineAt(const std::vector<Moment>& next_changes) {
    if (next_changes.empty()) return;
    const Moment first = *std::min_element(next_changes.begin(), next_changes.end());
    if (first == pg::kHoldsForEver) return;
    if (telling == pg::kHoldsForEver && first >= told && told > pg::WallClock()) return;
    static bool registered = false;
    if (!std::exchange(registered, true)) pg::WhenTransactionEnds(OnTransactionEnd);
    WakePipeline();
    // What a subtransaction wrote may be rolled back: the pipeline would not find it.
    if (!pg::InSubtransaction()) telling = std::min(telling, first);
}

}  // namespace pulse::trait
