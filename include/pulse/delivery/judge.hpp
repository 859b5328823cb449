// What an answer means for a message, and when to try again: the retry table of each protocol. Pure C++.
#pragma once

#include "pulse/base/time.hpp"
#include "pulse/delivery/channel.hpp"
#include "pulse/delivery/http.hpp"

namespace pulse::delivery {

enum class Verdict {
    kDelivered,
    kRetry,    // it may work later
    kRefused,  // this message never will
    kGone,     // nor will any other to this receiver: it says so
};

struct Judgement {
    Verdict verdict = Verdict::kRetry;
    std::string reason;  // empty when delivered; one line, no secrets
    int64_t wait = 0;    // microseconds that the receiver asked for; 0: it did not
    bool overloaded =
        false;  // 429, 529, or it said when to come again: the channel rests, the message is not to blame
};

Judgement Judge(ChannelKind kind, const Answer& answer);

// How long to wait before the next try after `attempts` tries (1 or more): 5 s, 20 s, 80 s … 6 h, times
// `random` in 0.75..1 (`jitter` from 0 to 1), and not less than the receiver asked for, up to a day.
int64_t RetryDelay(int attempts, int64_t wait, double jitter);

// How long a channel rests after it was told `overloads` times in a row that it is too much: 1 s, 2 s, 4 s …
// 10 min.
int64_t RestPause(int overloads);

// How long a channel rests after `failures` failed tries in a row; 0: it does not yet.
int64_t BreakerPause(int failures, double jitter);

}  // namespace pulse::delivery
