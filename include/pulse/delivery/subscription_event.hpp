// Events of subscriptions that later rooms send themselves, such as campaign.warned. Pure C++.
#pragma once

#include <string>
#include <vector>

namespace pulse::delivery {

// When the library is loaded. Returns true, so that a constant can do it.
bool RegisterSubscriptionEvents(const std::vector<std::string>& events);
const std::vector<std::string>& RegisteredSubscriptionEvents();

}  // namespace pulse::delivery
