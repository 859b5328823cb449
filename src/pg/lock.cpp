#include "pulse/pg/lock.hpp"

namespace pulse::pg {

bool TryLock(const char* table, int64_t id) {
    return Call([&] {
        LOCKTAG tag;
        SET_LOCKTAG_OBJECT(tag, MyDatabaseId, get_relname_relid(table, get_namespace_oid("pulse", false)),
                           static_cast<Oid>(id), 0);
        return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
    });
}

}  // namespace pulse::pg
