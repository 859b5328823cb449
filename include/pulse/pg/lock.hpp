// Locks that only one session can hold at a time. Object locks, because anyone who can log in could take and
// keep advisory locks.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// Take the lock on row `id` of the table pulse.`table` until the transaction ends; returns false if
// another session holds it.
bool TryLock(const char* table, int64_t id);

// The same, but waits for another session, as long as lock_timeout allows.
void Lock(const char* table, int64_t id);

// The same as TryLock(), but also returns false if this session holds it already.
bool TryLockOnce(const char* table, int64_t id);

// Releases the advisory locks that the session holds beyond transactions, as pg_advisory_unlock_all() does.
// Never throws.
void ReleaseAdvisoryLocks();

// Around a function of a user: releases, when the scope ends, the advisory locks that the session has got
// meanwhile and that would outlive the transaction. Those that it held before, and Pulse's own, stay.
class AdvisoryLockScope {
  public:
    AdvisoryLockScope();
    ~AdvisoryLockScope();
    AdvisoryLockScope(const AdvisoryLockScope&) = delete;
    AdvisoryLockScope& operator=(const AdvisoryLockScope&) = delete;

  private:
    struct Held {
        LOCKTAG tag;
        LOCKMODE mode;
    };
    static std::vector<Held> HeldNow();

    std::vector<Held> before_;
};

// The same lock held by a C++ scope, across transactions or outside of any. Taking it needs a transaction,
// holding it does not. The server releases it when the process ends, however it ends.
class SessionLock {
  public:
    // Empty if another session holds it.
    static std::optional<SessionLock> Try(const char* table, int64_t id);

    SessionLock(SessionLock&& other) noexcept : tag_(other.tag_), held_(std::exchange(other.held_, false)) {}
    SessionLock(const SessionLock&) = delete;
    SessionLock& operator=(const SessionLock&) = delete;
    ~SessionLock();

  private:
    explicit SessionLock(const LOCKTAG& tag) : tag_(tag) {}

    LOCKTAG tag_;
    bool held_ = true;
};

}  // namespace pulse::pg
