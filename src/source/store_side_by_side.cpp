// Visits to several servers at the same time, in one process and without threads: each visit goes on as far
// as it can without waiting, and one wait is for all of them.
//
// The body of a visit is plain code that asks and gets its answers. When it asks what is not answered yet, it
// is left by an exception; when the answer is there, it runs again from its beginning, and gets the answers
// so far at once. Bodies ask few questions, so that costs nothing beside the questions.
#include <algorithm>
#include <chrono>
#include <deque>

#include "pulse/base/random.hpp"
#include "pulse/pg/poller.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/source/side_by_side.hpp"
#include "pulse/source/store.hpp"
#include "store_visit_internal.hpp"

namespace pulse::source {

namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Of all answers that are kept at the same time.
constexpr size_t kMostKept = size_t{256} << 20;

size_t BytesOf(const Rows& rows) {
    size_t bytes = 0;
    for (const auto& row : rows.values)
        for (const auto& cell : row) bytes += sizeof(cell) + (cell ? cell->capacity() : 0);
    return bytes;
}

// A question without an answer yet.
struct Unanswered {
    std::string sql;
};

class ReplayReader : public GuardedReader {
  public:
    ReplayReader(const Server& server, const ServerStatus& status, const std::vector<Rows>& answers,
                 Usage& usage)
        : GuardedReader(server, status, usage), answers_(answers) {}

    void QueryInPortions(const std::string&, int, const std::function<void(Rows&)>&) override {
        throw UserError(sqlstate::kInternalError, "portions cannot be read side by side");
    }

  private:
    Rows Run(const std::string& sql) override {
        if (next_ == answers_.size()) throw Unanswered{sql};
        return answers_[next_++];
    }

    const std::vector<Rows>& answers_;
    size_t next_ = 0;
};

// One visit.
class VisitInSteps {
  public:
    // `kept`: the bytes of the answers of all visits.
    VisitInSteps(Visit& visit, size_t& kept)
        : visit_(visit),
          kept_(kept),
          server_(*visit.target.server),
          limit_(ShorterLimit(server_.limits.statement_timeout, visit.target.milliseconds)),
          began_(SteadyClock::now()) {
        visit.usage.source = server_.name;
        visit.usage.began = GetCurrentTimestamp();
        visit.error = nullptr;
    }

    bool ended() const { return step_ == Step::kEnded; }
    // What it waits for: a socket, or a time.
    bool OnSocket() const { return step_ >= Step::kConnecting && step_ <= Step::kLeaving; }
    int socket() const { return connection_->remote().socket(); }
    bool writing() const { return connection_->remote().writing(); }
    SteadyClock::time_point until() const { return OnSocket() ? connection_->remote().deadline() : wake_at_; }

    // Goes on until it has to wait again.
    void Go() {
        try {
            try {
                // A connection that has just begun has to be waited for first.
                while (!ended() && SteadyClock::now() >= wake_at_) {
                    const Step before = step_;
                    Continue();
                    if (step_ == before || step_ == Step::kConnecting) return;
                }
            } catch (const RecoveryConflict& conflict) {
                BeginAnew(conflict);
            }
        } catch (const Unavailable&) {
            visit_.error = std::current_exception();
            RecordFailure(visit_.usage);
            Leave();
        } catch (const UserError& error) {
            visit_.error = std::make_exception_ptr(OnSource(server_.name, error));
            RecordFailure(visit_.usage);
            Leave();
        }
    }

    // Ends it because another one has failed.
    void Abandon() {
        visit_.error = std::make_exception_ptr(
            Abandoned(sqlstate::kNotReady,
                      "source \"" + server_.name + "\" was not read: another source failed first"));
        visit_.usage.reason = "stopped: another source failed first";
        Leave();
    }
    bool failed() const { return ended() && visit_.error; }

  private:
    // In this order; those from kConnecting to kLeaving wait for the socket.
    enum class Step { kRate, kLock, kConnect, kConnecting, kBeginning, kAsking, kLeaving, kPause, kEnded };

