// Locks for one piece of work. Object locks, not advisory ones: those can be taken, and kept, by anybody who
// can log in.
#pragma once

#include "pulse/pg/error.hpp"

namespace pulse::pg {

// Takes the lock on row `id` of the table pulse.`table` until the transaction ends, or returns false when
// another session holds it.
bool TryLock(const char* table, int64_t id);

// The same, but false also when this session itself holds it already.
bool TryLockOnce(const char* table, int64_t id);

// The same lock held by a C++ scope, across transactions or outside of any. Making one needs a transaction,
// keeping it does not. The server releases it when the process ends, however it ends.
class SessionLock {
  public:
    // Empty when another session holds it.
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
