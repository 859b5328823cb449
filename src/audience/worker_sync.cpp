// The worker of syncs: claims people in a short transaction, sends them with no transaction open, and records
// the answer. Several audiences at a time, one request of each.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/audience/rate_limit.hpp"
#include "pulse/audience/store_sync.hpp"
#include "pulse/audience/store_worker.hpp"
#include "pulse/base/utf8.hpp"
#include "pulse/http/worker_exchange.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/lane_worker.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/random.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/spi.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"

namespace pulse::audience {

namespace {

constexpr int64_t kBusyPause = 200'000;  // after a conflict with another session's lock
constexpr int64_t kLookPause = kSecond;  // between two looks while syncs are under way
constexpr int64_t kFollowPause = 5 * kSecond;
constexpr int64_t kTokenMargin = kMinute;
constexpr int64_t kShortToken = 10 * kMinute;  // of a token whose lifetime is not said
constexpr int kPartialAttempts = 5;
constexpr size_t kMostLooks = 10;

struct Token {
    std::string text;
    Moment expires_at = INT64_MAX;
};

// A sync whose people are claimed, and how far it is.
struct ActiveSync {
    ClaimPlace place, before;
    Work work;
    std::vector<Batch> batches;
    size_t next = 0;
    std::map<int64_t, std::string> refused;
    int64_t rows = 0;
    int partial = 0;
    bool renewed = false;  // the token, since the last success
    // The request under way.
    bool waiting = false;
    Call call = Call::kUpload;
    Moment sent_at = 0;
};

// What a request belongs to.
struct Asked {
    int64_t run = 0;                   // of a sync; 0: of an upload
    std::optional<OpenUpload> upload;  // whose progress is asked for
    std::optional<Destination> destination;
    Call call = Call::kUpload;
    Moment sent_at = 0;
};

class SyncWorker : private pg::LaneWorker {
  public:
    SyncWorker() : LaneWorker(kAudiencesJob, kBusyPause) {}

    RunResult Run() {
        Loop();
        RunResult result;
        result.rows = ended_;
        result.message = std::to_string(requests_) + " requests";
        return result;
    }

  private:
    void RunOnce() override {
        if (pg::ReloadIfAsked()) exchange_.Reload();
        const bool sending = pg::settings::send_messages && !gone_;
        if (TakeNotification()) look_ = true;
        const Moment now = pg::WallClock();
        if (now >= next_due_) look_ = true;
        if (sending && look_ && now >= not_before_) Look();
        if (sending && now >= not_before_) StepAll();
        for (auto& [number, response] : exchange_.Wait(WaitTime(sending)))
            Receive(static_cast<int64_t>(number), response);
    }

    bool Unfinished() const override { return !asked_.empty(); }
    bool WorkPending() const override { return look_ || more_; }
    Moment NextDue() const override { return next_due_; }

    long WaitTime(bool sending) const {
        const Moment now = pg::WallClock();
        if (sending && (look_ || more_ || Notified()))
            return not_before_ <= now ? 0 : Milliseconds(not_before_ - now);
        Moment until = asked_.empty() ? IdleDeadline() : now + 30 * kSecond;
        if (sending) until = std::min({until, next_due_, limited_until_});
        return until <= now ? 0 : Milliseconds(until - now);
    }

    static long Milliseconds(int64_t span) { return static_cast<long>(span / 1000 + 1); }