    void Continue() {
        switch (step_) {
            case Step::kRate: return WaitForRate();
            case Step::kLock: return TakeLock();
            case Step::kConnect: return Connect();
            case Step::kConnecting:
                if (connection_->AdvanceConnecting()) Begin();
                return;
            case Step::kBeginning: return TakeStatus();
            case Step::kAsking: return TakeAnswer();
            case Step::kLeaving: return TakeEnd();
            case Step::kPause: return Begin();
            case Step::kEnded: return;
        }
    }

    void Sleep(int time, Step next) {
        wake_at_ = SteadyClock::now() + milliseconds(time);
        step_ = next;
    }

    // A standby has cancelled what it was asked, to go on with recovery.
    void BeginAnew(const RecoveryConflict& conflict) {
        if (++conflicts_ > server_.limits.conflict_retries) ThrowConflict(server_, conflict, conflicts_);
        connection_.reset();
        Sleep(ReconnectDelay(conflicts_, RandomFraction()), Step::kConnect);
    }

    void WaitForRate() {
        step_ = Step::kLock;
        lock_until_ = SteadyClock::now() + milliseconds(pg::settings::lock_timeout);
        const auto reason = RateRefusal(server_);
        if (!reason) return;
        if (pg::InTransaction() || server_.limits.max_queries_per_minute == 0)
            throw MakeUnavailable(server_.name, *reason);
        Sleep(server_.next_visit_in, Step::kLock);
        lock_until_ += milliseconds(server_.next_visit_in);
    }

    void TakeLock() {
        step_ = Step::kConnect;
        if (pg::OnStandby()) return;
        if (auto lock = TryLock(server_)) {
            lock_.emplace(*std::move(lock));
            return;
        }
        if (SteadyClock::now() >= lock_until_) ThrowInUse(server_);
        Sleep(kLockPoll, Step::kLock);
    }

    void Connect() {
        ForgetAnswers();
        looks_ = 0;
        connection_.reset();
        connection_.emplace(server_, PooledConnection::Later{});
        if (!connection_->fresh()) return Begin();
        step_ = Step::kConnecting;
    }

    void Begin() {
        connection_->Use();
        step_ = Step::kBeginning;
        Start([&](pg::Remote& remote) {
            remote.StartScript(
                BeginScript(server_.limits, limit_, server_.limits.max_active_sessions.has_value()),
                server_.limits.connect_timeout);
        });
    }

    template <typename Function>
    void Start(Function function) {
        try {
            function(connection_->remote());
        } catch (const pg::RemoteError& error) {
            if (!Again(error)) Rethrow(server_, error);
        }
    }

    // A pooled connection may be dead: begin with another one.
    bool Again(const pg::RemoteError& error) {
        if (!error.lost() || connection_->fresh()) return false;
        connection_->BeginReconnect();
        step_ = Step::kConnecting;
        return true;
    }

    void TakeStatus() {
        try {
            if (!connection_->remote().Advance()) return;
        } catch (const pg::RemoteError& error) {
            if (Again(error)) return;
            Rethrow(server_, error);
        }
        status_ = ReadServerStatus(ToRows(connection_->remote().TakeRows()));
        Note(status_, visit_.usage);
        ++looks_;
        refusal_ = Refusal(server_, status_);
        if (refusal_) return End();
        Ask();
    }

    // Runs the body until it asks what is not answered yet.
    void Ask() {
        try {
            ReplayReader reader(server_, status_, answers_, visit_.usage);
            visit_.body(reader);
        } catch (const Unanswered& question) {
            ++visit_.usage.queries;
            try {
                connection_->remote().Start(question.sql, limit_ + kGrace, kMaxResultBytes);
            } catch (const pg::RemoteError& error) {
                Rethrow(server_, error);
            }
            step_ = Step::kAsking;
            return;
        }
        End();
    }

    void TakeAnswer() {
        try {
            if (!connection_->remote().Advance()) return;
        } catch (const pg::RemoteError& error) {
            RethrowOfStatement(server_, error, limit_);
        }
        answers_.push_back(ToRows(connection_->remote().TakeRows()));
        bytes_ += BytesOf(answers_.back());
        kept_ += BytesOf(answers_.back());
        if (kept_ > kMostKept)
            throw UserError(sqlstate::kProgramLimit, "the answers of the servers are too large together",
                            "They have more than 256 MB.",
                            "Measure fewer attributes, or fewer servers at once.");
        visit_.usage.rows += static_cast<int64_t>(answers_.back().size());
        Ask();
    }

