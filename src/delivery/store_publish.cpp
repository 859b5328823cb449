// Messages of events that later rooms report.
#include "pulse/delivery/store_publish.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pulse/delivery/escape.hpp"
#include "pulse/delivery/store_route.hpp"
#include "pulse/pg/settings.hpp"

namespace pulse::delivery {

namespace {

std::vector<std::string>& EventNames() {
    static std::vector<std::string> names;
    return names;
}

}  // namespace

bool RegisterEventNames(std::initializer_list<const char*> names) {
    EventNames().insert(EventNames().end(), names.begin(), names.end());
    return true;
}

const std::vector<std::string>& RegisteredEventNames() {
    return EventNames();
}

void PublishEvent(const std::string& event, const std::string& order_key, const nlohmann::json& data) {
    std::vector<EventMessage> messages;
    for (const Subscription& each : LoadSubscriptions())
        if (each.segments.empty() && each.Wants(event, ""))
            messages.push_back({each.channel,
                                event,
                                std::nullopt,
                                order_key,
                                {{"type", event}, {"timestamp", IsoTime(pg::Now())}, {"data", data}}});
    InsertEvents(messages);
}

}  // namespace pulse::delivery
