#include "pulse/pg/background.hpp"

#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/scheduler_state.hpp"
#include "pulse/pg/transaction.hpp"

#include <algorithm>
#include <csignal>

extern "C" {
#include "access/heapam.h"
#include "access/tableam.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "commands/discard.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "utils/snapmgr.h"
#include "utils/backend_status.h"
}

namespace pulse::pg {

namespace {

constexpr const char* kLauncher = "pulse launcher";
constexpr const char* kHelper = "pulse helper";
constexpr int kRestartSeconds = 5;

// Names of the workers of each lane in pg_stat_activity.
const std::vector<std::string>& WorkerNames() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> list{"pulse worker"};
        for (const JobKind* kind : JobKinds())
            if (kind->own_process) list.push_back(std::string("pulse ") + kind->name);
        return list;
    }();
    return names;
}

const char* NameOf(Lane lane) {
    return WorkerNames().at(static_cast<size_t>(lane)).c_str();
}

BackgroundWorker Describe(const char* type, const char* function, int restart, const Order& order) {
    BackgroundWorker worker{};
    strlcpy(worker.bgw_name, type, BGW_MAXLEN);
    strlcpy(worker.bgw_type, type, BGW_MAXLEN);
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = restart;
    strlcpy(worker.bgw_library_name, "pulse", BGW_MAXLEN);
    strlcpy(worker.bgw_function_name, function, BGW_MAXLEN);
    static_assert(sizeof(Order) <= BGW_EXTRALEN);
    memcpy(worker.bgw_extra, &order, sizeof order);
    return worker;
}

volatile sig_atomic_t signalled, wake_signalled;

void OnSignal(SIGNAL_ARGS) {
    const int saved = errno;
    signalled = true;
    SetLatch(MyLatch);
    errno = saved;
}

void OnWakeSignal(SIGNAL_ARGS) {
    const int saved = errno;
    wake_signalled = true;
    SetLatch(MyLatch);
    errno = saved;
}

// The application name that identifies a launcher of pulse_start().
std::string NameOf(Oid database) {
    return OidIsValid(database) ? std::string(kLauncher) + " of database " + std::to_string(database)
                                : kLauncher;
}

// Call `visit(pid, database, application name)` for each background worker of these types. `visit` must not
// raise.
template <typename Types, typename Visit>
void ForEachProcess(const Types& types, Visit visit) {
    Call([&] {
        pgstat_clear_backend_activity_snapshot();
        const int count = pgstat_fetch_stat_numbackends();
        for (int i = 1; i <= count; ++i) {
            const LocalPgBackendStatus* local = PULSE_LOCAL_BACKEND_STATUS(i);
            if (!local || local->backendStatus.st_procpid <= 0 ||
                local->backendStatus.st_backendType != B_BG_WORKER)
                continue;
            const char* found = GetBackgroundWorkerTypeByPid(local->backendStatus.st_procpid);
            if (found && std::any_of(types.begin(), types.end(),
                                     [&](const auto& type) { return type == std::string_view(found); }))
                visit(local->backendStatus.st_procpid, local->backendStatus.st_databaseid,
                      local->backendStatus.st_appname);
        }
    });
}

void Kill(int pid, int signal) {
    // Only if it is still a process of this server.
    if (pid > 0 && BackendPidGetProc(pid)) kill(pid, signal);
}

}  // namespace

Order MyOrder() {
    Order order;
    memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof order);
    return order;
}

void RegisterLauncher() {
    BackgroundWorker worker = Describe(kLauncher, "pulse_launcher_main", kRestartSeconds, Order{});
    RegisterBackgroundWorker(&worker);
}

void StartLauncher(Oid database) {
    Order order;
    order.database = database;
    const bool started = Call([&] {
        BackgroundWorker worker = Describe(kLauncher, "pulse_launcher_main", kRestartSeconds, order);
        worker.bgw_notify_pid = MyProcPid;
        BackgroundWorkerHandle* handle;
        if (!RegisterDynamicBackgroundWorker(&worker, &handle)) return false;
        pid_t pid;
        return WaitForBackgroundWorkerStartup(handle, &pid) == BGWH_STARTED;
    });
    if (!started)
        throw UserError(sqlstate::kInsufficientResources, "could not start the launcher",
                        "No background worker process is free.",
                        "Raise max_worker_processes in postgresql.conf and restart the server.");
}

