// A small table in shared memory by which the launcher, the workers and the sessions of a server communicate.
//
// With shared_preload_libraries it is in the main shared memory, one for the server. A launcher started by
// pulse_start() creates its own, for itself and its workers. Everything is protected by one spinlock, held
// for a few instructions.
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

// The purpose of a worker: kJobs, or one kind of job that has its own process (job_kind.hpp). Workers of
// other lanes than kJobs do not count towards pulse.max_parallel_jobs, and there is at most one per database
// and lane, so that messages never wait behind jobs.
enum class Lane : uint8_t { kJobs };
inline constexpr size_t kLanes = 8;  // kJobs, and room for seven more

class SchedulerState {
  public:
    static constexpr size_t kDatabases = 1024;
    static constexpr size_t kWorkers = 256;
    static constexpr size_t kRoles = 8;

    // When a lane needs a worker.
    struct Due {
        bool notified = false;  // something changed: check
        Moment next_due = kNever;
        Moment not_before = kAtOnce;  // a pause after a failure
        uint32_t epoch = 0;           // counts changes of next_due
        Latch* listener = nullptr;    // of a running worker that handles notifications itself
        int running = 0;              // workers, filled by Databases()

        Moment At() const { return std::max(notified ? kAtOnce : next_due, not_before); }
    };
    // The launcher's data about a database.
    struct Database {
        Oid id = InvalidOid;  // InvalidOid: free
        Presence presence = Presence::kUnknown;
        Moment not_before = kAtOnce;  // a pause while the database is being dropped
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
        int pid = 0;         // set when it is connected
        bool begun = false;  // it has taken a job
        bool clean = false;  // it reported its end
    };

    // The scheduler state of this process; nullptr if there is none.
    static SchedulerState* Find();

    // ---- for all processes ----
    void Notify(Oid database);  // check it
    // Notify a lane of new work: wakes its listening worker, else the launcher.
    void Wake(Oid database, Lane lane);
    void WakeAll(Lane lane);  // in every database
    void Rescan();            // databases were created or dropped
    void Pause(Oid database, Moment until);
    int LauncherPid();
    bool OutOfWorkers();  // no slot of max_worker_processes was free

    // ---- for workers ----
    void Enter(size_t worker, int pid);
    void Begun(size_t worker);  // it has taken a job: if it ends now, the job is the cause
    void Leave(size_t worker);  // done; wakes the launcher
    using Epochs = std::array<uint32_t, kLanes>;
    Epochs EpochsOf(Oid database);
    // Set when a worker is needed next. Changes since `epochs` win if they are earlier.
    void Publish(Oid database, Presence presence, Lane lane, Moment next_due, const Epochs& epochs);
    // For a worker that handles notifications of its lane itself. Notified() stays true until
    // TakeNotification(). StopListening() returns whether there is a pending notification; later ones go to
    // the launcher.
    void Listen(Oid database, Lane lane);
    bool Notified(Oid database, Lane lane);
    bool TakeNotification(Oid database, Lane lane);
    bool StopListening(Oid database, Lane lane);  // false: a notification is pending
    // Ask for workers that run as these roles.
    void Want(Oid database, const std::vector<Oid>& roles);
    Presence PresenceOf(Oid database);

    // ---- for the launcher ----
    void EnterLauncher();  // left automatically when the process ends
    void LeaveLauncher();
    bool TakeRescan();
    void SetOutOfWorkers(bool out);  // true also wakes listening workers, so that idle ones end
    // Set the list of databases; others without a worker are removed. Returns false if there are too many.
    bool SetDatabases(const std::vector<Oid>& ids);
    std::vector<Database> Databases();
    // Begin a worker: the database counts as checked. Empty if all slots are taken.
    std::optional<size_t> Reserve(Oid database, Oid role, Lane lane, bool look);
    Worker Free(size_t worker);
    // A worker ended with an error: check again at `until`.
    void Failed(Oid database, Lane lane, Moment until);
    // Workers that a killed launcher has left behind.
    std::vector<int> Orphans();

  private:
    struct Shared;
    Shared* shared_ = nullptr;

    friend struct SchedulerMemory;
};

// A scheduler state for a launcher without preload; its handle is passed to the workers.
uint32_t MakeSchedulerState();
void AttachSchedulerState(uint32_t handle);

// Called when the library is preloaded.
void RequestSchedulerState();
bool Preloaded();

}  // namespace pulse::pg
