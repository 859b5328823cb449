#include "pulse/snapshot/listener.hpp"

namespace pulse::snapshot {

namespace {

constinit SnapshotListener current = nullptr;

}  // namespace

bool ListenToSnapshots(SnapshotListener listener) {
    current = listener;
    return true;
}

void Announce(int64_t snapshot) {
    if (current) current(snapshot);
}

}  // namespace pulse::snapshot
