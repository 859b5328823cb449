// Visits to servers. No transaction of ours is needed, so none is held while a replica works.
#include <algorithm>
#include <chrono>

#include "pulse/base/random.hpp"
#include "pulse/pg/lock.hpp"
#include "pulse/pg/settings.hpp"
#include "pulse/pg/transaction.hpp"
#include "pulse/pg/wait.hpp"
#include "pulse/source/store.hpp"
#include "pulse/source/store_connection_pool.hpp"

namespace pulse::source {

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxResultBytes = size_t{64} << 20;
// How much later than the server itself we give up on a statement: then the network has failed.
constexpr int kGrace = 2'000;
constexpr int kLockPoll = 50;
// A standby is looked at again before its lag counts: just when a record has come in after a quiet time it
// seems old.
constexpr int kLagLooks = 3, kLagPause = 100;

int MillisecondsSince(Clock::time_point begin) {
    return static_cast<int>(
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count());
}

// Waits the whole time, whatever wakes us before.
void Pause(int milliseconds) {
    const Clock::time_point begin = Clock::now();
    for (int left = milliseconds; left > 0; left = milliseconds - MillisecondsSince(begin)) pg::Wait(left);
}

Rows ToRows(pg::RemoteRows&& rows) {
    return {std::move(rows.names), std::move(rows.types), std::move(rows.modifiers), std::move(rows.values)};
}

std::optional<pg::SessionLock> TryLock(const Server& server) {
    if (pg::InTransaction()) return pg::SessionLock::Try("source_usage", server.oid);
    pg::Transaction transaction("pulse: asking for the use of a source");
    std::optional<pg::SessionLock> lock = pg::SessionLock::Try("source_usage", server.oid);
    transaction.Commit();
    return lock;
}

// One visit at a time for each server. A standby, where no such lock can be had, has no workers.
std::optional<pg::SessionLock> Lock(const Server& server) {
    if (pg::OnStandby()) return std::nullopt;
    const int limit = pg::settings::lock_timeout;
    const Clock::time_point begin = Clock::now();
    for (;;) {
        if (auto lock = TryLock(server)) return lock;
        const int left = limit - MillisecondsSince(begin);
        if (left <= 0)
            throw NotRead(server.name, "another session has been reading it for " + FormatSpan(limit),
                          sqlstate::kLockNotAvailable,
                          "Try again when it is done, or raise pulse.lock_timeout.");
        pg::Wait(std::min(left, kLockPoll));
    }
}

// Statements inside one remote transaction.
class RemoteReader : public Reader {
  public:
    RemoteReader(const Server& server, Lease& lease, const Condition& condition, int statement_timeout,
                 Usage& usage)
        : server_(server), lease_(lease), condition_(condition), limit_(statement_timeout), usage_(usage) {}

    Rows Query(const std::string& sql) override {
        if (!BeginsAsRead(sql))
            throw UserError(sqlstate::kSyntaxError, "a source runs only statements that read",
                            "It is: " + sql, "Give a SELECT, SHOW or EXPLAIN.");
        if (server_.limits.max_cost && CanBeExplained(sql))
            if (const auto reason = CostRefusal(server_.limits, Estimate(sql).cost))
                throw NotRead(server_.name, *reason);
        return Run(sql);
    }
    PlanEstimate Estimate(const std::string& sql) override {
        const Rows rows = Run("EXPLAIN (FORMAT JSON) " + sql);
        std::string plan;
        for (const auto& row : rows.values) plan += row.at(0).value_or("");
        const PlanEstimate estimate = ReadPlan(plan);
        usage_.plan_cost = std::max(usage_.plan_cost, estimate.cost);
        return estimate;
    }
    bool HasPulse() override { return condition_.pulse_version == PULSE_VERSION; }
    bool local() const override { return false; }

  private:
    Rows Run(const std::string& sql) {
        try {
            ++usage_.queries;
            Rows rows = ToRows(lease_.remote().Run(sql, limit_ + kGrace, kMaxResultBytes));
            usage_.rows += static_cast<int64_t>(rows.size());
            return rows;
        } catch (const pg::RemoteError& error) {
            if (error.state() == sqlstate::kQueryCanceled && !error.lost())
                throw UserError(
                    sqlstate::kQueryCanceled, "source \"" + server_.name + "\": " + error.message(),
                    "The limit is " + FormatSpan(limit_) + ".",
                    "Raise the source's statement_timeout or the limit of who asks, or help the statement "
                    "with an index there or a narrower definition.");
            Rethrow(server_, error);
        }
    }

