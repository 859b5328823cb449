// The pipeline worker: evaluates queued and due people in short transactions, and builds definitions.
#include <algorithm>

#include "pulse/base/error.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/short_transaction.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/relation_lock.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/pg/wait.hpp"
#include "pulse/profile/store_partition.hpp"
#include "pulse/trait/store_build.hpp"
#include "pulse/trait/store_pipeline.hpp"
#include "pulse/trait/store_queue.hpp"

namespace pulse::trait {

namespace {

using pg::Lane;

constexpr int64_t kIdleTimeout = 30 * kSecond;  // waits this long without work
constexpr int64_t kSoon = 5 * kSecond;          // and this long for work that is due soon
constexpr int64_t kBusyPause = 50'000;          // after another session's lock was in the way
constexpr int64_t kQueueBatch = 2000;           // per transaction
constexpr int64_t kDueBatch = 1000;

// Lock definitions, and create partitions before rows are locked.
void Prepare() {
    pg::LockTable("definition", pg::TableLock::kShared);
    const Moment now = pg::Now();
    profile::EnsurePartitions("membership_change", now, now);
}

class PipelineWorker {
  public:
    PipelineWorker() { scheduler_->Listen(MyDatabaseId, Lane::kPipeline); }
    ~PipelineWorker() { scheduler_->StopListening(MyDatabaseId, Lane::kPipeline); }

    int64_t Run() {
        pg::Arena arena("pulse pipeline");
        do {
            RunOnce();
            arena.Reset();
        } while (ShouldContinue());
        return people_;
    }

  private:
    // Run one short transaction as the extension's owner. Returns false, with nothing done, if another
    // session's lock was in the way.
    bool InShortTransaction(const char* what, const std::function<void()>& body) {
        const pg::ShortTransaction result = pg::RunShortTransaction(what, body);
        gone_ |= result == pg::ShortTransaction::kExtensionGone;
        if (result == pg::ShortTransaction::kBusy) Pause();
        return result == pg::ShortTransaction::kDone && !gone_;
    }

    void Pause() { not_before_ = pg::WallClock() + kBusyPause; }

    void RunOnce() {
        pg::ReloadIfAsked();
        const Moment now = pg::WallClock();
        if (scheduler_->TakeNotification(MyDatabaseId, Lane::kPipeline)) work_pending_ = true;
        if (now >= next_due_) work_pending_ = true;
        if (work_pending_ && now >= not_before_) ProcessOnce();
        if (gone_ || (work_pending_ && pg::WallClock() >= not_before_)) return;
        pg::Wait(WaitTime());
    }

    void ProcessOnce() {
        work_pending_ = false;
        BatchResult queue, due;
        bool building = false;
        const bool done = InShortTransaction("pulse: evaluating people", [&] {
            Prepare();
            queue = ProcessQueue(kQueueBatch);
            due = ProcessDue(kDueBatch);
            building = NeedsBuild();
            next_due_ = NextDue().value_or(pg::kNever);
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
            InShortTransaction("pulse: building", [] { RunBuildStep(kDueBatch); });
        }
    }

    // When to exit if nothing happens.
    Moment IdleDeadline() const {
        const Moment until = scheduler_->OutOfWorkers() ? INT64_MIN : idle_since_ + kIdleTimeout;
        return next_due_ < pg::WallClock() + kSoon ? std::max(until, next_due_ + kSoon) : until;
    }

    long WaitTime() const {
        const Moment now = pg::WallClock();
        Moment until = std::min(IdleDeadline(), next_due_);
        if (work_pending_ || scheduler_->Notified(MyDatabaseId, Lane::kPipeline)) until = now;
        until = std::max(until, not_before_);
        return until <= now ? 0 : static_cast<long>((until - now) / 1000 + 1);
    }

    // Whether to continue. A notification after StopListening() wakes the launcher instead.
    bool ShouldContinue() {
        if (gone_ || !pg::settings::run_jobs) return false;
        if (work_pending_ || pg::WallClock() < IdleDeadline()) return true;
        return !scheduler_->StopListening(MyDatabaseId, Lane::kPipeline);
    }

    pg::SchedulerState* scheduler_ = pg::SchedulerState::Find();
    bool work_pending_ = true;
    bool gone_ = false;  // the extension, or this version of it
    Moment next_due_ = pg::kNever, not_before_ = INT64_MIN;
    Moment idle_since_ = pg::WallClock();
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
