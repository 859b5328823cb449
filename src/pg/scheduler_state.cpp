#include "pulse/pg/scheduler_state.hpp"

#include <algorithm>

#include "scheduler_shared.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
}

namespace pulse::pg {

namespace {

// The latch of an ended process may already belong to another process, for which a spurious wake-up is
// harmless.
void SetIfAny(Latch* latch) {
    if (latch) SetLatch(latch);
}

void OnExit(int, Datum) {
    if (SchedulerState* found = SchedulerState::Find()) found->LeaveLauncher();
}

}  // namespace

void SchedulerState::Notify(Oid id) {
    Latch* latch;
    {
        const Locked locked(shared_->mutex);
        if (Database* database = shared_->Of(id))
            database->of(Lane::kJobs).notified = true;
        else
            shared_->rescan = true;
        latch = shared_->launcher;
    }
    SetIfAny(latch);
}

// A listener that notifies itself needs no wake-up.
void SchedulerState::Wake(Oid id, Lane lane) {
    Latch* latch;
    {
        const Locked locked(shared_->mutex);
        Database* database = shared_->Of(id);
        if (database && database->of(lane).listener == MyLatch) return;
        // Who has notified it first has woken it: many short transactions cost it one look.
        if (database && database->of(lane).listener && database->of(lane).notified) return;
        if (database)
            database->of(lane).notified = true;
        else
            shared_->rescan = true;  // it will be checked like a new one
        latch = database && database->of(lane).listener ? database->of(lane).listener : shared_->launcher;
    }
    SetIfAny(latch);
}

void SchedulerState::WakeAll(Lane lane) {
    for (const Database& database : Databases()) Wake(database.id, lane);
}

void SchedulerState::Rescan() {
    Latch* latch;
    {
        const Locked locked(shared_->mutex);
        shared_->rescan = true;
        latch = shared_->launcher;
    }
    SetIfAny(latch);
}

void SchedulerState::Pause(Oid id, Moment until) {
    const Locked locked(shared_->mutex);
    if (Database* database = shared_->Of(id)) database->not_before = until;
}

int SchedulerState::LauncherPid() {
    const Locked locked(shared_->mutex);
    return shared_->launcher_pid;
}

bool SchedulerState::OutOfWorkers() {
    const Locked locked(shared_->mutex);
    return shared_->out_of_workers;
}

void SchedulerState::Enter(size_t worker, int pid) {
    const Locked locked(shared_->mutex);
    shared_->workers[worker].pid = pid;
}

void SchedulerState::Begun(size_t worker) {
    const Locked locked(shared_->mutex);
    if (shared_->workers[worker].pid == MyProcPid) shared_->workers[worker].begun = true;
}

// Another launcher may have reused the slot.
void SchedulerState::Leave(size_t worker) {
    Latch* latch;
    {
        const Locked locked(shared_->mutex);
        if (shared_->workers[worker].pid == MyProcPid) shared_->workers[worker].clean = true;
        latch = shared_->launcher;
    }
    SetIfAny(latch);
}

SchedulerState::Epochs SchedulerState::EpochsOf(Oid id) {
    Epochs epochs{};
    const Locked locked(shared_->mutex);
    if (const Database* database = shared_->Of(id))
        for (size_t i = 0; i < kLanes; ++i) epochs[i] = database->lanes[i].epoch;
    return epochs;
}

void SchedulerState::Publish(Oid id, Presence presence, Lane lane, Moment next_due, const Epochs& epochs) {
    Latch* latch;
    {
        const Locked locked(shared_->mutex);
        Database* database = shared_->Of(id);
        if (!database) return;
        database->presence = presence;
        // Another worker may have set it since, with newer data: the earlier time only costs an unnecessary
        // check.
        Due& due = database->of(lane);
        due.next_due =
            due.epoch == epochs[static_cast<size_t>(lane)] ? next_due : std::min(next_due, due.next_due);
        ++due.epoch;
        latch = shared_->launcher;
    }
    SetIfAny(latch);
}

void SchedulerState::Listen(Oid id, Lane lane) {
    const Locked locked(shared_->mutex);
    if (Database* database = shared_->Of(id)) database->of(lane).listener = MyLatch;
}

bool SchedulerState::Notified(Oid id, Lane lane) {
    const Locked locked(shared_->mutex);
    const Database* database = shared_->Of(id);
    return database && database->of(lane).notified;
}

bool SchedulerState::TakeNotification(Oid id, Lane lane) {
    const Locked locked(shared_->mutex);
    Database* database = shared_->Of(id);
    return database && std::exchange(database->of(lane).notified, false);
}

bool SchedulerState::StopListening(Oid id, Lane lane) {
    const Locked locked(shared_->mutex);
    Database* database = shared_->Of(id);
    if (!database) return true;
    if (database->of(lane).notified) return false;
    if (database->of(lane).listener == MyLatch) database->of(lane).listener = nullptr;
    return true;
}

void SchedulerState::Want(Oid id, const std::vector<Oid>& roles) {
    Latch* latch;
    {
        const Locked locked(shared_->mutex);
        Database* database = shared_->Of(id);
        if (!database) return;
        database->wanted = std::min(roles.size(), kRoles);
        std::copy_n(roles.begin(), database->wanted, database->roles.begin());
        latch = shared_->launcher;
    }
    SetIfAny(latch);
}

Presence SchedulerState::PresenceOf(Oid id) {
    const Locked locked(shared_->mutex);
    const Database* database = shared_->Of(id);
    return database ? database->presence : Presence::kUnknown;
}

void SchedulerState::EnterLauncher() {
    Call([] { before_shmem_exit(OnExit, 0); });
    const Locked locked(shared_->mutex);
    shared_->launcher = MyLatch;
    shared_->launcher_pid = MyProcPid;
    shared_->rescan = true;
}

void SchedulerState::LeaveLauncher() {
    const Locked locked(shared_->mutex);
    shared_->launcher = nullptr;
    shared_->launcher_pid = 0;
}

bool SchedulerState::TakeRescan() {
    const Locked locked(shared_->mutex);
    return std::exchange(shared_->rescan, false);
}

void SchedulerState::SetOutOfWorkers(bool out) {
    std::vector<Latch*> listeners;
    listeners.reserve(kDatabases * kLanes);  // no allocation under the lock
    {
        const Locked locked(shared_->mutex);
        shared_->out_of_workers = out;
        for (const Database& database : shared_->databases)
            for (const Due& due : database.lanes)
                if (out && due.listener) listeners.push_back(due.listener);
    }
    for (Latch* listener : listeners) SetIfAny(listener);
}

// One pass over the slots and one over the new databases, so that the lock is held only for microseconds.
bool SchedulerState::SetDatabases(const std::vector<Oid>& ids) {
    std::vector<Oid> wanted(ids);
    std::sort(wanted.begin(), wanted.end());
    std::vector<char> known(wanted.size());
    const Locked locked(shared_->mutex);
    for (Database& database : shared_->databases) {
        if (!OidIsValid(database.id)) continue;
        const auto at = std::lower_bound(wanted.begin(), wanted.end(), database.id);
        if (at != wanted.end() && *at == database.id)
            known[static_cast<size_t>(at - wanted.begin())] = true;
        else
            database = Database{};
    }
    auto place = shared_->databases.begin();
    for (size_t i = 0; i < wanted.size(); ++i) {
        if (known[i]) continue;
        while (place != shared_->databases.end() && OidIsValid(place->id)) ++place;
        if (place == shared_->databases.end()) return false;
        place->id = wanted[i];
    }
    return true;
}

std::vector<SchedulerState::Database> SchedulerState::Databases() {
    std::vector<Database> found;
    std::vector<Worker> workers;
    found.reserve(kDatabases);  // no allocation under the lock
    workers.reserve(kWorkers);
    {
        const Locked locked(shared_->mutex);
        for (const Database& database : shared_->databases)
            if (OidIsValid(database.id)) found.push_back(database);
        for (const Worker& worker : shared_->workers)
            if (OidIsValid(worker.database)) workers.push_back(worker);
    }
    for (const Worker& worker : workers)
        for (Database& database : found) database.of(worker.lane).running += worker.database == database.id;
    return found;
}

std::optional<size_t> SchedulerState::Reserve(Oid id, Oid role, Lane lane, bool look) {
    const Locked locked(shared_->mutex);
    Database* database = shared_->Of(id);
    if (!database) return std::nullopt;
    for (size_t i = 0; i < kWorkers; ++i) {
        Worker& worker = shared_->workers[i];
        if (OidIsValid(worker.database)) continue;
        worker = Worker{id, role, lane};
        if (look) {
            // The worker will set the next due time; later notifications are kept.
            database->of(lane).notified = false;
            database->of(lane).next_due = kNever;
        } else {
            const auto end = database->roles.begin() + static_cast<ptrdiff_t>(database->wanted);
            database->wanted = static_cast<size_t>(std::remove(database->roles.begin(), end, role) -
                                                   database->roles.begin());
        }
        return i;
    }
    return std::nullopt;
}

SchedulerState::Worker SchedulerState::Free(size_t worker) {
    const Locked locked(shared_->mutex);
    const Worker freed = std::exchange(shared_->workers[worker], Worker{});
    // However it ended, it no longer listens; its pending notification goes to the launcher.
    if (Database* database = freed.lane == Lane::kJobs ? nullptr : shared_->Of(freed.database))
        database->of(freed.lane).listener = nullptr;
    return freed;
}

void SchedulerState::Failed(Oid id, Lane lane, Moment until) {
    const Locked locked(shared_->mutex);
    Database* database = shared_->Of(id);
    if (!database) return;
    database->of(lane).notified = true;
    database->of(lane).not_before = until;
}

std::vector<int> SchedulerState::Orphans() {
    std::vector<int> pids;
    pids.reserve(kWorkers);
    const Locked locked(shared_->mutex);
    for (Worker& worker : shared_->workers) {
        if (OidIsValid(worker.database) && worker.pid != 0) pids.push_back(worker.pid);
        worker = Worker{};
    }
    for (Database& database : shared_->databases) {
        database.not_before = kAtOnce;
        for (Due& due : database.lanes) {
            due.notified = OidIsValid(database.id);
            due.not_before = kAtOnce;
            due.listener = nullptr;
        }
    }
    return pids;
}

}  // namespace pulse::pg
