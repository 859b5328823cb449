#include "pulse/pg/relation_lock.hpp"

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
        case TableLock::kShared: return RowShareLock;
        case TableLock::kWriting: return RowExclusiveLock;
        case TableLock::kExclusive: break;
    }
    return ExclusiveLock;
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

std::vector<VirtualTransactionId> HoldersOf(const char* table) {
    int count = 0;
    const VirtualTransactionId* holders = Call([&] {
        LOCKTAG tag;
        SET_LOCKTAG_RELATION(tag, MyDatabaseId, FindTable(table));
        return GetLockConflicts(&tag, ExclusiveLock, &count);
    });
    return {holders, holders + count};
}

void WaitForEnd(const VirtualTransactionId& transaction) {
    Call([&] { VirtualXactLock(transaction, true); });
}

}  // namespace pulse::pg