    const Server& server_;
    Lease& lease_;
    const Condition& condition_;
    int limit_;
    Usage& usage_;
};

Condition Begin(const Server& server, Lease& lease, int statement_timeout, bool count_sessions) {
    const std::string script = BeginScript(server.limits, statement_timeout, count_sessions);
    lease.Use();
    const auto begin = [&] {
        return ReadCondition(ToRows(lease.remote().RunScript(script, server.limits.connect_timeout)));
    };
    try {
        return begin();
    } catch (const pg::RemoteError& error) {
        // A connection that was kept may have died since.
        if (!error.lost() || lease.fresh()) Rethrow(server, error);
    }
    lease.Reconnect();
    try {
        return begin();
    } catch (const pg::RemoteError& error) {
        Rethrow(server, error);
    }
}

// Ends the remote transaction: afterwards the connection can be kept.
void End(const Server& server, Lease& lease) {
    try {
        // What a definition's functions may have set for the session does not meet the next one.
        lease.remote().RunScript(
            "COMMIT; SET SESSION AUTHORIZATION DEFAULT; RESET ALL;"
            " SELECT pg_catalog.pg_advisory_unlock_all()",
            server.limits.connect_timeout);
    } catch (const pg::RemoteError& error) {
        Rethrow(server, error);
    }
    lease.Keep();
}

void Note(const Condition& condition, Usage& usage) {
    ++usage.queries;
    usage.version = condition.version;
    usage.in_recovery = condition.standby;
    usage.replay_lag_ms = condition.standby ? condition.lag_ms : std::nullopt;
}

std::optional<std::string> Refusal(const Server& server, const Condition& condition) {
    if (const auto reason = PrimaryRefusal(server, condition)) return reason;
    if (const auto reason = LagRefusal(server.limits, condition)) return reason;
    return LoadRefusal(server.limits, condition);
}

std::string RefusalHint(const Server& server, const Condition& condition, const std::string& reason) {
    if (condition.active_sessions || reason != LoadRefusal(server.limits, condition)) return "";
    return "GRANT pg_read_all_stats there to the role of the user mapping.";
}

void VisitOnce(const Server& server, int milliseconds, Usage& usage,
               const std::function<void(Reader&)>& body) {
    const int limit = ShorterLimit(server.limits.statement_timeout, milliseconds);
    Lease lease(server);
    Condition condition;
    for (int look = 1;; ++look) {
        condition = Begin(server, lease, limit, server.limits.max_active_sessions.has_value());
        Note(condition, usage);
        const auto reason = Refusal(server, condition);
        if (!reason) break;
        End(server, lease);
        if (look == kLagLooks || reason != LagRefusal(server.limits, condition))
            throw NotRead(server.name, *reason, sqlstate::kNotReady, RefusalHint(server, condition, *reason));
        Pause(kLagPause);
    }
    RemoteReader reader(server, lease, condition, limit, usage);
    body(reader);
    End(server, lease);
}

// A worker, which holds nothing here meanwhile, spreads its visits over the minutes; a session is refused.
void AwaitTurn(const Server& server) {
    const auto reason = RateRefusal(server);
    if (!reason) return;
    if (pg::InTransaction() || server.limits.max_queries_per_minute == 0) throw NotRead(server.name, *reason);
    Pause(server.next_visit_in);
}

}  // namespace

void ReadServer(const Server& server, int milliseconds, Usage& usage,
                const std::function<void(Reader&)>& body) {
    AwaitTurn(server);
    const std::optional<pg::SessionLock> lock = Lock(server);
    for (int attempt = 1;; ++attempt) {
        try {
            return VisitOnce(server, milliseconds, usage, body);
        } catch (const Conflict& conflict) {
            if (attempt > server.limits.conflict_retries)
                throw NotRead(server.name,
                              "conflict with recovery, " + std::to_string(attempt) +
                                  (attempt == 1 ? " time" : " times"),
                              conflict.state().c_str(), conflict.hint());
        }
        Pause(BackOff(attempt, RandomFraction()));
    }
}

void Examine(const Server& server, Usage& usage, const std::function<void(Reader&, const Condition&)>& body) {
    Lease lease(server);
    const Condition condition = Begin(server, lease, server.limits.statement_timeout, true);
    Note(condition, usage);
    RemoteReader reader(server, lease, condition, server.limits.statement_timeout, usage);
    body(reader, condition);
}

bool InUse(const Server& server) {
    return !pg::OnStandby() && !TryLock(server);
}

void NoteFailure(Usage& usage) {
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
