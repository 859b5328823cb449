#include "pulse/snapshot/listener.hpp"

#include "pulse/base/listeners.hpp"

namespace pulse::snapshot {

namespace {

constinit Listeners<int64_t> snapshot_listeners;
constinit Listeners<const std::string&, bool> request_listeners;

}  // namespace

bool ListenToSnapshots(SnapshotListener listener) {
    return snapshot_listeners.Add(listener);
}

void Announce(int64_t snapshot) {
    snapshot_listeners.Notify(snapshot);
}

bool ListenToRequests(RequestListener listener) {
    return request_listeners.Add(listener);
}

void AnnounceRequested(const std::string& segment, bool in_worker) {
    request_listeners.Notify(segment, in_worker);
}

}  // namespace pulse::snapshot
