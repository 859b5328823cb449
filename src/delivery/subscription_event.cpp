#include "pulse/delivery/subscription_event.hpp"

namespace pulse::delivery {

namespace {

std::vector<std::string>& LaterEvents() {
    static std::vector<std::string> events;
    return events;
}

}  // namespace

bool RegisterSubscriptionEvents(const std::vector<std::string>& events) {
    LaterEvents().insert(LaterEvents().end(), events.begin(), events.end());
    return true;
}

const std::vector<std::string>& RegisteredSubscriptionEvents() {
    return LaterEvents();
}

}  // namespace pulse::delivery
