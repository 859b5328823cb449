// A server of pulse_source and its guard rails. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pulse/source/options.hpp"
#include "pulse/source/reader.hpp"

namespace pulse::source {

// One server and the role that reads it.
struct Server {
    uint32_t oid = 0;
    std::string name;
    std::string role;
    OptionList parameters;           // of libpq, with the password
    bool password_required = false;  // the role is not a superuser
    SourceLimits limits;
    int recent_visits = 0;     // within the last minute
    int next_visit_in = 0;     // ms until the oldest of them is a minute old
    bool was_standby = false;  // at the last successful visit
};

// The status of a server at the beginning of a visit.
struct ServerStatus {
    int version = 0;  // as 150004
    bool standby = false;
    bool replay_paused = false;
    std::optional<double> lag_ms;              // empty: unknown
    std::optional<int64_t> active_sessions;    // of others; empty: no privilege to see them
    std::optional<std::string> pulse_version;  // of the extension there, if its aggregates can be called
};

// The statements that begin a visit: one round trip that returns one row for ReadServerStatus().
std::string BeginScript(const SourceLimits& limits, int statement_timeout, bool count_sessions);
ServerStatus ReadServerStatus(const Rows& rows);

// Why the server must not be read, without the name of the server; empty if it may be read.
std::optional<std::string> PrimaryRefusal(const Server& server, const ServerStatus& status);
std::optional<std::string> LagRefusal(const SourceLimits& limits, const ServerStatus& status);
std::optional<std::string> LoadRefusal(const SourceLimits& limits, const ServerStatus& status);
std::optional<std::string> RateRefusal(const Server& server);
std::optional<std::string> CostRefusal(const SourceLimits& limits, double cost);

// The shorter of two limits; 0 means no limit.
int ShorterLimit(int a, int b);

// Whether a statement begins with a read-only command: SELECT, WITH, VALUES, TABLE, SHOW, EXPLAIN.
bool BeginsAsRead(const std::string& sql);
// Whether EXPLAIN accepts the statement.
bool CanBeExplained(const std::string& sql);

// The delay before retry number `attempt` (from 1): doubles each time, with jitter by `random` in [0,1).
int ReconnectDelay(int attempt, double random);

// Make an error of a refusal that names the source.
Unavailable MakeUnavailable(const std::string& source, const std::string& reason,
                            const char* state = sqlstate::kNotReady, const std::string& hint = "");

// An error of a definition on one of several servers: with the name of the source.
UserError OnSource(const std::string& source, const UserError& error);

}  // namespace pulse::source
