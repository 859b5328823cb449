// The delivery worker: plans and claims messages, sends them with no transaction open, and records the
// results.
#include <algorithm>

#include "pulse/base/random.hpp"
#include "pulse/delivery/excerpt.hpp"
#include "pulse/delivery/classify_response.hpp"
#include "pulse/delivery/payload.hpp"
#include "pulse/delivery/store_job.hpp"
#include "pulse/delivery/store_queue.hpp"
#include "pulse/http/worker_exchange.hpp"
#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/lane_worker.hpp"
#include "pulse/pg/memory.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/transaction.hpp"

namespace pulse::delivery {

namespace {

constexpr int64_t kWaitAtMost = 30 * kSecond;
// Results are recorded in batches. The maximum delay of a result is shorter when messages wait for a free
// slot.
constexpr int64_t kOldestOutcome = 50'000;
constexpr int64_t kOldestInQueue = 5'000;
constexpr size_t kEnoughOutcomes = 64;
// Delay after a conflict with another session's lock.
constexpr int64_t kBusyPause = 200'000;
constexpr int64_t kHeldPause = kSecond;
constexpr int64_t kNotices = 500;
// Free places that a full channel needs before more messages are planned for it.
constexpr size_t kRefill = 1000;
constexpr size_t kAnswerLength = 500;
// If a message is older than this, attempts count even if the receiver is overloaded.
constexpr int64_t kOverloadPatience = kDay;
// Maximum growth of a message's delay by overloads: the pause of the channel is what grows.
constexpr int kMostOverloads = 4;

std::string Fit(const std::string& text) {
    return Excerpt(text, kAnswerLength);
}

// A message that waits for its answer.
struct UnderWay {
    std::string channel, kind;  // of the message
    ChannelKind channel_kind;
    int attempts, max_attempts;
    Moment created_at, sent_at;
};

class DeliveryWorker : private pg::LaneWorker {
  public:
    DeliveryWorker() : LaneWorker(kDeliveryJob, kBusyPause) {
        idle_since_ = INT64_MIN / 2;  // there was no new message yet
    }

    DeliveryRun Run() {
        {
            const pg::Arena arena("pulse delivery");
            RunShortTransaction("pulse: recovering messages", [] { RecoverInterrupted(); });
        }
        plan_ = look_ = true;
        Loop();
        Report();
        return run_;
    }

  private:
    void RunOnce() override {
        if (pg::ReloadIfAsked()) {
            exchange_.Reload();
            plan_ = look_ = true;
        }
        const Moment now = pg::WallClock();
        if (TakeNotification()) {
            plan_ = look_ = true;
            idle_since_ = now;
        }
        if (now >= next_due_) look_ = true;
        if (now >= feeds_due_) plan_ = true;
        const bool sending = pg::settings::send_messages && !gone_;
        if (now >= not_before_) {
            if (plan_ && sending) Plan();
            if (ShouldSettle(now, sending)) Settle(sending);
        }
        if (!held_.empty() && now >= held_until_) RecordOneByOne(std::exchange(held_, {}));
        Send();
        if (!Unfinished() && (!pg::settings::send_messages || gone_)) return;  // nothing to wait for
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

    bool Unfinished() const override { return !under_way_.empty() || !outcomes_.empty() || !held_.empty(); }
    bool WorkPending() const override { return look_ || plan_; }
    Moment NextDue() const override { return std::min(next_due_, feeds_due_); }

    // In milliseconds. Never -1 (no limit), as an idle worker ends.
    long WaitTime(bool sending) const {
        const Moment now = pg::WallClock();
        const bool work = !under_way_.empty() || !outcomes_.empty() || look_ || plan_;
        Moment until = std::min(work ? now + kWaitAtMost : IdleDeadline(), std::max(SettleAt(), not_before_));
        if (!held_.empty()) until = std::min(until, held_until_);
        if (sending && Room() > 0) {
            if (look_ || plan_ || Notified()) until = std::min(until, not_before_);
            until = std::min(until, std::max(NextDue(), not_before_));
        }
        return until <= now ? 0 : static_cast<long>((until - now) / 1000 + 1);
    }

    // Turns notices into messages. A failure here does not stop the sending of existing messages.
    void Plan() {
        plan_ = false;
        look_ = true;
        try {
            int64_t planned = 0;
            if (!RunShortTransaction("pulse: planning messages", [&] { planned = PlanNotices(kNotices); }) &&
                !gone_)
                plan_ = true;
            if (planned >= kNotices) plan_ = true;
            PlanAboutPeople();
        } catch (const pg::Error& error) {
            if (pg::MeantForAll(error)) throw;
            problem_ = error.message;
        } catch (const UserError& error) {
            problem_ = error.message();
        }
    }

    // Plans messages about single people. A lock here delays nothing else.
    void PlanAboutPeople() {
        PlannedFeeds planned;
        const Moment not_before = not_before_;
        const bool done = RunShortTransaction("pulse: planning messages about people", [&] {
            pg::SetLocally("lock_timeout", kShortLock);
            planned = PlanFeeds();
        });
        not_before_ = not_before;
        held_back_ = planned.full;
        freed_ = 0;
        plan_ |= planned.more;
        feeds_due_ = planned.busy || (!done && !gone_) ? pg::WallClock() + kHeldPause : INT64_MAX;
    }

    void Settle(bool sending) {
        const int room = Room();
        const bool claim = sending && room > 0;
        Claimed claimed;
        try {
            if (!RunShortTransaction("pulse: recording and claiming messages", [&] {
                    Record(outcomes_, channels_);
                    if (claim) claimed = Claim(channels_, room);
                })) {
                if (!gone_ && !outcomes_.empty()) RecordOneByOne(std::exchange(outcomes_, {}));
                return;
            }
        } catch (const std::exception&) {
            // The results are recorded even if claiming new messages failed.
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

    // Another session has locked a message whose result is to be recorded: only that result waits.
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
                exchange_.Send(id, MakeRequest(*channel_state.channel, envelope, message.payload, now,
                                               message.attachments));
            } catch (const std::exception& error) {
                // The what() of a UserError is its message.
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
            const int attempts = outcome.counts
                                     ? message.attempts
                                     : std::clamp(channel_state.breaker.overloads(), 1, kMostOverloads);
            outcome.retry_at = now + http::RetryDelay(attempts, classified.wait, RandomFraction());
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

    void Report() {
        run_.message = std::to_string(run_.done) + " sent, " + std::to_string(failed_) + " to be retried, " +
                       std::to_string(dead_) + " failed, " + std::to_string(dropped_) + " skipped";
        if (!problem_.empty())
            throw UserError(sqlstate::kInternalError, "messages could not be planned", problem_);
    }

    http::Exchange exchange_;
    ChannelStates channels_;
    std::map<int64_t, UnderWay> under_way_;
    std::vector<Message> claimed_;
    std::vector<SendResult> outcomes_, held_;
    Moment held_until_ = INT64_MIN;
    bool plan_ = false, look_ = false;  // there may be notices, due messages
    bool full_ = false;                 // messages wait for a free slot
    Moment next_due_ = INT64_MAX;
    Moment feeds_due_ = INT64_MAX;  // retry after another session held back events about people
    bool held_back_ = false;        // a channel has its maximum of pending messages about people
    size_t freed_ = 0;              // messages that have ended since then
    int64_t failed_ = 0, dead_ = 0, dropped_ = 0;
    std::string problem_;
    DeliveryRun run_;
};

}  // namespace

DeliveryRun Deliver() {
    return DeliveryWorker().Run();
}

}  // namespace pulse::delivery
