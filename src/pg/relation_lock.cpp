#include "pulse/pg/relation_lock.hpp"

#include <chrono>
#include <functional>

#include "pulse/pg/background.hpp"
#include "pulse/pg/identity.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/subtransaction.hpp"
#include "pulse/pg/wait.hpp"

extern "C" {
#include "access/xact.h"
#include "storage/lmgr.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace pulse::pg {

namespace {

// Runs inside Call().
Oid FindTable(const char* table) {
    const Oid relation = get_relname_relid(table, get_namespace_oid("pulse", false));
    if (!OidIsValid(relation)) elog(ERROR, "pulse.%s does not exist", table);
    return relation;
}

LOCKMODE ModeOf(TableLock lock) {
    switch (lock) {
        case TableLock::kReading: return AccessShareLock;
        case TableLock::kShared: return RowShareLock;
        case TableLock::kWriting: return RowExclusiveLock;
        case TableLock::kExclusive: return ExclusiveLock;
        case TableLock::kDropping: break;
    }
    return AccessExclusiveLock;
}

Oid exclusive;  // the table that was locked exclusively in this process

// A prepared transaction keeps its locks for as long as nobody ends it.
void RefuseToPrepare(XactEvent event, void*) {
    if (event != XACT_EVENT_PRE_PREPARE) return;
    Relation relation = RelationIdGetRelation(exclusive);
    if (!relation) return;
    const bool locked = CheckRelationLockedByMe(relation, ExclusiveLock, false);
    RelationClose(relation);
    if (locked)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("cannot PREPARE a transaction that has changed definitions over people"),
                        errdetail("Nobody could write events until it ends."),
                        errhint("Use COMMIT, and change definitions in a transaction of their own.")));
}

// The transactions of others for which the lock would have to wait.
std::vector<VirtualTransactionId> HoldersOf(const char* table, LOCKMODE mode) {
    int count = 0;
    const VirtualTransactionId* holders = Call([&] {
        LOCKTAG tag;
        SET_LOCKTAG_RELATION(tag, MyDatabaseId, FindTable(table));
        return GetLockConflicts(&tag, mode, &count);
    });
    return {holders, holders + count};
}

// False if it takes longer.
bool Within(int64_t milliseconds, const std::function<void()>& wait) {
    Subtransaction apart;
    try {
        const Identity identity = Identity::Owner();
        SetLocally("lock_timeout", std::to_string(milliseconds).c_str());
        wait();
    } catch (const Error& error) {
        if (error.State() != sqlstate::kLockNotAvailable) throw;
        return false;
    }
    apart.Commit();
    return true;
}

}  // namespace

void LockTable(const char* table, TableLock lock) {
    Call([&] {
        const Oid relation = FindTable(table);
        LockRelationOid(relation, ModeOf(lock));
        if (lock != TableLock::kExclusive) return;
        if (!OidIsValid(exclusive)) RegisterXactCallback(RefuseToPrepare, nullptr);
        exclusive = relation;
    });
}

// A queued request for the lock blocks all later ones, which means everybody who works. So first wait,
// outside the queue and a moment at a time, for the transactions that hold it now: one that is left open ends
// the attempt, and nobody else notices. Then queue once, behind transactions that are all younger: it
// succeeds as soon as they end, so others stall no longer than a batch takes, however many sessions there
// are.
bool LockBusyTable(const char* table, TableLock lock) {
    using std::chrono::milliseconds;
    constexpr int kMoment = 50, kPause = 50;  // milliseconds
    const auto end = std::chrono::steady_clock::now() + milliseconds(settings::lock_timeout);
    const auto left = [&] {
        const auto time = std::chrono::duration_cast<milliseconds>(end - std::chrono::steady_clock::now());
        return std::max<int64_t>(time.count(), 0);
    };
    for (const VirtualTransactionId& holder : HoldersOf(table, ModeOf(lock)))
        while (!Within(kMoment, [&] { Call([&] { VirtualXactLock(holder, true); }); })) {
            if (left() == 0) return false;
            Wait(kPause);
        }
    return Within(std::max<int64_t>(left(), kMoment), [&] { LockTable(table, lock); });
}

}  // namespace pulse::pg
