// What a response means for the one who sent the request, and when to try again. Pure C++.
#pragma once

#include <string>

#include "pulse/base/time.hpp"

namespace pulse::http {

enum class Verdict {
    kDelivered,
    kRetry,    // it may work later
    kRefused,  // this request never will
    kGone,     // nor will any other to this receiver: it says so
};

struct Classification {
    Verdict verdict = Verdict::kRetry;
    std::string reason;  // empty when delivered; one line, no secrets
    int64_t wait = 0;    // microseconds that the receiver asked for; 0: it did not
    bool overloaded =
        false;  // 429, 529, or it said when to come again: the receiver rests, the request is not to blame

    static Classification Delivered();
    static Classification Retry(std::string reason, bool overloaded = false);
    static Classification Refused(std::string reason);
    static Classification Gone(std::string reason);
};

// The class of an HTTP status alone; `said` is what the receiver said with it, for the reason. Any 2xx is
// delivered.
Classification ClassifyStatus(int status, const std::string& said);

// "what (status): said", without what is empty.
std::string Reason(const char* what, int status, const std::string& said);

// The longest time that a receiver can ask for, in microseconds.
inline constexpr int64_t kLongestWait = kDay;

// How long to wait before the next try after `attempts` tries (1 or more): 5 s, 20 s, 80 s … 6 h, times
// `random` in 0.75..1 (`jitter` from 0 to 1), and not less than the receiver asked for, up to a day.
int64_t RetryDelay(int attempts, int64_t wait, double jitter);

// How long a receiver rests after it answered `overloads` times in a row that it is too much: 1 s, 2 s, 4 s …
// 10 min.
int64_t RestPause(int overloads);

// How long a receiver rests after `failures` failed tries in a row; 0: it does not yet.
int64_t BreakerPause(int failures, double jitter);

}  // namespace pulse::http
