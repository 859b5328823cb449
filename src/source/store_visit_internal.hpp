// Shared by store_visit.cpp, which reads one server, and store_side_by_side.cpp, which reads several.
#pragma once

#include <optional>
#include <string>

#include "pulse/pg/lock.hpp"
#include "pulse/source/reader.hpp"
#include "pulse/source/server.hpp"
#include "pulse/source/store_connection_pool.hpp"

namespace pulse::source {

inline constexpr size_t kMaxResultBytes = size_t{64} << 20;
// Extra time after the server's own time-out; then the network is assumed to have failed.
inline constexpr int kGrace = 2'000;
inline constexpr int kLockPoll = 50;
// The lag of a standby is read again before it counts: right after an idle period the first record seems old.
inline constexpr int kLagChecks = 3, kLagPause = 100;
// Ends the transaction, and resets settings that functions of the definition may have changed.
inline constexpr const char* kEndScript =
    "COMMIT; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; SELECT pg_catalog.pg_advisory_unlock_all()";

// Statements of a visit behind the server's limits: read-only, and no more expensive than allowed.
class GuardedReader : public Reader {
  public:
    GuardedReader(const Server& server, const ServerStatus& status, Usage& usage)
        : server_(server), status_(status), usage_(usage) {}

    Rows Query(const std::string& sql) override;
    PlanEstimate Estimate(const std::string& sql) override;
    bool HasPulse() override;
    bool local() const override { return false; }

  protected:
    virtual Rows Run(const std::string& sql) = 0;
    void RequireCheap(const std::string& sql);

    const Server& server_;
    const ServerStatus& status_;
    Usage& usage_;
};

Rows ToRows(pg::RemoteRows&& rows);
// The lock of visits to a server, if it is free.
std::optional<pg::SessionLock> TryLock(const Server& server);
// Notes what the server is.
void Note(const ServerStatus& status, Usage& usage);
// Why the server must not be read now, and what helps.
std::optional<std::string> Refusal(const Server& server, const ServerStatus& status);
std::string RefusalHint(const Server& server, const ServerStatus& status, const std::string& reason);

[[noreturn]] void ThrowInUse(const Server& server);
[[noreturn]] void ThrowConflict(const Server& server, const RecoveryConflict& conflict, int attempts);
// Of a statement of the definition, which had `limit` milliseconds.
[[noreturn]] void RethrowOfStatement(const Server& server, const pg::RemoteError& error, int limit);

}  // namespace pulse::source
