// How much may be sent to one channel now: its limit, and its circuit breaker. Pure C++.
#pragma once

#include <optional>

#include "pulse/base/time.hpp"
#include "pulse/http/retry.hpp"

namespace pulse::http {

class CircuitBreaker {
  public:
    // As pulse.channel_state has it.
    struct State {
        int failures = 0;  // in a row
        std::optional<Moment> open_until;
        bool disabled = false;

        bool operator==(const State&) const = default;
    };

    const State& state() const { return state_; }
    void Load(const State& state) { state_ = state; }

    // How often in a row the receiver said that it is too much.
    int overloads() const { return overloads_; }

    // How many more requests may begin while `in_flight` are under way: none while it is open or disabled,
    // one at a time after that until one succeeds.
    int Room(Moment now, int in_flight, int limit) const;

    // Takes over how a request that began at `sent_at` ended; `jitter` from 0 to 1. What was under way when
    // the breaker opened is one failure with what opened it.
    void Note(const Classification& classified, Moment sent_at, Moment now, double jitter);

  private:
    State state_;
    std::optional<Moment> opened_at_, rested_at_;
    int overloads_ = 0;
};

}  // namespace pulse::http
