#include "pulse/pg/lock.hpp"

#include <algorithm>
#include <cstring>

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

std::vector<AdvisoryLockScope::Held> AdvisoryLockScope::HeldNow() {
    std::vector<Held> held;
    const LockData* const all = Call([] { return GetLockStatusData(); });
    for (int i = 0; i < all->nelements; ++i) {
        const LockInstanceData& one = all->locks[i];
        if (one.pid != MyProcPid || one.locktag.locktag_type != LOCKTAG_ADVISORY) continue;
        for (const LOCKMODE mode : {ShareLock, ExclusiveLock})
            if (one.holdMask & LOCKBIT_ON(mode)) held.push_back({one.locktag, mode});
    }
    return held;
}

AdvisoryLockScope::AdvisoryLockScope() : before_(HeldNow()) {}

AdvisoryLockScope::~AdvisoryLockScope() {
    std::vector<Held> now;
    try {
        now = HeldNow();
    } catch (const std::exception&) {
        return;  // no memory: the session ends next
    }
    // LockRelease() warns when nothing is left that outlives the transaction.
    const int to_client = std::exchange(client_min_messages, ERROR);
    const int to_log = std::exchange(log_min_messages, ERROR);
    for (const Held& one : now) {
        const bool old = std::any_of(before_.begin(), before_.end(), [&](const Held& each) {
            return std::memcmp(&each.tag, &one.tag, sizeof(LOCKTAG)) == 0 && each.mode == one.mode;
        });
        while (!old && LockRelease(&one.tag, one.mode, true)) {
        }
    }
    client_min_messages = to_client;
    log_min_messages = to_log;
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
