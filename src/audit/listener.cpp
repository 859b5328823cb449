#include "pulse/audit/listener.hpp"

#include "pulse/base/listeners.hpp"

namespace pulse::audit {

namespace {

constinit Listeners<const Checkpoint&> checkpoint_listeners;

}  // namespace

bool ListenToCheckpoints(CheckpointListener listener) {
    return checkpoint_listeners.Add(listener);
}

void Announce(const Checkpoint& checkpoint) {
    checkpoint_listeners.Notify(checkpoint);
}

}  // namespace pulse::audit
