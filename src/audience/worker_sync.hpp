// The worker of syncs: claims people in a short transaction, sends them with no transaction open, and records
// the answer. Several audiences at a time, one request of each.
#pragma once

#include <functional>

#include "pulse/audience/access_token.hpp"
#include "pulse/audience/rate_limit.hpp"
#include "pulse/audience/store_sync.hpp"
#include "pulse/audience/store_worker.hpp"
#include "pulse/http/worker_exchange.hpp"
#include "pulse/pg/lane_worker.hpp"

namespace pulse::audience {

// A sync whose people are claimed, and how far it is.
struct ActiveSync {
    ClaimPlace place, before;
    Work work;
    std::vector<Batch> batches;
    size_t next = 0;
    std::map<int64_t, std::string> refused;
    int64_t rows = 0;
    int partial = 0;
    int page = 1;          // of the search for the audience
    bool renewed = false;  // the token, since the last success
    int64_t session = 0;   // of which this process knows what became of each batch
    bool repeats = false;  // the request under way: the same rows follow once more
    // The request under way.
    bool waiting = false;
    Call call = Call::kUpload;
};

// Whether its request belongs to a session that replaces the audience.
bool ReplacesAll(const ActiveSync& sync);

// What a request belongs to.
struct AskedRequest {
    int64_t run = 0;                   // of a sync; 0: of an upload
    std::optional<OpenUpload> upload;  // whose progress is asked for; neither: of a login
    std::optional<Destination> destination;
    Call call = Call::kUpload;
    Moment sent_at = 0;
};

class SyncWorker : private pg::LaneWorker {
  public:
    SyncWorker();
    RunResult Run();

  private:
    void RunOnce() override;
    bool Unfinished() const override { return !asked_.empty(); }
    bool WorkPending() const override { return look_ || more_; }
    Moment NextDue() const override { return next_due_; }
    long WaitTime(bool sending) const;
    // Runs one short transaction; a failure for another reason than a lock is written to `failed`, or thrown.
    bool Do(const char* what, const std::function<void()>& body, std::string* failed = nullptr);

    // ---- steps (worker_sync.cpp) ----
    void Look();
    void StepAll();
    void Step(int64_t run);
    void Take(int64_t run, ActiveSync& sync, Work work);
    void BeginClaim(int64_t run, ActiveSync& sync);
    void EndClaim(ActiveSync& sync);
    void Finish(int64_t run, ActiveSync& sync, const std::optional<AudienceState>& state);
    // The sync is looked at anew.
    void Forget(int64_t run);

    // ---- requests (worker_sync_request.cpp) ----
    RateLimit& LimitOf(const Destination& destination);
    // Whether a request may start now.
    bool MayStart(const Destination& destination);
    bool WritesRefreshToken(const std::string& destination);
    void Start(int64_t run, ActiveSync& sync, Call call, http::Request request);
    // Makes a request and starts it, or renews the token before.
    void Send(int64_t run, ActiveSync& sync, Call call, const std::function<http::Request()>& make);
    void Renew(int64_t run, ActiveSync& sync);
    void Ask(int64_t run, ActiveSync& sync, Call call);
    void SendBatch(int64_t run, ActiveSync& sync);
    void AskProgress(const OpenUpload& upload);
    void AskLogin(const std::string& name);
    void AskLater(const OpenUpload& upload, const std::string& why);
    // What cannot even be asked, because an option is missing.
    void CannotAsk(int64_t run, ActiveSync& sync, const std::string& why);

    // ---- sessions of Meta (worker_sync_session.cpp) ----
    bool PlaceInSession(int64_t run, ActiveSync& sync, Upload& upload);
    // The session after an answer to a batch.
    void FollowSession(ActiveSync& sync, const Answer& answer);
    // Writes that; in a transaction.
    void WriteSession(int64_t run, ActiveSync& sync, bool taken);
    // Begins a lost replacement anew; false: it has failed.
    bool BeginAnew(int64_t run, ActiveSync& sync, const Answer& answer);

    // ---- answers (worker_sync_answer.cpp) ----
    void Receive(uint64_t number, const http::Response& response);
    void ReadLogin(const std::string& destination, const Answer& answer);
    void Renewed(int64_t run, ActiveSync& sync, const Answer& answer, const std::string& body);
    void Uploaded(int64_t run, ActiveSync& sync, const Answer& answer, const http::Response& response,
                  Moment sent_at);
    void Answered(int64_t run, ActiveSync& sync, Call call, const Answer& answer, const std::string& body);
    // An answer that is no success.
    void Handle(int64_t run, ActiveSync& sync, const Answer& answer, const std::string& body);
    void Fail(int64_t run, ActiveSync& sync, const Answer& answer, const std::string& body);

    http::Exchange exchange_;
    std::map<int64_t, ActiveSync> active_;
    std::map<uint64_t, AskedRequest> asked_;
    std::map<std::string, RateLimit> limits_;
    AccessTokens tokens_;
    std::vector<int64_t> due_;
    uint64_t last_number_ = 0;
    bool look_ = true, more_ = false;
    Moment next_due_ = pg::kNever, limited_until_ = pg::kNever;
    int64_t requests_ = 0, ended_ = 0;
};

}  // namespace pulse::audience
