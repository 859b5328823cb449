// The outbox as its worker sees it. For entry code; needs an open pg::Session as pg::Identity::Owner() in a
// transaction of the worker's.
#pragma once

#include <map>

#include "pulse/http/circuit_breaker.hpp"
#include "pulse/delivery/store.hpp"

namespace pulse::delivery {

// How long work on the queue waits for a lock, in milliseconds: shorter than deadlock_timeout.
inline constexpr const char* kShortLock = "10";

// A channel while the worker runs.
struct ChannelState {
    std::optional<Channel> channel;
    std::string problem;  // why there is none
    Moment loaded_at = 0, looked_at = 0;
    http::CircuitBreaker breaker;
    http::CircuitBreaker::State known;  // as pulse.channel_state had it when it was last read or written
    int in_flight = 0;
    // To be written down with the next outcomes.
    bool changed = false;
    std::optional<Moment> ok_at, error_at;
    std::string error;
    Moment written_at = 0, held_at = 0;  // and when somebody held its row
    bool writing = false;
};
using ChannelStates = std::map<std::string, ChannelState>;

// ---- store_outbox.cpp ----

// At the beginning of a run, when nobody else sends: takes back what a worker that died was sending, and lets
// go of those whose turn has come without anybody telling them.
int64_t RecoverInterrupted();

// ---- store_claim.cpp ----

struct Claimed {
    std::vector<Message> messages;  // marked as being sent
    Moment next_due = INT64_MAX;    // of what cannot be sent yet
    bool full = false;              // some channel has more than it may be sent now
    bool again = false;             // there is more to look at
    int64_t dropped = 0;            // ended without being sent
};
// Takes up to `room` due messages of all channels, each channel's share by its own limits.
Claimed Claim(ChannelStates& channels, int room);

// ---- store_record.cpp ----

// How a try ended.
struct SendResult {
    int64_t id = 0;
    enum class Fate { kSent, kRetry, kDead } fate = Fate::kRetry;
    std::string kind;    // of the message
    bool counts = true;  // as a try
    Moment at = 0, retry_at = 0;
    int status = 0;  // of the answer; 0: none came
    std::string answer, error;
};
// Writes down how tries ended and how the channels are; a channel whose row somebody holds is left for the
// next time. Returns whether others have their turn now.
bool Record(const std::vector<SendResult>& outcomes, ChannelStates& channels);
// What Record() wrote about channels is committed.
void MarkWritten(ChannelStates& channels);

// What was folded into messages that have ended shares their fate; they are added to `ended`.
void EndFolded(std::vector<int64_t>& ended);

// Lets the next one wait no longer after these have ended. The worker waits for nobody's lock: what it could
// not let go of is left to ReleaseAll().
bool Release(const std::vector<int64_t>& ended, bool in_worker = false);

// Whether the worker left something to ReleaseAll().
bool HasUnreleased();

// Lets the first of each channel and order key wait no longer, unless somebody holds it: then it is false.
bool ReleaseAll();

}  // namespace pulse::delivery
