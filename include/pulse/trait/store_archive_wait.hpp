// People who cannot be evaluated without events that are on an archive: they keep their state, and a job
// reads the events and evaluates them. For entry code of this room; needs an open pg::Session as
// pg::Identity::Owner().
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pulse/base/time.hpp"

namespace pulse::trait {

// Whether events are on an archive, or somebody waits for one. Until the transaction ends no event goes to an
// archive or comes back.
bool ArchiveInUse();

// Those of these people who have events on an archive.
std::set<int64_t> WithArchivedEvents(const std::vector<int64_t>& people);
// Those of these people who wait.
std::set<int64_t> WaitingForArchive(const std::vector<int64_t>& people);
// Since when a person waits. Needs no session.
std::optional<Moment> WaitsForArchive(int64_t person);

// A person who begins to wait, or goes on. `building`: definitions in progress cannot be completed before.
struct ArchiveWait {
    int64_t profile = 0;
    std::string cause;
    bool quiet = false, building = false;
};
// Their stored states count as valid until they are evaluated; the job is woken.
void WaitForArchive(const std::vector<ArchiveWait>& people);
void ForgetArchiveWaits(const std::vector<int64_t>& people);

// Whether definitions in progress wait for somebody.
bool ABuildWaitsForArchive();
// The number of people for whom definitions in progress are not complete.
int64_t BuildsWaitingForArchive();

}  // namespace pulse::trait
