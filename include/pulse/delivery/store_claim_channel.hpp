// One channel's share of a claim: its due messages in their order, composed, marked as being sent or ended.
// For store_claim.cpp; needs an open pg::Session as pg::Identity::Owner().
#pragma once

#include "pulse/delivery/store_queue.hpp"

namespace pulse::delivery {

// Delay after a lock held by another session.
inline constexpr int64_t kLocked = kSecond;

// Whether a retry may succeed: a lock, a full disk, no memory, a server that is shutting down.
bool IsTransient(const pg::Error& error);

// Adds up to `room` messages to `claimed`, and the time of the next one. `composable`: how many may still be
// composed in this transaction. A failure of one message ends or postpones that message only.
void ClaimOfChannel(const std::string& name, ChannelState& channel_state, int room, Moment now,
                    int& composable, Claimed& claimed);

}  // namespace pulse::delivery
