// Sessions of Meta: batches of additions or removals, and replacements, which become the audience with their
// last batch.
#include "pulse/pg/background.hpp"
#include "pulse/pg/random.hpp"
#include "worker_sync.hpp"

namespace pulse::audience {

namespace {

int64_t NewSession() {
    int64_t id = 0;
    for (const char byte : pg::RandomBytes(8)) id = (id << 8) | static_cast<unsigned char>(byte);
    return id & (INT64_MAX >> 10);  // exact in a number of JSON
}

// Erased people who leave between additions have sessions of their own.
bool IsLast(const ActiveSync& sync) {
    const bool between = sync.work.run.phase == "add" && sync.work.claimed.operation == Operation::kRemove;
    return (sync.work.claimed.last || between) && sync.next + 1 == sync.batches.size();
}

}  // namespace

bool ReplacesAll(const ActiveSync& sync) {
    return sync.work.run.replaces() && sync.work.run.phase == "add" &&
           sync.work.claimed.operation == Operation::kAdd;
}

// Writes the place in the session before the request is made: a first batch is never sent twice.
bool SyncWorker::PlaceInSession(int64_t run, ActiveSync& sync, Upload& upload) {
    NextBatch next{sync.work.run.session, false};
    const Moment now = pg::WallClock();
    // After a crash nobody knows whether the last batch of a session was sent: it is not continued, unless it
    // is a replacement.
    const bool certain = next.session.id == sync.session;
    const bool replaces = ReplacesAll(sync);
    if (replaces ? IsOpen(next.session, now) : CanContinue(next.session, now) && certain) {
        if (replaces)
            next = ContinueReplacement(next.session, certain);
        else
            ++next.session.batches;
    } else if (replaces && sync.work.run.after > 0) {
        // It has become too old: all of it is sent again.
        Answer lost;
        lost.outcome = Outcome::kRestart;
        lost.reason = "the session of the replacement has become too old";
        Handle(run, sync, lost, "");
        return false;
    } else {
        next.session = {NewSession(), 1, now, false, false};
    }
    if (!Do("pulse: beginning a batch", [&] { RecordSession(run, next.session); })) return false;
    sync.work.run.session = next.session;
    sync.repeats = next.repeats;
    SessionPlace place;
    place.id = next.session.id;
    place.batch = next.session.batches;
    place.last = IsLast(sync) && !next.repeats;
    upload.session = place;
    return true;
}

void SyncWorker::FollowSession(ActiveSync& sync, const Answer& answer) {
    if (sync.work.destination->platform != Platform::kMeta) return;
    UploadSession& session = sync.work.run.session;
    const bool taken = answer.outcome == Outcome::kDone || answer.outcome == Outcome::kPending;
    if (taken) {
        const bool closed = IsLast(sync) && !sync.repeats;
        session.first_done = true;
        sync.session = session.id;
        if (closed) session = {};
        return;
    }
    // Where a batch may have arrived all the same, another session begins; a replacement goes on.
    if (!ReplacesAll(sync) || answer.outcome == Outcome::kRestart) {
        session = {};
        return;
    }
    const bool arrived =
        answer.outcome != Outcome::kThrottled && answer.outcome != Outcome::kRenewToken && !answer.busy;
    if (arrived) {
        sync.session = 0;
        return;
    }
    if (!sync.repeats) --session.batches;
    if (session.batches == 0) session = {};
}

void SyncWorker::WriteSession(int64_t run, ActiveSync& sync, bool taken) {
    if (taken && ReplacesAll(sync) && sync.work.run.session.id == 0)
        CloseReplacement(run, sync.work.claimed.reached);
    else
        RecordSession(run, sync.work.run.session);
}

bool SyncWorker::BeginAnew(int64_t run, ActiveSync& sync, const Answer& answer) {
    if (!ReplacesAll(sync)) return true;
    bool again = false;
    const bool done =
        Do("pulse: beginning a replacement anew", [&] { again = RestartReplacement(sync.work.run); });
    sync.before.adding = 0;
    if (!done || again) return true;
    Answer failed = answer;
    failed.outcome = Outcome::kRefused;
    Fail(run, sync, failed, "");
    return false;
}

}  // namespace pulse::audience
