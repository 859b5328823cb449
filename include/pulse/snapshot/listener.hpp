// Lets a later room listen to new snapshots. Pure C++.
#pragma once

#include <cstdint>

namespace pulse::snapshot {

// Called in the transaction that wrote a snapshot which was measured, with a pg::Session as
// pg::Identity::Owner() open.
using SnapshotListener = void (*)(int64_t snapshot);

// Registers one more listener when the library is loaded; all are called, in the order added. Returns true so
// that a constant's initialiser can call it.
bool ListenToSnapshots(SnapshotListener listener);
void Announce(int64_t snapshot);

}  // namespace pulse::snapshot
