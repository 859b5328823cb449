// Lets a later room listen to new snapshots. Pure C++.
#pragma once

#include <cstdint>
#include <string>

namespace pulse::snapshot {

// Called in the transaction that wrote a snapshot which was measured, with a pg::Session as
// pg::Identity::Owner() open.
using SnapshotListener = void (*)(int64_t snapshot);

// Registers one more listener when the library is loaded; all are called, in the order added. Returns true so
// that a constant's initialiser can call it.
bool ListenToSnapshots(SnapshotListener listener);
void Announce(int64_t snapshot);

// The same for snapshots that somebody asked for together with a check for drift. Called when the snapshot is
// there: outside of any transaction in a worker, otherwise in the transaction of pulse_run_job().
using RequestListener = void (*)(const std::string& segment, bool in_worker);
bool ListenToRequests(RequestListener listener);
void AnnounceRequested(const std::string& segment, bool in_worker);

}  // namespace pulse::snapshot
