// The loop of the worker of syncs, and what it claims.
#include "worker_sync.hpp"

#include <algorithm>

#include "pulse/audience/store_alarm.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"

namespace pulse::audience {

namespace {

constexpr int64_t kBusyPause = 200'000;   // after a conflict with another session's lock
constexpr int64_t kCheckPause = kSecond;  // between two checks for work while syncs are under way
constexpr int64_t kFollowPause = 5 * kSecond;
constexpr size_t kMostUploadChecks = 10;

long Milliseconds(int64_t span) {
    return static_cast<long>(span / 1000 + 1);
}

}  // namespace

SyncWorker::SyncWorker() : LaneWorker(kAudiencesJob, kBusyPause) {}

RunResult SyncWorker::Run() {
    Loop();
    RunResult result;
    result.rows = ended_;
    result.message = std::to_string(requests_) + " requests";
    return result;
}

void SyncWorker::RunOnce() {
    if (pg::ReloadIfAsked()) exchange_.Reload();
    const bool sending = pg::settings::send_messages && !gone_;
    if (TakeNotification()) look_ = true;
    const Moment now = pg::WallClock();
    if (now >= next_due_) look_ = true;
    if (sending && look_ && now >= not_before_) Look();
    if (sending && now >= not_before_) StepAll();
    for (auto& [number, response] : exchange_.Wait(WaitTime(sending))) Receive(number, response);
}

long SyncWorker::WaitTime(bool sending) const {
    const Moment now = pg::WallClock();
    if (sending && (look_ || more_ || Notified()))
        return not_before_ <= now ? 0 : Milliseconds(not_before_ - now);
    Moment until = asked_.empty() ? IdleDeadline() : now + 30 * kSecond;
    if (sending) until = std::min({until, next_due_, limited_until_});
    return until <= now ? 0 : Milliseconds(until - now);
}

bool SyncWorker::Do(const char* what, const std::function<void()>& body, std::string* failed) {
    try {
        return RunShortTransaction(what, body);
    } catch (const pg::Error& error) {
        if (pg::MeantForAll(error) || !failed) throw;
        *failed = error.message;
    } catch (const UserError& error) {
        if (!failed) throw;
        *failed = error.message() + (error.detail().empty() ? "" : ": " + error.detail());
    }
    return false;
}

void SyncWorker::Look() {
    std::vector<OpenUpload> uploads;
    std::vector<std::string> logins;
    bool follows = false;
    const bool done = Do("pulse: looking for syncs", [&] {
        QueueDueRuns();
        due_ = DueRuns();
        uploads = UploadsToCheck(kMostUploadChecks);
        AlarmEndingLogins();
        logins = LoginsToAsk();
        next_due_ = std::min(NextSyncDue(), NextLoginAlarm());
        follows = FollowsChanges();
    });
    if (!done) return;
    look_ = false;
    const Moment now = pg::WallClock();
    if (follows) next_due_ = std::min(next_due_, now + kFollowPause);
    if (!due_.empty()) {
        idle_since_ = now;
        next_due_ = std::min(next_due_, now + kCheckPause);
    }
    // What is due and cannot go on, such as a sync behind another one, is looked at again in a moment.
    next_due_ = std::max(next_due_, now + kCheckPause);
    more_ = !due_.empty();
    for (const OpenUpload& upload : uploads) AskProgress(upload);
    for (const std::string& name : logins) AskLogin(name);
}

void SyncWorker::StepAll() {
    more_ = false;
    limited_until_ = INT64_MAX;
    for (const int64_t run : std::vector<int64_t>(due_)) {
        if (gone_ || Notified()) break;
        const auto found = active_.find(run);
        if (found != active_.end() && found->second.waiting) continue;
        Step(run);
    }
}

void SyncWorker::Forget(int64_t run) {
    std::erase(due_, run);
    look_ = true;
}

void SyncWorker::Step(int64_t run) {
    ActiveSync& sync = active_[run];
    if (sync.next < sync.batches.size()) {
        SendBatch(run, sync);
        return;
    }
    sync.before = sync.place;
    std::string failed;
    Work work;
    const bool done = Do(
        "pulse: preparing a sync",
        [&] {
            sync.place = sync.before;
            work = AdvanceRun(run, sync.place);
        },
        &failed);
    if (!failed.empty()) {
        Do("pulse: recording a sync", [&] { EndRun(run, "failed", failed); });
        active_.erase(run);
        Forget(run);
        return;
    }
    if (!done) {
        sync.place = sync.before;
        more_ = true;
        return;
    }
    Take(run, sync, std::move(work));
}

void SyncWorker::Take(int64_t run, ActiveSync& sync, Work work) {
    sync.work = std::move(work);
    sync.batches.clear();
    sync.next = 0;
    switch (sync.work.kind) {
        case Work::Kind::kNothing:
            active_.erase(run);
            Forget(run);
            return;
        case Work::Kind::kAgain: more_ = true; return;
        case Work::Kind::kUpload: BeginClaim(run, sync); return;
        case Work::Kind::kSize: {
            const bool asks = FactsOf(sync.work.destination->platform).reports_size &&
                              sync.work.audience->platform_id && sync.work.run.operation != "delete";
            if (asks)
                Ask(run, sync, Call::kAudience);
            else
                Finish(run, sync, std::nullopt);
            return;
        }
        case Work::Kind::kCreate:
            if (Do("pulse: beginning a creation", [&] { NoteCreation(run); }))
                Ask(run, sync, Call::kCreate);
            else
                more_ = true;
            return;
        case Work::Kind::kFind: Ask(run, sync, Call::kFind); return;
        case Work::Kind::kRemoveAll: Ask(run, sync, Call::kRemoveAll); return;
        case Work::Kind::kDelete: Ask(run, sync, Call::kDelete); return;
    }
}

void SyncWorker::BeginClaim(int64_t run, ActiveSync& sync) {
    sync.refused.clear();
    sync.rows = 0;
    sync.partial = 0;
    const Destination& destination = *sync.work.destination;
    // Erased people who leave between additions: a session has either additions or removals.
    if (sync.work.run.phase == "add" && sync.work.claimed.operation == Operation::kRemove)
        sync.work.run.session = {};
    if (destination.platform != Platform::kFile)
        sync.batches = MakeBatches(destination, sync.work.claimed.operation, sync.work.claimed.members);
    else
        sync.rows = static_cast<int64_t>(sync.work.claimed.ids.size());
    if (sync.batches.empty())
        EndClaim(sync);
    else
        SendBatch(run, sync);
}

void SyncWorker::EndClaim(ActiveSync& sync) {
    const bool done = Do("pulse: recording a sync", [&] {
        RecordClaim(sync.work.run, *sync.work.audience, sync.work.claimed, sync.refused, sync.rows);
    });
    // Not recorded because of a lock: it is sent again, which changes nothing there.
    if (!done) sync.place = sync.before;
    sync.batches.clear();
    sync.next = 0;
    more_ = true;
}

void SyncWorker::Finish(int64_t run, ActiveSync& sync, const std::optional<AudienceState>& state) {
    const bool done = Do("pulse: finishing a sync", [&] {
        FinishRun(sync.work.run, *sync.work.audience, *sync.work.destination, state);
    });
    if (!done) {
        more_ = true;
        return;
    }
    ++ended_;
    active_.erase(run);
    Forget(run);
}

RunResult RunSyncWorker() {
    return SyncWorker().Run();
}

}  // namespace pulse::audience
