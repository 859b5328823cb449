// Events that later rooms report to subscriptions: about their own things, not about incidents, snapshots or
// single people. For entry code.
#pragma once

#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
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

}  // namespace pulse::delivery
