// Limits the requests to a destination to what the platform allows. Pure C++.
#pragma once

#include <deque>
#include <vector>

#include "pulse/audience/platform.hpp"

namespace pulse::audience {

class RateLimit {
  public:
    explicit RateLimit(std::vector<RateRule> rules, int max_in_flight = 1);

    // How long to wait before another request, in microseconds; 0: it may start now. Nothing may start while
    // `max_in_flight` are in flight (kDay: until one ends).
    int64_t Wait(Moment now) const;
    // A request starts, or has ended.
    void Start(Moment now);
    void End();
    // Nothing starts before `until`.
    void Pause(Moment until);

    int in_flight() const { return in_flight_; }

  private:
    // Counts per part of the span: never more than the rule in any span, and at times fewer.
    struct Window {
        RateRule rule;
        std::deque<std::pair<Moment, int64_t>> counts;  // beginning of the part, requests in it
        int64_t total = 0;
    };
    int64_t Part(const Window& window) const;
    void Forget(Window& window, Moment now) const;

    std::vector<Window> windows_;
    int max_in_flight_, in_flight_ = 0;
    Moment paused_until_ = 0;
};

}  // namespace pulse::audience
