// What the processes of a server share of the scheduler state, and its lock. Inside this room only.
#pragma once

#include "pulse/pg/scheduler_state.hpp"

extern "C" {
#include "storage/spin.h"
}

namespace pulse::pg {

struct SchedulerState::Shared {
    slock_t mutex;
    Latch* launcher;  // in PostgreSQL's own shared memory; nullptr: none
    int launcher_pid;
    bool rescan, out_of_workers;
    std::array<Database, kDatabases> databases;
    Worker workers[kWorkers];

    void Initialize() {
        launcher = nullptr;
        launcher_pid = 0;
        rescan = true;
        out_of_workers = false;
        databases.fill(Database{});
        std::fill_n(workers, kWorkers, Worker{});
        SpinLockInit(&mutex);
    }
    Database* Of(Oid id) {
        for (Database& database : databases)
            if (database.id == id) return &database;
        return nullptr;
    }
};

// Nothing under the lock raises errors, allocates or waits.
class Locked {
  public:
    explicit Locked(slock_t& mutex) : mutex_(mutex) { SpinLockAcquire(&mutex_); }
    ~Locked() { SpinLockRelease(&mutex_); }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

  private:
    slock_t& mutex_;
};

}  // namespace pulse::pg
