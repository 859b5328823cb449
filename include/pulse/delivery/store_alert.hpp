// Alerts: messages to ordinary channels besides those about incidents. For entry code.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace pulse::delivery {

struct Alert {
    std::string route_event;  // what routes call it: "health" or "action"
    std::string event;        // its name for subscriptions, such as action.blocked
    std::string order_key;    // messages of the same one are sent one after the other
    std::string severity;
    bool over = false;  // the problem has ended
    std::string subject, headline, segment = {};
    std::vector<std::string> sentences = {};
    std::string advice = {};
    nlohmann::json data = {};         // what a webhook gets
    std::string except_channel = {};  // a channel that does not get it
};

// Writes a message for each channel of the routes that carry it, in the caller's transaction. Needs an open
// pg::Session as pg::Identity::Owner().
void RouteAlert(const Alert& alert);

}  // namespace pulse::delivery
