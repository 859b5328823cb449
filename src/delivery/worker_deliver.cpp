// The worker that sends: plans, claims, sends with no transaction open, and writes down how it went.
#include <algorithm>

#include "pulse/base/random.hpp"
#include "pulse/delivery/excerpt.hpp"
#include "pulse/delivery/classify_response.hpp"
#include "pulse/delivery/payload.hpp"
#include "pulse/delivery/store_queue.hpp"
#include "pulse/http/worker_exchange.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/short_transaction.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"

namespace pulse::delivery {

namespace {

using pg::Lane;

// How long the worker stays when there is nothing to do: processes are dearer to start than to keep.
// Not for what is due later: the launcher knows of that.
constexpr int64_t kLinger = 30 * kSecond;
constexpr int64_t kSoon = 5 * kSecond;
// Answers are written down together, but none waits longer; and not so long when others wait for its place.
constexpr int64_t kOldestOutcome = 50'000;
constexpr int64_t kOldestInQueue = 5'000;
constexpr size_t kEnoughOutcomes = 64;
// After somebody else's lock was in the way.
constexpr int64_t kBusyPause = 200'000;
constexpr int64_t kHeldPause = kSecond;
constexpr int64_t kNotices = 500;
// Places that are free in a channel that was full, before it is filled up again.
constexpr size_t kRefill = 1000;
constexpr size_t kAnswerLength = 500;
// A receiver that says "too much" for longer than this has the tries counted.
constexpr int64_t kOverloadPatience = kDay;
// The pause of the message grows so often; it is the channel that rests.
constexpr int kMostOverloads = 4;

std::string Fit(const std::string& text) {
    return Excerpt(text, kAnswerLength, GetDatabaseEncoding() == PG_UTF8);
}

// A message whose answer is not here yet.
struct UnderWay {
    std::string channel, kind;  // of the message
    ChannelKind channel_kind;
    int attempts, max_attempts;
    Moment created_at, sent_at;
};

class DeliveryWorker {
  public:
    DeliveryWorker() { scheduler_->Listen(MyDatabaseId, Lane::kDelivery); }
    ~DeliveryWorker() { scheduler_->StopListening(MyDatabaseId, Lane::kDelivery); }

    DeliveryRun Run() {
        pg::Arena arena("pulse delivery");
        RunShortTransaction("pulse: taking messages back", [] { RecoverInterrupted(); });
        plan_ = look_ = true;
        do {
            Round();
            arena.Reset();
        } while (ShouldContinue());
        Report();
        return run_;
    }

  private:
    // One short transaction as the extension's owner. False when somebody else's lock was in the way, or a
    // deadlock: nothing has happened then, and it is tried again in a moment.
    bool RunShortTransaction(const char* what, const std::function<void()>& body) {
        const pg::ShortTransaction result = pg::RunShortTransaction(what, body);
        gone_ |= result == pg::ShortTransaction::kExtensionGone;
        if (result == pg::ShortTransaction::kBusy) not_before_ = pg::WallClock() + kBusyPause;
        return result == pg::ShortTransaction::kDone && !gone_;
    }

    void Round() {
        if (pg::ReloadIfAsked()) {
            exchange_.Reload();
            plan_ = look_ = true;
        }
        const Moment now = pg::WallClock();
        if (scheduler_->TakeNotification(MyDatabaseId, Lane::kDelivery)) {
            plan_ = look_ = true;
            idle_since_ = now;
        }
        if (now >= next_due_) look_ = true;
        if (now >= members_due_) plan_ = true;
        const bool sending = pg::settings::send_messages && !gone_;
        if (now >= not_before_) {
            if (plan_ && sending) Plan();
            if (ShouldSettle(now, sending)) Settle(sending);
        }
        if (!held_.empty() && now >= held_until_) RecordOneByOne(std::exchange(held_, {}));
        Send();
        const bool work = !under_way_.empty() || !outcomes_.empty() || !held_.empty();
        if (!work && (!pg::settings::send_messages || gone_)) return;  // nothing to wait for
        for (auto& [id, answer] : exchange_.Wait(WaitTime(sending)))
            HandleResponse(static_cast<int64_t>(id), answer);
    }

    // Whether it is time for a transaction.
    bool ShouldSettle(Moment now, bool sending) const {
        if (sending && Room() > 0 && (look_ || (full_ && outcomes_.size() >= Portion()))) return true;
        return !outcomes_.empty() &&
               (under_way_.empty() || outcomes_.size() >= kEnoughOutcomes || now >= SettleAt());
    }

    // How many more requests may begin.
    int Room() const { return pg::settings::max_requests - static_cast<int>(under_way_.size()); }

    size_t Portion() const { return std::clamp<size_t>(under_way_.size() / 2, 1, kEnoughOutcomes); }

