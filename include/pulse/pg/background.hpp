// Processes of our own: a launcher and its workers. Their entry points stand in the room worker.
#pragma once

#include "pulse/base/time.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/scheduler_state.hpp"

namespace pulse::pg {

// What a process is told when it begins.
struct Order {
    Oid database = InvalidOid;  // a launcher's: the only one it serves, or InvalidOid for all
    Oid role = InvalidOid;      // a worker's: whose jobs; InvalidOid for built-in ones
    Lane lane = Lane::kJobs;    // a worker's: what it is for
    uint32_t worker = 0;        // the worker's place in the scheduler state
    uint32_t scheduler = 0;     // handle of the launcher's own scheduler state; 0 for the server's
};
Order MyOrder();

// Registers the launcher for the time when the server is up and not a standby. While the library is
// preloaded.
void RegisterLauncher();
// Starts one for the current database and waits until it runs. Throws UserError when no process is free.
void StartLauncher(Oid database);

// A worker that was started; freed with the object, which may only die in the launcher.
class Child {
  public:
    // Empty when no process is free.
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

// Become the launcher: signals, no database, a name by which it is found.
void BecomeLauncher();
// Whether another launcher serves the same database; if not, ours does from now on.
bool ClaimDatabase(Oid database);
// Whether the launcher was asked to end, or to look at its database, since the last call.
bool ShutdownRequested();
bool TakeSignal();
// The same for the workers in lanes of their own.
bool TakeWakeSignal();
// Re-reads the configuration if somebody asked for it.
bool ReloadIfAsked();

// Become a worker connected to `order.database` as `order.role`.
void BecomeWorker(const Order& order);
[[noreturn]] void EndProcess(int code);

// Runs the entry point `function` of this library, in a process of its own that gets `extra`, and waits until
// it has ended: what it commits stands whatever becomes of our transaction. Throws UserError when no process
// is free.
void RunAside(const char* function, const std::string& extra);
// In such a process: what it got, at most 127 bytes; and connecting it as the superuser.
std::string MyExtra();
void BecomeHelper(Oid database);

// Databases that can be connected to and are no templates.
std::vector<Oid> ListDatabases();

// The launcher that serves this database: its process id, 0 for none.
int FindLauncher();
// Ask processes to end.
void TerminateWorkers(Oid database);
void Terminate(int pid);
int CountWorkers(Oid database);
// Whether it is a worker of this database, other than this process.
bool IsOtherWorker(int pid);

// Wake the launcher when the transaction commits, so that it has a look at this database: for whoever changes
// what is due.
void NotifyLauncher();
// The same for a worker in a lane of its own: it is woken directly where it runs.
void WakeWorker(Lane lane);

// Watches databases and extensions come and go; chained to whoever watched before.
void InstallHooks();

// The clock on the wall, whatever pulse.now says.
Moment WallClock();
// Our own transactions inside the scope can write and see what others commit, whatever the role we are
// connected as has set for its own (ALTER ROLE ... SET default_transaction_read_only). One that has begun can
// write inside the scope.
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

// Set a setting for the innermost scope that undoes settings: an Identity or the transaction.
void SetLocally(const char* name, const char* value);
// Set it for the process; a RESET comes back to it.
void SetForProcess(const char* name, const char* value);
// The lock_timeout of our own transactions: below deadlock_timeout, so that DDL never loses a deadlock
// against us.
std::string ShortLockTimeout();
// Forget everything a job may have left in this session: settings, temporary tables, plans, locks. Outside a
// transaction.
void DiscardSession();

}  // namespace pulse::pg

// The entry point of a process: PULSE_PROCESS(pulse_worker_main) { … }. What it throws ends in the log and
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
