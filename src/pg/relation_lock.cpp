#include "pulse/pg/relation_lock.hpp"

extern "C" {
#include "storage/lmgr.h"
}

namespace pulse::pg {

void LockTable(const char* table, TableLock lock) {
    Call([&] {
        const Oid relation = get_relname_relid(table, get_namespace_oid("pulse", false));
        if (!OidIsValid(relation)) elog(ERROR, "pulse.%s does not exist", table);
        LockRelationOid(relation, lock == TableLock::kShared ? RowShareLock : ExclusiveLock);
    });
}

}  // namespace pulse::pg
