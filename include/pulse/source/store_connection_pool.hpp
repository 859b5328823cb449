// Connections to servers: one for each server and role in this process, lent to one visit at a time.
#pragma once

#include "pulse/pg/remote.hpp"
#include "pulse/source/server.hpp"

namespace pulse::source {

// A connection for one visit.
class PooledConnection {
  public:
    // Takes the one that is kept, or makes one. Throws Unavailable, or UserError 2F003 when the server lets a
    // role in without the password that it must give.
    explicit PooledConnection(const Server& server);
    ~PooledConnection();
    PooledConnection(const PooledConnection&) = delete;
    PooledConnection& operator=(const PooledConnection&) = delete;

    pg::Remote& remote() { return *remote_; }
    // It was made for this visit: what fails on it is no leftover of an earlier one.
    bool fresh() const { return fresh_; }
    // Replaces the connection, which turned out to be dead.
    void Reconnect();
    // From Use() to Keep() something may be in flight: whatever ends the visit between them closes the
    // connection.
    void Use() { keep_ = false; }
    void Keep() { keep_ = true; }

  private:
    const Server& server_;
    std::unique_ptr<pg::Remote> remote_;
    bool fresh_ = false;
    bool keep_ = false;
};

// Turn what a server answered into what a visit tells: Unavailable, or UserError of the same SQLSTATE.
[[noreturn]] void Rethrow(const Server& server, const pg::RemoteError& error);

// A statement was cancelled because the standby had to replay something it stood in the way of.
class RecoveryConflict : public Unavailable {
  public:
    using Unavailable::Unavailable;
};

}  // namespace pulse::source
