// A server of pulse_source as a visit needs it, and what its guard rails say. Pure.
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
    bool password_required = false;  // the role is no superuser
    SourceLimits limits;
    int recent_visits = 0;     // within the last minute
    int next_visit_in = 0;     // ms until the oldest of them is a minute old
    bool was_standby = false;  // at the last visit that went well
};

// What a server says of itself at the begin of a visit.
struct ServerStatus {
    int version = 0;  // as 150004
    bool standby = false;
    bool replay_paused = false;
    std::optional<double> lag_ms;              // empty: unknown
    std::optional<int64_t> active_sessions;    // of others; empty: we may not see them
    std::optional<std::string> pulse_version;  // of the extension there, when its aggregates may be called
};

// The statements that begin a visit: one round trip, one row for ReadServerStatus().
std::string BeginScript(const SourceLimits& limits, int statement_timeout, bool count_sessions);
ServerStatus ReadServerStatus(const Rows& rows);

// Why a server in this status is not to be read, without the words about which server; empty when it may
// be.
std::optional<std::string> PrimaryRefusal(const Server& server, const ServerStatus& status);
std::optional<std::string> LagRefusal(const SourceLimits& limits, const ServerStatus& status);
std::optional<std::string> LoadRefusal(const SourceLimits& limits, const ServerStatus& status);
std::optional<std::string> RateRefusal(const Server& server);
std::optional<std::string> CostRefusal(const SourceLimits& limits, double cost);

// The shorter of two limits, where 0 is none.
int ShorterLimit(int a, int b);

// Whether a statement begins as one that only reads: SELECT, WITH, VALUES, TABLE, SHOW, EXPLAIN.
bool BeginsAsRead(const std::string& sql);
// Whether EXPLAIN can stand before it.
bool CanBeExplained(const std::string& sql);

// How long to wait before the `attempt`-th repetition (from 1): doubling, with a share `random` in [0,1) of
// jitter.
int RetryDelay(int attempt, double random);

// A refusal as an error that names the source.
Unavailable MakeUnavailable(const std::string& source, const std::string& reason,
                            const char* state = sqlstate::kNotReady, const std::string& hint = "");

}  // namespace pulse::source
