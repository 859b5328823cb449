// The sealing worker: what has been written since its last look becomes one batch, so that a flush per commit
// limits nobody who writes.
#include "pulse/audit/store_chain.hpp"
#include "pulse/audit/store_job.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/lane_worker.hpp"

namespace pulse::audit {

namespace {

constexpr int64_t kBusyPause = 50'000;     // after another session's lock was in the way
constexpr int64_t kBetween = kSecond / 4;  // batches collect for so long

class SealWorker : private pg::LaneWorker {
  public:
    SealWorker() : LaneWorker(kSealJob, kBusyPause) {}

    int64_t Run() {
        Loop();
        return rows_;
    }

  private:
    void RunOnce() override {
        pg::ReloadIfAsked();
        if (pg::WallClock() >= not_before_) {
            if (TakeNotification() || pg::WallClock() >= next_due_) work_pending_ = true;
            if (work_pending_) SealOnce();
        }
        if (!gone_) WaitForWork();
    }

    void SealOnce() {
        work_pending_ = false;
        Sealed sealed;
        Moment next = pg::kNever;
        const bool done = RunShortTransaction("pulse: sealing the audit log", [&] {
            if (LockChain(false)) {
                sealed = SealBatch();
                if (!sealed.more) WriteCheckpoint(true);
            }
            next = NextSealing().value_or(pg::kNever);
        });
        if (!done) {
            work_pending_ = true;
            return;
        }
        rows_ += sealed.rows;
        if (sealed.rows > 0) idle_since_ = pg::WallClock();
        next_due_ = next;
        work_pending_ = sealed.more;
        if (!sealed.more) not_before_ = pg::WallClock() + kBetween;
    }

    bool WorkPending() const override { return work_pending_; }
    Moment NextDue() const override { return next_due_; }

    bool work_pending_ = true;
    Moment next_due_ = pg::kNever;
    int64_t rows_ = 0;
};

}  // namespace

int64_t RunSealWorker() {
    return SealWorker().Run();
}

}  // namespace pulse::audit
