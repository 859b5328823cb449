#include "pulse/snapshot/listener.hpp"

#include "pulse/base/listeners.hpp"

namespace pulse::snapshot {

namespace {

constinit Listeners<int64_t> snapshot_listeners;

}  // namespace

bool ListenToSnapshots(SnapshotListener listener) {
    return snapshot_listeners.Add(listener);
}

void Announce(int64_t snapshot) {
    snapshot_listeners.Notify(snapshot);
}

}  // namespace pulse::snapshot