    // Runs one short transaction; what fails for another reason than a lock is told by `failed`.
    bool Do(const char* what, const std::function<void()>& body, std::string* failed = nullptr) {
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

    void Look() {
        std::vector<OpenUpload> uploads;
        bool follows = false;
        const bool done = Do("pulse: looking for syncs", [&] {
            QueueDueRuns();
            due_ = DueRuns();
            uploads = UploadsToLookAt(kMostLooks);
            next_due_ = NextSyncDue();
            follows = FollowsChanges();
        });
        if (!done) return;
        look_ = false;
        const Moment now = pg::WallClock();
        if (follows) next_due_ = std::min(next_due_, now + kFollowPause);
        if (!due_.empty()) {
            idle_since_ = now;
            next_due_ = std::min(next_due_, now + kLookPause);
        }
        // What is due and cannot go on, such as a sync behind another one, is looked at again in a moment.
        next_due_ = std::max(next_due_, now + kLookPause);
        more_ = !due_.empty();
        for (const OpenUpload& upload : uploads) AskProgress(upload);
    }

    void StepAll() {
        more_ = false;
        limited_until_ = INT64_MAX;
        for (const int64_t run : std::vector<int64_t>(due_)) {
            if (gone_ || Notified()) break;
            const auto found = active_.find(run);
            if (found != active_.end() && found->second.waiting) continue;
            Step(run);
        }
    }

    void Forget(int64_t run) {
        sessions_.erase(run);
        std::erase(due_, run);
        look_ = true;
    }

    void Step(int64_t run) {
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

    void Take(int64_t run, ActiveSync& sync, Work work) {
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
            case Work::Kind::kCreate: Ask(run, sync, Call::kCreate); return;
            case Work::Kind::kFind: Ask(run, sync, Call::kFind); return;
            case Work::Kind::kRemoveAll: Ask(run, sync, Call::kRemoveAll); return;
            case Work::Kind::kDelete: Ask(run, sync, Call::kDelete); return;
        }
    }

    void BeginClaim(int64_t run, ActiveSync& sync) {
        sync.refused.clear();
        sync.rows = 0;
        sync.partial = 0;
        const Destination& destination = *sync.work.destination;
        if (destination.platform != Platform::kFile)
            sync.batches = MakeBatches(destination, sync.work.claimed.operation, sync.work.claimed.members);
        else
            sync.rows = static_cast<int64_t>(sync.work.claimed.ids.size());
        if (sync.batches.empty())
            EndClaim(run, sync);
        else
            SendBatch(run, sync);
    }

    void EndClaim(int64_t run, ActiveSync& sync) {
        const bool done = Do("pulse: recording a sync", [&] {
            RecordClaim(sync.work.run, *sync.work.audience, sync.work.claimed, sync.refused, sync.rows);
        });
        // Not recorded because of a lock: it is sent again, which changes nothing there.
        if (!done) sync.place = sync.before;
        sync.batches.clear();
        sync.next = 0;
        more_ = true;
    }

    void Finish(int64_t run, ActiveSync& sync, const std::optional<AudienceState>& state) {
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

    // ---- requests ----

    RateLimit& LimitOf(const Destination& destination) {
        return limits_.try_emplace(destination.name, destination.rates, destination.max_in_flight)
            .first->second;
    }

    // Whether a request may start now.
    bool MayStart(const Destination& destination) {
        const Moment now = pg::WallClock();
        const int64_t wait = LimitOf(destination).Wait(now);
        if (wait == 0) return true;
        limited_until_ = std::min(limited_until_, now + wait);
        next_due_ = std::min(next_due_, now + wait);
        return false;
    }

    bool HasToken(const Destination& destination) {
        if (!RenewsTokens(destination.platform) || destination.Secret("refresh_token").empty()) return true;
        const auto found = tokens_.find(destination.name);
        return found != tokens_.end() && found->second.expires_at > pg::WallClock();
    }

    std::string TokenOf(const Destination& destination) const {
        const auto found = tokens_.find(destination.name);
        if (found != tokens_.end()) return found->second.text;
        return destination.Secret("access_token");
    }

    void Start(int64_t run, ActiveSync& sync, Call call, http::Request request) {
        // Two audiences would be made; and the first batch of a session of Meta must never come twice.
        request.once = call == Call::kCreate || sync.work.destination->platform == Platform::kMeta;
        const Moment now = pg::WallClock();
        const uint64_t number = ++last_number_;
        Asked asked;
        asked.run = run;
        asked.call = call;
        asked.sent_at = now;
        asked.destination = sync.work.destination;
        LimitOf(*sync.work.destination).Start(now);
        asked_.emplace(number, std::move(asked));
        sync.waiting = true;
        sync.call = call;
        sync.sent_at = now;
        ++requests_;
        exchange_.Send(number, std::move(request));
    }

    // What cannot even be asked, because an option is missing.
    void CannotAsk(int64_t run, ActiveSync& sync, const std::string& why) {
        Answer answer;
        answer.outcome = Outcome::kRefused;
        answer.reason = why;
        Fail(run, sync, answer, "");
    }

    void Ask(int64_t run, ActiveSync& sync, Call call) {
        const Destination& destination = *sync.work.destination;
        if (!MayStart(destination)) return;
        try {
            if (!HasToken(destination)) {
                Start(run, sync, Call::kRenew, RenewRequest(destination));
                return;
            }
            Start(run, sync, call, Make(sync, call));
        } catch (const std::exception& error) {
            CannotAsk(run, sync, error.what());
        }
    }

    http::Request Make(const ActiveSync& sync, Call call) {
        const Destination& destination = *sync.work.destination;
        const Audience& audience = *sync.work.audience;
        const std::string token = TokenOf(destination), id = audience.platform_id.value_or("");
        switch (call) {
            case Call::kCreate:
                return CreateRequest(destination, token, {audience.platform_name, audience.description});
            case Call::kFind: return FindRequest(destination, token, audience.platform_name);
            case Call::kRemoveAll:
                return RemoveAllRequest(destination, token, id,
                                        sync.work.run.started_at.value_or(sync.work.run.created_at));
            case Call::kDelete: return DeleteRequest(destination, token, id);
            default: return AudienceRequest(destination, token, id);
        }
    }

    void SendBatch(int64_t run, ActiveSync& sync) {
        const Destination& destination = *sync.work.destination;
        if (!MayStart(destination)) return;
        try {
            if (!HasToken(destination)) {
                Start(run, sync, Call::kRenew, RenewRequest(destination));
                return;
            }
            Upload upload;
            upload.audience = sync.work.audience->platform_id.value_or(sync.work.audience->name);
            upload.key = KeyOf(run, sync);
            if (destination.platform == Platform::kMeta && !PlaceInSession(run, sync, upload)) {
                more_ = true;
                return;
            }
            Start(run, sync, Call::kUpload,
                  UploadRequest(destination, TokenOf(destination), upload, sync.batches[sync.next],
                                pg::WallClock()));
        } catch (const pg::Error&) {
            throw;
        } catch (const std::exception& error) {
            CannotAsk(run, sync, error.what());
        }
    }

    // The same for all attempts of the same people, and for nothing else.
    static std::string KeyOf(int64_t run, const ActiveSync& sync) {
        const Batch& batch = sync.batches[sync.next];
        std::string content = batch.operation == Operation::kAdd ? "add" : "remove";
        for (const Row& row : batch.rows) content += Pack(PreparedPerson{row.cells}) + "|";
        return "sync_" + std::to_string(run) + "_" + Sha256Hex(content).substr(0, 32);
    }

    // Writes the place in the session before the request is made: a first batch is never sent twice.
    bool PlaceInSession(int64_t run, ActiveSync& sync, Upload& upload) {
        UploadSession session = sync.work.run.session;
        const Moment now = pg::WallClock();
        // One of a process that ended may lack the batch that was written down last: it is not continued.
        const auto ours = sessions_.find(run);
        if (!CanContinue(session, now) || ours == sessions_.end() || ours->second != session.id) {
            session = {};
            const std::string bytes = pg::RandomBytes(8);
            for (const char byte : bytes) session.id = (session.id << 8) | static_cast<unsigned char>(byte);
            session.id &= INT64_MAX >> 10;  // exact in a number of JSON
            session.started_at = now;
            sessions_[run] = session.id;
        }
        ++session.batches;
        if (!Do("pulse: beginning a batch", [&] { RecordSession(run, session); })) return false;
        sync.work.run.session = session;
        SessionPlace place;
        place.id = session.id;
        place.batch = session.batches;
        place.last = sync.work.claimed.last && sync.next + 1 == sync.batches.size();
        upload.session = place;
        return true;
    }

    void AskProgress(const OpenUpload& upload) {
        for (const auto& [number, asked] : asked_)
            if (asked.upload && asked.upload->id == upload.id) return;
        std::optional<Destination> destination;
        std::string failed;
        Do(
            "pulse: looking at an upload", [&] { destination = LoadDestination(upload.destination); },
            &failed);
        if (!destination) {
            // Without its destination, or with options that are not valid, it is asked for ever less often,
            // too.
            Answer later;
            later.outcome = Outcome::kRetry;
            later.reason = failed;
            if (!failed.empty())
                Do("pulse: recording an upload", [&] { RecordLook(upload, later, Platform::kGoogle); });
            return;
        }
        if (!HasToken(*destination)) {
            // The next sync gets one.
            Answer later;
            later.outcome = Outcome::kRetry;
            Do("pulse: recording an upload", [&] { RecordLook(upload, later, destination->platform); });
            return;
        }
        if (!MayStart(*destination)) return;  // it stays due
        Asked asked;
        asked.upload = upload;
        asked.destination = destination;
        asked.call = Call::kProgress;
        asked.sent_at = pg::WallClock();
        const uint64_t number = ++last_number_;
        LimitOf(*destination).Start(asked.sent_at);
        exchange_.Send(number, ProgressRequest(*destination, TokenOf(*destination),
                                               upload.platform_id.value_or(""), upload.upload_id));
        asked_.emplace(number, std::move(asked));
        ++requests_;
    }

    // ---- answers ----

    void Receive(int64_t number, const http::Response& response) {
        const auto found = asked_.find(static_cast<uint64_t>(number));
        if (found == asked_.end()) return;
        const Asked asked = std::move(found->second);
        asked_.erase(found);
        LimitOf(*asked.destination).End();
        idle_since_ = pg::WallClock();
        if (asked.upload) {
            const Answer answer = ReadAnswer(*asked.destination, Call::kProgress, response, pg::WallClock());
            Do("pulse: recording an upload",
               [&] { RecordLook(*asked.upload, answer, asked.destination->platform); });
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
            Renewed(asked.run, sync, answer, response);
        else if (asked.call == Call::kUpload)
            Uploaded(asked.run, sync, answer, response, asked.sent_at);
        else
            Answered(asked.run, sync, asked.call, answer, response);
    }

    void Renewed(int64_t run, ActiveSync& sync, const Answer& answer, const http::Response& response) {
        const Destination& destination = *sync.work.destination;
        if (answer.outcome != Outcome::kDone || !answer.token) {
            Handle(run, sync, answer, response.body);
            return;
        }
        // The old one may be invalid from now on: the new one is kept before anything is done with it.
        if (answer.token->refresh_token && !Do("pulse: keeping a token", [&] {
                KeepRefreshToken(destination.name, *answer.token->refresh_token);
            })) {
            // Another session changes the mapping: with the new token in memory alone a crash would lose the
            // login, so it is written before the sync goes on.
            pending_tokens_[destination.name] = *answer.token->refresh_token;
        }
        Token token;
        token.text = answer.token->access_token;
        const int64_t life = answer.token->lifetime > 0 ? answer.token->lifetime : kShortToken;
        token.expires_at = pg::WallClock() + std::max(life - kTokenMargin, life / 2);
        tokens_[destination.name] = token;
        KeepPendingTokens();
    }

    void KeepPendingTokens() {
        for (auto at = pending_tokens_.begin(); at != pending_tokens_.end();) {
            const bool kept = Do("pulse: keeping a token", [&] { KeepRefreshToken(at->first, at->second); });
            at = kept ? pending_tokens_.erase(at) : std::next(at);
        }
    }

    void Uploaded(int64_t run, ActiveSync& sync, const Answer& answer, const http::Response& response,
                  Moment sent_at) {
        Batch& batch = sync.batches[sync.next];
        const bool done = answer.outcome == Outcome::kDone || answer.outcome == Outcome::kPending;
        if (sync.work.destination->platform == Platform::kMeta) {
            const bool last = sync.work.claimed.last && sync.next + 1 == sync.batches.size();
            if (done && !last)
                sync.work.run.session.first_done = true;
            else {
                sync.work.run.session = {};  // closed; or another one, for its first batch may have arrived
                sessions_.erase(run);
            }
        }
        if (done) {
            // Rows that were refused while the others were taken.
            for (const RowError& error : answer.row_errors) Refuse(sync, batch, error);
            sync.rows += static_cast<int64_t>(batch.rows.size());
        }
        const Platform platform = sync.work.destination->platform;
        BatchRecord record;
        record.run = run;
        record.audience = sync.work.run.audience;
        record.operation = batch.operation;
        record.rows = static_cast<int64_t>(batch.rows.size());
        record.outcome = answer.outcome;
        record.status = response.status;
        record.milliseconds = static_cast<double>(pg::WallClock() - sent_at) / 1000;
        record.upload_id = answer.id;
        record.error = answer.reason;
        if (done && FactsOf(platform).reports_progress && !answer.id.empty()) {
            record.look_at = pg::WallClock() + ProgressDelay(platform, 1);
            for (const Row& row : batch.rows) {
                if (!sync.work.claimed.queue) record.people.push_back(sync.work.claimed.ids[row.member]);
                if (batch.operation == Operation::kRemove)
                    record.cells.push_back(Pack(PreparedPerson{row.cells}));
            }
        }
        Do("pulse: recording a batch", [&] {
            RecordBatch(record);
            RecordSession(run, sync.work.run.session);
            if (done) NoteSuccess(sync.work.destination->name);
        });
        if (answer.outcome == Outcome::kBadRows) {
            DropRows(sync, batch, answer);
        } else if (answer.outcome == Outcome::kPartial && ++sync.partial < kPartialAttempts) {
            return;  // the same batch again
        } else if (!done) {
            Handle(run, sync, answer, response.body);
            return;
        } else {
            sync.renewed = false;
            sync.partial = 0;
            ++sync.next;
        }
        if (sync.next >= sync.batches.size()) EndClaim(run, sync);
    }

    static void Refuse(ActiveSync& sync, const Batch& batch, const RowError& error) {
        if (error.row >= batch.rows.size()) return;
        const size_t member = batch.rows[error.row].member;
        if (member < sync.work.claimed.ids.size())
            sync.refused.emplace(sync.work.claimed.ids[member], error.reason);
    }

    // One bad row fails the whole request: it is sent again without them.
    static void DropRows(ActiveSync& sync, Batch& batch, const Answer& answer) {
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

    void Answered(int64_t run, ActiveSync& sync, Call call, const Answer& answer,
                  const http::Response& response) {
        const bool done = answer.outcome == Outcome::kDone || answer.outcome == Outcome::kPending;
        const bool gone = answer.outcome == Outcome::kGone;
        switch (call) {
            case Call::kCreate:
            case Call::kFind:
                if (done && !answer.id.empty()) {
                    Do("pulse: recording an audience", [&] { RecordPlatformId(sync.work, answer.id); });
                    return;
                }
                if (done && call == Call::kFind) {
                    Ask(run, sync, Call::kCreate);  // it was not created
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
                if (!gone && answer.outcome != Outcome::kFlagged) {
                    Finish(run, sync, answer.audience);
                    return;
                }
        }
        Handle(run, sync, answer, response.body);
    }

    // An answer that is no success.
    void Handle(int64_t run, ActiveSync& sync, const Answer& answer, const std::string& body) {
        const Destination& destination = *sync.work.destination;
        switch (answer.outcome) {
            case Outcome::kRenewToken:
                if (RenewsTokens(destination.platform) && !sync.renewed &&
                    !destination.Secret("refresh_token").empty() && sync.call != Call::kRenew) {
                    sync.renewed = true;
                    tokens_.erase(destination.name);
                    Again(run, sync);
                    return;
                }
                [[fallthrough]];
            case Outcome::kRefused:
            case Outcome::kGone:
            case Outcome::kFlagged: Fail(run, sync, answer, body); return;
            default: break;
        }
        const bool done =
            Do("pulse: recording a sync", [&] { RetryLater(sync.work.run, destination.name, answer, body); });
        if (answer.outcome == Outcome::kThrottled && answer.wait > 0)
            LimitOf(destination).Pause(pg::WallClock() + answer.wait);
        (void)done;
        // What is claimed is claimed again.
        const ClaimPlace before = sync.before;
        sync = {};
        sync.place = before;
        Forget(run);
    }

    // The same request once more.
    void Again(int64_t run, ActiveSync& sync) {
        if (sync.next < sync.batches.size())
            SendBatch(run, sync);
        else
            sync.place = sync.before;
        more_ = true;
    }

    void Fail(int64_t run, ActiveSync& sync, const Answer& answer, const std::string& body) {
        Do("pulse: recording a sync", [&] { FailRun(sync.work.run, *sync.work.audience, answer, body); });
        active_.erase(run);
        Forget(run);
    }

    http::Exchange exchange_;
    std::map<int64_t, ActiveSync> active_;
    std::map<uint64_t, Asked> asked_;
    std::map<int64_t, int64_t> sessions_;  // of runs: the upload session that this process has begun
    std::map<std::string, RateLimit> limits_;
    std::map<std::string, Token> tokens_;  // access tokens live in memory alone
    std::map<std::string, std::string> pending_tokens_;
    std::vector<int64_t> due_;
    uint64_t last_number_ = 0;
    bool look_ = true, more_ = false;
    Moment next_due_ = kNeverDue, limited_until_ = INT64_MAX;
    int64_t requests_ = 0, ended_ = 0;

    static constexpr Moment kNeverDue = INT64_MAX;
};

}  // namespace

RunResult RunSyncWorker() {
    return SyncWorker().Run();
}

}  // namespace pulse::audience
