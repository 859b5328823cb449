// Watching databases and extensions being created and dropped, and waking the launcher when a relevant
// transaction commits; refusing to have tables of Pulse distributed.
#include "pulse/pg/background.hpp"
#include "pulse/pg/citus.hpp"
#include "pulse/pg/entry.hpp"
#include "pulse/pg/job_kind.hpp"
#include "pulse/pg/scheduler_state.hpp"

#include <csignal>

extern "C" {
#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_trigger.h"
#include "storage/procarray.h"
}

namespace pulse::pg {

namespace {

object_access_hook_type previous_hook;
bool registered, look, rescan;  // actions at the end of the transaction
bool wake[kLanes];              // the same, for workers of their own lanes
int launcher;                   // process to wake, without a scheduler state

constexpr int64_t kDropTime = 10 * kSecond;

// Nothing may raise an error after the commit.
void OnTransactionEnd(XactEvent event, void*) {
    if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE) return;
    const bool committed = event != XACT_EVENT_ABORT;
    // COMMIT PREPARED calls no hook: notify at PREPARE, so that the launcher checks while the prepared
    // transaction exists.
    bool notify = std::exchange(look, false) && committed;
    const bool scan = std::exchange(rescan, false) && committed;
    SchedulerState* scheduler = SchedulerState::Find();
    bool lanes = false;
    for (const Lane lane : OwnLanes()) {
        if (!std::exchange(wake[static_cast<size_t>(lane)], false) || !committed) continue;
        lanes = true;
        notify |= event == XACT_EVENT_PREPARE;
        if (scheduler) scheduler->Wake(MyDatabaseId, lane);
    }
    if (scheduler) {
        if (notify) scheduler->Notify(MyDatabaseId);
        if (scan) scheduler->Rescan();
    } else if ((notify || lanes) && launcher != 0 && BackendPidGetProc(launcher)) {
        if (notify) kill(launcher, SIGUSR2);
        if (lanes) kill(launcher, SIGINT);
    }
}

void AtCommit(bool& what) {
    if (!registered) {
        Call([] { RegisterXactCallback(OnTransactionEnd, nullptr); });
        registered = true;
    }
    if (!SchedulerState::Find()) launcher = FindLauncher();
    what = true;
}

// Called before DROP DATABASE counts connections: ask Pulse's workers to leave, and start no new ones.
void LeaveDatabase(Oid database) {
    if (SchedulerState* scheduler = SchedulerState::Find())
        scheduler->Pause(database, WallClock() + kDropTime);
    TerminateWorkers(database);
}

struct Access {
    ObjectAccessType type;
    Oid class_id, object;
} current;

Datum TakeNotice(FunctionCallInfo) {
    const Access access = current;
    if (access.class_id == ExtensionRelationId) {
        AtCommit(look);
        // Otherwise a running job would continue without its scheduler.
        if (access.type == OAT_DROP && access.object == Call([] { return get_extension_oid("pulse", true); }))
            TerminateWorkers(MyDatabaseId);
    }
    if (access.class_id == DatabaseRelationId) {
        AtCommit(rescan);
        if (access.type == OAT_DROP) LeaveDatabase(access.object);
    }
    if (access.class_id == TriggerRelationId) RefuseToDistribute(access.object);
    return 0;
}

void OnObjectAccess(ObjectAccessType type, Oid class_id, Oid object, int sub_id, void* argument) {
    if (previous_hook) previous_hook(type, class_id, object, sub_id, argument);
    if (type == OAT_NAMESPACE_SEARCH || type == OAT_FUNCTION_EXECUTE) return;
    const bool new_trigger = class_id == TriggerRelationId && type == OAT_POST_CREATE;
    if (class_id != ExtensionRelationId && class_id != DatabaseRelationId && !new_trigger) return;
    current = {type, class_id, object};
    Enter(nullptr, TakeNotice);
}

}  // namespace

void InstallHooks() {
    previous_hook = object_access_hook;
    object_access_hook = OnObjectAccess;
}

void NotifyLauncher() {
    AtCommit(look);
}

void WakeWorker(const JobKind& kind) {
    bool& flag = wake[static_cast<size_t>(LaneOf(kind))];
    if (!flag) AtCommit(flag);
}

}  // namespace pulse::pg
