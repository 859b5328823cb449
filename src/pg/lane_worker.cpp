#include "pulse/pg/lane_worker.hpp"

#include <algorithm>

#include "pulse/pg/background.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/short_transaction.hpp"
#include "pulse/pg/wait.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace pulse::pg {

namespace {

constexpr int64_t kLinger = 30 * kSecond;  // without work
constexpr int64_t kSoon = 5 * kSecond;     // and for what is due so soon

}  // namespace

LaneWorker::LaneWorker(const JobKind& kind, int64_t busy_pause)
    : idle_since_(WallClock()), kind_(kind), busy_pause_(busy_pause) {
    scheduler_->Listen(MyDatabaseId, LaneOf(kind_));
}

LaneWorker::~LaneWorker() {
    scheduler_->StopListening(MyDatabaseId, LaneOf(kind_));
}

void LaneWorker::Loop() {
    Arena arena("pulse job");
    do {
        RunOnce();
        arena.Reset();
    } while (ShouldContinue());
}

// Who wakes us after the last look finds nobody listening and wakes the launcher.
bool LaneWorker::ShouldContinue() {
    if (gone_) return false;
    if (Unfinished()) return true;
    if (!settings::run_jobs || (kind_.enabled && !*kind_.enabled)) return false;
    if (WorkPending() || WallClock() < IdleDeadline()) return true;
    return !scheduler_->StopListening(MyDatabaseId, LaneOf(kind_));
}

bool LaneWorker::RunShortTransaction(const char* what, const std::function<void()>& body) {
    const ShortTransaction result = pg::RunShortTransaction(what, body);
    gone_ |= result == ShortTransaction::kExtensionGone;
    if (result == ShortTransaction::kBusy) Pause();
    return result == ShortTransaction::kDone && !gone_;
}

void LaneWorker::Pause() {
    not_before_ = WallClock() + busy_pause_;
}

bool LaneWorker::Notified() const {
    return scheduler_->Notified(MyDatabaseId, LaneOf(kind_));
}

bool LaneWorker::TakeNotification() {
    return scheduler_->TakeNotification(MyDatabaseId, LaneOf(kind_));
}

Moment LaneWorker::IdleDeadline() const {
    const Moment until = scheduler_->OutOfWorkers() ? kAtOnce : idle_since_ + kLinger;
    const Moment due = NextDue();
    return due < WallClock() + kSoon ? std::max(until, due + kSoon) : until;
}

void LaneWorker::WaitForWork() const {
    const Moment now = WallClock();
    Moment until = WorkPending() || Notified() ? now : std::min(IdleDeadline(), NextDue());
    until = std::max(until, not_before_);
    Wait(until <= now ? 0 : static_cast<long>((until - now) / 1000 + 1));
}

}  // namespace pulse::pg
