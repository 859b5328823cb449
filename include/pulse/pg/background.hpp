// Background processes: a launcher and its workers. Their entry points are in the room worker.
#pragma once

#include "pulse/base/time.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/scheduler_state.hpp"

namespace pulse::pg {

struct JobKind;

// The parameters of a new process.
struct Order {
    Oid database = InvalidOid;  // of a launcher: the only database it serves, or InvalidOid for all
    Oid role = InvalidOid;      // of a worker: the owner of its jobs; InvalidOid for built-in jobs
    Lane lane = Lane::kJobs;    // of a worker: its lane
    uint32_t worker = 0;        // the worker's place in the scheduler state
    uint32_t scheduler = 0;     // handle of the launcher's own scheduler state; 0 for the server's
};
Order MyOrder();

// Register the launcher, to be started when the server is up and not a standby. Call it while the library is
// preloaded.
void RegisterLauncher();
// Start a launcher for the current database and wait until it runs. Throws UserError if no process is free.
void StartLauncher(Oid database);

// A worker that was started; freed with the object, which may only die in the launcher.
class Child {
  public:
    // Empty if no process is free.
    static std::optional<Child> Start(const Order& order);

    Child(Child&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Child& operator=(Child&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    Child(const Child&) = delete;
    ~Child();

    bool Stopped() const;
    void Terminate() const;

  private:
    explicit Child(void* handle) : handle_(handle) {}
    void* handle_;
};

// Become the launcher: install signal handlers, connect to no database, set a name that identifies it.
void BecomeLauncher();
// Whether another launcher serves the same database; if not, this one does from now on.
bool ClaimDatabase(Oid database);
// Whether the launcher was asked to end, or to check its database, since the last call.
bool ShutdownRequested();
bool TakeSignal();
// The same for workers of other lanes.
bool TakeWakeSignal();
// Reload the configuration if it was requested.
bool ReloadIfAsked();

// Become a worker connected to `order.database` as `order.role`.
void BecomeWorker(const Order& order);
[[noreturn]] void EndProcess(int code);

// Run the entry point `function` of this library in a new process with the argument `extra`, and wait until
// it has ended. Its commits do not depend on the current transaction. Throws UserError if no process is free.
void RunAside(const char* function, const std::string& extra);
// In such a process: read its argument, at most 127 bytes, and connect as the superuser.
std::string MyExtra();
void BecomeHelper(Oid database);

// Databases that allow connections and are not templates.
std::vector<Oid> ListDatabases();

// The process id of the launcher that serves this database; 0 for none.
int FindLauncher();
// Ask processes to end.
void TerminateWorkers(Oid database);
void Terminate(int pid);
int CountWorkers(Oid database);
// Whether the process is another worker of this database.
bool IsOtherWorker(int pid);

// Wake the launcher when the transaction commits, so that it checks this database. Call it after changing
// when work is due.
void NotifyLauncher();
// The same for a kind of job with its own process, which is woken directly if it runs.
void WakeWorker(const JobKind& kind);

// Install hooks that watch databases and extensions being created and dropped; previous hooks are called,
// too.
void InstallHooks();

// The wall clock, independent of pulse.now.
Moment WallClock();
// Transactions inside the scope can write and see commits of others, regardless of defaults of the connected
// role (ALTER ROLE ... SET default_transaction_read_only). A transaction that has already begun can also
// write.
class PlainTransactions {
  public:
    PlainTransactions();
    ~PlainTransactions();
    PlainTransactions(const PlainTransactions&) = delete;
    PlainTransactions& operator=(const PlainTransactions&) = delete;

  private:
    bool read_only_, default_read_only_;
    int isolation_;
};

// Change a setting until the end of the innermost scope that restores settings: an Identity or the
// transaction.
void SetLocally(const char* name, const char* value);
// Change a setting for the process; RESET restores this value.
void SetForProcess(const char* name, const char* value);
// The lock_timeout of background transactions: below deadlock_timeout, so that DDL of users is never chosen
// as deadlock victim.
std::string ShortLockTimeout();
// Reset everything that a job may have left in this session: settings, temporary tables, plans, locks.
// Outside a transaction.
void DiscardSession();

}  // namespace pulse::pg

// The entry point of a process: PULSE_PROCESS(pulse_worker_main) { … }. Exceptions end in the log and
// exit code 1.
#define PULSE_PROCESS(name)                     \
    static Datum name##_body(FunctionCallInfo); \
    extern "C" {                                \
    PGDLLEXPORT void name(Datum);               \
    void name(Datum) {                          \
        pulse::pg::Enter(nullptr, name##_body); \
    }                                           \
    }                                           \
    static Datum name##_body(FunctionCallInfo)
