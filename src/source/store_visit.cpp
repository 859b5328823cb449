// Visits to servers. They need no local transaction, so none is held while a replica works.
#include <algorithm>
#include <chrono>

#include "pulse/base/random.hpp"
#include "pulse/pg/lock.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/pg/wait.hpp"
#include "pulse/source/store.hpp"
#include "pulse/source/store_connection_pool.hpp"
#include "store_visit_internal.hpp"

namespace pulse::source {

Rows GuardedReader::Query(const std::string& sql) {
    if (!BeginsAsRead(sql))
        throw UserError(sqlstate::kSyntaxError, "a source accepts only read-only statements", "It is: " + sql,
                        "Give a SELECT, SHOW or EXPLAIN.");
    if (CanBeExplained(sql)) RequireCheap(sql);
    return Run(sql);
}

PlanEstimate GuardedReader::Estimate(const std::string& sql) {
    std::string plan;
    for (const auto& row : Run("EXPLAIN (FORMAT JSON) " + sql).values) plan += row.at(0).value_or("");
    const PlanEstimate estimate = ReadPlan(plan);
    usage_.plan_cost = std::max(usage_.plan_cost, estimate.cost);
    return estimate;
}

bool GuardedReader::HasPulse() {
    return status_.pulse_version == PULSE_VERSION;
}

void GuardedReader::RequireCheap(const std::string& sql) {
    if (!server_.limits.max_cost) return;
    if (const auto reason = CostRefusal(server_.limits, Estimate(sql).cost))
        throw MakeUnavailable(server_.name, *reason);
}

Rows ToRows(pg::RemoteRows&& rows) {
    return {std::move(rows.names), std::move(rows.types), std::move(rows.modifiers), std::move(rows.values)};
}

std::optional<pg::SessionLock> TryLock(const Server& server) {
    if (pg::InTransaction()) return pg::SessionLock::Try("source_usage", server.oid);
    pg::Transaction transaction("pulse: reading the usage of a source");
    std::optional<pg::SessionLock> lock = pg::SessionLock::Try("source_usage", server.oid);
    transaction.Commit();
    return lock;
}

void Note(const ServerStatus& status, Usage& usage) {
    ++usage.queries;
    usage.version = status.version;
    usage.in_recovery = status.standby;
    usage.replay_lag_ms = status.standby ? status.lag_ms : std::nullopt;
}

std::optional<std::string> Refusal(const Server& server, const ServerStatus& status) {
    if (const auto reason = PrimaryRefusal(server, status)) return reason;
    if (const auto reason = LagRefusal(server.limits, status)) return reason;
    return LoadRefusal(server.limits, status);
}

std::string RefusalHint(const Server& server, const ServerStatus& status, const std::string& reason) {
    if (status.active_sessions || reason != LoadRefusal(server.limits, status)) return "";
    return "GRANT pg_read_all_stats to the role of the user mapping on the source.";
}

void ThrowInUse(const Server& server) {
    throw MakeUnavailable(
        server.name,
        "another session has been reading it for " + FormatMilliseconds(pg::settings::lock_timeout),
        sqlstate::kLockNotAvailable, "Try again later, or raise pulse.lock_timeout.");
}

void ThrowConflict(const Server& server, const RecoveryConflict& conflict, int attempts) {
    throw MakeUnavailable(
        server.name,
        "conflict with recovery, " + std::to_string(attempts) + (attempts == 1 ? " time" : " times"),
        conflict.state().c_str(), conflict.hint());
}

void RethrowOfStatement(const Server& server, const pg::RemoteError& error, int limit) {
    if (error.state() == sqlstate::kQueryCanceled && !error.lost())
        throw UserError(sqlstate::kQueryCanceled, "source \"" + server.name + "\": " + error.message(),
                        "The limit is " + FormatMilliseconds(limit) + ".",
                        "Raise the source's statement_timeout or the limit of the caller, or speed up the "
                        "statement with an index on the source or a narrower definition.");
    Rethrow(server, error);
}

namespace {

using Clock = std::chrono::steady_clock;

int MillisecondsSince(Clock::time_point begin) {
    return static_cast<int>(
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count());
}

// Wait the whole time, also if the latch is set.
void Pause(int milliseconds) {
    const Clock::time_point begin = Clock::now();
    for (int left = milliseconds; left > 0; left = milliseconds - MillisecondsSince(begin)) pg::Wait(left);
}

// One visit at a time for each server. A standby cannot take this lock, but has no workers either.
std::optional<pg::SessionLock> Lock(const Server& server) {
    if (pg::OnStandby()) return std::nullopt;
    const int limit = pg::settings::lock_timeout;
    const Clock::time_point begin = Clock::now();
    for (;;) {
        if (auto lock = TryLock(server)) return lock;
        const int left = limit - MillisecondsSince(begin);
        if (left <= 0) ThrowInUse(server);
        pg::Wait(std::min(left, kLockPoll));
    }
}

// Statements inside one remote transaction.
class RemoteReader : public GuardedReader {
  public:
    RemoteReader(const Server& server, PooledConnection& connection, const ServerStatus& status,
                 int statement_timeout, Usage& usage)
        : GuardedReader(server, status, usage), connection_(connection), limit_(statement_timeout) {}