    Moment SettleAt() const {
        if (outcomes_.empty()) return INT64_MAX;
        return outcomes_.front().at + (full_ ? kOldestInQueue : kOldestOutcome);
    }

    // When to leave if nobody writes a message.
    Moment LingerUntil() const {
        const Moment until = scheduler_->OutOfWorkers() ? INT64_MIN : idle_since_ + kLinger;
        const Moment due = std::min(next_due_, members_due_);
        return due < pg::WallClock() + kSoon ? std::max(until, due + kSoon) : until;
    }

    // Milliseconds; -1 is never used: the worker leaves when nothing comes.
    long WaitTime(bool sending) const {
        const Moment now = pg::WallClock();
        const bool work = !under_way_.empty() || !outcomes_.empty() || look_ || plan_;
        Moment until = std::min(work ? now + kLinger : LingerUntil(), std::max(SettleAt(), not_before_));
        if (!held_.empty()) until = std::min(until, held_until_);
        if (sending && Room() > 0) {
            if (look_ || plan_ || scheduler_->Notified(MyDatabaseId, Lane::kDelivery))
                until = std::min(until, not_before_);
            until = std::min(until, std::max(std::min(next_due_, members_due_), not_before_));
        }
        return until <= now ? 0 : static_cast<long>((until - now) / 1000 + 1);
    }

    // What happened becomes messages. A failure there keeps nobody from sending what is there already.
    void Plan() {
        plan_ = false;
        look_ = true;
        try {
            int64_t planned = 0;
            if (!RunShortTransaction("pulse: planning messages", [&] { planned = PlanNotices(kNotices); }) &&
                !gone_)
                plan_ = true;
            if (planned >= kNotices) plan_ = true;
            PlanMemberChanges();
        } catch (const pg::Error& error) {
            if (pg::MeantForAll(error)) throw;
            problem_ = error.message;
        } catch (const UserError& error) {
            problem_ = error.message();
        }
    }

    // Who entered or left a segment. What holds that back holds back nothing else.
    void PlanMemberChanges() {
        PlannedMembers planned;
        const Moment not_before = not_before_;
        const bool done = RunShortTransaction("pulse: telling of people", [&] {
            pg::SetLocally("lock_timeout", kShortLock);
            planned = PlanMembers();
        });
        not_before_ = not_before;
        held_back_ = planned.full;
        freed_ = 0;
        plan_ |= planned.more;
        members_due_ = planned.busy || (!done && !gone_) ? pg::WallClock() + kHeldPause : INT64_MAX;
    }

    void Settle(bool sending) {
        const int room = Room();
        const bool claim = sending && room > 0;
        Claimed claimed;
        try {
            if (!RunShortTransaction("pulse: settling messages", [&] {
                    Record(outcomes_, channels_);
                    if (claim) claimed = Claim(channels_, room);
                })) {
                if (!gone_ && !outcomes_.empty()) RecordOneByOne(std::exchange(outcomes_, {}));
                return;
            }
        } catch (const std::exception&) {
            // What was answered is worth more than the reason why the rest failed.
            if (claim && !outcomes_.empty())
                RunShortTransaction("pulse: recording messages", [&] { Record(outcomes_, channels_); });
            throw;
        }
        MarkWritten(channels_);
        freed_ += outcomes_.size();
        if (held_back_ && freed_ >= kRefill) plan_ = true;
        outcomes_.clear();
        if (!claim) {
            look_ = true;
            return;
        }
        look_ = claimed.again;
        full_ = claimed.full;
        next_due_ = claimed.next_due;
        dropped_ += claimed.dropped;
        claimed_ = std::move(claimed.messages);
    }

    // Somebody holds what one of the answers changes: it waits for that, the others do not.
    void RecordOneByOne(std::vector<SendResult> outcomes) {
        ChannelStates none;
        for (SendResult& outcome : outcomes) {
            const bool written = RunShortTransaction("pulse: recording a message", [&] {
                pg::SetLocally("lock_timeout", kShortLock);
                Record({outcome}, none);
            });
            if (gone_) return;
            if (!written) held_.push_back(std::move(outcome));
        }
        held_until_ = pg::WallClock() + kHeldPause;
        not_before_ = INT64_MIN;
        look_ = true;
    }

