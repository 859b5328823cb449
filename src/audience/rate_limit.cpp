#include "pulse/audience/rate_limit.hpp"

#include <algorithm>

namespace pulse::audience {

namespace {

constexpr int64_t kParts = 20;

}  // namespace

RateLimit::RateLimit(std::vector<RateRule> rules, int max_in_flight)
    : max_in_flight_(std::max(max_in_flight, 1)) {
    for (const RateRule& rule : rules)
        if (rule.requests > 0 && rule.span > 0) windows_.push_back({rule, {}, 0});
}

int64_t RateLimit::Part(const Window& window) const {
    return std::max<int64_t>(window.rule.span / kParts, 1);
}

// What began and ended before the span; a part counts until its last request is out of it.
void RateLimit::Forget(Window& window, Moment now) const {
    while (!window.counts.empty() && window.counts.front().first + Part(window) + window.rule.span <= now) {
        window.total -= window.counts.front().second;
        window.counts.pop_front();
    }
}

int64_t RateLimit::Wait(Moment now) const {
    if (in_flight_ >= max_in_flight_) return kDay;
    int64_t wait = std::max<int64_t>(paused_until_ - now, 0);
    for (const Window& window : windows_) {
        int64_t counted = window.total;
        for (const auto& [begin, count] : window.counts) {
            const Moment out = begin + Part(window) + window.rule.span;
            if (out > now) {
                if (counted < window.rule.requests) break;
                wait = std::max(wait, out - now);
            }
            counted -= count;
        }
    }
    return wait;
}

void RateLimit::Start(Moment now) {
    ++in_flight_;
    for (Window& window : windows_) {
        Forget(window, now);
        const int64_t part = Part(window);
        // After a clock that was set back, everything stays in the last part.
        if (window.counts.empty() || now >= window.counts.back().first + part)
            window.counts.emplace_back(now, 0);
        ++window.counts.back().second;
        ++window.total;
    }
}

void RateLimit::End() {
    in_flight_ = std::max(in_flight_ - 1, 0);
}

void RateLimit::Pause(Moment until) {
    paused_until_ = std::max(paused_until_, until);
}

}  // namespace pulse::audience
