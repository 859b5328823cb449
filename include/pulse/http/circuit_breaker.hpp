// The circuit breaker of one receiver: how many requests it may get now. Pure C++.
#pragma once

#include <optional>

#include "pulse/base/time.hpp"
#include "pulse/http/retry.hpp"

namespace pulse::http {

class CircuitBreaker {
  public:
    // As in pulse.channel_state.
    struct State {
        int failures = 0;  // in a row
        std::optional<Moment> open_until;
        bool disabled = false;

        bool operator==(const State&) const = default;
    };

    const State& state() const { return state_; }
    void Load(const State& state) { state_ = state; }

    // The number of consecutive overloads.
    int overloads() const { return overloads_; }

    // How many more requests may start in addition to `in_flight`: none while the breaker is open or
    // disabled, then one at a time until one succeeds.
    int Room(Moment now, int in_flight, int limit) const;

    // Records the result of a request that started at `sent_at`; `jitter` is from 0 to 1. Requests that were
    // in flight when the breaker opened do not count as further failures.
    void Note(const Classification& classified, Moment sent_at, Moment now, double jitter);

  private:
    State state_;
    std::optional<Moment> opened_at_, rested_at_;
    int overloads_ = 0;
};

}  // namespace pulse::http
