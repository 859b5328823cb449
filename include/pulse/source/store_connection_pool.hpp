// Connections to servers: one for each server and role in this process, used by one visit at a time.
#pragma once

#include "pulse/pg/remote.hpp"
#include "pulse/source/server.hpp"

namespace pulse::source {

// A connection for one visit.
class PooledConnection {
  public:
    // Take the pooled connection, or open one. Throws Unavailable, or UserError 2F003 if the server did not
    // request the password that the role must give.
    explicit PooledConnection(const Server& server);
    // The same without waiting: if fresh(), the connection stands when AdvanceConnecting() says so.
    struct Later {};
    PooledConnection(const Server& server, Later);
    bool AdvanceConnecting();
    ~PooledConnection();
    PooledConnection(const PooledConnection&) = delete;
    PooledConnection& operator=(const PooledConnection&) = delete;

    pg::Remote& remote() { return *remote_; }
    const pg::Remote& remote() const { return *remote_; }
    // It was opened for this visit, so a failure is not a leftover of an earlier visit.
    bool fresh() const { return fresh_; }
    // Replace the connection after it turned out to be dead.
    void Reconnect();
    void BeginReconnect();
    // Between Use() and Keep() a statement may be running: if the visit ends there, the connection is closed.
    void Use() { keep_ = false; }
    void Keep() { keep_ = true; }

  private:
    bool TakePooled();

    const Server& server_;
    std::unique_ptr<pg::Remote> remote_;
    bool fresh_ = false;
    bool keep_ = false;
};

// Throw an error of a server as Unavailable, or as UserError with the same SQLSTATE.
[[noreturn]] void Rethrow(const Server& server, const pg::RemoteError& error);

// The standby cancelled a statement because of a conflict with recovery.
class RecoveryConflict : public Unavailable {
  public:
    using Unavailable::Unavailable;
};

}  // namespace pulse::source