    void QueryInPortions(const std::string& sql, int rows, const std::function<void(Rows&)>& take) override {
        RequireCheap(sql);
        Run("DECLARE pulse_portion NO SCROLL CURSOR FOR " + sql);
        const std::string fetch = "FETCH " + std::to_string(rows) + " FROM pulse_portion";
        for (Rows portion = Run(fetch); !portion.empty(); portion = Run(fetch)) take(portion);
        Run("CLOSE pulse_portion");
    }

  private:
    Rows Run(const std::string& sql) override {
        try {
            ++usage_.queries;
            Rows rows = ToRows(connection_.remote().Run(sql, limit_ + kGrace, kMaxResultBytes));
            usage_.rows += static_cast<int64_t>(rows.size());
            return rows;
        } catch (const pg::RemoteError& error) {
            RethrowOfStatement(server_, error, limit_);
        }
    }

    PooledConnection& connection_;
    int limit_;
};

ServerStatus Begin(const Server& server, PooledConnection& connection, int statement_timeout,
                   bool count_sessions) {
    const std::string script = BeginScript(server.limits, statement_timeout, count_sessions);
    connection.Use();
    const auto begin = [&] {
        return ReadServerStatus(ToRows(connection.remote().RunScript(script, server.limits.connect_timeout)));
    };
    try {
        return begin();
    } catch (const pg::RemoteError& error) {
        // A pooled connection may be dead.
        if (!error.lost() || connection.fresh()) Rethrow(server, error);
    }
    connection.Reconnect();
    try {
        return begin();
    } catch (const pg::RemoteError& error) {
        Rethrow(server, error);
    }
}

// Ends the remote transaction, so that the connection can be pooled.
void End(const Server& server, PooledConnection& connection) {
    try {
        connection.remote().RunScript(kEndScript, server.limits.connect_timeout);
    } catch (const pg::RemoteError& error) {
        Rethrow(server, error);
    }
    connection.Keep();
}

void ReadOnce(const Server& server, int milliseconds, Usage& usage,
              const std::function<void(Reader&)>& body) {
    const int limit = ShorterLimit(server.limits.statement_timeout, milliseconds);
    PooledConnection connection(server);
    ServerStatus status;
    for (int look = 1;; ++look) {
        status = Begin(server, connection, limit, server.limits.max_active_sessions.has_value());
        Note(status, usage);
        const auto reason = Refusal(server, status);
        if (!reason) break;
        End(server, connection);
        if (look == kLagChecks || reason != LagRefusal(server.limits, status))
            throw MakeUnavailable(server.name, *reason, sqlstate::kNotReady,
                                  RefusalHint(server, status, *reason));
        Pause(kLagPause);
    }
    RemoteReader reader(server, connection, status, limit, usage);
    body(reader);
    End(server, connection);
}

// A worker waits, holding no locks, until the rate allows the visit; a session is refused.
void WaitForRateLimit(const Server& server) {
    const auto reason = RateRefusal(server);
    if (!reason) return;
    if (pg::InTransaction() || server.limits.max_queries_per_minute == 0)
        throw MakeUnavailable(server.name, *reason);
    Pause(server.next_visit_in);
}

}  // namespace

void ReadServer(const Server& server, int milliseconds, Usage& usage,
                const std::function<void(Reader&)>& body) {
    WaitForRateLimit(server);
    const std::optional<pg::SessionLock> lock = Lock(server);
    for (int attempt = 1;; ++attempt) {
        try {
            return ReadOnce(server, milliseconds, usage, body);
        } catch (const RecoveryConflict& conflict) {
            if (attempt > server.limits.conflict_retries) ThrowConflict(server, conflict, attempt);
        }
        Pause(ReconnectDelay(attempt, RandomFraction()));
    }
}

void ReadUnguarded(const Server& server, Usage& usage,
                   const std::function<void(Reader&, const ServerStatus&)>& body) {
    PooledConnection connection(server);
    const ServerStatus status = Begin(server, connection, server.limits.statement_timeout, true);
    Note(status, usage);
    RemoteReader reader(server, connection, status, server.limits.statement_timeout, usage);
    body(reader, status);
}

bool InUse(const Server& server) {
    return !pg::OnStandby() && !TryLock(server);
}

void RecordFailure(Usage& usage) {
    try {
        throw;
    } catch (const Unavailable& error) {
        const bool refused = error.state() == sqlstate::kNotReady ||
                             error.state() == sqlstate::kLockNotAvailable ||
                             error.state() == sqlstate::kNotSupported || error.state().starts_with("40");
        usage.status = refused ? "refused" : "unreachable";
        usage.reason = error.message();
    } catch (const pg::Error& error) {
        usage.status = "failed";
        usage.reason = error.message;
    } catch (const std::exception& error) {
        usage.status = "failed";
        usage.reason = error.what();
    }
}

}  // namespace pulse::source
