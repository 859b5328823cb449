// The pipeline worker: evaluates queued and due people in short transactions, and builds definitions.
#include "pulse/base/error.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/lane_worker.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/relation_lock.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/profile/store_partition.hpp"
#include "pulse/trait/store_build.hpp"
#include "pulse/trait/store_job.hpp"
#include "pulse/trait/store_pipeline.hpp"
#include "pulse/trait/store_queue.hpp"

namespace pulse::trait {

namespace {

constexpr int64_t kBusyPause = 50'000;  // after another session's lock was in the way
constexpr int64_t kQueueBatch = 2000;   // per transaction
constexpr int64_t kDueBatch = 1000;

// Lock definitions, and create partitions before rows are locked.
void Prepare() {
    pg::LockTable("definition", pg::TableLock::kShared);
    const Moment now = pg::Now();
    profile::EnsurePartitions("membership_change", now, now);
}

class PipelineWorker : private pg::LaneWorker {
  public:
    PipelineWorker() : LaneWorker(kPipelineJob, kBusyPause) {}

    int64_t Run() {
        Loop();
        return people_;
    }

  private:
    void RunOnce() override {
        pg::ReloadIfAsked();
        const Moment now = pg::WallClock();
        if (TakeNotification()) work_pending_ = true;
        if (now >= next_due_) work_pending_ = true;
        if (work_pending_ && now >= not_before_) ProcessOnce();
        if (gone_ || (work_pending_ && pg::WallClock() >= not_before_)) return;
        WaitForWork();
    }

    void ProcessOnce() {
        work_pending_ = false;
        BatchResult queue, due;
        bool building = false;
        const bool done = RunShortTransaction("pulse: evaluating people", [&] {
            Prepare();
            queue = ProcessQueue(kQueueBatch);
            due = ProcessDue(kDueBatch);
            building = NeedsBuild();
            next_due_ = trait::NextDue().value_or(pg::kNever);
        });
        if (gone_) return;
        if (!done) {
            work_pending_ = true;
            return;
        }
        people_ += queue.people + due.people;
        if (queue.people + due.people > 0) idle_since_ = pg::WallClock();
        if (queue.skipped + due.skipped > 0) {
            work_pending_ = true;
            if (queue.people + due.people == 0) Pause();
        }
        if (queue.full || due.full) work_pending_ = true;
        if (building) {
            work_pending_ = true;
            idle_since_ = pg::WallClock();
            RunShortTransaction("pulse: building", [] { RunBuildStep(kDueBatch); });
        }
    }

    bool WorkPending() const override { return work_pending_; }
    Moment NextDue() const override { return next_due_; }

    bool work_pending_ = true;
    Moment next_due_ = pg::kNever;
    int64_t people_ = 0;
};

}  // namespace

int64_t RunPipelineWorker() {
    return PipelineWorker().Run();
}

int64_t RunPipeline() {
    const pg::OwnerSession session;
    Prepare();
    int64_t people = 0;
    for (BatchResult result{0, 0, true}; result.full;) {
        pg::CheckInterrupts();
        result = ProcessQueue(kQueueBatch);
        people += result.people;
        if (result.people == 0) break;
    }
    for (BatchResult result{0, 0, true}; result.full;) {
        pg::CheckInterrupts();
        result = ProcessDue(kDueBatch);
        people += result.people;
        if (result.people == 0) break;
    }
    return people;
}

}  // namespace pulse::trait