    void End() {
        try {
            connection_->remote().StartScript(kEndScript, server_.limits.connect_timeout);
        } catch (const pg::RemoteError& error) {
            Rethrow(server_, error);
        }
        step_ = Step::kLeaving;
    }

    void TakeEnd() {
        try {
            if (!connection_->remote().Advance()) return;
        } catch (const pg::RemoteError& error) {
            Rethrow(server_, error);
        }
        connection_->Keep();
        if (!refusal_) return Leave();
        if (looks_ < kLagChecks && refusal_ == LagRefusal(server_.limits, status_))
            return Sleep(kLagPause, Step::kPause);
        throw MakeUnavailable(server_.name, *refusal_, sqlstate::kNotReady,
                              RefusalHint(server_, status_, *refusal_));
    }

    void ForgetAnswers() {
        kept_ -= bytes_;
        bytes_ = 0;
        answers_.clear();
    }

    void Leave() {
        connection_.reset();
        lock_.reset();
        ForgetAnswers();
        step_ = Step::kEnded;
        visit_.usage.duration_ms =
            std::chrono::duration<double, std::milli>(SteadyClock::now() - began_).count();
    }

    Visit& visit_;
    size_t& kept_;
    const Server& server_;
    const int limit_;
    const SteadyClock::time_point began_;
    SteadyClock::time_point lock_until_{}, wake_at_{};
    Step step_ = Step::kRate;
    std::optional<pg::SessionLock> lock_;
    std::optional<PooledConnection> connection_;
    ServerStatus status_;
    std::optional<std::string> refusal_;
    std::vector<Rows> answers_;
    size_t bytes_ = 0;  // of the answers
    int looks_ = 0, conflicts_ = 0;
};

// Waits until a socket is ready or a time has come; returns the sockets.
std::vector<int> WaitForOne(pg::Poller& poller, const std::deque<VisitInSteps>& visits) {
    std::vector<int> watched, ready;
    auto earliest = SteadyClock::time_point::max();
    for (const VisitInSteps& visit : visits) {
        if (visit.ended()) continue;
        earliest = std::min(earliest, visit.until());
        if (!visit.OnSocket()) continue;
        if (visit.socket() < 0) {
            earliest = SteadyClock::now();
            continue;
        }
        watched.push_back(visit.socket());
        poller.Watch(watched.back(), !visit.writing(), visit.writing());
    }
    const auto left = std::chrono::ceil<milliseconds>(earliest - SteadyClock::now()).count();
    for (const pg::Poller::Ready& one : poller.Wait(std::max<long>(left, 0))) ready.push_back(one.socket);
    // A connection that is closed or pooled until the next wait is not watched then.
    for (const int socket : watched) poller.Watch(socket, false, false);
    return ready;
}

}  // namespace

void ReadSideBySide(std::vector<Visit>& visits, bool all_or_none) {
    pg::Poller poller;
    size_t kept = 0;
    std::deque<VisitInSteps> running;
    for (Visit& visit : visits) running.emplace_back(visit, kept).Go();
    const auto ended = [](const VisitInSteps& visit) { return visit.ended(); };
    const auto failed = [](const VisitInSteps& visit) { return visit.failed(); };
    while (!std::all_of(running.begin(), running.end(), ended)) {
        if (all_or_none && std::any_of(running.begin(), running.end(), failed)) {
            for (VisitInSteps& visit : running)
                if (!visit.ended()) visit.Abandon();
            return;
        }
        const std::vector<int> ready = WaitForOne(poller, running);
        for (VisitInSteps& visit : running) {
            if (visit.ended()) continue;
            // Without a socket the connection is lost, as it then finds.
            const bool called = !visit.OnSocket() || visit.socket() < 0 ||
                                std::find(ready.begin(), ready.end(), visit.socket()) != ready.end() ||
                                SteadyClock::now() >= visit.until();
            if (called) visit.Go();
        }
    }
}

}  // namespace pulse::source
