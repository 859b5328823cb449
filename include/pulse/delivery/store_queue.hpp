// The outbox functions of the delivery worker. For entry code; all need an open pg::Session as
// pg::Identity::Owner() in a transaction of the worker.
#pragma once

#include <map>

#include "pulse/http/circuit_breaker.hpp"
#include "pulse/delivery/store.hpp"

namespace pulse::delivery {

// lock_timeout for work on the queue, in milliseconds: shorter than deadlock_timeout.
inline constexpr const char* kShortLock = "10";

// The state of a channel in the worker.
struct ChannelState {
    std::optional<Channel> channel;
    std::string problem;  // why it could not be loaded
    Moment loaded_at = 0, looked_at = 0;
    http::CircuitBreaker breaker;
    http::CircuitBreaker::State known;  // the state last read from or written to pulse.channel_state
    int in_flight = 0;
    // To be saved with the next results.
    bool changed = false;
    std::optional<Moment> ok_at, error_at;
    std::string error;
    Moment written_at = 0, held_at = 0;  // held_at: when another session held its row
    bool writing = false;
};
using ChannelStates = std::map<std::string, ChannelState>;

// ---- store_outbox.cpp ----

// At the beginning of a run, while no other worker sends: makes messages that a dead worker was sending
// pending again, and releases messages that wait without a reason.
int64_t RecoverInterrupted();

// ---- store_claim.cpp ----

struct Claimed {
    std::vector<Message> messages;  // marked as being sent
    Moment next_due = INT64_MAX;    // when the next message is due
    bool full = false;              // a channel has more due messages than its limit allows now
    bool again = false;             // there are more messages to read
    int64_t dropped = 0;            // messages ended without being sent
};
// Claims up to `room` due messages of all channels, within the limits of each channel.
Claimed Claim(ChannelStates& channels, int room);

// ---- store_record.cpp ----

// The result of an attempt.
struct SendResult {
    int64_t id = 0;
    enum class Fate { kSent, kRetry, kDead } fate = Fate::kRetry;
    std::string kind;    // of the message
    bool counts = true;  // as an attempt
    Moment at = 0, retry_at = 0;
    int status = 0;  // of the answer; 0: no answer
    std::string answer, error;
};
// Saves the results of attempts and the states of channels, except for channels whose row another session
// holds, which are left for the next time. Returns whether it released waiting messages.
bool Record(const std::vector<SendResult>& outcomes, ChannelStates& channels);
// To be called when the transaction of Record() is committed.
void MarkWritten(ChannelStates& channels);

// Gives messages that were folded into `ended` ones their status, and adds them to `ended`.
void EndFolded(std::vector<int64_t>& ended);

// Releases the messages that waited for these, which have ended. The worker does not wait for locks: it
// leaves locked messages to ReleaseAll(). Returns whether any message was released.
bool Release(const std::vector<int64_t>& ended, bool in_worker = false);

// Whether the worker left something to ReleaseAll().
bool HasUnreleased();

// Releases the first waiting message of each channel and order key. False if another session holds one.
bool ReleaseAll();

}  // namespace pulse::delivery
