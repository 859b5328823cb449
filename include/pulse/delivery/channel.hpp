// Channels: where messages go, and which options they have. Pure C++.
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

// The options of pulse_channel, in the order in which they are told.
const options::Table& ChannelOptions();

// Check what the table cannot say about a server's or a mapping's options. Throws UserError 22023.
void CheckChannelOptions(options::Holder holder, const options::List& options);

// An option is missing: 22023.
class IncompleteChannel : public UserError {
  public:
    using UserError::UserError;
};

// Put the options of a server and its mapping together. Throws UserError 22023 naming what is missing, e.g.
// the mapping's url.
Channel MakeChannel(const std::string& name, const options::List& server, const options::List& mapping);

// How many requests may be under way to it at once, and how often one message is tried.
int MaxInFlight(const Channel& channel);
int MaxAttempts(const Channel& channel);

}  // namespace pulse::delivery