std::optional<Child> Child::Start(const Order& order) {
    const char* name = NameOf(order.lane);
    BackgroundWorkerHandle* handle = Call([&] {
        BackgroundWorker worker = Describe(name, "pulse_worker_main", BGW_NEVER_RESTART, order);
        worker.bgw_notify_pid = MyProcPid;
        BackgroundWorkerHandle* made = nullptr;
        MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
        const bool registered = RegisterDynamicBackgroundWorker(&worker, &made);
        MemoryContextSwitchTo(old);
        return registered ? made : nullptr;
    });
    if (!handle) return std::nullopt;
    return Child(handle);
}

Child::~Child() {
    if (handle_) pfree(handle_);
}

bool Child::Stopped() const {
    return Call([&] {
        pid_t pid;
        return GetBackgroundWorkerPid(static_cast<BackgroundWorkerHandle*>(handle_), &pid) == BGWH_STOPPED;
    });
}

void Child::Terminate() const {
    Call([&] { TerminateBackgroundWorker(static_cast<BackgroundWorkerHandle*>(handle_)); });
}

// PostgreSQL ends the transaction of a process that exits, and with it the locks of the transaction, but not
// those of the session: they would stay until the server restarts. What is registered first runs last, after
// that.
void ReleaseLocksAtExit() {
    WhenProcessExits([] { LockReleaseAll(DEFAULT_LOCKMETHOD, true); });
}

// Install handlers before unblocking signals. SIGTERM ends the loop rather than the process at once: the exit
// code decides whether the postmaster starts another one.
void BecomeLauncher() {
    ReleaseLocksAtExit();
    pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    pqsignal(SIGINT, OnWakeSignal);  // pg_cancel_backend() only wakes it
    pqsignal(SIGUSR2, OnSignal);
    BackgroundWorkerUnblockSignals();
    Call([] { BackgroundWorkerInitializeConnection(nullptr, nullptr, 0); });
    const std::string name = NameOf(MyOrder().database);
    SetForProcess("application_name", name.c_str());
}

bool ClaimDatabase(Oid database) {
    return Call([&] {
        LOCKTAG tag;
        SET_LOCKTAG_OBJECT(tag, database, ExtensionRelationId, ExtensionRelationId, 0);
        return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
    });
}

bool ShutdownRequested() {
    return ShutdownRequestPending;
}

bool TakeSignal() {
    return std::exchange(signalled, 0) != 0;
}

bool TakeWakeSignal() {
    return std::exchange(wake_signalled, 0) != 0;
}

bool ReloadIfAsked() {
    if (!ConfigReloadPending) return false;
    ConfigReloadPending = false;
    Call([] { ProcessConfigFile(PGC_SIGHUP); });
    return true;
}

void BecomeWorker(const Order& order) {
    ReleaseLocksAtExit();
    pqsignal(SIGTERM, die);
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    BackgroundWorkerUnblockSignals();
    if (order.scheduler != 0) AttachSchedulerState(order.scheduler);
    Call([&] { BackgroundWorkerInitializeConnectionByOid(order.database, order.role, 0); });
    if (SchedulerState* scheduler = SchedulerState::Find()) scheduler->Enter(order.worker, MyProcPid);
    SetForProcess("application_name", NameOf(order.lane));
}

void RunAside(const char* function, const std::string& extra) {
    if (extra.size() >= BGW_EXTRALEN) throw std::length_error("too long for a process");
    const char* data = extra.data();
    const size_t size = extra.size();
    const bool ran = Call([&] {
        BackgroundWorker worker = Describe(kHelper, function, BGW_NEVER_RESTART, Order{});
        memset(worker.bgw_extra, 0, sizeof worker.bgw_extra);
        memcpy(worker.bgw_extra, data, size);
        worker.bgw_notify_pid = MyProcPid;
        BackgroundWorkerHandle* handle;
        if (!RegisterDynamicBackgroundWorker(&worker, &handle)) return false;
        return WaitForBackgroundWorkerShutdown(handle) == BGWH_STOPPED;
    });
    if (!ran)
        throw UserError(sqlstate::kInsufficientResources, "could not start a process",
                        "No background worker process is free.",
                        "Raise max_worker_processes in postgresql.conf and restart the server.");
}

std::string MyExtra() {
    return MyBgworkerEntry->bgw_extra;
}

