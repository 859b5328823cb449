// Lets a later room take the heads of the chain outside. Pure C++.
#pragma once

#include <cstdint>
#include <string>

#include "pulse/base/time.hpp"

namespace pulse::audit {

// A head of the chain.
struct Checkpoint {
    int64_t seq = 0;
    std::string hash;  // as bytes
    Moment at = 0;
};

// Called in the transaction that wrote a row of pulse.audit_checkpoint, with a pg::Session as
// pg::Identity::Owner() open.
using CheckpointListener = void (*)(const Checkpoint& checkpoint);

// When the library is loaded; all that are registered are called. Returns true, so that a constant can do it.
bool ListenToCheckpoints(CheckpointListener listener);
void Announce(const Checkpoint& checkpoint);

}  // namespace pulse::audit
