// Who wants to know of new snapshots: a room that comes after this one. Pure C++.
#pragma once

#include <cstdint>

namespace pulse::snapshot {

// Called in the transaction that wrote a snapshot which was measured, with a pg::Session as
// pg::Identity::Owner() open.
using SnapshotListener = void (*)(int64_t snapshot);

// Set when the library is loaded; returns true, so that a constant can do it.
bool ListenToSnapshots(SnapshotListener listener);
void Announce(int64_t snapshot);

}  // namespace pulse::snapshot
