#include "pulse/http/circuit_breaker.hpp"

#include <algorithm>

namespace pulse::http {

int CircuitBreaker::Room(Moment now, int in_flight, int limit) const {
    if (state_.disabled || (state_.open_until && *state_.open_until > now)) return 0;
    const bool trying = state_.open_until && (state_.failures > 0 || overloads_ > 0);
    return std::max(0, (trying ? 1 : limit) - in_flight);
}

void CircuitBreaker::Note(const Classification& classified, Moment sent_at, Moment now, double jitter) {
    if (classified.overloaded) {
        // Requests that were in flight when the pause began belong to the same overload.
        if (!rested_at_ || sent_at >= *rested_at_) {
            ++overloads_;
            rested_at_ = now;
        }
        const Moment until = now + std::max(classified.wait, RestPause(overloads_));
        state_.open_until = std::max(state_.open_until.value_or(until), until);
        return;
    }
    switch (classified.verdict) {
        case Verdict::kGone: state_.disabled = true; return;
        case Verdict::kDelivered:
        case Verdict::kRefused:  // the receiver is available and answers
            // The answer to a request from before the failures does not show the current state.
            if (opened_at_ && sent_at < *opened_at_) return;
            if (!rested_at_ || sent_at >= *rested_at_) overloads_ = 0;
            state_.failures = 0;
            if (!state_.open_until || *state_.open_until <= now) state_.open_until.reset();
            return;
        case Verdict::kRetry: break;
    }
    if (opened_at_ && sent_at < *opened_at_) return;
    ++state_.failures;
    const int64_t pause = BreakerPause(state_.failures, jitter);
    if (pause <= 0) return;
    state_.open_until = now + pause;
    opened_at_ = now;
}

}  // namespace pulse::http
