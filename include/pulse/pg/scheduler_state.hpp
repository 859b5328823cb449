// What the launcher, the workers and the sessions of a server tell each other: a small table in shared
// memory.
//
// With shared_preload_libraries it lies in the main shared memory, one for the server. A launcher that
// pulse_start() began makes one of its own, for itself and its workers. Everything is protected by one
// spinlock, held for a few instructions.
#pragma once

#include <algorithm>
#include <array>

#include "pulse/pg/error.hpp"
#include "pulse/base/time.hpp"

extern "C" {
struct Latch;
}

namespace pulse::pg {

inline constexpr Moment kNever = INT64_MAX;
inline constexpr Moment kAtOnce = INT64_MIN;

enum class Presence : uint8_t { kUnknown, kPresent, kAbsent, kOtherVersion };

// What a worker is for. Those of a lane of their own come on top of pulse.max_parallel_jobs, at most one per
// database and lane: messages never wait behind jobs.
enum class Lane : uint8_t { kJobs, kDelivery, kInvestigations, kPipeline };
inline constexpr size_t kLanes = 4;
inline constexpr std::array<Lane, 3> kOwnLanes{Lane::kDelivery, Lane::kInvestigations, Lane::kPipeline};

class SchedulerState {
  public:
    static constexpr size_t kDatabases = 1024;
    static constexpr size_t kWorkers = 256;
    static constexpr size_t kRoles = 8;

    // When a worker of a lane is wanted.
    struct Due {
        bool notified = false;  // somebody changed something: look
        Moment next_due = kNever;
        Moment not_before = kAtOnce;  // a pause after a failure
        uint32_t epoch = 0;           // counts changes of next_due
        Latch* listener = nullptr;    // of the worker that looks by itself when it is notified
        int running = 0;              // workers, filled by Databases()

        Moment At() const { return std::max(notified ? kAtOnce : next_due, not_before); }
    };
    // What the launcher knows of a database.
    struct Database {
        Oid id = InvalidOid;  // InvalidOid: free
        Presence presence = Presence::kUnknown;
        Moment not_before = kAtOnce;  // a pause for whoever drops it
        std::array<Due, kLanes> lanes{Due{.next_due = kAtOnce}};
        size_t wanted = 0;  // roles whose jobs are due
        std::array<Oid, kRoles> roles{};

        Due& of(Lane lane) { return lanes[static_cast<size_t>(lane)]; }
        const Due& of(Lane lane) const { return lanes[static_cast<size_t>(lane)]; }
    };
    struct Worker {
        Oid database = InvalidOid;  // InvalidOid: free
        Oid role = InvalidOid;      // InvalidOid: the extension's owner
        Lane lane = Lane::kJobs;
        int pid = 0;         // once it is connected
        bool begun = false;  // it has taken a job
        bool clean = false;  // it said that it was done
    };

    // The board of this process; nullptr when there is none.
    static SchedulerState* Find();

    // ---- for everybody ----
    void Notify(Oid database);  // have a look at it
    // There is something to do in a lane of its own: wakes the worker that listens, else the launcher.
    void Wake(Oid database, Lane lane);
    void WakeAll(Lane lane);  // in every database
    void Rescan();            // databases came or went
    void Pause(Oid database, Moment until);
    int LauncherPid();
    bool OutOfWorkers();  // no slot of max_worker_processes was free

    // ---- for workers ----
    void Enter(size_t worker, int pid);
    void Begun(size_t worker);  // it has taken a job: what ends it now is the job's doing
    void Leave(size_t worker);  // done; wakes the launcher
    using Epochs = std::array<uint32_t, kLanes>;
    Epochs EpochsOf(Oid database);
    // Tell when a worker is wanted next. What changed since `epochs` wins when it is earlier.
    void Publish(Oid database, Presence presence, Lane lane, Moment next_due, const Epochs& epochs);
    // A worker that looks by itself when its lane is notified. Notified() stays true until
    // TakeNotification(); who was notified before StopListening() is told so, who is notified later is the
    // launcher's.
    void Listen(Oid database, Lane lane);
    bool Notified(Oid database, Lane lane);
    bool TakeNotification(Oid database, Lane lane);
    bool StopListening(Oid database, Lane lane);  // false: notified, go on
    // Ask for workers that run as these roles.
    void Want(Oid database, const std::vector<Oid>& roles);
    Presence PresenceOf(Oid database);

    // ---- for the launcher ----
    void EnterLauncher();  // leaves by itself when the process ends
    void LeaveLauncher();
    bool TakeRescan();
    void SetOutOfWorkers(bool out);  // true also wakes who listens: idle workers end
    // Keep exactly these; those without a worker that are not among them are forgotten. False when there are
    // too many.
    bool SetDatabases(const std::vector<Oid>& ids);
    std::vector<Database> Databases();
    // Begin a worker: the database counts as looked at. Nothing when all places are taken.
    std::optional<size_t> Reserve(Oid database, Oid role, Lane lane, bool look);
    Worker Free(size_t worker);
    // A worker ended badly: look again at `until`.
    void Failed(Oid database, Lane lane, Moment until);
    // What a launcher that was killed has left behind.
    std::vector<int> Orphans();

  private:
    struct Shared;
    Shared* shared_ = nullptr;

    friend struct SchedulerMemory;
};

// A board for a launcher without preload: its handle goes to the workers.
uint32_t MakeSchedulerState();
void AttachSchedulerState(uint32_t handle);

// When the library is preloaded.
void RequestSchedulerState();
bool Preloaded();

}  // namespace pulse::pg
