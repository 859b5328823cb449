// What the worker of syncs makes of answers.
#include <algorithm>

#include "pulse/audience/store_alarm.hpp"
#include "pulse/pg/background.hpp"
#include "worker_sync.hpp"

namespace pulse::audience {

namespace {

constexpr int kPartialAttempts = 5;
constexpr int kMostPages = 1000;  // of a list of audiences: no account has so many

bool IsTaken(const Answer& answer) {
    return answer.outcome == Outcome::kDone || answer.outcome == Outcome::kPending;
}

void Refuse(ActiveSync& sync, const Batch& batch, const RowError& error) {
    if (error.row >= batch.rows.size()) return;
    const size_t member = batch.rows[error.row].member;
    if (member < sync.work.claimed.ids.size())
        sync.refused.emplace(sync.work.claimed.ids[member], error.reason);
}

// One bad row fails the whole request: it is sent again without them.
void DropRows(ActiveSync& sync, Batch& batch, const Answer& answer) {
    std::vector<size_t> bad;
    for (const RowError& error : answer.row_errors) {
        Refuse(sync, batch, error);
        bad.push_back(error.row);
    }
    std::sort(bad.begin(), bad.end(), std::greater<>());
    bad.erase(std::unique(bad.begin(), bad.end()), bad.end());
    for (const size_t row : bad)
        if (row < batch.rows.size()) batch.rows.erase(batch.rows.begin() + static_cast<ptrdiff_t>(row));
    if (bad.empty() || batch.rows.empty()) ++sync.next;
}

BatchRecord MakeRecord(int64_t run, const ActiveSync& sync, const Answer& answer, int status,
                       Moment sent_at) {
    const Batch& batch = sync.batches[sync.next];
    const Platform platform = sync.work.destination->platform;
    BatchRecord record;
    record.run = run;
    record.audience = sync.work.run.audience;
    record.operation = batch.operation;
    record.rows = static_cast<int64_t>(batch.rows.size());
    record.outcome = answer.outcome;
    record.status = status;
    record.milliseconds = static_cast<double>(pg::WallClock() - sent_at) / 1000;
    record.upload_id = answer.id;
    record.error = answer.reason;
    if (!IsTaken(answer) || !FactsOf(platform).reports_progress || answer.id.empty()) return record;
    record.check_at = pg::WallClock() + ProgressDelay(platform, 1);
    for (const Row& row : batch.rows) {
        if (!sync.work.claimed.queue) record.people.push_back(sync.work.claimed.ids[row.member]);
        if (batch.operation == Operation::kRemove) record.cells.push_back(Pack(PreparedPerson{row.cells}));
    }
    return record;
}

}  // namespace

void SyncWorker::Receive(uint64_t number, const http::Response& response) {
    const auto found = asked_.find(number);
    if (found == asked_.end()) return;
    const AskedRequest asked = std::move(found->second);
    asked_.erase(found);
    LimitOf(*asked.destination).End();
    idle_since_ = pg::WallClock();
    if (asked.upload) {
        const Answer answer = ReadAnswer(*asked.destination, Call::kProgress, response, pg::WallClock());
        Do("pulse: recording an upload",
           [&] { RecordUploadCheck(*asked.upload, answer, asked.destination->platform); });
        return;
    }
    if (asked.call == Call::kLogin) {
        ReadLogin(asked.destination->name,
                  ReadAnswer(*asked.destination, Call::kLogin, response, pg::WallClock()));
        return;
    }
    const auto at = active_.find(asked.run);
    if (at == active_.end()) return;
    ActiveSync& sync = at->second;
    sync.waiting = false;
    more_ = true;
    if (!response.error.empty() && response.forbidden) {
        CannotAsk(asked.run, sync, response.error);
        return;
    }
    const Answer answer = ReadAnswer(*asked.destination, asked.call, response, pg::WallClock(),
                                     sync.work.audience->platform_name);
    if (asked.call == Call::kRenew)
        Renewed(asked.run, sync, answer, response.body);
    else if (asked.call == Call::kUpload)
        Uploaded(asked.run, sync, answer, response, asked.sent_at);
    else
        Answered(asked.run, sync, asked.call, answer, response.body);
}

// What cannot be read now is asked tomorrow: a login that does not work is found by what is sent.
void SyncWorker::ReadLogin(const std::string& destination, const Answer& answer) {
    if (answer.outcome != Outcome::kDone || !answer.login) return;
    Do("pulse: recording a login", [&] { NoteLoginEnd(destination, answer.login->ends); });
}

void SyncWorker::Renewed(int64_t run, ActiveSync& sync, const Answer& answer, const std::string& body) {
    if (answer.outcome != Outcome::kDone || !answer.token) {
        Handle(run, sync, answer, body);
        return;
    }
    const std::string& name = sync.work.destination->name;
    tokens_.Take(name, *answer.token, pg::WallClock());
    WritesRefreshToken(name);  // if not now, then before the next request
    // Another refresh token without a word about its end has none that is known.
    if (answer.token->login_ends || answer.token->refresh_token)
        Do("pulse: recording a login", [&] { NoteLoginEnd(name, answer.token->login_ends); });
}

void SyncWorker::Uploaded(int64_t run, ActiveSync& sync, const Answer& answer, const http::Response& response,
                          Moment sent_at) {
    Batch& batch = sync.batches[sync.next];
    const bool taken = IsTaken(answer);
    const BatchRecord record = MakeRecord(run, sync, answer, response.status, sent_at);
    FollowSession(sync, answer);
    const bool recorded = Do("pulse: recording a batch", [&] {
        RecordBatch(record);
        WriteSession(run, sync, taken);
        if (taken) NoteSuccess(sync.work.destination->name);
    });
    if (answer.outcome == Outcome::kBadRows) {
        DropRows(sync, batch, answer);
    } else if (answer.outcome == Outcome::kPartial && ++sync.partial < kPartialAttempts) {
        return;  // the same batch again
    } else if (!taken) {
        Handle(run, sync, answer, response.body);
        return;
    } else if (!recorded || sync.repeats) {
        // The same batch again, which changes nothing there: its progress must be known, or what became of
        // the one that it repeats.
        return;
    } else {
        // Rows that were refused while the others were taken.
        for (const RowError& error : answer.row_errors) Refuse(sync, batch, error);
        sync.rows += static_cast<int64_t>(batch.rows.size());
        sync.renewed = false;
        sync.partial = 0;
        ++sync.next;
    }
    if (sync.next >= sync.batches.size()) EndClaim(sync);
}

void SyncWorker::Answered(int64_t run, ActiveSync& sync, Call call, const Answer& answer,
                          const std::string& body) {
    const bool done = IsTaken(answer);
    const bool gone = answer.outcome == Outcome::kGone;
    switch (call) {
        case Call::kCreate:
        case Call::kFind:
            if (done && !answer.id.empty()) {
                Do("pulse: recording an audience", [&] { RecordPlatformId(sync.work, answer.id); });
                return;
            }
            if (done && call == Call::kFind) {
                const bool more = answer.more && sync.page < kMostPages;
                sync.page = more ? sync.page + 1 : 1;
                Ask(run, sync, more ? Call::kFind : Call::kCreate);  // it was not created
                return;
            }
            break;
        case Call::kRemoveAll:
            if (done) {
                Ask(run, sync, Call::kAudience);
                return;
            }
            break;
        case Call::kDelete:
            if (done || gone) {
                Finish(run, sync, std::nullopt);
                return;
            }
            break;
        default:
            // The size is no reason to fail a sync; whether it exists is.
            if (!gone && answer.outcome != Outcome::kFlagged && answer.outcome != Outcome::kBlocked) {
                Finish(run, sync, answer.audience);
                return;
            }
    }
    Handle(run, sync, answer, body);
}

void SyncWorker::Handle(int64_t run, ActiveSync& sync, const Answer& answer, const std::string& body) {
    const Destination& destination = *sync.work.destination;
    switch (answer.outcome) {
        case Outcome::kRenewToken:
            if (RenewsTokens(destination.platform) && !sync.renewed &&
                !destination.Secret("refresh_token").empty() && sync.call != Call::kRenew) {
                sync.renewed = true;
                tokens_.Drop(destination.name);
                if (sync.next >= sync.batches.size()) sync.place = sync.before;
                return;  // the same request once more
            }
            [[fallthrough]];
        case Outcome::kRefused:
        case Outcome::kBlocked:
        case Outcome::kGone:
        case Outcome::kFlagged: Fail(run, sync, answer, body); return;
        default: break;
    }
    if (answer.outcome == Outcome::kRestart && !BeginAnew(run, sync, answer)) return;
    Do("pulse: recording a sync", [&] { RetryLater(sync.work.run, destination.name, answer, body); });
    if (answer.outcome == Outcome::kThrottled && answer.wait > 0)
        LimitOf(destination).Pause(pg::WallClock() + answer.wait);
    // What is claimed is claimed again.
    const ClaimPlace before = sync.before;
    const int64_t session = sync.session;
    sync = {};
    sync.place = before;
    sync.session = session;
    Forget(run);
}

void SyncWorker::Fail(int64_t run, ActiveSync& sync, const Answer& answer, const std::string& body) {
    Do("pulse: recording a sync", [&] { FailRun(sync.work.run, *sync.work.audience, answer, body); });
    active_.erase(run);
    Forget(run);
}

}  // namespace pulse::audience