    void Send() {
        for (const Message& message : claimed_) {
            ChannelState& channel_state = channels_[message.channel];
            const Moment now = pg::WallClock();
            UnderWay under_way{message.channel,
                               message.kind,
                               channel_state.channel->kind,
                               message.attempts,
                               MaxAttempts(*channel_state.channel),
                               message.created_at,
                               now};
            ++channel_state.in_flight;
            if (message.attempts == 1) idle_since_ = now;
            const auto id = static_cast<uint64_t>(message.id);
            under_way_.emplace(message.id, std::move(under_way));
            try {
                const Envelope envelope{message.key, message.thread.empty() ? message.key : message.thread,
                                        message.event, "", message.created_at};
                exchange_.Send(id, MakeRequest(*channel_state.channel, envelope, message.payload, now));
            } catch (const std::exception& error) {
                // UserError's what() is its message.
                http::Response answer;
                answer.error = error.what();
                answer.forbidden = true;
                HandleResponse(message.id, answer);
            }
        }
        claimed_.clear();
    }

    void HandleResponse(int64_t id, const http::Response& answer) {
        const auto found = under_way_.find(id);
        if (found == under_way_.end()) return;
        const UnderWay message = std::move(found->second);
        under_way_.erase(found);
        ChannelState& channel_state = channels_[message.channel];
        --channel_state.in_flight;
        const Moment now = pg::WallClock();
        const http::Classification classified = ClassifyResponse(message.channel_kind, answer);
        Note(channel_state, classified, message.sent_at, now);

        SendResult outcome;
        outcome.id = id;
        outcome.kind = message.kind;
        outcome.at = now;
        outcome.status = answer.status;
        outcome.answer = Fit(answer.body);
        outcome.error = Fit(classified.reason);
        outcome.counts = !classified.overloaded || now - message.created_at > kOverloadPatience;
        if (classified.verdict == http::Verdict::kDelivered) {
            outcome.fate = SendResult::Fate::kSent;
            ++run_.done;
        } else if (classified.verdict != http::Verdict::kRetry ||
                   (outcome.counts && message.attempts >= message.max_attempts)) {
            outcome.fate = SendResult::Fate::kDead;
            ++dead_;
        } else {
            const int tries = outcome.counts
                                  ? message.attempts
                                  : std::clamp(channel_state.breaker.overloads(), 1, kMostOverloads);
            outcome.retry_at = now + http::RetryDelay(tries, classified.wait, RandomFraction());
            ++failed_;
        }
        if (outcome.fate == SendResult::Fate::kRetry) next_due_ = std::min(next_due_, outcome.retry_at);
        outcomes_.push_back(std::move(outcome));
    }

    static void Note(ChannelState& channel_state, const http::Classification& classified, Moment sent_at,
                     Moment now) {
        const http::CircuitBreaker::State before = channel_state.breaker.state();
        channel_state.breaker.Note(classified, sent_at, now, RandomFraction());
        channel_state.changed |= channel_state.breaker.state() != before;
        if (classified.verdict == http::Verdict::kDelivered) {
            channel_state.ok_at = now;
        } else {
            channel_state.error_at = now;
            channel_state.error = Fit(classified.reason);
        }
    }

    // Whether to go on. Who notifies after the last look finds nobody listening and wakes the launcher.
    bool ShouldContinue() {
        if (!under_way_.empty() || !outcomes_.empty() || !held_.empty()) return !gone_;
        if (gone_) return false;
        if (!pg::settings::run_jobs || !pg::settings::send_messages) return false;
        if (look_ || plan_ || pg::WallClock() < LingerUntil()) return true;
        return !scheduler_->StopListening(MyDatabaseId, Lane::kDelivery);
    }

    void Report() {
        run_.message = std::to_string(run_.done) + " sent, " + std::to_string(failed_) +
                       " to be tried again, " + std::to_string(dead_) + " given up, " +
                       std::to_string(dropped_) + " with nothing to say";
        if (!problem_.empty())
            throw UserError(sqlstate::kInternalError, "messages could not be planned", problem_);
    }

    pg::SchedulerState* scheduler_ = pg::SchedulerState::Find();
    http::Exchange exchange_;
    ChannelStates channels_;
    std::map<int64_t, UnderWay> under_way_;
    std::vector<Message> claimed_;
    std::vector<SendResult> outcomes_, held_;
    Moment held_until_ = INT64_MIN;
    bool plan_ = false, look_ = false;  // there may be notices, messages
    bool full_ = false;                 // there are messages that wait for a free place
    bool gone_ = false;                 // the extension, or this version of it
    Moment next_due_ = INT64_MAX, not_before_ = INT64_MIN;
    Moment members_due_ = INT64_MAX;     // somebody held back what there is to tell of people
    bool held_back_ = false;             // a channel has as many messages of it as may wait,
    size_t freed_ = 0;                   // of which so many have ended
    Moment idle_since_ = INT64_MIN / 2;  // nobody has written a message
    int64_t failed_ = 0, dead_ = 0, dropped_ = 0;
    std::string problem_;
    DeliveryRun run_;
};

}  // namespace

DeliveryRun Deliver() {
    return DeliveryWorker().Run();
}

}  // namespace pulse::delivery