void BecomeHelper(Oid database) {
    ReleaseLocksAtExit();
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
    Call([&] { BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0); });
    SetForProcess("application_name", kHelper);
    SetForProcess("search_path", "pg_catalog, pg_temp");
    SetForProcess("lock_timeout", ShortLockTimeout().c_str());
}

void EndProcess(int code) {
    proc_exit(code);
}

// A scan of the shared catalog in its own transaction, as in the autovacuum launcher: SQL needs a database.
std::vector<Oid> ListDatabases() {
    struct Found {
        Oid* ids;
        size_t count;
    };
    MemoryContext caller = CurrentMemoryContext;
    const Found found = Call([&] {
        size_t capacity = 64;
        Found list{static_cast<Oid*>(MemoryContextAlloc(caller, capacity * sizeof(Oid))), 0};
        StartTransactionCommand();
        (void)GetTransactionSnapshot();
        Relation relation = table_open(DatabaseRelationId, AccessShareLock);
        TableScanDesc scan = table_beginscan_catalog(relation, 0, nullptr);
        while (HeapTuple tuple = heap_getnext(scan, ForwardScanDirection)) {
            auto* form = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
            if (!form->datallowconn || form->datistemplate) continue;
            if (list.count == capacity)
                list.ids = static_cast<Oid*>(repalloc(list.ids, (capacity *= 2) * sizeof(Oid)));
            list.ids[list.count++] = form->oid;
        }
        table_endscan(scan);
        table_close(relation, AccessShareLock);
        CommitTransactionCommand();
        MemoryContextSwitchTo(caller);
        return list;
    });
    std::vector<Oid> ids(found.ids, found.ids + found.count);
    pfree(found.ids);
    return ids;
}

int FindLauncher() {
    if (SchedulerState* scheduler = Preloaded() ? SchedulerState::Find() : nullptr)
        return scheduler->LauncherPid();
    const std::string name = NameOf(MyDatabaseId);
    const char* wanted = name.c_str();
    int launcher = 0;
    ForEachProcess(std::array{kLauncher}, [&](int pid, Oid, const char* application) {
        if (strcmp(application, wanted) == 0) launcher = pid;
    });
    return launcher;
}

void TerminateWorkers(Oid database) {
    ForEachProcess(WorkerNames(), [&](int pid, Oid id, const char*) {
        if (id == database) Kill(pid, SIGTERM);
    });
}

void Terminate(int pid) {
    Kill(pid, SIGTERM);
}

int CountWorkers(Oid database) {
    int count = 0;
    ForEachProcess(WorkerNames(), [&](int, Oid id, const char*) { count += id == database; });
    return count;
}

bool IsOtherWorker(int pid) {
    bool found = false;
    if (pid == 0 || pid == MyProcPid) return false;
    ForEachProcess(WorkerNames(),
                   [&](int other, Oid id, const char*) { found |= other == pid && id == MyDatabaseId; });
    return found;
}

Moment WallClock() {
    return GetCurrentTimestamp();
}

PlainTransactions::PlainTransactions()
    : read_only_(XactReadOnly), default_read_only_(DefaultXactReadOnly), isolation_(DefaultXactIsoLevel) {
    XactReadOnly = false;
    DefaultXactReadOnly = false;
    DefaultXactIsoLevel = XACT_READ_COMMITTED;
}

PlainTransactions::~PlainTransactions() {
    XactReadOnly = read_only_;
    DefaultXactReadOnly = default_read_only_;
    DefaultXactIsoLevel = isolation_;
}

void SetLocally(const char* name, const char* value) {
    Call([&] {
        // Parsing a time zone costs more than all else that a short request does.
        const char* current = GetConfigOption(name, true, false);
        if (current && strcmp(current, value) == 0) return;
        set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
    });
}

void SetForProcess(const char* name, const char* value) {
    Call([&] { SetConfigOption(name, value, PGC_USERSET, PGC_S_OVERRIDE); });
}

std::string ShortLockTimeout() {
    return std::to_string(std::max(1, std::min(500, DeadlockTimeout / 2)));
}

void DiscardSession() {
    Call([] {
        StartTransactionCommand();
        DiscardStmt* statement = makeNode(DiscardStmt);
        statement->target = DISCARD_ALL;
        DiscardCommand(statement, true);
        CommitTransactionCommand();
    });
}

}  // namespace pulse::pg
