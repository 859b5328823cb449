// Classification of responses, and delays before retries. Pure C++.
#pragma once

#include <string>

#include "pulse/base/time.hpp"

namespace pulse::http {

enum class Verdict {
    kDelivered,
    kRetry,    // a retry may succeed
    kRefused,  // this request will never succeed
    kGone,     // no request will succeed: the receiver reported that it no longer exists
};

struct Classification {
    Verdict verdict = Verdict::kRetry;
    std::string reason;       // empty when delivered; one line, no secrets
    int64_t wait = 0;         // microseconds that the receiver asked to wait, or 0
    bool overloaded = false;  // 429, 529 or Retry-After: pause the receiver, do not count the attempt

    static Classification Delivered();
    static Classification Retry(std::string reason, bool overloaded = false);
    static Classification Refused(std::string reason);
    static Classification Gone(std::string reason);
};

// Classifies an HTTP status alone; `said` is the receiver's text, for the reason. Any 2xx is delivered.
Classification ClassifyStatus(int status, const std::string& said);

// "what (status): said", or "what (status)" if `said` is empty.
std::string Reason(const char* what, int status, const std::string& said);

// The maximum time that a receiver can ask to wait, in microseconds.
inline constexpr int64_t kLongestWait = kDay;

// The delay before the next attempt after `attempts` attempts (1 or more): 5 s, 20 s, 80 s … 6 h, times a
// factor of 0.75..1 (`jitter` from 0 to 1), and not less than the receiver asked for, up to a day.
int64_t RetryDelay(int attempts, int64_t wait, double jitter);

// The pause of a receiver after `overloads` consecutive overloads: 1 s, 2 s, 4 s … 10 min.
int64_t RestPause(int overloads);

// The pause of a receiver after `failures` consecutive failed attempts; 0: none yet.
int64_t BreakerPause(int failures, double jitter);

}  // namespace pulse::http
