#include "pulse/pg/lock.hpp"

namespace pulse::pg {

namespace {

// An object lock with the lock method of advisory locks: with the default method a rollback would also
// release session locks.
LockAcquireResult Acquire(const char* table, int64_t id, bool session, LOCKTAG* tag, bool wait = false) {
    return Call([&] {
        SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, get_relname_relid(table, get_namespace_oid("pulse", false)),
                           static_cast<Oid>(id), 0);
        tag->locktag_lockmethodid = USER_LOCKMETHOD;
        return LockAcquire(tag, ExclusiveLock, session, !wait);
    });
}

}  // namespace

bool TryLock(const char* table, int64_t id) {
    LOCKTAG tag;
    return Acquire(table, id, false, &tag) != LOCKACQUIRE_NOT_AVAIL;
}

void Lock(const char* table, int64_t id) {
    LOCKTAG tag;
    Acquire(table, id, false, &tag, true);
}

bool TryLockOnce(const char* table, int64_t id) {
    LOCKTAG tag;
    const LockAcquireResult result = Acquire(table, id, false, &tag);
    if (result == LOCKACQUIRE_OK) return true;
    if (result != LOCKACQUIRE_NOT_AVAIL) Call([&] { LockRelease(&tag, ExclusiveLock, false); });
    return false;
}

void ReleaseAdvisoryLocks() {
    LockReleaseSession(USER_LOCKMETHOD);
}

std::optional<SessionLock> SessionLock::Try(const char* table, int64_t id) {
    LOCKTAG tag;
    if (Acquire(table, id, true, &tag) == LOCKACQUIRE_NOT_AVAIL) return std::nullopt;
    return SessionLock(tag);
}

SessionLock::~SessionLock() {
    // Only warns if it is not held.
    if (held_) LockRelease(&tag_, ExclusiveLock, true);
}

}  // namespace pulse::pg
