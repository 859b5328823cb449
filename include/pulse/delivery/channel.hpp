// Channels, the destinations of messages, and their options. Pure C++.
#pragma once

#include "pulse/base/error.hpp"
#include "pulse/base/options.hpp"

namespace pulse::delivery {

enum class ChannelKind { kSlack, kTeams, kResend, kSmtp, kWebhook, kPagerduty };

// "slack", "teams", "email" (both ways), "webhook", "pagerduty".
const char* Name(ChannelKind kind);

struct Channel {
    std::string name;
    ChannelKind kind = ChannelKind::kWebhook;
    options::List server, mapping;
};

// The options of pulse_channel, in the order in which hints list them.
const options::Table& ChannelOptions();

// Check what the table of options cannot express. Throws UserError 22023.
void CheckChannelOptions(options::Holder holder, const options::List& options);

// Combine the options of a server and its user mapping. Throws options::Incomplete.
Channel MakeChannel(const std::string& name, const options::List& server, const options::List& mapping);

// The maximum numbers of concurrent requests, and of attempts per message.
int MaxInFlight(const Channel& channel);
int MaxAttempts(const Channel& channel);

}  // namespace pulse::delivery
