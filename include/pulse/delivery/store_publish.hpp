// Events that later rooms report to subscriptions: about their own things, not about incidents, snapshots or
// single people. For entry code.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace pulse::delivery {

// Adds names of events that pulse_subscribe() takes, when the library is loaded. Returns true, so that the
// initialiser of a constant can call it.
bool RegisterEventNames(std::initializer_list<const char*> names);
const std::vector<std::string>& RegisteredEventNames();

// Writes the messages of an event, {type, timestamp, data}, in the caller's transaction: one for each
// subscription that wants it. Those with the same order key are sent one after the other. Needs an open
// pg::Session as pg::Identity::Owner().
void PublishEvent(const std::string& event, const std::string& order_key, const nlohmann::json& data);

// What ordinary channels are told besides incidents.
struct Alert {
    std::string route_event;  // what routes call it: "health" or "action"
    std::string event;        // its name for subscriptions, such as action.blocked
    std::string order_key;    // messages of the same one are sent one after the other
    std::string severity;
    bool over = false;  // it is well again
    std::string subject, headline, segment = {};
    std::vector<std::string> sentences = {};
    std::string advice = {};
    nlohmann::json data = {};  // what a webhook gets
    std::string not_to = {};   // a channel that is not told
};

// Writes a message for each channel of the routes that carry it, in the caller's transaction. Needs an open
// pg::Session as pg::Identity::Owner().
void TellRoutes(const Alert& alert);

}  // namespace pulse::delivery
