// The worker that follows events and the clock: takes what is queued and what is due, settles it in short
// transactions, and builds.
#include <algorithm>

#include "pulse/base/error.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/brief.hpp"
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

constexpr int64_t kLinger = 30 * kSecond;  // stays so long without work
constexpr int64_t kSoon = 5 * kSecond;     // and for what is due so soon
constexpr int64_t kBusyPause = 50'000;     // after somebody else's lock was in the way
constexpr int64_t kEntries = 2000;         // in one transaction
constexpr int64_t kPeople = 1000;

// What is defined stays as it is, and partitions are made before rows are locked.
void Prepare() {
    pg::LockTable("definition", pg::TableLock::kShared);
    const Moment now = pg::Now();
    profile::EnsurePartitions("membership_change", now, now);
}

class Follower {
  public:
    Follower() { board_->Listen(MyDatabaseId, Lane::kPipeline); }
    ~Follower() { board_->StopListening(MyDatabaseId, Lane::kPipeline); }

    int64_t Run() {
        pg::Arena arena("pulse pipeline");
        do {
            Round();
            arena.Reset();
        } while (Stay());
        return people_;
    }

  private:
    // One short transaction as the extension's owner. False when somebody else's lock was in the way: nothing
    // has happened then.
    bool Briefly(const char* what, const std::function<void()>& body) {
        const pg::Brief brief = pg::RunBriefly(what, body);
        gone_ |= brief == pg::Brief::kGone;
        if (brief == pg::Brief::kBusy) Pause();
        return brief == pg::Brief::kDone && !gone_;
    }

    void Pause() { not_before_ = pg::WallClock() + kBusyPause; }

    void Round() {
        pg::ReloadIfAsked();
        const Moment now = pg::WallClock();
        if (board_->TakePoke(MyDatabaseId, Lane::kPipeline)) look_ = true;
        if (now >= next_due_) look_ = true;
        if (look_ && now >= not_before_) Look();
        if (gone_ || (look_ && pg::WallClock() >= not_before_)) return;
        pg::Wait(WaitTime());
    }

    void Look() {
        look_ = false;
        Settled queue, due;
        bool building = false;
        const bool done = Briefly("pulse: evaluating people", [&] {
            Prepare();
            queue = SettleQueue(kEntries);
            due = SettleDue(kPeople);
            building = AnythingToBuild();
            next_due_ = NextDue().value_or(pg::kNever);
        });
        if (gone_) return;
        if (!done) {
            look_ = true;
            return;
        }
        people_ += queue.people + due.people;
        if (queue.people + due.people > 0) idle_since_ = pg::WallClock();
        if (queue.left + due.left > 0) {
            look_ = true;
            if (queue.people + due.people == 0) Pause();
        }
        if (queue.full || due.full) look_ = true;
        if (building) {
            look_ = true;
            idle_since_ = pg::WallClock();
            Briefly("pulse: building", [] { BuildSome(kPeople); });
        }
    }

    // When to leave if nothing happens.
    Moment Leisure() const {
        const Moment until = board_->OutOfWorkers() ? INT64_MIN : idle_since_ + kLinger;
        return next_due_ < pg::WallClock() + kSoon ? std::max(until, next_due_ + kSoon) : until;
    }

    long WaitTime() const {
        const Moment now = pg::WallClock();
        Moment until = std::min(Leisure(), next_due_);
        if (look_ || board_->Poked(MyDatabaseId, Lane::kPipeline)) until = now;
        until = std::max(until, not_before_);
        return until <= now ? 0 : static_cast<long>((until - now) / 1000 + 1);
    }

    // Whether to go on. Who pokes after the last look finds nobody listening and wakes the launcher.
    bool Stay() {
        if (gone_ || !pg::settings::run_jobs) return false;
        if (look_ || pg::WallClock() < Leisure()) return true;
        return !board_->StopListening(MyDatabaseId, Lane::kPipeline);
    }

    pg::Board* board_ = pg::Board::Find();
    bool look_ = true;
    bool gone_ = false;  // the extension, or this version of it
    Moment next_due_ = pg::kNever, not_before_ = INT64_MIN;
    Moment idle_since_ = pg::WallClock();
    int64_t people_ = 0;
};

}  // namespace

int64_t FollowPipeline() {
    return Follower().Run();
}

int64_t RunPipeline() {
    const pg::Identity identity = pg::Identity::Owner();
    const pg::Session session;
    Prepare();
    int64_t people = 0;
    for (Settled settled{0, 0, true}; settled.full;) {
        pg::CheckInterrupts();
        settled = SettleQueue(kEntries);
        people += settled.people;
        if (settled.people == 0) break;
    }
    for (Settled settled{0, 0, true}; settled.full;) {
        pg::CheckInterrupts();
        settled = SettleDue(kPeople);
        people += settled.people;
        if (settled.people == 0) break;
    }
    return people;
}

}  // namespace pulse::trait
