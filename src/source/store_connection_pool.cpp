#include "pulse/source/store_connection_pool.hpp"

#include <map>

#include "pulse/pg/transaction.hpp"

namespace pulse::source {

namespace {

constexpr int kOldestServer = 140000;

struct CachedConnection {
    std::unique_ptr<pg::Remote> remote;
    OptionList parameters;  // used to open it
};

// Emptied before the process ends: destructors of statics would run after libraries have cleaned up.
std::map<std::pair<uint32_t, std::string>, CachedConnection>& Pool() {
    static std::map<std::pair<uint32_t, std::string>, CachedConnection> pool;
    return pool;
}

void RegisterOnce() {
    static bool registered = false;
    if (registered) return;
    // A worker keeps its connections from one visit to the next.
    if (!pg::InBackgroundWorker()) pg::WhenTransactionEnds([](bool) { CloseIdle(); });
    pg::WhenProcessExits(CloseIdle);
    registered = true;
}

pg::RemoteParameters LibpqParameters(const Server& server) {
    pg::RemoteParameters parameters = server.parameters;
    parameters.emplace_back("application_name", "pulse");
    // A Kerberos ticket of this server must not replace the role's password.
    parameters.emplace_back("gssencmode", "disable");
    parameters.emplace_back("client_encoding", "UTF8");
    return parameters;
}

// Throws if the connection must not be used.
void CheckConnection(const Server& server, const pg::Remote& remote) {
    if (server.password_required && !remote.UsedPassword())
        throw UserError(
            sqlstate::kProhibitedStatement,
            "source \"" + server.name + "\" did not ask role \"" + server.role + "\" for a password",
            "A role that is not a superuser must log in with its own password, so that it cannot use the "
            "rights of this server.",
            "Configure scram-sha-256 in the pg_hba.conf of that server.");
    if (const int version = remote.ServerVersion(); version < kOldestServer)
        throw MakeUnavailable(
            server.name,
            "it runs PostgreSQL " + std::to_string(version / 10000) + ", but 14 or newer is required",
            sqlstate::kNotSupported);
}

bool IsConflict(const std::string& state) {
    return state == sqlstate::kSerializationFailure || state == sqlstate::kDeadlockDetected;
}

bool IsOutage(const std::string& state) {
    return state.starts_with("08") || state.starts_with("57P") || state == sqlstate::kTooManyConnections;
}

}  // namespace

void CloseIdle() {
    Pool().clear();
}

bool PooledConnection::TakePooled() {
    if (auto node = Pool().extract({server_.oid, server_.role}); !node.empty()) {
        CachedConnection& kept = node.mapped();
        if (kept.remote->Alive() && kept.parameters == server_.parameters) {
            remote_ = std::move(kept.remote);
            return true;
        }
    }
    return false;
}

PooledConnection::PooledConnection(const Server& server, Later) : server_(server) {
    if (!TakePooled()) BeginReconnect();
}

PooledConnection::PooledConnection(const Server& server) : server_(server) {
    if (!TakePooled()) Reconnect();
}

PooledConnection::~PooledConnection() {
    if (!keep_ || !remote_->Alive()) return;
    try {
        Pool()[{server_.oid, server_.role}] = {std::move(remote_), server_.parameters};
    } catch (...) {
        // Out of memory: close the connection.
    }
}

void PooledConnection::Reconnect() {
    remote_.reset();
    RegisterOnce();
    fresh_ = true;
    try {
        remote_ = std::make_unique<pg::Remote>(LibpqParameters(server_), server_.limits.connect_timeout);
    } catch (const pg::RemoteError& error) {
        Rethrow(server_, error);
    }
    CheckConnection(server_, *remote_);
}

void PooledConnection::BeginReconnect() {
    remote_.reset();
    RegisterOnce();
    fresh_ = true;
    try {
        remote_ = pg::Remote::Begin(LibpqParameters(server_), server_.limits.connect_timeout);
    } catch (const pg::RemoteError& error) {
        Rethrow(server_, error);
    }
}

bool PooledConnection::AdvanceConnecting() {
    try {
        if (!remote_->Advance()) return false;
    } catch (const pg::RemoteError& error) {
        Rethrow(server_, error);
    }
    CheckConnection(server_, *remote_);
    return true;
}

void Rethrow(const Server& server, const pg::RemoteError& error) {
    if (IsConflict(error.state()))
        throw RecoveryConflict(
            error.state().c_str(), "source \"" + server.name + "\" was not read: conflict with recovery",
            error.message() + (error.detail().empty() ? "" : " (" + error.detail() + ")"),
            "Raise max_standby_streaming_delay on the standby, or enable hot_standby_feedback.");
    if (error.lost() || IsOutage(error.state()))
        throw MakeUnavailable(server.name, error.message(), error.state().c_str(), error.hint());
    if (error.state() == sqlstate::kLockNotAvailable)
        throw MakeUnavailable(
            server.name,
            "could not obtain the lock within lock_timeout " + FormatMilliseconds(server.limits.lock_timeout),
            sqlstate::kLockNotAvailable);
    throw UserError(error.state().c_str(), "source \"" + server.name + "\": " + error.message(),
                    error.detail(), error.hint());
}

}  // namespace pulse::source
